//! What has rows, and which fields they have.

use std::collections::BTreeSet;

use rhai::{Array, Dynamic, Map};

use super::Format;
use crate::domain::misspelt::nearest;
use crate::script::options::{Options, type_word};
use crate::script::problem::{Problem, RhaiResultOf};
use crate::script::run_context::Run;
use crate::script::selection::Selection;
use crate::script::shown::field::Kind;
use crate::script::values::{Row, unshared};

/// Rows that can be written.
pub enum Rows {
    Selection(Selection),
    Array(Array),
    /// Maps that all have these keys, or fewer.
    Maps(Array, &'static [&'static str]),
}

/// The only field of plain values.
pub const VALUE: &str = "value";

/// What rows have by way of fields.
enum Known {
    Of(Kind),
    Keys(Vec<String>),
    Plain,
    /// There are no rows.
    Nothing,
}

impl Rows {
    /// The fields to be written: those that the options name, or all plain ones.
    pub fn fields(&self, format: Format, options: Map) -> Result<Vec<String>, Problem> {
        let mut options = Options::read(format.function(), options, &["fields"])?;
        let known = self.known(format)?;
        let Some(named) = options.texts("fields")? else {
            return Ok(match known {
                Known::Of(kind) => kind.plain_fields().iter().map(|field| (*field).to_owned()).collect(),
                Known::Keys(keys) => keys,
                Known::Plain => vec![VALUE.to_owned()],
                Known::Nothing => Vec::new(),
            });
        };
        if named.is_empty() {
            return Err(Problem::out_of_range("the option \"fields\"", "at least one field", "empty").about("fields"));
        }
        for name in &named {
            known.check(name)?;
        }
        Ok(named)
    }

    fn known(&self, format: Format) -> Result<Known, Problem> {
        let array = match self {
            Self::Selection(selection) => return Ok(Known::Of(Kind::of_rows(selection.of()))),
            Self::Maps(_, keys) => return Ok(Known::Keys(keys.iter().map(|key| (*key).to_owned()).collect())),
            Self::Array(array) => array,
        };
        if array.is_empty() {
            return Ok(Known::Nothing);
        }
        let kinds: BTreeSet<Option<Kind>> = array.iter().map(|row| Kind::of(&unshared(row))).collect();
        if let [Some(kind)] = kinds.iter().copied().collect::<Vec<_>>().as_slice() {
            return Ok(Known::Of(*kind));
        }
        let maps = array.iter().filter(|row| row.read_lock::<Map>().is_some()).count();
        if kinds.iter().all(Option::is_none) && maps == 0 && !array.iter().any(is_nested) {
            return Ok(Known::Plain);
        }
        if maps == array.len() {
            let mut keys = BTreeSet::new();
            for map in array.iter().filter_map(|row| row.read_lock::<Map>()) {
                keys.extend(map.keys().map(ToString::to_string));
            }
            return Ok(Known::Keys(keys.into_iter().collect()));
        }
        let words: BTreeSet<String> = array.iter().map(|row| type_word(&unshared(row))).collect();
        let got = words.into_iter().take(3).collect::<Vec<_>>().join(" beside ");
        Err(Problem::wants(format.function(), "an array of users, of devices, of maps, or of other rows of one kind", &got))
    }

    /// Hands over each row.
    ///
    /// # Errors
    /// Those of `take`, and the roster's.
    pub fn each(self, run: &Run, mut take: impl FnMut(Dynamic) -> RhaiResultOf<()>) -> RhaiResultOf<()> {
        match self {
            Self::Selection(selection) => selection.iter().try_for_each(|row| take(Row::into_dynamic(row?)))?,
            Self::Array(rows) | Self::Maps(rows, _) => rows.into_iter().try_for_each(|row| {
                run.checkpoint()?;
                take(row.flatten())
            })?,
        }
        run.checkpoint()
    }
}

fn is_nested(value: &Dynamic) -> bool {
    value.read_lock::<Array>().is_some() || value.read_lock::<Selection>().is_some()
}

impl Known {
    fn check(&self, name: &str) -> Result<(), Problem> {
        let names: Vec<&str> = match self {
            Self::Of(kind) => kind.fields().to_vec(),
            Self::Keys(keys) => keys.iter().map(String::as_str).collect(),
            Self::Plain => vec![VALUE],
            Self::Nothing => return Ok(()),
        };
        let attribute =
            matches!(self, Self::Of(Kind::User)) && name.strip_prefix("attributes.").is_some_and(|key| !key.is_empty());
        if attribute || names.contains(&name) {
            return Ok(());
        }
        let hint = match nearest(name, names.iter().copied()) {
            Some(near) => format!("did you mean {near:?}?"),
            None => format!("there are: {}", names.join(", ")),
        };
        Err(Problem::new("unknown_field", format!("the rows have no field {name:?}")).about(name).hint(hint))
    }
}
