//! A site of a simulated school, with its simulated services on loopback: for `beckon demo` and `beckon sim`.

use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use beckon::cli::exit::{Exit, Failure};
use beckon::cli::session::Session;
use beckon::cli::{EXAMPLE_SCRIPTS, init};
use beckon::domain::time::{Span, Timestamp};
use beckon::sim::faults::{RetryAfterForm, Unavailable};
use beckon::sim::mailboxes::MailboxConduct;
use beckon::sim::people::Habits;
use beckon::sim::wire::{self, ApnsAuth, Running, ServeConfig, SiteFiles, WebhookTarget, write_private};
use beckon::sim::{School, World, WorldConfig, lock};

/// What school, and what its people and services are like.
pub struct SchoolSpec {
    pub users: usize,
    pub seed: u64,
    /// People and devices answer within seconds instead of hours.
    pub hurried: bool,
    /// The first of five ports; 0 lets the system choose.
    pub port: u16,
    pub webhook: Option<String>,
    pub apple_down: Option<Span>,
    pub greylist: bool,
}

impl Default for SchoolSpec {
    fn default() -> Self {
        Self { users: 300, seed: 7, hurried: false, port: 0, webhook: None, apple_down: None, greylist: false }
    }
}

/// The services of a simulated school; they end when this is dropped.
pub struct Services {
    pub running: Running,
    pub school: School,
    /// Where the site listens for the MDM server.
    pub listen: String,
    token_expires: Timestamp,
}

/// A site folder that uses simulated services.
pub struct SimulatedSite {
    services: Services,
    dir: PathBuf,
}

/// Starts the services.
///
/// # Errors
/// A port is taken, or the machine has none.
pub fn serve(session: &Session, spec: &SchoolSpec) -> Result<Services, Failure> {
    let now = session.clock.now();
    let token_expires = now + Span::days(300);
    let school = School::generate(spec.seed, spec.users);
    let habits = if spec.hurried {
        Habits { accepts: 0.8, takes: (Span::seconds(1), Span::seconds(9)), strangers: true }
    } else {
        Habits { takes: (Span::seconds(20), Span::minutes(10)), ..Habits::default() }
    };
    let mut world = World::new(WorldConfig { habits, ..WorldConfig::seeded(spec.seed) });
    school.move_into(&mut world, token_expires);
    world.mdm.config.device_takes = (Span::milliseconds(50), Span::milliseconds(900));
    if let Some(down) = spec.apple_down {
        world.apple.faults.unavailable = Some(Unavailable { until: now + down, form: RetryAfterForm::Seconds });
    }
    if spec.greylist {
        world.mail.default_conduct = MailboxConduct::Greylists { times: 1 };
    }
    // The site's own listener needs an address that both sides know before either starts.
    let listen = TcpListener::bind("127.0.0.1:0")?.local_addr()?.to_string();
    let url = spec.webhook.clone().unwrap_or_else(|| format!("http://{listen}/mdm/webhook"));
    let ports = match spec.port {
        0 => wire::Ports::default(),
        first => wire::Ports { apps_and_books: first, nanomdm: first + 1, smtp: first + 2, smtps: first + 3, apns: first + 4 },
    };
    let config = ServeConfig {
        ports,
        webhook: Some(WebhookTarget { url, hmac_key: Some(WEBHOOK_KEY.as_bytes().to_vec()) }),
        apns_auth: ApnsAuth::ProviderToken,
        ..ServeConfig::new(world.shared())
    };
    let running = session.block_on(wire::serve(config, Arc::clone(&session.clock)))??;
    Ok(Services { running, school, listen, token_expires })
}

/// Of the simulated webhook: it protects nothing but a simulation.
const WEBHOOK_KEY: &str = "simulated-webhook-key";

impl SimulatedSite {
    /// Starts the services and makes `dir` a site that uses them. Its roster is written beside it,
    /// not imported, and its token not installed.
    ///
    /// # Errors
    /// The folder can't be made, or the services can't be started.
    pub fn start(session: &Session, dir: &Path, spec: &SchoolSpec) -> Result<Self, Failure> {
        let services = serve(session, spec)?;
        let site = Self { services, dir: dir.to_owned() };
        init::init(dir, EXAMPLE_SCRIPTS, beckon::templates::shipped_files())
            .map_err(|e| Failure::new(Exit::Configuration, e.to_string()).remedy(e.remedy()))?;
        site.write_files()?;
        Ok(site)
    }

    fn write_files(&self) -> Result<(), Failure> {
        let Services { running, school, listen, token_expires } = &self.services;
        let files = SiteFiles {
            school: &school.name,
            listen,
            webhook_key: WEBHOOK_KEY,
            mail: "tls   = \"required\"\nca    = \"file:ca.pem\"",
            more: &more_sections(running),
        };
        running.write_site(&self.dir, &files)?;
        let key = rcgen::KeyPair::generate().map_err(|e| Failure::new(Exit::Failed, format!("can't make a key: {e}")))?;
        write_private(&self.dir.join("secrets/push.p8"), &key.serialize_pem())?;
        school.write_csv(&self.dir.join("roster"))?;
        school.write_token(&self.token_file(), *token_expires)?;
        Ok(())
    }

    /// The roster's files, in the order in which they are named.
    #[must_use]
    pub fn roster_files(&self) -> Vec<PathBuf> {
        let names = ["users.csv", "groups.csv", "memberships.csv", "nested.csv", "devices.csv"];
        names.iter().map(|name| self.dir.join("roster").join(name)).collect()
    }

    /// The content token as Apple lets one download it.
    #[must_use]
    pub fn token_file(&self) -> PathBuf {
        self.dir.join("sunnyside.vpptoken")
    }

    #[must_use]
    pub fn services(&self) -> &Services {
        &self.services
    }

    /// Says what the simulated services saw: how many requests, rules broken, messages doubled.
    ///
    /// # Errors
    /// A rule was broken or a message came twice, which is a fault of beckon.
    pub fn judge(&self) -> Result<(), Failure> {
        let world = lock(&self.services.running.world);
        let (breaches, doubled) = (world.apple.breaches().len(), world.mail.duplicates().len());
        println!(
            "The simulated services saw {} requests to Apple, {} mails and {} prompts.",
            world.apple.requests(),
            world.mail.stored().len(),
            world.mdm.shown()
        );
        if breaches + doubled > 0 {
            return Err(Failure::new(
                Exit::Failed,
                format!("{breaches} of Apple's rules were broken, {doubled} mails came twice"),
            ));
        }
        println!("None of Apple's rules was broken, and nothing came twice.\n");
        Ok(())
    }
}

/// What a school that also pushes to its own app has beside what every simulated site has.
fn more_sections(running: &Running) -> String {
    format!(
        r#"[push]
key      = "file:secrets/push.p8"
key_id   = "SIMULATED1"
team_id  = "SIMULATED2"
endpoint = "{apns}"
ca       = "file:ca.pem"

[settings]
helpdesk = "https://help.sunnyside.example""#,
        apns = running.apns_url
    )
}
