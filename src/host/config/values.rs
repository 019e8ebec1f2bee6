//! The small languages of a site file: durations, sizes, zones, addresses, cron expressions.
//! Each reader answers with what is wrong, in words that can follow the key.

use chrono_tz::Tz;
use reqwest::Url;

use super::read::shortened;
use crate::domain::mail_address::MailAddress;
use crate::domain::misspelt;
use crate::domain::time::Span;
use crate::domain::words;

pub(super) const DURATION: &str = "a duration such as \"45s\", \"30m\", \"6h\", \"1d\", \"2w\" or \"1h 30m\", up to ten years";
pub(super) const SIZE: &str = "a size such as \"64MB\", \"1GB\" or \"512KiB\"";

/// `6h`, `1d`, `1h 30m`.
pub(super) fn duration(text: &str) -> Result<Span, String> {
    let wrong = || format!("\"{}\" is not a duration", shortened(text));
    let mut total: i64 = 0;
    let mut rest = text.trim();
    if rest.is_empty() {
        return Err("it is empty".to_owned());
    }
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit()).ok_or_else(wrong)?;
        let (number, after) = rest.split_at(digits);
        let unit = after.find(|c: char| c.is_ascii_digit() || c.is_whitespace()).unwrap_or(after.len());
        let (unit, after) = after.split_at(unit);
        let seconds = match unit {
            "s" => 1,
            "m" | "min" => 60,
            "h" => 3_600,
            "d" => 86_400,
            "w" => 604_800,
            _ => return Err(wrong()),
        };
        let part = number.parse::<i64>().ok().and_then(|n| n.checked_mul(seconds)).ok_or_else(wrong)?;
        total = total.checked_add(part).ok_or_else(wrong)?;
        rest = after.trim_start();
    }
    if !(1..=3_653 * 86_400).contains(&total) {
        return Err(format!("\"{}\" is out of range", shortened(text)));
    }
    Ok(Span::seconds(total))
}

/// `256MB`, `1GiB`, in bytes.
pub(super) fn size(text: &str) -> Result<u64, String> {
    let wrong = || format!("\"{}\" is not a size", shortened(text));
    let text = text.trim();
    let digits = text.find(|c: char| !c.is_ascii_digit()).ok_or_else(wrong)?;
    let (number, unit) = text.split_at(digits);
    let factor: u64 = match unit.trim() {
        "kB" | "KB" => 1_000,
        "MB" => 1_000_000,
        "GB" => 1_000_000_000,
        "KiB" => 1 << 10,
        "MiB" => 1 << 20,
        "GiB" => 1 << 30,
        _ => return Err(wrong()),
    };
    number.parse::<u64>().ok().and_then(|n| n.checked_mul(factor)).filter(|n| *n > 0).ok_or_else(wrong)
}

/// An IANA zone name.
pub(super) fn zone(text: &str) -> Result<Tz, String> {
    let text = text.trim();
    text.parse().map_err(|_| {
        let city = |name: &'static str| name.rsplit('/').next().is_some_and(|last| last.eq_ignore_ascii_case(text));
        let names = || chrono_tz::TZ_VARIANTS.iter().map(|zone| zone.name());
        let near = names().find(|name| city(name)).or_else(|| misspelt::nearest(text, names()));
        match near {
            Some(near) => format!("no time zone is called \"{}\"; did you mean \"{near}\"?", shortened(text)),
            None => format!("no time zone is called \"{}\"", shortened(text)),
        }
    })
}

pub(super) fn language(text: &str) -> Result<String, String> {
    words::language_tag(text).ok_or_else(|| format!("\"{}\" is not a language tag", shortened(text)))
}

pub(super) fn mail(text: &str) -> Result<MailAddress, String> {
    MailAddress::parse(text).map_err(|why| format!("\"{}\" is not a mail address: {why}", shortened(text)))
}

/// `IT Sunnyside <it@sunnyside.example>` or the address alone: name, if there is one, and address.
pub(super) fn mailbox(text: &str) -> Result<(Option<String>, MailAddress), String> {
    let text = text.trim();
    let Some((name, address)) = text.strip_suffix('>').and_then(|t| t.rsplit_once('<')) else {
        return Ok((None, mail(text)?));
    };
    let name = name.trim().trim_matches('"').trim();
    if name.chars().any(|c| c.is_control() || matches!(c, '<' | '>' | '"')) {
        return Err("the name before the address holds a character that would end it".to_owned());
    }
    if name.chars().nth(100).is_some() {
        return Err("the name before the address is longer than 100 characters".to_owned());
    }
    Ok(((!name.is_empty()).then(|| name.to_owned()), mail(address)?))
}

/// Whether traffic to a host never leaves this machine.
pub(super) fn is_loopback(host: &str) -> bool {
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    host.eq_ignore_ascii_case("localhost") || bare.parse::<std::net::IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

/// A URL with one of `schemes`, a host, and nothing that should be a secret. Its text is only
/// quoted when it can't hold a password.
pub(super) fn url(text: &str, schemes: &[&str]) -> Result<Url, String> {
    let url = Url::parse(text.trim()).map_err(|error| format!("it is not a URL: {error}"))?;
    if !url.username().is_empty() || url.password().is_some() {
        return Err("it holds a user name or password, which have their own keys".to_owned());
    }
    if !schemes.contains(&url.scheme()) {
        return Err(format!("{}: is not a scheme that can be used here", shortened(url.scheme())));
    }
    let fine = |host: &str| {
        !host.is_empty() && host.chars().all(|c| c.is_alphanumeric() || matches!(c, '.' | '-' | ':' | '[' | ']' | '_'))
    };
    if !url.host_str().is_some_and(fine) {
        return Err("it names no host".to_owned());
    }
    Ok(url)
}

/// What [`web_url`] takes, in words.
pub(super) const WEB_URL: &str = "a URL such as \"https://mdm.example\"; http:// for 127.0.0.1 and localhost only";

/// `https`, or `http` to this machine. The slash at the end goes, so that paths can be added.
pub(super) fn web_url(text: &str) -> Result<String, String> {
    let url = url(text, &["https", "http"])?;
    if url.scheme() == "http" && !url.host_str().is_some_and(is_loopback) {
        return Err("http without TLS is only taken for this machine itself".to_owned());
    }
    if url.query().is_some() || url.fragment().is_some() {
        return Err("it must end with its path, without ? or #".to_owned());
    }
    Ok(url.as_str().trim_end_matches('/').to_owned())
}
