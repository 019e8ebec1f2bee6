//! Rosters taken one after the other, and what each of them changed.
//! Differences are compared as the lines a person would read.

mod again;
mod past;

use std::collections::BTreeMap;

use super::ImportOptions;
use crate::domain::device::{Enrollment, Platform};
use crate::domain::ids::UserId;
use crate::domain::mail_address::MailAddress;
use crate::domain::roster::RosterView as _;
use crate::domain::roster_change::{
    ChangeKind, Difference, Incoming, IncomingApp, IncomingAppToken, IncomingDevice, IncomingGroup, IncomingUser, Membership,
    Nesting, Place, RowKind,
};
use crate::domain::selection::{Of, Select};
use crate::domain::time::from_millis;
use crate::store::Store;

struct Site {
    store: Store,
    drawn: u32,
    _folder: tempfile::TempDir,
}

impl Site {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        Self { store: Store::open(&folder.path().join("beckon.db")).unwrap(), drawn: 0, _folder: folder }
    }

    /// Takes a roster; what the preview said before must be what happened.
    fn take_as(&mut self, incoming: &Incoming, options: &ImportOptions) -> Difference {
        let preview = self.store.preview_roster(incoming, options).unwrap();
        let drawn = &mut self.drawn;
        let mut draw = || {
            *drawn += 1;
            format!("client-{drawn}")
        };
        let shown = preview.difference().clone();
        let taken = self.store.take_previewed(preview, from_millis(5_000), &mut draw).unwrap();
        assert_eq!(shown, taken);
        taken
    }

    fn take(&mut self, incoming: &Incoming) -> Vec<String> {
        lines(&self.take_as(incoming, &files()))
    }

    fn execute(&self, sql: &str) {
        self.store.writer().execute_batch(sql).unwrap();
    }

    fn one(&self, sql: &str) -> String {
        let value: rusqlite::types::Value = self.store.writer().query_row(sql, [], |row| row.get(0)).unwrap();
        match value {
            rusqlite::types::Value::Null => "nothing".to_owned(),
            rusqlite::types::Value::Integer(n) => n.to_string(),
            rusqlite::types::Value::Text(text) => text,
            other => format!("{other:?}"),
        }
    }
}

fn files() -> ImportOptions {
    ImportOptions { source: "files".to_owned(), keep_missing: false }
}

fn lines(difference: &Difference) -> Vec<String> {
    let mut lines = Vec::new();
    for change in &difference.changes {
        let what = format!("{} {}", change.kind.noun(), change.name);
        lines.push(match &change.what {
            ChangeKind::Added => format!("+ {what}"),
            ChangeKind::Removed => format!("- {what}"),
            ChangeKind::Changed(fields) => {
                let fields: Vec<String> =
                    fields.iter().map(|(name, before, after)| format!("{name} '{before}' > '{after}'")).collect();
                format!("~ {what}: {}", fields.join(", "))
            }
        });
    }
    let rejected = difference.rejected.iter().map(|r| format!("! {}:{} {}: {}", r.place.file, r.place.line, r.about, r.reason));
    lines.extend(rejected);
    lines.extend(difference.warnings.iter().map(|warning| format!("? {warning}")));
    lines
}

fn at(file: &str, line: u64) -> Place {
    Place { file: file.to_owned(), line }
}

fn user(line: u64, username: &str, full_name: &str) -> IncomingUser {
    IncomingUser {
        place: at("users.csv", line),
        username: username.to_owned(),
        full_name: Some(full_name.to_owned()),
        mail: Some(Some(MailAddress::parse(&format!("{username}@sunnyside.example")).unwrap())),
        ..IncomingUser::default()
    }
}

fn group(line: u64, name: &str) -> IncomingGroup {
    IncomingGroup { place: at("groups.csv", line), name: name.to_owned(), distribution: None }
}

fn member(line: u64, username: &str, group: &str) -> Membership {
    Membership { place: at("members.csv", line), group: group.to_owned(), username: username.to_owned() }
}

fn nested(line: u64, group: &str, within: &str) -> Nesting {
    Nesting { place: at("groups.csv", line), group: group.to_owned(), within: within.to_owned() }
}

fn device(line: u64, serial: &str, user: Option<&str>) -> IncomingDevice {
    IncomingDevice {
        place: at("devices.csv", line),
        serial: serial.to_owned(),
        udid: Some(Some(format!("udid-{serial}"))),
        name: Some(format!("{serial} iPad")),
        platform: Some(Platform::Ipados),
        os_version: None,
        model: None,
        user: Some(user.map(str::to_owned)),
        managed: Some(true),
        enrollment: Some(Enrollment::Device),
        user_channel: None,
        last_seen: None,
    }
}

fn token(line: u64, serial: &str, token: &str) -> IncomingAppToken {
    IncomingAppToken {
        place: at("tokens.csv", line),
        serial: serial.to_owned(),
        topic: "example.app".to_owned(),
        token: token.to_owned(),
    }
}

/// Ana and Bo of class 5a, which is in Grade 5; an iPad each; an app with Ana's token.
fn school() -> Incoming {
    Incoming {
        warnings: Vec::new(),
        users: vec![user(2, "ana", "Ana Dijk"), user(3, "bo", "Bo Maas")],
        groups: vec![group(2, "Grade 5"), group(3, "Class 5a")],
        memberships: vec![member(2, "ana", "Class 5a"), member(3, "bo", "Class 5a")],
        nested: vec![nested(3, "Class 5a", "Grade 5")],
        devices: vec![device(2, "DMPX1", Some("ana")), device(3, "DMPX2", Some("bo"))],
        apps: vec![IncomingApp {
            place: at("apps.csv", 2),
            adam_id: "361285480".to_owned(),
            name: "Keynote".to_owned(),
            kind: None,
        }],
        app_tokens: vec![token(2, "DMPX1", "aa")],
        rejected: Vec::new(),
        covers: vec![
            RowKind::User,
            RowKind::Group,
            RowKind::Membership,
            RowKind::Nesting,
            RowKind::Device,
            RowKind::App,
            RowKind::AppToken,
        ],
    }
}

#[test]
fn a_first_roster_is_taken_whole_and_a_second_time_changes_nothing() {
    let mut site = Site::new();
    assert_eq!(
        site.take(&school()),
        [
            "+ user ana",
            "+ user bo",
            "+ group Grade 5",
            "+ group Class 5a",
            "+ membership ana in Class 5a",
            "+ membership bo in Class 5a",
            "+ nested group Class 5a in Grade 5",
            "+ device DMPX1",
            "+ device DMPX2",
            "+ app Keynote",
            "+ app token DMPX1 example.app",
        ]
    );
    assert_eq!(site.one("SELECT value FROM facts WHERE name = 'roster_version'"), "1");
    assert_eq!(
        site.one("SELECT words FROM journal WHERE kind = 'import'"),
        "roster taken from files: 2 users added; 2 groups added; 2 memberships added; 1 nested group added; 2 devices added; 1 app added; \
         1 app token added"
    );
    assert_eq!(site.take(&school()), [""; 0]);
    assert_eq!(site.one("SELECT value FROM facts WHERE name = 'roster_version'"), "1");
    assert_eq!(site.one("SELECT COUNT(*) FROM journal"), "1");
    let reader = site.store.roster().unwrap();
    let ana = reader.user_by_username("ana").unwrap().unwrap();
    assert_eq!((ana.id, ana.client_user_id.as_str(), ana.enabled), (UserId(1), "client-1", true));
    assert_eq!(reader.devices_of(ana.id).unwrap()[0].serial, "DMPX1");
    assert_eq!(reader.groups_of(ana.id).unwrap().len(), 2);
}

#[test]
fn changed_fields_are_told_before_and_after() {
    let mut site = Site::new();
    site.take(&school());
    let mut next = school();
    next.users[0].department = Some(Some("Music".to_owned()));
    next.users[0].attributes = BTreeMap::from([("house".to_owned(), "Otter".to_owned())]);
    next.users[1].mail = Some(None);
    next.users[1].enabled = Some(false);
    next.groups[0].distribution = Some(true);
    next.devices[0].user = Some(Some("bo".to_owned()));
    next.devices[1].platform = Some(Platform::Ios);
    next.devices[1].last_seen = Some(Some(from_millis(60_000)));
    next.apps[0].name = "Keynote 14".to_owned();
    next.app_tokens[0].token = "bb".to_owned();
    let expected = [
        "~ user ana: department '' > 'Music', attributes[\"house\"] '' > 'Otter'",
        "~ user bo: mail 'bo@sunnyside.example' > '', enabled 'yes' > 'no'",
        "~ group Grade 5: distribution 'no' > 'yes'",
        "~ device DMPX1: user 'ana' > 'bo'",
        "~ device DMPX2: platform 'ipados' > 'ios', last_seen '' > '1970-01-01T00:01:00+00:00'",
        "~ app Keynote 14: name 'Keynote' > 'Keynote 14'",
        "~ app token DMPX1 example.app: token '(kept secret)' > '(kept secret)'",
    ];
    site.execute(
        "UPDATE users SET mail_dead = '550'; UPDATE devices SET user_channel = 'ana'; UPDATE app_tokens SET dead_at = 1",
    );
    assert_eq!(site.take(&next), expected);
    assert_eq!(site.take(&next), [""; 0]);
    assert_eq!(site.one("SELECT mail_dead FROM users WHERE username = 'bo'"), "nothing", "a new address is not dead");
    assert_eq!(site.one("SELECT mail_dead FROM users WHERE username = 'ana'"), "550");
    assert_eq!(site.one("SELECT user_channel FROM devices WHERE serial = 'DMPX1'"), "nothing", "the channel was ana's");
    assert_eq!(site.one("SELECT dead_at FROM app_tokens"), "nothing");

    let mut less = next.clone();
    less.users[0] =
        IncomingUser { full_name: None, mail: None, department: None, attributes: BTreeMap::new(), ..less.users[0].clone() };
    less.devices[1].last_seen = Some(Some(from_millis(30_000)));
    assert_eq!(site.take(&less), [""; 0], "absent columns leave what there is, and an older sighting is no news");
    less.users[0].attributes = BTreeMap::from([("house".to_owned(), String::new())]);
    assert_eq!(site.take(&less), ["~ user ana: attributes[\"house\"] 'Otter' > ''"]);
    assert_eq!(site.one("SELECT attributes FROM users WHERE username = 'ana'"), "{}");
}

#[test]
fn who_is_missing_leaves_and_may_come_back_as_the_same_person() {
    let mut site = Site::new();
    site.take(&school());
    site.execute("UPDATE users SET status = 'enrolled', invited_at = 1 WHERE username = 'bo'");
    let mut smaller = school();
    smaller.users.clear();
    smaller.memberships.clear();
    smaller.devices.iter_mut().for_each(|device| device.user = None);
    let options = ImportOptions { keep_missing: true, ..files() };
    assert_eq!(lines(&site.take_as(&smaller, &options)), [""; 0], "kept on demand");
    let elsewhere = ImportOptions { source: "directory".to_owned(), keep_missing: false };
    assert_eq!(lines(&site.take_as(&Incoming { covers: vec![RowKind::User], ..Incoming::default() }, &elsewhere)), [""; 0]);

    assert_eq!(site.take(&smaller), ["- user ana", "- user bo"]);
    assert_eq!(site.take(&smaller), [""; 0]);
    assert_eq!(site.one("SELECT group_concat(username || hidden || enabled || left_at) FROM users"), "ana105000,bo005000");
    assert_eq!(site.one("SELECT COUNT(*) FROM group_users"), "0");
    assert_eq!(site.one("SELECT COUNT(user_id) FROM devices"), "0");
    assert_eq!(site.store.roster().unwrap().count(&Select::All(Of::Users)).unwrap(), 1, "bo can still be retired");

    assert_eq!(
        site.take(&school()),
        [
            "+ user ana",
            "~ user bo: left 'yes' > 'no', enabled 'no' > 'yes'",
            "+ membership ana in Class 5a",
            "+ membership bo in Class 5a",
            "~ device DMPX1: user '' > 'ana'",
            "~ device DMPX2: user '' > 'bo'",
        ]
    );
    assert_eq!(
        site.one("SELECT group_concat(username || id || client_user_id) FROM users WHERE hidden = 0"),
        "ana1client-1,bo2client-2"
    );
    assert_eq!(site.take(&school()), [""; 0]);
}

#[test]
fn groups_memberships_devices_and_apps_that_are_missing_go() {
    let mut site = Site::new();
    site.take(&school());
    site.execute(
        "INSERT INTO runs VALUES (1, '', '', 'repl', '', '', 1, 1, 'committed', '', ''); INSERT INTO messages (id, run_id, template, data) VALUES (1, 1, '', '{}');
         INSERT INTO deliveries (run_id, number, key, message_id, device_id, channel, step, state, due, created_at, far_id)
         VALUES (1, 1, 'k', 1, 1, 'mdm', 'invite', 'accepted', 1, 1, 'f'); INSERT INTO app_groups VALUES ('361285480', 2, 1)",
    );
    let covers = school().covers;
    let mut smaller =
        Incoming { users: school().users, groups: vec![group(2, "Grade 5")], covers: covers.clone(), ..Incoming::default() };
    assert_eq!(
        site.take(&smaller),
        ["- group Class 5a", "- device DMPX1", "- device DMPX2", "- app Keynote"],
        "a group takes its memberships along, a device its tokens"
    );
    assert_eq!(site.take(&smaller), [""; 0]);
    assert_eq!(site.one("SELECT COUNT(*) FROM app_tokens"), "0");
    assert_eq!(
        site.one("SELECT name FROM devices JOIN deliveries d ON d.device_id = devices.id"),
        "DMPX1 iPad",
        "deliveries still name it"
    );
    assert_eq!(site.store.roster().unwrap().count(&Select::All(Of::Devices)).unwrap(), 0);
    smaller = Incoming { covers, ..school() };
    smaller.memberships.pop();
    let back = site.take(&smaller);
    assert!(
        back.contains(&"+ device DMPX1".to_owned()) && back.contains(&"+ app token DMPX1 example.app".to_owned()),
        "{back:?}"
    );
    assert_eq!(site.one("SELECT COUNT(*) FROM devices"), "2");
    assert_eq!(site.one("SELECT id FROM devices WHERE serial = 'DMPX1' AND gone_at IS NULL AND user_id = 1"), "1");
    smaller.memberships.clear();
    smaller.nested.clear();
    assert_eq!(site.take(&smaller), ["- membership ana in Class 5a", "- nested group Class 5a in Grade 5"]);
}

#[test]
fn only_what_the_files_cover_can_be_missing() {
    let mut site = Site::new();
    site.take(&school());
    let devices =
        Incoming { devices: vec![device(2, "DMPX1", Some("ana"))], covers: vec![RowKind::Device], ..Incoming::default() };
    assert_eq!(site.take(&devices), ["- device DMPX2"]);
    assert_eq!(site.take(&Incoming::default()), [""; 0]);
}

#[test]
fn a_row_belongs_to_the_source_that_listed_it_last() {
    let mut site = Site::new();
    site.take(&school());
    let directory = ImportOptions { source: "directory".to_owned(), keep_missing: false };
    let listed = Incoming { users: vec![user(0, "ana", "Ana Dijk")], covers: vec![RowKind::User], ..Incoming::default() };
    assert_eq!(lines(&site.take_as(&listed, &directory)), [""; 0]);
    let mut without = school();
    without.users.clear();
    without.memberships.clear();
    without.devices.iter_mut().for_each(|device| device.user = None);
    assert_eq!(
        site.take(&without),
        ["- membership ana in Class 5a", "- user bo"].map(str::to_owned).into_iter().rev().collect::<Vec<_>>()
    );
    let nobody = Incoming { covers: vec![RowKind::User], ..Incoming::default() };
    assert_eq!(lines(&site.take_as(&nobody, &directory)), ["- user ana"]);
}

#[test]
fn groups_in_a_users_own_row_are_memberships() {
    let mut site = Site::new();
    let mut incoming = school();
    incoming.memberships.clear();
    incoming.users[0].groups = vec!["Class 5a".to_owned(), "Class 5a".to_owned(), "Clas 5a".to_owned()];
    let taken = site.take(&incoming);
    assert!(taken.contains(&"+ membership ana in Class 5a".to_owned()));
    assert!(
        taken.contains(&"! users.csv:2 ana: there is no group called \"Clas 5a\" (did you mean \"Class 5a\"?)".to_owned()),
        "{taken:?}"
    );
}

#[test]
fn where_no_group_is_known_it_is_said_once_where_groups_come_from() {
    let first_list = |incoming: &mut Incoming| {
        *incoming = Incoming { users: std::mem::take(&mut incoming.users), covers: vec![RowKind::User], ..Incoming::default() };
        incoming.users[0].groups = vec!["5a".to_owned(), "5b".to_owned()];
    };
    let told = bad(first_list);
    let words = "groups come from a file of their own, with a column \"group\"; name it in the same call";
    assert_eq!(told.iter().filter(|line| line.contains(words)).count(), 1, "{told:?}");
}

/// What one bad thing in the school's roster is answered.
fn bad(spoil: impl FnOnce(&mut Incoming)) -> Vec<String> {
    let mut site = Site::new();
    let mut incoming = school();
    spoil(&mut incoming);
    let first: Vec<String> = site.take(&incoming).into_iter().filter(|line| line.starts_with(['!', '?'])).collect();
    let again = site.take(&incoming);
    assert_eq!(again, first, "a second time changes nothing and says the same");
    first
}

#[test]
fn bad_rows_are_answered_with_place_and_reason() {
    assert_eq!(
        bad(|i| i.memberships.push(member(4, "anna", "Class 5a"))),
        ["! members.csv:4 anna: there is no user called \"anna\" (did you mean \"ana\"?)"]
    );
    assert_eq!(
        bad(|i| i.memberships.push(member(4, "ana", "Class 5b"))),
        ["! members.csv:4 ana: there is no group called \"Class 5b\" (did you mean \"Class 5a\"?)"]
    );
    assert_eq!(
        bad(|i| i.nested.push(nested(4, "Class 5a", "Year 9"))),
        ["! groups.csv:4 Class 5a: there is no group called \"Year 9\""]
    );
    assert_eq!(
        bad(|i| i.users.push(user(4, "ana", "Another Ana"))),
        ["! users.csv:4 ana: the user \"ana\" stands already in users.csv, line 2"]
    );
    assert_eq!(
        bad(|i| i.users.push(IncomingUser { attributes: BTreeMap::from([("a".into(), "\0".into())]), ..user(4, "cas", "Cas") })),
        ["! users.csv:4 cas: an attribute holds a NUL character"]
    );
    assert_eq!(
        bad(|i| i.users.push(IncomingUser { username: String::new(), ..user(4, "x", "Nobody") })),
        ["! users.csv:4 : it has no username"]
    );
    assert_eq!(
        bad(|i| i.groups.push(group(4, "Grade 5"))),
        ["! groups.csv:4 Grade 5: the group \"Grade 5\" stands already in groups.csv, line 2"]
    );
    assert_eq!(
        bad(|i| i.devices.push(device(4, "DMPX1", None))),
        ["! devices.csv:4 DMPX1: the serial number \"DMPX1\" stands already in devices.csv, line 2"]
    );
    assert_eq!(
        bad(|i| i.devices.push(IncomingDevice { udid: Some(Some("udid-DMPX2".into())), ..device(4, "DMPX3", None) })),
        ["! devices.csv:4 DMPX3: the UDID \"udid-DMPX2\" stands already in devices.csv, line 3 (device DMPX2)"]
    );
    assert_eq!(
        bad(|i| i.devices.push(IncomingDevice { platform: None, ..device(4, "DMPX3", None) })),
        ["! devices.csv:4 DMPX3: a new device needs its platform, which is one of ios, ipados, macos, tvos, visionos, watchos"]
    );
    assert_eq!(
        bad(|i| i.devices.push(device(4, "DMPX3", Some("anna")))),
        ["? devices.csv, line 4: device DMPX3 is taken without a user: there is no user called \"anna\" (did you mean \"ana\"?)"]
    );
    assert_eq!(
        bad(|i| i.app_tokens.push(token(4, "DMPX9", "cc"))),
        ["! tokens.csv:4 DMPX9: there is no device with the serial number \"DMPX9\""]
    );
    assert_eq!(
        bad(|i| i.app_tokens.push(token(4, "DMPX1", "cc"))),
        ["! tokens.csv:4 DMPX1: the app token \"DMPX1 example.app\" stands already in tokens.csv, line 2"]
    );
    assert_eq!(
        bad(|i| i.users.push(IncomingUser {
            mail: Some(Some(MailAddress::parse("ANA@sunnyside.example").unwrap())),
            ..user(4, "cas", "Cas")
        })),
        ["? ana and cas have the same mail address ANA@sunnyside.example"]
    );
}

#[test]
fn circles_of_groups_are_taken_and_named() {
    assert_eq!(
        bad(|i| i.nested.push(nested(4, "Grade 5", "Class 5a"))),
        ["? groups are nested in a circle, which counts as one group: Grade 5 > Class 5a > Grade 5"]
    );
    assert_eq!(
        bad(|i| i.nested.push(nested(4, "Grade 5", "Grade 5"))),
        ["? groups are nested in a circle, which counts as one group: Grade 5 > Grade 5"]
    );
    let mut site = Site::new();
    let mut long = Incoming { covers: vec![RowKind::Nesting], ..Incoming::default() };
    long.groups = (0..20_000).map(|n| group(n, &format!("g{n}"))).collect();
    long.nested = (1..20_000).map(|n| nested(n, &format!("g{n}"), &format!("g{}", n - 1))).collect();
    assert!(site.take(&long).iter().all(|line| line.starts_with('+')));
}

#[test]
fn udids_may_move_between_devices_and_not_be_taken_from_one_that_keeps_it() {
    let mut site = Site::new();
    site.take(&school());
    let mut swapped = school();
    swapped.devices[0].udid = Some(Some("udid-DMPX2".to_owned()));
    swapped.devices[1].udid = Some(Some("udid-DMPX1".to_owned()));
    assert_eq!(site.take(&swapped).len(), 2);
    assert_eq!(site.take(&swapped), [""; 0]);

    // DMPX2 wants what DMPX1 has; DMPX1 wants what DMPX0 has and keeps: so neither gets anything.
    site.execute(
        "INSERT INTO devices (serial, udid, name, platform, source) VALUES ('DMPX0', 'udid-0', 'x', 'ios', 'directory')",
    );
    let mut chain = swapped;
    chain.devices[0].udid = Some(Some("udid-0".to_owned()));
    chain.devices[1].udid = Some(Some("udid-DMPX2".to_owned()));
    assert_eq!(
        site.take(&chain),
        [
            "! devices.csv:2 DMPX1: the UDID \"udid-0\" belongs to device DMPX0",
            "! devices.csv:3 DMPX2: the UDID \"udid-DMPX2\" belongs to device DMPX1",
        ]
    );
    site.execute("UPDATE devices SET udid = NULL WHERE serial = 'DMPX0'");
    assert_eq!(site.take(&chain).len(), 2);
}

#[test]
fn warnings_beyond_a_hundred_are_counted() {
    let mut site = Site::new();
    let mut incoming = school();
    let mail = incoming.users[0].mail.clone();
    incoming.users.extend((0..150).map(|n| IncomingUser { mail: mail.clone(), ..user(n + 10, &format!("x{n:03}"), "X") }));
    let warnings = site.take_as(&incoming, &files()).warnings;
    assert_eq!(warnings.len(), 101);
    assert_eq!(warnings[100], "and 50 more warnings like these");
}

/// As many as are added with the indexes put aside: they must all be there afterwards, and hold.
#[test]
fn a_large_roster_keeps_every_index() {
    let mut site = Site::new();
    let indexes =
        "SELECT group_concat(name || ':' || sql, '\n') FROM (SELECT * FROM sqlite_master WHERE type = 'index' ORDER BY name)";
    let before = site.one(indexes);
    let mut large = school();
    large.users.extend((0..6_000).map(|n| user(n + 10, &format!("pupil{n}"), "Pupil")));
    large.devices.extend((0..6_000).map(|n| device(n + 10, &format!("DMPY{n}"), Some(&format!("pupil{n}")))));
    large.memberships.extend((0..6_000).map(|n| member(n + 10, &format!("pupil{n}"), "Grade 5")));
    assert_eq!(site.take(&large).len(), 18_011);
    assert_eq!(site.one(indexes), before);
    assert_eq!(site.one("PRAGMA integrity_check"), "ok");
    assert_eq!(
        site.one("SELECT COUNT(*) FROM devices d JOIN users u ON u.id = d.user_id WHERE u.username LIKE 'pupil%'"),
        "6000"
    );
    assert_eq!(site.take(&large), [""; 0]);
    let twice = site.store.writer().execute("UPDATE users SET username = 'ana' WHERE username = 'bo'", []);
    assert!(twice.is_err(), "usernames are still unique");
}

#[test]
fn a_roster_that_fails_half_way_has_changed_nothing() {
    let mut site = Site::new();
    site.take(&school());
    let mut more = school();
    more.users.extend((0..6_000).map(|n| user(n + 10, &format!("pupil{n}"), "Pupil")));
    // The same name at Apple for two people can't be: the index says so at the very end.
    let failed = site.store.take_roster(more.clone(), &files(), from_millis(1), &mut || "client-same".to_owned());
    assert!(failed.unwrap_err().to_string().contains("can't take a roster into the store"));
    assert_eq!(site.one("SELECT COUNT(*) FROM users"), "2");
    assert_eq!(site.one("SELECT COUNT(*) FROM sqlite_master WHERE name = 'users_by_username'"), "1");
    assert_eq!(site.take(&school()), [""; 0]);
}

#[test]
fn what_was_previewed_is_compared_anew_where_the_store_has_changed_since() {
    for by_another_process in [true, false] {
        let mut site = Site::new();
        site.take(&school());
        let mut more = school();
        more.users.push(user(10, "cas", "Cas Vecht"));
        let preview = site.store.preview_roster(&more, &files()).unwrap();
        assert_eq!(lines(preview.difference()), ["+ user cas"]);
        let other = by_another_process.then(|| Store::open(site.store.path()).unwrap());
        let first = other.as_ref().unwrap_or(&site.store);
        first.take_roster(more.clone(), &files(), from_millis(6_000), &mut || "client-9".to_owned()).unwrap();
        let taken = site.store.take_previewed(preview, from_millis(7_000), &mut || "client-10".to_owned()).unwrap();
        assert_eq!(lines(&taken), [""; 0]);
        assert_eq!(site.one("SELECT COUNT(*) FROM users"), "3");
    }
}
