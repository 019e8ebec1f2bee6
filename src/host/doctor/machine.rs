//! The machine that a site is on: room on the disk, and who may read and change its files.

use std::path::{Path, PathBuf};

use super::Finding;
use crate::host::config::{MdmBackend, PushIdentity, SecretRef, SiteConfig};
use crate::host::site::Site;

/// Below this a store soon can't be written.
const ROOM_LEAST: u64 = 100 << 20;
const ROOM_LITTLE: u64 = 1 << 30;

pub(super) fn examine(site: &Site) -> Vec<Finding> {
    let mut findings = vec![room(site)];
    findings.extend(permissions(site));
    findings.extend(secrets(&site.config));
    findings
}

fn room(site: &Site) -> Finding {
    let folder = site.store.path().parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let free = match rustix::fs::statvfs(folder) {
        Ok(volume) => volume.f_bavail.saturating_mul(volume.f_frsize),
        Err(error) => {
            let words = format!("can't tell how much room there is for {}: {error}", folder.display());
            return Finding::warning("disk", words, "check that the folder can be read by this user");
        }
    };
    let words = format!("{} free for the store", size(free));
    let remedy = "make room: without it nothing can be written down, and so nothing is sent";
    match free {
        n if n < ROOM_LEAST => Finding::failed("disk", words, remedy),
        n if n < ROOM_LITTLE => Finding::warning("disk", words, remedy),
        _ => Finding::fine("disk", words),
    }
}

/// `1.4 GB`, as disks are sold.
pub(super) fn size(bytes: u64) -> String {
    let (unit, name) = match bytes {
        n if n >= 1_000_000_000 => (1_000_000_000, "GB"),
        n if n >= 1_000_000 => (1_000_000, "MB"),
        _ => (1_000, "kB"),
    };
    format!("{}.{} {name}", bytes / unit, bytes % unit * 10 / unit)
}

/// Who else can write what beckon believes, or read what it knows of people.
fn permissions(site: &Site) -> Vec<Finding> {
    #[cfg(unix)]
    {
        let mut findings = Vec::new();
        for path in [site.dir.clone(), site.dir.join("site.toml"), site.dir.join("scripts"), site.dir.join("templates")] {
            if let Some(mode) = mode(&path).filter(|mode| mode & 0o022 != 0) {
                let words = format!("{} can be changed by others than its owner (mode {mode:03o})", path.display());
                let remedy = format!("chmod go-w '{}': whoever changes it decides what beckon does", path.display());
                findings.push(Finding::failed("files", words, remedy).of_settings());
            }
        }
        let store = site.store.path();
        if let Some(mode) = mode(store).filter(|mode| mode & 0o077 != 0) {
            let folder = store.parent().and_then(self::mode).unwrap_or(0o777);
            // Who can't enter the folder can't open what is in it.
            if folder & 0o011 != 0 {
                let words = format!("{} can be read by others than its owner (mode {mode:03o})", store.display());
                let remedy = format!("chmod 600 '{}': it holds names and addresses", store.display());
                findings.push(Finding::warning("files", words, remedy));
            }
        }
        if findings.is_empty() {
            findings.push(Finding::fine("files", "nobody else can read or change the site's files"));
        }
        findings
    }
    #[cfg(not(unix))]
    {
        let _ = site;
        Vec::new()
    }
}

#[cfg(unix)]
fn mode(path: &Path) -> Option<u32> {
    use std::os::unix::fs::PermissionsExt as _;
    std::fs::metadata(path).ok().map(|found| found.permissions().mode() & 0o777)
}

/// Every secret that `site.toml` refers to, read once. Their modes are looked at by whoever reads them.
fn secrets(config: &SiteConfig) -> Vec<Finding> {
    let mut named: Vec<(&SecretRef, bool)> = Vec::new();
    // A token that is not there yet is told of by its own line.
    named.extend(config.apps_and_books.iter().filter(|_| config.token_is_installed()).map(|apple| (&apple.token, false)));
    named.extend(config.mail.iter().filter_map(|mail| mail.login.as_ref()).map(|login| (&login.password, false)));
    if let MdmBackend::NanoMdm(server) | MdmBackend::MicroMdm(server) = &config.mdm.backend {
        named.push((&server.api_key, false));
    }
    named.extend(config.mdm.webhook_key.iter().map(|key| (key, false)));
    if let Some(push) = &config.push {
        match &push.identity {
            PushIdentity::Certificate { file, password } => {
                named.push((file, true));
                named.extend(password.iter().map(|password| (password, false)));
            }
            PushIdentity::Key { file, .. } => named.push((file, false)),
        }
    }
    named.extend(config.directory.iter().filter_map(|directory| directory.password.as_ref()).map(|password| (password, false)));
    named.extend(config.webhooks.iter().map(|webhook| (&webhook.url, false)));
    let read = |(secret, is_bytes): &(&SecretRef, bool)| {
        let read = if *is_bytes { secret.resolve_bytes(&config.dir).map(drop) } else { secret.resolve(&config.dir).map(drop) };
        read.err().map(|error| {
            let remedy = error.hint.clone().unwrap_or_else(|| "see site.toml".to_owned());
            Finding::failed("secrets", format!("{}: {}", error.key, error.what), remedy).of_settings()
        })
    };
    let mut findings: Vec<Finding> = named.iter().filter_map(read).collect();
    if findings.is_empty() && !named.is_empty() {
        findings.push(Finding::fine("secrets", format!("all {} can be read, by nobody else", named.len())));
    }
    findings
}

/// Files with certificates that the site trusts beside the machine's, each once.
pub(super) fn anchors(config: &SiteConfig) -> Vec<PathBuf> {
    let apple = config.apps_and_books.iter().filter_map(|section| section.ca.as_ref());
    let mail = config.mail.iter().filter_map(|section| section.ca.as_ref());
    let mdm = config.mdm.server().into_iter().filter_map(|server| server.ca.as_ref());
    let push = config.push.iter().filter_map(|section| section.ca.as_ref());
    let hooks = config.webhooks.iter().filter_map(|section| section.ca.as_ref());
    let mut paths: Vec<PathBuf> =
        apple.chain(mail).chain(mdm).chain(push).chain(hooks).map(|file| file.path(&config.dir)).collect();
    paths.sort();
    paths.dedup();
    paths
}
