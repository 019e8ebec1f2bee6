//! The program as a process that is killed, meets a full disk, or shares its site with another one. After
//! each of them nothing is lost, nothing is sent twice, and what nobody can know is told by name.
//!
//! The far sides are the simulated world, served on loopback by the test itself: it counts what it was
//! handed, and lets a test kill the program between two bytes of an exchange.

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

pub mod check;
pub mod child;
mod decisions;
mod files;
mod full_disk;
mod kill;
mod many_points;
mod schedules;
mod served;
mod serving;
pub mod site;
mod standing_by;
mod two_processes;
mod writes;

/// Does `work` for all items, several at once because most of the time is spent waiting for a simulated
/// Apple, and fails with everything that was wrong.
fn side_by_side<T: Copy + Sync + std::fmt::Debug>(at_once: usize, items: &[T], work: impl Fn(T) -> Result<(), String> + Sync) {
    let next = AtomicUsize::new(0);
    let failures = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for _ in 0..at_once.min(items.len()) {
            scope.spawn(|| {
                while let Some(item) = items.get(next.fetch_add(1, Ordering::Relaxed)) {
                    if let Err(words) = work(*item) {
                        failures.lock().unwrap().push(format!("{item:?}: {words}"));
                    }
                }
            });
        }
    });
    let failures = failures.into_inner().unwrap();
    assert!(failures.is_empty(), "{} of {}:\n{}", failures.len(), items.len(), failures.join("\n\n"));
}
