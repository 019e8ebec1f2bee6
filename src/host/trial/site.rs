//! One test's site: a store of its own, everything of `beckon serve` that matters, stepped, and the world.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};

use chrono_tz::Tz;

use super::around::Hurried;
use super::told::told;
use super::{Stopping, TestWorld, problem};
use crate::domain::delivery::{Channel, Step};
use crate::domain::ids::UserId;
use crate::domain::invite_plan::counted;
use crate::domain::roster::RosterView;
use crate::domain::time::{Span, Timestamp, show};
use crate::host::apple_inbox::AppleInbox;
use crate::host::canary::Canary;
use crate::host::deliver::registrar;
use crate::host::follower::Follower;
use crate::host::run::{Evaluated, RunError, RunRequest, commit, evaluate};
use crate::host::scheduler::{ScheduleParams, Scheduler};
use crate::host::serve::stepped::{Here, NamedChore, Stepped};
use crate::host::site::Site;
use crate::host::{HostError, Ports, bounces};
use crate::roster_files::Reader;
use crate::script::trial::roster::{DOMAIN, Roster, TestUser};
use crate::script::trial::sent::Which;
use crate::script::trial::{Act, Invitation, Message, Trial, TrialRun, Tried, Wanted, failed_script};
use crate::script::{LastValue, Problem, ScriptHost};
use crate::store::ImportOptions;

/// How far a test may look ahead in one step: a school year and some.
const AHEAD_MAX: Span = Span::days(800);
/// How long a run's messages have for leaving before the test goes on.
const LEAVING: Span = Span::minutes(1);
/// Something that is due again at once so often is never done.
const TURNS_MAX: usize = 5_000;
/// Of the journal a test reads the newest so many entries.
const JOURNAL_ROWS: u32 = 20_000;

pub struct TrialSite {
    site: Arc<Site>,
    world: Box<dyn TestWorld>,
    ports: Ports,
    stepped: Stepped,
    roster: Roster,
    host: Arc<ScriptHost>,
    stop: Stopping,
    imports: u64,
    trouble: Vec<String>,
    /// Whether schedules fire.
    fires: bool,
    /// Moments of schedules whose failure the test was told of.
    told: BTreeSet<(String, Timestamp)>,
}

impl TrialSite {
    pub fn open(
        site: Site,
        world: Box<dyn TestWorld>,
        host: Arc<ScriptHost>,
        wanted: Wanted,
        stop: Stopping,
    ) -> Result<Self, HostError> {
        let mut ports = world.ports();
        ports.clock = Arc::new(Hurried::new(&ports.clock, &stop));
        let site = Arc::new(site);
        let registrar = registrar(&site, &ports);
        let inbox = Arc::new(AppleInbox::new(Arc::clone(&site.store), Arc::clone(&ports.clock)));
        let follower = Follower::new(Box::new(Here(registrar.clone())), inbox, Arc::default());
        let chores: Vec<NamedChore> = vec![("follower", Box::new(follower)), ("canary", Box::new(Canary))];
        let scheduler = wanted.schedules.then(|| Scheduler::new("a test".to_owned(), Arc::clone(&host)));
        let runtime = tokio::runtime::Builder::new_current_thread().build();
        let runtime = runtime.map_err(|e| HostError::Internal(format!("no runtime for a test: {e}")))?;
        let stepped = Stepped::new(chores, scheduler, registrar, runtime);
        let roster = wanted.roster;
        let (fires, trouble, told) = (wanted.schedules, Vec::new(), BTreeSet::new());
        let mut made = Self { site, world, ports, stepped, roster, host, stop, imports: 0, trouble, fires, told };
        made.import()?;
        made.turns()?;
        Ok(made)
    }

    /// Takes the roster as it is in the test: who isn't in it any more has left.
    fn import(&mut self) -> Result<(), HostError> {
        self.world.introduce(&self.roster);
        let mut reader = Reader::default();
        for (name, text) in self.roster.files() {
            reader.file(name, text.as_bytes()).map_err(|e| HostError::Internal(e.to_string()))?;
        }
        let incoming = reader.finish().map_err(|e| HostError::Internal(e.to_string()))?;
        if let Some(rejected) = incoming.rejected.first() {
            return Err(HostError::site(
                format!("the test's roster: {}: {}", rejected.about, rejected.reason),
                "say it as a roster file would",
            ));
        }
        self.imports += 1;
        let (mut drawn, import) = (0_u64, self.imports);
        let mut new_id = || {
            drawn += 1;
            format!("00000000-0000-4000-{import:04x}-{drawn:012x}")
        };
        let options = ImportOptions { source: "test".to_owned(), keep_missing: false };
        self.site.store.take_roster(incoming, &options, self.now(), &mut new_id)?;
        Ok(())
    }

    /// Everything that is due now; answers when there is more.
    fn turns(&mut self) -> Result<Option<Timestamp>, HostError> {
        for _ in 0..TURNS_MAX {
            self.hear()?;
            let mine = self.stepped.step(&self.site, &self.ports, &mut self.trouble);
            self.hear()?;
            let wake = [mine, self.world.next_wake()].into_iter().flatten().min();
            if wake.is_none_or(|at| at > self.now()) {
                return Ok(wake);
            }
        }
        let last = self.trouble.last().cloned().unwrap_or_default();
        Err(HostError::Internal(format!("at {} something is due for ever {last}", show(self.now(), self.zone()))))
    }

    /// The world's devices report to nobody else.
    fn hear(&self) -> Result<(), HostError> {
        for report in self.world.catch_up() {
            self.site.store.take_report(&report, self.now())?;
        }
        Ok(())
    }

    fn until(&mut self, end: Timestamp) -> Tried<()> {
        let began = self.now();
        while let Some(wake) = self.turns().map_err(problem)?.filter(|wake| *wake <= end) {
            if (self.stop)().is_some() {
                return Err(Problem::new("limit_seconds", "the test took too long")
                    .hint("`limits.script.seconds` in site.toml raises the limit; fewer users or days are faster"));
            }
            self.world.advance_to(wake);
        }
        self.world.advance_to(end);
        self.failed_since(began)
    }

    /// A schedule that fails while time passes is not to be overlooked: it is told once, when the time has passed.
    fn failed_since(&mut self, began: Timestamp) -> Tried<()> {
        if !self.fires {
            return Ok(());
        }
        let failed = self.site.store.failed_moments(began).map_err(|e| problem(e.into()))?;
        let new: Vec<_> = failed.into_iter().filter(|f| self.told.insert((f.schedule.clone(), f.at))).collect();
        let Some(first) = new.first() else { return Ok(()) };
        let more = match new.len() - 1 {
            0 => String::new(),
            n => format!(", and {} after that", counted(n, "time")),
        };
        let (at, words) = (show(first.at, self.zone()), first.words.trim_start_matches("error: "));
        let message = format!("the schedule {:?} failed at {at}{more}:\n{words}", first.schedule);
        Err(Problem::new("schedule_failed", message)
            .about("advance")
            .hint("a test that wants this looks at it: `t::throws(|| site.advance(…))`"))
    }

    fn evaluate(&self, script: &str, params: BTreeMap<String, String>, dry_run: bool) -> Tried<(Evaluated, String)> {
        let file = if script.ends_with(".rhai") { script.to_owned() } else { format!("{script}.rhai") };
        let source = self.site.scripts.source(&file).map_err(problem)?;
        let given: BTreeMap<String, serde_json::Value> = self.params_of(&file, params);
        let params = Arc::new(ScheduleParams::of(&given));
        let printed = Arc::new(Mutex::new(String::new()));
        let kept = Arc::clone(&printed);
        let request = RunRequest {
            source,
            trigger: "runbook".to_owned(),
            actor: "test".to_owned(),
            params: Arc::clone(&params) as Arc<_>,
            dry_run,
            last: LastValue::Printed,
            print: Arc::new(move |line| {
                let mut kept = kept.lock().unwrap_or_else(PoisonError::into_inner);
                kept.push_str(line);
                kept.push('\n');
            }),
            cancel: Arc::default(),
            debugger: None,
        };
        match evaluate(&self.site, &self.host, request, &self.ports.clock) {
            Ok(evaluated) => match params.not_taken(&evaluated.declared) {
                Some(wrong) => Err(Problem::new("unknown_parameter", wrong)),
                None => {
                    let printed = std::mem::take(&mut *printed.lock().unwrap_or_else(PoisonError::into_inner));
                    Ok((evaluated, printed))
                }
            },
            Err(RunError::Script { error, .. }) => Err(failed_script(&error)),
            Err(RunError::Host(error)) => Err(problem(error)),
        }
    }

    /// What is given, over what the script's first schedule gives it.
    fn params_of(&self, script: &str, given: BTreeMap<String, String>) -> BTreeMap<String, serde_json::Value> {
        let schedule = self.site.config.schedules.iter().find(|s| s.script == script);
        let mut params = schedule.map(|s| s.params.clone()).unwrap_or_default();
        params.extend(given.into_iter().map(|(name, value)| (name, value.into())));
        params
    }

    fn user(&self, username: &str) -> Tried<UserId> {
        let found = self.site.store.user_called(username).map_err(|e| problem(e.into()))?;
        found.ok_or_else(|| {
            let known = self.roster.users.iter().map(|u| u.username.as_str());
            Problem::unknown("user", username, known)
        })
    }

    fn person(&mut self, username: &str) -> Tried<&mut TestUser> {
        self.user(username)?;
        let gone = || Problem::new("user_left", format!("{username:?} has left the roster"));
        self.roster.user_mut(username).ok_or_else(gone)
    }

    fn accept(&mut self, username: &str) -> Tried<()> {
        self.user(username)?;
        self.world.accept(username).map_err(|why| Problem::new("cannot_accept", format!("{username:?} can't accept: {why}")))?;
        let Some(registrar) = self.stepped.registrar.clone() else { return Ok(()) };
        // Apple's list says who has accepted; reading it takes no time that a test would notice.
        self.stepped.runtime.block_on(registrar.sync()).map_err(problem)
    }

    fn bounce(&mut self, username: &str) -> Tried<()> {
        let user = self.user(username)?;
        let address = self.person(username)?.mail.clone();
        let address = address.ok_or_else(|| Problem::new("no_mail", format!("{username:?} has no mailbox")))?;
        self.world.close_mailbox(&address);
        let sent = self.site.store.sent_messages(Some(user)).map_err(|e| problem(e.into()))?;
        let Some(domain) = self.site.config.mail.as_ref().map(|mail| mail.from.address.domain().to_owned()) else {
            return Ok(());
        };
        for letter in sent.iter().filter(|m| m.channel == Channel::Mail) {
            let report = self.world.bounce(&format!("{}@{domain}", letter.far_id), &address);
            bounces::take(&self.site.store, &domain, &report, self.now()).map_err(problem)?;
        }
        Ok(())
    }

    fn change_roster(&mut self, username: &str, act: Act) -> Tried<()> {
        match act {
            Act::Join(group) => {
                self.roster.add_group(&group)?;
                if self.roster.user(username).is_none() {
                    let mail = Some(format!("{username}@{DOMAIN}"));
                    let (username, full_name) = (username.to_owned(), username.to_owned());
                    self.roster.add_user(TestUser { username, full_name, mail, ..TestUser::default() })?;
                }
                if let Some(user) = self.roster.user_mut(username).filter(|u| !u.groups.contains(&group)) {
                    user.groups.push(group);
                }
            }
            Act::Leave(group) => {
                let user = self.person(username)?;
                let before = user.groups.len();
                user.groups.retain(|g| *g != group);
                if user.groups.len() == before {
                    let message = format!("{username:?} is not in {group:?}");
                    return Err(Problem::new("not_a_member", message).about(group));
                }
            }
            Act::LeaveSchool => {
                self.person(username)?;
                self.roster.remove_user(username);
            }
            Act::Disable => drop(self.person(username)?.fields.insert("enabled".to_owned(), "no".to_owned())),
            Act::Accept | Act::Decline | Act::Bounce => {}
        }
        self.import().map_err(problem)
    }
}

impl Trial for TrialSite {
    fn now(&self) -> Timestamp {
        self.ports.clock.now()
    }

    fn zone(&self) -> Tz {
        self.site.config.site.timezone
    }

    fn view(&self) -> Tried<Box<dyn RosterView>> {
        Ok(Box::new(self.site.store.roster().map_err(|e| problem(e.into()))?))
    }

    fn run(&mut self, script: &str, params: BTreeMap<String, String>, dry_run: bool) -> Tried<TrialRun> {
        let (evaluated, printed) = self.evaluate(script, params, dry_run)?;
        let run = told(&evaluated, printed);
        if !dry_run {
            commit(&self.site, &evaluated, self.now()).map_err(problem)?;
            self.until(self.now() + LEAVING)?;
        }
        Ok(run)
    }

    fn advance_to(&mut self, at: Timestamp) -> Tried<()> {
        let now = self.now();
        if at < now {
            let message = format!("it is {} already: time doesn't go back", show(now, self.zone()));
            return Err(Problem::new("out_of_range", message));
        }
        if at - now > AHEAD_MAX {
            return Err(Problem::out_of_range("a step in time", "at most 800 days", format!("{} days", (at - now).num_days())));
        }
        self.until(at)
    }

    fn act(&mut self, username: &str, act: Act) -> Tried<()> {
        match act {
            Act::Accept => self.accept(username)?,
            Act::Decline => {
                self.user(username)?;
                self.world.decline(username);
            }
            Act::Bounce => self.bounce(username)?,
            roster => self.change_roster(username, roster)?,
        }
        self.until(self.now())
    }

    fn messages(&self, which: &Which, with_text: bool) -> Tried<Vec<Message>> {
        let users: Vec<UserId> = which.users.iter().map(|name| self.user(name)).collect::<Tried<_>>()?;
        let only = if let [one] = users.as_slice() { Some(*one) } else { None };
        let sent = self.site.store.sent_messages(only).map_err(|e| problem(e.into()))?;
        let message = |sent: crate::store::SentMessage| {
            let data = |key: &str| sent.data.get(key).and_then(|v| v.as_str()).unwrap_or_default().to_owned();
            let is_push = sent.channel == Channel::Push;
            let (subject, text) = if is_push { (data("title"), data("text")) } else { Default::default() };
            let message = Message {
                sent_at: sent.at,
                username: sent.username,
                channel: sent.channel.word(),
                template: sent.template,
                subject,
                text,
                to: sent.to,
                reminder: match sent.step {
                    Step::Remind(n) => n,
                    Step::Invite | Step::Message => 0,
                },
            };
            let letter = || self.world.letter(&sent.far_id).filter(|_| !is_push);
            which.takes(&message).then(|| match with_text.then(letter).flatten() {
                Some((subject, text)) => Message { subject, text, ..message },
                None => message,
            })
        };
        Ok(sent.into_iter().filter_map(message).collect())
    }

    fn invitations(&self, username: &str) -> Tried<Vec<Invitation>> {
        let found = self.site.store.invitations_of(self.user(username)?).map_err(|e| problem(e.into()))?;
        let told = found.into_iter().map(|i| Invitation {
            state: i.state,
            invited_at: i.invited_at,
            ended_at: i.ended_at,
            expires_at: i.expires_at,
        });
        Ok(told.collect())
    }

    fn journal(&self) -> Tried<Vec<String>> {
        self.site.store.journal_words(JOURNAL_ROWS).map_err(|e| problem(e.into()))
    }
}

impl Drop for TrialSite {
    fn drop(&mut self) {
        // The folder goes with the last test; until then hundreds of stores would lie in it.
        let path = self.site.store.path().to_owned();
        for ending in ["", "-wal", "-shm"] {
            let _ = std::fs::remove_file(format!("{}{ending}", path.display()));
        }
    }
}
