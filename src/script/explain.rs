//! From what the engine says to what the author of a script reads: the place, the nearest names, the
//! limit's setting.

use rhai::{EvalAltResult, ParseErrorType, Position};

use super::caret;
use super::catalog::{Catalog, Entry, script_type};
use super::ending::Ending;
use super::error::{Details, ErrorKind, Frame, ScriptError, TEMPLATES};
use super::function_places::FunctionPlaces;
use super::habits;
use super::limits;
use super::piece::KEYWORDS;
use super::problem::Problem;
use super::sources::{ANONYMOUS, Sources};
use super::syntax;
use super::unknown::indexed;
use super::watch::Ended;
use crate::domain::limits::ScriptLimits;
use crate::domain::misspelt::{did_you_mean, nearest};

const FRAMES_MAX: usize = 20;
const MESSAGE_MAX: usize = 500;
/// Codes of errors of tests that are told at length: how two values differ, and how a schedule failed.
const AT_LENGTH: [&str; 2] = ["unequal", "schedule_failed"];
const LINE_BYTES_MAX: usize = 10_000;

/// What is known while an error is put into words.
pub struct Explainer<'a> {
    pub sources: &'a Sources,
    pub catalog: &'a Catalog,
    pub limits: ScriptLimits,
}

/// A place in one of the run's texts.
struct Place {
    source: String,
    position: Position,
}

/// What is said of an error, before its place is looked at.
struct Said {
    kind: ErrorKind,
    problem: Problem,
}

impl Explainer<'_> {
    /// The error for the author of the script.
    pub fn explain(&self, error: &EvalAltResult) -> ScriptError {
        self.explain_in(error, self.sources.main())
    }

    /// The same for an error of another text than the script's.
    pub fn explain_in(&self, error: &EvalAltResult, source: &str) -> ScriptError {
        let mut trace = Vec::new();
        let (error, mut place) = self.unwind(error, source.to_owned(), &mut trace);
        let text = self.sources.text(&place.source).unwrap_or_default();
        if let EvalAltResult::ErrorParsing(what, _) = error {
            place.position = syntax::place(what, &text, place.position);
        }
        let line = self.line(&place);
        let mut said = self.say(error, &line, place.position, &text);
        if said.kind == ErrorKind::Limit
            && said.problem.code != "limit_call_levels"
            && let Some(call) = self.call_at(&line, number(place.position.position()), &text)
        {
            said.problem.message = format!("{}, in {call} or in what it calls", said.problem.message);
        }
        self.put(said, place, line, trace)
    }

    /// Whether it is a limit that stands at a call: it may have been come to further inside.
    pub fn leads_on(&self, error: &EvalAltResult) -> bool {
        let (error, place) = self.unwind(error, self.sources.main().to_owned(), &mut Vec::new());
        let text = self.sources.text(&place.source).unwrap_or_default();
        Ending::is_one(error) && self.call_at(&self.line(&place), number(place.position.position()), &text).is_some()
    }

    /// Goes inwards through calls and imports, noting each.
    fn unwind<'e>(&self, error: &'e EvalAltResult, source: String, trace: &mut Vec<Frame>) -> (&'e EvalAltResult, Place) {
        match error {
            EvalAltResult::ErrorInFunctionCall(name, said, inner, position) => {
                let inner_source = match self.sources.of_closure(name) {
                    Some(known) => known.to_string(),
                    None if self.sources.text(said).is_some() => said.clone(),
                    None => source.clone(),
                };
                if !name.starts_with(ANONYMOUS) {
                    trace.insert(0, frame(format!("function {name}"), source, *position));
                }
                self.unwind(inner, inner_source, trace)
            }
            EvalAltResult::ErrorInModule(name, inner, position) => {
                trace.insert(0, frame(format!("module {name}"), source, *position));
                self.unwind(inner, name.clone(), trace)
            }
            _ => match Ending::of(error) {
                Some(ending) => self.unwind(&ending.error, ending.source.clone(), trace),
                None => (error, Place { source, position: error.position() }),
            },
        }
    }

    /// What is called at a place where a limit was come to: the engine does not say how far inside.
    fn call_at(&self, line: &str, column: u32, text: &str) -> Option<String> {
        let start = usize::try_from(column).ok()?.checked_sub(1)?;
        let before: String = line.chars().take(start).collect();
        let rest: String = line.chars().skip(start).collect();
        if rest.starts_with('|') {
            return Some("this closure".to_owned());
        }
        let name: String = rest.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
        let is_call = !name.is_empty() && rest.strip_prefix(&name)?.trim_start().starts_with('(');
        let takes_closure = |e: &Entry| e.params.iter().any(|(_, kind)| kind == "closure");
        let leads_on = before.ends_with("::")
            || name == "call"
            || !FunctionPlaces::of(text).function(&name).is_none()
            || self.catalog.functions_named(&name).any(takes_closure);
        (is_call && leads_on).then(|| format!("`{name}`"))
    }

    /// A problem that was found without running the script.
    pub fn found(&self, problem: Problem, position: Position) -> ScriptError {
        let place = Place { source: self.sources.main().to_owned(), position };
        let line = self.line(&place);
        self.put(Said { kind: ErrorKind::Syntax, problem }, place, line, Vec::new())
    }

    /// Words for a variable that nothing declares.
    pub fn unknown_variable(&self, name: &str, position: Position) -> Problem {
        let line = self.line(&Place { source: self.sources.main().to_owned(), position });
        self.no_variable(name, &line)
    }

    fn no_variable(&self, name: &str, line: &str) -> Problem {
        if let Some((module, variable)) = name.rsplit_once("::") {
            return Problem::new("unknown_variable", format!("there is no variable `{name}`"))
                .about(variable)
                .hint(format!("what a module exports is written `export const {variable} = …;` in it; `{module}` has no such"));
        }
        let problem = Problem::new("unknown_variable", format!("there is no variable {name:?}")).about(name);
        problem.maybe_hint(self.near_variable(name, line))
    }

    fn line(&self, place: &Place) -> String {
        self.sources.line(&place.source, number(place.position.line())).unwrap_or_default()
    }

    fn put(&self, said: Said, place: Place, line: String, mut trace: Vec<Frame>) -> ScriptError {
        let Said { kind, mut problem } = said;
        if let Some(mut error) = problem.cause.take() {
            let what = match error.kind {
                ErrorKind::Template => TEMPLATES.to_owned(),
                _ => format!("the run of {}", error.trace.last().map_or(&error.source, |first| &first.source)),
            };
            error.trace.push(frame(what, place.source, place.position));
            error.trace.append(&mut trace);
            error.trace.truncate(FRAMES_MAX);
            return error;
        }
        let (column, length) = caret::underline(&line, number(place.position.position()), problem.about.as_deref());
        trace.truncate(FRAMES_MAX);
        let message_max = if AT_LENGTH.contains(&problem.code.as_str()) { 40 * MESSAGE_MAX } else { MESSAGE_MAX };
        ScriptError::from(Details {
            kind,
            code: clipped(problem.code, 60),
            message: clipped(problem.message, message_max),
            line: number(place.position.line()),
            column,
            length,
            source: place.source,
            // A line of a megabyte helps nobody, and where it is cut the caret would point at nothing.
            source_line: if line.len() > LINE_BYTES_MAX { String::new() } else { line },
            hint: problem.hint.map(|hint| clipped(hint, MESSAGE_MAX)),
            trace,
            note: problem.note,
        })
    }

    fn say(&self, error: &EvalAltResult, line: &str, position: Position, text: &str) -> Said {
        use EvalAltResult as E;
        let failed = |problem| Said { kind: ErrorKind::Failed, problem };
        match error {
            E::ErrorParsing(what, _) => Said { kind: ErrorKind::Syntax, problem: self.say_syntax(what, line, position, text) },
            E::ErrorRuntime(value, _) => match Problem::from_thrown(value) {
                Some(problem) => {
                    let parameter = problem.code.ends_with("_parameter");
                    Said { kind: if parameter { ErrorKind::Parameter } else { ErrorKind::Failed }, problem }
                }
                None => failed(Problem::new("thrown", thrown(value))),
            },
            E::ErrorTerminated(token, _) => match Ended::from_token(token) {
                Some(Ended::Cancelled) => {
                    Said { kind: ErrorKind::Cancelled, problem: Problem::new("cancelled", "the run was cancelled") }
                }
                Some(ended) => limit(self.ended(ended)),
                None => failed(Problem::new("stopped", "the run was stopped")),
            },
            E::ErrorTooManyOperations(_) => limit(self.ended(Ended::Operations)),
            E::ErrorStackOverflow(_) => limit(
                Problem::new(
                    "limit_call_levels",
                    format!("functions call each other more than {} levels deep", limits::CALL_LEVELS),
                )
                .hint("does a function call itself without end? This limit is fixed"),
            ),
            E::ErrorDataTooLarge(what, _) => limit(data_too_large(what)),
            E::ErrorTooManyVariables(_) => limit(
                Problem::new("limit_variables", format!("more than {} variables at one time", limits::VARIABLES))
                    .hint("this limit is fixed: keep many values in one array"),
            ),
            E::ErrorTooManyModules(_) => limit(
                Problem::new("limit_modules", format!("more than {} modules imported", limits::MODULES))
                    .hint("this limit is fixed"),
            ),
            other => failed(self.say_failed(other, line, position)),
        }
    }

    fn say_failed(&self, error: &EvalAltResult, line: &str, position: Position) -> Problem {
        use EvalAltResult as E;
        match error {
            E::ErrorVariableNotFound(name, _) => self.no_variable(name, line),
            E::ErrorFunctionNotFound(signature, _) => {
                let method = caret::is_after_dot(line, number(position.position()));
                let problem = self.catalog.unknown_function(signature, method);
                self.maybe_variable(problem, method)
            }
            E::ErrorDotExpr(said, _) => self.catalog.unknown_field(said),
            E::ErrorPropertyNotFound(name, _) => Problem::new("unknown_key", format!("the map has no key {name:?}"))
                .about(name)
                .hint(format!("`map.get({name:?}) ?? other` takes another value where the key is missing")),
            E::ErrorIndexNotFound(index, _) => Problem::new("unknown_key", format!("there is nothing at {index}")),
            E::ErrorIndexingType(types, _) => {
                let said = indexed(types);
                let types: Vec<&str> = said.split(" by ").collect();
                let instead = habits::call("[]", &types).map(str::to_owned);
                Problem::new("wrong_type", format!("this can't be indexed so: {said}")).maybe_hint(instead)
            }
            E::ErrorModuleNotFound(name, _) => Problem::new("unknown_module", format!("there is no module {name:?}")).about(name),
            E::ErrorMismatchDataType(wanted, got, _) | E::ErrorMismatchOutputType(wanted, got, _) => {
                let (wanted, got) = (script_type(wanted), script_type(got));
                Problem::new(
                    "wrong_type",
                    match (wanted.is_empty(), got.is_empty()) {
                        (false, false) => format!("{wanted} is needed here, not {got}"),
                        (false, true) => format!("{wanted} is needed here"),
                        _ => format!("{got} can't be used here"),
                    },
                )
            }
            E::ErrorArrayBounds(n, index, _) => {
                Problem::new("out_of_bounds", format!("there is no item {index} in an array of {n}"))
            }
            E::ErrorStringBounds(n, index, _) => {
                Problem::new("out_of_bounds", format!("there is no character {index} in a text of {n}"))
            }
            E::ErrorFor(_) => Problem::new("wrong_type", "a `for` loop needs a selection, an array, a range or a text"),
            E::ErrorAssignmentToConstant(name, _) => Problem::new("constant", format!("{name:?} can't be changed"))
                .about(name)
                .hint("use a variable of your own: `let mine = …`"),
            E::ErrorNonPureMethodCallOnConstant(name, _) => Problem::new("constant", format!("{name:?} would change a constant")),
            E::ErrorArithmetic(said, _) => {
                Problem::new("arithmetic", if said.is_empty() { "arithmetic error".to_owned() } else { syntax::lower(said) })
            }
            E::ErrorUnboundThis(_) => Problem::new("unknown_variable", "there is no `this` here"),
            E::ErrorDataRace(..) => {
                Problem::new("data_race", "a value that a closure captured is used twice in one call, once to be changed")
                    .hint("copy it into another variable first")
            }
            other => {
                let said = other.to_string();
                Problem::new("failed", syntax::lower(said.split(" (line ").next().unwrap_or(&said)))
            }
        }
    }

    fn say_syntax(&self, what: &ParseErrorType, line: &str, position: Position, text: &str) -> Problem {
        match what {
            ParseErrorType::VariableUndefined(name) => self.no_variable(name, line),
            other => {
                let problem = syntax::say(other, line, number(position.position()));
                if problem.hint.is_some() { problem } else { problem.maybe_hint(syntax::unclosed(other, text, position)) }
            }
        }
    }

    /// A call of something that is a variable.
    fn maybe_variable(&self, problem: Problem, method: bool) -> Problem {
        let text = self.sources.text(self.sources.main()).unwrap_or_default();
        let name = problem.about.clone().unwrap_or_default();
        if method || problem.code != "unknown_function" || !syntax::declared_names(&text).contains(&name.as_str()) {
            return problem;
        }
        problem.hint(format!("a closure in a variable is called so: `{name}.call(…)`"))
    }

    /// The nearest global, keyword or name that the script itself declares.
    fn near_variable(&self, name: &str, line: &str) -> Option<String> {
        if let Some(instead) = habits::variable(name, line) {
            return Some(instead);
        }
        if self.catalog.functions_named(name).any(|e| e.params.is_empty()) {
            return Some(format!("it is a function: write `{name}()`"));
        }
        let text = self.sources.text(self.sources.main());
        let mut known: Vec<&str> = self.catalog.globals().collect();
        if let Some(text) = &text {
            known.extend(syntax::declared_names(text));
        }
        known.extend(syntax::declared_names(line));
        if let Some(near) = nearest(name, known.iter().copied()) {
            return Some(format!("did you mean `{near}`?"));
        }
        if let Some(keyword) = nearest(name, KEYWORDS.iter().copied()) {
            return Some(format!("did you mean `{keyword}`?"));
        }
        did_you_mean(name, []).or_else(|| Some(format!("declare it first: `let {name} = …;`")))
    }

    fn ended(&self, ended: Ended) -> Problem {
        let limits = self.limits;
        match ended {
            Ended::Operations => {
                Problem::new("limit_operations", format!("the script needed more than {} operations", grouped(limits.operations)))
                    .hint("is there a loop without end? `limits.script.operations` in site.toml raises the limit")
            }
            Ended::Memory => Problem::new(
                "limit_memory",
                format!("the script's values took more than {} MB of memory", limits.memory_bytes / 1_000_000),
            )
            .hint("`limits.script.memory` in site.toml raises the limit"),
            Ended::OutOfTime => Problem::new("limit_seconds", format!("the script took longer than {} seconds", limits.seconds))
                .hint("`limits.script.seconds` in site.toml raises the limit"),
            Ended::Output => Problem::new(
                "limit_output",
                format!("the script printed more than {} bytes", grouped(limits::OUTPUT_BYTES as u64)),
            )
            .hint("this limit is fixed: print counts instead of rows"),
            Ended::Cancelled => Problem::new("cancelled", "the run was cancelled"),
        }
    }
}

fn limit(problem: Problem) -> Said {
    Said { kind: ErrorKind::Limit, problem }
}

fn data_too_large(what: &str) -> Problem {
    let (code, said) = match what {
        w if w.contains("string") => (
            "limit_string",
            format!("a text, or the texts of an array together, grew longer than {} bytes", grouped(limits::STRING_BYTES as u64)),
        ),
        w if w.contains("map") => (
            "limit_map",
            format!("a map, or the maps of an array together, grew larger than {} entries", grouped(limits::MAP_ITEMS as u64)),
        ),
        _ => ("limit_array", format!("an array grew larger than {} items", grouped(limits::ARRAY_ITEMS as u64))),
    };
    let instead = if code == "limit_array" { ": a `for` loop over a selection needs no array" } else { "" };
    Problem::new(code, said).hint(format!("this limit is fixed{instead}"))
}

fn thrown(value: &rhai::Dynamic) -> String {
    let text = value.to_string();
    if text.is_empty() { "the script threw an error without words".to_owned() } else { text }
}

fn frame(what: String, source: String, position: Position) -> Frame {
    Frame { what, source, line: number(position.line()), column: number(position.position()) }
}

fn number(n: Option<usize>) -> u32 {
    n.and_then(|n| u32::try_from(n).ok()).unwrap_or(0)
}

/// Names and texts of a script stand in messages, and may be of any length.
pub fn clipped(text: String, characters: usize) -> String {
    match text.char_indices().nth(characters) {
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()),
        None => text,
    }
}

/// A figure with its thousands apart: `50,000,000`.
pub fn grouped(n: u64) -> String {
    let digits = n.to_string();
    let mut text = String::new();
    for (i, c) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            text.push(',');
        }
        text.push(c);
    }
    text
}
