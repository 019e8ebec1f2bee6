//! Which lines of the site's scripts ran: a table, lcov, data.

use std::fmt::Write as _;
use std::path::Path;

use serde_json::{Value, json};
use unicode_width::UnicodeWidthStr as _;

use super::super::render::Ink;
use crate::host::scripts::files;
use crate::script::{Coverage, Covered};

/// What ran of the site's scripts, without the tests themselves and the standard library. A script that no test
/// ran is not among those that the host has seen: it is listed with no line.
pub fn of_site(coverage: &Coverage, scripts: &Path) -> Vec<Covered> {
    let site = scripts.parent().unwrap_or(scripts);
    let ours = files(scripts).unwrap_or_default();
    let names = ours.iter().filter_map(|p| Some(p.strip_prefix(site).ok()?.display().to_string()));
    let seen = coverage.read();
    let one = |source: String| {
        let lines = seen.iter().find(|covered| covered.source == source).map(|covered| covered.lines.clone());
        Covered { source, lines: lines.unwrap_or_default() }
    };
    names.filter(|name| !name.ends_with(".test.rhai")).map(one).collect()
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
            (0, _) => ink.bad("no test runs it"),
            (_, missed) if missed.is_empty() => String::new(),
            (_, missed) => ink.dim(&format!("missed: {missed}")),
        };
        let line = format!("  {}{pad}  {:>4}  {told}", one.source, percent(ran, lines));
        let _ = writeln!(text, "{}", line.trim_end());
    }
    let _ = writeln!(text, "  {}{}  {:>4}\n", "in all", " ".repeat(width.saturating_sub(6)), percent(ran_in_all, lines_in_all));
    text
}

fn percent(ran: usize, lines: usize) -> String {
    if lines == 0 { "-".to_owned() } else { format!("{}%", ran * 100 / lines) }
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
