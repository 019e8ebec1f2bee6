//! `run.param`: declares a parameter, finds its value, and checks it. The command line, the terminal's
//! questions and `--help` come from the same declaration.

use chrono_tz::Tz;
use rhai::{Dynamic, Map};

use super::calendar::time_of_text;
use super::input::{ParamDecl, ParamKind};
use super::json::to_json;
use super::limits;
use super::options::{Options, type_word};
use super::pattern::Pattern;
use super::problem::Problem;
use super::run_context::Run;
use super::values::{Span, Time};
use crate::domain::misspelt::did_you_mean;
use crate::domain::time::{Span as TimeSpan, show, show_span};

/// The value of a parameter.
///
/// # Errors
/// `missing_parameter`, `wrong_parameter`, and what is wrong with the declaration.
pub fn param(run: &Run, name: &str, default: Option<Dynamic>, options: Map) -> Result<Dynamic, Problem> {
    check_name(name)?;
    let decl = declare(run, name, default.as_ref(), options)?;
    note(run, &decl)?;
    let given = run.params().value(&decl).map_err(|abort| Problem::new("aborted_parameter", abort.to_string()).about(name))?;
    match (given, default) {
        (Some(text), _) => read(&decl, &text, run.site.zone),
        (None, Some(default)) => Ok(default),
        (None, None) if run.declaring => Ok(stand_in(&decl, run)),
        (None, None) => Err(missing(&decl)),
    }
}

fn check_name(name: &str) -> Result<(), Problem> {
    let fine = name.len() <= 60 && name.starts_with(|c: char| c.is_ascii_alphabetic());
    if fine && name.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-')) {
        return Ok(());
    }
    Err(Problem::new("wrong_name", format!("{name:?} can't be a parameter's name"))
        .about(name)
        .hint("use letters, digits, `_` and `-`, as in \"days\""))
}

fn declare(run: &Run, name: &str, default: Option<&Dynamic>, options: Map) -> Result<ParamDecl, Problem> {
    let zone = run.site.zone;
    let mut options = Options::read("run.param", options, &["type", "choices", "min", "max", "pattern", "help"])?;
    let said = match options.text("type")? {
        Some(word) => Some(ParamKind::from_word(&word).ok_or_else(|| {
            let words = ParamKind::ALL.map(ParamKind::word);
            let hint = did_you_mean(&word, words).unwrap_or_else(|| format!("there are: {}", words.join(", ")));
            Problem::new("unknown_type", format!("there is no type of parameter called {word:?}")).about(word).hint(hint)
        })?),
        None => None,
    };
    let choices = options.list("choices")?;
    let from_values = match default.or_else(|| choices.as_ref().and_then(|c| c.first())) {
        Some(value) => Some(kind_of(value).ok_or_else(|| {
            Problem::wants("run.param", "a text, a number, true or false, a time or a time span as default", &type_word(value))
                .about(name)
        })?),
        None => None,
    };
    let kind = said.or(from_values).unwrap_or(ParamKind::Text);
    if let (Some(value), Some(found)) = (default, from_values)
        && found != kind
        && !(kind == ParamKind::Number && found == ParamKind::Int)
    {
        return Err(Problem::new(
            "wrong_type",
            format!("the default of {name:?} is {}, and its type is {:?}", type_word(value), kind.word()),
        )
        .about(name));
    }
    let choices = match choices {
        Some(values) => Some(values.iter().map(|v| to_text(v, zone)).collect::<Result<Vec<_>, _>>()?),
        None => None,
    };
    if choices.as_ref().is_some_and(Vec::is_empty) {
        let problem = Problem::new("out_of_range", format!("there is nothing to choose {name:?} from: `choices` is empty"));
        return Err(problem.about("choices").hint("if they come from the roster, `beckon import` fills it"));
    }
    let pattern = options.text("pattern")?;
    if let Some(Err(why)) = pattern.as_deref().map(Pattern::parse) {
        let pattern = pattern.unwrap_or_default();
        return Err(Problem::new("wrong_pattern", format!("{pattern:?} is no pattern: {why}")).about(pattern));
    }
    let default = default.map(|v| to_text(v, zone)).transpose()?;
    Ok(ParamDecl {
        name: name.to_owned(),
        kind,
        default,
        help: options.text("help")?,
        choices,
        min: options.number("min")?,
        max: options.number("max")?,
        pattern,
    })
}

/// Remembers the declaration; the same parameter may be asked for twice in the same way.
fn note(run: &Run, decl: &ParamDecl) -> Result<(), Problem> {
    let mut gathered = run.gathered();
    match gathered.declared.iter().find(|d| d.name == decl.name) {
        Some(same) if same == decl => Ok(()),
        Some(_) => Err(Problem::new(
            "parameter_exists",
            format!("the parameter {:?} is declared twice, and not in the same way", decl.name),
        )
        .about(decl.name.as_str())
        .hint("keep its value in a variable")),
        None if gathered.declared.len() >= limits::PARAMS => {
            Err(Problem::new("too_many_parameters", format!("a script may have at most {} parameters", limits::PARAMS)))
        }
        None => {
            gathered.declared.push(decl.clone());
            Ok(())
        }
    }
}

/// The value that a text gives.
fn read(decl: &ParamDecl, text: &str, zone: Tz) -> Result<Dynamic, Problem> {
    let wrong =
        |why: String| Problem::new("wrong_parameter", format!("the parameter {:?} {why}", decl.name)).about(decl.name.as_str());
    let text = if decl.kind == ParamKind::Text { text } else { text.trim() };
    if let Some(choices) = &decl.choices
        && !choices.iter().any(|c| c == text)
    {
        let listed: Vec<&str> = choices.iter().take(10).map(String::as_str).collect();
        let hint =
            did_you_mean(text, choices.iter().map(String::as_str)).unwrap_or_else(|| format!("it can be: {}", listed.join(", ")));
        return Err(wrong(format!("can't be {text:?}")).hint(hint));
    }
    if let Some(pattern) = &decl.pattern
        && !Pattern::parse(pattern).is_ok_and(|p| p.matches(text))
    {
        return Err(wrong(format!("must look like {pattern:?}, not {text:?}")));
    }
    let unreadable = || wrong(format!("must be {}, not {text:?}", wanted(decl.kind)));
    let (value, size) = match decl.kind {
        ParamKind::Text => (text.into(), Some(count(text))),
        ParamKind::Int => {
            let n: i64 = text.parse().map_err(|_| unreadable())?;
            #[expect(clippy::cast_precision_loss, reason = "only compared with bounds that a person wrote")]
            (n.into(), Some(n as f64))
        }
        ParamKind::Number => {
            let n: f64 = text.parse().ok().filter(|n: &f64| n.is_finite()).ok_or_else(unreadable)?;
            (n.into(), Some(n))
        }
        ParamKind::Bool => match text.to_lowercase().as_str() {
            "true" | "yes" | "1" => (true.into(), None),
            "false" | "no" | "0" => (false.into(), None),
            _ => return Err(unreadable()),
        },
        ParamKind::Duration => {
            let span = span_of_text(text).ok_or_else(unreadable)?;
            #[expect(clippy::cast_precision_loss, reason = "spans are at most a hundred years")]
            (Dynamic::from(Span(span)), Some(span.num_seconds() as f64 / 86_400.0))
        }
        ParamKind::Time => (Dynamic::from(Time(time_of_text(text, zone).map_err(|_| unreadable())?)), None),
    };
    let unit = match decl.kind {
        ParamKind::Text => " characters",
        ParamKind::Duration => " days",
        _ => "",
    };
    if let (Some(size), Some(min)) = (size, decl.min)
        && size < min
    {
        return Err(wrong(format!("must be at least {min}{unit}, not {text:?}")));
    }
    if let (Some(size), Some(max)) = (size, decl.max)
        && size > max
    {
        return Err(wrong(format!("must be at most {max}{unit}, not {text:?}")));
    }
    Ok(value)
}

fn missing(decl: &ParamDecl) -> Problem {
    let example = match &decl.choices {
        Some(choices) => choices.first().map_or("VALUE", String::as_str),
        None => "VALUE",
    };
    let arg = format!("{}={example}", decl.name);
    let arg = if arg.contains(' ') { format!("{arg:?}") } else { arg };
    let help = decl.help.as_ref().map(|h| format!(" ({h})")).unwrap_or_default();
    Problem::new("missing_parameter", format!("the parameter {:?}{help} has no value", decl.name))
        .about(decl.name.as_str())
        .hint(format!("give it with `--arg {arg}`"))
}

/// A value to go on with while parameters are only being collected.
fn stand_in(decl: &ParamDecl, run: &Run) -> Dynamic {
    let zone = run.site.zone;
    if let Some(value) = decl.choices.as_ref().and_then(|c| c.first()).and_then(|c| read(decl, c, zone).ok()) {
        return value;
    }
    match decl.kind {
        ParamKind::Text => "".into(),
        ParamKind::Int => 0_i64.into(),
        ParamKind::Number => 0.0_f64.into(),
        ParamKind::Bool => false.into(),
        ParamKind::Duration => Dynamic::from(Span(TimeSpan::days(1))),
        ParamKind::Time => Dynamic::from(Time(run.now())),
    }
}

fn kind_of(value: &Dynamic) -> Option<ParamKind> {
    if value.is_int() {
        Some(ParamKind::Int)
    } else if value.is_float() {
        Some(ParamKind::Number)
    } else if value.is_bool() {
        Some(ParamKind::Bool)
    } else if value.is_string() {
        Some(ParamKind::Text)
    } else if value.is::<Span>() {
        Some(ParamKind::Duration)
    } else if value.is::<Time>() {
        Some(ParamKind::Time)
    } else {
        None
    }
}

/// A value as somebody would type it.
fn to_text(value: &Dynamic, zone: Tz) -> Result<String, Problem> {
    if let Some(Time(at)) = value.clone().try_cast::<Time>() {
        return Ok(show(at, zone));
    }
    if let Some(Span(span)) = value.clone().try_cast::<Span>() {
        return Ok(show_span(span));
    }
    match to_json(value, zone)? {
        serde_json::Value::String(text) => Ok(text),
        other => Ok(other.to_string()),
    }
}

/// Reads `3 days`, `1 day 2 hours`, `12h`, or a bare number of days.
fn span_of_text(text: &str) -> Option<TimeSpan> {
    if let Ok(days) = text.parse::<i64>() {
        return TimeSpan::try_days(days).filter(|_| (0..36_600).contains(&days));
    }
    let mut total = TimeSpan::zero();
    let mut rest = text.trim();
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit())?;
        let (number, after) = rest.split_at(digits);
        let number: i64 = number.parse().ok().filter(|n| *n < 1_000_000)?;
        let after = after.trim_start();
        let letters = after.find(|c: char| !c.is_ascii_alphabetic()).unwrap_or(after.len());
        let (unit, others) = after.split_at(letters);
        total += match unit {
            "w" | "week" | "weeks" => TimeSpan::try_weeks(number)?,
            "d" | "day" | "days" => TimeSpan::try_days(number)?,
            "h" | "hour" | "hours" => TimeSpan::try_hours(number)?,
            "m" | "min" | "minute" | "minutes" => TimeSpan::try_minutes(number)?,
            _ => return None,
        };
        rest = others.trim_start();
    }
    Some(total).filter(|t| *t <= TimeSpan::days(36_600))
}

fn wanted(kind: ParamKind) -> &'static str {
    match kind {
        ParamKind::Text => "a text",
        ParamKind::Int => "a whole number",
        ParamKind::Number => "a number",
        ParamKind::Bool => "true or false",
        ParamKind::Duration => "a time span such as \"3 days\"",
        ParamKind::Time => "a time such as \"2026-12-01 08:00\"",
    }
}

fn count(text: &str) -> f64 {
    f64::from(u32::try_from(text.chars().count()).unwrap_or(u32::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_as_people_type_them() {
        let minutes = |text| span_of_text(text).map(|s| s.num_minutes());
        assert_eq!(minutes("3"), Some(3 * 1440));
        assert_eq!(minutes("3 days"), Some(3 * 1440));
        assert_eq!(minutes("1 day 2 hours"), Some(1560));
        assert_eq!(minutes("12h"), Some(720));
        for bad in ["days", "3 moons", "-1", "99999999999999999999 days", "3 days \u{e9}"] {
            assert_eq!(minutes(bad), None, "{bad}");
        }
    }
}
