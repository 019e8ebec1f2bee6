//! The book as Markdown.

use std::fmt::Write as _;

use super::{Book, Form, Part, Section};

pub fn page(book: &Book) -> String {
    let mut page = String::from(
        "# Script reference\n\nMade by `beckon docs` from the program itself. What changes the world when the run commits is marked **effect**.\n",
    );
    let mut part = Part::Api;
    for section in &book.sections {
        if section.part != part {
            part = section.part;
            let _ = writeln!(page, "\n# {}", part.title());
        }
        write_section(&mut page, section);
    }
    page
}

fn write_section(page: &mut String, section: &Section) {
    let _ = writeln!(page, "\n## {}\n", section.title);
    if !section.text.is_empty() {
        let _ = writeln!(page, "{}\n", section.text.trim_end());
    }
    if !section.fields.is_empty() {
        page.push_str("| field | type | is |\n|---|---|---|\n");
        for field in &section.fields {
            let _ = writeln!(page, "| `.{}` | {} | {} |", field.name, field.kind, field.text.replace('|', "\\|"));
        }
        page.push('\n');
    }
    for form in section.items.iter().flat_map(|item| &item.forms) {
        write_form(page, form);
    }
    // One empty line between sections.
    page.truncate(page.trim_end().len());
    page.push('\n');
}

fn write_form(page: &mut String, form: &Form) {
    let effect = form.effect.as_ref().map(|e| format!(" **effect: {e}**")).unwrap_or_default();
    let _ = writeln!(page, "### `{}`{effect}\n", form.signature);
    if !form.text.is_empty() {
        let _ = writeln!(page, "{}\n", form.text);
    }
    if !form.options.is_empty() {
        page.push_str("| option | type | is |\n|---|---|---|\n");
        for key in &form.options {
            let _ = writeln!(page, "| `{}` | {} | {} |", key.name, key.kind, key.text.replace('|', "\\|"));
        }
        page.push('\n');
    }
    if let Some(throws) = &form.throws {
        let _ = writeln!(page, "Throws {throws}\n");
    }
    if let Some(example) = &form.example {
        let _ = writeln!(page, "```rhai\n{example}\n```\n");
    }
}
