//! minijinja and MJML, set up for mail: strict, bounded, and escaping what goes into HTML.

use std::io;
use std::ops::Range;

use minijinja::syntax::SyntaxConfig;
use minijinja::value::Value;
use minijinja::{AutoEscape, Environment, Error, ErrorKind, Output, State, UndefinedBehavior};

use super::error::{Part, TemplateError};

/// Instructions of one render; the shipped templates take less than 200.
const FUEL: u64 = 100_000;
/// The longest text or HTML of one mail. Mailers clip at about 100 kB.
const OUTPUT_MAX: usize = 512 * 1024;

/// An environment in which nothing is undefined in silence.
pub(super) fn environment() -> Environment<'static> {
    let mut env = Environment::new();
    let syntax = SyntaxConfig::builder().trim_blocks(true).lstrip_blocks(true).build();
    env.set_syntax(syntax.expect("the default delimiters are valid"));
    env.set_undefined_behavior(UndefinedBehavior::Strict);
    env.set_fuel(Some(FUEL));
    env.set_recursion_limit(50);
    // Debug information copies the data, and the data holds links.
    env.set_debug(false);
    env.remove_global("debug");
    // What comes from a roster or a script is text, whatever a template says.
    env.remove_filter("safe");
    env.set_auto_escape_callback(|name| if name.ends_with(".html") { AutoEscape::Html } else { AutoEscape::None });
    env.set_formatter(write_value);
    env
}

/// minijinja's own escaping also writes `/` as an entity, which makes links unreadable to the
/// filters that look at mail.
fn write_value(out: &mut Output<'_>, state: &mut State<'_, '_>, value: &Value) -> Result<(), Error> {
    let failed = |_| Error::new(ErrorKind::WriteFailure, "the text could not be written");
    if value.is_none() {
        return Ok(());
    }
    if value.is_safe() || !matches!(state.auto_escape(), AutoEscape::Html) {
        return match value.as_str() {
            Some(text) => out.write_str(text).map_err(failed),
            None => write!(out, "{value}").map_err(failed),
        };
    }
    let shown;
    let text = match value.as_str() {
        Some(text) => text,
        None => {
            shown = value.to_string();
            &shown
        }
    };
    let mut plain = text;
    while let Some((at, entity)) = plain.char_indices().find_map(|(at, c)| entity(c).map(|entity| (at, entity))) {
        let (before, rest) = plain.split_at(at);
        out.write_str(before).map_err(failed)?;
        out.write_str(entity).map_err(failed)?;
        let mut after = rest.chars();
        after.next();
        plain = after.as_str();
    }
    out.write_str(plain).map_err(failed)
}

fn entity(c: char) -> Option<&'static str> {
    match c {
        '&' => Some("&amp;"),
        '<' => Some("&lt;"),
        '>' => Some("&gt;"),
        '"' => Some("&quot;"),
        '\'' => Some("&#39;"),
        _ => None,
    }
}

/// Renders one template of the environment, at most 512 kB of it.
pub(super) fn render(env: &Environment<'_>, key: &str, context: &Value) -> Result<String, Error> {
    let mut out = Bounded(Vec::with_capacity(8 * 1024));
    env.get_template(key)?.render_captured_to(context.clone(), &mut out)?;
    String::from_utf8(out.0).map_err(|_| Error::new(ErrorKind::WriteFailure, "the text is not UTF-8"))
}

struct Bounded(Vec<u8>);

impl io::Write for Bounded {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.0.len() + bytes.len() > OUTPUT_MAX {
            return Err(io::Error::other("the mail gets longer than 512 kB"));
        }
        self.0.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// MJML to HTML; what minijinja looks for (`{{ }}`, `{% %}`) passes through untouched.
pub(super) fn html_of(file: &str, source: &str) -> Result<String, TemplateError> {
    use mrml::prelude::parser::{Error as ParseError, ParserOptions};
    use mrml::prelude::render::RenderOptions;

    let part = Part::all(file, source);
    let at = |range: Option<Range<usize>>, what: String| match range {
        Some(range) => TemplateError::at(&part, range, format!("not MJML: {what}")),
        None => TemplateError::new(file, format!("not MJML: {what}")),
    };
    let parsed = mrml::parse_with_options(source, &ParserOptions::default()).map_err(|error| {
        let (range, what) = match &error {
            ParseError::UnexpectedElement { position, .. } => (Some(position), "this element can't stand here".to_owned()),
            ParseError::UnexpectedToken { position, .. } => (Some(position), "this can't stand here".to_owned()),
            ParseError::MissingAttribute { name, position, .. } => (Some(position), format!("the attribute `{name}` is missing")),
            ParseError::InvalidAttribute { position, .. } => (Some(position), "this attribute is not valid".to_owned()),
            ParseError::InvalidFormat { position, .. } => (Some(position), "this has not the right form".to_owned()),
            ParseError::IncludeLoaderError { position, .. } => {
                (Some(position), "mj-include can't be used: a template is one file".to_owned())
            }
            ParseError::EndOfStream { .. } => return at(Some(end(source)), "an element isn't closed".to_owned()),
            ParseError::ParserError { source, .. } => (None, source.to_string()),
            ParseError::SizeLimit { .. } | ParseError::NoRootNode => {
                return at(Some(0..0), "there is no <mjml> element".to_owned());
            }
        };
        at(range.map(|position| position.start..position.end), what)
    })?;
    if let Some(warning) = parsed.warnings.first() {
        return Err(at(Some(warning.span.start..warning.span.end), warning.kind.to_string()));
    }
    // mrml would link Google's fonts, and tell Google who reads mail from whom.
    let options = RenderOptions { fonts: std::collections::HashMap::new(), ..RenderOptions::default() };
    let html = parsed.element.render(&options).map_err(|error| at(None, error.to_string()))?;
    if let Some((_, rest)) = html.split_once("<mj") {
        let name: String = rest.chars().take_while(|c| c.is_ascii_alphanumeric() || *c == '-').collect();
        let tag = format!("<mj{name}");
        let range = source.find(&tag).map(|start| start..start + tag.len());
        return Err(at(range, format!("there is no element {tag}> here")));
    }
    Ok(html)
}

/// The last character that is not blank.
fn end(source: &str) -> Range<usize> {
    let end = source.trim_end().len();
    let start = source.get(..end).and_then(|text| text.char_indices().next_back()).map_or(0, |(at, _)| at);
    start..end
}

#[cfg(test)]
mod tests {
    use super::*;
    use minijinja::context;

    fn html(template: &str, value: &str) -> String {
        let mut env = environment();
        env.add_template_owned("x.html", template.to_owned()).unwrap();
        render(&env, "x.html", &context! { v => value }).unwrap()
    }

    #[test]
    fn what_goes_into_html_is_escaped_once_and_links_stay_readable() {
        assert_eq!(html("<b>{{ v }}</b>", "<i>\"&'</i>"), "<b>&lt;i&gt;&quot;&amp;&#39;&lt;/i&gt;</b>");
        assert_eq!(html("{{ v }}", "https://x.example/a?b=c&d=e"), "https://x.example/a?b=c&amp;d=e");
        assert_eq!(html("{{ v }}", "\u{e9}<\u{1f600}"), "\u{e9}&lt;\u{1f600}");
        assert_eq!(html("{{ v | escape }}", "<"), "&lt;");
        assert_eq!(html("{{ v | upper }}", "<a"), "&lt;A");
    }

    #[test]
    fn text_stays_text() {
        let mut env = environment();
        env.add_template_owned("x.text", "{{ v }}".to_owned()).unwrap();
        assert_eq!(render(&env, "x.text", &context! { v => "<&>" }).unwrap(), "<&>");
    }

    #[test]
    fn endless_work_and_endless_output_end() {
        let check = |template: &str| {
            let mut env = environment();
            env.add_template_owned("x.text", template.to_owned()).unwrap();
            assert!(render(&env, "x.text", &context! {}).is_err(), "{template}");
        };
        check("{% for a in range(9999) %}{% for b in range(9999) %}x{% endfor %}{% endfor %}");
        check("{% set x = 'xxxxxxxxxxxxxxxx' %}{% for a in range(20000) %}{{ x }}{{ x }}{{ x }}{% endfor %}");
        check("{{ 'x' * 999999999 }}");
        check("{{ '<b>' | safe }}");
    }

    #[test]
    fn placeholders_pass_through_mjml() {
        let source = "<mjml><mj-body><mj-section><mj-column><mj-text>{% if a < b %}{{ x }} &amp; {% endif %}</mj-text>\
                      <mj-button href=\"{{ u }}\">{{ 'y' }}</mj-button></mj-column></mj-section></mj-body></mjml>";
        let html = html_of("x", &source.replace("a < b", "a")).unwrap();
        for kept in ["{% if a %}{{ x }} &amp; {% endif %}", "href=\"{{ u }}\"", "{{ 'y' }}"] {
            assert!(html.contains(kept), "{kept}: {html}");
        }
        assert!(!html.contains("fonts.googleapis"));
    }

    #[test]
    fn mjml_faults_have_a_place() {
        let place = |source: &str| {
            let error = html_of("x", source).unwrap_err();
            let line: Vec<char> = error.source_line.chars().collect();
            (error.line, line[error.column - 1..][..error.length].iter().collect::<String>())
        };
        let all = [
            "<mjml>\n<mj-body>\n<mj-section><mj-column></mj-section></mj-body></mjml>",
            "<mjml>\n<mj-body>\n<mj-include path=\"/etc/passwd\" /></mj-body></mjml>",
            "<mjml>\n<mj-body>\n<mj-txt>x</mj-txt></mj-body></mjml>",
            "<mjml>\n<mj-body>\n",
            "<p>x</p>",
        ];
        insta::assert_snapshot!(format!("{:?}", all.map(place)), @r#"
    [(Some(3), ">"), (Some(3), "mj-include"), (Some(3), "<mj-txt"), (Some(2), ">"), (Some(1), "<p")]
    "#);
    }
}
