//! What a test is told, as values of the language.

use std::collections::BTreeMap;

use rhai::{Array, Dynamic, ImmutableString, Map, NativeCallContext};

use crate::script::problem::RhaiResultOf;
use crate::script::trial::{Message, TrialRun};
use crate::script::values::Time;

/// Parameters as texts, the way the command line takes them.
///
/// # Errors
/// A value has no text.
pub fn params(ctx: &NativeCallContext, params: Map) -> RhaiResultOf<BTreeMap<String, String>> {
    let text = |value: Dynamic| ctx.call_native_fn::<ImmutableString>("to_string", (value,)).map(|text| text.to_string());
    params.into_iter().map(|(name, value)| Ok((name.to_string(), text(value.flatten())?))).collect()
}

/// What came of a run, as a map.
pub fn told(run: TrialRun) -> Map {
    let list = |texts: Vec<String>| texts.into_iter().map(Dynamic::from).collect::<Array>().into();
    let left_out: Map = run.left_out.into_iter().map(|(who, why)| (who.into(), why.into())).collect();
    let mut map = Map::new();
    map.insert("plan".into(), run.plan.into());
    map.insert("printed".into(), run.printed.into());
    map.insert("value".into(), run.value.map_or(Dynamic::UNIT, Into::into));
    map.insert("invited".into(), list(run.invited));
    map.insert("written_to".into(), list(run.written_to));
    map.insert("left_out".into(), left_out.into());
    map.insert("held".into(), list(run.held));
    map
}

/// A message that left, as a map.
pub fn message(message: Message) -> Dynamic {
    let mut map = Map::new();
    map.insert("sent_at".into(), Dynamic::from(Time(message.sent_at)));
    map.insert("username".into(), message.username.into());
    map.insert("channel".into(), message.channel.into());
    map.insert("template".into(), message.template.into());
    map.insert("subject".into(), message.subject.into());
    map.insert("text".into(), message.text.into());
    map.insert("to".into(), message.to.into());
    map.insert("reminder".into(), i64::from(message.reminder).into());
    map.into()
}

/// What stands on one line of a difference.
const SHORT: usize = 60;

/// Values inside values that are still shown over lines of their own.
const DEEP: usize = 8;

/// Two values as a difference shows them: texts of several lines as they are, arrays and maps over lines of their
/// own where one of them is long.
///
/// # Errors
/// A value has no text.
pub fn shown(ctx: &NativeCallContext, got: &Dynamic, wanted: &Dynamic) -> RhaiResultOf<(String, String)> {
    let text = |value: &Dynamic| value.clone().into_string().ok();
    if let (Some(got), Some(wanted)) = (text(got), text(wanted))
        && (got.contains('\n') || wanted.contains('\n'))
    {
        return Ok((got, wanted));
    }
    let (one, other) = (debug(ctx, got)?, debug(ctx, wanted)?);
    let both = |is: fn(&Dynamic) -> bool| is(got) && is(wanted);
    let long = one.len().max(other.len()) > SHORT;
    if both(Dynamic::is_map) || (both(Dynamic::is_array) && (long || items(got).max(items(wanted)) > 5)) {
        return Ok((over_lines(ctx, got, 0)?, over_lines(ctx, wanted, 0)?));
    }
    Ok((one, other))
}

fn debug(ctx: &NativeCallContext, value: &Dynamic) -> RhaiResultOf<String> {
    Ok(ctx.call_native_fn::<ImmutableString>("to_debug", (value.clone(),))?.to_string())
}

fn items(value: &Dynamic) -> usize {
    value.read_lock::<Array>().map_or(0, |items| items.len())
}

/// An array or a map with a line for each part; parts that are long take lines of their own.
fn over_lines(ctx: &NativeCallContext, value: &Dynamic, depth: usize) -> RhaiResultOf<String> {
    let margin = "  ".repeat(depth);
    let part = |item: &Dynamic| -> RhaiResultOf<String> {
        let short = debug(ctx, item)?;
        let opens = depth < DEEP && short.len() > SHORT && (item.is_array() || item.is_map());
        if opens { over_lines(ctx, item, depth + 1) } else { Ok(short) }
    };
    let (open, lines, close) = if let Some(items) = value.read_lock::<Array>() {
        let lines: Vec<String> =
            items.iter().map(|item| Ok(format!("{margin}  {},", part(item)?))).collect::<RhaiResultOf<_>>()?;
        ("[", lines, "]")
    } else if let Some(map) = value.read_lock::<Map>() {
        let line = |(key, item): (_, &Dynamic)| Ok(format!("{margin}  {key}: {},", part(item)?));
        ("#{", map.iter().map(line).collect::<RhaiResultOf<Vec<String>>>()?, "}")
    } else {
        return debug(ctx, value);
    };
    Ok([open.to_owned()].into_iter().chain(lines).chain([format!("{margin}{close}")]).collect::<Vec<_>>().join("\n"))
}
