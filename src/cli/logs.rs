//! The log of a service: one line an event on standard error, for people or for machines.

use std::io::IsTerminal as _;

use tracing_subscriber::EnvFilter;

use super::args::LogForm;
use super::exit::{Exit, Failure};

/// Starts writing the log. `level` is a word (`info`), or what tracing calls directives
/// (`info,beckon::host=debug`).
///
/// # Errors
/// The level can't be read.
pub fn start(form: LogForm, level: &str) -> Result<(), Failure> {
    // What libraries say at lower levels is theirs, and may name people.
    let plain = level.chars().all(char::is_alphanumeric);
    let directives = if plain { format!("warn,beckon={level}") } else { level.to_owned() };
    let filter = EnvFilter::builder().parse(&directives).map_err(|_| {
        Failure::new(Exit::Usage, format!("--log-level {level:?} is no level"))
            .remedy("error, warn, info, debug, trace; or such as info,beckon::host=debug")
    })?;
    let log = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    // Only one can be there; a second start in one process keeps the first.
    let _ = match form {
        LogForm::Json => log.json().flatten_event(true).with_current_span(false).with_span_list(false).try_init(),
        LogForm::Text => {
            let log = log.with_ansi(std::io::stderr().is_terminal()).with_target(false);
            // The journal writes down the time itself.
            if std::env::var_os("JOURNAL_STREAM").is_some() { log.without_time().try_init() } else { log.try_init() }
        }
    };
    Ok(())
}
