//! Where texts name a person: what is to be looked for, and the text without it.

use serde_json::Value;

/// What stands where somebody was named.
const ERASED: &str = "[erased]";

/// What a person is called: full name, username, addresses. Found as whole words, written alike: `ana`
/// is not in `banana`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Names(Vec<String>);

impl Names {
    /// The longest first, so that an address is not found by the username in it.
    #[must_use]
    pub fn new(names: impl IntoIterator<Item = String>) -> Self {
        let mut names: Vec<String> = names.into_iter().filter(|name| !name.trim().is_empty()).collect();
        names.sort_unstable_by(|a, b| b.len().cmp(&a.len()).then_with(|| a.cmp(b)));
        names.dedup();
        Self(names)
    }

    #[must_use]
    pub fn as_slice(&self) -> &[String] {
        &self.0
    }

    /// The text with every mention erased; `None` where there is none.
    #[must_use]
    pub fn without(&self, text: &str) -> Option<String> {
        let mut left = None;
        for name in &self.0 {
            let new = erased(left.as_deref().unwrap_or(text), name);
            left = new.or(left);
        }
        left
    }

    /// The same in everything that a JSON value says. Answers whether anybody was named.
    pub fn erase_in(&self, value: &mut Value) -> bool {
        match value {
            Value::String(text) => {
                let new = self.without(text);
                let named = new.is_some();
                *text = new.unwrap_or_else(|| std::mem::take(text));
                named
            }
            // A username may be a number.
            Value::Number(number) => {
                let new = self.without(&number.to_string());
                let named = new.is_some();
                if let Some(new) = new {
                    *value = Value::String(new);
                }
                named
            }
            // Counted, because every one has to be looked at.
            Value::Array(list) => list.iter_mut().map(|one| usize::from(self.erase_in(one))).sum::<usize>() > 0,
            Value::Object(map) => {
                let mut any = false;
                let entries = std::mem::take(map).into_iter().map(|(key, mut one)| {
                    let new = self.without(&key);
                    any |= new.is_some();
                    any |= self.erase_in(&mut one);
                    (new.unwrap_or(key), one)
                });
                *map = entries.collect();
                any
            }
            Value::Null | Value::Bool(_) => false,
        }
    }

    /// [`Self::without`] for a text that is JSON, or should be.
    #[must_use]
    pub fn without_in_json(&self, text: &str) -> Option<String> {
        match serde_json::from_str::<Value>(text) {
            Ok(mut value) => self.erase_in(&mut value).then(|| value.to_string()),
            Err(_) => self.without(text),
        }
    }
}

fn erased(text: &str, name: &str) -> Option<String> {
    let mut left = String::new();
    let mut rest = 0;
    for (at, _) in text.match_indices(name) {
        let end = at + name.len();
        let inside = |c: Option<char>| c.is_some_and(char::is_alphanumeric);
        let before = text.get(..at).and_then(|before| before.chars().next_back());
        let after = text.get(end..).and_then(|after| after.chars().next());
        if inside(before) || inside(after) {
            continue;
        }
        left.push_str(text.get(rest..at).unwrap_or_default());
        left.push_str(ERASED);
        rest = end;
    }
    if rest == 0 {
        return None;
    }
    left.push_str(text.get(rest..).unwrap_or_default());
    Some(left)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn ana() -> Names {
        Names::new(["ana", "Ana Jansen", "ana@x.example", "", "1207"].map(str::to_owned))
    }

    #[test]
    fn whole_words_are_erased_and_nothing_else() {
        for (text, left) in [
            ("Mail Ana Jansen <ana@x.example>, user ana.", Some("Mail [erased] <[erased]>, user [erased].")),
            ("ana", Some("[erased]")),
            ("banana, anaconda, Ana, Ana Janssen", None),
            ("bananaana ana", Some("bananaana [erased]")),
            ("", None),
        ] {
            assert_eq!(ana().without(text).as_deref(), left, "{text}");
        }
        assert_eq!(Names::new([String::new()]).without("x"), None);
    }

    #[test]
    fn json_stays_json() {
        let mut value = json!({ "who": ["ana", "ben", 1207, 12071], "ana": null, "n": 5 });
        assert!(ana().erase_in(&mut value));
        assert_eq!(value, json!({ "who": ["[erased]", "ben", "[erased]", 12071], "[erased]": null, "n": 5 }));
        assert!(!ana().erase_in(&mut value), "once");
        assert_eq!(ana().without_in_json("\"Ana\\u0020Jansen\"").as_deref(), Some("\"[erased]\""));
    }
}
