//! What a predicate is about: fields of the row, and values that are the same for every row.

use rhai::{Dynamic, Expr, FnCallExpr};

use crate::domain::selection::{Field, Kind, Of, Value};

use super::body;
use super::predicate::Reader;
use crate::script::chain::{Chain, Step};

/// Longer lists are left to the interpreter: a query has a limited number of parameters.
const LIST_MAX: usize = 1_000;

/// Host functions that answer the same for every row, and change nothing.
const CONSTANT_FUNCTIONS: [&str; 8] = ["now", "today", "date", "at", "days", "hours", "minutes", "weeks"];

/// Whose field it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Whose {
    /// The row's own.
    Row,
    /// The user's to whom the row, a device, is assigned.
    Owner,
}

#[derive(Clone, Debug, PartialEq)]
pub enum Term {
    Field(Whose, Field),
    /// The groups of a user.
    Groups(Whose),
    /// The devices of the row, a user.
    Devices,
    /// The user of the row, a device.
    Owner,
    Value(Value),
    List(Vec<Value>),
}

/// What the names in a closure stand for.
pub struct Names {
    pub of: Of,
    row: String,
    captured: Vec<(String, Captured)>,
    /// How many closures this one is inside of.
    pub level: usize,
}

pub enum Captured {
    Value(Dynamic),
    /// The row of the closure around this one.
    OuterRow,
}

pub enum Meaning<'a> {
    Row,
    Value(&'a Dynamic),
}

impl Names {
    /// Captured values come first, the row is the last parameter.
    pub fn of_closure(of: Of, params: &[String], captured: &[Dynamic]) -> Option<Self> {
        let captured = captured.iter().map(|value| Captured::Value(value.flatten_clone())).collect();
        Self::new(of, params, captured, 0)
    }

    pub fn new(of: Of, params: &[String], captured: Vec<Captured>, level: usize) -> Option<Self> {
        let (row, names) = params.split_last()?;
        (names.len() == captured.len()).then(|| Self {
            of,
            row: row.clone(),
            captured: names.iter().cloned().zip(captured).collect(),
            level,
        })
    }

    pub fn meaning(&self, name: &str) -> Option<Meaning<'_>> {
        if name == self.row {
            return Some(Meaning::Row);
        }
        match &self.captured.iter().find(|(n, _)| n == name)?.1 {
            Captured::Value(value) => Some(Meaning::Value(value)),
            Captured::OuterRow => None,
        }
    }

    /// What a closure inside this one gets when it captures `name`.
    pub fn handed_on(&self, name: &str) -> Option<Captured> {
        if name == self.row {
            return Some(Captured::OuterRow);
        }
        match &self.captured.iter().find(|(n, _)| n == name)?.1 {
            Captured::Value(value) => Some(Captured::Value(value.clone())),
            Captured::OuterRow => Some(Captured::OuterRow),
        }
    }
}

/// A chain of which each step is certain to be taken.
pub fn chain(expr: &Expr) -> Option<Chain<'_>> {
    Chain::of(expr).filter(|chain| !chain.may_stop)
}

impl Reader<'_> {
    pub fn term(&self, names: &Names, expr: &Expr) -> Option<Term> {
        if let Some(Chain { root, steps, .. }) = chain(expr) {
            return self.is_row(names, root).then(|| self.steps(names, names.of, &steps)).flatten();
        }
        if let Expr::Array(items, _) = expr {
            let values: Option<Vec<_>> = items.iter().map(|item| self.value(&self.constant(names, item)?)).collect();
            return values.map(Term::List);
        }
        let value = self.constant(names, expr)?;
        if value.is_array() {
            let items = value.into_array().ok().filter(|items| items.len() <= LIST_MAX)?;
            let values: Option<Vec<_>> = items.iter().map(|item| self.value(&item.flatten_clone())).collect();
            return values.map(Term::List);
        }
        self.value(&value).map(Term::Value)
    }

    pub fn is_row(&self, names: &Names, expr: &Expr) -> bool {
        matches!(expr, Expr::Variable(v, ..) if v.2.is_empty() && matches!(names.meaning(&v.1), Some(Meaning::Row)))
    }

    /// What the steps lead to from a row of the kind `of`.
    pub fn steps(&self, names: &Names, of: Of, steps: &[Step]) -> Option<Term> {
        match (of, steps) {
            (Of::Users, [Step::Property("groups", _)]) => Some(Term::Groups(Whose::Row)),
            (Of::Users, [Step::Property("devices", _)]) => Some(Term::Devices),
            (Of::Users, [Step::Property("attributes", _), Step::Index(key)]) => {
                let key = self.constant(names, key)?.into_immutable_string().ok()?;
                (!key.contains('\0')).then(|| Term::Field(Whose::Row, Field::Attribute(key.to_string())))
            }
            (Of::Devices, [Step::Property("user", _)]) => Some(Term::Owner),
            (Of::Devices, [Step::Property("user", _), rest @ ..]) => match self.steps(names, Of::Users, rest)? {
                Term::Field(_, field) => Some(Term::Field(Whose::Owner, field)),
                Term::Groups(_) => Some(Term::Groups(Whose::Owner)),
                _ => None,
            },
            (_, [Step::Property(name, _)]) => Field::named(of, name).map(|field| Term::Field(Whose::Row, field)),
            _ => None,
        }
    }

    /// The value of an expression that is the same for every row. Anything that fails, or whose value depends
    /// on more than literals, captured variables and the run's clock, is left to the interpreter.
    pub fn constant(&self, names: &Names, expr: &Expr) -> Option<Dynamic> {
        match expr {
            Expr::Variable(v, ..) if v.2.is_empty() => match names.meaning(&v.1)? {
                Meaning::Value(value) => Some(value.clone()),
                Meaning::Row => None,
            },
            Expr::FnCall(call, _) if !call.is_qualified() && !call.capture_parent_scope => self.constant_call(names, call),
            Expr::FnCall(..) => None,
            literal => literal.get_literal_value(None),
        }
    }

    fn constant_call(&self, names: &Names, call: &FnCallExpr) -> Option<Dynamic> {
        let mut args: Vec<Dynamic> = call.args.iter().map(|arg| self.constant(names, arg)).collect::<Option<_>>()?;
        match (call.is_operator_call(), call.name.as_str(), args.as_slice()) {
            (true, "-", [a]) if a.is_int() => return a.as_int().ok()?.checked_neg().map(Dynamic::from_int),
            (true, "+", [a, b]) if a.is_int() && b.is_int() => {
                return a.as_int().ok()?.checked_add(b.as_int().ok()?).map(Dynamic::from_int);
            }
            (true, "-", [a, b]) if a.is_int() && b.is_int() => {
                return a.as_int().ok()?.checked_sub(b.as_int().ok()?).map(Dynamic::from_int);
            }
            (true, "+" | "-", [a, b]) if is_host_type(a) && is_host_type(b) => {}
            (false, name, _) if CONSTANT_FUNCTIONS.contains(&name) && !body::redefined(self.ctx, name) => {}
            _ => return None,
        }
        let mut args: Vec<&mut Dynamic> = args.iter_mut().collect();
        self.ctx.call_native_fn_raw(call.name.as_str(), false, &mut args).ok().map(Dynamic::flatten)
    }

    /// What a condition can compare with. Characters and fractions have comparison rules of their own.
    pub fn value(&self, value: &Dynamic) -> Option<Value> {
        if value.is_unit() {
            return Some(Value::Nothing);
        }
        if let Ok(yes) = value.as_bool() {
            return Some(Value::Bool(yes));
        }
        if let Ok(number) = value.as_int() {
            return Some(Value::Int(number));
        }
        if value.is_string() {
            let text = value.clone().into_string().ok()?;
            // Not every database takes it, and some of their functions stop there.
            return (!text.contains('\0')).then_some(Value::Text(text));
        }
        match (self.value_of)(value)? {
            Value::Time(at) if at.timestamp_subsec_nanos() % 1_000_000 == 0 && self.compares(value) => Some(Value::Time(at)),
            _ => None,
        }
    }

    /// Whether the host's type has all comparisons, and they are those of an order.
    fn compares(&self, value: &Dynamic) -> bool {
        [("==", true), ("!=", false), ("<", false), ("<=", true), (">", false), (">=", true)].into_iter().all(
            |(operator, expect)| {
                let (mut a, mut b) = (value.clone(), value.clone());
                let answer = self.ctx.call_native_fn_raw(operator, false, &mut [&mut a, &mut b]);
                answer.is_ok_and(|answer| answer.as_bool() == Ok(expect))
            },
        )
    }
}

/// Whether a row of that kind may have nothing in the field.
pub fn may_be_absent(field: &Field) -> bool {
    use Field as F;
    match field.kind() {
        Kind::Bool | Kind::Int => false,
        Kind::Time => true,
        Kind::Text => !matches!(field, F::Username | F::FullName | F::Status | F::Serial | F::DeviceName | F::Platform),
    }
}

fn is_host_type(value: &Dynamic) -> bool {
    !(value.is_unit()
        || value.is_bool()
        || value.is_int()
        || value.is_float()
        || value.is_char()
        || value.is_string()
        || value.is_blob()
        || value.is_array()
        || value.is_map()
        || value.is_fnptr())
}
