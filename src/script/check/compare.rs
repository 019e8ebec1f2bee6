//! Comparisons of a field with a literal that it can never equal.

use rhai::{Expr, FnCallExpr};

use super::literal::literal_type;
use super::walk::Walk;
use crate::domain::misspelt::did_you_mean;
use crate::script::problem::Problem;
use crate::script::typing::Type;

impl<'a> Walk<'a> {
    /// Looks at a comparison with something written out; `None` where the call is none.
    pub fn comparison(&mut self, call: &'a FnCallExpr) -> Option<Type> {
        let [left, right] = call.args.as_slice() else { return None };
        let (field, literals): (&Expr, Vec<&Expr>) = match (call.name.as_str(), left, right) {
            ("==" | "!=", Expr::Dot(..), literal) if literal_type(literal).is_some() => (left, vec![literal]),
            ("==" | "!=", literal, Expr::Dot(..)) if literal_type(literal).is_some() => (right, vec![literal]),
            // `field in [a, b]` is a call of `contains`.
            ("contains", Expr::Array(items, _), Expr::Dot(..)) => (right, items.iter().collect()),
            _ => return None,
        };
        let end = self.chain_end(field);
        for literal in [left, right].into_iter().filter(|side| !std::ptr::eq(*side, field)) {
            self.expr(literal);
        }
        let Some((of, name)) = end.field else { return Type::known("bool", None) };
        for literal in literals {
            if let Some(problem) = never_equal(&of, &name, end.of.as_ref(), literal) {
                self.warn(problem, literal.position());
            }
        }
        Type::known("bool", None)
    }
}

fn never_equal(of: &Type, field: &str, kind: Option<&Type>, literal: &Expr) -> Option<Problem> {
    let (kind, got) = (kind?, literal_type(literal)?);
    let what = format!("{}.{field}", of.name);
    let is_number = |name: &str| matches!(name, "int" | "float");
    let comparable = kind.name == got.name || (is_number(&kind.name) && is_number(&got.name)) || got.name == "char";
    if !comparable {
        let said = format!("{what} is of the type {}, and never equals a value of the type {}", kind.name, got.name);
        return Some(Problem::new("never_equal", said));
    }
    let Expr::StringConstant(text, _) = literal else { return None };
    let words = of.words_of(field)?;
    if words.contains(&text.as_str()) {
        return None;
    }
    let problem = Problem::new("never_equal", format!("{what} is never {:?}", text.as_str())).about(text.as_str());
    let listed = || format!("it can be: {}", words.join(", "));
    Some(problem.hint(did_you_mean(text, words.iter().copied()).unwrap_or_else(listed)))
}
