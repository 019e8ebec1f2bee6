//! Threads for scripts: each has as much stack as its deepest calls and its values can need.

use std::sync::{Arc, Mutex, PoisonError};

/// Stack for parsing and for the deepest calls that the limits allow.
const STACK_BYTES: u64 = 64 * 1024 * 1024;
/// Stack for each byte that a script's values may hold. Closures can capture closures in a chain as
/// long as memory allows: a link holds 120 bytes, and letting go of it takes under 250 of stack.
/// Only what is touched is taken from the machine.
const STACK_PER_HELD_BYTE: u64 = 3;

/// Starts a thread for scripts whose values hold at most so many bytes.
///
/// # Errors
/// The machine has none.
pub fn spawn(held_bytes: u64, work: impl FnOnce() + Send + 'static) -> std::io::Result<()> {
    let work = Arc::new(Mutex::new(Some(work)));
    with_stack(held_bytes, |thread| {
        let work = Arc::clone(&work);
        thread.spawn(move || {
            let work = work.lock().unwrap_or_else(PoisonError::into_inner).take();
            if let Some(work) = work {
                work();
            }
        })
    })
    .map(drop)
}

/// A thread with as deep a stack as the machine grants.
///
/// # Errors
/// The machine has none.
pub fn with_stack<T>(held_bytes: u64, mut start: impl FnMut(std::thread::Builder) -> std::io::Result<T>) -> std::io::Result<T> {
    let mut stack = STACK_BYTES.saturating_add(held_bytes.saturating_mul(STACK_PER_HELD_BYTE));
    loop {
        let thread = std::thread::Builder::new().name("script".to_owned());
        match start(thread.stack_size(usize::try_from(stack).unwrap_or(usize::MAX))) {
            // A small machine refuses a large address space: less will do for all but hostile scripts.
            Err(_) if stack > STACK_BYTES => stack = (stack / 2).max(STACK_BYTES),
            started => return started,
        }
    }
}
