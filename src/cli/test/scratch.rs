//! A folder for the stores of tests, which goes when they are over, however they end.

use std::path::{Path, PathBuf};

/// The folder; nobody else may look into it.
pub struct Scratch(PathBuf);

impl Scratch {
    /// Makes a folder of this name, which nobody has, where the machine keeps such things.
    ///
    /// # Errors
    /// It can't be made.
    pub fn make(name: &str) -> std::io::Result<Self> {
        let path = std::env::temp_dir().join(name);
        let mut folder = std::fs::DirBuilder::new();
        #[cfg(unix)]
        std::os::unix::fs::DirBuilderExt::mode(&mut folder, 0o700);
        folder.create(&path)?;
        Ok(Self(path))
    }

    pub fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // What can't be taken away is left to whoever looks after the machine's temporary files.
        let _ = std::fs::remove_dir_all(&self.0);
    }
}
