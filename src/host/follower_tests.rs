//! Who accepts is enrolled within a look, and gets what is assigned to their groups; whatever is lost, late,
//! doubled, forged or cut off on the way.

use std::sync::Arc;

use super::apple_inbox::AppleInbox;
use super::deliver::registrar;
use super::follower::{Follower, Surroundings};
use super::registrar::Registrar;
use super::tally::{APPLE, Tally};
use super::testing::{TestSite, morning};
use crate::domain::ids::GroupId;
use crate::domain::intent::{Asked, Intent, Origin};
use crate::domain::invite_plan::Choice;
use crate::domain::roster::RosterView as _;
use crate::domain::sending::Stopped;
use crate::domain::time::{Span, Timestamp};
use crate::ports::apps_and_books::{About, HandOut, Notification};
use crate::ports::clock::Clock as _;
use crate::sim::lock;
use crate::sim::people::Habits;

const GROUP: &str = "Grade 5";
const BOOK: &str = "1490000001";
const TOLD: &str = "\n[http]\npublic_url = \"https://beckon.sunnyside.example\"\n";

struct Process(Option<Arc<Registrar>>);

impl Surroundings for Process {
    fn registrar(&self) -> Option<Arc<Registrar>> {
        self.0.clone()
    }

    fn listens(&self) -> bool {
        true
    }

    fn draw(&self) -> String {
        "drawn-".to_owned()
    }
}

/// A site with its follower, and Apple's post in hand.
struct Followed {
    site: TestSite,
    inbox: Arc<AppleInbox>,
    follower: Follower,
    tally: Arc<Tally>,
    next: Option<Timestamp>,
    /// What Apple posts doesn't arrive by itself: the test carries it.
    post: Vec<Notification>,
}

impl Followed {
    fn new(settings: &str) -> Self {
        let nobody = Habits { accepts: 0.0, takes: (Span::minutes(5), Span::minutes(10)), strangers: true };
        let site = TestSite::new(nobody).with_settings(settings);
        Self::on(site)
    }

    fn on(site: TestSite) -> Self {
        let around = Process(registrar(&site.site, &site.ports));
        let inbox = Arc::new(AppleInbox::new(Arc::clone(&site.site.store), site.clock.clone()));
        let tally = Arc::<Tally>::default();
        let follower = Follower::new(Box::new(around), Arc::clone(&inbox), Arc::clone(&tally));
        Self { site, inbox, follower, tally, next: Some(morning()), post: Vec::new() }
    }

    /// Everybody in the group gets an invitation and accepts none.
    fn invited(settings: &str) -> Self {
        let mut site = TestSite::new(Habits { accepts: 0.0, takes: (Span::minutes(5), Span::minutes(10)), strangers: true });
        site = site.with_settings(settings);
        site.invite(GROUP, Choice::NotInvited);
        site.deliver(None, Span::minutes(5));
        let mut followed = Self::on(site);
        followed.next = Some(followed.site.clock.now());
        followed.follow(Span::seconds(1));
        followed
    }

    /// Another process after a crash.
    fn restart(mut self) -> Self {
        self.site.restart();
        let now = self.site.clock.now();
        Self { next: Some(now), ..Self::on(self.site) }
    }

    /// Follows for so long, with the world beside; Apple's post is collected.
    fn follow(&mut self, during: Span) {
        let until = self.site.clock.now() + during;
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let shown = self.site.shared();
        loop {
            self.site.hear();
            self.post.extend(self.site.doors.drain_notifications());
            let now = self.site.clock.now();
            if self.next.is_some_and(|at| at <= now) {
                self.next = runtime.block_on(self.follower.step(&shown, &self.site.ports, now)).unwrap();
                assert!(self.next.is_none_or(|at| at > now), "a chore that is due again at once never sleeps");
                continue;
            }
            let wake = [self.next, self.site.doors.next_wake()].into_iter().flatten().min();
            match wake.filter(|at| *at <= until) {
                Some(at) => self.site.clock.advance_to(at),
                None => break self.site.clock.advance_to(until),
            }
        }
    }

    fn accepts(&self, username: &str) {
        let client = self.site.site.store.roster().unwrap().user_by_username(username).unwrap().unwrap().client_user_id.clone();
        let mut world = lock(self.site.world());
        let code = world.apple.record(&client).unwrap().invite_code.clone();
        let account = format!("{username}@private.example");
        world.accept(self.site.clock.now(), &code, &account).unwrap();
    }

    /// Brings notifications to the inbox, and wakes the follower as `serve` does.
    fn bring(&mut self, post: &[Notification]) {
        post.iter().for_each(|n| self.inbox.take(n).unwrap());
        self.next = Some(self.site.clock.now());
    }

    fn take_post(&mut self) -> Vec<Notification> {
        self.post.extend(self.site.doors.drain_notifications());
        std::mem::take(&mut self.post)
    }

    fn is_enrolled(&self, username: &str) -> bool {
        self.site.statuses().contains(&format!("{username} enrolled"))
    }

    fn requests(&self) -> u64 {
        lock(self.site.world()).apple.requests()
    }

    fn assign(&self, adam_id: &str) {
        let view = self.site.site.store.roster().unwrap();
        let group: GroupId = view.group_by_name(GROUP).unwrap().unwrap().id;
        let saw = self.site.site.store.newest_run().unwrap();
        let intent =
            Intent::AssignApp { adam_id: adam_id.to_owned(), app: "Reading".to_owned(), group, group_name: GROUP.to_owned() };
        self.site.commit(&[Asked { intent, origin: Origin::default() }], saw);
    }

    /// Who holds a licence of the book at Apple, by user name.
    fn holders(&self) -> String {
        let view = self.site.site.store.roster().unwrap();
        let ids = view.ids(&crate::domain::selection::Select::All(crate::domain::selection::Of::Users)).unwrap();
        let users = view.users(&ids).unwrap();
        let world = lock(self.site.world());
        let held: Vec<&str> =
            world.apple.licences().filter(|a| a.adam_id == BOOK).filter_map(|a| a.client_user_id.as_deref()).collect();
        let names = users.iter().filter(|u| held.contains(&u.client_user_id.as_str())).map(|u| u.username.as_str());
        names.collect::<Vec<_>>().join(" ")
    }

    /// `held`, `waiting`, … of a person's licence of the book.
    fn licence(&self, username: &str) -> String {
        let view = self.site.site.store.roster().unwrap();
        let user = view.user_by_username(username).unwrap().unwrap();
        self.site.site.store.licences_of(user.id).unwrap().first().map(|l| l.state.clone()).unwrap_or_default()
    }

    fn only(&self, licences: i32) {
        lock(self.site.world()).apple.buy(self.site.clock.now(), BOOK, licences - 60);
    }
}

#[test]
fn who_accepts_shows_within_a_poll_where_apple_can_not_reach_us() {
    let mut followed = Followed::invited("");
    followed.accepts("ana");
    followed.follow(Span::minutes(4));
    assert!(!followed.is_enrolled("ana"));
    followed.follow(Span::minutes(1));
    assert!(followed.is_enrolled("ana"));
    assert!(!followed.follower.is_told());
    followed.site.assert_nothing_twice();
}

#[test]
fn a_notification_shows_an_acceptance_at_once_and_polls_become_rare() {
    let mut followed = Followed::invited(TOLD);
    assert!(followed.follower.is_told());
    followed.follow(Span::minutes(10));
    followed.accepts("ana");
    let post = followed.take_post();
    assert_eq!(post.len(), 1);
    followed.bring(&post);
    followed.follow(Span::seconds(1));
    assert!(followed.is_enrolled("ana"));
    // One look more, and then an hour of silence.
    followed.follow(Span::minutes(2));
    let asked = followed.requests();
    followed.follow(Span::minutes(50));
    assert_eq!(followed.requests(), asked);
    followed.site.assert_nothing_twice();
}

#[test]
fn a_lost_notification_is_found_by_the_look_every_hour() {
    let mut followed = Followed::invited(TOLD);
    lock(followed.site.world()).apple.faults.lose_notifications = 1;
    followed.accepts("ana");
    assert_eq!(followed.take_post(), []);
    followed.follow(Span::minutes(61));
    assert!(followed.is_enrolled("ana"));
}

#[test]
fn notifications_twice_and_a_crowd_of_them_are_few_looks() {
    let mut followed = Followed::invited(TOLD);
    followed.follow(Span::minutes(5));
    lock(followed.site.world()).apple.faults.double_notifications = 3;
    for who in ["ana", "ben", "chloe"] {
        followed.accepts(who);
    }
    let post = followed.take_post();
    assert_eq!(post.len(), 6);
    let asked = followed.requests();
    followed.bring(&post);
    followed.follow(Span::seconds(1));
    assert_eq!((followed.site.statuses().matches("enrolled").count(), followed.requests() - asked), (3, 1));
    // The same ones again, from an Apple that had not seen our answer, also to the next process.
    followed.follow(Span::minutes(2));
    let asked = followed.requests();
    followed.bring(&post);
    followed.follow(Span::minutes(2));
    assert_eq!(followed.requests(), asked);
}

#[test]
fn a_late_notification_undoes_nothing() {
    let mut followed = Followed::new(TOLD);
    followed.site.sync();
    followed.follow(Span::seconds(1));
    followed.site.invite(GROUP, Choice::NotInvited);
    followed.site.deliver(None, Span::minutes(5));
    followed.next = Some(followed.site.clock.now());
    let registered = followed.take_post();
    assert!(registered.iter().any(|n| n.about == About::Users), "{registered:?}");
    followed.accepts("ana");
    let accepted = followed.take_post();
    followed.bring(&accepted);
    followed.follow(Span::seconds(3));
    assert!(followed.is_enrolled("ana"));
    // The news of the registration comes now.
    followed.bring(&registered);
    followed.follow(Span::minutes(5));
    assert!(followed.is_enrolled("ana"));
    let again = followed.site.journal().iter().filter(|line| line.starts_with("enrolled ana")).count();
    assert_eq!(again, 1);
    followed.site.assert_nothing_twice();
}

#[test]
fn what_a_notification_claims_is_read_at_apple_and_nowhere_else() {
    let mut followed = Followed::invited(TOLD);
    // Whoever has the token can make us look, and nothing more.
    let forged = ["a", "b"].map(|id| Notification { id: id.to_owned(), about: About::Users });
    followed.bring(&forged);
    followed.bring(&[Notification { id: "c".into(), about: About::Licences { event_id: "no-such-event".into() } }]);
    followed.bring(&[Notification { id: "d".into(), about: About::Unknown }]);
    followed.follow(Span::minutes(5));
    assert_eq!(followed.site.statuses(), "ana invited, ben invited, chloe invited, dirk none, eva invited");
    followed.site.assert_nothing_twice();
}

#[test]
fn an_address_that_apple_can_not_reach_means_polling_until_it_can() {
    let mut followed = Followed::new(TOLD);
    lock(followed.site.world()).apple.faults.subscriber_unreachable = true;
    followed.follow(Span::minutes(30));
    assert!(!followed.follower.is_told());
    let told: Vec<String> = followed.site.journal().into_iter().filter(|line| line.starts_with("apple")).collect();
    assert_eq!(told.len(), 1, "{told:?}");
    assert!(told[0].contains("Apple can't reach it"), "{told:?}");
    lock(followed.site.world()).apple.faults.subscriber_unreachable = false;
    followed.follow(Span::hours(1));
    assert!(followed.follower.is_told());
}

#[test]
fn a_subscription_that_somebody_else_replaced_is_made_again() {
    let mut followed = Followed::new(TOLD);
    followed.follow(Span::minutes(1));
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let elsewhere =
        crate::ports::apps_and_books::Subscription { url: "https://old.example/apple/notify".into(), token: "x".into() };
    let apple = followed.site.ports.apps_and_books.clone().unwrap();
    runtime.block_on(apple.subscribe(elsewhere)).unwrap();
    followed.follow(Span::hours(25));
    let unit = runtime.block_on(apple.unit()).unwrap();
    assert_eq!(unit.notification_url.as_deref(), Some("https://beckon.sunnyside.example/apple/notify"));
}

#[test]
fn apple_down_for_a_day_is_waited_for_at_its_pace() {
    let mut followed = Followed::invited("");
    followed.accepts("ana");
    let until = followed.site.clock.now() + Span::days(1);
    lock(followed.site.world()).apple.faults.unavailable =
        Some(crate::sim::faults::Unavailable { until, form: crate::sim::faults::RetryAfterForm::Seconds });
    followed.follow(Span::hours(12));
    let (counts, since) = (followed.tally.now(), until - Span::days(1));
    // Each request that fails puts the next one off; nobody is told that it works in between.
    assert!(counts.down[APPLE].since - since <= Span::minutes(6), "{counts:?}");
    assert!(counts.apple_polls["failed"] >= 1, "{counts:?}");
    assert!(counts.last_apple_sync.is_some_and(|at| at <= since), "{counts:?}");
    followed.follow(Span::hours(13));
    assert!(followed.is_enrolled("ana"));
    let counts = followed.tally.now();
    assert!(counts.down.is_empty() && counts.last_apple_sync.is_some_and(|at| at >= until), "{counts:?}");
    assert!(counts.apple_polls["ok"] >= 10, "{counts:?}");
    followed.site.assert_nothing_twice();
}

#[test]
fn licences_are_handed_out_as_people_enrol_first_come_first_served() {
    let mut followed = Followed::invited(TOLD);
    followed.only(2);
    followed.assign(BOOK);
    for who in ["chloe", "ben", "ana"] {
        followed.accepts(who);
        let post = followed.take_post();
        followed.bring(&post);
        followed.follow(Span::minutes(2));
    }
    assert_eq!(followed.holders(), "ben chloe");
    assert_eq!(["chloe", "ben", "ana", "eva"].map(|who| followed.licence(who)), ["held", "held", "waiting", ""]);
    let told: Vec<String> = followed.site.journal().into_iter().filter(|line| line.starts_with("licence ana")).collect();
    assert_eq!(told, ["licence ana: licence of book 1490000001: waits for a licence: none of the 2 is free"]);
    // More are bought: whoever waits gets theirs.
    followed.only(61);
    let post = followed.take_post();
    assert_eq!(post.last().map(|n| n.about.clone()), Some(About::AssetCount));
    followed.bring(&post);
    followed.follow(Span::minutes(2));
    assert_eq!(followed.holders(), "ana ben chloe");
    followed.site.assert_nothing_twice();
}

#[test]
fn an_event_about_licences_is_looked_at_when_apple_says_that_it_has_ended() {
    let mut followed = Followed::invited(TOLD);
    followed.assign(BOOK);
    followed.accepts("ana");
    let post = followed.take_post();
    followed.bring(&post);
    followed.follow(Span::seconds(5));
    assert_eq!((followed.licence("ana").as_str(), followed.holders().as_str()), ("asked", "ana"));
    let post = followed.take_post();
    followed.bring(&post);
    followed.follow(Span::seconds(3));
    assert_eq!(followed.licence("ana"), "held");
    followed.site.assert_nothing_twice();
}

#[test]
fn a_lost_answer_and_a_crash_hand_out_no_licence_twice() {
    for crash in [false, true] {
        let mut followed = Followed::invited("");
        followed.only(1);
        followed.assign(BOOK);
        followed.accepts("ana");
        lock(followed.site.world()).apple.faults.drop_after_acting = 1;
        followed.follow(Span::minutes(5));
        if crash {
            followed = followed.restart();
        }
        followed.accepts("ben");
        followed.follow(Span::minutes(20));
        assert_eq!(followed.holders(), "ana", "crash: {crash}");
        assert_eq!(["ana", "ben"].map(|who| followed.licence(who)), ["held", "waiting"], "crash: {crash}");
        followed.site.assert_nothing_twice();
    }
}

#[test]
fn a_request_that_never_left_is_made_after_the_crash() {
    let mut followed = Followed::invited("");
    followed.assign(BOOK);
    followed.accepts("ana");
    // What a process leaves behind that dies between its note and the request.
    followed.follow(Span::minutes(4));
    followed.site.sync();
    let store = Arc::clone(&followed.site.site.store);
    store.plan_licences(followed.site.clock.now()).unwrap();
    let queue = store.licences_wanted(followed.site.clock.now(), true).unwrap().remove(0);
    store
        .licence_progress(BOOK, &[queue.people[0].0], &crate::store::LicenceProgress::Asking, followed.site.clock.now())
        .unwrap();
    let mut followed = followed.restart();
    followed.follow(Span::minutes(2));
    assert_eq!((followed.licence("ana").as_str(), followed.holders().as_str()), ("held", "ana"));
}

#[test]
fn somebody_else_takes_the_last_licence_and_the_request_is_refused() {
    let mut followed = Followed::invited("");
    followed.only(1);
    followed.assign(BOOK);
    followed.accepts("ana");
    followed.accepts("ben");
    // Another service hands the only one out between our look and our request: as if Apple's figure were old.
    followed.follow(Span::minutes(5));
    let view = followed.site.site.store.roster().unwrap();
    let eva = view.user_by_username("eva").unwrap().unwrap().client_user_id.clone();
    let apple = followed.site.ports.apps_and_books.clone().unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let theirs = HandOut { adam_id: BOOK.into(), pricing: String::new(), client_user_ids: vec![eva] };
    runtime.block_on(apple.hand_out(theirs)).unwrap();
    followed.follow(Span::minutes(5));
    assert_eq!(followed.holders(), "ana");
    assert_eq!(["ana", "ben"].map(|who| followed.licence(who)), ["held", "waiting"]);
}

#[test]
fn a_retired_record_frees_its_licence_for_who_waits() {
    let mut followed = Followed::invited("");
    let app = "361285480";
    lock(followed.site.world()).apple.buy(morning(), app, 1 - 400);
    followed.assign(app);
    followed.accepts("ana");
    followed.follow(Span::minutes(10));
    followed.accepts("ben");
    followed.follow(Span::minutes(10));
    assert_eq!(["ana", "ben"].map(|who| followed.licence(who)), ["held", "waiting"]);
    let ana = followed.site.site.store.roster().unwrap().user_by_username("ana").unwrap().unwrap();
    let saw = followed.site.site.store.newest_run().unwrap();
    let person = crate::domain::intent::Person { user: ana.id, username: ana.username.clone(), full_name: ana.full_name.clone() };
    followed.site.commit(&[Asked { intent: Intent::Withdraw { users: vec![person] }, origin: Origin::default() }], saw);
    followed.site.deliver(None, Span::minutes(5));
    followed.next = Some(followed.site.clock.now());
    followed.follow(Span::minutes(10));
    assert_eq!(["ana", "ben"].map(|who| followed.licence(who)), ["", "held"]);
}

#[test]
fn members_of_nested_groups_get_theirs_and_who_leaves_keeps_what_they_hold() {
    use super::testing::{DEVICES, USERS};
    let nobody = Habits { accepts: 0.0, takes: (Span::minutes(5), Span::minutes(10)), strangers: true };
    let files = |members: &'static str| {
        [
            ("users.csv", USERS),
            ("groups.csv", "name,distribution\nGrade 5,yes\nA,no\nB,no\n"),
            ("memberships.csv", members),
            // A circle: each is walked once.
            ("nested.csv", "group,within\nA,Grade 5\nB,A\nGrade 5,B\n"),
            ("devices.csv", DEVICES),
        ]
    };
    let mut site = TestSite::of(nobody, &files("group,username\nGrade 5,ana\nA,ben\nB,chloe\n"));
    site.invite(GROUP, Choice::NotInvited);
    site.deliver(None, Span::minutes(5));
    let mut followed = Followed::on(site);
    followed.next = Some(followed.site.clock.now());
    followed.follow(Span::seconds(1));
    followed.only(2);
    followed.assign(BOOK);
    for who in ["ana", "ben", "chloe"] {
        followed.accepts(who);
        followed.follow(Span::minutes(10));
    }
    assert_eq!(["ana", "ben", "chloe"].map(|who| followed.licence(who)), ["held", "held", "waiting"]);
    // Ana and Chloe leave.
    let mut incoming = crate::roster_files::Reader::default();
    for (name, text) in files("group,username\nA,ben\n") {
        incoming.file(name, text.as_bytes()).unwrap();
    }
    let options = crate::store::ImportOptions { source: "import".to_owned(), keep_missing: false };
    let store = Arc::clone(&followed.site.site.store);
    store.take_roster(incoming.finish().unwrap(), &options, followed.site.clock.now(), &mut || "x".to_owned()).unwrap();
    followed.follow(Span::minutes(10));
    assert_eq!(["ana", "ben", "chloe"].map(|who| followed.licence(who)), ["held", "held", ""]);
    assert_eq!(followed.holders(), "ana ben");
    followed.site.assert_nothing_twice();
}

/// Pulls the switch, or lets sending go on, as another process does: the service is woken by the commit.
fn switch(followed: &mut Followed, stop: bool) {
    let (store, now) = (&followed.site.site.store, followed.site.clock.now());
    if stop {
        store.stop_sending(&Stopped { at: now, by: "it".into(), reason: String::new() }).unwrap();
    } else {
        store.resume_sending("it", now).unwrap();
    }
    followed.next = Some(now);
}

#[test]
fn while_sending_is_stopped_everything_is_read_and_nothing_changes_at_apple() {
    let mut followed = Followed::new(TOLD);
    switch(&mut followed, true);
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let apple = followed.site.ports.apps_and_books.clone().unwrap();
    followed.follow(Span::minutes(30));
    let counts = followed.tally.now();
    assert!(counts.apple_polls["ok"] >= 5 && counts.down.is_empty(), "{counts:?}");
    let unit = runtime.block_on(apple.unit()).unwrap();
    assert_eq!((unit.owner, unit.notification_url, followed.follower.is_told()), (None, None, false));
    switch(&mut followed, false);
    followed.follow(Span::seconds(1));
    let unit = runtime.block_on(apple.unit()).unwrap();
    assert!(unit.owner.is_some() && unit.notification_url.is_some() && followed.follower.is_told());
    followed.site.assert_nothing_twice();
}

#[test]
fn while_sending_is_stopped_who_accepts_is_seen_and_gets_the_licence_when_it_goes_on() {
    let mut followed = Followed::invited("");
    followed.only(1);
    followed.assign(BOOK);
    for who in ["ana", "ben"] {
        followed.accepts(who);
        switch(&mut followed, true);
        let asked = followed.requests();
        followed.follow(Span::hours(1));
        assert!(followed.is_enrolled(who), "reading goes on");
        assert!(followed.requests() - asked < 30, "{} requests to Apple for nothing", followed.requests() - asked);
        assert_eq!(followed.holders(), if who == "ana" { "" } else { "ana" });
        switch(&mut followed, false);
        followed.follow(Span::minutes(2));
        assert_eq!(followed.holders(), "ana");
    }
    assert_eq!(["ana", "ben"].map(|who| followed.licence(who)), ["held", "waiting"]);
    // Who waits gets theirs, although the news came while it was stopped.
    switch(&mut followed, true);
    followed.only(61);
    followed.follow(Span::hours(2));
    assert_eq!(followed.holders(), "ana");
    switch(&mut followed, false);
    followed.follow(Span::minutes(2));
    assert_eq!(followed.holders(), "ana ben");
    followed.site.assert_nothing_twice();
}
