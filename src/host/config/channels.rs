//! The sections about the outside world: apps and books, mail, MDM, push, directory.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use secrecy::{ExposeSecret as _, SecretString};

use super::error::ConfigError;
use super::read::{Section, Source};
use super::sections::*;
use super::values::{self, DURATION};
use crate::domain::time::Span;
use crate::ports::mail::Sender;

pub(super) fn apps_and_books(source: &mut Source<'_>, mut section: Section<'_, '_>) -> Option<AppsAndBooks> {
    section.require(source, "token", "such as \"file:secrets/sunnyside.vpptoken\"; `beckon token install FILE` puts it there");
    let token = section.secret(source, "token");
    let base_url = section.parsed(source, "base_url", values::WEB_URL, values::web_url);
    let ca = section.file(source, "ca");
    let every = section.parsed(source, "every", DURATION, values::duration).unwrap_or(Span::minutes(5));
    section.done(source);
    let base_url = base_url.unwrap_or_else(|| "https://vpp.itunes.apple.com/mdm/v2".to_owned());
    Some(AppsAndBooks { token: token?, base_url, ca, every })
}

pub(super) fn mail(
    source: &mut Source<'_>,
    mut section: Section<'_, '_>,
    dir: &Path,
    site: &str,
    warnings: &mut Vec<String>,
) -> Option<Mail> {
    let from_form = "such as \"IT Sunnyside <it@sunnyside.example>\"";
    section.require(source, "from", from_form);
    let from = section.parsed(source, "from", from_form, values::mailbox);
    let relay_form =
        "\"smtp://host:587\", or \"smtps://host:465\" for TLS from the start; leave it out to deliver directly on port 25";
    let relay = section.parsed(source, "relay", relay_form, |text| {
        let url = values::url(text, &["smtp", "smtps"])?;
        if !matches!(url.path(), "" | "/") || url.query().is_some() || url.fragment().is_some() {
            return Err("it has to end after host and port".to_owned());
        }
        let implicit_tls = url.scheme() == "smtps";
        let port = url.port().unwrap_or(if implicit_tls { 465 } else { 25 });
        Ok(Relay { host: url.host_str().unwrap_or_default().trim_matches(['[', ']']).to_owned(), port, implicit_tls })
    });
    let username = section.words(source, "username");
    let password = section.secret(source, "password");
    let tls_words = [("required", MailTls::Required), ("opportunistic", MailTls::Opportunistic), ("none", MailTls::None)];
    let tls = section.choice(source, "tls", &tls_words);
    let ca = section.file(source, "ca");
    let connections = section.number(source, "connections", 1..=100).and_then(|n| u16::try_from(n).ok()).unwrap_or(8);
    let doubtful = section.choice(source, "doubtful", &[("hold", Doubtful::Hold), ("resend", Doubtful::Resend)]);
    let maildir_form = "\"maildir:\" and a folder, such as \"maildir:/var/mail/beckon\"";
    let bounces = section.parsed(source, "bounces", maildir_form, |text| {
        let path = text.strip_prefix("maildir:").ok_or("it names no Maildir folder")?;
        if path.trim().is_empty() || path.contains('\0') { Err("it names no folder".to_owned()) } else { Ok(dir.join(path)) }
    });
    let bounces_to = section.parsed(source, "bounces_to", "an address such as \"bounces@school.example\"", values::mail);
    for (one, other) in [("username", "password"), ("password", "username")] {
        if section.has(one) && !section.has(other) {
            section.require(source, other, &format!("mail.{one} needs mail.{other} beside it"));
        }
    }
    if section.has("username") && !section.has("relay") {
        section.require(source, "relay", "a user name is for logging in at a relay; direct delivery has no login");
    }
    // Direct delivery meets whatever the recipient's server has; a relay is somebody's known machine.
    let direct = !section.has("relay");
    let tls = tls.unwrap_or(if direct { MailTls::Opportunistic } else { MailTls::Required });
    let loopback = relay.as_ref().is_some_and(|r| values::is_loopback(&r.host));
    if tls == MailTls::None && !loopback {
        warnings.push("mail.tls is \"none\": messages with invitation links travel in the clear".to_owned());
        if section.has("username") {
            let error = source
                .error(section.place_of("tls"), &section.key("tls"), "\"none\" would send the password in the clear")
                .hint("\"required\", or take username and password out");
            source.note(error);
        }
    }
    if tls == MailTls::None && relay.as_ref().is_some_and(|r| r.implicit_tls) {
        let error = source
            .error(section.place_of("tls"), &section.key("tls"), "\"none\" contradicts the relay's smtps://")
            .hint("\"required\", or an smtp:// relay");
        source.note(error);
    }
    section.done(source);
    let (name, address) = from?;
    let from = Sender { name: Arc::from(name.as_deref().unwrap_or(site)), address };
    let login = username.zip(password).map(|(username, password)| Login { username, password });
    let doubtful = doubtful.unwrap_or(Doubtful::Hold);
    Some(Mail { from, relay, login, tls, ca, connections, doubtful, bounces, bounces_to })
}

#[derive(Clone, Copy, PartialEq)]
enum Backend {
    Builtin,
    Nano,
    Micro,
    None,
}

pub(super) fn mdm(source: &mut Source<'_>, mut section: Section<'_, '_>) -> Option<Mdm> {
    let backends =
        [("builtin", Backend::Builtin), ("nanomdm", Backend::Nano), ("micromdm", Backend::Micro), ("none", Backend::None)];
    section.require(source, "backend", "one of \"builtin\", \"nanomdm\", \"micromdm\", \"none\"");
    let backend = section.choice(source, "backend", &backends);
    let url = section.parsed(source, "url", values::WEB_URL, values::web_url);
    let api_key = section.secret(source, "api_key");
    let ca = section.file(source, "ca");
    let webhook_key = section.secret(source, "webhook_key");
    if matches!(backend, Some(Backend::Nano | Backend::Micro)) {
        section.require(source, "url", "where the server listens, such as \"http://127.0.0.1:9000\"");
        section.require(source, "api_key", "the server's API key as a reference, such as \"env:NANOMDM_API_KEY\"");
    }
    section.done(source);
    let server = || Some(MdmServer { url: url?, api_key: api_key?, ca });
    let backend = match backend? {
        Backend::None => MdmBackend::None,
        Backend::Builtin => MdmBackend::Builtin,
        Backend::Nano => MdmBackend::NanoMdm(server()?),
        Backend::Micro => MdmBackend::MicroMdm(server()?),
    };
    Some(Mdm { backend, webhook_key })
}

pub(super) fn push(source: &mut Source<'_>, mut section: Section<'_, '_>) -> Option<Push> {
    let ten = |text: &str| {
        let fine = text.len() == 10 && text.chars().all(|c| c.is_ascii_uppercase() || c.is_ascii_digit());
        if fine { Ok(text.to_owned()) } else { Err("it is not one of Apple's ids".to_owned()) }
    };
    let certificate = section.secret(source, "certificate");
    let password = section.secret(source, "password");
    let key = section.secret(source, "key");
    let key_id = section.parsed(source, "key_id", "ten capital letters and digits", ten);
    let team_id = section.parsed(source, "team_id", "ten capital letters and digits", ten);
    let endpoint = section.parsed(source, "endpoint", values::WEB_URL, values::web_url);
    let ca = section.file(source, "ca");
    match (section.has("certificate"), section.has("key")) {
        (true, true) => {
            let error = source
                .error(section.place_of("key"), &section.key("key"), "there is a certificate as well")
                .hint("certificate with password, or key with key_id and team_id");
            source.note(error);
        }
        (false, false) => section.require(source, "certificate", "certificate with password, or key with key_id and team_id"),
        (false, true) => {
            section.require(source, "key_id", "the ten characters beside the key in the developer account");
            section.require(source, "team_id", "the ten characters of the team in the developer account");
        }
        (true, false) => {}
    }
    section.done(source);
    let identity = match (certificate, key) {
        (Some(file), None) => PushIdentity::Certificate { file, password },
        (None, Some(file)) => PushIdentity::Key { file, key_id: key_id?, team_id: team_id? },
        _ => return None,
    };
    let endpoint = endpoint.unwrap_or_else(|| "https://api.push.apple.com:443".to_owned());
    Some(Push { identity, endpoint, ca })
}

pub(super) fn directory(source: &mut Source<'_>, mut section: Section<'_, '_>, warnings: &mut Vec<String>) -> Option<Directory> {
    const ATTRIBUTES: [&str; 11] = [
        "username",
        "full_name",
        "mail",
        "language",
        "timezone",
        "department",
        "title",
        "enabled",
        "managed_account",
        "group_name",
        "group_members",
    ];
    let form = "such as \"ldaps://ldap.school.example\"";
    section.require(source, "url", form);
    let url = section.parsed(source, "url", form, |text| values::url(text, &["ldaps", "ldap"]));
    let bind_dn = section.words(source, "bind_dn");
    let password = section.secret(source, "password");
    section.require(source, "base", "where the search starts, such as \"dc=school,dc=example\"");
    let base = section.words(source, "base");
    let flavours = [
        ("openldap", DirectoryFlavour::OpenLdap),
        ("active-directory", DirectoryFlavour::ActiveDirectory),
        ("open-directory", DirectoryFlavour::OpenDirectory),
    ];
    section.require(source, "flavour", "one of \"openldap\", \"active-directory\", \"open-directory\"");
    let flavour = section.choice(source, "flavour", &flavours);
    let every = section.parsed(source, "every", DURATION, values::duration);
    let ca = section.file(source, "ca");
    let mut attributes = BTreeMap::new();
    if let Some(mut map) = section.table(source, "attributes") {
        for ours in ATTRIBUTES {
            if let Some(theirs) = map.words(source, ours) {
                attributes.insert(ours, theirs);
            }
        }
        map.done(source);
    }
    if section.has("bind_dn") {
        section.require(source, "password", "the password of bind_dn, as a reference such as \"env:BECKON_LDAP_PASSWORD\"");
    }
    section.done(source);
    let url = url?;
    if url.scheme() == "ldap" && !url.host_str().is_some_and(values::is_loopback) {
        warnings.push("directory.url is ldap://: the password is only sent once StartTLS has succeeded".to_owned());
    }
    Some(Directory {
        url: url.as_str().trim_end_matches('/').to_owned(),
        bind_dn,
        password,
        base: base?,
        flavour: flavour?,
        every: every.unwrap_or(Span::hours(1)),
        ca,
        attributes,
    })
}

impl Webhook {
    /// Reads the URL, which may hold a secret.
    ///
    /// # Errors
    /// The reference can't be followed, or leads to no `https` URL (`http` to this machine is fine).
    pub fn resolve_url(&self, dir: &Path) -> Result<SecretString, ConfigError> {
        let secret = self.url.resolve(dir)?;
        let url = values::url(secret.expose_secret(), &["https", "http"])
            // Words about the scheme would quote what may be the secret.
            .map_err(|_| self.url.error("what it refers to is not an http or https URL without user name"))?;
        if url.scheme() == "http" && !url.host_str().is_some_and(values::is_loopback) {
            return Err(self.url.error("what it refers to is http without TLS, which is only taken for this machine itself"));
        }
        Ok(secret)
    }
}
