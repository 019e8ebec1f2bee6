//! The world behind a test's site, as the host sees it. The program hands in the simulated one.

use crate::domain::time::Timestamp;
use crate::host::Ports;
use crate::ports::mdm::DeviceReport;
use crate::script::trial::roster::Roster;

/// Makes a world whose clock shows this time, for a school of this name. Nobody is in it yet.
pub type MakeTestWorld = fn(school: &str, now: Timestamp) -> Box<dyn TestWorld>;

/// Apple, mail servers, an MDM server, devices and people, on a clock of their own.
pub trait TestWorld: Send {
    /// The ways in, with the world's clock.
    fn ports(&self) -> Ports;

    /// Time goes on until then; an earlier instant changes nothing.
    fn advance_to(&self, at: Timestamp);

    /// When the world does something by itself next.
    fn next_wake(&self) -> Option<Timestamp>;

    /// Does what is due, and answers what devices have said since the last call.
    fn catch_up(&self) -> Vec<DeviceReport>;

    /// These people and devices are there. Who was there already stays as they are.
    fn introduce(&self, roster: &Roster);

    /// Somebody accepts the latest invitation that reached them.
    ///
    /// # Errors
    /// Why they can't.
    fn accept(&self, username: &str) -> Result<(), String>;

    /// The devices of somebody refuse invitations from now on.
    fn decline(&self, username: &str);

    /// A mailbox refuses everything from now on.
    fn close_mailbox(&self, address: &str);

    /// A report that the letter with this id came back, as a mail server writes it.
    fn bounce(&self, message_id: &str, address: &str) -> Vec<u8>;

    /// Subject and text of the letter with this id, without the domain, if it was taken.
    fn letter(&self, id: &str) -> Option<(String, String)>;
}
