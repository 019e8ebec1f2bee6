//! When a script stops that is stepped through. It knows depths only: how many functions are under way.

use super::Go;

/// How a script goes on until it stops.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mode {
    Into,
    /// Not in functions deeper than this.
    Over(usize),
    /// When a function of this depth ends.
    Out(usize),
    On,
}

#[derive(Debug)]
pub struct Stepper {
    mode: Mode,
    /// An error that goes outwards was told where it came from.
    error_told: bool,
}

impl Stepper {
    /// Stops at the first statement.
    pub fn new() -> Self {
        Self { mode: Mode::Into, error_told: false }
    }

    pub fn go(&mut self, go: Go, depth: usize) {
        self.mode = match go {
            Go::Into => Mode::Into,
            Go::Over => Mode::Over(depth),
            // What is in no function ends with the script.
            Go::Out if depth > 0 => Mode::Out(depth),
            Go::Out | Go::On | Go::Quit => Mode::On,
        };
    }

    /// A statement is about to be run.
    pub fn at_statement(&mut self, depth: usize) -> bool {
        self.error_told = false;
        match self.mode {
            Mode::Into => true,
            Mode::Over(deepest) => depth <= deepest,
            // The function was left in a way that nobody was told of.
            Mode::Out(of) => depth < of,
            Mode::On => false,
        }
    }

    /// A function has come to its end, with a value.
    pub fn at_end(&self, depth: usize) -> bool {
        self.mode == Mode::Out(depth)
    }

    /// A function is being left by an error.
    pub fn at_error(&mut self) -> bool {
        !std::mem::replace(&mut self.error_told, true)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn over_stays_in_the_function_and_out_waits_for_its_end() {
        let mut stepper = Stepper::new();
        assert!(stepper.at_statement(0));
        stepper.go(Go::Over, 1);
        assert!(!stepper.at_statement(2));
        assert!(stepper.at_statement(1));
        assert!(stepper.at_statement(0));
        stepper.go(Go::Out, 2);
        assert!(!stepper.at_statement(2));
        assert!(!stepper.at_statement(3));
        assert!(!stepper.at_end(3));
        assert!(stepper.at_end(2));
        stepper.go(Go::Out, 0);
        assert!(!stepper.at_statement(0));
    }

    #[test]
    fn an_error_is_told_once_on_its_way_out() {
        let mut stepper = Stepper::new();
        stepper.go(Go::On, 0);
        assert!(stepper.at_error());
        assert!(!stepper.at_error());
        // Somebody caught it.
        assert!(!stepper.at_statement(1));
        assert!(stepper.at_error());
    }
}
