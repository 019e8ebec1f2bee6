//! The sections of a site file as checked values.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use chrono_tz::Tz;

use super::secret::{FileRef, SecretRef};
use crate::domain::limits::{Limits, ScriptLimits};
use crate::domain::mail_address::MailAddress;
use crate::domain::schedule::Schedule;
use crate::domain::time::Span;
use crate::ports::mail::Sender;

/// A whole `site.toml`. A section that is `None` is not in the file: what needs it can't be done.
#[derive(Clone, Debug)]
pub struct SiteConfig {
    /// The site's folder: where relative paths start.
    pub dir: PathBuf,
    pub site: Site,
    pub store: StoreFile,
    pub apps_and_books: Option<AppsAndBooks>,
    pub mail: Option<Mail>,
    pub mdm: Mdm,
    pub push: Option<Push>,
    pub directory: Option<Directory>,
    pub http: Http,
    pub journal: Journal,
    pub limits: Limits,
    pub script_limits: ScriptLimits,
    /// What `site.setting(name)` answers.
    pub settings: BTreeMap<String, serde_json::Value>,
    pub webhooks: Vec<Webhook>,
    /// In the file's order, each with a name of its own.
    pub schedules: Arc<[Arc<Schedule>]>,
    /// Things that are allowed and that a person should know.
    pub warnings: Vec<String>,
}

/// `[site]`
#[derive(Clone, Debug)]
pub struct Site {
    pub name: String,
    pub timezone: Tz,
    /// The default language of messages, a tag such as `nl`.
    pub language: String,
    /// Told about held runs, expiring tokens, dead channels.
    pub contact: Option<MailAddress>,
}

/// `[store]`
#[derive(Clone, Debug)]
pub struct StoreFile {
    /// The SQLite file, in full.
    pub path: PathBuf,
}

/// `[apps_and_books]`
#[derive(Clone, Debug)]
pub struct AppsAndBooks {
    pub token: SecretRef,
    /// Without a slash at its end.
    pub base_url: String,
    pub ca: Option<FileRef>,
    /// How often Apple's list is read for who has accepted, where Apple can't tell us.
    pub every: Span,
}

/// `[mail]`
#[derive(Clone, Debug)]
pub struct Mail {
    pub from: Sender,
    /// `None`: direct delivery to each recipient's mail server on port 25.
    pub relay: Option<Relay>,
    pub login: Option<Login>,
    pub tls: MailTls,
    pub ca: Option<FileRef>,
    pub connections: u16,
    pub doubtful: Doubtful,
    /// The Maildir folder into which reports about our mail are delivered, in full.
    pub bounces: Option<PathBuf>,
    /// Where servers send such reports: the envelope's sender. `None`: to `from`.
    pub bounces_to: Option<MailAddress>,
}

/// `smtp://host:port` or `smtps://host:port`
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Relay {
    pub host: String,
    pub port: u16,
    /// `smtps`: TLS from the first byte.
    pub implicit_tls: bool,
}

#[derive(Clone, Debug)]
pub struct Login {
    pub username: String,
    pub password: SecretRef,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MailTls {
    /// No message goes out without verified TLS.
    Required,
    /// TLS where the server offers it.
    Opportunistic,
    None,
}

/// What happens to a delivery that may or may not have arrived.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Doubtful {
    /// A person decides.
    Hold,
    /// It is sent again, with the same `Message-ID`.
    Resend,
}

/// `[mdm]`
#[derive(Clone, Debug)]
pub struct Mdm {
    pub backend: MdmBackend,
    /// HMAC key of NanoMDM's webhook (`-webhook-hmac-key`).
    pub webhook_key: Option<SecretRef>,
}

impl Mdm {
    /// The MDM server that carries invitations to devices, where the site has one that this build can use.
    #[must_use]
    pub fn server(&self) -> Option<&MdmServer> {
        match &self.backend {
            MdmBackend::NanoMdm(server) => Some(server),
            MdmBackend::None | MdmBackend::Builtin | MdmBackend::MicroMdm(_) => None,
        }
    }
}

#[derive(Clone, Debug)]
pub enum MdmBackend {
    None,
    Builtin,
    NanoMdm(MdmServer),
    MicroMdm(MdmServer),
}

/// An MDM server that somebody else runs.
#[derive(Clone, Debug)]
pub struct MdmServer {
    /// Without a slash at its end.
    pub url: String,
    pub api_key: SecretRef,
    pub ca: Option<FileRef>,
}

/// `[push]`
#[derive(Clone, Debug)]
pub struct Push {
    pub identity: PushIdentity,
    /// Without a slash at its end.
    pub endpoint: String,
    pub ca: Option<FileRef>,
}

#[derive(Clone, Debug)]
pub enum PushIdentity {
    /// A PKCS#12 file and its password.
    Certificate { file: SecretRef, password: Option<SecretRef> },
    /// A `.p8` key with its id and the team's, ten characters each.
    Key { file: SecretRef, key_id: String, team_id: String },
}

/// `[directory]`
#[derive(Clone, Debug)]
pub struct Directory {
    /// `ldaps://…`, or `ldap://…` which is upgraded by StartTLS.
    pub url: String,
    pub bind_dn: Option<String>,
    pub password: Option<SecretRef>,
    pub base: String,
    pub flavour: DirectoryFlavour,
    /// How often it is read.
    pub every: Span,
    pub ca: Option<FileRef>,
    /// Entries of the attribute map that differ from the flavour's: our name to the directory's.
    pub attributes: BTreeMap<&'static str, String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DirectoryFlavour {
    OpenLdap,
    ActiveDirectory,
    OpenDirectory,
}

/// `[http]`
#[derive(Clone, Debug)]
pub struct Http {
    pub listen: SocketAddr,
    /// How devices and Apple reach us, without a slash at its end.
    pub public_url: Option<String>,
    /// What Apple shows with each notification. Its file is made when there is none.
    pub notification_token: SecretRef,
    /// What whoever posts delivery reports has to show. `None`: nobody may.
    pub bounce_token: Option<SecretRef>,
}

/// `[journal]`: how long personal data is kept. `None` keeps it for good.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Journal {
    /// From when something ended: words and persons of the journal, what runs printed, decisions, and
    /// to whom deliveries went.
    pub keep: Option<Span>,
    /// From when somebody left the roster, unless Apple has an active record of them.
    pub keep_leavers: Option<Span>,
}

/// `[[webhook]]`
#[derive(Clone, Debug)]
pub struct Webhook {
    pub name: String,
    /// The URL may hold a secret, so it is always a reference.
    pub url: SecretRef,
    pub ca: Option<FileRef>,
}
