//! Where a text names its functions and their parameters: the compiler keeps only where they are used.

use std::collections::BTreeMap;
use std::iter::Peekable;
use std::str::Chars;

use rhai::Position;

/// The places of the names of functions and parameters.
#[derive(Default)]
pub struct FunctionPlaces(BTreeMap<String, Place>);

struct Place {
    at: Position,
    params: BTreeMap<String, Position>,
}

impl FunctionPlaces {
    pub fn of(text: &str) -> Self {
        let mut places: BTreeMap<String, Place> = BTreeMap::new();
        let mut words = Words { chars: text.chars().peekable(), line: 1, column: 0 };
        let (mut after_fn, mut function, mut in_params) = (false, None::<String>, false);
        while let Some((word, at)) = words.next_word() {
            match word.as_str() {
                "fn" => (after_fn, function, in_params) = (true, None, false),
                "(" if function.is_some() => in_params = true,
                ")" | "{" => (after_fn, function, in_params) = (false, None, false),
                _ if after_fn && word.starts_with(|c: char| c.is_alphabetic() || c == '_') => {
                    places.entry(word.clone()).or_insert_with(|| Place { at, params: BTreeMap::new() });
                    (after_fn, function) = (false, Some(word));
                }
                _ if in_params => {
                    if let Some(place) = function.as_ref().and_then(|name| places.get_mut(name)) {
                        place.params.entry(word).or_insert(at);
                    }
                }
                _ => {}
            }
        }
        Self(places)
    }

    /// The first function of that name.
    pub fn function(&self, name: &str) -> Position {
        self.0.get(name).map_or(Position::NONE, |place| place.at)
    }

    pub fn parameter(&self, function: &str, name: &str) -> Position {
        let place = self.0.get(function);
        place.and_then(|place| place.params.get(name)).copied().unwrap_or_else(|| self.function(function))
    }
}

/// The words and signs of a text, without its comments and what stands in quotes.
struct Words<'a> {
    chars: Peekable<Chars<'a>>,
    line: usize,
    column: usize,
}

impl Words<'_> {
    fn next(&mut self) -> Option<char> {
        let c = self.chars.next()?;
        if c == '\n' {
            self.line += 1;
            self.column = 0;
        } else {
            self.column += 1;
        }
        Some(c)
    }

    fn next_word(&mut self) -> Option<(String, Position)> {
        loop {
            let c = self.next()?;
            let at = position(self.line, self.column);
            match c {
                '"' | '`' | '\'' => self.quoted(c),
                '/' if self.chars.peek() == Some(&'/') => while self.next().is_some_and(|c| c != '\n') {},
                '/' if self.chars.peek() == Some(&'*') => self.comment(),
                c if c.is_whitespace() => {}
                c if c.is_alphanumeric() || c == '_' => {
                    let mut word = String::from(c);
                    while let Some(c) = self.chars.peek().copied().filter(|c| c.is_alphanumeric() || *c == '_') {
                        word.push(c);
                        self.next();
                    }
                    return Some((word, at));
                }
                sign => return Some((sign.to_string(), at)),
            }
        }
    }

    fn quoted(&mut self, quote: char) {
        while let Some(c) = self.next() {
            match c {
                '\\' if quote != '`' => {
                    self.next();
                }
                c if c == quote => return,
                _ => {}
            }
        }
    }

    /// Comments stand inside each other.
    fn comment(&mut self) {
        let (mut depth, mut before) = (0_usize, '/');
        while let Some(c) = self.next() {
            match (before, c) {
                ('/', '*') => {
                    depth += 1;
                    before = ' ';
                    continue;
                }
                ('*', '/') => {
                    depth = depth.saturating_sub(1);
                    before = ' ';
                    if depth == 0 {
                        return;
                    }
                    continue;
                }
                _ => {}
            }
            before = c;
        }
    }
}

fn position(line: usize, column: usize) -> Position {
    match (u16::try_from(line), u16::try_from(column)) {
        (Ok(line @ 1..), Ok(column)) => Position::new(line, column),
        _ => Position::NONE,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_found_and_not_in_comments_or_texts() {
        let text = "/* fn a(x) /* fn b */ */ // fn c(x)\nlet s = \"fn d(x)\";\nprivate fn greet(name, _how) { `fn e(${name})` }\nfn f() {}";
        let places = FunctionPlaces::of(text);
        assert_eq!(places.function("greet"), Position::new(3, 12));
        assert_eq!(places.parameter("greet", "_how"), Position::new(3, 24));
        assert_eq!(places.function("f"), Position::new(4, 4));
        for name in ["a", "b", "c", "d", "e"] {
            assert!(places.function(name).is_none(), "{name}");
        }
    }
}
