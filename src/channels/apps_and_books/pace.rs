//! How fast and when: the rules of one token's queue, pure, with the time as an argument.
//!
//! Apple counts requests where they arrive, and we only know when each left and when it was
//! answered. So two rules hold together: requests leave evenly spaced, and one counts as "within
//! this second" from when it left until a second after its answer. Whatever the way delays, the
//! server never sees more than the rate in any second.

use std::collections::VecDeque;

use crate::domain::time::{Span, Timestamp};

/// Apple allows five parallel page fetches (using-paginated-endpoints); we keep it for everything.
pub const IN_FLIGHT_MAX: usize = 5;

/// Resends after error 9603 that may follow each other at once (interpreting-error-codes).
pub const RESENDS_MAX: u32 = 5;

/// How far apart tries are when 9603 doesn't end.
pub const SLOW_APART: Span = Span::minutes(2);

/// A second, and a little for two clocks that don't agree on what a second is.
const WINDOW: Span = Span::milliseconds(1_005);

/// The spacing of requests is 1/rate and 2 %, in microseconds for a rate of 1.
const SPACING_US: i64 = 1_020_000;

const BACK_OFF_FIRST: Span = Span::seconds(5);
const BACK_OFF_MAX: Span = Span::minutes(5);

/// `Retry-After` is believed up to here: more than that is no waiting time but a mistake.
const BLOCK_MAX: Span = Span::days(30);

/// What the next request of the token may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Turn {
    /// It leaves now, under this number.
    Go(FlightId),
    /// Ask again then.
    Wait(Timestamp),
    /// Too many are in flight: ask again when one has landed.
    Full,
    /// Apple asked to wait; so much of it is left.
    Blocked(Span),
}

/// Numbers requests in the order in which they left.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct FlightId(u64);

#[derive(Clone, Copy, Debug)]
struct Flight {
    id: FlightId,
    answered: Option<Timestamp>,
}

/// The state of one token's queue.
#[derive(Debug)]
pub struct Pace {
    rate: usize,
    /// In flight, or answered less than a window ago; in the order of leaving.
    flights: VecDeque<Flight>,
    next: FlightId,
    last_left: Option<Timestamp>,
    blocked_until: Option<Timestamp>,
    /// Requests from this number on left after the last block was set.
    after_block: FlightId,
    /// Refusals for speed since the last success, several answers to one burst counted once.
    strikes: u32,
    /// 9603 in a row.
    slow: u32,
    /// The latest time that was told.
    seen: Option<Timestamp>,
}

impl Pace {
    /// A queue of at most `rate` requests in any second; at least one.
    #[must_use]
    pub fn new(rate: u32) -> Self {
        let mut pace = Self {
            rate: 1,
            flights: VecDeque::new(),
            next: FlightId(0),
            last_left: None,
            blocked_until: None,
            after_block: FlightId(0),
            strikes: 0,
            slow: 0,
            seen: None,
        };
        pace.set_rate(rate);
        pace
    }

    /// Takes another rate from the next turn on.
    pub fn set_rate(&mut self, rate: u32) {
        self.rate = usize::try_from(rate).unwrap_or(1).max(1);
    }

    /// Asks for a turn at `now`; with `Go` the request counts as having left.
    pub fn turn(&mut self, now: Timestamp) -> Turn {
        if let Some(left) = self.blocked(now) {
            return Turn::Blocked(left);
        }
        self.flights.retain(|f| f.answered.is_none_or(|at| at + WINDOW > now));
        let in_flight = self.flights.iter().filter(|f| f.answered.is_none()).count();
        if in_flight >= IN_FLIGHT_MAX.min(self.rate) {
            return Turn::Full;
        }
        let earliest = self.room_at().max(self.last_left.map(|at| at + self.spacing()));
        if let Some(at) = earliest.filter(|at| *at > now) {
            return Turn::Wait(at);
        }
        let id = self.number();
        self.last_left = Some(now);
        self.flights.push_back(Flight { id, answered: None });
        Turn::Go(id)
    }

    /// A request without the token: Apple's rate is the token's, so it leaves at any time but in a block.
    ///
    /// # Errors
    /// What is left of the block.
    pub fn aside(&mut self, now: Timestamp) -> Result<FlightId, Span> {
        self.blocked(now).map_or_else(|| Ok(self.number()), Err)
    }

    fn number(&mut self) -> FlightId {
        let id = self.next;
        self.next = FlightId(id.0.wrapping_add(1));
        id
    }

    /// The request `id` was answered, lost or given up at `now`.
    pub fn landed(&mut self, id: FlightId, now: Timestamp) {
        self.notice(now);
        if let Some(flight) = self.flights.iter_mut().find(|f| f.id == id) {
            flight.answered = Some(now);
        }
    }

    /// How much of a block is left at `now`.
    pub fn blocked(&mut self, now: Timestamp) -> Option<Span> {
        self.notice(now);
        self.blocked_until.map(|until| until.signed_duration_since(now)).filter(|left| *left > Span::zero())
    }

    /// Apple named a time to wait, counted from `now`. A block is never shortened. Answers what is left.
    pub fn block(&mut self, now: Timestamp, wait: Span) -> Span {
        self.notice(now);
        let until = now + wait.clamp(Span::seconds(1), BLOCK_MAX);
        self.blocked_until = self.blocked_until.max(Some(until));
        self.after_block = self.next;
        self.blocked(now).unwrap_or(wait)
    }

    /// The request `id` was refused for speed, without a time: 5 s, 10 s, 20 s … up to five minutes.
    /// Answers what is left to wait.
    pub fn back_off(&mut self, id: FlightId, now: Timestamp) -> Span {
        if id >= self.after_block || self.strikes == 0 {
            self.strikes = self.strikes.saturating_add(1);
        } else if let Some(left) = self.blocked(now) {
            // It left before the block that others of the same burst have set: no new strike.
            return left;
        }
        let doublings = self.strikes.saturating_sub(1).min(6);
        self.block(now, (BACK_OFF_FIRST * (1 << doublings)).min(BACK_OFF_MAX))
    }

    /// A request met Apple's 9603. `None` sends it again at once; else the token waits so long.
    pub fn slow(&mut self, now: Timestamp) -> Option<Span> {
        self.slow = self.slow.saturating_add(1);
        (self.slow > RESENDS_MAX).then(|| self.block(now, SLOW_APART))
    }

    /// The request `id` got an answer that isn't about speed or outage.
    pub fn succeeded(&mut self, id: FlightId) {
        self.slow = 0;
        if id >= self.after_block {
            self.strikes = 0;
        }
    }

    /// When enough answers are a window old for one more request. `None` when there is room now.
    fn room_at(&self) -> Option<Timestamp> {
        let must_leave = (self.flights.len() + 1).checked_sub(self.rate).filter(|n| *n > 0)?;
        let mut answered: Vec<Timestamp> = self.flights.iter().filter_map(|f| f.answered).collect();
        answered.sort_unstable();
        // There are enough of them, because fewer than `rate` are in flight.
        answered.get(must_leave - 1).map(|at| *at + WINDOW)
    }

    fn spacing(&self) -> Span {
        Span::microseconds(SPACING_US / i64::try_from(self.rate).unwrap_or(i64::MAX))
    }

    /// A clock that was set back would make every wait longer by as much. All that is remembered
    /// moves with it, as if no time had passed since the last look.
    fn notice(&mut self, now: Timestamp) {
        if let Some(back) = self.seen.map(|seen| seen.signed_duration_since(now)).filter(|back| *back > Span::zero()) {
            for at in self.flights.iter_mut().filter_map(|f| f.answered.as_mut()) {
                *at -= back;
            }
            for at in [&mut self.last_left, &mut self.blocked_until].into_iter().flatten() {
                *at -= back;
            }
        }
        self.seen = Some(now);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::time::from_millis;
    use proptest::prelude::*;

    fn at(ms: i64) -> Timestamp {
        from_millis(1_790_000_000_000 + ms)
    }

    fn go(pace: &mut Pace, ms: i64) -> FlightId {
        match pace.turn(at(ms)) {
            Turn::Go(id) => id,
            other => panic!("no turn at {ms}: {other:?}"),
        }
    }

    #[test]
    fn requests_leave_evenly() {
        let mut pace = Pace::new(10);
        let id = go(&mut pace, 0);
        pace.landed(id, at(1));
        assert_eq!(pace.turn(at(1)), Turn::Wait(at(102)));
        go(&mut pace, 102);
    }

    #[test]
    fn a_sixth_waits_for_a_landing() {
        let mut pace = Pace::new(100);
        let ids: Vec<_> = (0..5).map(|n| go(&mut pace, n * 20)).collect();
        assert_eq!(pace.turn(at(200)), Turn::Full);
        pace.landed(ids[2], at(210));
        go(&mut pace, 210);
    }

    #[test]
    fn a_slow_way_counts_against_the_second_in_which_it_may_have_arrived() {
        let mut pace = Pace::new(2);
        let first = go(&mut pace, 0);
        pace.landed(first, at(500));
        let second = go(&mut pace, 510);
        pace.landed(second, at(511));
        // Evenly spaced it would be 1,020; the first may have arrived at 500.
        assert_eq!(pace.turn(at(1_020)), Turn::Wait(at(1_505)));
        go(&mut pace, 1_505);
    }

    #[test]
    fn a_block_holds_everything_and_is_never_shortened() {
        let mut pace = Pace::new(15);
        assert_eq!(pace.block(at(0), Span::seconds(40)), Span::seconds(40));
        assert_eq!(pace.block(at(1_000), Span::seconds(5)), Span::seconds(39));
        assert_eq!(pace.turn(at(39_999)), Turn::Blocked(Span::milliseconds(1)));
        // Without the token, too; after it, those take nobody's turn.
        assert_eq!(pace.aside(at(39_999)), Err(Span::milliseconds(1)));
        assert!(pace.aside(at(40_000)).is_ok());
        go(&mut pace, 40_000);
    }

    #[test]
    fn an_absurd_waiting_time_is_bounded_both_ways() {
        assert_eq!(Pace::new(1).block(at(0), Span::MAX), BLOCK_MAX);
        assert_eq!(Pace::new(1).block(at(0), Span::seconds(-5)), Span::seconds(1));
    }

    #[test]
    fn back_off_doubles_to_five_minutes_and_ends_with_a_success() {
        let mut pace = Pace::new(15);
        let mut now = 0;
        let mut waits = Vec::new();
        for _ in 0..9 {
            let id = go(&mut pace, now);
            pace.landed(id, at(now));
            let wait = pace.back_off(id, at(now));
            waits.push(wait.num_seconds());
            now += wait.num_milliseconds();
        }
        assert_eq!(waits, [5, 10, 20, 40, 80, 160, 300, 300, 300]);
        let id = go(&mut pace, now);
        pace.landed(id, at(now));
        pace.succeeded(id);
        let id = go(&mut pace, now + 100);
        assert_eq!(pace.back_off(id, at(now + 100)), Span::seconds(5));
    }

    #[test]
    fn a_burst_that_is_refused_is_one_strike() {
        let mut pace = Pace::new(100);
        let ids: Vec<_> = (0..5).map(|n| go(&mut pace, n * 20)).collect();
        let waits: Vec<_> = ids.iter().map(|id| pace.back_off(*id, at(100)).num_seconds()).collect();
        assert_eq!(waits, [5; 5]);
        // A success that left before the block says nothing about what comes after it.
        pace.succeeded(ids[0]);
        ids.iter().for_each(|id| pace.landed(*id, at(100)));
        let id = go(&mut pace, 5_100);
        assert_eq!(pace.back_off(id, at(5_100)), Span::seconds(10));
    }

    #[test]
    fn slow_answers_are_resent_five_times_then_minutes_apart() {
        let mut pace = Pace::new(15);
        for _ in 0..5 {
            assert_eq!(pace.slow(at(0)), None);
        }
        assert_eq!(pace.slow(at(0)), Some(SLOW_APART));
        let id = go(&mut pace, 120_000);
        assert_eq!(pace.slow(at(120_000)), Some(SLOW_APART), "no second series of resends before a success");
        pace.succeeded(id);
        assert_eq!(pace.slow(at(240_000)), None);
    }

    #[test]
    fn a_clock_that_is_set_back_makes_no_wait_longer() {
        let mut pace = Pace::new(1);
        let id = go(&mut pace, 0);
        pace.landed(id, at(10));
        pace.block(at(10), Span::seconds(30));
        let hour = 3_600_000;
        assert_eq!(pace.turn(at(10 - hour)), Turn::Blocked(Span::seconds(30)));
        go(&mut pace, 30_010 - hour);
    }

    /// One request on its way: how long until its answer, and where in that time it arrives.
    #[derive(Clone, Debug)]
    struct Way {
        answered_after_ms: i64,
        arrives_permille: i64,
    }

    /// Sends all of `ways` as fast as the pace allows; when each arrived, in order of arrival.
    fn drive(pace: &mut Pace, ways: &[Way]) -> (Vec<i64>, i64) {
        let mut now = 0;
        let mut flying: Vec<(i64, FlightId)> = Vec::new();
        let mut arrivals = Vec::new();
        for way in ways {
            loop {
                flying.retain(|(lands, id)| {
                    if *lands <= now {
                        pace.landed(*id, at(*lands));
                    }
                    *lands > now
                });
                let next_landing = flying.iter().map(|(lands, _)| *lands).min();
                match pace.turn(at(now)) {
                    Turn::Go(id) => {
                        arrivals.push(now + way.answered_after_ms * way.arrives_permille / 1000);
                        flying.push((now + way.answered_after_ms, id));
                        break;
                    }
                    Turn::Wait(until) => {
                        let until = (until.signed_duration_since(at(0)).num_microseconds().unwrap() + 999) / 1000;
                        now = next_landing.map_or(until, |lands| lands.min(until));
                    }
                    Turn::Full => now = next_landing.expect("something is in flight"),
                    Turn::Blocked(left) => panic!("nobody blocked: {left}"),
                }
            }
        }
        arrivals.sort_unstable();
        (arrivals, now)
    }

    fn ways() -> impl Strategy<Value = Vec<Way>> {
        let ms = prop_oneof![4 => 0..80_i64, 2 => 80..900_i64, 1 => 900..10_000_i64];
        let way =
            (ms, 0..=1000_i64).prop_map(|(answered_after_ms, arrives_permille)| Way { answered_after_ms, arrives_permille });
        prop::collection::vec(way, 1..150)
    }

    proptest! {
        #[test]
        fn the_server_never_sees_more_than_the_rate_in_any_second(rate in 1_u32..40, ways in ways()) {
            let (arrivals, _) = drive(&mut Pace::new(rate), &ways);
            let rate = usize::try_from(rate).unwrap();
            for pair in arrivals.windows(rate + 1) {
                prop_assert!(pair[rate] - pair[0] > 1000, "{} requests within {} ms", rate + 1, pair[rate] - pair[0]);
            }
        }

        #[test]
        fn a_quick_server_is_asked_at_nearly_the_full_rate(rate in 5_u32..40, n in 50_usize..150) {
            let ways = vec![Way { answered_after_ms: 2, arrives_permille: 500 }; n];
            let (_, took_ms) = drive(&mut Pace::new(rate), &ways);
            let best_ms = i64::try_from(n).unwrap() * 1000 / i64::from(rate);
            prop_assert!(took_ms <= best_ms * 106 / 100 + 50, "{took_ms} ms instead of {best_ms}");
        }
    }
}
