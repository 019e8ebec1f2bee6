//! `beckon schedule`, as people type it.

use clap::{Args, Subcommand};

use crate::cli::leaving::Leaving;

#[derive(Debug, Subcommand)]
pub enum Schedule {
    /// All schedules: when each is due next, and how its last moment ended
    List {
        /// The same as data, on standard output
        #[arg(long)]
        json: bool,
    },
    /// The next moments of a schedule, with what a clock change does to them
    Next {
        /// A schedule's name in site.toml
        name: String,
        /// How many
        #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u16).range(1..=1_000))]
        count: u16,
        /// The same as data, on standard output
        #[arg(long)]
        json: bool,
    },
    /// Run a schedule's script now, outside of its times: show its plan, ask, commit, deliver
    Run {
        /// A schedule's name in site.toml
        name: String,
        /// Show the plan and stop: nothing is changed, nothing sent
        #[arg(long)]
        dry_run: bool,
        #[command(flatten)]
        leaving: Leaving,
        /// The same as data, on standard output
        #[arg(long)]
        json: bool,
    },
    /// Skip what comes due, until it is resumed
    Pause {
        /// A schedule's name in site.toml
        name: String,
    },
    /// Let a paused schedule fire again, from now on
    Resume {
        /// A schedule's name in site.toml
        name: String,
    },
    /// Run the moments of a span that were missed or skipped, each once at most
    Backfill(Backfill),
}

#[derive(Debug, Args)]
pub struct Backfill {
    /// A schedule's name in site.toml
    pub name: String,
    /// The first moment, in the schedule's zone: 2026-12-01 or "2026-12-01 08:00"
    #[arg(long, value_name = "TIME")]
    pub from: String,
    /// The last moment, likewise; a day alone means all of it
    #[arg(long, value_name = "TIME")]
    pub until: String,
    /// Run them without asking; the site's limits still hold
    #[arg(long, short)]
    pub yes: bool,
    /// The same as data, on standard output
    #[arg(long)]
    pub json: bool,
}
