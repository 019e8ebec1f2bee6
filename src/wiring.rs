//! Which real channel stands behind which port, from a site's settings.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::sync::Arc;

use rand::SeedableRng as _;
use rand::rngs::StdRng;
use secrecy::ExposeSecret as _;

use beckon::channels::apps_and_books::{AppsAndBooksClient, Config as AppleConfig};
use beckon::channels::mail::{MailChannel, MailConfig, MailTimeouts, Route, Security};
use beckon::channels::maildir::Maildir;
use beckon::channels::mdm::NanoMdm;
use beckon::channels::push::{Credentials, PushChannel, PushConfig};
use beckon::channels::webhook::WebhookChannel;
use beckon::host::Ports;
use beckon::host::config::{
    ConfigError, FileRef, Mail as MailSection, MailTls, MdmBackend, Push as PushSection, PushIdentity, SiteConfig,
};
use beckon::ports::bounces::BounceBox;
use beckon::ports::clock::Clock;

/// Makes the channels that the site has configured. Secrets are read here and handed over; nothing
/// is connected yet.
pub fn ports(config: &SiteConfig, clock: Arc<dyn Clock>) -> Result<Ports, ConfigError> {
    let mut ports = Ports {
        clock: Arc::clone(&clock),
        apps_and_books: None,
        mail: None,
        mdm: None,
        push: None,
        webhook: None,
        bounces: None,
    };
    if let Some(section) = &config.apps_and_books
        && config.token_is_installed()
    {
        let client = AppsAndBooksClient::new(
            &AppleConfig {
                base_url: section.base_url.clone(),
                bearer: section.token.resolve(&config.dir)?,
                extra_ca: anchor(section.ca.as_ref(), config)?,
                user_agent: concat!("beckon/", env!("CARGO_PKG_VERSION")).to_owned(),
            },
            Arc::clone(&clock),
        );
        ports.apps_and_books = Some(Arc::new(client.map_err(|e| config.error("apps_and_books", e.to_string(), None))?));
    }
    if let Some(section) = &config.mail {
        let channel = MailChannel::new(mail(section, config)?, Arc::clone(&clock));
        ports.mail = Some(Arc::new(channel.map_err(|e| config.error("mail", e.to_string(), None))?));
        ports.bounces = section.bounces.clone().map(|folder| Arc::new(Maildir::new(folder)) as Arc<dyn BounceBox>);
    }
    if let MdmBackend::NanoMdm(server) = &config.mdm.backend {
        let ca = anchor(server.ca.as_ref(), config)?;
        let channel = NanoMdm::new(&server.url, server.api_key.resolve(&config.dir)?, ca.as_deref());
        ports.mdm = Some(Arc::new(channel.map_err(|e| config.error("mdm", e.what, Some(e.remedy)))?));
    }
    if let Some(section) = &config.push {
        let channel = PushChannel::new(push(section, config)?, Arc::clone(&clock));
        ports.push = Some(Arc::new(channel.map_err(|e| config.error("push", e.what, Some(e.remedy)))?));
    }
    if !config.webhooks.is_empty() {
        let mut endpoints = BTreeMap::new();
        let mut ca = None;
        for webhook in &config.webhooks {
            endpoints.insert(webhook.name.clone(), webhook.url.resolve(&config.dir)?);
            ca = ca.or(anchor(webhook.ca.as_ref(), config)?);
        }
        let channel = WebhookChannel::new(endpoints, ca.as_deref());
        ports.webhook = Some(Arc::new(channel.map_err(|e| config.error("webhook", e.what, Some(e.remedy)))?));
    }
    Ok(ports)
}

/// A new lowercase UUID. Randomness enters the program here.
///
/// From a generator that the system has seeded: an import draws a hundred thousand of them.
pub fn new_id() -> String {
    thread_local! {
        static DRAWN: RefCell<StdRng> = RefCell::new(StdRng::from_os_rng());
    }
    let bytes = DRAWN.with_borrow_mut(rand::Rng::random);
    uuid::Builder::from_random_bytes(bytes).into_uuid().to_string()
}

fn anchor(ca: Option<&FileRef>, config: &SiteConfig) -> Result<Option<Vec<u8>>, ConfigError> {
    ca.map(|file| file.read(&config.dir)).transpose()
}

fn mail(section: &MailSection, config: &SiteConfig) -> Result<MailConfig, ConfigError> {
    let route = match &section.relay {
        None => Route::Direct { port: 25 },
        Some(relay) => {
            let login = match &section.login {
                Some(login) => Some((login.username.clone(), login.password.resolve(&config.dir)?)),
                None => None,
            };
            let security = match section.tls {
                _ if relay.implicit_tls => Security::ImplicitTls,
                MailTls::Required => Security::StartTlsRequired,
                MailTls::Opportunistic => Security::StartTlsOpportunistic,
                MailTls::None => Security::None,
            };
            Route::Relay { host: relay.host.clone(), port: relay.port, security, login }
        }
    };
    Ok(MailConfig {
        route,
        extra_ca: anchor(section.ca.as_ref(), config)?,
        connections: usize::from(section.connections),
        bounces_to: section.bounces_to.clone(),
        hello: String::new(),
        timeouts: MailTimeouts::default(),
    })
}

fn push(section: &PushSection, config: &SiteConfig) -> Result<PushConfig, ConfigError> {
    let credentials = match &section.identity {
        PushIdentity::Certificate { file, password } => Credentials::Certificate {
            p12: file.resolve_bytes(&config.dir)?.expose_secret().to_vec(),
            password: match password {
                Some(password) => password.resolve(&config.dir)?,
                None => String::new().into(),
            },
        },
        PushIdentity::Key { file, key_id, team_id } => {
            Credentials::Token { p8: file.resolve(&config.dir)?, key_id: key_id.clone(), team_id: team_id.clone() }
        }
    };
    Ok(PushConfig { endpoint: section.endpoint.clone(), extra_ca: anchor(section.ca.as_ref(), config)?, credentials })
}
