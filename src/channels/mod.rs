//! How the world answers: one real adapter a file, each translating between a port and a protocol.
//! Nothing here decides what to send or remembers what was sent.

pub mod mail;
