//! CSV files: which separator, where the rows begin and end, and which line they stand on.

use csv::{ReaderBuilder, StringRecord};

use super::columns::{self, Mapping, NoMapping};
use super::kinds::{Col, Kind};
use super::row::{Row, shortened};
use super::take::Taker;
use super::{COLUMNS_MAX, FileError, ROWS_MAX};
use crate::domain::misspelt;
use crate::domain::roster_change::Place;

/// Reads all rows of one file.
pub(super) fn read(name: &str, text: &str, taker: &mut Taker) -> Result<(), FileError> {
    let mut lines = Lines::new(text);
    // Excel's own first line, `sep=;`, names the separator.
    let declared = text.lines().next().and_then(|line| line.trim().strip_prefix("sep="));
    let (start, delimiter) = match declared.and_then(|d| d.as_bytes().first().copied()) {
        Some(delimiter @ (b',' | b';' | b'\t' | b'|')) => (text.find('\n').map_or(text.len(), |at| at + 1), delimiter),
        _ => (0, delimiter_of(text)),
    };
    let rest = text.get(start..).unwrap_or_default();
    let builder = |escape: Option<u8>| {
        let mut builder = ReaderBuilder::new();
        builder.has_headers(false).flexible(true).delimiter(delimiter).escape(escape);
        builder
    };

    let mut record = StringRecord::new();
    let mut reader = builder(None).from_reader(rest.as_bytes());
    if !matches!(reader.read_record(&mut record), Ok(true)) {
        return Err(FileError::empty(name));
    }
    let header_end = start.saturating_add(usize::try_from(reader.position().byte()).unwrap_or(usize::MAX)).min(text.len());
    let header_line = lines.line_at(start);
    if ends_inside_quotes(text.get(start..header_end).unwrap_or_default(), delimiter, false) {
        return Err(FileError::unclosed_quote(name, header_line));
    }
    if record.len() > COLUMNS_MAX {
        return Err(FileError::too_many_columns(name, header_line));
    }
    let headers: Vec<String> = record.iter().map(str::to_owned).collect();
    let mapping = columns::recognise(name, &headers).map_err(|why| match why {
        NoMapping::Duplicate(column) => FileError::duplicate_column(name, header_line, &shortened(&column)),
        NoMapping::Unknown => FileError::unrecognised(name, header_line, &headers, &[]),
        NoMapping::Ambiguous(kinds) => FileError::unrecognised(name, header_line, &headers, &kinds),
    })?;
    warn_of_ignored(name, &headers, &mapping, taker);

    // Apple's templates escape a quotation mark with a backslash; nobody else's do.
    let backslash = mapping.kind.is_school_manager();
    let mut reader = builder(backslash.then_some(b'\\')).from_reader(text.get(header_end..).unwrap_or_default().as_bytes());
    let mut rows = 0;
    while matches!(reader.read_record(&mut record), Ok(true)) {
        let at = |byte: u64| header_end.saturating_add(usize::try_from(byte).unwrap_or(usize::MAX)).min(text.len());
        let begin = at(record.position().map_or(0, csv::Position::byte));
        let end = at(reader.position().byte());
        let line = lines.line_at(begin);
        if end == text.len() && ends_inside_quotes(text.get(begin..end).unwrap_or_default(), delimiter, backslash) {
            return Err(FileError::unclosed_quote(name, line));
        }
        // Spreadsheets leave rows of separators behind.
        if record.iter().all(|cell| cell.trim().is_empty()) {
            continue;
        }
        rows += 1;
        if rows > ROWS_MAX {
            return Err(FileError::too_many_rows(name));
        }
        take_record(name, line, &headers, &mapping, &record, taker)?;
    }
    if rows == 0 {
        taker.warn(format!("{name} has no rows under its column names"));
    }
    Ok(())
}

fn take_record(
    name: &str,
    line: u64,
    headers: &[String],
    mapping: &Mapping<'_>,
    record: &StringRecord,
    taker: &mut Taker,
) -> Result<(), FileError> {
    let mut row = Row::new(Place { file: name.to_owned(), line });
    let surplus = record.iter().skip(headers.len()).any(|cell| !cell.trim().is_empty());
    if surplus || record.len() < headers.len() {
        let about = [Col::Username, Col::Serial, Col::PersonId, Col::Group, Col::AdamId];
        let about =
            about.iter().filter_map(|col| mapping.fields[*col as usize]).find_map(|at| record.get(at)).unwrap_or_default();
        let reason = format!(
            "it has {} fields where the first line has {}; a field with the separator or a line break in it needs quotation marks",
            record.len(),
            headers.len()
        );
        let serial = mapping.kind == Kind::Devices;
        let about = if serial { about.trim().to_ascii_uppercase() } else { about.trim().to_owned() };
        taker.reject(&row.place, &about, reason);
        return taker.check_rejected();
    }
    let info = mapping.kind.info();
    for column in info.columns {
        if let Some(cell) = mapping.fields[column.col as usize].and_then(|at| record.get(at)) {
            row.set(column.col, cell);
        }
    }
    row.attributes.extend(mapping.attributes.iter().filter_map(|(at, attribute)| Some((*attribute, record.get(*at)?))));
    taker.row(mapping.kind, &row);
    taker.check_rejected()
}

fn warn_of_ignored(name: &str, headers: &[String], mapping: &Mapping<'_>, taker: &mut Taker) {
    let known = || mapping.kind.info().columns.iter().map(|column| column.name);
    let school = mapping.kind.is_school_manager();
    let mut said = Vec::new();
    for header in mapping.ignored.iter().filter_map(|at| headers.get(*at)).map(|header| header.trim()) {
        // Apple's templates have columns that say nothing to us; that is no news.
        let of_apple =
            school && ["person_number", "additional_location", "class_", "course_"].iter().any(|own| header.starts_with(own));
        if header.is_empty() || of_apple {
            continue;
        }
        let taken = known().filter(|name| {
            mapping.kind.info().columns.iter().any(|c| c.name == *name && mapping.fields[c.col as usize].is_none())
        });
        said.push(match misspelt::nearest(header, taken) {
            Some(near) => format!("\"{}\" (did you mean {near}?)", shortened(header)),
            None => format!("\"{}\"", shortened(header)),
        });
    }
    if !said.is_empty() {
        let more = said.len().saturating_sub(20);
        said.truncate(20);
        let more = if more > 0 { format!(" and {more} more") } else { String::new() };
        taker.warn(format!("{name}: ignored columns: {}{more}", said.join(", ")));
    }
}

/// The separator that the first line with something on it uses most, outside quotation marks.
fn delimiter_of(text: &str) -> u8 {
    let mut counts = [(b',', 0_u32), (b';', 0), (b'\t', 0)];
    let mut quoted = false;
    for byte in text.trim_start_matches(['\r', '\n']).bytes() {
        match byte {
            b'"' => quoted = !quoted,
            b'\r' | b'\n' if !quoted => break,
            _ if quoted => {}
            _ => {
                for (delimiter, count) in &mut counts {
                    *count += u32::from(*delimiter == byte);
                }
            }
        }
    }
    // The first of equals: a comma, also where there is only one column.
    counts.iter().rev().max_by_key(|(_, count)| *count).map_or(b',', |(delimiter, _)| *delimiter)
}

/// Whether a record's text ends while a quoted field is open: the reader takes that for a field.
fn ends_inside_quotes(raw: &str, delimiter: u8, backslash: bool) -> bool {
    let mut inside = false;
    let mut field_start = true;
    let mut bytes = raw.bytes().peekable();
    while let Some(byte) = bytes.next() {
        match byte {
            b'\\' if inside && backslash => {
                bytes.next();
            }
            b'"' if inside && bytes.peek() == Some(&b'"') => {
                bytes.next();
            }
            b'"' if inside => inside = false,
            b'"' if field_start => inside = true,
            _ => {}
        }
        field_start = !inside && (byte == delimiter || matches!(byte, b'\r' | b'\n'));
    }
    inside
}

/// Counts lines on the way through a text: the CSV reader's own count is off by one after `\r\n`
/// and after blank lines.
struct Lines<'t> {
    text: &'t [u8],
    at: usize,
    line: u64,
    newline: u8,
}

impl<'t> Lines<'t> {
    fn new(text: &'t str) -> Self {
        // Very old Macs end lines with a carriage return alone.
        let newline = if text.contains('\n') { b'\n' } else { b'\r' };
        Self { text: text.as_bytes(), at: 0, line: 1, newline }
    }

    /// The line of the first character from byte `begin` on that doesn't end a line.
    fn line_at(&mut self, begin: usize) -> u64 {
        let blank = self.text.get(begin..).unwrap_or_default().iter().take_while(|b| matches!(b, b'\r' | b'\n')).count();
        let to = begin + blank;
        let passed = self.text.get(self.at..to).unwrap_or_default();
        #[expect(clippy::naive_bytecount, reason = "the compiler vectorises it")]
        let newlines = passed.iter().filter(|b| **b == self.newline).count();
        self.line = self.line.saturating_add(newlines as u64);
        self.at = self.at.max(to);
        self.line
    }
}
