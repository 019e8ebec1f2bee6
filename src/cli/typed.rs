//! The words of a command line as they were typed.

use std::ffi::OsString;

/// What was typed, with `beckon help run` read as `beckon run --help`.
pub fn typed(words: impl IntoIterator<Item = OsString>) -> Vec<OsString> {
    let mut words: Vec<OsString> = words.into_iter().collect();
    if words.get(1).is_some_and(|word| word == "help") {
        words.remove(1);
        words.push("--help".into());
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::args::Cli;
    use clap::Parser as _;

    #[test]
    fn help_is_a_word_too() {
        let read = |line: &str| typed(line.split(' ').map(OsString::from)).join(std::ffi::OsStr::new(" "));
        assert_eq!(read("beckon help"), "beckon --help");
        assert_eq!(read("beckon help schedule next"), "beckon schedule next --help");
        assert_eq!(read("beckon docs help"), "beckon docs help");
    }

    #[test]
    fn a_run_is_called_by_its_number() {
        let said = Cli::try_parse_from(["beckon", "approve", "six"]).unwrap_err().to_string();
        assert!(said.contains("a run is called by its number, and `beckon runs` lists them"), "{said}");
        assert!(Cli::try_parse_from(["beckon", "runs", "6"]).is_ok());
    }
}
