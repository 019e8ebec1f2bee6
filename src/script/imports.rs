//! Which modules a text names, without running it.

use rhai::{AST, ASTNode, Expr, Stmt};

/// The literal names in its `import` statements; one that is computed is only known when it runs.
pub fn imports(ast: &AST) -> Vec<String> {
    let mut names = Vec::new();
    ast.walk(&mut |path: &[ASTNode]| {
        if let Some(ASTNode::Stmt(Stmt::Import(import, _))) = path.last()
            && let Expr::StringConstant(name, _) = &import.0
        {
            names.push(name.to_string());
        }
        true
    });
    names
}

#[cfg(test)]
mod tests {
    use crate::script::ScriptHost;

    #[test]
    fn literal_names_are_found_wherever_they_stand() {
        let text = "import \"lib/people\" as people;\nfn f() { import \"dates\" as d; }\nlet x = \"y\"; import x as z;\nif x == z::y { import \"x\" as q; q::f(); }";
        let mut found = ScriptHost::new().imports(text);
        found.sort();
        assert_eq!(found, ["dates", "lib/people", "x"]);
        assert!(ScriptHost::new().imports("let = ;").is_empty());
    }
}
