//! `beckon demo`: the whole story, with the real commands and the real channels, against simulated
//! services on loopback.

use std::path::PathBuf;

use beckon::cli::args::{self, Command};
use beckon::cli::carry_out;
use beckon::cli::exit::{Exit, Failure};
use beckon::cli::ink::Ink;
use beckon::cli::session::Session;
use beckon::domain::group::Enrolment;
use beckon::domain::roster::RosterView as _;
use beckon::domain::selection::Select;
use beckon::domain::time::Span;
use beckon::host::HostError;
use beckon::host::deliver::registrar;
use beckon::host::site::Site;

use crate::simulated_site::{SchoolSpec, SimulatedSite};

/// The group that the story is about.
const GROUP: &str = "Grade 5";

/// How long people in the demo are given to accept.
const PATIENCE: Span = Span::seconds(9);

/// Tells the story.
///
/// # Errors
/// A step failed: then its message is what there is to say.
pub fn demo(session: &Session, options: &args::Demo) -> Result<Exit, Failure> {
    let ink = Ink::new(session.ink.out);
    let dir = std::env::temp_dir().join(format!("beckon-demo-{}", (session.new_id)()));
    let cleaner = Cleaner { dir: (!options.keep).then(|| dir.clone()) };
    let story = Story { session: session.on(&dir), ink };
    let spec = SchoolSpec { users: 300, seed: options.seed, hurried: true, ..SchoolSpec::default() };
    let simulated = SimulatedSite::start(&story.session, &dir, &spec)?;

    println!("{}", story.ink.bold("Sunnyside School: a few hundred people, their iPads and Macs, and simulated"));
    println!("{}\n", story.ink.bold("Apple services on this machine. Every command below is run for real."));

    let roster = simulated.roster_files();
    let shown: Vec<String> = roster.iter().filter_map(|p| p.file_name()?.to_str().map(str::to_owned)).collect();
    story.step(1, "The roster comes from CSV files", &format!("import {}", shown.join(" ")));
    let import = args::Import { files: roster, dry_run: false, yes: true, keep_missing: false, all: false, json: false };
    story.run(&Command::Import(import))?;

    story.step(2, "Apple's content token is checked and installed", "token install sunnyside.vpptoken");
    let token = args::Token::Install { file: simulated.token_file(), take_over: false };
    story.run(&Command::Token { command: token })?;

    story.step(3, "What would happen? Nothing is sent yet", &format!("run invite-group --arg group=\"{GROUP}\" --dry-run"));
    story.run(&script("invite-group", &[&format!("group={GROUP}")], true))?;

    story.step(
        4,
        "Go: registered at Apple, mailed, prompted on devices",
        &format!("run invite-group --arg group=\"{GROUP}\" --yes"),
    );
    // Reports of the simulated MDM server are heard from here on.
    let site = story.session.open_site()?;
    let _listening = story.session.block_on(story.session.listen(&site))?;
    story.run(&script("invite-group", &[&format!("group={GROUP}")], false))?;

    story.step(5, "What is in flight, and what it waits for", "tasks");
    let tasks = Command::Tasks { failed: false, future: false, rows: 0, from: 0, retry: None, cancel: None, json: false };
    story.run_shortened(&tasks, &site)?;

    story.step(6, "People accept; only Apple's record makes somebody enrolled", "sync");
    story.watch_enrolment(&site)?;

    story.step(7, "Why was somebody left out? Decisions are recorded", &format!("why {}", story.somebody(&site)?));
    story.run(&Command::Why { user: story.somebody(&site)?, json: false })?;

    story.step(8, "The next ones: new people are invited in small numbers", "run invite-new-starters --arg most=20 --yes");
    story.run(&script("invite-new-starters", &["most=20"], false))?;

    story.step(9, "And the report", "run enrolment-report");
    story.run(&script("enrolment-report", &[], false))?;

    simulated.judge()?;
    story.next(&cleaner, &dir);
    Ok(Exit::Done)
}

fn script(name: &str, given: &[&str], dry_run: bool) -> Command {
    Command::Run(args::Run {
        script: Some(PathBuf::from(name)),
        dry_run,
        debug: false,
        args: given.iter().map(|s| (*s).to_owned()).collect(),
        leaving: args::Leaving { yes: !dry_run, stay: args::Stay { wait: "20s".to_owned() } },
        json: false,
        help: false,
    })
}

struct Story {
    session: Session,
    ink: Ink,
}

impl Story {
    fn step(&self, n: u32, title: &str, command: &str) {
        println!("{}", self.ink.bold(&format!("{n}  {title}")));
        println!("{}", self.ink.dim(&format!("   $ beckon {command}")));
    }

    fn run(&self, command: &Command) -> Result<(), Failure> {
        match carry_out(&self.session, command)? {
            Exit::Done => println!(),
            exit => return Err(Failure::new(exit, "this step of the demo did not end as it should")),
        }
        Ok(())
    }

    /// The task list of a whole group is long: its head is enough for a story.
    fn run_shortened(&self, command: &Command, site: &Site) -> Result<(), Failure> {
        let tasks = site.store.roster()?.active_tasks().map_err(|e| HostError::Internal(e.to_string()))?;
        if tasks.len() <= 10 {
            return self.run(command);
        }
        print!("{}", beckon::cli::tasks::list(&self.session, &tasks[..8], false));
        println!("  and {} more\n", tasks.len() - 8);
        Ok(())
    }

    /// Asks Apple again and again, and shows how the figure grows.
    fn watch_enrolment(&self, site: &Site) -> Result<(), Failure> {
        let ports = self.session.ports(&site.config)?;
        let Some(registrar) = registrar(site, &ports) else {
            return Err(Failure::new(Exit::Failed, "the demo's site has no content token"));
        };
        let clock = &self.session.clock;
        let until = clock.now() + PATIENCE;
        let mut shown = None;
        while clock.now() < until && !self.session.stopped() {
            self.session.block_on(registrar.sync())??;
            let now = self.enrolment(site)?;
            if shown != Some(now) {
                println!("   {GROUP}  {}", bar(now, &self.ink));
                shown = Some(now);
            }
            self.session.block_on(clock.wait_until(clock.now() + Span::milliseconds(1500)))?;
        }
        println!();
        Ok(())
    }

    fn enrolment(&self, site: &Site) -> Result<Enrolment, Failure> {
        let view = site.store.roster()?;
        let internal = |e: beckon::domain::roster::RosterError| HostError::Internal(e.to_string());
        let group = view
            .group_by_name(GROUP)
            .map_err(internal)?
            .ok_or_else(|| Failure::new(Exit::Failed, "the demo's school has no such group"))?;
        Ok(view.enrolment(&Select::Members(group.id)).map_err(internal)?)
    }

    /// Somebody of the group about whom there is something to tell: left out, rather than invited.
    fn somebody(&self, site: &Site) -> Result<String, Failure> {
        let found = site.store.somebody_left_out()?;
        found.ok_or_else(|| Failure::new(Exit::Failed, "nobody was left out, and the demo's school should have somebody who is"))
    }

    fn next(&self, cleaner: &Cleaner, dir: &std::path::Path) {
        println!("{}", self.ink.bold("What to try next"));
        println!("   beckon sim --school myschool     a school to play with, and its services");
        println!("   beckon run invite-group          in another terminal, inside myschool");
        println!("   beckon init mysite               a site of your own");
        println!("   beckon docs --guide              the guide, from the first morning on");
        if cleaner.dir.is_none() {
            println!("   this demo's site was kept:       {}", dir.display());
        }
    }
}

/// `██████░░░░  23 of 60 enrolled`.
fn bar(now: Enrolment, ink: &Ink) -> String {
    const WIDTH: u64 = 30;
    let full = usize::try_from(now.enrolled * WIDTH / now.users.max(1)).unwrap_or(0);
    let empty = usize::try_from(WIDTH).unwrap_or(0).saturating_sub(full);
    format!(
        "{}{}  {} of {} enrolled",
        ink.good(&"\u{2588}".repeat(full)),
        ink.dim(&"\u{2591}".repeat(empty)),
        now.enrolled,
        now.users
    )
}

/// Takes the temporary site away, however the demo ends.
struct Cleaner {
    dir: Option<PathBuf>,
}

impl Drop for Cleaner {
    fn drop(&mut self) {
        if let Some(dir) = &self.dir {
            // It is a temporary folder of ours; what can't be removed is left to the system.
            let _ = std::fs::remove_dir_all(dir);
        }
    }
}
