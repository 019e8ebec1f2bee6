//! The school as the files that a site imports.

use std::io;
use std::path::Path;

use base64::Engine as _;

use super::School;
use crate::domain::time::Timestamp;
use crate::sim::seed::Seed;

/// The names of the roster files, in the order of [`School::csv`].
const FILES: [&str; 5] = ["users.csv", "groups.csv", "memberships.csv", "nested.csv", "devices.csv"];

impl School {
    /// The roster files: name and content.
    ///
    /// # Errors
    /// Never in practice: writing to memory doesn't fail.
    pub fn csv(&self) -> io::Result<Vec<(&'static str, String)>> {
        let contents = [self.users_csv()?, self.groups_csv()?, self.memberships_csv()?, self.nested_csv()?, self.devices_csv()?];
        Ok(FILES.into_iter().zip(contents).collect())
    }

    /// Writes `users.csv`, `groups.csv`, `memberships.csv`, `nested.csv` and `devices.csv` into `folder`,
    /// which is made where it doesn't exist.
    ///
    /// # Errors
    /// What the file system says.
    pub fn write_csv(&self, folder: &Path) -> io::Result<()> {
        std::fs::create_dir_all(folder)?;
        for (name, content) in self.csv()? {
            std::fs::write(folder.join(name), content)?;
        }
        Ok(())
    }

    /// Writes the content token file of the school's unit, readable by its owner only.
    ///
    /// # Errors
    /// What the file system says.
    pub fn write_token(&self, file: &Path, expires: Timestamp) -> io::Result<()> {
        use std::io::Write as _;
        let mut options = std::fs::OpenOptions::new();
        options.write(true).create(true).truncate(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        options.open(file)?.write_all(content_token(self.seed, &self.name, expires).as_bytes())
    }

    fn users_csv(&self) -> io::Result<String> {
        let header = ["username", "full_name", "mail", "language", "department", "title", "enabled", "managed_account"];
        table(
            &header,
            self.users.iter().map(|u| {
                [
                    u.username.as_str(),
                    &u.full_name,
                    u.mail.as_deref().unwrap_or_default(),
                    u.language,
                    &u.department,
                    u.title,
                    yes_no(u.enabled),
                    u.managed_account.as_deref().unwrap_or_default(),
                ]
            }),
        )
    }

    fn groups_csv(&self) -> io::Result<String> {
        table(&["name", "distribution"], self.groups.iter().map(|g| [g.name.as_str(), yes_no(g.distribution)]))
    }

    fn memberships_csv(&self) -> io::Result<String> {
        table(&["group", "username"], self.memberships.iter().map(|(group, username)| [group.as_str(), username]))
    }

    fn nested_csv(&self) -> io::Result<String> {
        table(&["group", "within"], self.nested.iter().map(|(group, within)| [group.as_str(), within]))
    }

    fn devices_csv(&self) -> io::Result<String> {
        let header =
            ["serial", "udid", "name", "platform", "os_version", "model", "user", "managed", "enrollment", "user_channel"];
        table(
            &header,
            self.devices.iter().map(|d| {
                [
                    d.device.serial.as_str(),
                    &d.device.udid,
                    &d.device.name,
                    d.device.platform.word(),
                    &d.device.os_version,
                    &d.device.model,
                    d.device.user.as_deref().unwrap_or_default(),
                    yes_no(d.managed),
                    d.device.enrollment.word(),
                    d.device.user_channel.as_deref().unwrap_or_default(),
                ]
            }),
        )
    }
}

/// A content token as Apple's download holds it: one Base64 text. The same seed gives the same secret.
#[must_use]
pub fn content_token(seed: u64, organisation: &str, expires: Timestamp) -> String {
    let engine = base64::engine::general_purpose::STANDARD;
    let token = engine.encode(format!("simulated {}", Seed::named(seed, &["content token"]).hex(16)));
    let expires = expires.format("%Y-%m-%dT%H:%M:%S+0000").to_string();
    engine.encode(serde_json::json!({ "token": token, "expDate": expires, "orgName": organisation }).to_string())
}

fn table<const N: usize>(header: &[&str; N], rows: impl Iterator<Item = [impl AsRef<[u8]>; N]>) -> io::Result<String> {
    let mut writer = csv::Writer::from_writer(Vec::new());
    writer.write_record(header).map_err(io::Error::other)?;
    for row in rows {
        writer.write_record(&row).map_err(io::Error::other)?;
    }
    let bytes = writer.into_inner().map_err(|e| io::Error::other(e.to_string()))?;
    String::from_utf8(bytes).map_err(io::Error::other)
}

fn yes_no(yes: bool) -> &'static str {
    if yes { "yes" } else { "no" }
}
