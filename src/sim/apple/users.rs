//! User records: several may share a `clientUserId`, at most one of them is active.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use base64::Engine as _;
use secrecy::SecretString;

use super::{Apple, AppleError, Call};
use crate::domain::mail_address::MailAddress;
use crate::domain::time::Timestamp;
use crate::ports::apps_and_books::{RecordStatus, UserPage, UserQuery, UserRecord, UserRequest};
use crate::sim::seed::Seed;

/// One record. It holds a code, so it has no `Debug`.
#[derive(Clone)]
pub struct Record {
    pub client_user_id: String,
    pub email: Option<String>,
    pub status: RecordStatus,
    pub invite_code: String,
    pub id_hash: Option<String>,
    /// The Apple Account, which Apple never shows anybody.
    pub account: Option<String>,
    changed: u64,
}

impl Record {
    fn is_active(&self) -> bool {
        matches!(self.status, RecordStatus::Registered | RecordStatus::Associated)
    }

    pub(super) fn shown(&self) -> UserRecord {
        let open = self.status == RecordStatus::Registered;
        UserRecord {
            client_user_id: self.client_user_id.clone(),
            email: self.email.clone(),
            status: self.status.clone(),
            invite_code: open.then(|| SecretString::from(self.invite_code.clone())),
            id_hash: self.id_hash.clone(),
        }
    }
}

/// Why an invitation can't be accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum CannotAccept {
    UnknownCode,
    Retired,
    AlreadyAccepted,
    /// The Apple Account is tied to another user of the unit (9641).
    AccountTaken,
}

/// The records of one unit. They are only ever added to, so an index stays good.
#[derive(Default)]
pub(super) struct Users {
    pub records: Vec<Record>,
    by_client: HashMap<String, Vec<usize>>,
    by_code: HashMap<String, usize>,
    by_account: HashMap<String, usize>,
    /// The version of the last change of each record, for `sinceVersionId`.
    by_change: BTreeMap<u64, usize>,
    version: u64,
}

impl Users {
    pub fn active(&self, client_user_id: &str) -> Option<usize> {
        self.by_client.get(client_user_id)?.iter().copied().find(|at| self.records.get(*at).is_some_and(Record::is_active))
    }

    fn touch(&mut self, at: usize) {
        self.version += 1;
        if let Some(record) = self.records.get_mut(at) {
            self.by_change.remove(&record.changed);
            record.changed = self.version;
            self.by_change.insert(self.version, at);
        }
    }

    fn associate(&mut self, at: usize, account: &str) -> Result<(), i32> {
        if self.by_account.get(account).is_some_and(|other| *other != at) {
            return Err(9641);
        }
        if let Some(record) = self.records.get_mut(at) {
            record.status = RecordStatus::Associated;
            record.account = Some(account.to_owned());
            record.id_hash = Some(id_hash(account));
        }
        self.by_account.insert(account.to_owned(), at);
        self.touch(at);
        Ok(())
    }

    /// Makes a record. The error is Apple's number for this one user.
    pub fn create(&mut self, seed: u64, domains: &[String], user: &UserRequest) -> Result<usize, i32> {
        if self.active(&user.client_user_id).is_some() {
            return Err(9716);
        }
        if let Some(account) = &user.managed_apple_id {
            self.may_associate(domains, account, None)?;
        }
        let earlier = self.by_client.get(&user.client_user_id).map_or(0, Vec::len);
        let invite_code = Seed::named(seed, &["invite code", &user.client_user_id, &earlier.to_string()]).hex(16);
        let at = self.records.len();
        self.by_client.entry(user.client_user_id.clone()).or_default().push(at);
        self.by_code.insert(invite_code.clone(), at);
        self.records.push(Record {
            client_user_id: user.client_user_id.clone(),
            email: user.email.clone(),
            status: RecordStatus::Registered,
            invite_code,
            id_hash: None,
            account: None,
            changed: 0,
        });
        self.touch(at);
        match &user.managed_apple_id {
            Some(account) => self.associate(at, account).map(|()| at),
            None => Ok(at),
        }
    }

    pub fn update(&mut self, domains: &[String], user: &UserRequest) -> Result<usize, i32> {
        let at = self.active(&user.client_user_id).ok_or(9609)?;
        if let Some(account) = &user.managed_apple_id {
            self.may_associate(domains, account, Some(at))?;
            self.associate(at, account)?;
        }
        if let (Some(email), Some(record)) = (&user.email, self.records.get_mut(at)) {
            record.email = Some(email.clone());
        }
        self.touch(at);
        Ok(at)
    }

    pub fn retire(&mut self, client_user_id: &str) -> Result<usize, i32> {
        let at = self.active(client_user_id).ok_or(9609)?;
        if let Some(record) = self.records.get_mut(at) {
            record.status = RecordStatus::Retired;
            if let Some(account) = record.account.take() {
                self.by_account.remove(&account);
            }
        }
        self.touch(at);
        Ok(at)
    }

    fn may_associate(&self, domains: &[String], account: &str, of: Option<usize>) -> Result<(), i32> {
        let domain = account.rsplit_once('@').map_or("", |(_, domain)| domain);
        if !domains.iter().any(|known| known.eq_ignore_ascii_case(domain)) {
            return Err(9635);
        }
        let taken = self.by_account.get(account).is_some_and(|other| Some(*other) != of);
        if taken { Err(9641) } else { Ok(()) }
    }
}

impl Apple {
    /// `GET users`.
    ///
    /// # Errors
    /// 9650 for a page that isn't there, 9721 for a version that is none.
    pub fn users(&self, call: &Call, query: &UserQuery, retired_only: bool) -> Result<UserPage, AppleError> {
        let unit = self.units.get(call.unit).ok_or(AppleError::new(9609))?;
        let users = &unit.users;
        let since = match &query.since_version {
            Some(text) => Some(parse_version(text).filter(|v| *v <= users.version).ok_or(AppleError::new(9721))?),
            None => None,
        };
        // A page is a window over records in the order of their making, so that nothing is missed when
        // records change during a walk. That leaves pages unequally full, which is allowed.
        let wanted: Vec<usize> = match (&query.client_user_id, since) {
            (Some(id), since) => {
                let newer = |at: &&usize| users.records.get(**at).is_some_and(|r| r.changed > since.unwrap_or(0));
                users.by_client.get(id).into_iter().flatten().filter(newer).copied().collect()
            }
            (None, Some(since)) => {
                let sorted: BTreeSet<usize> = users.by_change.range(since + 1..).map(|(_, at)| *at).collect();
                sorted.into_iter().collect()
            }
            (None, None) => Vec::new(),
        };
        let whole_list = query.client_user_id.is_none() && since.is_none();
        let count = if whole_list { users.records.len() } else { wanted.len() };
        let size = self.config.page_size.max(1);
        let pages = count.div_ceil(size).max(1);
        let page = usize::try_from(query.page.unwrap_or(0)).unwrap_or(usize::MAX);
        if page >= pages {
            return Err(AppleError::new(9650));
        }
        let keep = |r: &&Record| (!query.active_only || r.is_active()) && (!retired_only || r.status == RecordStatus::Retired);
        let window = page * size..((page + 1) * size).min(count);
        let shown = if whole_list {
            users.records.get(window).into_iter().flatten().filter(keep).map(Record::shown).collect()
        } else {
            let indices = wanted.get(window).into_iter().flatten();
            indices.filter_map(|at| users.records.get(*at)).filter(keep).map(Record::shown).collect()
        };
        Ok(UserPage {
            users: shown,
            next_page: (page + 1 < pages).then(|| u32::try_from(page + 1).unwrap_or(u32::MAX)),
            total_pages: u32::try_from(pages).unwrap_or(u32::MAX),
            version: version_text(users.version),
            unit: Some(unit.u_id.clone()),
        })
    }

    /// The holder of `code` agrees with their Apple Account; their `clientUserId` comes back.
    ///
    /// # Errors
    /// Why the code is no good, or no good any more.
    pub fn accept(&mut self, now: Timestamp, code: &str, account: &str) -> Result<String, CannotAccept> {
        let found = self.units.iter().enumerate().find_map(|(n, u)| u.users.by_code.get(code).map(|at| (n, *at)));
        let (unit_at, at) = found.ok_or(CannotAccept::UnknownCode)?;
        let unit = self.units.get_mut(unit_at).ok_or(CannotAccept::UnknownCode)?;
        let status = unit.users.records.get(at).map(|r| r.status.clone());
        match status {
            Some(RecordStatus::Registered) => {}
            Some(RecordStatus::Associated) => return Err(CannotAccept::AlreadyAccepted),
            Some(_) => return Err(CannotAccept::Retired),
            None => return Err(CannotAccept::UnknownCode),
        }
        unit.users.associate(at, account).map_err(|_| CannotAccept::AccountTaken)?;
        let record = unit.users.records.get(at).map(Record::shown);
        let client_user_id = record.as_ref().map(|r| r.client_user_id.clone()).unwrap_or_default();
        if let Some(record) = record {
            self.notify_associated(now, unit_at, &record);
        }
        Ok(client_user_id)
    }

    /// The active record of a user in any unit, as a test wants to see it.
    #[must_use]
    pub fn record(&self, client_user_id: &str) -> Option<&Record> {
        self.units.iter().find_map(|u| u.users.records.get(u.users.active(client_user_id)?))
    }

    /// All records of all units.
    pub fn records(&self) -> impl Iterator<Item = &Record> {
        self.units.iter().flat_map(|u| u.users.records.iter())
    }
}

/// What Apple checks before it queues a request about users.
pub(super) fn check_batch(users: &[UserRequest], max: usize) -> Result<(), AppleError> {
    if users.is_empty() {
        return Err(AppleError::new(9720));
    }
    if users.len() > max {
        return Err(AppleError::new(9714));
    }
    if users.iter().any(|u| u.client_user_id.is_empty()) {
        return Err(AppleError::new(9602));
    }
    let mut seen = BTreeSet::new();
    let twice: Vec<String> = users.iter().map(|u| u.client_user_id.clone()).filter(|id| !seen.insert(id.clone())).collect();
    if !twice.is_empty() {
        return Err(AppleError::new(9715).about(twice));
    }
    let bad_mail = |u: &&UserRequest| u.email.as_ref().is_some_and(|mail| MailAddress::parse(mail).is_err());
    let wrong: Vec<String> = users.iter().filter(bad_mail).map(|u| u.client_user_id.clone()).collect();
    if wrong.is_empty() { Ok(()) } else { Err(AppleError::new(9717).about(wrong)) }
}

const VERSION_HEAD: &str = "5b6c2a60-31d7-11f0-8a55-";

fn version_text(version: u64) -> String {
    format!("{VERSION_HEAD}{version:012x}")
}

fn parse_version(text: &str) -> Option<u64> {
    u64::from_str_radix(text.strip_prefix(VERSION_HEAD)?, 16).ok()
}

fn id_hash(account: &str) -> String {
    use sha2::Digest as _;
    let digest = sha2::Sha256::digest(account.to_lowercase());
    base64::engine::general_purpose::STANDARD.encode(digest.get(..20).unwrap_or_default())
}
