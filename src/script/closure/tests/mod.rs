//! Both ways of answering a closure, side by side, over a small school with gaps in its records.

mod evaluate;
mod random;
mod school;
mod table;

use std::sync::{Arc, Mutex};

use rhai::module_resolvers::StaticModuleResolver;
use rhai::{Dynamic, Engine, FnPtr, NativeCallContext, Scope};

use super::{Compiled, compile};
use crate::domain::selection::{Condition, Of};
use evaluate::holds;
use school::{Row, Rows, School};

/// What `import "own"` finds: a method that every script then has, a function that none has by its bare
/// name, and a `where` of its own.
const OWN_MODULE: &str = r#"
    fn string.starts_with(part) { true }
    fn days(n) { hours(n) }
    fn music() { let wanted = "Music"; users.where(|u| u.department == wanted && u.reminders % 2 == 0); }
"#;

/// What the interpreter says of one row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Said {
    True,
    False,
    /// An error, or an answer that is no truth value.
    Error,
}

/// One `where`, answered both ways.
struct Answered {
    compiled: Compiled,
    rows: Vec<(Row, Said)>,
}

/// How much of a closure is expected to be pushed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Verdict {
    /// All of it.
    Pushed,
    /// All of it, but for errors that only the interpreter can raise.
    ButErrors,
    /// Some of it.
    Partly,
    /// None of it.
    Left,
}

impl Answered {
    fn verdict(&self) -> Verdict {
        let c = &self.compiled;
        match (&c.pushed, c.leftover, &c.raises) {
            (Some(_), false, _) => Verdict::Pushed,
            (_, true, Some(_)) => Verdict::ButErrors,
            (Some(_), true, None) => Verdict::Partly,
            (None, _, _) => Verdict::Left,
        }
    }

    /// Everything that `compile` promises, on every row.
    fn is_kept(&self, school: &School) -> Result<(), String> {
        let c = &self.compiled;
        for nothing_equals_nothing in [true, false] {
            let on = |condition: &Condition, row: &Row| holds(condition, row, school, nothing_equals_nothing);
            for (row, said) in &self.rows {
                let kept = c.pushed.as_ref().is_none_or(|pushed| on(pushed, row));
                let raises = c.raises.as_ref().map(|raises| on(raises, row));
                let right = match (said, c.leftover, raises) {
                    (Said::True, _, Some(raises)) => kept && !raises,
                    (Said::True, _, None) => kept,
                    (Said::False, true, None) => true,
                    (Said::False, _, _) => !kept,
                    (Said::Error, true, Some(raises)) => kept && raises,
                    (Said::Error, true, None) => true,
                    (Said::Error, false, _) => false,
                };
                if !right {
                    return Err(format!("{} is {said:?}, kept: {kept}, raises: {raises:?}\n{c:#?}", row.name()));
                }
            }
        }
        if c.leftover == c.left_text.is_empty() || c.left_text.len() != c.left_at.len() {
            return Err(format!("left over without words for it, or the other way round: {c:#?}"));
        }
        Ok(())
    }
}

/// Runs a script in the school and gives every `where` in it, answered both ways.
fn answer(school: &Arc<School>, script: &str) -> Result<Vec<Answered>, String> {
    let seen = Arc::new(Mutex::new(Vec::new()));
    let mut engine = Engine::new();
    engine.set_max_expr_depths(400, 400);
    school::register(&mut engine, school);
    let (sink, world) = (seen.clone(), school.clone());
    engine.register_fn("where", move |ctx: NativeCallContext, rows: Rows, closure: FnPtr| {
        let answered = answer_one(&ctx, &world, rows, &closure);
        sink.lock().unwrap().push(answered);
    });
    let own = engine.compile(OWN_MODULE).map_err(|e| e.to_string())?;
    let own = rhai::Module::eval_ast_as_new(Scope::new(), &own, &engine).map_err(|e| e.to_string())?;
    let mut modules = StaticModuleResolver::new();
    modules.insert("own", own);
    engine.set_module_resolver(modules);
    engine.run(script).map_err(|e| e.to_string())?;
    drop(engine);
    Ok(std::mem::take(&mut *seen.lock().unwrap()))
}

fn answer_one(ctx: &NativeCallContext, school: &Arc<School>, rows: Rows, closure: &FnPtr) -> Answered {
    let groups = |name: &str| school.group(name);
    let compiled = compile(ctx, closure, rows.0, &groups, &school::value_of);
    let said = |row: &Row| match closure.call_within_context::<Dynamic>(ctx, (row.to_dynamic(),)) {
        Ok(answer) => match answer.as_bool() {
            Ok(true) => Said::True,
            Ok(false) => Said::False,
            Err(_) => Said::Error,
        },
        Err(_) => Said::Error,
    };
    Answered { compiled, rows: school.rows(rows.0).into_iter().map(|row| (row.clone(), said(&row))).collect() }
}

/// One predicate over users (`|u| …`) or devices (`|d| …`), after some lines of script.
fn check(school: &Arc<School>, before: &str, closure: &str) -> Result<Verdict, String> {
    let rows = if closure.starts_with("|d|") { "devices" } else { "users" };
    let answered = answer(school, &format!("{before}\n{rows}.where({closure});"))?;
    let [one] = answered.as_slice() else { return Err("not one `where`".to_owned()) };
    one.is_kept(school).map_err(|e| format!("{before} {closure}: {e}"))?;
    Ok(one.verdict())
}

impl Rows {
    fn all() -> [Self; 2] {
        [Self(Of::Users), Self(Of::Devices)]
    }
}
