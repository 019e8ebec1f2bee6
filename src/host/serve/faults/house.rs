//! A served site on a virtual clock. The chores and the dispatcher are those of `beckon serve`; only its
//! loops are not: everything is stepped in turn, and time passes when nothing is due.

use std::future::{Future as _, poll_fn};
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;

use crate::domain::time::{Span, Timestamp};
use crate::host::apple_inbox::AppleInbox;
use crate::host::deliver::registrar;
use crate::host::follower::Follower;
use crate::host::scheduler::Scheduler;
use crate::host::serve::stepped::{Here, NamedChore, Stepped};
use crate::host::serve::{Around, chores};
use crate::host::site::Site;
use crate::host::testing::TestSite;
use crate::ports::clock::Clock as _;
use crate::script::ScriptHost;
use crate::sim::people::Habits;

/// Something that is due again at once so often is never done.
const TURNS_MAX: usize = 2_000;

pub struct House {
    pub test: TestSite,
    pub site: Arc<Site>,
    process: Option<Stepped>,
    processes: u32,
    /// Chores that are not stepped, because a test does not want to be woken by them.
    without: &'static [&'static str],
    /// What failed, in words.
    pub trouble: Vec<String>,
}

/// How a process dies.
#[derive(Clone, Copy, Debug)]
pub enum Death {
    /// While nothing is going on.
    Idle,
    /// While it hands over, so many steps into it.
    HandingOver { polls: u64 },
    /// With moments claimed and their scripts not run.
    Claiming,
}

impl House {
    /// Opened on a Tuesday at 10:25 in Amsterdam, with somebody serving it.
    pub fn new(habits: Habits, settings: &str, scripts: &[(&str, &str)], without: &'static [&'static str]) -> Self {
        let test = TestSite::new(habits).with_settings(settings);
        std::fs::create_dir_all(test.site.dir.join("scripts")).unwrap();
        for (name, text) in scripts {
            std::fs::write(test.site.dir.join("scripts").join(name), text).unwrap();
        }
        test.clock.advance_to(super::at("2026-12-01T09:25:00Z"));
        let site = test.shared();
        let mut house = Self { test, site, process: None, processes: 0, without, trouble: Vec::new() };
        house.start();
        house
    }

    pub fn now(&self) -> Timestamp {
        self.test.clock.now()
    }

    /// A new process serves the site.
    pub fn start(&mut self) {
        self.process = None;
        self.test.restart();
        self.site = self.test.shared();
        self.processes += 1;
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let inbox = Arc::new(AppleInbox::new(Arc::clone(&self.site.store), Arc::clone(&self.test.ports.clock)));
        let registrar = registrar(&self.site, &self.test.ports);
        let around = Around {
            stop: Arc::default(),
            tally: Arc::default(),
            serving: std::sync::Weak::new(),
            apple_inbox: Arc::clone(&inbox),
            owner: self.owner(),
            scripts: Arc::default(),
            outbox: Arc::default(),
        };
        let all = {
            let _entered = runtime.enter();
            chores::all(&around)
        };
        // The scheduler's scripts run beside it: it is stepped where its end can be waited for. The follower
        // asks the process around it for its registrar, which is ours here.
        let ours = ["scheduler", "follower"];
        let kept = all.into_iter().filter(|(name, _)| !ours.contains(name) && !self.without.contains(name));
        let follower = Follower::new(Box::new(Here(registrar.clone())), inbox, Arc::clone(&around.tally));
        let chores: Vec<NamedChore> = kept.chain([("follower", Box::new(follower) as _)]).collect();
        let scheduler = Scheduler::new(self.owner(), Arc::new(ScriptHost::new()));
        self.process = Some(Stepped::new(chores, Some(scheduler), registrar, runtime));
    }

    fn owner(&self) -> String {
        format!("process {}", self.processes)
    }

    /// Lets time go on until then, with everything that is due on the way.
    pub fn until(&mut self, end: Timestamp) {
        while let Some(wake) = self.turn().filter(|wake| *wake <= end) {
            self.test.clock.advance_to(wake);
        }
        self.test.clock.advance_to(end);
    }

    pub fn during(&mut self, span: Span) {
        self.until(self.now() + span);
    }

    /// The machine sleeps: time goes on in the world, and nobody here notices.
    pub fn asleep(&mut self, span: Span) {
        self.test.clock.advance(span);
    }

    /// The process is killed; what it was doing is not done.
    pub fn die(&mut self, death: Death) {
        let Some(process) = self.process.take() else { return };
        match death {
            Death::Idle => {}
            Death::HandingOver { polls } => hand_over_and_die(process, &self.site, &self.test, polls),
            Death::Claiming => {
                if let Some(due) = process.scheduler_wake() {
                    self.test.clock.advance_to(due);
                }
                let (owner, host) = (self.owner(), Arc::new(ScriptHost::new()));
                let mut doomed = Scheduler::doomed(owner, host);
                let step = doomed.step(&self.site, &self.test.ports, self.test.clock.now());
                // A store that can't be written now is one more way to die.
                let _ = process.runtime.block_on(step);
            }
        }
    }

    /// Everything that is due now; answers when there is more.
    fn turn(&mut self) -> Option<Timestamp> {
        for _ in 0..TURNS_MAX {
            self.hear();
            let mine = match &mut self.process {
                Some(process) => process.step(&self.site, &self.test.ports, &mut self.trouble),
                None => None,
            };
            self.hear();
            let wake = [mine, self.test.doors.next_wake()].into_iter().flatten().min();
            if wake.is_none_or(|at| at > self.now()) {
                return wake;
            }
        }
        panic!("at {} something is due for ever; {:?}", self.now(), self.trouble.last());
    }

    /// The world catches up with the clock. Its reports arrive where somebody listens and can write them
    /// down; nobody sends them twice.
    fn hear(&mut self) {
        self.test.doors.step();
        if self.process.is_none() {
            return;
        }
        for report in self.test.doors.drain_reports() {
            if let Err(error) = self.site.store.take_report(&report, self.now()) {
                self.trouble.push(error.to_string());
            }
        }
    }
}

/// Dies while a step goes on. What its threads have begun at the store still happens, as a kernel
/// still writes what it was given; nothing else does.
fn hand_over_and_die(mut process: Stepped, site: &Arc<Site>, test: &TestSite, polls: u64) {
    let Ok(mut dispatcher) = process.take_dispatcher(site, &test.ports) else { return };
    let mut left = polls;
    process.runtime.block_on(async {
        let mut watch = || {};
        let mut step = pin!(dispatcher.step(&mut watch));
        poll_fn(|context| {
            if left == 0 {
                return Poll::Ready(());
            }
            left -= 1;
            step.as_mut().poll(context).map(drop)
        })
        .await;
    });
}
