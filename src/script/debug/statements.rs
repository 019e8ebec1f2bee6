//! Where the statements of the texts begin: the places at which a script can stop.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use rhai::{AST, ASTNode, Expr, Position, Stmt};

/// A line and a column.
type Place = (usize, usize);

/// The statements of every text that a run has read.
#[derive(Default)]
pub struct Statements(BTreeMap<String, Text>);

#[derive(Default)]
struct Text {
    /// By the place that the engine gives for them, and whether they are nothing but an expression.
    starts: HashMap<(Place, bool), Start>,
    lines: BTreeSet<usize>,
    /// The functions by the begins of their bodies.
    bodies: HashMap<Place, String>,
}

/// Where a statement begins for a person who reads it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Start {
    pub line: usize,
    pub column: usize,
    /// No other statement of the same function or top level begins before it on its line.
    pub is_first: bool,
    /// It stands outside of all functions.
    pub is_top: bool,
}

impl Statements {
    /// Reads a compiled text; what was read of it before stays.
    pub fn add(&mut self, source: &str, program: &AST) {
        let text = self.0.entry(source.to_owned()).or_default();
        let mut bodies = BTreeSet::new();
        for function in program.iter_fn_def() {
            if let Some(body) = pair(function.body.start_position()) {
                text.bodies.insert(body, function.name.to_string());
                bodies.insert(body);
            }
        }
        // Of each body, or of none: the first column of each line.
        let mut first: BTreeMap<(Option<Place>, usize), usize> = BTreeMap::new();
        let mut found = Vec::new();
        program.walk(&mut |path: &[ASTNode]| {
            if let (Some(ASTNode::Stmt(outer)), Some(ASTNode::Stmt(statement))) = (path.first(), path.last())
                && let Some((at, start)) = places(statement)
                && !path.iter().any(is_capture)
            {
                let is_top = program.statements().iter().any(|top| std::ptr::eq(top, *outer));
                let body = if is_top { None } else { bodies.range(..=start).next_back().copied() };
                let column = first.entry((body, start.0)).or_insert(start.1);
                *column = start.1.min(*column);
                found.push((at, matches!(statement, Stmt::Expr(_)), start, body, is_top));
            }
            true
        });
        for (at, is_expression, (line, column), body, is_top) in found {
            let is_first = first.get(&(body, line)) == Some(&column);
            text.lines.insert(line);
            text.starts.insert((at, is_expression), Start { line, column, is_first, is_top });
        }
    }

    /// The statement that begins with this.
    pub fn start(&self, source: &str, node: &ASTNode<'_>) -> Option<Start> {
        let key = (pair(node.position())?, node.is_expr());
        self.0.get(source)?.starts.get(&key).copied()
    }

    /// The line at which something begins that is to begin at this one.
    pub fn line_of(&self, source: &str, line: u32) -> Option<u32> {
        let from = usize::try_from(line).ok()?;
        self.0.get(source)?.lines.range(from..).next().and_then(|line| u32::try_from(*line).ok())
    }

    /// In which text a function stands whose body begins there; the engine's own word first.
    pub fn text_of(&self, said: &str, name: &str, body: Position) -> Option<&str> {
        let pair = pair(body)?;
        let holds = |text: &Text| text.bodies.get(&pair).is_some_and(|known| known == name);
        if let Some((source, text)) = self.0.get_key_value(said)
            && holds(text)
        {
            return Some(source);
        }
        self.0.iter().find(|(_, text)| holds(text)).map(|(source, _)| source.as_str())
    }

    /// Whether a script itself has a function of that name.
    pub fn has_function(&self, name: &str) -> bool {
        self.0.values().any(|text| text.bodies.values().any(|known| known == name))
    }
}

/// The engine makes a block of a closure that captures: first the variables are shared, then it is made.
fn is_capture(node: &ASTNode<'_>) -> bool {
    matches!(node, ASTNode::Expr(Expr::Stmt(block)) if matches!(block.statements().first(), Some(Stmt::Share(_))))
}

/// Where the engine places a statement, and where it begins.
fn places(statement: &Stmt) -> Option<(Place, Place)> {
    let (at, start) = match statement {
        Stmt::Noop(_) | Stmt::Block(_) | Stmt::Share(_) => return None,
        // The engine tells of the expression and not of the statement.
        Stmt::Expr(expression) => (expression.position(), expression.start_position()),
        Stmt::Assignment(sides) => (statement.position(), sides.1.lhs.start_position()),
        _ => (statement.position(), statement.position()),
    };
    Some((pair(at)?, pair(start)?))
}

fn pair(position: Position) -> Option<Place> {
    Some((position.line()?, position.position()?))
}
