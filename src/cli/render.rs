//! Text and data of what commands say. Pure: values in, text out, so that snapshots can hold it.

use std::fmt::Write as _;

use chrono_tz::Tz;
use serde_json::{Value, json};

use super::ink::Ink;
use super::layout::wrapped;
use crate::domain::delivery::DeliveryState;
use crate::domain::intent::Intent;
use crate::domain::invite_plan::InvitePlan;
use crate::domain::reach::Exceeded;
use crate::domain::time::show;
use crate::host::deliver::Delivered;
use crate::host::run::Evaluated;
use crate::script::{Declarations, Effect, effects_in_words};
use crate::store::{Committed, Decision, RunFigures, Trouble, TroubledDelivery};

/// The plan as a person confirms it, no wider than `width`; its first lines stand out. No final newline.
#[must_use]
pub fn plan(summary: &str, width: usize, ink: &Ink) -> String {
    let lines = summary.lines().flat_map(|line| {
        let words = line.trim_start();
        let indent = line.len() - words.len();
        let lines = wrapped(words, width, indent, indent + 2);
        lines.lines().map(|line| if indent > 0 { line.to_owned() } else { ink.bold(line) }).collect::<Vec<_>>()
    });
    lines.collect::<Vec<_>>().join("\n")
}

/// One line for each limit that a plan breaks.
#[must_use]
pub fn exceeded(exceeded: &[Exceeded]) -> String {
    exceeded.iter().map(|e| format!("over a limit: {} ({})\n", e.what, e.setting)).collect()
}

/// The result of a run: every kind of end in its own line, with what it means.
#[must_use]
pub fn result(committed: &Committed, delivered: &Delivered, trouble: &Trouble, zone: Tz, width: usize, ink: &Ink) -> String {
    let mut text = String::new();
    for skipped in committed.skipped.iter().take(10) {
        let _ = writeln!(text, "  skipped: {skipped}");
    }
    if committed.skipped.len() > 10 {
        let _ = writeln!(text, "  and {} more were skipped", committed.skipped.len() - 10);
    }
    let now = committed.deliveries.saturating_sub(committed.planned);
    // What only changes the roster is done with the commit.
    let done = match (now, delivered.figures.total()) {
        (0, 0) if delivered.figures.apple_tasks == 0 => "done".to_owned(),
        (0, again) if again > 0 => format!("{} of earlier runs sent again", deliveries(again)),
        _ => deliveries(now),
    };
    let title = format!("Run {}: {done}", committed.run);
    let _ = writeln!(text, "{}", ink.bold(&title));
    text.push_str(&figures(&delivered.figures, zone, ink));
    text.push_str(&troubles(delivered, trouble, width, zone, ink));
    text
}

/// `1 delivery`, `2 deliveries`.
fn deliveries(n: u32) -> String {
    if n == 1 { "1 delivery".to_owned() } else { format!("{n} deliveries") }
}

/// The figures, a line each; kinds that have none are left out.
#[must_use]
pub fn figures(figures: &RunFigures, zone: Tz, ink: &Ink) -> String {
    let mut text = String::new();
    let next = figures.next_try.map(|at| format!("; the next try is at {}", show(at, zone))).unwrap_or_default();
    let rows = [
        (figures.registering, "registering", "Apple makes the record".to_owned(), false),
        (figures.apple_tasks, "at Apple", "Managed Apple Accounts and withdrawals under way".to_owned(), false),
        (figures.waiting, "waiting", "in the outbox".to_owned(), false),
        (figures.queued, "queued", "the MDM server has the command, the device has not answered".to_owned(), false),
        (figures.delivered, "delivered", "mail handed over, or prompt shown".to_owned(), false),
        (figures.accepted, "accepted", "people whom Apple shows as enrolled".to_owned(), false),
        (figures.deferred, "deferred", format!("tried again by itself{next}"), false),
        (figures.rejected, "rejected", "refused for good".to_owned(), true),
        (figures.expired, "expired", "given up after many tries".to_owned(), true),
        (figures.doubtful, "doubtful", "may have arrived; sent again only when you say so".to_owned(), true),
        (figures.cancelled, "cancelled", "called off before they left".to_owned(), false),
        (figures.apple_failed, "failed", "Apple did not make the record".to_owned(), true),
        (figures.behind_wave, "kept back", "leave when the first wave of their run has ended well".to_owned(), false),
        (figures.held, "held", "wait for a person: `beckon approve`".to_owned(), false),
        (figures.planned, "planned", "reminders, for whoever has not accepted by then".to_owned(), false),
    ];
    for (n, name, meaning, bad) in rows {
        if n > 0 {
            let name = format!("{name:<11}");
            let name = if bad {
                ink.bad(&name)
            } else if name.starts_with("accepted") {
                ink.good(&name)
            } else {
                name
            };
            let _ = writeln!(text, "  {n:>6} {name} {}", ink.dim(&meaning));
        }
    }
    text
}

/// What needs a person: channels that are down, people whom Apple refused, and deliveries by name.
#[must_use]
pub fn troubles(delivered: &Delivered, trouble: &Trouble, width: usize, zone: Tz, ink: &Ink) -> String {
    let mut text = String::new();
    let (again, doubtful) = delivered.taken_over;
    if again + doubtful > 0 {
        let line = format!("an earlier run had stopped half way: {again} sent again under the same id, {doubtful} doubtful");
        text.push_str(&wrapped(&line, width, 2, 4));
    }
    for (name, down) in &delivered.down {
        let _ = writeln!(text, "{} {}", ink.bad(&format!("{name}:")), down.what);
        let _ = writeln!(text, "  {}", down.remedy);
    }
    for refusal in trouble.at_apple.iter().take(NAMED_MAX) {
        let line = format!("{:<9} {} at Apple: {}: {}", "failed", refusal.who.len(), refusal.words, first_of(&refusal.who));
        text.push_str(&wrapped(&line, width, 2, 12));
    }
    text.push_str(&by_name(&trouble.deliveries, width, zone));
    if let Some(stop) = &delivered.sending_stopped {
        text.push_str(&wrapped(&stop.words(zone), width, 0, 2));
        text.push_str("  what is left is kept: `beckon resume-sending`, then `beckon deliver`\n");
    } else if delivered.stopped {
        text.push_str("stopped: what had not left is kept; `beckon deliver` goes on with it\n");
    } else if delivered.elsewhere && is_left(&delivered.figures) {
        text.push_str("another beckon on this site is handing deliveries over and has what is left;\n");
        text.push_str("if it stops before the end, `beckon deliver --wait 1h` goes on with it\n");
    } else if is_left(&delivered.figures) {
        text.push_str("what is left stays in the outbox: `beckon deliver --wait 1h` goes on with it\n");
    }
    text
}

/// How many deliveries that ended badly have a line of their own.
const NAMED_MAX: usize = 20;

/// Those that ended badly one by one, by the name that `beckon tasks --retry` takes; those that are
/// only put off or called off together, because a hundred of them have the same words.
fn by_name(troubled: &[TroubledDelivery], width: usize, zone: Tz) -> String {
    let mut text = String::new();
    let (bad, put_off): (Vec<_>, Vec<_>) =
        troubled.iter().partition(|t| !matches!(t.state, DeliveryState::Deferred | DeliveryState::Cancelled));
    for one in bad.iter().take(NAMED_MAX) {
        let line =
            format!("{:<9} {}.{} {} by {}: {}", one.state.word(), one.run, one.number, one.who, one.channel.word(), one.words);
        text.push_str(&wrapped(&line, width, 2, 12));
    }
    if bad.len() > NAMED_MAX {
        let _ = writeln!(text, "  and {} more: `beckon tasks --failed` names them", bad.len() - NAMED_MAX);
    }
    let mut alike: Vec<(&TroubledDelivery, Vec<&TroubledDelivery>)> = Vec::new();
    for one in put_off {
        let same = |(first, _): &&mut (&TroubledDelivery, Vec<_>)| {
            (first.state, first.channel, &first.words) == (one.state, one.channel, &one.words)
        };
        match alike.iter_mut().find(same) {
            Some((_, all)) => all.push(one),
            None => alike.push((one, vec![one])),
        }
    }
    for (first, all) in alike.iter().take(NAMED_MAX) {
        let next = all.iter().filter_map(|t| t.next_try).min();
        let next = next.map(|at| format!(" (again from {})", show(at, zone).replace(' ', "\u{a0}"))).unwrap_or_default();
        let who: Vec<&str> = all.iter().map(|t| t.who.as_str()).collect();
        let line = format!(
            "{:<9} {} by {}: {}{next}: {}",
            first.state.word(),
            all.len(),
            first.channel.word(),
            first.words,
            first_of(&who)
        );
        text.push_str(&wrapped(&line, width, 2, 12));
    }
    text
}

/// The first three names, and how many more.
fn first_of(who: &[impl AsRef<str>]) -> String {
    let names: Vec<&str> = who.iter().take(3).map(AsRef::as_ref).collect();
    let more = if who.len() > 3 { format!(" and {} more", who.len() - 3) } else { String::new() };
    format!("{}{more}", names.join(", "))
}

/// Whether something of it has still to leave, now or at its time.
#[must_use]
pub fn is_left(figures: &RunFigures) -> bool {
    figures.behind_wave + figures.waiting + figures.deferred + figures.registering + figures.apple_tasks > 0
}

/// A run as data.
#[must_use]
pub fn run_json(evaluated: &Evaluated, committed: Option<&Committed>, delivered: Option<(&Delivered, &Trouble)>) -> Value {
    let intents: Vec<Value> = evaluated
        .asked
        .iter()
        .map(|asked| {
            let mut value = json!({
                "effect": asked.intent.effect(),
                "summary": asked.intent.summary(),
                "origin": asked.origin,
            });
            if let (Intent::Invite(invite), Some(map)) = (&asked.intent, value.as_object_mut()) {
                map.insert("plan".to_owned(), plan_json(&invite.plan));
            }
            value
        })
        .collect();
    json!({
        "script": evaluated.record.script,
        "value": evaluated.data,
        "intents": intents,
        "held": committed.map_or(&evaluated.exceeded, |c| &c.held),
        "remark": evaluated.remark,
        "waits": evaluated.waits.iter().map(|w| json!({
            "intent": w.intent, "people": w.people, "of": w.of, "first": w.first, "last": w.last, "words": w.words(),
            "because": w.why.iter().map(ToString::to_string).collect::<Vec<_>>(),
        })).collect::<Vec<_>>(),
        "run": committed.map(|c| c.run),
        "deliveries": committed.map(|c| c.deliveries),
        "skipped": committed.map(|c| &c.skipped),
        "result": delivered.map(|(d, trouble)| delivered_json(d, trouble)),
    })
}

/// A delivery's result as data.
#[must_use]
pub fn delivered_json(delivered: &Delivered, trouble: &Trouble) -> Value {
    let f = &delivered.figures;
    json!({
        "registering": f.registering, "waiting": f.waiting, "queued": f.queued, "delivered": f.delivered, "accepted": f.accepted,
        "deferred": f.deferred, "rejected": f.rejected, "expired": f.expired, "doubtful": f.doubtful, "cancelled": f.cancelled,
        "failed": f.apple_failed, "planned": f.planned, "behind_wave": f.behind_wave, "held": f.held, "next_try": f.next_try,
        "repeated_after_stop": delivered.taken_over.0, "doubtful_after_stop": delivered.taken_over.1,
        "down": delivered.down.iter().map(|(name, d)| json!({ "channel": name, "what": d.what, "remedy": d.remedy })).collect::<Vec<_>>(),
        "refused_by_apple": trouble.at_apple.iter().map(|r| json!({ "words": r.words, "who": r.who })).collect::<Vec<_>>(),
        "troubled": trouble.deliveries.iter().map(|t| json!({
            "run": t.run, "number": t.number, "state": t.state.word(), "channel": t.channel.word(), "who": t.who, "words": t.words, "next_try": t.next_try,
        })).collect::<Vec<_>>(),
        "stopped": delivered.stopped, "elsewhere": delivered.elsewhere, "sending_stopped": delivered.sending_stopped,
    })
}

fn plan_json(plan: &InvitePlan) -> Value {
    json!({
        "audience": plan.audience,
        "users": plan.lines.len(),
        "devices": plan.devices(),
        "platforms": plan.platforms.iter().map(|(p, n)| (p.word(), n)).collect::<std::collections::BTreeMap<_, _>>(),
        "mails": plan.mails,
        "associated": plan.associated,
        "invited": plan.lines.iter().map(|l| json!({
            "username": l.username, "devices": l.devices.len(), "mail": l.mail, "associate": l.associate, "again": l.again,
        })).collect::<Vec<_>>(),
        "left_out": plan.left_out.iter().map(|l| json!({ "username": l.username, "reason": l.reason.word() })).collect::<Vec<_>>(),
    })
}

/// `beckon why`: decisions about one person, newest first.
#[must_use]
pub fn why(name: &str, decisions: &[Decision], zone: Tz, width: usize, ink: &Ink) -> String {
    let mut text = format!("{}\n", ink.bold(name));
    if decisions.is_empty() {
        text.push_str("  no run has ever considered this person\n");
    }
    for decision in decisions {
        let verb = if decision.chosen { "chosen" } else { "left out" };
        let line = format!("{} run {} ({}): {verb}, {}", show(decision.at, zone), decision.run, decision.script, decision.reason);
        text.push_str(&wrapped(&line, width, 2, 6));
        for since in &decision.since {
            text.push_str(&wrapped(since, width, 6, 8));
        }
    }
    text
}

/// `beckon run SCRIPT --help`.
#[must_use]
pub fn declarations(name: &str, declared: &Declarations, effects: &[Effect], width: usize) -> String {
    let mut text = format!("{name}\n");
    for (n, paragraph) in declared.description.split("\n\n").filter(|paragraph| !paragraph.trim().is_empty()).enumerate() {
        if n > 0 {
            text.push('\n');
        }
        text.push_str(&wrapped(&paragraph.split_whitespace().collect::<Vec<_>>().join(" "), width, 2, 2));
    }
    if !declared.description.trim().is_empty() {
        text.push('\n');
    }
    text.push_str(&wrapped(&format!("This script {}.", effects_in_words(effects)), width, 2, 4));
    if declared.params.is_empty() {
        text.push_str("\nThis script has no parameters.\n");
        return text;
    }
    text.push_str("\nParameters (--arg NAME=VALUE):\n");
    for param in &declared.params {
        let need = param.default.as_ref().map_or("required".to_owned(), |default| format!("default: {default}"));
        let line = format!("{:<14} {} [{}, {need}]", param.name, param.help.as_deref().unwrap_or(""), param.kind.word());
        text.push_str(&wrapped(&line, width, 2, 17));
        if let Some(choices) = &param.choices {
            // A name stays in one piece.
            let shown: Vec<String> = choices.iter().take(12).map(|choice| choice.replace(' ', "\u{a0}")).collect();
            let more = if choices.len() > 12 { format!(", and {} more", choices.len() - 12) } else { String::new() };
            let list = wrapped(&format!("one of: {}{more}", shown.join(", ")), width, 17, 17);
            text.push_str(&list.replace('\u{a0}', " "));
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use unicode_width::UnicodeWidthStr as _;

    use super::*;

    fn troubled(number: u32, state: DeliveryState, who: &str, words: &str) -> TroubledDelivery {
        let next_try = (state == DeliveryState::Deferred).then(|| crate::domain::time::from_millis(i64::from(number) * 60_000));
        TroubledDelivery {
            run: 17,
            number,
            state,
            channel: crate::domain::delivery::Channel::Mail,
            who: who.to_owned(),
            words: words.to_owned(),
            next_try,
        }
    }

    #[test]
    fn what_was_put_off_for_one_reason_stands_together() {
        let greylisted = "451 4.7.1 Greylisted, please try again";
        let list = [
            troubled(9, DeliveryState::Rejected, "Oliver Smith", "550 5.1.1 no such mailbox here, and there has never been one"),
            troubled(3, DeliveryState::Deferred, "Ana Jansen", greylisted),
            troubled(4, DeliveryState::Deferred, "Ben Visser", greylisted),
            troubled(5, DeliveryState::Deferred, "Cas Smit", greylisted),
            troubled(6, DeliveryState::Deferred, "Daan Mol", greylisted),
            troubled(7, DeliveryState::Cancelled, "Eva Bos", "accepted in the meantime"),
        ];
        let text = by_name(&list, 72, Tz::UTC);
        insta::assert_snapshot!(text, @r"
        rejected  17.9 Oliver Smith by mail: 550 5.1.1 no such mailbox here,
                  and there has never been one
        deferred  4 by mail: 451 4.7.1 Greylisted, please try again (again
                  from 1970-01-01 00:03): Ana Jansen, Ben Visser, Cas Smit and
                  1 more
        cancelled 1 by mail: accepted in the meantime: Eva Bos
        ");
        assert!(text.lines().all(|line| line.width() <= 72));
    }
}
