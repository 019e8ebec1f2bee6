//! What a name means: for `beckon docs NAME`.

use super::{Book, Field, Item, Part, Section, variable};
use crate::domain::misspelt::nearest_few;
use crate::script::api;

/// A part of the book that a name leads to.
pub enum Found<'a> {
    Section(&'a Section),
    Item(&'a Item),
    Field(&'a Section, &'a Field),
}

impl Book {
    /// Everything of that name: `plan.send`, `send`, `users`, `Selection`, `u.mail`, `calendar::is_weekend`.
    /// Where a name is written with its owner, only that one's.
    #[must_use]
    pub fn find(&self, name: &str) -> Vec<Found<'_>> {
        let name = name.trim().trim_end_matches("()");
        if let Some(section) = self.section_of(name) {
            return vec![Found::Section(section)];
        }
        let (owner, member) = match name.rsplit_once("::").or_else(|| name.rsplit_once('.')) {
            Some((owner, member)) => (Some(owner), member),
            None => (None, name),
        };
        let members = |section| members(section, member);
        match owner {
            None => self.sections.iter().flat_map(members).collect(),
            // `schedule` is a global of one type, and how a value of another is called.
            Some(owner) => self.sections_of(owner).map(members).find(|found| !found.is_empty()).unwrap_or_default(),
        }
    }

    /// A section by its title or place, or the type of a global.
    fn section_of(&self, name: &str) -> Option<&Section> {
        self.sections_of(name).next()
    }

    /// Those that may be meant, the likeliest first.
    fn sections_of<'b>(&'b self, name: &str) -> impl Iterator<Item = &'b Section> + use<'b> {
        let global = api::GLOBALS.iter().find(|(global, ..)| *global == name).map(|(_, kind, _)| *kind);
        let exact = |wanted: &str| self.sections.iter().find(|s| s.title == wanted);
        let by_place = self.sections.iter().find(|s| s.id == name.to_lowercase());
        let as_written = |s: &&Section| s.part == Part::Api && variable(&s.title) == name;
        let by_variable: Vec<&Section> = self.sections.iter().filter(as_written).collect();
        global.and_then(exact).into_iter().chain(exact(name)).chain(by_place).chain(by_variable)
    }

    /// Names that are near to one that means nothing.
    #[must_use]
    pub fn near(&self, name: &str) -> Vec<&str> {
        let member = name.rsplit(['.', ':']).next().unwrap_or(name);
        let items = self.sections.iter().flat_map(|s| s.items.iter().filter_map(|item| item.id.rsplit('.').next()));
        let fields = self.sections.iter().flat_map(|s| s.fields.iter().map(|f| f.name.as_str()));
        let sections = self.sections.iter().map(|s| s.title.as_str());
        let mut near = nearest_few(member, items.chain(fields).chain(sections).chain(api::GLOBALS.iter().map(|g| g.0)), 6);
        // A global and its type lead to the same place.
        near.dedup_by(|a, b| a.eq_ignore_ascii_case(b));
        near.truncate(3);
        near
    }
}

/// What a section has of that name.
fn members<'b>(section: &'b Section, name: &str) -> Vec<Found<'b>> {
    let items = section.items.iter().filter(|item| item.id.rsplit('.').next() == Some(name)).map(Found::Item);
    items.chain(section.fields.iter().filter(|f| f.name == name).map(|f| Found::Field(section, f))).collect()
}

impl Found<'_> {
    /// How to ask for exactly this.
    #[must_use]
    pub fn name(&self) -> &str {
        match self {
            Self::Section(section) => &section.title,
            Self::Item(item) => &item.id,
            Self::Field(_, field) => &field.id,
        }
    }
}
