//! `beckon doctor`: whether the site works, line by line, and what to do where it doesn't.

use std::fmt::Write as _;

use serde_json::json;

use super::args;
use super::check;
use super::exit::{Exit, Failure};
use super::ink::Ink;
use super::layout;
use super::session::Session;
use super::width;
use crate::domain::invite_plan::counted;
use crate::host::config::SiteConfig;
use crate::host::doctor::{Finding, Health, Looking, examine};
use crate::host::site::Site;

/// What the help says below the options.
pub const CODES: &str = "\
Nothing is sent, and nothing changed.

Exit codes:
  0  nothing failed; there may be warnings
  1  something failed
  5  all that failed is for whoever writes the site's files: settings, secrets,
     token, scripts";

/// Looks at everything and tells it.
///
/// # Errors
/// There is no site, its `site.toml` can't be read, or its store can't be opened.
pub fn doctor(session: &Session, args: &args::Doctor) -> Result<Exit, Failure> {
    let site = session.open_site()?;
    if let Some(noted) = &args.journal_end
        && !is_end(noted)
    {
        return Err(Failure::new(Exit::Usage, format!("--journal-end: {noted:?} is no end of a journal")).remedy(
            "it is a row's number, a colon and a hash, as `beckon doctor` told it, such as 1024:9f86d081884c7d659a2feaa0c55ad015",
        ));
    }
    let looking = Looking { deep: args.deep, mx: args.mx.clone(), journal_end: args.journal_end.clone(), offline: args.offline };
    let make_ports = |config: &SiteConfig| {
        session.ports(config).map_err(|failure| {
            // The path and place are the same for all of them.
            let mut lines = failure.message.splitn(2, "\n  hint: ");
            let what = lines.next().unwrap_or_default().to_owned();
            (what, lines.next().map(str::to_owned).or(failure.remedy).unwrap_or_else(|| "see site.toml".to_owned()))
        })
    };
    let mut findings = files(&site)?;
    findings.extend(session.block_on(examine(&site, &make_ports, &looking, session.clock.now()))?);
    if args.json {
        println!("{}", as_json(&findings));
    } else {
        print!("{}", tell(&findings, width(), &Ink::new(session.ink.out)));
    }
    Ok(exit(&findings))
}

/// `1024:9f86d0…`, with at least half of the hash.
fn is_end(text: &str) -> bool {
    text.split_once(':').is_some_and(|(row, hash)| {
        row.parse::<i64>().is_ok_and(|row| row > 0)
            && (32..=64).contains(&hash.len())
            && hash.bytes().all(|b| b.is_ascii_hexdigit())
    })
}

/// What `beckon check` finds, in a line each.
fn files(site: &Site) -> Result<Vec<Finding>, Failure> {
    let checked = check::look(site, &[])?;
    let more = "`beckon check` shows all of it";
    let errors: Vec<_> = checked.findings().filter(|finding| finding.is_error()).collect();
    let scripts = match errors.first() {
        None => Finding::fine("scripts", format!("{} scripts can be run", checked.scripts().count())),
        Some(first) => {
            let words = format!("{}, the first: {}", counted(errors.len(), "error"), first.error.in_a_line());
            Finding::failed("scripts", words, more).of_settings()
        }
    };
    let templates = match checked.templates.first() {
        None => Finding::fine("templates", "every text can be written"),
        Some(first) => Finding::failed("templates", first.error.in_a_line(), more).of_settings(),
    };
    let settings = match site.config.warnings.len() {
        0 => Finding::fine("settings", "site.toml says nothing that has no effect"),
        n => Finding::warning(
            "settings",
            format!("site.toml says {n} things to know, told above"),
            "take out what you don't rely on",
        ),
    };
    Ok(vec![settings, scripts, templates])
}

/// 0 where nothing failed; 5 where all that failed is for whoever writes the site's files; else 1.
fn exit(findings: &[Finding]) -> Exit {
    let mut failed = findings.iter().filter(|finding| finding.health == Health::Failed).peekable();
    if failed.peek().is_none() {
        return Exit::Done;
    }
    if failed.all(|finding| finding.of_settings) { Exit::Configuration } else { Exit::PartlyFailed }
}

fn tell(findings: &[Finding], width: usize, ink: &Ink) -> String {
    let widest = findings.iter().map(|finding| finding.what.len()).max().unwrap_or(0);
    let mut text = String::new();
    for finding in findings {
        let word = format!("{:<7}", finding.health.word());
        let line = format!("{word}  {:<widest$}  {}", finding.what, finding.words);
        let indent = 7 + 2 + widest + 2;
        let line = layout::wrapped(&line, width, 0, indent);
        let painted = match finding.health {
            Health::Fine => ink.good(&word),
            Health::Warning => ink.bold(&word),
            Health::Failed => ink.bad(&word),
        };
        text.push_str(&line.replacen(&word, &painted, 1));
        if !finding.remedy.is_empty() {
            text.push_str(&layout::wrapped(&finding.remedy, width, indent + 2, indent + 2));
        }
    }
    let count = |health| findings.iter().filter(|finding| finding.health == health).count();
    let _ = writeln!(
        text,
        "{} looked at: {} ok, {} to know of, {} failed",
        findings.len(),
        count(Health::Fine),
        count(Health::Warning),
        count(Health::Failed)
    );
    text
}

fn as_json(findings: &[Finding]) -> serde_json::Value {
    let list: Vec<_> = findings
        .iter()
        .map(|f| json!({ "what": f.what, "health": f.health.word(), "words": f.words, "remedy": f.remedy, "of_settings": f.of_settings }))
        .collect();
    json!({ "health": findings.iter().map(|f| f.health).max().unwrap_or(Health::Fine).word(), "findings": list })
}
