//! `beckon definitions`: files for the Rhai language server, and how to set up an editor.

use std::path::Path;

use super::docs::write;
use super::exit::{Exit, Failure};
use super::session::Session;
use crate::script::ScriptHost;
use crate::script::reference::EDITORS;

/// Writes the files into a folder, which is made when it isn't there. What they replace was made the same way.
///
/// # Errors
/// The folder or a file can't be written.
pub fn definitions(session: &Session, folder: Option<&Path>) -> Result<Exit, Failure> {
    let folder = match folder {
        Some(folder) => folder.to_owned(),
        None => session.site_dir()?.join("definitions"),
    };
    make_folder(&folder)?;
    let files = ScriptHost::new().definitions();
    for (name, text) in &files {
        write(&folder.join(name), text)?;
    }
    write(&folder.join("README.md"), &format!("# Setting up an editor\n\n{}", EDITORS.replace("\n### ", "\n## ")))?;
    println!("wrote {} definition files and README.md to {}", files.len(), folder.display());
    Ok(Exit::Done)
}

/// Makes a folder, and those above it.
///
/// # Errors
/// It can't be made.
pub(super) fn make_folder(folder: &Path) -> Result<(), Failure> {
    std::fs::create_dir_all(folder)
        .map_err(|e| Failure::new(Exit::Failed, format!("can't make the folder {}: {e}", folder.display())))
}
