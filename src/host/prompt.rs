//! A prompt on a site: lines that read at once, and whose effects wait in a tray until they are sent
//! together, as one run.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::HostError;
use super::run::{self, Evaluated, OUTPUT_KEPT, Talk};
use super::site::Site;
use super::tray::{Line, Tray};
use crate::domain::approval::Difference;
use crate::domain::intent::Asked;
use crate::domain::roster::RosterView as _;
use crate::domain::task::Page;
use crate::domain::time::Timestamp;
use crate::ports::clock::Clock;
use crate::script::session::{Answer, Ask, Literal, ScriptSession, SessionInput, Ticket, Wanted, skeleton};
use crate::script::shown::Shown;
use crate::script::{ScriptError, ScriptHost, ScriptSource};
use crate::store::{Committed, RunRecord, RunState};

/// What runs of a prompt, its lines and its errors are called.
pub const NAME: &str = "repl";

/// One person's session.
pub struct Prompt<'a> {
    site: &'a Site,
    clock: Arc<dyn Clock>,
    actor: String,
    session: ScriptSession,
    tray: Tray,
    said: Vec<Said>,
    since: SinceSend,
}

/// A line that ended well.
#[derive(Clone, Debug)]
pub struct Said {
    pub text: String,
    /// What it asked for and was not taken back.
    pub asks: Vec<Ticket>,
    /// All that it asked for was taken back.
    pub taken_back: bool,
}

/// What the next run is recorded with.
#[derive(Default)]
struct SinceSend {
    /// How many lines had been said.
    said: usize,
    started_at: Option<Timestamp>,
    params: serde_json::Map<String, serde_json::Value>,
    output: String,
}

/// A line that did not end well.
#[derive(Debug)]
pub enum LineError {
    Script(ScriptError),
    Host(HostError),
}

impl From<HostError> for LineError {
    fn from(error: HostError) -> Self {
        Self::Host(error)
    }
}

impl<'a> Prompt<'a> {
    #[must_use]
    pub fn new(site: &'a Site, host: &ScriptHost, clock: Arc<dyn Clock>, actor: String) -> Self {
        let folder = site.dir.join("scripts");
        let input = SessionInput {
            source: ScriptSource {
                name: NAME.to_owned(),
                text: String::new(),
                folder: folder.is_dir().then_some(folder),
                held: None,
            },
            site: Arc::new(site.facts()),
            trigger: NAME.to_owned(),
            limits: site.config.script_limits,
        };
        let session = host.session(input);
        Self { site, clock, actor, session, tray: Tray::default(), said: Vec::new(), since: SinceSend::default() }
    }

    #[must_use]
    pub fn tray(&self) -> &Tray {
        &self.tray
    }

    /// The lines that ended well, in their order.
    #[must_use]
    pub fn said(&self) -> &[Said] {
        &self.said
    }

    /// Runs a line against the roster as it is now. What it asks for goes into the tray.
    ///
    /// # Errors
    /// The line's own, or the store's; then the session and the tray are as before.
    pub fn run(&mut self, text: &str, wanted: Wanted, talk: Talk) -> Result<Answer, LineError> {
        let saw_run = self.site.store.newest_run().map_err(HostError::from)?;
        let (turn, heard) = run::turn(self.site, &self.clock, talk, self.tray.len())?;
        let now = turn.now;
        let answer = self.session.run(text, turn, wanted).map_err(LineError::Script)?;
        if matches!(wanted, Wanted::Value { .. }) {
            let since = &mut self.since;
            since.started_at.get_or_insert(now);
            since.params.extend(heard.given());
            let printed = heard.printed();
            if since.output.len() + printed.len() < OUTPUT_KEPT {
                since.output.push_str(&printed);
            }
            let asks = answer.asked.iter().map(|ask| ask.ticket).collect();
            self.said.push(Said { text: text.to_owned(), asks, taken_back: false });
            self.tray.add(Line { text: text.to_owned(), asks: answer.asked.clone(), saw_run });
        }
        Ok(answer)
    }

    /// Takes back what the last line asked for that asked for anything.
    pub fn undo(&mut self) -> Option<Line> {
        let line = self.tray.undo()?;
        self.take_back(&line.asks);
        Some(line)
    }

    /// Takes one thing back, by its number from 1.
    pub fn drop_one(&mut self, number: usize) -> Option<Ask> {
        let ask = self.tray.take(number)?;
        self.take_back(std::slice::from_ref(&ask));
        Some(ask)
    }

    /// Takes everything back. Answers how many things that were.
    pub fn drop_all(&mut self) -> usize {
        let asks: Vec<Ask> = self.tray.empty().into_iter().flat_map(|line| line.asks).collect();
        self.take_back(&asks);
        asks.len()
    }

    fn take_back(&mut self, asks: &[Ask]) {
        let tickets: BTreeSet<Ticket> = asks.iter().map(|ask| ask.ticket).collect();
        for said in self.said.iter_mut().filter(|said| !said.asks.is_empty()) {
            said.asks.retain(|ask| !tickets.contains(ask));
            said.taken_back = said.asks.is_empty();
        }
        self.session.take_back(tickets.into_iter().collect());
    }

    /// The last line but one is a part of the last one: it was said again with more behind it.
    pub fn forget_last_but_one(&mut self) {
        if let Some(place) = self.said.len().checked_sub(2) {
            self.said.remove(place);
            self.since.said = self.since.said.min(place);
        }
    }

    /// Another page of the last value, with the roster as it is now.
    ///
    /// # Errors
    /// Those of reading it.
    pub fn page(&mut self, page: Page, talk: Talk) -> Result<Shown, LineError> {
        let (turn, _) = run::turn(self.site, &self.clock, talk, self.tray.len())?;
        self.session.page(page, turn).map_err(LineError::Script)
    }

    /// The lines that ended well and were not taken back, as a runbook.
    ///
    /// # Errors
    /// The roster can't be read.
    pub fn runbook(&self) -> Result<String, HostError> {
        let view = self.site.store.roster()?;
        let lines: Vec<String> = self.said.iter().filter(|said| !said.taken_back).map(|said| said.text.clone()).collect();
        let about = format!("Saved from the prompt of {} by {}.", self.site.config.site.name, self.actor);
        Ok(skeleton(&about, &lines, &|text| {
            if view.group_by_name(text).is_ok_and(|group| group.is_some()) {
                return Some(Literal::Group);
            }
            if view.user_by_username(text).is_ok_and(|user| user.is_some()) {
                return Some(Literal::User);
            }
            is_day(text).then_some(Literal::Day)
        }))
    }

    /// What limits and quiet hours say of the tray as it is.
    ///
    /// # Errors
    /// The store's.
    pub fn judged(&self) -> Result<Evaluated, HostError> {
        self.judge(self.tray.together())
    }

    /// The tray as the run that it would be now, and what has changed since its lines were run.
    ///
    /// # Errors
    /// The store's.
    pub fn plan(&self) -> Result<(Evaluated, Difference), HostError> {
        let difference = self.tray.compare(&self.site.store)?;
        let evaluated = self.judge(difference.stays.iter().map(|(_, ask)| ask.clone()).collect())?;
        Ok((evaluated, difference))
    }

    fn judge(&self, asked: Vec<Asked>) -> Result<Evaluated, HostError> {
        let now = self.clock.now();
        let said = self.said.get(self.since.said..).unwrap_or_default();
        let text = said.iter().map(|said| said.text.as_str()).collect::<Vec<_>>().join("\n");
        let record = RunRecord {
            script: NAME.to_owned(),
            script_hash: run::hash(&text),
            trigger: NAME.to_owned(),
            actor: self.actor.clone(),
            params: serde_json::Value::Object(self.since.params.clone()),
            started_at: self.since.started_at.unwrap_or(now),
            ended_at: now,
            state: RunState::Committed,
            summary: String::new(),
            output: self.since.output.clone(),
            saw_run: match self.tray.saw_run() {
                Some(run) => run,
                None => self.site.store.newest_run()?,
            },
        };
        run::judged(self.site, record, asked, now)
    }

    /// What is in the tray has become a run: the next one begins.
    pub fn sent(&mut self, _committed: &Committed) {
        self.tray.empty();
        self.since = SinceSend { said: self.said.len(), ..SinceSend::default() };
    }
}

/// `2026-12-01`, with a time or without.
fn is_day(text: &str) -> bool {
    let day = text.get(..10).unwrap_or(text);
    let time = text.get(10..).unwrap_or_default();
    chrono::NaiveDate::parse_from_str(day, "%Y-%m-%d").is_ok()
        && (time.is_empty() || chrono::NaiveTime::parse_from_str(time.trim_start(), "%H:%M").is_ok())
}
