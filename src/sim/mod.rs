//! A world that fits in memory: one seeded model of Apple's services, an MDM server, mailboxes, devices and people.
//! It knows ports and domain, and never looks at the engine it is there to test.
//!
//! [`World`] is the model: pure, with time and seed as arguments. It has two doors: [`ports`] implements
//! `crate::ports` in-process on a [`VirtualClock`], and [`wire`] serves it on loopback over the real
//! protocols.

mod agenda;
pub mod apns;
pub mod apple;
pub mod bounces;
pub mod breach;
pub mod clock;
pub mod devices;
pub mod faults;
pub mod hooks;
pub mod letter;
pub mod mailboxes;
pub mod mdm;
pub mod people;
pub mod ports;
pub mod school;
pub mod seed;
#[cfg(test)]
mod tests;
pub mod wire;
mod world;

pub use breach::{Breach, Rule};
pub use clock::VirtualClock;
pub use ports::Doors;
pub use school::School;
pub use wire::{Running, ServeConfig, serve};
pub use world::{SharedWorld, World, WorldConfig, WorldEvent, lock};
