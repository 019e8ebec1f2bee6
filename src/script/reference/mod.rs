//! The reference of everything that a script can say: made from the functions' own comments and from
//! the chapters beside this file. One book, and several ways to print it; the guide is printed the same ways.

mod book;
mod doc;
mod find;
pub mod html;
mod library;
mod markdown;
mod prose;
pub mod roff;
mod signature;

pub use doc::{Doc, uncommented};
pub use find::Found;
pub use library::{LibraryFunction, functions as library_functions};
pub use prose::{Block, Piece, blocks, pieces, plain};
pub use signature::{signature, variable};

/// How to set up an editor, as Markdown without a title.
pub const EDITORS: &str = include_str!("chapters/editors.md");

/// Everything, in the order in which it is read.
pub struct Book {
    pub sections: Vec<Section>,
}

/// What a section is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// A chapter for whoever looks after a site.
    Guide,
    /// Globals, functions and types.
    Api,
    /// A module of the standard library.
    Library,
    /// A chapter for whoever writes scripts.
    Writing,
}

impl Part {
    /// What stands above the sections of this part.
    pub fn title(self) -> &'static str {
        match self {
            Self::Guide => "The guide",
            Self::Api => "The script API",
            Self::Library => "The standard library",
            Self::Writing => "Writing scripts",
        }
    }
}

/// A type, a module, a chapter.
pub struct Section {
    /// The name of its place on the page.
    pub id: String,
    pub title: String,
    pub part: Part,
    /// Markdown, as far as [`blocks`] reads it.
    pub text: String,
    pub fields: Vec<Field>,
    pub items: Vec<Item>,
}

impl Section {
    /// One of text alone.
    #[must_use]
    pub fn chapter(part: Part, id: &str, title: &str, text: String) -> Self {
        Self { id: id.to_owned(), title: title.to_owned(), part, text, fields: Vec::new(), items: Vec::new() }
    }
}

/// A field of a type.
pub struct Field {
    pub id: String,
    pub name: String,
    pub kind: String,
    pub text: String,
}

/// A function with all its forms.
pub struct Item {
    pub id: String,
    /// As it is called: `plan.send`, `days`, `calendar::is_weekend`.
    pub title: String,
    pub forms: Vec<Form>,
}

/// One form of a function.
pub struct Form {
    pub signature: String,
    /// What it can do to the world when the run commits: `invite, mail`.
    pub effect: Option<String>,
    pub text: String,
    pub throws: Option<String>,
    pub options: Vec<Key>,
    pub example: Option<String>,
}

/// A key of an options map.
pub struct Key {
    pub id: String,
    pub name: String,
    pub kind: String,
    pub text: String,
}

impl Book {
    /// With one more chapter, about what stands around the language; it comes before those that are looked things up in.
    #[must_use]
    pub fn with_chapter(mut self, id: &str, title: &str, text: &str) -> Self {
        let place = self.sections.iter().position(|s| s.id == "errors").unwrap_or(self.sections.len());
        self.sections.insert(place, book::chapter(id, title, text));
        self
    }

    /// This book behind another one.
    #[must_use]
    pub fn behind(self, first: Self) -> Self {
        Self { sections: first.sections.into_iter().chain(self.sections).collect() }
    }

    /// As Markdown.
    #[must_use]
    pub fn markdown(&self) -> String {
        markdown::page(self)
    }

    /// As one HTML page that needs nothing else.
    #[must_use]
    pub fn html(&self) -> String {
        html::page(self)
    }

    /// As the manual page `beckon-scripts(7)`.
    #[must_use]
    pub fn manual(&self) -> String {
        roff::scripts(self)
    }

    /// As the manual page `beckon-guide(7)`.
    #[must_use]
    pub fn guide_manual(&self) -> String {
        roff::guide(self)
    }
}
