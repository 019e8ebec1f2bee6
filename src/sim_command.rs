//! `beckon sim`: serves the simulated world until somebody stops it.

use std::path::Path;

use beckon::cli::args;
use beckon::cli::exit::{Exit, Failure};
use beckon::cli::session::{Session, span};
use beckon::domain::time::Span;
use beckon::sim::WorldEvent;

use crate::simulated_site::{SchoolSpec, Services, SimulatedSite, serve};

/// Serves simulated Apple services, a mail server, an MDM server and APNs.
///
/// # Errors
/// A port is taken, or the folder for the school can't be made.
pub fn sim(session: &Session, options: &args::Sim) -> Result<Exit, Failure> {
    let apple_down = options
        .apple_down
        .as_deref()
        .map(span)
        .transpose()
        .map_err(|what| Failure::new(Exit::Usage, format!("--apple-down {what}")))?;
    let spec = SchoolSpec {
        users: options.users,
        seed: options.seed,
        hurried: false,
        port: options.port,
        webhook: options.webhook.clone(),
        apple_down,
        greylist: options.greylist,
    };
    match &options.school {
        Some(dir) => {
            let site = SimulatedSite::start(session, dir, &spec)?;
            show(site.services());
            show_next(dir);
            watch(session, site.services())
        }
        None => {
            let services = serve(session, &spec)?;
            show(&services);
            watch(session, &services)
        }
    }
}

fn show(services: &Services) {
    let running = &services.running;
    println!("{}: {} users, {} devices", services.school.name, services.school.users.len(), services.school.devices.len());
    println!("  Apps and Books  {}", running.apps_and_books_url);
    println!("  NanoMDM         {}  (API key {})", running.nanomdm_url, running.nanomdm_api_key);
    println!("  SMTP            {}  (STARTTLS), {} (implicit TLS)", running.smtp_addr, running.smtps_addr);
    println!("  APNs            {}", running.apns_url);
}

fn show_next(dir: &Path) {
    let dir = dir.display();
    println!("\nIn another terminal:");
    println!("  cd {dir}");
    println!("  beckon import roster/*.csv");
    println!("  beckon token install sunnyside.vpptoken");
    println!("  beckon run invite-group");
    println!("\nCtrl-C ends the services. What people do is told below.\n");
}

/// Tells who accepts, until a person stops it.
fn watch(session: &Session, services: &Services) -> Result<Exit, Failure> {
    while !session.stopped() {
        let events = session.block_on(services.running.step())?;
        for event in events {
            if let WorldEvent::Accepted { username, via, .. } = event {
                println!("  {username} accepted, reached by {}", format!("{via:?}").to_lowercase());
            }
        }
        let next = session.clock.now() + Span::milliseconds(250);
        session.block_on(session.clock.wait_until(next))?;
    }
    Ok(Exit::Done)
}
