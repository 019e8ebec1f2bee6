//! Sorting and thinning out an array by a script's own function. The standard library's own ones pass over what
//! goes wrong in it, so a misspelt field would be an order by nothing, and `throw` would be no error.

use rhai::plugin::*;
use rhai::{Array, Dynamic, FnPtr};

use super::options::type_word;
use super::problem::{Problem, RhaiResultOf};

#[export_module]
pub mod api {
    /// Sort the array by a function of two items: it answers a negative number, or `true`, where the first comes first.
    #[rhai_fn(name = "sort", name = "sort_by", return_raw)]
    pub fn sort_by(ctx: NativeCallContext, array: &mut Array, comparer: FnPtr) -> RhaiResultOf<()> {
        sort(array, &mut |a, b| Ok(!is_greater(&ctx, &comparer, a, b)?))
    }

    /// As `sort`, into a new array.
    #[rhai_fn(name = "order", name = "order_by", return_raw, pure)]
    pub fn order_by(ctx: NativeCallContext, array: &mut Array, comparer: FnPtr) -> RhaiResultOf<Array> {
        let mut sorted = array.clone();
        sort(&mut sorted, &mut |a, b| Ok(!is_greater(&ctx, &comparer, a, b)?))?;
        Ok(sorted)
    }

    /// Leave one of those that stand beside each other and for which a function of two items answers `true`.
    #[rhai_fn(name = "dedup", return_raw)]
    pub fn dedup_by(ctx: NativeCallContext, array: &mut Array, comparer: FnPtr) -> RhaiResultOf<()> {
        let mut kept = Array::with_capacity(array.len());
        for item in array.iter() {
            let again = match kept.last() {
                Some(last) => {
                    let answer: Dynamic = comparer.call_raw(&ctx, None, [last.clone(), item.clone()])?;
                    answer.as_bool().map_err(|_| unfit("dedup", "true or false", &answer))?
                }
                None => false,
            };
            if !again {
                kept.push(item.clone());
            }
        }
        *array = kept;
        Ok(())
    }
}

/// Whether `a` comes after `b`: a number above 0 says so, and a truth value that is false for them and true the
/// other way round, so that `a < b` leaves equal ones in their order.
fn is_greater(ctx: &NativeCallContext, comparer: &FnPtr, a: &Dynamic, b: &Dynamic) -> RhaiResultOf<bool> {
    let answer: Dynamic = comparer.call_raw(ctx, None, [a.clone(), b.clone()])?;
    if let Ok(before) = answer.as_bool() {
        return Ok(!before && comparer.call_raw(ctx, None, [b.clone(), a.clone()])?.as_bool().unwrap_or(false));
    }
    let order = answer.as_int().map_err(|_| unfit("sort", "a whole number, or true or false", &answer))?;
    Ok(order > 0)
}

fn unfit(function: &str, wanted: &str, got: &Dynamic) -> Problem {
    Problem::new("wrong_type", format!("the function given to `{function}` has to answer {wanted}, not {}", type_word(got)))
}

/// A stable merge sort that ends at the first error and can't be confused by an order that is none; the array
/// stays as it is then. `in_order` says whether its first item may stand before its second.
fn sort(array: &mut Array, in_order: &mut dyn FnMut(&Dynamic, &Dynamic) -> RhaiResultOf<bool>) -> RhaiResultOf<()> {
    let mut sorted = array.clone();
    let mut run = 1;
    while run < sorted.len() {
        let mut merged = Array::with_capacity(sorted.len());
        for pair in sorted.chunks(run * 2) {
            let (mut left, mut right) = pair.split_at(run.min(pair.len()));
            while let (Some((l, left_rest)), Some((r, right_rest))) = (left.split_first(), right.split_first()) {
                if in_order(l, r)? {
                    merged.push(l.clone());
                    left = left_rest;
                } else {
                    merged.push(r.clone());
                    right = right_rest;
                }
            }
            merged.extend_from_slice(left);
            merged.extend_from_slice(right);
        }
        sorted = merged;
        run *= 2;
    }
    *array = sorted;
    Ok(())
}

#[cfg(test)]
mod tests {
    use crate::script::testing::trial;

    #[test]
    fn a_function_of_the_script_s_gives_the_order() {
        let sorted = |by: &str| trial(&format!("let a = [3, 1, 2, 5, 4]; a.sort({by}); a")).output();
        assert_eq!(sorted("|a, b| a - b"), "[1, 2, 3, 4, 5]");
        assert_eq!(sorted("|a, b| b - a"), "[5, 4, 3, 2, 1]");
        assert_eq!(sorted("|a, b| a < b"), "[1, 2, 3, 4, 5]");
        assert_eq!(sorted("|a, b| 0"), "[3, 1, 2, 5, 4]");
        assert_eq!(sorted("|a, b| 1"), "[4, 5, 2, 1, 3]", "no order, and no panic");
        assert_eq!(trial("[3, 1, 2].order(|a, b| a - b)").output(), "[1, 2, 3]");
        assert_eq!(trial("let a = [1, 3, 2, 4]; a.dedup(|a, b| a % 2 == b % 2); a").output(), "[1, 2]");
        let names = "let all = users.to_array(); all.sort_by(|a, b| a.full_name < b.full_name); all.map(|u| u.username)";
        assert_eq!(trial(names).output(), r#"["ana", "ben", "chloe", "dev", "eva"]"#);
        let tens = "let a = [31, 12, 35, 11]; a.sort(|a, b| a / 10 < b / 10); a";
        assert_eq!(trial(tens).output(), "[12, 11, 31, 35]", "equal ones stay in their order");
    }

    #[test]
    fn what_goes_wrong_in_it_is_an_error() {
        let fails = |script: &str, words: &str| {
            let said = trial(script).error();
            assert!(said.contains(words), "{said}");
        };
        fails("[2, 1].sort(|a, b| throw \"no order\")", "no order");
        fails("users.to_array().sort(|a, b| a.fullname < b.fullname)", "fullname");
        fails(
            "[2, 1].sort(|a, b| \"x\")",
            "the function given to `sort` has to answer a whole number, or true or false, not a text",
        );
        fails("[2, 1].order(|a, b| [a][b])", "array");
        fails("[2, 1].dedup(|a, b| 1)", "the function given to `dedup` has to answer true or false, not a whole number");
    }
}
