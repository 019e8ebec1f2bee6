//! A predicate as the store will see it: the rows where it is true, and those where it raises an error.

use crate::domain::selection::{Comparison, Condition, Field, Operand, Value};

/// More operands that may raise an error in one conjunction or disjunction are left to the interpreter.
pub const RAISING_MAX: usize = 8;
/// A larger condition is left to the interpreter.
const SIZE_MAX: usize = 4_096;

/// Something that earlier operands have made sure of, so that later ones can't fail for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fact {
    /// The row's field is not `()`.
    Present(Field),
    /// The device has a user.
    Owner,
    /// The field of the device's user is not `()`.
    OwnerPresent(Field),
}

/// A predicate whose every outcome is known: an error where `raises` holds, elsewhere true where `yes` holds
/// and false where it doesn't.
#[derive(Clone, Debug, PartialEq)]
pub struct Exact {
    pub yes: Condition,
    pub raises: Option<Condition>,
    /// What is sure once the predicate was true.
    pub if_true: Vec<Fact>,
    /// What is sure once the predicate was false.
    pub if_false: Vec<Fact>,
}

impl Exact {
    pub fn sure(yes: Condition) -> Self {
        Self { yes, raises: None, if_true: Vec::new(), if_false: Vec::new() }
    }

    pub fn always(yes: bool) -> Self {
        Self::sure(Condition::Always(yes))
    }

    pub fn not(self) -> Self {
        Self { yes: Condition::not(self.yes), raises: self.raises, if_true: self.if_false, if_false: self.if_true }
    }

    /// `a && b && …`, evaluated from left to right until one is false.
    pub fn all(parts: Vec<Self>) -> Option<Self> {
        if parts.iter().filter(|p| p.raises.is_some()).count() > RAISING_MAX {
            return None;
        }
        let mut raises = Vec::new();
        for (i, part) in parts.iter().enumerate() {
            if let Some(here) = &part.raises {
                // It is reached when everything before it was true.
                let mut reached: Vec<_> = parts.iter().take(i).map(|p| p.yes.clone()).collect();
                reached.push(here.clone());
                raises.push(Condition::all(reached));
            }
        }
        let if_true = parts.iter().flat_map(|p| p.if_true.clone()).collect();
        let if_false = shared(parts.iter().map(|p| &p.if_false));
        let yes = Condition::all(parts.into_iter().map(|p| p.yes).collect());
        Self { yes, raises: unless_never(Condition::any(raises)), if_true, if_false }.within_limits()
    }

    /// `a || b || …`, evaluated from left to right until one is true.
    pub fn any(parts: Vec<Self>) -> Option<Self> {
        if parts.iter().filter(|p| p.raises.is_some()).count() > RAISING_MAX {
            return None;
        }
        let mut raises = Vec::new();
        for (i, part) in parts.iter().enumerate() {
            if let Some(here) = &part.raises {
                // It is reached when nothing before it was true.
                let mut reached: Vec<_> = parts.iter().take(i).map(|p| Condition::not(p.yes.clone())).collect();
                reached.push(here.clone());
                raises.push(Condition::all(reached));
            }
        }
        let if_true = shared(parts.iter().map(|p| &p.if_true));
        let if_false = parts.iter().flat_map(|p| p.if_false.clone()).collect();
        let yes = Condition::any(parts.into_iter().map(|p| p.yes).collect());
        Self { yes, raises: unless_never(Condition::any(raises)), if_true, if_false }.within_limits()
    }

    fn within_limits(self) -> Option<Self> {
        let size = self.yes.size() + self.raises.as_ref().map_or(0, Condition::size);
        (size <= SIZE_MAX).then_some(self)
    }
}

fn unless_never(raises: Condition) -> Option<Condition> {
    (raises != Condition::Always(false)).then_some(raises)
}

/// The facts that are in every list.
fn shared<'a>(mut lists: impl Iterator<Item = &'a Vec<Fact>>) -> Vec<Fact> {
    let mut common = lists.next().cloned().unwrap_or_default();
    for list in lists {
        common.retain(|fact| list.contains(fact));
    }
    common
}

/// The row has nothing in that field.
pub fn absent(field: Field) -> Condition {
    Condition::Compare { left: Operand::Field(field), is: Comparison::Equal, right: Operand::Value(Value::Nothing) }
}
