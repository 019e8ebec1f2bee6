use chrono_tz::TZ_VARIANTS;
use proptest::prelude::*;

use super::*;
use crate::domain::time::{Span, from_millis};

fn field(low: u32, high: u32) -> impl Strategy<Value = String> {
    prop_oneof![
        3 => Just("*".to_owned()),
        2 => (low..=high).prop_map(|n| n.to_string()),
        1 => (low..=high, low..=high).prop_map(|(a, b)| format!("{}-{}", a.min(b), a.max(b))),
        1 => (1..=high / 2).prop_map(|n| format!("*/{n}")),
        1 => (low..=high, low..=high).prop_map(|(a, b)| format!("{a},{b}")),
    ]
}

prop_compose! {
    fn any_timing()(
        fields in (field(0, 59), field(0, 23), field(1, 28), field(1, 12), field(0, 7)),
        seconds in prop_oneof![4 => Just(None), 1 => field(0, 59).prop_map(Some)],
        zone in 0..TZ_VARIANTS.len(), next_valid: bool, both: bool,
    ) -> Timing {
        let (minute, hour, day, month, week) = fields;
        let seconds = seconds.map(|s| s + " ").unwrap_or_default();
        timing(
            &format!("{seconds}{minute} {hour} {day} {month} {week}"),
            TZ_VARIANTS[zone],
            if next_valid { Gap::NextValid } else { Gap::Skip },
            if both { Fold::Both } else { Fold::First },
        )
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn instants_increase_and_any_restart_goes_on_with_them(timing in any_timing(), start in 1_600_000_000_000i64..2_200_000_000_000) {
        let start = from_millis(start);
        let mut sequence = Vec::new();
        let mut last = start;
        while let Some(moment) = timing.next_after(last).filter(|_| sequence.len() < 30) {
            prop_assert!(moment.at > last, "{timing:?}: {} after {last}", moment.at);
            sequence.push(moment.at);
            last = moment.at;
        }
        for pair in sequence.windows(2) {
            // Wherever a process starts again between two moments, the second one is next.
            let gap = pair[1] - pair[0];
            for between in [pair[0], pair[0] + gap / 2, pair[1] - Span::milliseconds(1)] {
                prop_assert_eq!(timing.next_after(between).map(|m| m.at), Some(pair[1]), "{:?} after {}", timing, between);
            }
        }
    }

    #[test]
    fn any_text_is_an_expression_or_an_error(text in "\\PC{0,30}|([0-9*,/A-Z-]{0,6} ){3,7}") {
        if let Ok(cron) = Cron::parse(&text) {
            prop_assert!(cron.next_after(at("2025-01-01T00:00:00Z").naive_utc()).is_some());
        }
    }
}
