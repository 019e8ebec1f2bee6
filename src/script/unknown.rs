//! What is said of a function or a field that there is not: the nearest names, and what others take.

use super::catalog::{Catalog, Entry, script_type};
use super::habits;
use super::problem::Problem;
use crate::domain::misspelt::nearest_few;

impl Catalog {
    /// Words for a call that found no function: `find (Selection, i64)`.
    pub fn unknown_function(&self, signature: &str, method: bool) -> Problem {
        let (name, types) = split_signature(signature);
        let bare = name.rsplit("::").next().unwrap_or(name);
        let got: Vec<String> = types.iter().map(|t| script_type(t)).collect();
        let named: Vec<&Entry> = self.functions().filter(|e| e.name == bare).collect();
        if let [left, right] = got.as_slice()
            && !name.is_empty()
            && !name.chars().any(|c| c.is_alphanumeric())
        {
            let problem = Problem::new("wrong_type", format!("`{name}` can't be used between {left} and {right}"));
            return problem.maybe_hint(habits::call(name, &[left, right]).map(str::to_owned));
        }
        let object = got.first().map(String::as_str).unwrap_or_default();
        if name.contains("::") {
            return Problem::new("unknown_function", format!("there is no function `{name}({})`", got.join(", "))).about(bare);
        }
        let of_object: Vec<&&Entry> = named.iter().filter(|e| !method || e.takes_first(object)).collect();
        if !of_object.is_empty() {
            let given = if method { got.get(1..).unwrap_or_default() } else { &got };
            let forms: Vec<String> = of_object.iter().take(4).map(|e| format!("`{}`", e.call_form(method))).collect();
            let given = match given {
                [] => "nothing".to_owned(),
                // The static check knows how many, and not of what type.
                all if all.iter().all(|kind| kind == "any") => crate::domain::invite_plan::counted(all.len(), "argument"),
                all => all.join(", "),
            };
            let types: Vec<&str> = got.iter().map(String::as_str).collect();
            let instead = habits::call(bare, &types).map_or_else(|| format!("it takes: {}", forms.join(" or ")), str::to_owned);
            return Problem::new("wrong_arguments", format!("`{bare}` can't be called with {given}")).about(bare).hint(instead);
        }
        if method {
            return self.unknown_method(bare, object);
        }
        let names = nearest_few(bare, self.functions().filter(|e| !e.is_method()).map(|e| e.name.as_str()), 3);
        let problem = Problem::new("unknown_function", format!("there is no function `{bare}`")).about(bare);
        self.suggest(problem, &names, None)
    }

    fn unknown_method(&self, name: &str, object: &str) -> Problem {
        let problem = Problem::new("unknown_function", format!("{} has no function `{name}`", capital(object))).about(name);
        if self.fields_of(object).any(|e| e.name == name) {
            return problem.hint(format!("`{name}` is a field: write it without ()"));
        }
        if let Some(instead) = habits::member(object, name) {
            return problem.hint(instead);
        }
        let candidates = || self.functions().filter(|e| e.takes_first(object));
        let names = nearest_few(name, candidates().map(|e| e.name.as_str()), 3);
        if names.is_empty()
            && let Some(field) = nearest_few(name, self.fields_of(object).map(|e| e.name.as_str()), 1).first()
        {
            return problem.hint(format!("did you mean the field `{field}`?"));
        }
        self.suggest(problem, &names, Some(object))
    }

    /// Words for a field that a type does not have.
    pub fn unknown_field(&self, said: &str) -> Problem {
        let mut quoted = said.split('\'').skip(1).step_by(2);
        let (Some(field), Some(object)) = (quoted.next(), quoted.next()) else {
            return Problem::new("unknown_field", said.to_owned());
        };
        let object = script_type(object);
        let written = said.starts_with("No writable");
        if written {
            return Problem::new("read_only", format!("{object}.{field} can't be changed by assignment")).about(field);
        }
        let problem = Problem::new("unknown_field", format!("{} has no field `{field}`", capital(&object))).about(field);
        if object == "()" {
            return problem.hint("there is nothing here to read a field of; `?.` passes over it");
        }
        if self.functions().any(|e| e.name == field && e.takes_first(&object)) {
            return problem.hint(format!("it is a function: write `{field}()`"));
        }
        if let Some(instead) = habits::member(&object, field) {
            return problem.hint(instead);
        }
        let near = nearest_few(field, self.fields_of(&object).map(|e| e.name.as_str()), 1);
        if let Some(near) = near.first() {
            return problem.hint(format!("did you mean `{near}`?"));
        }
        let methods = nearest_few(field, self.functions().filter(|e| e.takes_first(&object)).map(|e| e.name.as_str()), 1);
        match methods.first() {
            Some(near) => problem.hint(format!("did you mean `{near}()`?")),
            None => {
                let fields: Vec<&str> = self.fields_of(&object).map(|e| e.name.as_str()).collect();
                if fields.is_empty() { problem } else { problem.hint(format!("it has: {}", fields.join(", "))) }
            }
        }
    }

    fn suggest(&self, problem: Problem, names: &[&str], object: Option<&str>) -> Problem {
        let forms: Vec<String> = names
            .iter()
            .filter_map(|name| self.functions().find(|e| e.name == *name && object.is_none_or(|o| e.takes_first(o))))
            .map(|e| format!("`{}`", e.call_form(object.is_some())))
            .collect();
        if forms.is_empty() { problem } else { problem.hint(format!("did you mean {}?", forms.join(" or "))) }
    }
}

/// `Groups [i64]` in words.
pub fn indexed(types: &str) -> String {
    match types.split_once(" [") {
        Some((object, index)) => format!("{} by {}", script_type(object), script_type(index.trim_end_matches(']'))),
        None => script_type(types),
    }
}

/// `find (Selection, i64)` as name and types.
fn split_signature(signature: &str) -> (&str, Vec<&str>) {
    let Some((name, types)) = signature.split_once('(') else { return (signature.trim(), Vec::new()) };
    let types = types.trim_end().trim_end_matches(')');
    let types = types.split(',').map(str::trim).filter(|t| !t.is_empty()).collect();
    (name.trim(), types)
}

fn capital(object: &str) -> String {
    let article = match object {
        "()" => return "() (nothing)".to_owned(),
        o if o.starts_with(char::is_uppercase) => return o.to_owned(),
        "int" | "array" | "any" => "an",
        _ => "a",
    };
    format!("{article} {object}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signature_is_taken_apart() {
        assert_eq!(split_signature("find (Selection, i64)"), ("find", vec!["Selection", "i64"]));
        assert_eq!(split_signature("now ()"), ("now", vec![]));
    }
}
