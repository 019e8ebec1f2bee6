//! Whether a site works: its machine, its store, its secrets, and everybody it has to talk to.
//! Nothing is sent or changed; every finding says what to do.

mod far_sides;
mod machine;
mod outbox;

use super::Ports;
use super::config::SiteConfig;
use super::site::Site;
use crate::domain::time::{Span, Timestamp, show};
use chrono_tz::Tz;

/// How something was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Health {
    Fine,
    /// It works, and won't for long, or not as somebody may think.
    Warning,
    Failed,
}

impl Health {
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Fine => "ok",
            Self::Warning => "warning",
            Self::Failed => "failed",
        }
    }
}

/// One thing that was looked at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    pub what: &'static str,
    pub health: Health,
    pub words: String,
    /// What to do about it; empty where it is fine.
    pub remedy: String,
    /// It is for whoever writes the site's files, not for the store, the machine or a far side.
    pub of_settings: bool,
}

impl Finding {
    #[must_use]
    pub fn fine(what: &'static str, words: impl Into<String>) -> Self {
        Self { what, health: Health::Fine, words: words.into(), remedy: String::new(), of_settings: false }
    }

    #[must_use]
    pub fn warning(what: &'static str, words: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self { health: Health::Warning, remedy: remedy.into(), ..Self::fine(what, words) }
    }

    #[must_use]
    pub fn failed(what: &'static str, words: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self { health: Health::Failed, remedy: remedy.into(), ..Self::fine(what, words) }
    }

    #[must_use]
    pub fn of_settings(self) -> Self {
        Self { of_settings: true, ..self }
    }
}

/// How closely to look.
#[derive(Clone, Debug, Default)]
pub struct Looking {
    /// Every index of the store against its table.
    pub deep: bool,
    /// A mail domain to which direct delivery is tried.
    pub mx: Option<String>,
    /// An end of the journal that was noted earlier.
    pub journal_end: Option<String>,
    /// Nobody outside of this machine is asked.
    pub offline: bool,
}

/// Makes the ports of settings, or says why they can't be made and what to do.
pub type MakePorts<'a> = &'a dyn Fn(&SiteConfig) -> Result<Ports, (String, String)>;

/// Looks at everything. The far sides are asked at the same time.
pub async fn examine(site: &Site, make_ports: MakePorts<'_>, looking: &Looking, now: Timestamp) -> Vec<Finding> {
    let mut findings = machine::examine(site);
    findings.extend(outbox::examine(site, looking, now));
    findings.extend(far_sides::certificates(&site.config, now));
    if site.channels().is_empty() {
        let words = "site.toml has neither [mail] nor an MDM server, so no invitation reaches anybody";
        findings.push(Finding::warning("channels", words, "set up [mail], [mdm] or both in site.toml").of_settings());
    }
    if !looking.offline {
        let mut far = far_sides::examine(site, make_ports, looking, now).await;
        // A secret that can't be read has its line already.
        far.retain(|one| !findings.iter().any(|told| told.what == "secrets" && one.words.ends_with(&told.words)));
        findings.extend(far);
    }
    if site.config.directory.is_some() {
        let words = "configured, and this version of beckon reads no directory";
        findings.push(Finding::warning("directory", words, "export users and groups to files and use `beckon import`"));
    }
    findings
}

/// Renewing takes people some days.
const RENEW_WITHIN: Span = Span::days(30);

/// What ends at a time: fine, to be renewed, or over.
fn expiry(what: &'static str, of: &str, expires: Timestamp, remedy: &str, (now, zone): (Timestamp, Tz)) -> Finding {
    let at = show(expires, zone);
    let left = expires - now;
    if left <= Span::zero() {
        return Finding::failed(what, format!("{of} expired on {at}"), remedy);
    }
    if left < RENEW_WITHIN {
        return Finding::warning(what, format!("{of} expires on {at}, in {} days", left.num_days()), remedy);
    }
    Finding::fine(what, format!("{of} is good until {at}"))
}

#[cfg(test)]
mod tests;
