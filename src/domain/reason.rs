//! Why somebody was left out. Each reason has one wording for one person and one for a count.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Why a person of the audience is not in a plan.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum LeftOut {
    AlreadyEnrolled,
    AlreadyInvited,
    DistributionOff,
    AccountDisabled,
    /// No device that can be invited, and no mail address.
    Unreachable,
    /// A reminder or invitation went out less than so many days ago.
    ContactedWithin(u16),
    /// Their mail address turned mail away for good, and there is no device.
    AddressDead,
    /// An invitation of this person is under way in the outbox.
    UnderWay,
    /// An invitation may have reached them, and nobody has decided whether it goes out again.
    Doubtful,
    /// A Managed Apple Account that Apple has associated, or will, without being asked.
    NeedsNoInvitation,
    NotInvited,
}

impl LeftOut {
    /// A stable word for `--json` and the store.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::AlreadyEnrolled => "already-enrolled",
            Self::AlreadyInvited => "already-invited",
            Self::DistributionOff => "distribution-off",
            Self::AccountDisabled => "account-disabled",
            Self::Unreachable => "unreachable",
            Self::ContactedWithin(_) => "contacted-recently",
            Self::AddressDead => "address-dead",
            Self::UnderWay => "under-way",
            Self::Doubtful => "doubtful",
            Self::NeedsNoInvitation => "needs-no-invitation",
            Self::NotInvited => "not-invited",
        }
    }
}

impl fmt::Display for LeftOut {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::AlreadyEnrolled => f.write_str("already enrolled"),
            Self::AlreadyInvited => f.write_str("already invited"),
            Self::DistributionOff => f.write_str("managed distribution not enabled"),
            Self::AccountDisabled => f.write_str("account disabled"),
            Self::Unreachable => f.write_str("no device and no mail address"),
            Self::ContactedWithin(1) => f.write_str("reminded in the last day"),
            Self::ContactedWithin(days) => write!(f, "reminded in the last {days} days"),
            Self::AddressDead => f.write_str("mail address refuses mail"),
            Self::UnderWay => f.write_str("an invitation is under way"),
            Self::Doubtful => f.write_str("may have been invited (see `beckon tasks --failed`)"),
            Self::NeedsNoInvitation => f.write_str("managed account, associated without an invitation"),
            Self::NotInvited => f.write_str("not invited before"),
        }
    }
}
