//! References to secrets and files: checked when the site file is read, followed when somebody needs them.

use std::fs::OpenOptions;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use secrecy::{SecretSlice, SecretString};

use super::error::ConfigError;
use super::within;

/// Passwords and keys are short, and PKCS#12 files are a few kilobytes.
const SECRET_BYTES_MAX: u64 = 256 * 1024;
/// Bundles of trust anchors can have some hundred certificates.
const FILE_BYTES_MAX: u64 = 4 * 1024 * 1024;

/// Where a secret is. Holds no secret itself, so it may be printed and logged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SecretRef {
    from: From,
    /// The error that resolving it ends in, with its place filled in.
    place: ConfigError,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum From {
    Env(String),
    File(String),
    Keyring(String),
}

const FORMS: &str = "write env:NAME or file:PATH; whoever has seen a secret in this file knows it, so change it as well";

impl SecretRef {
    /// Reads `env:NAME`, `file:PATH` or `keyring:NAME`; `place` makes an error at the value's place.
    pub(super) fn parse(text: &str, place: impl Fn(&str) -> ConfigError) -> Result<Self, ConfigError> {
        // The text may be the secret itself: nothing of it goes into a message.
        let literal = || place("it has to be a reference to a secret, and must not be the secret itself").hint(FORMS);
        let (scheme, name) = text.split_once(':').ok_or_else(literal)?;
        let from = match scheme {
            "env" => {
                let mut chars = name.chars();
                let fine = chars.next().is_some_and(|c| c.is_ascii_alphabetic() || c == '_')
                    && chars.all(|c| c.is_ascii_alphanumeric() || c == '_');
                if !fine {
                    return Err(
                        place("after env: comes the name of an environment variable").hint("such as env:BECKON_SMTP_PASSWORD")
                    );
                }
                From::Env(name.to_owned())
            }
            "file" => From::File(path(name, &place)?),
            "keyring" if !name.is_empty() => From::Keyring(name.to_owned()),
            _ => return Err(literal()),
        };
        Ok(Self { from, place: place("") })
    }

    /// A reference to a file that no `site.toml` names, such as one that is being tried.
    #[must_use]
    pub fn of_file(path: &Path) -> Self {
        Self { from: From::File(path.display().to_string()), place: ConfigError::of_file(path, "") }
    }

    /// The file that holds the secret, when a file does.
    #[must_use]
    pub fn file_path(&self, dir: &Path) -> Option<PathBuf> {
        match &self.from {
            From::File(path) => Some(within(dir, path)),
            From::Env(_) | From::Keyring(_) => None,
        }
    }

    /// The reference as written: `env:NAME` or `file:PATH`.
    #[must_use]
    pub fn reference(&self) -> String {
        match &self.from {
            From::Env(name) => format!("env:{name}"),
            From::File(path) => format!("file:{path}"),
            From::Keyring(name) => format!("keyring:{name}"),
        }
    }

    /// Reads the secret, a text; line breaks at its end are dropped.
    ///
    /// # Errors
    /// It isn't there, can't be read, is empty, is no text, or is a file that others can read.
    pub fn resolve(&self, dir: &Path) -> Result<SecretString, ConfigError> {
        let text = match &self.from {
            From::Env(name) => match std::env::var(name) {
                Ok(value) => value,
                Err(std::env::VarError::NotPresent) => {
                    return Err(self
                        .error(format!("the environment variable {name} is not set"))
                        .hint("set it where beckon is started, or keep the secret in a file and write file:PATH"));
                }
                Err(std::env::VarError::NotUnicode(_)) => {
                    return Err(self.error(format!("the environment variable {name} is not UTF-8 text")));
                }
            },
            From::File(path) => {
                let path = within(dir, path);
                String::from_utf8(self.read(&path)?).map_err(|_| self.error(format!("{} is not UTF-8 text", path.display())))?
            }
            From::Keyring(_) => return Err(self.no_keyring()),
        };
        let trimmed = text.strip_prefix('\u{feff}').unwrap_or(&text).trim_end_matches(['\r', '\n']);
        if trimmed.is_empty() {
            return Err(self.error(format!("{} is empty", self.reference())));
        }
        if trimmed.len() as u64 > SECRET_BYTES_MAX {
            return Err(self.error(format!("{} is larger than {} KiB", self.reference(), SECRET_BYTES_MAX / 1024)));
        }
        Ok(SecretString::from(trimmed))
    }

    /// Reads the secret as bytes, such as a PKCS#12 file. An environment variable holds none.
    ///
    /// # Errors
    /// As for `resolve`.
    pub fn resolve_bytes(&self, dir: &Path) -> Result<SecretSlice<u8>, ConfigError> {
        match &self.from {
            From::File(path) => self.read(&within(dir, path)).map(SecretSlice::from),
            From::Env(_) => Err(self.error("an environment variable can't hold a binary file").hint("write file:PATH")),
            From::Keyring(_) => Err(self.no_keyring()),
        }
    }

    /// An error about what the reference leads to, at the reference's place in the site file.
    #[must_use]
    pub fn error(&self, what: impl Into<String>) -> ConfigError {
        ConfigError { what: what.into(), ..self.place.clone() }
    }

    fn no_keyring(&self) -> ConfigError {
        self.error("this build of beckon has no keyring support").hint("write env:NAME or file:PATH")
    }

    fn read(&self, path: &Path) -> Result<Vec<u8>, ConfigError> {
        let bytes = read_bounded(path, SECRET_BYTES_MAX, true).map_err(|(what, hint)| {
            let error = self.error(what);
            if let Some(hint) = hint { error.hint(hint) } else { error }
        })?;
        if bytes.is_empty() {
            return Err(self.error(format!("{} is empty", path.display())));
        }
        Ok(bytes)
    }
}

/// A file that is no secret, such as a trust anchor: `file:PATH`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileRef {
    path: String,
    place: ConfigError,
}

impl FileRef {
    pub(super) fn parse(text: &str, place: impl Fn(&str) -> ConfigError) -> Result<Self, ConfigError> {
        let name = text.strip_prefix("file:").ok_or_else(|| place("it has to be a file").hint("write file:PATH"))?;
        Ok(Self { path: path(name, &place)?, place: place("") })
    }

    #[must_use]
    pub fn path(&self, dir: &Path) -> PathBuf {
        within(dir, &self.path)
    }

    /// Reads the file, of at most 4 MiB.
    ///
    /// # Errors
    /// It isn't there, can't be read, or is too large.
    pub fn read(&self, dir: &Path) -> Result<Vec<u8>, ConfigError> {
        read_bounded(&self.path(dir), FILE_BYTES_MAX, false).map_err(|(what, hint)| {
            let error = ConfigError { what, ..self.place.clone() };
            if let Some(hint) = hint { error.hint(hint) } else { error }
        })
    }
}

fn path(name: &str, place: impl Fn(&str) -> ConfigError) -> Result<String, ConfigError> {
    if name.trim().is_empty() || name.contains('\0') {
        return Err(place("after file: comes a path").hint("such as file:secrets/password; it starts at the site's folder"));
    }
    Ok(name.to_owned())
}

type Refusal = (String, Option<String>);

/// Reads an ordinary file. The file that was opened is the one whose mode is looked at, so a
/// symbolic link, or a swap in between, can't show another one.
fn read_bounded(path: &Path, max: u64, private: bool) -> Result<Vec<u8>, Refusal> {
    let shown = path.display();
    let mut options = OpenOptions::new();
    options.read(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt as _;
        // Opening a pipe must not wait for somebody to write into it.
        options.custom_flags(libc::O_NONBLOCK);
    }
    let file = options.open(path).map_err(|error| match error.kind() {
        std::io::ErrorKind::NotFound => {
            (format!("there is no file {shown}"), Some("relative paths start at the site's folder".to_owned()))
        }
        _ => (format!("{shown} can't be read: {error}"), None),
    })?;
    let metadata = file.metadata().map_err(|error| (format!("{shown} can't be read: {error}"), None))?;
    if !metadata.is_file() {
        return Err((format!("{shown} is not an ordinary file"), None));
    }
    #[cfg(unix)]
    if private {
        use std::os::unix::fs::PermissionsExt as _;
        let mode = metadata.permissions().mode() & 0o777;
        if mode & 0o077 != 0 {
            let real = std::fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
            return Err((
                format!("{shown} can be opened by others than its owner (mode {mode:03o})"),
                Some(format!("chmod 600 '{}'", real.display())),
            ));
        }
    }
    #[cfg(not(unix))]
    let _ = private;
    let mut bytes = Vec::new();
    file.take(max + 1).read_to_end(&mut bytes).map_err(|error| (format!("{shown} can't be read: {error}"), None))?;
    if bytes.len() as u64 > max {
        return Err((format!("{shown} is larger than {} KiB", max / 1024), None));
    }
    Ok(bytes)
}
