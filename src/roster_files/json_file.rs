//! JSON files: one object with a list for each kind of row, or one list. Rows are taken one by one,
//! so that a large file is never in memory as a tree.

use std::cell::RefCell;
use std::collections::{BTreeSet, HashMap};
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error as _, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::Value;

use super::columns::{self, NoMapping, fold};
use super::kinds::{Col, KINDS, Kind, KindInfo};
use super::row::{Row, shortened};
use super::take::Taker;
use super::{COLUMNS_MAX, FileError, ROWS_MAX};
use crate::domain::misspelt;
use crate::domain::roster_change::Place;

/// Reads all rows of one file.
pub(super) fn read(name: &str, text: &str, taker: &mut Taker) -> Result<(), FileError> {
    let context = RefCell::new(Context { name, taker, stopped: None, unknown: BTreeSet::new() });
    let mut json = serde_json::Deserializer::from_str(text);
    let result = if text.trim_start().starts_with('[') {
        let kind = kind_of_list(name, text)?;
        ListSeed { kind, path: kind.info().title, context: &context }.deserialize(&mut json)
    } else {
        ObjectSeed { context: &context }.deserialize(&mut json)
    };
    let result = result.and_then(|()| json.end());
    let Context { taker, stopped, unknown, .. } = context.into_inner();
    if let Some(error) = stopped {
        return Err(error);
    }
    result.map_err(|error| not_json(name, &error))?;
    if !unknown.is_empty() {
        let more = unknown.len().saturating_sub(20);
        let more = if more > 0 { format!(" and {more} more") } else { String::new() };
        let list: Vec<String> = unknown.into_iter().take(20).collect();
        taker.warn(format!("{name}: ignored keys: {}{more}", list.join(", ")));
    }
    Ok(())
}

/// A parser's message about wrong kinds of value would quote them, and they can be push tokens.
fn not_json(name: &str, error: &serde_json::Error) -> FileError {
    let line = error.line() as u64;
    match error.classify() {
        serde_json::error::Category::Eof => FileError::not_json(name, line, "it ends in the middle"),
        serde_json::error::Category::Syntax => {
            let message = error.to_string();
            let message = message.split(" at line ").next().unwrap_or_default();
            FileError::not_json(name, line, format!("this is not JSON: {message} (column {})", error.column()))
        }
        _ => FileError::not_json(name, line, "a list of objects has to stand here"),
    }
}

struct Context<'a> {
    name: &'a str,
    taker: &'a mut Taker,
    /// An error of our own that ended the reading.
    stopped: Option<FileError>,
    /// Keys that nothing is known about, each said once.
    unknown: BTreeSet<String>,
}

impl Context<'_> {
    fn note_unknown(&mut self, said: String) {
        // A file can have a million different keys; a person reads the first.
        if self.unknown.len() < 1_000 {
            self.unknown.insert(said);
        }
    }
}

/// The whole file when it is an object.
struct ObjectSeed<'c, 'a> {
    context: &'c RefCell<Context<'a>>,
}

impl<'de> DeserializeSeed<'de> for ObjectSeed<'_, '_> {
    type Value = ();
    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<(), D::Error> {
        from.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for ObjectSeed<'_, '_> {
    type Value = ();
    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }
    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let mut lists = 0;
        let mut keys = Vec::new();
        while let Some(key) = map.next_key::<String>()? {
            if let Some(kind) = Kind::from_json_key(&key) {
                map.next_value_seed(ListSeed { kind, path: kind.info().title, context: self.context })?;
                lists += 1;
            } else {
                map.next_value::<IgnoredAny>()?;
                let titles = KINDS.iter().filter(|info| !info.kind.is_school_manager()).map(|info| info.title);
                self.context.borrow_mut().note_unknown(suggestion(&key, titles));
                if keys.len() < COLUMNS_MAX {
                    keys.push(key);
                }
            }
        }
        if lists == 0 {
            let mut context = self.context.borrow_mut();
            context.stopped = Some(FileError::unrecognised(context.name, 0, &keys, &[]));
            return Err(A::Error::custom("stopped"));
        }
        Ok(())
    }
}

fn suggestion<'a>(key: &str, known: impl Iterator<Item = &'a str>) -> String {
    match misspelt::nearest(key, known) {
        Some(near) => format!("\"{}\" (did you mean {near}?)", shortened(key)),
        None => format!("\"{}\"", shortened(key)),
    }
}

/// One list of rows.
struct ListSeed<'c, 'a> {
    kind: Kind,
    path: &'static str,
    context: &'c RefCell<Context<'a>>,
}

impl<'de> DeserializeSeed<'de> for ListSeed<'_, '_> {
    type Value = ();
    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<(), D::Error> {
        from.deserialize_seq(self)
    }
}

impl<'de> Visitor<'de> for ListSeed<'_, '_> {
    type Value = ();
    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of objects")
    }
    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<(), A::Error> {
        let info = self.kind.info();
        let mut meanings = HashMap::new();
        let mut number = 0_usize;
        while let Some(value) = list.next_element::<Value>()? {
            number += 1;
            let mut context = self.context.borrow_mut();
            let place = Place { file: format!("{} {}[{number}]", context.name, self.path), line: 0 };
            match value {
                Value::Object(object) => take_object(info, &mut meanings, place, &object, &mut context),
                _ => context.taker.reject(&place, "", "it is not an object"),
            }
            let checked =
                if number > ROWS_MAX { Err(FileError::too_many_rows(context.name)) } else { context.taker.check_rejected() };
            if let Err(error) = checked {
                context.stopped = Some(error);
                return Err(A::Error::custom("stopped"));
            }
        }
        if number == 0 {
            let mut context = self.context.borrow_mut();
            let warning = format!("{}: the list {} is empty", context.name, self.path);
            context.taker.warn(warning);
        }
        Ok(())
    }
}

/// What a key of a row's object means.
#[derive(Clone)]
enum Meaning {
    /// A column, and how usual this name of it is: the most usual one in a row is taken.
    Column(Col, usize),
    Attribute(String),
    Attributes,
    Unknown,
}

fn meaning(info: &'static KindInfo, key: &str) -> Meaning {
    if let Some(attribute) = columns::attribute_of(key) {
        return Meaning::Attribute(attribute.to_owned());
    }
    let folded = fold(key);
    if info.kind == Kind::Users && folded == "attributes" {
        return Meaning::Attributes;
    }
    info.column(&folded).map_or(Meaning::Unknown, |(column, rank)| Meaning::Column(column.col, rank))
}

fn take_object(
    info: &'static KindInfo,
    meanings: &mut HashMap<String, Meaning>,
    place: Place,
    object: &serde_json::Map<String, Value>,
    context: &mut Context<'_>,
) {
    if object.len() > COLUMNS_MAX {
        context.taker.reject(&place, "", format!("it has more than {COLUMNS_MAX} keys"));
        return;
    }
    // Texts of numbers and truth values, which rows borrow.
    let mut cells: Vec<(Col, usize, String)> = Vec::new();
    let mut attributes: Vec<(String, String)> = Vec::new();
    let mut groups: Option<Vec<String>> = None;
    let mut wrong: Vec<String> = Vec::new();
    for (key, value) in object {
        let meaning = match meanings.get(key) {
            Some(meaning) => meaning.clone(),
            None => {
                let meaning = meaning(info, key);
                if meanings.len() < 10_000 {
                    meanings.insert(key.clone(), meaning.clone());
                }
                meaning
            }
        };
        match meaning {
            Meaning::Unknown => context.note_unknown(suggestion(key, info.columns.iter().map(|column| column.name))),
            Meaning::Column(Col::Groups, _) if value.is_array() => match texts(value) {
                Some(list) => groups = Some(list),
                None => wrong.push("groups was left out: it has to be a list of names".to_owned()),
            },
            Meaning::Column(col, rank) => match scalar(value) {
                Some(text) => cells.push((col, rank, text)),
                None => wrong.push(format!("{} was left out: it has to be a single value", shortened(key))),
            },
            Meaning::Attribute(name) => match scalar(value) {
                Some(text) => attributes.push((name, text)),
                None => wrong.push(format!("{} was left out: it has to be a single value", shortened(key))),
            },
            Meaning::Attributes => match value.as_object() {
                Some(map) => {
                    for (name, value) in map {
                        // The same bounds as for a column called attributes.NAME.
                        match (columns::attribute_of(&format!("attributes.{name}")), scalar(value)) {
                            (Some(name), Some(text)) => attributes.push((name.to_owned(), text)),
                            _ => {
                                wrong.push(format!("the attribute {} was left out: it has to be a single value", shortened(name)))
                            }
                        }
                    }
                }
                None => wrong.push("attributes was left out: it has to be an object".to_owned()),
            },
        }
    }
    // The least usual names first, so that the most usual ones overwrite them.
    cells.sort_by_key(|(_, rank, _)| std::cmp::Reverse(*rank));
    let mut row = Row::new(place);
    for (col, _, text) in &cells {
        row.set(*col, text);
    }
    row.attributes.extend(attributes.iter().map(|(name, value)| (name.as_str(), value.as_str())));
    row.group_list = groups.as_ref().map(|list| list.iter().map(String::as_str).collect());
    let about = [Col::Username, Col::Serial, Col::Group, Col::AdamId].iter().find_map(|col| row.filled(*col)).unwrap_or_default();
    for reason in wrong {
        context.taker.reject(&row.place, about, reason);
    }
    context.taker.row(info.kind, &row);
}

/// A single value as the text that a CSV cell would hold; nothing is an empty cell.
fn scalar(value: &Value) -> Option<String> {
    match value {
        Value::Null => Some(String::new()),
        Value::Bool(yes) => Some(yes.to_string()),
        Value::Number(number) => Some(number.to_string()),
        Value::String(text) => Some(text.clone()),
        Value::Array(_) | Value::Object(_) => None,
    }
}

fn texts(value: &Value) -> Option<Vec<String>> {
    value.as_array()?.iter().map(scalar).collect()
}

/// Which kind of row a bare list holds: told by all keys that its objects have.
fn kind_of_list(name: &str, text: &str) -> Result<Kind, FileError> {
    let mut json = serde_json::Deserializer::from_str(text);
    let mut keys = BTreeSet::new();
    KeysSeed { keys: &mut keys }.deserialize(&mut json).map_err(|error| not_json(name, &error))?;
    let keys: Vec<String> = keys.into_iter().collect();
    if keys.is_empty() {
        return Err(FileError::not_json(name, 0, "it has no objects in it"));
    }
    match columns::recognise(name, &keys) {
        Ok(mapping) => Ok(mapping.kind),
        // Objects may spell one column in two ways, one of them each.
        Err(NoMapping::Duplicate(key)) => Err(FileError::duplicate_column(name, 0, &shortened(&key))),
        Err(NoMapping::Unknown) => Err(FileError::unrecognised(name, 0, &keys, &[])),
        Err(NoMapping::Ambiguous(kinds)) => Err(FileError::unrecognised(name, 0, &keys, &kinds)),
    }
}

/// Collects the keys of a list's objects and nothing else.
struct KeysSeed<'k> {
    keys: &'k mut BTreeSet<String>,
}

impl<'de> DeserializeSeed<'de> for KeysSeed<'_> {
    type Value = ();
    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<(), D::Error> {
        from.deserialize_seq(self)
    }
}

impl<'de> Visitor<'de> for KeysSeed<'_> {
    type Value = ();
    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of objects")
    }
    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<(), A::Error> {
        while list.next_element_seed(ObjectKeys { keys: self.keys })?.is_some() {}
        Ok(())
    }
}

struct ObjectKeys<'k> {
    keys: &'k mut BTreeSet<String>,
}

impl<'de> DeserializeSeed<'de> for ObjectKeys<'_> {
    type Value = ();
    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<(), D::Error> {
        from.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for ObjectKeys<'_> {
    type Value = ();
    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }
    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        while let Some(key) = map.next_key::<std::borrow::Cow<'_, str>>()? {
            if !self.keys.contains(key.as_ref()) && self.keys.len() < COLUMNS_MAX {
                self.keys.insert(key.into_owned());
            }
            map.next_value::<IgnoredAny>()?;
        }
        Ok(())
    }
}
