//! The simulated world, served on loopback by the bench itself.

use std::path::Path;
use std::sync::Arc;

use beckon::channels::system_clock::SystemClock;
use beckon::domain::time::{Span, Timestamp};
use beckon::ports::clock::Clock as _;
use beckon::sim::people::Habits;
use beckon::sim::wire::{self, Running, ServeConfig, SmtpConfig};
use beckon::sim::{School, World, lock};
use tokio::runtime::Runtime;

use super::site;

/// A served world. Nobody in it accepts, and no device comes by: what is measured is the handing over.
pub struct Served {
    pub running: Running,
    token_expires: Timestamp,
    // Declared last: the services run on it.
    _runtime: Runtime,
}

const API_KEY: &str = "bench";

/// Serves the school's world. `per_second` is Apple's pace.
pub fn serve(school: &School, per_second: usize) -> Served {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().expect("a runtime");
    let token_expires = SystemClock.now() + Span::days(300);
    let mut world: World = school.world(Habits { accepts: 0.0, ..Habits::default() }, token_expires);
    world.mail.keep_bodies = false;
    world.apns.adopt_strangers = true;
    world.mdm.config.device_takes = (Span::days(1), Span::days(2));
    world.apple.config.limits.max_requests_per_second = per_second;
    let config = ServeConfig {
        nanomdm_api_key: API_KEY.to_owned(),
        smtp: SmtpConfig { starttls: false, ..SmtpConfig::default() },
        ..ServeConfig::new(world.shared())
    };
    let running = runtime.block_on(wire::serve(config, Arc::new(SystemClock))).expect("loopback ports are free");
    Served { running, token_expires, _runtime: runtime }
}

/// What stands in front of every command for the MDM server.
pub fn mdm_authorization() -> String {
    use base64::Engine as _;
    format!("Basic {}", base64::engine::general_purpose::STANDARD.encode(format!("nanomdm:{API_KEY}")))
}

/// `InviteToProgram` as a property list.
pub fn command_plist(uuid: &str, url: &str) -> String {
    let url = url.replace('&', "&amp;");
    format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<plist version=\"1.0\"><dict><key>CommandUUID</key><string>{uuid}</string>\
         <key>Command</key><dict><key>RequestType</key><string>InviteToProgram</string><key>ProgramID</key>\
         <string>com.apple.cloudvpp</string><key>InvitationURL</key><string>{url}</string></dict></dict></plist>"
    )
}

impl Served {
    /// The sections of a site that uses all of it; its secrets are written into the site's folder.
    pub fn sections(&self, dir: &Path, school: &School, connections: usize) -> String {
        std::fs::create_dir_all(dir.join("secrets")).expect("the target folder can be written");
        school.write_token(&dir.join("secrets/content.vpptoken"), self.token_expires).expect("the target folder can be written");
        site::write_secret(&dir.join("secrets/nanomdm.key"), API_KEY);
        format!(
            "[apps_and_books]\ntoken = \"file:secrets/content.vpptoken\"\nbase_url = \"{}\"\n\
             [mdm]\nbackend = \"nanomdm\"\nurl = \"{}\"\napi_key = \"file:secrets/nanomdm.key\"\n{}",
            self.running.apps_and_books_url,
            self.running.nanomdm_url,
            mail_section(&self.running.smtp_addr.to_string(), connections),
        )
    }

    pub fn mails(&self) -> usize {
        lock(&self.running.world).mail.stored().len()
    }

    pub fn mails_twice(&self) -> usize {
        lock(&self.running.world).mail.duplicates().len()
    }

    pub fn forget_mail(&self) {
        lock(&self.running.world).mail.clear();
    }

    /// Commands that the MDM server has taken since it started.
    pub fn commands(&self) -> usize {
        lock(&self.running.world).mdm.commands()
    }
}

pub fn mail_section(relay: &str, connections: usize) -> String {
    format!(
        "[mail]\nfrom = \"IT Sunnyside <it@sunnyside.example>\"\nrelay = \"smtp://{relay}\"\ntls = \"none\"\nconnections = {connections}\n"
    )
}
