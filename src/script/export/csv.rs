//! CSV as RFC 4180 has it, made safe for spreadsheets.
//!
//! A cell that begins with `=`, `+`, `-`, `@`, a tab or a carriage return is a formula to a spreadsheet, and
//! whoever may choose a name would have it run at the desk of whoever opens the file. Such a text gets an
//! apostrophe in front, as OWASP advises: a spreadsheet takes it for text. Numbers are figures and stay as they
//! are. Programs that need every text unchanged read JSON.

use serde_json::Value;

/// What a spreadsheet takes for the beginning of a formula; the wide forms are taken for the plain ones by some.
const FORMULA: [char; 10] = ['=', '+', '-', '@', '\t', '\r', '\u{ff1d}', '\u{ff0b}', '\u{ff0d}', '\u{ff20}'];

/// One record with its line end.
pub fn line<'a>(text: &mut String, cells: impl Iterator<Item = &'a str>) {
    let begun = text.len();
    for (n, cell) in cells.enumerate() {
        if n > 0 {
            text.push(',');
        }
        if cell.contains([',', '"', '\r', '\n']) {
            text.push('"');
            text.push_str(&cell.replace('"', "\"\""));
            text.push('"');
        } else {
            text.push_str(cell);
        }
    }
    if text.len() > begun {
        text.push_str("\r\n");
    }
}

/// A value as the text of a cell; several of them are separated by semicolons.
pub fn cell(value: &Value) -> String {
    match value {
        Value::Number(_) => plain(value),
        other => guarded(plain(other)),
    }
}

fn plain(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        Value::Bool(_) | Value::Number(_) => value.to_string(),
        Value::Array(items) => items.iter().map(plain).collect::<Vec<_>>().join("; "),
        Value::Object(map) => map.iter().map(|(key, value)| format!("{key}: {}", plain(value))).collect::<Vec<_>>().join("; "),
    }
}

fn guarded(text: String) -> String {
    // Some look past spaces.
    if text.starts_with(FORMULA) || text.trim_start().starts_with(FORMULA) { format!("'{text}") } else { text }
}
