//! Which lines of the site's scripts ran: a table, lcov, data.

use std::fmt::Write as _;
use std::path::Path;

use serde_json::{Value, json};
use unicode_width::UnicodeWidthStr as _;

use super::super::ink::Ink;
use crate::host::scripts::files;
use crate::script::{Coverage, Covered, ScriptHost};

/// What ran of the site's scripts, without the tests themselves and the standard library. Of a script that no
/// test ran every line is missed.
pub fn of_site(host: &ScriptHost, coverage: &Coverage, scripts: &Path) -> Vec<Covered> {
    let site = scripts.parent().unwrap_or(scripts);
    let mut names = Vec::new();
    for path in files(scripts).unwrap_or_default() {
        let Some(name) = path.strip_prefix(site).ok().map(|inside| inside.display().to_string()) else { continue };
        if let (false, Ok(text)) = (name.ends_with(super::found::ENDING), std::fs::read_to_string(&path)) {
            host.count_lines(&name, &text);
            names.push(name);
        }
    }
    coverage.read().into_iter().filter(|covered| names.contains(&covered.source)).collect()
}

/// A line a script: how much of it ran, and which lines didn't.
pub fn table(covered: &[Covered], ink: &Ink) -> String {
    let width = covered.iter().map(|c| c.source.width()).max().unwrap_or(0);
    let mut text = format!("\n{}\n", ink.bold("lines that ran"));
    let (mut ran_in_all, mut lines_in_all) = (0, 0);
    for one in covered {
        let (ran, lines) = one.figures();
        (ran_in_all, lines_in_all) = (ran_in_all + ran, lines_in_all + lines);
        let pad = " ".repeat(width - one.source.width());
        let told = match (lines, one.missed()) {
            _ if ran == 0 => ink.bad("no test runs it"),
            (_, missed) if missed.is_empty() => String::new(),
            (_, missed) => ink.dim(&format!("missed: {missed}")),
        };
        let line = format!("  {}{pad}  {:>4}  {told}", one.source, percent(ran, lines));
        let _ = writeln!(text, "{}", line.trim_end());
    }
    let pad = " ".repeat(width.saturating_sub("in all".len()));
    let _ = writeln!(text, "  in all{pad}  {:>4}\n", percent(ran_in_all, lines_in_all));
    text
}

fn percent(ran: usize, lines: usize) -> String {
    (ran * 100).checked_div(lines).map_or_else(|| "-".to_owned(), |percent| format!("{percent}%"))
}

/// The same in the form that editors and reports read.
pub fn lcov(covered: &[Covered], site: &Path) -> String {
    let mut text = String::new();
    for one in covered.iter().filter(|c| !c.lines.is_empty()) {
        let (ran, lines) = one.figures();
        let _ = writeln!(text, "TN:\nSF:{}", site.join(&one.source).display());
        for (line, count) in &one.lines {
            let _ = writeln!(text, "DA:{line},{count}");
        }
        let _ = writeln!(text, "LF:{lines}\nLH:{ran}\nend_of_record");
    }
    text
}

pub fn as_json(covered: &Covered) -> Value {
    let (ran, lines) = covered.figures();
    json!({ "file": covered.source, "lines": lines, "ran": ran, "missed": covered.missed() })
}
