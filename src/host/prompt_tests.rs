//! Lines at a prompt of the small school, and what comes of them when they are sent.

use std::sync::Arc;

use super::prompt::Prompt;
use super::run::{Talk, commit};
use super::testing::TestSite;
use crate::domain::approval::Change;
use crate::domain::intent::Intent;
use crate::domain::time::Span;
use crate::ports::clock::Clock;
use crate::script::session::{Answer, Completeness, Wanted, completeness};
use crate::script::{ParamAbort, ParamDecl, ParamSource, ScriptHost};
use crate::sim::lock;
use crate::sim::people::Habits;
use crate::store::Committed;

struct NobodyAnswers;

impl ParamSource for NobodyAnswers {
    fn value(&self, _: &ParamDecl) -> Result<Option<String>, ParamAbort> {
        Ok(None)
    }
}

const FREE: &str = "[limits]\nshare_of_roster = 1.0\nshare_of_roster_per_day = 1.0\n";

fn open(site: &TestSite) -> Prompt<'_> {
    Prompt::new(&site.site, &ScriptHost::new(), Arc::clone(&site.clock) as Arc<dyn Clock>, "ana".to_owned())
}

fn say(prompt: &mut Prompt<'_>, line: &str) -> Answer {
    let talk = Talk { params: Arc::new(NobodyAnswers), print: Arc::new(|_| {}), cancel: Arc::default(), debugger: None };
    prompt.run(line, Wanted::Value { rows: 10, data: false }, talk).unwrap_or_else(|error| panic!("{line}: {error:?}"))
}

fn send(site: &TestSite, prompt: &mut Prompt<'_>) -> Committed {
    let (evaluated, _) = prompt.plan().unwrap();
    let committed = commit(&site.site, &evaluated, site.clock.now()).unwrap();
    prompt.sent(&committed);
    committed
}

#[test]
fn what_lines_ask_for_waits_and_is_sent_as_one_run() {
    let mut site = TestSite::new(Habits::default()).with_settings(FREE);
    let before = site.site.store.newest_run().unwrap();
    let mut prompt = open(&site);
    say(&mut prompt, "let plan = invite.plan(groups[\"Grade 5\"], \"not-invited\");");
    assert!(prompt.tray().is_empty());
    say(&mut prompt, "plan.send();");
    say(&mut prompt, "users.count()");
    say(&mut prompt, "notify.mail(users.find(\"ana\"), \"message\", #{ subject: \"Apps\", text: \"Hello\" });");
    assert_eq!(prompt.tray().summary(), "4 invitations, 4 mails");
    assert_eq!(site.site.store.newest_run().unwrap(), before, "nothing is stored yet");
    assert_eq!(lock(site.world()).mail.stored().len(), 0);
    let committed = send(&site, &mut prompt);
    assert!(prompt.tray().is_empty());
    assert_eq!((committed.run, committed.held.len()), (before + 1, 0));
    drop(prompt);
    site.deliver(Some(committed.run), Span::minutes(5));
    assert!(!lock(site.world()).mail.stored().is_empty());
    site.assert_nothing_twice();
}

#[test]
fn what_is_taken_back_is_not_sent() {
    let site = TestSite::new(Habits::default()).with_settings(FREE);
    let mut prompt = open(&site);
    say(&mut prompt, "let plan = invite.plan(groups[\"Grade 5\"], \"not-invited\");");
    say(&mut prompt, "plan.send();");
    say(
        &mut prompt,
        "notify.mail(users.find(\"ana\"), \"message\", #{ subject: \"Apps\", text: \"Hello\" }); notify.mail(users.find(\"ben\"), \"message\", #{ subject: \"Apps\", text: \"Hello\" });",
    );
    assert_eq!(prompt.drop_one(2).unwrap().asked.intent.summary(), "Mail \"message\" to Ana Jansen");
    assert!(prompt.drop_one(0).is_none() && prompt.drop_one(3).is_none());
    assert_eq!(prompt.undo().unwrap().asks.len(), 1);
    assert!(prompt.said()[2].taken_back && !prompt.said()[1].taken_back, "one thing after the other is all of it");
    assert_eq!(prompt.tray().summary(), "4 invitations, 3 mails");
    assert_eq!(prompt.drop_all(), 1);
    assert!(prompt.undo().is_none());
    say(&mut prompt, "plan.send();");
    assert_eq!(prompt.tray().len(), 1, "it can be sent after all");
}

#[test]
fn a_tray_is_compared_with_the_roster_as_it_is_when_it_is_sent() {
    let site = TestSite::new(Habits::default()).with_settings(FREE);
    let mut prompt = open(&site);
    say(&mut prompt, "let plan = invite.plan(groups[\"Grade 5\"], \"not-invited\");");
    site.clock.advance_to(site.clock.now() + Span::minutes(10));
    let mut other = open(&site);
    say(&mut other, "invite.plan(users.find(\"ana\"), \"not-invited\").send();");
    send(&site, &mut other);
    say(&mut prompt, "plan.send();");
    let (evaluated, difference) = prompt.plan().unwrap();
    let gone: Vec<(&str, Change)> = difference.gone.iter().map(|gone| (gone.who.as_str(), gone.change)).collect();
    assert_eq!(gone, [("Ana Jansen", Change::InvitedSince)]);
    assert_eq!(evaluated.asked.len(), 1);
    assert!(evaluated.asked[0].intent.summary().contains("3 of 4 users"), "{}", evaluated.asked[0].intent.summary());
}

#[test]
fn a_tray_over_a_limit_is_held_whole() {
    let site = TestSite::new(Habits::default()).with_settings("[limits]\ninvitations_per_run = 2\nshare_of_roster = 1.0\n");
    let mut prompt = open(&site);
    say(&mut prompt, "for u in [\"ana\", \"ben\"] { invite.plan(users.find(u), \"not-invited\").send(); }");
    assert_eq!(prompt.judged().unwrap().exceeded, []);
    say(&mut prompt, "invite.plan(users.find(\"eva\"), \"not-invited\").send();");
    assert_eq!(prompt.judged().unwrap().exceeded.len(), 1);
    let committed = send(&site, &mut prompt);
    assert_eq!((committed.held.len(), committed.deliveries), (1, 0));
}

#[test]
fn a_saved_session_is_a_runbook_with_the_same_effects() {
    let site = TestSite::new(Habits::default()).with_settings(FREE);
    let mut prompt = open(&site);
    for line in [
        "let people = groups[\"Grade 5\"].members.where(|u| u.reminders < 3);",
        "people.count()",
        "notify.mail(users.find(\"ana\"), \"message\", #{ subject: \"Apps\", text: \"Hello\" })",
        "invite.plan(people, \"not-invited\").send(#{ remind: [days(7)] })",
    ] {
        say(&mut prompt, line);
    }
    say(&mut prompt, "notify.mail(users.find(\"ben\"), \"message\", #{ subject: \"Apps\", text: \"Hello\" });");
    prompt.undo();
    let asked: Vec<String> = prompt.tray().asked().map(|asked| asked.intent.summary()).collect();
    let runbook = prompt.runbook().unwrap();
    insta::assert_snapshot!(runbook, @r#"
    //! Saved from the prompt of Sunnyside School by ana.
    //! Say here what it is for, and who may run it.

    let group = run.param("group", "Grade 5", #{ choices: groups.names(), help: "a group's name" });
    let number = run.param("number", 3, #{ help: "a number" });
    let user = run.param("user", "ana", #{ help: "a username" });
    let days_given = run.param("days", 7, #{ help: "a number" });

    let people = groups[group].members.where(|u| u.reminders < number);
    people.count();
    notify.mail(users.find(user), "message", #{ subject: "Apps", text: "Hello" });
    invite.plan(people, "not-invited").send(#{ remind: [days(days_given)] });
    "#);
    assert_eq!(ScriptHost::new().check("scripts/saved.rhai", &runbook), []);
    let mut again = open(&site);
    let answer = say(&mut again, &runbook);
    assert_eq!(answer.asked.iter().map(|ask| ask.asked.intent.summary()).collect::<Vec<_>>(), asked);
    assert_eq!(answer.declared.len(), 4);
}

#[test]
fn every_kind_of_session_is_saved_as_a_runbook_with_the_same_effects() {
    let mail = "notify.mail(users.find(\"ana\"), \"message\", #{ subject: \"Apps\", text: \"Hello\" })";
    let sessions: &[&[&str]] = &[
        &["import \"calendar\" as cal;", "if cal::is_weekend(at(\"2026-11-28 08:00\")) {", mail, "}"],
        &[
            "/// Says hello.\nfn greet(u, times) {\n    for n in 0..times { notify.mail(u, \"message\", #{ subject: `${n}`, text: \"Hello\" }); }\n}",
            "greet(users.find(\"ana\"), 2)",
            "greet(users.find(\"ben\"), 1) // once",
        ],
        &[
            "let group = groups[\"Grade 5\"]",
            "let people = group.members",
            ".where(|u| !u.enrolled)",
            "invite.plan(people, \"not-invited\").send(#{ remind: [days(3), days(7)], expires: days(30) })",
        ],
        &["groups.rule(\"open\", |u| !u.enrolled && u.reminders < 3)", "invite.plan(groups[\"open\"], \"not-invited\").send()"],
        &[
            "let since = date(\"2026-01-01\");",
            "let n = -1 + 0x10 - 1_0;",
            "for name in [\"ana\", \"ben\"] {\n    // each\n    if now() > since && n == 5 {\n        notify.mail(users.find(name), \"message\", #{ subject: \"a \\\"b\\\" \\\\ c\", text: `to ${name}: ${1 + 1}` });\n    }\n}",
        ],
        &[
            "let found = switch \"ana\" { \"ana\" => users.find(\"ana\"), _ => users.find(\"ben\") };",
            "invite.user(found)",
            "devices.assign(devices.first(), found)",
        ],
        &[
            "let q = \"it's \\\"quoted\\\" // no comment\";",
            "notify.mail(\"it@x.example\", \"message\", #{ subject: q, text: \"\u{5c71}\u{1f469}\" }) /* done */",
        ],
    ];
    for lines in sessions {
        let site = TestSite::new(Habits::default()).with_settings(FREE);
        let mut prompt = open(&site);
        let mut open_lines = String::new();
        for line in *lines {
            // As the prompt does it: a statement that is not whole goes on, and a line that begins with a dot too.
            open_lines = if open_lines.is_empty() { (*line).to_owned() } else { format!("{open_lines}\n{line}") };
            let follows = lines.iter().skip_while(|l| *l != line).nth(1).is_some_and(|next| next.starts_with('.'));
            if completeness(&open_lines) == Completeness::Complete && !follows {
                say(&mut prompt, &std::mem::take(&mut open_lines));
            }
        }
        let asked =
            |prompt: &Prompt<'_>| -> Vec<String> { prompt.tray().asked().map(|asked| format!("{:?}", asked.intent)).collect() };
        let (runbook, wanted) = (prompt.runbook().unwrap(), asked(&prompt));
        assert!(!wanted.is_empty(), "{lines:?}");
        assert_eq!(ScriptHost::new().check("scripts/saved.rhai", &runbook), [], "{runbook}");
        let mut again = open(&site);
        say(&mut again, &runbook);
        assert_eq!(asked(&again), wanted, "{runbook}");
    }
}

#[test]
fn asks_of_several_lines_know_of_each_other_as_those_of_one_script_do() {
    let site = TestSite::new(Habits::default()).with_settings(FREE);
    let mail = "notify.mail(users.where(|u| !u.enrolled), \"message\", #{ subject: \"Apps\", text: \"Hello\" });";
    let grounds = |lines: &[&str]| {
        let mut prompt = open(&site);
        lines.iter().for_each(|line| drop(say(&mut prompt, line)));
        let (evaluated, _) = prompt.plan().unwrap();
        let mail = evaluated.asked.into_iter().find_map(|asked| match asked.intent {
            Intent::Mail(mail) => Some(mail.grounds),
            _ => None,
        });
        mail.expect("a mail is asked for")
    };
    assert!(grounds(&[mail]).condition.is_some());
    let invite = "invite.plan(groups[\"Grade 5\"], \"not-invited\").send();";
    for lines in [[invite, mail], [mail, invite]] {
        assert_eq!(grounds(&lines).condition, None, "who enrols by the same run gets the mail all the same");
    }
}
