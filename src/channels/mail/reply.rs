//! What a mail server answers, and how much of it may be shown.

use lettre::transport::smtp::response::{Category, Code, Detail, Response, Severity};

use crate::domain::time::Span;
use crate::domain::words::without_secrets;

/// The longest piece of a server's words that is kept.
const WORDS_MAX: usize = 200;

/// One reply, possibly of several lines (RFC 5321 4.2).
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Reply {
    pub code: u16,
    pub lines: Vec<String>,
}

/// An enhanced status code (RFC 3463): class, subject, detail.
pub(super) type Enhanced = (u16, u16, u16);

impl Reply {
    /// The first digit.
    pub fn class(&self) -> u16 {
        self.code / 100
    }

    /// The enhanced status code, where the reply starts with one that agrees with its own class
    /// (RFC 2034 4).
    pub fn enhanced(&self) -> Option<Enhanced> {
        let word = self.lines.first()?.split_whitespace().next()?;
        let mut parts = word.split('.').map(|part| {
            (part.len() <= 3 && part.bytes().all(|b| b.is_ascii_digit())).then(|| part.parse::<u16>().ok()).flatten()
        });
        let code = (parts.next()??, parts.next()??, parts.next()??);
        (parts.next().is_none() && code.0 == self.class()).then_some(code)
    }

    /// The server's words on one line, safe to show and to keep.
    pub fn words(&self) -> String {
        show_words(&format!("{} {}", self.code, self.lines.join(" ")))
    }

    /// A 334 as lettre's login mechanisms read it.
    pub fn as_challenge(&self) -> Option<Response> {
        let code = Code::new(Severity::PositiveIntermediate, Category::Unspecified3, Detail::Four);
        (self.code == 334).then(|| Response::new(code, self.lines.clone()))
    }
}

/// A foreign text on one line: control and direction characters out, white space folded, at most
/// 200 characters. A mail filter that refuses a letter may quote the link in it, and an invitation
/// link is a secret: long queries of URLs and long runs of hex digits are left out.
pub(super) fn show_words(text: &str) -> String {
    let visible: String = text
        .chars()
        .take(4 * WORDS_MAX)
        .map(|c| if c.is_control() || c.is_whitespace() { ' ' } else { c })
        .filter(|c| !matches!(c, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}'))
        .collect();
    let said: Vec<String> = visible.split_whitespace().map(without_secrets).collect();
    let said = said.join(" ");
    if said.chars().count() <= WORDS_MAX {
        return said;
    }
    said.chars().take(WORDS_MAX - 1).chain(['\u{2026}']).collect()
}

/// The wait a server asks for in words (`try again in 300 seconds`, `… in 5 minutes`), at most four
/// hours. SMTP has no field for it; greylisting servers say it so.
pub(super) fn asked_wait(words: &str) -> Option<Span> {
    let lower = words.to_ascii_lowercase();
    let tokens: Vec<&str> = lower.split(|c: char| !c.is_ascii_alphanumeric()).filter(|t| !t.is_empty()).collect();
    tokens.windows(3).find_map(|three| {
        let [before, number, unit] = three else { return None };
        if !matches!(*before, "in" | "after" | "for") {
            return None;
        }
        let n: i64 = number.parse().ok()?;
        let seconds = match *unit {
            "s" | "sec" | "secs" | "second" | "seconds" => n,
            "m" | "min" | "mins" | "minute" | "minutes" => n.checked_mul(60)?,
            "h" | "hour" | "hours" => n.checked_mul(3_600)?,
            _ => return None,
        };
        (1..=4 * 3_600).contains(&seconds).then(|| Span::seconds(seconds))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reply(code: u16, line: &str) -> Reply {
        Reply { code, lines: vec![line.to_owned()] }
    }

    #[test]
    fn an_enhanced_code_is_read_only_where_it_agrees_with_the_reply() {
        assert_eq!(reply(550, "5.1.1 no such user").enhanced(), Some((5, 1, 1)));
        assert_eq!(reply(550, "5.1.10").enhanced(), Some((5, 1, 10)));
        for other in ["4.1.1 no", "no such user", "5.1", "5.1.1.1 x", "5.1.1234 x", "", "5..1 x", "5.+1.1"] {
            assert_eq!(reply(550, other).enhanced(), None, "{other}");
        }
    }

    #[test]
    fn words_are_one_short_line_without_controls() {
        let hostile = Reply { code: 550, lines: vec!["a\u{1b}[31m\tb".into(), "c\u{202e}d".into()] };
        assert_eq!(hostile.words(), "550 a [31m b cd");
        let long = reply(250, &"\u{e9}x ".repeat(4000)).words();
        assert_eq!(long.chars().count(), 200);
    }

    #[test]
    fn words_never_repeat_an_invitation_link() {
        let code = "0b7d1f5c2e9a4c66b1d0a87e54f3c912";
        let quoted = reply(554, &format!("5.7.1 blocked https://buy.example/x?inviteCode={code}&mt=8 or {code}")).words();
        assert_eq!(quoted, "554 5.7.1 blocked https://buy.example/x?\u{2026} or \u{2026}");
        assert_eq!(reply(250, "2.0.0 Ok: queued as 4F1ABC").words(), "250 2.0.0 Ok: queued as 4F1ABC");
    }

    #[test]
    fn a_wait_is_taken_from_the_words() {
        let check = |words, seconds: Option<i64>| assert_eq!(asked_wait(words), seconds.map(Span::seconds), "{words}");
        check("450 4.2.0 Greylisted, try again in 300 seconds", Some(300));
        check("451 please retry after 5 minutes.", Some(300));
        check("451 come back in 2 hours", Some(7_200));
        check("451 in 99999999999999999999 seconds", None);
        check("451 in 9223372036854775807 hours", None);
        check("451 try again later", None);
    }
}
