//! Running the real program, and writing down what a person at a shell would see.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::mpsc;
use std::time::Duration;

/// No command of a case takes nearly as long; one that does hangs.
const PATIENCE: Duration = Duration::from_secs(120);

/// What a command came to.
pub struct Ended {
    pub out: String,
    pub err: String,
    /// `None` when a signal ended it.
    pub code: Option<i32>,
}

/// The program under test: this build's, or the one that BECKON_BIN names.
fn program() -> PathBuf {
    std::env::var_os("BECKON_BIN").map_or_else(|| PathBuf::from(env!("CARGO_BIN_EXE_beckon")), PathBuf::from)
}

/// Runs `beckon args` in a site's folder, with no terminal and none of this process's surroundings. What follows
/// a `<` is the file that it reads.
pub fn beckon(site: &Path, args: &[String]) -> Result<Ended, String> {
    let (args, input) = match args.iter().position(|arg| arg == "<").map(|at| args.split_at(at)) {
        Some((args, [_, file])) => (args, std::fs::File::open(file).map_err(|e| format!("{file}: {e}"))?.into()),
        _ => (args, Stdio::null()),
    };
    let mut command = Command::new(program());
    command.args(args).stdin(input);
    let child = surrounded(&mut command, site).spawn().map_err(|e| format!("can't start {}: {e}", program().display()))?;
    ended(child, args)
}

/// The same at a terminal of its own, with somebody who answers the question. Tells what stands there up to the
/// answer: after it come lines that are painted over while time goes by.
pub fn at_terminal(site: &Path, args: &[String], answer: &str) -> Result<Ended, String> {
    use std::io::{Read as _, Write as _};
    let quoted = |word: &str| format!("'{}'", word.replace('\'', "'\\''"));
    let line = std::iter::once(program().display().to_string()).chain(args.iter().cloned());
    let line: Vec<String> = line.map(|word| quoted(&word)).collect();
    let mut command = Command::new("script");
    command.args(["-qec", &line.join(" "), "/dev/null"]).env_remove("SHELL").stdin(Stdio::piped());
    let mut child =
        surrounded(&mut command, site).env("NO_COLOR", "1").spawn().map_err(|e| format!("can't start script: {e}"))?;
    let (mut out, mut typed) = (child.stdout.take().ok_or("no output")?, child.stdin.take().ok_or("no input")?);
    let (mut said, mut piece) = (Vec::new(), [0; 4096]);
    while !said.ends_with(b"[y/N] ") {
        match out.read(&mut piece) {
            Ok(0) | Err(_) => break,
            Ok(read) => said.extend_from_slice(piece.get(..read).unwrap_or_default()),
        }
    }
    let asked = said.ends_with(b"[y/N] ");
    if asked {
        typed.write_all(format!("{answer}\n").as_bytes()).map_err(|e| e.to_string())?;
    }
    // Whoever is painted for has to read on, or the program waits for them.
    std::thread::spawn(move || std::io::copy(&mut out, &mut std::io::sink()));
    let ended = ended(child, args)?;
    let out = String::from_utf8_lossy(&said).replace('\r', "");
    Ok(Ended { out: if asked { format!("{out}{answer}\n") } else { out }, ..ended })
}

fn surrounded<'c>(command: &'c mut Command, site: &Path) -> &'c mut Command {
    command
        .current_dir(site)
        .env_clear()
        .env("PATH", std::env::var_os("PATH").unwrap_or_default())
        .env("HOME", site)
        .env("USER", "tester")
        // A second try that is a minute away is not waited for in real time.
        .env("BECKON_WAIT", "5s")
        .env("NO_PROXY", "localhost,127.0.0.1")
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
}

fn ended(child: std::process::Child, args: &[String]) -> Result<Ended, String> {
    let id = child.id();
    let (done, ended) = mpsc::channel();
    std::thread::spawn(move || {
        // The receiver may have given up.
        let _ = done.send(child.wait_with_output());
    });
    match ended.recv_timeout(PATIENCE) {
        Ok(Ok(output)) => Ok(Ended {
            out: String::from_utf8_lossy(&output.stdout).into_owned(),
            err: String::from_utf8_lossy(&output.stderr).into_owned(),
            code: output.status.code(),
        }),
        Ok(Err(error)) => Err(format!("beckon {}: {error}", args.join(" "))),
        Err(_) => {
            // The thread has the child itself, and waits for it.
            let _ = Command::new("kill").arg("-9").arg(id.to_string()).status();
            Err(format!("beckon {} did not end within {PATIENCE:?}", args.join(" ")))
        }
    }
}

/// Splits a command line at its spaces; double quotes hold one argument together.
pub fn words(line: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut word = String::new();
    let (mut quoted, mut begun) = (false, false);
    for c in line.chars() {
        match c {
            '"' => {
                quoted = !quoted;
                begun = true;
            }
            ' ' if !quoted => {
                if begun || !word.is_empty() {
                    words.push(std::mem::take(&mut word));
                }
                begun = false;
            }
            other => word.push(other),
        }
    }
    if begun || !word.is_empty() {
        words.push(word);
    }
    words
}

#[test]
fn command_lines_are_split_as_a_shell_does() {
    assert_eq!(words(r#"run a --arg group="Grade 5"  ''"#), ["run", "a", "--arg", "group=Grade 5", "''"]);
    assert_eq!(words(r#"why """#), ["why", ""]);
}
