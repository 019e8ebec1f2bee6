//! Reading Rust files just well enough for the rules: comments, literals and test code blanked out.

use std::collections::BTreeSet;
use std::path::Path;

/// One file. All texts have the same lines, so that a place in one is a place in all.
pub struct Source {
    /// From the repository's root, with `/`.
    pub path: String,
    pub raw: String,
    /// Without comments and without the insides of strings and characters.
    pub code: String,
    /// `code` without the items under `#[cfg(test)]`; empty when the whole file is test code.
    pub live: String,
    pub is_test: bool,
}

impl Source {
    pub fn lines(&self) -> usize {
        self.raw.lines().count()
    }

    /// The module that the file is: `src/store/outbox.rs` is `store::outbox`, `src/lib.rs` is nothing.
    pub fn module(&self) -> Vec<String> {
        let inside = self.path.strip_prefix("src/").unwrap_or(&self.path);
        let stem = inside.strip_suffix(".rs").unwrap_or(inside);
        let mut parts: Vec<String> = stem.split('/').map(str::to_owned).collect();
        if matches!(parts.last().map(String::as_str), Some("mod" | "lib" | "main")) {
            parts.pop();
        }
        parts
    }
}

/// The repository's Rust files.
pub struct Tree {
    pub files: Vec<Source>,
}

impl Tree {
    /// `src` and `tests` as they are on the disk.
    pub fn read() -> Self {
        // Cargo says where it runs; a test that is started by hand reads where it was built.
        let root = std::env::var_os("CARGO_MANIFEST_DIR").unwrap_or_else(|| env!("CARGO_MANIFEST_DIR").into());
        let root = Path::new(&root);
        let mut found = Vec::new();
        for folder in ["src", "tests", "benches"] {
            collect(root, &root.join(folder), &mut found);
        }
        assert!(found.iter().any(|(path, _)| path == "src/lib.rs"), "no src/lib.rs under {}", root.display());
        let files: Vec<(&str, &str)> = found.iter().map(|(path, text)| (path.as_str(), text.as_str())).collect();
        Self::of(&files)
    }

    pub fn of(files: &[(&str, &str)]) -> Self {
        let mut sources: Vec<Source> = files
            .iter()
            .map(|(path, raw)| {
                let code = without_comments_and_literals(raw);
                let is_test = !path.starts_with("src/");
                Source { path: (*path).to_owned(), raw: (*raw).to_owned(), live: code.clone(), code, is_test }
            })
            .collect();
        let mut tests = BTreeSet::new();
        for source in &mut sources {
            let (live, modules) = without_tests(source);
            source.live = live;
            tests.extend(modules);
        }
        for source in &mut sources {
            let below = |module: &String| source.path.strip_prefix(module.as_str()).is_some_and(|rest| rest.starts_with('/'));
            if tests.contains(&source.path) || tests.iter().any(below) {
                source.is_test = true;
            }
            if source.is_test {
                source.live = String::new();
            }
        }
        Self { files: sources }
    }

    pub fn file(&self, path: &str) -> Option<&Source> {
        self.files.iter().find(|f| f.path == path)
    }
}

fn collect(root: &Path, folder: &Path, found: &mut Vec<(String, String)>) {
    let Ok(entries) = std::fs::read_dir(folder) else { return };
    for entry in entries {
        let path = entry.expect("a readable folder").path();
        if path.is_dir() {
            collect(root, &path, found);
        } else if path.extension().is_some_and(|e| e == "rs") {
            let name = path.strip_prefix(root).expect("it was found under the root");
            let text = std::fs::read_to_string(&path).expect("source files are UTF-8");
            found.push((name.to_string_lossy().replace('\\', "/"), text));
        }
    }
}

/// Blanks comments, and what is inside of string and character literals.
fn without_comments_and_literals(text: &str) -> String {
    let chars: Vec<char> = text.chars().collect();
    let mut out = chars.clone();
    let at = |i: usize| chars.get(i).copied().unwrap_or('\0');
    let mut blank = |from: usize, to: usize| {
        for c in &mut out[from.min(chars.len())..to.min(chars.len())] {
            if *c != '\n' {
                *c = ' ';
            }
        }
    };
    let mut i = 0;
    while i < chars.len() {
        let word_before = i > 0 && (at(i - 1).is_alphanumeric() || at(i - 1) == '_');
        let start = i;
        match (at(i), at(i + 1)) {
            ('/', '/') => {
                while i < chars.len() && at(i) != '\n' {
                    i += 1;
                }
                blank(start, i);
            }
            ('/', '*') => {
                let mut depth = 0_usize;
                loop {
                    match (at(i), at(i + 1)) {
                        ('/', '*') => (depth, i) = (depth + 1, i + 2),
                        ('*', '/') => (depth, i) = (depth - 1, i + 2),
                        _ => i += 1,
                    }
                    if depth == 0 || i >= chars.len() {
                        break;
                    }
                }
                blank(start, i);
            }
            ('r', '"' | '#') if !word_before || at(i - 1) == 'b' => {
                let hashes = (i + 1..).take_while(|n| at(*n) == '#').count();
                i += 1 + hashes;
                if at(i) != '"' {
                    continue;
                }
                i += 1;
                let inside = i;
                while i < chars.len() && !(at(i) == '"' && (1..=hashes).all(|n| at(i + n) == '#')) {
                    i += 1;
                }
                blank(inside, i);
                i += 1 + hashes;
            }
            ('"', _) => {
                i += 1;
                while i < chars.len() && at(i) != '"' {
                    i += if at(i) == '\\' { 2 } else { 1 };
                }
                blank(start + 1, i);
                i += 1;
            }
            // A character, not a lifetime: 'x' or '\...'.
            ('\'', next) if next == '\\' || at(i + 2) == '\'' => {
                i += if next == '\\' { 3 } else { 2 };
                while i < chars.len() && at(i) != '\'' {
                    i += 1;
                }
                blank(start + 1, i);
                i += 1;
            }
            _ => i += 1,
        }
    }
    out.into_iter().collect()
}

/// The code with every item under `#[cfg(test)]` blanked, and where the modules are that such items
/// declare: both the file and the folder that each could be.
fn without_tests(source: &Source) -> (String, Vec<String>) {
    let mark = "#[cfg(test)]";
    let mut live = source.code.clone();
    let mut modules = Vec::new();
    while let Some(start) = live.find(mark) {
        let item = past_attributes(&live, start + mark.len());
        let end = end_of_item(&live, item);
        let words = live[item..end].trim_end_matches(';');
        let words: Vec<&str> = words.split_whitespace().filter(|w| !w.starts_with("pub")).collect();
        if let ["mod", name] = words[..] {
            modules.extend(module_places(source, &source.raw_at(&live, start, item), name));
        }
        let blanked: String = live[start..end].chars().map(|c| if c == '\n' { '\n' } else { ' ' }).collect();
        live.replace_range(start..end, &blanked);
    }
    (live, modules)
}

impl Source {
    /// The raw text of the lines that hold `from..to` of `code`.
    fn raw_at(&self, code: &str, from: usize, to: usize) -> String {
        let first = code[..from].matches('\n').count();
        let last = code[..to].matches('\n').count();
        self.raw.lines().skip(first).take(last - first + 1).collect::<Vec<_>>().join("\n")
    }
}

/// Where the item begins that follows further attributes.
fn past_attributes(code: &str, mut at: usize) -> usize {
    loop {
        at += code[at..].len() - code[at..].trim_start().len();
        if !code[at..].starts_with("#[") {
            return at;
        }
        at += code[at..].find(']').map_or(code[at..].len(), |n| n + 1);
    }
}

/// Just past the `;` or the closing brace that ends the item.
fn end_of_item(code: &str, at: usize) -> usize {
    let mut depth = 0_usize;
    for (offset, c) in code[at..].char_indices() {
        match c {
            '{' => depth += 1,
            '}' => depth = depth.saturating_sub(1),
            ';' => {}
            _ => continue,
        }
        if depth == 0 {
            return at + offset + 1;
        }
    }
    code.len()
}

/// The file and the folder of `mod name;` in this file, as paths from the root.
fn module_places(source: &Source, attributes: &str, name: &str) -> Vec<String> {
    let (folder, file) = source.path.rsplit_once('/').unwrap_or(("", &source.path));
    if let Some(named) = attributes.split_once("#[path = \"").and_then(|(_, rest)| rest.split_once('"')) {
        return vec![format!("{folder}/{}", named.0)];
    }
    let home = match file.strip_suffix(".rs") {
        Some("mod" | "lib" | "main") | None => folder.to_owned(),
        Some(stem) => format!("{folder}/{stem}"),
    };
    vec![format!("{home}/{name}.rs"), format!("{home}/{name}")]
}

#[test]
fn comments_strings_and_characters_are_blank() {
    let code = |text| without_comments_and_literals(text);
    assert_eq!(code("a // b\nc"), "a     \nc");
    assert_eq!(code("a /* b /* c */ d */ e"), "a                   e");
    assert_eq!(code(r#"f("x \" y", 1)"#), r#"f("      ", 1)"#);
    assert_eq!(code("r#\"a \" b\"# c"), "r#\"     \"# c");
    assert_eq!(code("('\"', '\\'', 'x') // \u{e9}"), "(' ', '  ', ' ')     ");
    assert_eq!(code("fn f<'a>(x: &'a str) {}"), "fn f<'a>(x: &'a str) {}");
    assert_eq!(code("for_each(r)"), "for_each(r)");
    assert_eq!(code("let r#type = \"s\";"), "let r#type = \" \";");
}

#[test]
fn test_code_is_recognised_wherever_it_lives() {
    let tree = Tree::of(&[
        ("src/a/mod.rs", "fn live() {}\n#[cfg(test)]\nmod tests;\n"),
        ("src/a/tests.rs", "fn in_test() {}"),
        ("src/a/tests/more.rs", "fn in_test() {}"),
        ("src/a/b.rs", "#[cfg(test)]\n#[path = \"b_tests.rs\"]\nmod tests;\nfn live() {}"),
        ("src/a/b_tests.rs", "fn in_test() {}"),
        ("src/a/c.rs", "#[cfg(test)]\npub(crate) mod tests { fn in_test() { x(); } }\nfn live() {}"),
        ("src/a/d.rs", "#[cfg(test)]\nuse x::{in_test};\nfn live() {}\n#[cfg(test)]\nfn helper() { in_test() }"),
        ("src/a/e.rs", "#[cfg(test)]\nmod checks;\nfn live() {}"),
        ("src/a/e/checks.rs", "fn in_test() {}"),
    ]);
    for file in &tree.files {
        assert!(!file.live.contains("in_test"), "{}: {}", file.path, file.live);
        assert_eq!(file.is_test, !file.code.contains("live"), "{}", file.path);
        assert_eq!(file.live.contains("live"), !file.is_test, "{}", file.path);
    }
}

#[test]
fn a_file_knows_which_module_it_is() {
    let module = |path: &str| Tree::of(&[(path, "")]).files[0].module().join("::");
    assert_eq!(module("src/store/outbox.rs"), "store::outbox");
    assert_eq!(module("src/store/mod.rs"), "store");
    assert_eq!(module("src/main.rs"), "");
}
