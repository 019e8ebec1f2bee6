use std::fmt::Write as _;

use super::*;
use crate::domain::device::{Enrollment, Platform};
use crate::domain::roster_change::RowKind;

mod hostile;

/// What a file says, one fact a line: rows, rejections, warnings.
fn told(name: &str, bytes: impl AsRef<[u8]>) -> String {
    match parse(name, bytes.as_ref()) {
        Ok(incoming) => tell(&incoming),
        Err(error) => format!("error: {error}"),
    }
}

fn tell(incoming: &Incoming) -> String {
    let mut text = String::new();
    for u in &incoming.users {
        let _ = write!(text, "{} user {} {:?}", u.place.line, u.username, u.full_name.as_deref().unwrap_or("-"));
        let cell = |label: &str, cell: &Option<Option<String>>| match cell {
            None => String::new(),
            Some(None) => format!(" {label}=()"),
            Some(Some(value)) => format!(" {label}={value}"),
        };
        text.push_str(&cell("mail", &u.mail.as_ref().map(|m| m.as_ref().map(ToString::to_string))));
        text.push_str(&cell("language", &u.language));
        text.push_str(&cell("title", &u.title));
        if let Some(enabled) = u.enabled {
            let _ = write!(text, " enabled={enabled}");
        }
        if !u.groups.is_empty() {
            let _ = write!(text, " groups={}", u.groups.join("+"));
        }
        for (name, value) in &u.attributes {
            let _ = write!(text, " {name}={value:?}");
        }
        text.push('\n');
    }
    for g in &incoming.groups {
        let _ = writeln!(
            text,
            "{} group {}{}",
            g.place.line,
            g.name,
            g.distribution.map(|d| format!(" distribution={d}")).unwrap_or_default()
        );
    }
    for m in &incoming.memberships {
        let _ = writeln!(text, "{} member {} of {}", m.place.line, m.username, m.group);
    }
    for n in &incoming.nested {
        let _ = writeln!(text, "{} nested {} in {}", n.place.line, n.group, n.within);
    }
    for d in &incoming.devices {
        let platform = d.platform.map_or("-", Platform::word);
        let user = d.user.as_ref().map_or("-", |user| user.as_deref().unwrap_or("()"));
        let _ = writeln!(text, "{} device {} {platform} user={user}", d.place.line, d.serial);
    }
    for a in &incoming.apps {
        let _ = writeln!(text, "{} app {} {}", a.place.line, a.adam_id, a.name);
    }
    for t in &incoming.app_tokens {
        let _ = writeln!(text, "{} token {} {} ({} digits)", t.place.line, t.serial, t.topic, t.token.len());
    }
    for r in &incoming.rejected {
        let place = if r.place.line > 0 { format!("line {}", r.place.line) } else { r.place.file.clone() };
        let _ = writeln!(text, "rejected {place} {:?}: {}", r.about, r.reason);
    }
    for w in &incoming.warnings {
        let _ = writeln!(text, "warning: {w}");
    }
    text
}

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/roster").join(name)
}

#[test]
fn a_schools_files_are_read_together() {
    let names = ["users.csv", "groups.csv", "nested.csv", "devices.csv", "apps.csv"];
    let paths: Vec<PathBuf> = names.iter().map(|name| fixture("sunnyside").join(name)).collect();
    let incoming = read(&paths).unwrap();
    insta::assert_snapshot!(tell(&incoming), @r#"
    2 user ana "Ana de Vries" mail=ana@sunnyside.example language=nl title=() enabled=true groups=Grade 5+Choir house="red"
    3 user ben "Ben Okafor" mail=ben@sunnyside.example language=en title=() enabled=true groups=Grade 5 house="blue"
    4 user chloe "Chloé Martin" mail=chloe@sunnyside.example language=fr title=() enabled=true groups=Grade 5+Choir house="red"
    5 user dilan "Dilan Yılmaz" mail=() language=nl title=() enabled=true groups=Grade 6 house="blue"
    6 user emma "Emma Schäfer" mail=emma@sunnyside.example language=de title=() enabled=false groups=Grade 6 house="red"
    7 user frank "Jansen, Frank" mail=frank@sunnyside.example language=nl title=Teacher enabled=true groups=Staff house=""
    2 group Grade 5 distribution=true
    3 group Grade 6 distribution=false
    4 group Choir distribution=false
    5 group Upper School distribution=true
    6 group Staff distribution=false
    2 nested Grade 5 in Upper School
    3 nested Grade 6 in Upper School
    2 device DMPC1AAAAAA1 ipados user=ana
    3 device DMPC1AAAAAA2 ipados user=ben
    4 device C02X1AAAAAA3 macos user=frank
    5 device DMPC1AAAAAA4 ipados user=()
    6 device G0NX1AAAAAA5 tvos user=()
    2 app 361285480 Keynote
    3 app 409183694 Pages
    "#);
    assert_eq!(
        incoming.covers,
        [RowKind::User, RowKind::Group, RowKind::Membership, RowKind::Nesting, RowKind::Device, RowKind::App]
    );
    assert_eq!(incoming.devices[0].enrollment, Some(Enrollment::Device));
    assert_eq!(incoming.devices[0].last_seen.unwrap().unwrap().to_rfc3339(), "2026-11-20T08:14:00+00:00");
    assert_eq!(incoming.devices[3].udid, Some(None));
}

#[test]
fn json_says_the_same_things() {
    insta::assert_snapshot!(tell(&read(&[fixture("sunnyside/roster.json")]).unwrap()), @r#"
    0 user ana "Ana de Vries" mail=ana@sunnyside.example language=nl enabled=true groups=Grade 5+Choir house="red"
    0 user dilan "Dilan Yılmaz" mail=() groups=Grade 6
    0 group Grade 5 distribution=true
    0 group Grade 6
    0 group Choir
    0 member dilan of Choir
    0 nested Grade 5 in Grade 6
    0 device DMPC1AAAAAA1 ipados user=ana
    0 app 361285480 Keynote
    0 token DMPC1AAAAAA1 example.sunnyside.planner (64 digits)
    "#);
}

#[test]
fn apple_school_managers_six_files_become_users_and_groups() {
    let names = ["students", "staff", "courses", "classes", "rosters", "locations"];
    let paths: Vec<PathBuf> = names.iter().map(|name| fixture("school-manager").join(format!("{name}.csv"))).collect();
    let incoming = read(&paths).unwrap();
    insta::assert_snapshot!(tell(&incoming), @r#"
    2 user ana "Ana de Vries" mail=ana@sunnyside.example grade_level="5" location="Sunnyside School" person_id="S-100"
    3 user bokafor "Ben Chidi Okafor" mail=ben@sunnyside.example grade_level="05" location="Sunnyside School" person_id="S-101"
    4 user S-102 "Chloé Martin" mail=sam@sunnyside.example grade_level="6" location="Sunnyside School" person_id="S-102"
    5 user S-103 "Sam Smit" mail=sam@north.example grade_level="6" location="North Building" person_id="S-103"
    6 user S-104 "Dilan Yılmaz" grade_level="" location="Sunnyside School" person_id="S-104"
    7 user S-105 "Robert \"Bob\" Jones" mail=() grade_level="5" location="Sunnyside School" person_id="S-105"
    2 user frank "Frank Jansen" mail=frank@sunnyside.example location="Sunnyside School" person_id="T-200"
    3 user gina "Gina Rossi" mail=gina@sunnyside.example location="North Building" person_id="T-201"
    2 group Students
    2 group Grade 5
    4 group Grade 6
    2 group Staff
    2 group Mathematics (5A)
    3 group Music (K-2)
    4 group Mathematics (K-3)
    5 group Mathematics (K-4)
    2 member ana of Students
    2 member ana of Grade 5
    3 member bokafor of Students
    3 member bokafor of Grade 5
    4 member S-102 of Students
    4 member S-102 of Grade 6
    5 member S-103 of Students
    5 member S-103 of Grade 6
    6 member S-104 of Students
    7 member S-105 of Students
    7 member S-105 of Grade 5
    2 member frank of Staff
    3 member gina of Staff
    2 member gina of Mathematics (5A)
    3 member frank of Music (K-2)
    3 member gina of Music (K-2)
    4 member gina of Mathematics (K-3)
    2 member ana of Mathematics (5A)
    3 member bokafor of Mathematics (5A)
    4 member ana of Music (K-2)
    5 member S-102 of Music (K-2)
    8 member S-103 of Mathematics (K-4)
    rejected line 6 "S-104": email_address was left out: "not an address" is no mail address, because it holds the character ' ', which no mail address may
    rejected line 5 "K-4": there is no instructor T-999
    rejected line 6 "S-100": there is no class K-9
    rejected line 7 "S-999": there is no student S-999
    "#);
    assert_eq!(incoming.covers, [RowKind::User, RowKind::Group, RowKind::Membership]);
    // In whatever order they are named.
    let reversed: Vec<PathBuf> = paths.into_iter().rev().collect();
    let mut other = read(&reversed).unwrap();
    other.users.sort_by(|a, b| a.place.file.cmp(&b.place.file).reverse().then(a.place.line.cmp(&b.place.line)));
    assert_eq!(other.users, incoming.users);
    assert_eq!(other.groups.len(), incoming.groups.len());
}

#[test]
fn half_of_apples_files_takes_nobody_for_gone() {
    let school = |name: &str| fixture("school-manager").join(name);
    let incoming = read(&[school("students.csv")]).unwrap();
    assert_eq!(incoming.covers, []);
    assert!(incoming.warnings[0].contains("no row of staff, classes, rosters"), "{:?}", incoming.warnings);
    let incoming = read(&[school("students.csv"), school("staff.csv")]).unwrap();
    assert_eq!(incoming.covers, [RowKind::User]);
    let error = read(&[school("rosters.csv"), school("classes.csv"), school("staff.csv")]).unwrap_err();
    assert_eq!(error.what, "its rows refer to students.csv");
    let error = read(&[school("classes.csv")]).unwrap_err();
    assert_eq!(error.what, "its rows refer to students.csv and staff.csv");
}

#[test]
fn two_people_with_one_sis_username_are_not_mixed_up() {
    let students = "person_id,first_name,last_name,grade_level,sis_username\n1,Ana,A,5,sam\n2,Ben,B,6,sam\n";
    let mut reader = Reader::default();
    reader.file("students.csv", students.as_bytes()).unwrap();
    reader.file("classes.csv", b"class_id,class_number,course_id\nK,1,C\n").unwrap();
    reader.file("rosters.csv", b"roster_id,class_id,student_id\nR,K,2\n").unwrap();
    insta::assert_snapshot!(tell(&reader.finish().unwrap()), @r#"
    2 user sam "Ana A" grade_level="5" person_id="1"
    2 group Students
    2 group Grade 5
    2 group C (1)
    2 member sam of Students
    2 member sam of Grade 5
    rejected line 3 "sam": this username stands in students.csv line 2 already, with other values
    rejected line 2 "2": there is no student 2
    warning: of Apple School Manager's files there is no row of staff: nothing that stands there is taken for gone
    "#);
}

#[test]
fn headers_are_forgiving() {
    for header in [
        "username,full_name,mail",
        "USERNAME,Full Name,E-Mail",
        "User-Name,Display Name,Email Address",
        "\u{feff}login;Anzeigename;E-Mail-Adresse",
        "Benutzername;Vollständiger Name;Mailadresse",
        "gebruikersnaam\tvolledige naam\te-mailadres",
        "\"Nom d'utilisateur\";\"Nom complet\";Courriel",
        "sAMAccountName,displayName,mail",
    ] {
        let separator = [';', '\t', ','].into_iter().find(|c| header.contains(*c)).unwrap();
        let row = ["ana", "Ana de Vries", "ana@x.example"].join(&separator.to_string());
        for newline in ["\n", "\r\n", "\r"] {
            let file = format!("{header}{newline}{row}{newline}");
            assert_eq!(told("x.csv", file), "2 user ana \"Ana de Vries\" mail=ana@x.example\n", "{header:?} {newline:?}");
        }
    }
    assert_eq!(told("x.csv", "First Name,Middle Name,Last Name,Login\nAna,,de Vries,ana\n"), "2 user ana \"Ana de Vries\"\n");
}

#[test]
fn the_kind_is_told_by_the_columns_and_then_by_the_name() {
    for (name, file, says) in [
        ("x.csv", "group,username\nChoir,ana\n", "2 member ana of Choir\n"),
        ("x.csv", "Group,Members,Member\nChoir,,ana\n", "2 member ana of Choir\nwarning: x.csv: ignored columns: \"Members\"\n"),
        ("x.csv", "username,groups\nana,Choir|Grade 5\n", "2 user ana \"-\" groups=Choir+Grade 5\n"),
        ("x.csv", "group\nChoir\n", "2 group Choir\n"),
        ("groups.csv", "name\nChoir\n", "2 group Choir\n"),
        ("x.csv", "name,distribution\nChoir,ja\n", "2 group Choir distribution=true\n"),
        ("x.csv", "group,parent group\nGrade 5,Upper School\n", "2 nested Grade 5 in Upper School\n"),
        ("x.csv", "serial,username\nc02x,ana\n", "2 device C02X - user=ana\n"),
        ("x.csv", "iTunes ID,Name\n361285480,Keynote\n", "2 app 361285480 Keynote\n"),
        ("x.csv", "username\nana\n", "2 user ana \"-\"\n"),
        ("x.csv", "sep=;\r\nusername;mail\r\nana;\r\n", "3 user ana \"-\" mail=()\n"),
    ] {
        assert_eq!(told(name, file), says, "{file}");
    }
    let token = "ab".repeat(32);
    assert_eq!(
        told("x.csv", format!("serial,bundle id,token\nC02,example.app,{token}\n")),
        "2 token C02 example.app (64 digits)\n"
    );
    assert_eq!(
        told("x.json", r#"[{"serial":"c02","platform":"Mac"},{"serial":"c03","user":null}]"#),
        "0 device C02 macos user=-\n0 device C03 - user=()\n"
    );
}

#[test]
fn columns_that_say_nothing_list_what_there_could_be() {
    insta::assert_snapshot!(told("people.csv", "Name,Email\nAna,ana@x.example\n"), @r#"
    error: people.csv:1: its columns are "Name", "Email", which is no kind of row that a roster has
      hint: name the columns as one of these kinds has them:
        users: username
        groups: group
        memberships: group, username
        nested: group, within
        devices: serial
        apps: adam_id, name
        app_tokens: serial, topic, token
        students: person_id, first_name, last_name, grade_level
        staff: person_id, first_name, last_name
        courses: course_id, course_name
        classes: class_id, course_id
        rosters: class_id, student_id
        locations: location_id, location_name
    "#);
    insta::assert_snapshot!(told("x.json", r#"{"user": [], "settings": {}}"#), @r#"
    error: x.json: its columns are "user", "settings", which is no kind of row that a roster has
      hint: name the columns as one of these kinds has them:
        users: username
        groups: group
        memberships: group, username
        nested: group, within
        devices: serial
        apps: adam_id, name
        app_tokens: serial, topic, token
        students: person_id, first_name, last_name, grade_level
        staff: person_id, first_name, last_name
        courses: course_id, course_name
        classes: class_id, course_id
        rosters: class_id, student_id
        locations: location_id, location_name
    "#);
}

#[test]
fn bad_rows_and_cells_are_named_with_their_line() {
    insta::assert_snapshot!(told("users.csv", "\
username,full name,mail,enabled,language,timezone,managed account,groups,attributes.house
ana,Ana,ana@@x.example,maybe,klingon!,Europe/Amsterdm,nobody,Choir,red

,Nobody,x@x.example,yes,nl,,,,
ben,Ben,ben@x.example,yes,nl,Europe/Amsterdam
chloe,\"Chloé
Martin\",chloe@x.example,nein,Deutsch,,,,
di\u{202e}lan,Dilan,,1,,,,,
emma,Em\u{7}ma,,1,,,,,
frank,Frank,,1,,,,,\u{0}x
ana,Ana Again,,1,,,,,
gina,Gina,a@x.example,0,,,,,,surplus
,,,,,,,,
".replace('\u{0}', "\u{1}")), @r#"
    2 user ana "Ana" groups=Choir house="red"
    6 user chloe "Chloé Martin" mail=chloe@x.example language=de enabled=false house=""
    9 user emma "-" mail=() language=() enabled=true house=""
    10 user frank "Frank" mail=() language=() enabled=true
    rejected line 2 "ana": mail was left out: "ana@@x.example" is no mail address, because it holds the character '@', which no mail address may
    rejected line 2 "ana": enabled was left out: "maybe" is not yes or no (yes, no, true, false, 1, 0, ja, nein, nee, oui, non)
    rejected line 2 "ana": language was left out: "klingon!" is not a language tag such as nl or de-CH
    rejected line 2 "ana": timezone was left out: no time zone is called "Europe/Amsterdm"; did you mean "Europe/Amsterdam"?
    rejected line 2 "ana": managed_account was left out: "nobody" is no mail address, because it has no @
    rejected line 4 "": it has no username
    rejected line 5 "ben": it has 6 fields where the first line has 9; a field with the separator or a line break in it needs quotation marks
    rejected line 8 "di\u{202e}lan": the username can't be used: it holds the invisible character U+202E
    rejected line 9 "emma": full_name was left out: it holds the control character U+0007
    rejected line 10 "frank": the attribute house was left out: it holds the control character U+0001
    rejected line 11 "ana": this username stands in users.csv line 2 already, with other values
    rejected line 12 "gina": it has 10 fields where the first line has 9; a field with the separator or a line break in it needs quotation marks
    "#);
}

#[test]
fn marks_that_turn_text_around_are_left_out_of_names() {
    let list =
        "username,full name\nana,\u{202d}Ana\u{202c} Ruiz\u{200e}\nsamir,\u{202e}سمير\nfam,👩\u{200d}👧\nx,\u{202e}\u{7}\n";
    assert_eq!(
        told("users.csv", list).lines().map(str::trim).collect::<Vec<_>>(),
        [
            r#"2 user ana "Ana Ruiz""#,
            r#"3 user samir "سمير""#,
            r#"4 user fam "👩\u{200d}👧""#,
            r#"5 user x "-""#,
            r#"rejected line 5 "x": full_name was left out: it holds the control character U+0007"#,
        ]
    );
}

#[test]
fn a_row_for_each_group_is_one_user() {
    assert_eq!(
        told("x.csv", "username,mail,group,title\nana,a@x.example,Choir,T\nana,a@x.example,Grade 5,T\n"),
        "2 user ana \"-\" mail=a@x.example title=T groups=Choir+Grade 5\n"
    );
}

#[test]
fn devices_that_can_not_be_and_those_that_can() {
    insta::assert_snapshot!(told("devices.csv", "\
serial,platform,model,managed,enrollment,last seen,udid,user
C02 X,Mac,,yes,,,,
C02A,Chromebook,,yes,,,,
C02B,,MacBook Air,perhaps,sometimes,11/12/2026,no udid!,ana
c02b,Mac,,,,,,
C02C,iOS,iPad Pro,oui,shared iPad,2026-11-01,,
C02D,,,,,,,
"), @r#"
    4 device C02B macos user=ana
    6 device C02C ipados user=()
    7 device C02D - user=()
    rejected line 2 "C02 X": the serial number can't be used: "C02 X" is not a serial number
    rejected line 3 "C02A": the platform "Chromebook" is none of iOS, iPadOS, macOS, tvOS, visionOS, watchOS or a device such as iPad, Mac, Apple TV
    rejected line 4 "C02B": udid was left out: "no udid!" holds more than letters, digits and dashes
    rejected line 4 "C02B": managed was left out: "perhaps" is not yes or no (yes, no, true, false, 1, 0, ja, nein, nee, oui, non)
    rejected line 4 "C02B": enrollment was left out: "sometimes" is none of device, user, account-driven, shared-ipad
    rejected line 4 "C02B": last_seen was left out: "11/12/2026" is not a date such as 2026-12-01, 2026-12-01 08:00, 2026-12-01T08:00:00Z or 01.12.2026
    rejected line 5 "C02B": this serial number stands in devices.csv line 4 already
    "#);
}

#[test]
fn lines_stay_right_after_line_breaks_in_fields() {
    for newline in ["\n", "\r\n"] {
        let file = ["username,title", "a,\"one", "two\"\"", "three\"", "", "b,x", "c"].join(newline);
        let text = told("x.csv", &file);
        let expected = "2 user a \"-\" title=one two\" three\n6 user b \"-\" title=x\n";
        assert!(text.starts_with(expected), "{newline:?} {text}");
        assert!(text.contains("rejected line 7 \"c\""), "{text}");
    }
}

#[test]
fn an_empty_list_takes_nobody_for_gone() {
    for file in ["username,mail\n", "username,mail\n,x@x.example\n", r#"{"users": []}"#] {
        let incoming = parse("users.csv", file.as_bytes()).unwrap();
        assert_eq!(incoming.covers, [], "{file}");
        assert!(incoming.warnings.len() + incoming.rejected.len() == 1, "{file}");
    }
}

#[test]
fn keys_that_nobody_knows_are_named_once() {
    let text = told(
        "x.json",
        r#"{"users": [{"username": "a", "shoesize": 5, "usernme": "x", "mail": ["x"]}, {"username": "b", "shoesize": 6}, 7], "device": []}"#,
    );
    insta::assert_snapshot!(text, @r#"
    0 user a "-"
    0 user b "-"
    rejected x.json users[1] "a": mail was left out: it has to be a single value
    rejected x.json users[3] "": it is not an object
    warning: x.json: ignored keys: "device" (did you mean devices?), "shoesize", "usernme" (did you mean username?)
    "#);
}

#[test]
fn what_two_kinds_could_mean_is_asked_for() {
    let text = told("x.csv", "serial,username,title\nC02,ana,Pupil\n");
    assert!(text.contains("could be users or devices"), "{text}");
    // The file's name decides where columns don't.
    assert!(told("users.csv", "serial,username,title\nC02,ana,Pupil\n").starts_with("2 user ana"));
}

#[test]
fn the_columns_page_names_every_column_and_fits_a_terminal() {
    let help = columns_help();
    for word in ["username", "attributes.NAME", "person_id", "serial", "token", "within"] {
        assert!(help.contains(word), "{word}");
    }
    let wide: Vec<&str> = help.lines().filter(|line| line.chars().count() > 90).collect();
    assert!(wide.is_empty(), "{wide:#?}");
    // Every documented name is understood as itself.
    for info in kinds::KINDS {
        for column in info.columns {
            assert!(
                info.column(&columns::fold(column.name)).is_some_and(|(c, rank)| c.col == column.col && rank == 0),
                "{}",
                column.name
            );
        }
    }
}

#[test]
fn files_that_are_not_there_or_folders() {
    let dir = tempfile::tempdir().unwrap();
    assert!(read(&[dir.path().to_owned()]).unwrap_err().what.contains("folder"));
    assert!(read(&[dir.path().join("none.csv")]).unwrap_err().what.contains("can't be read"));
    assert_eq!(read(&[]).unwrap(), Incoming::default());
}
