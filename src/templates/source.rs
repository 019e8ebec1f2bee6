//! Template files: which there are, and what is in them.

use std::collections::BTreeMap;
use std::io::Read;
use std::ops::Range;
use std::path::Path;

use super::error::{Part, TemplateError};
use super::shipped::SHIPPED;

const FILE_MAX: u64 = 256 * 1024;
const FILES_MAX: usize = 1_000;

/// One template in one language.
#[derive(Clone, Debug)]
pub(super) struct Source {
    /// How errors call its text file, and the one of its HTML.
    pub file: String,
    pub mjml_file: String,
    pub mjml: Option<String>,
    /// The text file as it is: the subject, and from some byte on the text.
    content: String,
    subject: Range<usize>,
    text: usize,
}

impl Source {
    pub fn subject(&self) -> &str {
        self.content.get(self.subject.clone()).unwrap_or_default()
    }

    pub fn text(&self) -> &str {
        self.text_part().text()
    }

    pub fn subject_part(&self) -> Part<'_> {
        Part { file: &self.file, whole: &self.content, from: Some(self.subject.start) }
    }

    pub fn text_part(&self) -> Part<'_> {
        Part { file: &self.file, whole: &self.content, from: Some(self.text) }
    }

    /// The MJML file, where there is one. It is a template as it stands, and its places are those that an
    /// author knows.
    pub fn mjml_part(&self) -> Option<Part<'_>> {
        self.mjml.as_deref().map(|mjml| Part::all(&self.mjml_file, mjml))
    }

    /// What the MJML file becomes.
    pub fn html_part(&self) -> Part<'_> {
        Part { file: &self.mjml_file, whole: "", from: None }
    }
}

/// Name and language to source.
pub(super) type Sources = BTreeMap<(String, String), Source>;

/// The shipped templates, with a site's own in place of those of the same name and language.
///
/// A site's text file comes with the site's own HTML or with none: half of each would say two
/// different things.
pub(super) fn read(folder: Option<&Path>) -> (Sources, Vec<TemplateError>) {
    let mut errors = Vec::new();
    let shipped: Vec<(String, String)> = SHIPPED.iter().map(|(file, text)| ((*file).to_owned(), (*text).to_owned())).collect();
    let mut sources = pair(shipped, "shipped ", &mut errors);
    if let Some(folder) = folder {
        let files = read_folder(folder, &mut errors);
        sources.extend(pair(files, "templates/", &mut errors));
    }
    (sources, errors)
}

fn read_folder(folder: &Path, errors: &mut Vec<TemplateError>) -> Vec<(String, String)> {
    let listed = match std::fs::read_dir(folder) {
        Ok(listed) => listed,
        // A site without the folder has no templates of its own.
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Vec::new(),
        Err(e) => {
            errors.push(TemplateError::new(&folder.display().to_string(), format!("can't be read: {e}")));
            return Vec::new();
        }
    };
    let mut files = Vec::new();
    for entry in listed.flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        let is_template = [".txt", ".mjml"].iter().any(|end| name.ends_with(end)) && !name.starts_with('.');
        if !is_template {
            continue;
        }
        if files.len() >= FILES_MAX {
            errors.push(TemplateError::new("templates/", format!("holds more than {FILES_MAX} templates")));
            break;
        }
        match read_file(&entry.path()) {
            Ok(text) => files.push((name, text)),
            Err(what) => errors.push(TemplateError::new(&format!("templates/{name}"), what)),
        }
    }
    files.sort();
    files
}

fn read_file(path: &Path) -> Result<String, String> {
    let unreadable = |e: std::io::Error| format!("can't be read: {e}");
    let file = std::fs::File::open(path).map_err(unreadable)?;
    let mut bytes = Vec::new();
    file.take(FILE_MAX + 1).read_to_end(&mut bytes).map_err(unreadable)?;
    if bytes.len() as u64 > FILE_MAX {
        return Err(format!("is larger than {} kB", FILE_MAX / 1024));
    }
    String::from_utf8(bytes).map_err(|_| "is not UTF-8: save it as UTF-8".to_owned())
}

/// Joins the text and HTML of each template.
fn pair(files: Vec<(String, String)>, folder: &str, errors: &mut Vec<TemplateError>) -> Sources {
    let mut texts = Sources::new();
    let mut mjmls: BTreeMap<(String, String), (String, String)> = BTreeMap::new();
    for (file, content) in files {
        let shown = format!("{folder}{file}");
        let content = content.trim_start_matches('\u{feff}').replace("\r\n", "\n");
        let Some((name, language, kind)) = parse_name(&file) else {
            errors.push(
                TemplateError::new(&shown, "the file's name doesn't say which template it is")
                    .with_hint("the form is NAME.LANGUAGE.txt or NAME.LANGUAGE.mjml, for example invitation.nl.txt"),
            );
            continue;
        };
        if kind == "mjml" {
            mjmls.insert((name, language), (shown, content));
            continue;
        }
        match split_text(&content) {
            Some((subject, text)) => {
                let source = Source { mjml_file: String::new(), mjml: None, file: shown, content, subject, text };
                texts.insert((name, language), source);
            }
            None => errors.push(
                TemplateError::at(
                    &Part::all(&shown, &content),
                    0..content.len(),
                    "it has to begin with the subject and an empty line",
                )
                .with_hint("the first line is `Subject: …`, the second is empty, the text follows"),
            ),
        }
    }
    for (key, (file, content)) in mjmls {
        match texts.get_mut(&key) {
            Some(source) => {
                source.mjml_file = file;
                source.mjml = Some(content);
            }
            // A text that was refused above has been reported.
            None if errors.iter().any(|e| e.file == file.replace(".mjml", ".txt")) => {}
            None => errors.push(
                TemplateError::new(&file, "it has no text beside it, and so no subject")
                    .with_hint(format!("add {}.{}.txt", key.0, key.1)),
            ),
        }
    }
    texts
}

/// `NAME.LANGUAGE.txt` and `NAME.LANGUAGE.mjml`.
fn parse_name(file: &str) -> Option<(String, String, &str)> {
    let (rest, kind) = file.rsplit_once('.')?;
    let (name, language) = rest.rsplit_once('.')?;
    let name_fine = !name.is_empty()
        && name.len() <= 64
        && name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '-' | '_'));
    let language = language_tag(language)?;
    (name_fine && matches!(kind, "txt" | "mjml")).then(|| (name.to_owned(), language, kind))
}

/// A language tag in the form that is compared: lower case, parts joined by `-`.
pub(super) fn language_tag(written: &str) -> Option<String> {
    let tag = written.trim().replace('_', "-").to_ascii_lowercase();
    let mut parts = tag.split('-');
    let primary = parts.next()?;
    let fine = (2..=3).contains(&primary.len())
        && primary.chars().all(|c| c.is_ascii_lowercase())
        && tag.len() <= 35
        && parts.all(|part| (1..=8).contains(&part.len()) && part.chars().all(|c| c.is_ascii_alphanumeric()));
    fine.then_some(tag)
}

/// The bytes of the subject, and the byte where the text begins.
fn split_text(content: &str) -> Option<(Range<usize>, usize)> {
    let (first, rest) = content.split_once('\n')?;
    let (label, subject) = first.split_once(':')?;
    let (second, body) = rest.split_once('\n')?;
    let fine = label.trim().eq_ignore_ascii_case("subject") && !subject.trim().is_empty() && second.trim().is_empty();
    let start = first.len() - subject.trim_start().len();
    fine.then(|| (start..start + subject.trim().len(), content.len() - body.len()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn file_names_say_name_and_language() {
        let parsed = |file| parse_name(file).map(|(name, language, kind)| format!("{name}|{language}|{kind}"));
        assert_eq!(parsed("last-call.de-CH.mjml").as_deref(), Some("last-call|de-ch|mjml"));
        assert_eq!(parsed("invitation.nl.txt").as_deref(), Some("invitation|nl|txt"));
        for bad in [
            "invitation.txt",
            "Invitation.nl.txt",
            "a b.nl.txt",
            ".nl.txt",
            "x.n.txt",
            "x.dutch.txt",
            "x.nl.html",
            "x.n\u{e9}.txt",
        ] {
            assert_eq!(parsed(bad), None, "{bad}");
        }
    }

    #[test]
    fn a_text_begins_with_its_subject() {
        let content = "Subject:  Hi \n\nText\n";
        assert_eq!(split_text(content).map(|(subject, text)| (&content[subject], &content[text..])), Some(("Hi", "Text\n")));
        for bad in ["", "Hi\n\nText", "Subject:\n\nText", "Subject: Hi\nText\n", "Subject: Hi"] {
            assert_eq!(split_text(bad), None, "{bad:?}");
        }
    }
}
