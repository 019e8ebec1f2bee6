//! What a template is given, and what comes out.

use std::fmt;

use serde::Serialize;

/// Everything a template can name.
#[derive(Clone, Debug, Serialize)]
pub struct MailData {
    pub user: UserWords,
    pub site: SiteWords,
    pub invitation: InvitationWords,
    /// Names of the person's devices.
    pub devices: Vec<String>,
    /// Which reminder it is; 0 for the invitation itself.
    pub reminder: u32,
    /// What the script gave: an object, or null for nothing.
    pub data: serde_json::Value,
}

#[derive(Clone, Debug, Serialize)]
pub struct UserWords {
    pub full_name: String,
    pub first_name: String,
    pub username: String,
    /// The person's own language, or the site's.
    pub language: String,
}

impl UserWords {
    /// The words for a person; who has no name is called by username.
    #[must_use]
    pub fn new(full_name: &str, username: &str, language: &str) -> Self {
        let full_name = full_name.trim();
        let called = if full_name.is_empty() { username } else { full_name };
        Self {
            full_name: called.to_owned(),
            first_name: first_name(called).to_owned(),
            username: username.to_owned(),
            language: language.to_owned(),
        }
    }
}

#[derive(Clone, Debug, Serialize)]
pub struct SiteWords {
    pub name: String,
    /// A mail address.
    pub contact: String,
    /// The site's `helpdesk` setting (a URL, an address, a room), or empty.
    pub helpdesk: String,
}

/// The link of an invitation; whoever holds it can accept, so it is never shown by `Debug`.
#[derive(Clone, Default, Serialize)]
pub struct InvitationWords {
    /// Empty for a message that invites to nothing.
    pub url: String,
    /// A date as a person reads it, or empty.
    pub expires: String,
}

impl fmt::Debug for InvitationWords {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("InvitationWords").field("expires", &self.expires).finish_non_exhaustive()
    }
}

/// A message, ready for a letter.
#[derive(Clone, PartialEq, Eq)]
pub struct RenderedMail {
    /// One line.
    pub subject: String,
    pub text: String,
    pub html: Option<String>,
    /// The tag of the language it is written in.
    pub language: String,
}

/// The text may hold an invitation link.
impl fmt::Debug for RenderedMail {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RenderedMail").field("subject", &self.subject).field("language", &self.language).finish_non_exhaustive()
    }
}

/// The name to greet somebody by: the first word, or the first after the comma in `Last, First`.
fn first_name(full_name: &str) -> &str {
    let given = full_name.split_once(',').map_or(full_name, |(_, given)| given);
    given.split_whitespace().next().unwrap_or(full_name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn people_are_greeted_by_their_first_name() {
        let check = |full: &str, first: &str| assert_eq!(UserWords::new(full, "ap12", "nl").first_name, first, "{full:?}");
        check("Ana Pires", "Ana");
        check(" Pires, Ana Maria ", "Ana");
        check("Ana", "Ana");
        check("", "ap12");
        check("Pires,", "Pires,");
        check("\u{8587} \u{674e}", "\u{8587}");
    }

    #[test]
    fn debug_output_holds_no_link() {
        let words = InvitationWords { url: "https://secret".into(), expires: String::new() };
        assert!(!format!("{words:?}").contains("secret"));
    }
}
