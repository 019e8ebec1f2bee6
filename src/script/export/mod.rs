//! Rows as text that other programs read: CSV and JSON. Written row by row, so that a long selection is never
//! held twice, and never longer than a script's text may be.

mod csv;
mod rows;
mod value;

#[cfg(test)]
mod tests;

use rhai::{Dynamic, Map};

use super::json::{Reader, to_json_for};
use super::limits;
use super::problem::{Problem, RhaiResultOf};
use super::run_context::Run;
use super::shown::field::{Getters, Kind};

pub use rows::Rows;
pub use value::value;

/// What is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    Csv,
    Json,
}

impl Format {
    /// The function that writes it.
    pub fn function(self) -> &'static str {
        match self {
            Self::Csv => "to_csv",
            Self::Json => "to_json",
        }
    }
}

/// The rows as a text.
///
/// # Errors
/// `unknown_option`, `unknown_field`, `wrong_type` for what has no rows, `limit_string` where the text would be
/// longer than a script may hold; the roster's.
pub fn export(run: &Run, rows: Rows, format: Format, options: Map) -> RhaiResultOf<String> {
    let fields = rows.fields(format, options)?;
    let mut writer = Writer { run, getters: Getters::new(run)?, format, fields, text: String::new(), rows: 0 };
    writer.begin();
    rows.each(run, |mut row| writer.row(&mut row))?;
    Ok(writer.end())
}

/// A text that grows by rows.
struct Writer<'a> {
    run: &'a Run,
    getters: Getters,
    format: Format,
    fields: Vec<String>,
    text: String,
    rows: u64,
}

impl Writer<'_> {
    fn begin(&mut self) {
        match self.format {
            Format::Csv => csv::line(&mut self.text, self.fields.iter().map(String::as_str)),
            Format::Json => self.text.push('['),
        }
    }

    fn row(&mut self, row: &mut Dynamic) -> RhaiResultOf<()> {
        let reader = if self.format == Format::Csv { Reader::Sheet } else { Reader::Program };
        // A value that has no fields is its own.
        let plain = !row.is_map() && Kind::of(row).is_none();
        let mut values = Vec::with_capacity(self.fields.len());
        for field in &self.fields {
            let value = if plain { row.clone() } else { self.getters.get(row, field)? };
            values.push(to_json_for(reader, &value, self.run.site.zone)?);
        }
        match self.format {
            Format::Csv => {
                let cells: Vec<String> = values.iter().map(csv::cell).collect();
                csv::line(&mut self.text, cells.iter().map(String::as_str));
            }
            Format::Json => {
                self.text.push_str(if self.rows == 0 { "\n" } else { ",\n" });
                match values.first() {
                    Some(value) if plain => self.text.push_str(&value.to_string()),
                    _ => self.text.push_str(&json_row(&self.fields, &values)),
                }
            }
        }
        self.rows += 1;
        if self.text.len() > limits::STRING_BYTES {
            return Err(self.too_long().into());
        }
        Ok(())
    }

    fn end(mut self) -> String {
        if self.format == Format::Json {
            self.text.push_str(if self.rows == 0 { "]" } else { "\n]" });
        }
        self.text
    }

    fn too_long(&self) -> Problem {
        let function = self.format.function();
        let message = format!(
            "{function} would be longer than {} bytes, the longest text that a script may hold: {} rows filled it",
            limits::STRING_BYTES,
            self.rows
        );
        Problem::new("limit_string", message)
            .hint(format!("ask for fewer fields, `{function}(#{{ fields: [\"username\", \"mail\"] }})`, or for fewer rows"))
    }
}

/// An object with its fields in the order that was asked for.
fn json_row(fields: &[String], values: &[serde_json::Value]) -> String {
    let pairs = fields.iter().zip(values).map(|(field, value)| format!("{}:{value}", serde_json::Value::from(field.as_str())));
    format!("{{{}}}", pairs.collect::<Vec<_>>().join(","))
}
