//! Values as a person sees them, drawn for a width: tables, info cards, plans, texts. Pure: values in, text out.

use unicode_width::UnicodeWidthStr as _;

use super::ink::Ink;
use super::layout::{GAP, cut, fit, give_way, is_figures, wrapped};
use super::render;
use crate::domain::invite_plan::counted;
use crate::domain::words::visible_lines as raw;
use crate::script::shown::{ASCII, BLOCKS, Bar, Card, Line, Marks, Shown, Table, Value};

/// What is drawn on.
pub struct Canvas<'a> {
    /// Columns. No line of a table or a card is wider.
    pub width: usize,
    pub ink: &'a Ink,
    /// Whether it shows more than ASCII.
    pub unicode: bool,
    /// What brings the next page of a long table: `:more`. Without it only how many there are is said.
    pub more: Option<&'a str>,
}

/// Whether the terminal says that it shows more than ASCII.
#[must_use]
pub fn is_utf8() -> bool {
    let set = ["LC_ALL", "LC_CTYPE", "LANG"].into_iter().find_map(|name| std::env::var(name).ok().filter(|v| !v.is_empty()));
    set.is_some_and(|locale| locale.to_ascii_lowercase().replace('-', "").ends_with("utf8"))
}

/// Lines that a table has besides its rows: how many there are, the headings, how many more.
const NOT_ROWS: usize = 3;

/// How many rows of a table fit so many lines.
#[must_use]
pub fn rows_that_fit(lines: usize) -> u64 {
    lines.saturating_sub(NOT_ROWS).max(1) as u64
}

/// The value as lines, each with its end; nothing for nothing.
#[must_use]
pub fn draw(shown: &Shown, canvas: &Canvas<'_>) -> String {
    match shown {
        Shown::Nothing => String::new(),
        // A text is the script's own: its lines are as long as it made them.
        Shown::Text(text) => format!("{}\n", raw(text)),
        Shown::Plan(summary) => format!("{}\n", render::plan(&raw(summary), canvas.width, canvas.ink)),
        Shown::Table(table) => draw_table(table, canvas),
        Shown::Card(card) => draw_card(card, canvas),
    }
}

fn draw_table(table: &Table, canvas: &Canvas<'_>) -> String {
    let ink = canvas.ink;
    let count = |n: u64| usize::try_from(n).unwrap_or(usize::MAX);
    let mut title = counted(count(table.total), &table.noun);
    if let Some(name) = &table.title {
        title = format!("{name}: {title}");
    }
    let here = table.rows.len() as u64;
    if here < table.total && here > 0 {
        title = format!("{title}, {} to {}", table.from + 1, table.from + here);
    }
    let mut text = format!("{}\n", ink.bold(&cut(&title, canvas.width)));
    if table.rows.is_empty() {
        return text;
    }
    let columns = fitting(table, canvas.width);
    let line = |cell: &dyn Fn(&Place) -> String| {
        let cells: Vec<String> = columns
            .iter()
            .map(|place| {
                let cell = cell(place);
                let figures = table.columns.get(place.column).is_some_and(|c| c.figures);
                let missing = place.width.saturating_sub(cell.width());
                if figures { format!("{}{cell}", " ".repeat(missing)) } else { fit(&cell, place.width) }
            })
            .collect();
        cut(cells.join(&" ".repeat(GAP)).trim_end(), canvas.width)
    };
    let heading = |place: &Place| table.columns.get(place.column).map_or_else(String::new, |c| cut(&c.heading, place.width));
    let headings = line(&heading);
    if !headings.is_empty() {
        text.push_str(&format!("{}\n", ink.bold(&headings)));
    }
    for row in &table.rows {
        text.push_str(&line(&|place| row.get(place.column).map_or_else(String::new, |cell| cut(cell, place.width))));
        text.push('\n');
    }
    let left = table.total.saturating_sub(table.from + here);
    if left > 0 {
        let more = canvas.more.map(|more| format!(": {more}")).unwrap_or_default();
        text.push_str(&format!("{}\n", ink.dim(&cut(&format!("\u{2026} {left} more{more}"), canvas.width))));
    }
    text
}

/// Columns of this rank and before are drawn though they be empty.
const ALWAYS: u8 = 2;

/// So much of what says which row it is stays, and of a name beside it.
const KEY: usize = 24;
const NAME: usize = 18;

/// A column of a table, and how wide it is drawn.
struct Place {
    column: usize,
    width: usize,
}

/// The columns that there is room for, in their order: the less important ones are left out, and those that
/// stay give way.
fn fitting(table: &Table, width: usize) -> Vec<Place> {
    let natural: Vec<usize> = table
        .columns
        .iter()
        .enumerate()
        .map(|(n, column)| {
            let cells = table.rows.iter().filter_map(|row| row.get(n)).map(|cell| cut(cell, width).width());
            cells.max().unwrap_or(0).max(cut(&column.heading, width).width())
        })
        .collect();
    let least = |n: usize| {
        let column = table.columns.get(n);
        let stays = column.is_some_and(|c| c.figures) || is_figures(&table.rows, n);
        // What a person types and compares is whole before a less important column has room.
        let name = match column.map(|c| c.rank) {
            Some(0) => KEY.min(width / 2),
            Some(1) => NAME.min(width / 4),
            _ => 0,
        };
        if stays { natural[n] } else { natural[n].min(column.map_or(0, |c| usize::from(c.least)).max(name)) }
    };
    // A column that says nothing about anybody only takes room from the others.
    let says = |n: &usize| {
        let rank = table.columns.get(*n).map_or(0, |c| c.rank);
        rank <= ALWAYS || table.rows.iter().any(|row| row.get(*n).is_some_and(|cell| !cell.is_empty()))
    };
    let mut ranked: Vec<usize> = (0..table.columns.len()).filter(says).collect();
    ranked.sort_by_key(|n| table.columns.get(*n).map(|c| c.rank));
    let mut kept = Vec::new();
    let mut taken = 0;
    for n in ranked {
        let needs = least(n) + if kept.is_empty() { 0 } else { GAP };
        if !kept.is_empty() && taken + needs > width {
            break;
        }
        taken += needs;
        kept.push(n);
    }
    kept.sort_unstable();
    let mut widths: Vec<usize> = kept.iter().map(|n| natural[*n]).collect();
    let leasts: Vec<usize> = kept.iter().map(|n| least(*n)).collect();
    give_way(&mut widths, &leasts, width);
    kept.into_iter().zip(widths).map(|(column, wide)| Place { column, width: wide.min(width) }).collect()
}

/// Narrower than this, a value stands below its label.
const BESIDE_MIN: usize = 40;
const INDENT: usize = 2;

fn draw_card(card: &Card, canvas: &Canvas<'_>) -> String {
    let mut text = String::new();
    if !card.title.is_empty() {
        text.push_str(&format!("{}\n", canvas.ink.bold(&cut(&card.title, canvas.width))));
    }
    let outer = if card.title.is_empty() { 0 } else { INDENT };
    let labels = card.label_width();
    for line in &card.lines {
        draw_line(line, outer + line.depth * INDENT, labels, canvas, &mut text);
    }
    text
}

fn draw_line(line: &Line, indent: usize, labels: usize, canvas: &Canvas<'_>, text: &mut String) {
    let width = canvas.width;
    let words = match &line.value {
        Value::Text(words) => raw(words).replace(['\n', '\t'], " "),
        // A name stays in one piece.
        Value::List(items) => {
            items.iter().map(|item| raw(item).replace([' ', '\n', '\t'], "\u{a0}")).collect::<Vec<_>>().join(", ")
        }
        Value::Bar(bar) => return draw_bar(bar, indent, canvas, text),
    };
    let label = raw(&line.label);
    let indent = indent.min(width / 2);
    let lines = if label.is_empty() {
        wrapped(&words, width, indent, indent + INDENT)
    } else if width >= BESIDE_MIN {
        let beside = (indent + labels + GAP).min(width / 2);
        let padded = fit(&label, beside.saturating_sub(indent + GAP));
        let padded = format!("{padded}{}", " ".repeat(GAP));
        wrapped(&format!("{}{words}", padded.replace(' ', "\u{a0}")), width, indent, beside)
    } else {
        let below = if words.is_empty() { String::new() } else { wrapped(&words, width, indent + INDENT, indent + INDENT) };
        format!("{}\n{below}", cut(&format!("{}{label}", " ".repeat(indent)), width))
    };
    for line in lines.lines() {
        text.push_str(&cut(line, width));
        text.push('\n');
    }
}

/// A bar is no longer than this, however wide the terminal.
const BAR_MAX: usize = 60;

/// The bar, and below it what its parts are.
fn draw_bar(bar: &Bar, indent: usize, canvas: &Canvas<'_>, text: &mut String) {
    let marks = if canvas.unicode && canvas.ink.is_on() { BLOCKS } else { ASCII };
    let room = canvas.width.saturating_sub(indent).min(BAR_MAX);
    let (open, close) = if marks == ASCII { ("[", "]") } else { ("", "") };
    let drawn = bar.drawn(room.saturating_sub(open.len() + close.len()), &marks);
    let legend = bar.legend(&marks);
    let legend = if canvas.width < BESIDE_MIN { legend.replace('\u{a0}', " ") } else { legend };
    let legend = wrapped(&legend, canvas.width, indent, indent);
    let bar = format!("{}{open}{drawn}{close}", " ".repeat(indent));
    for line in std::iter::once(bar.as_str()).chain(legend.lines()) {
        text.push_str(&painted(&cut(line, canvas.width), &marks, canvas.ink));
        text.push('\n');
    }
}

/// Marks in their colours, the rest as it is.
fn painted(line: &str, marks: &Marks, ink: &Ink) -> String {
    let [enrolled, invited, untouched, retired] = marks;
    let chars: Vec<char> = line.chars().collect();
    let runs = chars.chunk_by(|a, b| a == b).map(|run| {
        let text: String = run.iter().collect();
        match run.first() {
            Some(c) if c == enrolled => ink.good(&text),
            Some(c) if c == invited => ink.bold(&text),
            Some(c) if c == untouched => ink.dim(&text),
            Some(c) if c == retired => ink.bad(&text),
            _ => text,
        }
    });
    runs.collect()
}

#[cfg(test)]
mod tests;
