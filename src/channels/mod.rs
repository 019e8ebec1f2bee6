//! How the world answers: one real adapter a file, each translating between a port and a protocol.
//! Nothing here decides what to send or remembers what was sent.

pub(crate) mod answer;
pub mod apps_and_books;
pub mod mail;
pub mod maildir;
pub mod mdm;
pub mod push;
pub mod system_clock;
pub(crate) mod trust;
pub mod webhook;
