//! An app or book of the content token.

/// What Apple sells by the `adamId`; the name comes from the site's own import, because Apple's list of assets
/// has none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct App {
    /// Apple's catalogue number.
    pub adam_id: String,
    pub name: String,
    /// `App` or `Book`.
    pub kind: String,
    /// `STDQ` or `PLUS`.
    pub pricing: String,
    pub available: u32,
    pub assigned: u32,
    pub total: u32,
}

impl App {
    /// What an app or book is called until a file of the site names it: `app 361285480`.
    #[must_use]
    pub fn nameless(kind: &str, adam_id: &str) -> String {
        format!("{} {adam_id}", kind.to_ascii_lowercase())
    }

    /// Whether no file has named it.
    #[must_use]
    pub fn is_nameless(&self) -> bool {
        self.name == self.adam_id || self.name == Self::nameless(&self.kind, &self.adam_id)
    }
}
