//! `beckon man`: manual pages, made from the arguments' own help, from the guide and from the script reference.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;

use clap::CommandFactory as _;
use clap_mangen::Man;

use super::args::Cli;
use super::definitions::make_folder;
use super::docs::{book, write};
use super::exit::{Exit, Failure};
use super::guide;
use crate::script::ScriptHost;
use crate::script::reference::roff;

/// How to read them, below the help.
pub const READING: &str = "\
To read one: man -M man beckon-run; man -M man beckon-guide.
To install them, give the folder where man looks:
  beckon man -o ~/.local/share/man";

/// What each command is called like in practice. The first word is the command that it is an example of.
const EXAMPLES: &str = include_str!("assets/examples.txt");

/// Files that a site has.
const FILES: &[(&str, &str)] = &[
    (
        "site.toml",
        "the settings of the site; beckon init writes one that explains itself. The nearest folder upwards that holds one is the site",
    ),
    ("scripts/", "the scripts, *.rhai, and their tests, *.test.rhai"),
    ("templates/", "the texts of messages"),
    ("secrets/", "what site.toml refers to with file:, readable by its owner only"),
    ("beckon.db", "the store: roster, runs, deliveries and the journal"),
];

/// Variables that no option names.
const ENVIRONMENT: &[(&str, &str)] =
    &[("NO_COLOR", "no colours, when it is set to anything"), ("COLUMNS", "how wide tables may be where there is no terminal")];

/// Writes every page into the folder, in `man1` and `man7`.
///
/// # Errors
/// A folder or a file can't be written.
pub fn man(folder: &Path) -> Result<Exit, Failure> {
    let pages = pages();
    for (name, text) in &pages {
        let file = folder.join(name);
        if let Some(parent) = file.parent() {
            make_folder(parent)?;
        }
        write(&file, text)?;
    }
    println!("wrote {} manual pages to {}; `man -M {} beckon` shows the first", pages.len(), folder.display(), folder.display());
    Ok(Exit::Done)
}

/// Every page by its path: `man1/beckon-run.1`.
#[must_use]
pub fn pages() -> BTreeMap<String, String> {
    let mut root = Cli::command();
    root.build();
    let mut pages = BTreeMap::new();
    pages.insert("man1/beckon.1".to_owned(), page(&root, "beckon"));
    for command in root.get_subcommands() {
        let name = format!("beckon-{}", command.get_name());
        pages.insert(format!("man1/{name}.1"), page(command, &name));
        for inner in command.get_subcommands() {
            let name = format!("{name}-{}", inner.get_name());
            pages.insert(format!("man1/{name}.1"), page(inner, &name));
        }
    }
    pages.insert("man7/beckon-guide.7".to_owned(), guide::book().guide_manual());
    pages.insert("man7/beckon-scripts.7".to_owned(), book(&ScriptHost::new()).manual());
    pages
}

fn page(command: &clap::Command, name: &str) -> String {
    let man = Man::new(command.clone());
    let mut page = roff::title(name, 1).into_bytes();
    // Writing to memory does not fail.
    let _ = man.render_name_section(&mut page);
    let _ = man.render_synopsis_section(&mut page);
    let _ = man.render_description_section(&mut page);
    let _ = man.render_options_section(&mut page);
    if command.get_subcommands().next().is_some() {
        let _ = man.render_subcommands_section(&mut page);
    }
    // Between the words of an option and its possible values the generator breaks the line beside a gap, too.
    let mut page = String::from_utf8_lossy(&page).replace("\n.br\n\n.br\n", "\n.sp\n").replace("\n\n.br\n", "\n.sp\n");
    let help = command.get_after_help().map(ToString::to_string).unwrap_or_default();
    let codes = match help.split_once("Exit codes:\n") {
        Some((before, codes)) => {
            notes(&mut page, before);
            codes.to_owned()
        }
        None => {
            notes(&mut page, &help);
            let root = Cli::command().get_after_help().map(ToString::to_string).unwrap_or_default();
            root.split_once("Exit codes:\n").map(|(_, codes)| codes.to_owned()).unwrap_or_default()
        }
    };
    exit_status(&mut page, &codes);
    let mut variables: Vec<(String, String)> = command
        .get_arguments()
        .filter_map(|arg| {
            let option = arg.get_long()?;
            Some((arg.get_env()?.to_string_lossy().into_owned(), format!("stands for --{option} where that is not given")))
        })
        .collect();
    variables.extend(ENVIRONMENT.iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned())));
    list(&mut page, "ENVIRONMENT", variables.iter().map(|(name, text)| (name.as_str(), text.as_str())));
    list(&mut page, "FILES", FILES.iter().copied());
    examples(&mut page, name);
    let others = "beckon beckon-run beckon-check beckon-docs".split(' ').filter(|other| *other != name);
    let others: String = others.map(|other| format!(".BR {} (1),\n", roff::lines(other))).collect();
    let _ = write!(page, ".SH \"SEE ALSO\"\n{others}.BR beckon\\-guide (7),\n.BR beckon\\-scripts (7)\n");
    ascii(&page)
}

/// Other characters by their numbers: roff takes a page for Latin-1 where nobody says otherwise.
fn ascii(page: &str) -> String {
    page.chars().map(|c| if c.is_ascii() { c.to_string() } else { format!("\\[u{:04X}]", u32::from(c)) }).collect()
}

/// What else the help says, as it stands.
fn notes(page: &mut String, text: &str) {
    if !text.trim().is_empty() {
        let _ = write!(page, ".SH NOTES\n.nf\n{}\n.fi\n", roff::lines(text.trim()));
    }
}

fn exit_status(page: &mut String, codes: &str) {
    page.push_str(".SH \"EXIT STATUS\"\n");
    for line in codes.lines().map(str::trim).filter(|line| !line.is_empty()) {
        match line.split_once("  ").filter(|(code, _)| code.parse::<u8>().is_ok()) {
            Some((code, words)) => {
                let _ = write!(page, ".TP\n.B {code}\n{}\n", roff::lines(words.trim()));
            }
            None => {
                let _ = writeln!(page, "{}", roff::lines(line));
            }
        }
    }
}

fn list<'a>(page: &mut String, title: &str, rows: impl Iterator<Item = (&'a str, &'a str)>) {
    let _ = writeln!(page, ".SH {title}");
    for (name, text) in rows {
        let _ = write!(page, ".TP\n.I {}\n{}\n", roff::lines(name), roff::lines(text));
    }
}

/// Examples of this command: of the program itself, those of a first day.
fn examples(page: &mut String, name: &str) {
    let wanted = name.replacen("beckon-", "", 1);
    let (mut mine, mut said) = (String::new(), "");
    for line in EXAMPLES.lines() {
        match line.strip_prefix("# ") {
            Some(words) => said = words,
            None if !line.is_empty() => {
                let first: Vec<&str> = line.split(' ').skip(1).collect();
                let of = |n: usize| first.get(..n).map(|words| words.join("-")).unwrap_or_default();
                let belongs = wanted == of(1)
                    || wanted == of(2)
                    || wanted == "beckon" && ["init", "import", "run"].contains(&of(1).as_str());
                if belongs {
                    let _ = write!(mine, ".PP\n{}\n.PP\n.RS 4\n.nf\n.B {}\n.fi\n.RE\n", roff::lines(said), roff::lines(line));
                }
            }
            None => {}
        }
    }
    if !mine.is_empty() {
        let _ = write!(page, ".SH EXAMPLES\n{}", mine.trim_start_matches(".PP\n"));
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;

    use super::*;

    #[test]
    fn every_example_is_a_command_line_and_every_command_has_one() {
        let mut shown = std::collections::BTreeSet::new();
        for line in EXAMPLES.lines().filter(|line| line.starts_with("beckon ")) {
            let words = line.split(" > ").next().unwrap_or(line).split(" < ").next().unwrap_or(line);
            let words = words.split(' ').map(|word| word.trim_matches('"'));
            let read = Cli::try_parse_from(words.clone());
            assert!(read.is_ok(), "{line}: {}", read.unwrap_err());
            shown.extend(words.clone().nth(1).map(str::to_owned));
        }
        for command in Cli::command().get_subcommands() {
            assert!(shown.contains(command.get_name()), "{} has no example in assets/examples.txt", command.get_name());
        }
    }

    #[test]
    fn every_command_has_a_page_with_every_section() {
        let pages = pages();
        assert!(pages.contains_key("man1/beckon-schedule-list.1"), "{:?}", pages.keys());
        for (name, page) in pages.iter().filter(|(name, _)| name.starts_with("man1")) {
            for section in
                ["NAME", "SYNOPSIS", "DESCRIPTION", "OPTIONS", "\"EXIT STATUS\"", "ENVIRONMENT", "FILES", "\"SEE ALSO\""]
            {
                assert!(page.contains(&format!(".SH {section}\n")), "{name} has no {section}");
            }
        }
        let run = &pages["man1/beckon-run.1"];
        assert!(run.contains("BECKON_WAIT") && run.contains(".SH EXAMPLES") && run.contains("the script has an error"), "{run}");
    }
}
