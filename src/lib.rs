//! beckon: scripted invitations, reminders and audiences for managed Apple devices.
//!
//! Reading order: [`domain`] (what is true), [`ports`] (what we ask of the world), [`script`] (what a
//! script can say), [`host`] (what happens, in which order), [`store`] (what we remember),
//! [`channels`] and [`sim`] (how the world, or a model of it, answers), then the ends: [`cli`],
//! [`http`], [`roster_files`], [`templates`]. `ARCHITECTURE.md` has the map.

pub mod channels;
pub mod cli;
pub mod delivery_reports;
pub mod domain;
pub mod host;
pub mod http;
pub mod ports;
pub mod roster_files;
pub mod script;
pub mod sim;
pub mod store;
pub mod templates;

/// Counts what each thread holds, so that a script's memory can be limited.
#[global_allocator]
static ALLOCATOR: script::memory::Counting = script::memory::Counting;
