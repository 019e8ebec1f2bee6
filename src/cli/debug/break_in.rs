//! Ctrl-C while a script runs beside a debugger.

use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

/// The first Ctrl-C makes the script stop at its next statement, as at a breakpoint. A second one, before it
/// has come to a statement, is not for the debugger: then it ends the script.
#[derive(Debug, Default)]
pub struct BreakIn {
    is_armed: AtomicBool,
    is_asked: AtomicBool,
}

impl BreakIn {
    /// Does something with a debugger beside it.
    pub fn during<T>(&self, work: impl FnOnce() -> T) -> T {
        self.is_asked.store(false, Relaxed);
        self.is_armed.store(true, Relaxed);
        let done = work();
        self.is_armed.store(false, Relaxed);
        done
    }

    /// Somebody pressed Ctrl-C. Answers whether that is for the debugger.
    pub fn ask(&self) -> bool {
        self.is_armed.load(Relaxed) && !self.is_asked.swap(true, Relaxed)
    }

    /// Whether the script is to stop here. Answers once for each time it was asked.
    pub fn take(&self) -> bool {
        self.is_asked.load(Relaxed) && self.is_asked.swap(false, Relaxed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_second_time_in_a_row_is_not_for_the_debugger() {
        let break_in = BreakIn::default();
        assert!(!break_in.ask(), "there is none");
        break_in.during(|| {
            assert!(!break_in.take());
            assert!(break_in.ask() && break_in.take() && !break_in.take());
            assert!(break_in.ask() && !break_in.ask());
        });
        assert!(!break_in.ask());
    }
}
