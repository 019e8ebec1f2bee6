//! What a chain such as `groups["Grade 5"].members.first()` is, read from its text.

use super::reading::Reading;
use crate::script::catalog::{Entry, EntryKind};
use crate::script::piece::PieceKind;
use crate::script::typing::Type;

/// How far a value is followed through other values.
const DEPTH_MAX: usize = 12;

/// What is called with the brackets that the cursor is in.
pub struct Callee<'a> {
    /// What it is called on; `None` for a function.
    pub object: Option<Type>,
    pub is_method: bool,
    pub name: &'a str,
}

impl<'a> Reading<'a> {
    /// The type of the value that ends with this piece.
    pub fn value_ending_at(&self, end: usize) -> Option<Type> {
        self.ending_at(end, DEPTH_MAX)
    }

    fn ending_at(&self, end: usize, depth: usize) -> Option<Type> {
        let mut start = end;
        loop {
            if matches!(self.mark(start), ")" | "]" | "}") {
                start = self.partner(start)?;
                // The brackets of a call or an index belong to what stands before them.
                let joined = matches!(self.mark(start), "(" | "[" | "?[") && self.ends_value(start);
                if joined {
                    start -= 1;
                    continue;
                }
            }
            if !matches!(self.mark_before(start), "." | "?." | "::") {
                break;
            }
            start = start.checked_sub(2)?;
        }
        let (kind, next) = self.from(start, end + 1, depth)?;
        if next == end + 1 { kind } else { None }
    }

    /// Whether what stands before this piece is the end of a value.
    fn ends_value(&self, n: usize) -> bool {
        let Some(before) = n.checked_sub(1) else { return false };
        matches!(self.mark(before), ")" | "]" | "}") || matches!(self.kind(before), Some(PieceKind::Word | PieceKind::Text))
    }

    /// The type of the chain that begins with this piece and ends before `limit`, and the piece after it.
    /// `None` where it is no chain.
    fn from(&self, start: usize, limit: usize, depth: usize) -> Option<(Option<Type>, usize)> {
        let depth = depth.checked_sub(1)?;
        let (mut kind, mut at) = self.root(start, depth)?;
        while at < limit {
            match self.mark(at) {
                "." | "?." if self.is_word(at + 1) => {
                    let name = self.piece(at + 1);
                    if self.mark(at + 2) == "(" {
                        let closed = self.partner(at + 2)?;
                        let arguments = self.arguments(at + 2, closed);
                        kind = kind.and_then(|of| self.catalog.method(&of, name, arguments).ok().flatten());
                        at = closed + 1;
                    } else {
                        kind = kind.and_then(|of| self.catalog.field(&of, name).ok().flatten());
                        at += 2;
                    }
                }
                "[" | "?[" => {
                    kind = kind.and_then(|of| if of.name == "array" { of.of_row() } else { self.catalog.index(&of) });
                    at = self.partner(at)? + 1;
                }
                _ => break,
            }
        }
        Some((kind, at))
    }

    fn root(&self, start: usize, depth: usize) -> Option<(Option<Type>, usize)> {
        let bare = |name| Type::known(name, None);
        match self.kind(start)? {
            PieceKind::Text => {
                let mut at = start;
                while self.mark(at + 1) == "${" {
                    at = self.partner(at + 1)?;
                    if self.kind(at + 1) == Some(PieceKind::Text) {
                        at += 1;
                    }
                }
                Some((bare("string"), at + 1))
            }
            PieceKind::Number => Some((bare(if self.piece(start).contains('.') { "float" } else { "int" }), start + 1)),
            PieceKind::Word if self.mark(start + 1) == "(" => {
                let closed = self.partner(start + 1)?;
                let arguments = self.arguments(start + 1, closed);
                Some((self.catalog.function(self.piece(start), arguments), closed + 1))
            }
            PieceKind::Word if self.mark(start + 1) == "::" && self.mark(start + 3) == "(" => {
                let closed = self.partner(start + 3)?;
                let module = self.module(self.piece(start));
                let arguments = self.arguments(start + 3, closed);
                let of = module.and_then(|m| self.catalog.library_function(m, self.piece(start + 2), arguments));
                Some((of, closed + 1))
            }
            PieceKind::Word => Some((self.named(self.piece(start), start, depth), start + 1)),
            PieceKind::Mark => {
                let closed = self.partner(start)?;
                match self.mark(start) {
                    "(" => {
                        let (kind, next) = self.from(start + 1, closed, depth)?;
                        let kind = if next == closed { kind } else { self.is_combined(kind, next) };
                        Some((kind, closed + 1))
                    }
                    "[" => Some((bare("array"), closed + 1)),
                    "#{" => Some((bare("map"), closed + 1)),
                    _ => None,
                }
            }
            PieceKind::Keyword | PieceKind::Space | PieceKind::Comment => None,
        }
    }

    /// The module that is imported by that name here: `import "testing" as t`.
    pub fn module(&self, alias: &str) -> Option<&'a str> {
        let import = |n: &usize| self.piece(*n) == "import" && self.piece(n + 2) == "as" && self.piece(n + 3) == alias;
        let name = self.piece((0..self.pieces.len()).find(import)? + 1);
        name.strip_prefix('"')?.strip_suffix('"')
    }

    /// Selections stay selections of the same rows when they are joined or taken from each other.
    fn is_combined(&self, kind: Option<Type>, next: usize) -> Option<Type> {
        kind.filter(|kind| kind.name == "Selection" && matches!(self.mark(next), "+" | "-" | "&"))
    }

    /// The type of the variable of that name as the piece `at` sees it.
    fn named(&self, name: &str, at: usize, depth: usize) -> Option<Type> {
        for n in (0..at).rev() {
            if self.piece(n) != name || !self.is_word(n) {
                continue;
            }
            if let Some(kind) = self.declared(n, at, depth) {
                return kind;
            }
        }
        if let Some(variable) = self.variables.iter().rev().find(|v| v.name == name) {
            return variable.kind.clone();
        }
        self.catalog.global(name)
    }

    /// What a word is where it stands for a new variable that `at` sees; `None` where it doesn't.
    fn declared(&self, n: usize, at: usize, depth: usize) -> Option<Option<Type>> {
        let before = n.checked_sub(1)?;
        let visible = self.is_inside(self.around(n), Some(at));
        if visible && matches!(self.piece(before), "let" | "const") && self.kind(before) == Some(PieceKind::Keyword) {
            let value = if self.mark(n + 1) == "=" { self.from(n + 2, at, depth) } else { None };
            return Some(value.and_then(|(kind, next)| {
                let whole = next >= at || self.mark(next) == ";" || self.mark(next).is_empty();
                if whole { kind } else { self.is_combined(kind, next) }
            }));
        }
        if self.piece(before) == "for" && self.piece(n + 1) == "in" {
            // Looked at before the value is, so that one name is never followed twice.
            let body = (n + 2..at).find(|body| self.mark(*body) == "{" && self.around(*body) == self.around(n))?;
            let inside = self.is_inside(Some(body), Some(at));
            return inside.then(|| self.from(n + 2, at, depth).and_then(|(kind, _)| kind?.of_row()));
        }
        let parameter = matches!(self.mark(before), "|" | ",") && matches!(self.mark(n + 1), "|" | ",");
        if visible && parameter {
            let first = self.mark(before) == "|" && self.opens_closure(before);
            let is_further = self.mark(before) == "," && self.is_of_closure(before);
            return (first || is_further).then(|| if first { self.row_of_call(n, depth) } else { None });
        }
        let params = self.around(n).filter(|bracket| self.mark(*bracket) == "(")?;
        let is_function = params.checked_sub(2).is_some_and(|keyword| self.piece(keyword) == "fn");
        let seen = self.partner(params).is_none_or(|closed| self.is_inside(Some(closed + 1), Some(at)));
        (is_function && seen).then_some(None)
    }

    /// Whether this bar begins the parameters of a closure: it stands where a value could begin.
    fn opens_closure(&self, bar: usize) -> bool {
        bar == 0 || !(self.ends_value(bar) || self.kind(bar - 1) == Some(PieceKind::Number))
    }

    /// Whether this comma stands in the list of a closure's parameters.
    fn is_of_closure(&self, comma: usize) -> bool {
        let mut n = comma;
        while self.mark(n) == "," && n >= 2 && self.is_word(n - 1) {
            n -= 2;
        }
        self.mark(n) == "|" && self.opens_closure(n)
    }

    /// What a closure that is an argument of a call is given: a row of what it is called on.
    fn row_of_call(&self, n: usize, depth: usize) -> Option<Type> {
        let callee = self.callee(self.around(n)?, depth)?;
        let object = callee.object?;
        if object.name == "Groups" && callee.name == "rule" {
            return self.catalog.global("users")?.of_row();
        }
        object.of_row()
    }

    /// What is called with this opening bracket.
    fn callee(&self, bracket: usize, depth: usize) -> Option<Callee<'a>> {
        let name = bracket.checked_sub(1).filter(|name| self.mark(bracket) == "(" && self.is_word(*name))?;
        let is_method = matches!(self.mark_before(name), "." | "?.");
        let object = if is_method { self.ending_at(name.checked_sub(2)?, depth) } else { None };
        Some(Callee { object, is_method, name: self.piece(name) })
    }

    /// What is called with the bracket that is open at this piece.
    pub fn called_with(&self, bracket: usize) -> Option<Callee<'a>> {
        self.callee(bracket, DEPTH_MAX)
    }

    /// The forms of what is called with the innermost bracket of a call that is open at the end.
    pub fn called(&self) -> Vec<&'a Entry> {
        if self.in_comment {
            return Vec::new();
        }
        let mut open = self.open;
        while let Some(bracket) = open {
            if let Some(callee) = self.called_with(bracket) {
                return self.forms(&callee);
            }
            open = if self.mark(bracket) == "{" { None } else { self.around(bracket) };
        }
        Vec::new()
    }

    /// The forms of a function, those with fewer parameters first.
    pub fn forms(&self, callee: &Callee<'_>) -> Vec<&'a Entry> {
        let fits = |e: &&Entry| match (&callee.object, callee.is_method) {
            (Some(of), _) => e.takes_first(&of.name),
            (None, is_method) => !is_method && !e.is_method(),
        };
        let named = self.catalog.entries().iter().filter(|e| e.kind == EntryKind::Function && e.name == callee.name);
        let mut forms: Vec<&Entry> = named.filter(fits).collect();
        forms.sort_by_key(|form| form.params.len());
        forms
    }
}
