//! The interpreter's rules for comparing and searching, as conditions. `None` means "not proved".

use crate::domain::selection::{Comparison, Condition, Field, Kind, Operand, Value};

use super::exact::{self, Exact, Fact};
use super::term::{self, Term, Whose};

#[derive(Clone, Copy)]
pub enum Search {
    Contains,
    StartsWith,
    EndsWith,
}

/// The comparison that an operator stands for.
pub fn comparison(operator: &str) -> Option<Comparison> {
    Some(match operator {
        "==" => Comparison::Equal,
        "!=" => Comparison::NotEqual,
        "<" => Comparison::Less,
        "<=" => Comparison::LessOrEqual,
        ">" => Comparison::Greater,
        ">=" => Comparison::GreaterOrEqual,
        _ => return None,
    })
}

fn mirrored(is: Comparison) -> Comparison {
    match is {
        Comparison::Less => Comparison::Greater,
        Comparison::LessOrEqual => Comparison::GreaterOrEqual,
        Comparison::Greater => Comparison::Less,
        Comparison::GreaterOrEqual => Comparison::LessOrEqual,
        same => same,
    }
}

/// Comparisons never raise an error, except by asking a device's missing user for something.
pub fn compare(left: Term, is: Comparison, right: Term, known: &[Fact]) -> Option<Exact> {
    match (left, right) {
        (Term::Value(a), Term::Value(b)) => values(&a, is, &b).map(Exact::always),
        (value @ Term::Value(_), other) => compare(other, mirrored(is), value, known),
        (Term::Field(whose, field), Term::Value(value)) => of_whom(whose, known, |_| field_and_value(&field, is, &value)),
        (Term::Field(whose, a), Term::Field(other, b)) if whose == other => of_whom(whose, known, |_| two_fields(&a, is, &b)),
        (Term::Owner, Term::Value(Value::Nothing)) => {
            let owned =
                Exact { if_true: vec![Fact::Owner], ..Exact::sure(Condition::AnyDevice(Box::new(Condition::Always(true)))) };
            match is {
                Comparison::Equal => Some(owned.not()),
                Comparison::NotEqual => Some(owned),
                _ => None,
            }
        }
        _ => None,
    }
}

/// `item in values`: whether one of them equals it.
pub fn one_of(item: Term, values: Vec<Value>, known: &[Fact]) -> Option<Exact> {
    let (whose, of) = match &item {
        Term::Field(whose, field) => (*whose, Term::Field(Whose::Row, field.clone())),
        Term::Value(_) => (Whose::Row, item),
        _ => return None,
    };
    of_whom(whose, known, |known| {
        let equals = |value| compare(of.clone(), Comparison::Equal, Term::Value(value), known);
        Exact::any(values.into_iter().map(equals).collect::<Option<_>>()?)
    })
}

fn values(a: &Value, is: Comparison, b: &Value) -> Option<bool> {
    use std::cmp::Ordering;
    let order = match (a, b) {
        // `()` equals `()`, and is neither more nor less than anything.
        (Value::Nothing, Value::Nothing) => return Some(is == Comparison::Equal),
        (Value::Bool(a), Value::Bool(b)) => a.cmp(b),
        (Value::Int(a), Value::Int(b)) => a.cmp(b),
        (Value::Text(a), Value::Text(b)) => a.cmp(b),
        (Value::Time(a), Value::Time(b)) => a.cmp(b),
        (Value::Nothing, _) | (_, Value::Nothing) => return Some(is == Comparison::NotEqual),
        // What a host's type does with others is the host's.
        (Value::Time(_), _) | (_, Value::Time(_)) => return None,
        _ => return Some(is == Comparison::NotEqual),
    };
    Some(match is {
        Comparison::Equal => order == Ordering::Equal,
        Comparison::NotEqual => order != Ordering::Equal,
        Comparison::Less => order == Ordering::Less,
        Comparison::LessOrEqual => order != Ordering::Greater,
        Comparison::Greater => order == Ordering::Greater,
        Comparison::GreaterOrEqual => order != Ordering::Less,
    })
}

fn field_and_value(field: &Field, is: Comparison, value: &Value) -> Option<Exact> {
    let present = vec![Fact::Present(field.clone())];
    let compared = Condition::Compare { left: Operand::Field(field.clone()), is, right: Operand::Value(value.clone()) };
    Some(match (field.kind(), value) {
        (_, Value::Nothing) => match is {
            Comparison::Equal | Comparison::NotEqual if !term::may_be_absent(field) => Exact::always(is == Comparison::NotEqual),
            Comparison::Equal => Exact { if_false: present, ..Exact::sure(compared) },
            Comparison::NotEqual => Exact { if_true: present, ..Exact::sure(compared) },
            _ => Exact::always(false),
        },
        (Kind::Bool, Value::Bool(yes)) => {
            let truth = Exact::sure(Condition::Is(field.clone()));
            match is {
                Comparison::Equal | Comparison::NotEqual if *yes == (is == Comparison::Equal) => truth,
                Comparison::Equal | Comparison::NotEqual => truth.not(),
                _ => return None,
            }
        }
        (Kind::Int, Value::Int(_)) | (Kind::Text, Value::Text(_)) | (Kind::Time, Value::Time(_)) => match is {
            Comparison::NotEqual => Exact { if_false: present, ..Exact::sure(compared) },
            _ => Exact { if_true: present, ..Exact::sure(compared) },
        },
        (Kind::Time, _) | (_, Value::Time(_)) => return None,
        // Values of different kinds are unequal, and neither is less.
        _ => Exact::always(is == Comparison::NotEqual),
    })
}

fn two_fields(a: &Field, is: Comparison, b: &Field) -> Option<Exact> {
    // The host's times are only proved to compare when there is one to try.
    if a.kind() != b.kind() || !matches!(a.kind(), Kind::Int | Kind::Text) {
        return None;
    }
    let compared = |is| Condition::Compare { left: Operand::Field(a.clone()), is, right: Operand::Field(b.clone()) };
    let equal = || {
        // `() == ()` is true, whatever the database makes of two missing values.
        let both_absent = Condition::all(vec![exact::absent(a.clone()), exact::absent(b.clone())]);
        let may_both = term::may_be_absent(a) && term::may_be_absent(b);
        Condition::any([Some(compared(Comparison::Equal)), may_both.then_some(both_absent)].into_iter().flatten().collect())
    };
    let present = vec![Fact::Present(a.clone()), Fact::Present(b.clone())];
    Some(match is {
        Comparison::Equal => Exact::sure(equal()),
        Comparison::NotEqual => Exact::sure(equal()).not(),
        ordering => Exact { if_true: present, ..Exact::sure(compared(ordering)) },
    })
}

/// `text.contains(part)` and its like: an error when either side is `()`, a search by bytes otherwise.
pub fn search(how: Search, text: Term, part: Term, known: &[Fact]) -> Option<Exact> {
    let whose = match (&text, &part) {
        (Term::Field(a, _), Term::Field(b, _)) if a != b => return None,
        (Term::Field(whose, _), _) | (_, Term::Field(whose, _)) => *whose,
        _ => Whose::Row,
    };
    of_whom(whose, known, |known| {
        let mut absent = Vec::new();
        let mut present = Vec::new();
        let mut operand = |term: Term| match term {
            Term::Value(value @ Value::Text(_)) => Some(Operand::Value(value)),
            Term::Field(_, field) if field.kind() == Kind::Text => {
                let fact = Fact::Present(field.clone());
                if term::may_be_absent(&field) && !known.contains(&fact) {
                    absent.push(exact::absent(field.clone()));
                }
                present.push(fact);
                Some(Operand::Field(field))
            }
            _ => None,
        };
        let (text, part) = (operand(text.clone())?, operand(part.clone())?);
        let raises = (!absent.is_empty()).then(|| Condition::any(absent));
        let found = match (&text, &part, how) {
            (Operand::Value(Value::Text(text)), Operand::Value(Value::Text(part)), how) => Condition::Always(match how {
                Search::Contains => text.contains(part.as_str()),
                Search::StartsWith => text.starts_with(part.as_str()),
                Search::EndsWith => text.ends_with(part.as_str()),
            }),
            // Every text has the empty one in it.
            (_, Operand::Value(Value::Text(part)), _) if part.is_empty() => Condition::Always(true),
            (_, _, Search::Contains) => Condition::Contains { text, part },
            (_, _, Search::StartsWith) => Condition::StartsWith { text, part },
            (_, _, Search::EndsWith) => Condition::EndsWith { text, part },
        };
        Some(Exact { yes: found, raises, if_true: present.clone(), if_false: present })
    })
}

/// Says of the row, or of the user to whom the row is assigned, what `say` says of a row. Asking a device
/// that nobody has for something of its user is an error.
pub fn of_whom(whose: Whose, known: &[Fact], say: impl FnOnce(&[Fact]) -> Option<Exact>) -> Option<Exact> {
    if whose == Whose::Row {
        return say(known);
    }
    let of_owner: Vec<_> = known
        .iter()
        .filter_map(|fact| match fact {
            Fact::OwnerPresent(field) => Some(Fact::Present(field.clone())),
            _ => None,
        })
        .collect();
    let of_device = |facts: Vec<Fact>| {
        let mut learned = vec![Fact::Owner];
        learned.extend(facts.into_iter().filter_map(|fact| match fact {
            Fact::Present(field) => Some(Fact::OwnerPresent(field)),
            _ => None,
        }));
        learned
    };
    let said = say(&of_owner)?;
    let some_user = |condition| Condition::AnyDevice(Box::new(condition));
    let nobodys = (!known.contains(&Fact::Owner)).then(|| Condition::not(some_user(Condition::Always(true))));
    let raises: Vec<_> = [nobodys, said.raises.map(some_user)].into_iter().flatten().collect();
    Some(Exact {
        yes: some_user(said.yes),
        raises: (!raises.is_empty()).then(|| Condition::any(raises)),
        if_true: of_device(said.if_true),
        if_false: of_device(said.if_false),
    })
}
