//! How the world answers: one real adapter a file, each translating between a port and a protocol.
//! Nothing here decides what to send or remembers what was sent.

pub mod apps_and_books;
pub mod mail;
pub mod system_clock;
