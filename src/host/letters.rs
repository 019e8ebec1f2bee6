//! Writing letters at the moment they leave: the person's language, today's words, the link.

use std::sync::Arc;

use chrono_tz::Tz;

use super::config::SiteConfig;
use super::site::Site;
use super::site_templates::SiteTemplates;
use crate::domain::delivery::Step;
use crate::store::Claimed;
use crate::templates::{InvitationWords, MailData, RenderedMail, SiteWords, TemplateError, UserWords};

/// Writes a site's letters.
pub struct Letters {
    templates: Arc<SiteTemplates>,
    site: SiteWords,
    language: String,
    zone: Tz,
}

impl Letters {
    #[must_use]
    pub fn of(site: &Site) -> Self {
        let helpdesk = site.config.settings.get("helpdesk").and_then(|v| v.as_str()).unwrap_or_default();
        Self {
            templates: Arc::clone(&site.templates),
            site: SiteWords {
                name: site.config.site.name.clone(),
                contact: contact(&site.config),
                helpdesk: helpdesk.to_owned(),
            },
            language: site.config.site.language.clone(),
            zone: site.config.site.timezone,
        }
    }

    /// Writes the letter of a delivery. `link` is the invitation's, where it has one.
    ///
    /// # Errors
    /// Why the template can't be rendered, in words for the record; the link is never in them.
    pub fn write(&self, delivery: &Claimed, link: Option<&str>) -> Result<RenderedMail, String> {
        let language = delivery.user.as_ref().and_then(|u| u.language.clone());
        let expires = delivery.invitation.as_ref().and_then(|i| i.expires_at);
        let (name, username) = delivery.user.as_ref().map_or(("", ""), |u| (u.full_name.as_str(), u.username.as_str()));
        let data = MailData {
            user: UserWords::new(name, username, language.as_deref().unwrap_or(&self.language)),
            site: self.site.clone(),
            invitation: InvitationWords {
                url: link.unwrap_or_default().to_owned(),
                expires: expires.map(|at| at.with_timezone(&self.zone).format("%Y-%m-%d").to_string()).unwrap_or_default(),
            },
            devices: delivery.device_names.clone(),
            reminder: match delivery.step {
                Step::Remind(n) => u32::from(n),
                Step::Invite | Step::Message => 0,
            },
            data: delivery.data.clone(),
        };
        let in_words = |errors: &[TemplateError]| errors.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n");
        let templates = self.templates.get().map_err(in_words)?;
        templates.render(&delivery.template, language.as_deref(), &data).map_err(|e| e.to_string())
    }
}

/// Whom a person with a question can write to: the site's contact, or whoever the mail is from.
fn contact(config: &SiteConfig) -> String {
    let from = || config.mail.as_ref().map(|mail| &mail.from.address);
    config.site.contact.as_ref().or_else(from).map(ToString::to_string).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    #[test]
    fn there_is_always_somebody_to_write_to() {
        let of = |more: &str| {
            let text = format!("[site]\nname = \"S\"\ntimezone = \"UTC\"\n{more}");
            contact(&SiteConfig::parse(Path::new("."), &text).unwrap())
        };
        let mail = "[mail]\nfrom = \"IT <it@school.example>\"\n";
        assert_eq!(of(&format!("contact = \"help@school.example\"\n{mail}")), "help@school.example");
        assert_eq!(of(mail), "it@school.example");
        assert_eq!(of(""), "");
    }
}
