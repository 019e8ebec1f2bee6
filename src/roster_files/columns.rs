//! Finding out what a file's columns mean, and saying which columns there are.

use std::fmt::Write as _;

use super::kinds::{Col, Column, GROUP_NAMES_OF_ANYTHING, KINDS, Kind, KindInfo, SERIALS, USERNAMES};

impl Kind {
    pub(super) fn info(self) -> &'static KindInfo {
        KINDS.iter().find(|info| info.kind == self).unwrap_or(&KINDS[0])
    }

    /// Whether this is one of Apple School Manager's files.
    pub(super) fn is_school_manager(self) -> bool {
        matches!(self, Self::Students | Self::Staff | Self::Courses | Self::Classes | Self::Rosters | Self::Locations)
    }

    /// The kinds that a JSON object may have lists of.
    pub(super) fn from_json_key(key: &str) -> Option<Self> {
        let folded = fold(key);
        KINDS.iter().filter(|info| !info.kind.is_school_manager()).find(|info| fold(info.title) == folded).map(|info| info.kind)
    }
}

impl KindInfo {
    /// The column that goes by a name, and how good the name is: 0 is its own.
    pub(super) fn column(&self, folded: &str) -> Option<(&'static Column, usize)> {
        self.columns.iter().find_map(|column| {
            if fold(column.name) == folded {
                return Some((column, 0));
            }
            column.also.iter().position(|name| *name == folded).map(|at| (column, at + 1))
        })
    }

    fn file_says_so(&self, file: &str) -> bool {
        let stem = fold(file.rsplit_once('.').map_or(file, |(stem, _)| stem));
        stem.contains(&fold(self.title)) || self.file.iter().any(|word| stem.contains(word))
    }
}

/// A header as it is compared: lower case, letters and digits only.
pub(super) fn fold(header: &str) -> String {
    header.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect()
}

/// The attribute that a column fills: `attributes.house` and `attribute:house` fill `house`.
pub(super) fn attribute_of(header: &str) -> Option<&str> {
    let header = header.trim();
    let at = header.find(['.', ':'])?;
    let (word, name) = (header.get(..at)?, header.get(at + 1..)?.trim());
    let fine = matches!(word.trim().to_ascii_lowercase().as_str(), "attribute" | "attributes") && !name.is_empty();
    (fine && name.chars().nth(64).is_none() && !name.chars().any(char::is_control)).then_some(name)
}

/// Where a file's columns are.
pub(super) struct Mapping<'h> {
    pub(super) kind: Kind,
    /// For each meaning, the field that holds it.
    pub(super) fields: [Option<usize>; Col::COUNT],
    pub(super) attributes: Vec<(usize, &'h str)>,
    /// Fields that nothing is known about.
    pub(super) ignored: Vec<usize>,
}

/// Why headers have no one meaning.
pub(super) enum NoMapping {
    Duplicate(String),
    Unknown,
    Ambiguous(Vec<&'static str>),
}

/// Finds out which kind of row has these headers, and what each means.
pub(super) fn recognise<'h>(file: &str, headers: &'h [String]) -> Result<Mapping<'h>, NoMapping> {
    let folded: Vec<String> = headers.iter().map(|header| fold(header)).collect();
    let has = |names: &[&str], own: &str| folded.iter().any(|f| f == own || names.contains(&f.as_str()));
    let ours = has(USERNAMES, "username") || has(SERIALS, "serial");
    let mut best: Vec<(usize, usize, &'static KindInfo)> = Vec::new();
    for info in KINDS.iter().filter(|info| !(ours && info.kind.is_school_manager())) {
        let mut found: Vec<(&Column, &str)> = Vec::new();
        for name in &folded {
            if let Some((column, _)) = info.column(name)
                && !found.iter().any(|(c, _)| c.col == column.col)
            {
                found.push((column, name));
            }
        }
        let complete = info.columns.iter().filter(|c| c.required).all(|c| found.iter().any(|(f, _)| f.col == c.col));
        let weak = info.kind == Kind::Groups
            && found.len() == 1
            && found.iter().all(|(_, name)| GROUP_NAMES_OF_ANYTHING.contains(name))
            && !info.file_says_so(file);
        if complete && !weak {
            best.push((found.len(), info.columns.iter().filter(|c| c.required).count(), info));
        }
    }
    let top = best.iter().map(|(found, required, _)| (*found, *required)).max().ok_or(NoMapping::Unknown)?;
    best.retain(|(found, required, _)| (*found, *required) == top);
    if best.len() > 1 && best.iter().any(|(.., info)| info.file_says_so(file)) {
        best.retain(|(.., info)| info.file_says_so(file));
    }
    match best.as_slice() {
        [(.., info)] => mapping(info, headers, &folded),
        several => Err(NoMapping::Ambiguous(several.iter().map(|(.., info)| info.title).collect())),
    }
}

fn mapping<'h>(info: &'static KindInfo, headers: &'h [String], folded: &[String]) -> Result<Mapping<'h>, NoMapping> {
    let mut fields = [None; Col::COUNT];
    let mut rank = [usize::MAX; Col::COUNT];
    let mut attributes: Vec<(usize, &str)> = Vec::new();
    let mut ignored = Vec::new();
    for (index, (header, name)) in headers.iter().zip(folded).enumerate() {
        if let Some(attribute) = attribute_of(header) {
            if attributes.iter().any(|(_, other)| *other == attribute) {
                return Err(NoMapping::Duplicate(header.clone()));
            }
            attributes.push((index, attribute));
        } else if let Some((column, place)) = info.column(name) {
            let at = column.col as usize;
            if rank[at] == place {
                return Err(NoMapping::Duplicate(header.trim().to_owned()));
            }
            // Two names of one column: the more usual one is taken.
            let loser = if place < rank[at] { fields[at].replace(index) } else { Some(index) };
            rank[at] = rank[at].min(place);
            ignored.extend(loser);
        } else {
            ignored.push(index);
        }
    }
    Ok(Mapping { kind: info.kind, fields, attributes, ignored })
}

/// Each kind with the columns it can't do without, one a line.
pub(super) fn required_columns() -> String {
    let line = |info: &KindInfo| {
        let names: Vec<&str> = info.columns.iter().filter(|c| c.required).map(|c| c.name).collect();
        format!("    {}: {}", info.title, names.join(", "))
    };
    KINDS.iter().map(line).collect::<Vec<_>>().join("\n")
}

/// Every kind of row with its columns, for `beckon import --help` and the guide.
#[must_use]
pub fn columns_help() -> String {
    let mut text = String::from(
        "CSV: the first line names the columns; comma, semicolon or tab; UTF-8, UTF-16\n\
         or Latin 1. JSON: one object with lists named after the kinds, or one list of\n\
         objects. Columns with * must be there. Case, spaces, dashes and underscores in\n\
         their names don't matter, and usual other names are understood: E-mail, Serial\n\
         Number, Voornaam, Gruppe.\n\
         Absent columns leave what the roster holds; empty cells take it away.\n",
    );
    for info in KINDS {
        let _ = write!(text, "\n{}\n", info.title);
        for column in info.columns {
            let star = if column.required { "*" } else { " " };
            let line = format!("  {star} {:<16} {}", column.name, column.help);
            let _ = writeln!(text, "{}", line.trim_end());
        }
        if info.kind == Kind::Users {
            text.push_str("    attributes.NAME  any text that scripts read as u.attributes[\"NAME\"]\n");
        }
    }
    text
}
