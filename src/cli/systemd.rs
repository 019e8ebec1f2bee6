//! What the service manager is told (sd_notify(3)), and the unit that it reads.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use crate::host::serve::Life;
use crate::host::site::Site;

/// Tells systemd, where it asked to be told.
pub struct Supervisor {
    #[cfg(unix)]
    socket: Option<std::os::unix::net::UnixDatagram>,
    /// Every so many signs of life one is passed on; 0: nobody waits for them.
    alive_every: u64,
    alive: AtomicU64,
}

impl Supervisor {
    /// The one that started us, by `NOTIFY_SOCKET` and `WATCHDOG_USEC`. `tick_ms`: how often we show life.
    #[must_use]
    pub fn of_environment(tick_ms: u64) -> Self {
        let number = |name: &str| std::env::var(name).ok()?.parse::<u64>().ok();
        let ours = number("WATCHDOG_PID").is_none_or(|pid| pid == u64::from(std::process::id()));
        let limit_ms = number("WATCHDOG_USEC").filter(|_| ours).map_or(0, |us| us / 1_000);
        Self {
            #[cfg(unix)]
            socket: std::env::var_os("NOTIFY_SOCKET").and_then(|name| connect(&name)),
            // Twice within the limit, as the manual says.
            alive_every: if limit_ms == 0 { 0 } else { (limit_ms / 2 / tick_ms.max(1)).max(1) },
            alive: AtomicU64::new(0),
        }
    }

    /// Passes a sign of life on. Nobody listening is no reason to stop.
    pub fn tell(&self, life: Life) {
        match life {
            // A process that stands by is ready for what it is there for.
            Life::StandingBy => self.send("READY=1\nSTATUS=standing by: another beckon serve looks after this site"),
            Life::Ready => self.send("READY=1\nSTATUS=serving"),
            Life::Reloading => self.send("RELOADING=1\nSTATUS=reading the site's files again"),
            Life::Stopping => self.send("STOPPING=1\nSTATUS=finishing what is being handed over"),
            Life::Alive => {
                let n = self.alive.fetch_add(1, Ordering::Relaxed);
                if self.alive_every > 0 && n.is_multiple_of(self.alive_every) {
                    self.send("WATCHDOG=1");
                }
            }
        }
    }

    #[cfg(unix)]
    fn send(&self, text: &str) {
        if let Some(socket) = &self.socket {
            let _ = socket.send(text.as_bytes());
        }
    }

    #[cfg(not(unix))]
    fn send(&self, _: &str) {}
}

/// The socket is a path, or on Linux a name after `@` that no file system has.
#[cfg(unix)]
fn connect(name: &std::ffi::OsStr) -> Option<std::os::unix::net::UnixDatagram> {
    use std::os::unix::ffi::OsStrExt as _;
    let socket = std::os::unix::net::UnixDatagram::unbound().ok()?;
    socket.set_nonblocking(true).ok()?;
    match name.as_bytes() {
        #[cfg(target_os = "linux")]
        [b'@', name @ ..] => {
            use std::os::linux::net::SocketAddrExt as _;
            socket.connect_addr(&std::os::unix::net::SocketAddr::from_abstract_name(name).ok()?).ok()?;
        }
        _ => socket.connect(name).ok()?,
    }
    Some(socket)
}

/// The unit file for a site: started at boot, restarted when it fails or hangs, and kept away from
/// everything but the site's folder and the network.
#[must_use]
pub fn unit(site: &Site, dir: &Path, program: &Path) -> String {
    let (quoted_dir, quoted_program) = (quoted(dir), quoted(program));
    let maildir = site.config.mail.as_ref().and_then(|mail| mail.bounces.as_deref()).filter(|path| !path.starts_with(dir));
    let mut unit = format!(
        "# For /etc/systemd/system/beckon.service: then `systemctl enable --now beckon`.\n\
         [Unit]\n\
         Description=beckon serve for {}\n\
         Wants=network-online.target\n\
         After=network-online.target\n\
         \n\
         [Service]\n\
         Type=notify\n\
         NotifyAccess=main\n\
         ExecStart={quoted_program} --site {quoted_dir} serve\n\
         ExecReload=/bin/kill -HUP $MAINPID\n\
         WorkingDirectory={}\n\
         Restart=on-failure\n\
         RestartSec=5\n\
         WatchdogSec=60\n\
         TimeoutStartSec=60\n\
         # What is being handed over when it is stopped is finished and written down.\n\
         TimeoutStopSec=120\n",
        one_line(&site.config.site.name),
        unquoted(dir),
    );
    match owner(dir) {
        Some((user, group)) => _ = write!(unit, "User={user}\nGroup={group}\n"),
        None => unit.push_str("# Give the folder to a user of its own, and name that user here.\n# User=beckon\n"),
    }
    let _ = write!(
        unit,
        "# Lines NAME=VALUE for secrets that site.toml names as env:NAME; chmod 600.\n\
         EnvironmentFile=-{}\n\
         UMask=0077\n\
         \n\
         ProtectSystem=strict\n\
         ReadWritePaths={quoted_dir}{}\n",
        unquoted(&dir.join("secrets").join("environment")),
        // Reports are moved within their mailbox. It may come later than the unit: "-".
        maildir.map_or_else(String::new, |path| format!(" {}", quoted(Path::new(&format!("-{}", path.display()))))),
    );
    let needed: Vec<&Path> = [Some(dir), Some(program), maildir].into_iter().flatten().collect();
    let within = |roots: &[&str]| roots.iter().any(|root| needed.iter().any(|path| path.starts_with(root)));
    unit.push_str(if within(&["/home", "/root", "/run/user"]) { "ProtectHome=read-only\n" } else { "ProtectHome=yes\n" });
    unit.push_str(if within(&["/tmp", "/var/tmp"]) { "PrivateTmp=no\n" } else { "PrivateTmp=yes\n" });
    unit.push_str(
        "PrivateDevices=yes\nNoNewPrivileges=yes\nProtectKernelTunables=yes\nProtectKernelModules=yes\n\
         ProtectKernelLogs=yes\nProtectControlGroups=yes\nProtectClock=yes\nProtectHostname=yes\n\
         RestrictAddressFamilies=AF_INET AF_INET6 AF_UNIX AF_NETLINK\nRestrictNamespaces=yes\nRestrictRealtime=yes\n\
         RestrictSUIDSGID=yes\nLockPersonality=yes\nMemoryDenyWriteExecute=yes\nSystemCallArchitectures=native\n\
         SystemCallFilter=@system-service\n",
    );
    let low_port = site.config.http.listen.port() < 1024;
    unit.push_str(if low_port {
        "CapabilityBoundingSet=CAP_NET_BIND_SERVICE\nAmbientCapabilities=CAP_NET_BIND_SERVICE\n"
    } else {
        "CapabilityBoundingSet=\n"
    });
    unit.push_str("\n[Install]\nWantedBy=multi-user.target\n");
    unit
}

/// A path as one word of a command line or list; `%` starts a specifier there.
fn quoted(path: &Path) -> String {
    let text = unquoted(path).replace('\\', "\\\\").replace('"', "\\\"").replace('$', "$$");
    if text.contains([' ', '"', '\\', '\'', ';']) { format!("\"{text}\"") } else { text }
}

/// A path that is a whole value.
fn unquoted(path: &Path) -> String {
    one_line(&path.display().to_string())
}

fn one_line(text: &str) -> String {
    text.replace(['\n', '\r'], " ").replace('%', "%%")
}

/// Who the folder belongs to, as numbers; root is nobody to run it as.
fn owner(dir: &Path) -> Option<(u32, u32)> {
    #[cfg(unix)]
    {
        use std::os::unix::fs::MetadataExt as _;
        let metadata = std::fs::metadata(dir).ok()?;
        (metadata.uid() != 0).then(|| (metadata.uid(), metadata.gid()))
    }
    #[cfg(not(unix))]
    {
        let _ = dir;
        None
    }
}

/// This program, as a unit can name it.
///
/// # Errors
/// The system doesn't say.
pub fn this_program() -> std::io::Result<PathBuf> {
    std::env::current_exe()?.canonicalize()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_with_special_characters_stay_one_word() {
        assert_eq!(quoted(Path::new("/srv/beckon")), "/srv/beckon");
        assert_eq!(quoted(Path::new("/srv/my school")), "\"/srv/my school\"");
        assert_eq!(quoted(Path::new("/srv/100% \"a\"")), "\"/srv/100%% \\\"a\\\"\"");
        assert_eq!(unquoted(Path::new("/srv/a\nUser=root")), "/srv/a User=root");
    }
}
