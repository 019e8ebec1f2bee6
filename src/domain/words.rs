//! Words that came from outside, made fit for a terminal, a log line and a table; and words that
//! people type: the nearest known one, and language tags.

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

/// A character as a terminal is given it: what would steer it, break its line or turn text around stands there
/// as a replacement character.
#[must_use]
pub fn visible(c: char) -> char {
    let steers = c.is_control() || matches!(c, '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    if steers { '\u{fffd}' } else { c }
}

/// A text without the mark that some editors put before it.
#[must_use]
pub fn unmarked(text: String) -> String {
    text.strip_prefix('\u{feff}').map(str::to_owned).unwrap_or(text)
}

/// The same of a text that may have lines and tabs.
#[must_use]
pub fn visible_lines(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        let ends_line = c == '\n' || c == '\r' && chars.peek() == Some(&'\n');
        shown.push(if ends_line || c == '\t' { c } else { visible(c) });
    }
    shown
}

/// Marks that turn the text after them around, or stand invisibly before it: lists pasted from a web page or a
/// spreadsheet have them, and no name needs them.
#[must_use]
pub fn turns(c: char) -> bool {
    matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}')
}

/// Whether a text names a language: `nl`, `de-CH`, `zh-Hant` (the plain forms of RFC 5646).
/// Underscores are taken for hyphens, because operating systems write `nl_NL`.
#[must_use]
pub fn language_tag(text: &str) -> Option<String> {
    let tag = text.trim().replace('_', "-");
    let mut parts = tag.split('-');
    let primary = parts.next()?;
    let primary_fine = matches!(primary.len(), 2 | 3) && primary.chars().all(|c| c.is_ascii_alphabetic());
    let fine = primary_fine
        && tag.len() <= 35
        && parts.all(|p| matches!(p.len(), 2..=8) && p.chars().all(|c| c.is_ascii_alphanumeric()));
    fine.then(|| match tag.split_once('-') {
        Some((primary, rest)) => format!("{}-{rest}", primary.to_ascii_lowercase()),
        None => tag.to_ascii_lowercase(),
    })
}

/// A word of a far side without what may be an invitation link: a long query, or a long run of hex digits.
#[must_use]
pub fn without_secrets(word: &str) -> String {
    let cut = match word.split_once('?') {
        Some((before, query)) if query.len() > 20 => format!("{before}?\u{2026}"),
        _ => word.to_owned(),
    };
    let mut shown = String::with_capacity(cut.len());
    let mut run = String::new();
    for c in cut.chars().chain(['\0']) {
        if c.is_ascii_hexdigit() {
            run.push(c);
            continue;
        }
        shown.push_str(if run.len() >= 32 { "\u{2026}" } else { &run });
        run.clear();
        if c != '\0' {
            shown.push(c);
        }
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn language_tags() {
        for (text, tag) in [("nl", "nl"), ("NL", "nl"), ("de_CH", "de-CH"), ("zh-Hant-TW", "zh-Hant-TW")] {
            assert_eq!(language_tag(text).as_deref(), Some(tag));
        }
        for bad in ["", "n", "Dutch!", "nl-", "nl--NL", "nederlands", "n\u{e9}"] {
            assert_eq!(language_tag(bad), None, "{bad}");
        }
    }

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
