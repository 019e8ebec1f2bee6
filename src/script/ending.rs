//! A limit that ends a run, with the place where it was come to.
//!
//! The engine hands such an error through calls as it is, and gives it the place of every call on the way: in the
//! end it stands at the outermost one, or nowhere. In this envelope, which can be caught as little, it keeps what
//! was known of it.

use std::error::Error;
use std::fmt;

use rhai::EvalAltResult;

/// What the engine says of itself, in the error that carries the envelope. No script sees it.
const SAID: &str = "ended";

/// An error that ends a run, and the text that its place is in.
#[derive(Debug)]
pub struct Ending {
    pub error: Box<EvalAltResult>,
    pub source: String,
}

impl Ending {
    /// An envelope for an error whose place is in this text.
    pub fn keep(error: Box<EvalAltResult>, source: &str) -> Box<EvalAltResult> {
        let ending = Self { error, source: source.to_owned() };
        Box::new(EvalAltResult::ErrorSystem(SAID.to_owned(), Box::new(ending)))
    }

    pub fn of(error: &EvalAltResult) -> Option<&Self> {
        match error {
            EvalAltResult::ErrorSystem(_, inner) => inner.downcast_ref::<Self>(),
            _ => None,
        }
    }

    /// The error inside of all envelopes and calls.
    pub fn innermost(error: &EvalAltResult) -> &EvalAltResult {
        match (Self::of(error), error) {
            (Some(ending), _) => Self::innermost(&ending.error),
            (None, EvalAltResult::ErrorInFunctionCall(.., inner, _) | EvalAltResult::ErrorInModule(_, inner, _)) => {
                Self::innermost(inner)
            }
            _ => error,
        }
    }

    /// Whether the engine hands it through calls, and nothing can catch it.
    pub fn is_one(error: &EvalAltResult) -> bool {
        use EvalAltResult as E;
        Self::of(error).is_some()
            || matches!(
                error,
                E::ErrorTerminated(..)
                    | E::ErrorTooManyOperations(..)
                    | E::ErrorTooManyVariables(..)
                    | E::ErrorTooManyModules(..)
                    | E::ErrorStackOverflow(..)
                    | E::ErrorDataTooLarge(..)
            )
    }
}

impl fmt::Display for Ending {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.error.fmt(f)
    }
}

impl Error for Ending {}
