//! Words that came from outside, made fit for a terminal, a log line and a table.

/// More than this of a far side's words says nothing more.
pub const FOREIGN_MAX: usize = 200;

/// One line of at most [`FOREIGN_MAX`] characters: control characters, line ends and marks that turn
/// or hide text become single spaces, and what is cut off ends with `…`.
#[must_use]
pub fn foreign(text: &str) -> String {
    let mut line = String::new();
    let mut length = 0;
    let mut gap = false;
    for c in text.chars() {
        if c.is_whitespace() || c.is_control() || turns_or_hides(c) {
            gap = length > 0;
            continue;
        }
        let needs = if gap { 2 } else { 1 };
        if length + needs > FOREIGN_MAX - 1 {
            line.push('…');
            break;
        }
        if gap {
            line.push(' ');
        }
        line.push(c);
        length += needs;
        gap = false;
    }
    line
}

/// [`foreign`], with every address (`https://…`) taken out: what a server repeats of a request may
/// hold an invitation link or a webhook's secret path.
#[must_use]
pub fn foreign_without_urls(text: &str) -> String {
    let line = foreign(text);
    let said: Vec<&str> = line.split(' ').map(|word| if word.contains("://") { "[address]" } else { word }).collect();
    said.join(" ")
}

/// Zero-width marks, direction overrides and isolates, and line separators that aren't "control".
fn turns_or_hides(c: char) -> bool {
    matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn foreign_words_become_one_plain_line() {
        let cases = [
            ("250 Ok", "250 Ok"),
            ("  two\r\n  lines\t ", "two lines"),
            ("\u{1b}[31mred\u{1b}[0m", "[31mred [0m"),
            ("left\u{202e}thgir", "left thgir"),
            ("zero\u{200b}width", "zero width"),
            ("", ""),
            ("\u{0}\u{7}", ""),
        ];
        for (text, expect) in cases {
            assert_eq!(foreign(text), expect, "{text:?}");
        }
    }

    #[test]
    fn long_words_are_cut_by_characters() {
        let cut = foreign(&"é".repeat(5_000));
        assert_eq!(cut.chars().count(), FOREIGN_MAX);
        assert!(cut.ends_with('…'));
        assert!(foreign(&"a b ".repeat(500)).chars().count() <= FOREIGN_MAX);
    }

    #[test]
    fn addresses_are_taken_out() {
        let said = foreign_without_urls("bad InvitationURL \"https://buy.example/?inviteCode=abc\" in command");
        assert_eq!(said, "bad InvitationURL [address] in command");
    }

    proptest::proptest! {
        #[test]
        fn any_text_is_bounded_and_plain(text in "\\PC*|[\\s\\S]{0,400}") {
            let line = foreign(&text);
            assert!(line.chars().count() <= FOREIGN_MAX);
            assert!(!line.chars().any(|c| c.is_control() || turns_or_hides(c)));
        }
    }
}
