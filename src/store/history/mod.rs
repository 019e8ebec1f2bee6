//! Looking back: runs with all that came of them, and everything that happened to one person.
//! Nothing here writes.

mod runs;
mod timeline;

pub use runs::{RunDelivery, RunFilter, RunLine, RunStory};
pub use timeline::{Happening, Timeline};
