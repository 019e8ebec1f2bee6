//! `beckon test` as a program: what it writes for other programs, how it ends, and that nothing that a test does
//! reaches the site.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::{BufRead as _, BufReader, Read as _};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use beckon::script::ScriptHost;
use proptest::prelude::*;
use serde_json::Value;

/// A site as `beckon init` makes it, without its example tests.
struct Site(tempfile::TempDir);

impl Site {
    fn make() -> Self {
        let site = Self(tempfile::tempdir().expect("a folder"));
        let made = site.command(&["init", "."]).output().expect("beckon starts");
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
        for file in std::fs::read_dir(site.path("scripts")).expect("scripts").map(|entry| entry.expect("a file").path()) {
            if file.to_string_lossy().ends_with(".test.rhai") {
                std::fs::remove_file(file).expect("removed");
            }
        }
        site
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn with(self, name: &str, text: &str) -> Self {
        std::fs::write(self.path(name), text).expect("written");
        self
    }

    /// More settings, at the end of site.toml.
    fn with_settings(self, text: &str) -> Self {
        let before = std::fs::read_to_string(self.path("site.toml")).expect("settings");
        self.with("site.toml", &format!("{before}\n{text}\n"))
    }

    fn with_tests(self, text: &str) -> Self {
        self.with("scripts/some.test.rhai", &format!("import \"testing\" as t;\n{text}"))
    }

    fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_beckon"));
        command.args(args).current_dir(self.0.path()).env_remove("BECKON_SITE").env("NO_COLOR", "1").stdin(Stdio::null());
        command
    }

    /// Its exit code, and what it said.
    fn test(&self, args: &[&str]) -> (i32, String) {
        let ended = self.command(&[&["test"], args].concat()).output().expect("beckon starts");
        let said = format!("{}{}", String::from_utf8_lossy(&ended.stdout), String::from_utf8_lossy(&ended.stderr));
        (ended.status.code().unwrap_or(-1), said)
    }

    fn passes(&self, args: &[&str]) {
        let (code, said) = self.test(args);
        assert_eq!(code, 0, "{said}");
    }

    /// Everything that lies beside the settings, scripts and templates, byte by byte.
    fn store(&self) -> BTreeMap<PathBuf, Vec<u8>> {
        let files = std::fs::read_dir(self.0.path()).expect("a site").map(|entry| entry.expect("a file").path());
        let files: BTreeMap<_, _> =
            files.filter(|path| path.is_file()).map(|path| (path.clone(), std::fs::read(path).expect("read"))).collect();
        assert!(files.keys().any(|path| path.extension().is_some_and(|e| e == "db")), "there is no store: {:?}", files.keys());
        files
    }
}

/// What the reference shows of sites of tests runs as it stands.
#[test]
fn every_example_with_a_site_of_its_own_runs() {
    let page = ScriptHost::new().reference().markdown();
    let blocks = page.split("```rhai\n").skip(1).filter_map(|rest| rest.split("```").next());
    let mut tests = String::from("import \"testing\" as testing;\n");
    let mut examples = 0;
    let with_site = |block: &&str| block.contains("::site(") && !block.contains("fn ");
    for example in blocks.filter(with_site) {
        let body: Vec<&str> = example.lines().filter(|line| !line.starts_with("import ")).collect();
        let _ = writeln!(tests, "fn test_{examples}() {{\n{}\n}}", body.join("\n"));
        examples += 1;
    }
    assert!(examples >= 20, "{examples}");
    Site::make().with_tests(&tests).passes(&["--bless"]);
}

const ONE_OF_EACH: &str = "
fn test_it_holds() { t::equal(1 + 1, 2); }
fn test_it_does_not() {
    print(\"so far\");
    t::equal(1 + 1, 3);
}
fn test_the_script_fails() { t::site(#{ users: 1 }).run(\"broken.rhai\"); }
";

fn data(said: &str) -> Value {
    serde_json::from_str(said).unwrap_or_else(|e| panic!("{e}: {said}"))
}

#[test]
fn results_are_told_as_data() {
    let site = Site::make().with_tests(ONE_OF_EACH).with("scripts/broken.rhai", "let n = 1;\nn.nothing();\n");
    let (code, said) = site.test(&["--json", "--jobs", "3"]);
    let told = data(&said);
    assert_eq!((code, told["passed"].as_u64(), told["failed"].as_u64()), (3, Some(1), Some(2)), "{said}");
    let tests = told["tests"].as_array().expect("tests");
    let named = |name: &str| tests.iter().find(|test| test["name"] == name).expect("the test");
    assert_eq!(named("test_it_holds")["passed"], true);
    let failed = named("test_it_does_not");
    assert_eq!((failed["file"].as_str(), failed["line"].as_u64()), (Some("scripts/some.test.rhai"), Some(4)));
    assert_eq!((failed["error"]["code"].as_str(), failed["error"]["line"].as_u64()), (Some("unequal"), Some(6)));
    assert_eq!(failed["printed"], serde_json::json!(["so far"]));
    // An editor goes to the script, and finds the way there.
    let error = &named("test_the_script_fails")["error"];
    assert_eq!((error["source"].as_str(), error["line"].as_u64()), (Some("scripts/broken.rhai"), Some(2)), "{error}");
    assert_eq!(error["trace"][0]["source"], "scripts/some.test.rhai", "{error}");
    let listed = data(&site.test(&["--list", "--json"]).1);
    assert_eq!(listed["tests"].as_array().map(Vec::len), Some(3));
}

/// A CI system shows each test with its error, and a file that is no script as a fault of its own.
#[test]
fn results_are_told_to_ci_systems() {
    let odd = "fn test_odd() { print(\"<b> & \\x07\"); t::equal(\"a\\nb\", \"a\\n<c>\"); }\n";
    let site = Site::make().with_tests(&format!("{ONE_OF_EACH}{odd}")).with("scripts/no.test.rhai", "let = 1;\n");
    let (code, said) = site.test(&["--junit", "results.xml"]);
    assert_eq!(code, 3, "{said}");
    let xml = std::fs::read_to_string(site.path("results.xml")).expect("results");
    for part in [
        "<testsuites tests=\"5\" failures=\"3\" errors=\"1\" time=\"",
        "<testsuite name=\"scripts/some.test.rhai\" tests=\"4\" failures=\"3\" errors=\"0\"",
        "<testcase classname=\"scripts/some.test.rhai\" name=\"test_it_holds\" file=\"scripts/some.test.rhai\" line=\"3\"",
        "<failure type=\"unequal\" message=\"got 2, wanted 3\">",
        "<system-out>so far</system-out>",
        "- &lt;c&gt;\n+ b",
        "<system-out>&lt;b&gt; &amp; \u{fffd}</system-out>",
        "<testcase classname=\"scripts/no.test.rhai\" name=\"the file can be read\" time=\"0\">\n      <error type=\"syntax\"",
    ] {
        assert!(xml.contains(part), "{part}\n{xml}");
    }
}

#[test]
fn a_test_with_parameters_is_no_test_and_that_is_said() {
    let site = Site::make().with_tests("fn test_one() {}\nfn test_two(x) { x }\n");
    let (code, said) = site.test(&[]);
    assert_eq!(code, 0, "{said}");
    assert!(said.contains("scripts/some.test.rhai:3: test_two is no test, because it has parameters"), "{said}");
    assert!(said.contains("1 test passed"), "{said}");
}

#[test]
fn nothing_that_matches_is_a_wrong_call() {
    let site = Site::make().with_tests(ONE_OF_EACH);
    let (code, said) = site.test(&["--filter", "no-such-test"]);
    assert_eq!(code, 2, "{said}");
    let (code, said) = site.test(&["--list", "--filter", "holds"]);
    assert_eq!((code, said.trim()), (0, "scripts/some.test.rhai:3  test_it_holds"));
}

#[test]
fn settings_that_are_wrong_are_told_before_any_test_runs() {
    let (code, said) = Site::make().with_tests(ONE_OF_EACH).with_settings("[mail]\nfrom = 3").test(&[]);
    assert_eq!(code, 5, "{said}");
    assert!(!said.contains("test_it_holds"), "{said}");
}

/// Lines of closures count, whether the interpreter or the store answers them.
#[test]
fn lines_that_ran_are_told_to_editors() {
    let script = "\
let late = users.where(|u|
    u.status == \"invited\"
);
let long = [\"a\", \"bbb\"].filter(|text| {
    let n = text.len;
    n > 2
});
if late.count() > 5 {
    print(\"many\");
}
let never = [].filter(|x| {
    x > 1
});
switch long.len {
    1 => print(\"one\"),
    2 => 2,
    9 => {
        print(\"many\");
    }
    _ => print(\"none\"),
}
let names = [\"ana\"]
    .map(|name| name.to_upper())
    .filter(|name| {
        name.len > 9
    });
import \"counted_too\" as too;
too::used(1);
";
    let module = "fn used(x) {\n    if x > 1 {\n        return x;\n    } else if x > 0 {\n        return 0;\n    }\n    2\n}\nfn unused() {\n    1\n}\n";
    let site = Site::make().with("scripts/counted.rhai", script).with("scripts/counted_too.rhai", module);
    let site = site.with_tests("fn test_it() { t::site(#{ users: 2 }).run(\"counted.rhai\"); }");
    site.passes(&["--lcov", "out.info"]);
    let lcov = std::fs::read_to_string(site.path("out.info")).expect("lcov");
    // The lines that ran, and those that didn't.
    let lines = |file: &str| {
        let (_, mine) = lcov.split_once(&format!("scripts/{file}\n")).unwrap_or_else(|| panic!("{lcov}"));
        let mine = mine.split("end_of_record").next().unwrap_or_default();
        let counts = mine.lines().filter_map(|line| line.strip_prefix("DA:")?.split_once(','));
        let (ran, missed): (Vec<_>, Vec<_>) = counts.partition(|(_, count)| *count != "0");
        let numbers = |lines: Vec<(&str, &str)>| lines.iter().map(|(line, _)| (*line).to_owned()).collect::<Vec<_>>().join(" ");
        (numbers(ran), numbers(missed))
    };
    let (ran, missed) = lines("counted.rhai");
    assert_eq!((ran.as_str(), missed.as_str()), ("1 2 4 5 6 8 11 14 15 22 23 25 27 28", "9 12 16 18 20"), "{lcov}");
    let (ran, missed) = lines("counted_too.rhai");
    assert_eq!((ran.as_str(), missed.as_str()), ("2 4 5", "3 7 10"), "{lcov}");
    assert!(lcov.contains("scripts/retire-leavers.rhai\n"), "a script that no test runs");
}

#[test]
fn ctrl_c_ends_it_and_says_so() {
    let tests = "fn test_a() {}\nfn test_b() { loop {} }\n";
    let settings = "[limits.script]\noperations = 1_000_000_000_000\nseconds = 600";
    let site = Site::make().with_tests(tests).with_settings(settings);
    let mut running = site.command(&["test", "--jobs", "1"]).stdout(Stdio::piped()).spawn().expect("beckon starts");
    let mut said = BufReader::new(running.stdout.take().expect("its output"));
    let mut first = String::new();
    said.read_line(&mut first).expect("a line");
    assert!(first.contains("test_a"), "{first}");
    let killed = Command::new("kill").args(["-INT", &running.id().to_string()]).status().expect("kill starts");
    assert!(killed.success());
    let mut rest = String::new();
    said.read_to_string(&mut rest).expect("the rest");
    assert_eq!(running.wait().expect("its end").code(), Some(130), "{rest}");
    assert!(rest.contains("stopped from the keyboard"), "{rest}");
}

const SHORT: &str = "[limits.script]\noperations = 1_000_000_000_000\nseconds = 1";

/// The test's clock stands still while a script runs; the machine's ends it.
#[test]
fn a_script_without_end_is_ended() {
    let site = Site::make().with("scripts/endless.rhai", "let n = 0;\nloop { n += 1; }\n").with_settings(SHORT);
    let (code, said) = site.with_tests("fn test_it() { t::site(#{}).run(\"endless.rhai\"); }").test(&[]);
    assert_eq!(code, 3, "{said}");
    assert!(said.contains("longer than 1 second"), "{said}");
}

const NIGHTLY: &str = "[[schedule]]\nname = \"nightly\"\nscript = \"nightly.rhai\"\ncron = \"0 2 * * *\"\ntimezone = \"UTC\"";

#[test]
fn a_schedule_that_fails_is_not_overlooked() {
    let tests = "
fn test_overlooked() {
    let site = t::site(#{ schedules: true });
    site.advance(days(2));
}
fn test_looked_at() {
    let site = t::site(#{ schedules: true });
    let error = t::throws(|| site.advance(days(2)));
    t::equal(error.code, \"schedule_failed\");
    t::contains(error.message, \"1 time after that\");
    t::near(site.now, at(\"2026-11-30 09:00\") + days(2), minutes(1));
    t::equal(t::throws(|| site.advance(days(1))).code, \"schedule_failed\");
}
fn test_they_do_not_fire() { t::site(#{}).advance(days(2)); }
";
    let site = Site::make().with("scripts/nightly.rhai", "print(groups[\"Nobody\"].open);\n").with_settings(NIGHTLY);
    let (code, said) = site.with_tests(tests).test(&[]);
    assert_eq!(code, 3, "{said}");
    assert!(said.contains("1 of 3 tests failed"), "{said}");
    for part in ["the schedule \"nightly\" failed at 2026-12-01", "no group is called \"Nobody\"", "scripts/nightly.rhai:1:14"] {
        assert!(said.contains(part), "{part}: {said}");
    }
}

/// Something that a test can do.
fn deed() -> impl Strategy<Value = String> {
    let user = prop::sample::select(vec!["user1", "user2", "zoe", "nobody", "", "x'; DROP TABLE users"]);
    let call = prop::sample::select(vec![
        "site.run(\"invite-new-starters.rhai\")",
        "site.plan(\"invite-group.rhai\", #{ group: \"Grade 5\" })",
        "site.run(\"../site.toml\")",
        "site.accept(USER)",
        "site.decline(USER)",
        "site.bounce(USER)",
        "site.disable(USER)",
        "site.leave(USER)",
        "site.leave(USER, \"Grade 5\")",
        "site.join(USER, \"Chess club\")",
        "site.advance(days(1))",
        "site.advance(days(-1))",
        "site.messages(USER)",
        "site.journal()",
        "site = t::site(#{ users: [USER] })",
        "site = t::site(USER)",
        "t::golden(USER, \"text\")",
        "notify.mail(\"somebody@school.example\", \"message\", #{ subject: USER, text: USER })",
        "groups[\"Grade 5\"].enable_distribution()",
        "print(users.count())",
    ]);
    (call, user).prop_map(|(call, user)| call.replace("USER", &format!("{user:?}")))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 3, failure_persistence: None, ..ProptestConfig::default() })]

    /// Whatever tests do, the site's store stays as it is, byte by byte, and no file comes to lie beside it.
    #[test]
    fn no_test_touches_the_site(tests in prop::collection::vec(prop::collection::vec(deed(), 1..6), 1..6)) {
        let mut text = String::new();
        for (number, deeds) in tests.iter().enumerate() {
            let _ = writeln!(text, "fn test_{number}() {{\nlet site = t::site(#{{ users: 2, group: \"Grade 5\" }});");
            deeds.iter().for_each(|deed| { let _ = writeln!(text, "try {{ {deed}; }} catch {{}}"); });
            text.push_str("}\n");
        }
        let site = Site::make().with_tests(&text);
        let before = site.store();
        let (code, said) = site.test(&[]);
        prop_assert_eq!(code, 0, "{}\n{}", text, said);
        prop_assert!(site.store() == before, "the store has changed: {}", text);
        prop_assert!(!Path::new(&site.path("scripts/golden")).exists());
    }
}
