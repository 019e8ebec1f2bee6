//! Codes that a new process reads again: who has to wait for which page.

use std::sync::Arc;

use secrecy::SecretString;

use crate::domain::invite_plan::Choice;
use crate::domain::time::Span;
use crate::host::testing::{GROUPS, TestSite};
use crate::ports::Answer;
use crate::ports::apps_and_books::{
    AppsAndBooks, AssetPage, AssignmentPage, AssignmentQuery, Called, EventStatus, HandOut, Owner, ServiceLimits, Subscription,
    Unit, UserPage, UserQuery, UserRequest,
};
use crate::ports::clock::Clock as _;
use crate::sim::people::Habits;
use crate::sim::{SharedWorld, lock};

const PEOPLE: usize = 40;
const ON_A_PAGE: usize = 5;

/// Shows a page of the list only when everybody on the pages before it has their mail.
struct PageByPage {
    apple: Arc<dyn AppsAndBooks>,
    world: SharedWorld,
}

impl AppsAndBooks for PageByPage {
    fn users(&self, query: UserQuery) -> Answer<'_, Called<UserPage>> {
        Box::pin(async move {
            let mails = ON_A_PAGE * query.page.unwrap_or(0) as usize;
            for tries in 0.. {
                if lock(&self.world).mail.stored().len() >= mails {
                    break;
                }
                assert!(tries < 50_000_000, "nobody sends what the last page allows");
                tokio::task::yield_now().await;
            }
            self.apple.users(query).await
        })
    }

    fn limits(&self) -> Answer<'_, Called<ServiceLimits>> {
        self.apple.limits()
    }
    fn unit(&self) -> Answer<'_, Called<Unit>> {
        self.apple.unit()
    }
    fn claim(&self, owner: Owner) -> Answer<'_, Called<Unit>> {
        self.apple.claim(owner)
    }
    fn expect_owner(&self, owner: Owner) {
        self.apple.expect_owner(owner);
    }
    fn create_users(&self, users: Vec<UserRequest>) -> Answer<'_, Called<String>> {
        self.apple.create_users(users)
    }
    fn update_users(&self, users: Vec<UserRequest>) -> Answer<'_, Called<String>> {
        self.apple.update_users(users)
    }
    fn ahead(&self) -> Option<Span> {
        self.apple.ahead()
    }
    fn retire_users(&self, users: Vec<UserRequest>) -> Answer<'_, Called<String>> {
        self.apple.retire_users(users)
    }
    fn event(&self, event_id: String) -> Answer<'_, Called<EventStatus>> {
        self.apple.event(event_id)
    }
    fn assets(&self, page: Option<u32>) -> Answer<'_, Called<AssetPage>> {
        self.apple.assets(page)
    }
    fn hand_out(&self, what: HandOut) -> Answer<'_, Called<String>> {
        self.apple.hand_out(what)
    }
    fn assignments(&self, query: AssignmentQuery) -> Answer<'_, Called<AssignmentPage>> {
        self.apple.assignments(query)
    }
    fn subscribe(&self, to: Subscription) -> Answer<'_, Called<()>> {
        self.apple.subscribe(to)
    }
    fn invitation_url(&self, code: &SecretString) -> Answer<'_, Called<SecretString>> {
        self.apple.invitation_url(code)
    }
}

/// Everybody is registered, nobody has been told, and the process that registered them has gone.
fn registered_and_untold() -> TestSite {
    let rows = |line: &dyn Fn(usize) -> String| (0..PEOPLE).map(line).collect::<String>();
    let users = rows(&|n| format!("u{n},Pupil {n},u{n}@sunnyside.example\n"));
    let members = rows(&|n| format!("Grade 5,u{n}\n"));
    let mut site = TestSite::of(
        Habits { accepts: 0.0, ..Habits::default() },
        &[
            ("users.csv", &format!("username,full_name,mail\n{users}")),
            ("groups.csv", GROUPS),
            ("memberships.csv", &format!("group,username\n{members}")),
        ],
    );
    site.invite("Grade 5", Choice::NotInvited);
    site.ports.mail = None;
    site.deliver(None, Span::minutes(2));
    site.restart();
    assert_eq!(lock(site.world()).mail.stored().len(), 0);
    lock(site.world()).apple.config.page_size = ON_A_PAGE;
    site
}

#[test]
fn the_first_page_of_codes_is_used_while_the_rest_is_read() {
    let mut site = registered_and_untold();
    let apple = site.ports.apps_and_books.take().unwrap();
    site.ports.apps_and_books = Some(Arc::new(PageByPage { apple, world: site.world().clone() }));
    let asked = lock(site.world()).apple.requests();
    let delivered = site.deliver(None, Span::minutes(2));
    assert_eq!((delivered.figures.waiting, delivered.figures.deferred), (0, 0));
    let world = lock(site.world());
    assert_eq!(world.mail.stored().len(), PEOPLE);
    // The pages, each once, and whose unit it is.
    assert_eq!(world.apple.requests() - asked, (PEOPLE / ON_A_PAGE + 1) as u64);
    drop(world);
    site.assert_nothing_twice();
}

#[test]
fn who_accepted_while_no_process_ran_is_not_told_after_it() {
    let mut site = registered_and_untold();
    let now = site.clock.now();
    let codes: Vec<String> = lock(site.world()).apple.records().map(|r| r.invite_code.clone()).take(3).collect();
    for code in &codes {
        lock(site.world()).apple.accept(now, code, &format!("{code}@private.example")).unwrap();
    }
    site.deliver(None, Span::minutes(2));
    assert_eq!(lock(site.world()).mail.stored().len(), PEOPLE - codes.len());
    site.assert_nothing_twice();
}

#[test]
fn codes_of_another_unit_are_not_used() {
    let mut site = registered_and_untold();
    site.site.store.set_facts(&[("unit", "another")]).unwrap();
    let delivered = site.deliver(None, Span::minutes(2));
    assert_eq!(lock(site.world()).mail.stored().len(), 0);
    assert!(delivered.down[0].1.what.contains("for another unit"), "{:?}", delivered.down);
}
