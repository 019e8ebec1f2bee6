//! The generated school.

use std::collections::{BTreeMap, HashSet};

use super::*;
use crate::domain::device::{Enrollment, Platform};
use crate::domain::mail_address::MailAddress;
use crate::sim::School;

#[test]
fn a_school_has_what_a_site_meets() {
    let school = School::generate(7, 400);
    assert_eq!((school.users.len(), school.devices.len()), (400, 480));
    assert_eq!(school.members("Grade 5").len(), 60);
    assert_eq!(school.members("Grade 5")[0], "ana");
    let names: HashSet<_> = school.users.iter().map(|u| &u.username).collect();
    assert_eq!(names.len(), 400);
    assert!(school.users.iter().filter_map(|u| u.mail.as_ref()).all(|m| MailAddress::parse(m).is_ok()));
    let share = |count: usize| count * 100 / 400;
    assert!((1..9).contains(&share(school.users.iter().filter(|u| u.mail.is_none()).count())));
    assert!((1..10).contains(&share(school.users.iter().filter(|u| u.managed_account.is_some()).count())));
    let languages: HashSet<_> = school.users.iter().map(|u| u.language).collect();
    assert_eq!(languages.len(), 4);
    let mut platforms: BTreeMap<Platform, usize> = BTreeMap::new();
    school.devices.iter().for_each(|d| *platforms.entry(d.device.platform).or_default() += 1);
    assert!(
        platforms[&Platform::Ipados] > 150 && platforms[&Platform::Macos] > 40 && platforms[&Platform::Ios] > 10,
        "{platforms:?}"
    );
    assert_eq!(platforms[&Platform::Tvos], 1);
    assert_eq!(school.devices.iter().filter(|d| d.device.enrollment == Enrollment::User).count(), 1);
    assert!(school.devices.iter().any(|d| d.device.user.is_none()));
    assert!(school.devices.iter().filter(|d| d.device.platform == Platform::Macos).any(|d| d.device.user_channel.is_some()));
    let serials: HashSet<_> = school.devices.iter().map(|d| &d.device.serial).collect();
    let udids: HashSet<_> = school.devices.iter().map(|d| &d.device.udid).collect();
    assert_eq!((serials.len(), udids.len()), (480, 480));
    assert!(school.nested.contains(&("Grade 5".to_owned(), "All students".to_owned())));
}

#[test]
fn the_same_seed_is_the_same_school_and_sizes_are_exact() {
    assert_eq!(School::generate(7, 100), School::generate(7, 100));
    assert_ne!(School::generate(7, 100), School::generate(8, 100));
    for (users, devices) in [(0, 0), (1, 1), (3, 25), (60, 0), (10_000, 12_000)] {
        let school = School::generate_sized(1, users, devices);
        assert_eq!((school.users.len(), school.devices.len()), (users, devices));
    }
}

#[test]
fn roster_files_have_the_documented_columns() {
    let school = School::generate(7, 50);
    let files: BTreeMap<_, _> = school.csv().unwrap().into_iter().collect();
    let first = |name: &str| files[name].lines().next().unwrap().to_owned();
    assert_eq!(first("users.csv"), "username,full_name,mail,language,department,title,enabled,managed_account");
    assert_eq!(first("groups.csv"), "name,distribution");
    assert_eq!(first("memberships.csv"), "group,username");
    assert_eq!(first("nested.csv"), "group,within");
    assert_eq!(first("devices.csv"), "serial,udid,name,platform,os_version,model,user,managed,enrollment,user_channel");
    assert_eq!(files["users.csv"].lines().count(), 51);
    assert_eq!(files["devices.csv"].lines().count(), 61);
    assert!(files["users.csv"].contains("\nana,Ana de Vries,ana@sunnyside.example,nl,Grade 5,Student,yes,\n"));

    let folder = tempfile::tempdir().unwrap();
    school.write_csv(&folder.path().join("roster")).unwrap();
    let token = folder.path().join("sunnyside.vpptoken");
    school.write_token(&token, start()).unwrap();
    let read = ContentToken::parse(&std::fs::read(&token).unwrap()).unwrap();
    assert_eq!((read.organisation.as_str(), read.expires), ("Sunnyside School", start()));
    assert_eq!(std::fs::read_to_string(folder.path().join("roster/nested.csv")).unwrap(), files["nested.csv"]);
}
