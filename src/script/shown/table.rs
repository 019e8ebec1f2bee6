//! Rows in columns: selections, and arrays of users, devices, groups, tasks and maps.

use std::ops::Range;

use rhai::{Array, Dynamic, Map};
use serde::Serialize;

use super::field::{Field, Getters, Kind, cell};
use crate::domain::task::Page;
use crate::script::api::{apps, groups, schedule, tasks};
use crate::script::problem::RhaiResultOf;
use crate::script::run_context::Run;
use crate::script::selection::Selection;
use crate::script::values::{Row, noun, unshared};

/// Rows, of which one page is here.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Table {
    /// What one row is: `user`.
    pub noun: String,
    /// What they are together, where that has a name: `Grade 5`.
    pub title: Option<String>,
    pub columns: Vec<Column>,
    /// A text for each column.
    pub rows: Vec<Vec<String>>,
    /// How many stand before the first one of this page.
    pub from: u64,
    /// How many there are in all.
    pub total: u64,
}

#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Column {
    /// As a script writes the field.
    pub field: String,
    /// As a person reads it. Nothing where the rows are plain values.
    pub heading: String,
    /// 0 for what says which row it is; the larger, the sooner it is left out where there is no room.
    pub rank: u8,
    /// Narrower than this it is not worth its room.
    pub least: u16,
    /// Figures stand under each other from the right, and are never shortened.
    pub figures: bool,
}

/// Maps with more keys than this are no rows of a table that a person could read.
const MAP_COLUMNS_MAX: usize = 24;

/// The value as a table, where it has rows.
///
/// # Errors
/// The roster's, and those of closures that were left over for the interpreter.
pub fn of(run: &Run, value: &Dynamic, page: Page) -> RhaiResultOf<Option<Table>> {
    if let Some(selection) = value.read_lock::<Selection>() {
        return of_selection(&selection, page).map(Some);
    }
    let (kind, listed) = if let Some(named) = value.read_lock::<groups::Groups>() {
        (Kind::Group, groups::all(&named.0)?.into_iter().map(Dynamic::from).collect())
    } else if value.is::<apps::Apps>() {
        (Kind::App, apps::listed(run)?)
    } else if value.is::<schedule::Schedules>() {
        (Kind::Schedule, schedule::listed(run)?)
    } else if value.is::<tasks::Tasks>() {
        (Kind::Task, tasks::in_flight(run)?)
    } else {
        let array = value.read_lock::<Array>();
        return array.map_or(Ok(None), |array| of_array(run, &array, page, None));
    };
    of_array(run, &listed, page, Some(kind))
}

fn of_selection(selection: &Selection, page: Page) -> RhaiResultOf<Table> {
    let (total, rows) = selection.page(page)?;
    let mut rows: Vec<Dynamic> = rows.into_iter().map(Row::into_dynamic).collect();
    let title = selection.label().map(str::to_owned);
    let columns = Kind::of_rows(selection.of()).columns();
    let (columns, rows) = cells(selection.run(), columns.iter().map(Heading::of), &mut rows)?;
    Ok(Table { noun: noun(selection.of()).to_owned(), title, columns, rows, from: page.from, total })
}

/// A list of things of one kind, maps, or plain values. `kind`: what they are though there be none.
fn of_array(run: &Run, array: &Array, page: Page, kind: Option<Kind>) -> RhaiResultOf<Option<Table>> {
    let total = array.len();
    let mut rows: Vec<Dynamic> = array.get(range(page, total)).unwrap_or_default().iter().map(Dynamic::flatten_clone).collect();
    let kind = kind.or_else(|| alike(array));
    let (noun, headings): (&str, Vec<Heading>) = if let Some(kind) = kind {
        (kind.noun(), kind.columns().iter().map(Heading::of).collect())
    } else if total > 0 && array.iter().all(|item| item.read_lock::<Map>().is_some()) {
        let Some(headings) = keys(&rows) else { return Ok(None) };
        ("item", headings)
    } else if total > 0 && array.iter().all(is_plain) && !is_short(run, array) {
        ("item", vec![Heading::plain()])
    } else {
        return Ok(None);
    };
    let (columns, rows) = cells(run, headings, &mut rows)?;
    let from = page.from.min(total as u64);
    let title = (kind == Some(Kind::LeftOut)).then(|| "left out".to_owned());
    Ok(Some(Table { noun: noun.to_owned(), title, columns, rows, from, total: total as u64 }))
}

fn range(page: Page, total: usize) -> Range<usize> {
    let place = |n: u64| usize::try_from(n).unwrap_or(usize::MAX).min(total);
    place(page.from)..place(page.from.saturating_add(page.rows))
}

/// What all of them are.
fn alike(array: &Array) -> Option<Kind> {
    let kind_of = |item: &Dynamic| Kind::of(&unshared(item));
    let kind = kind_of(array.first()?)?;
    array.iter().all(|item| kind_of(item) == Some(kind)).then_some(kind)
}

/// Whether it stands on one line by itself.
fn is_plain(item: &Dynamic) -> bool {
    item.read_lock::<Map>().is_none() && item.read_lock::<Array>().is_none() && item.read_lock::<Selection>().is_none()
}

/// Whether all of it stands on one line that is easily read.
fn is_short(run: &Run, array: &Array) -> bool {
    let mut length = 0;
    array.iter().all(|item| {
        length += cell(&unshared(item), run).chars().count() + 2;
        length <= LINE_MAX
    })
}

/// Characters of a line that is easily read.
const LINE_MAX: usize = 60;

/// The keys of maps as columns, in the order of their names; `None` where there are too many.
fn keys(rows: &[Dynamic]) -> Option<Vec<Heading>> {
    let mut keys = std::collections::BTreeSet::new();
    for map in rows.iter().filter_map(|row| row.read_lock::<Map>()) {
        keys.extend(map.keys().map(ToString::to_string));
        if keys.len() > MAP_COLUMNS_MAX {
            return None;
        }
    }
    let ranks = 0_u8..;
    Some(
        keys.into_iter()
            .zip(ranks)
            .map(|(key, rank)| Heading { heading: key.clone(), field: Some(key), rank, least: 8 })
            .collect(),
    )
}

/// A column that is to be filled.
struct Heading {
    /// `None`: the row itself.
    field: Option<String>,
    heading: String,
    rank: u8,
    least: u16,
}

impl Heading {
    fn of(field: &Field) -> Self {
        Self { field: Some(field.name.to_owned()), heading: field.heading.to_owned(), rank: field.rank, least: field.least }
    }

    fn plain() -> Self {
        Self { field: None, heading: String::new(), rank: 0, least: 8 }
    }
}

type Cells = (Vec<Column>, Vec<Vec<String>>);

fn cells(run: &Run, headings: impl IntoIterator<Item = Heading>, rows: &mut [Dynamic]) -> RhaiResultOf<Cells> {
    let getters = Getters::new(run)?;
    let mut texts = vec![Vec::new(); rows.len()];
    let mut columns = Vec::new();
    for Heading { field, heading, rank, least } in headings {
        let mut figures = true;
        for (row, texts) in rows.iter_mut().zip(&mut texts) {
            let value = match &field {
                Some(name) => getters.get(row, name)?,
                None => row.clone(),
            };
            figures &= value.is_int() || value.is_unit();
            texts.push(cell(&value, run));
        }
        figures &= texts.iter().any(|row| row.last().is_some_and(|text| !text.is_empty()));
        columns.push(Column { field: field.unwrap_or_default(), heading, rank, least, figures });
    }
    Ok((columns, texts))
}
