//! What a script can say: the Rhai engine, its limits, the API modules and the errors.
//! A script reads the roster view and appends intents; it cannot reach a port, the clock or the disk.

pub mod closure;

#[cfg(test)]
mod stdlib_parse_tests;
