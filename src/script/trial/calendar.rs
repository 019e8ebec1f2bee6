//! What left, day by day, as a text that a person checks once and a test compares from then on.

use std::fmt::Write as _;

use chrono_tz::Tz;

use super::Message;
use crate::domain::time::Timestamp;

/// The messages between two instants, a heading a day, a line for each time, channel and kind with everybody
/// who got it. Days on which nothing left are not there.
#[must_use]
pub fn calendar(messages: &[Message], from: Timestamp, to: Timestamp, zone: Tz) -> String {
    let mut text = String::new();
    let mut day = None;
    let mut left: Vec<(String, String, Vec<&str>)> = Vec::new();
    for message in messages.iter().filter(|m| (from..=to).contains(&m.sent_at)) {
        let local = message.sent_at.with_timezone(&zone);
        if day != Some(local.date_naive()) {
            flush(&mut text, &mut left);
            day = Some(local.date_naive());
            let gap = if text.is_empty() { "" } else { "\n" };
            let _ = writeln!(text, "{gap}{}", local.format("%Y-%m-%d %a"));
        }
        let what = match message.reminder {
            0 => message.template.clone(),
            n => format!("{}, reminder {n}", message.template),
        };
        let (time, kind) = (local.format("%H:%M").to_string(), format!("{}: {what}", message.channel));
        let who = if message.username.is_empty() { message.to.as_str() } else { message.username.as_str() };
        match left.iter_mut().find(|(t, k, _)| *t == time && *k == kind) {
            Some((_, _, people)) => people.push(who),
            None => left.push((time, kind, vec![who])),
        }
    }
    flush(&mut text, &mut left);
    if text.is_empty() { "nothing was sent\n".to_owned() } else { text }
}

/// The lines of a day; their order is that of their time, kind and people, because messages of one instant
/// leave in no order of their own.
fn flush(text: &mut String, left: &mut Vec<(String, String, Vec<&str>)>) {
    left.sort();
    for (time, kind, mut people) in left.drain(..) {
        people.sort_unstable();
        let mut counted: Vec<(&str, usize)> = Vec::new();
        for who in people {
            match counted.last_mut().filter(|(last, _)| *last == who) {
                Some((_, n)) => *n += 1,
                None => counted.push((who, 1)),
            }
        }
        let names: Vec<String> =
            counted.iter().map(|(who, n)| if *n == 1 { (*who).to_owned() } else { format!("{who} ({n})") }).collect();
        let _ = writeln!(text, "  {time}  {kind}  {}", names.join(", "));
    }
}
