//! `beckon timeline USER`: everything that happened to one person, in its order.

use std::fmt::Write as _;

use chrono_tz::Tz;
use serde_json::{Value, json};

use super::exit::{Exit, Failure};
use super::ink::Ink;
use super::layout;
use super::people::user_named;
use super::session::Session;
use super::width;
use crate::domain::time::{Timestamp, show};
use crate::store::{Happening, Timeline};

/// Tells a person's timeline.
///
/// # Errors
/// Nobody has that username; or the site's or the store's.
pub fn timeline(session: &Session, username: &str, limit: usize, as_json: bool) -> Result<Exit, Failure> {
    let site = session.open_site()?;
    let view = site.store.roster()?;
    let user = user_named(&view, username)?;
    let told = site.store.timeline(user.id, limit, &site.departure(), session.clock.now())?;
    if as_json {
        let list = |list: &[Happening]| list.iter().map(happening_json).collect::<Vec<_>>();
        println!(
            "{}",
            json!({
                "username": user.username, "full_name": user.full_name, "status": user.status.word(), "timezone": user.timezone,
                "happened": list(&told.happened), "older": told.older, "coming": list(&told.coming),
            })
        );
        return Ok(Exit::Done);
    }
    let own: Option<Tz> = user.timezone.as_deref().and_then(|name| name.parse().ok());
    let zones = Zones { site: site.config.site.timezone, own: own.filter(|zone| *zone != site.config.site.timezone) };
    let name = format!("{} ({}), {}", user.full_name, user.username, user.status.shown());
    print!("{}", render(&name, &told, zones, width(), &Ink::new(session.ink.out)));
    Ok(Exit::Done)
}

/// The site's zone, and the person's where it is another one.
#[derive(Clone, Copy)]
struct Zones {
    site: Tz,
    own: Option<Tz>,
}

impl Zones {
    fn show(self, at: Timestamp) -> String {
        match self.own {
            None => show(at, self.site),
            Some(own) => {
                let there = at.with_timezone(&own);
                let same_day = there.date_naive() == at.with_timezone(&self.site).date_naive();
                let form = if same_day { "%H:%M" } else { "%m-%d %H:%M" };
                format!("{} ({} there)", show(at, self.site), there.format(form))
            }
        }
    }
}

fn render(name: &str, told: &Timeline, zones: Zones, width: usize, ink: &Ink) -> String {
    let mut text = format!("{}\n", ink.bold(name));
    if let Some(own) = zones.own {
        let _ = writeln!(text, "  times in {}; there: {own}", zones.site);
    }
    if told.older > 0 {
        let _ = writeln!(text, "  {} older entries are not shown: --limit shows more", told.older);
    }
    if told.happened.is_empty() && told.coming.is_empty() {
        text.push_str("  nothing has happened to this person\n");
    }
    for what in &told.happened {
        text.push_str(&layout::wrapped(&line(what, zones), width, 2, 6));
    }
    if !told.coming.is_empty() {
        let _ = writeln!(text, "{}", ink.bold("to come"));
        for what in &told.coming {
            text.push_str(&layout::wrapped(&line(what, zones), width, 2, 6));
        }
    }
    text
}

/// `2026-11-25 08:00 17.3 delivered: invite by mail: 250 Ok`.
fn line(what: &Happening, zones: Zones) -> String {
    let task = match (what.run, what.number) {
        (Some(run), Some(number)) => format!(" {run}.{number}"),
        (Some(run), None) => format!(" run {run}"),
        (None, _) => String::new(),
    };
    let device = what.device.as_ref().map(|name| format!(" on {name}")).unwrap_or_default();
    // Of what is to come, and of what says it itself, the kind adds nothing.
    let kind = match what.kind.as_str() {
        "invitation" | "enrolled" | "pending" | "blocked" | "deferred" | "sending" | "queued" | "notnow"
            if what.words.starts_with("invitation") || what.words.starts_with("enrolled") || what.number.is_some() =>
        {
            String::new()
        }
        // The far side took it; whether the person accepts is another matter.
        "accepted" if what.number.is_some() => "handed over: ".to_owned(),
        kind => format!("{kind}: "),
    };
    format!("{}{task} {kind}{}{device}", zones.show(what.at), what.words)
}

fn happening_json(what: &Happening) -> Value {
    json!({
        "at": what.at, "run": what.run, "task": what.run.zip(what.number).map(|(run, number)| format!("{run}.{number}")),
        "kind": what.kind, "words": what.words, "device": what.device,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::ids::RunId;
    use crate::domain::time::from_millis;

    #[test]
    fn a_person_far_away_has_two_times() {
        let at = |minutes: i64| from_millis(1_795_600_000_000 + minutes * 60_000);
        let happening = |minutes, kind: &str, words: &str, number| Happening {
            at: at(minutes),
            run: Some(RunId(17)),
            number,
            kind: kind.to_owned(),
            words: words.to_owned(),
            device: None,
        };
        let told = Timeline {
            happened: vec![
                happening(0, "chosen", "scripts/invite-group.rhai: of Grade 5, by mail", None),
                happening(1, "accepted", "invite by mail: 250 2.0.0 Ok: queued as 4bZ8Qk1xYz", Some(3)),
                happening(2, "invitation", "invitation delivered", None),
            ],
            older: 0,
            coming: vec![happening(4_320, "pending", "reminder 1 by mail", Some(4))],
        };
        let zones = Zones { site: chrono_tz::Europe::Amsterdam, own: Some(chrono_tz::Asia::Tokyo) };
        let text = render("Ana Jansen (ana), invited", &told, zones, 80, &Ink::new(false));
        insta::assert_snapshot!(text, @r"
        Ana Jansen (ana), invited
          times in Europe/Amsterdam; there: Asia/Tokyo
          2026-11-25 10:46 (18:46 there) run 17 chosen: scripts/invite-group.rhai: of
              Grade 5, by mail
          2026-11-25 10:47 (18:47 there) 17.3 handed over: invite by mail: 250 2.0.0 Ok:
              queued as 4bZ8Qk1xYz
          2026-11-25 10:48 (18:48 there) run 17 invitation delivered
        to come
          2026-11-28 10:46 (18:46 there) 17.4 reminder 1 by mail
        ");
        assert!(text.lines().all(|line| line.chars().count() <= 80));
    }
}
