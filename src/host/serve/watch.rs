//! The loop that notices: commits of others, changed files, a clock that jumps, loops that ended.
//! It looks at indexes and file times only, and wakes whoever has to look closer.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use tokio::task::JoinHandle;

use super::fingerprint::{self, Fingerprint};
use super::reload;
use super::{Life, Serving, TICK};
use crate::domain::time::Span;
use crate::store::ChangeWatch;

/// Files are looked at every third tick, and loaded when two looks saw the same: whoever writes one
/// may not be done.
const FILES_EVERY: u64 = 3;

/// While files are broken they are tried again every minute: what they refer to may have been mended.
const BROKEN_EVERY: u64 = 66;

/// A tick that was so much longer or shorter than it should have been is a clock that jumped.
const JUMP: Span = Span::seconds(5);

/// The heart may be silent for three minutes: it beats once in one, and a store may be busy.
pub(super) const SILENT_MAX: u32 = 200;

/// Watches until it is stopped.
pub(super) async fn keep(serving: &Arc<Serving>, loops: &[(&'static str, JoinHandle<()>)]) {
    let mut changes: Option<ChangeWatch> = None;
    let mut files = Files { tried: serving.current().files.clone(), seen: None };
    let mut ticks: u64 = 0;
    while !serving.stopping() {
        let before = serving.clock.now();
        tokio::select! {
            () = serving.clock.wait_for(TICK) => {}
            () = serving.watch_wake.notified() => {}
        }
        if serving.stopping() {
            return;
        }
        ticks += 1;
        serving.state.tick();
        let now = serving.clock.now();
        if (now - before < -JUMP) || (now - before > TICK + JUMP) {
            tracing::warn!(before = %before, now = %now, "the clock jumped");
            serving.wake_all();
        }
        if has_changed(serving, &mut changes) {
            serving.wake_all();
        }
        let ended: Vec<&'static str> = loops.iter().filter(|(_, task)| task.is_finished()).map(|(name, _)| *name).collect();
        if ended.is_empty() && serving.state.silent_ticks() < SILENT_MAX {
            (serving.life)(Life::Alive);
        }
        serving.state.set_ended(ended);
        let asked = serving.reload_wanted.swap(false, Ordering::Relaxed);
        let broken = ticks.is_multiple_of(BROKEN_EVERY) && !serving.state.faults().is_empty();
        if asked || broken || ticks.is_multiple_of(FILES_EVERY) {
            files.look(serving, asked || broken).await;
        }
    }
}

fn has_changed(serving: &Serving, changes: &mut Option<ChangeWatch>) -> bool {
    match changes {
        Some(watch) => watch.has_changed(),
        None => {
            // Without one, every tick counts as news until there is one.
            *changes = serving.store.watch_changes().ok();
            true
        }
    }
}

/// What is known of the site's files.
struct Files {
    /// As they were when they were last loaded, or found broken.
    tried: Fingerprint,
    /// As they were at the last look, where that was different.
    seen: Option<Fingerprint>,
}

impl Files {
    async fn look(&mut self, serving: &Arc<Serving>, at_once: bool) {
        let config = &serving.current().site.config;
        let found = Fingerprint::of(config, fingerprint::site_toml(&config.dir));
        if !at_once {
            if found == self.tried {
                self.seen = None;
                return;
            }
            if self.seen.as_ref() != Some(&found) {
                self.seen = Some(found);
                return;
            }
        }
        let settings_changed = at_once || found.settings_differ(&self.tried);
        if reload::reload(serving, settings_changed).await {
            self.tried = serving.current().files.clone();
        } else {
            self.tried = found;
        }
        self.seen = None;
    }
}
