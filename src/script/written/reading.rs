//! A text up to the cursor: its significant pieces, and which brackets each of them stands in.

use crate::script::catalog::Catalog;
use crate::script::piece::{Piece, PieceKind, pieces};
use crate::script::typing::Type;

/// A variable that earlier lines made, with the type of the value that it has now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Variable {
    pub name: String,
    /// `None` for what only a run can tell.
    pub kind: Option<Type>,
}

pub struct Reading<'a> {
    pub catalog: &'a Catalog,
    pub variables: &'a [Variable],
    pub text: &'a str,
    /// Without spaces and comments.
    pub pieces: Vec<Piece>,
    /// The cursor is in a comment.
    pub in_comment: bool,
    /// For each piece, the innermost bracket that is open around it.
    around: Vec<Option<usize>>,
    /// For each closing bracket the one that it closes, and the other way round.
    partners: Vec<Option<usize>>,
    /// The innermost bracket that is open at the end.
    pub open: Option<usize>,
}

impl<'a> Reading<'a> {
    pub fn new(catalog: &'a Catalog, variables: &'a [Variable], text: &'a str) -> Self {
        let all = pieces(text);
        let in_comment = all.last().is_some_and(|last| last.kind == PieceKind::Comment && last.open);
        let pieces: Vec<Piece> = all.into_iter().filter(|p| !matches!(p.kind, PieceKind::Space | PieceKind::Comment)).collect();
        let mut open: Vec<usize> = Vec::new();
        let mut around = Vec::with_capacity(pieces.len());
        let mut partners = vec![None; pieces.len()];
        for (n, piece) in pieces.iter().enumerate() {
            let mark = if piece.kind == PieceKind::Mark { piece.of(text) } else { "" };
            if matches!(mark, ")" | "]" | "}")
                && let Some(opened) = open.pop()
            {
                partners[n] = Some(opened);
                partners[opened] = Some(n);
            }
            around.push(open.last().copied());
            if matches!(mark, "(" | "[" | "{" | "#{" | "?[" | "${") {
                open.push(n);
            }
        }
        let open = open.pop();
        Self { catalog, variables, text, pieces, in_comment, around, partners, open }
    }

    /// The text of a piece; nothing for one that isn't there.
    pub fn piece(&self, n: usize) -> &'a str {
        self.pieces.get(n).map_or("", |p| p.of(self.text))
    }

    pub fn kind(&self, n: usize) -> Option<PieceKind> {
        self.pieces.get(n).map(|p| p.kind)
    }

    /// The text of a mark; nothing for any other piece.
    pub fn mark(&self, n: usize) -> &'a str {
        if self.kind(n) == Some(PieceKind::Mark) { self.piece(n) } else { "" }
    }

    /// The mark before a piece.
    pub fn mark_before(&self, n: usize) -> &'a str {
        n.checked_sub(1).map_or("", |before| self.mark(before))
    }

    pub fn is_word(&self, n: usize) -> bool {
        self.kind(n) == Some(PieceKind::Word)
    }

    pub fn around(&self, n: usize) -> Option<usize> {
        self.around.get(n).copied().flatten()
    }

    pub fn partner(&self, n: usize) -> Option<usize> {
        self.partners.get(n).copied().flatten()
    }

    /// Whether what stands inside the bracket `scope` (`None`: in no bracket) is seen where `at` stands, or
    /// at the end of the text.
    pub fn is_inside(&self, scope: Option<usize>, at: Option<usize>) -> bool {
        let mut around = at.map_or(self.open, |at| self.around(at));
        loop {
            match around {
                same if same == scope => return true,
                // A bracket is always around by one that stands before it.
                Some(bracket) => around = self.around(bracket),
                None => return false,
            }
        }
    }

    /// How many commas stand between a bracket and the piece `end`, in no other bracket.
    pub fn commas(&self, bracket: usize, end: usize) -> usize {
        (bracket + 1..end).filter(|n| self.around(*n) == Some(bracket) && self.mark(*n) == ",").count()
    }

    /// How many arguments a call has whose brackets are closed.
    pub fn arguments(&self, bracket: usize, closed: usize) -> usize {
        if closed == bracket + 1 { 0 } else { self.commas(bracket, closed) + 1 }
    }
}
