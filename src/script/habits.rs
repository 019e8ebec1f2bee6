//! What people write who know other languages, and what a script writes instead.

/// Words that mean something elsewhere.
const WORDS: &[(&[&str], &str)] = &[
    (&["null", "nil", "None", "NULL", "undefined", "void"], "nothing is written `()`"),
    (&["True", "TRUE"], "did you mean `true`?"),
    (&["False", "FALSE"], "did you mean `false`?"),
    (&["and", "AND"], "write `&&` for \"and\""),
    (&["or", "OR"], "write `||` for \"or\""),
    (&["not", "NOT"], "write `!` for \"not\": `!u.enrolled`"),
    (&["is"], "write `==` for \"is\""),
    (&["var"], "did you mean `let`?"),
    (&["def", "function", "func", "sub"], "a function begins with `fn`: `fn greet(name) { … }`"),
    (&["lambda"], "a closure has its parameter between bars: `|u| u.username`"),
    (&["elif", "elsif", "elseif"], "write `else if`"),
    (&["foreach"], "a loop is written `for u in users { … }`"),
    (&["match", "case"], "did you mean `switch`?"),
    (&["console", "echo", "printf", "puts"], "`print(…)` shows a line"),
    (&["except", "rescue"], "did you mean `catch`?"),
    (&["raise"], "did you mean `throw`?"),
    (&["pass"], "an empty block is written `{ }`"),
    (&["from", "require", "include"], "a module is imported so: `import \"audiences\" as audiences;`"),
    (&["default"], "give the default as the second argument: `run.param(name, default, options)`"),
    (&["#"], "a comment begins with `//`"),
];

/// Fields and functions of other languages' lists and texts, by what they are looked for in.
const MEMBERS: &[(&str, &[&str], &str)] = &[
    ("Selection", &["filter", "select", "find_all"], "`where(|u| …)` keeps those for which the closure answers true"),
    ("Selection", &["len", "length", "size"], "`count()` says how many there are"),
    ("Selection", &["forEach", "foreach", "for_each", "each"], "a loop goes over them: `for u in users { … }`"),
    ("Selection", &["sort", "sorted", "sort_by", "orderBy"], "`order_by(\"full_name\")` puts them in order"),
    ("array", &["length", "size", "count"], "`len()` says how many there are"),
    ("array", &["includes", "has"], "`contains(item)` says whether it is in there"),
    ("array", &["append", "add"], "`push(item)` adds one"),
    ("string", &["length", "size", "count"], "`len()` says how long it is"),
    ("string", &["includes"], "`contains(text)` says whether it is in there"),
    ("string", &["lower", "toLowerCase", "downcase"], "write `to_lower()`"),
    ("string", &["upper", "toUpperCase", "upcase"], "write `to_upper()`"),
    ("string", &["strip"], "write `trim()`"),
];

/// Quotation marks that word processors put in the place of straight ones.
const CURLY: &str = "“”„‟‘’‚‛«»‹›´″′";

/// What to write instead of a word of another language.
pub fn word(word: &str) -> Option<&'static str> {
    WORDS.iter().find(|(words, _)| words.contains(&word)).map(|(_, instead)| *instead)
}

/// What to write instead of a field or function that a type does not have.
pub fn member(object: &str, name: &str) -> Option<String> {
    if object == "Groups" {
        return Some(format!("a group is named in brackets: `groups[{name:?}]`"));
    }
    let known = MEMBERS.iter().find(|(of, names, _)| *of == object && names.contains(&name));
    known.map(|(.., instead)| (*instead).to_owned())
}

/// What to write where a function or an operator can't take values of these types.
pub fn call(name: &str, types: &[&str]) -> Option<&'static str> {
    match (name, types) {
        ("len", ["Selection"]) => Some("`users.count()` says how many there are"),
        ("where" | "filter" | "map", [.., "bool" | "string"]) => {
            Some("write a closure, with its parameter between bars: `users.where(|u| u.invited)`")
        }
        (
            "mail",
            [.., "string", "Selection" | "User" | "Group" | "array", _] | [.., "string", "Selection" | "User" | "Group"],
        ) => Some("who gets it comes first: `notify.mail(users, \"message\", …)`"),
        ("push", [.., "string", "Selection" | "User" | "Group" | "Device"]) => {
            Some("who gets it comes first: `notify.push(users, \"text\")`")
        }
        ("+" | "-", ["Time" | "Span", "int" | "float" | "string"]) => Some("a span of time has a unit: `days(7)`, `hours(2)`"),
        ("%", ["string", _]) => Some("values are put into a text between backticks: `hello ${name}`"),
        ("[]", ["Selection", _]) => Some("`first()` gives the first one, and `to_array()` makes an array"),
        _ => None,
    }
}

/// What was meant where a name that nothing declares stands in this line.
pub fn variable(name: &str, line: &str) -> Option<String> {
    let (before, after) = around(line, name)?;
    let (opened, follows) = (before.trim_end(), after.trim_start());
    if name == "f" && after.starts_with(['"', '\'']) {
        return Some("values are put into a text between backticks: `hello ${name}`".to_owned());
    }
    if follows.starts_with("=>") || follows.starts_with(") =>") {
        return Some(format!("a closure has its parameter between bars: `|{name}| …`"));
    }
    if opened.ends_with('{') && !opened.ends_with("#{") && follows.starts_with(':') {
        return Some(format!("a map begins with `#{{`: `#{{ {name}: … }}`"));
    }
    if opened == "import" {
        return Some(format!("a module's name stands in quotes: `import {name:?} as {name};`"));
    }
    let takes_closure = ["where(", "map("].iter().any(|call| opened.ends_with(call));
    if takes_closure && follows.starts_with('.') {
        return Some(format!("a closure has its parameter between bars: `|{name}| {name}{}`", short(follows)));
    }
    word(name).map(str::to_owned)
}

/// What was meant where the parser gave up; and the word that it is about, where it is one.
pub fn at(line: &str, column: u32) -> Option<(Option<String>, String)> {
    let start = usize::try_from(column).ok()?.checked_sub(1)?;
    let before: String = line.chars().take(start).collect();
    let rest: String = line.chars().skip(start).collect();
    let first = rest.chars().next()?;
    let said = |hint: &str| Some((None, hint.to_owned()));
    if CURLY.contains(first) {
        return said("a text stands between straight quotes: \"hello\"");
    }
    if first != ' ' && first != '\t' && (first.is_whitespace() || matches!(first, '\u{200b}'..='\u{200f}' | '\u{feff}')) {
        return Some((None, format!("an invisible character stands here (U+{:04X}): take it out", u32::from(first))));
    }
    for (mark, hint) in [
        ("=>", "a closure has its parameter between bars: `|u| u.username`"),
        ("++", "write `n += 1`"),
        ("--", "write `n -= 1`"),
        ("?", "there is no `? :`: write `if n > 5 { \"many\" } else { \"few\" }`"),
        (":=", "write `let n = …`"),
        ("===", "write `==`"),
        ("!==", "write `!=`"),
        ("<>", "write `!=`"),
    ] {
        if rest.starts_with(mark) {
            return said(hint);
        }
    }
    if let Some(name) = before.trim_start().strip_prefix("let ").map(str::trim)
        && rest.starts_with('-')
        && !name.is_empty()
        && name.chars().all(is_of_word)
    {
        let second: String = rest.chars().skip(1).take_while(|c| is_of_word(*c)).collect();
        return Some((None, format!("a name has no hyphen: `{name}_{second}`")));
    }
    if before.ends_with('"') && is_of_word(first) {
        return said("a quote inside a text is written `\\\"`");
    }
    let here: String = rest.chars().take_while(|c| is_of_word(*c) || *c == '#').collect();
    let last = before.trim_end().rsplit(|c| !is_of_word(c)).next().unwrap_or_default().to_owned();
    [here, last].into_iter().find_map(|w| word(&w).map(|hint| (Some(w.clone()), hint.to_owned())))
}

/// What stands before and after the first place of a word in a line.
fn around<'a>(line: &'a str, name: &str) -> Option<(&'a str, &'a str)> {
    line.match_indices(name).find_map(|(at, _)| {
        let (before, after) = (line.get(..at)?, line.get(at + name.len()..)?);
        let joined = before.ends_with(is_of_word) || after.starts_with(is_of_word);
        (!joined).then_some((before, after))
    })
}

/// The beginning of an expression, as far as the bracket that ends it.
fn short(text: &str) -> String {
    let end = super::caret::closure(&text.chars().collect::<Vec<_>>());
    text.chars().take(end.min(40)).collect()
}

fn is_of_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}
