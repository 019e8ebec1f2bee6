//! One field of a cron expression: text into the set of numbers that it means.

/// What stands in one place of an expression.
pub(super) struct Kind {
    /// In the plural, as messages name it.
    pub name: &'static str,
    low: u8,
    high: u8,
    /// Words for numbers, from `low` on.
    names: &'static [&'static str],
    allowed: &'static str,
    example: &'static str,
}

const MONTHS: &[&str] = &["JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"];
/// Sunday is both 0 and 7, so that a week can end with it.
const DAYS: &[&str] = &["SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"];

/// In the order in which they are written.
pub(super) const KINDS: [Kind; 6] = [
    Kind { name: "seconds", low: 0, high: 59, names: &[], allowed: "0 to 59", example: "0" },
    Kind { name: "minutes", low: 0, high: 59, names: &[], allowed: "0 to 59", example: "*/15" },
    Kind { name: "hours", low: 0, high: 23, names: &[], allowed: "0 to 23", example: "8-17" },
    Kind { name: "days of the month", low: 1, high: 31, names: &[], allowed: "1 to 31", example: "1,15" },
    Kind { name: "months", low: 1, high: 12, names: MONTHS, allowed: "1 to 12 or JAN to DEC", example: "SEP-DEC" },
    Kind {
        name: "days of the week",
        low: 0,
        high: 7,
        names: DAYS,
        allowed: "0 to 7 (both Sunday) or SUN to SAT",
        example: "MON-FRI",
    },
];

/// The numbers of a field; bit `n` is the number `n`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Set {
    bits: u64,
    /// It begins with `*`: as a day field it restricts nothing by itself, as crontab has it.
    pub star: bool,
}

impl Set {
    pub fn numbers(self) -> impl Iterator<Item = u32> {
        (0..64).filter(move |n| self.bits >> n & 1 == 1)
    }

    /// Every number of its kind.
    fn is_all(self, kind: &Kind) -> bool {
        (kind.low..=last(kind)).all(|n| self.bits >> n & 1 == 1)
    }

    /// As the `cron` crate reads it, where Sunday is 1.
    pub fn normal(self, kind: &Kind) -> String {
        if self.is_all(kind) {
            return "*".to_owned();
        }
        let shift = u32::from(is_week(kind));
        self.numbers().map(|n| (n + shift).to_string()).collect::<Vec<_>>().join(",")
    }
}

/// Whether it is the field in which 7 is another word for 0.
fn is_week(kind: &Kind) -> bool {
    kind.high == 7
}

fn last(kind: &Kind) -> u8 {
    if is_week(kind) { 6 } else { kind.high }
}

/// Reads a field: `*`, a number or name, a range `a-b`, each with a step `/n`, or several with commas.
pub(super) fn read(text: &str, kind: &Kind) -> Result<Set, String> {
    let mut bits = 0;
    for item in text.split(',') {
        let (range, step) = match item.split_once('/') {
            Some((range, step)) => (range, Some(number_of_step(step, text, kind)?)),
            None => (item, None),
        };
        let (from, to) = match range.split_once('-') {
            _ if range == "*" => (kind.low, last(kind)),
            Some((from, to)) => ends(from, to, text, kind)?,
            None if step.is_some() => {
                return Err(format!(
                    "\"{}\" can't stand for the {}: a step needs a range; write {}-{}/…, or */… for all of them",
                    shown(text),
                    kind.name,
                    shown(range),
                    last(kind)
                ));
            }
            None => {
                let n = value(range, kind).ok_or_else(|| wrong(text, kind))?;
                (n, n)
            }
        };
        for n in (from..=to).step_by(usize::from(step.unwrap_or(1))) {
            bits |= 1 << if is_week(kind) { n % 7 } else { n };
        }
    }
    Ok(Set { bits, star: text.starts_with('*') })
}

fn ends(from: &str, to: &str, text: &str, kind: &Kind) -> Result<(u8, u8), String> {
    let first = value(from, kind).ok_or_else(|| wrong(text, kind))?;
    let mut end = value(to, kind).ok_or_else(|| wrong(text, kind))?;
    if is_week(kind) && end == 0 {
        end = 7;
    }
    if first > end {
        let ends = match (kind.names.first(), kind.names.last()) {
            (Some(low), Some(high)) => ((*high).to_owned(), (*low).to_owned()),
            _ => (kind.high.to_string(), kind.low.to_string()),
        };
        return Err(format!(
            "\"{}\" can't stand for the {}: the range goes backwards; write two, such as {}-{},{}-{}",
            shown(text),
            kind.name,
            shown(from),
            ends.0,
            ends.1,
            shown(to)
        ));
    }
    Ok((first, end))
}

fn number_of_step(step: &str, text: &str, kind: &Kind) -> Result<u8, String> {
    digits(step).filter(|n| (1..=kind.high).contains(n)).ok_or_else(|| {
        format!("\"{}\" can't stand for the {}: a step is a number from 1 to {}", shown(text), kind.name, kind.high)
    })
}

fn value(text: &str, kind: &Kind) -> Option<u8> {
    let named = kind.names.iter().position(|name| name.eq_ignore_ascii_case(text)).and_then(|i| u8::try_from(i).ok());
    named.map(|i| i + kind.low).or_else(|| digits(text)).filter(|n| (kind.low..=kind.high).contains(n))
}

/// Digits only: `parse` would take a sign.
fn digits(text: &str) -> Option<u8> {
    if text.bytes().all(|b| b.is_ascii_digit()) { text.parse().ok() } else { None }
}

fn wrong(text: &str, kind: &Kind) -> String {
    format!("\"{}\" can't stand for the {}, which are {}, such as {}", shown(text), kind.name, kind.allowed, kind.example)
}

/// As much of a text as an error needs.
fn shown(text: &str) -> String {
    crate::domain::words::foreign(&text.chars().take(40).collect::<String>())
}
