//! `import`: the standard library and the site's own modules, and nothing else.

use std::fs;
use std::path::Path;

use crate::script::testing::trial;

fn write(folder: &Path, name: &str, text: &str) {
    let file = folder.join(name);
    fs::create_dir_all(file.parent().unwrap()).unwrap();
    fs::write(file, text).unwrap();
}

/// A scripts folder with modules, and a file beside it that nobody may read.
fn site() -> (tempfile::TempDir, std::path::PathBuf) {
    let dir = tempfile::tempdir().unwrap();
    write(dir.path(), "secret.rhai", "fn token() { \"secret\" }");
    let scripts = dir.path().join("scripts");
    write(
        &scripts,
        "people.rhai",
        "import \"lib/more\" as more;\nfn late() { users.where(|u| u.invited && !u.enrolled) }\nfn two() { more::two() }\nfn oops() {\n    groups[\"Grde 5\"]\n}\nfn each(f) { [1, 2].map(|x| f.call(x)) }",
    );
    write(&scripts, "lib/more.rhai", "fn two() { 2 }");
    write(&scripts, "broken.rhai", "fn x( {");
    write(&scripts, "loops.rhai", "loop {}");
    write(&scripts, "a.rhai", "import \"b\" as b;");
    write(&scripts, "b.rhai", "import \"a\" as a;");
    write(&scripts, "bad.rhai", "let x = users.fnd(\"x\");");
    (dir, scripts)
}

fn run(script: &str) -> Result<String, String> {
    let (_dir, scripts) = site();
    let trial = trial(script).with(|input| input.script.folder = Some(scripts));
    let printed = trial.printed.clone();
    let output = trial.run().map_err(|e| e.render(false))?;
    let mut lines = printed.lock().unwrap().clone();
    lines.extend(output.value);
    Ok(lines.join("\n"))
}

#[test]
fn modules_are_found_by_name_and_path() {
    assert_eq!(run("import \"test_greetings\" as g; g::hello(\"you\")").unwrap(), "hello you");
    assert_eq!(run("import \"people\" as p; p::late().pluck(\"username\")").unwrap(), "[\"ben\"]");
    assert_eq!(run("import \"people\" as p; p::two()").unwrap(), "2");
    assert_eq!(run("import \"lib/more.rhai\" as m; m::two()").unwrap(), "2");
    assert_eq!(run("import \"people\" as p; let n = 10; p::each(|x| x * n)").unwrap(), "[10, 20]");
}

#[test]
fn nothing_outside_the_folder_is_read() {
    let (dir, scripts) = site();
    let absolute = dir.path().join("secret").display().to_string();
    for path in ["../secret", "lib/../../secret", absolute.as_str(), "/etc/passwd", "..", "", "./../secret", "lib/../people"] {
        let error = run(&format!("import \"{path}\" as s; s::token()")).unwrap_err();
        assert!(error.contains("outside of the scripts folder") || error.contains("there is no module"), "{path}: {error}");
        assert!(!error.contains("secret\")"), "{error}");
    }
    #[cfg(unix)]
    {
        std::os::unix::fs::symlink(dir.path().join("secret.rhai"), scripts.join("link.rhai")).unwrap();
        let trial = trial("import \"link\" as s; s::token()").with(|input| input.script.folder = Some(scripts));
        assert_eq!(trial.run().unwrap_err().code, "module_outside");
    }
}

#[test]
fn errors_name_the_modules_file() {
    insta::assert_snapshot!(run("import \"people\" as p;\np::oops();").unwrap_err(), @r#"
    error: no group is called "Grde 5"
      --> scripts/people.rhai:5:12
       |
     5 |     groups["Grde 5"]
       |            ^^^^^^^^ did you mean "Grade 5"?
      in function oops, called from scripts/test.rhai:2:4
    "#);
    insta::assert_snapshot!(run("import \"broken\" as b;").unwrap_err(), @r#"
    error: `)` is missing to close the parameters list of function 'x'
      --> scripts/broken.rhai:1:7
       |
     1 | fn x( {
       |       ^
      in module scripts/broken.rhai, imported from scripts/test.rhai:1:8
    hint: the `(` on line 1 is not closed
    "#);
    insta::assert_snapshot!(run("import \"bad\" as b;").unwrap_err(), @r#"
    error: Selection has no function `fnd`
      --> scripts/bad.rhai:1:15
       |
     1 | let x = users.fnd("x");
       |               ^^^ did you mean `find(name: string)`?
      in module scripts/bad.rhai, imported from scripts/test.rhai:1:8
    "#);
    insta::assert_snapshot!(run("import \"peple\" as p;").unwrap_err(), @r#"
    error: there is no module "peple"
      --> scripts/test.rhai:1:8
       |
     1 | import "peple" as p;
       |        ^^^^^^^ did you mean "people"?
    "#);
    insta::assert_snapshot!(run("import \"a\" as a;").unwrap_err(), @r#"
    error: the modules import each other: scripts/a.rhai → scripts/b.rhai → scripts/a.rhai
      --> scripts/b.rhai:1:8
       |
     1 | import "a" as a;
       |        ^^^
      in module scripts/b.rhai, imported from scripts/a.rhai:1:8
      in module scripts/a.rhai, imported from scripts/test.rhai:1:8
    "#);
    insta::assert_snapshot!(run("import \"people\" as p;\np::each(|x| x.foo)").unwrap_err(), @r#"
    error: an int has no field `foo`
      --> scripts/test.rhai:2:15
       |
     2 | p::each(|x| x.foo)
       |               ^^^
      in function map, called from scripts/people.rhai:7:21
      in function each, called from scripts/test.rhai:2:4
    "#);
    insta::assert_snapshot!(run("people::late()").unwrap_err(), @r#"
    error: no module is imported as "people"
      --> scripts/test.rhai:1:1
       |
     1 | people::late()
       | ^^^^^^
    hint: import it first: `import "people" as people;`
    "#);
}

#[test]
fn limits_hold_in_modules() {
    let (_dir, scripts) = site();
    let trial = trial("import \"loops\" as l;").with(|input| {
        input.script.folder = Some(scripts);
        input.limits.operations = 10_000;
    });
    assert_eq!(trial.run().unwrap_err().code, "limit_operations");
}

#[test]
fn asks_from_modules_name_the_module() {
    let dir = tempfile::tempdir().unwrap();
    let scripts = dir.path().join("scripts");
    write(&scripts, "act.rhai", "fn act() {\n    invite.plan(users, \"everyone\").send();\n}");
    let trial = trial("import \"act\" as act; act::act();").with(|input| input.script.folder = Some(scripts));
    let asked = trial.run().unwrap().asked;
    assert_eq!((asked[0].origin.source.as_str(), asked[0].origin.line), ("scripts/act.rhai", 2));
}
