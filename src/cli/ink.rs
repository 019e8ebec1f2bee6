//! Colours.

/// Colours, where the stream has them.
pub struct Ink {
    on: bool,
}

impl Ink {
    #[must_use]
    pub fn new(on: bool) -> Self {
        Self { on }
    }

    #[must_use]
    pub fn is_on(&self) -> bool {
        self.on
    }

    fn paint(&self, code: &str, text: &str) -> String {
        if self.on { format!("\u{1b}[{code}m{text}\u{1b}[0m") } else { text.to_owned() }
    }

    #[must_use]
    pub fn bold(&self, text: &str) -> String {
        self.paint("1", text)
    }

    #[must_use]
    pub fn good(&self, text: &str) -> String {
        self.paint("32", text)
    }

    #[must_use]
    pub fn bad(&self, text: &str) -> String {
        self.paint("31", text)
    }

    #[must_use]
    pub fn dim(&self, text: &str) -> String {
        self.paint("2", text)
    }
}
