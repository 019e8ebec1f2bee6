//! The command line of `beckon repl`.

use clap::Args;

pub const REPL_HELP: &str = "\
`:help` at the prompt shows its commands. Without a terminal, statements are
read from standard input, one after the other: `beckon repl < lines.rhai`. The
exit code is that of the last error.";

#[derive(Debug, Args)]
pub struct Repl {
    /// Let `:send` send without asking; the site's limits still hold
    #[arg(long, short)]
    pub yes: bool,
    /// How long to stay with deliveries that have to be tried again: 30s, 10m, 6h
    #[arg(long, value_name = "SPAN", env = "BECKON_WAIT", default_value = "1m")]
    pub wait: String,
    /// One JSON object a line, on standard output
    #[arg(long)]
    pub json: bool,
}
