//! What came of a case, and how it compares with what is expected.

use std::fmt::Write as _;
use std::path::Path;

use super::program::Ended;

/// Lines of context around a difference.
const AROUND: usize = 2;

/// The longest line of a transcript, in characters.
const LINE_MAX: usize = 2000;

/// Adds a command and what it said. Output stands as it is, errors begin with `! `, and the last line is the
/// exit code.
pub fn add(text: &mut String, command: &str, ended: &Ended, plain: impl Fn(&str) -> String) {
    let _ = writeln!(text, "$ beckon {command}");
    for line in short(&without_ages(&plain(&ended.out))) {
        let _ = writeln!(text, "{line}");
    }
    for line in short(&plain(&ended.err)) {
        let _ = writeln!(text, "! {line}");
    }
    let code = ended.code.map_or("killed".to_owned(), |code| code.to_string());
    let _ = writeln!(text, "[{code}]\n");
}

/// Long lines are cut, and many equal ones counted: a script that floods its output is a case, too.
fn short(said: &str) -> Vec<String> {
    let mut lines: Vec<(String, usize)> = Vec::new();
    for line in said.lines() {
        let shown: String = line.chars().take(LINE_MAX).collect();
        let shown = if shown.len() < line.len() { format!("{shown}… ({} bytes)", line.len()) } else { shown };
        match lines.last_mut().filter(|(last, _)| *last == shown && !shown.is_empty()) {
            Some((_, times)) => *times += 1,
            None => lines.push((shown, 1)),
        }
    }
    lines.into_iter().map(|(line, times)| if times > 1 { format!("{line} ({times} times)") } else { line }).collect()
}

/// Takes the last column of a task list away, and sorts its rows by their names: how old a task is and who
/// answered first depends on how fast this machine is.
fn without_ages(out: &str) -> String {
    let Some(column) = out.lines().find(|line| line.starts_with("task ")).and_then(|head| head.strip_suffix("since")) else {
        return out.to_owned();
    };
    let column = column.chars().count();
    let (mut before, mut rows, mut after): (Vec<String>, Vec<(TaskName, String)>, Vec<String>) = Default::default();
    for line in out.lines() {
        let kept: String = line.chars().take(column).collect();
        let kept = kept.trim_end().to_owned();
        match (task_name(line), rows.last_mut()) {
            _ if line.starts_with("task ") => before.push(kept),
            (Some(name), _) => rows.push((name, kept)),
            // Why a task failed stands under its row.
            (None, Some((_, row))) if line.starts_with("      ") => {
                row.push('\n');
                row.push_str(line);
            }
            (None, None) => before.push(line.to_owned()),
            (None, Some(_)) => after.push(line.to_owned()),
        }
    }
    rows.sort();
    before.into_iter().chain(rows.into_iter().map(|(_, row)| row)).chain(after).collect::<Vec<_>>().join("\n")
}

type TaskName = (u64, u64);

/// `17.3` or `run 17` at the beginning of a row.
fn task_name(row: &str) -> Option<TaskName> {
    if let Some(rest) = row.strip_prefix("run ") {
        return Some((rest.split(' ').next()?.parse().ok()?, 0));
    }
    let (run, number) = row.split(' ').next()?.split_once('.')?;
    Some((run.parse().ok()?, number.parse().ok()?))
}

/// Replaces what differs from machine to machine and from run to run: sizes, `1.4 GB`, ends of the journal
/// (`1024:` and half a hash), and the names that servers give to what they took.
pub fn without_measures(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        let before = plain.chars().next_back();
        let taken = measure(rest, before).or_else(|| named(rest, before));
        match taken {
            Some((length, name)) => {
                plain.push_str(name);
                rest = rest.get(length..).unwrap_or_default();
            }
            None => {
                plain.push(c);
                rest = rest.get(c.len_utf8()..).unwrap_or_default();
            }
        }
    }
    plain
}

/// `1.4 GB` at the beginning of a text, and how long it is.
fn measure(text: &str, before: Option<char>) -> Option<(usize, &'static str)> {
    if before.is_some_and(|c| c.is_ascii_digit() || c == '.') {
        return None;
    }
    let digits = |text: &str| text.bytes().take_while(u8::is_ascii_digit).count();
    let whole = digits(text);
    let part = digits(text.get(whole..)?.strip_prefix('.')?);
    let at = whole + 1 + part;
    let unit = ["kB", "MB", "GB"].iter().any(|unit| text.get(at..).is_some_and(|rest| rest.starts_with(&format!(" {unit}"))));
    (whole > 0 && part > 0 && unit).then_some((at + 3, "[size]"))
}

/// A hash after its row, the store's schema, a queue's name of a mail, or a push's.
fn named(text: &str, before: Option<char>) -> Option<(usize, &'static str)> {
    let hexadecimal = |text: &str| text.bytes().take_while(u8::is_ascii_hexdigit).count();
    if before == Some(':') && hexadecimal(text) == 32 {
        return Some((32, "[hash]"));
    }
    let schema = text.strip_prefix("schema ").map_or(0, |number| number.bytes().take_while(u8::is_ascii_digit).count());
    if schema > 0 {
        return Some(("schema ".len() + schema, "schema [version]"));
    }
    let mail = text.strip_prefix("queued as ").filter(|id| hexadecimal(id) == 10).map(|_| (20, "queued as [id]"));
    mail.or_else(|| text.strip_prefix("(push ").filter(|id| hexadecimal(id) == 8).map(|_| (42, "(push [id]")))
}

/// Replaces instants as the program prints them, `2026-12-01 08:00`, where they are near today. Those that
/// a case has chosen itself are in the forties.
pub fn without_times(text: &str) -> String {
    let chars: Vec<char> = text.chars().collect();
    let mut plain = String::with_capacity(text.len());
    let mut at = 0;
    while let Some(c) = chars.get(at) {
        let apart = at == 0 || !chars.get(at - 1).is_some_and(char::is_ascii_digit);
        match chars.get(at..at + 16).filter(|part| apart && is_instant(part)) {
            Some(_) => {
                plain.push_str("[time]");
                // Data has seconds, parts of them, and says that it is universal time.
                let rest = chars.get(at + 16..).unwrap_or_default();
                let more = rest.iter().take_while(|c| c.is_ascii_digit() || matches!(c, ':' | '.' | 'Z')).count();
                let seconds = rest.first() == Some(&':') && rest.get(1).is_some_and(char::is_ascii_digit);
                at += if seconds { 16 + more } else { 16 };
            }
            None => {
                plain.push(*c);
                at += 1;
            }
        }
    }
    plain
}

fn is_instant(part: &[char]) -> bool {
    let shape = part.iter().zip("2000-00-00 00:00".chars()).all(|(c, like)| match like {
        '0' | '2' => c.is_ascii_digit(),
        ' ' => matches!(c, ' ' | 'T'),
        other => *c == other,
    });
    let year: String = part.iter().take(4).collect();
    shape && ("2024".."2040").contains(&year.as_str())
}

/// Compares with the case's `transcript`; writes it where there is none, or where that is asked for.
pub fn compare(case: &Path, came: &str) -> Result<(), String> {
    let file = case.join("transcript");
    let bless = std::env::var_os("BECKON_BLESS").is_some_and(|v| v == "1");
    let expected = match std::fs::read_to_string(&file) {
        Ok(text) if !bless => text,
        _ => {
            std::fs::write(&file, came).map_err(|e| format!("can't write {}: {e}", file.display()))?;
            return Ok(());
        }
    };
    if expected == came { Ok(()) } else { Err(difference(&expected, came)) }
}

/// The lines between the common head and the common tail.
pub fn difference(expected: &str, came: &str) -> String {
    let (old, new): (Vec<&str>, Vec<&str>) = (expected.lines().collect(), came.lines().collect());
    let head = old.iter().zip(&new).take_while(|(a, b)| a == b).count();
    let most = old.len().min(new.len()) - head;
    let tail = old.iter().rev().zip(new.iter().rev()).take(most).take_while(|(a, b)| a == b).count();
    let mut text = String::new();
    let from = head.saturating_sub(AROUND);
    let _ = writeln!(text, "from line {}:", from + 1);
    let part = |lines: &[&str], from: usize, to: usize, mark: &str| -> String {
        lines.get(from..to).unwrap_or_default().iter().map(|line| format!("{mark} {line}\n")).collect()
    };
    text += &part(&old, from, head, " ");
    text += &part(&old, head, old.len() - tail, "-");
    text += &part(&new, head, new.len() - tail, "+");
    text += &part(&new, new.len() - tail, (new.len() - tail + AROUND).min(new.len()), " ");
    text
}

#[test]
fn only_instants_near_today_are_replaced() {
    assert_eq!(without_times("at 2026-12-01 08:00, until 2041-01-01 00:00"), "at [time], until 2041-01-01 00:00");
    assert_eq!(without_times("2026-12-01 is a day; 12026-12-01 08:00"), "2026-12-01 is a day; 12026-12-01 08:00");
    assert_eq!(without_times("2026-12-01 08:00:30 UTC"), "[time] UTC");
    assert_eq!(without_times("\"at\":\"2026-12-01T08:00:30.125Z\","), "\"at\":\"[time]\",");
}

#[test]
fn the_age_of_tasks_is_cut_off_and_their_order_is_that_of_their_names() {
    let list = "task  who  since\n1.10  Ben  3 seconds\n      a long reason\n1.2   Ana  1 day\nbeckon tasks --retry TASK sends\n";
    assert_eq!(without_ages(list), "task  who\n1.2   Ana\n1.10  Ben\n      a long reason\nbeckon tasks --retry TASK sends");
    assert_eq!(without_ages("nothing is in flight\n"), "nothing is in flight\n");
}

#[test]
fn floods_are_counted() {
    assert_eq!(short("a\na\na\nb\n\n\n"), ["a (3 times)", "b", "", ""]);
}

#[test]
fn a_difference_shows_what_changed_and_what_stands_around_it() {
    assert_eq!(difference("a\nb\nc\nd\n", "a\nb\nx\nd\n"), "from line 1:\n  a\n  b\n- c\n+ x\n  d\n");
    assert_eq!(difference("a\n", "a\nb\n"), "from line 1:\n  a\n+ b\n");
}
