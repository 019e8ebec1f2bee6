//! What a person can say to the debugger.

use crate::domain::misspelt;

/// Something to do, with what follows its name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Command {
    Step,
    Next,
    Finish,
    Continue,
    /// A place, and a condition.
    Break(String, Option<String>),
    Breaks,
    /// A breakpoint's number.
    Clear(u32),
    Locals,
    Print(String),
    Where,
    /// Around a line; around the present one without.
    List(Option<u32>),
    Plan,
    Quit,
    Help,
}

/// Name, short name, what follows, and what it does.
const ABOUT: &[(&str, &str, &str, &str)] = &[
    ("step", "s", "", "to the next statement, also in functions that are called"),
    ("next", "n", "", "to the next statement of this function"),
    ("finish", "f", "", "to the end of this function, and show its value"),
    ("continue", "c", "", "to the next breakpoint or error"),
    ("break", "b", "PLACE [if EXPR]", "stop at LINE, FILE:LINE or FUNCTION"),
    ("breaks", "", "", "the breakpoints"),
    ("clear", "", "N", "breakpoint N is no more"),
    ("locals", "l", "", "the variables in sight"),
    ("print", "p", "EXPR", "the value of an expression; what it asks for is forgotten"),
    ("where", "w", "", "the calls that led here"),
    ("list", "", "[LINE]", "the text around"),
    ("plan", "", "", "what the script has asked for until now"),
    ("quit", "q", "", "end the script: nothing is changed, nothing sent"),
    ("help", "h", "", "these commands"),
];

impl Command {
    /// Reads a line that is not empty.
    ///
    /// # Errors
    /// What is wrong with it, in words.
    pub fn parse(line: &str) -> Result<Self, String> {
        let line = line.trim();
        let (name, rest) = line.split_once(char::is_whitespace).unwrap_or((line, ""));
        let rest = rest.trim();
        let (name, takes) = find(name)?;
        if takes.is_empty() && !rest.is_empty() {
            return Err(format!("`{name}` takes nothing more"));
        }
        let number = |text: &str| text.parse::<u32>().map_err(|_| format!("`{name}` takes a number, not {text:?}"));
        Ok(match name {
            "step" => Self::Step,
            "next" => Self::Next,
            "finish" => Self::Finish,
            "continue" => Self::Continue,
            "break" if rest.is_empty() => return Err("`break` needs a LINE, FILE:LINE or FUNCTION".to_owned()),
            "break" => match rest.split_once(" if ") {
                Some((_, condition)) if condition.trim().is_empty() => return Err("`if` needs an expression".to_owned()),
                Some((place, condition)) => Self::Break(place.trim().to_owned(), Some(condition.trim().to_owned())),
                None => Self::Break(rest.to_owned(), None),
            },
            "breaks" => Self::Breaks,
            "clear" => Self::Clear(number(rest)?),
            "locals" => Self::Locals,
            "print" if rest.is_empty() => return Err("`print` needs an expression".to_owned()),
            "print" => Self::Print(rest.to_owned()),
            "where" => Self::Where,
            "list" if rest.is_empty() => Self::List(None),
            "list" => Self::List(Some(number(rest)?)),
            "plan" => Self::Plan,
            "quit" => Self::Quit,
            _ => Self::Help,
        })
    }
}

/// The command of that name, of that letter, or of which it is the only beginning.
fn find(said: &str) -> Result<(&'static str, &'static str), String> {
    if let Some((name, _, takes, _)) = ABOUT.iter().find(|(name, short, ..)| *name == said || *short == said) {
        return Ok((name, takes));
    }
    let begins: Vec<_> = ABOUT.iter().filter(|(name, ..)| !said.is_empty() && name.starts_with(said)).collect();
    match begins.as_slice() {
        [(name, _, takes, _)] => Ok((name, takes)),
        [] => {
            let near = misspelt::nearest(said, ABOUT.iter().map(|(name, ..)| *name));
            let hint = near.map_or_else(
                || "`help` lists them, `print EXPR` shows a value".to_owned(),
                |near| format!("did you mean `{near}`?"),
            );
            Err(format!("there is no command {said:?}; {hint}"))
        }
        several => {
            let names: Vec<String> = several.iter().map(|(name, ..)| format!("`{name}`")).collect();
            Err(format!("{said:?} may be {}", names.join(" or ")))
        }
    }
}

/// As the reference lists them: what is typed, its letter where it has one, and what it does.
pub fn listed() -> impl Iterator<Item = (String, &'static str, &'static str)> {
    ABOUT.iter().map(|(name, short, takes, does)| (format!("{name} {takes}").trim_end().to_owned(), *short, *does))
}

/// What `help` says.
#[must_use]
pub fn help() -> String {
    let lines = ABOUT.iter().map(|(name, short, takes, does)| {
        let usage = format!("{name} {takes}");
        format!("  {short:<2} {:<22} {does}", usage.trim_end())
    });
    let more = "Enter repeats the last one. Ctrl-C stops a script that runs on at its next statement; again, it ends it.\n\
                A closure that became part of a query is not run row by row, so nothing stops in it:\n\
                `print SELECTION.explain()` shows which.";
    lines.chain([more.to_owned()]).collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_are_read_by_name_letter_and_beginning() {
        assert_eq!(Command::parse("s"), Ok(Command::Step));
        assert_eq!(Command::parse(" cont "), Ok(Command::Continue));
        assert_eq!(Command::parse("b 12"), Ok(Command::Break("12".to_owned(), None)));
        let with = Command::Break("calendar:4".to_owned(), Some("n > 3".to_owned()));
        assert_eq!(Command::parse("break calendar:4 if n > 3"), Ok(with));
        assert_eq!(Command::parse("p users.count()"), Ok(Command::Print("users.count()".to_owned())));
        assert_eq!(Command::parse("list 7"), Ok(Command::List(Some(7))));
        assert_eq!(Command::parse("clear 2"), Ok(Command::Clear(2)));
    }

    #[test]
    fn what_cannot_be_meant_is_said() {
        let wrong = |line: &str| Command::parse(line).unwrap_err();
        assert_eq!(wrong("nxet"), "there is no command \"nxet\"; did you mean `next`?");
        assert_eq!(wrong("st x"), "`step` takes nothing more");
        assert_eq!(wrong("co n"), "`continue` takes nothing more");
        assert_eq!(wrong("step 3"), "`step` takes nothing more");
        assert_eq!(wrong("print"), "`print` needs an expression");
        assert_eq!(wrong("clear x"), "`clear` takes a number, not \"x\"");
        assert_eq!(wrong("break"), "`break` needs a LINE, FILE:LINE or FUNCTION");
    }

    #[test]
    fn help_fits_a_terminal() {
        assert!(help().lines().all(|line| line.chars().count() <= 110));
    }
}
