//! The small patterns of `run.param`: `*` any text, `?` one character, `[a-z]` one of these,
//! `[!0-9]` none of these; everything else stands for itself. The whole text must match.

/// One step of a pattern.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Piece {
    Any,
    One,
    Exactly(char),
    Class { ranges: Vec<(char, char)>, not: bool },
}

/// A pattern that was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pattern(Vec<Piece>);

const PIECES_MAX: usize = 200;

impl Pattern {
    /// # Errors
    /// What is wrong with it, in words that can follow the pattern.
    pub fn parse(text: &str) -> Result<Self, &'static str> {
        let mut pieces = Vec::new();
        let mut chars = text.chars();
        while let Some(c) = chars.next() {
            pieces.push(match c {
                '*' => Piece::Any,
                '?' => Piece::One,
                '[' => class(&mut chars)?,
                other => Piece::Exactly(other),
            });
            if pieces.len() > PIECES_MAX {
                return Err("it is too long");
            }
        }
        Ok(Self(pieces))
    }

    /// Whether the whole text matches. Takes at most the product of both lengths.
    pub fn matches(&self, text: &str) -> bool {
        // Where in the pattern one may stand after the text so far.
        let mut places = vec![false; self.0.len() + 1];
        if let Some(first) = places.first_mut() {
            *first = true;
        }
        self.pass_stars(&mut places);
        for c in text.chars() {
            let mut next = vec![false; places.len()];
            for (i, piece) in self.0.iter().enumerate() {
                if !places.get(i).copied().unwrap_or(false) {
                    continue;
                }
                let to = match piece {
                    Piece::Any => i,
                    piece if piece.takes(c) => i + 1,
                    _ => continue,
                };
                if let Some(place) = next.get_mut(to) {
                    *place = true;
                }
            }
            self.pass_stars(&mut next);
            places = next;
        }
        places.last().copied().unwrap_or(false)
    }

    fn pass_stars(&self, places: &mut [bool]) {
        for (i, piece) in self.0.iter().enumerate() {
            if *piece == Piece::Any
                && places.get(i).copied().unwrap_or(false)
                && let Some(next) = places.get_mut(i + 1)
            {
                *next = true;
            }
        }
    }
}

impl Piece {
    fn takes(&self, c: char) -> bool {
        match self {
            Self::Any | Self::One => true,
            Self::Exactly(own) => *own == c,
            Self::Class { ranges, not } => ranges.iter().any(|(from, to)| (*from..=*to).contains(&c)) != *not,
        }
    }
}

fn class(chars: &mut std::str::Chars) -> Result<Piece, &'static str> {
    let mut members = Vec::new();
    loop {
        match chars.next() {
            Some(']') => break,
            Some(c) => members.push(c),
            None => return Err("a `[` is not closed"),
        }
    }
    let not = members.first() == Some(&'!');
    let members = members.get(usize::from(not)..).unwrap_or_default();
    let mut ranges = Vec::new();
    let mut rest = members;
    while let Some((first, after)) = rest.split_first() {
        match after {
            ['-', to, others @ ..] => {
                if first > to {
                    return Err("a range runs backwards");
                }
                ranges.push((*first, *to));
                rest = others;
            }
            others => {
                ranges.push((*first, *first));
                rest = others;
            }
        }
    }
    if ranges.is_empty() { Err("a `[]` is empty") } else { Ok(Piece::Class { ranges, not }) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(pattern: &str, text: &str, expect: bool) {
        assert_eq!(Pattern::parse(pattern).unwrap().matches(text), expect, "{pattern} {text}");
    }

    #[test]
    fn matches_the_whole_text() {
        check("Grade ?", "Grade 5", true);
        check("Grade ?", "Grade 10", false);
        check("*@*.example", "ana@sunnyside.example", true);
        check("[A-Z][0-9][!x]", "B7y", true);
        check("[A-Z][0-9][!x]", "B7x", false);
        check("", "", true);
        check("*", "", true);
        check("a*b*c", "aXbYc", true);
        check("\u{e9}?", "\u{e9}\u{e8}", true);
    }

    #[test]
    fn a_hostile_pattern_is_not_slow() {
        check(&"*a".repeat(90), &"a".repeat(2_000), true);
        check(&format!("{}b", "*a".repeat(90)), &"a".repeat(2_000), false);
    }

    #[test]
    fn says_what_is_wrong() {
        assert_eq!(Pattern::parse("[a"), Err("a `[` is not closed"));
        assert_eq!(Pattern::parse("[z-a]"), Err("a range runs backwards"));
        assert_eq!(Pattern::parse("[]"), Err("a `[]` is empty"));
    }
}
