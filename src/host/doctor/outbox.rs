//! What the site remembers: the store, the journal, and whether what is due leaves.

use super::machine::size;
use super::{Finding, Looking};
use crate::domain::invite_plan::counted;
use crate::domain::time::{Span, Timestamp, show, show_span};
use crate::host::lock::DispatchLock;
use crate::host::site::Site;
use crate::store::{GAP, Store, StoreError};

/// What is due for longer than this should have left.
const OVERDUE: Span = Span::hours(1);

pub(super) fn examine(site: &Site, looking: &Looking, now: Timestamp) -> Vec<Finding> {
    let or = |what: &'static str, found: Result<Finding, StoreError>| {
        found.unwrap_or_else(|error| Finding::failed(what, error.to_string(), error.remedy()))
    };
    vec![
        or("store", store(site, looking.deep)),
        or("journal", journal(site, looking.journal_end.as_deref())),
        or("outbox", outbox(site, now)),
        or("serve", serve(site, now)),
    ]
}

fn store(site: &Site, deep: bool) -> Result<Finding, StoreError> {
    let damages = site.store.damages(deep)?;
    if let Some(first) = damages.first() {
        let words = format!("{} is damaged: {first}", site.store.path().display());
        return Ok(Finding::failed("store", words, "stop beckon, keep a copy of the file, and restore it from a backup"));
    }
    let bytes = std::fs::metadata(site.store.path()).map_or(0, |found| found.len());
    let how = if deep { "every row and index fits" } else { "sound" };
    Ok(Finding::fine("store", format!("{how}, {}, schema {}", size(bytes), Store::schema_version())))
}

fn journal(site: &Site, noted: Option<&str>) -> Result<Finding, StoreError> {
    let check = site.store.check_journal(noted)?;
    let erased = if check.erased == 0 { String::new() } else { format!(", {} of them erased as ordered", check.erased) };
    let Some(end) = check.end.as_deref().filter(|_| check.faults.is_empty()) else {
        if check.faults.is_empty() {
            return Ok(Finding::fine("journal", "empty"));
        }
        let mut words: Vec<String> = check.faults.iter().take(3).map(ToString::to_string).collect();
        let more = check.faults_found.saturating_sub(3);
        if more > 0 {
            words.push(format!("and {more} more"));
        }
        return Ok(Finding::failed(
            "journal",
            words.join("; "),
            "something else than beckon has changed the store: compare it with a backup, and see who can write the file",
        ));
    };
    let rows = usize::try_from(check.rows).unwrap_or(usize::MAX);
    Ok(Finding::fine("journal", format!("whole, {}{erased}; it ends with {}", counted(rows, "row"), shortened(end))))
}

/// The first half of the hash is more than anybody could meet again.
fn shortened(end: &str) -> &str {
    let hash = end.find(':').map_or(0, |at| at + 1);
    end.get(..hash + 32).unwrap_or(end)
}

fn outbox(site: &Site, now: Timestamp) -> Result<Finding, StoreError> {
    let stuck = site.store.stuck(now - OVERDUE)?;
    let busy = matches!(DispatchLock::try_take(site.store.path()), Ok(None));
    if stuck.sending > 0 && !busy {
        let words = format!("in hand when beckon stopped, and nobody has gone on: {}", deliveries(stuck.sending));
        return Ok(Finding::warning("outbox", words, "`beckon deliver` takes them over; so does `beckon serve`"));
    }
    if let Some((oldest, channel)) = stuck.oldest {
        let zone = site.config.site.timezone;
        let words =
            format!("overdue: {}, the oldest since {} by {}", deliveries(stuck.overdue), show(oldest, zone), channel.word());
        let remedy = if busy {
            "see what the channel says below"
        } else {
            "`beckon deliver` hands over what is due; `beckon serve` does so by itself"
        };
        return Ok(Finding::warning("outbox", words, remedy));
    }
    Ok(Finding::fine("outbox", if busy { "another beckon is handing over; nothing is overdue" } else { "nothing is overdue" }))
}

/// `1 delivery`, `2 deliveries`.
fn deliveries(n: u32) -> String {
    if n == 1 { "1 delivery".to_owned() } else { format!("{n} deliveries") }
}

fn serve(site: &Site, now: Timestamp) -> Result<Finding, StoreError> {
    let Some(last) = site.store.last_beat()? else {
        return Ok(Finding::fine("serve", "`beckon serve` has never run on this site"));
    };
    let ago = now - last;
    if ago <= GAP {
        return Ok(Finding::fine("serve", "`beckon serve` is running"));
    }
    let words = format!("`beckon serve` was last alive {} ago", show_span(ago));
    Ok(Finding::warning("serve", words, "start it again, or see why its service does not: schedules and reminders wait for it"))
}
