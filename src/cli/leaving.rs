//! How what a command asks for leaves: arguments that several commands have.

use clap::Args;

use super::exit::{Exit, Failure};
use super::session;
use crate::domain::time::Span;

/// Of commands that commit something and deliver it.
#[derive(Clone, Debug, Args)]
pub struct Leaving {
    /// Send without asking; the site's limits still hold
    #[arg(long, short)]
    pub yes: bool,
    #[command(flatten)]
    pub stay: Stay,
}

/// Of commands that deliver.
#[derive(Clone, Debug, Args)]
pub struct Stay {
    /// How long to stay with deliveries that wait for Apple or have to be tried again: 30s, 10m, 6h
    #[arg(long, value_name = "SPAN", env = "BECKON_WAIT", default_value = "1m")]
    pub wait: String,
}

impl Stay {
    /// How long.
    ///
    /// # Errors
    /// It is no span of time.
    pub fn span(&self) -> Result<Span, Failure> {
        session::span(&self.wait).map_err(|what| Failure::new(Exit::Usage, format!("--wait {what}")))
    }
}
