//! The standard library's own tests (`stdlib/*.test.rhai`), each in the school that `stdlib/testing.rhai`
//! describes, and the example scripts.

use std::path::Path;
use std::sync::Arc;

use crate::domain::device::Platform;
use crate::domain::time::{Span, Timestamp};
use crate::domain::user::{Status, User};
use crate::script::Problem;
use crate::script::reference::{Block, Part, blocks};
use crate::script::testing::{School, Trial, host, trial_in};
use crate::script::trial::{Trials, Tried, Wanted};

/// Monday, 30 November 2026, 09:00 in Amsterdam.
fn now() -> Timestamp {
    chrono::DateTime::parse_from_rfc3339("2026-11-30T08:00:00Z").unwrap().to_utc()
}

fn invited(user: &mut User, status: Status, days: i64, enrolled: Option<i64>, reminders: u32, contact: i64) {
    user.status = status;
    user.invited_at = Some(now() - Span::days(days));
    user.enrolled_at = enrolled.map(|days| now() - Span::days(days));
    user.reminders = reminders;
    user.last_contact = Some(now() - Span::days(contact));
}

fn school() -> School {
    let mut school = School::default();
    let names = [
        ("ana", "Ana Ruiz", "school.example"),
        ("ben", "Ben Ito", ""),
        ("chloe", "Chloé Martin", "school.example"),
        ("dirk", "Dirk de Vries", "school.example"),
        ("eve", "Eve Novák", "school.example"),
        ("finn", "Finn Bauer", "school.example"),
        ("gia", "Gia Rossi", "school.example"),
        ("hal", "Hal Öberg", "other.example"),
    ];
    let ids = names.map(|(username, full_name, domain)| {
        let id = school.user(username, full_name);
        let mail = crate::domain::mail_address::MailAddress::parse(&format!("{username}@{domain}")).ok();
        school.change(id, |u| u.mail = mail);
        id
    });
    let [ana, ben, chloe, dirk, eve, finn, gia, hal] = ids;
    let attribute = |u: &mut User, key: &str, value: &str| {
        u.attributes.insert(key.into(), value.into());
    };
    school.change(ana, |u| {
        u.department = Some("Music".into());
        invited(u, Status::Invited, 9, None, 1, 2);
        attribute(u, "house", "red");
    });
    school.change(chloe, |u| {
        u.department = Some("Music".into());
        invited(u, Status::Enrolled, 30, Some(20), 2, 21);
        attribute(u, "house", "blue");
    });
    school.change(dirk, |u| invited(u, Status::Invited, 4, None, 0, 4));
    school.change(eve, |u| {
        u.enabled = false;
        invited(u, Status::Enrolled, 60, Some(50), 0, 60);
    });
    school.change(finn, |u| {
        u.department = Some("Science".into());
        attribute(u, "start_date", "2026-11-23");
    });
    school.change(gia, |u| invited(u, Status::Invited, 40, None, 3, 20));
    school.change(hal, |u| {
        invited(u, Status::Retired, 100, None, 0, 90);
        attribute(u, "start_date", "2026-08-24");
    });
    let [five, six, staff] = ["Grade 5", "Grade 6", "Staff"].map(|name| school.group(name, true));
    school.members.extend([
        (five, ana),
        (five, ben),
        (five, chloe),
        (six, chloe),
        (six, dirk),
        (six, eve),
        (staff, finn),
        (staff, gia),
    ]);
    school.device("C01", "iPad of Ana", Platform::Ipados, Some(ana));
    school.device("C02", "Chloé's Mac", Platform::Macos, Some(chloe));
    school.device("C03", "Chloé's iPad", Platform::Ipados, Some(chloe));
    school.device("C04", "Eve's iPad", Platform::Ipados, Some(eve));
    school.device("C05", "Finn's Mac", Platform::Macos, Some(finn));
    school.device("C06", "spare", Platform::Ipados, None);
    school
}

fn in_school(script: &str) -> Trial {
    trial_in(school(), script).with(|input| {
        input.turn.now = now();
        let mut site = crate::script::testing::site();
        let settings = serde_json::json!({
            "holidays": ["2026-10-19..2026-10-23", "2026-12-07", "2026-12-21..2027-01-01"],
            "terms": ["2026-08-24..2026-12-18", "2027-01-04..2027-04-30"],
        });
        site.settings = settings.as_object().unwrap().clone();
        input.site = Arc::new(site);
    })
}

fn files(folder: &str, ending: &str) -> Vec<(String, String)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join(folder);
    let entries = std::fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path());
    let scripts = entries.filter(|path| path.to_string_lossy().ends_with(ending));
    let mut files: Vec<_> = scripts
        .map(|path| (path.file_name().unwrap().to_string_lossy().into_owned(), std::fs::read_to_string(&path).unwrap()))
        .collect();
    files.sort();
    files
}

/// The example scripts without their tests, which run in src/host/trial.
fn examples() -> impl Iterator<Item = (String, String)> {
    files("scripts", ".rhai").into_iter().filter(|(name, _)| !name.ends_with(".test.rhai"))
}

/// Tests of the library are found and run as `beckon test` does it, and look at the school that is there: how long
/// somebody has been invited there is given, where a site of a test's own would have to live through it.
struct OneSchool;

impl Trials for OneSchool {
    fn zone(&self) -> chrono_tz::Tz {
        chrono_tz::Europe::Amsterdam
    }

    fn site(&self, _: Wanted) -> Tried<Box<dyn crate::script::trial::Trial>> {
        Err(Problem::internal("the library's tests have one school"))
    }

    fn golden(&self, _: &str, _: &str) -> Tried<()> {
        Err(Problem::internal("the library's tests have no golden texts"))
    }
}

#[test]
fn the_library_passes_its_own_tests() {
    let mut run = 0;
    for (name, text) in files("stdlib", ".test.rhai") {
        for test in host().tests(&name, &text).unwrap() {
            if let Err(error) = host().test(in_school(&text).input, Arc::new(OneSchool), &test.name) {
                panic!("{name}, {}: {error}", test.name);
            }
            run += 1;
        }
    }
    assert!(run >= 20, "{run} tests");
}

#[test]
fn the_library_and_the_examples_pass_the_check() {
    for (name, text) in files("stdlib", ".rhai").into_iter().chain(files("scripts", ".rhai")) {
        let found = host().check(&name, &text);
        assert!(found.is_empty(), "{}", found[0]);
    }
}

#[test]
fn every_example_script_runs() {
    for (name, text) in examples() {
        let trial = in_school(&text).given(&[("group", "Grade 5")]);
        let output = trial.run().unwrap_or_else(|error| panic!("{name}: {error}"));
        assert!(output.asked.len() <= 1, "{name}: {:?}", output.asked);
    }
}

#[test]
fn every_example_script_says_what_it_is_for_and_what_it_wants() {
    for (name, text) in examples() {
        let declared = host().declarations(in_school(&text).input).unwrap();
        assert!(!declared.description.is_empty(), "{name}");
        assert!(declared.params.iter().all(|p| p.help.is_some()), "{name}: {:?}", declared.params);
    }
}

/// Every function of the library that a script uses has an example, and what the pages show runs as it stands.
#[test]
fn every_example_in_the_reference_of_the_library_runs() {
    let book = host().reference();
    let mut examples = 0;
    for section in book.sections.iter().filter(|s| s.part == Part::Library) {
        for (item, form) in section.items.iter().flat_map(|item| item.forms.iter().map(move |form| (item, form))) {
            let Some(example) = &form.example else {
                panic!("{} has no example", item.title);
            };
            let found = host().check("example", example);
            assert!(found.is_empty(), "{}: {}", item.title, found[0]);
            // `beckon test` runs what has a site of its own: tests/it/script_tests.rs.
            if example.contains("testing::site(") {
                continue;
            }
            if let Err(error) = in_school(example).run() {
                panic!("the example of {}: {error}", item.title);
            }
            examples += 1;
        }
    }
    assert!(examples >= 40, "{examples}");
}

#[test]
fn every_script_in_the_chapters_runs() {
    let book = host().reference();
    let mut scripts = 0;
    for section in book.sections.iter().filter(|s| s.part != Part::Api) {
        for block in blocks(&section.text) {
            let Block::Code("rhai", script) = block else { continue };
            let found = host().check(&section.title, &script);
            assert!(found.is_empty(), "{}", found[0]);
            if let Err(error) = in_school(&script).run() {
                panic!("{}: {error}\n{script}", section.title);
            }
            scripts += 1;
        }
    }
    assert!(scripts >= 14, "{scripts}");
}
