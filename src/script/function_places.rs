//! Where a text names its functions and their parameters: the compiler keeps only where they are used.

use rhai::Position;
use std::collections::BTreeMap;

use super::piece::{PieceKind, pieces};

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
        let (mut line, mut column) = (1, 1);
        let (mut after_fn, mut function, mut in_params) = (false, None::<&str>, false);
        for piece in pieces(text) {
            let (said, at) = (piece.of(text), position(line, column));
            match said.rfind('\n') {
                Some(end) => {
                    line += said.matches('\n').count();
                    column = said.get(end..).map_or(1, |last| last.chars().count());
                }
                None => column += said.chars().count(),
            }
            match (piece.kind, said) {
                (PieceKind::Keyword, "fn") => (after_fn, function, in_params) = (true, None, false),
                (PieceKind::Mark, "(") if function.is_some() => in_params = true,
                (PieceKind::Mark, ")" | "{") => (after_fn, function, in_params) = (false, None, false),
                (PieceKind::Word, name) if after_fn => {
                    places.entry(name.to_owned()).or_insert_with(|| Place { at, params: BTreeMap::new() });
                    (after_fn, function) = (false, Some(name));
                }
                (PieceKind::Word, name) if in_params => {
                    if let Some(place) = function.and_then(|function| places.get_mut(function)) {
                        place.params.entry(name.to_owned()).or_insert(at);
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
