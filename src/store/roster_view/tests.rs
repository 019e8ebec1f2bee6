//! A small school, asked everything that a script can ask.

use std::sync::Arc;

use super::Reader;
use crate::domain::device::NotInvitable;
use crate::domain::group::Enrolment;
use crate::domain::ids::{DeviceId, GroupId, UserId};
use crate::domain::roster::RosterView as _;
use crate::domain::selection::{Of, Select};
use crate::domain::task::Task;
use crate::store::Store;

const ANA: i64 = 1;
const BO: i64 = 2;
const CAS: i64 = 3;
const EVA: i64 = 5;

/// Ana is enrolled; Bo was invited; Cas has no mail and two devices; Dina has left and is still enrolled; Eva is
/// hidden; Finn has a managed account. Grade 5 holds class 5a (Ana, Bo) and class 5b (Cas); Ring and Round hold
/// each other.
const SCHOOL: &str = "
    INSERT INTO users (id, username, full_name, mail, enabled, managed_account, client_user_id, source, left_at, hidden, status, invited_at,
                       enrolled_at, last_contact, mail_dead, distribution) VALUES
        (1, 'ana',  'Ana Dijk',   'ana@sunnyside.example', 1, NULL, 'c1', 'files', NULL, 0, 'enrolled', 1000, 2000, 1500, NULL, 0),
        (2, 'bo',   'Bo Maas',    'bo@sunnyside.example',  1, NULL, 'c2', 'files', NULL, 0, 'invited',  1000, NULL, 3000, '550 no', 0),
        (3, 'cas',  'Cas Vecht',  NULL,                    1, NULL, 'c3', 'files', NULL, 0, 'none',     NULL, NULL, NULL, NULL, 0),
        (4, 'dina', 'Dina Rijn',  'dina@sunnyside.example', 0, NULL, 'c4', 'files', 9000, 0, 'enrolled', 1000, 2000, 1500, NULL, 0),
        (5, 'eva',  'Eva IJssel', 'eva@sunnyside.example', 0, NULL, 'c5', 'files', 9000, 1, 'none',     NULL, NULL, NULL, NULL, 0),
        (6, 'finn', 'Finn Lek',   'finn@sunnyside.example', 1, 'finn@appleid.sunnyside.example', 'c6', 'files', NULL, 0, 'none', NULL, NULL, NULL, NULL, 1);
    INSERT INTO groups (id, name, distribution, source) VALUES
        (1, 'Grade 5', 1, 'files'), (2, 'Class 5a', 0, 'files'), (3, 'Class 5b', 0, 'files'), (4, 'Ring', 0, 'files'), (5, 'Round', 0, 'files');
    INSERT INTO group_groups (parent_id, child_id, source) VALUES (1, 2, 'files'), (1, 3, 'files'), (4, 5, 'files'), (5, 4, 'files');
    INSERT INTO group_users (group_id, user_id, source) VALUES (2, 1, 'files'), (2, 2, 'files'), (3, 3, 'files'), (3, 5, 'files'), (4, 6, 'files');
    INSERT INTO devices (id, serial, udid, name, platform, user_id, managed, user_channel, source, gone_at) VALUES
        (1, 'DMPX1', 'udid-1', 'Ana iPad',   'ipados', 1,    1, NULL, 'files', NULL),
        (2, 'C02Q1', 'udid-2', 'Cas Mac',    'macos',  3,    1, NULL, 'files', NULL),
        (3, 'DMPX3', 'udid-3', 'Cas iPad',   'ipados', 3,    1, NULL, 'files', NULL),
        (4, 'DMPX4', NULL,     'Trolley',    'ipados', NULL, 0, NULL, 'files', NULL),
        (5, 'DMPX5', 'udid-5', 'Trolley',    'ipados', 5,    1, NULL, 'files', NULL),
        (6, 'DMPX6', NULL,     'Lost iPad',  'ipados', NULL, 0, NULL, 'files', 5000);
    INSERT INTO app_tokens VALUES (1, 'example.sunnyside', 'aa11', NULL, 'files'), (1, 'example.old', 'bb22', 7, 'files'),
        (3, 'example.sunnyside', 'cc33', NULL, 'files');
    INSERT INTO apps (adam_id, name, source) VALUES ('361285480', 'Keynote', 'files'), ('409183694', 'Books', 'apple');
    INSERT INTO facts VALUES ('roster_version', '7');
    INSERT INTO runs VALUES (1, 's', '', 'runbook', '', '{}', 1, 1, 'committed', '', ''), (2, 's', '', 'runbook', '', '{}', 1, 1, 'committed', '', '');
    INSERT INTO messages (id, run_id, template, data) VALUES (1, 1, 'invitation', '{}'), (2, 2, 'welcome', '{}'), (3, 2, 'helpdesk', '{}');
";

struct School {
    store: Store,
    _folder: tempfile::TempDir,
}

fn school(more: &str) -> School {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(&folder.path().join("beckon.db")).unwrap();
    store.writer().execute_batch(SCHOOL).unwrap();
    store.writer().execute_batch(more).unwrap();
    School { store, _folder: folder }
}

impl School {
    fn reader(&self) -> Reader {
        self.store.roster().unwrap()
    }
}

fn usernames(reader: &Reader, select: &Select) -> String {
    let ids = reader.ids(select).unwrap();
    reader.users(&ids).unwrap().iter().map(|u| u.username.clone()).collect::<Vec<_>>().join(" ")
}

#[test]
fn users_devices_and_groups_are_found_and_hidden_ones_are_not() {
    let school = school("");
    let reader = school.reader();
    assert_eq!(reader.version(), 7);
    assert_eq!(usernames(&reader, &Select::All(Of::Users)), "ana bo cas dina finn");
    assert_eq!(reader.count(&Select::All(Of::Devices)).unwrap(), 5);
    assert_eq!(reader.user_by_username("eva").unwrap(), None);
    let ana = reader.user_by_username("ana").unwrap().unwrap();
    assert_eq!(
        (ana.full_name.as_str(), ana.enrolled(), ana.mail.as_ref().unwrap().domain()),
        ("Ana Dijk", true, "sunnyside.example")
    );
    assert_eq!(reader.users(&[BO, EVA, 99, ANA]).unwrap().iter().map(|u| u.id.0).collect::<Vec<_>>(), [BO, ANA]);

    let find = |name: &str| reader.find_device(name).unwrap().map(|d| d.id.0);
    assert_eq!(find("DMPX1"), Some(1));
    assert_eq!(find("udid-3"), Some(3));
    assert_eq!(find("Cas Mac"), Some(2));
    assert_eq!(find("Trolley"), None, "two devices have that name");
    assert_eq!((find("Lost iPad"), find("DMPX6")), (None, None), "it has gone");
    assert_eq!(reader.find_device("DMPX5").unwrap().unwrap().user, None, "its user is hidden");
    assert_eq!(reader.devices_of(UserId(CAS)).unwrap().len(), 2);
    assert!(reader.devices_of(UserId(EVA)).unwrap().is_empty());
}

#[test]
fn membership_goes_through_nested_groups_and_round_circles() {
    let school = school("");
    let reader = school.reader();
    assert_eq!(usernames(&reader, &Select::Members(GroupId(1))), "ana bo cas");
    assert_eq!(usernames(&reader, &Select::Members(GroupId(5))), "finn");
    let names = |user| reader.groups_of(UserId(user)).unwrap().into_iter().map(|g| g.name).collect::<Vec<_>>().join(", ");
    assert_eq!(names(ANA), "Class 5a, Grade 5");
    assert_eq!(names(6), "Ring, Round");
    assert_eq!(names(EVA), "");
    assert!(reader.is_member(GroupId(1), UserId(CAS)).unwrap());
    assert!(!reader.is_member(GroupId(2), UserId(CAS)).unwrap());
    assert!(!reader.is_member(GroupId(3), UserId(EVA)).unwrap());
    assert_eq!(
        reader.enrolment(&Select::Members(GroupId(1))).unwrap(),
        Enrolment { users: 3, enrolled: 1, open: 1, retired: 0, devices: 3 }
    );
    assert_eq!(
        reader.groups().unwrap().iter().map(|g| g.name.as_str()).collect::<Vec<_>>().join(", "),
        "Class 5a, Class 5b, Grade 5, Ring, Round"
    );
    assert!(reader.group_by_name("Grade 5").unwrap().unwrap().distribution);
    assert_eq!(reader.group_by_name("grade 5").unwrap(), None);
}

#[test]
fn near_names_are_offered() {
    let school = school("");
    let reader = school.reader();
    assert_eq!(reader.similar_usernames("anna").unwrap(), ["ana"]);
    assert_eq!(reader.similar_usernames("ewa").unwrap(), [""; 0], "never a hidden one");
    assert_eq!(reader.similar_usernames("zzzzzz").unwrap(), [""; 0]);
    assert_eq!(reader.similar_usernames("Dijk").unwrap(), ["ana"], "a word of the full name");
    assert_eq!(reader.similar_devices("DMPX9").unwrap(), ["DMPX1", "DMPX3", "DMPX4"]);
    assert_eq!(reader.similar_devices("Cas iMac").unwrap(), ["Cas Mac", "Cas iPad"]);
}

#[test]
fn app_tokens_are_the_living_ones() {
    let school = school("");
    let tokens = school.reader().app_tokens(&[DeviceId(3), DeviceId(1)]).unwrap();
    assert_eq!(tokens.iter().map(|t| (t.device.0, t.token.as_str())).collect::<Vec<_>>(), [(3, "cc33"), (1, "aa11")]);
    assert_eq!(school.reader().apps().unwrap().iter().map(|a| a.name.as_str()).collect::<Vec<_>>(), ["Books", "Keynote"]);
}

#[test]
fn two_reads_of_one_view_never_disagree() {
    let school = school("");
    let reader = school.reader();
    school
        .store
        .writer()
        .execute_batch("UPDATE users SET full_name = 'Ana Changed' WHERE id = 1; DELETE FROM group_users")
        .unwrap();
    assert_eq!(reader.user_by_username("ana").unwrap().unwrap().full_name, "Ana Dijk");
    assert_eq!(reader.count(&Select::Members(GroupId(1))).unwrap(), 3);
    assert_eq!(school.reader().count(&Select::Members(GroupId(1))).unwrap(), 0);
}

const INVITED: &str = "
    INSERT INTO invitations (id, user_id, run_id, state, queued_at) VALUES (1, 2, 1, 'delivered', 100), (2, 3, 1, 'queued', 100);
    INSERT INTO deliveries (id, run_id, number, key, invitation_id, message_id, user_id, device_id, channel, step, state, due, created_at,
                            first_try, attempts, ended_at, far_id, words) VALUES
        (1, 1, 1, 'a', 1, 1, 2, NULL, 'mail', 'invite',   'accepted', 100, 100, 110, 1, 120, 'f1', '250 ok'),
        (2, 1, 2, 'b', 1, 1, 2, NULL, 'mail', 'remind-1', 'accepted', 200, 100, 210, 1, 220, 'f2', '250 ok'),
        (3, 1, 3, 'c', 1, 1, 2, NULL, 'mail', 'remind-2', 'pending',  300, 100, NULL, 0, NULL, 'f3', NULL),
        (4, 1, 4, 'd', 2, 1, 3, 3,    'mdm',  'invite',   'blocked',  100, 100, NULL, 0, NULL, 'f4', NULL),
        (5, 2, 1, 'e', NULL, 2, 1, NULL, 'mail', 'message', 'deferred', 500, 400, 410, 2, NULL, 'f5', '451 greylisted');
";

fn candidates(school: &School, ids: &[i64]) -> Vec<crate::domain::invite_plan::Candidate> {
    school.reader().candidates(&Select::Ids(Of::Users, Arc::from(ids))).unwrap()
}

#[test]
fn a_candidate_is_everything_that_decides() {
    let school = school("");
    let all = candidates(&school, &[6, CAS, BO, EVA, ANA]);
    assert_eq!(all.iter().map(|c| c.username.as_str()).collect::<Vec<_>>(), ["finn", "cas", "bo", "ana"]);
    let [finn, cas, bo, ana] = all.as_slice() else { panic!("four") };
    assert!(finn.managed_account && finn.distribution && finn.devices.is_empty());
    assert!(cas.distribution && !cas.has_mail && !cas.under_way);
    let devices: Vec<_> = cas.devices.iter().map(|d| (d.name.as_str(), d.not_invitable)).collect();
    let mac = crate::domain::device::Platform::Macos;
    assert_eq!(devices, [("Cas Mac", Some(NotInvitable::NoUserChannel(mac))), ("Cas iPad", None)]);
    assert!(bo.mail_dead && bo.has_mail && bo.invited_at.is_some() && bo.last_contact.is_some());
    assert!(ana.distribution && ana.enabled);
}

#[test]
fn under_way_is_an_invitation_that_is_being_handed_over_and_not_a_reminder_that_waits() {
    let under_way = |more: &str| {
        let school = school(INVITED);
        school.store.writer().execute_batch(more).unwrap();
        candidates(&school, &[BO, CAS]).iter().map(|c| c.under_way).collect::<Vec<_>>()
    };
    assert_eq!(under_way(""), [false, true]);
    assert_eq!(under_way("UPDATE deliveries SET state = 'sending' WHERE id = 3"), [true, true]);
    assert_eq!(under_way("UPDATE deliveries SET state = 'deferred' WHERE id = 1"), [true, true]);
    let registered = "UPDATE invitations SET state = 'registered' WHERE id = 2;";
    assert_eq!(under_way(&format!("{registered} UPDATE deliveries SET state = 'notnow' WHERE id = 4")), [false, true]);
    assert_eq!(under_way(&format!("{registered} UPDATE deliveries SET state = 'rejected' WHERE id = 4")), [false, false]);
}

#[test]
fn distribution_comes_from_the_user_or_any_group_above() {
    let school = school("");
    let enabled = || candidates(&school, &[ANA, CAS, 6]).iter().map(|c| c.distribution).collect::<Vec<_>>();
    assert_eq!(enabled(), [true, true, true]);
    school.store.writer().execute_batch("UPDATE groups SET distribution = (id = 3); UPDATE users SET distribution = 0").unwrap();
    assert_eq!(enabled(), [false, true, false]);
    school.store.writer().execute_batch("UPDATE groups SET distribution = (id = 5)").unwrap();
    assert_eq!(enabled(), [false, false, true]);
}

fn lines(tasks: &[Task]) -> Vec<String> {
    let line = |t: &Task| {
        let place = t.device.clone().unwrap_or_else(|| t.channel.map_or("-", |c| c.word()).to_owned());
        format!(
            "{}.{} {} | {place} | {} | {} since {}",
            t.run,
            t.number,
            t.full_name,
            t.what,
            t.waiting_for.words(),
            t.since.timestamp_millis()
        )
    };
    tasks.iter().map(line).collect()
}

#[test]
fn the_task_list_says_who_where_what_and_since_when() {
    let school = school(INVITED);
    school
        .store
        .writer()
        .execute_batch("INSERT INTO invitations (user_id, run_id, task, state, queued_at, due) VALUES (6, 2, 'associate', 'queued', 450, 460)")
        .unwrap();
    assert_eq!(
        lines(&school.reader().active_tasks().unwrap()),
        [
            "1.4 Cas Vecht | Cas iPad | invitation | Apple to register the user since 100",
            "1.2 Bo Maas | mail | reminder 1 | acceptance since 220",
            "2.1 Ana Dijk | mail | mail \"welcome\" | the next try since 410",
            "2.0 Finn Lek | - | association of the managed account | Apple to register the user since 450",
        ]
    );
    let deferred = &school.reader().active_tasks().unwrap()[2];
    assert_eq!((deferred.attempts, deferred.words.as_deref()), (2, Some("451 greylisted")));
    assert_eq!(deferred.next.unwrap().timestamp_millis(), 500);
    assert!(school.reader().failed_tasks().unwrap().is_empty());
}

#[test]
fn a_failure_counts_until_something_newer_of_its_kind_replaces_it() {
    let school = school(INVITED);
    let failed = |change: &str| {
        school.store.writer().execute_batch(change).unwrap();
        lines(&school.reader().failed_tasks().unwrap())
    };
    assert_eq!(
        failed(
            "UPDATE deliveries SET state = 'doubtful', ended_at = 420 WHERE id = 5; UPDATE deliveries SET state = 'rejected', ended_at = 115 WHERE id = 1"
        ),
        [
            "1.1 Bo Maas | mail | invitation | nothing since 115",
            "2.1 Ana Dijk | mail | mail \"welcome\" | your decision (beckon tasks --failed) since 420",
        ]
    );
    let again = "INSERT INTO deliveries (run_id, number, key, message_id, user_id, channel, step, state, due, created_at, far_id)
                 VALUES (2, 2, 'again', ";
    assert_eq!(failed(&format!("{again} 3, 1, 'mail', 'message', 'pending', 600, 600, 'f6')")).len(), 2, "another template");
    assert_eq!(
        failed(&format!("{} 2, 1, 'mail', 'message', 'pending', 600, 600, 'f7')", again.replace("'again'", "'again2'"))).len(),
        1
    );
    assert_eq!(failed("UPDATE invitations SET state = 'accepted' WHERE id = 1").len(), 0);
    assert_eq!(
        failed(
            "UPDATE deliveries SET state = 'cancelled' WHERE id = 4; UPDATE invitations SET state = 'failed', ended_at = 700, words = 'no licence' WHERE id = 2"
        ),
        ["1.0 Cas Vecht | - | invitation | nothing since 700"]
    );
}
