//! A session: lines that are run one after the other and share what they declare.

mod complete;

pub use complete::{Completeness, completeness};
