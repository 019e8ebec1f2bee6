//! Script values as JSON, for templates and webhooks, and settings as script values.

use chrono::SecondsFormat;
use chrono_tz::Tz;
use rhai::{Array, Dynamic, Map};
use serde_json::Value;

use super::options::type_word;
use super::problem::Problem;
use super::values::{Attributes, Device, Group, Span, Time, User, unshared};
use crate::domain::time::{show, show_span};

/// How deep a value may be nested; deeper ones would overflow the stack of whoever reads them.
const DEPTH_MAX: usize = 32;

/// Who reads it, and so what stands for an instant, a person or a device.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reader {
    /// A person, in a message: names, and times as a person reads them.
    Person,
    /// A spreadsheet: usernames and serial numbers, and times that it takes for times.
    Sheet,
    /// A program: usernames and serial numbers, and times with their offset.
    Program,
}

/// The value as JSON. Times become text in the site's zone, users their full name.
///
/// # Errors
/// `wrong_data` for what has no form in JSON.
pub fn to_json(value: &Dynamic, zone: Tz) -> Result<Value, Problem> {
    convert(value, zone, Reader::Person, 0)
}

/// The value as JSON for a reader.
///
/// # Errors
/// `wrong_data` for what has no form in JSON.
pub fn to_json_for(reader: Reader, value: &Dynamic, zone: Tz) -> Result<Value, Problem> {
    convert(value, zone, reader, 0)
}

fn convert(value: &Dynamic, zone: Tz, reader: Reader, depth: usize) -> Result<Value, Problem> {
    if depth > DEPTH_MAX {
        return Err(Problem::new("wrong_data", format!("the data is nested more than {DEPTH_MAX} levels deep")));
    }
    let person = reader == Reader::Person;
    let value = unshared(value);
    if value.is_unit() {
        return Ok(Value::Null);
    }
    if let Ok(b) = value.as_bool() {
        return Ok(b.into());
    }
    if let Ok(i) = value.as_int() {
        return Ok(i.into());
    }
    if let Ok(f) = value.as_float() {
        return serde_json::Number::from_f64(f)
            .map(Value::Number)
            .ok_or_else(|| Problem::new("wrong_data", format!("{f} is no number that JSON knows")));
    }
    if let Ok(c) = value.as_char() {
        return Ok(c.to_string().into());
    }
    if let Some(time) = value.read_lock::<Time>() {
        return Ok(match reader {
            Reader::Person | Reader::Sheet => show(time.0, zone),
            Reader::Program => time.0.with_timezone(&zone).to_rfc3339_opts(SecondsFormat::Secs, true),
        }
        .into());
    }
    if let Some(span) = value.read_lock::<Span>() {
        return Ok(show_span(span.0).into());
    }
    if let Some(user) = value.read_lock::<User>() {
        return Ok(if person { &user.0.full_name } else { &user.0.username }.as_str().into());
    }
    if let Some(device) = value.read_lock::<Device>() {
        return Ok(if person { &device.0.name } else { &device.0.serial }.as_str().into());
    }
    if let Some(group) = value.read_lock::<Group>() {
        return Ok(group.name.clone().into());
    }
    if let Some(array) = value.read_lock::<Array>() {
        return array.iter().map(|v| convert(v, zone, reader, depth + 1)).collect::<Result<Vec<_>, _>>().map(Value::Array);
    }
    if let Some(map) = value.read_lock::<Map>() {
        return map
            .iter()
            .map(|(k, v)| Ok((k.to_string(), convert(v, zone, reader, depth + 1)?)))
            .collect::<Result<serde_json::Map<_, _>, Problem>>()
            .map(Value::Object);
    }
    if let Some(attributes) = value.read_lock::<Attributes>() {
        return Ok(attributes.0.attributes.iter().map(|(key, text)| (key.clone(), Value::from(text.as_str()))).collect());
    }
    match value.as_immutable_string_ref() {
        Ok(text) => Ok(text.as_str().into()),
        Err(_) => Err(Problem::new("wrong_data", format!("{} can't be part of the data", type_word(&value)))
            .hint("give texts, numbers, times, arrays and maps")),
    }
}

/// A value of `site.toml` for a script.
pub fn from_json(value: &Value) -> Dynamic {
    match value {
        Value::Null => Dynamic::UNIT,
        Value::Bool(b) => (*b).into(),
        Value::Number(n) => match (n.as_i64(), n.as_f64()) {
            (Some(i), _) => i.into(),
            (None, Some(f)) => f.into(),
            (None, None) => Dynamic::UNIT,
        },
        Value::String(s) => s.as_str().into(),
        Value::Array(items) => items.iter().map(from_json).collect::<Array>().into(),
        Value::Object(map) => map.iter().map(|(k, v)| (k.as_str().into(), from_json(v))).collect::<Map>().into(),
    }
}
