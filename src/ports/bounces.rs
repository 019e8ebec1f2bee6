//! The mailbox into which mail servers send reports about our letters.

use super::Answer;

/// One message in the box.
#[derive(Clone, PartialEq, Eq)]
pub struct BoxedLetter {
    /// What the box calls it.
    pub name: String,
    /// `None`: larger than was asked for.
    pub bytes: Option<Vec<u8>>,
}

/// A report may quote an invitation link: only its name is shown.
impl std::fmt::Debug for BoxedLetter {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("BoxedLetter").field("name", &self.name).finish_non_exhaustive()
    }
}

pub trait BounceBox: Send + Sync {
    /// Up to `most` messages that are not done, with at most `bytes_max` bytes each. The same ones come again
    /// until they are done.
    ///
    /// # Errors
    /// What is wrong with the box, in words for its owner.
    fn letters(&self, most: usize, bytes_max: usize) -> Answer<'_, Result<Vec<BoxedLetter>, String>>;

    /// What a message says is written down: it never comes again.
    ///
    /// # Errors
    /// What is wrong with the box, in words for its owner.
    fn done(&self, name: String) -> Answer<'_, Result<(), String>>;
}
