//! Words for what the parser refuses.

use rhai::{LexError, ParseErrorType};

use super::names::nearest;
use super::piece::KEYWORDS;
use super::problem::Problem;

/// What is wrong with the text.
pub fn say(what: &ParseErrorType, line: &str, column: u32) -> Problem {
    use ParseErrorType as P;
    let problem = match what {
        P::UnexpectedEOF => {
            Problem::new("syntax", "the script ends in the middle of something").hint("is a bracket, brace or quote not closed?")
        }
        P::BadInput(lex) => bad_input(lex),
        P::Reserved(word) => Problem::new("syntax", format!("{word:?} is a reserved word and can't be a name"))
            .about(word)
            .hint("choose another name")
            .maybe_hint(instead_of(word)),
        P::MissingToken(token, why) => {
            Problem::new("syntax", format!("`{token}` is missing {}", if why.is_empty() { "here" } else { why.as_str() }))
        }
        P::ModuleUndefined(name) => Problem::new("unknown_module", format!("no module is imported as {name:?}"))
            .about(name)
            .hint(format!("import it first: `import {name:?} as {name};`")),
        P::AssignmentToConstant(name) => Problem::new("constant", format!("{name:?} is a constant")).about(name),
        P::AssignmentToInvalidLHS(_) => {
            Problem::new("syntax", "this can't be assigned to").hint("`==` compares, `=` assigns to a variable")
        }
        P::ExprTooDeep => Problem::new("limit_expression", "too many brackets and blocks inside each other")
            .hint("this limit is fixed: split the expression with `let`"),
        P::TooManyFunctions => Problem::new("limit_functions", "too many functions in one script").hint("this limit is fixed"),
        P::LiteralTooLarge(kind, max) => {
            Problem::new("limit_literal", format!("{} is over its limit of {max}", kind.to_lowercase()))
        }
        P::WrongFnDefinition => Problem::new("syntax", "a function can only be defined at the outermost level")
            .hint("inside a block, write a closure: `let double = |x| x * 2;`"),
        P::WrongDocComment => {
            Problem::new("syntax", "a doc comment `///` can only stand before a function").hint("write `//` instead")
        }
        P::DuplicatedProperty(name) => Problem::new("syntax", format!("the map has the key {name:?} twice")).about(name),
        P::LoopBreak => Problem::new("syntax", "`break` and `continue` only make sense inside a loop"),
        other => Problem::new("syntax", lower(&other.to_string())),
    };
    if problem.hint.is_some() {
        return problem;
    }
    let misspelt = misspelt_keyword(line, column);
    match misspelt {
        Some((word, keyword)) => problem.about(word).hint(format!("did you mean `{keyword}`?")),
        None => problem,
    }
}

fn bad_input(lex: &LexError) -> Problem {
    match lex {
        LexError::UnterminatedString => Problem::new("syntax", "a text is not closed")
            .hint("a text in \"double quotes\" ends on its line; `backticks` may span lines"),
        LexError::MalformedChar(text) => {
            Problem::new("syntax", format!("'{text}' is not one character")).hint("a text is written in \"double quotes\"")
        }
        LexError::UnexpectedInput(text) => Problem::new("syntax", format!("{text:?} is not expected here")),
        LexError::StringTooLong(max) => {
            Problem::new("limit_string", format!("a text is longer than {max} bytes")).hint("this limit is fixed")
        }
        LexError::ImproperSymbol(symbol, _) if symbol == "eval" => {
            Problem::new("syntax", "scripts can't run text as script: there is no `eval`").about(symbol)
        }
        LexError::ImproperSymbol(symbol, why) if !why.is_empty() => Problem::new("syntax", lower(why)).about(symbol),
        other => Problem::new("syntax", lower(&other.to_string())),
    }
}

fn instead_of(word: &str) -> Option<String> {
    match word {
        "default" => Some("give the default as the second argument: `run.param(name, default, options)`".to_owned()),
        "null" | "nil" | "void" => Some("nothing is written `()`".to_owned()),
        "var" => Some("did you mean `let`?".to_owned()),
        "match" | "case" => Some("did you mean `switch`?".to_owned()),
        "eval" => Some("scripts can't run text as script".to_owned()),
        _ => None,
    }
}

/// The word at the column or just before it, when it is nearly a keyword.
fn misspelt_keyword(line: &str, column: u32) -> Option<(String, &'static str)> {
    let end = usize::try_from(column).ok()?;
    let before: String = line.chars().take(end.saturating_sub(1)).collect();
    let words = |text: &str| -> Vec<String> {
        text.split(|c: char| !c.is_alphanumeric() && c != '_').filter(|w| !w.is_empty()).map(str::to_owned).collect()
    };
    let at: String = line.chars().skip(end.saturating_sub(1)).take_while(|c| c.is_alphanumeric() || *c == '_').collect();
    let mut candidates = words(&before);
    candidates.reverse();
    candidates.truncate(2);
    if !at.is_empty() {
        candidates.push(at);
    }
    candidates.into_iter().filter(|w| w.chars().count() >= 2 && !KEYWORDS.contains(&w.as_str())).find_map(|word| {
        let keyword = nearest(&word, KEYWORDS.iter().copied())?;
        Some((word, keyword))
    })
}

/// Names that a text declares: after `let`, `const`, `for`, `fn`, `as`, and between the bars of closures.
pub fn declared_names(text: &str) -> Vec<&str> {
    let mut names = Vec::new();
    let mut after = false;
    for word in text.split(|c: char| !c.is_alphanumeric() && c != '_').filter(|w| !w.is_empty()) {
        if after {
            names.push(word);
        }
        after = matches!(word, "let" | "const" | "for" | "fn" | "as");
        if names.len() >= 1_000 {
            break;
        }
    }
    names
}

/// A message of the engine that goes on after `error:`.
pub fn lower(said: &str) -> String {
    let mut chars = said.trim().chars();
    chars.next().map(|c| c.to_lowercase().chain(chars).collect()).unwrap_or_default()
}
