//! Whether what has been typed is a whole statement, or goes on in the next line.
//!
//! The engine's own lexer and parser say so, with two things added: the parser accepts a comment that is
//! never closed, and it does not tell an open bracket from a wrong one.

use rhai::{Engine, EvalAltResult, LexError, ParseErrorType, Position, Token};

use crate::script::engine;
use crate::script::limits;

/// What can be done with a text that somebody is typing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Completeness {
    /// It can be run.
    Complete,
    /// More lines have to follow.
    Incomplete,
    /// No line that follows could make it right; running it says what is wrong.
    Wrong,
}

use Completeness::{Complete, Incomplete, Wrong};

/// Whether the text is a whole statement, or several. Never runs anything.
#[must_use]
pub fn completeness(text: &str) -> Completeness {
    if text.len() > limits::SOURCE_BYTES {
        return Wrong;
    }
    let mut engine = Engine::new_raw();
    engine.set_max_expr_depths(limits::EXPRESSION_LEVELS, limits::EXPRESSION_LEVELS);
    engine.set_max_string_size(limits::STRING_BYTES);
    let last = match tokens(&engine, text) {
        Tokens::Open => return Incomplete,
        Tokens::Wrong => return Wrong,
        Tokens::Closed { last } => last,
    };
    match engine.compile_with_scope(&engine::compile_scope(), text).map_err(EvalAltResult::from) {
        Ok(_) => Complete,
        Err(EvalAltResult::ErrorParsing(ParseErrorType::UnexpectedEOF, _)) => Incomplete,
        // Everything that is there could be read; something is missing after it.
        // Without a token it is a doc comment, and its function follows.
        Err(EvalAltResult::ErrorParsing(_, position)) if last.is_none_or(|last| is_after(position, last)) => Incomplete,
        Err(_) => Wrong,
    }
}

/// The statements of a text, each with all of its lines. A line that begins with a dot belongs to the one
/// before.
#[must_use]
pub fn statements(text: &str) -> Vec<String> {
    let mut all: Vec<String> = Vec::new();
    let mut goes_on = false;
    for line in text.lines() {
        let chain = line.trim_start().starts_with('.');
        match all.last_mut().filter(|_| goes_on || chain) {
            Some(statement) => {
                statement.push('\n');
                statement.push_str(line);
            }
            None => all.push(line.to_owned()),
        }
        goes_on = all.last().is_some_and(|statement| completeness(statement) == Incomplete);
    }
    all.retain(|statement| !statement.trim().is_empty());
    all
}

/// What the lexer finds in a text.
enum Tokens {
    /// It ends inside of a comment, a text or brackets.
    Open,
    /// It has brackets that don't match, or something that is no token.
    Wrong,
    /// `last`: where the last token begins; `None` where there is none.
    Closed { last: Option<Position> },
}

/// What a closing bracket has to match.
#[derive(PartialEq)]
enum Bracket {
    Round,
    Square,
    Curly,
    /// The `${` of a text in backticks, which goes on after it.
    InText,
}

fn tokens(engine: &Engine, text: &str) -> Tokens {
    let texts = [text];
    let (mut lexer, _) = engine.lex(&texts);
    let mut open = Vec::new();
    let mut last = None;
    let mut opens_in_text = false;
    // A token has at least one byte, but a mistake might be found again and again.
    for _ in 0..=text.len() {
        // Called past the iterator, which reports an open text as it does a wrong one.
        let (token, position) = rhai::get_next_token(&mut lexer.stream, &mut lexer.state, &mut lexer.pos);
        let closes = match token {
            Token::EOF => return closed(&open, lexer.state.comment_level, last),
            Token::LexError(error) => {
                let in_text =
                    matches!(*error, LexError::UnterminatedString) && lexer.state.is_within_text_terminated_by.is_some();
                return if in_text { Tokens::Open } else { Tokens::Wrong };
            }
            Token::Comment(_) => continue,
            Token::LeftParen => {
                open.push(Bracket::Round);
                None
            }
            Token::LeftBracket | Token::QuestionBracket => {
                open.push(Bracket::Square);
                None
            }
            Token::LeftBrace | Token::MapStart => {
                open.push(if std::mem::take(&mut opens_in_text) { Bracket::InText } else { Bracket::Curly });
                None
            }
            Token::InterpolatedString(_) => {
                opens_in_text = true;
                None
            }
            Token::RightParen => Some(Bracket::Round),
            Token::RightBracket => Some(Bracket::Square),
            Token::RightBrace => Some(Bracket::Curly),
            _ => None,
        };
        last = Some(position);
        if lexer.state.is_within_text_terminated_by.is_some() {
            // The end came before the text's own.
            return Tokens::Open;
        }
        if let Some(closes) = closes {
            match open.pop() {
                Some(Bracket::InText) if closes == Bracket::Curly => {
                    lexer.state.is_within_text_terminated_by = Some("`".into());
                }
                Some(opened) if opened == closes => {}
                _ => return Tokens::Wrong,
            }
        }
        if open.len() > limits::EXPRESSION_LEVELS {
            return Tokens::Wrong;
        }
    }
    Tokens::Wrong
}

/// What a text is that ends with these brackets and comments open.
fn closed(open: &[Bracket], comments: usize, last: Option<Position>) -> Tokens {
    if comments > 0 || !open.is_empty() { Tokens::Open } else { Tokens::Closed { last } }
}

fn is_after(position: Position, last: Position) -> bool {
    !position.is_none() && (position.line(), position.position()) > (last.line(), last.position())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_whole_statement_is_complete() {
        for text in [
            "",
            "  \n",
            "// nothing",
            "/* nothing */",
            "users.count()",
            "let x = 5;",
            "let x = 5",
            "users\n  .where(|u| u.enabled)\n  .count()",
            "if a { b } else { c }",
            "fn double(x) { x * 2 }",
            "`a ${1 + 2} b`",
            "`a ${`b ${c}`} d`",
            "`a\nb`",
            "\"a \\\nb\"",
            "#{ a: 1 }",
            "\"/* no comment\"",
            "'\"'",
            "x = y",
            "import \"dates\" as dates;",
            "a; b; c",
            "#\"raw \"#",
        ] {
            assert_eq!(completeness(text), Complete, "{text}");
        }
    }

    #[test]
    fn what_goes_on_is_incomplete() {
        for text in [
            "users.",
            "users.where(",
            "users.where(|u|",
            "users.where(|u| u.enabled",
            "let",
            "let x =",
            "1 +",
            "!",
            "if a",
            "if a {",
            "if a { b } else",
            "fn double(x)",
            "fn double(x) {",
            "for u in",
            "#{ a: 1,",
            "[1, 2",
            "/* a comment",
            "users /* a comment",
            "/* a /* nested */ comment",
            "`a text",
            "`a ${b",
            "`a ${b} c",
            "`a ${`b",
            "\"a \\",
            "#\"raw",
            "try { a }",
            "do { a }",
            "import",
            "switch x",
            "a ==",
            "users\n.",
        ] {
            assert_eq!(completeness(text), Incomplete, "{text}");
        }
    }

    #[test]
    fn what_nothing_can_mend_is_wrong() {
        for text in [")", "(]", "let = 5", "1 2", "\"a text", "users.where(\"a", "}", "a b", "`${)}`", "'ab'", "x === y"] {
            assert_eq!(completeness(text), Wrong, "{text}");
        }
        assert_eq!(completeness(&"(".repeat(100)), Wrong);
        assert_eq!(completeness(&" ".repeat(limits::SOURCE_BYTES + 1)), Wrong);
    }

    #[test]
    fn a_text_falls_into_its_statements() {
        let text = "//! About.\n\nlet a = users\n    .where(|u| {\n        u.enabled\n    })\n    .count();\na";
        assert_eq!(
            statements(text),
            ["//! About.", "let a = users\n    .where(|u| {\n        u.enabled\n    })\n    .count();", "a"]
        );
    }

    /// Pieces that meet each other in unhappy ways.
    fn piece() -> impl Strategy<Value = String> {
        prop_oneof![
            4 => proptest::sample::select(vec![
                "(", ")", "[", "]", "{", "}", "#{", "`", "${", "\"", "'", "/*", "*/", "//", "\n", "\\", ".", ";", "|", "||",
                "let", "fn", "if", "else", "x", "1", "=", "+", "-", "!", "#", "##\"", "\"##", "?[", "?.", "::", "()", " ",
                "switch", "=>", "for", "in", "import", "as", "try", "catch", "do", "while", "\u{301}", "\0",
            ]).prop_map(str::to_owned),
            1 => any::<String>(),
        ]
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 2_000, ..ProptestConfig::default() })]

        /// No text makes it panic or hang, and what it calls complete the engine can read.
        #[test]
        fn any_text_is_answered(pieces in proptest::collection::vec(piece(), 0..40)) {
            let text = pieces.concat();
            let answer = completeness(&text);
            let mut engine = Engine::new_raw();
            engine.set_max_expr_depths(limits::EXPRESSION_LEVELS, limits::EXPRESSION_LEVELS);
            let compiles = engine.compile(&text).is_ok();
            if answer == Complete {
                prop_assert!(compiles || text.trim().is_empty(), "{text:?}");
            }
        }
    }
}
