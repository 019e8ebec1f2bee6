//! What the benches share: timed children, sites of simulated schools, raw limits, the table.
//! No goal stands here; each bench names its own.

#![allow(dead_code, reason = "every bench takes from here what it needs")]
#![allow(clippy::disallowed_methods, reason = "benches measure real time")]

pub mod child;
pub mod limits;
pub mod raw;
pub mod site;
pub mod sqlite;
pub mod table;
pub mod terminal;
pub mod world;

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Instant;

/// How often each of the two sides is run, in turn.
pub fn rounds() -> usize {
    std::env::var("BENCH_ROUNDS").ok().and_then(|n| n.parse().ok()).unwrap_or(5).max(1)
}

/// An empty folder of one bench, on the disk that the build is on: durability costs what it costs there.
pub fn folder(name: &str) -> PathBuf {
    let dir = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("beckon-bench").join(name);
    let _ = std::fs::remove_dir_all(&dir);
    std::fs::create_dir_all(&dir).expect("the target folder can be written");
    dir
}

/// A bench begins: its table and its folder, or the end of a process that is one side of a comparison.
pub fn begin(name: &'static str) -> Result<(table::Table, PathBuf), ExitCode> {
    raw::mode().map_or_else(|| Ok((table::Table::new(name), folder(name))), Err)
}

/// The middle one. With an even number of values, the lower of the two.
pub fn median(values: impl IntoIterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.into_iter().collect();
    values.sort_by(f64::total_cmp);
    values.get(values.len().saturating_sub(1) / 2).copied().unwrap_or(f64::NAN)
}

/// Seconds that `work` takes.
pub fn timed<T>(work: impl FnOnce() -> T) -> (f64, T) {
    let began = Instant::now();
    let value = work();
    (began.elapsed().as_secs_f64(), value)
}

/// What one side of a comparison took, over its rounds.
#[derive(Clone, Debug, Default)]
pub struct Side {
    wall: Vec<f64>,
    cpu: Vec<f64>,
    peak_kib: Vec<f64>,
}

impl Side {
    pub fn add(&mut self, spent: &child::Spent) {
        self.wall.push(spent.wall);
        self.cpu.push(spent.cpu);
        self.peak_kib.push(spent.peak_kib);
    }

    pub fn wall(&self) -> f64 {
        median(self.wall.iter().copied())
    }

    pub fn cpu(&self) -> f64 {
        median(self.cpu.iter().copied())
    }

    /// The highest of all rounds: memory has no noise that a median has to take out.
    pub fn peak_mib(&self) -> f64 {
        self.peak_kib.iter().copied().fold(0.0, f64::max) / 1024.0
    }

    /// `1.234 s, 0.987 s of CPU`.
    pub fn told(&self) -> String {
        format!("{}, {} of CPU", seconds(self.wall()), seconds(self.cpu()))
    }
}

pub fn seconds(s: f64) -> String {
    if s < 1.0 { format!("{:.1} ms", s * 1000.0) } else { format!("{s:.2} s") }
}
