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

/// A value as a difference shows it: texts of several lines as they are, arrays and maps over lines of their
/// own where the other side is one, too.
///
/// # Errors
/// A value has no text.
pub fn shown(ctx: &NativeCallContext, value: &Dynamic, beside: &Dynamic) -> RhaiResultOf<String> {
    let debug =
        |value: &Dynamic| ctx.call_native_fn::<ImmutableString>("to_debug", (value.clone(),)).map(|text| text.to_string());
    if let (Ok(text), Ok(other)) = (value.clone().into_string(), beside.clone().into_string()) {
        return if text.contains('\n') || other.contains('\n') { Ok(text) } else { debug(value) };
    }
    const SHORT: usize = 60;
    if let (Some(mine), Some(other)) = (value.read_lock::<Array>(), beside.read_lock::<Array>()) {
        if debug(value)?.len() > SHORT || mine.len().max(other.len()) > 5 {
            let items: Vec<String> = mine.iter().map(debug).collect::<Result<_, _>>()?;
            return Ok(format!("[\n{}\n]", items.iter().map(|item| format!("  {item},")).collect::<Vec<_>>().join("\n")));
        }
    } else if let (Some(mine), Some(_)) = (value.read_lock::<Map>(), beside.read_lock::<Map>()) {
        let items: Vec<String> =
            mine.iter().map(|(key, item)| Ok(format!("  {key}: {},", debug(item)?))).collect::<RhaiResultOf<_>>()?;
        return Ok(format!("#{{\n{}\n}}", items.join("\n")));
    }
    debug(value)
}
