//! What we ask of the world: traits and their contracts, nothing that does anything.
//!
//! Every port has two implementations: the real adapter in `channels`, and the simulated world's
//! in-process door in `sim`. Batches answer with lists of the same length and order.

pub mod apps_and_books;
pub mod bounces;
pub mod clock;
pub mod look;
pub mod mail;
pub mod mdm;
pub mod push;
pub mod webhook;

/// A future that a port returns.
pub type Answer<'a, T> = futures_util::future::BoxFuture<'a, T>;
