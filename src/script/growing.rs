//! The standard library's functions that make much out of little. The engine looks at limits between calls
//! and at a value's size when it is made; these look before and while they make it.

use rhai::plugin::*;
use rhai::{Array, Dynamic, EvalAltResult, INT, ImmutableString, Position};

use super::limits;
use super::problem::RhaiResultOf;
use super::run_context::Run;

#[export_module]
pub mod api {
    #[rhai_fn(name = "replace", return_raw)]
    pub fn replace_text(text: &mut ImmutableString, find: &str, with: &str) -> RhaiResultOf<()> {
        replace(text, find, with)
    }

    #[rhai_fn(name = "replace", return_raw)]
    pub fn replace_text_with_char(text: &mut ImmutableString, find: &str, with: char) -> RhaiResultOf<()> {
        replace(text, find, with.encode_utf8(&mut [0; 4]))
    }

    #[rhai_fn(name = "replace", return_raw)]
    pub fn replace_char_with_text(text: &mut ImmutableString, find: char, with: &str) -> RhaiResultOf<()> {
        replace(text, find.encode_utf8(&mut [0; 4]), with)
    }

    #[rhai_fn(name = "replace", return_raw)]
    pub fn replace_char(text: &mut ImmutableString, find: char, with: char) -> RhaiResultOf<()> {
        replace(text, find.encode_utf8(&mut [0; 4]), with.encode_utf8(&mut [0; 4]))
    }

    /// An empty padding pads nothing: the engine's own would never come to an end.
    #[rhai_fn(name = "pad", return_raw)]
    pub fn pad_text(text: &mut ImmutableString, len: INT, padding: &str) -> RhaiResultOf<()> {
        let missing = usize::try_from(len).unwrap_or(0).saturating_sub(text.chars().count());
        if missing > limits::STRING_BYTES {
            return Err(too_large("Length of string"));
        }
        if missing > 0 && !padding.is_empty() {
            text.make_mut().extend(padding.chars().cycle().take(missing));
        }
        Ok(())
    }

    /// Items can hold what sizes don't count, such as a closure's captured values.
    #[rhai_fn(name = "pad", return_raw)]
    pub fn pad_array(ctx: NativeCallContext, array: &mut Array, len: INT, item: Dynamic) -> RhaiResultOf<()> {
        let len = usize::try_from(len).unwrap_or(0);
        if len > limits::ARRAY_ITEMS {
            return Err(too_large("Size of array/BLOB"));
        }
        let run = Run::of(&ctx)?;
        while array.len() < len {
            array.push(item.clone());
            run.checkpoint()?;
        }
        Ok(())
    }
}

fn replace(text: &mut ImmutableString, find: &str, with: &str) -> RhaiResultOf<()> {
    if text.is_empty() {
        return Ok(());
    }
    let found = text.matches(find).count();
    let kept = text.len() - found * find.len();
    if found.saturating_mul(with.len()).saturating_add(kept) > limits::STRING_BYTES {
        return Err(too_large("Length of string"));
    }
    *text = text.replace(find, with).into();
    Ok(())
}

/// As the engine says it.
fn too_large(what: &str) -> Box<EvalAltResult> {
    Box::new(EvalAltResult::ErrorDataTooLarge(what.to_owned(), Position::NONE))
}
