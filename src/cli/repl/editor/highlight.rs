//! Colours of what is typed. They change no width and no character.

use crate::script::{Piece, PieceKind, Vocabulary, is_called, pieces};

const KEYWORD: &str = "35";
const TEXT: &str = "32";
const NUMBER: &str = "36";
const COMMENT: &str = "2";
const GLOBAL: &str = "1;34";
const FUNCTION: &str = "34";
const COMMAND: &str = "1;36";
const MATCHING: &str = "1;7";

/// The text with colours; `cursor`, in bytes, says which brackets are shown as a pair.
pub fn coloured(text: &str, cursor: usize) -> String {
    let command = if text.starts_with(':') { text.find(char::is_whitespace).unwrap_or(text.len()) } else { 0 };
    let (command, script) = text.split_at(command);
    let mut line = String::with_capacity(text.len() * 2);
    paint(&mut line, command, if command.is_empty() { "" } else { COMMAND });
    let pieces = pieces(script);
    let pair = cursor.checked_sub(command.len()).and_then(|cursor| pair(script, &pieces, cursor));
    for (n, piece) in pieces.iter().enumerate() {
        let stretch = piece.of(script);
        let colour = match piece.kind {
            PieceKind::Comment => COMMENT,
            PieceKind::Text => TEXT,
            PieceKind::Number => NUMBER,
            PieceKind::Keyword => KEYWORD,
            PieceKind::Word if is_called(script, &pieces, n) => FUNCTION,
            PieceKind::Word if Vocabulary::is_global(stretch) && !after_dot(script, &pieces, n) => GLOBAL,
            PieceKind::Mark if pair.is_some_and(|(one, other)| n == one || n == other) => MATCHING,
            PieceKind::Word | PieceKind::Mark | PieceKind::Space => "",
        };
        paint(&mut line, stretch, colour);
    }
    line
}

fn paint(line: &mut String, stretch: &str, colour: &str) {
    if colour.is_empty() {
        line.push_str(stretch);
        return;
    }
    // Each line by itself: what is drawn between two lines must not take the colour.
    for (n, part) in stretch.split('\n').enumerate() {
        if n > 0 {
            line.push('\n');
        }
        if !part.is_empty() {
            line.push_str(&format!("\x1b[{colour}m{part}\x1b[0m"));
        }
    }
}

fn after_dot(script: &str, pieces: &[Piece], n: usize) -> bool {
    let before = n.checked_sub(1).and_then(|before| pieces.get(before));
    before.is_some_and(|before| matches!(before.of(script), "." | "?."))
}

/// The bracket at the cursor, or just before it, and the one that it belongs to.
fn pair(script: &str, pieces: &[Piece], cursor: usize) -> Option<(usize, usize)> {
    let mut open = Vec::new();
    let mut pairs = Vec::new();
    for (n, piece) in pieces.iter().enumerate().filter(|(_, piece)| piece.kind == PieceKind::Mark) {
        match piece.of(script) {
            "(" | "[" | "{" | "#{" | "?[" | "${" => open.push(n),
            ")" | "]" | "}" => pairs.extend(open.pop().map(|opened| (opened, n))),
            _ => {}
        }
    }
    let touches = |n: usize, at: &dyn Fn(&Piece) -> usize| pieces.get(n).is_some_and(|piece| at(piece) == cursor);
    let at = |at: &dyn Fn(&Piece) -> usize| pairs.iter().find(|(one, other)| touches(*one, at) || touches(*other, at)).copied();
    at(&|piece| piece.start).or_else(|| at(&|piece| piece.end))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn without_colours(text: &str) -> String {
        let mut plain = String::new();
        let mut rest = text;
        while let Some((before, after)) = rest.split_once('\x1b') {
            plain.push_str(before);
            rest = after.split_once('m').expect("a whole code").1;
        }
        plain + rest
    }

    /// Colours by the names of their codes: `[35|let]`.
    fn shown(text: &str, cursor: usize) -> String {
        coloured(text, cursor).replace("\x1b[0m", "]").replace("\x1b[", "[").replace('m', "|")
    }

    #[test]
    fn words_texts_and_pairs_have_their_colours() {
        assert_eq!(shown("let x = 5", 0), "[35|let] x = [36|5]");
        assert_eq!(shown("users.find(\"a\")", 0), "[1;34|users].[34|find]([32|\"a\"])");
        assert_eq!(shown("p.users // x", 0), "p.users [2|// x]");
        assert_eq!(shown("`a ${1} b`", 0), "[32|`a ]${[36|1]}[32| b`]");
        assert_eq!(shown("(a)", 3), "[1;7|(]a[1;7|)]");
        assert_eq!(shown(":type 5", 0), "[1;36|:type] [36|5]");
        assert_eq!(shown("/* a\nb", 0), "[2|/* a]\n[2|b]");
    }

    proptest! {
        #[test]
        fn nothing_but_colours_is_added(text in "[^\\x1b]*", cursor in 0..100_usize) {
            prop_assert_eq!(without_colours(&coloured(&text, cursor)), text);
        }
    }
}
