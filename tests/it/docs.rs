//! The documents say what the program does: generated pages are compared, tables are read back, and
//! every script and site file in the README is put through the real checks.
//!
//! `BECKON_BLESS=1` writes the generated page anew.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use beckon::cli::args::Cli;
use beckon::cli::exit::Exit;
use beckon::host::config::SiteConfig;
use beckon::script::ScriptHost;
use clap::CommandFactory as _;

fn file(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(name)
}

fn readme() -> String {
    std::fs::read_to_string(file("README.md")).expect("the README is readable")
}

/// The cells of the first table below a heading, without the table's own head.
fn table(text: &str, heading: &str) -> Vec<Vec<String>> {
    let below = text.split_once(&format!("\n{heading}\n")).unwrap_or_else(|| panic!("the README has no heading {heading:?}")).1;
    let rows = below.lines().skip_while(|l| !l.starts_with('|')).take_while(|l| l.starts_with('|')).skip(2);
    rows.map(|row| row.trim_matches('|').split('|').map(|cell| cell.trim().to_owned()).collect()).collect()
}

/// The fenced blocks of a language, each with the line on which it begins.
fn blocks(text: &str, language: &str) -> Vec<(usize, String)> {
    let mut found = Vec::new();
    let mut open: Option<(usize, bool, String)> = None;
    for (n, line) in text.lines().enumerate() {
        match (&mut open, line.strip_prefix("```")) {
            (None, Some(info)) => open = Some((n + 2, info.trim() == language, String::new())),
            (Some((at, wanted, block)), Some(_)) => {
                if *wanted {
                    found.push((*at, std::mem::take(block)));
                }
                open = None;
            }
            (Some((_, _, block)), None) => {
                block.push_str(line);
                block.push('\n');
            }
            (None, None) => {}
        }
    }
    assert!(open.is_none(), "a block is not closed");
    found
}

/// What stands in the first pair of backquotes.
fn quoted(cell: &str) -> &str {
    cell.split('`').nth(1).unwrap_or_default()
}

#[test]
fn the_script_reference_is_the_programs_own() {
    let page = ScriptHost::new().reference().markdown();
    let path = file("scripts/API.md");
    if std::env::var_os("BECKON_BLESS").is_some() {
        std::fs::write(&path, &page).expect("scripts/API.md is writable");
    }
    let held = std::fs::read_to_string(&path).unwrap_or_default();
    let first = page.lines().zip(held.lines()).position(|(new, old)| new != old);
    let at = first.map_or(page.lines().count().min(held.lines().count()) + 1, |n| n + 1);
    assert!(
        page == held,
        "scripts/API.md differs from `beckon docs` from line {at} on: BECKON_BLESS=1 cargo test --test it docs"
    );
}

#[test]
fn the_readme_names_every_command_and_no_other() {
    let rows = table(&readme(), "## Commands");
    let named: BTreeSet<String> = rows.iter().filter_map(|row| quoted(&row[0]).split(' ').nth(1).map(str::to_owned)).collect();
    let real: BTreeSet<String> = Cli::command().get_subcommands().map(|c| c.get_name().to_owned()).collect();
    assert_eq!(named, real);
}

#[test]
fn the_readmes_exit_codes_are_those_of_the_help() {
    let said: Vec<(String, String)> =
        table(&readme(), "## Exit codes").into_iter().map(|row| (quoted(&row[0]).to_owned(), row[1].clone())).collect();
    let help = Cli::command().get_after_help().expect("the help ends with the exit codes").to_string();
    let helped: Vec<(String, String)> = help
        .lines()
        .skip(1)
        .filter_map(|line| line.trim().split_once("  ").map(|(code, words)| (code.to_owned(), words.trim().to_owned())))
        .collect();
    assert_eq!(said, helped);
    let codes: Vec<String> = Exit::ALL.iter().map(|exit| exit.code().to_string()).collect();
    assert_eq!(said.into_iter().map(|(code, _)| code).collect::<Vec<_>>(), codes);
}

#[test]
fn the_readme_has_every_column_of_a_roster_file() {
    let text = readme();
    let rows: BTreeSet<String> =
        table(&text, "### Columns").iter().flat_map(|row| row[1].split(", ").map(str::to_owned).collect::<Vec<_>>()).collect();
    let mut missing = Vec::new();
    let mut kind = "";
    for line in beckon::roster_files::columns_help().lines().skip_while(|line| !line.is_empty()).collect::<Vec<_>>() {
        match line.strip_prefix("  ") {
            None => kind = line,
            Some(column) => {
                let required = column.starts_with('*');
                let name = column.trim_start_matches('*').split_whitespace().next().unwrap_or_default();
                let shown = if required { format!("**`{name}`**") } else { format!("`{name}`") };
                if !rows.contains(&shown) {
                    missing.push(format!("{kind}: {shown}"));
                }
            }
        }
    }
    assert!(missing.is_empty(), "the README's table of columns lacks {missing:?}");
}

#[test]
fn every_script_in_the_readme_is_one() {
    let host = ScriptHost::new();
    let text = readme();
    let scripts = blocks(&text, "rhai");
    assert!(!scripts.is_empty());
    for (line, script) in scripts {
        let errors: Vec<String> = host.check("README.md", &script).iter().map(|e| e.render(false)).collect();
        assert!(errors.is_empty(), "the script at line {line} of the README:\n{}", errors.join("\n"));
    }
}

/// What the README tells people to write has an effect in this version: no warning is due.
#[test]
fn every_site_file_in_the_readme_is_valid_and_has_an_effect() {
    let text = readme();
    let files = blocks(&text, "toml");
    assert!(!files.is_empty());
    for (line, file) in files {
        let whole = if file.contains("[site]") { file } else { format!("{file}\n[site]\nname = \"S\"\ntimezone = \"UTC\"\n") };
        match SiteConfig::parse(Path::new("school"), &whole) {
            Ok(config) => assert_eq!(config.warnings, Vec::<String>::new(), "at line {line} of the README"),
            Err(errors) => panic!("the site file at line {line} of the README: {}", errors[0]),
        }
    }
}

#[test]
fn no_line_of_a_terminal_in_the_readme_is_wider_than_a_terminal() {
    let text = readme();
    for (line, block) in blocks(&text, "console") {
        for (n, shown) in block.lines().enumerate() {
            assert!(unicode_width::UnicodeWidthStr::width(shown) <= 80, "line {} of the README is too wide: {shown}", line + n);
        }
    }
}
