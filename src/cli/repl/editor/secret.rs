//! Whether a line may hold a secret. In doubt it does: then it is not written down, which costs little.

use crate::script::{PieceKind, pieces};

/// Words in names of what is secret.
const NAMES: &[&str] = &[
    "password",
    "passwd",
    "passphrase",
    "passwort",
    "secret",
    "token",
    "apikey",
    "api_key",
    "api-key",
    "private_key",
    "credential",
    "bearer",
    "authorization",
    "pin_code",
    "invitecode",
];

/// A run of so many letters and digits, mixed, is no word.
const RUN_MIN: usize = 20;

/// Whether a text looks as if it held an invitation's link or code, a token, a key or a password.
pub fn looks_secret(text: &str) -> bool {
    let folded = text.to_lowercase();
    if folded.contains("-----begin") || has_address_with_secret(&folded) || has_long_run(text) {
        return true;
    }
    let named = NAMES.iter().any(|name| folded.contains(name));
    // A name alone is harmless; beside it stands a text that is more than empty quotes.
    named && (text.starts_with(':') || pieces(text).iter().any(|p| p.kind == PieceKind::Text && p.end - p.start > 2))
}

/// An address with a login, or with a question in it: invitation links and webhooks carry their codes so.
fn has_address_with_secret(folded: &str) -> bool {
    folded.split("://").skip(1).any(|rest| {
        let address = rest.split(|c: char| c.is_whitespace() || matches!(c, '"' | '`' | '\'')).next().unwrap_or_default();
        let host = address.split('/').next().unwrap_or_default();
        host.contains('@') || address.contains('?') || address.contains("hook")
    })
}

fn has_long_run(text: &str) -> bool {
    let runs = text.split(|c: char| !(c.is_ascii_alphanumeric() || matches!(c, '+' | '_' | '-')));
    runs.filter(|run| run.len() >= RUN_MIN).any(|run| {
        let digits = run.bytes().filter(u8::is_ascii_digit).count();
        let letters = run.bytes().filter(u8::is_ascii_alphabetic).count();
        digits >= 3 && letters >= 3
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_may_be_secret_is_told_from_what_is_not() {
        for secret in [
            "let password = \"hunter2\";",
            "let t = #{ token: `abc` };",
            "notify.webhook(\"x\", #{ Authorization: \"Basic eA==\" })",
            "\"https://x.example/a?inviteCode=0b7d1f5c\"",
            "\"https://ana:pw@x.example/\"",
            "\"https://hooks.example.com/services/T0/B0/x\"",
            "\"sk_live_4eC39HqLyjWDarjtT1zdp7dc\"",
            "\"eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.e30.x\"",
            "-----BEGIN PRIVATE KEY-----",
            ":save password=x",
        ] {
            assert!(looks_secret(secret), "{secret}");
        }
        for harmless in [
            "users.count()",
            "groups[\"Grade 5\"].members.where(|u| u.invited_at < now() - days(7))",
            "invite.plan(users, \"not-invited\").send(#{ template: \"welcome\" })",
            "users.find(\"ana\").mail == \"ana@school.example\"",
            "devices.find(\"C02X1234ABCD\")",
            "let tokens = 5",
            "\"https://www.example.com/page\"",
            "a_long_name_of_a_variable_in_words.count()",
        ] {
            assert!(!looks_secret(harmless), "{harmless}");
        }
    }
}
