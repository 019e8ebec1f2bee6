//! Every file of the standard library and every example script compiles, and keeps the house's rules.

use std::collections::BTreeMap;
use std::path::Path;

use rhai::{AST, Engine, FnAccess, Scope};

/// The files of a folder beside `src/`, by name.
fn files(folder: &str) -> BTreeMap<String, String> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join(folder);
    let entries = std::fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path());
    let scripts = entries.filter(|path| path.extension().is_some_and(|e| e == "rhai"));
    scripts
        .map(|path| (path.file_name().unwrap().to_string_lossy().into_owned(), std::fs::read_to_string(&path).unwrap()))
        .collect()
}

/// As strictly as scripts are compiled: unknown variables are errors.
fn compile(text: &str) -> Result<AST, String> {
    let mut engine = Engine::new();
    engine.set_strict_variables(true);
    engine.set_max_expr_depths(64, 64);
    let mut globals = Scope::new();
    for global in ["users", "groups", "devices", "invite", "notify", "tasks", "apps", "schedule", "site", "run"] {
        globals.push(global, ());
    }
    engine.compile_with_scope(&globals, text).map_err(|e| e.to_string())
}

#[test]
fn everything_compiles_and_says_what_it_is_for() {
    for folder in ["stdlib", "scripts"] {
        for (name, text) in files(folder) {
            let compiled = compile(&text);
            assert!(compiled.is_ok(), "{folder}/{name}: {}", compiled.unwrap_err());
            assert!(text.starts_with("//! "), "{folder}/{name} does not begin with its purpose");
            let long = text.lines().filter(|line| !line.starts_with("//!")).find(|line| line.chars().count() > 140);
            assert_eq!(long, None, "{folder}/{name}");
        }
    }
}

#[test]
fn every_public_function_of_the_library_is_documented_and_tested() {
    let library = files("stdlib");
    for (name, text) in library.iter().filter(|(name, _)| !name.ends_with(".test.rhai")) {
        let module = name.trim_end_matches(".rhai");
        let tests: String = library.iter().filter(|(n, _)| n.ends_with(".test.rhai")).map(|(_, text)| text.as_str()).collect();
        for function in compile(text).unwrap().iter_functions() {
            if function.access == FnAccess::Private || function.name.starts_with("anon$") {
                continue;
            }
            let called = [module, "t"].iter().any(|alias| tests.contains(&format!("{alias}::{}(", function.name)));
            assert!(!function.comments.is_empty(), "{module}::{} has no doc comment", function.name);
            assert!(called || module == "testing", "{module}::{} has no test", function.name);
        }
        assert!(module == "testing" || library.contains_key(&format!("{module}.test.rhai")), "{name} has no tests beside it");
    }
}

#[test]
fn tests_are_functions_that_a_runner_can_call() {
    for (name, text) in files("stdlib").iter().filter(|(name, _)| name.ends_with(".test.rhai")) {
        let compiled = compile(text).unwrap();
        let functions: Vec<_> = compiled.iter_functions().filter(|f| !f.name.starts_with("anon$")).collect();
        assert!(!functions.is_empty(), "{name} tests nothing");
        for function in functions {
            assert!(function.name.starts_with("test_") && function.params.is_empty(), "{name}: {}", function.name);
        }
    }
}

#[test]
fn library_functions_leave_the_names_of_the_api_alone() {
    // A function of such a name in a module would mean that one wherever the module calls it.
    let taken = ["now", "today", "date", "at", "days", "weeks", "hours", "minutes", "contains", "some", "is_empty", "in_group"];
    for (name, text) in files("stdlib") {
        for function in compile(&text).unwrap().iter_functions() {
            // Checks are called by the module's name; this one has another number of values than the host's method.
            if (name.as_str(), function.name, function.params.len()) == ("testing.rhai", "contains", 2) {
                continue;
            }
            assert!(!taken.contains(&function.name), "{name} redefines {}", function.name);
            // A function of the script is called as a method too, before the host's.
            let called = text.contains(&format!(".{}(", function.name));
            assert!(!called, "{name} calls a method that its own function {} shadows", function.name);
        }
    }
}

#[test]
fn the_examples_are_the_six_and_short_enough_to_be_read_aloud() {
    let mut scripts = files("scripts");
    scripts.retain(|name, _| !name.ends_with(".test.rhai"));
    let names: Vec<_> = scripts.keys().map(String::as_str).collect();
    assert_eq!(
        names,
        [
            "enrolment-report.rhai",
            "invite-group.rhai",
            "invite-new-starters.rhai",
            "last-call.rhai",
            "remind-open-invitations.rhai",
            "retire-leavers.rhai",
        ]
    );
    for (name, text) in &scripts {
        assert!(text.lines().count() <= 30, "{name} is long");
    }
}
