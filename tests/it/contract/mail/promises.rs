//! What whoever implements the mail port promises. Nothing here knows which world it is in.

use beckon::domain::outcome::{Outcome, Rejection};
use beckon::ports::mail::{Letter, Mail};
use futures_util::future::join_all;

use super::letters::{Arrived, letter, mailbox, message_id, told};

/// A mail server behind the port, with the mailboxes of [`mailbox`], and a look into them.
pub trait PostOffice {
    fn mail(&self) -> &dyn Mail;

    /// What lies in the mailbox of `address`, oldest first, once everything that the server answered
    /// with these words has been put where it belongs.
    fn holds(&self, address: &str, accepted: &[String]) -> Vec<Arrived>;
}

/// Hands a letter over that must be accepted, and gives the server's words.
pub async fn accepted(office: &dyn PostOffice, letter: Letter) -> Vec<String> {
    let id = letter.message_id.clone();
    let (word, words) = told(office.mail().send(letter).await);
    assert_eq!(word, "accepted", "{id}: {words}");
    vec![words]
}

/// Every promise in turn; each uses mailboxes and numbers of its own.
pub async fn are_kept(office: &dyn PostOffice) {
    a_letter_arrives_once_under_its_own_id(office).await;
    a_mailbox_that_does_not_exist_is_dead(office).await;
    a_refusal_of_the_letter_says_nothing_of_the_mailbox(office).await;
    what_is_greylisted_is_deferred_and_then_taken(office).await;
    a_crowd_gets_one_letter_each_and_its_own_answers(office).await;
    the_same_letter_twice_is_recognisable(office).await;
    closing_ends_no_more_than_idle_lines(office).await;
}

async fn a_letter_arrives_once_under_its_own_id(office: &dyn PostOffice) {
    let words = accepted(office, letter(mailbox::ANA, 1)).await;
    assert!(words[0].starts_with("250"), "the server's own words are kept: {words:?}");
    let box_of_ana = office.holds(mailbox::ANA, &words);
    assert_eq!(box_of_ana.len(), 1);
    let arrived = &box_of_ana[0];
    assert_eq!(arrived.message_id(), message_id(1));
    assert_eq!(arrived.header("Subject"), "Your apps are ready");
    assert!(arrived.header("From").contains("it@sunnyside.example"), "{}", arrived.header("From"));
    assert!(arrived.header("To").contains(mailbox::ANA), "{}", arrived.header("To"));
    for once in ["Message-ID", "Subject", "From", "To", "Date"] {
        assert_eq!(arrived.count(once), 1, "{once}");
    }
    assert!(arrived.words().contains("this is letter 1."), "{}", arrived.words());
}

async fn a_mailbox_that_does_not_exist_is_dead(office: &dyn PostOffice) {
    match office.mail().send(letter(mailbox::NOBODY, 2)).await {
        Ok(Outcome::Rejected { why: Rejection::TargetDead, words }) => assert!(words.contains("5.1.1"), "{words}"),
        other => panic!("{other:?}"),
    }
    assert_eq!(office.holds(mailbox::NOBODY, &[]).len(), 0);
}

async fn a_refusal_of_the_letter_says_nothing_of_the_mailbox(office: &dyn PostOffice) {
    match office.mail().send(letter(mailbox::CLOSED, 3)).await {
        Ok(Outcome::Rejected { why: Rejection::Refused, words }) => assert!(words.contains("5.7.1"), "{words}"),
        other => panic!("{other:?}"),
    }
    assert_eq!(office.holds(mailbox::CLOSED, &[]).len(), 0);
}

async fn what_is_greylisted_is_deferred_and_then_taken(office: &dyn PostOffice) {
    let (word, words) = told(office.mail().send(letter(mailbox::GREY, 4)).await);
    assert_eq!(word, "deferred", "{words}");
    assert!(words.contains("4.7.1"), "{words}");
    let words = accepted(office, letter(mailbox::GREY, 4)).await;
    let held = office.holds(mailbox::GREY, &words);
    assert_eq!(held.iter().map(Arrived::message_id).collect::<Vec<_>>(), [message_id(4)]);
}

async fn a_crowd_gets_one_letter_each_and_its_own_answers(office: &dyn PostOffice) {
    // Every tenth goes to where nothing is taken, among letters that must not notice.
    let bad = |n: usize| n % 10 == 7;
    let to = |n: usize| if bad(n) { mailbox::NOBODY.to_owned() } else { mailbox::pupil(n) };
    let letters = (0..mailbox::PUPILS).map(|n| office.mail().send(letter(&to(n), 100 + n)));
    let answers: Vec<_> = join_all(letters).await.into_iter().map(told).collect();
    let mut taken = Vec::new();
    for (n, (word, words)) in answers.iter().enumerate() {
        assert_eq!(*word, if bad(n) { "rejected" } else { "accepted" }, "letter {n}: {words}");
        taken.extend((!bad(n)).then(|| words.clone()));
    }
    for n in (0..mailbox::PUPILS).filter(|n| !bad(*n)) {
        let held = office.holds(&mailbox::pupil(n), &taken);
        assert_eq!(held.iter().map(Arrived::message_id).collect::<Vec<_>>(), [message_id(100 + n)], "pupil {n}");
    }
    assert_eq!(office.holds(mailbox::NOBODY, &taken).len(), 0);
}

async fn the_same_letter_twice_is_recognisable(office: &dyn PostOffice) {
    let mut words = accepted(office, letter(mailbox::BO, 5)).await;
    words.extend(accepted(office, letter(mailbox::BO, 5)).await);
    let held: Vec<String> = office.holds(mailbox::BO, &words).iter().map(Arrived::message_id).collect();
    // Mail servers don't look at ids: this is why a lost answer makes a letter doubtful.
    assert_eq!(held, [message_id(5), message_id(5)]);
}

async fn closing_ends_no_more_than_idle_lines(office: &dyn PostOffice) {
    office.mail().close().await;
    office.mail().close().await;
    accepted(office, letter(mailbox::ANA, 6)).await;
}
