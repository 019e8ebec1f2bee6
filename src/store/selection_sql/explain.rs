//! A statement for a person to read: values in their places, and how SQLite goes about it.

use rusqlite::{Connection, params_from_iter};

use super::{Param, Statement};

/// Longer texts are cut in what people read, never in what runs.
const SHOWN_MAX: usize = 60;

/// The statement with its values written into it, and one line for each step of SQLite's plan.
pub(in crate::store) fn explain(connection: &Connection, statement: &Statement) -> rusqlite::Result<String> {
    let mut text = inlined(statement);
    let mut plan = connection.prepare(&format!("EXPLAIN QUERY PLAN {}", statement.text))?;
    let mut steps = plan.query(params_from_iter(&statement.params))?;
    while let Some(step) = steps.next()? {
        let detail: String = step.get("detail")?;
        text.push_str("\n-- ");
        text.push_str(&detail.to_lowercase());
    }
    Ok(text)
}

/// No name or keyword of ours holds a question mark, so each one in the text begins a parameter.
fn inlined(statement: &Statement) -> String {
    let mut pieces = statement.text.split('?');
    let mut text = pieces.next().unwrap_or_default().to_owned();
    for piece in pieces {
        let digits = piece.find(|c: char| !c.is_ascii_digit()).unwrap_or(piece.len());
        let (number, rest) = piece.split_at(digits);
        let param = number.parse::<usize>().ok().and_then(|n| statement.params.get(n.checked_sub(1)?));
        text.push_str(&param.map_or_else(|| format!("?{number}"), shown));
        text.push_str(rest);
    }
    text
}

fn shown(param: &Param) -> String {
    match param {
        Param::Int(n) => n.to_string(),
        Param::Text(text) => quoted(text),
        Param::Bytes(bytes) => quoted(&String::from_utf8_lossy(bytes)),
        Param::Ids(ids) => {
            let first: Vec<String> = ids.iter().take(5).map(ToString::to_string).collect();
            let more = if ids.len() > 5 { format!(", … {} ids", ids.len()) } else { String::new() };
            format!("'[{}{more}]'", first.join(", "))
        }
    }
}

/// Control characters are replaced: what a roster holds must not move a reader's cursor.
fn quoted(text: &str) -> String {
    let cut = text.chars().count() > SHOWN_MAX;
    let clean: String = text.chars().take(SHOWN_MAX).map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect();
    format!("'{}{}'", clean.replace('\'', "''"), if cut { "…" } else { "" })
}
