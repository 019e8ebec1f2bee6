//! The URL that invites the holder of a code: Apple's template with the code filled in.

use secrecy::{ExposeSecret as _, SecretString};

/// Today's documents write the placeholder percent-encoded, the archived reference did not
/// (managing-users). The longer one comes first, because it is the one in use.
const PLACEHOLDERS: [&str; 2] = ["%25invitecode%25", "%invitecode%"];

/// Why there is no link. Neither the template nor the code is quoted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoLink {
    #[error(
        "Apple's invitation URL has no place for the invite code: service/config has changed in a way that beckon doesn't know"
    )]
    NoPlaceholder,
    #[error("the invite code is empty or far too long")]
    Code,
}

/// Fills `code` into `template`.
///
/// # Errors
/// The template has no placeholder, or the code can't be one: never a link without its code.
pub fn fill(template: &str, code: &SecretString) -> Result<SecretString, NoLink> {
    let code = code.expose_secret();
    if code.is_empty() || code.len() > 256 {
        return Err(NoLink::Code);
    }
    let code = percent_encode(code);
    PLACEHOLDERS
        .iter()
        .find_map(|placeholder| replace_ignoring_case(template, placeholder, &code))
        .map(SecretString::from)
        .ok_or(NoLink::NoPlaceholder)
}

/// Whether a code can be filled in.
pub fn has_placeholder(template: &str) -> bool {
    let lower = template.to_ascii_lowercase();
    PLACEHOLDERS.iter().any(|placeholder| lower.contains(placeholder))
}

/// All occurrences of `needle`, which is lowercase ASCII; `None` when there is none.
fn replace_ignoring_case(text: &str, needle: &str, with: &str) -> Option<String> {
    // Lowercasing ASCII keeps every byte where it is, so that positions fit both texts.
    let lower = text.to_ascii_lowercase();
    let mut out = String::new();
    let mut from = 0;
    for (at, _) in lower.match_indices(needle) {
        out.push_str(text.get(from..at)?);
        out.push_str(with);
        from = at + needle.len();
    }
    out.push_str(text.get(from..)?);
    (from > 0).then_some(out)
}

/// RFC 3986: everything but the unreserved characters is encoded, so that no code can end the
/// parameter it stands in.
fn percent_encode(text: &str) -> String {
    use std::fmt::Write as _;
    let mut out = String::new();
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            out.push(char::from(byte));
        } else {
            let _ = write!(out, "%{byte:02X}");
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn filled(template: &str, code: &str) -> Result<String, NoLink> {
        fill(template, &SecretString::from(code)).map(|url| url.expose_secret().to_owned())
    }

    #[test]
    fn both_forms_in_any_case() {
        for template in [
            "https://x.example/a?inviteCode=%25inviteCode%25&mt=8",
            "https://x.example/a?inviteCode=%inviteCode%&mt=8",
            "https://x.example/a?inviteCode=%25INVITECODE%25&mt=8",
        ] {
            assert_eq!(filled(template, "0b7d1f5c").unwrap(), "https://x.example/a?inviteCode=0b7d1f5c&mt=8");
        }
    }

    #[test]
    fn text_around_the_placeholder_stays_as_it_is() {
        assert_eq!(filled("https://x.example/Ä/%inviteCode%/B?c=%inviteCode%", "1").unwrap(), "https://x.example/Ä/1/B?c=1");
    }

    #[test]
    fn a_hostile_code_stays_one_value() {
        assert_eq!(
            filled("https://x.example/?c=%25inviteCode%25&mt=8", "a&b=c#d/../é%25 \r\n").unwrap(),
            "https://x.example/?c=a%26b%3Dc%23d%2F..%2F%C3%A9%2525%20%0D%0A&mt=8"
        );
    }

    #[test]
    fn never_a_link_without_its_code() {
        assert_eq!(filled("https://x.example/?c=inviteCode", "1"), Err(NoLink::NoPlaceholder));
        assert_eq!(filled("https://x.example/?c=%25inviteCode%25", ""), Err(NoLink::Code));
        assert_eq!(filled("https://x.example/?c=%25inviteCode%25", &"a".repeat(257)), Err(NoLink::Code));
        assert!(has_placeholder("%25InviteCode%25") && !has_placeholder("%25code%25"));
    }
}
