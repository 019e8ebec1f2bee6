//! Where a run can't go on.

use rhai::{ASTFlags, ASTNode, Expr, Stmt};

/// Whether nothing after the statement is ever reached.
pub fn ends(statement: &Stmt) -> bool {
    match statement {
        Stmt::Return(..) | Stmt::BreakLoop(..) => true,
        Stmt::Block(block) => block.statements().iter().any(ends),
        Stmt::If(parts, _) => parts.body.statements().iter().any(ends) && parts.branch.statements().iter().any(ends),
        Stmt::Switch(switch, _) => {
            let ends = |arm: &Expr| matches!(arm, Expr::Stmt(block) if block.statements().iter().any(ends));
            switch.1.def_case.is_some() && switch.1.expressions.iter().all(|case| ends(&case.rhs))
        }
        Stmt::While(parts, _) => is_endless(&parts.expr) && !parts.body.statements().iter().any(breaks),
        Stmt::Do(parts, ..) => parts.body.statements().iter().any(|s| matches!(s, Stmt::Return(..))),
        Stmt::TryCatch(parts, _) => parts.body.statements().iter().any(ends) && parts.branch.statements().iter().any(ends),
        _ => false,
    }
}

/// Why nothing after the statement is reached.
pub fn why(statement: &Stmt) -> &'static str {
    match statement {
        Stmt::Return(_, flags, _) if flags.contains(ASTFlags::BREAK) => "the line before throws",
        Stmt::Return(..) => "the line before returns",
        Stmt::BreakLoop(_, flags, _) if flags.contains(ASTFlags::BREAK) => "the line before leaves the loop",
        Stmt::BreakLoop(..) => "the line before goes on with the next round of the loop",
        Stmt::While(..) => "the loop before never ends",
        _ => "every way before ends earlier",
    }
}

/// A `loop` has nothing where a `while` has its condition.
fn is_endless(condition: &Expr) -> bool {
    matches!(condition, Expr::Unit(..) | Expr::BoolConstant(true, _))
}

/// Whether it holds a `break` at all: one of an inner loop counts too, so that nothing is said in doubt.
fn breaks(statement: &Stmt) -> bool {
    let mut found = false;
    statement.walk(&mut Vec::new(), &mut |path: &[ASTNode]| {
        if let Some(ASTNode::Stmt(Stmt::BreakLoop(_, flags, _))) = path.last() {
            found |= flags.contains(ASTFlags::BREAK);
        }
        !found
    });
    found
}
