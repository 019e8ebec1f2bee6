//! The commands of the prompt: their names, and what `:help` says of them.

use crate::domain::misspelt;
use crate::script::session::{Completeness, completeness};

/// What can be asked of the prompt itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Command {
    Help,
    Doc,
    Type,
    Time,
    Debug,
    Explain,
    Review,
    Send,
    Drop,
    Undo,
    More,
    Save,
    Load,
    Quit,
}

/// A command as `:help` shows it.
pub struct About {
    pub command: Command,
    pub name: &'static str,
    /// What follows it: `EXPR`, `[N]`.
    pub takes: &'static str,
    pub line: &'static str,
    pub more: &'static str,
}

/// In the order in which they are listed.
pub const COMMANDS: &[About] = &[
    About {
        command: Command::Help,
        name: "help",
        takes: "[COMMAND]",
        line: "these commands, or one of them in full",
        more: "Everything else that you type is script, as in a runbook: `users.count()`. A statement that is not\n\
               complete goes on in the next line. Ctrl-C stops what runs, or clears the line; Ctrl-D leaves. Several\n\
               lines and commands can be pasted at once; they are worked through up to the first that fails.",
    },
    About {
        command: Command::Doc,
        name: "doc",
        takes: "NAME",
        line: "what a name of the script API is and does, with an example",
        more: "A global, a type, a function or a field: `:doc users`, `:doc where`, `:doc invite.plan`. It says which\n\
               effects a function can cause. `help(\"where\")` prints the same from a script.",
    },
    About {
        command: Command::Type,
        name: "type",
        takes: "EXPR",
        line: "what kind of value an expression has; nothing of it is kept",
        more: "The expression is evaluated. What it declares or asks for is forgotten.",
    },
    About {
        command: Command::Time,
        name: "time",
        takes: "EXPR",
        line: "runs a line, and says how long it took",
        more: "The line counts like any other: what it asks for goes into the tray.",
    },
    About {
        command: Command::Debug,
        name: "debug",
        takes: "EXPR",
        line: "runs a line, or a script, step by step in the debugger",
        more: "`:debug remind(users)` stops at the first statement; `help` there lists its commands. The line counts\n\
               like any other: what it asks for goes into the tray. `:debug FILE.rhai` runs the script's statements.\n\
               Ctrl-C stops a line that runs on at its next statement; again, before it has come to one, ends it.",
    },
    About {
        command: Command::Explain,
        name: "explain",
        takes: "EXPR",
        line: "a selection's query, or what a plan decided about everybody",
        more: "For a selection: the query, what was pushed into it, and what is asked row by row. For a plan: who is\n\
               invited how, and who is left out why. Nothing of the expression is kept.",
    },
    About {
        command: Command::Review,
        name: "review",
        takes: "",
        line: "the tray in full, each thing with its number",
        more: "Lines that ask for something change nothing: what they ask for waits in the tray until :send.",
    },
    About {
        command: Command::Send,
        name: "send",
        takes: "",
        line: "sends the tray, after a confirmation",
        more: "All of the tray is one run and one transaction, under the limits of the site. What has changed since\n\
               the lines were run is shown first. Deliveries go on while you go on. A yes counts only when it is typed\n\
               after the question: what was typed before waits for the next prompt. Everything else keeps the tray.",
    },
    About {
        command: Command::Drop,
        name: "drop",
        takes: "[N]",
        line: "empties the tray, or takes number N of :review out of it",
        more: "A plan that was taken out can be sent again.",
    },
    About {
        command: Command::Undo,
        name: "undo",
        takes: "",
        line: "takes back what the last line asked for that asked for anything",
        more: "Variables and functions stay as they are.",
    },
    About {
        command: Command::More,
        name: "more",
        takes: "",
        line: "the next page of the last value",
        more: "The roster is read as it is now.",
    },
    About {
        command: Command::Save,
        name: "save",
        takes: "FILE",
        line: "writes the lines that ended well into a runbook",
        more: "Group names, usernames, days and numbers become parameters, with what you typed as their defaults.\n\
               What was taken back is left out. A bare name is a file in the site's scripts folder.",
    },
    About {
        command: Command::Load,
        name: "load",
        takes: "FILE",
        line: "runs the statements of a script as if they were typed",
        more: "FILE is a path, or a name in the site's scripts folder. It stops at the first error.",
    },
    About {
        command: Command::Quit,
        name: "quit",
        takes: "",
        line: "leaves; asks first where the tray is not empty",
        more: "Deliveries that are under way are finished before.",
    },
];

impl Command {
    /// The command of that name, or of which it is the only beginning.
    ///
    /// # Errors
    /// There is none, or there are several: in words, with what to do.
    pub fn find(name: &str) -> Result<Self, String> {
        if let Some(about) = COMMANDS.iter().find(|about| about.name == name) {
            return Ok(about.command);
        }
        let begins: Vec<&About> = COMMANDS.iter().filter(|about| !name.is_empty() && about.name.starts_with(name)).collect();
        match begins.as_slice() {
            [one] => Ok(one.command),
            [] => {
                let near = misspelt::nearest(name, COMMANDS.iter().map(|about| about.name));
                let hint = near.map_or_else(|| "`:help` lists them".to_owned(), |near| format!("did you mean :{near}?"));
                Err(format!("there is no command :{name}; {hint}"))
            }
            several => {
                let names: Vec<String> = several.iter().map(|about| format!(":{}", about.name)).collect();
                Err(format!(":{name} may be {}", names.join(" or ")))
            }
        }
    }

    /// What `:help` knows of it.
    #[must_use]
    pub fn about(self) -> Option<&'static About> {
        COMMANDS.iter().find(|about| about.command == self)
    }
}

/// Commands that are followed by script, which may have several lines.
const TAKING_SCRIPT: &[Command] = &[Command::Type, Command::Time, Command::Debug, Command::Explain];

/// The script in what is typed, and where it begins, in bytes: all of it, or what follows a command that takes
/// script. `None` for another command.
#[must_use]
pub fn script_of(text: &str) -> Option<(usize, &str)> {
    let Some(command) = text.strip_prefix(':') else { return Some((0, text)) };
    let (name, rest) = command.split_once(char::is_whitespace)?;
    let takes_script = Command::find(name).is_ok_and(|command| TAKING_SCRIPT.contains(&command));
    takes_script.then(|| (text.len() - rest.len(), rest))
}

/// Whether what is typed is not whole: another line has to follow.
#[must_use]
pub fn goes_on(text: &str) -> bool {
    script_of(text).is_some_and(|(_, script)| completeness(script) == Completeness::Incomplete)
}

/// What was typed or pasted at once, as it would have been entered line by line: each command by itself. A text
/// without commands in it stays one, and blanks are none.
#[must_use]
pub fn entries(text: &str) -> Vec<String> {
    let mut entries: Vec<String> = Vec::new();
    for line in text.split('\n') {
        let goes_on = |last: &&mut String| {
            let is_command = line.starts_with(':');
            goes_on(last) || line.trim_start().starts_with('.') || !is_command && !last.starts_with(':')
        };
        match entries.last_mut().filter(goes_on) {
            Some(last) => last.extend(["\n", line]),
            None => entries.push(line.to_owned()),
        }
    }
    entries.retain(|entry| !entry.trim().is_empty());
    entries
}

/// The commands in a table, or one in full.
///
/// # Errors
/// There is no such command.
pub fn help(of: &str) -> Result<String, String> {
    let name = of.trim().trim_start_matches(':');
    if name.is_empty() {
        let usage = |about: &About| format!(":{} {}", about.name, about.takes).trim_end().to_owned();
        let lines = COMMANDS.iter().map(|about| format!("  {:<18} {}", usage(about), about.line));
        let more = "Everything else is script. A command may be shortened: `:rev`.".to_owned();
        return Ok(lines.chain([more]).collect::<Vec<_>>().join("\n"));
    }
    let about = Command::find(name)?.about().ok_or("it has no help")?;
    let usage = format!(":{} {}", about.name, about.takes);
    Ok(format!("{}\n  {}\n{}", usage.trim_end(), about.line, about.more))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_is_found_by_any_beginning_that_is_its_own() {
        assert_eq!(Command::find("review"), Ok(Command::Review));
        assert_eq!(Command::find("rev"), Ok(Command::Review));
        assert_eq!(Command::find("q"), Ok(Command::Quit));
        assert_eq!(Command::find("t"), Err(":t may be :type or :time".to_owned()));
        assert_eq!(Command::find("sned"), Err("there is no command :sned; did you mean :send?".to_owned()));
        assert_eq!(Command::find(""), Err("there is no command :; `:help` lists them".to_owned()));
    }

    #[test]
    fn only_script_goes_on_in_the_next_line() {
        for open in ["if a {", ":time for n in 0..3 {", ":type (", ":exp users.where(|u|", ":debug if a {"] {
            assert!(goes_on(open), "{open}");
        }
        for whole in ["a", ":type", ":type a", ":load (", ":save {", ":nonsense (", ":debug greet.rhai", ":"] {
            assert!(!goes_on(whole), "{whole}");
        }
    }

    #[test]
    fn a_paste_falls_into_commands_and_what_stands_between_them() {
        assert_eq!(entries("let a = 1;\na"), ["let a = 1;\na"]);
        assert_eq!(entries("a;\nb;\n:rev\n:send\ny\nusers"), ["a;\nb;", ":rev", ":send", "y\nusers"]);
        assert_eq!(entries(":time if a {\n  1\n}\n:undo"), [":time if a {\n  1\n}", ":undo"]);
        assert_eq!(entries("if a {\n:b\n}"), ["if a {\n:b\n}"], "in brackets nothing is a command");
        assert_eq!(entries(":type users\n  .count()\nb"), [":type users\n  .count()", "b"]);
        assert_eq!(entries(":send\n\n"), [":send"]);
        assert_eq!(entries(" \n"), [""; 0]);
    }

    #[test]
    fn every_command_has_help_that_fits() {
        for about in COMMANDS {
            let text = help(about.name).unwrap();
            assert!(text.lines().all(|line| line.chars().count() <= 110), "{text}");
        }
        assert!(help("").unwrap().lines().all(|line| line.chars().count() <= 90));
        assert!(help("nothing").is_err());
    }
}
