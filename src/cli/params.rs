//! A script's parameters: from the command line, or asked for on a terminal where they are missing.

use std::collections::{BTreeMap, BTreeSet};
use std::io::IsTerminal as _;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::exit::{Exit, Failure};
use super::question::{Keyboard, Line, next_line};
use crate::domain::misspelt;
use crate::script::{ParamAbort, ParamDecl, ParamSource};

/// How many choices are listed; a name that is not listed is taken all the same.
const LISTED: usize = 40;

/// What was given with `--arg`, and what a person answered.
pub struct Given {
    values: BTreeMap<String, String>,
    talk: Mutex<Talk>,
    /// Where a person is asked, if that is not standard input.
    keyboard: Option<Arc<dyn Keyboard>>,
}

/// What the script has asked for so far.
#[derive(Default)]
struct Talk {
    asked_for: BTreeSet<String>,
    answers: BTreeMap<String, String>,
    given_up: Option<String>,
}

impl Given {
    /// Reads `NAME=VALUE` texts.
    ///
    /// # Errors
    /// One of them has no `=`.
    pub fn of(args: &[String]) -> Result<Arc<Self>, Failure> {
        let mut values = BTreeMap::new();
        for arg in args {
            let Some((name, value)) = arg.split_once('=') else {
                return Err(Failure::new(Exit::Usage, format!("--arg {arg}: it has no ="))
                    .remedy("write --arg NAME=VALUE, such as --arg group=\"Grade 5\""));
            };
            values.insert(name.trim().to_owned(), value.to_owned());
        }
        Ok(Arc::new(Self { values, talk: Mutex::default(), keyboard: None }))
    }

    /// No arguments; whoever is at the keyboard is asked.
    #[must_use]
    pub fn none(keyboard: Option<Arc<dyn Keyboard>>) -> Arc<Self> {
        Arc::new(Self { values: BTreeMap::new(), talk: Mutex::default(), keyboard })
    }

    /// An argument that no parameter took is a slip of the pen: nothing may happen because of it.
    ///
    /// # Errors
    /// There is such an argument.
    pub fn check_all_used(&self, declared: &[ParamDecl]) -> Result<(), Failure> {
        let Some(unknown) = self.values.keys().find(|name| !declared.iter().any(|d| d.name == **name)) else { return Ok(()) };
        let known: Vec<&str> = declared.iter().map(|d| d.name.as_str()).collect();
        let remedy = match misspelt::nearest(unknown, known.iter().copied()) {
            Some(near) => format!("did you mean {near:?}?"),
            None if known.is_empty() => "this script has no parameters".to_owned(),
            None => format!("its parameters are: {}", known.join(", ")),
        };
        Err(Failure::new(Exit::Usage, format!("the script has no parameter {unknown:?}; nothing was changed")).remedy(remedy))
    }

    /// For a script that ended early: an argument that it had not asked for by then, and what may
    /// have been meant.
    #[must_use]
    pub fn not_asked_for(&self) -> Option<String> {
        let talk = self.talk();
        let unknown = self.values.keys().find(|name| !talk.asked_for.contains(*name))?;
        let near = misspelt::nearest(unknown, talk.asked_for.iter().map(String::as_str))?;
        Some(format!("the script did not ask for --arg {unknown}=…; did you mean {near}=…?"))
    }

    /// The parameter for which a person was asked and gave no value.
    #[must_use]
    pub fn given_up(&self) -> Option<String> {
        self.talk().given_up.clone()
    }

    fn talk(&self) -> MutexGuard<'_, Talk> {
        self.talk.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl ParamSource for Given {
    fn value(&self, decl: &ParamDecl) -> Result<Option<String>, ParamAbort> {
        let mut talk = self.talk();
        talk.asked_for.insert(decl.name.clone());
        if let Some(value) = self.values.get(&decl.name).or_else(|| talk.answers.get(&decl.name)) {
            return Ok(Some(value.clone()));
        }
        if decl.default.is_some() || !std::io::stdin().is_terminal() {
            return Ok(None);
        }
        let Some(value) = ask(decl, self.keyboard.as_deref()) else {
            talk.given_up = Some(decl.name.clone());
            return Err(ParamAbort(format!("no value was given for {:?}", decl.name)));
        };
        talk.answers.insert(decl.name.clone(), value.clone());
        Ok(Some(value))
    }
}

/// Asks until an allowed value comes; an empty line, Ctrl-C or the end of input gives up.
fn ask(decl: &ParamDecl, keyboard: Option<&dyn Keyboard>) -> Option<String> {
    let help = decl.help.as_deref().map(|h| format!(" ({h})")).unwrap_or_default();
    if let Some(choices) = &decl.choices {
        for (n, choice) in choices.iter().enumerate().take(LISTED) {
            eprintln!("  {:>2}  {choice}", n + 1);
        }
        if choices.len() > LISTED {
            eprintln!("      and {} more", choices.len() - LISTED);
        }
    }
    loop {
        let prompt = format!("{}{help}: ", decl.name);
        let line = match keyboard {
            Some(keyboard) => keyboard.line(&prompt).ok().flatten().and_then(Line::typed),
            None => {
                eprint!("{prompt}");
                let line = next_line().ok().flatten();
                if line.is_none() {
                    eprintln!("");
                }
                line
            }
        }?;
        let line = line.trim();
        if line.is_empty() {
            return None;
        }
        match chosen(decl.choices.as_deref(), line) {
            Ok(value) => return Some(value),
            Err(why) => eprintln!("{why}"),
        }
    }
}

/// The value that an answer means: itself, or one of the choices by its name or number.
fn chosen(choices: Option<&[String]>, line: &str) -> Result<String, String> {
    let Some(choices) = choices else { return Ok(line.to_owned()) };
    if let Some(choice) = choices.iter().find(|c| *c == line) {
        return Ok(choice.clone());
    }
    if let Some(choice) = line.parse::<usize>().ok().and_then(|n| choices.get(n.checked_sub(1)?)) {
        return Ok(choice.clone());
    }
    Err(match misspelt::nearest(line, choices.iter().map(String::as_str)) {
        Some(near) => format!("{line:?} is none of the choices; did you mean {near:?}?"),
        None => format!("{line:?} is none of the choices; give a name or its number"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_choice_is_named_numbered_or_suggested() {
        let choices = ["Chess".to_owned(), "Grade 5".to_owned(), "2026".to_owned()];
        let of = |line| chosen(Some(&choices), line);
        assert_eq!(of("Grade 5").as_deref(), Ok("Grade 5"));
        assert_eq!(of("2").as_deref(), Ok("Grade 5"));
        assert_eq!(of("2026").as_deref(), Ok("2026"), "a name comes before a number");
        assert_eq!(of("grade5"), Err("\"grade5\" is none of the choices; did you mean \"Grade 5\"?".to_owned()));
        for none in ["0", "4", "-1", "Astronomy", "99999999999999999999"] {
            assert!(of(none).is_err_and(|why| why.ends_with("give a name or its number")), "{none}");
        }
        assert_eq!(chosen(None, "anything").as_deref(), Ok("anything"));
    }

    #[test]
    fn a_misspelt_argument_is_named_with_what_was_meant() {
        let given = Given::of(&["grop=Chess".to_owned()]).unwrap();
        assert_eq!(given.not_asked_for(), None, "nothing was asked for, so nothing is known");
        given.talk().asked_for.insert("group".to_owned());
        assert_eq!(given.not_asked_for().as_deref(), Some("the script did not ask for --arg grop=…; did you mean group=…?"));
        let failure = given.check_all_used(&[]).unwrap_err();
        assert_eq!(failure.remedy.as_deref(), Some("this script has no parameters"));
        assert!(Given::of(&["group".to_owned()]).is_err());
    }
}
