//! `beckon completions`: what a shell needs to complete command lines.

use clap::CommandFactory as _;
use clap_complete::Shell;

use super::args::Cli;

/// Where shells look for them, below the help.
pub const PLACES: &str = "\
Where a shell looks for them:
  bash        beckon completions bash \\
                > ~/.local/share/bash-completion/completions/beckon
  zsh         beckon completions zsh > DIR/_beckon, with DIR in $fpath
  fish        beckon completions fish > ~/.config/fish/completions/beckon.fish
  elvish      beckon completions elvish >> ~/.config/elvish/rc.elv
  powershell  beckon completions powershell >> $PROFILE";

/// The completion script for a shell.
#[must_use]
pub fn script(shell: Shell) -> String {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "beckon", &mut script);
    String::from_utf8_lossy(&script).into_owned()
}
