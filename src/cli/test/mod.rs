//! `beckon test`: the tests of the site's scripts, side by side, told in their order.

pub mod args;
mod coverage;
mod found;
mod junit;
mod scratch;

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::channel;
use std::sync::{Arc, Mutex, PoisonError};

use serde_json::json;

use self::found::{Found, find};
use self::scratch::Scratch;
use super::docs::write;
use super::error_width;
use super::exit::{Exit, Failure};
use super::ink::Ink;
use super::session::Session;
use crate::domain::invite_plan::counted;
use crate::domain::time::{Span, Timestamp};
use crate::host::HostError;
use crate::host::config::SiteConfig;
use crate::host::site::OpenError;
use crate::host::trial::{GoldenTexts, MakeTestWorld, Test, TestSites};
use crate::ports::clock::Clock;
use crate::script::{Coverage, ScriptError, ScriptHost, Stop};

/// Slower tests say how long they took.
const SLOW: Span = Span::seconds(1);

/// How one test came out.
struct Ended {
    error: Option<ScriptError>,
    printed: Vec<String>,
    took: Span,
}

/// Runs the tests, or lists them.
///
/// # Errors
/// The site's settings or templates are wrong, a file can't be read, or nothing matches.
pub fn test(session: &Session, options: &args::Test, make_world: MakeTestWorld) -> Result<Exit, Failure> {
    let dir = session.site_dir()?;
    if !dir.join("site.toml").try_exists().unwrap_or(true) {
        return Err(OpenError::NoSite(dir.join("site.toml")).into());
    }
    let config = SiteConfig::load(&dir).map_err(OpenError::Config)?;
    let scripts = config.dir.join("scripts");
    let counting = options.coverage || options.lcov.is_some();
    let coverage = counting.then(Arc::<Coverage>::default);
    let host = Arc::new(ScriptHost::counting(coverage.clone()));
    let Found { tests, passed_over, broken } = find(&host, &scripts, &options.files, options.filter.as_deref())?;
    if tests.is_empty() && broken.is_empty() {
        return Err(none(options));
    }
    for one in &passed_over {
        let place = format!("{}:{}", one.source.name, one.line);
        eprintln!("{place}: {} is no test, because it has parameters", one.name);
    }
    if options.list {
        return Ok(list(&tests, options.json));
    }
    // Whoever presses Ctrl-C is heard from here on.
    session.runtime()?;
    let scratch = Scratch::make(&format!("beckon-test-{}", (session.new_id)()))?;
    let golden = GoldenTexts::new(&scripts.join("golden"), options.bless);
    let sites = Arc::new(TestSites::of(config, Arc::clone(&host), make_world, golden, scratch.path())?);
    let telling = Telling { ink: Ink::new(session.ink.out), quiet: options.json };
    let templates = sites.broken_templates();
    if !templates.is_empty() {
        // Every test would fail of them.
        telling.broken(&templates);
        if options.json {
            println!("{}", data(&[], &[], &templates, &[]));
        } else {
            println!("no test was run: {} in templates", counted(templates.len(), "error"));
        }
        return Ok(Exit::Configuration);
    }
    let jobs = options.jobs.map_or_else(|| std::thread::available_parallelism().map_or(1, usize::from), usize::from);
    telling.broken(&broken);
    let ended = side_by_side(session, &sites, &tests, jobs, &telling)?;
    let failed = ended.iter().filter(|e| e.error.is_some()).count();
    let covered = coverage.map(|coverage| coverage::of_site(&host, &coverage, &scripts)).unwrap_or_default();
    if let Some(file) = &options.lcov {
        write(file, &coverage::lcov(&covered, &config_dir(&scripts)))?;
    }
    if let Some(file) = &options.junit {
        write(file, &junit::report(&tests, &ended, &broken))?;
    }
    if options.json {
        println!("{}", data(&tests, &ended, &broken, &covered));
    } else {
        if options.coverage {
            print!("{}", coverage::table(&covered, &telling.ink));
        }
        telling.summary(ended.len(), failed, broken.len(), session.stopped());
    }
    Ok(match (session.stopped(), failed + broken.len()) {
        (true, _) => Exit::Stopped,
        (_, 0) => Exit::Done,
        _ => Exit::ScriptError,
    })
}

fn config_dir(scripts: &std::path::Path) -> std::path::PathBuf {
    scripts.parent().map(std::path::Path::to_owned).unwrap_or_default()
}

fn none(options: &args::Test) -> Failure {
    let (message, remedy) = match &options.filter {
        Some(text) => (format!("no test has {text:?} in its name"), "`beckon test --list` names them".to_owned()),
        None => (
            "there are no tests".to_owned(),
            "a test is a function `test_…` without parameters in scripts/*.test.rhai; `beckon init` writes examples".to_owned(),
        ),
    };
    Failure::new(Exit::Usage, message).remedy(remedy)
}

fn list(tests: &[found::Named], as_json: bool) -> Exit {
    if as_json {
        let tests: Vec<_> = tests.iter().map(|t| json!({ "file": t.source.name, "line": t.line, "name": t.name })).collect();
        println!("{}", json!({ "tests": tests }));
    } else {
        for test in tests {
            println!("{}:{}  {}", test.source.name, test.line, test.name);
        }
    }
    Exit::Done
}

/// Runs all of them, so many at a time, and tells each as soon as those before it are told.
fn side_by_side(
    session: &Session,
    sites: &Arc<TestSites>,
    tests: &[found::Named],
    jobs: usize,
    telling: &Telling,
) -> Result<Vec<Ended>, Failure> {
    let next = AtomicUsize::new(0);
    let (tell, heard) = channel();
    std::thread::scope(|scope| {
        for _ in 0..jobs.min(tests.len()) {
            let (tell, next) = (tell.clone(), &next);
            scope.spawn(move || {
                loop {
                    let at = next.fetch_add(1, Ordering::Relaxed);
                    let Some(test) = tests.get(at) else { return };
                    // Whoever hears may have gone.
                    let _ = tell.send((at, one(session, sites, test)));
                }
            });
        }
        // Who waits for a thread that has died hears that nobody is left.
        drop(tell);
        let mut early = BTreeMap::new();
        let mut told = Vec::with_capacity(tests.len());
        for (at, test) in tests.iter().enumerate() {
            let outcome = loop {
                if let Some(outcome) = early.remove(&at) {
                    break outcome;
                }
                let (which, outcome) = heard.recv().map_err(|_| {
                    Failure::new(
                        Exit::Failed,
                        format!("{} came to no end: this is a fault of beckon, please report it", test.name),
                    )
                })?;
                early.insert(which, outcome);
            };
            let ended = outcome.inspect_err(|_| next.store(tests.len(), Ordering::Relaxed))?;
            telling.test(test, &ended);
            told.push(ended);
        }
        Ok(told)
    })
}

fn one(session: &Session, sites: &Arc<TestSites>, test: &found::Named) -> Result<Ended, HostError> {
    let printed = Arc::new(Mutex::new(Vec::new()));
    let lines = Arc::clone(&printed);
    let began = session.clock.now();
    let outcome = sites.run(&Test {
        source: test.source.clone(),
        name: test.name.clone(),
        stop: stopper(session, began, sites.seconds()),
        print: Arc::new(move |line| lines.lock().unwrap_or_else(PoisonError::into_inner).push(line.to_owned())),
    })?;
    let printed = std::mem::take(&mut *printed.lock().unwrap_or_else(PoisonError::into_inner));
    Ok(Ended { error: outcome.err(), printed, took: session.clock.now() - began })
}

/// The machine's own time: a test's clock stands still while its script runs.
fn stopper(session: &Session, began: Timestamp, seconds: u64) -> Arc<dyn Fn() -> Option<Stop> + Send + Sync> {
    let (clock, stop): (Arc<dyn Clock>, _) = (Arc::clone(&session.clock), Arc::clone(&session.stop));
    let allowed = Span::seconds(i64::try_from(seconds).unwrap_or(i64::MAX / 2_000));
    Arc::new(move || {
        if stop.load(Ordering::Relaxed) {
            return Some(Stop::Cancelled);
        }
        (clock.now() - began > allowed).then_some(Stop::OutOfTime)
    })
}

/// What a person sees.
struct Telling {
    ink: Ink,
    quiet: bool,
}

impl Telling {
    fn broken(&self, errors: &[ScriptError]) {
        for error in errors.iter().filter(|_| !self.quiet) {
            println!("{}\n", error.render_within(self.ink.is_on(), error_width()));
        }
    }

    fn test(&self, test: &found::Named, ended: &Ended) {
        if self.quiet {
            return;
        }
        let file = test.source.name.strip_prefix("scripts/").unwrap_or(&test.source.name);
        // Only for a person who watches: elsewhere the same tests are to say the same.
        let slow = if ended.took >= SLOW && self.ink.is_on() {
            self.ink.dim(&format!("  {:.1} s", seconds(ended.took)))
        } else {
            String::new()
        };
        match &ended.error {
            None => println!("{}  {file}  {}{slow}", self.ink.good("ok    "), test.name),
            Some(error) => {
                println!("{}  {file}  {}{slow}", self.ink.bad("FAILED"), test.name);
                for line in error.render_within(self.ink.is_on(), error_width().saturating_sub(4)).lines() {
                    println!("    {line}");
                }
                if !ended.printed.is_empty() {
                    println!("    it printed:");
                    ended.printed.iter().flat_map(|text| text.lines()).for_each(|line| println!("      {line}"));
                }
                println!("");
            }
        }
    }

    fn summary(&self, ran: usize, failed: usize, broken: usize, stopped: bool) {
        let mut said = match failed {
            0 => format!("{} passed", counted(ran, "test")),
            n => format!("{n} of {} failed", counted(ran, "test")),
        };
        if broken > 0 {
            said.push_str(&format!(", {} could not be read", counted(broken, "file")));
        }
        if stopped {
            said.push_str(", stopped from the keyboard");
        }
        println!("{}", if failed + broken == 0 { self.ink.good(&said) } else { self.ink.bad(&said) });
    }
}

fn seconds(span: Span) -> f64 {
    span.as_seconds_f64()
}

fn data(
    tests: &[found::Named],
    ended: &[Ended],
    broken: &[ScriptError],
    covered: &[crate::script::Covered],
) -> serde_json::Value {
    let test = |(test, ended): (&found::Named, &Ended)| {
        json!({
            "file": test.source.name,
            "line": test.line,
            "name": test.name,
            "passed": ended.error.is_none(),
            "error": ended.error,
            "printed": ended.printed,
            "seconds": seconds(ended.took),
        })
    };
    let failed = ended.iter().filter(|e| e.error.is_some()).count();
    json!({
        "tests": tests.iter().zip(ended).map(test).collect::<Vec<_>>(),
        "broken": broken,
        "passed": ended.len() - failed,
        "failed": failed,
        "coverage": covered.iter().map(coverage::as_json).collect::<Vec<_>>(),
    })
}
