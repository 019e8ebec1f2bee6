//! Where a script is to stop: what a person writes, and which place is meant by it.

use std::fmt;

use super::Place;

/// What a breakpoint is set on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Spot {
    /// A line of a text, by the text's whole name or the end of it: `scripts/a.rhai`, `a.rhai`, `a`.
    Line { source: String, line: u32 },
    /// The begin of a function of that name; of a function of the API, every call.
    Function(String),
}

/// A place where a script stops.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Breakpoint {
    /// From 1; a number is not given twice.
    pub number: u32,
    pub spot: Spot,
    /// It stops only where this expression is true.
    pub condition: Option<String>,
}

/// All of a run, in the order in which they were set.
#[derive(Clone, Debug, Default)]
pub struct Breakpoints {
    set: Vec<Breakpoint>,
    given: u32,
}

impl Spot {
    /// Reads `12`, `calendar.rhai:12` or `remind`. `here` is the text that a bare line belongs to.
    ///
    /// # Errors
    /// What it should look like.
    pub fn parse(text: &str, here: &str) -> Result<Self, String> {
        let text = text.trim();
        let wrong = || format!("{text:?} is no place: give a LINE, FILE:LINE or the name of a FUNCTION");
        let line = |n: &str| n.parse::<u32>().ok().filter(|n| *n > 0);
        if let Some(line) = line(text) {
            return Ok(Self::Line { source: here.to_owned(), line });
        }
        if let Some((source, number)) = text.rsplit_once(':')
            && !source.ends_with(':')
        {
            let line = line(number).filter(|_| !source.is_empty()).ok_or_else(wrong)?;
            return Ok(Self::Line { source: source.to_owned(), line });
        }
        // Whose function it is, is not asked.
        let name = text.rsplit([':', '.']).next().unwrap_or_default().trim_end_matches("()");
        let mut letters = name.chars();
        let starts = letters.next().is_some_and(|c| c.is_alphabetic() || c == '_');
        if starts && letters.all(|c| c.is_alphanumeric() || c == '_') {
            return Ok(Self::Function(name.to_owned()));
        }
        Err(wrong())
    }
}

impl fmt::Display for Spot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Line { source, line } => write!(f, "{source}:{line}"),
            Self::Function(name) => write!(f, "{name}()"),
        }
    }
}

impl Breakpoints {
    #[must_use]
    pub fn all(&self) -> &[Breakpoint] {
        &self.set
    }

    /// Sets one and answers its number.
    pub fn add(&mut self, spot: Spot, condition: Option<String>) -> u32 {
        self.given += 1;
        self.set.push(Breakpoint { number: self.given, spot, condition });
        self.given
    }

    /// Answers whether there was one of that number.
    pub fn clear(&mut self, number: u32) -> bool {
        let before = self.set.len();
        self.set.retain(|point| point.number != number);
        self.set.len() < before
    }

    /// Those on the line of a place. `effective` says which line a breakpoint on a line stands for.
    pub(super) fn at_line(&self, place: &Place, effective: impl Fn(u32) -> Option<u32>) -> Vec<Breakpoint> {
        let is_here = |spot: &Spot| match spot {
            Spot::Line { source, line } => means(source, &place.source) && effective(*line) == Some(place.line),
            Spot::Function(_) => false,
        };
        self.set.iter().filter(|point| is_here(&point.spot)).cloned().collect()
    }

    pub(super) fn at_function(&self, name: &str) -> Vec<Breakpoint> {
        self.set.iter().filter(|point| matches!(&point.spot, Spot::Function(set) if set == name)).cloned().collect()
    }
}

/// Whether a person who writes `said` can mean the text of that name.
pub(super) fn means(said: &str, source: &str) -> bool {
    let ends = |said: &str| source.strip_suffix(said).is_some_and(|before| before.is_empty() || before.ends_with('/'));
    ends(said) || ends(&format!("{said}.rhai"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_read_and_nonsense_is_refused() {
        let of = |text: &str| Spot::parse(text, "scripts/x.rhai");
        let line = |source: &str, line| Ok(Spot::Line { source: source.to_owned(), line });
        assert_eq!(of("12"), line("scripts/x.rhai", 12));
        assert_eq!(of(" calendar:3 "), line("calendar", 3));
        assert_eq!(of("lib/people.rhai:40"), line("lib/people.rhai", 40));
        assert_eq!(of("remind"), Ok(Spot::Function("remind".to_owned())));
        assert_eq!(of("t::equal()"), Ok(Spot::Function("equal".to_owned())));
        assert_eq!(of("plan.send"), Ok(Spot::Function("send".to_owned())));
        for wrong in ["", "0", "-1", "x:", ":3", "x:0", "a b", "3x", "x:y", "99999999999"] {
            assert!(of(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_file_is_named_by_the_end_of_its_path() {
        for said in ["scripts/lib/people.rhai", "lib/people.rhai", "people.rhai", "people", "lib/people"] {
            assert!(means(said, "scripts/lib/people.rhai"), "{said}");
        }
        for said in ["eople.rhai", "x/people", "people.rha", "lib"] {
            assert!(!means(said, "scripts/lib/people.rhai"), "{said}");
        }
        assert!(means("repl", "repl"));
    }

    #[test]
    fn numbers_are_not_given_twice() {
        let mut points = Breakpoints::default();
        assert_eq!(points.add(Spot::Function("a".to_owned()), None), 1);
        assert!(points.clear(1));
        assert!(!points.clear(1));
        assert_eq!(points.add(Spot::Function("b".to_owned()), None), 2);
    }
}
