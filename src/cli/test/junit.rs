//! Results as CI systems read them: JUnit's XML, a suite a file.

use std::fmt::Write as _;

use super::found::Named;
use super::{Ended, seconds};
use crate::domain::time::Span;
use crate::script::ScriptError;
use crate::script::reference::html;

/// The whole file. Tests are in the order of their files.
pub fn report(tests: &[Named], ended: &[Ended], broken: &[ScriptError]) -> String {
    let all: Vec<(&Named, &Ended)> = tests.iter().zip(ended).collect();
    let mut text = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
    let _ = writeln!(text, "<testsuites {}>", figures(&all, broken.len()));
    for file in all.chunk_by(|(a, _), (b, _)| a.source.name == b.source.name) {
        let name = file.first().map(|(test, _)| test.source.name.as_str()).unwrap_or_default();
        let _ = writeln!(text, "  <testsuite name=\"{}\" {}>", escaped(name), figures(file, 0));
        file.iter().for_each(|(test, ended)| case(&mut text, test, ended));
        text.push_str("  </testsuite>\n");
    }
    for error in broken {
        let name = escaped(&error.source);
        let _ = writeln!(text, "  <testsuite name=\"{name}\" {}>", figures(&[], 1));
        let _ = writeln!(text, "    <testcase classname=\"{name}\" name=\"the file can be read\" time=\"0\">");
        fault(&mut text, "error", error);
        text.push_str("    </testcase>\n  </testsuite>\n");
    }
    text.push_str("</testsuites>\n");
    text
}

fn figures(tests: &[(&Named, &Ended)], errors: usize) -> String {
    let failures = tests.iter().filter(|(_, ended)| ended.error.is_some()).count();
    let took = tests.iter().fold(Span::zero(), |sum, (_, ended)| sum + ended.took);
    format!("tests=\"{}\" failures=\"{failures}\" errors=\"{errors}\" time=\"{:.3}\"", tests.len() + errors, seconds(took))
}

fn case(text: &mut String, test: &Named, ended: &Ended) {
    let file = escaped(&test.source.name);
    let (name, took) = (escaped(&test.name), seconds(ended.took));
    let _ = write!(
        text,
        "    <testcase classname=\"{file}\" name=\"{name}\" file=\"{file}\" line=\"{}\" time=\"{took:.3}\"",
        test.line
    );
    if ended.error.is_none() && ended.printed.is_empty() {
        text.push_str("/>\n");
        return;
    }
    text.push_str(">\n");
    if let Some(error) = &ended.error {
        fault(text, "failure", error);
    }
    if !ended.printed.is_empty() {
        let _ = writeln!(text, "      <system-out>{}</system-out>", escaped(&ended.printed.join("\n")));
    }
    text.push_str("    </testcase>\n");
}

fn fault(text: &mut String, kind: &str, error: &ScriptError) {
    let first = error.message.lines().next().unwrap_or_default();
    let (code, first, whole) = (escaped(&error.code), escaped(first), escaped(&error.render(false)));
    let _ = writeln!(text, "      <{kind} type=\"{code}\" message=\"{first}\">{whole}</{kind}>");
}

/// As it may stand in XML 1.0, which has no words for most control characters.
fn escaped(text: &str) -> String {
    let is_unfit = |c: char| c.is_control() && !matches!(c, '\n' | '\t') || matches!(c, '\u{fffe}' | '\u{ffff}');
    html::escaped(&text.replace(is_unfit, "\u{fffd}"))
}
