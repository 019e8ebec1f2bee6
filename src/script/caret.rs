//! What a caret underlines: the token at a position, or the value that an error is about.

/// Column (in characters, from 1) and length of what to underline on `line` for an error at `column`.
///
/// `about` is a name or the value of a text: it is looked for at the position or after it, in its
/// quotes or as a word, so that `groups["Grade5"]` underlines the key and not the bracket.
pub fn underline(line: &str, column: u32, about: Option<&str>) -> (u32, u32) {
    let chars: Vec<char> = line.chars().collect();
    let start = usize::try_from(column).unwrap_or(0).saturating_sub(1).min(chars.len());
    if let Some((at, length)) = about.and_then(|about| find(&chars, start, about)) {
        return (narrow(at + 1), narrow(length));
    }
    (column.max(1), narrow(token(&chars, start)))
}

/// Whether the token at `column` comes after a dot.
pub fn is_after_dot(line: &str, column: u32) -> bool {
    let Some(before) = usize::try_from(column).ok().and_then(|c| c.checked_sub(1)) else { return false };
    line.chars().take(before).filter(|c| !c.is_whitespace()).last() == Some('.')
}

fn find(chars: &[char], start: usize, about: &str) -> Option<(usize, usize)> {
    let about: Vec<char> = about.chars().collect();
    if about.is_empty() {
        return None;
    }
    let matches = |at: usize| chars.get(at..at + about.len()) == Some(about.as_slice());
    let quoted = |at: usize| {
        let open = at.checked_sub(1).and_then(|i| chars.get(i)).filter(|c| matches!(c, '"' | '`' | '\''));
        open.is_some() && open == chars.get(at + about.len())
    };
    let word = |at: usize| {
        let joins = |i: Option<usize>| i.and_then(|i| chars.get(i)).is_some_and(|c| c.is_alphanumeric() || *c == '_');
        !joins(at.checked_sub(1)) && !joins(Some(at + about.len()))
    };
    let places = || (start..chars.len()).chain(0..start);
    if let Some(at) = places().find(|at| matches(*at) && quoted(*at)) {
        return Some((at - 1, about.len() + 2));
    }
    (start..chars.len()).find(|at| matches(*at) && word(*at)).map(|at| (at, about.len()))
}

/// The length of the token that begins at `start`.
fn token(chars: &[char], start: usize) -> usize {
    let Some(first) = chars.get(start) else { return 1 };
    let rest = chars.get(start..).unwrap_or_default();
    if first.is_alphanumeric() || *first == '_' {
        return rest.iter().take_while(|c| c.is_alphanumeric() || **c == '_').count();
    }
    if matches!(first, '"' | '`') {
        return rest.iter().skip(1).position(|c| c == first).map_or(rest.len(), |n| n + 2);
    }
    if *first == '|' {
        return closure(rest);
    }
    if *first == '[' {
        // An index, with its brackets.
        return rest.get(1..).map_or(1, |inside| closure(inside) + 2).min(rest.len());
    }
    1
}

/// Where the closure begins on its first line, in characters, whose body begins at `column` (from 1): its first bar.
pub fn closure_before(line: &str, column: usize) -> Option<usize> {
    let before: Vec<char> = line.chars().take(column.saturating_sub(1)).collect();
    let bars = before.iter().enumerate().rev().filter(|(_, c)| **c == '|');
    bars.map(|(at, _)| at).take(2).last()
}

/// A closure from its first bar to the bracket that ends it, or to the end of the line.
pub fn closure(chars: &[char]) -> usize {
    let mut depth = 0_i32;
    for (i, c) in chars.iter().enumerate() {
        match c {
            '(' | '[' | '{' => depth += 1,
            ')' | ']' | '}' if depth == 0 => return i.max(1),
            ')' | ']' | '}' => depth -= 1,
            ';' if depth == 0 => return i.max(1),
            _ => {}
        }
    }
    chars.len()
}

fn narrow(n: usize) -> u32 {
    u32::try_from(n).unwrap_or(u32::MAX).max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(line: &str, column: u32, about: Option<&str>, expect: &str) {
        let (column, length) = underline(line, column, about);
        let got: String = line.chars().skip(column as usize - 1).take(length as usize).collect();
        assert_eq!(got, expect, "{line}");
    }

    #[test]
    fn underlines_what_it_is_about() {
        check("let late = groups[\"Grade5\"].members", 18, Some("Grade5"), "\"Grade5\"");
        check("users.find(\"anne\")", 7, Some("anne"), "\"anne\"");
        check("users.where(|u| u.departmnt == \"x\")", 18, Some("departmnt"), "departmnt");
        check("dayz(7)", 1, None, "dayz");
        check("users.where(|u| odd(u)).count()", 13, None, "|u| odd(u)");
        check("groups[name].members", 7, None, "[name]");
        check("groups[", 7, None, "[");
        check("", 5, Some("x"), "");
        check("x", 400, Some("y"), "");
        check("ab", 2, Some("\u{e9}\u{e9}\u{e9}"), "b");
    }
}
