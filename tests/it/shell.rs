//! What shells and `man` make of what beckon writes for them.

use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};

const BECKON: &str = env!("CARGO_BIN_EXE_beckon");

fn beckon(args: &[&str], dir: &Path) -> String {
    let output = Command::new(BECKON).args(args).current_dir(dir).env_remove("BECKON_SITE").output().expect("beckon starts");
    assert!(output.status.success(), "{args:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("text")
}

/// Whether the machine has a program; a test without its peer says so and passes.
fn has(program: &str) -> bool {
    let found = Command::new(program).arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status().is_ok();
    if !found {
        eprintln!("skipped: there is no {program} on this machine");
    }
    found
}

#[test]
fn bash_takes_the_completions_and_completes() {
    if !has("bash") {
        return;
    }
    let dir = tempfile::tempdir().expect("a folder");
    let script = dir.path().join("beckon.bash");
    std::fs::write(&script, beckon(&["completions", "bash"], dir.path())).expect("written");
    let complete = |words: &[&str]| {
        let line = format!(
            "source {} && COMP_WORDS=({}) && COMP_CWORD={} && _beckon beckon \"${{COMP_WORDS[COMP_CWORD]}}\" && echo \"${{COMPREPLY[@]}}\"",
            script.display(),
            words.iter().map(|w| format!("'{w}'")).collect::<Vec<_>>().join(" "),
            words.len() - 1
        );
        let output = Command::new("bash").args(["--norc", "-c", &line]).output().expect("bash starts");
        assert!(output.stderr.is_empty(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8_lossy(&output.stdout).trim().to_owned()
    };
    assert!(Command::new("bash").arg("-n").arg(&script).status().expect("bash starts").success());
    assert_eq!(complete(&["beckon", "ta"]), "tasks");
    assert_eq!(complete(&["beckon", "stop"]), "stop-sending");
    assert_eq!(complete(&["beckon", "docs", "--h"]), "--html --help");
    assert_eq!(complete(&["beckon", "completions", "z"]), "zsh");
    assert_eq!(complete(&["beckon", "schedule", "pau"]), "pause");
}

#[test]
fn every_shell_gets_completions_that_name_every_command() {
    let dir = tempfile::tempdir().expect("a folder");
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let script = beckon(&["completions", shell], dir.path());
        for command in ["run", "resume-sending", "definitions", "completions"] {
            assert!(script.contains(command), "{shell}: {command}");
        }
    }
}

#[test]
fn groff_has_nothing_to_say_against_the_manual_pages() {
    let dir = tempfile::tempdir().expect("a folder");
    let said = beckon(&["man"], dir.path());
    let pages = beckon::cli::man::pages();
    assert!(said.starts_with(&format!("wrote {} manual pages to man", pages.len())), "{said}");
    for (name, text) in &pages {
        let written = std::fs::read_to_string(dir.path().join("man").join(name)).expect("written");
        assert!(written == *text, "{name} is another one each time");
    }
    if !has("groff") {
        return;
    }
    for (name, text) in &pages {
        let mut groff = Command::new("groff")
            .args(["-ww", "-man", "-Tutf8"])
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .expect("groff starts");
        groff.stdin.take().expect("a pipe").write_all(text.as_bytes()).expect("groff reads");
        let output = groff.wait_with_output().expect("groff ends");
        let said = String::from_utf8_lossy(&output.stderr);
        // A narrow page with long words has wide gaps: no fault of the text.
        let faults: Vec<&str> =
            said.lines().filter(|line| !line.contains("adjust line") && !line.contains("break line")).collect();
        assert!(faults.is_empty(), "{name}:\n{}", faults.join("\n"));
    }
}

/// The other reader of manual pages, of Alpine and macOS.
#[test]
fn mandoc_has_nothing_to_say_against_the_manual_pages() {
    // It has no option that says its version: without a file it reads none.
    if Command::new("mandoc").stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).status().is_err() {
        eprintln!("skipped: there is no mandoc on this machine");
        return;
    }
    let dir = tempfile::tempdir().expect("a folder");
    for (name, text) in &beckon::cli::man::pages() {
        let page = dir.path().join("page");
        std::fs::write(&page, text).expect("written");
        let output = Command::new("mandoc").args(["-Tlint", "-Wwarning"]).arg(&page).output().expect("mandoc starts");
        let said = String::from_utf8_lossy(&output.stdout);
        assert!(said.is_empty(), "{name}:\n{said}");
    }
}

/// As its user has it: the word after the cursor's place, completed by the shell's own machinery.
#[test]
fn zsh_and_fish_complete() {
    let dir = tempfile::tempdir().expect("a folder");
    if has("fish") {
        let script = dir.path().join("beckon.fish");
        std::fs::write(&script, beckon(&["completions", "fish"], dir.path())).expect("written");
        let complete = |line: &str| {
            let ask = format!("source {}; complete -C '{line}'", script.display());
            let output = Command::new("fish").args(["--no-config", "-c", &ask]).output().expect("fish starts");
            assert!(output.stderr.is_empty(), "{}", String::from_utf8_lossy(&output.stderr));
            String::from_utf8_lossy(&output.stdout)
                .lines()
                .map(|l| l.split('\t').next().unwrap_or(l).to_owned())
                .collect::<Vec<_>>()
        };
        assert_eq!(complete("beckon ta"), ["tasks"]);
        assert_eq!(complete("beckon schedule pau"), ["pause"]);
        assert!(complete("beckon test --ju").contains(&"--junit".to_owned()));
    }
    if has("zsh") {
        std::fs::write(dir.path().join("_beckon"), beckon(&["completions", "zsh"], dir.path())).expect("written");
        // The function loads, and what it defines can be called by the shell.
        let ask = "fpath=($PWD $fpath); autoload -Uz compinit && compinit -u -D && print -r -- $_comps[beckon] && autoload +X _beckon && zsh -n _beckon";
        let output = Command::new("zsh").args(["-f", "-c", ask]).current_dir(dir.path()).output().expect("zsh starts");
        assert!(output.status.success() && output.stderr.is_empty(), "{}", String::from_utf8_lossy(&output.stderr));
        assert_eq!(String::from_utf8_lossy(&output.stdout).trim(), "_beckon");
    }
}

#[test]
fn definitions_go_beside_the_scripts_of_the_site() {
    let dir = tempfile::tempdir().expect("a folder");
    beckon(&["init", "school"], dir.path());
    let scripts = dir.path().join("school/scripts");
    let said = beckon(&["definitions"], &scripts);
    assert!(said.contains("school/definitions"), "{said}");
    let text = std::fs::read_to_string(dir.path().join("school/definitions/beckon.d.rhai")).expect("written");
    assert!(text.contains("\nmodule static;\n") && text.contains("\nconst users: Selection;\n"));
    assert!(dir.path().join("school/definitions/README.md").exists());
    // Twice is once.
    assert_eq!(beckon(&["definitions"], &scripts), said);
    // What lies there is for editors only: the site's own check does not look at it.
    assert!(beckon(&["check"], &scripts).contains("are fine"));
}

#[test]
fn a_name_is_told_on_the_terminal_and_a_wrong_one_gets_the_nearest() {
    let dir = tempfile::tempdir().expect("a folder");
    let said = beckon(&["docs", "plan.send"], dir.path());
    assert!(said.contains("plan.send(options: map)  effect: invite, mail\n") && said.contains("  remind.gap"), "{said}");
    assert!(said.lines().all(|line| unicode_width::UnicodeWidthStr::width(line) <= 100), "{said}");
    let wrong = Command::new(BECKON).args(["docs", "plan.sned"]).current_dir(dir.path()).output().expect("beckon starts");
    assert_eq!(wrong.status.code(), Some(2));
    assert_eq!(
        String::from_utf8_lossy(&wrong.stderr),
        "error: the reference has no \"plan.sned\"\n  did you mean `beckon docs send`?\n"
    );
    beckon(&["docs", "--html", "-o", "reference.html"], dir.path());
    assert!(std::fs::read_to_string(dir.path().join("reference.html")).expect("written").starts_with("<!doctype html>"));
}
