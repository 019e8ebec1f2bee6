//! The book as the manual page `beckon-scripts(7)`.

use std::fmt::Write as _;

use super::{Block, Book, Form, Key, Piece, Section, blocks, pieces, plain};

/// The day of this version, which readers of manual pages want to show.
const DAY: &str = "2026-11-26";

/// How a manual page begins.
pub fn title(name: &str, section: u8) -> String {
    let (name, version) = (escaped(&name.to_uppercase()), env!("CARGO_PKG_VERSION"));
    format!(".ie \\n(.g .ds Aq \\(aq\n.el .ds Aq '\n.TH {name} {section} \"{DAY}\" \"beckon {version}\" \"beckon\"\n")
}

/// `beckon-scripts(7)`.
pub fn scripts(book: &Book) -> String {
    page(
        book,
        ("scripts", "what a script of beckon can say"),
        "A script is a text in the site's folder `scripts`, run by `beckon run` or by a schedule. It reads the roster and \
         asks for what is to happen; nothing happens before a person or a limit has let it. What changes the world when \
         the run commits is marked **effect**.",
    )
}

/// `beckon-guide(7)`.
pub fn guide(book: &Book) -> String {
    page(
        book,
        ("guide", "how to look after a site with beckon"),
        "From the first morning to a service that runs by itself. What a script can say is in `beckon-scripts(7)`.",
    )
}

/// A page of section 7. `about`: its name behind `beckon-`, and what it is in a line.
fn page(book: &Book, (name, about): (&str, &str), said: &str) -> String {
    let mut page = title(&format!("beckon-{name}"), 7);
    let _ = write!(page, ".SH NAME\nbeckon\\-{name} \\- {about}\n.SH DESCRIPTION\n");
    text(&mut page, said);
    for section in &book.sections {
        write_section(&mut page, section);
    }
    let other = if name == "guide" { "scripts" } else { "guide" };
    let _ = write!(
        page,
        ".SH SEE ALSO\n.BR beckon (1),\n.BR beckon\\-run (1),\n.BR beckon\\-check (1),\n.BR beckon\\-docs (1),\n.BR beckon\\-{other} (7)\n"
    );
    without_idle_paragraphs(&page)
}

/// Behind a heading a paragraph begins by itself.
fn without_idle_paragraphs(page: &str) -> String {
    let mut kept = String::with_capacity(page.len());
    let mut heading = false;
    for line in page.lines() {
        if !(heading && line == ".PP") {
            kept.push_str(line);
            kept.push('\n');
        }
        heading = line.starts_with(".SH ") || line.starts_with(".SS ");
    }
    kept
}

fn write_section(page: &mut String, section: &Section) {
    let _ = writeln!(page, ".SH \"{}\"", quoted(&section.title.to_uppercase()));
    text(page, &section.text);
    for field in &section.fields {
        let _ = writeln!(page, ".TP\n.BR .{} \" ({})\"", escaped(&field.name), quoted(&field.kind));
        let _ = writeln!(page, "{}", line(&field.text));
    }
    for form in section.items.iter().flat_map(|item| &item.forms) {
        write_form(page, form);
    }
}

fn write_form(page: &mut String, form: &Form) {
    let _ = writeln!(page, ".SS \"{}\"", quoted(&form.signature));
    if let Some(effect) = &form.effect {
        let _ = writeln!(page, ".PP\n\\fBeffect: {}\\fR", escaped(effect));
    }
    text(page, &form.text);
    for Key { name, kind, text, .. } in &form.options {
        let _ = writeln!(page, ".TP\n.BR \"{}\" \" ({})\"", quoted(name), quoted(kind));
        let _ = writeln!(page, "{}", line(text));
    }
    if let Some(throws) = &form.throws {
        text(page, &format!("Throws {throws}"));
    }
    if let Some(example) = &form.example {
        code(page, example);
    }
}

fn text(page: &mut String, text: &str) {
    for block in blocks(text) {
        match block {
            Block::Heading(title) => {
                let _ = writeln!(page, ".SS \"{}\"", quoted(&plain(title)));
            }
            Block::Paragraph(words) => {
                let _ = writeln!(page, ".PP\n{}", line(&words));
            }
            Block::List(items) => {
                for item in items {
                    let _ = writeln!(page, ".IP \\(bu 2\n{}", line(&item));
                }
            }
            // The first column names a row; the others say what it is.
            Block::Table(_, rows) => {
                for row in rows {
                    let first = row.first().map(String::as_str).unwrap_or_default();
                    let rest: Vec<&str> = row.iter().skip(1).map(String::as_str).filter(|cell| !cell.is_empty()).collect();
                    let _ = writeln!(page, ".TP\n{}\n{}", line(first), line(&rest.join("; ")));
                }
            }
            Block::Code(_, lines) => code(page, &lines),
        }
    }
}

fn code(page: &mut String, text: &str) {
    let _ = write!(page, ".PP\n.RS 4\n.nf\n{}\n.fi\n.RE\n", lines(text));
}

/// A line of text with its code in bold. An empty one is a space, which roff doesn't take for a gap.
fn line(line: &str) -> String {
    let shown: String = pieces(line)
        .iter()
        .map(|piece| match piece {
            Piece::Plain(text) | Piece::Link(text, _) => escaped(text),
            Piece::Code(text) | Piece::Bold(text) => format!("\\fB{}\\fR", escaped(text)),
            Piece::Emphasis(text) => format!("\\fI{}\\fR", escaped(text)),
        })
        .collect();
    if shown.is_empty() { "\\&".to_owned() } else { guarded(&shown) }
}

/// Text of one or more lines that roff takes for nothing else.
#[must_use]
pub fn lines(text: &str) -> String {
    text.lines().map(|line| guarded(&escaped(line))).collect::<Vec<_>>().join("\n")
}

/// A line that begins with a dot or a quote would be a command.
fn guarded(line: &str) -> String {
    if line.starts_with(['.', '\'']) { format!("\\&{line}") } else { line.to_owned() }
}

fn escaped(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\\' => safe.push_str("\\e"),
            '-' => safe.push_str("\\-"),
            '\'' => safe.push_str("\\(aq"),
            '`' => safe.push_str("\\(ga"),
            '^' => safe.push_str("\\(ha"),
            '~' => safe.push_str("\\(ti"),
            // A line of its own would be a command.
            c if c.is_control() => safe.push(' '),
            c if c.is_ascii() => safe.push(c),
            c => {
                let _ = write!(safe, "\\[u{:04X}]", u32::from(c));
            }
        }
    }
    safe
}

/// Inside of an argument in quotes.
fn quoted(text: &str) -> String {
    escaped(text).replace('"', "\\(dq")
}
