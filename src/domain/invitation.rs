//! The life of one user's invitation at one content-token location.

/// Where an invitation stands. The path is `queued → registering → registered → delivered →
/// accepted`; everything else is a side exit. `planned` is a plan's line and never stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum InvitationState {
    /// Committed; Apple has not been asked yet.
    Queued,
    /// Apple has been asked to make the record; its answer is not in.
    Registering,
    /// Apple's record has an invite code.
    Registered,
    /// A device showed the prompt, or a mail was handed over.
    Delivered,
    /// Apple's record says `Associated`.
    Accepted,
    Failed,
    /// Nobody can tell us of a decline yet; the portal of a later version can.
    Declined,
    Expired,
    Withdrawn,
    /// Every way to the person ended doubtfully.
    Doubtful,
}

/// What can happen to an invitation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InvitationEvent {
    /// Apple took the request for the record.
    Asked,
    /// Apple's record exists and is open.
    RecordOpen,
    /// Apple's record says `Associated`.
    RecordAssociated,
    /// Apple's record says `Retired`, or there is none where one was.
    RecordRetired,
    /// Apple refused to make the record.
    RecordRefused,
    /// A delivery was accepted.
    HandedOver,
    /// All deliveries have ended and none was accepted: the last one doubtful, or all rejected.
    AllDoubtful,
    AllRejected,
    /// What had been handed over came back, and nothing else has reached the person.
    AllBounced,
    /// An earlier try must start over (an event was lost, a resend was asked for).
    AskAgain,
    Withdrawn,
    TimedOut,
}

impl InvitationState {
    pub const ALL: [Self; 10] = [
        Self::Queued,
        Self::Registering,
        Self::Registered,
        Self::Delivered,
        Self::Accepted,
        Self::Failed,
        Self::Declined,
        Self::Expired,
        Self::Withdrawn,
        Self::Doubtful,
    ];

    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Registering => "registering",
            Self::Registered => "registered",
            Self::Delivered => "delivered",
            Self::Accepted => "accepted",
            Self::Failed => "failed",
            Self::Declined => "declined",
            Self::Expired => "expired",
            Self::Withdrawn => "withdrawn",
            Self::Doubtful => "doubtful",
        }
    }

    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|s| s.word() == word)
    }

    /// Whether a person can still accept it.
    #[must_use]
    pub fn is_open(self) -> bool {
        matches!(self, Self::Queued | Self::Registering | Self::Registered | Self::Delivered | Self::Doubtful)
    }

    /// The state after `event`. Events that say nothing new leave the state as it is; Apple's record
    /// overrules whatever we thought, because only Apple knows who accepted.
    #[must_use]
    pub fn after(self, event: InvitationEvent) -> Self {
        use InvitationEvent as E;
        match (self, event) {
            (_, E::RecordAssociated) => Self::Accepted,
            (Self::Accepted, E::RecordRetired) => Self::Withdrawn,
            (Self::Accepted, _) => self,
            (Self::Queued, E::Asked) => Self::Registering,
            (Self::Queued | Self::Registering, E::RecordOpen) => Self::Registered,
            (Self::Queued | Self::Registering, E::RecordRefused) => Self::Failed,
            (Self::Registered | Self::Doubtful, E::HandedOver) => Self::Delivered,
            (Self::Registered, E::AllDoubtful) => Self::Doubtful,
            (Self::Registered, E::AllRejected) => Self::Failed,
            (Self::Registered | Self::Delivered | Self::Doubtful, E::AllBounced) => Self::Failed,
            (Self::Registering, E::AskAgain) => Self::Queued,
            (s, E::RecordRetired | E::Withdrawn) if s.is_open() => Self::Withdrawn,
            (s, E::TimedOut) if s.is_open() => Self::Expired,
            (s, _) => s,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use InvitationEvent as E;
    use InvitationState as S;

    #[test]
    fn every_transition_that_changes_something() {
        let events = [
            E::Asked,
            E::RecordOpen,
            E::RecordAssociated,
            E::RecordRetired,
            E::RecordRefused,
            E::HandedOver,
            E::AllDoubtful,
            E::AllRejected,
            E::AllBounced,
            E::AskAgain,
            E::Withdrawn,
            E::TimedOut,
        ];
        let mut table = String::new();
        for state in S::ALL {
            for event in events {
                let next = state.after(event);
                if next != state {
                    table.push_str(&format!("{} -{event:?}-> {}\n", state.word(), next.word()));
                }
            }
        }
        assert_eq!(table, TABLE);
    }

    #[test]
    fn only_apples_record_makes_anybody_accepted() {
        for state in S::ALL {
            for event in
                [E::Asked, E::RecordOpen, E::HandedOver, E::AllDoubtful, E::AllRejected, E::AllBounced, E::AskAgain, E::TimedOut]
            {
                assert!(state == S::Accepted || state.after(event) != S::Accepted);
            }
        }
    }

    const TABLE: &str = "\
queued -Asked-> registering
queued -RecordOpen-> registered
queued -RecordAssociated-> accepted
queued -RecordRetired-> withdrawn
queued -RecordRefused-> failed
queued -Withdrawn-> withdrawn
queued -TimedOut-> expired
registering -RecordOpen-> registered
registering -RecordAssociated-> accepted
registering -RecordRetired-> withdrawn
registering -RecordRefused-> failed
registering -AskAgain-> queued
registering -Withdrawn-> withdrawn
registering -TimedOut-> expired
registered -RecordAssociated-> accepted
registered -RecordRetired-> withdrawn
registered -HandedOver-> delivered
registered -AllDoubtful-> doubtful
registered -AllRejected-> failed
registered -AllBounced-> failed
registered -Withdrawn-> withdrawn
registered -TimedOut-> expired
delivered -RecordAssociated-> accepted
delivered -RecordRetired-> withdrawn
delivered -AllBounced-> failed
delivered -Withdrawn-> withdrawn
delivered -TimedOut-> expired
accepted -RecordRetired-> withdrawn
failed -RecordAssociated-> accepted
declined -RecordAssociated-> accepted
expired -RecordAssociated-> accepted
withdrawn -RecordAssociated-> accepted
doubtful -RecordAssociated-> accepted
doubtful -RecordRetired-> withdrawn
doubtful -HandedOver-> delivered
doubtful -AllBounced-> failed
doubtful -Withdrawn-> withdrawn
doubtful -TimedOut-> expired
";
}
