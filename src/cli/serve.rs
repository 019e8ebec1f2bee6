//! `beckon serve`: looks after a site until it is stopped.

use std::sync::{Arc, Mutex, PoisonError};

use super::args;
use super::exit::{Exit, Failure};
use super::logs;
use super::session::Session;
use super::systemd::{self, Supervisor};
use crate::domain::time::Span;
use crate::host::bounces::BounceInbox;
use crate::host::inbox::SiteInbox;
use crate::host::notification_token::notification_token;
use crate::host::serve::{Current, Served, Serving};
use crate::host::site::{OpenError, Site};
use crate::http;

/// How long it takes until a busy address is tried again.
const AGAIN: Span = Span::seconds(1);

/// Serves the site until a signal stops it.
///
/// # Errors
/// The site's, when it can't be opened; the store's.
pub fn serve(session: &Session, args: &args::Serve) -> Result<Exit, Failure> {
    let dir = std::path::absolute(session.site_dir()?)?;
    let site = Site::open(&dir)?;
    if args.print_unit {
        print!("{}", systemd::unit(&site, &dir, &systemd::this_program()?));
        return Ok(Exit::Done);
    }
    logs::start(args.log, &args.log_level)?;
    for warning in &site.config.warnings {
        tracing::warn!("{warning}");
    }
    let make_ports = session.ports_maker();
    let current = Current::first(&site, &make_ports).map_err(OpenError::Config)?;
    let clock = Arc::clone(&current.ports.clock);
    for fault in &current.faults {
        tracing::error!(file = %fault.file, line = fault.line, column = fault.column, "{}", fault.what);
    }
    let supervisor = Supervisor::of_environment(crate::host::serve::TICK_MS);
    let life = Box::new(move |life| supervisor.tell(life));
    let stop = Arc::clone(&session.stop);
    let (owner, draw) = ((session.new_id)(), session.new_id);
    let serving = Serving::new(Served { current, clock, make_ports, stop, life, owner, draw });
    let (asked, reload) = (Arc::clone(&serving), session.hear_service_signals()?);
    session.block_on(async move {
        tokio::spawn(async move {
            loop {
                reload.notified().await;
                asked.ask_reload();
            }
        });
        let Some(_lock) = serving.stand_by().await? else { return Ok(()) };
        let listening = tokio::spawn(listen(Arc::clone(&serving)));
        let ended = serving.run().await;
        if let Err(error) = listening.await {
            tracing::error!(%error, "the listener ended in itself");
        }
        ended
    })??;
    Ok(Exit::Done)
}

/// Listens at the site's address until it is stopped, then lets requests under way end.
async fn listen(serving: Arc<Serving>) {
    let address = serving.current().site.config.http.listen;
    let mut said = false;
    loop {
        let error = match tokio::net::TcpListener::bind(address).await {
            Ok(listener) => {
                serving.note_deaf(None);
                tracing::info!(%address, "listening");
                let router = routers(Arc::clone(&serving));
                match http::serve_with(listener, router, serving.stopped()).await {
                    Ok(()) => return,
                    Err(error) => error,
                }
            }
            Err(error) => error,
        };
        if serving.is_stopping() {
            return;
        }
        let why = format!("nobody can be heard at {address}: {error}");
        if !said {
            tracing::warn!("{why}; it is tried every second");
            said = true;
        }
        serving.note_deaf(Some(why));
        serving.clock().wait_for(AGAIN).await;
    }
}

/// Makes the routes for each new connection, anew after a reload.
fn routers(serving: Arc<Serving>) -> impl Fn() -> http::Router {
    let made: Mutex<Option<(u64, http::Router)>> = Mutex::new(None);
    move || {
        let mut made = made.lock().unwrap_or_else(PoisonError::into_inner);
        let generation = serving.generation();
        match &*made {
            Some((of, router)) if *of == generation => router.clone(),
            _ => made.insert((generation, routes(&serving))).1.clone(),
        }
    }
}

/// Everything that is heard with the settings in force.
fn routes(serving: &Arc<Serving>) -> http::Router {
    let current = serving.current();
    let mut router = http::service(Arc::clone(serving));
    if current.site.config.mdm.server().is_some() {
        let inbox = Arc::new(SiteInbox::new(Arc::clone(&current.site.store), Arc::clone(&current.ports.clock)));
        router = router.merge(http::router(http::Listening { inbox: inbox.door(), hmac_key: current.webhook_key.clone() }));
    }
    router.merge(http::following(doors(serving, &current)))
}

/// Where Apple and mail servers are heard. A secret that can't be read keeps its door shut, and is said.
fn doors(serving: &Arc<Serving>, current: &Current) -> http::Following {
    let config = &current.site.config;
    let mut doors = http::Following::default();
    if config.http.public_url.is_some() && current.registrar.is_some() {
        match notification_token(config, &|| serving.draw()) {
            Ok(token) => doors.apple = Some((token, Arc::clone(serving.apple_inbox()).door())),
            Err(error) => tracing::error!("Apple's notifications are not heard: {error}"),
        }
    }
    if let (Some(secret), Some(inbox)) = (&config.http.bounce_token, BounceInbox::of(&current.site, Arc::clone(serving.clock())))
    {
        match secret.resolve(&config.dir) {
            Ok(token) => doors.bounces = Some((token, Arc::new(inbox).door())),
            Err(error) => tracing::error!("posted mail reports are not taken: {error}"),
        }
    }
    doors
}
