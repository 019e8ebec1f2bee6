//! What happens, in which order: joins store, ports and scripts.
//! Nothing here waits but the main loop, and nothing here speaks a protocol.

pub mod config;
