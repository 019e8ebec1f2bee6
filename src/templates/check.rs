//! Checking templates before anybody is written to: every variable known, every branch rendered.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use minijinja::value::{Enumerator, Object, ObjectRepr, Serde, Value};
use minijinja::{Environment, Error, context};

use super::data::{InvitationWords, MailData, SiteWords, UserWords};
use super::engine::render;
use super::error::{Part, TemplateError, nearest};

/// Every variable but `data`, as a template writes it.
const VARIABLES: [&str; 11] = [
    "user.full_name",
    "user.first_name",
    "user.username",
    "user.language",
    "site.name",
    "site.contact",
    "site.helpdesk",
    "invitation.url",
    "invitation.expires",
    "devices",
    "reminder",
];

/// With more keys than this not all kinds of data are tried (3 to the power of it).
const KEYS_TRIED_MAX: usize = 6;

/// One compiled template and the file it came from.
pub(super) struct Piece<'a> {
    pub key: String,
    pub part: Part<'a>,
}

/// What a template asks of a script: the keys of `data`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Contract {
    pub required: BTreeSet<String>,
    pub optional: BTreeSet<String>,
    /// It uses `data` as a whole: any key may be given.
    pub open: bool,
}

impl Contract {
    pub fn join(&mut self, other: &Self) {
        self.required.extend(other.required.iter().cloned());
        self.optional.extend(other.optional.iter().cloned());
        self.optional.retain(|key| !self.required.contains(key));
        self.open |= other.open;
    }

    /// Required keys, then the others.
    pub fn keys(&self) -> Vec<String> {
        self.required.iter().chain(&self.optional).cloned().collect()
    }
}

/// Checks the pieces of one template in one language, and finds out what they need.
pub(super) fn check(env: &Environment<'_>, pieces: &[Piece<'_>]) -> Result<Contract, Vec<TemplateError>> {
    let mut errors = Vec::new();
    let mut paths = BTreeSet::new();
    let mut open = false;
    for piece in pieces {
        let Ok(template) = env.get_template(&piece.key) else { continue };
        let used: BTreeSet<String> = template.undeclared_variables(true).into_iter().collect();
        for name in used {
            match name.strip_prefix("data.") {
                Some(path) => {
                    paths.insert(path.to_owned());
                }
                None if name == "data" => open = true,
                None if is_known(env, &name) => {}
                None => errors.push(unknown(piece, &name)),
            }
        }
    }
    if !errors.is_empty() {
        return Err(errors);
    }
    let keys: BTreeSet<String> = paths.iter().filter_map(|path| path.split('.').next().map(str::to_owned)).collect();
    let mut contract = Contract { open, ..Contract::default() };
    let Some(sample) = workable_sample(env, pieces, &keys, &paths)? else {
        contract.required = keys;
        return Ok(contract);
    };
    for key in keys {
        let without: BTreeMap<String, Value> =
            sample.iter().filter(|(k, _)| **k != key).map(|(k, v)| (k.clone(), v.clone())).collect();
        let needed = first_fault(env, pieces, &Value::from(without)).is_some();
        if needed {
            contract.required.insert(key)
        } else {
            contract.optional.insert(key)
        };
    }
    Ok(contract)
}

/// Renders with a script's own data in place of the sample.
pub(super) fn try_data(env: &Environment<'_>, pieces: &[Piece<'_>], data: &serde_json::Value) -> Result<(), TemplateError> {
    match first_fault(env, pieces, &Value::from(Serde(data))) {
        None => Ok(()),
        Some((piece, error)) => Err(TemplateError::at_load(&piece.part, &error)),
    }
}

/// Where a template first uses `data.KEY`.
pub(super) fn use_of(pieces: &[Piece<'_>], key: &str) -> Option<TemplateError> {
    let name = format!("data.{key}");
    let what = format!("`{name}` is used here");
    pieces.iter().find_map(|piece| Some(TemplateError::at(&piece.part, place_of(piece.part.text(), &name)?, what.clone())))
}

/// The bytes where a name first stands between braces.
fn place_of(text: &str, name: &str) -> Option<Range<usize>> {
    let joins = |c: Option<char>| c.is_some_and(|c| c.is_alphanumeric() || matches!(c, '_' | '.'));
    let ends = |c: Option<char>| !c.is_some_and(|c| c.is_alphanumeric() || c == '_');
    text.match_indices(name).map(|(at, _)| at..at + name.len()).find(|range| {
        let (before, after) = (text.get(..range.start).unwrap_or_default(), text.get(range.end..).unwrap_or_default());
        let last = |signs: [&str; 2]| signs.iter().filter_map(|sign| before.rfind(sign)).max();
        let is_code = last(["{{", "{%"]).is_some_and(|open| last(["}}", "%}"]).is_none_or(|close| close < open));
        is_code && !joins(before.chars().next_back()) && ends(after.chars().next())
    })
}

fn is_known(env: &Environment<'_>, name: &str) -> bool {
    let mut parts = name.split('.');
    let root = parts.next().unwrap_or_default();
    if env.globals().any(|(global, _)| global == root) {
        return true;
    }
    let field = parts.next();
    VARIABLES.iter().any(|known| match known.split_once('.') {
        None => root == *known,
        Some((known_root, known_field)) => root == known_root && field.is_none_or(|field| field == known_field),
    })
}

fn unknown(piece: &Piece<'_>, name: &str) -> TemplateError {
    let (root, rest) = name.split_once('.').unwrap_or((name, ""));
    // Inside a known object the interesting part is its field; elsewhere it is the first word.
    let known_root = VARIABLES.iter().any(|known| known.split_once('.').is_some_and(|(r, _)| r == root));
    let said = match rest.split('.').next() {
        Some(field) if known_root => format!("{root}.{field}"),
        _ => root.to_owned(),
    };
    let known: Vec<String> = VARIABLES
        .iter()
        .filter(|known| !known_root || known.split_once('.').is_some_and(|(r, _)| r == root))
        .map(|known| (*known).to_owned())
        .chain((!known_root).then(|| "data".to_owned()))
        .collect();
    let what = format!("there is no variable `{said}`");
    let error = match place_of(piece.part.text(), &said) {
        Some(range) => TemplateError::at(&piece.part, range, what),
        None => TemplateError::new(piece.part.file, what),
    };
    error.with_hint(nearest(&said, &known))
}

/// Values for `data` with which the template renders: text mostly, numbers where it counts, lists
/// where it loops. A template shows what a key has to be only by failing on something else, so all
/// combinations are tried; `None` where there are too many to say that none would do.
fn workable_sample(
    env: &Environment<'_>,
    pieces: &[Piece<'_>],
    keys: &BTreeSet<String>,
    paths: &BTreeSet<String>,
) -> Result<Option<BTreeMap<String, Value>>, Vec<TemplateError>> {
    let of_kind = |key: &String, kind: usize| -> Value {
        let inside = paths.iter().any(|path| path.split_once('.').is_some_and(|(root, _)| root == key));
        match kind {
            0 if !inside => Value::from("Sample text"),
            1 => Value::from(3),
            _ => Value::from_object(Anything),
        }
    };
    let sample = |kinds: &[usize]| -> BTreeMap<String, Value> {
        keys.iter().zip(kinds).map(|(key, kind)| (key.clone(), of_kind(key, *kind))).collect()
    };
    let mut tries: Vec<Vec<usize>> = (0..3).map(|kind| vec![kind; keys.len()]).collect();
    if keys.len() <= KEYS_TRIED_MAX {
        let all = (0..keys.len()).fold(1_usize, |n, _| n * 3);
        // The digits of `n` in base three.
        tries.extend((0..all).map(|n| {
            let digits = std::iter::successors(Some(n), |rest| Some(rest / 3));
            digits.take(keys.len()).map(|rest| rest % 3).collect()
        }));
    }
    let mut fault = None;
    for kinds in tries {
        let data = sample(&kinds);
        match first_fault(env, pieces, &Value::from(data.clone())) {
            None => return Ok(Some(data)),
            Some((piece, error)) => {
                fault.get_or_insert_with(|| TemplateError::at_load(&piece.part, &error));
            }
        }
    }
    if keys.len() > KEYS_TRIED_MAX {
        return Ok(None);
    }
    Err(fault.into_iter().collect())
}

/// Renders all pieces for all kinds of people, and gives the first that fails.
fn first_fault<'p, 's>(env: &Environment<'_>, pieces: &'p [Piece<'s>], data: &Value) -> Option<(&'p Piece<'s>, Error)> {
    for person in people() {
        let full = context! { data => data.clone(), ..Value::from(Serde(&person)) };
        for piece in pieces {
            match render(env, &piece.key, &full) {
                Err(error) => return Some((piece, error)),
                Ok(subject) if piece.key.ends_with(".subject") && subject.trim().is_empty() => {
                    let empty = Error::new(minijinja::ErrorKind::InvalidOperation, "the subject comes out empty");
                    return Some((piece, empty));
                }
                Ok(_) => {}
            }
        }
    }
    None
}

/// Everything there, and everything that can be empty empty.
fn people() -> [MailData; 3] {
    let full = MailData {
        user: UserWords::new("Ana Pires", "ana", "en"),
        site: SiteWords {
            name: "Sunnyside School".to_owned(),
            contact: "it@sunnyside.example".to_owned(),
            helpdesk: "https://help.sunnyside.example".to_owned(),
        },
        invitation: InvitationWords {
            url: "https://buy.itunes.apple.com/invitation".to_owned(),
            expires: "2026-12-31".to_owned(),
        },
        devices: vec!["Ana's iPad".to_owned(), "Ana's MacBook".to_owned()],
        reminder: 0,
        data: serde_json::Value::Null,
    };
    let mut bare = full.clone();
    bare.site.helpdesk.clear();
    bare.invitation.expires.clear();
    bare.devices.clear();
    let mut late = full.clone();
    late.devices.truncate(1);
    late.reminder = 2;
    late.site.helpdesk = "Room 12".to_owned();
    [full, bare, late]
}

/// A list of itself that has every field.
#[derive(Debug)]
struct Anything;

impl Object for Anything {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Seq
    }

    fn get_value(self: &Arc<Self>, _key: &Value) -> Option<Value> {
        Some(Value::from_object(Self))
    }

    fn enumerate(self: &Arc<Self>) -> Enumerator {
        Enumerator::Seq(2)
    }

    fn render(self: &Arc<Self>, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Sample text")
    }
}
