//! What can be done with a condition without a row: joining, negating, taking apart, writing it down.

use super::ids::GroupId;
use super::selection::{Comparison, Condition, Field, Of, Operand, Value};
use super::time::show;

/// What stands instead of a part of a condition; the flag says whether the part is negated.
type Put<'a, E> = dyn FnMut(&Condition, bool) -> Result<Option<Condition>, E> + 'a;

impl Condition {
    /// All of them, as a balanced tree: a list of a thousand names is ten levels deep.
    #[must_use]
    pub fn all(parts: Vec<Self>) -> Self {
        if parts.contains(&Self::Always(false)) {
            return Self::Always(false);
        }
        let parts = parts.into_iter().filter(|p| *p != Self::Always(true)).collect();
        balanced(parts, &|a, b| Self::And(Box::new(a), Box::new(b))).unwrap_or(Self::Always(true))
    }

    /// Any of them, as a balanced tree.
    #[must_use]
    pub fn any(parts: Vec<Self>) -> Self {
        if parts.contains(&Self::Always(true)) {
            return Self::Always(true);
        }
        let parts = parts.into_iter().filter(|p| *p != Self::Always(false)).collect();
        balanced(parts, &|a, b| Self::Or(Box::new(a), Box::new(b))).unwrap_or(Self::Always(false))
    }

    /// The opposite.
    #[must_use]
    #[expect(clippy::should_implement_trait, reason = "conditions are joined by functions of their names, this one too")]
    pub fn not(self) -> Self {
        match self {
            Self::Always(yes) => Self::Always(!yes),
            Self::Not(inner) => *inner,
            // Exact opposites in two-valued logic; the orderings aren't, because nothing is less than `()`.
            Self::Compare { left, is: Comparison::Equal, right } => Self::Compare { left, is: Comparison::NotEqual, right },
            Self::Compare { left, is: Comparison::NotEqual, right } => Self::Compare { left, is: Comparison::Equal, right },
            other => Self::Not(Box::new(other)),
        }
    }

    /// How many nodes it has.
    #[must_use]
    pub fn size(&self) -> usize {
        match self {
            Self::And(a, b) | Self::Or(a, b) => 1 + a.size() + b.size(),
            Self::Not(inner) | Self::AnyDevice(inner) => 1 + inner.size(),
            _ => 1,
        }
    }

    /// How many nodes lie inside each other.
    #[must_use]
    pub fn depth(&self) -> usize {
        match self {
            Self::And(a, b) | Self::Or(a, b) => 1 + a.depth().max(b.depth()),
            Self::Not(inner) | Self::AnyDevice(inner) => 1 + inner.depth(),
            _ => 1,
        }
    }

    /// What it is a conjunction of, from left to right.
    #[must_use]
    pub fn conjuncts(&self) -> Vec<&Self> {
        self.chain(true)
    }

    fn chain(&self, and: bool) -> Vec<&Self> {
        let (mut parts, mut stack) = (Vec::new(), vec![self]);
        while let Some(part) = stack.pop() {
            match part {
                Self::And(a, b) if and => stack.extend([&**b, &**a]),
                Self::Or(a, b) if !and => stack.extend([&**b, &**a]),
                other => parts.push(other),
            }
        }
        parts
    }

    /// The condition with what `put` gives instead of a part; where it gives nothing, the part stays, and what is
    /// inside of it is asked next. `put` is told whether the part stands under an odd number of negations.
    ///
    /// # Errors
    /// Those of `put`.
    pub fn rebuilt<E>(&self, put: &mut Put<'_, E>) -> Result<Self, E> {
        self.rebuild(false, put)
    }

    fn rebuild<E>(&self, negated: bool, put: &mut Put<'_, E>) -> Result<Self, E> {
        if let Some(instead) = put(self, negated)? {
            return Ok(instead);
        }
        let is_and = matches!(self, Self::And(..));
        Ok(match self {
            Self::And(..) | Self::Or(..) => {
                let parts = self.chain(is_and).into_iter().map(|part| part.rebuild(negated, put)).collect::<Result<_, _>>()?;
                if is_and { Self::all(parts) } else { Self::any(parts) }
            }
            Self::Not(inner) => inner.rebuild(!negated, put)?.not(),
            Self::AnyDevice(inner) => match inner.rebuild(negated, put)? {
                Self::Always(false) => Self::Always(false),
                inner => Self::AnyDevice(Box::new(inner)),
            },
            single => single.clone(),
        })
    }

    /// The fields that it compares or asks, without those of conditions inside of it.
    #[must_use]
    pub fn own_fields(&self) -> Vec<&Field> {
        let operands = match self {
            Self::Is(field) => return vec![field],
            Self::Compare { left, right, .. } => [left, right],
            Self::Contains { text, part } | Self::StartsWith { text, part } | Self::EndsWith { text, part } => [text, part],
            Self::And(..) | Self::Or(..) | Self::Not(_) | Self::InGroup(_) | Self::AnyDevice(_) | Self::Always(_) => {
                return Vec::new();
            }
        };
        operands.into_iter().filter_map(|operand| if let Operand::Field(field) = operand { Some(field) } else { None }).collect()
    }

    /// As a script would say it of a user `u`; `group_name` says what a group is called.
    #[must_use]
    pub fn written(&self, group_name: &dyn Fn(GroupId) -> String) -> String {
        let list = |and: bool, sign: &str| {
            self.chain(and).into_iter().map(|part| part.written(group_name)).collect::<Vec<_>>().join(sign)
        };
        match self {
            Self::And(..) => list(true, " && "),
            Self::Or(..) => format!("({})", list(false, " || ")),
            Self::Not(inner) => match &**inner {
                Self::Compare { .. } | Self::And(..) => format!("!({})", inner.written(group_name)),
                single => format!("!{}", single.written(group_name)),
            },
            Self::Compare { left, is, right } => format!("{} {} {}", operand(left), sign(*is), operand(right)),
            Self::Is(named) => field(named),
            Self::InGroup(group) => format!("u.in_group({:?})", group_name(*group)),
            Self::AnyDevice(inner) => format!("u.devices.some(|d| {})", inner.written(group_name)),
            Self::Contains { text, part } => format!("{}.contains({})", operand(text), operand(part)),
            Self::StartsWith { text, part } => format!("{}.starts_with({})", operand(text), operand(part)),
            Self::EndsWith { text, part } => format!("{}.ends_with({})", operand(text), operand(part)),
            Self::Always(yes) => yes.to_string(),
        }
    }
}

fn balanced(mut parts: Vec<Condition>, join: &dyn Fn(Condition, Condition) -> Condition) -> Option<Condition> {
    if parts.len() < 2 {
        return parts.pop();
    }
    let right = parts.split_off(parts.len() / 2);
    Some(join(balanced(parts, join)?, balanced(right, join)?))
}

fn sign(is: Comparison) -> &'static str {
    match is {
        Comparison::Equal => "==",
        Comparison::NotEqual => "!=",
        Comparison::Less => "<",
        Comparison::LessOrEqual => "<=",
        Comparison::Greater => ">",
        Comparison::GreaterOrEqual => ">=",
    }
}

fn operand(operand: &Operand) -> String {
    match operand {
        Operand::Field(named) => field(named),
        Operand::Value(Value::Nothing) => "()".to_owned(),
        Operand::Value(Value::Bool(yes)) => yes.to_string(),
        Operand::Value(Value::Int(n)) => n.to_string(),
        Operand::Value(Value::Text(text)) => format!("{text:?}"),
        Operand::Value(Value::Time(at)) => format!("at(\"{} UTC\")", show(*at, chrono_tz::UTC)),
    }
}

fn field(field: &Field) -> String {
    let of = Field::PLAIN.iter().find(|(.., f)| f == field).map_or(Of::Users, |(of, ..)| *of);
    format!("{}.{}", if of == Of::Users { "u" } else { "d" }, field.name())
}
