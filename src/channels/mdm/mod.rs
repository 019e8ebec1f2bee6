//! MDM servers that queue commands for devices: one adapter a file, NanoMDM first.
//! Nothing here knows whom an invitation is for, and an invitation's URL is never in an error or a log.

mod nanomdm;
mod nanomdm_answer;

pub use nanomdm::{MdmConfigError, NanoMdm};
