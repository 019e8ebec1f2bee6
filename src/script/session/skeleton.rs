//! A session's lines as a runbook that others can use: what stands for one group, person, day or number
//! becomes a parameter, with what was typed as its default.

use std::collections::{BTreeMap, BTreeSet};

use rhai::{Engine, Token};

/// What a text in a line means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Literal {
    Group,
    User,
    /// A date, or a date and a time.
    Day,
}

impl Literal {
    fn name(self) -> &'static str {
        match self {
            Self::Group => "group",
            Self::User => "user",
            Self::Day => "day",
        }
    }

    /// As a script writes them.
    fn options(self) -> &'static str {
        match self {
            Self::Group => "choices: groups.names(), help: \"a group's name\"",
            Self::User => "help: \"a username\"",
            Self::Day => "help: \"a date such as 2026-12-01\"",
        }
    }
}

/// One parameter: the variable that holds it, and what the runbook calls it.
struct Parameter {
    variable: String,
    name: String,
    options: &'static str,
}

/// The runbook. `about`: its first line; `meaning`: what a text is, where it is more than a text.
#[must_use]
pub fn skeleton(about: &str, lines: &[String], meaning: &dyn Fn(&str) -> Option<Literal>) -> String {
    let engine = Engine::new_raw();
    let mut taken: BTreeSet<String> = BTreeSet::new();
    for line in lines {
        taken.extend(words(&engine, line).into_iter().filter_map(|word| word.identifier));
    }
    // By what they stand for: three days and three people are two parameters.
    let mut parameters: BTreeMap<(String, String), Parameter> = BTreeMap::new();
    let mut order: Vec<(String, String)> = Vec::new();
    let mut body = String::new();
    for line in lines {
        let found = literals(&engine, line, meaning);
        let mut text: Vec<char> = line.chars().collect();
        for found in &found {
            let key = found.key();
            if parameters.contains_key(&key) {
                continue;
            }
            let name = free(&found.name, &|name| parameters.values().any(|p| p.name == name));
            let is_taken = |name: &str| taken.contains(name);
            let variable = if is_taken(&name) { free(&format!("{name}_given"), &is_taken) } else { name.clone() };
            taken.insert(variable.clone());
            parameters.insert(key.clone(), Parameter { variable, name, options: found.options });
            order.push(key);
        }
        for found in found.iter().rev() {
            if let Some(parameter) = parameters.get(&found.key()) {
                text.splice(found.start..found.end, parameter.variable.chars());
            }
        }
        let text: String = text.into_iter().collect();
        body.push_str(&ended(&engine, text.trim_end()));
        body.push('\n');
    }
    let mut page = format!("//! {about}\n//! Say here what it is for, and who may run it.\n\n");
    for key in &order {
        if let Some(Parameter { variable, name, options }) = parameters.get(key) {
            let (_, typed) = key;
            page.push_str(&format!("let {variable} = run.param({name:?}, {typed}, #{{ {options} }});\n"));
        }
    }
    if !order.is_empty() {
        page.push('\n');
    }
    page.push_str(&body);
    page
}

/// The name, or the first of `name_2`, `name_3` … that is not taken.
fn free(name: &str, is_taken: &dyn Fn(&str) -> bool) -> String {
    if !is_taken(name) {
        return name.to_owned();
    }
    let mut number = 2_u32;
    while is_taken(&format!("{name}_{number}")) {
        number += 1;
    }
    format!("{name}_{number}")
}

/// With the semicolon that a statement in the middle of a script needs.
fn ended(engine: &Engine, line: &str) -> String {
    let words = words(engine, line);
    match words.last() {
        None => line.to_owned(),
        Some(last) if last.token == Token::SemiColon => line.to_owned(),
        // After a comment it stands on its own line.
        Some(_) if line.contains("//") || line.contains("/*") => format!("{line}\n;"),
        Some(_) => format!("{line};"),
    }
}

/// A token, where it begins, and what of it matters here.
struct Word {
    token: Token,
    /// In characters from the start of the line.
    start: usize,
    identifier: Option<String>,
}

fn words(engine: &Engine, line: &str) -> Vec<Word> {
    // Where each line of the statement begins, in characters.
    let mut starts = vec![0];
    starts.extend(line.chars().enumerate().filter(|(_, c)| *c == '\n').map(|(i, _)| i + 1));
    let texts = [line];
    let (mut lexer, _) = engine.lex(&texts);
    let mut words = Vec::new();
    let mut open: Vec<bool> = Vec::new();
    let mut in_text = false;
    // A token has at least one byte, but a mistake might be found again and again.
    for _ in 0..=line.len() {
        let (token, position) = rhai::get_next_token(&mut lexer.stream, &mut lexer.state, &mut lexer.pos);
        match &token {
            Token::EOF | Token::LexError(_) => break,
            Token::Comment(_) => continue,
            Token::InterpolatedString(_) => in_text = true,
            Token::LeftBrace | Token::MapStart => open.push(std::mem::take(&mut in_text)),
            Token::RightBrace if open.pop() == Some(true) => lexer.state.is_within_text_terminated_by = Some("`".into()),
            _ => {}
        }
        let identifier = match &token {
            Token::Identifier(name) => Some(name.to_string()),
            _ => None,
        };
        let line_start = position.line().and_then(|line| starts.get(line.saturating_sub(1))).copied().unwrap_or(0);
        let start = line_start + position.position().unwrap_or(1).saturating_sub(1);
        words.push(Word { token, start, identifier });
    }
    words
}

/// A literal that becomes a parameter.
struct Found {
    start: usize,
    end: usize,
    /// As it stands in the line.
    typed: String,
    name: String,
    options: &'static str,
}

impl Found {
    fn key(&self) -> (String, String) {
        (self.name.clone(), self.typed.clone())
    }
}

fn literals(engine: &Engine, line: &str, meaning: &dyn Fn(&str) -> Option<Literal>) -> Vec<Found> {
    let chars: Vec<char> = line.chars().collect();
    let words = words(engine, line);
    let mut found = Vec::new();
    let mut index = 0;
    while let Some(word) = words.get(index) {
        // What can't see a variable, or has to be written out: functions, cases, module names; and what is a
        // parameter already.
        if matches!(word.token, Token::Fn | Token::Switch) {
            index = after_block(&words, index);
            continue;
        }
        let is_param = word.identifier.as_deref() == Some("param");
        if is_param && matches!(words.get(index + 1).map(|w| &w.token), Some(Token::LeftParen)) {
            index = after_call(&words, index + 1);
            continue;
        }
        let before = index.checked_sub(1).and_then(|i| words.get(i));
        let is_path = before.is_some_and(|w| matches!(w.token, Token::Import));
        let is_key = words.get(index + 1).is_some_and(|w| w.token == Token::Colon);
        let end = match &word.token {
            Token::StringConstant(_) if chars.get(word.start) == Some(&'"') => text_end(&chars, word.start),
            Token::IntegerConstant(_) | Token::FloatConstant(_) => number_end(&chars, word.start),
            _ => None,
        };
        let said = match &word.token {
            Token::StringConstant(text) => meaning(text.as_str()).map(|literal| (literal.name().to_owned(), literal.options())),
            Token::IntegerConstant(_) | Token::FloatConstant(_) => number(&words, index),
            _ => None,
        };
        if let (Some(end), Some((name, options)), false, false) = (end, said, is_path, is_key) {
            let typed = chars.get(word.start..end).unwrap_or_default().iter().collect();
            found.push(Found { start: word.start, end, typed, name, options });
        }
        index += 1;
    }
    found
}

/// A number's name: that of the function which it alone is given to. An index is none that people change.
fn number(words: &[Word], index: usize) -> Option<(String, &'static str)> {
    let before = |back: usize| index.checked_sub(back).and_then(|i| words.get(i));
    if before(1).is_some_and(|w| matches!(w.token, Token::LeftBracket | Token::QuestionBracket)) {
        return None;
    }
    let call = before(1).is_some_and(|w| w.token == Token::LeftParen);
    let named = before(2).and_then(|w| w.identifier.clone()).filter(|_| call);
    Some((named.unwrap_or_else(|| "number".to_owned()), "help: \"a number\""))
}

fn text_end(chars: &[char], start: usize) -> Option<usize> {
    let mut at = start + 1;
    loop {
        match chars.get(at)? {
            '\\' => at += 2,
            '"' => return Some(at + 1),
            _ => at += 1,
        }
    }
}

fn number_end(chars: &[char], start: usize) -> Option<usize> {
    let rest = chars.get(start..)?;
    let is_part = |at: usize, c: char| {
        let next_is_digit = rest.get(at + 1).is_some_and(char::is_ascii_digit);
        c.is_ascii_alphanumeric() || c == '_' || (c == '.' && next_is_digit)
    };
    let length = rest.iter().enumerate().take_while(|(at, c)| is_part(*at, **c)).count();
    (length > 0).then_some(start + length)
}

/// The word after the block that begins somewhere behind this one.
fn after_block(words: &[Word], index: usize) -> usize {
    after(words, index, |t| matches!(t, Token::LeftBrace | Token::MapStart), |t| *t == Token::RightBrace)
}

fn after_call(words: &[Word], index: usize) -> usize {
    after(words, index, |t| matches!(t, Token::LeftParen), |t| *t == Token::RightParen)
}

fn after(words: &[Word], index: usize, opens: impl Fn(&Token) -> bool, closes: impl Fn(&Token) -> bool) -> usize {
    let mut depth = 0_usize;
    for (at, word) in words.iter().enumerate().skip(index) {
        if opens(&word.token) {
            depth += 1;
        } else if closes(&word.token) {
            depth = depth.saturating_sub(1);
            if depth == 0 {
                return at + 1;
            }
        }
    }
    words.len()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::script::testing::host;

    fn meaning(text: &str) -> Option<Literal> {
        match text {
            "Grade 5" => Some(Literal::Group),
            "ana" => Some(Literal::User),
            "2026-12-01" => Some(Literal::Day),
            _ => None,
        }
    }

    #[test]
    fn what_stands_for_one_case_becomes_a_parameter() {
        let lines = [
            "let group = groups[\"Grade 5\"];",
            "group.members.where(|u| u.reminders > 2 && u.invited_at < date(\"2026-12-01\"))",
            "fn late(u) { u.reminders > 2 }",
            "let plan = invite.plan(groups[\"Grade 5\"], \"not-invited\") // whom",
            "users.find(\"ana\")",
            "plan.send(#{ remind: [days(3), days(7)], \"expires\": days(30) })",
            "`Grade ${5}`",
            "users.limit(10).to_array()[0]",
            "let n = run.param(\"n\", 4);",
            "users.limit(3)",
        ]
        .map(str::to_owned);
        let page = skeleton("Saved from the prompt.", &lines, &meaning);
        insta::assert_snapshot!(page, @r#"
        //! Saved from the prompt.
        //! Say here what it is for, and who may run it.

        let group_given = run.param("group", "Grade 5", #{ choices: groups.names(), help: "a group's name" });
        let number = run.param("number", 2, #{ help: "a number" });
        let day = run.param("day", "2026-12-01", #{ help: "a date such as 2026-12-01" });
        let user = run.param("user", "ana", #{ help: "a username" });
        let days_given = run.param("days", 3, #{ help: "a number" });
        let days_2 = run.param("days_2", 7, #{ help: "a number" });
        let days_3 = run.param("days_3", 30, #{ help: "a number" });
        let number_2 = run.param("number_2", 5, #{ help: "a number" });
        let limit_given = run.param("limit", 10, #{ help: "a number" });
        let limit_2 = run.param("limit_2", 3, #{ help: "a number" });

        let group = groups[group_given];
        group.members.where(|u| u.reminders > number && u.invited_at < date(day));
        fn late(u) { u.reminders > 2 };
        let plan = invite.plan(groups[group_given], "not-invited") // whom
        ;
        users.find(user);
        plan.send(#{ remind: [days(days_given), days(days_2)], "expires": days(days_3) });
        `Grade ${number_2}`;
        users.limit(limit_given).to_array()[0];
        let n = run.param("n", 4);
        users.limit(limit_2);
        "#);
        assert_eq!(host().check("scripts/saved.rhai", &page), [], "{page}");
    }

    #[test]
    fn a_number_with_two_meanings_becomes_two_parameters() {
        let lines = ["users.limit(3); users.limit(3);".to_owned(), "days(3)".to_owned(), "4 + 3".to_owned()];
        let page = skeleton("Saved.", &lines, &meaning);
        let body = page.rsplit("\n\n").next().unwrap_or_default();
        assert_eq!(body, "users.limit(limit_given); users.limit(limit_given);\ndays(days_given);\nnumber + number_2;\n");
    }

    #[test]
    fn nothing_said_is_an_empty_runbook() {
        let page = skeleton("Saved.", &[], &meaning);
        assert_eq!(page, "//! Saved.\n//! Say here what it is for, and who may run it.\n\n");
    }

    #[test]
    fn texts_that_are_cut_off_come_to_an_end() {
        for line in ["`a", "`a ${", "`a ${b}", "`a ${`b", "\"a", "\"a \\", "#\"raw", "/* a", "'", "\0", "}"] {
            let page = skeleton("Saved.", &[line.to_owned()], &meaning);
            assert!(page.contains(line), "{page}");
        }
    }
}
