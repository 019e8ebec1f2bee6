//! The whole table, from what the other benches have measured. Its name makes it the last.

#![allow(
    clippy::disallowed_methods,
    clippy::zombie_processes,
    reason = "a bench measures real time and waits for real processes"
)]

mod support;

use std::process::ExitCode;

fn main() -> ExitCode {
    support::table::whole(&[
        "cold_start",
        "check",
        "repl",
        "completion",
        "plan",
        "fan_out",
        "mail",
        "push",
        "outcomes",
        "reminders",
        "roster",
        "restart",
        "large_store",
        "schedules",
        "serve",
    ])
}
