//! A small school that everybody knows by name, in memory, for tests of the script host.

mod school;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};

pub use school::School;

use crate::domain::delivery::Channel;
use crate::domain::limits::{Limits, ScriptLimits};
use crate::domain::roster::Read;
use crate::domain::schedule::cron::Cron;
use crate::domain::schedule::timing::Timing;
use crate::domain::schedule::{Fold, Gap, Missed, Overlap, Schedule};
use crate::domain::time::{Span, Timestamp};
use crate::script::{
    LastValue, ParamAbort, ParamDecl, ParamSource, RunInput, RunOutput, ScheduleBook, ScriptError, ScriptHost, ScriptSource,
    SiteFacts, TemplateCheck, TemplateMisfit, Turn,
};

/// Tuesday, 1 December 2026, 08:00 in Amsterdam.
pub fn now() -> Timestamp {
    chrono::DateTime::parse_from_rfc3339("2026-12-01T07:00:00Z").unwrap().to_utc()
}

struct Templates;

impl TemplateCheck for Templates {
    fn names(&self) -> Vec<String> {
        ["invitation", "last-call", "reminder", "report", "welcome"].map(str::to_owned).to_vec()
    }
    fn broken(&self) -> Vec<ScriptError> {
        Vec::new()
    }
    fn check_data(&self, name: &str, data: &serde_json::Value) -> Result<(), TemplateMisfit> {
        let data = data.as_object().cloned().unwrap_or_default();
        self.check_keys(name, &data.keys().map(String::as_str).collect::<Vec<_>>())
    }
    fn check_keys(&self, name: &str, keys: &[&str]) -> Result<(), TemplateMisfit> {
        if name == "report" && !keys.contains(&"enrolled") {
            return Err(TemplateMisfit { what: "needs `enrolled` too".into(), about: None, hint: None, at: None });
        }
        Ok(())
    }
}

pub fn site() -> SiteFacts {
    SiteFacts {
        name: "Sunnyside School".into(),
        zone: chrono_tz::Europe::Amsterdam,
        language: "nl".into(),
        contact: "it@sunnyside.example".into(),
        settings: serde_json::json!({ "helpdesk": "https://help.sunnyside.example", "days": 3 }).as_object().unwrap().clone(),
        limits: Limits::default(),
        channels: vec![Channel::Mdm, Channel::Mail],
        webhooks: vec!["staff-chat".into()],
        templates: Arc::new(Templates),
        schedules: Arc::new(Schedules([schedule().into()])),
    }
}

/// One schedule, which is not paused.
struct Schedules([Arc<Schedule>; 1]);

impl ScheduleBook for Schedules {
    fn all(&self) -> &[Arc<Schedule>] {
        &self.0
    }

    fn paused(&self) -> Read<BTreeSet<String>> {
        Ok(BTreeSet::new())
    }
}

fn schedule() -> Schedule {
    Schedule {
        name: "weekly-reminder".into(),
        script: "weekly-reminder.rhai".into(),
        timing: Timing {
            cron: Cron::parse("0 8 * * MON").unwrap(),
            zone: chrono_tz::Europe::Amsterdam,
            gap: Gap::NextValid,
            fold: Fold::First,
        },
        missed: Missed::RunOnce,
        max_late: Span::hours(6),
        overlap: Overlap::Skip,
        params: BTreeMap::new(),
    }
}

/// Parameters as the command line gives them.
#[derive(Default)]
pub struct Given(pub BTreeMap<String, String>);

impl ParamSource for Given {
    fn value(&self, decl: &ParamDecl) -> Result<Option<String>, ParamAbort> {
        Ok(self.0.get(&decl.name).cloned())
    }
}

/// A run in the making, and the lines that it printed.
pub struct Trial {
    pub input: RunInput,
    pub printed: Arc<Mutex<Vec<String>>>,
}

/// A run of `text` at Sunnyside School.
pub fn trial(text: &str) -> Trial {
    trial_in(School::sunnyside(), text)
}

pub fn trial_in(school: School, text: &str) -> Trial {
    let printed = Arc::new(Mutex::new(Vec::new()));
    let lines = printed.clone();
    let input = RunInput {
        script: ScriptSource { name: "scripts/test.rhai".into(), text: text.into(), folder: None, held: None },
        turn: Turn {
            view: Box::new(school),
            now: now(),
            params: Arc::new(Given::default()),
            stop: Arc::new(|| None),
            print: Arc::new(move |line| lines.lock().unwrap().push(line.to_owned())),
            asked_before: 0,
            debugger: None,
        },
        site: Arc::new(site()),
        trigger: "runbook".into(),
        dry_run: false,
        last: LastValue::Shown,
        limits: ScriptLimits::default(),
    };
    Trial { input, printed }
}

impl Trial {
    pub fn with(mut self, change: impl FnOnce(&mut RunInput)) -> Self {
        change(&mut self.input);
        self
    }

    pub fn given(self, params: &[(&str, &str)]) -> Self {
        let given = params.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
        self.with(|input| input.turn.params = Arc::new(Given(given)))
    }

    /// Whatever runs without an error must pass the check without one.
    pub fn run(self) -> Result<RunOutput, ScriptError> {
        let (name, text) = (self.input.script.name.clone(), self.input.script.text.clone());
        let output = host().run(self.input)?;
        let errors: Vec<String> = host().check(&name, &text).iter().map(ToString::to_string).collect();
        assert!(errors.is_empty(), "it runs, and the check says: {}", errors.join("\n"));
        Ok(output)
    }

    /// What it printed, and its last value.
    pub fn output(self) -> String {
        let printed = self.printed.clone();
        let output = self.run().unwrap_or_else(|error| panic!("{error}"));
        let mut lines = printed.lock().unwrap().clone();
        lines.extend(output.value);
        lines.join("\n")
    }

    /// The error's text.
    pub fn error(self) -> String {
        match self.run() {
            Ok(output) => panic!("it ran: {output:?}"),
            Err(error) => error.render(false),
        }
    }

    /// What it asked for, as a person confirms it.
    pub fn asked(self) -> String {
        let output = self.run().unwrap_or_else(|error| panic!("{error}"));
        let asked = output.asked.iter().map(|a| format!("{}:{} {}", a.origin.line, a.origin.column, a.intent.summary()));
        asked.collect::<Vec<_>>().join("\n")
    }
}

/// One host for all tests: its modules are shared.
pub fn host() -> &'static ScriptHost {
    static HOST: std::sync::OnceLock<ScriptHost> = std::sync::OnceLock::new();
    HOST.get_or_init(ScriptHost::new)
}
