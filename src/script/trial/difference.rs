//! How two values differ, for whoever reads a failed test: in a line where that is enough, and line by line
//! where it isn't.

/// The most lines of each side that are compared line by line: what is longer is cut first.
const LINES_MAX: usize = 2_000;
/// Unchanged lines around a change.
const AROUND: usize = 2;
/// The most lines of a difference that are shown.
const SHOWN_MAX: usize = 60;

/// Texts that stand on one line are shown beside each other, others line by line: `-` was wanted and is not
/// there, `+` is there and was not wanted.
#[must_use]
pub fn difference(got: &str, wanted: &str) -> String {
    if !got.contains('\n') && !wanted.contains('\n') {
        return format!("got {got}, wanted {wanted}");
    }
    let (got, wanted): (Vec<&str>, Vec<&str>) = (lines(got), lines(wanted));
    let edits = edits(&wanted, &got);
    let mut text = String::from("got (+) is not what was wanted (-):");
    let near = |at: usize| edits.iter().take(at + AROUND + 1).skip(at.saturating_sub(AROUND)).any(|(sign, _)| *sign != ' ');
    let (mut shown, mut skipped) = (0, false);
    for (at, (sign, line)) in edits.iter().enumerate() {
        if !near(at) {
            skipped = true;
            continue;
        }
        if shown == SHOWN_MAX {
            text.push_str("\n  … and more");
            break;
        }
        if std::mem::take(&mut skipped) {
            text.push_str("\n  …");
        }
        shown += 1;
        text.push('\n');
        text.push_str(format!("{sign} {line}").trim_end());
    }
    text
}

fn lines(text: &str) -> Vec<&str> {
    text.lines().take(LINES_MAX).collect()
}

/// The shortest way from one to the other: what both have, `-` only the old, `+` only the new.
fn edits<'a>(old: &[&'a str], new: &[&'a str]) -> Vec<(char, &'a str)> {
    let head = old.iter().zip(new).take_while(|(a, b)| a == b).count();
    let (old_rest, new_rest) = (&old[head..], &new[head..]);
    let tail = old_rest.iter().rev().zip(new_rest.iter().rev()).take_while(|(a, b)| a == b).count();
    let (old_middle, new_middle) = (&old_rest[..old_rest.len() - tail], &new_rest[..new_rest.len() - tail]);
    // common[i][j]: the longest common part of what follows old i and new j.
    let width = new_middle.len() + 1;
    let mut common = vec![0_u32; (old_middle.len() + 1) * width];
    for i in (0..old_middle.len()).rev() {
        for j in (0..new_middle.len()).rev() {
            let here = i * width + j;
            common[here] = if old_middle[i] == new_middle[j] {
                common[here + width + 1] + 1
            } else {
                common[here + width].max(common[here + 1])
            };
        }
    }
    let mut edits: Vec<(char, &str)> = old[..head].iter().map(|line| (' ', *line)).collect();
    let (mut i, mut j) = (0, 0);
    while i < old_middle.len() || j < new_middle.len() {
        let here = i * width + j;
        if i < old_middle.len() && j < new_middle.len() && old_middle[i] == new_middle[j] {
            edits.push((' ', old_middle[i]));
            (i, j) = (i + 1, j + 1);
        } else if i < old_middle.len() && (j == new_middle.len() || common[here + width] >= common[here + 1]) {
            edits.push(('-', old_middle[i]));
            i += 1;
        } else {
            edits.push(('+', new_middle[j]));
            j += 1;
        }
    }
    edits.extend(old_rest[old_middle.len()..].iter().map(|line| (' ', *line)));
    edits
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn short_values_stand_in_one_line() {
        assert_eq!(difference("1", "2"), "got 1, wanted 2");
    }

    #[test]
    fn longer_ones_are_compared_line_by_line() {
        let wanted = "a\nb\nc\nd\ne\nf\ng\nh";
        let got = "a\nb\nc\nd\nE\nf\ng\nh\ni";
        let shown = "got (+) is not what was wanted (-):\n  …\n  c\n  d\n- e\n+ E\n  f\n  g\n  h\n+ i";
        assert_eq!(difference(got, wanted), shown);
        assert_eq!(difference("a\nx", "a"), "got (+) is not what was wanted (-):\n  a\n+ x");
    }

    #[test]
    fn what_is_very_long_is_cut() {
        let long = "x\n".repeat(LINES_MAX * 2);
        let other = "y\n".repeat(LINES_MAX * 2);
        assert!(difference(&long, &other).lines().count() < SHOWN_MAX + 5);
    }
}
