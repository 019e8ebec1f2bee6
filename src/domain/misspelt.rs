//! What was meant by a name that nothing has.

/// Longer names than this are no slip of the keyboard, in letters.
const LENGTH_MAX: usize = 100;

/// The candidate that a person most probably meant, if any is near enough: about a third of the letters differs (a
/// swapped pair counts as one), or only case, blanks and separators do.
#[must_use]
pub fn nearest<'a>(wanted: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let length = wanted.chars().count();
    // Of two letters one is half the name: only case may differ.
    let allowed = if length < 3 { 0 } else { length.div_ceil(3) };
    within(wanted, candidates, allowed, 1).into_iter().next()
}

/// The nearest candidates, nearest first, at most `n`. They have to be nearer than one alone.
#[must_use]
pub fn nearest_few<'a>(wanted: &str, candidates: impl IntoIterator<Item = &'a str>, n: usize) -> Vec<&'a str> {
    within(wanted, candidates, wanted.chars().count() / 3, n)
}

fn within<'a>(wanted: &str, candidates: impl IntoIterator<Item = &'a str>, allowed: usize, n: usize) -> Vec<&'a str> {
    let folded = fold(wanted);
    let length = wanted.chars().count();
    // Comparing costs the product of the lengths; nobody means a name as long as a page.
    if length == 0 || length > LENGTH_MAX {
        return Vec::new();
    }
    let mut found: Vec<(usize, &str)> = candidates
        .into_iter()
        .filter(|c| *c != wanted && c.chars().count().abs_diff(length) <= allowed + 2)
        .filter_map(|c| {
            let candidate = fold(c);
            let distance = strsim::damerau_levenshtein(&folded, &candidate);
            let extends = folded.chars().count() >= 4 && (candidate.starts_with(&folded) || folded.starts_with(&candidate));
            (distance <= allowed || extends).then_some((distance, c))
        })
        .collect();
    found.sort();
    found.dedup();
    found.into_iter().take(n).map(|(_, c)| c).collect()
}

fn fold(name: &str) -> String {
    name.chars().filter(|c| !matches!(c, ' ' | '_' | '-')).flat_map(char::to_lowercase).collect()
}

/// `did you mean "Grade 5"?`, or nothing.
#[must_use]
pub fn did_you_mean<'a>(wanted: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<String> {
    nearest(wanted, candidates).map(|name| format!("did you mean {name:?}?"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_what_was_meant() {
        let groups = ["Grade 5", "Grade 6", "Staff", "Late starters"];
        assert_eq!(nearest("Grade5", groups), Some("Grade 5"));
        assert_eq!(nearest("staf", groups), Some("Staff"));
        assert_eq!(nearest("late-starters", groups), Some("Late starters"));
        assert_eq!(nearest("departmnet", ["department", "title"]), Some("department"));
        assert_eq!(nearest("zebra", groups), None);
        assert_eq!(nearest("f", ["E", "g"]), None);
        assert_eq!(nearest("", groups), None);
    }

    #[test]
    fn the_nearest_word_is_one_that_could_be_meant() {
        let known = ["username", "mail", "full_name"];
        assert_eq!(nearest("usernme", known), Some("username"));
        assert_eq!(nearest("Full Name", known), Some("full_name"));
        assert_eq!(nearest("shoe size", known), None);
        assert_eq!(nearest("", known), None);
        assert_eq!(nearest(&"x".repeat(100_000), known), None);
    }
}
