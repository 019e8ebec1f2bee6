//! The progress of deliveries, on a terminal only.

use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::store::RunFigures;

/// A bar that shows how far a run's deliveries are; silent where nobody looks.
pub struct Progress {
    bar: ProgressBar,
}

impl Progress {
    #[must_use]
    pub fn new(visible: bool) -> Self {
        let bar = ProgressBar::with_draw_target(
            None,
            if visible { ProgressDrawTarget::stderr() } else { ProgressDrawTarget::hidden() },
        );
        if let Ok(style) = ProgressStyle::with_template("  {bar:28} {pos}/{len} {wide_msg}") {
            bar.set_style(style.progress_chars("\u{2588}\u{2589}\u{258a}\u{258b}\u{258c}\u{258d}\u{258e}\u{258f} "));
        }
        bar.enable_steady_tick(Duration::from_millis(250));
        Self { bar }
    }

    pub fn show(&self, figures: &RunFigures) {
        self.bar.set_length(u64::from(figures.total()));
        self.bar.set_position(u64::from(figures.settled()));
        let mut parts = Vec::new();
        for (n, what) in [
            (figures.registering, "waiting for Apple"),
            (figures.delivered, "delivered"),
            (figures.queued, "with the MDM server"),
            (figures.deferred, "deferred"),
            (figures.rejected + figures.expired, "failed"),
            (figures.doubtful, "doubtful"),
        ] {
            if n > 0 {
                parts.push(format!("{n} {what}"));
            }
        }
        self.bar.set_message(parts.join(", "));
    }

    pub fn finish(&self) {
        self.bar.finish_and_clear();
    }
}
