//! From the text of a site file to its sections. One function a section; none of them stops at the
//! first error, so that a person sees them all.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use chrono_tz::Tz;
use toml::de::{DeTable, DeValue};

use super::blast_radius::blast_radius;
use super::channels::{apps_and_books, directory, mail, mdm, push};
use super::read::{Section, Source, shortened};
use super::values::{self, DURATION, SIZE};
use super::{ConfigError, FILE_NAME, SecretRef, dormant, sections::*};
use crate::domain::limits::{Limits, QuietHours, ScriptLimits};
use crate::domain::schedule::cron::Cron;
use crate::domain::schedule::timing::Timing;
use crate::domain::schedule::{Fold, Gap, Missed, Overlap, Schedule};
use crate::domain::time::Span;

const ZONES: &str = "an IANA zone name such as \"Europe/Amsterdam\"";

pub(super) fn site_file(dir: &Path, text: &str) -> Result<SiteConfig, Vec<ConfigError>> {
    let mut source = Source::new(&dir.join(FILE_NAME), text);
    // The parser's own rendering quotes the line, which may hold a secret: only its words are used.
    let (document, broken) = DeTable::parse_recoverable(text);
    if !broken.is_empty() {
        let errors = broken.iter().map(|error| {
            let at = error.span().map_or(text.len(), |span| span.start);
            source.error(at, "", format!("this is not TOML: {}", error.message()))
        });
        return Err(errors.collect());
    }
    let mut root = Section::new("", 0, document.get_ref());
    let config = read(dir, &mut source, &mut root);
    root.done(&mut source);
    let mut errors = source.errors;
    errors.sort_by_key(|error| (error.line, error.column));
    match config {
        Some(config) if errors.is_empty() => Ok(config),
        _ => Err(errors),
    }
}

fn read(dir: &Path, source: &mut Source<'_>, root: &mut Section<'_, '_>) -> Option<SiteConfig> {
    let mut warnings = Vec::new();
    root.require(source, "site", "a [site] section with name and timezone");
    let site = root.table(source, "site").and_then(|section| site(source, section));
    let section = root.table(source, "store");
    let store = store(dir, source, section);
    let apps_and_books = root.table(source, "apps_and_books").and_then(|section| apps_and_books(source, section));
    let site_name = site.as_ref().map_or("", |s| s.name.as_str());
    let mail = root.table(source, "mail").and_then(|section| mail(source, section, dir, site_name, &mut warnings));
    let mdm = match root.table(source, "mdm") {
        Some(section) => mdm(source, section),
        None => Some(Mdm { backend: MdmBackend::None, webhook_key: None }),
    };
    let push = root.table(source, "push").and_then(|section| push(source, section));
    let directory = root.table(source, "directory").and_then(|section| directory(source, section, &mut warnings));
    let section = root.table(source, "http");
    let http = http(source, section);
    let journal = root.table(source, "journal").map(|section| journal(source, section)).unwrap_or_default();
    let section = root.table(source, "limits");
    let (limits, script_limits) = limits(source, section);
    let settings = root.table(source, "settings").map(|section| json_table(source, &section)).unwrap_or_default();
    let webhooks = root.tables(source, "webhook").into_iter().filter_map(|section| webhook(source, section)).collect();
    let schedules = root.tables(source, "schedule").into_iter().filter_map(|section| schedule(source, section)).collect();
    let mut config = SiteConfig {
        dir: dir.to_owned(),
        site: site?,
        store: store?,
        apps_and_books,
        mail,
        mdm: mdm?,
        push,
        directory,
        http,
        journal,
        limits,
        script_limits,
        settings,
        webhooks,
        schedules,
        warnings,
    };
    unique(source, root, "webhook", config.webhooks.iter().map(|w| w.name.as_str()));
    unique(source, root, "schedule", config.schedules.iter().map(|s| s.name.as_str()));
    let dormant = dormant::warnings(&config);
    config.warnings.extend(dormant);
    Some(config)
}

fn unique<'n>(source: &mut Source<'_>, root: &Section<'_, '_>, list: &'static str, names: impl Iterator<Item = &'n str>) {
    let mut seen = std::collections::BTreeSet::new();
    for name in names {
        if !seen.insert(name) {
            let what = format!("two of them are called \"{}\"", shortened(name));
            let error = source.error(root.place_of(list), list, what).hint("give each its own name");
            source.note(error);
        }
    }
}

fn site(source: &mut Source<'_>, mut section: Section<'_, '_>) -> Option<Site> {
    section.require(source, "name", "what the school or company is called");
    let name = section.words(source, "name");
    section.require(source, "timezone", ZONES);
    let timezone = section.parsed(source, "timezone", ZONES, values::zone);
    let language = section.parsed(source, "language", "a tag such as \"nl\", \"en\" or \"de-CH\"", values::language);
    let contact = section.parsed(source, "contact", "an address such as \"it@school.example\"", values::mail);
    section.done(source);
    Some(Site { name: name?, timezone: timezone?, language: language.unwrap_or_else(|| "en".to_owned()), contact })
}

fn store(dir: &Path, source: &mut Source<'_>, section: Option<Section<'_, '_>>) -> Option<StoreFile> {
    let default = || StoreFile { path: dir.join("beckon.db") };
    let Some(mut section) = section else { return Some(default()) };
    let absent = !section.has("url");
    let path = section.parsed(source, "url", "\"sqlite:\" and a path, such as \"sqlite:beckon.db\"", |text| {
        if text.starts_with("postgres:") || text.starts_with("postgresql:") {
            return Err(format!("beckon {} can't use PostgreSQL yet", env!("CARGO_PKG_VERSION")));
        }
        let path = text.strip_prefix("sqlite:").ok_or("it is not a store's URL")?;
        let path = path.strip_prefix("//").unwrap_or(path);
        // In a file name these would start parameters, which are not for a site to set.
        if path.is_empty() || path.contains(['?', '#', '\0']) || path == ":memory:" {
            return Err("it names no file".to_owned());
        }
        Ok(dir.join(path))
    });
    section.done(source);
    if absent { Some(default()) } else { Some(StoreFile { path: path? }) }
}

fn http(source: &mut Source<'_>, section: Option<Section<'_, '_>>) -> Http {
    let default = std::net::SocketAddr::from(([127, 0, 0, 1], 8080));
    let notify_default = || SecretRef::of_file(Path::new("secrets/notify.token"));
    let Some(mut section) = section else {
        return Http { listen: default, public_url: None, notification_token: notify_default(), bounce_token: None };
    };
    let listen =
        section.parsed(source, "listen", "an address and a port, such as \"127.0.0.1:8080\" or \"[::1]:8080\"", |text| {
            text.parse().map_err(|_| format!("\"{}\" is not an address with a port", shortened(text)))
        });
    let public_url = section.parsed(source, "public_url", values::WEB_URL, values::web_url);
    let notification_token = section.secret(source, "notification_token").unwrap_or_else(notify_default);
    let bounce_token = section.secret(source, "bounce_token");
    section.done(source);
    Http { listen: listen.unwrap_or(default), public_url, notification_token, bounce_token }
}

fn journal(source: &mut Source<'_>, mut section: Section<'_, '_>) -> Journal {
    let keep = section.parsed(source, "keep", DURATION, values::duration);
    let keep_leavers = section.parsed(source, "keep_leavers", DURATION, values::duration);
    section.done(source);
    Journal { keep, keep_leavers }
}

fn limits(source: &mut Source<'_>, section: Option<Section<'_, '_>>) -> (Limits, ScriptLimits) {
    let mut limits = Limits::default();
    let mut script = ScriptLimits::default();
    let Some(mut section) = section else { return (limits, script) };
    let to_u32 = |n: u64| u32::try_from(n).unwrap_or(u32::MAX);
    blast_radius(source, &mut section, &mut limits);
    if let Some(gap) = section.parsed(source, "reminder_gap", DURATION, values::duration) {
        limits.reminder_gap = gap;
    }
    limits.quiet_hours = section.parsed(source, "quiet_hours", "two different times, such as \"20:00-07:00\"", |text| {
        QuietHours::parse(text).ok_or_else(|| format!("\"{}\" is not a window of the day", shortened(text)))
    });
    if let Some(mut per) = section.table(source, "messages_per_person") {
        limits.messages_per_person.per_day = per.number(source, "per_day", 1..=1_000).map(to_u32);
        limits.messages_per_person.per_week = per.number(source, "per_week", 1..=1_000).map(to_u32);
        per.done(source);
    }
    if let Some(mut own) = section.table(source, "script") {
        script.operations = own.number(source, "operations", 1_000..=1_000_000_000_000).unwrap_or(script.operations);
        script.seconds = own.number(source, "seconds", 1..=86_400).unwrap_or(script.seconds);
        let memory = own.parsed(source, "memory", SIZE, |text| {
            let bytes = values::size(text)?;
            let enough = (16_000_000..=64_000_000_000).contains(&bytes);
            if enough { Ok(bytes) } else { Err("it is not between 16MB and 64GB".to_owned()) }
        });
        script.memory_bytes = memory.unwrap_or(script.memory_bytes);
        own.done(source);
    }
    section.done(source);
    (limits, script)
}

fn webhook(source: &mut Source<'_>, mut section: Section<'_, '_>) -> Option<Webhook> {
    section.require(source, "name", "what scripts call it, such as \"staff-chat\"");
    let name = section.words(source, "name");
    section.require(source, "url", "the URL as a reference, such as \"env:STAFF_CHAT_URL\"");
    let url = section.secret(source, "url");
    let ca = section.file(source, "ca");
    section.done(source);
    Some(Webhook { name: name?, url: url?, ca })
}

fn schedule(source: &mut Source<'_>, mut section: Section<'_, '_>) -> Option<Arc<Schedule>> {
    section.require(source, "name", "what it is called, such as \"weekly-reminder\"");
    let name = section.words(source, "name");
    let script_form = "a file in scripts/, such as \"weekly-reminder.rhai\"";
    section.require(source, "script", script_form);
    let script = section.parsed(source, "script", script_form, script_name);
    let cron_form = "five fields (minute hour day month weekday), or six with seconds first, such as \"0 8 * * MON-FRI\"";
    section.require(source, "cron", cron_form);
    let cron = section.parsed(source, "cron", cron_form, Cron::parse);
    section.require(source, "timezone", ZONES);
    let timezone: Option<Tz> = section.parsed(source, "timezone", ZONES, values::zone);
    let missed =
        section.choice(source, "missed", &[("skip", Missed::Skip), ("run-once", Missed::RunOnce), ("run-all", Missed::RunAll)]);
    let max_late = section.parsed(source, "max_late", DURATION, values::duration);
    let overlap = section.choice(source, "overlap", &[("skip", Overlap::Skip), ("queue", Overlap::Queue)]);
    let gap = section.choice(source, "gap", &[("next-valid", Gap::NextValid), ("skip", Gap::Skip)]);
    let fold = section.choice(source, "fold", &[("first", Fold::First), ("both", Fold::Both)]);
    let params = section.table(source, "params").map(|params| json_table(source, &params)).unwrap_or_default();
    section.done(source);
    Some(Arc::new(Schedule {
        name: name?,
        script: script?,
        timing: Timing { cron: cron?, zone: timezone?, gap: gap.unwrap_or(Gap::NextValid), fold: fold.unwrap_or(Fold::First) },
        missed: missed.unwrap_or(Missed::RunOnce),
        max_late: max_late.unwrap_or(Span::hours(6)),
        overlap: overlap.unwrap_or(Overlap::Skip),
        params,
    }))
}

/// A path inside `scripts/`: relative, without steps upwards.
fn script_name(text: &str) -> Result<String, String> {
    let inside = Path::new(text).components().all(|part| matches!(part, std::path::Component::Normal(_)));
    if text.is_empty() || !inside || text.contains(['\\', '\0']) {
        return Err("it is not a file inside scripts/".to_owned());
    }
    if text.ends_with(".rhai") { Ok(text.to_owned()) } else { Err("a script's name ends with .rhai".to_owned()) }
}

fn json_table(source: &mut Source<'_>, section: &Section<'_, '_>) -> BTreeMap<String, serde_json::Value> {
    let mut values = BTreeMap::new();
    for (key, value, at) in section.entries() {
        match json(value) {
            Some(value) => {
                values.insert(key.to_owned(), value);
            }
            None => {
                let error = source
                    .error(at, &section.key(key), "a number in it can't be held")
                    .hint("whole numbers of 64 bits, finite decimals");
                source.note(error);
            }
        }
    }
    values
}

/// A TOML value as a script gets it; dates become texts. Nesting is bounded by the TOML parser.
fn json(value: &DeValue<'_>) -> Option<serde_json::Value> {
    use serde_json::Value;
    Some(match value {
        DeValue::String(text) => Value::String(text.as_ref().to_owned()),
        DeValue::Integer(number) => Value::from(i64::from_str_radix(number.as_str(), number.radix()).ok()?),
        DeValue::Float(number) => Value::Number(serde_json::Number::from_f64(number.as_str().parse().ok()?)?),
        DeValue::Boolean(yes) => Value::Bool(*yes),
        DeValue::Datetime(at) => Value::String(at.to_string()),
        DeValue::Array(items) => Value::Array(items.iter().map(|item| json(item.get_ref())).collect::<Option<_>>()?),
        DeValue::Table(table) => Value::Object(
            table
                .iter()
                .map(|(key, value)| Some((key.get_ref().as_ref().to_owned(), json(value.get_ref())?)))
                .collect::<Option<_>>()?,
        ),
    })
}
