//! The table: a goal, what was measured, and whether that is good enough.

use std::fmt::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;

/// What is asked for; `measured` is in the same unit.
#[derive(Clone, Copy, Debug)]
pub enum Goal {
    AtMost(f64),
    AtLeast(f64),
}

impl Goal {
    fn met_by(self, measured: f64) -> bool {
        match self {
            Self::AtMost(most) => measured <= most,
            Self::AtLeast(least) => measured >= least,
        }
    }

    fn show(self, unit: &str) -> String {
        match self {
            Self::AtMost(n) => format!("\u{2264} {}", number(n, unit)),
            Self::AtLeast(n) => format!("\u{2265} {}", number(n, unit)),
        }
    }
}

/// One line of `design/performance.md`.
pub struct Row {
    pub what: String,
    /// `x`, `%`, `ms`, `MiB`, `/s`.
    pub unit: &'static str,
    pub floor: Option<Goal>,
    pub aim: Option<Goal>,
    pub measured: f64,
    /// What both sides took, and what they are.
    pub sides: Vec<String>,
    /// How many went out, none missing, none twice.
    pub truth: String,
}

/// The rows of one bench.
pub struct Table {
    bench: &'static str,
    text: String,
    below: usize,
}

const HEAD: &str = "what                                                    floor         aim    measured";

impl Table {
    pub fn new(bench: &'static str) -> Self {
        println!("{HEAD}");
        Self { bench, text: String::new(), below: 0 }
    }

    pub fn row(&mut self, row: &Row) {
        let below = row.floor.is_some_and(|floor| !floor.met_by(row.measured));
        let verdict = match (row.floor, row.aim) {
            _ if below => "BELOW THE FLOOR",
            (_, Some(aim)) if aim.met_by(row.measured) => "ok, aim reached",
            (None, None) => "for information",
            _ => "ok",
        };
        self.below += usize::from(below);
        let goal = |goal: Option<Goal>| goal.map_or_else(|| "-".to_owned(), |g| g.show(row.unit));
        let measured = number(row.measured, row.unit);
        let mut text = format!("{:<50} {:>10}  {:>10}  {measured:>10}  {verdict}\n", row.what, goal(row.floor), goal(row.aim));
        for side in &row.sides {
            let _ = writeln!(text, "    {side}");
        }
        if !row.truth.is_empty() {
            let _ = writeln!(text, "    truth: {}", row.truth);
        }
        self.write(&text);
    }

    pub fn skipped(&mut self, what: &str, why: &str) {
        self.write(&format!("{what:<50} skipped: {why}\n"));
    }

    fn write(&mut self, text: &str) {
        print!("{text}");
        self.text.push_str(text);
    }

    /// Keeps the rows for the whole table; fails where one is below its floor.
    pub fn end(self) -> ExitCode {
        let dir = rows();
        std::fs::create_dir_all(&dir).expect("the target folder can be written");
        std::fs::write(dir.join(self.bench), format!("{}\n{}", self.below, self.text)).expect("the target folder can be written");
        if self.below > 0 { ExitCode::FAILURE } else { ExitCode::SUCCESS }
    }
}

/// Where each bench leaves its rows.
fn rows() -> PathBuf {
    PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("beckon-bench-rows")
}

/// Prints what these benches have left, in this order.
pub fn whole(benches: &[&str]) -> ExitCode {
    println!("\n{HEAD}");
    let mut below = 0;
    for bench in benches {
        match std::fs::read_to_string(rows().join(bench)) {
            Err(_) => println!("{bench:<50} not run yet: cargo bench --bench {bench}"),
            Ok(text) => {
                let (count, text) = text.split_once('\n').unwrap_or(("0", ""));
                below += count.parse::<usize>().unwrap_or(0);
                print!("{text}");
            }
        }
    }
    if below > 0 {
        println!("{below} below the floor");
        return ExitCode::FAILURE;
    }
    ExitCode::SUCCESS
}

fn number(n: f64, unit: &str) -> String {
    match unit {
        "x" if n < 10.0 => format!("{n:.2} x"),
        "x" => format!("{n:.0} x"),
        "/s" => format!("{n:.0}/s"),
        _ if n < 10.0 => format!("{n:.1} {unit}"),
        _ => format!("{n:.0} {unit}"),
    }
}
