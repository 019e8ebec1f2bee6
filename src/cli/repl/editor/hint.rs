//! What stands dim behind the cursor: how a function is called, or how an earlier line went on.

use rustyline::hint::Hint;
use unicode_width::{UnicodeWidthChar as _, UnicodeWidthStr as _};

/// One line behind what is typed.
#[derive(Debug, PartialEq, Eq)]
pub struct Tip {
    shown: String,
    /// What the right arrow takes over; nothing for a signature.
    taken: Option<String>,
}

impl Hint for Tip {
    fn display(&self) -> &str {
        &self.shown
    }

    fn completion(&self) -> Option<&str> {
        self.taken.as_deref()
    }
}

/// The forms of the function that is being called; as many as there is room for, in columns.
pub fn signature(forms: &[String], room: usize) -> Option<Tip> {
    let most = (1..=forms.len()).rev().map(|n| format!("  {}", forms.get(..n).unwrap_or_default().join(" | ")));
    let shown = most.into_iter().find(|shown| shown.width() <= room)?;
    Some(Tip { shown, taken: None })
}

/// How an earlier line went on, up to its end or to the edge.
pub fn continuation(rest: &str, room: usize) -> Option<Tip> {
    let line = rest.lines().next().filter(|line| !line.is_empty())?;
    let mut used = 0;
    let fits = |c: &char| {
        used += c.width().unwrap_or(0);
        used <= room
    };
    let shown: String = line.chars().take_while(fits).filter(|c| !c.is_control()).collect();
    (!shown.is_empty()).then(|| Tip { shown, taken: Some(rest.to_owned()) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tips_fit_the_line() {
        let forms = ["order_by(field: string)".to_owned(), "order_by(field: string, direction: string)".to_owned()];
        let shown = |room| signature(&forms, room).map(|tip| tip.shown).unwrap_or_default();
        assert_eq!(shown(80), "  order_by(field: string) | order_by(field: string, direction: string)");
        assert_eq!(shown(40), "  order_by(field: string)");
        assert_eq!(shown(10), "");
        assert_eq!(signature(&[], 80), None);
        let tip = continuation("山田太郎\nand more", 5).unwrap();
        assert_eq!((tip.display(), tip.completion()), ("山田", Some("山田太郎\nand more")));
        assert_eq!(continuation("\nmore", 10), None);
        assert_eq!(continuation("山", 1), None);
    }
}
