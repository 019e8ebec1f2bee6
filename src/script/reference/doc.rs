//! The parts of a doc comment.

/// A doc comment, taken apart by its headings.
pub struct Doc<'a> {
    pub text: &'a str,
    pub throws: Option<&'a str>,
    pub effect: Option<&'a str>,
    pub example: Option<&'a str>,
    pub options: Vec<OptionKey<'a>>,
}

/// A key of an options map.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OptionKey<'a> {
    pub name: &'a str,
    pub kind: &'a str,
    pub text: String,
}

impl<'a> Doc<'a> {
    pub fn of(doc: &'a str) -> Self {
        let part = |title: &str| {
            let start = doc.find(&format!("# {title}\n"))?;
            let body = doc.get(start + title.len() + 3..)?;
            let end = body.find("\n# ").unwrap_or(body.len());
            body.get(..end).map(str::trim)
        };
        let text = doc.get(..doc.find("# ").unwrap_or(doc.len())).unwrap_or(doc).trim();
        let example = part("Example").map(|e| e.trim_start_matches("```").trim_end_matches("```").trim());
        let options = part("Options").map(options).unwrap_or_default();
        Self { text, throws: part("Throws"), effect: part("Effect"), example, options }
    }
}

/// Lines as `` - `key`: type, meaning ``, and the lines that go on with a meaning.
fn options(body: &str) -> Vec<OptionKey<'_>> {
    let mut keys: Vec<OptionKey> = Vec::new();
    for line in body.lines().map(str::trim) {
        let key = line.strip_prefix("- `").and_then(|rest| rest.split_once("`:"));
        match (key, keys.last_mut()) {
            (Some((name, rest)), _) => {
                let (kind, text) = rest.split_once(',').unwrap_or((rest, ""));
                keys.push(OptionKey { name, kind: kind.trim(), text: text.trim().to_owned() });
            }
            (None, Some(last)) if !line.is_empty() => {
                last.text.push(' ');
                last.text.push_str(line);
            }
            _ => {}
        }
    }
    keys
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_comment_comes_apart_at_its_headings() {
        let doc = Doc::of(
            "Sends.\n\nNot twice.\n\n# Options\n- `expires`: Span, after which\n  it ends\n- `gap`: Span\n\n# Throws\n`wrong`.\n\n# Example\n```\nsend();\n```",
        );
        assert_eq!((doc.text, doc.throws, doc.example), ("Sends.\n\nNot twice.", Some("`wrong`."), Some("send();")));
        let key = |name, text: &str| OptionKey { name, kind: "Span", text: text.to_owned() };
        assert_eq!(doc.options, [key("expires", "after which it ends"), key("gap", "")]);
    }
}
