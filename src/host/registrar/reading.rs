//! Reading Apple's list: changes, the whole of it, or single records; codes stay in memory.

use super::{FRESH, HostError, Known, ONE_BY_ONE_MAX, Registrar, Stopped};
use crate::domain::time::Timestamp;
use crate::ports::apps_and_books::{CallError, CallErrorKind, RecordStatus, UserQuery, UserRecord};

impl Registrar {
    /// Reads what changed at Apple since the last look, and writes it down.
    pub(super) async fn read_changes(&self) -> Result<(), Stopped> {
        let since = self.store.fact("apple_version").map_err(HostError::from)?;
        match self.read_list(UserQuery { since_version: since, ..UserQuery::default() }).await {
            Err(Stopped::Apple(CallError { kind: CallErrorKind::StaleCursor, .. })) => self.walk().await,
            other => other,
        }
    }

    /// Reads the whole list.
    pub(super) async fn walk(&self) -> Result<(), Stopped> {
        self.read_list(UserQuery::default()).await?;
        self.state().walked = true;
        Ok(())
    }

    /// Follows the pages of one query. The version of the first page is the one to come back with:
    /// it may move on while we walk (Apple, "Using paginated endpoints").
    pub(super) async fn read_list(&self, query: UserQuery) -> Result<(), Stopped> {
        let began = self.clock.now();
        let mut asked_at = began;
        let mut page = self.apple.users(query.clone()).await?;
        let version = page.version.clone();
        loop {
            if let Some(unit) = &page.unit {
                self.expect_unit(unit, unit)?;
            }
            let last = page.next_page.is_none();
            self.take(&page.users, last.then_some(version.as_str()), asked_at)?;
            let Some(next) = page.next_page else { break };
            asked_at = self.clock.now();
            page = self.apple.users(UserQuery { page: Some(next), ..query.clone() }).await?;
        }
        self.state().read_at = Some(began);
        Ok(())
    }

    /// Reads single records.
    pub(super) async fn read_one_by_one(&self, ids: Vec<String>) -> Result<(), Stopped> {
        for id in ids {
            let asked_at = self.clock.now();
            let page = self.apple.users(UserQuery { client_user_id: Some(id.clone()), ..UserQuery::default() }).await?;
            self.take(&page.users, None, asked_at)?;
            let mut state = self.state();
            state.unsure.remove(&id);
            // Nobody by that name at Apple: remembered as such, so that it isn't asked for ever.
            state.known.entry(id).or_insert(Known { read_at: asked_at, status: RecordStatus::Retired, code: None });
        }
        Ok(())
    }

    /// Reads codes that deliveries wait for.
    pub(super) async fn read_wanted(&self) -> Result<(), Stopped> {
        let now = self.clock.now();
        let (wanted, stale, walked) = {
            let mut state = self.state();
            let wanted: Vec<String> = state.wanted.drain().collect();
            (wanted, state.read_at.is_none_or(|at| now - at >= FRESH), state.walked)
        };
        if wanted.is_empty() {
            return Ok(());
        }
        if stale {
            self.read_changes().await?;
        }
        let missing: Vec<String> = {
            let state = self.state();
            wanted
                .into_iter()
                .filter(|id| state.known.get(id).is_none_or(|k| k.status == RecordStatus::Registered && k.code.is_none()))
                .collect()
        };
        let many = || self.store.more_codes_needed_than(ONE_BY_ONE_MAX, now).map_err(HostError::from);
        if !missing.is_empty() && !walked && many()? {
            // One walk brings them all; until a person's page has come, nothing of theirs is claimed.
            self.state().codes_coming = true;
            let walked = self.walk().await;
            self.state().codes_coming = false;
            walked?;
        } else {
            self.read_one_by_one(missing).await?;
        }
        self.progress.notify_one();
        Ok(())
    }

    /// Writes down records that were asked for at `read_at`, and keeps their codes in memory.
    pub(super) fn take(&self, records: &[UserRecord], version: Option<&str>, read_at: Timestamp) -> Result<(), Stopped> {
        self.store.take_records(records, version, self.clock.now()).map_err(HostError::from)?;
        let mut state = self.state();
        for record in records {
            if matches!(record.status, RecordStatus::Other(_)) {
                continue;
            }
            let older_life = record.status == RecordStatus::Retired
                && records.iter().any(|r| {
                    r.client_user_id == record.client_user_id
                        && matches!(r.status, RecordStatus::Registered | RecordStatus::Associated)
                });
            if !older_life {
                state.known.insert(
                    record.client_user_id.clone(),
                    Known { read_at, status: record.status.clone(), code: record.invite_code.clone() },
                );
            }
        }
        drop(state);
        self.progress.notify_one();
        Ok(())
    }
}
