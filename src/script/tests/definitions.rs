//! The definition files, read back by the grammar of the language server (`rhaiscript/lsp`, the crate
//! `rhai-rowan`, its parser of definitions), stricter where that one is lenient.

use std::collections::BTreeSet;

use crate::script::stdlib;
use crate::script::testing::host;
use crate::script::typing::Types;

const KEYWORDS: &[&str] = &[
    "let",
    "const",
    "for",
    "do",
    "until",
    "while",
    "in",
    "loop",
    "break",
    "continue",
    "if",
    "else",
    "switch",
    "fn",
    "private",
    "return",
    "throw",
    "try",
    "catch",
    "import",
    "export",
    "as",
    "var",
    "static",
    "goto",
    "exit",
    "match",
    "case",
    "public",
    "protected",
    "new",
    "use",
    "with",
    "module",
    "package",
    "super",
    "spawn",
    "thread",
    "go",
    "sync",
    "async",
    "await",
    "yield",
    "default",
    "void",
    "null",
    "nil",
    "true",
    "false",
];

/// Types that the server has without being told.
const SERVER_TYPES: &[&str] = &["int", "float", "bool", "char", "string", "timestamp"];

/// One file, taken apart.
#[derive(Debug, Default)]
struct Read {
    module: String,
    types: BTreeSet<String>,
    used: BTreeSet<String>,
    constants: Vec<String>,
    functions: Vec<String>,
    fields: Vec<String>,
    operators: Vec<String>,
}

struct Reader<'a> {
    tokens: Vec<&'a str>,
    at: usize,
    read: Read,
}

/// Words, marks and texts; comments are checked and left out.
fn tokens(text: &str) -> Vec<&str> {
    let mut found = Vec::new();
    let mut rest = text.trim_start();
    while let Some(first) = rest.chars().next() {
        let length = if rest.starts_with("///") {
            rest.find('\n').expect("a comment ends with its line")
        } else if first.is_ascii_alphabetic() {
            rest.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(rest.len())
        } else if first == '"' {
            rest[1..].find('"').expect("a text ends") + 2
        } else {
            let marks = ["...", "->", "==", "!=", "<=", ">=", "+=", "-=", "*=", "<<", ">>", "&&", "||"];
            marks.iter().find(|mark| rest.starts_with(**mark)).map_or(first.len_utf8(), |mark| mark.len())
        };
        let (token, after) = rest.split_at(length);
        if !token.starts_with("///") {
            found.push(token);
        }
        rest = after.trim_start();
    }
    found
}

impl<'a> Reader<'a> {
    fn next(&mut self) -> &'a str {
        self.at += 1;
        self.tokens.get(self.at - 1).copied().unwrap_or_else(|| panic!("the file ends within a definition"))
    }

    fn peek(&self) -> &'a str {
        self.tokens.get(self.at).copied().unwrap_or_default()
    }

    fn expect(&mut self, token: &str) {
        let got = self.next();
        assert_eq!(got, token, "after {:?}", &self.tokens[self.at.saturating_sub(8)..self.at]);
    }

    fn name(&mut self) -> &'a str {
        let name = self.next();
        assert!(name.starts_with(|c: char| c.is_ascii_alphabetic()) && !KEYWORDS.contains(&name), "{name:?} is no name");
        name
    }

    fn kind(&mut self) {
        self.one_kind();
        while self.peek() == "|" {
            self.at += 1;
            self.one_kind();
        }
    }

    fn one_kind(&mut self) {
        match self.peek() {
            "?" => self.at += 1,
            "(" => {
                self.expect("(");
                self.expect(")");
            }
            _ => {
                let name = self.name();
                self.read.used.insert(name.to_owned());
            }
        }
    }

    fn returns(&mut self) {
        if self.peek() == "->" {
            self.at += 1;
            self.kind();
        }
        self.expect(";");
    }

    fn file(mut self) -> Read {
        self.expect("module");
        self.read.module = self.next().to_owned();
        assert!(self.read.module == "static" || self.read.module.starts_with('"'), "{}", self.read.module);
        self.expect(";");
        while self.at < self.tokens.len() {
            match self.next() {
                "type" => {
                    let name = self.name().to_owned();
                    self.expect("=");
                    self.expect("...");
                    self.expect(";");
                    assert!(self.read.types.insert(name.clone()), "{name} twice");
                }
                "const" => {
                    let name = self.name().to_owned();
                    self.expect(":");
                    self.kind();
                    self.expect(";");
                    self.read.constants.push(name);
                }
                "fn" => self.function(),
                "op" => {
                    let operator = self.next().to_owned();
                    assert!(operator.chars().all(|c| c.is_ascii_punctuation()), "{operator}");
                    self.expect("(");
                    self.kind();
                    self.expect(",");
                    self.kind();
                    self.expect(")");
                    self.returns();
                    self.read.operators.push(operator);
                }
                other => panic!("{other:?} begins no definition"),
            }
        }
        self.read
    }

    fn function(&mut self) {
        let mut name = self.name().to_owned();
        let field = name == "get" && self.peek() != "(";
        if field {
            name = self.name().to_owned();
        }
        self.expect("(");
        let mut names = BTreeSet::new();
        while self.peek() != ")" {
            if self.peek() == "..." {
                self.at += 1;
            }
            let param = self.name();
            assert!(names.insert(param), "two parameters {param} of {name}");
            self.expect(":");
            self.kind();
            if self.peek() == "," {
                self.at += 1;
                assert_ne!(self.peek(), ")");
            }
        }
        self.expect(")");
        self.returns();
        if field { &mut self.read.fields } else { &mut self.read.functions }.push(name);
    }
}

fn read(text: &str) -> Read {
    Reader { tokens: tokens(text), at: 0, read: Read::default() }.file()
}

#[test]
fn every_file_follows_the_servers_grammar_and_every_type_is_known() {
    let files = host().definitions();
    let read: Vec<(String, Read)> = files.iter().map(|(name, text)| (name.clone(), read(text))).collect();
    let declared: BTreeSet<String> = read.iter().flat_map(|(_, r)| r.types.iter().cloned()).collect();
    for (name, file) in &read {
        assert!(name.ends_with(".d.rhai"), "{name}");
        for used in &file.used {
            assert!(
                declared.contains(used) || SERVER_TYPES.contains(&used.as_str()),
                "{name}: the type {used} is declared nowhere"
            );
        }
    }
}

#[test]
fn the_files_have_every_global_type_function_and_field() {
    let host = host();
    let files = host.definitions();
    let own = read(&files.iter().find(|(name, _)| name == "beckon.d.rhai").unwrap().1);
    let names = |wanted: &[String]| wanted.iter().cloned().collect::<BTreeSet<_>>();
    assert_eq!(names(&own.constants), host.catalog().globals().map(str::to_owned).collect());
    for kind in host.catalog().types() {
        assert!(own.types.contains(&kind.name), "{}", kind.name);
    }
    for section in host.reference().sections.iter().filter(|s| s.part == crate::script::reference::Part::Api) {
        for field in &section.fields {
            // The server knows one thing of a name: of `users` that it is the global.
            assert_eq!(own.fields.contains(&field.name), !own.constants.contains(&field.name), "{}", field.id);
        }
        for item in &section.items {
            let name = item.id.rsplit('.').next().unwrap().to_owned();
            let known = own.functions.contains(&name) || ["operators", "index"].contains(&name.as_str());
            assert_eq!(known, !own.constants.contains(&name), "{}", item.id);
        }
    }
    assert!(own.operators.contains(&"&".to_owned()) && own.operators.contains(&"==".to_owned()), "{:?}", own.operators);
    let text = &files.iter().find(|(name, _)| name == "beckon.d.rhai").unwrap().1;
    assert!(text.contains("/// - `remind.after`: array of Span"), "option keys are in the comments");
    assert!(text.contains("\nfn send(plan: Plan, options: map);\n"), "{text}");
    let testing = &files.iter().find(|(name, _)| name == "testing.d.rhai").unwrap().1;
    assert!(
        testing.contains("\nfn site(of: map | string) -> TestSite;\n") && testing.contains("/// - `schedules`: bool"),
        "{testing}"
    );
    assert!(files.iter().all(|(_, text)| !text.contains("testing_site")));
}

#[test]
fn modules_of_the_library_stand_where_a_script_imports_them_from() {
    let files = host().definitions();
    for (module, _) in stdlib::MODULES {
        let text = &files.iter().find(|(name, _)| *name == format!("{module}.d.rhai")).unwrap().1;
        let file = read(text);
        assert_eq!(file.module, format!("\"../scripts/{module}\""));
        assert!(!file.functions.is_empty());
    }
}

/// Editors, the reference, the check and the prompt know what the library takes and yields from its comments.
#[test]
fn every_function_of_the_library_says_its_types() {
    let host = host();
    for (module, _) in stdlib::MODULES {
        for function in host.catalog().library(module) {
            let types = Types::of(&function.doc);
            let names = |params: &[(String, String)]| params.iter().map(|(name, _)| name.clone()).collect::<Vec<_>>();
            let what = format!("{module}::{}", function.form());
            assert!(function.doc.contains("# Types\n"), "{what} doesn't say its types");
            assert_eq!(names(&types.params), names(&function.params), "{what}");
            let kinds = types.params.iter().map(|(_, kind)| kind).chain([&types.returns]);
            for kind in kinds.flat_map(|kind| kind.split(" or ")).map(|kind| kind.split(" of ").next().unwrap()) {
                let known = host.catalog().types().iter().any(|t| t.name == kind);
                let words = ["any", "()", "map", "array", "string", "int", "float", "bool", "closure"];
                assert!(known || words.contains(&kind), "{what}: there is no type {kind}");
            }
        }
    }
    let text = &host.definitions().into_iter().find(|(name, _)| name == "audiences.d.rhai").unwrap().1;
    assert!(text.contains("\nfn with_mail_at(people: Selection, domain: string) -> Selection;\n"), "{text}");
    assert!(!text.contains("# Types"), "{text}");
}
