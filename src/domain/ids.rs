//! Row numbers that can't be mixed up. A person meets them as "run 17" and "delivery 17.3".

use std::fmt;

macro_rules! id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub i64);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }
    };
}

id!(/// A user of the roster.
    UserId);
id!(/// A group of the roster.
    GroupId);
id!(/// A device of the roster.
    DeviceId);
id!(/// One execution of a script.
    RunId);
id!(/// One user's invitation at one content-token location.
    InvitationId);
id!(/// One attempt path of an invitation or message over one channel.
    DeliveryId);
