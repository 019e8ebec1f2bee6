//! What held a run and what became of that, and the moment that a schedule ran it for: as lines and as data.

use chrono_tz::Tz;
use serde_json::{Value, json};

use crate::domain::time::{Span, show, show_span};
use crate::store::{KeptRun, KeptState, RunStory};

/// Less than this after its moment a run is not late.
const LATE: Span = Span::minutes(1);

/// Facts with their names, in the order in which a person would ask.
pub fn facts(story: &RunStory, zone: Tz) -> Vec<(&'static str, String)> {
    let mut facts = Vec::new();
    if let Some((schedule, moment)) = &story.moment {
        let late = story.line.started_at - moment.at;
        // The moment's own words may say so already.
        let late = if late < LATE || moment.words.starts_with("late by") {
            String::new()
        } else {
            format!(", {} late", show_span(late))
        };
        let words = if moment.words.is_empty() { String::new() } else { format!("; {}", moment.words) };
        facts.push(("for", format!("the schedule {schedule}, due {}{late}{words}", show(moment.at, zone))));
    }
    if let Some(kept) = &story.kept {
        facts.extend(kept.reasons.iter().map(|over| ("limit", format!("{} ({})", over.what, over.setting))));
        facts.push(("kept", what_became(kept, zone)));
    }
    if let Some(wave) = &story.wave {
        facts.push(("wave", format!("{} good, {} failed, {} not ended", wave.good, wave.failed, wave.open)));
    }
    facts.extend(story.reached.map(|reached| ("reached", reached_so_far(reached, story.kept.as_ref()))));
    facts
}

/// The whole plan's people; while a wave goes ahead, how many of them are not in it.
fn reached_so_far(planned: u32, kept: Option<&KeptRun>) -> String {
    match kept.filter(|kept| kept.state == KeptState::Wave) {
        Some(kept) => {
            let wait = if kept.people == 1 { "waits" } else { "wait" };
            let ahead = planned.saturating_sub(kept.people);
            format!("{ahead} of {}, {} {wait} behind the first wave", people(planned), kept.people)
        }
        None => people(planned),
    }
}

fn people(number: u32) -> String {
    if number == 1 { "1 person".to_owned() } else { format!("{number} people") }
}

fn what_became(kept: &KeptRun, zone: Tz) -> String {
    let at = kept.ended_at.map(|at| format!(" at {}", show(at, zone))).unwrap_or_default();
    let by = kept.ended_by.as_deref().map(|by| format!(" by {by}")).unwrap_or_default();
    let people = people(kept.people);
    match kept.state {
        KeptState::Wave => format!("the rest waits for the first wave: {people}, deliveries: {}", kept.deliveries),
        KeptState::Held => {
            let until = kept.expires_at.map(|at| format!(" until {}", show(at, zone))).unwrap_or_default();
            format!("waits for approval{until}: {people}, deliveries: {}; `beckon approve {}`", kept.deliveries, kept.run)
        }
        KeptState::Released => format!("the rest was let go{at}, after its first wave"),
        KeptState::Approved => format!("approved{by}{at}"),
        KeptState::Rejected => format!("rejected{by}{at}: {people} got nothing"),
        KeptState::Expired => format!("nobody approved it in time: it expired{at}"),
    }
}

/// The same as data.
pub fn as_json(story: &RunStory) -> Value {
    let kept = story.kept.as_ref().map(|kept| {
        json!({
            "state": kept.state.word(), "limits": kept.reasons, "people": kept.people, "deliveries": kept.deliveries,
            "since": kept.kept_at, "until": kept.expires_at, "ended_at": kept.ended_at, "ended_by": kept.ended_by,
        })
    });
    let wave = story.wave.map(|wave| json!({ "open": wave.open, "good": wave.good, "failed": wave.failed }));
    let moment = story.moment.as_ref().map(|(schedule, moment)| {
        let late = (story.line.started_at - moment.at).num_seconds().max(0);
        json!({ "schedule": schedule, "due": moment.at, "state": moment.state.word(), "late_seconds": late, "words": moment.words })
    });
    json!({ "kept": kept, "wave": wave, "moment": moment, "reached": story.reached })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::ids::RunId;
    use crate::domain::time::{Timestamp, from_millis};
    use crate::store::{Moment, MomentState, RunFigures, RunLine};

    fn story(started_at: Timestamp, moment: Option<(String, Moment)>) -> RunStory {
        let line = RunLine {
            run: RunId(7),
            script: "scripts/weekly.rhai".to_owned(),
            trigger: "schedule".to_owned(),
            actor: "schedule weekly".to_owned(),
            started_at,
            ended_at: started_at,
            state: "committed".to_owned(),
            kept: None,
            people: 0,
            figures: RunFigures::default(),
        };
        RunStory {
            line,
            kept: None,
            wave: None,
            moment,
            reached: Some(40),
            script_hash: String::new(),
            params: Value::Null,
            summary: String::new(),
            output: String::new(),
            deliveries: Vec::new(),
            deliveries_in_all: 0,
            journal: Vec::new(),
            journal_in_all: 0,
        }
    }

    #[test]
    fn a_run_says_for_which_moment_it_was() {
        let due = from_millis(1_796_111_100_000);
        let told = |after: Span, words: &str| {
            let moment = Moment {
                at: due,
                state: MomentState::Ran,
                run: Some(RunId(7)),
                words: words.to_owned(),
                started_at: None,
                ended_at: None,
                number: 1,
                until: None,
            };
            facts(&story(due + after, Some(("weekly".to_owned(), moment))), chrono_tz::UTC).remove(0)
        };
        assert_eq!(told(Span::seconds(5), ""), ("for", "the schedule weekly, due 2026-12-01 07:45".to_owned()));
        assert_eq!(told(Span::hours(2), "").1, "the schedule weekly, due 2026-12-01 07:45, 2 hours late");
        assert_eq!(told(Span::hours(2), "late by 2 hours").1, "the schedule weekly, due 2026-12-01 07:45; late by 2 hours");
        assert!(!facts(&story(due, None), chrono_tz::UTC).iter().any(|(name, _)| *name == "for"));
    }
}
