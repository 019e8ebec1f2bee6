//! Which of the messages that left a test looks at, and how many there are of each kind.

use std::collections::BTreeMap;

use chrono_tz::Tz;
use rhai::{Dynamic, Map};

use super::Message;
use crate::domain::delivery::Channel;
use crate::domain::misspelt::did_you_mean;
use crate::domain::time::Timestamp;
use crate::script::limits;
use crate::script::options::Options;
use crate::script::problem::Problem;
use crate::script::values::Time;

/// The options of `site.messages`.
pub const KEYS: [&str; 7] = ["user", "to", "channel", "template", "reminder", "since", "before"];

/// By what messages can be counted.
const KINDS: [&str; 6] = ["user", "to", "channel", "template", "reminder", "day"];

/// Entries of the map of one message, and the map itself, as the engine counts them.
const ENTRIES: usize = 9;

/// The messages that a test looks at: all that fit every part. A part that is empty fits all.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Which {
    /// Usernames.
    pub users: Vec<String>,
    /// Addresses or names of devices.
    pub to: Vec<String>,
    pub channels: Vec<String>,
    pub templates: Vec<String>,
    pub reminder: Option<u32>,
    /// This instant included.
    pub since: Option<Timestamp>,
    /// This instant not included.
    pub before: Option<Timestamp>,
}

impl Which {
    /// Those of one user.
    #[must_use]
    pub fn of_user(username: &str) -> Self {
        Self { users: vec![username.to_owned()], ..Self::default() }
    }

    /// From a map of options. `templates` are those of the site: what no message can have is a slip.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn read(map: Map, templates: &[String]) -> Result<Self, Problem> {
        let mut options = Options::read("site.messages", map, &KEYS)?;
        let which = Self {
            users: options.texts("user")?.unwrap_or_default(),
            to: options.texts("to")?.unwrap_or_default(),
            channels: options.texts("channel")?.unwrap_or_default(),
            templates: options.texts("template")?.unwrap_or_default(),
            reminder: match options.take("reminder") {
                Some(value) => match value.as_int().ok().and_then(|n| u32::try_from(n).ok()) {
                    Some(number) => Some(number),
                    None => return Err(options.wants("reminder", "a whole number, 0 for what is no reminder", &value)),
                },
                None => None,
            },
            since: time(&mut options, "since")?,
            before: time(&mut options, "before")?,
        };
        if let Some(unknown) = which.channels.iter().find(|word| Channel::from_word(word).is_none()) {
            return Err(Problem::unknown("channel", unknown, Channel::ALL.map(Channel::word)));
        }
        match which.templates.iter().find(|name| !name.is_empty() && !templates.contains(name)) {
            Some(unknown) => Err(Problem::unknown("template", unknown, templates.iter().map(String::as_str))),
            None => Ok(which),
        }
    }

    /// Whether a message is one of them.
    #[must_use]
    pub fn takes(&self, message: &Message) -> bool {
        let any = |wanted: &[String], is: &str| wanted.is_empty() || wanted.iter().any(|one| one == is);
        any(&self.users, &message.username)
            && any(&self.to, &message.to)
            && any(&self.channels, message.channel)
            && any(&self.templates, &message.template)
            && self.reminder.is_none_or(|number| u32::from(message.reminder) == number)
            && self.since.is_none_or(|at| message.sent_at >= at)
            && self.before.is_none_or(|at| message.sent_at < at)
    }
}

fn time(options: &mut Options, key: &str) -> Result<Option<Timestamp>, Problem> {
    let Some(value) = options.take(key) else { return Ok(None) };
    match value.clone().try_cast::<Time>() {
        Some(Time(at)) => Ok(Some(at)),
        None => Err(options.wants(key, "a time such as `site.now - days(7)`", &value)),
    }
}

/// What an array of them would need more than a script may have is refused before it is made.
///
/// # Errors
/// There are too many, with the ways to look at them all the same.
pub fn fit_an_array(messages: &[Message]) -> Result<(), Problem> {
    let most = limits::MAP_ITEMS / ENTRIES;
    let texts = |m: &Message| m.username.len() + m.template.len() + m.subject.len() + m.text.len() + m.to.len() + m.channel.len();
    if messages.len() <= most && messages.iter().map(texts).sum::<usize>() <= limits::STRING_BYTES {
        return Ok(());
    }
    let message = if messages.len() > most {
        format!("{} messages are more than the {most} that an array of them can hold", messages.len())
    } else {
        format!("{} messages with their texts are more than an array can hold", messages.len())
    };
    Err(Problem::new("too_many_messages", message).hint(
        "count them: `site.message_count(#{ template: \"reminder\" })`, `site.message_counts(\"user\")`; \
         or look at fewer: `site.messages(#{ user: \"user1\" })`, `site.messages(#{ since: site.now - days(1) })`",
    ))
}

/// How many there are of each kind: of each user, template, day, …
///
/// # Errors
/// They can't be counted by that.
pub fn counts(messages: &[Message], by: &str, zone: Tz) -> Result<BTreeMap<String, i64>, Problem> {
    let kind: &dyn Fn(&Message) -> String = match by {
        "user" => &|m| m.username.clone(),
        "to" => &|m| m.to.clone(),
        "channel" => &|m| m.channel.to_owned(),
        "template" => &|m| m.template.clone(),
        "reminder" => &|m| m.reminder.to_string(),
        "day" => &|m| m.sent_at.with_timezone(&zone).format("%Y-%m-%d").to_string(),
        other => {
            let hint = did_you_mean(other, KINDS).unwrap_or_else(|| format!("by one of: {}", KINDS.join(", ")));
            return Err(Problem::new("unknown_kind", format!("messages can't be counted by {other:?}")).about(other).hint(hint));
        }
    };
    let mut counts = BTreeMap::new();
    for message in messages {
        *counts.entry(kind(message)).or_insert(0) += 1;
    }
    Ok(counts)
}

/// A map of them, for a script.
#[must_use]
pub fn as_map(counts: BTreeMap<String, i64>) -> Map {
    counts.into_iter().map(|(kind, count)| (kind.into(), Dynamic::from(count))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::time::{Span, from_millis};

    fn message(n: i64) -> Message {
        Message {
            sent_at: from_millis(0) + Span::hours(n),
            username: format!("user{}", n % 3),
            channel: if n % 2 == 0 { "mail" } else { "mdm" },
            template: if n < 3 { "invitation" } else { "reminder" }.to_owned(),
            subject: String::new(),
            text: "x".repeat(1_000),
            to: String::new(),
            reminder: u16::from(n >= 3),
        }
    }

    fn taken(options: &[(&str, Dynamic)]) -> Result<usize, String> {
        let map = options.iter().map(|(key, value)| ((*key).into(), value.clone())).collect();
        let which = Which::read(map, &["invitation".to_owned(), "reminder".to_owned()]).map_err(|problem| problem.message)?;
        Ok((0..48).map(message).filter(|m| which.takes(m)).count())
    }

    #[test]
    fn every_part_narrows() {
        let both: Dynamic = vec![Dynamic::from("user0"), "user1".into()].into();
        let day = |n| Dynamic::from(Time(from_millis(0) + Span::days(n)));
        assert_eq!(taken(&[]), Ok(48));
        assert_eq!(taken(&[("user", both)]), Ok(32));
        assert_eq!(taken(&[("template", "invitation".into())]), Ok(3));
        assert_eq!(taken(&[("reminder", 0.into()), ("channel", "mail".into())]), Ok(2));
        assert_eq!(taken(&[("since", day(1)), ("before", day(2))]), Ok(24));
        assert_eq!(taken(&[("to", "nobody".into())]), Ok(0));
    }

    #[test]
    fn a_slip_is_no_empty_answer() {
        assert_eq!(taken(&[("template", "remindr".into())]), Err("there is no template \"remindr\"".to_owned()));
        assert_eq!(taken(&[("channel", "post".into())]), Err("no channel is called \"post\"".to_owned()));
        assert!(taken(&[("reminder", (-1).into())]).unwrap_err().contains("wants a whole number"));
        assert!(taken(&[("since", "monday".into())]).unwrap_err().contains("wants a time such as"));
        assert!(taken(&[("users", "ana".into())]).unwrap_err().contains("has no option \"users\""));
    }

    #[test]
    fn they_are_counted_by_kind() {
        let messages: Vec<Message> = (0..48).map(message).collect();
        let by = |kind| counts(&messages, kind, chrono_tz::UTC).unwrap();
        assert_eq!(by("template"), [("invitation".to_owned(), 3), ("reminder".to_owned(), 45)].into());
        assert_eq!(by("day"), [("1970-01-01".to_owned(), 24), ("1970-01-02".to_owned(), 24)].into());
        assert_eq!(by("user").len(), 3);
        let hint = counts(&messages, "chanel", chrono_tz::UTC).unwrap_err().hint;
        assert_eq!(hint.as_deref(), Some("did you mean \"channel\"?"));
    }

    #[test]
    fn what_no_array_can_hold_is_refused_with_the_way_out() {
        let many = |n| (0..n).map(message).collect::<Vec<_>>();
        assert!(fit_an_array(&many(5_555)).is_ok());
        let problem = fit_an_array(&many(5_556)).unwrap_err();
        assert!(problem.message.contains("5556 messages") && problem.hint.unwrap().contains("site.message_count("));
        let long = vec![Message { text: "x".repeat(2_000_000), ..message(1) }; 5];
        assert!(fit_an_array(&long).unwrap_err().message.contains("with their texts"));
    }
}
