//! Conditions. SQL has three truth values and scripts have two; the difference ends here.
//!
//! A condition that is only asked whether it is true may be NULL for "no" (SQLite can then use an
//! index); one that is going to be negated must not, and is built `strict`.

use super::fields::{Column, belongs, has_owner};
use super::{Builder, Param, Row, check_depth, joined};
use crate::domain::roster::{Read, RosterError};
use crate::domain::selection::{Comparison, Condition, Kind, Of, Operand, Value};

/// One side of a comparison.
enum Side {
    Nothing,
    Of(Column),
}

impl Builder {
    /// A condition on the innermost of `scopes`' rows.
    pub(super) fn condition(&mut self, condition: &Condition, scopes: &mut Vec<Row>, strict: bool, depth: usize) -> Read<String> {
        check_depth(depth)?;
        match condition {
            Condition::And(..) | Condition::Or(..) => {
                let and = matches!(condition, Condition::And(..));
                let mut terms = Vec::new();
                let mut stack = vec![condition];
                while let Some(term) = stack.pop() {
                    match term {
                        Condition::And(left, right) if and => stack.extend([&**right, &**left]),
                        Condition::Or(left, right) if !and => stack.extend([&**right, &**left]),
                        other => terms.push(self.condition(other, scopes, strict, depth + 1)?),
                    }
                }
                let (operator, none) = if and { (" AND ", "1") } else { (" OR ", "0") };
                Ok(format!("({})", joined(terms, operator, none)))
            }
            Condition::Not(inner) => match &**inner {
                Condition::Not(twice) => self.condition(twice, scopes, strict, depth + 1),
                once => Ok(format!("NOT {}", self.condition(once, scopes, true, depth + 1)?)),
            },
            single => {
                self.count_part()?;
                self.single(single, scopes, strict, depth)
            }
        }
    }

    fn single(&mut self, condition: &Condition, scopes: &mut Vec<Row>, strict: bool, depth: usize) -> Read<String> {
        let row = scopes.last().cloned().ok_or_else(|| RosterError("a condition without rows".to_owned()))?;
        match condition {
            Condition::Always(yes) => Ok(truth(*yes)),
            Condition::Is(field) => {
                let column = self.column(field, scopes)?;
                if column.kind != Kind::Bool {
                    return Err(RosterError(format!("{} is not a truth value", field.name())));
                }
                Ok(column.text)
            }
            Condition::InGroup(group) => {
                let members = self.members_of(vec![*group]);
                Ok(match row.of {
                    Of::Users => format!("{}.id IN ({members})", row.alias),
                    Of::Devices => format!("({} AND {}.user_id IN ({members}))", has_owner(&row.alias), row.alias),
                })
            }
            Condition::AnyDevice(inner) => {
                let (of, table) = match row.of {
                    Of::Users => (Of::Devices, "devices"),
                    Of::Devices => (Of::Users, "users"),
                };
                let other = self.row(of);
                let link = belongs(&other, &row);
                let alias = other.alias.clone();
                scopes.push(other);
                // SQLite counts a subquery as dozens of levels.
                let filter = self.condition(inner, scopes, false, depth + 6);
                scopes.pop();
                Ok(format!("EXISTS (SELECT 1 FROM {table} {alias} WHERE {link} AND {})", filter?))
            }
            Condition::Compare { left, is, right } => {
                let (left, right) = (self.side(left, scopes)?, self.side(right, scopes)?);
                Ok(compare(&left, *is, &right, strict))
            }
            Condition::Contains { text, part } => self.part_of(text, part, scopes, strict, |t, p| format!("instr({t}, {p}) > 0")),
            Condition::StartsWith { text, part } => {
                self.part_of(text, part, scopes, strict, |t, p| format!("instr({t}, {p}) = 1"))
            }
            // Bytes, because SQLite counts characters only up to the first NUL. One UTF-8 text ends with
            // another exactly when its bytes do. Of an empty blob `substr` makes NULL.
            Condition::EndsWith { text, part: Operand::Value(Value::Text(part)) } => {
                let Side::Of(Column { text, kind: Kind::Text, .. }) = self.side(text, scopes)? else {
                    return Ok(truth(false));
                };
                if part.is_empty() {
                    return Ok(format!("{text} IS NOT NULL"));
                }
                let bytes = self.bind(Param::Bytes(part.as_bytes().to_vec()));
                Ok(format!("COALESCE(substr(CAST({text} AS BLOB), -{}) = {bytes}, 0)", part.len()))
            }
            Condition::EndsWith { text, part } => self.part_of(text, part, scopes, strict, |t, p| {
                let (t, p) = (format!("CAST({t} AS BLOB)"), format!("CAST({p} AS BLOB)"));
                format!("({t} IS NOT NULL AND (length({p}) = 0 OR COALESCE(substr({t}, -length({p})) = {p}, 0)))")
            }),
            Condition::And(..) | Condition::Or(..) | Condition::Not(_) => self.condition(condition, scopes, strict, depth + 1),
        }
    }

    /// A test on two texts; anything else than a text on either side makes it false.
    fn part_of(
        &mut self,
        text: &Operand,
        part: &Operand,
        scopes: &[Row],
        strict: bool,
        test: impl Fn(&str, &str) -> String,
    ) -> Read<String> {
        let (text, part) = (self.side(text, scopes)?, self.side(part, scopes)?);
        let (Side::Of(text), Side::Of(part)) = (text, part) else { return Ok(truth(false)) };
        if text.kind != Kind::Text || part.kind != Kind::Text {
            return Ok(truth(false));
        }
        Ok(two_valued(test(&text.text, &part.text), strict && (text.nullable || part.nullable)))
    }

    fn side(&mut self, operand: &Operand, scopes: &[Row]) -> Read<Side> {
        let value = match operand {
            Operand::Field(field) => return Ok(Side::Of(self.column(field, scopes)?)),
            Operand::Value(value) => value,
        };
        let (param, kind) = match value {
            Value::Nothing => return Ok(Side::Nothing),
            Value::Bool(yes) => (Param::Int(i64::from(*yes)), Kind::Bool),
            Value::Int(n) => (Param::Int(*n), Kind::Int),
            Value::Text(text) => (Param::Text(text.clone()), Kind::Text),
            Value::Time(at) => (Param::Int(at.timestamp_millis()), Kind::Time),
        };
        Ok(Side::Of(Column { text: self.bind(param), kind, nullable: false }))
    }
}

/// A comparison as the script engine makes it: absent equals absent and nothing else, values of
/// different kinds are different, and only values of one kind are less or greater.
fn compare(left: &Side, is: Comparison, right: &Side, strict: bool) -> String {
    use Comparison as C;
    let (left, right) = match (left, right) {
        (Side::Nothing, Side::Nothing) => return truth(is == C::Equal),
        (Side::Nothing, Side::Of(column)) | (Side::Of(column), Side::Nothing) => {
            return match is {
                C::Equal if column.nullable => format!("{} IS NULL", column.text),
                C::NotEqual if column.nullable => format!("{} IS NOT NULL", column.text),
                other => truth(other == C::NotEqual),
            };
        }
        (Side::Of(left), Side::Of(right)) => (left, right),
    };
    let (l, r) = (&left.text, &right.text);
    let nullable = left.nullable || right.nullable;
    if left.kind != right.kind {
        let both_can_be_absent = left.nullable && right.nullable;
        return match is {
            C::Equal if both_can_be_absent => format!("({l} IS NULL AND {r} IS NULL)"),
            C::NotEqual if both_can_be_absent => format!("({l} IS NOT NULL OR {r} IS NOT NULL)"),
            other => truth(other == C::NotEqual),
        };
    }
    match is {
        C::Equal if left.nullable && right.nullable => format!("{l} IS {r}"),
        C::Equal if nullable && strict => format!("{l} IS {r}"),
        C::Equal => format!("{l} = {r}"),
        C::NotEqual if nullable => format!("{l} IS NOT {r}"),
        C::NotEqual => format!("{l} <> {r}"),
        C::Less => two_valued(format!("{l} < {r}"), strict && nullable),
        C::LessOrEqual => two_valued(format!("{l} <= {r}"), strict && nullable),
        C::Greater => two_valued(format!("{l} > {r}"), strict && nullable),
        C::GreaterOrEqual => two_valued(format!("{l} >= {r}"), strict && nullable),
    }
}

fn two_valued(text: String, may_be_null: bool) -> String {
    if may_be_null { format!("COALESCE({text}, 0)") } else { text }
}

fn truth(yes: bool) -> String {
    if yes { "1" } else { "0" }.to_owned()
}
