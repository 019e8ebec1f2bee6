//! A site that is served, with schedules every few seconds; and what must hold of it, whatever happened
//! to whoever served it.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write as _;
use std::time::Duration;

use beckon::channels::system_clock::SystemClock;
use beckon::domain::time::Timestamp;
use beckon::ports::clock::Clock as _;
use beckon::sim::lock;
use beckon::store::Store;

use super::check::{self, Delivery, deliveries, doubtful_are_told, ensure, number, records_are_single, rows, store_is_sound};
use super::child::Child;
use super::site::Site;

pub const SERVE: [&str; 1] = ["serve"];

/// Name, seconds between two of its moments, further keys, script.
const SCHEDULES: [(&str, i64, &str, &str); 5] = [
    // Four mails, every time.
    (
        "tell",
        2,
        "overlap = \"queue\"",
        "notify.mail(groups[\"Staff\"], \"message\", #{ subject: `At ${now().format(\"%H:%M:%S\")}`, text: \"Nothing new.\" });",
    ),
    // A few people after the other, with their devices, and a reminder a minute later. Some can't be reached.
    (
        "invite",
        3,
        "",
        "let next = users.in_group(\"Grade 5\").where(|u| u.status == \"none\").limit(6);\n\
         invite.plan(next, \"not-invited\").send(#{ remind: [minutes(1)] });",
    ),
    // More people than a run may reach.
    ("over", 7, "", "invite.plan([groups[\"Grade 5\"], groups[\"Staff\"]], \"not-enrolled\").send();"),
    ("endless", 9, "", "loop {}"),
    ("broken", 11, "missed = \"skip\"", "users.find(\"nobody at all\").mail;"),
];

/// Gives a site that is ready its schedules.
pub fn schedule(site: &Site) {
    let mut more = "\ninvitations_per_run = 38\nreminder_gap = \"1m\"\nscript = { operations = 100_000 }\n".to_owned();
    for (name, seconds, keys, script) in SCHEDULES {
        more.push_str(&format!(
            "\n[[schedule]]\nname = \"{name}\"\nscript = \"{name}.rhai\"\ncron = \"*/{seconds} * * * * *\"\ntimezone = \"Europe/Amsterdam\"\n{keys}\n"
        ));
        std::fs::write(site.dir.join("scripts").join(format!("{name}.rhai")), format!("{script}\n")).unwrap();
    }
    // Its last section is [limits].
    let mut file = std::fs::OpenOptions::new().append(true).open(site.dir.join("site.toml")).unwrap();
    file.write_all(more.as_bytes()).unwrap();
}

/// As if the time that a dead process's claims hold had passed: half a minute that nobody waits for here.
pub fn leases_end(site: &Site) {
    let store = rusqlite::Connection::open(site.dir.join("beckon.db")).unwrap();
    store.busy_timeout(Duration::from_secs(15)).unwrap();
    store.execute("UPDATE moments SET lease = lease - 31000 WHERE state = 'claimed'", []).unwrap();
}

/// Whoever serves the site now has taken over everything that was left by those before `since`.
pub fn is_taken_over(site: &Site, since: Timestamp) -> bool {
    let since = since.timestamp_millis();
    let claimed = format!("SELECT COUNT(*) FROM moments WHERE state = 'claimed' AND at <= {since}");
    // It has looked at each schedule, too: the rarest is due every eleven seconds.
    let behind = format!("SELECT COUNT(*) FROM schedules WHERE accounted < {since}");
    number(site, &claimed) == 0 && number(site, &behind) == 0
}

/// Asks again and again, as long as the service lives and a test is willing to wait.
pub fn wait_until(within: Duration, service: &Child, holds: impl Fn() -> bool) -> bool {
    let step = Duration::from_millis(100);
    let mut left = within;
    while !holds() {
        let Some(rest) = left.checked_sub(step) else { return false };
        if service.has_ended_within(step) {
            return false;
        }
        left = rest;
    }
    true
}

/// Nobody serves the site any more: what is left in the outbox leaves, or says why not.
pub fn settle(site: &Site) -> Result<(), String> {
    let mut said = String::new();
    for wait in ["2s", "4s", "8s", "20s"] {
        // A far side that is down for now is told by its exit code.
        said = site.command(&["deliver", "--wait", wait, "--json"]).to_string();
        if deliveries(site).iter().all(|delivery| has_ended_or_waits(delivery).is_ok()) {
            break;
        }
    }
    deliveries(site).iter().try_for_each(has_ended_or_waits).map_err(|words| format!("{words}\n{said}"))
}

/// Everything that must hold when the last one that served has been stopped.
pub fn all_is_well(site: &Site) -> Result<(), String> {
    store_is_sound(site)?;
    journal_is_whole(site)?;
    for (name, seconds, ..) in SCHEDULES {
        every_moment_has_its_row(site, name, seconds * 1000)?;
    }
    every_run_has_its_moment(site)?;
    let deliveries = deliveries(site);
    deliveries.iter().try_for_each(has_ended_or_waits)?;
    mails_are_right(site, &deliveries)?;
    commands_are_right(site, &deliveries)?;
    records_are_single(site)?;
    doubtful_are_told(site, &deliveries)
}

pub fn journal_is_whole(site: &Site) -> Result<(), String> {
    let store = Store::open(&site.dir.join("beckon.db")).map_err(|e| e.to_string())?;
    let found = store.check_journal(None).map_err(|e| e.to_string())?;
    ensure!(found.faults.is_empty() && found.rows > 0, "the journal is not whole: {found:?}");
    Ok(())
}

/// A row of `moments`: when it was due, its state, run, words and owner, and how many moments it stands for.
type MomentRow = (i64, String, Option<i64>, String, Option<String>, i64);

/// From its first to its last moment none is missing; all have ended, and say why where they did not run.
fn every_moment_has_its_row(site: &Site, name: &str, apart: i64) -> Result<(), String> {
    let of = format!("SELECT at, state, run_id, words, owner, number FROM moments WHERE schedule = '{name}' ORDER BY at");
    let rows: Vec<MomentRow> =
        rows(site, &of, |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?, row.get(4)?, row.get(5)?)));
    let told = |at: i64| format!("{name}, {at}: {:?}", rows.iter().find(|row| row.0 == at));
    let due = |ms: i64| ms.rem_euclid(60_000) % apart == 0 && ms % 1000 == 0;
    let Some((first, last)) = rows.first().map(|row| row.0).zip(rows.last().map(|row| row.0)) else {
        return Err(format!("{name} never fired"));
    };
    let moments = (first..=last).step_by(1000).filter(|ms| due(*ms));
    let found: BTreeSet<i64> = rows.iter().map(|row| row.0).collect();
    let wanted: BTreeSet<i64> = moments.collect();
    ensure!(found == wanted, "{name}: without a row {:?}, not due {:?}", wanted.difference(&found), found.difference(&wanted));
    let accounted = number(site, &format!("SELECT accounted FROM schedules WHERE name = '{name}'"));
    ensure!(accounted == last, "{name}: accounted for until {accounted}, and the last row is of {last}");
    let mut given_back = 0;
    for (at, state, run, words, owner, number) in &rows {
        ensure!(*number == 1, "several moments share a row: {}", told(*at));
        match state.as_str() {
            "ran" => ensure!(run.is_some(), "it ran without a run: {}", told(*at)),
            "held" => ensure!(run.is_some() && name == "over", "{}", told(*at)),
            "failed" => {
                let killed = words.contains("beckon died");
                ensure!(killed || ["endless", "broken"].contains(&name), "{}", told(*at));
            }
            "skipped" | "missed" => ensure!(run.is_none() && !words.is_empty(), "{}", told(*at)),
            // What was being run when the last one was stopped is the next one's.
            "claimed" => {
                ensure!(owner.is_none() && last - at < 10_000, "still claimed: {}", told(*at));
                given_back += 1;
            }
            _ => return Err(told(*at)),
        }
    }
    ensure!(given_back <= 6, "{given_back} moments of {name} were given back");
    Ok(())
}

/// No moment was committed twice: each run of a schedule is one moment's.
fn every_run_has_its_moment(site: &Site) -> Result<(), String> {
    let runs = number(site, "SELECT COUNT(*) FROM runs WHERE trigger LIKE 'schedule%'");
    let moments = number(site, "SELECT COUNT(DISTINCT run_id) FROM moments WHERE run_id IS NOT NULL");
    let all = number(site, "SELECT COUNT(run_id) FROM moments");
    ensure!(runs == moments && moments == all, "{runs} runs of schedules, and {moments} of {all} moments have one");
    has_worked(site)
}

/// Otherwise there would be little to check.
pub fn has_worked(site: &Site) -> Result<(), String> {
    let ran = number(site, "SELECT COUNT(*) FROM moments WHERE state = 'ran' AND schedule = 'tell'");
    ensure!(ran > 3, "only {ran} moments of tell ran");
    let invited = number(site, "SELECT COUNT(*) FROM users WHERE status = 'invited'");
    ensure!(invited > 2, "only {invited} people were invited");
    Ok(())
}

fn has_ended_or_waits(delivery: &Delivery) -> Result<(), String> {
    check::has_ended_or_waits(delivery, |delivery| match delivery.state.as_str() {
        "pending" => delivery.due_ms > SystemClock.now().timestamp_millis(),
        "deferred" | "cancelled" => !delivery.words.is_empty(),
        _ => false,
    })
}

/// What is in a mailbox was asked for and is there once; what was handed over is there.
fn mails_are_right(site: &Site, deliveries: &[Delivery]) -> Result<(), String> {
    let world = lock(&site.running.world);
    let twice = world.mail.duplicates();
    ensure!(twice.is_empty(), "kept twice under one Message-ID: {twice:?}");
    let kept: BTreeMap<&str, &[String]> = world.mail.stored().iter().map(|m| (m.message_id.as_str(), m.to.as_slice())).collect();
    let ours: BTreeMap<String, &Delivery> =
        deliveries.iter().filter(|d| d.channel == "mail").map(|d| (d.message_id(), d)).collect();
    for (id, to) in &kept {
        let Some(delivery) = ours.get(*id) else { return Err(format!("nobody asked for the mail {id} to {to:?}")) };
        ensure!(**to == [delivery.mail.clone()], "it went to {to:?}: {delivery:?}");
        ensure!(["accepted", "doubtful"].contains(&delivery.state.as_str()), "it is in the mailbox: {delivery:?}");
    }
    let lost = ours.iter().find(|(id, delivery)| delivery.state == "accepted" && !kept.contains_key(id.as_str()));
    ensure!(lost.is_none(), "it is not in the mailbox: {lost:?}");
    Ok(())
}

fn commands_are_right(site: &Site, deliveries: &[Delivery]) -> Result<(), String> {
    let world = lock(&site.running.world);
    let ours: Vec<_> = deliveries.iter().filter(|d| d.channel == "mdm").collect();
    for delivery in ours.iter().filter(|d| ["queued", "notnow", "accepted"].contains(&d.state.as_str())) {
        ensure!(world.mdm.holds(&delivery.far_id), "the MDM server never got its command: {delivery:?}");
    }
    let (commands, shown) = (world.mdm.commands(), world.mdm.shown());
    ensure!(commands <= ours.len(), "{commands} commands for {} deliveries to devices", ours.len());
    ensure!(shown <= ours.len() as u64, "{shown} prompts for {} deliveries to devices", ours.len());
    Ok(())
}

/// How many mails are doubtful.
pub fn doubtful(site: &Site) -> usize {
    check::deliveries(site).iter().filter(|d| d.state == "doubtful").count()
}
