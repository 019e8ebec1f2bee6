//! Noticing when the store's files are written to: Linux tells whoever asks.

#[cfg(target_os = "linux")]
pub use linux::Writes;

#[cfg(target_os = "linux")]
mod linux {
    use std::ffi::CString;
    use std::fs::File;
    use std::io::{self, Read as _};
    use std::os::fd::{AsRawFd as _, FromRawFd as _};
    use std::os::unix::ffi::OsStrExt as _;
    use std::path::Path;
    use std::time::Duration;

    /// Of `struct inotify_event`: descriptor, mask, cookie and the length of the name, four bytes each.
    const HEAD: usize = 16;

    /// The writes to a folder's files.
    pub struct Writes {
        events: File,
    }

    impl Writes {
        /// Tells of writes from now on.
        pub fn to(folder: &Path) -> io::Result<Self> {
            // SAFETY: the call takes no pointers, and the descriptor it gives is nobody else's.
            let events = unsafe {
                let fd = libc::inotify_init1(libc::IN_CLOEXEC);
                if fd < 0 {
                    return Err(io::Error::last_os_error());
                }
                File::from_raw_fd(fd)
            };
            let path = CString::new(folder.as_os_str().as_bytes()).map_err(io::Error::other)?;
            // SAFETY: the path is a terminated string that lives through the call.
            let watch = unsafe { libc::inotify_add_watch(events.as_raw_fd(), path.as_ptr(), libc::IN_MODIFY) };
            if watch < 0 { Err(io::Error::last_os_error()) } else { Ok(Self { events }) }
        }

        /// How many writes to files whose name starts with `name` there were since the last call; waits for
        /// some, at most `within`. Several at once may count as one.
        pub fn wait(&mut self, name: &str, within: Duration) -> io::Result<usize> {
            let mut poll = libc::pollfd { fd: self.events.as_raw_fd(), events: libc::POLLIN, revents: 0 };
            let timeout = i32::try_from(within.as_millis()).unwrap_or(i32::MAX);
            // SAFETY: one descriptor, which is open.
            if unsafe { libc::poll(&raw mut poll, 1, timeout) } <= 0 {
                return Ok(0);
            }
            let mut buffer = [0_u8; 4096];
            let read = self.events.read(&mut buffer)?;
            let mut rest = buffer.get(..read).unwrap_or_default();
            let mut writes = 0;
            while let Some((head, after)) = rest.split_at_checked(HEAD) {
                let length = head.get(12..16).and_then(|b| b.try_into().ok()).map_or(0, u32::from_ne_bytes);
                let Some((file, next)) = after.split_at_checked(usize::try_from(length).unwrap_or(0)) else { break };
                writes += usize::from(file.starts_with(name.as_bytes()));
                rest = next;
            }
            Ok(writes)
        }
    }
}
