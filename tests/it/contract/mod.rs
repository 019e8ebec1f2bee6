//! What each port promises, asked of everybody who implements it: the simulated world's in-process door,
//! the real adapter against the world's wire, and the real adapter against a real server.
//!
//! A rehearsal is worth something only as long as these agree. The same functions run against each.

mod apps_and_books;
mod mail;
mod mdm;
mod peers;
mod push;
