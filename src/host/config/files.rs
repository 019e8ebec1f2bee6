//! Which files a site's settings name: whoever changes one has changed the settings.

use std::path::PathBuf;

use super::sections::{PushIdentity, SiteConfig};
use super::{FileRef, SecretRef};

impl SiteConfig {
    /// The files of secrets, certificates and trust anchors that the settings name; they need not be there.
    #[must_use]
    pub fn files(&self) -> Vec<PathBuf> {
        let mut secrets: Vec<&SecretRef> = Vec::new();
        let mut anchors: Vec<&FileRef> = Vec::new();
        if let Some(apple) = &self.apps_and_books {
            secrets.push(&apple.token);
            anchors.extend(&apple.ca);
        }
        if let Some(mail) = &self.mail {
            secrets.extend(mail.login.as_ref().map(|login| &login.password));
            anchors.extend(&mail.ca);
        }
        if let Some(server) = self.mdm.server() {
            secrets.push(&server.api_key);
            anchors.extend(&server.ca);
        }
        secrets.extend(&self.mdm.webhook_key);
        if let Some(push) = &self.push {
            anchors.extend(&push.ca);
            match &push.identity {
                PushIdentity::Certificate { file, password } => secrets.extend(std::iter::once(file).chain(password)),
                PushIdentity::Key { file, .. } => secrets.push(file),
            }
        }
        if let Some(directory) = &self.directory {
            secrets.extend(&directory.password);
            anchors.extend(&directory.ca);
        }
        for webhook in &self.webhooks {
            secrets.push(&webhook.url);
            anchors.extend(&webhook.ca);
        }
        let secrets = secrets.into_iter().filter_map(|secret| secret.file_path(&self.dir));
        let mut files: Vec<PathBuf> = secrets.chain(anchors.into_iter().map(|file| file.path(&self.dir))).collect();
        files.sort();
        files.dedup();
        files
    }
}
