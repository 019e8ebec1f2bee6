//! The global `site`: what the site is called, where it is, and its own settings for scripts.

use rhai::plugin::*;
use rhai::{Dynamic, Map};

use crate::domain::canary::Canary;
use crate::script::json::from_json;
use crate::script::problem::{Problem, RhaiResultOf};
use crate::script::run_context::Run;
use crate::script::values::Span;

/// The global `site`.
#[derive(Clone, Debug)]
pub struct Site;

#[export_module]
pub mod api {
    /// The global `site`.
    pub type Site = super::Site;

    /// The site's name.
    ///
    /// # Example
    /// ```
    /// print(site.name);
    /// ```
    #[rhai_fn(get = "name", pure, return_raw)]
    pub fn name(ctx: NativeCallContext, _site: &mut Site) -> RhaiResultOf<String> {
        Ok(Run::of(&ctx)?.site.name.clone())
    }

    /// The name of the site's time zone.
    ///
    /// # Example
    /// ```
    /// print(site.timezone);
    /// ```
    #[rhai_fn(get = "timezone", pure, return_raw)]
    pub fn timezone(ctx: NativeCallContext, _site: &mut Site) -> RhaiResultOf<String> {
        Ok(Run::of(&ctx)?.site.zone.name().to_owned())
    }

    /// The default language of messages.
    ///
    /// # Example
    /// ```
    /// print(site.language);
    /// ```
    #[rhai_fn(get = "language", pure, return_raw)]
    pub fn language(ctx: NativeCallContext, _site: &mut Site) -> RhaiResultOf<String> {
        Ok(Run::of(&ctx)?.site.language.clone())
    }

    /// Who is told about held runs and dead channels.
    ///
    /// # Example
    /// ```
    /// notify.mail(site.contact, "welcome");
    /// ```
    #[rhai_fn(get = "contact", pure, return_raw)]
    pub fn contact(ctx: NativeCallContext, _site: &mut Site) -> RhaiResultOf<String> {
        Ok(Run::of(&ctx)?.site.contact.clone())
    }

    /// The site's `[limits]`, as a map. Of one run: `invitations_per_run`, `share_of_roster`, `messages_per_run`,
    /// `growth`, `canary` (a map of `people`, `wait`, `failures`; `()` where there is no first wave), `held_for`. Of all
    /// runs within 24 hours: `invitations_per_day`, `share_of_roster_per_day`. Of one person: `reminder_gap`,
    /// `messages_per_person` (a map of `per_day`, `per_week`; `()` is no limit), `quiet_hours` (`"20:00-07:00"`, or `()`).
    /// Shares are between 0 and 1; `wait`, `held_for` and `reminder_gap` are spans.
    ///
    /// # Example
    /// ```
    /// print(site.limits.invitations_per_run);
    /// ```
    #[rhai_fn(get = "limits", pure, return_raw)]
    pub fn limits(ctx: NativeCallContext, _site: &mut Site) -> RhaiResultOf<Map> {
        let run = Run::of(&ctx)?;
        let limits = &run.site.limits;
        let number = |n: u32| Dynamic::from(i64::from(n));
        let span = |span| Dynamic::from(Span(span));
        let or_unit = |most: Option<u32>| most.map_or(Dynamic::UNIT, number);
        let person = limits.messages_per_person;
        let wave = |canary: Canary| {
            map([("people", number(canary.people)), ("wait", span(canary.wait)), ("failures", canary.failures.into())]).into()
        };
        Ok(map([
            ("invitations_per_run", number(limits.invitations_per_run)),
            ("invitations_per_day", number(limits.invitations_per_day)),
            ("share_of_roster", limits.share_of_roster.into()),
            ("share_of_roster_per_day", limits.share_of_roster_per_day.into()),
            ("messages_per_run", number(limits.messages_per_run)),
            ("growth", limits.growth.into()),
            ("canary", limits.canary.map_or(Dynamic::UNIT, wave)),
            ("held_for", span(limits.held_for)),
            ("reminder_gap", span(limits.reminder_gap)),
            ("quiet_hours", limits.quiet_hours.map_or(Dynamic::UNIT, |hours| hours.to_string().into())),
            ("messages_per_person", map([("per_day", or_unit(person.per_day)), ("per_week", or_unit(person.per_week))]).into()),
        ]))
    }

    /// A setting of `[settings]` in `site.toml`.
    ///
    /// # Throws
    /// `unknown_setting` when there is none, with the nearest name.
    ///
    /// # Example
    /// ```
    /// print(site.setting("helpdesk"));
    /// ```
    #[rhai_fn(volatile, pure, return_raw)]
    pub fn setting(ctx: NativeCallContext, _site: &mut Site, name: &str) -> RhaiResultOf<Dynamic> {
        let run = Run::of(&ctx)?;
        if let Some(value) = run.site.settings.get(name) {
            return Ok(from_json(value));
        }
        let problem = Problem::unknown("setting", name, run.site.settings.keys().map(String::as_str));
        let line = format!("add `{name} = …` to [settings] in site.toml, or give a default: `site.setting({name:?}, …)`");
        Err(if problem.hint.is_some() { problem } else { problem.hint(line) }.into())
    }

    /// A setting of `[settings]` in `site.toml`, or the default where there is none.
    ///
    /// # Example
    /// ```
    /// let days_between = site.setting("days_between_reminders", 3);
    /// ```
    #[rhai_fn(name = "setting", volatile, pure, return_raw)]
    pub fn setting_or(ctx: NativeCallContext, _site: &mut Site, name: &str, otherwise: Dynamic) -> RhaiResultOf<Dynamic> {
        Ok(Run::of(&ctx)?.site.settings.get(name).map_or(otherwise, from_json))
    }

    /// The site's name.
    ///
    /// # Example
    /// ```
    /// print(site);
    /// ```
    #[rhai_fn(name = "to_string", name = "to_debug", pure, return_raw)]
    pub fn site_to_string(ctx: NativeCallContext, _site: &mut Site) -> RhaiResultOf<String> {
        Ok(Run::of(&ctx)?.site.name.clone())
    }
}

fn map<const N: usize>(entries: [(&str, Dynamic); N]) -> Map {
    entries.into_iter().map(|(name, value)| (name.into(), value)).collect()
}
