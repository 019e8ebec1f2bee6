//! The command line of `beckon test`.

use std::path::PathBuf;

use clap::Args;

/// What stands below the options: what a test can't touch, and the exit codes.
pub const CODES: &str = "\
Each test runs on sites of its own, in a temporary store, with a clock that
nobody waits for and simulated Apple services, mail and devices. The real site
is read for its settings, scripts and templates; its store, secrets and network
are not touched.

Exit codes:
  0  every test passed
  2  no test matched
  3  a test failed, or a file is no script
  5  the site's settings or templates are wrong";

/// `beckon test`
#[derive(Debug, Args)]
pub struct Test {
    /// Test files or folders [default: every *.test.rhai in the site's scripts folder]
    pub files: Vec<PathBuf>,
    /// Only tests with this in their file's or their own name
    #[arg(long, short, value_name = "TEXT")]
    pub filter: Option<String>,
    /// So many tests at the same time [default: one a processor]
    #[arg(long, short, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=256))]
    pub jobs: Option<u16>,
    /// List the tests, run none
    #[arg(long)]
    pub list: bool,
    /// Write down what golden texts are now, in scripts/golden/, instead of comparing
    #[arg(long, conflicts_with = "list")]
    pub bless: bool,
    /// Also tell which lines of the site's scripts ran; slower
    #[arg(long, conflicts_with = "list")]
    pub coverage: bool,
    /// The same as an lcov file
    #[arg(long, value_name = "FILE", conflicts_with = "list")]
    pub lcov: Option<PathBuf>,
    /// Also write the results as JUnit XML, for a CI system
    #[arg(long, value_name = "FILE", conflicts_with = "list")]
    pub junit: Option<PathBuf>,
    /// The same as data, on standard output
    #[arg(long)]
    pub json: bool,
}
