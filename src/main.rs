//! The `beckon` program: wires the real world to the library, and answers the shell.

mod demo;
mod sim_command;
mod simulated_site;
mod test_world;
mod wiring;

use std::process::ExitCode;
use std::sync::Arc;

use clap::Parser as _;

use beckon::channels::system_clock::SystemClock;
use beckon::cli::args::{Cli, Command};
use beckon::cli::exit::Exit;
use beckon::cli::session::Session;
use beckon::cli::typed::typed;
use beckon::cli::{carry_out, finish};

fn main() -> ExitCode {
    // One TLS stack, chosen once and before anything can ask for another. A second choice is
    // impossible here, so its error is, too.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let cli = match Cli::try_parse_from(typed(std::env::args_os())) {
        Ok(cli) => cli,
        Err(error) => {
            let asked_for = !error.use_stderr();
            // A reader that has gone is no reason for another message.
            let _ = error.print();
            return if asked_for { Exit::Done } else { Exit::Usage }.into();
        }
    };
    let session = Session::new(&cli, Arc::new(SystemClock), wiring::ports, wiring::new_id);
    let ended = match &cli.command {
        Command::Demo(args) => demo::demo(&session, args),
        Command::Test(args) => beckon::cli::test::test(&session, args, test_world::make),
        Command::Sim(args) => sim_command::sim(&session, args),
        other => carry_out(&session, other),
    };
    finish(ended, session.ink.err).into()
}
