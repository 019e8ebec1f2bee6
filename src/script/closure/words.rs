//! An expression as a person would write it, for `explain()`: the syntax tree keeps no source text.

use rhai::{Expr, FnCallExpr};

/// Deeper parts and longer texts are cut with an ellipsis.
const DEPTH_MAX: usize = 12;
const CHARS_MAX: usize = 160;

pub fn of(expr: &Expr) -> String {
    let mut text = String::new();
    write(&mut text, expr, 0);
    if text.chars().count() > CHARS_MAX {
        text = text.chars().take(CHARS_MAX).chain(['…']).collect();
    }
    text
}

fn write(text: &mut String, expr: &Expr, depth: usize) {
    if depth > DEPTH_MAX || text.len() > CHARS_MAX * 4 {
        text.push('…');
        return;
    }
    let next = depth + 1;
    match expr {
        Expr::BoolConstant(yes, _) => text.push_str(if *yes { "true" } else { "false" }),
        Expr::IntegerConstant(number, _) => text.push_str(&number.to_string()),
        Expr::FloatConstant(number, _) => text.push_str(&number.to_string()),
        Expr::CharConstant(c, _) => text.push_str(&format!("{c:?}")),
        Expr::StringConstant(words, _) => text.push_str(&format!("{words:?}")),
        Expr::Unit(_) => text.push_str("()"),
        Expr::ThisPtr(_) => text.push_str("this"),
        Expr::Variable(names, ..) => text.push_str(&names.1),
        Expr::Property(names, _) => text.push_str(&names.2),
        Expr::DynamicConstant(value, _) if value.is_fnptr() => text.push_str("|…|"),
        Expr::DynamicConstant(value, _) if value.is_array() => text.push_str(&value.to_string()),
        Expr::Array(items, _) => {
            text.push('[');
            list(text, items, ", ", next);
            text.push(']');
        }
        Expr::And(parts, _) => list(text, parts, " && ", next),
        Expr::Or(parts, _) => {
            text.push('(');
            list(text, parts, " || ", next);
            text.push(')');
        }
        Expr::Coalesce(parts, _) => list(text, parts, " ?? ", next),
        Expr::Dot(pair, ..) => {
            write(text, &pair.lhs, next);
            text.push('.');
            write(text, &pair.rhs, next);
        }
        Expr::Index(pair, flags, _) => {
            write(text, &pair.lhs, next);
            text.push('[');
            match &pair.rhs {
                // `a["b"].c` is `a[` over the pair of `"b"` and `.c`.
                Expr::Dot(rest, ..) if !flags.contains(rhai::ASTFlags::BREAK) => {
                    write(text, &rest.lhs, next);
                    text.push_str("].");
                    write(text, &rest.rhs, next);
                }
                index => {
                    write(text, index, next);
                    text.push(']');
                }
            }
        }
        Expr::FnCall(call, _) | Expr::MethodCall(call, _) => write_call(text, call, next),
        Expr::Stmt(_) => text.push_str("|…|"),
        _ => text.push('…'),
    }
}

fn write_call(text: &mut String, call: &FnCallExpr, depth: usize) {
    match (call.name.as_str(), call.args.as_slice()) {
        // The parser turns `a !in b` into `!contains(b, a)`.
        ("!", [Expr::FnCall(inner, _)]) if matches!((&*inner.name, inner.args.len()), ("contains", 2)) => {
            write_pair(text, &inner.args[1], "!in", &inner.args[0], depth);
        }
        ("!", [Expr::FnCall(inner, _)]) if inner.args.len() == 2 => {
            text.push_str("!(");
            write_call(text, inner, depth);
            text.push(')');
        }
        (operator, [only]) if call.is_operator_call() => {
            text.push_str(operator);
            write(text, only, depth);
        }
        ("contains", [container, item]) => write_pair(text, item, "in", container, depth),
        (operator, [left, right]) if call.is_operator_call() => write_pair(text, left, operator, right, depth),
        (name, args) => {
            text.push_str(name);
            text.push('(');
            list(text, args, ", ", depth);
            text.push(')');
        }
    }
}

fn write_pair(text: &mut String, left: &Expr, operator: &str, right: &Expr, depth: usize) {
    write(text, left, depth);
    text.push(' ');
    text.push_str(operator);
    text.push(' ');
    write(text, right, depth);
}

fn list(text: &mut String, items: &[Expr], between: &str, depth: usize) {
    for (i, item) in items.iter().enumerate() {
        if i > 0 {
            text.push_str(between);
        }
        write(text, item, depth);
    }
}
