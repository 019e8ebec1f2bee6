//! The one reader of options maps: refuses unknown keys with the nearest one, and wrong types with
//! what is wanted.

use rhai::{Array, Dynamic, Map};

use super::problem::Problem;
use super::values::Span;
use crate::domain::delivery::Channel;
use crate::domain::time::Span as TimeSpan;

/// An options map, with the name of the function that takes it.
pub struct Options {
    function: &'static str,
    map: Map,
}

impl Options {
    /// Checks the keys.
    ///
    /// # Errors
    /// `unknown_option`, with the nearest key.
    pub fn read(function: &'static str, map: Map, known: &[&str]) -> Result<Self, Problem> {
        if let Some(unknown) = map.keys().find(|k| !known.contains(&k.as_str())) {
            return Err(Problem::unknown_option(function, unknown, known.iter().copied()));
        }
        Ok(Self { function, map })
    }

    /// Takes a value out; `()` counts as absent.
    pub fn take(&mut self, key: &str) -> Option<Dynamic> {
        self.map.remove(key).map(Dynamic::flatten).filter(|v| !v.is_unit())
    }

    pub fn text(&mut self, key: &str) -> Result<Option<String>, Problem> {
        self.typed(key, "a text", |v| v.into_string().ok())
    }

    pub fn number(&mut self, key: &str) -> Result<Option<f64>, Problem> {
        self.typed(key, "a number", |v| {
            // Exact for every bound that makes sense; a parameter's bound is no id.
            #[expect(clippy::cast_precision_loss, reason = "bounds are far below 2^52")]
            v.as_int().map(|i| i as f64).or_else(|_| v.as_float()).ok().filter(|n| n.is_finite())
        })
    }

    /// A whole number of people or things, from 1.
    pub fn count(&mut self, key: &str) -> Result<Option<u32>, Problem> {
        let function = self.function;
        let Some(n) = self.typed(key, "a whole number", |v| v.as_int().ok())? else { return Ok(None) };
        let fine = u32::try_from(n).ok().filter(|n| *n > 0);
        let wrong = || Problem::out_of_range(&format!("the option {key:?} of {function}"), "1 or more", n).about(key);
        fine.ok_or_else(wrong).map(Some)
    }

    pub fn truth(&mut self, key: &str) -> Result<Option<bool>, Problem> {
        self.typed(key, "true or false", |v| v.as_bool().ok())
    }

    pub fn span(&mut self, key: &str) -> Result<Option<TimeSpan>, Problem> {
        let function = self.function;
        let span = self.typed(key, "a time span such as `days(3)`", |v| v.try_cast::<Span>())?;
        match span {
            Some(Span(s)) if s < TimeSpan::zero() => {
                Err(Problem::out_of_range(&format!("the option {key:?} of {function}"), "zero or more", "a negative time span")
                    .about(key))
            }
            other => Ok(other.map(|Span(s)| s)),
        }
    }

    /// A list, or one value alone.
    pub fn list(&mut self, key: &str) -> Result<Option<Array>, Problem> {
        Ok(self.take(key).map(|v| match v.try_cast_result::<Array>() {
            Ok(array) => array,
            Err(one) => vec![one],
        }))
    }

    pub fn spans(&mut self, key: &str) -> Result<Option<Vec<TimeSpan>>, Problem> {
        let Some(list) = self.list(key)? else { return Ok(None) };
        list.into_iter()
            .map(|v| match v.flatten().try_cast_result::<Span>() {
                Ok(Span(s)) => Ok(s),
                Err(v) => Err(self.wants(key, "time spans such as `[days(3), days(7)]`", &v)),
            })
            .collect::<Result<_, _>>()
            .map(Some)
    }

    pub fn texts(&mut self, key: &str) -> Result<Option<Vec<String>>, Problem> {
        let Some(list) = self.list(key)? else { return Ok(None) };
        list.into_iter()
            .map(|v| {
                let v = v.flatten();
                v.clone().into_string().map_err(|_| self.wants(key, "texts", &v))
            })
            .collect::<Result<_, _>>()
            .map(Some)
    }

    pub fn channels(&mut self, key: &str) -> Result<Option<Vec<Channel>>, Problem> {
        let Some(words) = self.texts(key)? else { return Ok(None) };
        let mut channels = Vec::new();
        for word in words {
            let channel = channel(&word)?;
            if !channels.contains(&channel) {
                channels.push(channel);
            }
        }
        if channels.is_empty() {
            return Err(Problem::out_of_range(
                &format!("the option {key:?} of {}", self.function),
                "at least one channel",
                "empty",
            )
            .about(key));
        }
        Ok(Some(channels))
    }

    fn typed<T>(&mut self, key: &str, wanted: &str, cast: impl FnOnce(Dynamic) -> Option<T>) -> Result<Option<T>, Problem> {
        let Some(value) = self.take(key) else { return Ok(None) };
        match cast(value.clone()) {
            Some(value) => Ok(Some(value)),
            None => Err(self.wants(key, wanted, &value)),
        }
    }

    pub fn wants(&self, key: &str, wanted: &str, got: &Dynamic) -> Problem {
        Problem::new("wrong_type", format!("the option {key:?} of {} wants {wanted}, not {}", self.function, type_word(got)))
            .about(key)
    }
}

/// A channel that invitations go over, by its word.
pub fn channel(word: &str) -> Result<Channel, Problem> {
    let problem = match Channel::from_word(word) {
        Some(channel @ (Channel::Mdm | Channel::Mail)) => return Ok(channel),
        Some(_) => Problem::new("wrong_channel", format!("an invitation can't travel over {word:?}")).about(word),
        None => Problem::unknown("channel", word, []),
    };
    Err(problem.hint("invitations go over \"mdm\" and \"mail\""))
}

/// What a value is, for a person.
pub fn type_word(value: &Dynamic) -> String {
    if value.is_unit() {
        return "()".to_owned();
    }
    let name = value.type_name();
    match name.rsplit("::").next().unwrap_or(name) {
        "string" | "String" | "ImmutableString" => "a text".to_owned(),
        "i64" => "a whole number".to_owned(),
        "f64" => "a number".to_owned(),
        "bool" => "true or false".to_owned(),
        "array" => "an array".to_owned(),
        "map" => "a map".to_owned(),
        "Fn" | "FnPtr" => "a closure".to_owned(),
        other => format!("a {other}"),
    }
}
