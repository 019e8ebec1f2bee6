//! The debugger at a terminal: `beckon run --debug`, and `:debug` at the prompt.

mod break_in;
pub(super) mod command;
mod draw;

use std::io::IsTerminal as _;
use std::sync::{Arc, Mutex, PoisonError};

use rustyline::DefaultEditor;
use rustyline::error::ReadlineError;

pub use self::break_in::BreakIn;

use self::command::Command;
use super::exit::{Exit, Failure};
use super::ink::Ink;
use super::session::Session;
use super::shown::{self, Canvas};
use super::width;
use crate::script::debug::{Debugger, Event, Go, Spot, Standing};

/// Asks a person at each stop.
pub struct TerminalDebugger {
    ink: Ink,
    talk: Mutex<Talk>,
    break_in: Arc<BreakIn>,
}

/// What came of asking for a command.
pub enum Said {
    Line(String),
    /// Ctrl-C: the line is gone.
    Nothing,
    /// Ctrl-D, or the terminal has gone.
    End,
}

/// Waits for a line at a prompt.
pub type ReadLine = Box<dyn FnMut(&str) -> Said + Send>;

struct Talk {
    read_line: ReadLine,
    /// What Enter repeats.
    last: Option<Command>,
    /// The text and the function in which the last stop was.
    whereabouts: (String, String),
    /// Lines until here have been listed.
    listed: Option<u32>,
}

/// What a command comes to.
enum Done {
    Go(Go),
    Stay,
}

impl TerminalDebugger {
    /// `break_in`: what Ctrl-C asks for while the script runs. `read_line`: where commands come from.
    ///
    /// # Errors
    /// Nobody is there.
    pub fn new(colour: bool, break_in: Arc<BreakIn>, read_line: ReadLine) -> Result<Self, Failure> {
        if !std::io::stdin().is_terminal() || !std::io::stdout().is_terminal() {
            return Err(nobody());
        }
        let talk = Talk { read_line, last: None, whereabouts: Default::default(), listed: None };
        Ok(Self { ink: Ink::new(colour), talk: Mutex::new(talk), break_in })
    }
}

/// Commands from a terminal that nobody else reads.
fn own_lines() -> Result<ReadLine, Failure> {
    let mut editor = DefaultEditor::new().map_err(|e| Failure::new(Exit::Failed, format!("the terminal can't be used: {e}")))?;
    Ok(Box::new(move |prompt| match editor.readline(prompt) {
        Ok(line) => {
            let _ = editor.add_history_entry(line.as_str());
            Said::Line(line)
        }
        Err(ReadlineError::Interrupted) => Said::Nothing,
        Err(_) => Said::End,
    }))
}

/// The debugger of `beckon run --debug`: Ctrl-C breaks into its script, and ends it when it is pressed again.
///
/// # Errors
/// Nobody is there, or the terminal can't be used.
pub fn beside_a_run(session: &Session, break_in: &Arc<BreakIn>) -> Result<Arc<dyn Debugger>, Failure> {
    let debugger = Arc::new(TerminalDebugger::new(session.ink.out, Arc::clone(break_in), own_lines()?)?);
    let (break_in, stop) = (Arc::clone(break_in), session.stopping());
    session.hear_interrupts(Arc::new(move || {
        if !break_in.ask() {
            stop();
        }
    }))?;
    Ok(debugger)
}

/// That the debugger needs somebody who answers.
#[must_use]
pub fn nobody() -> Failure {
    Failure::new(Exit::Refused, "the debugger needs a terminal: nobody is here to step; nothing was run")
        .remedy("start it in a terminal, or run the script without it")
}

impl Debugger for TerminalDebugger {
    fn stopped(&self, script: &mut dyn Standing) -> Go {
        self.break_in.take();
        let mut talk = self.talk.lock().unwrap_or_else(PoisonError::into_inner);
        let function = script.calls().first().map(|call| call.what.clone()).unwrap_or_default();
        let whereabouts = (script.place().source.clone(), function);
        let is_elsewhere = talk.whereabouts != whereabouts;
        talk.whereabouts = whereabouts;
        talk.listed = None;
        print!("{}", draw::stop(script, is_elsewhere, width(), &self.ink));
        loop {
            let line = match (talk.read_line)("debug> ") {
                Said::Line(line) => line,
                Said::Nothing => {
                    println!("`quit` or Ctrl-D ends the script");
                    continue;
                }
                Said::End => return Go::Quit,
            };
            let command = match (line.trim(), &talk.last) {
                ("", None) => continue,
                ("", Some(last)) => Ok(last.clone()),
                (text, _) => Command::parse(text),
            };
            match command.and_then(|command| {
                talk.last = Some(command.clone());
                self.carry_out(command, script, &mut talk)
            }) {
                Ok(Done::Go(go)) => return go,
                Ok(Done::Stay) => {}
                Err(what) => println!("{what}"),
            }
        }
    }

    fn breaks_in(&self) -> bool {
        self.break_in.take()
    }
}

impl TerminalDebugger {
    fn carry_out(&self, command: Command, script: &mut dyn Standing, talk: &mut Talk) -> Result<Done, String> {
        let go = match command {
            Command::Step => Go::Into,
            Command::Next => Go::Over,
            Command::Finish => Go::Out,
            Command::Continue => Go::On,
            Command::Quit => Go::Quit,
            other => {
                let text = self.look(other, script, talk)?;
                print!("{text}");
                return Ok(Done::Stay);
            }
        };
        if go == Go::Out && script.calls().len() == 1 {
            println!("{}", self.ink.dim("this is no function: going on to the end"));
        }
        Ok(Done::Go(go))
    }

    /// What a command shows that does not let the script go on.
    fn look(&self, command: Command, script: &mut dyn Standing, talk: &mut Talk) -> Result<String, String> {
        Ok(match command {
            Command::Locals => draw::variables(&script.variables(), width(), &self.ink),
            Command::Where => draw::calls(&script.calls(), &self.ink),
            Command::Print(expression) => match script.evaluate(&expression) {
                Ok(value) => {
                    shown::draw(&value, &Canvas { width: width(), ink: &self.ink, unicode: shown::is_utf8(), more: None })
                }
                Err(error) => format!("{}\n", error.render(self.ink.is_on())),
            },
            Command::Plan => draw::plan(&script.asked(), &self.ink),
            Command::List(line) => {
                let place = script.place().clone();
                let text = script.text(&place.source).unwrap_or_default();
                let middle = line.or(talk.listed.map(|last| last + draw::AROUND + 1)).unwrap_or(place.line);
                let (listing, last) = draw::listing(&text, middle, &place, width(), &self.ink);
                talk.listed = Some(last);
                talk.last = Some(Command::List(None));
                listing
            }
            Command::Break(spot, condition) => set(script, &spot, condition)?,
            Command::Breaks => draw::breakpoints(script.breakpoints().all()),
            Command::Clear(number) if script.breakpoints().clear(number) => format!("breakpoint {number} is no more\n"),
            Command::Clear(number) => return Err(format!("there is no breakpoint {number}; `breaks` lists them")),
            _ => format!("{}\n", command::help()),
        })
    }
}

/// Sets a breakpoint and says where it is.
fn set(script: &mut dyn Standing, spot: &str, condition: Option<String>) -> Result<String, String> {
    let here = script.place().source.clone();
    let spot = Spot::parse(spot, &here)?;
    let (spot, note) = match spot {
        Spot::Line { source, line } if source == here => match script.line_of(&source, line) {
            None => return Err(format!("nothing begins at line {line} of {source} or after it")),
            Some(found) if found == line => (Spot::Line { source, line }, ""),
            Some(found) => (Spot::Line { source, line: found }, " (the next line at which a statement begins)"),
        },
        Spot::Line { source, line } if script.text(&source).is_none() => {
            (Spot::Line { source, line }, ", when a text of that name is read")
        }
        other => (other, ""),
    };
    let condition_said = condition.as_ref().map(|condition| format!(" if {condition}")).unwrap_or_default();
    let said = spot.to_string();
    let number = script.breakpoints().add(spot, condition);
    Ok(format!("breakpoint {number} at {said}{condition_said}{note}\n"))
}

/// Why a script stopped, in words; nothing for a step.
fn why(event: &Event) -> String {
    match event {
        Event::Start => "stopped at the first statement; `help` lists the commands".to_owned(),
        Event::Step => String::new(),
        Event::BrokenInto => "stopped by Ctrl-C; `continue` goes on".to_owned(),
        Event::Breakpoint { number, trouble: None } => format!("breakpoint {number}"),
        Event::Breakpoint { number, trouble: Some(trouble) } => format!("breakpoint {number}; its condition fails: {trouble}"),
        Event::Returns(value) => format!("the function ends with {value}"),
        Event::Error(message) => format!("error: {message}"),
    }
}
