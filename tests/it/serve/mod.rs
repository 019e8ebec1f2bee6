//! `beckon serve` as a process among simulated services: what it delivers, what it says of itself, what it
//! makes of changed files, and how it ends.

mod ask;
mod files;
mod life;
mod notified;
mod service;
mod systemd;

use std::sync::OnceLock;

use crate::crash::site::Sites;

/// One school for all tests here.
fn sites() -> &'static Sites {
    static SITES: OnceLock<Sites> = OnceLock::new();
    SITES.get_or_init(Sites::new)
}
