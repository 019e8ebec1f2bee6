//! What was typed before a question stood on the screen. It is no answer; it waits for the next prompt.

use rustyline::{KeyCode, KeyEvent, Modifiers};

use crate::cli::repl::commands::goes_on;

/// Text that waits, as it would have been typed. Keys that would have moved a cursor are not kept.
#[derive(Debug, Default)]
pub struct Ahead {
    text: String,
}

/// What a prompt gets of it.
#[derive(Debug, PartialEq, Eq)]
pub enum Typed {
    /// A whole statement, or a command.
    Whole(String),
    /// One that goes on.
    Begun(String),
}

impl Ahead {
    /// Keeps a key, and does to the line what it would have done.
    pub fn key(&mut self, key: &KeyEvent) {
        match (key.0, key.1) {
            (KeyCode::Char(c), Modifiers::NONE | Modifiers::SHIFT) => self.text.push(c),
            (KeyCode::Enter, _) | (KeyCode::Char('J' | 'M'), Modifiers::CTRL) => self.text.push('\n'),
            (KeyCode::Backspace, _) | (KeyCode::Char('H'), Modifiers::CTRL) if !self.text.ends_with('\n') => {
                self.text.pop();
            }
            (KeyCode::Char('U'), Modifiers::CTRL) => self.text.truncate(self.text.rfind('\n').map_or(0, |end| end + 1)),
            (KeyCode::Char('C'), Modifiers::CTRL) => self.text.clear(),
            _ => {}
        }
    }

    /// Keeps a line that came whole.
    pub fn line(&mut self, line: &str) {
        self.text.push_str(line);
        self.text.push('\n');
    }

    /// Everything that waits is no longer wanted.
    pub fn clear(&mut self) {
        self.text.clear();
    }

    /// Whether there is more than blanks.
    pub fn says_something(&self) -> bool {
        !self.text.trim().is_empty()
    }

    /// Takes out what comes first: as many lines as belong together.
    pub fn next(&mut self) -> Option<Typed> {
        let ends: Vec<usize> = self.text.match_indices('\n').map(|(at, _)| at).collect();
        for end in ends {
            let entry = self.text.get(..end).unwrap_or_default();
            if !goes_on(entry) {
                let entry = entry.to_owned();
                self.text.drain(..=end);
                return Some(Typed::Whole(entry));
            }
        }
        let rest = std::mem::take(&mut self.text);
        (!rest.is_empty()).then_some(Typed::Begun(rest))
    }

    /// Takes out one line, whatever it is: whole where its end was typed.
    pub fn next_line(&mut self) -> Option<Typed> {
        if let Some(end) = self.text.find('\n') {
            let line = self.text.get(..end).unwrap_or_default().to_owned();
            self.text.drain(..=end);
            return Some(Typed::Whole(line));
        }
        let rest = std::mem::take(&mut self.text);
        (!rest.is_empty()).then_some(Typed::Begun(rest))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn typed(text: &str) -> Ahead {
        let mut ahead = Ahead::default();
        text.chars().for_each(|c| ahead.key(&KeyEvent::new(c, Modifiers::NONE)));
        ahead
    }

    fn all(mut ahead: Ahead) -> Vec<Typed> {
        std::iter::from_fn(|| ahead.next()).collect()
    }

    #[test]
    fn lines_that_belong_together_come_together() {
        let whole = |text: &str| Typed::Whole(text.to_owned());
        assert_eq!(
            all(typed("y\rif a {\r 1\r}\r:rev\rusers.co")),
            [whole("y"), whole("if a {\n 1\n}"), whole(":rev"), Typed::Begun("users.co".to_owned())]
        );
        assert_eq!(all(typed("if a {\r 1\r")), [Typed::Begun("if a {\n 1\n".to_owned())]);
        assert_eq!(all(typed("")), []);
        assert_eq!(typed("if {\rx").next_line(), Some(whole("if {")));
    }

    #[test]
    fn keys_do_what_they_would_have_done() {
        assert_eq!(all(typed("ab\u{7f}c")), [Typed::Begun("ac".to_owned())]);
        assert_eq!(all(typed("a\r\u{7f}b\u{15}c")), [Typed::Whole("a".to_owned()), Typed::Begun("c".to_owned())]);
        assert_eq!(all(typed("a\rb\u{3}c\u{1}\t\u{1b}")), [Typed::Begun("c".to_owned())]);
        assert!(!typed(" \r\r").says_something() && typed("\r y").says_something());
    }
}
