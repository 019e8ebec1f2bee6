//! What a name of the API is and does, in a few lines that a script can print.

use super::api;
use super::catalog::{Catalog, EntryKind};
use super::problem::Problem;
use super::reference::{Book, Form, Found, Section};

/// `""`: what there is to begin with. `users`, `Selection`, `where`, `invite.plan`.
///
/// # Errors
/// `unknown_name`, with the nearest.
pub fn describe(catalog: &Catalog, name: &str) -> Result<String, Problem> {
    if name.trim().is_empty() {
        return Ok(overview(catalog));
    }
    let book = Book::of(catalog);
    let found = book.find(name);
    if found.is_empty() {
        let problem = Problem::new("unknown_name", format!("there is nothing called {name:?}")).about(name);
        let near = book.near(name).first().map(|near| format!("did you mean {near:?}?"));
        return Err(problem.hint("`help()` shows what there is").maybe_hint(near));
    }
    let told = found.iter().map(|one| match one {
        Found::Section(section) => of_section(section),
        Found::Item(item) => item.forms.iter().map(of_form).collect::<Vec<_>>().join("\n\n"),
        Found::Field(section, field) => {
            format!("{}.{} -> {}{}", section.id, field.name, field.kind, indented(&field.text, 2))
        }
    });
    Ok(told.collect::<Vec<_>>().join("\n\n"))
}

fn overview(catalog: &Catalog) -> String {
    let mut text = String::new();
    for (name, _, purpose) in api::GLOBALS {
        text.push_str(&format!("{name:<10} {purpose}\n"));
    }
    let free = catalog.entries().iter().filter(|e| !e.standard && e.kind == EntryKind::Function && !e.is_method());
    let mut functions: Vec<&str> = free.map(|entry| entry.name.as_str()).collect();
    functions.sort_unstable();
    functions.dedup();
    text.push_str(&format!("functions: {}\n", functions.join(", ")));
    text.push_str("help(\"users\"), help(\"where\"), help(\"invite.plan\") tell of each");
    text
}

/// What a type is for, and the names that it has.
fn of_section(section: &Section) -> String {
    let mut text = format!("{}{}", section.title, indented(&section.text, 2));
    let fields: Vec<&str> = section.fields.iter().map(|field| field.name.as_str()).collect();
    let items: Vec<&str> = section.items.iter().map(|item| item.title.as_str()).collect();
    for (title, names) in [("fields", fields), ("functions", items)] {
        if !names.is_empty() {
            text.push_str(&format!("\n{title}: {}", names.join(", ")));
        }
    }
    text
}

/// How a function is written, what it does, and what it can cause.
fn of_form(form: &Form) -> String {
    let mut text = format!("{}{}", form.signature, indented(&form.text, 2));
    for option in &form.options {
        text.push_str(&format!("\n  option {}: {}, {}", option.name, option.kind, option.text));
    }
    if let Some(throws) = &form.throws {
        text.push_str(&format!("\n  throws {}", throws.replace('\n', " ")));
    }
    match &form.effect {
        Some(effect) => text.push_str(&format!("\n  effect: {effect}, when the run commits")),
        None => text.push_str("\n  changes nothing"),
    }
    text.push_str(&indented(form.example.as_deref().unwrap_or_default(), 4));
    text
}

fn indented(text: &str, by: usize) -> String {
    let lines = text.lines().filter(|line| !line.trim().is_empty());
    lines.map(|line| format!("\n{:by$}{line}", "")).collect()
}

#[cfg(test)]
mod tests {
    use crate::script::testing::trial;

    #[test]
    fn a_name_is_described_by_what_it_is() {
        let says = |name: &str, words: &[&str]| {
            let text = trial(&format!("help({name:?})")).output();
            words.iter().for_each(|word| assert!(text.contains(word), "{name}: {text}"));
        };
        says("", &["users      all users", "functions: ", "days"]);
        says("users", &["Selection", "functions: ", "where"]);
        says("where", &["selection.where(closure: closure) -> Selection", "changes nothing", "let late = "]);
        says("invite.plan", &["invite.plan(", "-> Plan"]);
        says("plan.send", &["effect: invite", "option remind"]);
        says("days()", &["days("]);
    }

    #[test]
    fn a_name_that_there_is_not_is_an_error_with_the_nearest() {
        assert!(trial("help(\"dayz\")").error().starts_with("error: there is nothing called \"dayz\""));
        assert!(trial("help()").output().contains("help(\"users\")"));
    }
}
