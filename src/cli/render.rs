//! Text and data of what commands say. Pure: values in, text out, so that snapshots can hold it.

use std::fmt::Write as _;

use chrono_tz::Tz;
use serde_json::{Value, json};
use unicode_width::UnicodeWidthStr as _;

use crate::domain::intent::Intent;
use crate::domain::invite_plan::{InvitePlan, counted};
use crate::domain::limits::Exceeded;
use crate::domain::time::show;
use crate::host::deliver::Delivered;
use crate::host::run::Evaluated;
use crate::script::Declarations;
use crate::store::{Committed, Decision, RunFigures, TroubledDelivery};

/// Colours, where the stream has them.
pub struct Ink {
    on: bool,
}

impl Ink {
    #[must_use]
    pub fn new(on: bool) -> Self {
        Self { on }
    }

    fn paint(&self, code: &str, text: &str) -> String {
        if self.on { format!("\u{1b}[{code}m{text}\u{1b}[0m") } else { text.to_owned() }
    }

    #[must_use]
    pub fn bold(&self, text: &str) -> String {
        self.paint("1", text)
    }

    #[must_use]
    pub fn good(&self, text: &str) -> String {
        self.paint("32", text)
    }

    #[must_use]
    pub fn bad(&self, text: &str) -> String {
        self.paint("31", text)
    }

    #[must_use]
    pub fn dim(&self, text: &str) -> String {
        self.paint("2", text)
    }
}

/// The plan as a person confirms it; its first lines stand out.
#[must_use]
pub fn plan(summary: &str, colour: bool) -> String {
    let ink = Ink::new(colour);
    summary
        .lines()
        .map(|line| if line.starts_with(' ') { line.to_owned() } else { ink.bold(line) })
        .collect::<Vec<_>>()
        .join("\n")
}

/// One line for each limit that a plan breaks.
#[must_use]
pub fn exceeded(exceeded: &[Exceeded]) -> String {
    exceeded.iter().map(|e| format!("over a limit: {} ({})\n", e.what, e.setting)).collect()
}

/// The result of a run: every kind of end in its own line, with what it means.
#[must_use]
pub fn result(committed: &Committed, delivered: &Delivered, troubled: &[TroubledDelivery], zone: Tz, ink: &Ink) -> String {
    let mut text = String::new();
    for skipped in committed.skipped.iter().take(10) {
        let _ = writeln!(text, "  skipped: {skipped}");
    }
    if committed.skipped.len() > 10 {
        let _ = writeln!(text, "  and {} more were skipped", committed.skipped.len() - 10);
    }
    let title = format!(
        "Run {}: {}",
        committed.run,
        counted(committed.deliveries as usize, "delivery").replace("deliverys", "deliveries")
    );
    let _ = writeln!(text, "{}", ink.bold(&title));
    text.push_str(&figures(&delivered.figures, zone, ink));
    text.push_str(&troubles(delivered, troubled, zone, ink));
    text
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
        (figures.cancelled, "cancelled", "their reason went away before they left".to_owned(), false),
        (figures.apple_failed, "failed", "Apple did not make the record".to_owned(), true),
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

/// What needs a person: channels that are down, and deliveries by name.
#[must_use]
pub fn troubles(delivered: &Delivered, troubled: &[TroubledDelivery], zone: Tz, ink: &Ink) -> String {
    let mut text = String::new();
    let (again, doubtful) = delivered.taken_over;
    if again + doubtful > 0 {
        let _ = writeln!(
            text,
            "  an earlier run had stopped in the middle: {again} sent again under the same id, {doubtful} doubtful"
        );
    }
    for (name, down) in &delivered.down {
        let _ = writeln!(text, "{} {}", ink.bad(&format!("{name}:")), down.what);
        let _ = writeln!(text, "  {}", down.remedy);
    }
    for one in troubled {
        let state = format!("{:<9}", one.state.word());
        let next = one.next_try.map(|at| format!(" (again at {})", show(at, zone))).unwrap_or_default();
        let _ = writeln!(text, "  {:>4} {state} {} by {}: {}{next}", one.number, one.who, one.channel.word(), one.words);
    }
    if delivered.stopped {
        text.push_str("stopped: what had not left is kept; `beckon deliver` goes on with it\n");
    } else if delivered.elsewhere && is_left(&delivered.figures) {
        text.push_str("another beckon on this site is handing deliveries over and has what is left;\n");
        text.push_str("if it stops before the end, `beckon deliver --wait 1h` goes on with it\n");
    } else if is_left(&delivered.figures) {
        text.push_str("what is left stays in the outbox: `beckon deliver --wait 1h` goes on with it\n");
    }
    text
}

/// Whether something of it has still to leave, now or at its time.
fn is_left(figures: &RunFigures) -> bool {
    figures.waiting + figures.deferred + figures.registering + figures.apple_tasks > 0
}

/// A run as data.
#[must_use]
pub fn run_json(
    evaluated: &Evaluated,
    committed: Option<&Committed>,
    delivered: Option<(&Delivered, &[TroubledDelivery])>,
) -> Value {
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
        "value": evaluated.value,
        "intents": intents,
        "held": evaluated.exceeded.iter().map(|e| json!({ "what": e.what, "setting": e.setting })).collect::<Vec<_>>(),
        "run": committed.map(|c| c.run),
        "deliveries": committed.map(|c| c.deliveries),
        "skipped": committed.map(|c| &c.skipped),
        "result": delivered.map(|(d, troubled)| delivered_json(d, troubled)),
    })
}

/// A delivery's result as data.
#[must_use]
pub fn delivered_json(delivered: &Delivered, troubled: &[TroubledDelivery]) -> Value {
    let f = &delivered.figures;
    json!({
        "registering": f.registering, "waiting": f.waiting, "queued": f.queued, "delivered": f.delivered, "accepted": f.accepted,
        "deferred": f.deferred, "rejected": f.rejected, "expired": f.expired, "doubtful": f.doubtful, "cancelled": f.cancelled,
        "failed": f.apple_failed, "planned": f.planned, "next_try": f.next_try,
        "repeated_after_stop": delivered.taken_over.0, "doubtful_after_stop": delivered.taken_over.1,
        "down": delivered.down.iter().map(|(name, d)| json!({ "channel": name, "what": d.what, "remedy": d.remedy })).collect::<Vec<_>>(),
        "troubled": troubled.iter().map(|t| json!({
            "number": t.number, "state": t.state.word(), "channel": t.channel.word(), "who": t.who, "words": t.words, "next_try": t.next_try,
        })).collect::<Vec<_>>(),
        "stopped": delivered.stopped, "elsewhere": delivered.elsewhere,
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
pub fn why(name: &str, decisions: &[Decision], zone: Tz, ink: &Ink) -> String {
    let mut text = format!("{}\n", ink.bold(name));
    if decisions.is_empty() {
        text.push_str("  no run has ever considered this person\n");
    }
    for decision in decisions {
        let verb = if decision.chosen { ink.good("chosen") } else { "left out".to_owned() };
        let _ = writeln!(
            text,
            "  {} run {} ({}): {verb}, {}",
            show(decision.at, zone),
            decision.run,
            decision.script,
            decision.reason
        );
        for since in &decision.since {
            let _ = writeln!(text, "      {since}");
        }
    }
    text
}

/// `beckon run SCRIPT --help`.
#[must_use]
pub fn declarations(name: &str, declared: &Declarations) -> String {
    let mut text = format!("{name}\n");
    for line in declared.description.lines() {
        let _ = writeln!(text, "  {line}");
    }
    if declared.params.is_empty() {
        text.push_str("\nThis script has no parameters.\n");
        return text;
    }
    text.push_str("\nParameters (--arg NAME=VALUE):\n");
    for param in &declared.params {
        let need = param.default.as_ref().map_or("required".to_owned(), |default| format!("default: {default}"));
        let _ = writeln!(text, "  {:<14} {} [{}, {need}]", param.name, param.help.as_deref().unwrap_or(""), param.kind.word());
        if let Some(choices) = &param.choices {
            let shown: Vec<&str> = choices.iter().take(12).map(String::as_str).collect();
            let more = if choices.len() > 12 { format!(", and {} more", choices.len() - 12) } else { String::new() };
            let _ = writeln!(text, "  {:<14} one of: {}{more}", "", shown.join(", "));
        }
    }
    text
}

/// Rows as aligned columns, `gap` apart, no wider than `width` where the last column can give way.
#[must_use]
pub fn table(head: &[&str], rows: &[Vec<String>], width: usize, ink: &Ink) -> String {
    let mut widths: Vec<usize> = head.iter().map(|h| h.width()).collect();
    for row in rows {
        for (column, cell) in row.iter().enumerate() {
            if let Some(w) = widths.get_mut(column) {
                *w = (*w).max(cell.width());
            }
        }
    }
    // The widest column gives way until the table fits: columns a reader compares stay whole longest.
    let gaps = 2 * head.len().saturating_sub(1);
    while widths.iter().sum::<usize>() + gaps > width {
        let Some((widest, w)) = widths.iter().copied().enumerate().max_by_key(|(_, w)| *w).filter(|(_, w)| *w > 8) else { break };
        widths[widest] = w - 1;
    }
    let line = |cells: &[String]| {
        let padded: Vec<String> = cells.iter().zip(&widths).map(|(cell, w)| fit(cell, *w)).collect();
        padded.join("  ").trim_end().to_owned()
    };
    let head: Vec<String> = head.iter().map(|h| (*h).to_owned()).collect();
    let mut text = format!("{}\n", ink.bold(&line(&head)));
    for row in rows {
        text.push_str(&line(row));
        text.push('\n');
    }
    text
}

/// A cell of exactly `width` columns: padded, or cut with an ellipsis.
fn fit(cell: &str, width: usize) -> String {
    let cell: String = cell.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    let is = cell.width();
    if is <= width {
        return format!("{cell}{}", " ".repeat(width - is));
    }
    let mut cut = String::new();
    for c in cell.chars() {
        if cut.width() + unicode_width::UnicodeWidthChar::width(c).unwrap_or(0) + 1 > width {
            break;
        }
        cut.push(c);
    }
    cut.push('\u{2026}');
    let is = cut.width();
    format!("{cut}{}", " ".repeat(width.saturating_sub(is)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_fit_and_align_wide_letters() {
        let rows = vec![
            vec![
                "Ana Jansen".to_owned(),
                "iPad of a very long name that goes on and on".to_owned(),
                "the device's answer".to_owned(),
            ],
            vec!["\u{5f20}\u{4f1f}".to_owned(), "iPad".to_owned(), "acceptance".to_owned()],
        ];
        let text = table(&["who", "device", "waiting for"], &rows, 60, &Ink::new(false));
        insta::assert_snapshot!(text, @r"
        who         device                      waiting for
        Ana Jansen  iPad of a very long name …  the device's answer
        张伟        iPad                        acceptance
        ");
        assert!(text.lines().all(|line| line.width() <= 60));
    }
}
