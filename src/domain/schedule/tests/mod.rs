//! Expressions and their instants against what can be computed without them.

mod expressions;
mod properties;
mod verdicts;
mod zones;

use chrono::DateTime;
use chrono_tz::Tz;

use super::cron::Cron;
use super::timing::Timing;
use super::{Fold, Gap};
use crate::domain::time::Timestamp;

fn at(text: &str) -> Timestamp {
    DateTime::parse_from_rfc3339(text).unwrap().to_utc()
}

fn timing(cron: &str, zone: Tz, gap: Gap, fold: Fold) -> Timing {
    Timing { cron: Cron::parse(cron).unwrap(), zone, gap, fold }
}
