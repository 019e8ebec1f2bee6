//! What can be seen of a script while it stands still.

use std::sync::Arc;

use rhai::{AST, Dynamic, EvalAltResult, Position};

use super::attached::Attached;
use super::brief::brief;
use super::sight::Sight;
use super::{Breakpoints, Call, Event, Place, Standing, Variable};
use crate::domain::task::Page;
use crate::script::error::ScriptError;
use crate::script::limits;
use crate::script::options::type_word;
use crate::script::problem::{Problem, RhaiResultOf};
use crate::script::shown::{self, Shown};

/// What errors call an expression that a person asks for.
const EXPRESSION: &str = "expression";
/// How much is shown of a value with many rows.
const ROWS: Page = Page { from: 0, rows: 20 };

pub struct Stopped<'a> {
    attached: &'a Attached,
    sight: &'a mut dyn Sight,
    event: Event,
    place: Place,
    breakpoints: Breakpoints,
}

impl<'a> Stopped<'a> {
    pub fn new(attached: &'a Attached, sight: &'a mut dyn Sight, event: Event, place: Place) -> Self {
        let breakpoints = attached.state().breakpoints.clone();
        Self { attached, sight, event, place, breakpoints }
    }

    /// Whether the condition of a breakpoint is true.
    ///
    /// # Errors
    /// It can't be evaluated, or is neither true nor false.
    pub fn condition(attached: &Attached, sight: &mut dyn Sight, condition: &str) -> Result<bool, ScriptError> {
        looked(attached, sight, condition, |value| {
            Ok(value.as_bool().map_err(|_| Problem::wants("a breakpoint's `if`", "true or false", &type_word(value)))?)
        })
    }
}

impl Standing for Stopped<'_> {
    fn event(&self) -> &Event {
        &self.event
    }

    fn place(&self) -> &Place {
        &self.place
    }

    fn calls(&self) -> Vec<Call> {
        self.attached.calls(&self.place)
    }

    fn variables(&mut self) -> Vec<Variable> {
        let mut variables: Vec<Variable> = Vec::new();
        self.sight.each_variable(&mut |name, value| {
            variables.push(Variable { name: name.to_owned(), value: brief(&self.attached.run, value) });
        });
        variables
    }

    fn evaluate(&mut self, expression: &str) -> Result<Shown, ScriptError> {
        let attached = self.attached;
        attached.quietly(|| looked(attached, self.sight, expression, |value| shown::of(&attached.run, value, ROWS)))
    }

    fn text(&self, source: &str) -> Option<Arc<str>> {
        self.attached.run.sources.text(source)
    }

    fn asked(&self) -> Vec<String> {
        self.attached.run.gathered().asked.iter().map(|asked| asked.intent.summary()).collect()
    }

    fn breakpoints(&mut self) -> &mut Breakpoints {
        &mut self.breakpoints
    }

    fn line_of(&self, source: &str, line: u32) -> Option<u32> {
        self.attached.run.sources.statements(|all| all.line_of(source, line))
    }
}

impl Drop for Stopped<'_> {
    fn drop(&mut self) {
        self.attached.state().breakpoints = std::mem::take(&mut self.breakpoints);
    }
}

/// Evaluates an expression among the variables in sight and looks at its value. What it changed, declared
/// or asked for is forgotten.
fn looked<T>(
    attached: &Attached,
    sight: &mut dyn Sight,
    expression: &str,
    look: impl Fn(&Dynamic) -> RhaiResultOf<T>,
) -> Result<T, ScriptError> {
    let run = &attached.run;
    let (mark, rules) = (run.mark(), run.rules());
    let mut seen = None;
    let looked = compiled(attached, expression).and_then(|program| {
        sight.look(&program, EXPRESSION, &mut |value| {
            seen = Some(look(value)?);
            Ok(())
        })
    });
    run.set_rules(rules);
    run.forget_since(mark);
    match (looked, seen) {
        (Ok(()), Some(seen)) => Ok(seen),
        (Err(error), _) => Err(attached.explainer().explain_in(&error, EXPRESSION)),
        (Ok(()), None) => {
            Err(attached.explainer().explain_in(&Problem::internal("nothing was looked at").at(Position::NONE), EXPRESSION))
        }
    }
}

fn compiled(attached: &Attached, expression: &str) -> RhaiResultOf<AST> {
    if expression.len() > limits::SOURCE_BYTES {
        return Err(Problem::new("limit_source", "the expression is too long").into());
    }
    attached.run.sources.add(EXPRESSION, expression);
    Ok(attached.compiler.compile_expression(expression).map_err(EvalAltResult::from)?)
}
