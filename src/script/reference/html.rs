//! The book as one HTML page: complete without JavaScript, searched with the little that is in it.
//! Nothing is fetched from anywhere.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::{Block, Book, Field, Form, Item, Key, Part, Piece, Section, blocks, pieces};
use crate::script::api;
use crate::script::piece::{self, PieceKind};

const STYLE: &str = include_str!("page.css");
const SEARCH: &str = include_str!("page.js");

pub fn page(book: &Book) -> String {
    let printer = Printer { places: places(book) };
    // In the guide a word of site.toml or of a roster file may be called as a global is; a call is one everywhere.
    let calls = printer.places.iter().filter(|(name, _)| name.contains(['.', ':']));
    let guide = Printer { places: calls.map(|(name, place)| (name.clone(), place.clone())).collect() };
    let mut page = String::from(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta name=\"color-scheme\" content=\"light dark\">\n<title>beckon: guide and reference</title>\n",
    );
    let _ = write!(page, "<style>\n{STYLE}</style>\n</head>\n<body>\n");
    page.push_str("<a class=\"skip\" href=\"#content\">Skip to the content</a>\n");
    page.push_str(&contents(book));
    page.push_str("<main id=\"content\" tabindex=\"-1\">\n");
    let _ = write!(
        page,
        "<header class=\"title\">\n<h1>Guide and reference</h1>\n<p>How to look after a site with beckon {}, and everything that \
         a script can say. What changes the world when the run commits is marked <span class=\"effect\">effect</span>; \
         everything else only reads.</p>\n</header>\n",
        env!("CARGO_PKG_VERSION")
    );
    let mut part = None;
    for section in &book.sections {
        if part != Some(section.part) {
            part = Some(section.part);
            let _ = writeln!(page, "<p class=\"part\">{}</p>", section.part.title());
        }
        let printer = if section.part == Part::Guide { &guide } else { &printer };
        printer.section(&mut page, section);
    }
    let _ = write!(page, "</main>\n<script>\n{SEARCH}</script>\n</body>\n</html>\n");
    page
}

/// The side: search, and what there is.
fn contents(book: &Book) -> String {
    let mut side = String::from(
        "<div class=\"side\">\n<div class=\"top\">\n<a class=\"home\" href=\"#content\">beckon</a>\n\
         <div class=\"search\" role=\"search\"><input id=\"search\" type=\"search\" placeholder=\"Search\" aria-label=\"Search the reference\" \
         aria-controls=\"results\" autocomplete=\"off\" spellcheck=\"false\"><kbd>/</kbd></div>\n\
         <input id=\"menu\" type=\"checkbox\" aria-label=\"Show the contents\"><label for=\"menu\" class=\"menu\">Contents</label>\n</div>\n\
         <ol id=\"results\" aria-label=\"Results\" hidden></ol>\n<nav id=\"contents\" aria-label=\"Contents\">\n",
    );
    let mut part: Option<Part> = None;
    for section in &book.sections {
        if part != Some(section.part) {
            if part.is_some() {
                side.push_str("</ul>\n");
            }
            part = Some(section.part);
            let _ = writeln!(side, "<p>{}</p>\n<ul>", section.part.title());
        }
        let _ = writeln!(side, "<li><a href=\"#{}\">{}</a></li>", escaped(&section.id), escaped(&section.title));
    }
    side.push_str("</ul>\n</nav>\n</div>\n");
    side
}

/// Where a name is explained: `plan.send`, `Selection`, `users`.
fn places(book: &Book) -> BTreeMap<String, String> {
    let mut places = BTreeMap::new();
    for (global, kind, _) in api::GLOBALS {
        places.insert((*global).to_owned(), kind.to_lowercase());
    }
    for section in &book.sections {
        if section.part == Part::Api {
            places.insert(section.title.clone(), section.id.clone());
        }
        for item in &section.items {
            places.insert(item.title.clone(), item.id.clone());
        }
    }
    places
}

struct Printer {
    places: BTreeMap<String, String>,
}

impl Printer {
    fn section(&self, page: &mut String, section: &Section) {
        let id = escaped(&section.id);
        let _ = writeln!(page, "<section id=\"{id}\" data-kind=\"{}\">", kind_of(section));
        let _ = writeln!(page, "<h2>{}{}</h2>", escaped(&section.title), anchor(&section.id));
        self.text(page, &section.text);
        if !section.fields.is_empty() {
            page.push_str("<div class=\"wide\"><table class=\"fields\">\n<thead><tr><th>field</th><th>type</th><th>is</th></tr></thead>\n<tbody>\n");
            for field in &section.fields {
                self.field(page, field);
            }
            page.push_str("</tbody>\n</table></div>\n");
        }
        for item in &section.items {
            self.item(page, item);
        }
        page.push_str("</section>\n");
    }

    fn field(&self, page: &mut String, field: &Field) {
        let _ = writeln!(
            page,
            "<tr id=\"{}\" data-kind=\"field\"><td><code>.{}</code></td><td>{}</td><td>{}</td></tr>",
            escaped(&field.id),
            escaped(&field.name),
            self.signature(&field.kind),
            self.line(&field.text)
        );
    }

    fn item(&self, page: &mut String, item: &Item) {
        let _ = writeln!(page, "<article id=\"{}\" data-kind=\"function\">", escaped(&item.id));
        let effect = item.forms.iter().find_map(|form| form.effect.as_deref());
        let _ = writeln!(page, "<h3>{}{}{}</h3>", escaped(&item.title), badge(effect), anchor(&item.id));
        let mut keys = Vec::new();
        for form in &item.forms {
            self.form(page, form, &mut keys);
        }
        page.push_str("</article>\n");
    }

    fn form<'a>(&self, page: &mut String, form: &'a Form, keys: &mut Vec<&'a str>) {
        let _ =
            writeln!(page, "<div class=\"form\">\n<p class=\"signature\"><code>{}</code></p>", self.signature(&form.signature));
        self.text(page, &form.text);
        if !form.options.is_empty() {
            page.push_str("<div class=\"wide\"><table class=\"options\">\n<thead><tr><th>option</th><th>type</th><th>is</th></tr></thead>\n<tbody>\n");
            for key in &form.options {
                // A key that several forms know has one place on the page.
                let place = !keys.contains(&key.name.as_str());
                keys.push(&key.name);
                self.key(page, key, place);
            }
            page.push_str("</tbody>\n</table></div>\n");
        }
        if let Some(throws) = &form.throws {
            let _ = writeln!(page, "<p class=\"throws\"><b>Throws</b> {}</p>", self.line(&throws.replace('\n', " ")));
        }
        if let Some(example) = &form.example {
            let _ = writeln!(page, "<pre>{}</pre>", script(example));
        }
        page.push_str("</div>\n");
    }

    fn key(&self, page: &mut String, key: &Key, place: bool) {
        let id = if place { format!(" id=\"{}\" data-kind=\"option\"", escaped(&key.id)) } else { String::new() };
        let _ = writeln!(
            page,
            "<tr{id}><td><code>{}</code></td><td>{}</td><td>{}</td></tr>",
            escaped(&key.name),
            self.line(&key.kind),
            self.line(&key.text)
        );
    }

    fn text(&self, page: &mut String, text: &str) {
        for block in blocks(text) {
            let _ = match block {
                Block::Heading(title) => writeln!(page, "<h4>{}</h4>", self.line(title)),
                Block::Paragraph(words) => writeln!(page, "<p>{}</p>", self.line(&words)),
                Block::List(items) => {
                    let items: String = items.iter().map(|item| format!("<li>{}</li>\n", self.line(item))).collect();
                    writeln!(page, "<ul>\n{items}</ul>")
                }
                Block::Table(head, rows) => writeln!(page, "{}", self.table(&head, &rows)),
                Block::Code("rhai" | "", code) => writeln!(page, "<pre>{}</pre>", script(&code)),
                Block::Code(_, code) => writeln!(page, "<pre>{}</pre>", escaped(&code)),
            };
        }
    }

    fn table(&self, head: &[String], rows: &[Vec<String>]) -> String {
        let row = |cells: &[String], tag: &str| {
            let cells: String = cells.iter().map(|cell| format!("<{tag}>{}</{tag}>", self.line(cell))).collect();
            format!("<tr>{cells}</tr>\n")
        };
        let body: String = rows.iter().map(|cells| row(cells, "td")).collect();
        format!(
            "<div class=\"wide\"><table>\n<thead>{}</thead>\n<tbody>\n{body}</tbody>\n</table></div>",
            row(head, "th").trim_end()
        )
    }

    /// A line of text; code that names something leads there.
    fn line(&self, line: &str) -> String {
        let piece = |piece: &Piece| match piece {
            Piece::Plain(text) => escaped(text),
            Piece::Bold(text) => format!("<b>{}</b>", escaped(text)),
            Piece::Emphasis(text) => format!("<em>{}</em>", escaped(text)),
            Piece::Link(words, target) => format!("<a href=\"{}\">{}</a>", escaped(target), escaped(words)),
            Piece::Code(code) => match self.places.get(code.split('(').next().unwrap_or(code)) {
                Some(place) => format!("<a href=\"#{}\"><code>{}</code></a>", escaped(place), escaped(code)),
                None => format!("<code>{}</code>", escaped(code)),
            },
        };
        pieces(line).iter().map(piece).collect()
    }

    /// A signature or a type; the names of types lead to them.
    fn signature(&self, text: &str) -> String {
        let mut shown = String::new();
        for word in text.split_inclusive(|c: char| !c.is_alphanumeric() && c != '_') {
            let name = word.trim_end_matches(|c: char| !c.is_alphanumeric() && c != '_');
            let rest = escaped(word.get(name.len()..).unwrap_or_default());
            match self.places.get(name).filter(|_| name.starts_with(char::is_uppercase)) {
                Some(place) => {
                    let _ = write!(shown, "<a href=\"#{}\">{}</a>{rest}", escaped(place), escaped(name));
                }
                None => {
                    let _ = write!(shown, "{}{rest}", escaped(name));
                }
            }
        }
        shown
    }
}

fn kind_of(section: &Section) -> &'static str {
    match section.part {
        Part::Api if section.title.starts_with(char::is_uppercase) && section.id != "globals" && section.id != "functions" => {
            "type"
        }
        Part::Guide | Part::Api | Part::Writing => "chapter",
        Part::Library => "module",
    }
}

fn badge(effect: Option<&str>) -> String {
    effect.map(|e| format!(" <span class=\"effect\">effect: {}</span>", escaped(e))).unwrap_or_default()
}

fn anchor(id: &str) -> String {
    format!(" <a class=\"anchor\" href=\"#{}\" aria-label=\"Link to this\">#</a>", escaped(id))
}

/// A script with its colours.
fn script(text: &str) -> String {
    let pieces = piece::pieces(text);
    let shown = pieces.iter().enumerate().map(|(n, piece)| {
        let stretch = escaped(piece.of(text));
        let class = match piece.kind {
            PieceKind::Comment => "c",
            PieceKind::Text => "s",
            PieceKind::Number => "n",
            PieceKind::Keyword => "k",
            PieceKind::Word if piece::is_called(text, &pieces, n) => "f",
            PieceKind::Word | PieceKind::Mark | PieceKind::Space => return stretch,
        };
        format!("<i class=\"{class}\">{stretch}</i>")
    });
    format!("<code>{}</code>", shown.collect::<String>())
}

/// Text that is text wherever it stands: between tags and inside of quotes.
#[must_use]
pub fn escaped(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            c => safe.push(c),
        }
    }
    safe
}
