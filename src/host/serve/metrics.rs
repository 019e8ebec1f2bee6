//! Figures for Prometheus, in its text format: gauges from the store at the moment of asking, counters
//! of this process since its start.

use std::fmt::{Display, Write as _};
use std::sync::{Arc, PoisonError};

use super::Serving;
use super::state::OutboxState;
use crate::domain::time::{Span, Timestamp};
use crate::host::HostError;
use crate::host::tally::{APPLE, LATENESS_MS};

/// One text under construction.
#[derive(Default)]
struct Page {
    text: String,
}

impl Page {
    fn family(&mut self, name: &str, kind: &str, help: &str) {
        let _ = writeln!(self.text, "# HELP {name} {help}\n# TYPE {name} {kind}");
    }

    fn sample(&mut self, name: &str, labels: &[(&str, &str)], value: impl Display) {
        self.text.push_str(name);
        for (n, (label, value)) in labels.iter().enumerate() {
            let value = value.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n");
            let _ = write!(self.text, "{}{label}=\"{value}\"", if n == 0 { '{' } else { ',' });
        }
        let _ = writeln!(self.text, "{} {value}", if labels.is_empty() { "" } else { "}" });
    }

    /// A family of one sample without labels.
    fn one(&mut self, name: &str, kind: &str, help: &str, value: impl Display) {
        self.family(name, kind, help);
        self.sample(name, &[], value);
    }
}

fn seconds(at: Timestamp) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "milliseconds of this century are far below 2^52")]
    let ms = at.timestamp_millis() as f64;
    ms / 1000.0
}

impl Serving {
    /// All figures. Reads the store, so it may wait for the disk.
    ///
    /// # Errors
    /// The store's.
    pub fn metrics(self: &Arc<Self>) -> Result<String, HostError> {
        let now = self.clock.now();
        let mut page = Page::default();
        self.count_moments(now)?;
        self.of_store(&mut page, now)?;
        self.of_process(&mut page, now);
        Ok(page.text)
    }

    /// Counts the moments that have ended since the last time, whoever ended them.
    fn count_moments(&self, now: Timestamp) -> Result<(), HostError> {
        let mut counted = self.counted.lock().unwrap_or_else(PoisonError::into_inner);
        // What is committed a moment after its time is counted the next time.
        let until = (now - Span::seconds(2)).max(*counted);
        for moment in self.store.ended_moments(*counted, until, u32::MAX)? {
            self.tally.moment(&moment.end, moment.late);
        }
        *counted = until;
        Ok(())
    }

    fn of_store(&self, page: &mut Page, now: Timestamp) -> Result<(), HostError> {
        let gauges = self.store.gauges()?;
        let name = "beckon_outbox_deliveries";
        page.family(name, "gauge", "Deliveries that have not ended, or ended badly, by channel and state.");
        for (channel, state, count) in &gauges.outbox {
            page.sample(name, &[("channel", channel.word()), ("state", state.word())], count);
        }
        let name = "beckon_outbox_oldest_due_seconds";
        page.family(name, "gauge", "How long the longest due delivery of a channel has been due.");
        for (channel, due) in &gauges.first_due {
            page.sample(name, &[("channel", channel.word())], (seconds(now) - seconds(*due)).max(0.0));
        }
        let stopped = u8::from(self.store.sending_stopped()?.is_some());
        page.one("beckon_sending_stopped", "gauge", "1 while a person has stopped sending.", stopped);
        let name = "beckon_users";
        page.family(name, "gauge", "Users of the roster by the status of their invitation.");
        for (status, count) in &gauges.users {
            page.sample(name, &[("status", status)], count);
        }
        let name = "beckon_alerts";
        page.family(name, "gauge", "Alerts that hold now, by kind.");
        let mut kinds = std::collections::BTreeMap::new();
        for alert in self.store.open_alerts()? {
            *kinds.entry(alert.kind.word()).or_insert(0_u64) += 1;
        }
        for (kind, count) in kinds {
            page.sample(name, &[("kind", kind)], count);
        }
        if let Some(beat) = self.store.last_beat()? {
            let help = "When the scheduler last proved that it lives.";
            page.one("beckon_heartbeat_timestamp_seconds", "gauge", help, seconds(beat));
        }
        Ok(())
    }

    fn of_process(&self, page: &mut Page, now: Timestamp) {
        let counts = self.tally.now();
        let name = "beckon_hand_overs_total";
        page.family(name, "counter", "Hand-overs that came back, by channel and outcome.");
        for ((channel, outcome), count) in &counts.hand_overs {
            page.sample(name, &[("channel", channel.word()), ("outcome", outcome)], count);
        }
        let name = "beckon_moments_total";
        page.family(name, "counter", "Due moments of schedules, by how they ended.");
        for (end, count) in &counts.moments {
            page.sample(name, &[("end", end)], count);
        }
        let name = "beckon_moment_lateness_seconds";
        page.family(name, "histogram", "How late due moments were begun.");
        let bucket = "beckon_moment_lateness_seconds_bucket";
        for (bound, count) in LATENESS_MS.iter().zip(counts.lateness) {
            #[expect(clippy::cast_precision_loss, reason = "small constants")]
            let bound = (*bound as f64 / 1000.0).to_string();
            page.sample(bucket, &[("le", &bound)], count);
        }
        page.sample(bucket, &[("le", "+Inf")], counts.lateness_count);
        #[expect(clippy::cast_precision_loss, reason = "far below 2^52")]
        let sum = counts.lateness_sum_ms as f64 / 1000.0;
        page.sample("beckon_moment_lateness_seconds_sum", &[], sum);
        page.sample("beckon_moment_lateness_seconds_count", &[], counts.lateness_count);
        let name = "beckon_apple_polls_total";
        page.family(name, "counter", "Looks at Apple's list of users, by result.");
        for (result, count) in &counts.apple_polls {
            page.sample(name, &[("result", result)], count);
        }
        if let Some(at) = counts.last_apple_sync {
            page.one("beckon_apple_last_sync_timestamp_seconds", "gauge", "When Apple's list was last read.", seconds(at));
        }
        let name = "beckon_channel_down";
        page.family(name, "gauge", "1 where a channel, or Apple, can't be used.");
        for channel in [APPLE, "MDM", "mail", "push", "webhooks"] {
            page.sample(name, &[("channel", channel)], u8::from(counts.down.contains_key(channel)));
        }
        let name = "beckon_expires_timestamp_seconds";
        page.family(name, "gauge", "When a token or certificate ends.");
        for (what, at) in &self.current().expiries {
            page.sample(name, &[("what", what)], seconds(*at));
        }
        let name = "beckon_expires_seconds";
        page.family(name, "gauge", "How long until a token or certificate ends.");
        for (what, at) in &self.current().expiries {
            page.sample(name, &[("what", what)], seconds(*at) - seconds(now));
        }
        let name = "beckon_chore_failing";
        page.family(name, "gauge", "1 where a part of the service fails.");
        for (chore, state) in self.state.chores() {
            page.sample(name, &[("chore", chore)], u8::from(state.failing.is_some()));
        }
        let faults = self.state.faults().len();
        page.one("beckon_site_faults", "gauge", "Faults in the site's files that keep them from being loaded.", faults);
        let ours = u8::from(self.state.outbox() == OutboxState::Ours);
        page.one("beckon_dispatching", "gauge", "1 where this process hands deliveries over.", ours);
        page.family("beckon_info", "gauge", "The version that runs.");
        page.sample("beckon_info", &[("version", env!("CARGO_PKG_VERSION"))], 1);
        let started = seconds(self.state.started);
        page.one("process_start_time_seconds", "gauge", "When this process started to serve.", started);
        if let Some(bytes) = resident_bytes() {
            page.one("process_resident_memory_bytes", "gauge", "Resident memory.", bytes);
        }
    }
}

/// From /proc, where there is one.
fn resident_bytes() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    line.trim().trim_end_matches(" kB").trim().parse::<u64>().ok().map(|kib| kib * 1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_are_written_so_that_no_value_can_break_out() {
        let mut page = Page::default();
        page.one("up", "gauge", "Is it.", 1);
        page.sample("x", &[("a", "say \"hi\"\n\\"), ("b", "")], 2.5);
        assert_eq!(page.text, "# HELP up Is it.\n# TYPE up gauge\nup 1\nx{a=\"say \\\"hi\\\"\\n\\\\\",b=\"\"} 2.5\n");
    }
}
