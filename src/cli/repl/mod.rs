//! `beckon repl`: reading is immediate, effects wait in a tray until they are sent.

pub mod args;
pub(super) mod commands;
mod debug;
mod deliveries;
mod editor;
mod files;
mod line_editor;
mod page;
mod piped;
mod shell;
mod tray;

use std::io::IsTerminal as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use self::args::Repl;
use self::deliveries::Deliveries;
use self::editor::{Editor, SharedSoFar};
use self::line_editor::{Entry, Printer, SharedEditor};
use self::shell::{Next, Shell};
use super::debug::BreakIn;
use super::exit::{Exit, Failure};
use super::session::Session;
use super::{layout, width};
use crate::domain::invite_plan::counted;
use crate::domain::roster::RosterView as _;
use crate::domain::selection::{Of, Select};
use crate::host::HostError;
use crate::host::site::Site;
use crate::script::ScriptHost;

/// Talks with a person at a terminal, or works through what comes on standard input.
///
/// # Errors
/// The site's, or those of the terminal. What a line does wrong ends nothing.
pub fn repl(session: &Session, args: &Repl) -> Result<Exit, Failure> {
    let wait = args.leaving.stay.span()?;
    let site = session.open_site()?;
    let host = ScriptHost::new();
    let at_terminal = std::io::stdin().is_terminal() && std::io::stdout().is_terminal();
    let cancel = Arc::new(AtomicBool::new(false));
    let leaving = Arc::new(AtomicBool::new(!at_terminal));
    let break_in = Arc::new(BreakIn::default());
    hear_interrupts(session, &cancel, &break_in, &leaving)?;
    let so_far = SharedSoFar::default();
    let editor = if at_terminal {
        let known = editor::known(&site, &host, &so_far);
        let editor =
            SharedEditor::new(Editor::new(known, Arc::clone(&cancel), editor::history_path(&site.dir), session.ink.out)?);
        session.answers_come_from(Arc::new(editor.clone()));
        Some(editor)
    } else {
        None
    };
    let printer = match &editor {
        Some(editor) => editor.lock().printer()?,
        None => Printer::new(|text| print!("{text}")),
    };
    std::thread::scope(|scope| {
        // Descriptions and errors need it; nobody waits for it at the prompt.
        scope.spawn(|| host.prepare());
        let deliveries = Deliveries::new(scope, session, &site, printer, wait, args.json);
        let mut shell = Shell::new(&host, deliveries, cancel, break_in, args, at_terminal, so_far);
        match &editor {
            Some(editor) => {
                greet(&site, args.json)?;
                talk(&mut shell, editor, &leaving)
            }
            None => piped::work_through(&mut shell, &mut std::io::stdin().lock()),
        }
    })
}

/// Ctrl-C stops the line that runs, in the debugger where there is one, and on the way out the deliveries.
fn hear_interrupts(
    session: &Session,
    cancel: &Arc<AtomicBool>,
    break_in: &Arc<BreakIn>,
    leaving: &Arc<AtomicBool>,
) -> Result<(), Failure> {
    let (cancel, break_in, leaving) = (Arc::clone(cancel), Arc::clone(break_in), Arc::clone(leaving));
    let stop = session.stopping();
    session.hear_interrupts(Arc::new(move || {
        if break_in.ask() {
            return;
        }
        cancel.store(true, Ordering::Relaxed);
        if leaving.load(Ordering::Relaxed) {
            stop();
        }
    }))
}

fn greet(site: &Site, json: bool) -> Result<(), Failure> {
    if json {
        return Ok(());
    }
    let view = site.store.roster().map_err(HostError::from)?;
    let count = |of| view.count(&Select::All(of)).map_err(|e| Failure::new(Exit::Failed, e.to_string()));
    let number = |n: u64| usize::try_from(n).unwrap_or(usize::MAX);
    let groups = view.groups().map_err(|e| Failure::new(Exit::Failed, e.to_string()))?.len();
    let (users, devices) = (number(count(Of::Users)?), number(count(Of::Devices)?));
    let text = format!(
        "{}: {}, {}, {}. `:help` shows what can be done here",
        site.config.site.name,
        counted(users, "user"),
        counted(groups, "group"),
        counted(devices, "device")
    );
    print!("{}", layout::wrapped(&text, width(), 0, 0));
    Ok(())
}

/// Reads and answers until somebody leaves.
fn talk(shell: &mut Shell<'_, '_>, editor: &SharedEditor, leaving: &AtomicBool) -> Result<Exit, Failure> {
    let mut empty_interrupts = 0;
    loop {
        let entry = editor.lock().read(&shell.prompt())?;
        let next = match entry {
            Entry::Text(text) => {
                empty_interrupts = 0;
                shell.enter(&text)
            }
            Entry::Interrupted { on_empty } => {
                empty_interrupts = if on_empty { empty_interrupts + 1 } else { 0 };
                if empty_interrupts == 2 {
                    eprintln!(":quit or Ctrl-D leaves");
                }
                Next::GoOn
            }
            Entry::Ended => shell.leave(),
        };
        if next == Next::Leave {
            leaving.store(true, Ordering::Relaxed);
            return Ok(shell.finish());
        }
    }
}
