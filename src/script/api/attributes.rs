//! What the roster says of a user beyond the plain fields.

use rhai::plugin::*;
use rhai::{Array, Dynamic};

use crate::script::values;

#[export_module]
pub mod api {
    /// What the roster says of a user beyond the plain fields: `u.attributes["house"]`.
    pub type Attributes = values::Attributes;

    /// One attribute by its name; `()` where the user has none of that name.
    ///
    /// # Example
    /// ```
    /// print(users.find("ana").attributes["house"]);
    /// ```
    #[rhai_fn(index_get, pure)]
    pub fn attribute(attributes: &mut Attributes, name: &str) -> Dynamic {
        attributes.0.attributes.get(name).map_or(Dynamic::UNIT, |v| v.as_str().into())
    }

    /// The names of the attributes that the user has.
    ///
    /// # Example
    /// ```
    /// print(users.find("ana").attributes.keys());
    /// ```
    #[rhai_fn(pure)]
    pub fn keys(attributes: &mut Attributes) -> Array {
        attributes.0.attributes.keys().map(|k| k.as_str().into()).collect()
    }

    /// Whether the user has an attribute of that name: `"house" in u.attributes`.
    ///
    /// # Example
    /// ```
    /// if "house" in users.find("ana").attributes { print("has a house"); }
    /// ```
    #[rhai_fn(name = "contains", pure)]
    pub fn has_attribute(attributes: &mut Attributes, name: &str) -> bool {
        attributes.0.attributes.contains_key(name)
    }

    /// The attributes, one a line.
    ///
    /// # Example
    /// ```
    /// print(users.find("ana").attributes);
    /// ```
    #[rhai_fn(name = "to_string", name = "to_debug", pure)]
    pub fn attributes_to_string(attributes: &mut Attributes) -> String {
        let lines: Vec<String> = attributes.0.attributes.iter().map(|(k, v)| format!("{k}: {v}")).collect();
        lines.join("\n")
    }
}
