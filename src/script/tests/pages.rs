//! The HTML page and the manual page of the reference: whole, safe, and in need of nothing else.

use std::collections::BTreeSet;

use crate::script::reference::{Book, Field, Form, Item, Key, Part, Section};
use crate::script::testing::host;

/// The tags of a page with their attributes, in order. Strict: whatever is no tag must be escaped.
fn tags(page: &str) -> Vec<(String, Vec<(String, String)>)> {
    let mut found = Vec::new();
    let mut rest = page;
    while let Some(at) = rest.find('<') {
        assert!(!rest[..at].contains('>'), "a bare `>` in {:?}", &rest[..at]);
        let inside = &rest[at + 1..];
        let end = inside.find('>').expect("a tag that does not end");
        let tag = &inside[..end];
        rest = &inside[end + 1..];
        let (name, attributes) = tag.split_once(' ').unwrap_or((tag, ""));
        found.push((name.to_owned(), attributes_of(attributes)));
        // What is in these is not HTML; the pages keep it free of their own end.
        if name == "style" || name == "script" {
            let end = rest.find(&format!("</{name}>")).expect("it ends");
            rest = &rest[end..];
        }
    }
    found
}

fn attributes_of(text: &str) -> Vec<(String, String)> {
    let mut found = Vec::new();
    let mut rest = text.trim();
    while !rest.is_empty() {
        let name: String = rest.chars().take_while(|c| c.is_ascii_alphanumeric() || *c == '-').collect();
        assert!(!name.is_empty(), "no attribute at {rest:?}");
        rest = &rest[name.len()..];
        let mut value = String::new();
        if let Some(quoted) = rest.strip_prefix("=\"") {
            let end = quoted.find('"').expect("a value that does not end");
            value = quoted[..end].to_owned();
            rest = &quoted[end + 1..];
        }
        found.push((name, value));
        rest = rest.trim_start();
    }
    found
}

fn values<'a>(tags: &'a [(String, Vec<(String, String)>)], name: &'a str) -> impl Iterator<Item = &'a str> {
    tags.iter().flat_map(|(_, attributes)| attributes).filter(move |(n, _)| n == name).map(|(_, value)| value.as_str())
}

/// Fails when the page is no HTML, leads out of itself or to nowhere, or brings anything with it.
pub(crate) fn check(page: &str) {
    let tags = tags(page);
    let mut ids = BTreeSet::new();
    for id in values(&tags, "id") {
        assert!(!id.is_empty() && !id.contains(char::is_whitespace), "{id:?} is no id");
        assert!(ids.insert(id), "two places are called {id}");
    }
    for target in values(&tags, "href") {
        let place = target.strip_prefix('#').unwrap_or_else(|| panic!("{target} leads out of the page"));
        assert!(ids.contains(place), "nothing is called {place}");
    }
    for control in values(&tags, "for").chain(values(&tags, "aria-controls")) {
        assert!(ids.contains(control), "nothing is called {control}");
    }
    assert_eq!(values(&tags, "src").count() + values(&tags, "srcset").count() + values(&tags, "action").count(), 0);
    assert!(tags.iter().all(|(name, attributes)| {
        !matches!(name.as_str(), "link" | "iframe" | "img" | "object" | "base")
            && attributes.iter().all(|(n, _)| !n.starts_with("on"))
    }));
    let mut open: Vec<&str> = Vec::new();
    for (name, _) in &tags {
        match name.strip_prefix('/') {
            Some(end) => assert_eq!(open.pop(), Some(end), "tags are closed in another order"),
            None if matches!(name.as_str(), "meta" | "input" | "!doctype") => {}
            None => open.push(name),
        }
    }
    assert_eq!(open, Vec::<&str>::new());
}

#[test]
fn the_page_is_whole_and_needs_nothing_else() {
    let page = host().reference().html();
    check(&page);
    for outside in ["http://", "https://", "@import", "url(", "fetch(", "XMLHttpRequest", "innerHTML"] {
        // A command of the chapter on editors names where the language server comes from; nothing fetches it.
        let page = page.replace("https://github.com/rhaiscript/lsp", "");
        assert!(!page.contains(outside), "{outside}");
    }
    assert_eq!(page.matches("</script>").count(), 1);
}

#[test]
fn the_page_has_everything_that_the_reference_has() {
    let book = host().reference();
    let page = book.html();
    for section in &book.sections {
        assert!(page.contains(&format!("<section id=\"{}\"", section.id)), "{}", section.id);
        for item in &section.items {
            assert!(page.contains(&format!("<article id=\"{}\"", item.id)), "{}", item.id);
        }
        for field in &section.fields {
            assert!(page.contains(&format!("<tr id=\"{}\"", field.id)), "{}", field.id);
        }
    }
    for part in
        ["id=\"plan.send:remind\"", "<span class=\"effect\">effect: invite, mail</span>", "id=\"reports.csv\"", "id=\"builtin\""]
    {
        assert!(page.contains(part), "{part}");
    }
}

#[test]
fn no_mark_of_markdown_is_left_on_the_page() {
    no_mark_of_markdown_is_left(&host().reference().html());
}

/// Fails when text of the page still has marks that should have become something else.
pub(crate) fn no_mark_of_markdown_is_left(page: &str) {
    let body = page.split("<main").nth(1).unwrap();
    let mut text = String::new();
    let mut code = false;
    for piece in body.split('<') {
        let (tag, said) = piece.split_once('>').unwrap_or(("", piece));
        match tag {
            "code" | "pre" | "script" => code = true,
            "/code" | "/pre" | "/script" => code = false,
            _ => {}
        }
        if !code {
            text.push_str(said);
            text.push('\n');
        }
    }
    for mark in ["**", " *", "](", "```", "`", "\n# ", "\n- ", "|--"] {
        assert!(
            !text.contains(mark),
            "{mark:?} near {:?}",
            text.split(mark).next().unwrap().chars().rev().take(60).collect::<String>()
        );
    }
}

#[test]
fn hostile_names_are_text_and_nothing_else() {
    let evil = "<script>alert(1)</script>\"'&`|\\\n.de x\n";
    let text = || evil.to_owned();
    let key = Key { id: "k".into(), name: text(), kind: text(), text: text() };
    let form = Form {
        signature: text(),
        effect: Some(text()),
        text: text(),
        throws: Some(text()),
        options: vec![key],
        example: Some(text()),
    };
    let item = Item { id: "i".into(), title: text(), forms: vec![form] };
    let field = Field { id: "f".into(), name: text(), kind: text(), text: text() };
    let section =
        Section { id: "s".into(), title: text(), part: Part::Api, text: text(), fields: vec![field], items: vec![item] };
    let book = Book { sections: vec![section] };
    let page = book.html();
    check(&page);
    assert!(!page.contains("<script>alert"));
    assert!(book.manual().lines().all(|line| !line.starts_with(".de")), "{}", book.manual());
    assert!(book.markdown().contains("alert"));
}

#[test]
fn the_manual_page_has_every_section_and_only_plain_letters() {
    let book = host().reference();
    let page = book.manual();
    assert!(page.is_ascii());
    for section in &book.sections {
        let title = section.title.to_uppercase();
        assert!(page.contains(&format!(".SH \"{title}\"\n")), "{title}");
    }
    assert!(page.contains(".SS \"plan.send(options: map)\""));
}
