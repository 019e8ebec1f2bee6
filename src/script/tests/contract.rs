//! The API as a whole: every name compiles, every function is documented, every example runs.

use crate::script::catalog::EntryKind;
use crate::script::reference::Doc;
use crate::script::testing::{host, trial};

/// Functions whose example would only repeat the one of another form.
fn is_operator_or_debug(kind: EntryKind, name: &str) -> bool {
    kind == EntryKind::Operator || name == "to_debug" || name == "to_string"
}

#[test]
fn every_function_says_what_it_does_and_shows_it() {
    for entry in host().catalog().entries().iter().filter(|e| !e.standard) {
        let doc = Doc::of(&entry.doc);
        let what = format!("{} {:?}", entry.name, entry.params);
        assert!(!doc.text.is_empty(), "{what} has no doc comment");
        let first = doc.text.lines().next().unwrap_or_default();
        assert!(
            doc.text.contains('.') && first.starts_with(|c: char| c.is_uppercase() || c == '`' || c == '"'),
            "{what}: {first}"
        );
        assert!(doc.example.is_some() || is_operator_or_debug(entry.kind, &entry.name), "{what} has no example");
    }
}

#[test]
fn every_example_runs_and_passes_the_check() {
    let mut examples = 0;
    for entry in host().catalog().entries().iter().filter(|e| !e.standard) {
        let Some(example) = Doc::of(&entry.doc).example else { continue };
        let found = host().check("example", example);
        assert!(found.is_empty(), "{}: {}", entry.name, found[0]);
        if let Err(error) = trial(example).given(&[("group", "Grade 5")]).run() {
            panic!("the example of {}: {error}", entry.name);
        }
        examples += 1;
    }
    assert!(examples > 100, "{examples}");
}

#[test]
fn every_public_name_compiles_as_a_field_and_as_a_function() {
    let entries = host().catalog().entries().iter().filter(|e| !e.standard);
    for entry in entries.filter(|e| matches!(e.kind, EntryKind::Function | EntryKind::Field)) {
        let call = if entry.kind == EntryKind::Field { "" } else { "()" };
        let script = format!("fn f(x) {{ x.{}{call} }}", entry.name);
        let errors = host().check("name", &script);
        assert!(errors.iter().all(|e| e.code != "syntax"), "{script}: {}", errors[0]);
    }
    // Option keys and map keys are written without quotes.
    for key in ["channels", "template", "remind", "expires", "gap", "title", "type", "choices", "min", "max", "pattern", "help"] {
        assert_eq!(host().check("key", &format!("let m = #{{ {key}: 1 }}; m.{key}")), [], "{key}");
    }
}

#[test]
fn acting_functions_are_marked_with_the_effect_that_they_have() {
    let mut marked: Vec<String> = host()
        .catalog()
        .entries()
        .iter()
        .map(|e| (e, Doc::of(&e.doc).effects.join(", ")))
        .filter(|(_, effects)| !effects.is_empty())
        .map(|(e, effects)| format!("{} {} {effects}", e.params[0].1, e.name))
        .collect();
    marked.sort();
    marked.dedup();
    insta::assert_snapshot!(marked.join("\n"), @r#"
    Apps assign assign-app
    Group disable_distribution distribution
    Group enable_distribution distribution
    Invite device invite, mail
    Invite resend invite, mail
    Invite user invite, mail
    Invite withdraw withdraw
    Notify mail mail
    Notify push push
    Notify webhook webhook
    Plan send invite, mail
    Selection assign assign-device
    Selection unassign assign-device
    Tasks cancel tasks
    Tasks retry tasks
    User disable_distribution distribution
    User enable_distribution distribution
    "#);
}

#[test]
fn the_reference_holds_every_global_type_and_function() {
    let page = host().reference().markdown();
    for part in [
        "- `users`: [Selection](#selection), all users",
        "### `selection.where(closure: closure) -> Selection`",
        "### `groups[name: string] -> Group`",
        "### `invite.plan(audience: any, choice: string, options: map) -> Plan`",
        "### `plan.send(options: map)` **effect: invite, mail**",
        "| `.invited_at` | any | When the invitation went out, or `()`. |",
        "### `now() -> Time`",
        "### `Time + Span -> Time`",
    ] {
        assert!(page.contains(part), "{part}");
    }
    for rust in ["Result<", "Dynamic", "ImmutableString", "&mut", "i64", "NativeCallContext"] {
        assert!(!page.contains(rust), "{rust} in the reference");
    }
}

#[test]
fn every_code_of_an_error_is_explained() {
    let book = host().reference();
    let explained = |code: &str| {
        book.sections.iter().any(|s| ["errors", "limits"].contains(&s.id.as_str()) && s.text.contains(&format!("| `{code}` |")))
    };
    let thrown = host().catalog().entries().iter().filter_map(|e| Doc::of(&e.doc).throws.map(str::to_owned)).collect::<Vec<_>>();
    let mut codes: Vec<&str> = thrown.iter().flat_map(|t| t.split('`').skip(1).step_by(2)).filter(|c| c.contains('_')).collect();
    // And those that the sources make.
    let mut open = vec![std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("src/script")];
    let mut text = String::new();
    while let Some(folder) = open.pop() {
        for path in std::fs::read_dir(folder).unwrap().map(|e| e.unwrap().path()) {
            if path.is_dir() {
                open.push(path);
            } else if path.extension().is_some_and(|e| e == "rs") {
                text.push_str(&std::fs::read_to_string(path).unwrap());
            }
        }
    }
    for made in ["Problem::new(", "ErrorKind::Failed, ", "ErrorKind::Syntax, ", "ErrorKind::Parameter, "] {
        codes.extend(text.split(made).skip(1).filter_map(|rest| rest.trim_start().strip_prefix('"')?.split('"').next()));
    }
    codes.extend(["unused_variable", "unused_parameter", "unknown_parameter"]);
    codes.retain(|code| !code.is_empty() && code.chars().all(|c| c.is_ascii_lowercase() || c == '_'));
    let missing: std::collections::BTreeSet<&str> = codes.into_iter().filter(|code| !explained(code)).collect();
    assert!(missing.is_empty(), "chapters/errors.md says nothing about {missing:?}");
}

#[test]
fn the_chapter_on_limits_has_its_figures() {
    let book = host().reference();
    let limits = book.sections.iter().find(|s| s.id == "limits").unwrap();
    assert!(!limits.text.contains(['{', '}']), "{}", limits.text);
    assert!(limits.text.contains("| 50,000,000 | `limits.script.operations` |"), "{}", limits.text);
}

#[test]
fn names_lead_to_what_they_mean() {
    let book = host().reference();
    let names = |name: &str| book.find(name).iter().map(|found| found.name().to_owned()).collect::<Vec<_>>();
    assert_eq!(names("plan.send"), ["plan.send"]);
    assert_eq!(names("send"), ["plan.send"]);
    assert_eq!(names("users"), ["Selection"]);
    assert_eq!(names("users.where()"), ["selection.where"]);
    assert_eq!(names("Selection"), ["Selection"]);
    assert_eq!(names("calendar::is_weekend"), ["calendar.is_weekend"]);
    assert_eq!(names("mail"), ["notify.mail", "user.mail"]);
    assert_eq!(names("days"), ["days", "span.days"]);
    assert_eq!(names("limits"), ["Limits"]);
    for nonsense in ["", ".", "::", "a.b.c", "nobody.where", "\u{0}", &"x".repeat(10_000)] {
        assert_eq!(names(nonsense), Vec::<String>::new(), "{nonsense:?}");
        let _ = book.near(nonsense);
    }
    assert_eq!(book.near("wher"), ["where"]);
}
