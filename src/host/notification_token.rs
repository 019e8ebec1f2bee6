//! The secret that Apple shows with each notification: drawn once, kept in a file that only its owner can read.

use std::io::Write as _;
use std::path::Path;
use std::sync::{Mutex, PoisonError};

use secrecy::SecretString;

use super::config::{ConfigError, SiteConfig};

/// The listener and the follower may both come first; one makes the file, the other one finds it whole.
static MAKING: Mutex<()> = Mutex::new(());

/// Reads the secret, after making its file where there is none.
///
/// `draw` gives random text without white space, 122 bits or more each time.
///
/// # Errors
/// The file can't be read or made, or the reference leads to nothing.
pub fn notification_token(config: &SiteConfig, draw: &dyn Fn() -> String) -> Result<SecretString, ConfigError> {
    let reference = &config.http.notification_token;
    let _making = MAKING.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(path) = reference.file_path(&config.dir)
        && !path.exists()
    {
        make(&path, &format!("{}{}", draw(), draw()))
            .map_err(|e| reference.error(format!("{} can't be made: {e}", path.display())))?;
    }
    reference.resolve(&config.dir)
}

/// Readable for its owner only from the first byte on. A file that is there already stays.
fn make(path: &Path, secret: &str) -> std::io::Result<()> {
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder)?;
    }
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    match options.open(path) {
        Ok(mut file) => {
            file.write_all(secret.as_bytes())?;
            file.sync_all()
        }
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => Ok(()),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use secrecy::ExposeSecret as _;

    #[test]
    fn it_is_drawn_once_and_private() {
        let folder = tempfile::tempdir().unwrap();
        let config = SiteConfig::parse(folder.path(), "[site]\nname = \"S\"\ntimezone = \"Europe/Amsterdam\"\n").unwrap();
        let first = notification_token(&config, &|| "random-".to_owned()).unwrap();
        let second = notification_token(&config, &|| "another-".to_owned()).unwrap();
        assert_eq!((first.expose_secret(), second.expose_secret()), ("random-random-", "random-random-"));
        let file = std::fs::metadata(folder.path().join("secrets/notify.token")).unwrap();
        assert_eq!(std::os::unix::fs::PermissionsExt::mode(&file.permissions()) & 0o777, 0o600);
    }
}
