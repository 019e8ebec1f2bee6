//! The threads on which scheduled scripts run: a few at the same time, one of each schedule. What has
//! been evaluated while another commit waited for the disk is committed together.

use std::collections::{HashSet, VecDeque};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

use super::job::{Evaluation, Fired, Job, Ready, store};
use crate::host::HostError;
use crate::store::Claim;

pub(super) struct Pool {
    at_once: usize,
    shared: Mutex<Shared>,
    /// Told when the last job has ended.
    settled: Notify,
    cancel: Arc<AtomicBool>,
}

#[derive(Default)]
struct Shared {
    waiting: VecDeque<Job>,
    running: Vec<Claim>,
    /// Their scripts have ended, and nothing of them is stored yet. They count as running.
    ready: Vec<(Job, Box<Ready>)>,
    /// One of the threads stores what is ready.
    storing: bool,
    /// Other processes run earlier moments of their schedules.
    behind: Vec<Job>,
    threads: usize,
    /// Claims of which the end could not be stored.
    unended: Vec<Claim>,
}

impl Pool {
    pub fn new(at_once: usize) -> Self {
        Self { at_once, shared: Mutex::default(), settled: Notify::new(), cancel: Arc::default() }
    }

    /// What its scripts look at to know that they have to end.
    pub fn cancel(&self) -> Arc<AtomicBool> {
        Arc::clone(&self.cancel)
    }

    /// Runs these in their order, as far as schedules and threads allow.
    pub fn add(self: &Arc<Self>, jobs: Vec<Job>) {
        let mut shared = self.shared();
        let behind = std::mem::take(&mut shared.behind);
        shared.waiting.extend(behind.into_iter().chain(jobs));
        self.staff(&mut shared);
    }

    /// Starts threads for what waits.
    fn staff(self: &Arc<Self>, shared: &mut Shared) {
        while shared.threads < self.at_once.min(shared.waiting.len() + shared.running.len()) {
            let pool = Arc::clone(self);
            let thread = std::thread::Builder::new().name("schedule".to_owned()).spawn(move || pool.work());
            // Without a thread what waits goes to those that there are, or is tried at the next step.
            if thread.is_err() {
                break;
            }
            shared.threads += 1;
        }
    }

    /// Nothing runs, waits, or has to be given back.
    pub fn is_idle(&self) -> bool {
        let shared = self.shared();
        shared.waiting.is_empty() && shared.running.is_empty() && shared.unended.is_empty() && shared.behind.is_empty()
    }

    /// The claims of what runs and waits.
    pub fn claims(&self) -> Vec<Claim> {
        let shared = self.shared();
        let waiting = shared.waiting.iter().chain(&shared.behind).map(|job| &job.claim);
        shared.running.iter().chain(waiting).cloned().collect()
    }

    pub fn take_unended(&self) -> Vec<Claim> {
        std::mem::take(&mut self.shared().unended)
    }

    pub fn keep_unended(&self, claims: Vec<Claim>) {
        self.shared().unended.extend(claims);
    }

    /// Tells what runs to end; answers with what was still waiting.
    pub fn stop(&self) -> Vec<Claim> {
        self.cancel.store(true, Ordering::Relaxed);
        let mut shared = self.shared();
        let behind = std::mem::take(&mut shared.behind);
        shared.waiting.drain(..).chain(behind).map(|job| job.claim).collect()
    }

    pub async fn settled(&self) {
        loop {
            let told = self.settled.notified();
            tokio::pin!(told);
            // Enabled before the look, so that an end in between is heard.
            told.as_mut().enable();
            if self.has_ended() {
                return;
            }
            told.await;
        }
    }

    fn has_ended(&self) -> bool {
        let shared = self.shared();
        shared.threads == 0 && shared.waiting.is_empty()
    }

    fn work(self: &Arc<Self>) {
        while let Some(job) = self.take() {
            // A panic is a fault of beckon: it must not take other schedules with it.
            match catch_unwind(AssertUnwindSafe(|| job.evaluate())) {
                Ok(Ok(Evaluation::Ready(ready))) => self.hand_in(job, ready),
                Ok(Ok(Evaluation::Ended(fired))) => self.ended(job, Ok(fired)),
                Ok(Err(error)) => self.ended(job, Err(error)),
                Err(_) => {
                    let ended = job.panicked();
                    self.ended(job, ended);
                }
            }
        }
    }

    /// Stores what is ready, until nothing is; or leaves it to the thread that does so already.
    fn hand_in(self: &Arc<Self>, job: Job, ready: Box<Ready>) {
        let mut shared = self.shared();
        shared.ready.push((job, ready));
        if shared.storing {
            return;
        }
        shared.storing = true;
        loop {
            let all = std::mem::take(&mut shared.ready);
            if all.is_empty() {
                shared.storing = false;
                return;
            }
            drop(shared);
            self.store(all);
            shared = self.shared();
            // The next moments of these schedules may go on: whoever looked for work meanwhile found none.
            if !shared.waiting.is_empty() {
                self.staff(&mut shared);
            }
        }
    }

    fn store(&self, all: Vec<(Job, Box<Ready>)>) {
        let stored = |pairs: &[(&Job, &Ready)]| catch_unwind(AssertUnwindSafe(|| store(pairs)));
        let pairs: Vec<(&Job, &Ready)> = all.iter().map(|(job, ready)| (job, &**ready)).collect();
        if pairs.len() > 1
            && let Ok(Ok(fired)) = stored(&pairs)
        {
            for ((job, _), fired) in all.into_iter().zip(fired) {
                self.ended(job, Ok(fired));
            }
            return;
        }
        // One of them may be what can't be stored: it must not take the others with it.
        for (job, ready) in all {
            let ended = match stored(&[(&job, &ready)]) {
                Ok(fired) => fired.map(|mut fired| fired.pop().unwrap_or(Fired::Lost)),
                Err(_) => job.panicked(),
            };
            self.ended(job, ended);
        }
    }

    fn ended(&self, job: Job, ended: Result<Fired, HostError>) {
        job.tell(&ended);
        let mut shared = self.shared();
        shared.running.retain(|claim| *claim != job.claim);
        match ended {
            Ok(Fired::Stored { .. } | Fired::Failed(_) | Fired::Lost) => {}
            Ok(Fired::Behind) if !self.cancel.load(Ordering::Relaxed) => shared.behind.push(job),
            Ok(Fired::Behind | Fired::Cancelled) | Err(_) => shared.unended.push(job.claim),
        }
    }

    /// The first job whose schedule isn't running. Without one the thread ends: who runs it goes on.
    fn take(&self) -> Option<Job> {
        let mut shared = self.shared();
        let busy: HashSet<&str> = shared.running.iter().map(|claim| claim.schedule.as_str()).collect();
        let first = shared.waiting.iter().position(|job| !busy.contains(job.claim.schedule.as_str()));
        let job = first.and_then(|first| shared.waiting.remove(first));
        match &job {
            Some(job) => shared.running.push(job.claim.clone()),
            None => shared.threads -= 1,
        }
        let over = shared.threads == 0;
        drop(shared);
        if over {
            self.settled.notify_waiters();
        }
        job
    }

    fn shared(&self) -> MutexGuard<'_, Shared> {
        self.shared.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
