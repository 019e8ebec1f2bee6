//! The templates of a site: read when somebody needs them, and what is wrong with them told as of scripts.

use std::path::PathBuf;
use std::sync::OnceLock;

use crate::script::{Details, ErrorKind, ScriptError, TemplateCheck, TemplateMisfit};
use crate::templates::{Misfit, TemplateError, Templates};

/// The site's templates, read at the first use.
pub struct SiteTemplates {
    folder: PathBuf,
    language: String,
    loaded: OnceLock<Result<Templates, Vec<TemplateError>>>,
}

impl SiteTemplates {
    /// The templates in `folder` over the shipped ones; the folder need not exist.
    #[must_use]
    pub fn new(folder: PathBuf, language: &str) -> Self {
        Self { folder, language: language.to_owned(), loaded: OnceLock::new() }
    }

    /// The templates.
    ///
    /// # Errors
    /// Everything that is wrong with any of them: where anything is, none can be used.
    pub fn get(&self) -> Result<&Templates, &[TemplateError]> {
        let load = || {
            let folder = self.folder.is_dir().then_some(self.folder.as_path());
            Templates::load(folder, &self.language)
        };
        self.loaded.get_or_init(load).as_ref().map_err(Vec::as_slice)
    }
}

impl TemplateCheck for SiteTemplates {
    fn names(&self) -> Vec<String> {
        self.get().map(Templates::names).unwrap_or_default()
    }

    fn broken(&self) -> Vec<ScriptError> {
        self.get().err().unwrap_or_default().iter().map(told).collect()
    }

    fn check_data(&self, name: &str, data: &serde_json::Value) -> Result<(), TemplateMisfit> {
        // What is wrong with the templates themselves is said by `broken`.
        self.get().map_or(Ok(()), |templates| templates.check_data(name, data).map_err(misfit))
    }

    fn check_keys(&self, name: &str, keys: &[&str]) -> Result<(), TemplateMisfit> {
        self.get().map_or(Ok(()), |templates| templates.check_keys(name, keys).map_err(misfit))
    }
}

fn misfit(misfit: Misfit) -> TemplateMisfit {
    let Misfit { what, about, hint, at } = misfit;
    TemplateMisfit { what, about, hint, at: at.as_deref().map(told) }
}

/// An error of a template, told as one of a script is.
fn told(error: &TemplateError) -> ScriptError {
    let number = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
    ScriptError::from(Details {
        source: error.file.clone(),
        line: number(error.line.unwrap_or(0)),
        column: number(error.column),
        length: number(error.length),
        source_line: error.source_line.clone(),
        hint: error.hint.clone(),
        ..(*ScriptError::bare(ErrorKind::Template, "broken_template", error.what.clone())).clone()
    })
}
