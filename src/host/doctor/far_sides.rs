//! Everybody the site talks to: whether they are there, know us, and have the same time.

use x509_cert::Certificate;
use x509_cert::der::Decode as _;

use super::{Finding, Looking, MakePorts, expiry, machine};
use crate::domain::content_token::ContentToken;
use crate::domain::outcome::ChannelDown;
use crate::domain::time::{Span, Timestamp, from_millis, show_span};
use crate::host::config::{Mail, MailTls, MdmBackend, SiteConfig};
use crate::host::registrar;
use crate::host::site::Site;
use crate::ports::apps_and_books::{AppsAndBooks, CallError, CallErrorKind};
use crate::ports::look::Looked;

/// A clock that is off by more makes times in mail and journal wrong; APNs and TLS stop at some minutes.
const SKEW_LITTLE: Span = Span::seconds(30);
const SKEW_MUCH: Span = Span::minutes(5);

const NEW_TOKEN: &str = "download a new one from Apple School Manager or Apple Business (Preferences, Payments and Billing, \
                         Content Tokens), then `beckon token install FILE`";
const NEW_PUSH: &str = "renew it with the same Apple Account, so that its topic stays, and put the new file in its place";

pub(super) async fn examine(site: &Site, make_ports: MakePorts<'_>, looking: &Looking, now: Timestamp) -> Vec<Finding> {
    let config = &site.config;
    let mut findings = Vec::new();
    // One section at a time, so that a secret that can't be read hides nobody else.
    let mut ports = |only: SiteConfig, what: &'static str| match make_ports(&only) {
        Ok(ports) => Some(ports),
        Err((words, remedy)) => {
            findings.push(Finding::failed(what, words, remedy).of_settings());
            None
        }
    };
    let bare = || without_channels(config);
    let section = config.apps_and_books.clone().filter(|_| config.token_is_installed());
    let apple =
        section.and_then(|section| ports(SiteConfig { apps_and_books: Some(section), ..bare() }, "Apple")?.apps_and_books);
    let mail = config.mail.clone().and_then(|section| ports(SiteConfig { mail: Some(section), ..bare() }, "mail")?.mail);
    let relayed = config.mail.clone().filter(|section| section.relay.is_some() && looking.mx.is_some());
    let direct = relayed.and_then(|section| {
        let section = Mail { relay: None, login: None, tls: MailTls::Opportunistic, ..section };
        ports(SiteConfig { mail: Some(section), ..bare() }, "port 25")?.mail
    });
    let mdm = config.mdm.server().and_then(|_| ports(SiteConfig { mdm: config.mdm.clone(), ..bare() }, "MDM")?.mdm);
    let push = config.push.clone().and_then(|section| ports(SiteConfig { push: Some(section), ..bare() }, "push")?.push);

    let own_domain = config.mail.as_ref().and_then(|mail| mail.from.address.as_str().rsplit('@').next());
    let domain = looking.mx.as_deref().or(own_domain).unwrap_or_default();
    let (apple, mail, direct, mdm, push) = tokio::join!(
        async {
            match apple {
                Some(apple) => ask_apple(site, apple.as_ref()).await,
                None => Vec::new(),
            }
        },
        async { Some(told("mail", mail?.look(domain).await)) },
        async { Some(told("port 25", direct?.look(domain).await)) },
        async { Some(told("MDM", mdm?.look().await)) },
        async { Some(push?.look().await) },
    );
    findings.extend(apple);
    findings.extend([mail, direct, mdm].into_iter().flatten());
    if let Some(looked) = push {
        let expires = looked.as_ref().ok().and_then(|found| found.expires);
        findings.push(told("push", looked));
        let when = (now, config.site.timezone);
        findings.extend(expires.map(|at| expiry("push", "the push certificate", at, NEW_PUSH, when).of_settings()));
    }
    findings
}

/// The settings with nobody to talk to.
fn without_channels(config: &SiteConfig) -> SiteConfig {
    let mut bare = config.clone();
    bare.apps_and_books = None;
    bare.mail = None;
    bare.mdm.backend = MdmBackend::None;
    bare.push = None;
    bare.webhooks = Vec::new();
    bare
}

fn told(what: &'static str, looked: Looked) -> Finding {
    match looked {
        Ok(found) => Finding::fine(what, found.words),
        Err(ChannelDown { what: words, remedy, .. }) => Finding::failed(what, words, remedy),
    }
}

async fn ask_apple(site: &Site, apple: &dyn AppsAndBooks) -> Vec<Finding> {
    if let Ok(Some(id)) = site.store.fact("site_id") {
        apple.expect_owner(registrar::owner(&id));
    }
    let asked = match apple.limits().await {
        Ok(_) => apple.unit().await,
        Err(error) => Err(error),
    };
    let mut findings = vec![match asked {
        Ok(unit) => match site.store.fact("unit") {
            Ok(Some(ours)) if ours != unit.u_id => Finding::failed(
                "Apple",
                format!("the token is for another unit ({}) than the site's", unit.location),
                "install the token of the site's own unit",
            )
            .of_settings(),
            _ => Finding::fine("Apple", format!("answers, and takes the token of {}", unit.location)),
        },
        Err(error) => refused(&error),
    }];
    if let Some(ahead) = apple.ahead() {
        findings.push(clock(ahead));
    }
    findings
}

fn refused(error: &CallError) -> Finding {
    let remedy = match &error.kind {
        CallErrorKind::TokenDead => {
            return Finding::failed("Apple", format!("refuses the token: {}", error.words), NEW_TOKEN).of_settings();
        }
        CallErrorKind::NotOurs(_) => {
            "let only one service manage a unit: stop the other one, then `beckon token install FILE --take-over`"
        }
        CallErrorKind::Busy { .. } => "wait: Apple asks for it, and beckon does so by itself",
        CallErrorKind::Unreachable | CallErrorKind::Unknown => {
            "check this machine's way to the internet, and Apple's system status"
        }
        _ => "see apps_and_books.base_url in site.toml, and try again in a few minutes",
    };
    Finding::failed("Apple", error.words.clone(), remedy)
}

pub(super) fn clock(ahead: Span) -> Finding {
    let off = ahead.abs();
    let words = || {
        let how = if ahead > Span::zero() { "behind" } else { "ahead of" };
        format!("this machine's clock is {} {how} Apple's", show_span(off))
    };
    let remedy = "let it be set by a time server: timedatectl set-ntp true, or chrony";
    match off {
        off if off > SKEW_MUCH => Finding::failed("clock", words(), remedy),
        off if off > SKEW_LITTLE => Finding::warning("clock", words(), remedy),
        _ => Finding::fine("clock", "the same as Apple's"),
    }
}

/// What ends by itself: the content token, and the certificates that the site trusts.
pub(super) fn certificates(config: &SiteConfig, now: Timestamp) -> Vec<Finding> {
    let when = (now, config.site.timezone);
    let mut findings = Vec::new();
    match &config.apps_and_books {
        None => findings.push(
            Finding::warning(
                "token",
                "site.toml has no [apps_and_books], so nobody can be invited",
                "add it with token = \"file:secrets/content.vpptoken\", then `beckon token install FILE`",
            )
            .of_settings(),
        ),
        Some(_) if !config.token_is_installed() => findings.push(
            Finding::warning(
                "token",
                "the site has no content token, so nobody can be invited",
                NEW_TOKEN.replace("a new one", "one"),
            )
            .of_settings(),
        ),
        Some(section) => {
            use secrecy::ExposeSecret as _;
            // That it can't be read is the secrets' line.
            if let Ok(text) = section.token.resolve(&config.dir) {
                findings.push(match ContentToken::parse(text.expose_secret().as_bytes()) {
                    Ok(token) => {
                        let of = format!("the content token of {}", token.organisation);
                        expiry("token", &of, token.expires, NEW_TOKEN, when).of_settings()
                    }
                    Err(why) => Finding::failed("token", format!("this is not a content token: {why}"), NEW_TOKEN).of_settings(),
                });
            }
        }
    }
    for path in machine::anchors(config) {
        let name = path.strip_prefix(&config.dir).unwrap_or(&path).display().to_string();
        // An unreadable one is told of by whoever needs it.
        let Some(ends) = std::fs::read(&path).ok().and_then(|bytes| first_end(&bytes)) else { continue };
        findings.push(
            expiry("trust", &format!("the certificate in {name}"), ends, "put the authority's new certificate there", when)
                .of_settings(),
        );
    }
    findings
}

/// When the first of the certificates in a PEM or DER file ends.
fn first_end(bytes: &[u8]) -> Option<Timestamp> {
    let all = if bytes.windows(10).any(|window| window == b"-----BEGIN") {
        Certificate::load_pem_chain(bytes).ok()?
    } else {
        vec![Certificate::from_der(bytes).ok()?]
    };
    let ends = all.iter().map(|certificate| certificate.tbs_certificate.validity.not_after.to_unix_duration());
    ends.min().and_then(|end| i64::try_from(end.as_millis()).ok()).map(from_millis)
}
