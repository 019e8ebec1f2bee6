//! `beckon docs`: the guide and what scripts can say, as a page or one name at a time.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use clap::Args;

use super::debug::command;
use super::exit::{Exit, Failure};
use super::guide;
use super::ink::Ink;
use super::layout::{table, wrapped};
use super::repl::commands::COMMANDS;
use super::session::Session;
use super::width;
use crate::script::ScriptHost;
use crate::script::reference::{Block, Book, Field, Form, Found, Item, Section, blocks, plain};

/// What of it, and as what.
#[derive(Debug, Args)]
pub struct Docs {
    /// Only this: a function, a type, a field, a module, a chapter (`plan.send`, `users`, `calendar`, `limits`)
    pub name: Option<String>,
    /// The guide for whoever looks after a site, instead of what scripts can say; with a name, only its
    /// chapters with this in their title
    #[arg(long)]
    pub guide: bool,
    /// Both as one HTML page that needs nothing else, with search
    #[arg(long, conflicts_with_all = ["name", "guide"])]
    pub html: bool,
    /// Into a file instead of standard output
    #[arg(long, short, value_name = "FILE")]
    pub output: Option<PathBuf>,
}

/// How many things of one name are told at once; of more, only their names.
const TOLD: usize = 3;

/// Prints or writes the guide, the reference, or what one name means.
///
/// # Errors
/// The name means nothing, or the file can't be written.
pub fn docs(session: &Session, args: &Docs) -> Result<Exit, Failure> {
    let ink = Ink::new(session.ink.out && args.output.is_none());
    let whole = || book(&ScriptHost::new());
    let text = match &args.name {
        Some(name) if args.guide => chapters(name, &ink)?,
        Some(name) => match about(&whole(), name, "beckon docs", &ink) {
            // A chapter of the guide has no other name.
            Err(unknown) => chapters(name, &ink).map_err(|_| unknown)?,
            found => found?,
        },
        None if args.guide => guide::markdown(),
        None if args.html => whole().behind(guide::book()).html(),
        None => whole().markdown(),
    };
    match &args.output {
        Some(file) => write(file, &text)?,
        None => print!("{text}"),
    }
    Ok(Exit::Done)
}

/// The reference with the commands of the prompt and of the debugger.
#[must_use]
pub fn book(host: &ScriptHost) -> Book {
    let mut text = String::from(
        "`beckon repl` runs what is typed as a runbook would. Reading is immediate; what a line asks for waits in a tray, and \
         nothing of it happens before `:send`. The prompt's own commands begin with a colon, and may be shortened: `:rev`.\n\n\
         | command | does |\n|---|---|\n",
    );
    for about in COMMANDS {
        let usage = format!(":{} {}", about.name, about.takes);
        let _ = writeln!(text, "| `{}` | {}. {} |", usage.trim_end(), about.line, about.more.replace('\n', " "));
    }
    text.push_str(
        "\n### The debugger\n\n`beckon run SCRIPT --debug` and `:debug` stop at statements and wait for one of these:\n\n",
    );
    text.push_str("| command | does |\n|---|---|\n");
    for (usage, short, line) in command::listed() {
        let short = if short.is_empty() { String::new() } else { format!(", `{short}`") };
        let _ = writeln!(text, "| `{usage}`{short} | {line} |");
    }
    host.reference().with_chapter("prompt", "The prompt", &text)
}

/// Writes a file.
///
/// # Errors
/// It can't be written.
pub(super) fn write(file: &Path, text: &str) -> Result<(), Failure> {
    std::fs::write(file, text).map_err(|e| Failure::new(Exit::Failed, format!("can't write {}: {e}", file.display())))
}

/// What a name means, in full. `ask`: the command with which a person asks for another one.
///
/// # Errors
/// It means nothing.
pub(super) fn about(book: &Book, name: &str, ask: &str, ink: &Ink) -> Result<String, Failure> {
    let found = book.find(name);
    if found.is_empty() {
        let near: Vec<String> = book.near(name).iter().map(|n| format!("`{ask} {n}`")).collect();
        let failure = Failure::new(Exit::Usage, format!("the reference has no {name:?}"));
        let remedy = match near.as_slice() {
            [] => "`beckon docs` shows everything".to_owned(),
            near => format!("did you mean {}?", near.join(" or ")),
        };
        return Err(failure.remedy(remedy));
    }
    Ok(told(name, &found, ask, ink))
}

/// The guide's chapters with all these words in their titles.
fn chapters(words: &str, ink: &Ink) -> Result<String, Failure> {
    let book = guide::book();
    let wanted: Vec<String> = words.to_lowercase().split([' ', '-']).map(str::to_owned).collect();
    let meant = |section: &&Section| wanted.iter().all(|word| section.title.to_lowercase().contains(word.as_str()));
    let found: Vec<Found> = book.sections.iter().filter(meant).map(Found::Section).collect();
    if found.is_empty() {
        let titles: Vec<&str> = book.sections.iter().map(|section| section.title.as_str()).collect();
        let failure = Failure::new(Exit::Usage, format!("the guide has no chapter {words:?}"));
        return Err(failure.remedy(format!("its chapters: {}", titles.join("; "))));
    }
    Ok(told(words, &found, "beckon docs --guide", ink))
}

fn told(name: &str, found: &[Found], ask: &str, ink: &Ink) -> String {
    if found.len() > TOLD {
        let mut text = wrapped(&format!("{} things are called {name}; ask for one of them:", found.len()), width(), 0, 0);
        for one in found {
            let _ = writeln!(text, "  {ask} {}", one.name());
        }
        return text;
    }
    let teller = Teller { ink, width: width().min(100) };
    let told: Vec<String> = found
        .iter()
        .map(|one| match one {
            Found::Section(section) => teller.section(section),
            Found::Item(item) => teller.item(item),
            Found::Field(section, field) => teller.field(section, field),
        })
        .collect();
    told.join("\n")
}

struct Teller<'a> {
    ink: &'a Ink,
    width: usize,
}

impl Teller<'_> {
    fn section(&self, section: &Section) -> String {
        let mut text = format!("{}\n", self.ink.bold(&section.title));
        self.text(&mut text, &section.text);
        if !section.fields.is_empty() {
            let rows: Vec<Vec<String>> =
                section.fields.iter().map(|f| vec![format!(".{}", f.name), f.kind.clone(), plain(&f.text)]).collect();
            let _ = write!(text, "\n{}", self.rows(&["field", "type", "is"], &rows));
        }
        if !section.items.is_empty() {
            let rows: Vec<Vec<String>> = section.items.iter().flat_map(|item| &item.forms).map(row).collect();
            let _ = write!(text, "\n{}", self.rows(&["function", "does"], &rows));
        }
        text
    }

    fn item(&self, item: &Item) -> String {
        let forms: Vec<String> = item.forms.iter().map(|form| self.form(form)).collect();
        forms.join("\n")
    }

    fn form(&self, form: &Form) -> String {
        let mut text = self.ink.bold(&form.signature);
        if let Some(effect) = &form.effect {
            let _ = write!(text, "  {}", self.ink.bad(&format!("effect: {effect}")));
        }
        text.push('\n');
        self.text(&mut text, &form.text);
        if !form.options.is_empty() {
            let rows: Vec<Vec<String>> =
                form.options.iter().map(|key| vec![key.name.clone(), plain(&key.kind), plain(&key.text)]).collect();
            let _ = write!(text, "\n{}", self.rows(&["option", "type", "is"], &rows));
        }
        if let Some(throws) = &form.throws {
            self.text(&mut text, &format!("Throws {throws}"));
        }
        if let Some(example) = &form.example {
            self.code(&mut text, example);
        }
        text
    }

    fn field(&self, section: &Section, field: &Field) -> String {
        let mut text = format!("{}\n", self.ink.bold(&format!("{}.{} -> {}", section.id, field.name, field.kind)));
        self.text(&mut text, &field.text);
        text
    }

    fn text(&self, text: &mut String, markdown: &str) {
        for block in blocks(markdown) {
            match block {
                Block::Heading(title) => {
                    let _ = writeln!(text, "\n  {}", self.ink.bold(&plain(title)));
                }
                Block::Paragraph(words) => {
                    let _ = write!(text, "\n{}", wrapped(&plain(&words), self.width, 2, 2));
                }
                Block::List(items) => {
                    text.push('\n');
                    for item in items {
                        text.push_str(&wrapped(&format!("- {}", plain(&item)), self.width, 2, 4));
                    }
                }
                Block::Table(head, rows) => {
                    let head: Vec<&str> = head.iter().map(String::as_str).collect();
                    let rows: Vec<Vec<String>> = rows.iter().map(|row| row.iter().map(|cell| plain(cell)).collect()).collect();
                    let _ = write!(text, "\n{}", self.rows(&head, &rows));
                }
                Block::Code(_, code) => self.code(text, &code),
            }
        }
    }

    fn code(&self, text: &mut String, code: &str) {
        text.push('\n');
        for line in code.lines() {
            let _ = writeln!(text, "{}", self.ink.dim(&format!("      {line}")).trim_end());
        }
    }

    /// Rows whose last column is wrapped, never cut: it is what somebody came to read.
    fn rows(&self, head: &[&str], rows: &[Vec<String>]) -> String {
        let Some(last) = head.len().checked_sub(1) else { return String::new() };
        let widest = |column: usize| rows.iter().filter_map(|r| r.get(column)).map(|c| c.chars().count()).max().unwrap_or(0);
        let before: usize = (0..last).map(|column| widest(column).max(head.get(column).map_or(0, |h| h.len())) + 2).sum();
        // Where the first columns leave no room, what they hold stands above what it means.
        let room = self.width.saturating_sub(before + 2);
        if room < 30 {
            let mut text = String::new();
            for row in rows {
                let (name, rest) = row.split_at(last.min(row.len()));
                let _ = writeln!(text, "  {}", self.ink.bold(&name.join("  ")));
                text.push_str(&wrapped(&rest.concat(), self.width, 6, 6));
            }
            return text;
        }
        let mut lines: Vec<Vec<String>> = Vec::new();
        for row in rows {
            let meaning = wrapped(row.get(last).map_or("", String::as_str), room, 0, 0);
            for (n, line) in meaning.lines().enumerate() {
                let cell = |column: usize| if n == 0 { row.get(column).cloned().unwrap_or_default() } else { String::new() };
                lines.push((0..last).map(cell).chain([line.to_owned()]).collect());
            }
        }
        let text = table(head, &lines, self.width.saturating_sub(2), self.ink);
        text.lines().map(|line| format!("  {line}\n")).collect()
    }
}

/// A function in a list: how it is called, and the first sentence about it.
fn row(form: &Form) -> Vec<String> {
    let effect = form.effect.as_ref().map(|e| format!(" [effect: {e}]")).unwrap_or_default();
    let first = form.text.split("\n\n").next().unwrap_or_default().replace('\n', " ");
    let sentence = first.split_once(". ").map_or(first.as_str(), |(sentence, _)| sentence);
    vec![form.signature.clone(), format!("{}{effect}", plain(sentence.trim_end_matches('.')))]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::script::reference::Part;

    #[test]
    fn every_name_is_told_with_its_signature_a_sentence_and_an_example() {
        let host = ScriptHost::new();
        let book = host.reference();
        for name in host.vocabulary().documented() {
            let told =
                about(&book, &name, ":doc", &Ink::new(false)).unwrap_or_else(|failure| panic!("{name}: {}", failure.message));
            assert!(told.trim().lines().count() > 1, "{name}: {told}");
        }
        let parts = |part| book.sections.iter().filter(move |section| section.part == part);
        for section in parts(Part::Api).chain(parts(Part::Library)) {
            for field in &section.fields {
                assert!(!field.kind.is_empty() && !field.text.trim().is_empty(), "{} says nothing", field.id);
            }
            for item in &section.items {
                for form in &item.forms {
                    assert!(!form.signature.is_empty() && !form.text.trim().is_empty(), "{} says nothing", form.signature);
                }
                let is_called = item.forms.iter().any(|form| form.signature.contains('('));
                assert!(!is_called || item.forms.iter().any(|form| form.example.is_some()), "{} has no example", item.id);
            }
        }
    }
}
