//! The roster language, with what people write and with what nobody should.

use std::collections::BTreeSet;

use proptest::prelude::*;

use super::people::{DEVICE_KEYS, KEYS};
use super::roster::{Roster, TEXT_MAX, USERS_MAX};
use super::sent;
use crate::domain::device::Platform;
use crate::script::option_key::{self, OptionKey};
use crate::script::reference::library_functions;
use crate::script::stdlib;
use crate::script::testing::host;

const CLASS: &str = "
    # the class of Ms Bauer
    Grade 5:
      ana    Ana Ruiz       ana@school.example   iPad
      ben    ben@school.example   Ben Ito\t2 iPads, Mac   Chess club, Choir
    Staff:
      finn   Finn Bauer   department: Science   house: red
      gia    -   disabled
";

/// What `beckon check`, the editor and the reference say of `t::site` is what it reads.
#[test]
fn the_documented_options_are_those_that_are_read() {
    let text = stdlib::find("testing").unwrap();
    let site = library_functions(text).into_iter().find(|f| f.name == "site").unwrap();
    let options = option_key::read(&site.doc);
    let inside = |path| options.iter().map(OptionKey::split).filter(move |(of, _)| *of == path).map(|(_, key)| key);
    assert_eq!(inside("").collect::<BTreeSet<_>>(), KEYS.into_iter().collect());
    assert_eq!(inside("devices").collect::<BTreeSet<_>>(), DEVICE_KEYS.into_iter().collect());
    let of_sites = host().catalog().entries().iter().filter(|e| e.takes_first("TestSite") && !e.options.is_empty());
    for entry in of_sites {
        let keys: BTreeSet<_> = entry.options.iter().map(|key| key.path.as_str()).collect();
        assert_eq!(keys, sent::KEYS.into_iter().collect(), "{}", entry.name);
    }
}

#[test]
fn people_are_read_as_one_would_write_a_list() {
    let roster = Roster::parse(CLASS).unwrap();
    assert_eq!(roster.groups, ["Grade 5", "Chess club", "Choir", "Staff"]);
    let told: Vec<String> = roster
        .users
        .iter()
        .map(|u| format!("{} {:?} {:?} {:?} {:?}", u.username, u.full_name, u.mail, u.groups, u.fields))
        .collect();
    insta::assert_snapshot!(told.join("\n"), @r#"
    ana "Ana Ruiz" Some("ana@school.example") ["Grade 5"] {}
    ben "Ben Ito" Some("ben@school.example") ["Grade 5", "Chess club", "Choir"] {}
    finn "Finn Bauer" None ["Staff"] {"attributes.house": "red", "department": "Science"}
    gia "gia" None ["Staff"] {"enabled": "no"}
    "#);
    let devices: Vec<(&str, Platform)> = roster.devices.iter().map(|d| (d.name.as_str(), d.platform)).collect();
    let (ipad, mac) = (Platform::Ipados, Platform::Macos);
    assert_eq!(devices, [("Ana's iPad", ipad), ("Ben's iPad", ipad), ("Ben's iPad", ipad), ("Ben's Mac", mac)]);
}

#[test]
fn a_slip_is_told_with_its_line() {
    let said = |text: &str| {
        let problem = Roster::parse(text).unwrap_err();
        format!("{} ({})", problem.message, problem.hint.unwrap_or_default())
    };
    assert_eq!(said("ana  Ana\nana  Ana"), "line 2 of the roster: there are two users called \"ana\" ()");
    assert_eq!(
        said("ana Ana Ruiz"),
        "line 1 of the roster: \"ana Ana Ruiz\" is no username (two spaces, or a tab, end a username)"
    );
    assert_eq!(
        said("ana  Ana  departmnt: Music"),
        "line 1 of the roster: there is no field \"departmnt\" (did you mean \"department\"?)"
    );
    assert_eq!(said("ana  a@x.example  b@x.example"), "line 1 of the roster: \"ana\" has two mail addresses ()");
    assert!(said("ana  Ana  iPad, Toaster").contains("\"Toaster\" is no kind of device"));
}

#[test]
fn what_is_too_much_is_refused() {
    assert!(Roster::numbered(-1).is_err());
    assert!(Roster::numbered(i64::MAX).is_err());
    assert_eq!(Roster::numbered(3).unwrap().users[2].username, "user3");
    assert!(Roster::parse(&"x".repeat(3_000_000)).is_err());
    assert!(Roster::parse(&format!("ana  {}", "x".repeat(1_000))).is_err());
    let many: String = (0..=USERS_MAX).map(|n| format!("u{n}\n")).collect();
    assert!(Roster::parse(&many).is_err());
    assert!(Roster::parse("ana  Ana  99 iPads").unwrap().devices.is_empty());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    /// Whatever is written, it is read or refused, and what was read can be written as roster files.
    #[test]
    fn no_text_breaks_it(text in "([a-z@:,#\\-\" \t\n\\PC]|  |: |iPad|disabled){0,120}") {
        if let Ok(roster) = Roster::parse(&text) {
            for (_, file) in roster.files() {
                prop_assert!(file.ends_with('\n'));
            }
        }
    }

    /// What is said in the roster's own words is within its bounds, or refused with its line.
    #[test]
    fn hostile_lists_are_refused_with_their_line(
        lines in prop::collection::vec(
            "(ana|ben|\\u{202e}|\u{0}|'; --|=cmd|[a-z]{1,400})(  |\t)(x@y|99999999999 iPads|3 Macs|a: b|: |,,|\"\"|Grade 5:|\\PC{0,40}){1,4}",
            0..40,
        ),
    ) {
        match Roster::parse(&lines.join("\n")) {
            Ok(roster) => {
                prop_assert!(roster.users.len() <= lines.len() && roster.devices.len() <= 20 * lines.len());
                for (n, user) in roster.users.iter().enumerate() {
                    prop_assert!(!user.username.is_empty() && user.username.len() <= TEXT_MAX);
                    prop_assert!(roster.users[..n].iter().all(|other| other.username != user.username));
                    prop_assert_eq!(roster.user(&user.username), Some(user));
                }
            }
            Err(problem) => prop_assert!(problem.message.starts_with("line "), "{}", problem.message),
        }
    }
}
