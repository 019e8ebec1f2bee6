//! `beckon run`: the plan is shown, a person says yes, it is committed and delivered before their eyes.

use std::io::IsTerminal as _;
use std::sync::Arc;

use serde_json::json;

use super::args;
use super::debug::{self, BreakIn};
use super::exit::{Exit, Failure};
use super::ink::Ink;
use super::layout::wrapped;
use super::params::Given;
use super::progress::Progress;
use super::question::confirm;
use super::render;
use super::script_file::{load_script, none_named};
use super::session::Session;
use super::shown::{self, Canvas};
use super::{approve, sending};
use super::{error_width, width};
use crate::domain::ids::RunId;
use crate::domain::intent::Intent;
use crate::domain::outcome::ChannelDown;
use crate::domain::reason::LeftOut;
use crate::domain::time::Span;
use crate::host::Ports;
use crate::host::check::SiteCheck;
use crate::host::deliver::{Delivered, Delivering, deliver, registrar};
use crate::host::run::{Evaluated, RunError, RunRequest, commit, evaluate, summary};
use crate::host::site::Site;
use crate::script::{ErrorKind, LastValue, ScriptHost, ScriptSource};
use crate::store::{Committed, RunFigures, Trouble};

/// How many troubled deliveries are looked at: many of them have the same words, and stand in one line.
const TROUBLED_MAX: usize = 500;

/// Runs a script as the command line asks.
///
/// # Errors
/// Whatever ended it early; nothing was changed then unless the message says so.
pub fn run(session: &Session, args: &args::Run) -> Result<Exit, Failure> {
    let site = session.open_site()?;
    let host = ScriptHost::new();
    let Some(script) = &args.script else {
        return Err(none_named(&site));
    };
    let source = load_script(&site, script)?;
    let given = Given::of(&args.args)?;
    if args.help {
        return explain(session, &site, &host, source, given);
    }
    let start = Start { source, given, trigger: "runbook", actor: session.actor.clone() };
    run_to_its_end(session, &site, &host, start, args)
}

/// What is run, and who is said to have started it.
pub struct Start {
    pub source: ScriptSource,
    pub given: Arc<Given>,
    pub trigger: &'static str,
    pub actor: String,
}

/// Evaluates, shows, asks, commits and delivers.
///
/// # Errors
/// Whatever ended it early; nothing was changed then unless the message says so.
pub fn run_to_its_end(
    session: &Session,
    site: &Site,
    host: &ScriptHost,
    start: Start,
    args: &args::Run,
) -> Result<Exit, Failure> {
    let wait = args.leaving.stay.span()?;
    let given = Arc::clone(&start.given);
    let evaluated = match evaluate_script(session, site, host, start, args) {
        Ok(evaluated) => evaluated,
        Err(failure) => return failure,
    };
    given.check_all_used(&evaluated.declared)?;
    if !args.json {
        show_plan(session, &evaluated);
    }
    if args.dry_run || evaluated.asked.iter().all(|a| a.intent.is_void()) {
        return finish_without_effects(session, site, &evaluated, args);
    }
    let remedy = "look at the plan with --dry-run, then run it with --yes";
    let (ports, committed) = match commit_agreed(session, site, &evaluated, args.leaving.yes, remedy)? {
        Agreed::Committed(ports, committed) => (ports, committed),
        Agreed::Held(committed) => {
            if args.json {
                println!("{}", render::run_json(&evaluated, Some(&committed), None));
            }
            return Err(held(site, &committed));
        }
    };
    let delivered = deliver_run(session, site, ports, &committed, wait, args.json)?;
    report(session, site, &evaluated, &committed, &delivered, args.json)
}

/// What became of a plan that was put before a person.
pub enum Agreed {
    /// It is to be delivered with these.
    Committed(Ports, Committed),
    /// A limit holds it.
    Held(Committed),
}

/// Asks for a person's yes and commits; over a limit, the whole run is held: all of it is kept, and none of
/// it happens until it is approved.
///
/// # Errors
/// A no, a secret that can't be read, or the store's; nothing was changed then.
pub fn commit_agreed(session: &Session, site: &Site, evaluated: &Evaluated, yes: bool, remedy: &str) -> Result<Agreed, Failure> {
    if !evaluated.exceeded.is_empty() {
        return Ok(Agreed::Held(commit(site, evaluated, session.clock.now())?));
    }
    // What is wrong with a secret or a certificate is said before anybody agrees to anything.
    let ports = session.ports(&site.config)?;
    warn_without_token(site, evaluated);
    confirm(session, site, yes, remedy)?;
    let committed = commit(site, evaluated, session.clock.now())?;
    // Another run may have used a limit up since the plan was shown.
    Ok(if committed.held.is_empty() { Agreed::Committed(ports, committed) } else { Agreed::Held(committed) })
}

/// How long a run stays to hear what devices answer, when all has been handed over.
const LINGER: Span = Span::seconds(3);

type Early = Result<Exit, Failure>;

fn evaluate_script(
    session: &Session,
    site: &Site,
    host: &ScriptHost,
    start: Start,
    args: &args::Run,
) -> Result<Evaluated, Early> {
    let json = args.json;
    let Start { source, given: params, trigger, actor } = start;
    let break_in = Arc::new(BreakIn::default());
    let debugger = if args.debug { Some(debug::beside_a_run(session, &break_in).map_err(Err)?) } else { None };
    let print: Arc<dyn Fn(&str) + Send + Sync> = Arc::new(move |line| {
        // With --json, standard output is data; what the script says is talk.
        if json { eprintln!("{line}") } else { println!("{line}") }
    });
    let request = RunRequest {
        source,
        trigger: trigger.to_owned(),
        actor,
        params: Arc::clone(&params) as Arc<_>,
        dry_run: args.dry_run,
        last: if json { LastValue::Data } else { LastValue::shown_if(std::io::stdout().is_terminal()) },
        print,
        cancel: Arc::clone(&session.stop),
        debugger,
    };
    break_in.during(|| evaluate(site, host, request, &session.clock)).map_err(|error| match error {
        RunError::Host(error) => Err(error.into()),
        RunError::Script { error, record } => {
            if let Some(name) = params.given_up() {
                let what = format!("no value was given for {name:?}: nothing was changed, nothing was sent");
                return Err(Failure::new(Exit::Refused, what));
            }
            if !args.dry_run {
                // The record of a failed run is for later readers; its loss must not hide the error itself.
                let _ = site.store.commit_run(&record, &[], session.clock.now());
            }
            if session.stopped() || error.kind == ErrorKind::Cancelled {
                return Err(Failure::new(Exit::Stopped, "stopped; nothing was changed"));
            }
            if json {
                println!("{}", json!({ "error": *error }));
            } else {
                eprintln!("{}", error.render_within(session.ink.err, error_width()));
            }
            if let Some(hint) = params.not_asked_for() {
                eprintln!("hint: {hint}");
            }
            Ok(if error.kind == ErrorKind::Template { Exit::Configuration } else { Exit::ScriptError })
        }
    })
}

fn show_plan(session: &Session, evaluated: &Evaluated) {
    if std::io::stdout().is_terminal() {
        let canvas = Canvas { width: width(), ink: &Ink::new(session.ink.out), unicode: shown::is_utf8(), more: None };
        print!("{}", shown::draw(&evaluated.shown, &canvas));
    } else if let Some(value) = &evaluated.value {
        println!("{value}");
    }
    if !evaluated.asked.is_empty() {
        let text = summary(&evaluated.asked);
        // A script that printed its plan has said it already, and so has one that ends with it.
        let said = |by: &str| by.contains(text.trim_end());
        if !said(&evaluated.record.output) && !evaluated.value.as_deref().is_some_and(said) {
            println!("{}", render::plan(&text, width(), &Ink::new(session.ink.out)));
        }
    }
    show_remarks(evaluated);
}

/// What a person should know of a plan before they say yes.
pub fn show_remarks(evaluated: &Evaluated) {
    for waits in &evaluated.waits {
        print!("{}", wrapped(&waits.words(), width(), 2, 4));
    }
    if let Some(remark) = &evaluated.remark {
        eprint!("{}", wrapped(&format!("note: {remark}"), width(), 0, 2));
    }
}

/// Says that what a run asks of Apple has to wait.
fn warn_without_token(site: &Site, evaluated: &Evaluated) {
    let asks_apple = |intent: &Intent| matches!(intent, Intent::Invite(_) | Intent::Withdraw { .. });
    if !site.config.token_is_installed() && evaluated.asked.iter().any(|a| asks_apple(&a.intent)) {
        let waits = "warning: the site has no content token: what Apple has to do waits for `beckon token install FILE`";
        eprint!("{}", wrapped(waits, width(), 0, 2));
    }
}

/// Adds to a result that Apple could not be asked for want of a token.
pub fn note_missing_token(site: &Site, delivered: &mut Delivered) {
    let waits = delivered.figures.registering + delivered.figures.apple_tasks > 0;
    if waits && !delivered.elsewhere && !site.config.token_is_installed() {
        let down = ChannelDown {
            what: "the site has no content token".to_owned(),
            remedy: "`beckon token install FILE`, then `beckon deliver`".to_owned(),
            retry_after: None,
        };
        delivered.down.insert(0, ("Apple".to_owned(), down));
    }
}

fn finish_without_effects(session: &Session, site: &Site, evaluated: &Evaluated, args: &args::Run) -> Result<Exit, Failure> {
    if args.json {
        println!("{}", render::run_json(evaluated, None, None));
    } else if args.dry_run {
        warn_without_token(site, evaluated);
        sending::warn(site)?;
        let limits = render::exceeded(&evaluated.exceeded);
        eprintln!("{}", session.ink.err_dim(&format!("{limits}dry run: nothing was changed, nothing was sent")));
        explain_closed(evaluated);
    } else if !evaluated.asked.is_empty() {
        eprintln!("there is nobody to send anything to");
        explain_closed(evaluated);
    }
    if !args.dry_run {
        commit(site, evaluated, session.clock.now())?;
    }
    Ok(Exit::Done)
}

/// Says how managed distribution is enabled, where a plan reaches nobody because it is not.
fn explain_closed(evaluated: &Evaluated) {
    let is_closed = |intent: &Intent| match intent {
        Intent::Invite(invite) => {
            let left_out = &invite.plan.left_out;
            invite.plan.lines.is_empty() && left_out.iter().any(|left| left.reason == LeftOut::DistributionOff)
        }
        _ => false,
    };
    if evaluated.asked.iter().any(|asked| is_closed(&asked.intent)) {
        let how = "managed distribution is enabled for a group by `groups[\"…\"].enable_distribution()`, at the prompt or in a \
                   script, or by the column `distribution` of a groups file";
        eprint!("{}", wrapped(how, width(), 0, 2));
    }
}

/// That a limit holds a run, and what can be done.
#[must_use]
pub fn held(site: &Site, committed: &Committed) -> Failure {
    let what: Vec<String> = committed.held.iter().map(|e| format!("{} ({})", e.what, e.setting)).collect();
    Failure::new(Exit::Refused, format!("run {} is held, nothing was sent: {}", committed.run, what.join("; ")))
        .remedy(approve::remedy(site, committed.run))
}

/// Delivers what a run committed, before a person's eyes.
///
/// # Errors
/// The store's.
pub fn deliver_run(
    session: &Session,
    site: &Site,
    ports: Ports,
    committed: &Committed,
    wait: Span,
    json: bool,
) -> Result<Delivered, Failure> {
    let progress = Progress::new(!json && std::io::stderr().is_terminal());
    let delivered = deliver_watched(session, site, ports, committed, wait, &mut |figures| progress.show(figures));
    progress.finish();
    delivered
}

/// The same, with figures for whoever watches.
///
/// # Errors
/// The store's.
pub fn deliver_watched(
    session: &Session,
    site: &Site,
    ports: Ports,
    committed: &Committed,
    wait: Span,
    watch: &mut (dyn FnMut(&RunFigures) + Send),
) -> Result<Delivered, Failure> {
    let registrar = registrar(site, &ports);
    let until = session.clock.now() + wait;
    let delivered = session.block_on(async {
        let listening = session.listen(site).await;
        let linger = if listening.is_some() { LINGER } else { Span::zero() };
        deliver(
            Delivering {
                site,
                ports,
                run: Some(RunId(committed.run)),
                again: committed.again.clone(),
                until,
                linger,
                stop: Arc::clone(&session.stop),
                watch,
            },
            registrar,
        )
        .await
    });
    let mut delivered = delivered??;
    note_missing_token(site, &mut delivered);
    Ok(delivered)
}

fn report(
    session: &Session,
    site: &Site,
    evaluated: &Evaluated,
    committed: &Committed,
    delivered: &Delivered,
    json: bool,
) -> Result<Exit, Failure> {
    if json {
        let trouble = trouble_of(site, committed)?;
        println!("{}", render::run_json(evaluated, Some(committed), Some((delivered, &trouble))));
    } else {
        print!("{}", result_of(session, site, committed, delivered)?.0);
    }
    Ok(exit_of(delivered))
}

/// What came of a committed run, as text and as data.
///
/// # Errors
/// The store's.
pub fn result_of(
    session: &Session,
    site: &Site,
    committed: &Committed,
    delivered: &Delivered,
) -> Result<(String, serde_json::Value), Failure> {
    let trouble = trouble_of(site, committed)?;
    let ink = Ink::new(session.ink.out);
    let text = render::result(committed, delivered, &trouble, site.config.site.timezone, width(), &ink);
    Ok((text, render::delivered_json(delivered, &trouble)))
}

fn trouble_of(site: &Site, committed: &Committed) -> Result<Trouble, Failure> {
    Ok(site.store.troubled(RunId(committed.run), &committed.again, TROUBLED_MAX)?)
}

/// What the shell is told of a delivery.
#[must_use]
pub fn exit_of(delivered: &Delivered) -> Exit {
    if delivered.stopped {
        return Exit::Stopped;
    }
    let waits = delivered.sending_stopped.is_some() && render::is_left(&delivered.figures);
    if delivered.figures.troubled() || !delivered.down.is_empty() || waits { Exit::PartlyFailed } else { Exit::Done }
}

fn explain(session: &Session, site: &Site, host: &ScriptHost, source: ScriptSource, given: Arc<Given>) -> Result<Exit, Failure> {
    let name = source.name.clone();
    let effects = SiteCheck::of(site, host).text(&source)?.checked.effects;
    let declared = crate::host::run::declarations(site, host, source, given, &session.clock).map_err(Failure::from)?;
    match declared {
        Ok(declared) => {
            print!("{}", render::declarations(&name, &declared, &effects, width()));
            Ok(Exit::Done)
        }
        Err(error) => {
            eprintln!("{}", error.render_within(session.ink.err, error_width()));
            Ok(Exit::ScriptError)
        }
    }
}
