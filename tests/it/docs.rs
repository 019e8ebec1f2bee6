//! The documents say what the program does: generated pages are compared, tables are read back, and
//! every script, site file, command line and link in the README and the guide is put through the real checks.
//!
//! `BECKON_BLESS=1` writes the generated page anew.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use beckon::cli::args::Cli;
use beckon::cli::exit::Exit;
use beckon::host::config::SiteConfig;
use beckon::script::ScriptHost;
use clap::{CommandFactory as _, Parser as _};

/// What people wrote for people.
const DOCUMENTS: [&str; 3] = ["README.md", GUIDE, "ARCHITECTURE.md"];

/// What has a table of everything.
const GUIDE: &str = "scripts/GUIDE.md";

fn file(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(name)
}

fn read(name: &str) -> String {
    std::fs::read_to_string(file(name)).unwrap_or_else(|e| panic!("{name}: {e}"))
}

/// The cells of the first table below a heading of the guide, without the table's own head.
fn table(heading: &str) -> Vec<Vec<String>> {
    let text = read(GUIDE);
    let below = text.split_once(&format!("\n{heading}\n")).unwrap_or_else(|| panic!("the guide has no heading {heading:?}")).1;
    let rows = below.lines().skip_while(|l| !l.starts_with('|')).take_while(|l| l.starts_with('|')).skip(2);
    rows.map(|row| row.trim_matches('|').split('|').map(|cell| cell.trim().to_owned()).collect()).collect()
}

/// The fenced blocks of a language in all documents, each with its file and line.
fn all_blocks(language: &str) -> Vec<(String, String)> {
    let mut found = Vec::new();
    for name in DOCUMENTS {
        found.extend(blocks(&read(name), language).into_iter().map(|(line, block)| (format!("{name}:{line}"), block)));
    }
    assert!(!found.is_empty());
    found
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
    let page = beckon::cli::docs::book(&ScriptHost::new()).markdown();
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
fn the_guide_names_every_command_and_no_other() {
    let rows = table("## Commands");
    let named: BTreeSet<String> = rows.iter().filter_map(|row| quoted(&row[0]).split(' ').nth(1).map(str::to_owned)).collect();
    let real: BTreeSet<String> = Cli::command().get_subcommands().map(|c| c.get_name().to_owned()).collect();
    assert_eq!(named, real);
}

#[test]
fn the_guides_exit_codes_are_those_of_the_help() {
    let said: Vec<(String, String)> =
        table("## Exit codes").into_iter().map(|row| (quoted(&row[0]).to_owned(), row[1].clone())).collect();
    let help = Cli::command().get_after_help().expect("the help ends with the exit codes").to_string();
    let helped: Vec<(String, String)> = help
        .split_once("Exit codes:\n")
        .expect("the help ends with the exit codes")
        .1
        .lines()
        .filter_map(|line| line.trim().split_once("  ").map(|(code, words)| (code.to_owned(), words.trim().to_owned())))
        .collect();
    assert_eq!(said, helped);
    let codes: Vec<String> = Exit::ALL.iter().map(|exit| exit.code().to_string()).collect();
    assert_eq!(said.into_iter().map(|(code, _)| code).collect::<Vec<_>>(), codes);
}

#[test]
fn the_guide_has_every_column_of_a_roster_file() {
    let rows: BTreeSet<String> =
        table("### Columns").iter().flat_map(|row| row[1].split(", ").map(str::to_owned).collect::<Vec<_>>()).collect();
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
    assert!(missing.is_empty(), "the guide's table of columns lacks {missing:?}");
}

#[test]
fn every_script_in_a_document_is_one() {
    let host = ScriptHost::new();
    for (place, script) in all_blocks("rhai") {
        let errors: Vec<String> = host.check("document", &script).iter().map(|e| e.render(false)).collect();
        assert!(errors.is_empty(), "the script at {place}:\n{}", errors.join("\n"));
    }
}

/// What documents tell people to write has an effect in this version: no warning is due.
#[test]
fn every_site_file_in_a_document_is_valid_and_has_an_effect() {
    for (place, file) in all_blocks("toml") {
        let whole = if file.contains("[site]") { file } else { format!("{file}\n[site]\nname = \"S\"\ntimezone = \"UTC\"\n") };
        match SiteConfig::parse(Path::new("school"), &whole) {
            Ok(config) => assert_eq!(config.warnings, Vec::<String>::new(), "at {place}"),
            Err(errors) => panic!("the site file at {place}: {}", errors[0]),
        }
    }
}

#[test]
fn no_line_of_a_terminal_in_a_document_is_wider_than_a_terminal() {
    for (place, block) in all_blocks("console") {
        for shown in block.lines() {
            assert!(unicode_width::UnicodeWidthStr::width(shown) <= 80, "below {place}, too wide: {shown}");
        }
    }
}

/// The words of a command line, as a shell takes them apart; what a shell does with its output is left out.
fn words(line: &str) -> Vec<String> {
    let (mut found, mut word, mut quote) = (Vec::new(), None::<String>, None);
    for c in line.chars() {
        match (quote, c) {
            (None, '<' | '>' | '|' | '#' | '…') => break,
            (None, '\'' | '"') => {
                quote = Some(c);
                word.get_or_insert_default();
            }
            (Some(open), c) if c == open => quote = None,
            (None, ' ') => found.extend(word.take()),
            (_, c) => word.get_or_insert_default().push(c),
        }
    }
    found.extend(word);
    found
}

#[test]
fn every_command_line_in_a_document_is_one() {
    let mut seen = 0;
    for (place, block) in all_blocks("console") {
        for line in block.lines().filter_map(|line| line.strip_prefix("$ beckon ")) {
            let read = Cli::try_parse_from(words(&format!("beckon {line}")));
            assert!(read.is_ok(), "below {place}: beckon {line}: {}", read.unwrap_err());
            seen += 1;
        }
    }
    assert!(seen > 20, "{seen}");
}

/// The place of a heading, as pages that show Markdown call it.
fn places(text: &str) -> BTreeSet<String> {
    let mut in_code = false;
    let headings = text.lines().filter(|line| {
        in_code ^= line.starts_with("```");
        !in_code && line.starts_with('#')
    });
    let place = |heading: &str| {
        let kept = heading.trim_start_matches('#').trim().chars().filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'));
        kept.map(|c| if c == ' ' { '-' } else { c }).collect::<String>().to_lowercase()
    };
    headings.map(place).collect()
}

#[test]
fn every_link_of_a_document_leads_somewhere() {
    let mut seen = 0;
    for name in DOCUMENTS {
        let text = read(name);
        for target in text.split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
            if target.starts_with("https://") {
                continue;
            }
            let (path, place) = target.split_once('#').unwrap_or((target, ""));
            let led = if path.is_empty() { file(name) } else { file(name).parent().expect("a folder").join(path) };
            assert!(led.exists(), "{name}: nothing is at {target}");
            if !place.is_empty() {
                let there = std::fs::read_to_string(&led).expect("it is a document");
                assert!(places(&there).contains(place), "{name}: {target} has no such heading");
            }
            seen += 1;
        }
    }
    assert!(seen > 40, "{seen}");
}

/// Who opens it should see within a minute what beckon is; everything else stands in the guide.
#[test]
fn the_readme_stays_short() {
    let lines = read("README.md").lines().count();
    assert!(lines <= 450, "the README has {lines} lines: what goes deeper belongs into {GUIDE}");
}

/// A text below the options is printed as it stands, so it has to fit a terminal.
#[test]
fn every_help_fits_a_terminal() {
    fn look(command: &clap::Command) {
        let below = command.get_after_help().map(ToString::to_string).unwrap_or_default();
        for line in below.lines() {
            let width = unicode_width::UnicodeWidthStr::width(line);
            assert!(width <= 80, "the help of {} is too wide: {line}", command.get_name());
        }
        command.get_subcommands().for_each(look);
    }
    look(&Cli::command());
}
