//! The modules of the standard library, from their own comments.

use std::fmt::Write as _;

use rhai::{Engine, FnAccess};

use super::book::form;
use super::doc::uncommented;
use super::{Item, Part, Section};
use crate::script::catalog::Catalog;
use crate::script::engine::compile_scope;
use crate::script::sources::ANONYMOUS;
use crate::script::typing::Types;
use crate::script::{declare, option_key, stdlib};

/// A public function of a module.
pub struct LibraryFunction {
    pub name: String,
    /// Name and type.
    pub params: Vec<(String, String)>,
    /// `()` where it yields nothing.
    pub returns: String,
    /// The doc comment, without slashes.
    pub doc: String,
}

impl LibraryFunction {
    fn of(name: &str, params: &[&str], doc: String) -> Self {
        let types = Types::of(&doc);
        let kind = |at: usize| types.params.get(at).map_or("any", |(_, kind)| kind).to_owned();
        let params = params.iter().enumerate().map(|(at, name)| ((*name).to_owned(), kind(at))).collect();
        Self { name: name.to_owned(), params, returns: types.returns, doc }
    }

    /// `with_mail(people: Selection) -> Selection`.
    pub fn form(&self) -> String {
        let params: Vec<String> = self.params.iter().map(|(name, kind)| format!("{name}: {kind}")).collect();
        let returns = if self.returns == "()" { String::new() } else { format!(" -> {}", self.returns) };
        format!("{}({}){returns}", self.name, params.join(", "))
    }
}

/// The public functions of a module's text, by name. A text that can't be read has none: a test reads
/// every module.
pub fn functions(text: &str) -> Vec<LibraryFunction> {
    let mut engine = Engine::new_raw();
    engine.set_max_expr_depths(0, 0);
    let Ok(ast) = engine.compile_with_scope(&compile_scope(), text) else { return Vec::new() };
    let public = ast.iter_functions().filter(|f| f.access == FnAccess::Public && !f.name.starts_with(ANONYMOUS));
    let mut functions: Vec<LibraryFunction> =
        public.map(|f| LibraryFunction::of(f.name, &f.params, uncommented(f.comments.iter().copied()))).collect();
    functions.sort_by(|a, b| (&a.name, a.params.len()).cmp(&(&b.name, b.params.len())));
    functions
}

/// A section for each module.
pub fn sections(catalog: &Catalog) -> Vec<Section> {
    stdlib::MODULES.iter().map(|(name, text)| section(catalog, name, text)).collect()
}

fn section(catalog: &Catalog, module: &str, text: &str) -> Section {
    let mut said = declare::description(text);
    let _ = write!(said, "\n\n```rhai\nimport \"{module}\" as {module};\n```\n");
    let mut items: Vec<Item> = Vec::new();
    for function in catalog.library(module) {
        let title = format!("{module}::{}", function.name);
        let id = format!("{module}.{}", function.name);
        let options = option_key::read(&function.doc);
        let mut form = form(&id, format!("{module}::{}", function.form()), &function.doc, &options);
        form.example = form.example.map(|example| format!("import \"{module}\" as {module};\n{example}"));
        match items.last_mut().filter(|item| item.id == id) {
            Some(item) => item.forms.push(form),
            None => items.push(Item { id, title, forms: vec![form] }),
        }
    }
    Section { id: module.to_owned(), title: module.to_owned(), part: Part::Library, text: said, fields: Vec::new(), items }
}
