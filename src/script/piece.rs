//! The pieces of a text, with their places in it. The engine's own lexer gives neither the end of a token
//! nor anything after the first mistake, and both are needed while somebody types; a test compares the two.

use std::iter::Peekable;
use std::str::CharIndices;

/// What a piece is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PieceKind {
    Space,
    Comment,
    /// In quotes, or a stretch of a text in backticks between what is put into it.
    Text,
    Number,
    Word,
    /// A word of the language.
    Keyword,
    /// Brackets, operators, and everything else.
    Mark,
}

/// A stretch of a text; the pieces of a text follow each other without gaps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Piece {
    pub kind: PieceKind,
    /// In bytes.
    pub start: usize,
    pub end: usize,
    /// A text or a comment that the end of everything cut off.
    pub open: bool,
}

impl Piece {
    /// Its stretch of the text that was taken apart.
    #[must_use]
    pub fn of(self, text: &str) -> &str {
        text.get(self.start..self.end).unwrap_or_default()
    }
}

/// Whether the piece `n` is called: its arguments follow at once.
#[must_use]
pub fn is_called(text: &str, pieces: &[Piece], n: usize) -> bool {
    pieces.get(n + 1).is_some_and(|next| next.of(text) == "(")
}

/// The words of the language.
pub const KEYWORDS: &[&str] = &[
    "as", "break", "catch", "const", "continue", "do", "else", "export", "false", "fn", "for", "if", "import", "in", "let",
    "loop", "private", "return", "switch", "this", "throw", "true", "try", "until", "while",
];

/// Marks of several characters; the longest that fits is taken.
const MARKS: &[&str] = &["..=", "#{", "?.", "?[", "::", "..", "=>", "==", "!=", "<=", ">=", "&&", "||", "??"];

/// Takes a text apart.
#[must_use]
pub fn pieces(text: &str) -> Vec<Piece> {
    let mut scanner = Scanner { text, chars: text.char_indices().peekable(), pieces: Vec::new(), in_texts: Vec::new() };
    while let Some(&(start, first)) = scanner.chars.peek() {
        scanner.next(start, first);
    }
    scanner.pieces
}

struct Scanner<'t> {
    text: &'t str,
    chars: Peekable<CharIndices<'t>>,
    pieces: Vec<Piece>,
    /// For each text in backticks that something is being put into: how many curly brackets are open in that.
    in_texts: Vec<usize>,
}

impl Scanner<'_> {
    fn next(&mut self, start: usize, first: char) {
        let rest = self.rest(start);
        if first.is_whitespace() {
            self.skip_while(char::is_whitespace);
            self.add(PieceKind::Space, start, false);
        } else if rest.starts_with("//") {
            self.skip_while(|c| c != '\n');
            // More of it can be written only on this line.
            let open = self.chars.peek().is_none();
            self.add(PieceKind::Comment, start, open);
        } else if rest.starts_with("/*") {
            let open = self.block_comment();
            self.add(PieceKind::Comment, start, open);
        } else if first == '"' || first == '\'' {
            let open = self.quoted(first);
            self.add(PieceKind::Text, start, open);
        } else if first == '`' {
            self.chars.next();
            self.backticks(start);
        } else if let Some(fence) = raw_fence(rest) {
            self.raw(start, fence);
        } else if first.is_ascii_digit() {
            self.number();
            self.add(PieceKind::Number, start, false);
        } else if is_of_word(first) {
            self.skip_while(is_of_word);
            let keyword = self.text.get(start..self.at()).is_some_and(|word| KEYWORDS.contains(&word));
            self.add(if keyword { PieceKind::Keyword } else { PieceKind::Word }, start, false);
        } else {
            self.mark(start, first);
        }
    }

    fn mark(&mut self, start: usize, first: char) {
        let long = MARKS.iter().find(|mark| self.rest(start).starts_with(**mark));
        let count = long.map_or(1, |mark| mark.len());
        self.skip(count);
        self.add(PieceKind::Mark, start, false);
        match (first, self.in_texts.last_mut()) {
            ('{' | '#', Some(depth)) if first == '{' || long == Some(&"#{") => *depth += 1,
            ('}', Some(0)) => {
                self.in_texts.pop();
                let start = self.at();
                self.backticks(start);
            }
            ('}', Some(depth)) => *depth -= 1,
            _ => {}
        }
    }

    /// The rest of a text in backticks, up to its end or to what is put into it.
    fn backticks(&mut self, start: usize) {
        while let Some(&(at, c)) = self.chars.peek() {
            match c {
                // Two of them are one that the text holds.
                '`' if self.rest(at).starts_with("``") => self.skip(2),
                '`' => {
                    self.chars.next();
                    return self.add(PieceKind::Text, start, false);
                }
                '$' if self.rest(at).starts_with("${") => {
                    self.add(PieceKind::Text, start, false);
                    self.skip(2);
                    self.add(PieceKind::Mark, at, false);
                    self.in_texts.push(0);
                    return;
                }
                // A backslash is one like any other character, but for this.
                '\\' if self.rest(at).starts_with("\\${") => self.skip(3),
                _ => self.skip(1),
            }
        }
        self.add(PieceKind::Text, start, true);
    }

    /// A text that ends with its line. Says whether the end of everything cut it off.
    fn quoted(&mut self, quote: char) -> bool {
        self.chars.next();
        while let Some(&(at, c)) = self.chars.peek() {
            match c {
                // Two of them stand for one.
                '"' if quote == '"' && self.rest(at).starts_with("\"\"") => self.skip(2),
                // It goes on in the next line when a backslash stands before the line's end.
                '\\' => self.skip(2),
                '\n' => return false,
                c => {
                    self.chars.next();
                    if c == quote {
                        return false;
                    }
                }
            }
        }
        true
    }

    fn raw(&mut self, start: usize, fence: usize) {
        self.skip(fence + 1);
        let end = format!("\"{}", "#".repeat(fence));
        let from = self.at();
        let found = self.rest(from).find(&end);
        let to = found.map_or(self.text.len(), |at| from + at + end.len());
        while self.chars.next_if(|(at, _)| *at < to).is_some() {}
        self.add(PieceKind::Text, start, found.is_none());
    }

    fn block_comment(&mut self) -> bool {
        let mut depth = 0_usize;
        while let Some(&(at, _)) = self.chars.peek() {
            match self.rest(at) {
                rest if rest.starts_with("/*") => depth += 1,
                rest if rest.starts_with("*/") => depth -= 1,
                _ => {
                    self.chars.next();
                    continue;
                }
            }
            self.skip(2);
            if depth == 0 {
                return false;
            }
        }
        true
    }

    fn number(&mut self) {
        self.skip_while(is_of_word);
        let dot = self.at();
        let mut after = self.rest(dot).chars();
        if after.next() == Some('.') && after.next().is_some_and(|c| c.is_ascii_digit()) {
            self.chars.next();
            self.skip_while(is_of_word);
        }
    }

    fn skip(&mut self, count: usize) {
        for _ in 0..count {
            self.chars.next();
        }
    }

    fn skip_while(&mut self, fits: impl Fn(char) -> bool) {
        while self.chars.next_if(|(_, c)| fits(*c)).is_some() {}
    }

    fn at(&mut self) -> usize {
        self.chars.peek().map_or(self.text.len(), |(at, _)| *at)
    }

    fn rest(&self, from: usize) -> &str {
        self.text.get(from..).unwrap_or_default()
    }

    fn add(&mut self, kind: PieceKind, start: usize, open: bool) {
        let end = self.at();
        if start < end || open {
            self.pieces.push(Piece { kind, start, end, open });
        }
    }
}

/// How many `#` stand before the quote of a raw text.
fn raw_fence(rest: &str) -> Option<usize> {
    let after = rest.trim_start_matches('#');
    (after.len() < rest.len() && after.starts_with('"')).then(|| rest.len() - after.len())
}

fn is_of_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}
