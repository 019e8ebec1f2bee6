//! The tray: what is in it, and how it is sent or emptied.

use serde_json::json;

use super::shell::Shell;
use crate::cli::approve::changes;
use crate::cli::exit::{Exit, Failure};
use crate::cli::ink::Ink;
use crate::cli::layout::wrapped;
use crate::cli::render;
use crate::cli::run::{Agreed, commit_agreed, held, show_remarks};
use crate::cli::width;
use crate::domain::invite_plan::counted;
use crate::host::run::summary;

/// Columns of a number in the tray, and of the gap behind it.
const NUMBER: usize = 5;

impl Shell<'_, '_> {
    /// The tray in one line, and what limits would say of it; nothing of an empty one.
    pub(super) fn tray_text(&self) -> Result<(String, String), Failure> {
        let tray = self.prompt.tray();
        if self.json || tray.is_empty() {
            return Ok(Default::default());
        }
        let tray = wrapped(&format!("tray: {} (:review, :send)", tray.summary()), width(), 0, 2);
        Ok((tray, render::exceeded(&self.prompt.judged()?.exceeded)))
    }

    pub(super) fn show_tray(&self) -> Result<(), Failure> {
        self.say_of_tray(&self.tray_text()?);
        Ok(())
    }

    pub(super) fn say_of_tray(&self, (tray, exceeded): &(String, String)) {
        for line in tray.lines() {
            println!("{}", self.session.ink.err_dim(line));
        }
        eprint!("{exceeded}");
    }

    /// The tray as the plan that it would be now.
    pub(super) fn review(&mut self) -> Result<(), Failure> {
        if self.prompt.tray().is_empty() {
            self.say("the tray is empty", json!({ "tray": [] }));
            return Ok(());
        }
        if self.json {
            let asked: Vec<_> =
                self.prompt.tray().asked().map(|asked| json!({ "ask": asked.intent.summary(), "at": asked.origin })).collect();
            println!("{}", json!({ "tray": asked, "held_by": self.prompt.judged()?.exceeded }));
            return Ok(());
        }
        let ink = Ink::new(self.session.ink.out);
        for (number, asked) in (1..).zip(self.prompt.tray().asked()) {
            println!("{number:>3}  {}", render::plan(&asked.intent.summary(), width() - NUMBER, &ink).replace('\n', "\n     "));
        }
        let judged = self.prompt.judged()?;
        show_remarks(&judged);
        eprint!("{}", render::exceeded(&judged.exceeded));
        Ok(())
    }

    /// Sends the tray as one run.
    pub(super) fn send(&mut self) -> Result<(), Failure> {
        if self.prompt.tray().is_empty() {
            return Err(Failure::new(Exit::Usage, "the tray is empty: there is nothing to send"));
        }
        let (evaluated, difference) = self.prompt.plan()?;
        if !self.json {
            print!("{}", changes(&difference));
            if !difference.is_void() {
                println!("{}", render::plan(&summary(&evaluated.asked), width(), &Ink::new(self.session.ink.out)));
            }
            show_remarks(&evaluated);
        }
        if difference.is_void() {
            return Err(Failure::new(Exit::Refused, "there is nobody to send anything to").remedy(":drop empties the tray"));
        }
        let agreed = commit_agreed(self.session, self.site, &evaluated, self.yes, "start it with --yes: `beckon repl --yes`")?;
        match agreed {
            Agreed::Held(committed) => {
                self.prompt.sent(&committed);
                if self.json {
                    println!("{}", render::run_json(&evaluated, Some(&committed), None));
                }
                Err(held(self.site, &committed))
            }
            Agreed::Committed(ports, committed) => {
                self.prompt.sent(&committed);
                if self.json {
                    println!("{}", render::run_json(&evaluated, Some(&committed), None));
                }
                if self.at_terminal && !self.json {
                    println!("run {} is under way; what becomes of it is shown here", committed.run);
                }
                self.deliveries.start(ports, committed);
                if !self.at_terminal {
                    // A transcript tells things in their order.
                    self.wait_for_deliveries();
                }
                Ok(())
            }
        }
    }

    /// Empties the tray, or takes one thing out of it.
    pub(super) fn drop(&mut self, number: &str) -> Result<(), Failure> {
        if number.is_empty() {
            let dropped = self.prompt.drop_all();
            let what = if dropped == 0 {
                "the tray is empty already".to_owned()
            } else {
                format!("{} dropped", counted(dropped, "ask"))
            };
            self.say(&what, json!({ "dropped": dropped }));
            return Ok(());
        }
        let taken = number.parse().ok().and_then(|number| self.prompt.drop_one(number));
        let Some(ask) = taken else {
            let what = format!("{number:?} is no number of the tray: it has {}", counted(self.prompt.tray().len(), "ask"));
            return Err(Failure::new(Exit::Usage, what).remedy(":review shows the numbers"));
        };
        let what = ask.asked.intent.summary();
        self.say(&format!("dropped: {what}"), json!({ "dropped": 1, "ask": what }));
        self.show_tray()
    }

    /// Takes back the last line that asked for anything.
    pub(super) fn undo(&mut self) -> Result<(), Failure> {
        let Some(line) = self.prompt.undo() else {
            return Err(Failure::new(Exit::Usage, "the tray is empty: there is nothing to take back"));
        };
        self.say(&format!("taken back: {}", line.text), json!({ "undone": line.text }));
        self.show_tray()
    }
}
