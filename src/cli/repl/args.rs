//! The command line of `beckon repl`.

use clap::Args;

use crate::cli::leaving::Leaving;

pub const REPL_HELP: &str = "\
`:help` at the prompt shows its commands. Without a terminal, statements are
read from standard input, one after the other: `beckon repl < lines.rhai`. The
exit code is that of the last error.";

#[derive(Debug, Args)]
pub struct Repl {
    #[command(flatten)]
    pub leaving: Leaving,
    /// One JSON object a line, on standard output
    #[arg(long)]
    pub json: bool,
}
