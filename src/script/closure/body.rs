//! Finds the one expression that a closure consists of, within limits that no stack can feel.

use rhai::{AST, ASTNode, Expr, FnNamespace, Module, NativeCallContext, Shared, Stmt};

/// A closure of more syntax nodes is left to the interpreter.
pub const NODES_MAX: usize = 512;
/// A closure nested deeper is left to the interpreter.
pub const DEPTH_MAX: usize = 32;

/// The parameters and the only expression of the script function `name` with `arity` parameters.
///
/// `None` when there is no such function, when two libraries in reach define it differently (which one a
/// call reaches depends on where it comes from), when it does more than answer with one expression, or when it
/// is too large.
pub fn of(ctx: &NativeCallContext, name: &str, arity: usize) -> Option<(Vec<String>, Expr)> {
    let mut definitions = ctx.iter_namespaces().filter_map(|library| library.get_script_fn(name, arity));
    let definition = definitions.next()?;
    if definitions.any(|other| !Shared::ptr_eq(other, definition)) || definition.this_type.is_some() {
        return None;
    }
    // A function's statements can only be walked as those of a program.
    let mut module = Module::new();
    module.set_script_fn(definition.clone());
    let program = AST::new_from_module(module);

    let (mut nodes, mut statements) = (0, 0);
    let within = program.walk(&mut |path: &[ASTNode]| {
        nodes += 1;
        statements += usize::from(path.len() == 1);
        nodes <= NODES_MAX && path.len() <= DEPTH_MAX
    });
    if !within || statements != 1 {
        return None;
    }
    let mut only = None;
    program.walk(&mut |path: &[ASTNode]| {
        if let [ASTNode::Stmt(statement)] = path {
            only = answer(statement);
        }
        false
    });
    Some((definition.params.iter().map(ToString::to_string).collect(), only?))
}

/// The expression that a statement answers with.
fn answer(statement: &Stmt) -> Option<Expr> {
    match statement {
        Stmt::Expr(expr) => Some((**expr).clone()),
        Stmt::FnCall(call, at) => Some(Expr::FnCall(call.clone(), *at)),
        Stmt::Block(block) => match block.statements() {
            [only] => answer(only),
            _ => None,
        },
        _ => None,
    }
}

/// Whether a script in reach defines a function of that name, with whatever parameters: a call may then
/// mean that one.
pub fn redefined(ctx: &NativeCallContext, name: &str) -> bool {
    fn in_module(module: &Module, name: &str, global_only: bool) -> bool {
        let mut own = module.iter_script_fn_info();
        own.any(|(namespace, _, function, ..)| function == name && (!global_only || namespace == FnNamespace::Global))
            || (global_only && module.iter_sub_modules().any(|(_, inner)| in_module(inner, name, true)))
    }
    ctx.iter_namespaces().any(|library| in_module(library, name, false))
        || ctx.iter_imports().any(|(_, module)| in_module(module, name, true))
}
