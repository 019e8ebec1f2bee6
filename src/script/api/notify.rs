//! The global `notify`: mail, push and webhook. Everything goes through the outbox; nothing is sent here.

use std::collections::HashMap;

use rhai::plugin::*;
use rhai::{Dynamic, ImmutableString, Map};

use crate::domain::grounds::Grounds;
use crate::domain::ids::DeviceId;
use crate::domain::intent::{Intent, MailMessage, MailTo, Person, PushMessage};
use crate::domain::mail_address::MailAddress;
use crate::domain::reason::LeftOut;
use crate::script::api::plan_options::check_template;
use crate::script::audience::{Audience, person};
use crate::script::json::to_json;
use crate::script::options::Options;
use crate::script::problem::{Problem, RhaiResultOf};
use crate::script::run_context::Run;
use crate::script::values::User;

/// The global `notify`.
#[derive(Clone, Debug)]
pub struct Notify;

/// Visible alerts are a line or two; APNs takes 4 KB for everything.
const PUSH_TEXT_MAX: usize = 1_000;
const WEBHOOK_BYTES_MAX: usize = 100_000;

#[export_module]
pub mod api {
    /// The global `notify`.
    pub type Notify = super::Notify;

    /// Mails a template to each person of an audience in their language, or to one address.
    ///
    /// `to` is an audience, a username or a mail address. The data is what the template asks for beside the
    /// person and the site. Who is not of the audience any more when it leaves gets none.
    ///
    /// # Throws
    /// `unknown_template`; `wrong_data` when the template can't be rendered with the data; `not_an_audience`; `wrong_address`.
    ///
    /// # Effect
    /// mail
    ///
    /// # Example
    /// ```
    /// notify.mail(groups["Staff"], "report", #{ enrolled: groups["Grade 5"].enrolled });
    /// ```
    #[rhai_fn(volatile, pure, return_raw)]
    pub fn mail(ctx: NativeCallContext, _notify: &mut Notify, to: Dynamic, template: &str, data: Map) -> RhaiResultOf<()> {
        send_mail(&ctx, to, template, data)
    }

    /// Mails a template that needs no data.
    ///
    /// # Throws
    /// `unknown_template`; `wrong_data` when the template asks for data; `not_an_audience`; `wrong_address`.
    ///
    /// # Effect
    /// mail
    ///
    /// # Example
    /// ```
    /// notify.mail(users.find("ana"), "welcome");
    /// ```
    #[rhai_fn(name = "mail", volatile, pure, return_raw)]
    pub fn mail_without_data(ctx: NativeCallContext, _notify: &mut Notify, to: Dynamic, template: &str) -> RhaiResultOf<()> {
        send_mail(&ctx, to, template, Map::new())
    }

    /// Shows an alert in the site's own app on the devices of an audience; who has the app nowhere is left out.
    ///
    /// # Throws
    /// `not_an_audience`; `out_of_range` for a text over 1,000 characters.
    ///
    /// # Effect
    /// push
    ///
    /// # Example
    /// ```
    /// notify.push(groups["Grade 5"], "Please accept the invitation on your iPad.");
    /// ```
    #[rhai_fn(volatile, pure, return_raw)]
    pub fn push(ctx: NativeCallContext, _notify: &mut Notify, to: Dynamic, text: &str) -> RhaiResultOf<()> {
        send_push(&ctx, to, text, Map::new())
    }

    /// Shows an alert in the site's own app, with options.
    ///
    /// # Options
    /// - `title`: string, a line above the text
    ///
    /// # Throws
    /// `not_an_audience`; `out_of_range` for a text over 1,000 characters; `unknown_option`.
    ///
    /// # Effect
    /// push
    ///
    /// # Example
    /// ```
    /// notify.push(users.find("ana"), "Your iPad is ready.", #{ title: "IT" });
    /// ```
    #[rhai_fn(name = "push", volatile, pure, return_raw)]
    pub fn push_options(ctx: NativeCallContext, _notify: &mut Notify, to: Dynamic, text: &str, options: Map) -> RhaiResultOf<()> {
        send_push(&ctx, to, text, options)
    }

    /// Posts JSON to an endpoint that `site.toml` names.
    ///
    /// # Throws
    /// `unknown_webhook`; `wrong_data` for what has no form in JSON.
    ///
    /// # Effect
    /// webhook
    ///
    /// # Example
    /// ```
    /// notify.webhook("staff-chat", #{ text: `${users.where(|u| u.enrolled).count()} enrolled` });
    /// ```
    #[rhai_fn(volatile, pure, return_raw)]
    pub fn webhook(ctx: NativeCallContext, _notify: &mut Notify, name: &str, body: Map) -> RhaiResultOf<()> {
        let run = Run::of(&ctx)?;
        if !run.site.webhooks.iter().any(|w| w == name) {
            let known = run.site.webhooks.iter().map(String::as_str);
            let problem = Problem::unknown("webhook", name, known);
            let problem =
                if problem.hint.is_some() { problem } else { problem.hint("a `[[webhook]]` in site.toml names an endpoint") };
            return Err(problem.into());
        }
        let body = to_json(&Dynamic::from_map(body), run.site.zone)?;
        if body.to_string().len() > WEBHOOK_BYTES_MAX {
            return Err(Problem::out_of_range("a webhook's body", &format!("at most {WEBHOOK_BYTES_MAX} bytes"), "more").into());
        }
        Ok(run.ask(&ctx, Intent::Webhook { endpoint: name.to_owned(), body })?)
    }
}

fn send_mail(ctx: &NativeCallContext, to: Dynamic, template: &str, data: Map) -> RhaiResultOf<()> {
    let run = Run::of(ctx)?;
    let data = to_json(&Dynamic::from_map(data), run.site.zone)?;
    check_template(&run, template, &data)?;
    let (to, left_out, grounds) = match to.flatten().try_cast_result::<ImmutableString>() {
        Ok(text) => match recipient(&run, &text)? {
            Recipient::Person(user) => people(&run, Dynamic::from(user))?,
            Recipient::Address(address) => (MailTo::Address(address), Vec::new(), Grounds::default()),
        },
        Err(audience) => people(&run, audience)?,
    };
    let mail = MailMessage { template: template.to_owned(), data, to, left_out, grounds };
    Ok(run.ask(ctx, Intent::Mail(mail))?)
}

enum Recipient {
    Person(User),
    Address(MailAddress),
}

/// A username, which may hold an `@`, or an address.
fn recipient(run: &Run, text: &str) -> Result<Recipient, Problem> {
    if let Some(user) = run.read(|view| view.user_by_username(text))? {
        return Ok(Recipient::Person(User(user)));
    }
    match MailAddress::parse(text) {
        Ok(address) => Ok(Recipient::Address(address)),
        Err(why) if text.contains('@') => {
            Err(Problem::new("wrong_address", format!("{text:?} is no mail address: {why}")).about(text))
        }
        Err(_) => {
            let similar = run.read(|view| view.similar_usernames(text))?;
            let problem = Problem::unknown("user", text, similar.iter().map(String::as_str));
            Err(if problem.hint.is_some() {
                problem
            } else {
                problem.hint("give a username, a mail address, a group or a selection")
            })
        }
    }
}

/// Who gets it, who doesn't and why, and what selected them.
type Addressed = (MailTo, Vec<(Person, LeftOut)>, Grounds);

fn people(run: &Run, audience: Dynamic) -> RhaiResultOf<Addressed> {
    let audience = Audience::of(run, audience)?;
    let candidates = audience.candidates(run)?;
    let (mut to, mut left_out) = (Vec::new(), Vec::new());
    for candidate in &candidates {
        let who = person(candidate);
        if !candidate.enabled {
            left_out.push((who, LeftOut::AccountDisabled));
        } else if candidate.mail_dead {
            left_out.push((who, LeftOut::AddressDead));
        } else if !candidate.has_mail {
            left_out.push((who, LeftOut::Unreachable));
        } else {
            to.push(who);
        }
    }
    Ok((MailTo::People(to), left_out, audience.users.grounds()))
}

fn send_push(ctx: &NativeCallContext, to: Dynamic, text: &str, options: Map) -> RhaiResultOf<()> {
    let run = Run::of(ctx)?;
    let mut options = Options::read("notify.push", options, &["title"])?;
    let title = options.text("title")?;
    let longest = text.chars().count().max(title.as_ref().map_or(0, |t| t.chars().count()));
    if text.trim().is_empty() || longest > PUSH_TEXT_MAX {
        return Err(Problem::out_of_range("a push message's text", &format!("1 to {PUSH_TEXT_MAX} characters"), longest).into());
    }
    let audience = Audience::of(&run, to)?;
    let candidates = audience.candidates(&run)?;
    let owners: HashMap<DeviceId, usize> =
        candidates.iter().enumerate().flat_map(|(i, c)| c.devices.iter().map(move |d| (d.device, i))).collect();
    let devices: Vec<DeviceId> = candidates.iter().flat_map(|c| c.devices.iter().map(|d| d.device)).collect();
    let tokens = run.read(|view| view.app_tokens(&devices))?;
    let mut reached = vec![false; candidates.len()];
    let mut seen = std::collections::HashSet::new();
    let mut to = Vec::new();
    for token in tokens {
        let Some((index, candidate)) = owners.get(&token.device).and_then(|i| candidates.get(*i).map(|c| (*i, c))) else {
            continue;
        };
        if !candidate.enabled {
            continue;
        }
        if let Some(flag) = reached.get_mut(index) {
            *flag = true;
        }
        // A device may hold the app under two topics; it is alerted once.
        if seen.insert(token.device) {
            to.push((person(candidate), token.device));
        }
    }
    let left_out = candidates
        .iter()
        .zip(reached)
        .filter(|(_, reached)| !reached)
        .map(|(c, _)| (person(c), if c.enabled { LeftOut::Unreachable } else { LeftOut::AccountDisabled }))
        .collect();
    let message = PushMessage { title, text: text.to_owned(), to, left_out, grounds: audience.users.grounds() };
    Ok(run.ask(ctx, Intent::Push(message))?)
}
