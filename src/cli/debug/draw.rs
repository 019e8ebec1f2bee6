//! What the debugger shows, as text for a width. Nothing of a script steers the terminal.

use unicode_width::UnicodeWidthStr as _;

use super::why;
use crate::cli::ink::Ink;
use crate::cli::layout::cut;
use crate::domain::words::visible;
use crate::script::debug::{Breakpoint, Call, Event, Place, Standing, Variable};

/// Lines before and after the one in the middle of a listing.
pub const AROUND: u32 = 4;
/// The same at a stop.
const AROUND_STOP: u32 = 2;

/// A stop: why, where where that is another text than before, and the lines around.
pub fn stop(script: &dyn Standing, is_elsewhere: bool, width: usize, ink: &Ink) -> String {
    let place = script.place();
    let mut text = String::new();
    let why = clean(&why(script.event()));
    if !why.is_empty() {
        let why = cut(&why, width);
        let is_bad = matches!(script.event(), Event::Error(_));
        text.push_str(&format!("{}\n", if is_bad { ink.bad(&why) } else { ink.bold(&why) }));
    }
    let what = script.calls().first().map(|call| call.what.clone()).unwrap_or_default();
    if is_elsewhere || !why.is_empty() {
        text.push_str(&format!("{}\n", ink.dim(&cut(&clean(&format!("{place}, in {what}")), width))));
    }
    let source = script.text(&place.source).unwrap_or_default();
    text.push_str(&lines(&source, place.line.saturating_sub(AROUND_STOP), place.line + AROUND_STOP, place, width, ink).0);
    text
}

/// Lines around `middle`, and the last one of them.
pub fn listing(source: &str, middle: u32, place: &Place, width: usize, ink: &Ink) -> (String, u32) {
    let (text, last) = lines(source, middle.saturating_sub(AROUND), middle.saturating_add(AROUND), place, width, ink);
    if text.is_empty() { ("the text ends before\n".to_owned(), 0) } else { (text, last) }
}

fn lines(source: &str, from: u32, to: u32, place: &Place, width: usize, ink: &Ink) -> (String, u32) {
    let from = from.max(1);
    let digits = to.to_string().len();
    let mut text = String::new();
    let mut last = from;
    for (number, line) in (1_u32..).zip(source.lines()).skip_while(|(n, _)| *n < from).take_while(|(n, _)| *n <= to) {
        let is_here = number == place.line;
        let shown = cut(&clean(&line.replace('\t', "    ")), width.saturating_sub(digits + 5));
        let mark = if is_here { "->" } else { "  " };
        let row = format!("{mark} {number:>digits$} {shown}");
        text.push_str(&format!("{}\n", if is_here { ink.bold(row.trim_end()) } else { row.trim_end().to_owned() }));
        last = number;
    }
    (text, last)
}

pub fn variables(variables: &[Variable], width: usize, ink: &Ink) -> String {
    if variables.is_empty() {
        return "no variables are in sight\n".to_owned();
    }
    let names = variables.iter().map(|variable| variable.name.width()).max().unwrap_or(0).min(20);
    let line = |variable: &Variable| {
        let pad = " ".repeat(names.saturating_sub(variable.name.width()));
        let room = width.saturating_sub(names.max(variable.name.width()) + 3);
        format!("{}{pad} = {}\n", ink.bold(&clean(&variable.name)), cut(&clean(&variable.value), room))
    };
    variables.iter().map(line).collect()
}

pub fn calls(calls: &[Call], ink: &Ink) -> String {
    let line = |(n, call): (usize, &Call)| {
        let text = clean(&format!("{}, at {}", call.what, call.at));
        format!("{}\n", if n == 0 { ink.bold(&text) } else { format!("called from {text}") })
    };
    calls.iter().enumerate().map(line).collect()
}

pub fn plan(asked: &[String], ink: &Ink) -> String {
    if asked.is_empty() {
        return "nothing has been asked for yet\n".to_owned();
    }
    let line = |(n, summary): (usize, &String)| {
        let number = ink.dim(&format!("{}.", n + 1));
        let text: Vec<String> = summary.lines().map(clean).collect();
        format!("{number} {}\n", text.join("\n   "))
    };
    asked.iter().enumerate().map(line).collect()
}

pub fn breakpoints(all: &[Breakpoint]) -> String {
    if all.is_empty() {
        return "there are no breakpoints; `break PLACE` sets one\n".to_owned();
    }
    let line = |point: &Breakpoint| {
        let condition = point.condition.as_ref().map(|condition| format!(" if {condition}")).unwrap_or_default();
        format!("{}\n", clean(&format!("{} at {}{condition}", point.number, point.spot)))
    };
    all.iter().map(line).collect()
}

/// In one line, and with nothing that a terminal obeys.
fn clean(text: &str) -> String {
    text.chars().map(visible).collect()
}
