//! An app or book of the content token.

/// What Apple sells by the `adamId`; the name comes from the site's own import, because the list of
/// assets has none.
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
