//! Two services on one site: one stands by, and takes over each time the other one is killed.

use std::time::Duration;

use beckon::channels::system_clock::SystemClock;
use beckon::ports::clock::Clock as _;
use beckon::sim::seed::Seed;

use super::check::ensure;
use super::kill::MOMENTS;
use super::served::{SERVE, all_is_well, is_taken_over, schedule, settle, wait_until};
use super::side_by_side;
use super::site::{SEED, Sites};

const KILLS: usize = 5;

#[test]
fn who_stands_by_takes_over_and_nothing_fires_or_is_sent_twice() {
    let sites = Sites::new();
    println!("seed {SEED}");
    side_by_side(3, &[0, 1, 2], |round| {
        let site = sites.site();
        schedule(&site);
        let mut seed = Seed::named(SEED, &["standing by", &round.to_string()]);
        let mut active = site.start(&SERVE);
        for _ in 0..KILLS {
            let standing_by = site.start(&SERVE);
            let killer = active.killer();
            let moment = *seed.pick(&MOMENTS).ok_or("there are moments")?;
            let n = usize::try_from(seed.below(6)).unwrap_or(0) + 1;
            site.trap.set(moment, n, move || _ = killer.kill());
            if !active.has_ended_within(Duration::from_secs(4)) {
                active.killer().kill();
            }
            let ended = active.end();
            ensure!(ended.was_killed(), "it ended by itself: {ended}");
            active = standing_by;
        }
        let since = SystemClock.now();
        // The claims of the dead hold for half a minute; then they are taken over without anybody's help.
        let taken_over = wait_until(Duration::from_secs(100), &active, || is_taken_over(&site, since));
        active.terminate();
        let ended = active.end().expect_code(0)?;
        ensure!(taken_over, "what the dead had left was not taken over: {ended}");
        settle(&site)?;
        all_is_well(&site)
    });
}
