//! Words for what the parser refuses.

use rhai::{LexError, ParseErrorType, Position};

use super::habits;
use super::piece::{KEYWORDS, Piece, PieceKind, pieces};
use super::problem::Problem;
use crate::domain::misspelt::nearest_few;

/// What is wrong with the text.
pub fn say(what: &ParseErrorType, line: &str, column: u32) -> Problem {
    use ParseErrorType as P;
    let problem = match what {
        P::UnexpectedEOF => Problem::new("syntax", "the script ends in the middle of something"),
        P::BadInput(lex) => bad_input(lex),
        P::Reserved(word) => Problem::new("syntax", format!("{word:?} is a reserved word and can't be a name"))
            .about(word)
            .hint("choose another name")
            .maybe_hint(habits::word(word).map(str::to_owned)),
        P::MissingToken(token, why) => {
            let problem =
                Problem::new("syntax", format!("`{token}` is missing {}", if why.is_empty() { "here" } else { why.as_str() }));
            problem.maybe_hint(in_place_of(token, line, column).map(str::to_owned))
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
    if let Some((word, instead)) = habits::at(line, column) {
        let problem = problem.hint(instead);
        return match word {
            Some(word) => problem.about(word),
            None => problem,
        };
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
        LexError::ImproperSymbol(symbol, _) if symbol == "=" => {
            Problem::new("syntax", "`=` gives a variable a value, and can't compare").hint("did you mean `==`?")
        }
        LexError::ImproperSymbol(symbol, why) if !why.is_empty() => Problem::new("syntax", lower(why)).about(symbol),
        other => Problem::new("syntax", lower(&other.to_string())),
    }
}

/// What stands where the parser looked for something else.
fn in_place_of(missing: &str, line: &str, column: u32) -> Option<&'static str> {
    let here = usize::try_from(column).ok().and_then(|column| line.chars().nth(column.checked_sub(1)?));
    match (missing, here) {
        ("in", _) => Some("a loop is written `for u in users { … }`"),
        (":", Some('=')) => Some("in a map the value follows a colon: `#{ subject: \"…\" }`"),
        ("{", Some(';')) => Some("take this `;` out"),
        ("{", Some(':')) => Some("a block stands in braces: `{ … }`"),
        _ => None,
    }
}

/// Where a mistake is to be mended: what is missing at the end of a line is found missing on the next one.
pub fn place(what: &ParseErrorType, text: &str, at: Position) -> Position {
    let ParseErrorType::MissingToken(token, _) = what else { return at };
    let Some(byte) = byte_at(text, at).filter(|_| matches!(token.as_str(), ";" | ",")) else { return at };
    let all = pieces(text);
    let is_blank = |piece: &&Piece| matches!(piece.kind, PieceKind::Space | PieceKind::Comment);
    let Some(last) = all.iter().rev().skip_while(|piece| piece.start >= byte).find(|piece| !is_blank(piece)) else { return at };
    let between = text.get(last.end..byte).unwrap_or_default();
    if between.contains('\n') { position_of(text, last.end) } else { at }
}

/// The bracket that the text does not close, where the parser came to a place that wants it closed.
pub fn unclosed(what: &ParseErrorType, text: &str, at: Position) -> Option<String> {
    let wants = match what {
        ParseErrorType::UnexpectedEOF => true,
        ParseErrorType::MissingToken(token, _) => matches!(token.as_str(), "}" | ")" | "]"),
        _ => false,
    };
    let end = byte_at(text, at).filter(|_| wants).unwrap_or(text.len());
    let mut open: Vec<(&str, usize)> = Vec::new();
    for piece in pieces(text).iter().filter(|piece| wants && piece.kind == PieceKind::Mark && piece.start < end) {
        match text.get(piece.start..piece.end).unwrap_or_default() {
            mark if mark.ends_with(['{', '(', '[']) => open.push((mark, piece.start)),
            mark if mark.ends_with(['}', ')', ']']) => drop(open.pop()),
            _ => {}
        }
    }
    match open.last() {
        Some((mark, start)) => {
            let line = position_of(text, *start).line().unwrap_or(0);
            Some(format!("the `{mark}` on line {line} is not closed"))
        }
        None => wants.then(|| "is a bracket, brace or quote not closed?".to_owned()),
    }
}

/// The byte of a place in a text.
fn byte_at(text: &str, at: Position) -> Option<usize> {
    // The end of a text is on the line after the last one.
    let line = text.split_inclusive('\n').nth(at.line()?.checked_sub(1)?).unwrap_or_default();
    let before: usize = text.split_inclusive('\n').take(at.line()? - 1).map(str::len).sum();
    Some(before + line.chars().take(at.position()?.saturating_sub(1)).map(char::len_utf8).sum::<usize>())
}

fn position_of(text: &str, byte: usize) -> Position {
    let before = text.get(..byte).unwrap_or(text);
    let line = 1 + before.matches('\n').count();
    let column = 1 + before.rsplit('\n').next().map_or(0, |line| line.chars().count());
    match (u16::try_from(line), u16::try_from(column)) {
        (Ok(line), Ok(column)) => Position::new(line, column),
        _ => Position::NONE,
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
        let keyword = nearest_few(&word, KEYWORDS.iter().copied(), 1).into_iter().next()?;
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
