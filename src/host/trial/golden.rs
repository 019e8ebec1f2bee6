//! Texts that a person has looked at once, and that a test compares from then on.

use std::path::{Path, PathBuf};

use crate::script::Problem;
use crate::script::trial::Tried;
use crate::script::trial::difference::difference;

/// The texts in one folder: `NAME.txt` each.
pub struct GoldenTexts {
    folder: PathBuf,
    /// Whatever comes is written down as right.
    bless: bool,
}

/// No text that a person looks at is larger.
const BYTES_MAX: usize = 2_000_000;

impl GoldenTexts {
    #[must_use]
    pub fn new(folder: &Path, bless: bool) -> Self {
        Self { folder: folder.to_owned(), bless }
    }

    /// Compares a text with the one of that name, or writes it down.
    ///
    /// # Errors
    /// The name is none, the text is too long, there is no text to compare with, or it differs.
    pub fn compare(&self, name: &str, text: &str) -> Tried<()> {
        let fine =
            (1..=100).contains(&name.len()) && name.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.'));
        if !fine || name.starts_with('.') {
            return Err(Problem::new("wrong_name", format!("{name:?} is no name of a golden text"))
                .about(name)
                .hint("letters, digits, `-`, `_` and `.`: it becomes a file in scripts/golden/"));
        }
        if text.len() > BYTES_MAX {
            return Err(Problem::out_of_range("a golden text", &format!("at most {BYTES_MAX} bytes long"), text.len()));
        }
        let file = self.folder.join(format!("{name}.txt"));
        let unusable = |e: std::io::Error| Problem::new("golden_file", format!("{} can't be used: {e}", file.display()));
        let kept = match std::fs::read_to_string(&file) {
            Ok(kept) => Some(kept.replace("\r\n", "\n")),
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => None,
            Err(e) => return Err(unusable(e)),
        };
        let ends = |text: &str| format!("{}\n", text.trim_end_matches('\n'));
        if kept.as_deref().map(ends) == Some(ends(text)) {
            return Ok(());
        }
        if self.bless {
            std::fs::create_dir_all(&self.folder).map_err(unusable)?;
            return std::fs::write(&file, ends(text)).map_err(unusable);
        }
        match kept {
            None => Err(Problem::new("golden_missing", format!("there is no golden text {name:?} yet"))
                .about(name)
                .hint("`beckon test --bless` writes scripts/golden/; look at it before you keep it")),
            Some(kept) => {
                Err(Problem::new("unequal", format!("golden text {name:?}: {}", difference(&ends(text), &ends(&kept))))
                    .hint("if what is there now is right, `beckon test --bless` writes it down"))
            }
        }
    }
}
