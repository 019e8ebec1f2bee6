//! What the operator sees: arguments, tables, questions, exit codes.
//! Decisions live in the host; this room only asks and tells.

#[macro_use]
pub mod output;

pub mod approve;
pub mod args;
pub mod check;
pub mod completions;
pub mod debug;
pub mod definitions;
pub mod deliver;
pub mod docs;
pub mod doctor;
pub mod exit;
pub mod forget;
pub mod future;
pub mod guide;
mod held_run;
pub mod import;
pub mod init;
pub mod ink;
pub mod layout;
mod leaving;
pub mod logs;
pub mod man;
pub mod params;
mod people;
pub mod progress;
pub mod question;
pub mod render;
pub mod repl;
pub mod run;
pub mod runs;
pub mod schedule;
pub mod script_file;
pub mod sending;
pub mod serve;
pub mod session;
pub mod shown;
mod stopping;
pub mod sync;
pub mod systemd;
pub mod tasks;
pub mod test;
pub mod timeline;
pub mod token;
pub mod typed;
pub mod why;

use std::path::Path;

use clap::CommandFactory as _;

use args::{Cli, Command};
use exit::{Exit, Failure};
use session::Session;

use crate::domain::task::Page;
use crate::host::site::Site;

/// The example scripts and their tests, as `beckon init` writes them.
pub const EXAMPLE_SCRIPTS: &[(&str, &str)] = &[
    ("enrolment-report.rhai", include_str!("../../scripts/enrolment-report.rhai")),
    ("invite-group.rhai", include_str!("../../scripts/invite-group.rhai")),
    ("invite-new-starters.rhai", include_str!("../../scripts/invite-new-starters.rhai")),
    ("invite-new-starters.test.rhai", include_str!("../../scripts/invite-new-starters.test.rhai")),
    ("last-call.rhai", include_str!("../../scripts/last-call.rhai")),
    ("last-call.test.rhai", include_str!("../../scripts/last-call.test.rhai")),
    ("remind-open-invitations.rhai", include_str!("../../scripts/remind-open-invitations.rhai")),
    ("remind-open-invitations.test.rhai", include_str!("../../scripts/remind-open-invitations.test.rhai")),
    ("retire-leavers.rhai", include_str!("../../scripts/retire-leavers.rhai")),
];

/// Carries a command out, except those that need the simulated world: `main` knows them.
///
/// # Errors
/// Whatever ended it early, for the shell and a person.
pub fn carry_out(session: &Session, command: &Command) -> Result<Exit, Failure> {
    match command {
        Command::Init { dir } => make_site(dir),
        Command::Run(args) if args.script.is_none() && args.help => {
            let mut cli = Cli::command();
            cli.build();
            let help = cli.find_subcommand_mut("run").map(clap::Command::render_help);
            print!("{}", help.map(|h| h.to_string()).unwrap_or_default());
            Ok(Exit::Done)
        }
        Command::Run(args) => run::run(session, args),
        Command::Repl(args) => repl::repl(session, args),
        Command::Import(args) => import::import(session, args),
        Command::Token { command } => token::token(session, command),
        Command::Sync { json } => sync::sync(session, *json),
        Command::Deliver(args) => deliver::deliver_due(session, args),
        Command::Approve(args) => approve::approve(session, args),
        Command::StopSending { reason, json } => sending::stop(session, reason, *json),
        Command::ResumeSending { json } => sending::resume(session, *json),
        Command::Serve(args) => serve::serve(session, args),
        Command::Tasks { future: true, rows, from, json, .. } => {
            future::future(session, Page { from: *from, rows: *rows }, *json)
        }
        Command::Tasks { failed, retry, cancel, json, .. } => {
            tasks::tasks(session, *failed, retry.as_deref(), cancel.as_deref(), *json)
        }
        Command::Schedule { command } => schedule::schedule(session, command),
        Command::Doctor(args) => doctor::doctor(session, args),
        Command::Forget { user, yes, json } => forget::forget(session, user, *yes, *json),
        Command::Runs(args) => runs::runs(session, args),
        Command::Timeline { user, limit, json } => timeline::timeline(session, user, *limit, *json),
        Command::Why { user, json } => why::why(session, user, *json),
        Command::Check(args) => check::check(session, args),
        Command::Docs(args) => docs::docs(session, args),
        Command::Definitions { output } => definitions::definitions(session, output.as_deref()),
        Command::Completions { shell } => {
            print!("{}", completions::script(*shell));
            Ok(Exit::Done)
        }
        Command::Man { output } => man::man(output),
        Command::Demo(_) | Command::Sim(_) | Command::Test(_) => {
            Err(Failure::new(Exit::Failed, "this build has no simulated world"))
        }
    }
}

fn make_site(dir: &Path) -> Result<Exit, Failure> {
    let made = init::init(dir, EXAMPLE_SCRIPTS, crate::templates::shipped_files())
        .map_err(|e| Failure::new(Exit::Configuration, e.to_string()).remedy(e.remedy()))?;
    let site = Site::open(dir)?;
    println!("made a site in {}", dir.display());
    println!("  site.toml     say what the site is called, and how its mail leaves");
    let (tests, examples): (Vec<&(&str, &str)>, Vec<_>) =
        EXAMPLE_SCRIPTS.iter().partition(|(name, _)| name.ends_with(".test.rhai"));
    println!("  scripts/      {} example scripts, yours to change, and tests of {}", examples.len(), tests.len());
    println!("  templates/    the texts of messages, in four languages");
    println!("  {}     the store", site.store.path().file_name().unwrap_or_default().display());
    println!(
        "{} files in all. Next: edit site.toml there, then `beckon import FILES`",
        made.iter().filter(|p| p.is_file()).count()
    );
    Ok(Exit::Done)
}

/// Says how a command failed, if it did, and what the shell is told.
pub fn finish(ended: Result<Exit, Failure>, colour: bool) -> Exit {
    let exit = ended.unwrap_or_else(|failure| {
        tell(&failure, colour);
        failure.exit
    });
    let Some(why) = output::lost() else { return exit };
    tell(&Failure::new(Exit::Failed, format!("not all of the output could be written: {why}")), colour);
    if exit == Exit::Done { Exit::Failed } else { exit }
}

/// Says how a command failed, and what to do about it.
fn tell(failure: &Failure, colour: bool) {
    let ink = ink::Ink::new(colour);
    for (n, line) in failure.message.lines().enumerate() {
        let line = if n == 0 { format!("error: {line}") } else { line.to_owned() };
        let indent = line.len() - line.trim_start().len();
        let text = layout::wrapped(line.trim_start(), width(), indent, indent + 2);
        eprint!("{}", if n == 0 { text.replacen("error:", &ink.bad("error:"), 1) } else { text });
    }
    if let Some(remedy) = &failure.remedy {
        eprint!("{}", layout::wrapped(remedy, width(), 2, 2));
    }
}

/// How wide an error of a script may be: as the terminal that it is told on; elsewhere it is not wrapped.
#[must_use]
pub fn error_width() -> usize {
    let (out, err) = (console::Term::stdout(), console::Term::stderr());
    let sizes = [err, out].into_iter().find_map(|term| term.size_checked());
    sizes.map_or(usize::MAX, |(_, columns)| usize::from(columns).max(40))
}

/// How wide a table may be: the terminal's width, or 100 where there is none.
#[must_use]
pub fn width() -> usize {
    let columns = std::env::var("COLUMNS").ok().and_then(|c| c.parse().ok());
    let terminal = console::Term::stdout().size_checked().map(|(_, columns)| usize::from(columns));
    terminal.or(columns).unwrap_or(100).clamp(40, 200)
}
