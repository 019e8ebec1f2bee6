//! The command line, as people type it.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

pub use super::docs::Docs;
pub use super::leaving::{Leaving, Stay};
pub use super::repl::args::Repl;
pub use super::schedule::args::{Backfill, Schedule};
pub use super::test::args::Test;

/// Scripted invitations, reminders and audiences for managed Apple devices.
#[derive(Debug, Parser)]
#[command(name = "beckon", version, about, max_term_width = 100, disable_help_subcommand = true, after_help = EXIT_CODES)]
pub struct Cli {
    /// The site's folder [default: the nearest folder upwards that holds a site.toml]
    #[arg(long, global = true, env = "BECKON_SITE", hide_env_values = true, value_name = "DIR", help_heading = EVERYWHERE)]
    pub site: Option<PathBuf>,
    /// Colours: a terminal gets them, unless NO_COLOR is set
    #[arg(long, global = true, value_enum, default_value_t = Colour::Auto, value_name = "WHEN", help_heading = EVERYWHERE)]
    pub color: Colour,
    #[command(subcommand)]
    pub command: Command,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Colour {
    Auto,
    Always,
    Never,
}

/// Options of every command stand apart from a command's own.
const EVERYWHERE: &str = "Options of every command";

const EXIT_CODES: &str = "\
New here? `beckon demo` shows it all in a quarter of a minute, `beckon init DIR`
makes a site, and `beckon docs --guide` is the guide.

Exit codes:
  0  done
  1  partly failed: something was rejected, doubtful, or could not be tried
  2  the command line is wrong
  3  the script has an error; nothing was changed
  4  refused by a person, by a limit, or because nobody was there to confirm
  5  the site's settings, templates, token or roster files are wrong
  6  the store or the machine failed
130  stopped from the keyboard";

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Make a site: a commented site.toml, scripts, templates and the store
    Init {
        /// A new or empty folder
        #[arg(default_value = ".")]
        dir: PathBuf,
    },
    /// Show the whole story in a temporary site, against simulated Apple services
    Demo(Demo),
    /// Run a script: show its plan, ask, commit, deliver
    #[command(disable_help_flag = true)]
    Run(Run),
    /// Think and try at a prompt: reading is immediate, effects wait in a tray until you send them
    #[command(after_help = super::repl::args::REPL_HELP)]
    Repl(Repl),
    /// Take users, groups, devices and apps from CSV or JSON files
    #[command(after_help = crate::roster_files::columns_help())]
    Import(Import),
    /// Check and install Apple's content token
    Token {
        #[command(subcommand)]
        command: Token,
    },
    /// Read at Apple who has accepted and which apps there are, hand out licences, read mail that came back
    Sync {
        /// The same as data, on standard output
        #[arg(long)]
        json: bool,
    },
    /// Hand over everything that is due: reminders, second tries, what a stopped run left
    Deliver(Deliver),
    /// Look after the site until it is stopped: run schedules, deliver, follow Apple, tell what is wrong
    Serve(Serve),
    /// What is in flight: whose, on which device, waiting for what
    Tasks {
        /// What failed or is doubtful, instead
        #[arg(long)]
        failed: bool,
        /// What will be sent later, to whom and when, and what may put it off, instead
        #[arg(long, conflicts_with_all = ["failed", "retry", "cancel"])]
        future: bool,
        /// With --future: at most so many
        #[arg(long, value_name = "N", default_value_t = 50, value_parser = clap::value_parser!(u64).range(1..=10_000), requires = "future")]
        rows: u64,
        /// With --future: pass over the first so many
        #[arg(long, value_name = "N", default_value_t = 0, requires = "future")]
        from: u64,
        /// Send what failed or is doubtful again, by its number in the list (`17.3`)
        #[arg(long, value_name = "TASK", conflicts_with = "cancel")]
        retry: Option<String>,
        /// Call off what has not left yet (`17.3`)
        #[arg(long, value_name = "TASK")]
        cancel: Option<String>,
        /// The same as data, on standard output
        #[arg(long)]
        json: bool,
    },
    /// Scripts that run by themselves: when they are due, and what became of it
    Schedule {
        #[command(subcommand)]
        command: Schedule,
    },
    /// What was run, newest first, and what came of it; with a number, one run in full
    Runs(Runs),
    /// Everything that happened to a user, in its order, and what is to come
    Timeline {
        /// A username
        user: String,
        /// Only the newest so many entries
        #[arg(long, value_name = "N", default_value_t = 1_000)]
        limit: usize,
        /// The same as data, on standard output
        #[arg(long)]
        json: bool,
    },
    /// Runs that a limit holds: list them, or see what is left of one, and send it
    Approve(Approve),
    /// Stop everything that leaves, on every process of the site, until it is resumed
    StopSending {
        /// Why, for everybody who is stopped by it
        reason: Vec<String>,
        /// The same as data, on standard output
        #[arg(long)]
        json: bool,
    },
    /// Let what was stopped leave again
    ResumeSending {
        /// The same as data, on standard output
        #[arg(long)]
        json: bool,
    },
    /// Erase what the site knows of a person; not while Apple has an active record of them
    Forget {
        /// A username
        user: String,
        /// Erase it without asking
        #[arg(long, short)]
        yes: bool,
        /// The same as data, on standard output
        #[arg(long)]
        json: bool,
    },
    /// Why a user was or wasn't invited, from the recorded decisions
    Why {
        /// A username
        user: String,
        /// The same as data, on standard output
        #[arg(long)]
        json: bool,
    },
    /// Check scripts, settings and templates without running anything
    Check(Check),
    /// Run the tests of the site's scripts: functions `test_…` in scripts/*.test.rhai
    #[command(after_help = super::test::args::CODES)]
    Test(Test),
    /// Whether the site works: machine, store, journal, secrets, and everybody it talks to
    #[command(after_help = super::doctor::CODES)]
    Doctor(Doctor),
    /// The guide, and everything that a script can say: as Markdown, as one HTML page, or one name on the terminal
    Docs(Docs),
    /// Write definition files for the Rhai language server, and how to set up an editor
    Definitions {
        /// A folder beside `scripts` [default: `definitions` in the site's folder]
        #[arg(long = "output", short, value_name = "DIR")]
        output: Option<PathBuf>,
    },
    /// Completions for a shell, on standard output
    #[command(after_help = super::completions::PLACES)]
    Completions { shell: clap_complete::Shell },
    /// Write the manual pages: of beckon, of each command, of the guide, and of what scripts can say
    #[command(after_help = super::man::READING)]
    Man {
        /// Where they go
        #[arg(long = "output", short, value_name = "DIR", default_value = "man")]
        output: PathBuf,
    },
    /// Serve simulated Apple services, a mail sink and devices on loopback
    Sim(Sim),
}

#[derive(Debug, Args)]
pub struct Run {
    /// A script: a path, or a name in the site's scripts folder
    pub script: Option<PathBuf>,
    /// Show the plan and stop: nothing is changed, nothing sent
    #[arg(long)]
    pub dry_run: bool,
    /// Stop at the first statement and step through the script; `help` there lists the commands
    #[arg(long, conflicts_with = "json")]
    pub debug: bool,
    /// A parameter of the script; once for each
    #[arg(long = "arg", short, value_name = "NAME=VALUE")]
    pub args: Vec<String>,
    #[command(flatten)]
    pub leaving: Leaving,
    /// The same as data, on standard output
    #[arg(long)]
    pub json: bool,
    /// Print help; with a script, what the script does and its parameters
    #[arg(long, short)]
    pub help: bool,
}

#[derive(Debug, Args)]
pub struct Doctor {
    /// Also look through every index of the store
    #[arg(long)]
    pub deep: bool,
    /// Also try port 25 of a mail exchanger of this domain, as direct delivery does
    #[arg(long, value_name = "DOMAIN")]
    pub mx: Option<String>,
    /// An end of the journal as an earlier look told it: proves that it was not written anew since
    #[arg(long, value_name = "ROW:HASH")]
    pub journal_end: Option<String>,
    /// Ask nobody outside of this machine
    #[arg(long)]
    pub offline: bool,
    /// The same as data, on standard output
    #[arg(long)]
    pub json: bool,
}

#[derive(Debug, Args)]
pub struct Runs {
    /// A run's number: tells this one in full
    #[arg(value_parser = super::runs::run_number)]
    pub run: Option<i64>,
    /// Only runs of scripts with this in their name
    #[arg(long, value_name = "NAME", conflicts_with = "run")]
    pub script: Option<String>,
    /// Only failed ones, and those of which a delivery was rejected, given up or is doubtful
    #[arg(long, conflicts_with = "run")]
    pub failed: bool,
    /// Only those that a limit holds
    #[arg(long, conflicts_with_all = ["run", "failed"])]
    pub held: bool,
    /// Only those started since: a date (2026-11-01), or how long ago (7d, 12h)
    #[arg(long, value_name = "WHEN", conflicts_with = "run")]
    pub since: Option<String>,
    /// At most so many runs [default: 20]; of one run, so many deliveries and journal lines [default: 50]
    #[arg(long, value_name = "N")]
    pub limit: Option<usize>,
    /// The same as data, on standard output
    #[arg(long)]
    pub json: bool,
}

#[derive(Debug, Args)]
pub struct Approve {
    /// A held run's number [default: list what is held]
    #[arg(value_parser = super::runs::run_number)]
    pub run: Option<i64>,
    /// Close it: nothing of it happens
    #[arg(long, requires = "run")]
    pub reject: bool,
    #[command(flatten)]
    pub leaving: Leaving,
    /// The same as data, on standard output
    #[arg(long)]
    pub json: bool,
}

#[derive(Debug, Args)]
pub struct Import {
    /// CSV or JSON files; files that belong together in one call
    #[arg(required = true)]
    pub files: Vec<PathBuf>,
    /// Show the difference and stop
    #[arg(long)]
    pub dry_run: bool,
    /// Take the difference without asking
    #[arg(long, short)]
    pub yes: bool,
    /// Leave rows alone that the files don't have
    #[arg(long)]
    pub keep_missing: bool,
    /// Every change, not only the first ones
    #[arg(long)]
    pub all: bool,
    /// The same as data, on standard output
    #[arg(long)]
    pub json: bool,
}

#[derive(Debug, Subcommand)]
pub enum Token {
    /// Check a downloaded token, describe it and put it where site.toml says
    Install {
        /// The downloaded file, as Apple made it
        file: PathBuf,
        /// Take the unit over from the service that drives it now
        #[arg(long)]
        take_over: bool,
    },
    /// Describe the installed token
    Show,
}

#[derive(Debug, Args)]
pub struct Check {
    /// Scripts [default: every script of the site]; - reads a text from standard input
    pub scripts: Vec<PathBuf>,
    /// The file that the text on standard input is of, as an editor knows it
    #[arg(long, value_name = "FILE")]
    pub name: Option<PathBuf>,
    /// Fail on warnings too
    #[arg(long)]
    pub strict: bool,
    /// The same as data, on standard output: places, effects and parameters of each file
    #[arg(long)]
    pub json: bool,
}

#[derive(Debug, Args)]
pub struct Deliver {
    #[command(flatten)]
    pub stay: Stay,
    /// The same as data, on standard output
    #[arg(long)]
    pub json: bool,
}

#[derive(Debug, Args)]
pub struct Serve {
    /// How the log on standard error is written: lines for people, or one JSON object a line
    #[arg(long, value_enum, default_value_t = LogForm::Text, value_name = "FORM")]
    pub log: LogForm,
    /// The lowest level that is logged: error, warn, info, debug, trace
    #[arg(long, env = "BECKON_LOG", hide_env_values = true, default_value = "info", value_name = "LEVEL")]
    pub log_level: String,
    /// Print a systemd unit for this site, and stop
    #[arg(long)]
    pub print_unit: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum LogForm {
    Text,
    Json,
}

#[derive(Debug, Args)]
pub struct Demo {
    /// Keep the temporary site and say where it is
    #[arg(long)]
    pub keep: bool,
    /// Another seed is another school
    #[arg(long, default_value_t = 7)]
    pub seed: u64,
}

#[derive(Debug, Args)]
pub struct Sim {
    /// Make the folder a site of a simulated school that uses the simulated services
    #[arg(long, value_name = "DIR")]
    pub school: Option<PathBuf>,
    /// How many users the school has
    #[arg(long, default_value_t = 300)]
    pub users: usize,
    /// Another seed is another school
    #[arg(long, default_value_t = 7)]
    pub seed: u64,
    /// The first of the five ports; 0 lets the system choose
    #[arg(long, default_value_t = 0)]
    pub port: u16,
    /// Where the simulated MDM server reports to
    #[arg(long, value_name = "URL")]
    pub webhook: Option<String>,
    /// Apple answers 503 for so long: 20s, 5m
    #[arg(long, value_name = "SPAN")]
    pub apple_down: Option<String>,
    /// The mail server defers the first try of every mail
    #[arg(long)]
    pub greylist: bool,
}
