//! Apple's limits and addresses (`service/config`), and which of the addresses get to see the token.

use reqwest::Url;

use super::bodies;
use super::invitation_link::has_placeholder;
use crate::ports::apps_and_books::ServiceLimits;

/// An authenticated address: its key in `urls`, and its path below the base where the key is missing.
///
/// The order is that of `ALL`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Endpoint {
    ClientConfig,
    CreateUsers,
    UpdateUsers,
    RetireUsers,
    Users,
    Status,
    Assets,
    AssociateAssets,
    Assignments,
}

impl Endpoint {
    const ALL: [Self; 9] = [
        Self::ClientConfig,
        Self::CreateUsers,
        Self::UpdateUsers,
        Self::RetireUsers,
        Self::Users,
        Self::Status,
        Self::Assets,
        Self::AssociateAssets,
        Self::Assignments,
    ];

    fn key_and_path(self) -> (&'static str, &'static str) {
        match self {
            Self::ClientConfig => ("clientConfig", "client/config"),
            Self::CreateUsers => ("createUsers", "users/create"),
            Self::UpdateUsers => ("updateUsers", "users/update"),
            Self::RetireUsers => ("retireUsers", "users/retire"),
            Self::Users => ("getUsers", "users"),
            Self::Status => ("eventStatus", "status"),
            Self::Assets => ("getAssets", "assets"),
            Self::AssociateAssets => ("associateAssets", "assets/associate"),
            Self::Assignments => ("getAssignments", "assignments"),
        }
    }
}

/// Where the service begins. Checked once, and then the measure of every other address.
#[derive(Clone, Debug)]
pub struct Base {
    url: Url,
}

/// Why an address can't be the base.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotABase {
    #[error("it is not a URL such as https://vpp.itunes.apple.com/mdm/v2")]
    Url,
    #[error("it is neither https nor http to this machine, and the content token must not travel in clear")]
    Clear,
    #[error("it has a user name, a query or a fragment, which a base address can't have")]
    Extras,
}

impl Base {
    /// # Errors
    /// It isn't an address to which the token may be sent.
    pub fn parse(text: &str) -> Result<Self, NotABase> {
        let url = Url::parse(text.trim()).map_err(|_| NotABase::Url)?;
        if url.cannot_be_a_base() || url.host_str().is_none() {
            return Err(NotABase::Url);
        }
        if url.scheme() != "https" && !(url.scheme() == "http" && is_loopback(&url)) {
            return Err(NotABase::Clear);
        }
        if !url.username().is_empty() || url.password().is_some() || url.query().is_some() || url.fragment().is_some() {
            return Err(NotABase::Extras);
        }
        Ok(Self { url })
    }

    #[must_use]
    pub fn is_loopback(&self) -> bool {
        is_loopback(&self.url)
    }

    /// For people and logs.
    #[must_use]
    pub fn host(&self) -> &str {
        self.url.host_str().unwrap_or_default()
    }

    /// The address at `path` below the base.
    #[must_use]
    pub fn join(&self, path: &str) -> Url {
        let mut url = self.url.clone();
        url.set_path(&format!("{}/{path}", self.url.path().trim_end_matches('/')));
        url
    }

    /// `text` as an address that may see the token: on the base's own host and port, or Apple's.
    /// A model of Apple on this machine can't send the token away from it.
    fn trusted(&self, text: &str) -> Option<Url> {
        let url = sane(text)?;
        let same = |of: fn(&Url) -> Option<String>| of(&url) == of(&self.url);
        let here = url.scheme() == self.url.scheme()
            && same(|u| u.host_str().map(str::to_owned))
            && url.port_or_known_default() == self.url.port_or_known_default();
        (here || (!self.is_loopback() && is_apples(&url))).then_some(url)
    }

    /// `text` as the template of invitations. It goes to people, not the token to it, so a model of
    /// Apple may name Apple, or another port of this machine.
    fn template(&self, text: &str) -> Option<String> {
        let as_url = sane(text)?;
        let known = is_apples(&as_url) || self.trusted(text).is_some() || (self.is_loopback() && is_loopback(&as_url));
        (known && has_placeholder(text)).then(|| text.to_owned())
    }
}

fn sane(text: &str) -> Option<Url> {
    if text.len() > 2_048 || text.chars().any(|c| c.is_whitespace() || c.is_control() || "\\\"<>".contains(c)) {
        return None;
    }
    let url = Url::parse(text).ok()?;
    (url.username().is_empty() && url.password().is_none() && url.fragment().is_none()).then_some(url)
}

fn is_apples(url: &Url) -> bool {
    url.scheme() == "https"
        && url.port_or_known_default() == Some(443)
        && url.host_str().is_some_and(|host| host.ends_with(".apple.com"))
}

fn is_loopback(url: &Url) -> bool {
    let host = url.host_str().unwrap_or_default().trim_matches(['[', ']']);
    host == "localhost" || host.parse::<std::net::IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

/// What `service/config` said, checked.
#[derive(Clone, Debug)]
pub struct ServiceConfig {
    pub limits: ServiceLimits,
    /// In the order of `Endpoint::ALL`.
    urls: [Url; 9],
    /// With a placeholder in it; `None` when Apple names none that can be used.
    pub invitation: Option<String>,
}

/// Apple's sample values, which stand in for what is missing.
pub const SAMPLE: ServiceLimits = ServiceLimits { users_per_request: 100, holders_per_request: 1_000, requests_per_second: 15 };

/// Limits beyond these are no limits that a server means.
const ROWS_MAX: i64 = 10_000;
const RATE_MAX: i64 = 1_000;

impl ServiceConfig {
    /// Reads the body, and takes from it what can be trusted. `None` when it isn't one.
    #[must_use]
    pub fn read(body: &[u8], base: &Base) -> Option<Self> {
        let wire = bodies::service_config(body)?;
        let limit = |key: &str, most: i64| {
            wire.limits.get(key).and_then(serde_json::Value::as_i64).filter(|n| *n > 0).map(|n| n.min(most))
        };
        let rows = |key, sample| limit(key, ROWS_MAX).and_then(|n| n.try_into().ok()).unwrap_or(sample);
        let limits = ServiceLimits {
            users_per_request: rows("maxUsers", SAMPLE.users_per_request),
            holders_per_request: rows("maxClientUserIds", SAMPLE.holders_per_request),
            requests_per_second: limit("maxRequestPerSecond", RATE_MAX)
                .and_then(|n| n.try_into().ok())
                .unwrap_or(SAMPLE.requests_per_second),
        };
        let urls = Endpoint::ALL.map(|endpoint| {
            let (key, path) = endpoint.key_and_path();
            let named = wire.urls.get(key).and_then(serde_json::Value::as_str);
            let trusted = named.and_then(|text| base.trusted(text));
            if named.is_some() && trusted.is_none() {
                tracing::warn!(
                    key,
                    "service/config names an address that must not see the content token; base_url is used instead"
                );
            }
            trusted.unwrap_or_else(|| base.join(path))
        });
        let invitation =
            wire.urls.get("invitationEmail").and_then(serde_json::Value::as_str).and_then(|text| base.template(text));
        Some(Self { limits, urls, invitation })
    }

    /// Where `endpoint` is.
    #[must_use]
    pub fn url(&self, endpoint: Endpoint) -> &Url {
        &self.urls[endpoint as usize]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    const APPLE: &str = "https://vpp.itunes.apple.com/mdm/v2";

    fn read(base: &str, body: serde_json::Value) -> ServiceConfig {
        ServiceConfig::read(body.to_string().as_bytes(), &Base::parse(base).unwrap()).unwrap()
    }

    fn users_url(base: &str, named: &str) -> String {
        read(base, json!({ "urls": { "getUsers": named } })).url(Endpoint::Users).to_string()
    }

    #[test]
    fn a_base_is_https_or_this_machine() {
        for good in [
            APPLE,
            "https://vpp.itunes.apple.com/mdm/v2/",
            "http://127.0.0.1:8080/mdm/v2",
            "http://[::1]:1/x",
            "http://localhost:9/",
        ] {
            assert!(Base::parse(good).is_ok(), "{good}");
        }
        for (bad, why) in [
            ("", NotABase::Url),
            ("vpp.itunes.apple.com", NotABase::Url),
            ("data:text/plain,x", NotABase::Url),
            ("http://vpp.itunes.apple.com/mdm/v2", NotABase::Clear),
            ("http://127.0.0.1.example/", NotABase::Clear),
            ("ftp://localhost/", NotABase::Clear),
            ("https://a:b@vpp.itunes.apple.com/", NotABase::Extras),
            ("https://vpp.itunes.apple.com/?x=1", NotABase::Extras),
        ] {
            assert_eq!(Base::parse(bad).unwrap_err(), why, "{bad}");
        }
    }

    #[test]
    fn addresses_of_apple_and_of_the_base_are_used() {
        assert_eq!(users_url(APPLE, "https://vpp2.itunes.apple.com/mdm/v3/users"), "https://vpp2.itunes.apple.com/mdm/v3/users");
        assert_eq!(users_url("http://127.0.0.1:81/v2", "http://127.0.0.1:81/other"), "http://127.0.0.1:81/other");
        assert_eq!(users_url("https://gate.example/v2/", "https://vpp.itunes.apple.com/u"), "https://vpp.itunes.apple.com/u");
    }

    #[test]
    fn the_token_goes_nowhere_else() {
        for named in [
            "https://evil.example/users",
            "https://evilapple.com/users",
            "https://apple.com.evil.example/users",
            "http://vpp.itunes.apple.com/users",
            "https://vpp.itunes.apple.com:8443/users",
            "https://x@vpp.itunes.apple.com/users",
            "https://vpp.itunes.apple.com@evil.example/users",
            "https://vpp.itunes.apple.com\\@evil.example/users",
            "//evil.example/users",
            "users",
            "https://vpp.itunes.apple.com/\tusers",
        ] {
            let used = users_url(APPLE, named);
            assert!(used.starts_with("https://vpp.itunes.apple.com/"), "{named} became {used}");
        }
        for named in ["http://127.0.0.1:82/users", "https://127.0.0.1:81/users", "https://vpp.itunes.apple.com/users"] {
            assert_eq!(users_url("http://127.0.0.1:81/v2", named), "http://127.0.0.1:81/v2/users", "{named}");
        }
    }

    #[test]
    fn missing_and_absurd_limits_are_apples_sample() {
        let limits = |limits: serde_json::Value| read(APPLE, json!({ "limits": limits, "urls": {} })).limits;
        let of = |users_per_request, requests_per_second| ServiceLimits { users_per_request, requests_per_second, ..SAMPLE };
        assert_eq!(limits(json!({ "maxClientUserIds": 20 })).holders_per_request, 20);
        assert_eq!(limits(json!({ "maxUsers": 50, "maxRequestPerSecond": 7 })), of(50, 7));
        assert_eq!(limits(json!({})), SAMPLE);
        assert_eq!(limits(json!(null)), SAMPLE);
        assert_eq!(limits(json!({ "maxUsers": 0, "maxRequestPerSecond": -3 })), SAMPLE);
        assert_eq!(limits(json!({ "maxUsers": "many", "maxRequestPerSecond": 1.5 })), SAMPLE);
        assert_eq!(limits(json!({ "maxUsers": i64::MAX, "maxRequestPerSecond": i64::MAX })), of(10_000, 1_000));
    }

    #[test]
    fn the_invitation_template_is_apples_or_our_own_hosts() {
        let template = |base: &str, named: &str| read(base, json!({ "urls": { "invitationEmail": named } })).invitation;
        let apple = "https://buy.itunes.apple.com/wa/associate?inviteCode=%25inviteCode%25&mt=8";
        let local = "http://127.0.0.1:99/accept?inviteCode=%25inviteCode%25";
        assert_eq!(template(APPLE, apple).as_deref(), Some(apple));
        assert_eq!(template("http://127.0.0.1:81/v2", apple).as_deref(), Some(apple));
        assert_eq!(template("http://127.0.0.1:81/v2", local).as_deref(), Some(local));
        assert_eq!(template(APPLE, local), None);
        assert_eq!(template(APPLE, "https://evil.example/?inviteCode=%25inviteCode%25"), None);
        assert_eq!(template(APPLE, "https://buy.itunes.apple.com/?inviteCode="), None);
    }

    #[test]
    fn every_endpoint_finds_its_own_address() {
        let config = read(APPLE, json!({ "urls": {} }));
        for endpoint in Endpoint::ALL {
            let path = endpoint.key_and_path().1;
            assert_eq!(config.url(endpoint).as_str(), format!("{APPLE}/{path}"));
        }
    }

    #[test]
    fn something_else_is_not_a_service_config() {
        let base = Base::parse(APPLE).unwrap();
        for body in ["", "[]", "{}", "null", "<html>", r#"{"hello":1}"#] {
            assert!(ServiceConfig::read(body.as_bytes(), &base).is_none(), "{body}");
        }
    }
}
