//! Alerts: what the site's contact has to know, raised once, told at most once a day, and ended.

use rusqlite::{Connection, OptionalExtension as _, params};

use super::commit::{self, OwnMail};
use super::journal::{self, Entry};
use super::{Store, StoreError};
use crate::domain::alert::{Alert, AlertKind};
use crate::domain::mail_address::MailAddress;
use crate::domain::time::{Span, Timestamp, from_millis};

/// No alert is told about again sooner, also when its trouble ended in between.
const TOLD_AGAIN: Span = Span::days(1);

/// Longer words are cut: an alert is a hint, and the log has the rest.
const WORDS_MAX: usize = 2_000;

impl Store {
    /// Says that something is wrong: `kind` names what, `subject` names about what (`mail`,
    /// `schedule weekly-reminder`, `run 17`), `words` is for a person: what happened and what to do.
    /// Answers whether this is news; the same raised again while it lasts only keeps the newer words.
    ///
    /// May be called as often as one likes, by every process of the site: `beckon serve` writes to the
    /// contact.
    ///
    /// # Errors
    /// The store's.
    pub fn raise(&self, kind: AlertKind, subject: &str, words: &str, now: Timestamp) -> Result<bool, StoreError> {
        let words: String = words.chars().take(WORDS_MAX).collect();
        if self.open_words(kind, subject)?.is_some_and(|known| known == words) {
            return Ok(false);
        }
        self.transaction("raise an alert in", |tx| {
            let open = open_words(tx, kind, subject)?.is_some();
            if open {
                tx.prepare_cached("UPDATE alerts SET words = ?3 WHERE kind = ?1 AND subject = ?2")?.execute(params![
                    kind.word(),
                    subject,
                    words
                ])?;
                return Ok(false);
            }
            tx.prepare_cached(
                "INSERT INTO alerts (kind, subject, words, raised_at) VALUES (?1, ?2, ?3, ?4)
                 ON CONFLICT (kind, subject) DO UPDATE SET words = ?3, raised_at = ?4, resolved_at = NULL",
            )?
            .execute(params![kind.word(), subject, words, now.timestamp_millis()])?;
            note(tx, "alert", &format!("{subject}: {words}"), now)?;
            Ok(true)
        })
    }

    /// Says that it is over. Answers whether it had been raised.
    ///
    /// # Errors
    /// The store's.
    pub fn resolve(&self, kind: AlertKind, subject: &str, now: Timestamp) -> Result<bool, StoreError> {
        if self.open_words(kind, subject)?.is_none() {
            return Ok(false);
        }
        self.transaction("end an alert in", |tx| {
            let ended = tx
                .prepare_cached(
                    "UPDATE alerts SET resolved_at = ?3 WHERE kind = ?1 AND subject = ?2 AND resolved_at IS NULL RETURNING words",
                )?
                .query_row(params![kind.word(), subject, now.timestamp_millis()], |row| row.get::<_, String>(0))
                .optional()?;
            if let Some(words) = &ended {
                note(tx, "alert-over", &format!("{subject}: over: {words}"), now)?;
            }
            Ok(ended.is_some())
        })
    }

    /// Raises every alert of a kind in `holding`, as subject and words, and ends all others of it.
    ///
    /// # Errors
    /// The store's.
    pub fn keep_alerts(&self, kind: AlertKind, holding: &[(String, String)], now: Timestamp) -> Result<(), StoreError> {
        for (subject, words) in holding {
            self.raise(kind, subject, words, now)?;
        }
        for alert in self.open_alerts()? {
            if alert.kind == kind && !holding.iter().any(|(subject, _)| *subject == alert.subject) {
                self.resolve(kind, &alert.subject, now)?;
            }
        }
        Ok(())
    }

    /// What is wrong now, the oldest first.
    ///
    /// # Errors
    /// The store's.
    pub fn open_alerts(&self) -> Result<Vec<Alert>, StoreError> {
        let writer = self.writer();
        let read = || -> rusqlite::Result<Vec<Alert>> { Ok(listed(&writer)?.into_iter().map(|(alert, _)| alert).collect()) };
        read().map_err(|e| StoreError::new("read", self.path(), e))
    }

    /// Notes that every alert which is new, or was last told a day ago, is told now; with an address,
    /// the letter that `write` makes of them goes to the outbox in the same transaction. So none is
    /// told twice, whatever happens. Answers those alerts.
    ///
    /// # Errors
    /// The store's; then nothing was told.
    pub fn tell_alerts(
        &self,
        to: Option<&MailAddress>,
        write: impl FnOnce(&[Alert]) -> (String, String),
        now: Timestamp,
    ) -> Result<Vec<Alert>, StoreError> {
        {
            let writer = self.writer();
            if untold(&writer, now).map_err(|e| StoreError::new("read", self.path(), e))?.is_empty() {
                return Ok(Vec::new());
            }
        }
        self.transaction("write about alerts in", |tx| {
            let alerts = untold(tx, now)?;
            for alert in &alerts {
                tx.prepare_cached("UPDATE alerts SET told_at = ?3 WHERE kind = ?1 AND subject = ?2")?.execute(params![
                    alert.kind.word(),
                    alert.subject,
                    now.timestamp_millis()
                ])?;
            }
            if let (Some(to), Some(first)) = (to, alerts.first()) {
                let (subject, text) = write(&alerts);
                // Whoever tells these alerts at this moment is this transaction: the next one finds them told.
                let key = format!("alert/{}/{}/{}", first.kind.word(), first.subject, now.timestamp_millis());
                commit::own_mail(tx, &OwnMail { to, key, subject, text, script: "(alert)", trigger: "alert" }, now)?;
            }
            Ok(alerts)
        })
    }

    fn open_words(&self, kind: AlertKind, subject: &str) -> Result<Option<String>, StoreError> {
        open_words(&self.writer(), kind, subject).map_err(|e| StoreError::new("read", self.path(), e))
    }
}

fn open_words(connection: &Connection, kind: AlertKind, subject: &str) -> rusqlite::Result<Option<String>> {
    connection
        .prepare_cached("SELECT words FROM alerts WHERE kind = ?1 AND subject = ?2 AND resolved_at IS NULL")?
        .query_row(params![kind.word(), subject], |row| row.get(0))
        .optional()
}

/// Alerts that hold and have not been told, or not for a day.
fn untold(connection: &Connection, now: Timestamp) -> rusqlite::Result<Vec<Alert>> {
    let wanted = listed(connection)?.into_iter().filter(|(alert, told)| match told {
        None => true,
        // A time that has not come yet was told before the clock was set back.
        Some(told) if *told > now => false,
        Some(told) if *told < alert.raised_at => now - *told >= TOLD_AGAIN,
        Some(told) => alert.kind.told_again_after().is_some_and(|span| now - *told >= span),
    });
    Ok(wanted.map(|(alert, _)| alert).collect())
}

/// Alerts that hold, each with when it was last told.
fn listed(connection: &Connection) -> rusqlite::Result<Vec<(Alert, Option<Timestamp>)>> {
    let mut query = connection.prepare_cached(
        "SELECT kind, subject, words, raised_at, told_at FROM alerts WHERE resolved_at IS NULL ORDER BY raised_at, kind, subject",
    )?;
    let mut rows = query.query([])?;
    let mut alerts = Vec::new();
    while let Some(row) = rows.next()? {
        // A kind of a later version is for that version to tell.
        let Some(kind) = AlertKind::from_word(row.get_ref(0)?.as_str()?) else { continue };
        let alert = Alert { kind, subject: row.get(1)?, words: row.get(2)?, raised_at: from_millis(row.get(3)?) };
        alerts.push((alert, row.get::<_, Option<i64>>(4)?.map(from_millis)));
    }
    Ok(alerts)
}

fn note(connection: &Connection, kind: &str, words: &str, now: Timestamp) -> rusqlite::Result<()> {
    journal::append(connection, &Entry { at: now, kind, run: None, user: None, delivery: None, words })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::alert::letter;

    struct Site {
        store: Store,
        to: MailAddress,
        _folder: tempfile::TempDir,
    }

    fn site() -> Site {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(&folder.path().join("beckon.db")).unwrap();
        Site { store, to: MailAddress::parse("it@sunnyside.example").unwrap(), _folder: folder }
    }

    fn at(hours: i64) -> Timestamp {
        from_millis(1_796_111_100_000) + Span::hours(hours)
    }

    impl Site {
        fn told(&self, hours: i64) -> Vec<String> {
            let write = |alerts: &[Alert]| letter(alerts, "Sunnyside School", chrono_tz::UTC);
            let told = self.store.tell_alerts(Some(&self.to), write, at(hours)).unwrap();
            told.into_iter().map(|alert| alert.subject).collect()
        }

        fn mails(&self) -> i64 {
            let count = "SELECT COUNT(*) FROM deliveries WHERE channel = 'mail' AND state = 'pending' AND address = 'it@sunnyside.example'";
            self.store.writer().query_row(count, [], |row| row.get(0)).unwrap()
        }
    }

    #[test]
    fn an_alert_is_news_once_and_told_once_a_day_while_it_lasts() {
        let site = site();
        let raise = |words: &str, hours| site.store.raise(AlertKind::ChannelDown, "mail", words, at(hours)).unwrap();
        assert!(raise("the relay refuses us", 0));
        assert!(!raise("the relay refuses us", 0) && !raise("the relay refuses us still", 0));
        assert_eq!(site.store.open_alerts().unwrap()[0].words, "the relay refuses us still");
        assert_eq!((site.told(0), site.mails()), (vec!["mail".to_owned()], 1));
        for hours in [0, 1, 23] {
            assert_eq!((site.told(hours), site.mails()), (vec![], 1), "after {hours} hours");
        }
        assert_eq!((site.told(24), site.mails()), (vec!["mail".to_owned()], 2));
        assert!(site.store.resolve(AlertKind::ChannelDown, "mail", at(25)).unwrap());
        assert!(!site.store.resolve(AlertKind::ChannelDown, "mail", at(25)).unwrap());
        assert_eq!((site.told(60), site.mails()), (vec![], 2));
    }

    #[test]
    fn trouble_that_comes_and_goes_is_not_told_each_time() {
        let site = site();
        for hours in 0..10 {
            assert!(site.store.raise(AlertKind::ChannelDown, "mail", "down", at(hours)).unwrap());
            site.told(hours);
            site.store.resolve(AlertKind::ChannelDown, "mail", at(hours)).unwrap();
        }
        assert_eq!(site.mails(), 1);
        site.store.raise(AlertKind::ChannelDown, "mail", "down", at(30)).unwrap();
        assert_eq!(site.told(30), ["mail"]);
        let said = site.store.journal_words(100).unwrap();
        assert_eq!(said.iter().filter(|line| *line == "alert: mail: down").count(), 11, "{said:?}");
        assert_eq!(said.iter().filter(|line| *line == "alert-over: mail: over: down").count(), 10, "{said:?}");
    }

    #[test]
    fn some_kinds_are_told_once_and_never_again() {
        let site = site();
        site.store.raise(AlertKind::RunHeld, "run 17", "over the limit", at(0)).unwrap();
        site.store.raise(AlertKind::Expiring, "content token, 7 days", "it ends on Friday", at(0)).unwrap();
        assert_eq!(site.told(0).len(), 2);
        assert_eq!(site.mails(), 1, "one letter for both");
        assert_eq!(site.told(24 * 20), Vec::<String>::new());
    }

    #[test]
    fn a_kind_can_be_kept_as_a_whole() {
        let site = site();
        let keep = |subjects: &[&str]| {
            let holding: Vec<_> = subjects.iter().map(|s| ((*s).to_owned(), "down".to_owned())).collect();
            site.store.keep_alerts(AlertKind::ChannelDown, &holding, at(0)).unwrap();
            site.store.open_alerts().unwrap().into_iter().map(|a| a.subject).collect::<Vec<_>>()
        };
        site.store.raise(AlertKind::BrokenReload, "site.toml", "line 3", at(0)).unwrap();
        assert_eq!(keep(&["mail", "push"]), ["site.toml", "mail", "push"]);
        assert_eq!(keep(&["push", "Apple"]), ["site.toml", "Apple", "push"]);
        assert_eq!(keep(&[]), ["site.toml"]);
    }

    #[test]
    fn without_an_address_an_alert_is_told_in_the_log_only() {
        let site = site();
        site.store.raise(AlertKind::ChannelDown, "mail", "down", at(0)).unwrap();
        let told = |hours| site.store.tell_alerts(None, |_| unreachable!("nobody is written to"), at(hours)).unwrap().len();
        assert_eq!((told(0), told(0), site.mails()), (1, 0, 0));
    }
}
