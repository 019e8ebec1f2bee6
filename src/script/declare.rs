//! What a script says of itself without being asked: its description, and parameters that a run with
//! stand-ins did not come to.

use rhai::{AST, ASTNode, Dynamic, Expr, FnCallExpr, Map};

use super::input::{ParamDecl, ParamKind};

/// Stands for a default that only a run can tell.
const COMPUTED: &str = "made by the script";

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

/// Whether there are parameters whose name only a run can tell.
pub fn has_unnamed(ast: &AST) -> bool {
    let mut found = false;
    ast.walk(&mut |path| {
        let name = path.last().and_then(param_call).and_then(|call| call.args.first());
        found |= name.is_some_and(|name| !matches!(name, Expr::StringConstant(..)));
        !found
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
    let (default, options) = match (call.args.get(1), call.args.get(2)) {
        (Some(second), _) if literals_of(second).is_some() => (None, literals_of(second).unwrap_or_default()),
        // A default that is computed is none the less one.
        (Some(_), third) => (Some(value(1).unwrap_or_else(|| COMPUTED.into())), third.and_then(literals_of).unwrap_or_default()),
        (None, _) => (None, Map::new()),
    };
    let text = |key: &str| options.get(key).and_then(|v| v.clone().into_string().ok());
    let kind = text("type").and_then(|w| ParamKind::from_word(&w)).or(default.as_ref().map(kind_of)).unwrap_or(ParamKind::Text);
    let default = default.filter(|d| !d.is_unit()).map(|d| d.to_string());
    Some(ParamDecl { name, kind, default, help: text("help"), choices: None, min: None, max: None, pattern: text("pattern") })
}

/// What of a map is written out.
fn literals_of(map: &Expr) -> Option<Map> {
    let Expr::Map(map, _) = map else { return map.get_literal_value(None)?.try_cast::<Map>() };
    Some(map.0.iter().filter_map(|(key, value)| Some((key.name.as_str().into(), value.get_literal_value(None)?))).collect())
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
