use super::*;
use crate::domain::schedule::verdict::Verdict;
use crate::domain::time::Span;

fn at(second: i64) -> Timestamp {
    from_millis(1_796_111_100_000 + second * 1_000)
}

fn store() -> (tempfile::TempDir, Store) {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(&folder.path().join("beckon.db")).unwrap();
    (folder, store)
}

fn claim(second: i64, owner: &str) -> Claim {
    Claim { schedule: "a".to_owned(), at: at(second), owner: owner.to_owned(), zone: chrono_tz::UTC }
}

/// Accounts for one moment of the schedule `a` by what was seen.
fn account(store: &Store, seen: &ScheduleState, second: i64, verdict: Verdict, owner: &str) -> Accounted {
    let moments = vec![(at(second), verdict)];
    let all = [Accounting { name: "a", zone: chrono_tz::UTC, seen, until: at(second), older: None, moments }];
    store.account_for_moments(&all, (owner, at(second) + Span::seconds(30)), at(second)).unwrap().remove(0)
}

#[test]
fn what_was_seen_has_to_hold_still() {
    let (_folder, store) = store();
    let seen = store.enlist_schedules(&[("a", "one".to_owned())], at(0)).unwrap().remove(0);
    let run = || Verdict::Run { queue: true };
    assert_eq!(account(&store, &seen, 10, run(), "x"), Accounted::Done(vec![at(10)]));
    assert_eq!(account(&store, &seen, 10, run(), "y"), Accounted::Stale, "the other one was faster");
    let now_seen = store.schedule_states(["a"]).unwrap().remove(0).unwrap();
    assert_eq!(now_seen.accounted, at(10));
    store.pause_schedule("a", "kim", at(11)).unwrap();
    assert_eq!(account(&store, &now_seen, 20, run(), "x"), Accounted::Stale, "it was paused meanwhile");
    assert_eq!(store.paused_schedules().unwrap().into_iter().collect::<Vec<_>>(), ["a"]);
}

#[test]
fn a_schedule_that_is_gone_has_no_past_when_it_comes_back() {
    let (_folder, store) = store();
    let listed = [("a", "one".to_owned()), ("b", "two".to_owned())];
    store.enlist_schedules(&listed, at(0)).unwrap();
    store.enlist_schedules(&listed[..1], at(100)).unwrap();
    assert_eq!(store.enlist_schedules(&listed, at(200)).unwrap()[1].accounted, at(200));
    assert_eq!(store.enlist_schedules(&listed, at(300)).unwrap()[0].accounted, at(0));
    // A clock that has gone back makes nothing unaccounted.
    store.enlist_schedules(&[("a", "three".to_owned())], at(-500)).unwrap();
    assert_eq!(store.schedule_states(["a", "none"]).unwrap()[0].as_ref().unwrap().accounted, at(0));
}

#[test]
fn a_missed_moment_is_made_good_once() {
    let (_folder, store) = store();
    let seen = store.enlist_schedules(&[("a", "one".to_owned())], at(0)).unwrap().remove(0);
    account(&store, &seen, 10, Verdict::Missed("a test".to_owned()), "x");
    let moments = || store.moments("a", (at(0), at(100)), 10).unwrap();
    assert_eq!((moments().len(), moments()[0].state, moments()[0].words.as_str()), (1, MomentState::Missed, "a test"));
    assert!(store.claim_again(&claim(10, "kim"), at(60)).unwrap());
    assert!(!store.claim_again(&claim(10, "lee"), at(60)).unwrap(), "it is kim's");
    store.put_back(&claim(10, "kim")).unwrap();
    assert!(store.claim_again(&claim(10, "lee"), at(60)).unwrap());
    assert!(!store.end_moment(&claim(10, "kim"), MomentEnd::Failed, "no", at(61)).unwrap());
    assert!(store.end_moment(&claim(10, "lee"), MomentEnd::Failed, "no", at(61)).unwrap());
    assert!(!store.claim_again(&claim(10, "kim"), at(90)).unwrap(), "what has failed was run");
    assert!(!store.claim_again(&claim(11, "kim"), at(90)).unwrap(), "nothing was due then");
}

#[test]
fn leases_end_and_are_prolonged_and_given_back() {
    let (_folder, store) = store();
    let seen = store.enlist_schedules(&[("a", "one".to_owned())], at(0)).unwrap().remove(0);
    account(&store, &seen, 10, Verdict::Run { queue: true }, "x");
    assert_eq!(store.next_lease_of_others("y").unwrap(), Some(at(40)));
    assert_eq!(store.next_lease_of_others("x").unwrap(), None);
    store.renew_moments(&[claim(10, "x")], at(70)).unwrap();
    assert_eq!(store.take_over_moments("y", at(90), at(60)).unwrap(), []);
    store.let_go_of_moments(&[claim(10, "z")], at(0)).unwrap();
    assert_eq!(store.take_over_moments("y", at(90), at(60)).unwrap(), [], "it was not z's to give back");
    store.let_go_of_moments(&[claim(10, "x")], at(59)).unwrap();
    let taken = TakenOver { schedule: "a".to_owned(), at: at(10), tries: 1 };
    assert_eq!(store.take_over_moments("y", at(90), at(60)).unwrap(), [taken], "nobody died over it");
}
