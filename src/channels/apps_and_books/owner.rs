//! Whose unit it is. Apple has no lock: every answer names the service that wrote `mdmInfo` last,
//! and when that isn't us any more, nothing is sent until somebody has decided.

use std::sync::{Mutex, MutexGuard, PoisonError};

use super::error;
use crate::ports::apps_and_books::{Called, Owner};

/// Whose word a request carries.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Whose {
    /// No token is sent, and no owner named.
    Nobodys,
    /// The token goes along, and the answer must name us where it names an owner.
    Ours,
    /// The token goes along, and the answer says whether it has become ours.
    Claims,
}

/// The owner that we expect, and the other one that was found instead.
#[derive(Debug, Default)]
pub struct Ownership {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    /// The expected `mdmInfo.id`. Before a claim every owner is fine.
    expected: Option<String>,
    other: Option<Owner>,
    session: Session,
}

/// One expectation. Answers to requests that left under an earlier one are not judged: they may
/// name the owner whom we have just replaced.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Session(u64);

impl Ownership {
    /// Leave to send a request.
    ///
    /// # Errors
    /// `NotOurs`, from when another owner was seen until [`Self::expect`] is called.
    pub fn pass(&self) -> Called<Session> {
        let state = self.lock();
        state.other.as_ref().map_or(Ok(state.session), |other| Err(error::not_ours(other)))
    }

    /// Judges the owner that an answer names.
    ///
    /// # Errors
    /// `NotOurs` when it is another one than expected.
    pub fn judge(&self, asked_in: Session, found: &Owner) -> Called<()> {
        let mut state = self.lock();
        if state.session != asked_in || state.expected.as_ref().is_none_or(|id| *id == found.id) {
            return Ok(());
        }
        state.other = Some(found.clone());
        Err(error::not_ours(found))
    }

    /// Takes `owner` as who we are, from now on. Answers the session of requests that leave after it.
    pub fn expect(&self, owner: &Owner) -> Session {
        let mut state = self.lock();
        let session = Session(state.session.0.wrapping_add(1));
        *state = State { expected: Some(owner.id.clone()), other: None, session };
        session
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ports::apps_and_books::CallErrorKind;

    fn owner(id: &str) -> Owner {
        Owner { id: id.to_owned(), name: format!("{id}'s service"), metadata: String::new() }
    }

    #[test]
    fn before_a_claim_every_owner_is_fine() {
        let ownership = Ownership::default();
        let session = ownership.pass().unwrap();
        assert!(ownership.judge(session, &owner("rival")).is_ok());
        assert!(ownership.pass().is_ok());
    }

    #[test]
    fn another_owner_closes_the_door_until_somebody_decides() {
        let ownership = Ownership::default();
        ownership.expect(&owner("us"));
        let session = ownership.pass().unwrap();
        assert!(ownership.judge(session, &owner("us")).is_ok());
        assert_eq!(ownership.judge(session, &owner("rival")).unwrap_err().kind, CallErrorKind::NotOurs(owner("rival")));
        let closed = ownership.pass().unwrap_err();
        assert_eq!(closed.kind, CallErrorKind::NotOurs(owner("rival")));
        assert_eq!(closed.words, "the unit is driven by \"rival's service\" now, according to Apple");
        ownership.expect(&owner("us"));
        assert!(ownership.pass().is_ok());
    }

    #[test]
    fn a_late_answer_of_an_earlier_session_closes_nothing() {
        let ownership = Ownership::default();
        ownership.expect(&owner("us"));
        let before = ownership.pass().unwrap();
        ownership.expect(&owner("us"));
        assert!(ownership.judge(before, &owner("rival")).is_ok());
        assert!(ownership.pass().is_ok());
    }
}
