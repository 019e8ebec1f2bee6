//! The paths that a piece of code names, in `use` trees and in the middle of expressions.

/// One path, as it is meant: `super::` and `self::` are resolved.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Name {
    /// From the crate's root when `ours`, else beginning with a crate or a name in scope.
    pub path: Vec<String>,
    pub ours: bool,
    pub line: usize,
}

impl Name {
    /// Whether the path ends in these segments.
    pub fn ends_with(&self, tail: &[&str]) -> bool {
        self.path.len() >= tail.len() && self.path[self.path.len() - tail.len()..].iter().eq(tail)
    }

    pub fn text(&self) -> String {
        self.path.join("::")
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Token {
    Word(String),
    /// `::`
    Sep,
    Other(char),
}

/// Every path of two or more segments that `code` names, which is the module `module`.
pub fn names(code: &str, module: &[String]) -> Vec<Name> {
    let tokens = tokens(code);
    let mut reader = Reader { tokens: &tokens, module: module.to_vec(), found: Vec::new() };
    reader.read();
    reader.found
}

fn tokens(code: &str) -> Vec<(Token, usize)> {
    let mut out = Vec::new();
    let mut line = 1;
    let mut rest = code.chars().peekable();
    while let Some(c) = rest.next() {
        if c == '\n' {
            line += 1;
        } else if c.is_alphabetic() || c == '_' {
            let mut word = String::from(c);
            while let Some(next) = rest.next_if(|n| n.is_alphanumeric() || *n == '_') {
                word.push(next);
            }
            out.push((Token::Word(word), line));
        } else if c == ':' && rest.next_if_eq(&':').is_some() {
            out.push((Token::Sep, line));
        } else if !c.is_whitespace() {
            out.push((Token::Other(c), line));
        }
    }
    out
}

struct Reader<'a> {
    tokens: &'a [(Token, usize)],
    module: Vec<String>,
    found: Vec<Name>,
}

impl Reader<'_> {
    fn token(&self, at: usize) -> Option<&Token> {
        self.tokens.get(at).map(|(token, _)| token)
    }

    fn word(&self, at: usize) -> Option<&str> {
        match self.token(at) {
            Some(Token::Word(word)) => Some(word),
            _ => None,
        }
    }

    fn is(&self, at: usize, c: char) -> bool {
        self.token(at) == Some(&Token::Other(c))
    }

    fn read(&mut self) {
        let mut depth = 0_usize;
        // Modules written inside of the file, with the depth at which each began.
        let mut inner: Vec<usize> = Vec::new();
        let mut at = 0;
        while at < self.tokens.len() {
            if self.is(at, '{') {
                depth += 1;
                if at >= 2 && self.word(at - 2) == Some("mod") {
                    let name = self.word(at - 1).unwrap_or_default().to_owned();
                    self.module.push(name);
                    inner.push(depth);
                }
            } else if self.is(at, '}') {
                if inner.last() == Some(&depth) {
                    inner.pop();
                    self.module.pop();
                }
                depth = depth.saturating_sub(1);
            }
            let goes_on = at > 0 && self.token(at - 1) == Some(&Token::Sep);
            // A path may begin with `::`, but after a word or `>` that is the middle of one.
            let from_root = goes_on && !(at > 1 && (self.word(at - 2).is_some() || self.is(at - 2, '>')));
            let begins = self.word(at).is_some() && self.token(at + 1) == Some(&Token::Sep) && (!goes_on || from_root);
            at = if begins { self.tree(at, &[]) } else { at + 1 };
        }
    }

    /// Reads one path or tree of paths that begins at `at`, and returns where it ends.
    fn tree(&mut self, mut at: usize, before: &[String]) -> usize {
        let mut path = before.to_vec();
        let line = self.tokens.get(at).map_or(0, |(_, line)| *line);
        loop {
            if let Some(word) = self.word(at) {
                path.push(word.to_owned());
            } else if self.is(at, '*') {
                path.push("*".to_owned());
            } else {
                break;
            }
            at += 1;
            if self.token(at) != Some(&Token::Sep) {
                break;
            }
            at += 1;
            if self.is(at, '{') {
                return self.group(at + 1, &path);
            }
        }
        self.keep(path, line);
        at
    }

    /// Reads `a, b::c, …}` after `path::{`, and returns where it ends.
    fn group(&mut self, mut at: usize, path: &[String]) -> usize {
        while at < self.tokens.len() && !self.is(at, '}') {
            if self.word(at) == Some("as") {
                at += 2;
            } else if self.word(at).is_some() || self.is(at, '*') {
                at = self.tree(at, path);
            } else {
                at += 1;
            }
        }
        at + 1
    }

    fn keep(&mut self, mut path: Vec<String>, line: usize) {
        // `{self, …}` names what stands before the brace.
        if path.len() > 1 && path.last().is_some_and(|last| last == "self") {
            path.pop();
        }
        let ours = matches!(path.first().map(String::as_str), Some("crate" | "beckon" | "self" | "super"));
        let mut from = self.module.clone();
        let mut rest = path.as_slice();
        if matches!(path.first().map(String::as_str), Some("crate" | "beckon")) {
            from.clear();
            rest = &path[1..];
        } else {
            while let Some((first, more)) = rest.split_first() {
                match first.as_str() {
                    "self" => {}
                    "super" => drop(from.pop()),
                    _ => break,
                }
                rest = more;
            }
        }
        let path = if ours { [from, rest.to_vec()].concat() } else { path };
        self.found.push(Name { path, ours, line });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(code: &str) -> Vec<String> {
        let module = ["store".to_owned(), "outbox".to_owned()];
        names(code, &module).iter().map(|n| format!("{}{}", if n.ours { "" } else { "~" }, n.text())).collect()
    }

    #[test]
    fn trees_are_taken_apart() {
        assert_eq!(named("use crate::ports::mail::Mail;"), ["ports::mail::Mail"]);
        assert_eq!(
            named("pub use crate::{domain::ids::{self, UserId as U}, script::*};"),
            ["domain::ids", "domain::ids::UserId", "script::*"]
        );
        assert_eq!(named("use std::{fs, net::TcpStream};"), ["~std::fs", "~std::net::TcpStream"]);
    }

    #[test]
    fn paths_in_the_middle_of_code_count() {
        assert_eq!(named("let x = crate::host::Host::new(1);"), ["host::Host::new"]);
        assert_eq!(named("f::<crate::cli::Args>()"), ["~f", "cli::Args"]);
        assert_eq!(named("(::rusqlite::Connection)"), ["~rusqlite::Connection"]);
        assert_eq!(named("beckon::channels::mail::X"), ["channels::mail::X"]);
    }

    #[test]
    fn climbing_out_of_the_room_is_seen() {
        assert_eq!(named("use super::journal;"), ["store::journal"]);
        assert_eq!(named("use super::super::host::Host;"), ["host::Host"]);
        assert_eq!(named("mod inner { use super::super::super::cli::X; } use self::a::B;"), ["cli::X", "store::outbox::a::B"]);
    }

    #[test]
    fn lines_are_counted() {
        assert_eq!(names("\n\nuse crate::\n a::b;", &[])[0].line, 3);
    }
}
