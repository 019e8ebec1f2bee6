//! Each far side in trouble is one line, and says what to do.

use super::*;
use crate::host::testing::TestSite;
use crate::ports::clock::Clock as _;
use crate::sim::faults::TokenFault;
use crate::sim::lock;
use crate::sim::people::Habits;

fn site() -> TestSite {
    TestSite::new(Habits::default())
}

/// What is told of the far sides, one line each.
fn told(site: &TestSite) -> Vec<String> {
    let make = |config: &SiteConfig| {
        let mut ports = site.ports.clone();
        ports.mail = ports.mail.filter(|_| config.mail.is_some());
        ports.mdm = ports.mdm.filter(|_| config.mdm.server().is_some());
        ports.push = ports.push.filter(|_| config.push.is_some());
        ports.apps_and_books = ports.apps_and_books.filter(|_| config.apps_and_books.is_some());
        Ok(ports)
    };
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let found = runtime.block_on(far_sides::examine(&site.site, &make, &Looking::default(), site.clock.now()));
    found.iter().map(|f| format!("{} {}: {}", f.health.word(), f.what, f.words)).collect()
}

#[test]
fn a_world_in_order_is_fine() {
    let said = told(&site());
    assert!(said.iter().all(|line| line.starts_with("ok ")), "{said:#?}");
    assert!(said.iter().any(|line| line == "ok mail: the mail server answers"), "{said:#?}");
}

#[test]
fn a_site_that_can_reach_nobody_yet_is_not_all_fine() {
    let mut site = site();
    site.site.config.apps_and_books = None;
    site.site.config.mail = None;
    site.site.config.mdm.backend = crate::host::config::MdmBackend::None;
    let ports = site.ports.clone();
    let make = |_: &SiteConfig| Ok(ports.clone());
    let looking = Looking { offline: true, ..Looking::default() };
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let found = runtime.block_on(examine(&site.site, &make, &looking, site.clock.now()));
    let told: Vec<_> = found.iter().filter(|f| f.health == Health::Warning).map(|f| format!("{}: {}", f.what, f.words)).collect();
    assert_eq!(
        told,
        [
            "token: site.toml has no [apps_and_books], so nobody can be invited",
            "channels: site.toml has neither [mail] nor an MDM server, so no invitation reaches anybody",
        ]
    );
}

#[test]
fn each_trouble_is_told_by_itself() {
    let with = |trouble: &dyn Fn(&mut crate::sim::World)| {
        let site = site();
        trouble(&mut lock(site.world()));
        told(&site).into_iter().filter(|line| !line.starts_with("ok ")).collect::<Vec<_>>()
    };
    assert_eq!(with(&|world| world.mail.faults.down = true), ["failed mail: the mail server can't be reached"]);
    assert_eq!(with(&|world| world.mdm.faults.down = true), ["failed MDM: the MDM server can't be reached"]);
    assert_eq!(with(&|world| world.mdm.faults.refuse_key = true), ["failed MDM: the MDM server refused the API key"]);
    let revoked = with(&|world| world.apple.faults.token = TokenFault::Revoked);
    assert!(revoked.len() == 1 && revoked[0].starts_with("failed Apple: refuses the token"), "{revoked:#?}");
}

#[test]
fn what_ends_soon_is_told_before_it_ends() {
    let now = crate::domain::time::from_millis(1_796_111_100_000);
    let health = |days| expiry("token", "the token", now + Span::days(days), "renew it", (now, chrono_tz::UTC)).health;
    assert_eq!(
        [health(-1), health(0), health(1), health(29), health(31)],
        [Health::Failed, Health::Failed, Health::Warning, Health::Warning, Health::Fine]
    );
}

#[test]
fn a_clock_that_is_off_is_told_by_how_much_and_which_way() {
    let told = |ahead| {
        let found = far_sides::clock(ahead);
        format!("{}: {}", found.health.word(), found.words)
    };
    assert_eq!(told(Span::seconds(-30)), "ok: the same as Apple's");
    assert_eq!(told(Span::seconds(31)), "warning: this machine's clock is 31 seconds behind Apple's");
    assert_eq!(told(Span::minutes(-5)), "warning: this machine's clock is 5 minutes ahead of Apple's");
    assert_eq!(told(Span::hours(2)), "failed: this machine's clock is 2 hours behind Apple's");
    assert!(far_sides::clock(Span::hours(2)).remedy.contains("timedatectl set-ntp true"));
}

/// A way to APNs whose certificate ends.
struct Ending(Timestamp);

impl crate::ports::push::Push for Ending {
    fn send(&self, _: crate::ports::push::Notification) -> crate::ports::Answer<'_, crate::domain::outcome::Handed> {
        unreachable!("the doctor sends nothing")
    }

    fn look(&self) -> crate::ports::Answer<'_, crate::ports::look::Looked> {
        let found = crate::ports::look::Found { words: "APNs answers".to_owned(), expires: Some(self.0), ..Default::default() };
        Box::pin(std::future::ready(Ok(found)))
    }

    fn at_once(&self) -> usize {
        1
    }
}

#[test]
fn a_push_certificate_is_renewed_before_it_ends() {
    let told = |days| {
        let mut site = site().with_settings("[push]\ncertificate = \"file:push.p12\"\npassword = \"env:X\"\n");
        site.ports.push = Some(std::sync::Arc::new(Ending(site.clock.now() + Span::days(days))));
        told(&site).into_iter().filter(|line| line.contains("push certificate")).collect::<Vec<_>>().join("; ")
    };
    assert_eq!(told(31), "ok push: the push certificate is good until 2027-01-01 08:45");
    assert_eq!(told(29), "warning push: the push certificate expires on 2026-12-30 08:45, in 29 days");
    assert_eq!(told(-1), "failed push: the push certificate expired on 2026-11-30 08:45");
}
