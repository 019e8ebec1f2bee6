//! What the HTTP channels share in reading answers: `Retry-After`, bounded bodies, and which kind of
//! failure a request met.

use chrono::DateTime;
use http::HeaderMap;
use http::header::{DATE, RETRY_AFTER};

use super::trust;
use crate::domain::time::Span;

/// A far side can't silence a delivery for longer than this.
const RETRY_AFTER_MAX: Span = Span::days(1);

/// How long the far side asks to wait: seconds, or a date counted from the answer's own `Date`, so that
/// a wrong clock on either side doesn't matter.
pub(crate) fn retry_after(headers: &HeaderMap) -> Option<Span> {
    let text = |name| headers.get(name).and_then(|v| v.to_str().ok()).map(str::trim);
    let asked = text(RETRY_AFTER)?;
    let wait = if asked.bytes().all(|b| b.is_ascii_digit()) && !asked.is_empty() {
        // More digits than fit are simply "very long".
        asked.parse::<i64>().ok().and_then(Span::try_seconds).unwrap_or(RETRY_AFTER_MAX)
    } else {
        let until = DateTime::parse_from_rfc2822(asked).ok()?;
        let from = DateTime::parse_from_rfc2822(text(DATE)?).ok()?;
        until.signed_duration_since(from)
    };
    Some(wait.clamp(Span::zero(), RETRY_AFTER_MAX))
}

/// How a request failed before its answer was complete.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Failure {
    /// No connection: nothing was sent.
    Connect,
    /// The far side's certificate isn't trusted: nothing was sent.
    Untrusted,
    /// It was sent, or may have been, and no answer came.
    AnswerLost,
}

/// Tells the failures of `reqwest` apart.
pub(crate) fn failure(error: &reqwest::Error) -> Failure {
    if !error.is_connect() {
        return Failure::AnswerLost;
    }
    match trust::tls_cause(error) {
        Some(rustls::Error::InvalidCertificate(_)) => Failure::Untrusted,
        _ => Failure::Connect,
    }
}

/// The innermost cause in its own words ("Connection refused (os error 111)"); an address is never in them.
pub(crate) fn cause(error: &(dyn std::error::Error + 'static)) -> String {
    let mut innermost = error;
    for _ in 0..16 {
        match innermost.source() {
            Some(source) => innermost = source,
            None => break,
        }
    }
    crate::domain::words::foreign_without_urls(&innermost.to_string())
}

/// At most `limit` bytes of the body; `None` when there are more.
///
/// # Errors
/// The connection failed before the body was complete.
pub(crate) async fn body(mut response: reqwest::Response, limit: usize) -> Result<Option<Vec<u8>>, reqwest::Error> {
    let mut bytes = Vec::new();
    while let Some(chunk) = response.chunk().await? {
        if bytes.len().saturating_add(chunk.len()) > limit {
            return Ok(None);
        }
        bytes.extend_from_slice(&chunk);
    }
    Ok(Some(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(retry: &str, date: Option<&str>) -> Option<i64> {
        let mut headers = HeaderMap::new();
        headers.insert(RETRY_AFTER, retry.parse().unwrap());
        if let Some(date) = date {
            headers.insert(DATE, date.parse().unwrap());
        }
        retry_after(&headers).map(|s| s.num_seconds())
    }

    #[test]
    fn retry_after_is_read_as_seconds_or_as_a_date() {
        assert_eq!(asked("120", None), Some(120));
        assert_eq!(asked(" 0 ", None), Some(0));
        assert_eq!(asked("99999999999999999999999", None), Some(86_400));
        assert_eq!(asked("-5", None), None);
        assert_eq!(asked("soon", None), None);
        let date = Some("Sun, 06 Nov 1994 08:49:37 GMT");
        assert_eq!(asked("Sun, 06 Nov 1994 08:50:37 GMT", date), Some(60));
        assert_eq!(asked("Sun, 06 Nov 1994 08:40:37 GMT", date), Some(0));
        assert_eq!(asked("Sun, 06 Nov 1994 08:50:37 GMT", None), None);
        assert_eq!(retry_after(&HeaderMap::new()), None);
    }
}
