//! Apple's content token: the secret that opens one organizational unit's apps and books.
//!
//! The file is one Base64 string; decoded it is a JSON object with `token`, `expDate` and `orgName`
//! (Apple, "Getting started with the management API"). The whole Base64 text is the bearer secret.

use base64::Engine as _;
use chrono::DateTime;
use secrecy::SecretString;

use super::time::Timestamp;

/// A content token that could be read. Its `Debug` shows no secret.
#[derive(Clone, Debug)]
pub struct ContentToken {
    bearer: SecretString,
    pub organisation: String,
    pub expires: Timestamp,
}

/// Why a file is not a content token. The text of the file is never quoted.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotAToken {
    #[error("the file is empty")]
    Empty,
    #[error("it is not one Base64 text, which is what Apple's download holds")]
    NotBase64,
    #[error("its content is not the JSON that Apple writes")]
    NotJson,
    #[error("the field {0} is missing")]
    Missing(&'static str),
    #[error("its expiry date is written in a form that Apple does not use")]
    Date,
}

#[derive(serde::Deserialize)]
#[serde(rename_all = "camelCase")]
struct Fields {
    token: Option<String>,
    exp_date: Option<String>,
    org_name: Option<String>,
}

impl ContentToken {
    /// Reads the downloaded file: white space, line breaks and a byte-order mark are tolerated.
    ///
    /// # Errors
    /// What is wrong with it, without quoting it.
    pub fn parse(file: &[u8]) -> Result<Self, NotAToken> {
        let text: String = String::from_utf8_lossy(file).chars().filter(|c| !c.is_whitespace() && *c != '\u{feff}').collect();
        if text.is_empty() {
            return Err(NotAToken::Empty);
        }
        let json = base64::engine::general_purpose::STANDARD.decode(&text).map_err(|_| NotAToken::NotBase64)?;
        let fields: Fields = serde_json::from_slice(&json).map_err(|_| NotAToken::NotJson)?;
        fields.token.filter(|t| !t.is_empty()).ok_or(NotAToken::Missing("token"))?;
        let expires = parse_apple_date(&fields.exp_date.ok_or(NotAToken::Missing("expDate"))?).ok_or(NotAToken::Date)?;
        Ok(Self {
            bearer: SecretString::from(text),
            organisation: fields.org_name.ok_or(NotAToken::Missing("orgName"))?,
            expires,
        })
    }

    /// The whole text, for the `Authorization: Bearer` header and for nothing else.
    #[must_use]
    pub fn bearer(&self) -> &SecretString {
        &self.bearer
    }
}

/// Apple's dates: `2031-03-09T07:15:00` followed by `Z`, `+hhmm` or `+hh:mm`.
#[must_use]
pub fn parse_apple_date(text: &str) -> Option<Timestamp> {
    let text = text.trim();
    let parsed = DateTime::parse_from_str(text, "%Y-%m-%dT%H:%M:%S%z").or_else(|_| DateTime::parse_from_rfc3339(text));
    parsed.ok().map(|at| at.to_utc())
}

#[cfg(test)]
mod tests {
    use super::*;

    const EXAMPLE: &str = "eyJ0b2tlbiI6IlltVmphMjl1SUhKbFptVnlaVzVqWlNCbGVHRnRjR3hsSUMwZ2JtOTBJR0VnY21WaGJDQjBiMnRsYmc9PSIsImV4cERhdGUiOiIyMDMxLTAzLTA5VDA3OjE1OjAwKzAwMDAiLCJvcmdOYW1lIjoiRXhhbXBsZSBPcmNoYXJkIFRydXN0In0=";

    #[test]
    fn reads_the_documented_example_and_keeps_it_to_itself() {
        let token = ContentToken::parse(format!("\u{feff}{EXAMPLE}\r\n").as_bytes()).unwrap();
        assert_eq!(token.organisation, "Example Orchard Trust");
        assert_eq!(token.expires.to_rfc3339(), "2031-03-09T07:15:00+00:00");
        assert!(!format!("{token:?}").contains("eyJ0"));
    }

    #[test]
    fn dates_in_all_three_forms() {
        for (text, utc) in [
            ("2014-08-15T18:13:52-0700", "2014-08-16T01:13:52+00:00"),
            ("2031-03-09T07:15:00+02:00", "2031-03-09T05:15:00+00:00"),
            ("2031-03-09T07:15:00Z", "2031-03-09T07:15:00+00:00"),
        ] {
            assert_eq!(parse_apple_date(text).unwrap().to_rfc3339(), utc);
        }
        assert!(parse_apple_date("2031-03-09").is_none());
    }

    #[test]
    fn says_what_is_wrong() {
        let b64 = |s: &str| base64::engine::general_purpose::STANDARD.encode(s);
        for (file, why) in [
            (String::new(), NotAToken::Empty),
            ("{}".into(), NotAToken::NotBase64),
            (b64("hello"), NotAToken::NotJson),
            (b64("{}"), NotAToken::Missing("token")),
            (b64(r#"{"token":"x","expDate":"soon","orgName":"o"}"#), NotAToken::Date),
        ] {
            assert_eq!(ContentToken::parse(file.as_bytes()).unwrap_err(), why);
        }
    }
}
