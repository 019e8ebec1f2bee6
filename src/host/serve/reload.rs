//! Replacing a site's settings, scripts and templates while it is served: all of them, or none.

use std::sync::atomic::Ordering;
use std::sync::{Arc, PoisonError};

use super::current::{Current, Fault};
use super::{Life, Serving};
use crate::domain::alert::AlertKind;

/// What broken files are called in alerts: there is one alert for all of them.
const SUBJECT: &str = "the site's files";

/// Loads what lies in the site's folder and puts it in force when all of it is good. Answers whether
/// it was; where it wasn't, the version before goes on, and that is said in the log, in the journal,
/// in an alert and by `/healthz`.
pub(super) async fn reload(serving: &Arc<Serving>, settings_changed: bool) -> bool {
    (serving.life)(Life::Reloading);
    let (old, make_ports) = (serving.current(), Arc::clone(&serving.make_ports));
    // Reading, compiling and opening certificates takes a while, and the watch must go on.
    let loaded = tokio::task::spawn_blocking(move || old.load(&make_ports, settings_changed)).await;
    let loaded =
        loaded.unwrap_or_else(|error| Err(vec![Fault::of_file(SUBJECT, format!("reading them ended in itself: {error}"))]));
    let is_good = match loaded {
        Ok(new) => {
            put_in_force(serving, new);
            true
        }
        Err(faults) => {
            tell(serving, &faults);
            // What is said in the log can be seen everywhere else by then.
            if serving.state.set_faults(faults.clone()) != faults {
                for fault in &faults {
                    let (line, column) = (fault.line, fault.column);
                    tracing::error!(file = %fault.file, line, column, "{}: {}", fault.what, serving.meanwhile());
                }
            }
            false
        }
    };
    (serving.life)(Life::Ready);
    is_good
}

fn put_in_force(serving: &Serving, new: Current) {
    for warning in &new.site.config.warnings {
        tracing::warn!("{warning}");
    }
    *serving.current.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(new);
    serving.generation.fetch_add(1, Ordering::Release);
    tell(serving, &[]);
    serving.state.set_faults(Vec::new());
    let words = "settings, scripts and templates were read again and are in force";
    tracing::info!("{words}");
    if let Err(error) = serving.store.note_serving(words, serving.clock.now()) {
        tracing::error!(%error, "the journal can't be written");
    }
    serving.wake_all();
}

impl Serving {
    /// What holds until broken files are mended. Of what was broken when the service began there is no version
    /// before.
    pub(super) fn meanwhile(&self) -> &'static str {
        if self.current().faults.is_empty() { "the version before goes on" } else { "what needs it fails" }
    }
}

/// Raises the alert about broken files, or ends it.
pub(super) fn tell(serving: &Serving, faults: &[Fault]) {
    let words: Vec<String> = faults.iter().map(ToString::to_string).collect();
    let holding = match faults {
        [] => vec![],
        _ => vec![(SUBJECT.to_owned(), format!("{}\nUntil this is mended, {}.", words.join("\n"), serving.meanwhile()))],
    };
    if let Err(error) = serving.store.keep_alerts(AlertKind::BrokenReload, &holding, serving.clock.now()) {
        tracing::error!(%error, "an alert can't be written down");
    }
}
