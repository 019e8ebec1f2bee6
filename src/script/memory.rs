//! How much memory the present thread holds: a counting layer over the system's allocator.
//!
//! A script's operation limit does not bound its memory (ten operations can double a string ten
//! times), and the engine has no memory limit of its own. A run has a thread to itself, so what the
//! thread has taken and not given back is what the run holds. The count costs one addition to a
//! thread-local cell for each allocation.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

thread_local! {
    /// Net bytes of this thread. Signed: a thread may free what another one allocated. Constant
    /// initialisation and no destructor, so that the allocator may touch it at any time.
    static HELD: Cell<i64> = const { Cell::new(0) };
}

/// The system's allocator, counting per thread.
pub struct Counting;

fn add(bytes: i64) {
    // Fails only while a thread is being torn down, when nobody asks any more.
    let _ = HELD.try_with(|held| held.set(held.get().wrapping_add(bytes)));
}

fn size(bytes: usize) -> i64 {
    i64::try_from(bytes).unwrap_or(i64::MAX)
}

// SAFETY: every call is handed to `System` unchanged and its answer is returned unchanged; counting
// neither allocates nor unwinds.
#[expect(unsafe_code, reason = "an allocator can't be written without it; it only forwards")]
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        add(size(layout.size()));
        // SAFETY: the caller's promises about `layout` are passed on.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, ptr: *mut u8, layout: Layout) {
        add(-size(layout.size()));
        // SAFETY: `ptr` came from `System` with this layout.
        unsafe { System.dealloc(ptr, layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        add(size(layout.size()));
        // SAFETY: the caller's promises about `layout` are passed on.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn realloc(&self, ptr: *mut u8, layout: Layout, new_size: usize) -> *mut u8 {
        add(size(new_size) - size(layout.size()));
        // SAFETY: `ptr` came from `System` with this layout, and the caller checked `new_size`.
        unsafe { System.realloc(ptr, layout, new_size) }
    }
}

/// Bytes that this thread has taken and not given back; meaningful as a difference.
#[must_use]
pub fn held() -> i64 {
    HELD.try_with(Cell::get).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::held;

    #[test]
    fn counts_what_is_taken_and_given_back() {
        let before = held();
        let mut bytes = vec![0_u8; 1_000_000];
        assert!(held() - before >= 1_000_000);
        bytes.reserve_exact(2_000_000);
        assert!(held() - before >= 3_000_000);
        drop(bytes);
        assert!((held() - before).abs() < 1_000);
    }

    #[test]
    fn another_threads_memory_is_not_ours() {
        let before = held();
        std::thread::spawn(|| std::hint::black_box(vec![0_u8; 10_000_000]).len()).join().unwrap();
        assert!((held() - before).abs() < 100_000);
    }
}
