//! ARCHITECTURE.md is a map: the places and the tests that it names are there.

use super::source::Tree;

/// What the map names in backquotes and the tree does not have.
pub fn not_there(map: &str, tree: &Tree) -> Vec<String> {
    // Blocks of code are fenced by three backquotes; the map has none.
    let named = map.split('`').skip(1).step_by(2);
    named.filter(|name| !is_there(name, tree)).map(str::to_owned).collect()
}

fn is_there(name: &str, tree: &Tree) -> bool {
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
    if name.ends_with(".rs") {
        return tree.files.iter().any(|source| source.path == name || source.path == format!("src/{name}"));
    }
    if name.ends_with('/') {
        let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
        return root.join(name).is_dir() || root.join("src").join(name).is_dir();
    }
    // A test's name is a sentence.
    if name.chars().all(plain) && name.matches('_').count() > 2 {
        return tree.files.iter().any(|source| source.code.contains(&format!("fn {name}(")));
    }
    true
}

#[test]
fn what_is_gone_is_found() {
    let tree = Tree::of(&[("src/lib.rs", "//! Rooms.\nfn one_of_the_tests() {}")]);
    let map =
        "`lib.rs`, `src/lib.rs`, `gone.rs`, `tests/`, `gone/`, `one_of_the_tests`, `none_of_the_tests`, `site.toml`, `as_of`";
    assert_eq!(not_there(map, &tree), ["gone.rs", "gone/", "none_of_the_tests"]);
}
