//! Moments as people and programs read them, and times as people type them.

use chrono::{NaiveDate, NaiveDateTime, NaiveTime, TimeZone as _, Timelike as _};
use chrono_tz::Tz;
use serde_json::json;

use crate::domain::schedule::timing::Moment;
use crate::domain::time::{Span, Timestamp};

/// `2026-12-01 08:00 CET`; with seconds where they matter.
pub fn local(at: Timestamp, zone: Tz) -> String {
    at.with_timezone(&zone).format(if at.second() == 0 { "%Y-%m-%d %H:%M %Z" } else { "%Y-%m-%d %H:%M:%S %Z" }).to_string()
}

/// `2026-12-01 07:00`.
pub fn universal(at: Timestamp) -> String {
    at.format(if at.second() == 0 { "%Y-%m-%d %H:%M" } else { "%Y-%m-%d %H:%M:%S" }).to_string()
}

pub fn moment_json(moment: &Moment, zone: Tz) -> serde_json::Value {
    let note = Some(moment.note(zone)).filter(|note| !note.is_empty());
    json!({ "at": moment.at, "local": moment.at.with_timezone(&zone).to_rfc3339(), "clock_change": note })
}

/// Reads `2026-12-01 08:00` or `2026-12-01` in a zone; a day alone is its beginning, or its end.
///
/// # Errors
/// What it should look like, or that the zone has no such time.
pub fn read(text: &str, zone: Tz, end_of_day: bool) -> Result<Timestamp, String> {
    let day = NaiveDate::parse_from_str(text.trim(), "%Y-%m-%d").ok();
    let named = match day {
        Some(day) if end_of_day => day.succ_opt().map(|next| next.and_time(NaiveTime::MIN)),
        Some(day) => Some(day.and_time(NaiveTime::MIN)),
        None => ["%Y-%m-%d %H:%M", "%Y-%m-%d %H:%M:%S", "%Y-%m-%dT%H:%M"]
            .iter()
            .find_map(|form| NaiveDateTime::parse_from_str(text.trim(), form).ok()),
    };
    let named = named.ok_or_else(|| format!("{text:?} is no time: write 2026-12-01 or \"2026-12-01 08:00\""))?;
    // A day may begin later than at midnight, where clocks change just then.
    let tries = if day.is_some() { 180 } else { 1 };
    let at = (0..tries).find_map(|minute| zone.from_local_datetime(&(named + Span::minutes(minute))).earliest());
    let at = at.ok_or_else(|| format!("{text:?} does not exist in {}: the clock change skips it", zone.name()))?.to_utc();
    Ok(if day.is_some() && end_of_day { at - Span::milliseconds(1) } else { at })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_in_the_schedules_zone() {
        let of = |text, end| read(text, chrono_tz::Europe::Amsterdam, end).map(|at| at.to_rfc3339());
        assert_eq!(of("2026-12-01", false).as_deref(), Ok("2026-11-30T23:00:00+00:00"));
        assert_eq!(of("2026-12-01", true).as_deref(), Ok("2026-12-01T22:59:59.999+00:00"));
        assert_eq!(of("2026-12-01 08:00", true).as_deref(), Ok("2026-12-01T07:00:00+00:00"));
        assert!(of("2027-03-28 02:30", false).is_err_and(|e| e.ends_with("the clock change skips it")));
        for bad in ["", "tomorrow", "2026-13-01", "08:00"] {
            assert!(of(bad, false).is_err(), "{bad}");
        }
        // Beirut's clocks go from midnight to one.
        assert_eq!(
            read("2026-03-29", chrono_tz::Asia::Beirut, false).map(|at| at.to_rfc3339()).as_deref(),
            Ok("2026-03-28T22:00:00+00:00")
        );
    }
}
