//! Numbers from a seed: the same seed and name give the same numbers on every machine, whatever else
//! was drawn before, so that the order in which two threads ask never changes an answer.

use crate::domain::time::Span;

/// A stream of numbers (SplitMix64). Not for secrets: a simulation's codes need to be repeatable.
#[derive(Clone, Debug)]
pub struct Seed(u64);

impl Seed {
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// The stream that belongs to `name` under `seed`.
    #[must_use]
    pub fn named(seed: u64, name: &[&str]) -> Self {
        let mut hash = 0xcbf2_9ce4_8422_2325_u64 ^ seed.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        for part in name {
            for byte in part.bytes().chain([0]) {
                hash = (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
            }
        }
        let mut stream = Self(hash);
        stream.draw();
        stream
    }

    pub fn draw(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number under `bound`; 0 when `bound` is 0.
    pub fn below(&mut self, bound: u64) -> u64 {
        if bound == 0 { 0 } else { self.draw() % bound }
    }

    /// True with the probability `p` (0 to 1).
    pub fn chance(&mut self, p: f64) -> bool {
        // 53 bits are what an f64 holds exactly.
        #[allow(clippy::cast_precision_loss)]
        let drawn = (self.draw() >> 11) as f64 / (1_u64 << 53) as f64;
        drawn < p
    }

    /// One of `of`, which must not be empty: an empty slice gives `None`.
    pub fn pick<'a, T>(&mut self, of: &'a [T]) -> Option<&'a T> {
        let at = self.below(u64::try_from(of.len()).unwrap_or(u64::MAX));
        of.get(usize::try_from(at).unwrap_or(0))
    }

    /// A span from `range.0` to `range.1`, to the millisecond.
    pub fn between(&mut self, range: (Span, Span)) -> Span {
        let width = u64::try_from((range.1 - range.0).num_milliseconds()).unwrap_or(0);
        let more = self.below(width.saturating_add(1));
        range.0 + Span::milliseconds(i64::try_from(more).unwrap_or(0))
    }

    /// `bytes` bytes as lowercase hex.
    pub fn hex(&mut self, bytes: usize) -> String {
        let mut text = String::with_capacity(bytes * 2 + 16);
        while text.len() < bytes * 2 {
            text.push_str(&format!("{:016x}", self.draw()));
        }
        text.truncate(bytes * 2);
        text
    }

    /// A lowercase UUID of version 4's form.
    pub fn uuid(&mut self) -> String {
        let (a, b) = (self.draw(), self.draw());
        format!(
            "{:08x}-{:04x}-4{:03x}-{:04x}-{:012x}",
            a >> 32,
            (a >> 16) & 0xffff,
            a & 0xfff,
            0x8000 | ((b >> 48) & 0x3fff),
            b & 0xffff_ffff_ffff
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_gives_the_same_numbers_whatever_was_drawn_before() {
        let one = Seed::named(7, &["ana", "1"]).draw();
        Seed::new(7).draw();
        assert_eq!(Seed::named(7, &["ana", "1"]).draw(), one);
        assert_ne!(Seed::named(7, &["ana", "2"]).draw(), one);
        assert_ne!(Seed::named(8, &["ana", "1"]).draw(), one);
        assert_ne!(Seed::named(7, &["ana1"]).draw(), one);
    }

    #[test]
    fn chances_and_spans_keep_their_bounds() {
        let mut seed = Seed::new(1);
        let hits = (0..10_000).filter(|_| seed.chance(0.3)).count();
        assert!((2_800..3_200).contains(&hits), "{hits}");
        for _ in 0..100 {
            let span = seed.between((Span::seconds(1), Span::seconds(2)));
            assert!(span >= Span::seconds(1) && span <= Span::seconds(2));
        }
        assert_eq!(seed.hex(16).len(), 32);
        assert_eq!(seed.uuid().len(), 36);
        assert!(uuid::Uuid::parse_str(&seed.uuid()).is_ok());
    }
}
