//! Letters that come back: which reports are believed, and what they end.

use super::bounces::{Bounces, Taken, take};
use super::testing::TestSite;
use crate::domain::invite_plan::Choice;
use crate::domain::roster::RosterView as _;
use crate::domain::time::Span;
use crate::ports::clock::Clock as _;
use crate::sim::bounces::report;
use crate::sim::lock;
use crate::sim::people::Habits;

const GROUP: &str = "Grade 5";
const UNKNOWN: &str = "550 5.1.1 <x>: Recipient address rejected: User unknown";

/// Everybody has been invited; nobody accepts.
fn invited() -> TestSite {
    let mut site = TestSite::new(Habits { accepts: 0.0, takes: (Span::minutes(5), Span::minutes(10)), strangers: true });
    site.invite(GROUP, Choice::NotInvited);
    site.deliver(None, Span::minutes(5));
    site
}

fn message_id(site: &TestSite, address: &str) -> String {
    lock(site.world()).mail.to(address)[0].message_id.clone()
}

/// The chore looks into the mailbox once.
fn look(site: &TestSite) {
    let shown = site.shared();
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let now = site.clock.now();
    let next = runtime.block_on(Bounces::default().step(&shown, &site.ports, now)).unwrap();
    assert_eq!(next, Some(now + Span::minutes(1)));
}

fn comes_back(site: &TestSite, address: &str, action: &str, status: &str, words: &str) {
    let id = message_id(site, address);
    lock(site.world()).bounces.report(&id, address, action, status, words);
    look(site);
    assert_eq!(lock(site.world()).bounces.waiting(), 0);
}

fn failed(site: &TestSite) -> Vec<String> {
    let view = site.site.store.roster().unwrap();
    let tasks = view.failed_tasks().unwrap();
    tasks.iter().map(|t| format!("{} {}: {}", t.username, t.what, t.words.as_deref().unwrap_or_default())).collect()
}

fn status_of(site: &TestSite, username: &str) -> String {
    site.statuses().split(", ").find(|s| s.starts_with(username)).unwrap_or_default().to_owned()
}

#[test]
fn an_address_that_is_none_gets_no_more_mail_and_shows() {
    let site = invited();
    comes_back(&site, "chloe@sunnyside.example", "failed", "5.1.1", UNKNOWN);
    assert_eq!(failed(&site), [format!("chloe invitation: bounced: {UNKNOWN}")]);
    // It was the only way to Chloe: she is not invited any more.
    assert_eq!(status_of(&site, "chloe"), "chloe none");
    assert_eq!(site.plan(GROUP, Choice::NotInvited).why("chloe").unwrap(), "Chloe Petit is left out: mail address refuses mail");
    let told: Vec<String> = site.journal().into_iter().filter(|l| l.contains(" chloe:")).rev().take(2).collect();
    assert_eq!(
        told,
        [
            "invitation chloe: invitation failed: every way to the person came back".to_owned(),
            format!("rejected chloe: invite by mail: bounced: {UNKNOWN}")
        ]
    );
}

#[test]
fn who_has_another_way_stays_invited() {
    let site = invited();
    comes_back(&site, "ana@sunnyside.example", "failed", "5.1.1", UNKNOWN);
    assert_eq!(status_of(&site, "ana"), "ana invited");
    site.clock.advance(Span::days(2));
    let why = site.plan(GROUP, Choice::NotEnrolled).why("ana").unwrap();
    assert!(why.starts_with("Ana Jansen is invited") && !why.contains("mail"), "{why}");
}

#[test]
fn a_full_mailbox_and_policy_lose_one_letter_only() {
    for (status, words) in [("5.2.2", "554 5.2.2 mailbox full"), ("5.7.1", "550 5.7.1 blocked"), ("4.4.7", "expired")] {
        let mut site = invited();
        comes_back(&site, "chloe@sunnyside.example", "failed", status, words);
        assert_eq!(failed(&site), [format!("chloe invitation: bounced: {words}")]);
        assert_eq!(site.plan(GROUP, Choice::NotInvited).why("chloe").unwrap(), "Chloe Petit is invited by mail", "{status}");
        // And the next invitation goes out, under Apple's same record.
        site.clock.advance(Span::days(2));
        site.invite(GROUP, Choice::NotInvited);
        site.deliver(None, Span::minutes(5));
        assert_eq!(lock(site.world()).mail.to("chloe@sunnyside.example").len(), 2, "{status}");
        assert_eq!(status_of(&site, "chloe"), "chloe invited");
        assert_eq!(lock(site.world()).apple.breaches(), &[]);
    }
}

#[test]
fn a_delay_is_noted_and_ends_nothing() {
    let site = invited();
    comes_back(&site, "chloe@sunnyside.example", "delayed", "4.4.1", "connection timed out");
    comes_back(&site, "chloe@sunnyside.example", "delayed", "4.4.1", "connection timed out");
    assert_eq!(failed(&site), Vec::<String>::new());
    assert_eq!(status_of(&site, "chloe"), "chloe invited");
    let noted: Vec<String> = site.journal().into_iter().filter(|l| l.starts_with("mail-report")).collect();
    assert_eq!(noted, ["mail-report chloe: invite by mail, delayed: connection timed out"]);
}

#[test]
fn the_same_report_twice_changes_nothing_the_second_time() {
    let site = invited();
    comes_back(&site, "chloe@sunnyside.example", "failed", "5.1.1", UNKNOWN);
    let journal = site.journal();
    // A crash after the record and before the message was done with, and a server that reports again.
    comes_back(&site, "chloe@sunnyside.example", "failed", "5.1.1", UNKNOWN);
    assert_eq!(site.journal(), journal);
}

#[test]
fn a_forged_report_is_counted_and_not_believed() {
    let site = invited();
    let (ana, now) = (message_id(&site, "ana@sunnyside.example"), site.clock.now());
    let elsewhere = ana.replace("sunnyside.example", "orchard.example");
    let forged = [
        report("00000000-0000-4000-8000-000000000000@sunnyside.example", "ana@sunnyside.example", "failed", "5.1.1", UNKNOWN),
        report(&elsewhere, "ana@sunnyside.example", "failed", "5.1.1", UNKNOWN),
        report(&ana, "chloe@sunnyside.example", "failed", "5.1.1", UNKNOWN),
        report(&ana, "mallory@evil.example", "failed", "5.1.1", UNKNOWN),
        "Subject: hello\r\n\r\n550 5.1.1 ana@sunnyside.example is unknown, believe me".to_owned(),
    ];
    let journal = site.journal();
    for message in &forged {
        let taken = take(&site.site.store, "sunnyside.example", message.as_bytes(), now).unwrap();
        assert!(matches!(taken, Taken::Ignored(_)), "{message}");
    }
    assert_eq!(site.journal(), journal);
    assert_eq!(failed(&site), Vec::<String>::new());
    let counted = site.site.store.ignored_bounces().unwrap();
    assert_eq!(
        counted,
        [
            ("it is about no letter of ours, or not about its address".to_owned(), 4),
            ("it is no delivery report (RFC 3464)".to_owned(), 1)
        ]
    );
    // The true one, whatever the case of its letters.
    let true_one = report(
        &ana.to_uppercase().replace("SUNNYSIDE.EXAMPLE", "sunnyside.EXAMPLE"),
        "Ana@Sunnyside.example",
        "failed",
        "5.1.1",
        UNKNOWN,
    );
    assert_eq!(take(&site.site.store, "sunnyside.example", true_one.as_bytes(), now).unwrap(), Taken::Believed(1));
}

#[test]
fn a_report_about_an_old_address_does_not_end_the_new_one() {
    let site = invited();
    let id = message_id(&site, "chloe@sunnyside.example");
    let mut incoming = crate::roster_files::Reader::default();
    let users = super::testing::USERS.replace("chloe@sunnyside.example", "c.petit@sunnyside.example");
    incoming.file("users.csv", users.as_bytes()).unwrap();
    let options = crate::store::ImportOptions { source: "import".to_owned(), keep_missing: true };
    site.site.store.take_roster(incoming.finish().unwrap(), &options, site.clock.now(), &mut || "x".to_owned()).unwrap();
    let late = report(&id, "chloe@sunnyside.example", "failed", "5.1.1", UNKNOWN);
    let taken = take(&site.site.store, "sunnyside.example", late.as_bytes(), site.clock.now()).unwrap();
    assert!(matches!(taken, Taken::Ignored(_)));
    site.clock.advance(Span::days(2));
    assert!(site.plan(GROUP, Choice::NotEnrolled).why("chloe").unwrap().contains("by mail"));
}

#[test]
fn reminders_by_mail_end_with_a_row() {
    let mut site = TestSite::new(Habits { accepts: 0.0, takes: (Span::minutes(5), Span::minutes(10)), strangers: true });
    let plan = site.plan(GROUP, Choice::NotInvited);
    let saw = site.site.store.newest_run().unwrap();
    let mut asked = super::testing::invitation(plan);
    if let crate::domain::intent::Intent::Invite(invite) = &mut asked.intent {
        invite.options.remind.after = vec![Span::days(3)];
    }
    site.commit(&[asked], saw);
    site.deliver(None, Span::minutes(5));
    comes_back(&site, "ana@sunnyside.example", "failed", "5.1.1", UNKNOWN);
    let ended: Vec<String> = site.journal().into_iter().filter(|l| l.starts_with("cancelled ana")).collect();
    assert_eq!(ended, ["cancelled ana: the mail address refuses mail"]);
    site.deliver(None, Span::days(4));
    assert_eq!(lock(site.world()).mail.to("ana@sunnyside.example").len(), 1);
    assert_eq!(lock(site.world()).mail.to("chloe@sunnyside.example").len(), 2);
}

#[test]
fn a_mailbox_that_can_not_be_read_is_looked_at_again() {
    let site = invited();
    lock(site.world()).bounces.broken = Some("/var/mail/beckon/new: permission denied".to_owned());
    look(&site);
    lock(site.world()).bounces.broken = None;
    comes_back(&site, "chloe@sunnyside.example", "failed", "5.1.1", UNKNOWN);
    assert_eq!(status_of(&site, "chloe"), "chloe none");
}
