//! What the engine shows of itself where it calls back, without its six lifetimes.

use rhai::debugger::CallStackFrame;
use rhai::{AST, Dynamic, EvalContext, Expr, Expression, Stmt};

use crate::script::problem::RhaiResultOf;
use crate::script::snapshot::Snapshot;

pub trait Sight {
    /// The call that led here.
    fn call(&self) -> Option<&CallStackFrame>;

    /// Shows the variables in sight, the newest first; an older one of the same name is hidden.
    fn each_variable(&self, show: &mut dyn FnMut(&str, &Dynamic));

    /// Evaluates an expression among the variables, has its value looked at, and puts the variables back.
    ///
    /// # Errors
    /// The expression's, or those of looking at it.
    fn look(&mut self, program: &AST, source: &str, look: &mut dyn FnMut(&Dynamic) -> RhaiResultOf<()>) -> RhaiResultOf<()>;
}

impl Sight for EvalContext<'_, '_, '_, '_, '_, '_> {
    fn call(&self) -> Option<&CallStackFrame> {
        self.debugger().and_then(|debugger| debugger.call_stack().last())
    }

    fn each_variable(&self, show: &mut dyn FnMut(&str, &Dynamic)) {
        if let Some(this) = self.this_ptr() {
            show("this", this);
        }
        let mut in_sight: Vec<_> = self.scope().iter_raw().collect();
        in_sight.reverse();
        let mut seen = std::collections::BTreeSet::new();
        for (name, _, value) in in_sight {
            if seen.insert(name) {
                show(name, value);
            }
        }
    }

    fn look(&mut self, program: &AST, source: &str, look: &mut dyn FnMut(&Dynamic) -> RhaiResultOf<()>) -> RhaiResultOf<()> {
        let call;
        let expression: &Expr = match program.statements().first() {
            Some(Stmt::Expr(expression)) => expression,
            Some(Stmt::FnCall(parts, position)) => {
                call = Expr::FnCall(parts.clone(), *position);
                &call
            }
            _ => return look(&Dynamic::UNIT),
        };
        let snapshot = Snapshot::of(self.scope());
        let frame = self.new_frame().with_namespace(program.shared_lib().clone()).with_source(source);
        let value = frame.with_new_caching_layer().eval_expression_tree(&Expression::from(expression));
        let looked = value.and_then(|value| look(&value));
        snapshot.restore(self.scope_mut());
        looked
    }
}
