//! The mailbox of reports in-process.

use super::Doors;
use crate::ports::Answer;
use crate::ports::bounces::{BounceBox, BoxedLetter};

pub struct SimBounces {
    doors: Doors,
}

impl Doors {
    #[must_use]
    pub fn bounces(&self) -> SimBounces {
        SimBounces { doors: self.clone() }
    }
}

impl BounceBox for SimBounces {
    fn letters(&self, most: usize, bytes_max: usize) -> Answer<'_, Result<Vec<BoxedLetter>, String>> {
        let letters = self.doors.at_now(|world, _| world.bounces.letters(most)).map(|letters| {
            let boxed =
                |(name, bytes): (String, Vec<u8>)| BoxedLetter { name, bytes: Some(bytes).filter(|b| b.len() <= bytes_max) };
            letters.into_iter().map(boxed).collect()
        });
        Box::pin(std::future::ready(letters))
    }

    fn done(&self, name: String) -> Answer<'_, Result<(), String>> {
        self.doors.at_now(|world, _| world.bounces.done(&name));
        Box::pin(std::future::ready(Ok(())))
    }
}
