//! The names nearest to a misspelt one, kept while names stream past.

use strsim::osa_distance;

/// At most this many are said.
pub(super) const NAMES_MAX: usize = 3;

/// Longer names than this are nobody's slip of the keyboard, and comparing them is slow.
const LENGTH_MAX: usize = 64;

pub(super) struct NearNames {
    wanted: String,
    length: usize,
    /// How many letters may differ: one in three, at least one.
    distance_max: usize,
    best: Vec<(usize, String)>,
}

impl NearNames {
    pub fn new(wanted: &str) -> Self {
        let wanted = wanted.to_lowercase();
        let length = wanted.chars().count();
        let distance_max = if length > LENGTH_MAX { 0 } else { (length / 3).max(1) };
        Self { wanted, length, distance_max, best: Vec::with_capacity(NAMES_MAX + 1) }
    }

    /// The shortest and the longest name that can be near, in characters.
    pub fn lengths(&self) -> (usize, usize) {
        (self.length.saturating_sub(self.distance_max), self.length + self.distance_max)
    }

    /// Looks at one name. Of equally near ones the first in the alphabet wins, in whatever order they come.
    pub fn offer(&mut self, name: &str) {
        let (least, most) = self.lengths();
        // A character has at most four bytes, so most names are passed over without counting characters.
        if self.distance_max == 0 || name.len() < least || name.len() > most.saturating_mul(4) {
            return;
        }
        let length = name.chars().count();
        if length < least || length > most {
            return;
        }
        let distance = osa_distance(&self.wanted, &name.to_lowercase());
        if distance > self.distance_max || self.best.iter().any(|(_, known)| known == name) {
            return;
        }
        let place = self.best.partition_point(|(d, known)| (*d, known.as_str()) < (distance, name));
        if place < NAMES_MAX {
            self.best.insert(place, (distance, name.to_owned()));
            self.best.truncate(NAMES_MAX);
        }
    }

    /// Nearest first.
    pub fn into_names(self) -> Vec<String> {
        self.best.into_iter().map(|(_, name)| name).collect()
    }

    pub fn is_full_of_nearest(&self) -> bool {
        self.best.len() == NAMES_MAX && self.best.iter().all(|(distance, _)| *distance <= 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn near(wanted: &str, names: &[&str]) -> String {
        let mut near = NearNames::new(wanted);
        names.iter().for_each(|name| near.offer(name));
        near.into_names().join(" ")
    }

    #[test]
    fn the_nearest_come_first_and_far_ones_not_at_all() {
        let names = ["bo", "ana", "anna", "hannah", "dirk", "Anne", "anne-marie"];
        assert_eq!(near("anne", &names), "Anne anna");
        assert_eq!(near("ANA", &names), "ana anna");
        assert_eq!(near("jos\u{e9}", &["jose", "jos\u{c9}", "j"]), "jos\u{c9} jose");
        assert_eq!(near("", &names), "");
        assert_eq!(near(&"a".repeat(10_000), &names), "");
    }

    #[test]
    fn three_are_enough() {
        assert_eq!(near("user5", &["user4", "user2", "user3", "user1", "user5"]), "user5 user1 user2");
    }
}
