//! The files of a site that uses the simulated services: its `site.toml`, their certificate, their keys.

use std::fs;
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use super::Running;

/// What such a site is like beside its services.
pub struct SiteFiles<'a> {
    /// The school's name.
    pub school: &'a str,
    /// Where the site listens for the MDM server.
    pub listen: &'a str,
    /// What the MDM server signs its reports with.
    pub webhook_key: &'a str,
    /// Lines of `[mail]` after sender and relay.
    pub mail: &'a str,
    /// More sections.
    pub more: &'a str,
}

impl Running {
    /// Writes them into a site's folder, over what is there.
    ///
    /// # Errors
    /// The folder can't be written, or has no `secrets`.
    pub fn write_site(&self, dir: &Path, files: &SiteFiles<'_>) -> io::Result<()> {
        fs::write(dir.join("site.toml"), self.site_toml(files))?;
        fs::write(dir.join("ca.pem"), &self.ca_pem)?;
        write_private(&dir.join("secrets/nanomdm.key"), &self.nanomdm_api_key)?;
        write_private(&dir.join("secrets/webhook.key"), files.webhook_key)
    }

    fn site_toml(&self, files: &SiteFiles<'_>) -> String {
        let SiteFiles { school, listen, mail, more, .. } = files;
        format!(
            r#"# A simulated school, made by beckon. Its services run as long as the command that made it.
[site]
name     = "{school}"
timezone = "Europe/Amsterdam"
language = "nl"
contact  = "it@sunnyside.example"

[apps_and_books]
token    = "file:secrets/content.vpptoken"
base_url = "{apple}"

[mail]
from  = "IT Sunnyside <it@sunnyside.example>"
relay = "smtp://{smtp}"
{mail}

[mdm]
backend     = "nanomdm"
url         = "{mdm}"
api_key     = "file:secrets/nanomdm.key"
webhook_key = "file:secrets/webhook.key"

[http]
listen = "{listen}"

{more}
"#,
            apple = self.apps_and_books_url,
            smtp = self.smtp_addr,
            mdm = self.nanomdm_url,
        )
    }
}

/// A file that nobody but its owner can read.
///
/// # Errors
/// It can't be written.
pub fn write_private(path: &Path, text: &str) -> io::Result<()> {
    let mut file = fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(path)?;
    file.write_all(text.as_bytes())
}
