//! The whole table, from what the other benches have measured. Its name makes it the last.

mod support;

use std::process::ExitCode;

fn main() -> ExitCode {
    support::table::whole(&["cold_start", "plan", "fan_out", "mail", "push", "outcomes", "roster", "restart"])
}
