//! An error as the author of a script sees it.

use std::fmt::Write as _;

use serde::Serialize;
use unicode_width::{UnicodeWidthChar as _, UnicodeWidthStr as _};

use crate::domain::words::visible;

/// What went wrong, where, and what to do about it. Its fields are those of [`Details`]; they are kept
/// on the heap, so that a result that holds one stays small.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct ScriptError(Box<Details>);

/// The parts of an error, for `--json` and for [`ScriptError::render`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Details {
    pub kind: ErrorKind,
    /// A stable word, the same that a script can catch: `unknown_group`, `limit_operations`.
    pub code: String,
    pub message: String,
    /// The file as people call it; empty where the error has no place in a text.
    pub source: String,
    /// From 1; 0 where it has no place.
    pub line: u32,
    /// In characters, from 1.
    pub column: u32,
    /// The line itself.
    pub source_line: String,
    /// How many characters the caret underlines.
    pub length: u32,
    /// What to do about it.
    pub hint: Option<String>,
    /// The calls that led there, innermost first.
    pub trace: Vec<Frame>,
    /// Another place that belongs to it, with what is to be seen there: in the template that was asked for.
    pub note: Option<ScriptError>,
}

/// What a caller of the script host has to tell apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum ErrorKind {
    /// The text is no script.
    Syntax,
    /// It failed while it ran.
    Failed,
    /// It came to one of its limits.
    Limit,
    /// Somebody stopped it.
    Cancelled,
    /// A parameter is missing or wrong, or the person who was asked gave up.
    Parameter,
    /// A template is broken, whatever a script does with it.
    Template,
    /// `site.toml` says something that doesn't fit.
    Settings,
}

/// One call on the way to an error.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Frame {
    /// `function remind`, `module audiences`.
    pub what: String,
    pub source: String,
    pub line: u32,
    pub column: u32,
}

/// How many columns of a long line are shown, at most and at least.
const LINE_COLUMNS: usize = 110;
const COLUMNS_MIN: usize = 30;
/// What a frame calls the templates, where one of them is broken.
pub(super) const TEMPLATES: &str = "the site's templates";
const RED: &str = "\u{1b}[1;31m";
const YELLOW: &str = "\u{1b}[1;33m";
const BLUE: &str = "\u{1b}[1;34m";
const BOLD: &str = "\u{1b}[1m";
const PLAIN: &str = "\u{1b}[0m";

impl ScriptError {
    /// An error that has no place in a text.
    #[must_use]
    pub fn bare(kind: ErrorKind, code: &str, message: impl Into<String>) -> Self {
        Self::from(Details {
            kind,
            code: code.to_owned(),
            message: message.into(),
            source: String::new(),
            line: 0,
            column: 0,
            source_line: String::new(),
            length: 0,
            hint: None,
            trace: Vec::new(),
            note: None,
        })
    }

    /// For a terminal: message, place, the line with a caret, the hint, the calls. No final newline.
    #[must_use]
    pub fn render(&self, colour: bool) -> String {
        self.render_within(colour, usize::MAX)
    }

    /// The same for a terminal of so many columns: words are wrapped, and of a longer line the part around the caret
    /// is shown.
    #[must_use]
    pub fn render_within(&self, colour: bool, columns: usize) -> String {
        self.render_as("error", RED, colour, columns)
    }

    /// The same of something that need not be wrong.
    pub(super) fn render_warning(&self, colour: bool, columns: usize) -> String {
        self.render_as("warning", YELLOW, colour, columns)
    }

    /// Place, message and hint in one line.
    #[must_use]
    pub fn in_a_line(&self) -> String {
        let mut line = safe(&self.message).replace('\n', " ");
        if self.line > 0 {
            line = format!("{}:{}:{}: {line}", safe(&self.source), self.line, self.column);
        } else if !self.source.is_empty() {
            line = format!("{}: {line}", safe(&self.source));
        }
        match &self.hint {
            Some(hint) => format!("{line} ({})", safe(hint)),
            None => line,
        }
    }

    fn render_as(&self, word: &str, ink: &'static str, colour: bool, columns: usize) -> String {
        let text = self.render_one(word, ink, colour, columns);
        match &self.note {
            Some(note) => format!("{text}\n{}", note.render_as("note", BLUE, colour, columns)),
            None => text,
        }
    }

    fn render_one(&self, word: &str, ink: &'static str, colour: bool, columns: usize) -> String {
        let paint = |code: &'static str| if colour { code } else { "" };
        let plain = paint(PLAIN);
        let message = wrapped(&safe(&self.message), columns, word.len() + 2, 2);
        let mut text = format!("{}{word}{plain}{}: {message}{plain}", paint(ink), paint(BOLD));
        let number = self.line.to_string();
        let margin = " ".repeat(number.len());
        let blue = paint(BLUE);
        let mut hint = self.hint.as_deref().map(safe);
        if self.line > 0 {
            let _ = write!(text, "\n {margin}{blue}-->{plain} {}:{}:{}", safe(&self.source), self.line, self.column);
            let room = columns.saturating_sub(margin.len() + 5).clamp(COLUMNS_MIN, LINE_COLUMNS);
            let shown = Shown::of(&self.source_line, self.column, self.length, room);
            if !shown.text.is_empty() {
                let _ = write!(text, "\n {margin} {blue}|{plain}");
                let _ = write!(text, "\n {blue}{number} |{plain} {}", shown.text);
                let carets = "^".repeat(shown.carets);
                let _ = write!(text, "\n {margin} {blue}|{plain} {}{}{carets}", " ".repeat(shown.before), paint(ink));
                if let Some(said) =
                    hint.take_if(|h| h.starts_with("did you mean") && shown.before + shown.carets + h.width() < room)
                {
                    let _ = write!(text, " {said}");
                }
                text.push_str(plain);
            }
        } else if !self.source.is_empty() {
            let _ = write!(text, "\n {margin}{blue}-->{plain} {}", safe(&self.source));
        }
        for frame in &self.trace {
            let how = match frame.what.as_str() {
                TEMPLATES => "asked for",
                what if what.starts_with("module ") => "imported",
                _ => "called",
            };
            let (what, source) = (safe(&frame.what), safe(&frame.source));
            let words = format!("in {what}, {how} from {source}:{}:{}", frame.line, frame.column);
            let _ = write!(text, "\n  {}", wrapped(&words, columns, 2, 4));
        }
        if let Some(hint) = hint {
            let _ = write!(text, "\n{}hint{plain}: {}", paint(BOLD), wrapped(&hint, columns, 6, 2));
        }
        text
    }
}

impl From<Details> for ScriptError {
    fn from(details: Details) -> Self {
        Self(Box::new(details))
    }
}

impl std::ops::Deref for ScriptError {
    type Target = Details;

    fn deref(&self) -> &Details {
        &self.0
    }
}

impl std::ops::DerefMut for ScriptError {
    fn deref_mut(&mut self) -> &mut Details {
        &mut self.0
    }
}

impl std::fmt::Display for ScriptError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.render(false))
    }
}

impl std::error::Error for ScriptError {}

/// Text that can't steer a terminal: what comes from scripts and rosters is shown, not obeyed.
fn safe(text: &str) -> String {
    text.chars().map(|c| if c == '\n' { c } else { visible(c) }).collect()
}

/// Words on lines of so many columns: the first begins after `used` of them, the others after `indent` blanks.
fn wrapped(text: &str, columns: usize, used: usize, indent: usize) -> String {
    let (mut wrapped, mut at) = (String::new(), used);
    for piece in text.split_inclusive(|c: char| c.is_whitespace()) {
        let width = piece.trim_end().width();
        if at > indent && at.saturating_add(width) > columns {
            wrapped.truncate(wrapped.trim_end().len());
            wrapped.push('\n');
            wrapped.push_str(&" ".repeat(indent));
            at = indent;
        }
        wrapped.push_str(piece);
        at = if piece.ends_with('\n') { 0 } else { at + piece.width() };
    }
    wrapped
}

/// A source line ready to be printed, with the place of the caret in columns.
struct Shown {
    text: String,
    before: usize,
    carets: usize,
}

impl Shown {
    fn of(line: &str, column: u32, length: u32, room: usize) -> Self {
        let start = usize::try_from(column).unwrap_or(usize::MAX).saturating_sub(1);
        let end = start.saturating_add(usize::try_from(length).unwrap_or(1).max(1));
        // The part of a long line around the caret.
        let from = if start > room - room / 4 { start.saturating_sub(room / 3) } else { 0 };
        let (mut text, mut before, mut carets, mut width) = (String::new(), 0, 0, 0);
        if from > 0 {
            text.push('…');
            width = 1;
            before = 1;
        }
        for (index, c) in line.trim_end().chars().enumerate().skip(from) {
            let piece = if c == '\t' { "    ".to_owned() } else { visible(c).to_string() };
            let columns = if c == '\t' { 4 } else { visible(c).width().unwrap_or(0) };
            if width + columns > room {
                text.push('…');
                break;
            }
            width += columns;
            if index < start {
                before += columns;
            } else if index < end {
                carets += columns;
            }
            text.push_str(&piece);
        }
        Self { text, before, carets: carets.max(1) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(line: &str, column: u32, length: u32) -> ScriptError {
        let mut error = ScriptError::bare(ErrorKind::Failed, "unknown_group", "no group is called \"Grade5\"");
        error.source = "scripts/weekly-reminder.rhai".into();
        error.source_line = line.into();
        error.hint = Some("did you mean \"Grade 5\"?".into());
        (error.line, error.column, error.length) = (4, column, length);
        error
    }

    #[test]
    fn looks_as_the_script_api_says() {
        insta::assert_snapshot!(error("    let late = groups[\"Grade5\"].members", 23, 8).render(false), @r#"
        error: no group is called "Grade5"
          --> scripts/weekly-reminder.rhai:4:23
           |
         4 |     let late = groups["Grade5"].members
           |                       ^^^^^^^^ did you mean "Grade 5"?
        "#);
    }

    #[test]
    fn tabs_wide_letters_and_long_lines_keep_the_caret_in_place() {
        let caret = |line: &str, column, length| {
            let text = error(line, column, length).render(false);
            let lines: Vec<String> = text.lines().skip(3).take(2).map(str::to_owned).collect();
            lines.join("\n")
        };
        insta::assert_snapshot!(caret("\tgroups[\"x\"]", 9, 3), @r#"
         4 |     groups["x"]
           |            ^^^ did you mean "Grade 5"?
        "#);
        insta::assert_snapshot!(caret("let \u{65e5}\u{672c} = groups[\"x\"]", 17, 3), @r#"
         4 | let 日本 = groups["x"]
           |                   ^^^ did you mean "Grade 5"?
        "#);
        let long = format!("{}groups[\"x\"]{}", " ".repeat(300), "y".repeat(300));
        assert!(caret(&long, 308, 3).lines().all(|l| l.width() < 160));
        insta::assert_snapshot!(error(&long, 308, 3).render_within(false, 40), @r#"
    error: no group is called "Grade5"
      --> scripts/weekly-reminder.rhai:4:308
       |
     4 | …    groups["x"]yyyyyyyyyyyyyyyyyy…
       |             ^^^
    hint: did you mean "Grade 5"?
    "#);
    }

    #[test]
    fn a_narrow_terminal_gets_whole_words() {
        let mut narrow = error("groups[group].members.where(|u| u.department == \"Music\")", 8, 5);
        narrow.message = "a text, or the texts of an array together, grew longer than 8,000,000 bytes".into();
        narrow.hint = Some("this limit is fixed: a `for` loop over a selection needs no array".into());
        let called = Frame { what: "function remind".into(), source: "scripts/monthly.rhai".into(), line: 3, column: 21 };
        narrow.trace = vec![called];
        let text = narrow.render_within(false, 40);
        assert!(text.lines().all(|line| line.width() <= 40), "{text}");
        insta::assert_snapshot!(text, @r#"
    error: a text, or the texts of an array
      together, grew longer than 8,000,000
      bytes
      --> scripts/weekly-reminder.rhai:4:8
       |
     4 | groups[group].members.where(|u| u.…
       |        ^^^^^
      in function remind, called from
        scripts/monthly.rhai:3:21
    hint: this limit is fixed: a `for` loop
      over a selection needs no array
    "#);
        // Colours take no room.
        let plain: String = console::strip_ansi_codes(&narrow.render_within(true, 40)).into_owned();
        assert_eq!(plain, text);
    }

    #[test]
    fn a_note_shows_another_place() {
        let mut both = error("notify.mail(users, \"report\", #{ price: \"two\" });", 20, 8);
        (both.message, both.hint) = ("the template \"report\" can't be filled with this data".into(), None);
        let mut note = error("It costs {{ data.price - 2 }}.", 13, 14);
        (note.message, note.hint) = ("invalid operation".into(), None);
        note.source = "templates/report.nl.txt".into();
        both.note = Some(note);
        insta::assert_snapshot!(both.render(false), @r#"
    error: the template "report" can't be filled with this data
      --> scripts/weekly-reminder.rhai:4:20
       |
     4 | notify.mail(users, "report", #{ price: "two" });
       |                    ^^^^^^^^
    note: invalid operation
      --> templates/report.nl.txt:4:13
       |
     4 | It costs {{ data.price - 2 }}.
       |             ^^^^^^^^^^^^^^
    "#);
        assert!(both.render(true).contains("\u{1b}[1;34mnote"));
    }

    #[test]
    fn nothing_in_a_script_steers_the_terminal() {
        let mut evil = error("let x = \"\u{1b}[2J\u{202e}\"", 9, 5);
        evil.message = "\u{1b}]0;owned\u{7}".into();
        evil.hint = Some("\u{1b}[31m".into());
        assert!(!evil.render(false).contains(['\u{1b}', '\u{7}', '\u{202e}']));
    }
}
