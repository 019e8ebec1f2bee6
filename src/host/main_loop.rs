//! The only place that waits: steps the dispatcher, and sleeps until there is more to do.

use super::HostError;
use super::dispatch::{Dispatcher, Stepped};
use crate::domain::time::Timestamp;
use crate::ports::clock::Clock;

/// Steps until `enough` says so after a step, nothing more is due before `until`, or a person stops it.
///
/// # Errors
/// The store's.
pub async fn run_until(
    dispatcher: &mut Dispatcher,
    clock: &dyn Clock,
    until: Timestamp,
    watch: &mut (dyn FnMut() + Send),
    enough: &mut (dyn FnMut() -> bool + Send),
) -> Result<Stepped, HostError> {
    loop {
        let stepped = dispatcher.step(watch).await?;
        if stepped.stopped || enough() {
            return Ok(stepped);
        }
        match stepped.next_wake {
            Some(at) if at <= until => clock.wait_until(at).await,
            _ => return Ok(stepped),
        }
    }
}
