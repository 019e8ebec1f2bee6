//! `beckon import`: the difference is shown first, then taken in one transaction.

use std::io::IsTerminal as _;

use serde_json::json;

use super::args;
use super::exit::{Exit, Failure};
use super::ink::Ink;
use super::layout::wrapped;
use super::question::says_yes;
use super::session::Session;
use super::width;
use crate::domain::invite_plan::counted;
use crate::domain::roster_change::{Change, ChangeKind, Difference, Incoming, RowKind};
use crate::host::site::Site;
use crate::store::ImportOptions;

/// How many changes and rejected rows are shown one by one unless all are asked for.
const SHOWN: usize = 12;

/// A file that would take away more than this share of what an earlier import brought is more
/// likely a wrong or cut-off file than the truth.
const REMOVED_SHARE_MAX: f64 = 0.25;

const KINDS: [RowKind; 7] =
    [RowKind::User, RowKind::Group, RowKind::Membership, RowKind::Nesting, RowKind::Device, RowKind::App, RowKind::AppToken];

/// Imports roster files.
///
/// # Errors
/// A file can't be read or recognised; nothing was changed. Or the store's.
pub fn import(session: &Session, args: &args::Import) -> Result<Exit, Failure> {
    let site = session.open_site()?;
    let incoming = crate::roster_files::read(&args.files).map_err(|e| Failure::new(Exit::Configuration, e.to_string()))?;
    let options = ImportOptions { source: "import".to_owned(), keep_missing: args.keep_missing };
    let preview = site.store.preview_roster(&incoming, &options)?;
    let difference = preview.difference();
    if args.json {
        println!("{}", as_json(difference));
    } else {
        print!("{}", show(difference, if args.all { usize::MAX } else { SHOWN }, width(), &Ink::new(session.ink.out)));
    }
    let rejected = if difference.rejected.is_empty() { Exit::Done } else { Exit::PartlyFailed };
    if difference.is_empty() || args.dry_run {
        if args.dry_run && !difference.is_empty() {
            eprintln!("dry run: nothing was changed");
        }
        return Ok(rejected);
    }
    confirm(session, args, &site, &incoming, difference)?;
    let mut new_id = || (session.new_id)();
    let taken = site.store.take_previewed(preview, session.clock.now(), &mut new_id)?;
    if !args.json {
        print!("{}", wrapped(&format!("taken into the roster: {}", counts(&taken)), width(), 0, 2));
    }
    Ok(rejected)
}

fn confirm(
    session: &Session,
    args: &args::Import,
    site: &Site,
    incoming: &Incoming,
    difference: &Difference,
) -> Result<(), Failure> {
    let (_, _, removed) = difference.counts(RowKind::User);
    let there = removed + incoming.users.len();
    #[expect(clippy::cast_precision_loss, reason = "a roster is far smaller than 2^52")]
    let share = removed as f64 / there.max(1) as f64;
    let large = removed >= 10 && share > REMOVED_SHARE_MAX;
    if large {
        eprintln!("careful: this takes away {removed} of about {there} users; a file that was cut off looks just like that");
    }
    if args.yes && !large {
        return Ok(());
    }
    if !std::io::stdin().is_terminal() {
        let failure = Failure::new(Exit::Refused, "refused: nobody is here to confirm; nothing was changed");
        return Err(if large {
            failure.remedy("confirm it on a terminal, or import with --keep-missing, which takes nobody away")
        } else {
            failure.remedy("look at the difference with --dry-run, then import with --yes")
        });
    }
    if says_yes(session, &format!("Take this into {}? [y/N] ", site.config.site.name))? {
        return Ok(());
    }
    Err(Failure::new(Exit::Refused, "not confirmed: nothing was changed"))
}

fn counts(difference: &Difference) -> String {
    let parts: Vec<String> = KINDS
        .iter()
        .filter_map(|kind| {
            let (added, changed, removed) = difference.counts(*kind);
            let all = added + changed + removed;
            (all > 0).then(|| counted(all, kind.noun()))
        })
        .collect();
    if parts.is_empty() { "nothing".to_owned() } else { parts.join(", ") }
}

/// The difference as people read it.
#[must_use]
pub fn show(difference: &Difference, most: usize, width: usize, ink: &Ink) -> String {
    use std::fmt::Write as _;
    let mut text = String::new();
    if difference.is_empty() {
        text.push_str("nothing changes: the roster holds all of this already\n");
    }
    for kind in KINDS {
        let (added, changed, removed) = difference.counts(kind);
        if added + changed + removed > 0 {
            let title = format!("{:<14}", format!("{}s", kind.noun()));
            let _ = writeln!(text, "{} {added:>7} added {changed:>7} changed {removed:>7} removed", ink.bold(&title));
        }
    }
    for change in difference.changes.iter().filter(|c| c.what != ChangeKind::Added).take(most) {
        let _ = writeln!(text, "  {}", one(change));
    }
    let told = difference.changes.iter().filter(|c| c.what != ChangeKind::Added).count();
    if told > most {
        let _ = writeln!(text, "  and {} more (--all shows them)", told - most);
    }
    for warning in difference.warnings.iter().take(most) {
        let line = wrapped(&format!("warning: {warning}"), width, 0, 2);
        text.push_str(&line.replacen("warning:", &ink.bold("warning:"), 1));
    }
    if difference.warnings.len() > most {
        let _ = writeln!(text, "  and {} more warnings", difference.warnings.len() - most);
    }
    if !difference.rejected.is_empty() {
        let _ = writeln!(text, "{}", ink.bad(&format!("{} rejected", difference.rejected.len())));
        for row in difference.rejected.iter().take(most) {
            let place =
                if row.place.line > 0 { format!("{}:{}", row.place.file, row.place.line) } else { row.place.file.clone() };
            let about = if row.about.is_empty() { String::new() } else { format!(" {}:", row.about) };
            text.push_str(&wrapped(&format!("{place}:{about} {}", row.reason), width, 2, 6));
        }
        if difference.rejected.len() > most {
            let _ = writeln!(text, "  and {} more (--all shows them)", difference.rejected.len() - most);
        }
    }
    text
}

fn one(change: &Change) -> String {
    match &change.what {
        ChangeKind::Added => format!("+ {} {}", change.kind.noun(), change.name),
        ChangeKind::Removed => format!("- {} {}", change.kind.noun(), change.name),
        ChangeKind::Changed(fields) => {
            let fields: Vec<String> =
                fields.iter().map(|(name, before, after)| format!("{name}: {before:?} becomes {after:?}")).collect();
            format!("~ {} {}: {}", change.kind.noun(), change.name, fields.join(", "))
        }
    }
}

fn as_json(difference: &Difference) -> serde_json::Value {
    let changes: Vec<_> = difference
        .changes
        .iter()
        .map(|change| match &change.what {
            ChangeKind::Added => json!({ "kind": change.kind.noun(), "name": change.name, "what": "added" }),
            ChangeKind::Removed => json!({ "kind": change.kind.noun(), "name": change.name, "what": "removed" }),
            ChangeKind::Changed(fields) => json!({
                "kind": change.kind.noun(), "name": change.name, "what": "changed",
                "fields": fields.iter().map(|(name, before, after)| json!({ "name": name, "before": before, "after": after })).collect::<Vec<_>>(),
            }),
        })
        .collect();
    let rejected: Vec<_> = difference
        .rejected
        .iter()
        .map(|r| json!({ "file": r.place.file, "line": r.place.line, "about": r.about, "reason": r.reason }))
        .collect();
    json!({ "changes": changes, "rejected": rejected, "warnings": difference.warnings })
}
