//! The outbox's loop: the dispatcher, for as long as this process can be the one.

use std::sync::Arc;

use tokio::sync::Notify;

use super::state::{Failing, OutboxState};
use super::{Serving, TICK};
use crate::domain::time::Span;
use crate::host::HostError;
use crate::host::dispatch::{Dispatcher, Dispatching, tell_taken_over};
use crate::host::handover::Hands;
use crate::host::letters::Letters;
use crate::host::lock::DispatchLock;

/// After a step that failed, the store is given so long.
const AGAIN: Span = Span::seconds(30);

/// Hands over what is due until it is stopped.
pub(super) async fn keep(serving: Arc<Serving>, wake: Arc<Notify>) {
    let mut lock: Option<DispatchLock> = None;
    while !serving.stopping() {
        let ended = match lock.as_ref() {
            Some(_) => deliver(&serving, &wake).await,
            None => match DispatchLock::try_take(serving.store.path()) {
                Ok(Some(taken)) => {
                    lock = Some(taken);
                    serving.state.set_outbox(OutboxState::Ours);
                    Ok(())
                }
                Ok(None) => {
                    if serving.state.set_outbox(OutboxState::Elsewhere) == OutboxState::Ours {
                        tracing::info!("another beckon hands deliveries over");
                    }
                    serving.clock.wait_for(TICK).await;
                    Ok(())
                }
                Err(error) => Err(error),
            },
        };
        if let Err(error) = ended {
            failed(&serving, &error);
            serving.clock.wait_for(AGAIN).await;
        }
    }
}

/// Delivers with the settings in force, until they are others or it is stopped.
async fn deliver(serving: &Arc<Serving>, wake: &Arc<Notify>) -> Result<(), HostError> {
    let generation = serving.generation();
    let current = serving.current();
    let site = &current.site;
    let from = site.config.mail.as_ref().map(|mail| mail.from.clone());
    let registrar = current.registrar.clone();
    let hands = Hands { ports: current.ports.clone(), registrar: registrar.clone(), letters: Letters::of(site), from };
    let asked = Arc::clone(serving);
    let (mut dispatcher, found) = Dispatcher::take_over(Dispatching {
        store: Arc::clone(&serving.store),
        ports: current.ports.clone(),
        hands: Arc::new(hands),
        registrar,
        rules: site.departure_rules(),
        stop: Arc::new(move || asked.stopping() || asked.generation() != generation),
        news: Arc::clone(wake),
        tally: Arc::clone(&serving.tally),
    })?;
    tell_taken_over(found);
    loop {
        let stepped = match dispatcher.step(&mut || {}).await {
            Ok(stepped) => stepped,
            // What far sides have answered meanwhile is in the dispatcher's memory only: it is kept as long as
            // this process lives.
            Err(error) if !serving.stopping() => {
                failed(serving, &error);
                serving.clock.wait_for(AGAIN).await;
                continue;
            }
            Err(error) => return Err(error),
        };
        if let OutboxState::Failing(_) = serving.state.set_outbox(OutboxState::Ours) {
            tracing::info!("the outbox works again");
        }
        if stepped.stopped {
            return Ok(());
        }
        serving.wait(stepped.next_wake, wake).await;
    }
}

fn failed(serving: &Serving, error: &HostError) {
    let words = format!("{error}; {}", error.remedy());
    let since = match serving.state.outbox() {
        OutboxState::Failing(before) if before.words == words => return,
        OutboxState::Failing(before) => before.since,
        _ => serving.clock.now(),
    };
    tracing::error!(%words, "the outbox failed; it is tried again every 30 seconds");
    serving.state.set_outbox(OutboxState::Failing(Failing { since, words }));
}
