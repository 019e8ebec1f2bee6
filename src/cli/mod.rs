//! What the operator sees: arguments, tables, questions, exit codes.
//! Decisions live in the host; this room only asks and tells.

pub mod init;
