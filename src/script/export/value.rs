//! A script's last value as data, for `--json`.

use rhai::{Array, Dynamic};
use serde_json::{Value, json};

use crate::script::api::plan::Plan;
use crate::script::json::{Reader, to_json_for};
use crate::script::problem::RhaiResultOf;
use crate::script::run_context::Run;
use crate::script::selection::Selection;
use crate::script::shown;
use crate::script::shown::field::{Getters, Kind};
use crate::script::values::{Row, unshared};

/// Rows of one answer; the whole of a large roster is what `to_json()` is for.
const ROWS_MAX: usize = 1_000;

/// Numbers, texts, arrays and maps as they are; users, devices, groups and the like as objects with their fields;
/// a selection as how many there are and its first thousand rows; whatever has no form in JSON as its text.
///
/// # Errors
/// The roster's, and those of closures that were left over for the interpreter.
pub fn value(run: &Run, value: &Dynamic) -> RhaiResultOf<Value> {
    let value = unshared(value);
    if let Some(selection) = value.read_lock::<Selection>() {
        let rows = selection.first(ROWS_MAX)?;
        let rows = rows.into_iter().map(|row| object(run, Kind::of_rows(selection.of()), Row::into_dynamic(row)));
        return Ok(json!({ "total": selection.count()?, "rows": rows.collect::<RhaiResultOf<Vec<_>>>()? }));
    }
    if let Some(plan) = value.read_lock::<Plan>() {
        return Ok(json!({ "summary": plan.summary() }));
    }
    if let Some(kind) = Kind::of(&value) {
        return object(run, kind, value.into_owned());
    }
    if let Some(array) = value.read_lock::<Array>()
        && array.iter().any(|item| Kind::of(&unshared(item)).is_some())
    {
        return array.iter().map(|item| self::value(run, item)).collect::<RhaiResultOf<Vec<_>>>().map(Value::Array);
    }
    match to_json_for(Reader::Program, &value, run.site.zone) {
        Ok(value) => Ok(value),
        Err(_) => Ok(shown::printed(run, &value)?.map_or(Value::Null, Value::String)),
    }
}

fn object(run: &Run, kind: Kind, mut value: Dynamic) -> RhaiResultOf<Value> {
    let getters = Getters::new(run)?;
    let mut object = serde_json::Map::new();
    for field in kind.plain_fields() {
        let field_value = getters.get(&mut value, field)?;
        object.insert((*field).to_owned(), to_json_for(Reader::Program, &field_value, run.site.zone)?);
    }
    Ok(Value::Object(object))
}
