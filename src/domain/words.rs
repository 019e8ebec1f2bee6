//! Words that people type: the nearest known one, and language tags.

/// The known word nearest to `wanted`, when one is near enough to be meant.
#[must_use]
pub fn nearest<'a>(wanted: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    // A long word is never a slip of the finger, and comparing it would cost its square.
    if wanted.chars().nth(64).is_some() {
        return None;
    }
    let wanted = fold(wanted);
    let allowed = wanted.chars().count().div_ceil(3).min(4);
    known
        .into_iter()
        .map(|word| (strsim::damerau_levenshtein(&wanted, &fold(word)), word))
        .filter(|(distance, _)| *distance <= allowed)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, word)| word)
}

fn fold(word: &str) -> String {
    word.to_lowercase().replace([' ', '_', '-'], "")
}

/// Whether a text names a language: `nl`, `de-CH`, `zh-Hant` (the plain forms of RFC 5646).
/// Underscores are taken for hyphens, because operating systems write `nl_NL`.
#[must_use]
pub fn language_tag(text: &str) -> Option<String> {
    let tag = text.trim().replace('_', "-");
    let mut parts = tag.split('-');
    let primary = parts.next()?;
    let primary_fine = matches!(primary.len(), 2 | 3) && primary.chars().all(|c| c.is_ascii_alphabetic());
    let fine = primary_fine
        && tag.len() <= 35
        && parts.all(|p| matches!(p.len(), 2..=8) && p.chars().all(|c| c.is_ascii_alphanumeric()));
    fine.then(|| match tag.split_once('-') {
        Some((primary, rest)) => format!("{}-{rest}", primary.to_ascii_lowercase()),
        None => tag.to_ascii_lowercase(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_word_is_one_that_could_be_meant() {
        let known = ["username", "mail", "full_name"];
        assert_eq!(nearest("usernme", known), Some("username"));
        assert_eq!(nearest("Full Name", known), Some("full_name"));
        assert_eq!(nearest("shoe size", known), None);
        assert_eq!(nearest("", known), None);
        assert_eq!(nearest(&"x".repeat(100_000), known), None);
    }

    #[test]
    fn language_tags() {
        for (text, tag) in [("nl", "nl"), ("NL", "nl"), ("de_CH", "de-CH"), ("zh-Hant-TW", "zh-Hant-TW")] {
            assert_eq!(language_tag(text).as_deref(), Some(tag));
        }
        for bad in ["", "n", "Dutch!", "nl-", "nl--NL", "nederlands", "n\u{e9}"] {
            assert_eq!(language_tag(bad), None, "{bad}");
        }
    }
}
