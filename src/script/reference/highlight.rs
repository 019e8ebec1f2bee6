//! The colours of a script on a page.

/// What a stretch of a script is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ink {
    Plain,
    Comment,
    Text,
    Number,
    Keyword,
    /// A name that is called.
    Call,
}

const KEYWORDS: &[&str] = &[
    "let", "const", "if", "else", "switch", "for", "in", "while", "loop", "do", "until", "break", "continue", "return", "throw",
    "try", "catch", "fn", "private", "import", "export", "as", "this", "true", "false",
];

/// Stretches of a script with what they are; together they are the script.
pub fn stretches(script: &str) -> Vec<(Ink, &str)> {
    let mut found: Vec<(Ink, &str)> = Vec::new();
    let mut rest = script;
    while let Some(first) = rest.chars().next() {
        let (ink, length) = stretch(rest, first);
        let (piece, after) = rest.split_at(length);
        found.push((ink, piece));
        rest = after;
    }
    found
}

fn stretch(rest: &str, first: char) -> (Ink, usize) {
    let until = |ends: fn(char) -> bool| rest.find(ends).unwrap_or(rest.len());
    if rest.starts_with("//") {
        return (Ink::Comment, until(|c| c == '\n'));
    }
    match first {
        '"' | '`' | '\'' => (Ink::Text, quoted(rest, first)),
        '0'..='9' => (Ink::Number, until(|c| !c.is_ascii_alphanumeric() && c != '_')),
        c if c.is_alphabetic() || c == '_' => {
            let length = until(|c| !c.is_alphanumeric() && c != '_');
            let (word, after) = rest.split_at(length);
            let ink = match after.chars().next() {
                _ if KEYWORDS.contains(&word) => Ink::Keyword,
                Some('(') => Ink::Call,
                _ => Ink::Plain,
            };
            (ink, length)
        }
        other => (Ink::Plain, other.len_utf8()),
    }
}

/// The length of a text in quotes; one that is not closed goes to the end.
fn quoted(rest: &str, quote: char) -> usize {
    let mut escaped = false;
    for (at, c) in rest.char_indices().skip(1) {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            c if c == quote => return at + c.len_utf8(),
            _ => {}
        }
    }
    rest.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stretches_are_the_whole_script() {
        let script = "let é = days(3); // \"x\"\nprint(`a\\`b`);\n\"open";
        let found = stretches(script);
        assert_eq!(found.iter().map(|(_, piece)| *piece).collect::<String>(), script);
        for wanted in [(Ink::Keyword, "let"), (Ink::Call, "days"), (Ink::Number, "3"), (Ink::Comment, "// \"x\"")] {
            assert!(found.contains(&wanted), "{wanted:?}");
        }
        assert!(found.contains(&(Ink::Text, "`a\\`b`")) && found.ends_with(&[(Ink::Text, "\"open")]));
    }
}
