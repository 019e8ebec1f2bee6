//! Lines at Sunnyside School, one after the other.

use std::sync::{Arc, Mutex};

use super::*;
use crate::domain::limits::ScriptLimits;
use crate::domain::time::Span;
use crate::script::Stop;
use crate::script::testing::{Given, School, host, now, site};

/// A person at the prompt.
struct Talk {
    session: ScriptSession,
    school: School,
    now: Timestamp,
    printed: Arc<Mutex<Vec<String>>>,
    stop: Option<Stop>,
}

impl Talk {
    fn new() -> Self {
        Self::limited(ScriptLimits::default())
    }

    fn limited(limits: ScriptLimits) -> Self {
        let source = ScriptSource { name: "repl".into(), text: String::new(), folder: None, held: None };
        let input = SessionInput { source, site: Arc::new(site()), trigger: "repl".into(), limits };
        Self { session: host().session(input), school: School::sunnyside(), now: now(), printed: Arc::default(), stop: None }
    }

    fn answer(&mut self, line: &str, wanted: Wanted) -> Result<Answer, ScriptError> {
        let (printed, stop) = (self.printed.clone(), self.stop);
        let turn = Turn {
            view: Box::new(self.school.clone()),
            now: self.now,
            params: Arc::new(Given([("group".to_owned(), "Grade 5".to_owned())].into())),
            stop: Arc::new(move || stop),
            print: Arc::new(move |line| printed.lock().unwrap().push(line.to_owned())),
            asked_before: 0,
            debugger: None,
        };
        self.session.run(line, turn, wanted)
    }

    /// What the line prints and its value, or its error.
    fn say(&mut self, line: &str) -> String {
        let answer = self.answer(line, Wanted::Value { rows: 10, data: false });
        let mut lines = std::mem::take(&mut *self.printed.lock().unwrap());
        match answer {
            Ok(Answer { shown: Shown::Text(text), .. }) => lines.push(text),
            Ok(_) => {}
            Err(error) => lines.push(error.render(false)),
        }
        lines.join("\n")
    }

    fn asks(&mut self, line: &str) -> Vec<Ask> {
        self.answer(line, Wanted::Value { rows: 10, data: false }).unwrap_or_else(|error| panic!("{error}")).asked
    }

    /// Each line with what comes of it.
    fn check(&mut self, lines: &[(&str, &str)]) {
        for (line, expect) in lines {
            assert_eq!(self.say(line), *expect, "{line}");
        }
    }
}

#[test]
fn lines_share_variables_functions_closures_and_rules() {
    Talk::new().check(&[
        ("let late = groups[\"Grade 5\"].members.where(|u| u.invited && !u.enrolled);", ""),
        ("late.count()", "1"),
        ("fn double(x) { x * 2 }", ""),
        ("double(late.count())", "2"),
        ("let n = 1;", ""),
        ("let more = |x| { n += x; n };", ""),
        ("more.call(4)", "5"),
        ("n", "5"),
        ("let odd = |u| double(u.reminders) == 2;", ""),
        ("users.where(odd).pluck(\"username\")", "[\"ben\"]"),
        ("groups.rule(\"reminded\", odd).name", "reminded"),
        ("groups[\"reminded\"].members.count()", "1"),
        ("fn double(x) { x * 20 }", ""),
        ("double(2)", "40"),
        ("let n = \"text\";", ""),
        ("n", "text"),
        ("const TERM = 3;", ""),
        ("TERM + 1", "4"),
        ("run.trigger", "repl"),
        ("run.param(\"group\")", "Grade 5"),
        ("for i in 0..2 { print(i); }", "0\n1"),
        ("", ""),
        ("// nothing", ""),
    ]);
}

#[test]
fn what_is_imported_stays() {
    Talk::new().check(&[
        ("import \"audiences\" as audiences;", ""),
        ("fn reached() { audiences::with_mail(users).count() }", ""),
        ("audiences::with_mail(users).count()", "4"),
        ("reached()", "4"),
        ("import \"audiences\" as people; people::with_mail(users).count()", "4"),
        ("audiences::with_mail(users).count() + people::with_mail(users).count()", "8"),
    ]);
}

#[test]
fn each_line_sees_the_roster_and_the_time_as_they_are() {
    let mut talk = Talk::new();
    talk.check(&[
        ("let invited = users.where(|u| u.invited);", ""),
        ("fn has(u) { u.username.len() > 0 && u.invited }", ""),
        ("let asked = users.where(|u| has(u));", ""),
        ("asked.count()", "2"),
        ("invited.count()", "2"),
        ("now()", "2026-12-01 08:00"),
    ]);
    let chloe = talk.school.users[2].id;
    talk.school.change(chloe, |u| u.invited_at = Some(now()));
    talk.school.change(chloe, |u| u.status = crate::domain::user::Status::Invited);
    talk.now += Span::hours(2);
    talk.check(&[("invited.count()", "3"), ("asked.count()", "3"), ("now()", "2026-12-01 10:00")]);
}

#[test]
fn a_line_that_fails_leaves_the_session_as_it_was() {
    let mut talk = Talk::new();
    talk.check(&[
        ("let list = [1];", ""),
        ("let n = 1;", ""),
        ("let more = || { n += 1; n };", ""),
        ("let plan = invite.plan(groups[\"Grade 5\"], \"not-invited\");", ""),
    ]);
    let failing = "let x = 1; list.push(2); more.call(); groups.rule(\"all\", |u| true); plan.send(); fn f() { 1 } throw \"no\";";
    assert_eq!(talk.say(failing).lines().next(), Some("error: no"));
    talk.check(&[("list", "[1]"), ("n", "1"), ("\"all\" in groups", "false")]);
    assert!(talk.say("x").starts_with("error: "));
    assert!(talk.say("f()").starts_with("error: "));
    assert_eq!(talk.say("more.call()"), "2");
    assert_eq!(talk.asks("plan.send();").len(), 1, "what failed has sent nothing");
    assert!(talk.say("plan.send();").starts_with("error: this plan has been sent"));
}

#[test]
fn what_is_taken_back_can_be_asked_again() {
    let mut talk = Talk::new();
    talk.say("let plan = invite.plan(groups[\"Grade 5\"], \"not-invited\");");
    talk.now += Span::hours(1);
    let asks = talk.asks("plan.send();");
    let [ask] = asks.as_slice() else { panic!("{asks:?}") };
    assert_eq!((ask.asked.origin.source.as_str(), ask.asked.origin.line), ("repl", 2));
    assert_eq!(ask.read_at, now(), "a plan goes by the roster that it was made with");
    talk.session.take_back(vec![ask.ticket]);
    assert_eq!(talk.asks("plan.send();").len(), 1);
}

#[test]
fn errors_stand_where_they_are_in_the_session() {
    let mut talk = Talk::new();
    talk.say("let a = 1;\nlet b = 2;");
    insta::assert_snapshot!(talk.say("groups[\"Grade5\"]"), @r#"
    error: no group is called "Grade5"
      --> repl:3:8
       |
     3 | groups["Grade5"]
       |        ^^^^^^^^ did you mean "Grade 5"?
    "#);
    talk.say("fn find(name) {\n    groups[name]\n}");
    insta::assert_snapshot!(talk.say("find(\"Grade5\")"), @r#"
    error: no group is called "Grade5"
      --> repl:5:11
       |
     5 |     groups[name]
       |           ^^^^^^ did you mean "Grade 5"?
      in function find, called from repl:7:1
    "#);
    insta::assert_snapshot!(talk.say("let = 4"), @"
    error: expecting name of a variable
      --> repl:8:5
       |
     8 | let = 4
       |     ^
    ");
}

#[test]
fn looking_changes_nothing() {
    let mut talk = Talk::new();
    talk.say("let list = [1];");
    let mut look = |line: &str, wanted| talk.answer(line, wanted).map(|a| (a.words.unwrap_or_default(), a.asked.len()));
    let mut kind = |line| look(line, Wanted::Kind).unwrap().0;
    assert_eq!(kind("users"), "a Selection of users");
    assert_eq!(kind("list.push(2); list"), "an array");
    assert_eq!(kind("invite.plan(users, \"everyone\").send()"), "nothing: ()");
    let (text, asked) = look("invite.plan(groups[\"Grade 5\"], \"not-invited\")", Wanted::Reasons).unwrap();
    insta::assert_snapshot!(text, @"
    Invite Grade 5 to managed distribution (Sunnyside School)
      1 of 4 users, 1 device: 1 iPad; 1 mail
      left out: 1 already enrolled, 1 already invited, 1 no device and no mail address
      Chloe Lee is invited on 1 device and by mail
      Ana Ruiz is left out: already enrolled
      Ben Ito is left out: already invited
      Dev Patel is left out: no device and no mail address
    ");
    assert_eq!(asked, 0);
    assert!(look("users.where(|u| u.enabled)", Wanted::Reasons).unwrap().0.contains("pushed into the query"));
    assert_eq!(look("5", Wanted::Reasons).unwrap_err().message, "a whole number has nothing to explain");
    assert_eq!(talk.say("list"), "[1]");
}

#[test]
fn a_line_has_the_limits_of_a_run_and_can_be_stopped() {
    let mut talk = Talk::limited(ScriptLimits { operations: 20_000, memory_bytes: 8_000_000, ..ScriptLimits::default() });
    for _ in 0..4 {
        assert_eq!(talk.say("for i in 0..2000 { }"), "");
    }
    assert!(talk.say("loop { }").starts_with("error: "));
    talk.stop = Some(Stop::Cancelled);
    assert_eq!(talk.answer("loop { }", Wanted::Value { rows: 10, data: false }).unwrap_err().kind, ErrorKind::Cancelled);
    talk.stop = None;
    talk.say("let texts = [];");
    let keep = "let t = \"x\"; t.pad(1000000, \"x\"); texts.push(t); texts.len()";
    let kept = (0..20).take_while(|_| !talk.say(keep).starts_with("error: ")).count();
    assert!((3..12).contains(&kept), "what all lines keep is bounded: {kept}");
    assert_eq!(talk.say("texts.clear(); texts.len()"), "0");
    assert_eq!(talk.say(keep), "1");
}
