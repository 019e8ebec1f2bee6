//! What must hold of a site and its far sides, whatever happened to the program in between.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use beckon::channels::system_clock::SystemClock;
use beckon::domain::time::Span;
use beckon::ports::clock::Clock as _;
use beckon::sim::lock;

use super::site::Site;

/// Fails with words unless it holds.
macro_rules! ensure {
    ($holds:expr, $($words:tt)*) => {
        if !$holds {
            return Err(format!($($words)*));
        }
    };
}
pub(super) use ensure;

/// A delivery as the store has it.
#[derive(Clone, Debug)]
pub struct Delivery {
    /// `17.3`
    pub name: String,
    pub username: String,
    pub full_name: String,
    pub mail: String,
    pub device: String,
    pub channel: String,
    pub step: String,
    pub state: String,
    pub due_ms: i64,
    pub far_id: String,
    pub words: String,
}

impl Delivery {
    pub fn message_id(&self) -> String {
        format!("{}@sunnyside.example", self.far_id)
    }

    /// What it is for: the same in every site of the same school.
    fn purpose(&self) -> String {
        format!("{} {} {} {}", self.username, self.channel, self.step, self.device)
    }
}

/// What a run without any trouble comes to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Expected {
    pub deliveries: BTreeSet<String>,
    pub records: usize,
}

impl Expected {
    /// From a site where nothing went wrong.
    pub fn of(site: &Site) -> Self {
        let deliveries = deliveries(site).iter().map(Delivery::purpose).collect();
        Self { deliveries, records: lock(&site.running.world).apple.records().count() }
    }
}

pub fn open(folder: &Path) -> rusqlite::Connection {
    let flags = rusqlite::OpenFlags::SQLITE_OPEN_READ_ONLY;
    let connection = rusqlite::Connection::open_with_flags(folder.join("beckon.db"), flags).expect("the store opens");
    connection.busy_timeout(std::time::Duration::from_secs(15)).expect("a timeout can be set");
    connection
}

/// One number out of the store.
pub fn number(site: &Site, sql: &str) -> i64 {
    rows(site, sql, |row| row.get(0)).pop().unwrap_or_else(|| panic!("{sql}: no row"))
}

/// What the store answers to a query.
pub fn rows<T>(site: &Site, sql: &str, read: impl FnMut(&rusqlite::Row<'_>) -> rusqlite::Result<T>) -> Vec<T> {
    let store = open(&site.dir);
    let rows = store.prepare(sql).and_then(|mut query| query.query_map([], read)?.collect());
    rows.unwrap_or_else(|e| panic!("{sql}: {e}"))
}

/// Runs that were committed.
pub fn runs(site: &Site) -> i64 {
    number(site, "SELECT COUNT(*) FROM runs")
}

pub fn deliveries(site: &Site) -> Vec<Delivery> {
    rows(
        site,
            "SELECT d.run_id || '.' || d.number, COALESCE(u.username, ''), COALESCE(u.full_name, ''), COALESCE(u.mail, d.address, ''),
                    COALESCE(v.serial, ''), d.channel, d.step, d.state, d.due, d.far_id, COALESCE(d.words, '')
             FROM deliveries d LEFT JOIN users u ON u.id = d.user_id LEFT JOIN devices v ON v.id = d.device_id ORDER BY d.id",
    |row| {
        Ok(Delivery {
            name: row.get(0)?,
            username: row.get(1)?,
            full_name: row.get(2)?,
            mail: row.get(3)?,
            device: row.get(4)?,
            channel: row.get(5)?,
            step: row.get(6)?,
            state: row.get(7)?,
            due_ms: row.get(8)?,
            far_id: row.get(9)?,
            words: row.get(10)?,
        })
    })
}

/// The file is sound, whatever else.
pub fn store_is_sound(site: &Site) -> Result<(), String> {
    let connection = open(&site.dir);
    let said: String = connection.query_row("PRAGMA integrity_check", [], |row| row.get(0)).map_err(|e| e.to_string())?;
    ensure!(said == "ok", "the store is damaged: {said}");
    let mut prepared = connection.prepare("PRAGMA foreign_key_check").map_err(|e| e.to_string())?;
    ensure!(!prepared.exists([]).map_err(|e| e.to_string())?, "a row of the store refers to nothing");
    Ok(())
}

/// No run was committed: then nothing at all has happened, here or at the far sides.
pub fn nothing_happened(site: &Site) -> Result<(), String> {
    store_is_sound(site)?;
    for table in ["runs", "deliveries", "invitations", "decisions", "messages"] {
        let rows = number(site, &format!("SELECT COUNT(*) FROM {table}"));
        ensure!(rows == 0, "nothing was committed, and {table} has {rows} rows");
    }
    let world = lock(&site.running.world);
    let (asked, mails, commands) = (world.apple.requests(), world.mail.stored().len(), world.mdm.commands());
    ensure!(asked == 0, "nothing was committed, and Apple was asked {asked} times");
    ensure!(mails + commands == 0, "nothing was committed, and {mails} mails and {commands} commands left");
    Ok(())
}

/// The outbox is quiet: everything has ended or waits for a reason, and the far sides agree with it.
pub fn all_is_well(site: &Site, expected: &Expected) -> Result<(), String> {
    store_is_sound(site)?;
    let deliveries = deliveries(site);
    let purposes: BTreeSet<String> = deliveries.iter().map(Delivery::purpose).collect();
    ensure!(purposes.len() == deliveries.len(), "something was committed twice: {deliveries:#?}");
    let missing: Vec<_> = expected.deliveries.difference(&purposes).collect();
    let extra: Vec<_> = purposes.difference(&expected.deliveries).collect();
    ensure!(missing.is_empty() && extra.is_empty(), "not the same deliveries: {missing:?} are missing, {extra:?} too many");
    for delivery in &deliveries {
        has_ended_or_waits(delivery, |delivery| {
            // A reminder whose day has not come.
            let later = SystemClock.now() + Span::days(1);
            let due_later = delivery.due_ms > later.timestamp_millis();
            delivery.state == "pending" && delivery.step.starts_with("remind-") && due_later
        })?;
    }
    mails_are_right(site, &deliveries)?;
    commands_are_right(site, &deliveries)?;
    records_are_right(site, expected)?;
    doubtful_are_told(site, &deliveries)
}

/// It has ended, or waits for a reason: with the MDM server, doubtful, or as a test `allows` beside.
pub fn has_ended_or_waits(delivery: &Delivery, allows: impl Fn(&Delivery) -> bool) -> Result<(), String> {
    let waits = match delivery.state.as_str() {
        // With the MDM server: the device's answer is waited for.
        "queued" | "notnow" => delivery.channel == "mdm",
        "accepted" => true,
        "doubtful" => delivery.channel == "mail" && !delivery.words.is_empty(),
        _ => allows(delivery),
    };
    ensure!(waits, "it neither ended nor waits with a reason: {delivery:?}");
    Ok(())
}

fn mails_are_right(site: &Site, deliveries: &[Delivery]) -> Result<(), String> {
    let world = lock(&site.running.world);
    let twice = world.mail.duplicates();
    ensure!(twice.is_empty(), "kept twice under one Message-ID: {twice:?}");
    let mut kept: BTreeMap<&str, &str> = BTreeMap::new();
    for mail in world.mail.stored() {
        ensure!(mail.to.len() == 1, "a mail to more than one person: {:?}", mail.to);
        let to = mail.to.first().map(String::as_str).unwrap_or_default();
        ensure!(kept.insert(to, &mail.message_id).is_none(), "two mails to {to}");
    }
    for delivery in deliveries.iter().filter(|d| d.channel == "mail" && d.step == "invite") {
        let copy = kept.remove(delivery.mail.as_str());
        ensure!(
            copy.is_none_or(|id| id == delivery.message_id()),
            "the mail to {} has the Message-ID {copy:?}, not its own: {delivery:?}",
            delivery.mail
        );
        ensure!(copy.is_some() || delivery.state == "doubtful", "it is not doubtful, and was never handed over: {delivery:?}");
    }
    ensure!(kept.is_empty(), "mails that no delivery asked for: {kept:?}");
    Ok(())
}

fn commands_are_right(site: &Site, deliveries: &[Delivery]) -> Result<(), String> {
    let world = lock(&site.running.world);
    let ours: Vec<_> = deliveries.iter().filter(|d| d.channel == "mdm" && d.step == "invite").collect();
    for delivery in &ours {
        ensure!(world.mdm.holds(&delivery.far_id), "the MDM server never got its command: {delivery:?}");
    }
    let (commands, shown) = (world.mdm.commands(), world.mdm.shown());
    ensure!(commands == ours.len(), "{commands} commands for {} deliveries to devices", ours.len());
    ensure!(shown <= ours.len() as u64, "{shown} prompts for {} deliveries to devices", ours.len());
    Ok(())
}

fn records_are_right(site: &Site, expected: &Expected) -> Result<(), String> {
    let records = records_are_single(site)?;
    ensure!(records == expected.records, "Apple has {records} records, not {}", expected.records);
    Ok(())
}

/// Nobody has two records, and Apple's rules were kept. Answers how many records there are.
pub fn records_are_single(site: &Site) -> Result<usize, String> {
    let world = lock(&site.running.world);
    let breaches: Vec<String> = world.breaches().iter().map(ToString::to_string).collect();
    ensure!(breaches.is_empty(), "Apple's rules were broken: {breaches:?}");
    let mut records: BTreeMap<&str, usize> = BTreeMap::new();
    for record in world.apple.records() {
        *records.entry(&record.client_user_id).or_default() += 1;
    }
    let twice: Vec<_> = records.iter().filter(|(_, n)| **n > 1).collect();
    ensure!(twice.is_empty(), "Apple has two records of one person: {twice:?}");
    Ok(records.len())
}

fn went_out_again(site: &Site, delivery: &Delivery) -> bool {
    let (run, at) = delivery.name.split_once('.').expect("a delivery is called by run and number");
    let again = format!(
        "SELECT COUNT(*) FROM deliveries d JOIN messages m ON m.id = d.message_id
         JOIN deliveries n ON n.user_id = d.user_id AND n.id > d.id AND n.channel = d.channel
         JOIN messages s ON s.id = n.message_id AND s.template = m.template AND s.data = m.data
         WHERE d.run_id = {run} AND d.number = {at} AND d.step = 'message'"
    );
    number(site, &again) > 0
}

/// Each doubtful delivery is on the list that people are shown, by name and with the reason, unless the
/// same text was made for the same person since.
pub fn doubtful_are_told(site: &Site, deliveries: &[Delivery]) -> Result<(), String> {
    let told = site.command(&["tasks", "--failed", "--json"]).expect_code(0)?.json()?;
    let told: BTreeMap<&str, &serde_json::Value> =
        told.as_array().into_iter().flatten().filter_map(|task| Some((task["task"].as_str()?, task))).collect();
    let doubtful: Vec<_> = deliveries.iter().filter(|d| d.state == "doubtful").collect();
    for delivery in &doubtful {
        let Some(task) = told.get(delivery.name.as_str()) else {
            if went_out_again(site, delivery) {
                continue;
            }
            return Err(format!("nobody is told about {delivery:?}, only about {:?}", told.keys()));
        };
        ensure!(
            (delivery.username.is_empty() || task["username"] == delivery.username && task["full_name"] == delivery.full_name)
                && task["words"] == delivery.words,
            "told about {delivery:?} is {task}"
        );
    }
    let others: Vec<_> = told.keys().filter(|name| !doubtful.iter().any(|d| d.name == **name)).collect();
    ensure!(others.is_empty(), "told to have failed, and has not: {others:?}");
    Ok(())
}
