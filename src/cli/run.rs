//! `beckon run`: the plan is shown, a person says yes, it is committed and delivered before their eyes.

use std::collections::BTreeMap;
use std::io::{BufRead as _, IsTerminal as _, Write as _};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use serde_json::json;

use super::args;
use super::exit::{Exit, Failure};
use super::progress::Progress;
use super::render::{self, Ink};
use super::session::{Session, span};
use crate::domain::ids::RunId;
use crate::host::deliver::{Delivered, Delivering, deliver, registrar};
use crate::host::run::{Evaluated, RunError, RunRequest, commit, evaluate, summary};
use crate::host::site::Site;
use crate::script::{ParamAbort, ParamDecl, ParamSource, ScriptHost, ScriptSource};
use crate::store::Committed;

/// Runs a script as the command line asks.
///
/// # Errors
/// Whatever ended it early; nothing was changed then unless the message says so.
pub fn run(session: &Session, args: &args::Run) -> Result<Exit, Failure> {
    let site = session.open_site()?;
    let host = ScriptHost::new();
    let Some(script) = &args.script else {
        return Err(
            Failure::new(Exit::Usage, "no script is named").remedy("beckon run SCRIPT; `beckon run --help` shows the options")
        );
    };
    let source = load_script(&site, script)?;
    let given = given_params(&args.args)?;
    if args.help {
        return explain(session, &site, &host, source, given);
    }
    let wait = span(&args.wait).map_err(|what| Failure::new(Exit::Usage, format!("--wait {what}")))?;
    let evaluated = match evaluate_script(session, &site, &host, source, Arc::clone(&given), args) {
        Ok(evaluated) => evaluated,
        Err(failure) => return failure,
    };
    given.check_all_used(&evaluated.declared)?;
    if !args.json {
        show_plan(session, &evaluated)?;
    }
    if args.dry_run || evaluated.asked.is_empty() {
        return finish_without_effects(session, &site, &evaluated, args);
    }
    if !evaluated.exceeded.is_empty() {
        return hold(session, &site, &evaluated, args);
    }
    confirm(session, &site, args)?;
    // A secret that can't be read ends the run here, where nothing has been written down yet.
    session.ports(&site.config)?;
    let committed = commit(&site, &evaluated, session.clock.now())?;
    let delivered = deliver_run(session, &site, &committed, wait, args.json)?;
    report(session, &site, &evaluated, &committed, &delivered, args.json)
}

type Early = Result<Exit, Failure>;

fn evaluate_script(
    session: &Session,
    site: &Site,
    host: &ScriptHost,
    source: ScriptSource,
    params: Arc<Given>,
    args: &args::Run,
) -> Result<Evaluated, Early> {
    let json = args.json;
    let print: Arc<dyn Fn(&str) + Send + Sync> = Arc::new(move |line| {
        // With --json, standard output is data; what the script says is talk.
        let done = if json { writeln!(std::io::stderr(), "{line}") } else { writeln!(std::io::stdout(), "{line}") };
        // A reader that has gone is no reason to end a run.
        let _ = done;
    });
    let request = RunRequest {
        source,
        trigger: "runbook".to_owned(),
        actor: session.actor.clone(),
        params,
        dry_run: args.dry_run,
        print,
        cancel: Arc::clone(&session.stop),
    };
    evaluate(site, host, request, &session.clock).map_err(|error| match error {
        RunError::Host(error) => Err(error.into()),
        RunError::Script { error, record } => {
            if !args.dry_run {
                // The record of a failed run is for later readers; its loss must not hide the error itself.
                let _ = site.store.commit_run(&record, &[], session.clock.now());
            }
            if session.stopped() {
                return Err(Failure::new(Exit::Stopped, "stopped; nothing was changed"));
            }
            if json {
                println!("{}", json!({ "error": *error }));
            } else {
                eprintln!("{}", error.render(session.ink.err));
            }
            Ok(Exit::ScriptError)
        }
    })
}

fn show_plan(session: &Session, evaluated: &Evaluated) -> Result<(), Failure> {
    let mut out = std::io::stdout().lock();
    if let Some(value) = &evaluated.value {
        writeln!(out, "{value}")?;
    }
    if !evaluated.asked.is_empty() {
        let text = summary(&evaluated.asked);
        // A script that printed its plan has said it already, and so has one that ends with it.
        let said = |by: &str| by.contains(text.trim_end());
        if !said(&evaluated.record.output) && !evaluated.value.as_deref().is_some_and(said) {
            writeln!(out, "{}", render::plan(&text, session.ink.out))?;
        }
    }
    Ok(())
}

fn finish_without_effects(session: &Session, site: &Site, evaluated: &Evaluated, args: &args::Run) -> Result<Exit, Failure> {
    if args.json {
        println!("{}", render::run_json(evaluated, None, None));
    } else if args.dry_run {
        let limits = render::exceeded(&evaluated.exceeded);
        eprintln!("{}", session.ink.err_dim(&format!("{limits}dry run: nothing was changed, nothing was sent")));
    }
    if !args.dry_run {
        commit(site, evaluated, session.clock.now())?;
    }
    Ok(Exit::Done)
}

/// Over a limit, the whole run is held: it is recorded, and none of it happens.
fn hold(session: &Session, site: &Site, evaluated: &Evaluated, args: &args::Run) -> Result<Exit, Failure> {
    let committed = commit(site, evaluated, session.clock.now())?;
    if args.json {
        println!("{}", render::run_json(evaluated, Some(&committed), None));
    }
    let what: Vec<String> = evaluated.exceeded.iter().map(|e| format!("{} ({})", e.what, e.setting)).collect();
    Err(Failure::new(Exit::Refused, format!("run {} is held, nothing was sent: {}", committed.run, what.join("; ")))
        .remedy("choose a smaller audience, or raise the limit in site.toml and run it again"))
}

fn confirm(session: &Session, site: &Site, args: &args::Run) -> Result<(), Failure> {
    if args.yes {
        return Ok(());
    }
    if !std::io::stdin().is_terminal() || !std::io::stderr().is_terminal() {
        return Err(Failure::new(Exit::Refused, "refused: nobody is here to confirm; nothing was changed")
            .remedy("look at the plan with --dry-run, then run it with --yes"));
    }
    let question = format!("Go ahead ({})? [y/N] ", site.config.site.name);
    eprint!("{}", session.ink.err_bold(&question));
    let mut answer = String::new();
    std::io::stdin().lock().read_line(&mut answer)?;
    if matches!(answer.trim().to_lowercase().as_str(), "y" | "yes" | "j" | "ja" | "o" | "oui") {
        return Ok(());
    }
    Err(Failure::new(Exit::Refused, "not confirmed: nothing was changed, nothing was sent"))
}

fn deliver_run(
    session: &Session,
    site: &Site,
    committed: &Committed,
    wait: crate::domain::time::Span,
    json: bool,
) -> Result<Delivered, Failure> {
    let ports = session.ports(&site.config)?;
    let registrar = registrar(site, &ports);
    let progress = Progress::new(!json && std::io::stderr().is_terminal());
    let until = session.clock.now() + wait;
    let mut watch = |figures: &crate::store::RunFigures| progress.show(figures);
    let delivered = session.block_on(async {
        let _listener = session.listen(site).await;
        deliver(
            Delivering {
                site,
                ports,
                run: Some(RunId(committed.run)),
                until,
                stop: Arc::clone(&session.stop),
                watch: &mut watch,
            },
            registrar,
        )
        .await
    });
    progress.finish();
    Ok(delivered??)
}

fn report(
    session: &Session,
    site: &Site,
    evaluated: &Evaluated,
    committed: &Committed,
    delivered: &Delivered,
    json: bool,
) -> Result<Exit, Failure> {
    let troubled = site.store.troubled(RunId(committed.run), 20)?;
    if json {
        println!("{}", render::run_json(evaluated, Some(committed), Some((delivered, &troubled))));
    } else {
        let ink = Ink::new(session.ink.out);
        print!("{}", render::result(committed, delivered, &troubled, site.config.site.timezone, &ink));
    }
    Ok(exit_of(delivered))
}

/// What the shell is told of a delivery.
#[must_use]
pub fn exit_of(delivered: &Delivered) -> Exit {
    if delivered.stopped {
        return Exit::Stopped;
    }
    if delivered.figures.troubled() || !delivered.down.is_empty() { Exit::PartlyFailed } else { Exit::Done }
}

fn explain(session: &Session, site: &Site, host: &ScriptHost, source: ScriptSource, given: Arc<Given>) -> Result<Exit, Failure> {
    let name = source.name.clone();
    let declared = crate::host::run::declarations(site, host, source, given, &session.clock).map_err(Failure::from)?;
    match declared {
        Ok(declared) => {
            print!("{}", render::declarations(&name, &declared));
            Ok(Exit::Done)
        }
        Err(error) => {
            eprintln!("{}", error.render(session.ink.err));
            Ok(Exit::ScriptError)
        }
    }
}

/// Finds and reads a script: a path from here, or a name in the site's `scripts` folder, with or
/// without its ending.
pub fn load_script(site: &Site, script: &Path) -> Result<ScriptSource, Failure> {
    let folder = site.dir.join("scripts");
    let with_ending = |path: &Path| {
        if path.extension().is_some_and(|e| e == "rhai") {
            path.to_owned()
        } else {
            PathBuf::from(format!("{}.rhai", path.display()))
        }
    };
    let candidates = [script.to_owned(), with_ending(script), folder.join(script), folder.join(with_ending(script))];
    let Some(found) = candidates.iter().find(|path| path.is_file()) else {
        let known: Vec<String> = std::fs::read_dir(&folder)
            .map(|entries| {
                entries.flatten().filter_map(|e| e.file_name().into_string().ok()).filter(|n| n.ends_with(".rhai")).collect()
            })
            .unwrap_or_default();
        let wanted = script.to_string_lossy();
        let near = known
            .iter()
            .min_by_key(|name| strsim::damerau_levenshtein(name.trim_end_matches(".rhai"), wanted.trim_end_matches(".rhai")));
        let remedy = near.map_or_else(
            || format!("scripts are looked for here and in {}", folder.display()),
            |near| format!("did you mean {near}?"),
        );
        return Err(Failure::new(Exit::Usage, format!("there is no script {wanted}")).remedy(remedy));
    };
    let text = std::fs::read(found).map_err(|e| Failure::new(Exit::Failed, format!("can't read {}: {e}", found.display())))?;
    let text =
        String::from_utf8(text).map_err(|_| Failure::new(Exit::ScriptError, format!("{} is not UTF-8 text", found.display())))?;
    let shown = found.strip_prefix(&site.dir).unwrap_or(found).display().to_string();
    let inside =
        found.canonicalize().ok().zip(folder.canonicalize().ok()).is_some_and(|(script, folder)| script.starts_with(folder));
    let import_root = if inside { Some(folder) } else { found.parent().map(Path::to_owned) };
    Ok(ScriptSource { name: shown, text, folder: import_root })
}

/// Parameters from the command line, asked for on a terminal where they are missing.
pub struct Given {
    values: BTreeMap<String, String>,
    asked: Mutex<BTreeMap<String, String>>,
}

fn given_params(args: &[String]) -> Result<Arc<Given>, Failure> {
    let mut values = BTreeMap::new();
    for arg in args {
        let Some((name, value)) = arg.split_once('=') else {
            return Err(Failure::new(Exit::Usage, format!("--arg {arg}: it has no ="))
                .remedy("write --arg NAME=VALUE, such as --arg group=\"Grade 5\""));
        };
        values.insert(name.trim().to_owned(), value.to_owned());
    }
    Ok(Arc::new(Given { values, asked: Mutex::default() }))
}

impl Given {
    /// An argument that no parameter took is a slip of the pen: nothing may happen because of it.
    fn check_all_used(&self, declared: &[ParamDecl]) -> Result<(), Failure> {
        let Some(unknown) = self.values.keys().find(|name| !declared.iter().any(|d| d.name == **name)) else { return Ok(()) };
        let known: Vec<&str> = declared.iter().map(|d| d.name.as_str()).collect();
        let remedy = if known.is_empty() {
            "this script has no parameters".to_owned()
        } else {
            format!("its parameters are: {}", known.join(", "))
        };
        Err(Failure::new(Exit::Usage, format!("the script has no parameter {unknown:?}; nothing was changed")).remedy(remedy))
    }
}

impl ParamSource for Given {
    fn value(&self, decl: &ParamDecl) -> Result<Option<String>, ParamAbort> {
        if let Some(value) = self.values.get(&decl.name) {
            return Ok(Some(value.clone()));
        }
        let mut asked = self.asked.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(value) = asked.get(&decl.name) {
            return Ok(Some(value.clone()));
        }
        if decl.default.is_some() || !std::io::stdin().is_terminal() {
            return Ok(None);
        }
        let value = ask(decl)?;
        asked.insert(decl.name.clone(), value.clone());
        Ok(Some(value))
    }
}

/// Asks until an allowed value comes; an empty line or the end of input gives up.
fn ask(decl: &ParamDecl) -> Result<String, ParamAbort> {
    let help = decl.help.as_deref().map(|h| format!(" ({h})")).unwrap_or_default();
    if let Some(choices) = &decl.choices {
        for (n, choice) in choices.iter().enumerate().take(40) {
            eprintln!("  {:>2}  {choice}", n + 1);
        }
    }
    loop {
        eprint!("{}{help}: ", decl.name);
        let mut line = String::new();
        let read = std::io::stdin().lock().read_line(&mut line).unwrap_or(0);
        let line = line.trim();
        if read == 0 || line.is_empty() {
            return Err(ParamAbort(format!("no value was given for {:?}", decl.name)));
        }
        let Some(choices) = &decl.choices else { return Ok(line.to_owned()) };
        if choices.iter().any(|c| c == line) {
            return Ok(line.to_owned());
        }
        if let Some(choice) = line.parse::<usize>().ok().and_then(|n| choices.get(n.checked_sub(1)?)) {
            return Ok(choice.clone());
        }
        eprintln!("that is none of the choices; give a name or its number");
    }
}
