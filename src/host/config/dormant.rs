//! What a site file may say although this version does not act on it. Accepting it keeps files
//! valid from one version to the next; saying so keeps anybody from relying on it.

use super::sections::{MdmBackend, SiteConfig};

/// One warning for each thing in the file that has no effect in this version.
pub(super) fn warnings(config: &SiteConfig) -> Vec<String> {
    let mut warnings = Vec::new();
    let mut warn = |there: bool, key: &str, what: &str| {
        if there {
            warnings.push(format!("{key} has no effect in this version of beckon: {what}"));
        }
    };
    let backend = &config.mdm.backend;
    warn(
        matches!(backend, MdmBackend::Builtin),
        "mdm.backend = \"builtin\"",
        "it has no MDM server of its own, so no device is prompted; \"nanomdm\" is the one that works",
    );
    warn(
        matches!(backend, MdmBackend::MicroMdm(_)),
        "mdm.backend = \"micromdm\"",
        "it can't talk to MicroMDM, so no device is prompted; \"nanomdm\" is the one that works",
    );
    warn(
        config.directory.is_some(),
        "[directory]",
        "it reads no directory; export users and groups to files and use `beckon import`",
    );
    warnings
}
