//! How a whole is shared out: a bar, and its parts in figures.

use serde::Serialize;

use crate::domain::group::Enrolment;

/// How a whole is shared out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Bar(pub Vec<Share>);

/// A part of a whole.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Share {
    pub name: &'static str,
    pub count: u64,
}

/// What the parts of a bar are drawn with, in their order.
pub type Marks = [char; 4];

/// For a terminal that can show them.
pub const BLOCKS: Marks = ['\u{2588}', '\u{2592}', '\u{2591}', '\u{b7}'];
/// For everything else.
pub const ASCII: Marks = ['#', '=', '-', '.'];

impl Bar {
    /// How far a group has come.
    #[must_use]
    pub fn of(figures: &Enrolment) -> Self {
        let share = |name, count| Share { name, count };
        Self(vec![
            share("enrolled", figures.enrolled),
            share("invited", figures.open),
            share("not invited", figures.untouched()),
            share("retired", figures.retired),
        ])
    }

    fn total(&self) -> u64 {
        self.0.iter().map(|share| share.count).sum()
    }

    /// Exactly `width` marks, at least one for each part that is not empty where there are as many. Nothing for a
    /// whole that is nothing.
    #[must_use]
    pub fn drawn(&self, width: usize, marks: &Marks) -> String {
        let cells = self.cells(width);
        self.0.iter().zip(marks).zip(cells).map(|((_, mark), n)| mark.to_string().repeat(n)).collect()
    }

    /// How many marks each part has.
    fn cells(&self, width: usize) -> Vec<usize> {
        let total = u128::from(self.total());
        if total == 0 {
            return vec![0; self.0.len()];
        }
        let exact = |count: u64| u128::from(count) * width as u128;
        let whole = |n: u128| usize::try_from(n).unwrap_or(width);
        let mut cells: Vec<usize> =
            self.0.iter().map(|s| whole(exact(s.count) / total).max(usize::from(s.count > 0 && width >= self.0.len()))).collect();
        // What rounding left over goes to the parts that lost most by it; what it took comes from the largest.
        let mut by_loss: Vec<usize> = (0..cells.len()).filter(|i| self.0.get(*i).is_some_and(|s| s.count > 0)).collect();
        by_loss.sort_by_key(|i| std::cmp::Reverse(self.0.get(*i).map_or(0, |s| exact(s.count) % total)));
        for i in by_loss.into_iter().cycle().take(width.saturating_sub(cells.iter().sum())) {
            cells[i] += 1;
        }
        while cells.iter().sum::<usize>() > width {
            let Some(largest) = cells.iter_mut().max() else { break };
            *largest -= 1;
        }
        cells
    }

    /// The parts in words, each with its mark: `# 1 enrolled (25 %)`. Retired people are only mentioned where
    /// there are some. Spaces inside a part don't break.
    #[must_use]
    pub fn legend(&self, marks: &Marks) -> String {
        let total = self.total();
        let parts = self.0.iter().zip(marks).filter(|(share, mark)| share.count > 0 || **mark != marks[3]);
        let words = parts.map(|(share, mark)| {
            let words = format!("{mark} {} {} ({} %)", share.count, share.name, percent(share.count, total));
            words.replace(' ', "\u{a0}")
        });
        words.collect::<Vec<_>>().join(", ")
    }
}

/// Rounded, but never to all or nothing where that isn't true.
fn percent(count: u64, total: u64) -> String {
    let rounded = (u128::from(count) * 200 + u128::from(total)).checked_div(u128::from(total) * 2).unwrap_or(0);
    match rounded {
        0 if count > 0 => "<1".to_owned(),
        100 if count < total => ">99".to_owned(),
        n => n.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bar(counts: [u64; 4]) -> Bar {
        let [enrolled, open, untouched, retired] = counts;
        Bar::of(&Enrolment { users: enrolled + open + untouched + retired, enrolled, open, retired, devices: 0 })
    }

    #[test]
    fn every_part_is_seen_and_the_whole_is_as_wide_as_asked() {
        assert_eq!(bar([1, 1, 2, 0]).drawn(8, &ASCII), "##==----");
        assert_eq!(bar([1, 999, 0, 1]).drawn(10, &ASCII), "#========.");
        assert_eq!(bar([1, 1, 1, 0]).drawn(10, &ASCII), "####===---");
        assert_eq!(bar([0, 0, 0, 0]).drawn(10, &ASCII), "");
        assert_eq!(bar([5, 5, 5, 5]).drawn(2, &ASCII).len(), 2);
        let huge = bar([u64::MAX / 8, u64::MAX / 8, 1, 0]);
        assert_eq!(huge.drawn(20, &ASCII).len(), 20);
        assert_eq!(bar([1, 0, 0, 0]).drawn(0, &ASCII), "");
    }

    #[test]
    fn figures_never_claim_all_or_nothing() {
        let words = |counts| bar(counts).legend(&ASCII).replace('\u{a0}', " ");
        assert_eq!(words([1, 999, 0, 0]), "# 1 enrolled (<1 %), = 999 invited (>99 %), - 0 not invited (0 %)");
        assert_eq!(words([2, 0, 0, 1]), "# 2 enrolled (67 %), = 0 invited (0 %), - 0 not invited (0 %), . 1 retired (33 %)");
    }
}
