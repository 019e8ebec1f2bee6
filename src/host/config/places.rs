//! Where in a site file a schedule says something, for errors that are found when scripts are looked at.

use std::collections::BTreeMap;
use std::ops::Range;

use toml::de::{DeTable, DeValue};

/// A place in `site.toml`; lines and columns from 1, in characters.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SettingPlace {
    pub line: u32,
    pub column: u32,
    pub length: u32,
    /// The line itself: what a schedule says is no secret.
    pub source_line: String,
}

/// What of a schedule a place is wanted of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Of<'a> {
    /// The name of a parameter that it gives.
    Param(&'a str),
    /// The value of it.
    Value(&'a str),
    /// Its script.
    Script,
    /// The parameters as a whole, or else the script that they are for.
    Params,
}

/// The places in the text of a site file, one for each schedule that is named; `None` where it no longer says so.
#[must_use]
pub fn of_schedules(text: &str, wanted: &[(&str, Of<'_>)]) -> Vec<Option<SettingPlace>> {
    let (document, _) = DeTable::parse_recoverable(text);
    let all = document.get_ref().get("schedule").and_then(|all| match all.get_ref() {
        DeValue::Array(all) => Some(all),
        _ => None,
    });
    let schedules: BTreeMap<&str, &DeTable<'_>> = all
        .into_iter()
        .flat_map(|all| all.iter())
        .filter_map(|item| match item.get_ref() {
            DeValue::Table(table) => Some((table.get("name")?.get_ref().as_str()?, table)),
            _ => None,
        })
        .collect();
    let lines: Vec<usize> = std::iter::once(0).chain(text.match_indices('\n').map(|(at, _)| at + 1)).collect();
    wanted.iter().map(|(schedule, of)| place(text, &lines, span(schedules.get(schedule)?, *of)?)).collect()
}

/// The bytes where a schedule says it.
fn span(schedule: &DeTable<'_>, of: Of<'_>) -> Option<Range<usize>> {
    let params = schedule.get("params");
    let inside = params.and_then(|params| match params.get_ref() {
        DeValue::Table(params) => Some(params),
        _ => None,
    });
    Some(match of {
        Of::Param(name) => inside?.keys().find(|key| key.get_ref() == name)?.span(),
        Of::Value(name) => inside?.get(name)?.span(),
        Of::Script => schedule.get("script")?.span(),
        Of::Params => params.or_else(|| schedule.get("script"))?.span(),
    })
}

/// `lines`: the bytes where lines begin.
fn place(text: &str, lines: &[usize], span: Range<usize>) -> Option<SettingPlace> {
    let line = lines.partition_point(|start| *start <= span.start);
    let start = *lines.get(line.checked_sub(1)?)?;
    let source_line = text.get(start..)?.lines().next().unwrap_or_default();
    let inside = text.get(span.start..span.end.min(start + source_line.len())).unwrap_or_default();
    let number = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
    Some(SettingPlace {
        line: number(line),
        column: number(1 + text.get(start..span.start)?.chars().count()),
        length: number(inside.chars().count().max(1)),
        source_line: source_line.to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_schedule_says_is_found_where_it_stands() {
        let text = "[site]\nname = \"x\"\n\n[[schedule]]\nname = \"a\"\nscript = \"a.rhai\"\n\n\
                    [[schedule]]\nname = \"w\"\nscript = \"w.rhai\"\nparams = { group = \"Gr\u{e9}\", most = 9 }\n\n\
                    [[schedule]]\nname = \"t\"\n[schedule.params]\ndays = \"x\"\n";
        let found = |schedule: &str, of: Of<'_>| {
            let place = of_schedules(text, &[(schedule, of)]).pop()??;
            let underlined: String =
                place.source_line.chars().skip(place.column as usize - 1).take(place.length as usize).collect();
            Some(format!("{}: {underlined}", place.line))
        };
        assert_eq!(found("w", Of::Param("most")).as_deref(), Some("11: most"));
        assert_eq!(found("w", Of::Value("most")).as_deref(), Some("11: 9"));
        assert_eq!(found("w", Of::Params).as_deref(), Some("11: { group = \"Gr\u{e9}\", most = 9 }"));
        assert_eq!(found("a", Of::Params).as_deref(), Some("6: \"a.rhai\""));
        assert_eq!(found("t", Of::Value("days")).as_deref(), Some("16: \"x\""));
        assert_eq!((found("w", Of::Param("no")), found("no", Of::Params)), (None, None));
        assert_eq!(of_schedules("schedule = 1", &[("w", Of::Params)]), [None]);
    }
}
