//! The limits that every run has, whatever the site says. A value that a person might meet is named
//! in the error that it causes.

/// Length of one string in bytes, or of all the strings in one array or map together: the engine adds
/// them up.
pub const STRING_BYTES: usize = 8_000_000;
/// Elements of one array, nested arrays counted. The engine measures an array each time it grows, so
/// a larger limit would make a loop that fills one slow.
pub const ARRAY_ITEMS: usize = 50_000;
/// Entries of one object map, or of all the maps in one array together.
pub const MAP_ITEMS: usize = 50_000;
/// Functions calling functions.
pub const CALL_LEVELS: usize = 64;
/// Parentheses, blocks and operators inside each other.
pub const EXPRESSION_LEVELS: usize = 64;
pub const VARIABLES: usize = 2_000;
pub const FUNCTIONS: usize = 1_000;
pub const MODULES: usize = 100;
/// The text of one script or module.
pub const SOURCE_BYTES: usize = 1_000_000;
/// What one run may print.
pub const OUTPUT_BYTES: usize = 4_000_000;
/// Things that one run may ask for.
pub const INTENTS: usize = 10_000;
/// Lines that one run may log.
pub const LOG_LINES: usize = 10_000;
/// Parameters of one script.
pub const PARAMS: usize = 100;
/// Rows that a closure which could not be turned into a query may be asked about, one by one.
pub const LEFTOVER_ROWS: u64 = 200_000;
/// Rows read from the roster at a time.
pub const CHUNK_ROWS: usize = 500;
/// Operations between two looks at the clock and at a wish to cancel.
pub const STOP_EVERY: u64 = 128;
/// Rows that a selection shows of itself when it is printed.
pub const SHOWN_ROWS: usize = 10;
