//! What a step on a value yields: the type of `a.b(c)[d]` from the types in the API's own metadata.
//! The check, the editor and the documentation ask here, so that they never disagree.

use super::calendar::WEEKDAYS;
use super::catalog::{Catalog, Entry, EntryKind};
use super::problem::Problem;
use super::reference::Doc;
use crate::domain::device::{Enrollment, Platform};
use crate::domain::user::Status;

/// A type as the reference names it, and for something with rows the type of these.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Type {
    /// `Selection`, `User`, `string`.
    pub name: String,
    /// `User` for a selection of users or a list of them.
    pub row: Option<&'static str>,
}

impl Type {
    /// `None` for what only a run can tell.
    #[must_use]
    pub fn known(name: &str, row: Option<&'static str>) -> Option<Self> {
        (!matches!(name, "any" | "()")).then(|| Self { name: name.to_owned(), row })
    }

    /// Whether it is beckon's own: all its fields and functions are in the catalogue.
    #[must_use]
    pub fn is_of_api(&self) -> bool {
        self.name.starts_with(char::is_uppercase)
    }

    /// Every text that a field of it can hold, where these are a few words.
    #[must_use]
    pub fn words_of(&self, field: &str) -> Option<Vec<&'static str>> {
        match (self.name.as_str(), field) {
            ("User", "status") => Some(Status::ALL.map(Status::word).to_vec()),
            ("Device", "platform") => Some(Platform::ALL.map(Platform::word).to_vec()),
            ("Device", "enrollment") => Some(Enrollment::ALL.map(Enrollment::word).to_vec()),
            ("Time", "weekday") => Some(WEEKDAYS.to_vec()),
            _ => None,
        }
    }

    /// The type of a row, or of what a `for` over it yields.
    #[must_use]
    pub fn of_row(&self) -> Option<Self> {
        self.row.and_then(|row| Self::known(row, None))
    }
}

impl Catalog {
    /// The type of a global such as `users`.
    #[must_use]
    pub fn global(&self, name: &str) -> Option<Type> {
        let rows = match name {
            "users" => Some("User"),
            "devices" => Some("Device"),
            _ => None,
        };
        Type::known(self.type_of_global(name)?, rows)
    }

    /// What `of.name` is; `None` where it exists and only a run can tell.
    ///
    /// # Errors
    /// The type has no such field, with the nearest one.
    pub fn field(&self, of: &Type, name: &str) -> Result<Option<Type>, Problem> {
        let Some(entry) = self.members_named(&of.name, EntryKind::Field, name).next() else {
            let said = format!("Unknown property '{name}' - a getter is not registered for type '{}'", of.name);
            return Err(self.unknown_field(&said));
        };
        let row = match (of.name.as_str(), name) {
            ("Group", "members") | ("Plan" | "Time" | "TestSite", "users") => Some("User"),
            ("Plan" | "Time" | "TestSite", "devices") => Some("Device"),
            _ => None,
        };
        Ok(Type::known(&entry.returns, row))
    }

    /// What `of[…]` is.
    #[must_use]
    pub fn index(&self, of: &Type) -> Option<Type> {
        let entry = self.members_named(&of.name, EntryKind::Index, "index$get$").next()?;
        Type::known(&entry.returns, None)
    }

    /// The form of `of.name(…)` that takes so many arguments.
    ///
    /// # Errors
    /// The type has no such function, or none with so many arguments; with what there is.
    pub fn method_form<'a>(&'a self, of: &Type, name: &str, arguments: usize) -> Result<&'a Entry, Problem> {
        let fits = |e: &&Entry| e.name == name && e.params.len() == arguments + 1 && e.takes_first(&of.name);
        self.entries().iter().filter(|e| e.kind == EntryKind::Function).find(fits).ok_or_else(|| {
            let types: Vec<&str> = std::iter::once(of.name.as_str()).chain((0..arguments).map(|_| "any")).collect();
            self.unknown_function(&format!("{name} ({})", types.join(", ")), true)
        })
    }

    /// What `of.name(…)` is; `None` where only a run can tell.
    ///
    /// # Errors
    /// As [`Catalog::method_form`].
    pub fn method(&self, of: &Type, name: &str, arguments: usize) -> Result<Option<Type>, Problem> {
        Ok(yields(of, self.method_form(of, name, arguments)?))
    }

    /// What the function `name(…)` with so many arguments yields, where all its forms agree.
    #[must_use]
    pub fn function(&self, name: &str, arguments: usize) -> Option<Type> {
        let mut forms = self.functions_named(name).filter(|e| e.params.len() == arguments).map(|e| e.returns.as_str());
        let returns = forms.next()?;
        forms.all(|other| other == returns).then(|| Type::known(returns, None)).flatten()
    }

    /// What the library's function `module::name(…)` yields.
    #[must_use]
    pub fn library_function(&self, module: &str, name: &str, arguments: usize) -> Option<Type> {
        let function = self.library(module).iter().find(|f| f.name == name && f.params.len() == arguments)?;
        Types::of(&function.doc).yields()
    }
}

/// What a function written in the language takes and yields, as its comment says under `# Types`.
pub struct Types {
    /// Name and type: `string`, `array of string`, `map or string`.
    pub params: Vec<(String, String)>,
    pub returns: String,
}

impl Types {
    /// Of a comment; where it doesn't say, there are no parameters, and anything can be yielded.
    #[must_use]
    pub fn of(doc: &str) -> Self {
        let Some(said) = Doc::of(doc).types else { return Self { params: Vec::new(), returns: "any".to_owned() } };
        let (params, returns) = said.rsplit_once(") -> ").unwrap_or((said.strip_suffix(')').unwrap_or(said), "()"));
        let params = params.trim_start_matches('(').split(", ").filter_map(|param| param.split_once(": "));
        Self { params: params.map(|(name, kind)| (name.to_owned(), kind.to_owned())).collect(), returns: returns.to_owned() }
    }

    /// The one type that is yielded, where there is one. A selection that a function of the language makes is one
    /// of users.
    #[must_use]
    pub fn yields(&self) -> Option<Type> {
        let kind = self.returns.split(" of ").next().filter(|_| !self.returns.contains(" or "))?;
        Type::known(kind, (kind == "Selection").then_some("User"))
    }
}

/// What a function of a type yields when it is called on that type.
fn yields(of: &Type, form: &Entry) -> Option<Type> {
    match (of.row, form.name.as_str()) {
        (Some(row), "find" | "first") => Type::known(row, None),
        (row, "to_array") => Type::known(&form.returns, row),
        (row, _) if form.returns == "Selection" => Type::known(&form.returns, row),
        _ => Type::known(&form.returns, None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::script::ScriptHost;

    #[test]
    fn a_chain_is_followed_from_a_global() {
        let host = ScriptHost::new();
        let catalog = host.catalog();
        let groups = catalog.global("groups").unwrap();
        let group = catalog.index(&groups).unwrap();
        let members = catalog.field(&group, "members").unwrap().unwrap();
        assert_eq!((members.name.as_str(), members.of_row().unwrap().name.as_str()), ("Selection", "User"));
        let late = catalog.method(&members, "where", 1).unwrap().unwrap();
        let first = catalog.method(&late, "first", 0).unwrap().unwrap();
        assert_eq!(catalog.field(&first, "mail").unwrap(), Type::known("any", None));
        assert_eq!(catalog.field(&first, "username").unwrap(), Type::known("string", None));
        assert!(catalog.field(&first, "usernam").unwrap_err().message.contains("usernam"));
        assert!(catalog.method(&late, "wher", 1).is_err());
    }
}
