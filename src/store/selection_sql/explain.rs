//! A statement for a person to read: values in their places, and how SQLite goes about it.

use rusqlite::{Connection, params_from_iter};

use super::{Param, Piece, Statement, pieces};

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

fn inlined(statement: &Statement) -> String {
    let written = pieces(&statement.text).into_iter().map(|piece| match piece {
        Piece::Text(text) => text.to_owned(),
        Piece::Param(index) => statement.params.get(index).map_or_else(String::new, shown),
    });
    written.collect()
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
