//! What a condition means, in the plainest way to say it.

use crate::domain::selection::{Comparison, Condition, Operand, Value};

use super::school::{Row, School};

/// Whether the condition holds for the row. Whether two missing fields are equal is left to whoever
/// evaluates a condition, so both are tried.
pub fn holds(condition: &Condition, row: &Row, school: &School, nothing_equals_nothing: bool) -> bool {
    let on = |c: &Condition| holds(c, row, school, nothing_equals_nothing);
    let texts = |a: &Operand, b: &Operand| match (value(a, row), value(b, row)) {
        (Value::Text(a), Value::Text(b)) => Some((a, b)),
        _ => None,
    };
    match condition {
        Condition::And(a, b) => on(a) && on(b),
        Condition::Or(a, b) => on(a) || on(b),
        Condition::Not(inner) => !on(inner),
        Condition::Always(yes) => *yes,
        Condition::Is(field) => row.value(field) == Value::Bool(true),
        Condition::InGroup(group) => match row {
            Row::User(user) => user.groups.contains(group),
            Row::Device(device) => school.owner(device).is_some_and(|user| user.groups.contains(group)),
        },
        Condition::AnyDevice(inner) => school.others(row).iter().any(|other| holds(inner, other, school, nothing_equals_nothing)),
        Condition::Contains { text, part } => texts(text, part).is_some_and(|(a, b)| a.contains(&b)),
        Condition::StartsWith { text, part } => texts(text, part).is_some_and(|(a, b)| a.starts_with(&b)),
        Condition::EndsWith { text, part } => texts(text, part).is_some_and(|(a, b)| a.ends_with(&b)),
        Condition::Compare { left, is, right } => {
            let both_fields = matches!((left, right), (Operand::Field(_), Operand::Field(_)));
            compare(&value(left, row), *is, &value(right, row), nothing_equals_nothing || !both_fields)
        }
    }
}

fn value(operand: &Operand, row: &Row) -> Value {
    match operand {
        Operand::Field(field) => row.value(field),
        Operand::Value(value) => value.clone(),
    }
}

fn compare(a: &Value, is: Comparison, b: &Value, nothing_equals_nothing: bool) -> bool {
    let order = match (a, b) {
        (Value::Nothing, Value::Nothing) if nothing_equals_nothing => return is == Comparison::Equal,
        (Value::Int(a), Value::Int(b)) => a.cmp(b),
        (Value::Text(a), Value::Text(b)) => a.as_bytes().cmp(b.as_bytes()),
        (Value::Time(a), Value::Time(b)) => a.cmp(b),
        _ => return is == Comparison::NotEqual,
    };
    match is {
        Comparison::Equal => order.is_eq(),
        Comparison::NotEqual => order.is_ne(),
        Comparison::Less => order.is_lt(),
        Comparison::LessOrEqual => order.is_le(),
        Comparison::Greater => order.is_gt(),
        Comparison::GreaterOrEqual => order.is_ge(),
    }
}
