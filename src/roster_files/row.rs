//! One row as every kind of file yields it, and what single cells can mean.

use std::borrow::Cow;

use chrono::{DateTime, NaiveDate, NaiveDateTime};

use super::columns::fold;
use super::kinds::Col;
use super::{ATTRIBUTE_CHARS_MAX, CELL_CHARS_MAX};
use crate::domain::device::{Enrollment, Platform};
use crate::domain::misspelt;
use crate::domain::roster_change::Place;
use crate::domain::time::Timestamp;
use crate::domain::words;

/// The cells of one row by meaning. An absent column is `None`, an empty cell is empty.
pub(super) struct Row<'a> {
    pub(super) place: Place,
    cells: [Option<&'a str>; Col::COUNT],
    pub(super) attributes: Vec<(&'a str, &'a str)>,
    /// Groups given as a JSON list.
    pub(super) group_list: Option<Vec<&'a str>>,
}

impl<'a> Row<'a> {
    pub(super) fn new(place: Place) -> Self {
        Self { place, cells: [None; Col::COUNT], attributes: Vec::new(), group_list: None }
    }

    pub(super) fn set(&mut self, col: Col, cell: &'a str) {
        self.cells[col as usize] = Some(cell.trim());
    }

    pub(super) fn get(&self, col: Col) -> Option<&'a str> {
        self.cells[col as usize]
    }

    /// The cell when it says something.
    pub(super) fn filled(&self, col: Col) -> Option<&'a str> {
        self.get(col).filter(|cell| !cell.is_empty())
    }
}

/// A text that people read: line breaks and tabs become spaces, other control characters are refused.
pub(super) fn words(cell: &str) -> Result<Cow<'_, str>, String> {
    bounded(cell, CELL_CHARS_MAX)?;
    one_line(cell)
}

/// An attribute's value: as `words`, and longer.
pub(super) fn attribute(cell: &str) -> Result<Cow<'_, str>, String> {
    bounded(cell, ATTRIBUTE_CHARS_MAX)?;
    one_line(cell)
}

fn bounded(cell: &str, max: usize) -> Result<(), String> {
    // Bytes first: counting the characters of a whole file that lacks one quotation mark is slow.
    if cell.len() > max && cell.chars().nth(max).is_some() {
        return Err(format!("it is longer than {max} characters"));
    }
    Ok(())
}

fn one_line(cell: &str) -> Result<Cow<'_, str>, String> {
    if cell.chars().any(words::turns) {
        let plain: String = cell.chars().filter(|c| !words::turns(*c)).collect();
        return one_line(&plain).map(|line| Cow::Owned(line.trim().to_owned()));
    }
    if !cell.chars().any(char::is_control) {
        return Ok(Cow::Borrowed(cell));
    }
    if let Some(bad) = cell.chars().find(|c| c.is_control() && !c.is_whitespace()) {
        return Err(control_character(bad));
    }
    Ok(Cow::Owned(cell.split_whitespace().collect::<Vec<_>>().join(" ")))
}

fn control_character(c: char) -> String {
    format!("it holds the control character U+{:04X}", u32::from(c))
}

/// A name that other rows and scripts refer to: nothing invisible in it.
pub(super) fn identifier(cell: &str) -> Result<&str, String> {
    bounded(cell, CELL_CHARS_MAX)?;
    let invisible = |c: &char| {
        c.is_control() || matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
    };
    match cell.chars().find(invisible) {
        Some(bad) if bad.is_control() => Err(control_character(bad)),
        Some(bad) => Err(format!("it holds the invisible character U+{:04X}", u32::from(bad))),
        None => Ok(cell),
    }
}

/// A serial number in Apple's capitals.
pub(super) fn serial(cell: &str) -> Result<String, String> {
    let fine = matches!(cell.len(), 1..=64) && cell.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.'));
    if fine { Ok(cell.to_ascii_uppercase()) } else { Err(format!("\"{}\" is not a serial number", shortened(cell))) }
}

/// An id of letters, digits, dashes and a few more: UDIDs, channel ids, catalogue numbers.
pub(super) fn token_like(cell: &str) -> Result<&str, String> {
    let fine =
        matches!(cell.len(), 1..=128) && cell.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | '@'));
    if fine { Ok(cell) } else { Err(format!("\"{}\" holds more than letters, digits and dashes", shortened(cell))) }
}

/// A push token as lowercase hex. It is a secret, so nothing of it is quoted.
pub(super) fn push_token(cell: &str) -> Result<String, String> {
    let hex: String = cell.chars().filter(|c| !matches!(c, ' ' | '<' | '>')).map(|c| c.to_ascii_lowercase()).take(401).collect();
    let fine = matches!(hex.len(), 32..=400) && hex.len().is_multiple_of(2) && hex.chars().all(|c| c.is_ascii_hexdigit());
    if fine { Ok(hex) } else { Err("it is not 32 to 400 hexadecimal digits".to_owned()) }
}

/// Yes or no in the words of the languages that spreadsheets speak.
pub(super) fn boolean(cell: &str) -> Result<bool, String> {
    const YES: &[&str] = &[
        "yes", "true", "1", "y", "t", "on", "x", "enabled", "active", "ja", "j", "wahr", "aktiv", "waar", "actief", "oui", "o",
        "vrai", "actif",
    ];
    const NO: &[&str] = &[
        "no", "false", "0", "n", "f", "off", "-", "disabled", "inactive", "nein", "falsch", "inaktiv", "nee", "onwaar",
        "inactief", "non", "faux", "inactif",
    ];
    let is = |word: &&str| word.eq_ignore_ascii_case(cell);
    match (YES.iter().any(is), NO.iter().any(is)) {
        (true, _) => Ok(true),
        (_, true) => Ok(false),
        _ => Err(format!("\"{}\" is not yes or no (yes, no, true, false, 1, 0, ja, nein, nee, oui, non)", shortened(cell))),
    }
}

/// A platform, from its own name or from that of a device that runs it.
pub(super) fn platform(cell: &str) -> Option<Platform> {
    const NAMES: &[(&str, Platform)] = &[
        ("ipados", Platform::Ipados),
        ("ipad", Platform::Ipados),
        ("ios", Platform::Ios),
        ("iphone", Platform::Ios),
        ("ipod", Platform::Ios),
        ("macos", Platform::Macos),
        ("osx", Platform::Macos),
        ("mac", Platform::Macos),
        ("imac", Platform::Macos),
        ("tvos", Platform::Tvos),
        ("appletv", Platform::Tvos),
        ("visionos", Platform::Visionos),
        ("visionpro", Platform::Visionos),
        ("applevision", Platform::Visionos),
        ("realitydevice", Platform::Visionos),
        ("watchos", Platform::Watchos),
        ("applewatch", Platform::Watchos),
        ("watch", Platform::Watchos),
    ];
    // Models begin with the name: `iPad8,1`, `MacBook Air (M3)`, `Apple TV 4K`.
    let folded = fold(cell.get(..cell.len().min(64)).unwrap_or(cell));
    NAMES.iter().find(|(name, _)| folded.starts_with(name)).map(|(_, platform)| *platform)
}

pub(super) fn enrollment(cell: &str) -> Result<Enrollment, String> {
    match fold(cell).as_str() {
        "device" | "deviceenrollment" | "automated" | "ade" | "dep" | "profile" => Ok(Enrollment::Device),
        "user" | "userenrollment" | "byod" => Ok(Enrollment::User),
        "accountdriven" | "accountdrivendevice" | "accountdrivenuser" => Ok(Enrollment::AccountDriven),
        "sharedipad" | "shared" => Ok(Enrollment::SharedIpad),
        _ => Err(format!("\"{}\" is none of device, user, account-driven, shared-ipad", shortened(cell))),
    }
}

/// An instant; a date without time is its midnight, a time without zone is universal time.
pub(super) fn instant(cell: &str) -> Result<Timestamp, String> {
    let dated = |date: NaiveDate| date.and_hms_opt(0, 0, 0).map(|at| at.and_utc());
    let zoned = || DateTime::parse_from_rfc3339(cell).ok().map(|at| at.to_utc());
    let timed = || {
        ["%Y-%m-%d %H:%M:%S", "%Y-%m-%d %H:%M", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%dT%H:%M", "%d.%m.%Y %H:%M:%S", "%d.%m.%Y %H:%M"]
            .iter()
            .find_map(|form| NaiveDateTime::parse_from_str(cell, form).ok())
            .map(|at| at.and_utc())
    };
    let day = || ["%Y-%m-%d", "%d.%m.%Y"].iter().find_map(|form| NaiveDate::parse_from_str(cell, form).ok()).and_then(dated);
    let sane = |at: &Timestamp| (2000..2200).contains(&chrono::Datelike::year(at));
    zoned().or_else(timed).or_else(day).filter(sane).ok_or_else(|| {
        format!("\"{}\" is not a date such as 2026-12-01, 2026-12-01 08:00, 2026-12-01T08:00:00Z or 01.12.2026", shortened(cell))
    })
}

/// A language tag, from a tag or from the name of a language that messages are shipped in.
pub(super) fn language(cell: &str) -> Result<String, String> {
    let named = match fold(cell).as_str() {
        "english" | "englisch" | "engels" | "anglais" => Some("en"),
        "dutch" | "nederlands" | "niederländisch" | "néerlandais" | "neerlandais" => Some("nl"),
        "german" | "deutsch" | "duits" | "allemand" => Some("de"),
        "french" | "français" | "francais" | "französisch" | "frans" => Some("fr"),
        _ => None,
    };
    match named {
        Some(tag) => Ok(tag.to_owned()),
        None => {
            words::language_tag(cell).ok_or_else(|| format!("\"{}\" is not a language tag such as nl or de-CH", shortened(cell)))
        }
    }
}

/// An IANA zone name.
pub(super) fn timezone(cell: &str) -> Result<String, String> {
    cell.parse::<chrono_tz::Tz>().map(|zone| zone.name().to_owned()).map_err(|_| {
        match misspelt::nearest(cell, chrono_tz::TZ_VARIANTS.iter().map(|zone| zone.name())) {
            Some(near) => format!("no time zone is called \"{}\"; did you mean \"{near}\"?", shortened(cell)),
            None => format!("no time zone is called \"{}\"", shortened(cell)),
        }
    })
}

/// At most forty characters of a foreign text, fit for one line of a message.
pub(super) fn shortened(text: &str) -> String {
    let mut short: String =
        text.chars().take(40).flat_map(|c| if c.is_control() { c.escape_default().collect() } else { vec![c] }).collect();
    if text.chars().nth(40).is_some() {
        short.push('…');
    }
    short
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn yes_and_no_in_four_languages() {
        for yes in ["yes", "TRUE", "1", "ja", "Wahr", "oui", "VRAI", "x", "waar"] {
            assert_eq!(boolean(yes), Ok(true), "{yes}");
        }
        for no in ["no", "False", "0", "nein", "nee", "non", "FAUX", "onwaar"] {
            assert_eq!(boolean(no), Ok(false), "{no}");
        }
        for bad in ["maybe", "2", "yesno", ""] {
            assert!(boolean(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn platforms_by_their_name_or_by_their_devices() {
        for (text, is) in [
            ("iPad", Platform::Ipados),
            ("iPadOS 18", Platform::Ipados),
            ("iPad8,1", Platform::Ipados),
            ("iOS", Platform::Ios),
            ("iPhone 15 Pro", Platform::Ios),
            ("iPod touch", Platform::Ios),
            ("Mac", Platform::Macos),
            ("macOS", Platform::Macos),
            ("Mac OS X", Platform::Macos),
            ("OS X", Platform::Macos),
            ("MacBook Air (M3)", Platform::Macos),
            ("iMac", Platform::Macos),
            ("Apple TV 4K", Platform::Tvos),
            ("visionOS", Platform::Visionos),
            ("Apple Vision Pro", Platform::Visionos),
            ("Apple Watch", Platform::Watchos),
        ] {
            assert_eq!(platform(text), Some(is), "{text}");
        }
        for other in ["Chromebook", "Windows", "", "Android", "é".repeat(80).as_str()] {
            assert_eq!(platform(other), None, "{other}");
        }
    }

    #[test]
    fn dates_that_say_one_thing() {
        for (text, is) in [
            ("2026-12-01", "2026-12-01T00:00:00+00:00"),
            ("2026-12-01 08:00", "2026-12-01T08:00:00+00:00"),
            ("2026-12-01T08:00:00+01:00", "2026-12-01T07:00:00+00:00"),
            ("01.12.2026", "2026-12-01T00:00:00+00:00"),
            ("1.12.2026 08:15", "2026-12-01T08:15:00+00:00"),
        ] {
            assert_eq!(instant(text).unwrap().to_rfc3339(), is, "{text}");
        }
        // 11/12/2026 is November to some and December to others.
        for bad in ["11/12/2026", "yesterday", "2026-02-30", "0001-01-01", "46000", ""] {
            assert!(instant(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn tokens_are_never_quoted() {
        assert_eq!(push_token(&format!("<{}>", "AB12 ".repeat(16))).unwrap(), "ab12".repeat(16));
        assert!(!push_token("not-hex-hunter2").unwrap_err().contains("hunter2"));
    }
}
