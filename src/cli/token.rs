//! `beckon token`: checking, describing and installing Apple's content token, without ever printing it.

use std::fs::{File, OpenOptions};
use std::io::{Read as _, Write as _};
use std::path::{Path, PathBuf};

use secrecy::ExposeSecret as _;

use super::args;
use super::exit::{Exit, Failure};
use super::session::Session;
use crate::domain::content_token::ContentToken;
use crate::domain::time::{Span, show};
use crate::host::site::Site;
use crate::host::token::{Check, check_token};

/// A token file is a few hundred bytes; anything larger is some other file.
const FILE_MAX: u64 = 64 * 1024;

/// Installs or shows the token.
///
/// # Errors
/// The file is no token, has expired, is for another unit, or can't be put in its place.
pub fn token(session: &Session, command: &args::Token) -> Result<Exit, Failure> {
    let site = session.open_site()?;
    match command {
        args::Token::Install { file, take_over } => install(session, &site, file, *take_over),
        args::Token::Show => {
            let path = place(&site)?;
            if !path.exists() {
                return Err(Failure::new(Exit::Configuration, "the site has no content token yet")
                    .remedy("`beckon token install FILE` checks one and puts it there"));
            }
            let token = read(&path)?;
            describe(session, &site, &token);
            Ok(Exit::Done)
        }
    }
}

fn install(session: &Session, site: &Site, file: &Path, take_over: bool) -> Result<Exit, Failure> {
    let token = read(file)?;
    let now = session.clock.now();
    if token.expires <= now {
        return Err(Failure::new(
            Exit::Configuration,
            format!("this token expired on {}; it was not installed", show(token.expires, site.config.site.timezone)),
        )
        .remedy(
            "download a new one from Apple School Manager or Apple Business: Preferences, Payments and Billing, Content Tokens",
        ));
    }
    let path = place(site)?;
    // Apple itself says whose token it is. It is asked with the new token, before the old one is gone.
    let staged = path.with_extension("new");
    write_secret(&staged, token.bearer().expose_secret())?;
    let checked = ask_apple(session, site, &staged, take_over);
    match checked {
        Ok(check) => {
            std::fs::rename(&staged, &path)?;
            describe(session, site, &token);
            println!("  unit          {}", check.unit);
            println!("installed as {}", path.display());
            Ok(Exit::Done)
        }
        Err(failure) => {
            // Nothing refused stays behind.
            let _ = std::fs::remove_file(&staged);
            Err(failure)
        }
    }
}

fn ask_apple(session: &Session, site: &Site, staged: &Path, take_over: bool) -> Result<Check, Failure> {
    let config = site.config.with_token_file(staged);
    let ports = session.ports(&config)?;
    let Some(apple) = ports.apps_and_books else {
        return Err(Failure::new(Exit::Configuration, "site.toml has no section [apps_and_books]"));
    };
    session.block_on(check_token(&site.store, apple.as_ref(), take_over))?.map_err(|refusal| {
        Failure::new(Exit::Configuration, format!("{}; the token was not installed", refusal.what)).remedy(refusal.remedy)
    })
}

fn describe(session: &Session, site: &Site, token: &ContentToken) {
    let left = token.expires - session.clock.now();
    let soon = if left < Span::days(30) { format!(", in {} days: renew it soon", left.num_days()) } else { String::new() };
    println!("content token");
    println!("  organisation  {}", token.organisation);
    println!("  expires       {}{soon}", show(token.expires, site.config.site.timezone));
    if let Ok(Some(unit)) = site.store.fact("unit_name") {
        println!("  site's unit   {unit}");
    }
}

/// Where site.toml wants the token.
fn place(site: &Site) -> Result<PathBuf, Failure> {
    let Some(apple) = &site.config.apps_and_books else {
        return Err(Failure::new(Exit::Configuration, "site.toml has no section [apps_and_books]")
            .remedy("add it with token = \"file:secrets/content.vpptoken\""));
    };
    apple.token.file_path(&site.dir).ok_or_else(|| {
        Failure::new(
            Exit::Configuration,
            "site.toml does not keep the content token in a file, so there is no place to install it",
        )
        .remedy("put it where apps_and_books.token points, or make that file:PATH")
    })
}

fn read(path: &Path) -> Result<ContentToken, Failure> {
    let mut bytes = Vec::new();
    File::open(path)
        .and_then(|file| file.take(FILE_MAX + 1).read_to_end(&mut bytes))
        .map_err(|e| Failure::new(Exit::Configuration, format!("can't read {}: {e}", path.display())))?;
    if bytes.len() as u64 > FILE_MAX {
        return Err(Failure::new(Exit::Configuration, format!("{} is too large to be a content token", path.display())));
    }
    ContentToken::parse(&bytes).map_err(|why| {
        Failure::new(Exit::Configuration, format!("{} is not a content token: {why}", path.display()))
            .remedy("use the file that Apple School Manager or Apple Business lets you download, unchanged")
    })
}

/// Writes a secret so that only this user can read it, from its first byte on.
fn write_secret(path: &Path, secret: &str) -> Result<(), Failure> {
    use std::os::unix::fs::OpenOptionsExt as _;
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder)?;
    }
    // A left-over of an earlier try may have other permissions.
    let _ = std::fs::remove_file(path);
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
    file.write_all(secret.as_bytes())?;
    file.sync_all()?;
    Ok(())
}
