//! The parts of a doc comment.

/// A doc comment, taken apart by its headings.
pub struct Doc<'a> {
    pub text: &'a str,
    pub throws: Option<&'a str>,
    /// What a call can do to the world when the run commits, in the order in which it is said.
    pub effects: Vec<&'a str>,
    pub options: Option<&'a str>,
    /// What a function written in the language takes and yields: `(people: Selection) -> Selection`.
    pub types: Option<&'a str>,
    pub example: Option<&'a str>,
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
        let effects = part("Effect").into_iter().flat_map(|line| line.split(',')).map(str::trim).collect();
        let types = part("Types").map(|t| t.trim_matches('`'));
        Self { text, throws: part("Throws"), effects, options: part("Options"), types, example }
    }
}

/// Doc comments without slashes.
pub fn uncommented<'a>(comments: impl Iterator<Item = &'a str>) -> String {
    let lines = comments.flat_map(str::lines).map(|l| l.trim_start_matches("///"));
    let lines: Vec<&str> = lines.map(|l| l.strip_prefix(' ').unwrap_or(l)).collect();
    lines.join("\n").trim().to_owned()
}
