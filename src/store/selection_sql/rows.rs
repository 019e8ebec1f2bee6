//! Selections: where rows come from, which stay, in which order, how many.

use std::collections::HashSet;

use super::{Builder, Param, Row, check_depth, joined};
use crate::domain::ids::GroupId;
use crate::domain::roster::{Read, RosterError};
use crate::domain::selection::{Of, Select};

/// One `SELECT` in the making, over the rows of one table.
pub(super) struct Rows {
    pub row: Row,
    joins: Vec<String>,
    filters: Vec<String>,
    order: Vec<String>,
    pub limit: Option<i64>,
}

impl Rows {
    /// `FROM … WHERE …`, with a leading line break.
    pub fn tables_and_filters(&self) -> String {
        let Row { of, alias } = &self.row;
        let table = if *of == Of::Users { "users" } else { "devices" };
        let joins: String = self.joins.iter().map(|join| format!("\n  {join}")).collect();
        let mut filters = vec![visible(&self.row)];
        filters.extend(self.filters.iter().cloned());
        format!("\nFROM {table} {alias}{joins}\nWHERE {}", joined(filters, " AND ", "1"))
    }

    /// The order's terms, ending with the id so that there is only one answer.
    pub fn order_by(&self) -> String {
        let mut terms = self.order.clone();
        terms.push(format!("{}.id", self.row.alias));
        terms.join(", ")
    }

    pub fn limit_clause(&self) -> String {
        self.limit.map_or_else(String::new, |rows| format!("\nLIMIT {rows}"))
    }
}

/// What makes a row one that anybody sees.
pub(super) fn visible(row: &Row) -> String {
    match row.of {
        Of::Users => format!("{}.hidden = 0", row.alias),
        Of::Devices => format!("{}.gone_at IS NULL", row.alias),
    }
}

impl Builder {
    /// The rows of a selection with their order. Walks from the outermost operation inwards: whatever
    /// filters is a filter, an outer order comes before an inner one, and a limit below another
    /// operation becomes a subquery.
    pub(super) fn rows(&mut self, select: &Select, depth: usize) -> Read<Rows> {
        check_depth(depth)?;
        let row = self.row(select.of());
        let mut rows = Rows { row, joins: Vec::new(), filters: Vec::new(), order: Vec::new(), limit: None };
        let mut excluded = Vec::new();
        let mut node = select;
        while let Select::Limited { of, rows: most } = node {
            self.count_part()?;
            let most = i64::try_from(*most).unwrap_or(i64::MAX);
            rows.limit = Some(rows.limit.map_or(most, |limit| limit.min(most)));
            node = of;
        }
        loop {
            match node {
                Select::Where(inner, condition) => {
                    let filter = self.condition(condition, &mut vec![rows.row.clone()], false, depth + 1)?;
                    rows.filters.push(filter);
                    node = inner;
                }
                Select::Difference(inner, without) => {
                    excluded.push(&**without);
                    node = inner;
                }
                Select::Intersection(inner, with) => {
                    self.count_part()?;
                    let filter = self.predicate(with, &rows.row, false, depth + 1)?;
                    rows.filters.push(filter);
                    node = inner;
                }
                Select::Ordered { of, by, descending } => {
                    self.count_part()?;
                    let column = self.column(by, std::slice::from_ref(&rows.row))?;
                    // With two absent values the next key decides, so absence is a key of its own.
                    if column.nullable {
                        rows.order.push(format!("{} IS NULL", column.text));
                    }
                    rows.order.push(format!("{}{}", column.text, if *descending { " DESC" } else { "" }));
                    node = of;
                }
                Select::Limited { .. } | Select::Sampled { .. } => {
                    let (inner, ordered) = self.chosen(node, depth + 1)?;
                    let alias = self.fresh('s');
                    rows.joins.push(format!("JOIN ({inner}) {alias} ON {alias}.id = {}.id", rows.row.alias));
                    if ordered {
                        rows.order.push(format!("{alias}.place"));
                    }
                    break;
                }
                Select::Ids(_, ids) => {
                    self.count_part()?;
                    let mut seen = HashSet::with_capacity(ids.len());
                    let each_once = ids.iter().copied().filter(|id| seen.insert(*id)).collect();
                    let list = self.bind(Param::Ids(each_once));
                    let alias = self.fresh('j');
                    rows.joins.push(format!("JOIN json_each({list}) {alias} ON {alias}.value = {}.id", rows.row.alias));
                    rows.order.push(format!("{alias}.key"));
                    break;
                }
                Select::All(_) => break,
                Select::Members(_) | Select::Union(..) => {
                    let filter = self.any_of(vec![node], &rows.row, false, depth + 1)?;
                    rows.filters.push(filter);
                    break;
                }
            }
        }
        if !excluded.is_empty() {
            let filter = self.any_of(excluded, &rows.row, true, depth + 1)?;
            rows.filters.push(format!("NOT {filter}"));
        }
        Ok(rows)
    }

    /// A limited or sampled selection as a subquery of ids, with their places where it has an order.
    fn chosen(&mut self, select: &Select, depth: usize) -> Read<(String, bool)> {
        check_depth(depth)?;
        self.count_part()?;
        if let Select::Sampled { of, rows: most, seed } = select {
            let inner = self.rows(of, depth + 1)?;
            let seed = self.bind(Param::Int(*seed));
            let most = i64::try_from(*most).unwrap_or(i64::MAX);
            let (listed, ordered) = numbered(&inner);
            let alias = self.fresh('s');
            let text = format!(
                "SELECT {alias}.* FROM ({listed}) {alias} ORDER BY sample_rank({alias}.id, {seed}), {alias}.id LIMIT {most}"
            );
            return Ok((text, ordered));
        }
        let inner = self.rows(select, depth + 1)?;
        Ok(numbered(&inner))
    }

    /// Whether a row is in a selection, as a truth value that is never NULL when `strict`.
    pub(super) fn predicate(&mut self, select: &Select, row: &Row, strict: bool, depth: usize) -> Read<String> {
        check_depth(depth)?;
        if select.of() != row.of {
            return Err(RosterError("users and devices can't be joined in one selection".to_owned()));
        }
        let mut terms = Vec::new();
        let mut excluded = Vec::new();
        let mut node = select;
        loop {
            match node {
                Select::Where(inner, condition) => {
                    terms.push(self.condition(condition, &mut vec![row.clone()], strict, depth + 1)?);
                    node = inner;
                }
                Select::Difference(inner, without) => {
                    excluded.push(&**without);
                    node = inner;
                }
                Select::Intersection(inner, with) => {
                    self.count_part()?;
                    terms.push(self.predicate(with, row, strict, depth + 1)?);
                    node = inner;
                }
                Select::Ordered { of, .. } => node = of,
                Select::Limited { .. } | Select::Sampled { .. } => {
                    let (inner, _) = self.chosen(node, depth + 1)?;
                    terms.push(format!("{}.id IN (SELECT id FROM ({inner}))", row.alias));
                    break;
                }
                Select::All(_) => break,
                Select::Ids(..) | Select::Members(_) | Select::Union(..) => {
                    terms.push(self.any_of(vec![node], row, strict, depth + 1)?);
                    break;
                }
            }
        }
        if !excluded.is_empty() {
            terms.push(format!("NOT {}", self.any_of(excluded, row, true, depth + 1)?));
        }
        if terms.len() == 1 {
            return Ok(terms.remove(0));
        }
        Ok(format!("({})", joined(terms, " AND ", "1")))
    }

    /// Whether a row is in any of some selections. Unions inside unions are one union, all lists of ids
    /// are one list and all groups one walk, so that a script may add up thousands of them.
    fn any_of(&mut self, selections: Vec<&Select>, row: &Row, strict: bool, depth: usize) -> Read<String> {
        let mut ids = Vec::new();
        let mut seen = HashSet::new();
        let mut groups = Vec::new();
        let mut terms = Vec::new();
        let mut stack = selections;
        stack.reverse();
        while let Some(select) = stack.pop() {
            if let Select::Union(left, right) = select {
                stack.push(right);
                stack.push(left);
                continue;
            }
            if select.of() != row.of {
                return Err(RosterError("users and devices can't be joined in one selection".to_owned()));
            }
            match select {
                Select::Ids(_, more) => ids.extend(more.iter().copied().filter(|id| seen.insert(*id))),
                Select::Members(group) => groups.push(*group),
                other => {
                    self.count_part()?;
                    terms.push(self.predicate(other, row, strict, depth + 1)?);
                }
            }
        }
        if !groups.is_empty() {
            let members = self.members_of(groups);
            terms.insert(0, format!("{}.id IN ({members})", row.alias));
        }
        // An empty list is a term too: it makes the union false, not true.
        if !seen.is_empty() || terms.is_empty() {
            let list = self.bind(Param::Ids(ids));
            terms.insert(0, format!("{}.id IN (SELECT value FROM json_each({list}))", row.alias));
        }
        Ok(format!("({})", joined(terms, " OR ", "0")))
    }

    /// A query for the ids of the users who are in one of the groups; nested groups count, and a cycle
    /// ends by itself because `UNION` takes each group once.
    pub(super) fn members_of(&mut self, groups: Vec<GroupId>) -> String {
        let roots = match groups.as_slice() {
            [one] => format!("VALUES ({})", self.bind(Param::Int(one.0))),
            many => format!("SELECT value FROM json_each({})", self.bind(Param::Ids(many.iter().map(|g| g.0).collect()))),
        };
        format!(
            "WITH RECURSIVE inside (id) AS ({roots} UNION SELECT n.child_id FROM inside JOIN group_groups n ON n.parent_id = inside.id) \
             SELECT m.user_id FROM inside JOIN group_users m ON m.group_id = inside.id"
        )
    }
}

/// A query's ids with their places in its order; only the ids where it has none but the id.
fn numbered(rows: &Rows) -> (String, bool) {
    let alias = &rows.row.alias;
    let (body, order, limit) = (rows.tables_and_filters(), rows.order_by(), rows.limit_clause());
    if rows.order.is_empty() {
        return (format!("SELECT {alias}.id AS id{body}\nORDER BY {order}{limit}"), false);
    }
    let place = format!("row_number() OVER (ORDER BY {order})");
    (format!("SELECT {alias}.id AS id, {place} AS place{body}\nORDER BY {order}{limit}"), true)
}
