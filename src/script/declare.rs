//! What a script says of itself without being asked: its description, and parameters that a run with
//! stand-ins did not come to.

use rhai::{AST, ASTNode, Dynamic, Expr, FnCallExpr, Map};

use super::input::{ParamDecl, ParamKind};

/// The leading `//!` lines, without slashes.
pub fn description(text: &str) -> String {
    let lines = text.trim_start_matches('\u{feff}').lines();
    let lines = lines.skip_while(|l| l.trim().is_empty() || l.starts_with("#!"));
    let said: Vec<&str> = lines.map_while(|l| l.trim_start().strip_prefix("//!")).map(str::trim).collect();
    said.join("\n").trim().to_owned()
}

/// Parameters that are written with literal names, beside those that are known.
pub fn written(ast: &AST, known: &[ParamDecl]) -> Vec<ParamDecl> {
    let mut found: Vec<ParamDecl> = Vec::new();
    ast.walk(&mut |path| {
        if let Some(call) = path.last().and_then(param_call)
            && let Some(decl) = literal(call)
            && !known.iter().chain(&found).any(|d| d.name == decl.name)
        {
            found.push(decl);
        }
        true
    });
    found
}

/// `run.param(…)`: a method call named so; the object is looked at by nobody else of that name.
fn param_call<'a>(node: &'a ASTNode<'a>) -> Option<&'a FnCallExpr> {
    match node {
        ASTNode::Expr(Expr::MethodCall(call, _)) if call.name == "param" => Some(call),
        _ => None,
    }
}

fn literal(call: &FnCallExpr) -> Option<ParamDecl> {
    let value = |index: usize| call.args.get(index).and_then(|arg| arg.get_literal_value(None));
    let name = value(0)?.into_string().ok()?;
    let (default, options) = match (value(1), value(2)) {
        (Some(second), third) => match second.try_cast_result::<Map>() {
            Ok(options) => (None, options),
            Err(default) => (Some(default), third.and_then(|t| t.try_cast::<Map>()).unwrap_or_default()),
        },
        (None, _) => (None, Map::new()),
    };
    let text = |key: &str| options.get(key).and_then(|v| v.clone().into_string().ok());
    let kind = text("type").and_then(|w| ParamKind::from_word(&w)).or(default.as_ref().map(kind_of)).unwrap_or(ParamKind::Text);
    let default = default.filter(|d| !d.is_unit()).map(|d| d.to_string());
    Some(ParamDecl { name, kind, default, help: text("help"), choices: None, min: None, max: None, pattern: text("pattern") })
}

fn kind_of(value: &Dynamic) -> ParamKind {
    if value.is_int() {
        ParamKind::Int
    } else if value.is_float() {
        ParamKind::Number
    } else if value.is_bool() {
        ParamKind::Bool
    } else {
        ParamKind::Text
    }
}
