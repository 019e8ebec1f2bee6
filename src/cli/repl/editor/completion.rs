//! What Tab offers.

use rustyline::completion::Pair;

use super::known::Known;
use crate::cli::repl::commands::{COMMANDS, script_of};
use crate::domain::words::foreign;
use crate::script::{Offer, OfferKind, Place, Quote, Wanted};

/// Where what is completed begins, and what it could become. Any text and cursor will do.
pub fn complete(known: &Known, text: &str, cursor: usize) -> (usize, Vec<Pair>) {
    let nothing = (cursor, Vec::new());
    let Some(before) = text.get(..cursor) else { return nothing };
    let Some((offset, _)) = script_of(before) else {
        let command = before.get(1..).unwrap_or_default();
        let Some((command, rest)) = command.split_once(char::is_whitespace) else {
            let commands = COMMANDS.iter().map(|about| about.name).filter(|name| name.starts_with(command));
            return (1, commands.map(|name| plain(name, format!(":{name}"))).collect());
        };
        let rest = rest.trim_start();
        return (before.len() - rest.len(), named(known, command, rest));
    };
    let (Some(script), Some(at)) = (text.get(offset..), cursor.checked_sub(offset)) else { return nothing };
    let context = known.before(script);
    let whole = format!("{context}{script}");
    let Some(place) = known.vocabulary.place(&known.variables(), &whole, context.len() + at) else { return nothing };
    let Some(start) = place.start.checked_sub(context.len()) else { return nothing };
    (offset + start, offers(known, &place, script.get(at..).unwrap_or_default()))
}

/// What can follow a command that takes a name.
fn named(known: &Known, command: &str, begin: &str) -> Vec<Pair> {
    let names: Vec<String> = match command {
        "help" => COMMANDS.iter().map(|about| about.name.to_owned()).collect(),
        "doc" => known.vocabulary.documented(),
        "load" | "save" => known.scripts(),
        _ => Vec::new(),
    };
    names.into_iter().filter(|name| name.starts_with(begin)).map(|name| plain(&name, name.clone())).collect()
}

fn offers(known: &Known, place: &Place, after: &str) -> Vec<Pair> {
    let begin = place.written.as_str();
    let is_called = after.starts_with('(');
    match &place.wanted {
        Wanted::Word => {
            let variables = known.variables().into_iter().map(|v| v.name).filter(|name| name.starts_with(begin));
            let mut pairs: Vec<Pair> = variables.map(|name| plain(&name, name.clone())).collect();
            let words = known.vocabulary.words();
            // Nobody who has typed nothing looks for a word of the language.
            let fits = |offer: &&Offer| offer.name.starts_with(begin) && !(begin.is_empty() && offer.kind == OfferKind::Keyword);
            let new = |pair: &Pair, pairs: &[Pair]| !pairs.iter().any(|there| there.replacement == pair.replacement);
            for pair in words.iter().filter(fits).map(|offer| word(offer, is_called)) {
                if new(&pair, &pairs) {
                    pairs.push(pair);
                }
            }
            pairs
        }
        Wanted::Member(of) => {
            let members = known.vocabulary.members(of);
            members.iter().filter(|offer| offer.name.starts_with(begin)).map(|offer| word(offer, is_called)).collect()
        }
        Wanted::OfModule(module) => {
            let functions = known.functions_of(module);
            functions.iter().filter(|offer| offer.name.starts_with(begin)).map(|offer| word(offer, is_called)).collect()
        }
        Wanted::Key(keys) => {
            let keys = keys.iter().filter(|key| key.split().1.starts_with(begin));
            let has_colon = after.trim_start().starts_with(':');
            let insert = |name: &str| if has_colon { name.to_owned() } else { format!("{name}: ") };
            keys.map(|key| plain(&insert(key.split().1), format!("{}: {}", key.split().1, key.kind))).collect()
        }
        Wanted::Name { names, quote } => {
            let found = known.names(names, begin);
            found.iter().map(|name| plain(&text(name, *quote, after), foreign(name))).collect()
        }
    }
}

fn plain(insert: &str, shown: String) -> Pair {
    Pair { display: shown, replacement: insert.to_owned() }
}

fn word(offer: &Offer, is_called: bool) -> Pair {
    let (insert, shown) = match offer.kind {
        OfferKind::Function { .. } if is_called => (offer.name.clone(), offer.name.clone()),
        OfferKind::Function { needs_arguments: true } => (format!("{}(", offer.name), format!("{}(…)", offer.name)),
        OfferKind::Function { needs_arguments: false } => (format!("{}()", offer.name), format!("{}()", offer.name)),
        _ => (offer.name.clone(), offer.name.clone()),
    };
    plain(&insert, shown)
}

/// A name as a text of a script: quoted where no quote is open, and closed where nothing closes it.
fn text(name: &str, quote: Option<Quote>, after: &str) -> String {
    let (mark, inside) = match quote {
        Some(Quote::Backtick) => ('`', in_backticks(name)),
        _ => ('"', name.chars().map(in_quotes).collect()),
    };
    let mut text = String::new();
    if quote.is_none() {
        text.push(mark);
    }
    text.push_str(&inside);
    if !after.starts_with(mark) {
        text.push(mark);
    }
    text
}

fn in_quotes(c: char) -> String {
    match c {
        '\n' => "\\n".to_owned(),
        '\t' => "\\t".to_owned(),
        '\\' | '"' => format!("\\{c}"),
        c if is_hidden(c) => format!("\\u{:04x}", u32::from(c)),
        c => c.to_string(),
    }
}

/// Backticks know no escapes but these two; what can't stand there is put in, and before that a backslash.
fn in_backticks(name: &str) -> String {
    let mut text = String::new();
    let mut chars = name.chars().peekable();
    while let Some(c) = chars.next() {
        let next = chars.peek().copied();
        match c {
            '`' => text.push_str("``"),
            '$' if next == Some('{') => text.push_str("\\$"),
            c if is_hidden(c) || c == '\\' && next.is_some_and(is_hidden) => text.push_str(&format!("${{\"{}\"}}", in_quotes(c))),
            c => text.push(c),
        }
    }
    text
}

/// A terminal would obey it, or not show it.
fn is_hidden(c: char) -> bool {
    c.is_control() || is_invisible(c)
}

/// Marks that turn or hide text.
fn is_invisible(c: char) -> bool {
    matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
}

#[cfg(test)]
mod tests;
