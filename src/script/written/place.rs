//! What could stand at the cursor, and which part of it is there already.

use super::reading::Reading;
use crate::domain::invite_plan::Choice;
use crate::script::catalog::EntryKind;
use crate::script::option_key::{self, OptionKey};
use crate::script::piece::PieceKind;
use crate::script::typing::Type;

/// Where the cursor is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// Where what is being written begins, in bytes.
    pub start: usize,
    /// What is there of it, with escapes resolved where it is a text.
    pub written: String,
    pub wanted: Wanted,
}

/// What could stand there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Wanted {
    /// A variable, a global, a function, a word of the language.
    Word,
    /// A field or a function of this type.
    Member(Type),
    /// A function of the module that an import calls so.
    OfModule(String),
    /// A key of an options map. Those that stand there already are left out.
    Key(Vec<OptionKey>),
    /// A name, as a text.
    Name {
        names: Names,
        /// The quote that is there already.
        quote: Option<Quote>,
    },
}

/// How a text is quoted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Quote {
    Double,
    Backtick,
}

/// Which names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Names {
    Groups,
    Users,
    /// By name or serial number.
    Devices,
    Apps,
    Templates,
    Webhooks,
    Settings,
    Schedules,
    /// Modules that can be imported.
    Modules,
    /// These words and no others.
    Words(Vec<String>),
}

impl Names {
    fn words(words: &[&str]) -> Self {
        Self::Words(words.iter().map(|word| (*word).to_owned()).collect())
    }
}

impl Reading<'_> {
    /// What could stand at the end, when `after` follows.
    pub fn place(&self, after: &str) -> Option<Place> {
        if self.in_comment {
            return None;
        }
        let end = self.pieces.len();
        let Some(last) = end.checked_sub(1) else {
            return Some(Place { start: self.text.len(), written: String::new(), wanted: Wanted::Word });
        };
        let (piece, kind) = (self.pieces[last], self.pieces[last].kind);
        if kind == PieceKind::Text && piece.open {
            return self.text_place(last);
        }
        let touches = piece.end == self.text.len();
        match kind {
            PieceKind::Text | PieceKind::Number if touches => None,
            PieceKind::Word | PieceKind::Keyword if touches => self.word_place(last, self.piece(last), piece.start, after),
            _ => self.word_place(end, "", self.text.len(), after),
        }
    }

    /// A word that begins as the piece `n` would.
    fn word_place(&self, n: usize, written: &str, start: usize, after: &str) -> Option<Place> {
        let place = |wanted| Some(Place { start, written: written.to_owned(), wanted });
        let before = self.mark_before(n);
        if matches!(before, "." | "?.") {
            return place(Wanted::Member(self.value_ending_at(n.checked_sub(2)?)?));
        }
        let previous = n.checked_sub(1).map(|p| self.piece(p)).unwrap_or_default();
        if before == "::" {
            let module = self.module(self.piece(n.checked_sub(2)?))?;
            return place(Wanted::OfModule(module.to_owned()));
        }
        // A new name.
        if matches!(previous, "let" | "const" | "fn" | "for" | "as") {
            return None;
        }
        if let Some(map) = self.open.filter(|map| self.mark(*map) == "#{")
            && matches!(before, "#{" | ",")
        {
            let keys = self.keys(map)?;
            let there = self.keys_there(map, after);
            return place(Wanted::Key(keys.into_iter().filter(|key| !there.contains(&key.split().1)).collect()));
        }
        // A text could stand here: a name with its quotes is offered where nothing is written yet.
        if written.is_empty()
            && let Some(names) = self.names_at(n)
        {
            return place(Wanted::Name { names, quote: None });
        }
        // After a value only an operator could follow.
        let after_value = matches!(before, ")" | "]")
            || n.checked_sub(1)
                .is_some_and(|p| matches!(self.kind(p), Some(PieceKind::Word | PieceKind::Number | PieceKind::Text)));
        if after_value { None } else { place(Wanted::Word) }
    }

    /// Inside of a text that is open at the end.
    fn text_place(&self, n: usize) -> Option<Place> {
        let piece = self.pieces.get(n)?;
        let quote = match self.piece(n).chars().next()? {
            '"' => Quote::Double,
            '`' => Quote::Backtick,
            _ => return None,
        };
        let start = piece.start + 1;
        let content = self.text.get(start..)?;
        let written = if quote == Quote::Double { unescaped(content) } else { content.replace("``", "`").replace("\\${", "${") };
        Some(Place { start, written, wanted: Wanted::Name { names: self.names_at(n)?, quote: Some(quote) } })
    }

    /// Which names can stand as a text where the piece `n` would begin.
    fn names_at(&self, n: usize) -> Option<Names> {
        let before = n.checked_sub(1)?;
        if self.piece(before) == "import" && self.kind(before) == Some(PieceKind::Keyword) {
            return Some(Names::Modules);
        }
        if matches!(self.mark(before), "==" | "!=") {
            return self.compared(before);
        }
        let bracket = self.open?;
        match self.mark(bracket) {
            "[" | "?[" if before == bracket && bracket > 0 => {
                if let Some(of) = self.value_ending_at(bracket - 1) {
                    return (of.name == "Groups").then_some(Names::Groups);
                }
                self.value_of_key(bracket)
            }
            "[" if self.mark(before) == "," => self.value_of_key(bracket),
            "#{" if self.mark(before) == ":" => self.value_of_key(before + 1),
            "(" if before == bracket || self.mark(before) == "," => self.argument(bracket, n),
            _ => None,
        }
    }

    /// What a field is compared with.
    fn compared(&self, operator: usize) -> Option<Names> {
        let field = operator.checked_sub(1)?;
        let of = self.value_ending_at(field.checked_sub(2)?)?;
        if self.mark_before(field) != "." {
            return None;
        }
        of.words_of(self.piece(field)).map(|words| Names::words(&words))
    }

    fn argument(&self, bracket: usize, n: usize) -> Option<Names> {
        let callee = self.called_with(bracket)?;
        let of = callee.object?;
        let which = self.commas(bracket, n);
        match (of.name.as_str(), callee.name, which) {
            ("Groups", "find" | "contains", 0) | ("Selection" | "User", "in_group", 0) => Some(Names::Groups),
            ("Selection", "find" | "contains", 0) if of.row == Some("Device") => Some(Names::Devices),
            ("Selection", "find" | "contains", 0) | ("Plan", "why", 0) => Some(Names::Users),
            ("Selection", "order_by" | "pluck", 0) => Some(self.fields(of.row?)),
            ("Selection", "order_by", 1) => Some(Names::words(&["asc", "desc"])),
            ("Invite", "plan", 1) => Some(Names::words(&Choice::WORDS)),
            ("Notify", "mail", 1) => Some(Names::Templates),
            ("Notify", "mail" | "push", 0) => Some(Names::Users),
            ("Notify", "webhook", 0) => Some(Names::Webhooks),
            ("Apps", "find", 0) => Some(Names::Apps),
            ("Site", "setting", 0) => Some(Names::Settings),
            ("Schedules", "next", 0) => Some(Names::Schedules),
            _ => None,
        }
    }

    fn fields(&self, row: &str) -> Names {
        let fields = self.catalog.entries().iter().filter(|e| e.kind == EntryKind::Field && e.takes_first(row));
        Names::Words(fields.map(|e| e.name.clone()).collect())
    }

    /// The option that the value beginning with `value` belongs to: a list, or a text after a colon.
    fn value_of_key(&self, value: usize) -> Option<Names> {
        let name = value.checked_sub(2).filter(|_| self.mark(value - 1) == ":")?;
        let map = if value < self.pieces.len() { self.around(value) } else { self.open };
        let keys = self.keys(map.filter(|map| self.mark(*map) == "#{")?)?;
        let key = keys.iter().find(|key| key.split().1 == self.piece(name))?;
        if key.split().1 == "template" {
            return Some(Names::Templates);
        }
        let words: Vec<&str> = key.words().collect();
        (!words.is_empty()).then(|| Names::words(&words))
    }

    /// The keys that this map knows: it is the options of a call, or the value of one of its options.
    fn keys(&self, map: usize) -> Option<Vec<OptionKey>> {
        let (path, bracket) = self.path(map)?;
        if let Some(options) = self.library_options(bracket) {
            return Some(options.into_iter().filter(|key| key.split().0 == path).collect());
        }
        let callee = self.called_with(bracket)?;
        // An argument before the options is what a form with fewer of them would not have.
        let forms = self.forms(&callee);
        let options = forms.iter().rev().find(|form| !form.options.is_empty())?.options.clone();
        Some(options.into_iter().filter(|key| key.split().0 == path).collect())
    }

    /// The options of a function of the library: `t::site(`.
    fn library_options(&self, bracket: usize) -> Option<Vec<OptionKey>> {
        let name = bracket.checked_sub(1)?;
        let alias = name.checked_sub(2).filter(|_| self.mark_before(name) == "::")?;
        let module = self.catalog.library(self.module(self.piece(alias))?);
        let function = module.iter().find(|f| f.name == self.piece(name))?;
        Some(option_key::read(&function.doc)).filter(|options| !options.is_empty())
    }

    /// Which option of a call a map is the value of, and the call's bracket.
    fn path(&self, map: usize) -> Option<(String, usize)> {
        let mut path: Vec<&str> = Vec::new();
        let (mut value, mut around) = (map, self.around(map)?);
        loop {
            match self.mark(around) {
                "(" => {
                    path.reverse();
                    return Some((path.join("."), around));
                }
                "[" => value = around,
                "#{" if self.mark_before(value) == ":" => {
                    path.push(self.piece(value.checked_sub(2)?));
                    value = around;
                }
                _ => return None,
            }
            around = self.around(around)?;
        }
    }

    /// The keys that stand in a map, also in what follows the cursor up to the map's end.
    fn keys_there<'s>(&'s self, map: usize, after: &'s str) -> Vec<&'s str> {
        let here = (map + 1..self.pieces.len()).filter(|n| self.around(*n) == Some(map) && self.mark(n + 1) == ":");
        let mut there: Vec<&str> = here.map(|n| self.piece(n)).collect();
        let rest = after.get(..after.find('}').unwrap_or(after.len()).min(1024)).unwrap_or_default();
        there.extend(rest.split(',').filter_map(|pair| pair.split_once(':')).map(|(key, _)| key.trim()));
        there
    }
}

/// The content of a text in double quotes, as far as it is written.
fn unescaped(written: &str) -> String {
    let mut content = String::with_capacity(written.len());
    let mut chars = written.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '"' => {
                content.push('"');
                chars.next_if_eq(&'"');
            }
            '\\' => match chars.next() {
                Some('n') => content.push('\n'),
                Some('t') => content.push('\t'),
                Some('r') => content.push('\r'),
                Some(digits @ ('x' | 'u' | 'U')) => {
                    let count = match digits {
                        'x' => 2,
                        'u' => 4,
                        _ => 8,
                    };
                    let digits: String = chars.by_ref().take(count).collect();
                    content.extend(u32::from_str_radix(&digits, 16).ok().and_then(char::from_u32));
                }
                Some(other) => content.push(other),
                None => {}
            },
            other => content.push(other),
        }
    }
    content
}
