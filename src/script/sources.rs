//! The texts that a run has read: the script, and the modules that it imported.

use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError, RwLock};

use super::caret;
use super::debug::Statements;

/// Where a closure stands.
#[derive(Clone)]
struct Closure {
    source: Arc<str>,
    /// Where what it answers begins and, in braces, ends.
    body: (rhai::Position, rhai::Position),
}

/// Texts by the name that errors show. The first one is the script itself.
pub struct Sources {
    main: String,
    texts: RwLock<BTreeMap<String, Arc<str>>>,
    /// Which text each closure stands in: the engine forgets it when a closure is called from another one.
    closures: RwLock<BTreeMap<String, Closure>>,
    /// Where statements begin, while a debugger asks for it.
    statements: RwLock<Option<Statements>>,
}

impl Sources {
    pub fn new(main: &str, text: &str) -> Self {
        let texts = BTreeMap::from([(main.to_owned(), Arc::from(text))]);
        Self { main: main.to_owned(), texts: RwLock::new(texts), closures: RwLock::default(), statements: RwLock::default() }
    }

    pub fn main(&self) -> &str {
        &self.main
    }

    pub fn add(&self, name: &str, text: &str) {
        let mut texts = self.texts.write().unwrap_or_else(PoisonError::into_inner);
        texts.insert(name.to_owned(), Arc::from(text));
    }

    /// Adds a line to the script itself: a session's text grows.
    pub fn add_line(&self, line: &str) {
        let mut texts = self.texts.write().unwrap_or_else(PoisonError::into_inner);
        let before = texts.get(&self.main).cloned().unwrap_or_default();
        texts.insert(self.main.clone(), format!("{before}{line}\n").into());
    }

    pub fn text(&self, name: &str) -> Option<Arc<str>> {
        self.texts.read().unwrap_or_else(PoisonError::into_inner).get(name).cloned()
    }

    /// Line `line` (from 1) of a text.
    pub fn line(&self, name: &str, line: u32) -> Option<String> {
        let text = self.text(name)?;
        let index = usize::try_from(line).ok()?.checked_sub(1)?;
        text.lines().nth(index).map(str::to_owned)
    }

    /// Notes which closures a compiled text holds, and where its statements begin where somebody asks for it.
    pub fn add_program(&self, source: &str, program: &rhai::AST) {
        let mut closures = self.closures.write().unwrap_or_else(PoisonError::into_inner);
        let shared: Arc<str> = Arc::from(source);
        for (.., function) in program.shared_lib().iter_script_fn_info() {
            if function.name.starts_with(ANONYMOUS) {
                closures.insert(
                    function.name.to_string(),
                    Closure { source: shared.clone(), body: (function.body.start_position(), function.body.end_position()) },
                );
            }
        }
        if let Some(statements) = &mut *self.statements.write().unwrap_or_else(PoisonError::into_inner) {
            statements.add(source, program);
        }
    }

    /// From now on statements are noted, or no more.
    pub fn note_statements(&self, wanted: bool) {
        *self.statements.write().unwrap_or_else(PoisonError::into_inner) = wanted.then(Statements::default);
    }

    /// Looks at the statements; nothing where they are not noted.
    pub fn statements<T>(&self, look: impl FnOnce(&Statements) -> Option<T>) -> Option<T> {
        self.statements.read().unwrap_or_else(PoisonError::into_inner).as_ref().and_then(look)
    }

    pub fn of_closure(&self, name: &str) -> Option<Arc<str>> {
        self.closures.read().unwrap_or_else(PoisonError::into_inner).get(name).map(|closure| closure.source.clone())
    }

    /// A closure as its author wrote it.
    pub fn text_of_closure(&self, name: &str) -> Option<String> {
        let closure = self.closures.read().unwrap_or_else(PoisonError::into_inner).get(name).cloned()?;
        let text = self.text(&closure.source)?;
        let (start, end) = closure.body;
        let first = start.line()?.checked_sub(1)?;
        let line = text.lines().nth(first)?;
        let from = caret::closure_before(line, start.position()?)?;
        let last = end.line().map_or(first, |line| line.saturating_sub(1)).max(first);
        if last == first {
            let rest: Vec<char> = line.chars().skip(from).collect();
            let length = caret::closure(&rest);
            return Some(rest.into_iter().take(length).collect::<String>().trim_end().to_owned());
        }
        let mut lines: Vec<String> = text.lines().skip(first).take(last - first + 1).map(str::to_owned).collect();
        if let Some(line) = lines.last_mut() {
            *line = line.chars().take(end.position().unwrap_or(0)).collect();
        }
        if let Some(line) = lines.first_mut() {
            *line = line.chars().skip(from).collect();
        }
        Some(lines.join("\n"))
    }
}

/// What the engine's names of closures begin with.
pub const ANONYMOUS: &str = "anon$";
