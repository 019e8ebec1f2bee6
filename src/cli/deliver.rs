//! `beckon deliver`: hands over everything that is due, and goes on with what a stopped run left.

use std::sync::Arc;

use super::args;
use super::exit::{Exit, Failure};
use super::ink::Ink;
use super::progress::Progress;
use super::render;
use super::run::{exit_of, note_missing_token};
use super::session::Session;
use super::width;
use crate::host::deliver::{Delivering, deliver, registrar};
use crate::store::Trouble;

/// Delivers what is due, and what becomes due while it waits.
///
/// # Errors
/// The site's or the store's.
pub fn deliver_due(session: &Session, args: &args::Deliver) -> Result<Exit, Failure> {
    use std::io::IsTerminal as _;
    let wait = args.stay.span()?;
    let site = session.open_site()?;
    let ports = session.ports(&site.config)?;
    let registrar = registrar(&site, &ports);
    let progress = Progress::new(!args.json && std::io::stderr().is_terminal());
    let until = session.clock.now() + wait;
    let mut watch = |figures: &crate::store::RunFigures| progress.show(figures);
    let mut delivered = session.block_on(async {
        let _listener = session.listen(&site).await;
        let work = Delivering {
            site: &site,
            ports,
            run: None,
            again: Vec::new(),
            until,
            linger: wait,
            stop: Arc::clone(&session.stop),
            watch: &mut watch,
        };
        deliver(work, registrar).await
    })??;
    progress.finish();
    note_missing_token(&site, &mut delivered);
    let ink = Ink::new(session.ink.out);
    if args.json {
        println!("{}", render::delivered_json(&delivered, &Trouble::default()));
    } else {
        let figures = render::figures(&delivered.figures, site.config.site.timezone, &ink);
        if figures.is_empty() {
            println!("nothing is in the outbox, and nothing ended in the last day");
        } else {
            print!("{}\n{figures}", ink.bold("The outbox, with what ended in the last day"));
        }
        print!("{}", render::troubles(&delivered, &Trouble::default(), width(), site.config.site.timezone, &ink));
    }
    // What failed in earlier runs was told then; only what is down now is this command's failure.
    let fine = delivered.down.is_empty() && !delivered.stopped && delivered.sending_stopped.is_none();
    Ok(if fine { Exit::Done } else { exit_of(&delivered) })
}
