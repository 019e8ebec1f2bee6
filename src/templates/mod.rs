//! The text of messages: templates per language, checked when loaded, rendered when a message leaves.
//! Nothing here knows who gets a message or how it travels.

mod check;
mod data;
mod engine;
mod error;
mod shipped;
mod source;

use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;

use minijinja::Environment;
use minijinja::value::{Serde, Value};
use sha2::{Digest, Sha256};

pub use self::data::{InvitationWords, MailData, RenderedMail, SiteWords, UserWords};
pub use self::error::{Misfit, TemplateError};

use self::check::{Contract, Piece};
use self::error::Part;
use self::source::{Source, Sources, language_tag};

/// All templates of a site, compiled. Rendering takes `&self` from any thread.
pub struct Templates {
    env: Environment<'static>,
    by_name: BTreeMap<String, Template>,
    site_language: String,
}

struct Template {
    /// Language tag to what is written in it.
    languages: BTreeMap<String, Written>,
    contract: Contract,
    hash: String,
}

/// One language's pieces: their names in the environment, and the file that errors name.
struct Written {
    subject: String,
    text: String,
    html: Option<String>,
    source: Source,
}

impl Templates {
    /// The shipped templates and, over them, those in a site's folder; every one is checked by
    /// rendering it for sample people. A folder that doesn't exist counts as empty.
    ///
    /// # Errors
    /// All faults of all templates, with file and line.
    pub fn load(folder: Option<&Path>, site_language: &str) -> Result<Self, Vec<TemplateError>> {
        let (sources, mut errors) = source::read(folder);
        let mut env = engine::environment();
        let mut by_name: BTreeMap<String, Template> = BTreeMap::new();
        let hashes = hashes(&sources);
        for ((name, language), source) in sources {
            let checked = compile(&mut env, &name, &language, source).and_then(|written| {
                let contract = check::check(&env, &written.pieces())?;
                Ok((written, contract))
            });
            match checked {
                Err(faults) => errors.extend(faults),
                Ok((written, contract)) => {
                    let hash = hashes.get(&name).cloned().unwrap_or_default();
                    let template = by_name.entry(name).or_insert_with(|| Template {
                        languages: BTreeMap::new(),
                        contract: Contract::default(),
                        hash,
                    });
                    template.contract.join(&contract);
                    template.languages.insert(language, written);
                }
            }
        }
        if !errors.is_empty() {
            return Err(errors);
        }
        let site_language = language_tag(site_language).unwrap_or_else(|| "en".to_owned());
        Ok(Self { env, by_name, site_language })
    }

    /// Names of all templates.
    #[must_use]
    pub fn names(&self) -> Vec<String> {
        self.by_name.keys().cloned().collect()
    }

    /// Tags of the languages a template is written in; empty for one that doesn't exist.
    #[must_use]
    pub fn languages(&self, name: &str) -> Vec<String> {
        self.by_name.get(name).map(|template| template.languages.keys().cloned().collect()).unwrap_or_default()
    }

    /// The keys of `data` a template uses, the required ones first.
    #[must_use]
    pub fn variables(&self, name: &str) -> Vec<String> {
        self.by_name.get(name).map(|template| template.contract.keys()).unwrap_or_default()
    }

    /// A fingerprint of a template in all its languages, in hex: it changes when any file does.
    #[must_use]
    pub fn hash(&self, name: &str) -> Option<&str> {
        self.by_name.get(name).map(|template| template.hash.as_str())
    }

    /// Whether a template can be rendered with what a script gives it, in every language.
    ///
    /// # Errors
    /// What is missing, unknown or of the wrong kind, in words for the script's author.
    pub fn check_data(&self, name: &str, data: &serde_json::Value) -> Result<(), Misfit> {
        let empty = serde_json::Map::new();
        let given = match data {
            serde_json::Value::Null => &empty,
            serde_json::Value::Object(given) => given,
            _ => return Err(Misfit::new("wants its data as a map").hint("write `#{ key: value }`")),
        };
        self.check_keys(name, &given.keys().map(String::as_str).collect::<Vec<_>>())?;
        let template = self.template(name).map_err(Misfit::unknown)?;
        let data = serde_json::Value::Object(given.clone());
        for written in template.languages.values() {
            check::try_data(&self.env, &written.pieces(), &data)
                .map_err(|error| Misfit::new("can't be filled with this data").shows_at(error))?;
        }
        Ok(())
    }

    /// Whether a template asks for data of these keys, and no others.
    ///
    /// # Errors
    /// What is missing or unknown, in words for the script's author.
    pub fn check_keys(&self, name: &str, given: &[&str]) -> Result<(), Misfit> {
        let template = self.template(name).map_err(Misfit::unknown)?;
        let contract = &template.contract;
        let known = contract.keys();
        let surplus = given.iter().find(|given| !known.iter().any(|key| key == *given)).filter(|_| !contract.open);
        if let Some(key) = surplus {
            let uses = if known.is_empty() { "it uses no data".to_owned() } else { error::nearest(key, &known) };
            return Err(Misfit::new(format!("doesn't use `{key}`")).about(key).hint(uses));
        }
        let missing: Vec<&String> = contract.required.iter().filter(|key| !given.contains(&key.as_str())).collect();
        let Some(first) = missing.first() else { return Ok(()) };
        let said: Vec<String> = missing.iter().map(|key| format!("`{key}`")).collect();
        let written: Vec<String> = missing.iter().map(|key| format!("{key}: …")).collect();
        let misfit = Misfit::new(format!("needs {} too", said.join(", ")));
        let misfit = misfit.hint(format!("give it with the data: `#{{ {} }}`", written.join(", ")));
        let used = template.languages.values().find_map(|written| check::use_of(&written.pieces(), first));
        Err(used.map_or(misfit.clone(), |used| misfit.shows_at(used)))
    }

    /// Renders a message in the nearest language: the one asked for (`de-CH`), its primary one
    /// (`de`), the site's, English, any.
    ///
    /// # Errors
    /// There is no such template, or it can't be rendered with this data. The error quotes no data.
    pub fn render(&self, name: &str, language: Option<&str>, data: &MailData) -> Result<RenderedMail, TemplateError> {
        let template = self.template(name)?;
        let (tag, written) =
            self.nearest_language(template, language).ok_or_else(|| TemplateError::new(name, "it is written in no language"))?;
        let context = Value::from(Serde(data));
        let piece =
            |key: &str, part: Part<'_>| engine::render(&self.env, key, &context).map_err(|e| TemplateError::at_render(&part, &e));
        let source = &written.source;
        let subject = one_line(&piece(&written.subject, source.subject_part())?);
        if subject.is_empty() {
            return Err(TemplateError::at(&source.subject_part(), 0..source.subject().len(), "the subject comes out empty"));
        }
        let text = piece(&written.text, source.text_part())?;
        let html = written.html.as_ref().map(|key| piece(key, source.html_part())).transpose()?;
        Ok(RenderedMail { subject, text, html, language: tag.clone() })
    }

    fn template(&self, name: &str) -> Result<&Template, TemplateError> {
        self.by_name.get(name).ok_or_else(|| TemplateError::unknown_template(name, &self.names()))
    }

    fn nearest_language<'t>(&self, template: &'t Template, asked: Option<&str>) -> Option<(&'t String, &'t Written)> {
        let asked = asked.and_then(language_tag);
        let wanted = [asked.as_deref(), Some(self.site_language.as_str()), Some("en")];
        wanted
            .into_iter()
            .flatten()
            .find_map(|tag| {
                let primary = tag.split('-').next().unwrap_or(tag);
                template.languages.get_key_value(tag).or_else(|| template.languages.get_key_value(primary))
            })
            .or_else(|| template.languages.iter().next())
    }
}

impl fmt::Debug for Templates {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Templates").field("names", &self.names()).finish_non_exhaustive()
    }
}

impl Written {
    fn pieces(&self) -> Vec<Piece<'_>> {
        let source = &self.source;
        let mut pieces = vec![
            Piece { key: self.subject.clone(), part: source.subject_part() },
            Piece { key: self.text.clone(), part: source.text_part() },
        ];
        if let (Some(key), Some(mjml)) = (&self.html, source.mjml_part()) {
            // What the MJML becomes comes last: its places say nothing to an author.
            pieces.push(Piece { key: mjml_key(key), part: mjml });
            pieces.push(Piece { key: key.clone(), part: source.html_part() });
        }
        pieces
    }
}

/// File names and contents of the shipped templates, for a new site's `templates/` folder.
#[must_use]
pub fn shipped_files() -> &'static [(&'static str, &'static str)] {
    shipped::SHIPPED
}

fn mjml_key(html_key: &str) -> String {
    format!("mjml:{html_key}")
}

/// Puts one template in one language into the environment.
fn compile(env: &mut Environment<'static>, name: &str, language: &str, source: Source) -> Result<Written, Vec<TemplateError>> {
    let base = format!("{name}.{language}");
    let written = Written {
        subject: format!("{base}.subject"),
        text: format!("{base}.text"),
        html: source.mjml.is_some().then(|| format!("{base}.html")),
        source,
    };
    let source = &written.source;
    let mut errors = Vec::new();
    let mut add = |key: &str, text: &str, part: Part<'_>| {
        if let Err(e) = env.add_template_owned(key.to_owned(), text.to_owned()) {
            errors.push(TemplateError::at_load(&part, &e));
        }
    };
    add(&written.subject, source.subject(), source.subject_part());
    add(&written.text, source.text(), source.text_part());
    let mut mjml_error = None;
    if let (Some(key), Some(mjml)) = (&written.html, source.mjml_part()) {
        add(&mjml_key(key), mjml.text(), mjml);
        match engine::html_of(mjml.file, mjml.text()) {
            Ok(html) => add(key, &html, source.html_part()),
            Err(e) => mjml_error = Some(e),
        }
    }
    errors.extend(mjml_error);
    if errors.is_empty() { Ok(written) } else { Err(errors) }
}

fn hashes(sources: &Sources) -> BTreeMap<String, String> {
    let mut running: BTreeMap<String, Sha256> = BTreeMap::new();
    for ((name, language), source) in sources {
        let hash = running.entry(name.clone()).or_default();
        for part in [language, source.subject(), source.text(), source.mjml.as_deref().unwrap_or_default()] {
            // The length keeps two neighbours from being read as one.
            hash.update(part.len().to_le_bytes());
            hash.update(part.as_bytes());
        }
    }
    let hex = |hash: Sha256| hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect();
    running.into_iter().map(|(name, hash)| (name, hex(hash))).collect()
}

fn one_line(text: &str) -> String {
    text.split(|c: char| c.is_control() || c.is_whitespace()).filter(|word| !word.is_empty()).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests;
