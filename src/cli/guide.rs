//! The guide for whoever looks after a site: its text, and its chapters.

use super::init::SITE_TOML;
use crate::script::reference::{Book, Part, Section};

/// The guide as Markdown, with every setting behind it.
#[must_use]
pub fn markdown() -> String {
    format!(
        "{}\n## Every setting\n\nThis is the `site.toml` that `beckon init` writes.\n\n```toml\n{SITE_TOML}```\n",
        include_str!("../../scripts/GUIDE.md")
    )
}

/// The guide as a book of chapters.
#[must_use]
pub fn book() -> Book {
    Book { sections: chapters(&markdown()) }
}

/// A chapter for each heading of the second level. What stands before the first one is for whoever reads
/// the file itself.
fn chapters(text: &str) -> Vec<Section> {
    let mut found: Vec<Section> = Vec::new();
    let mut in_code = false;
    for line in text.lines() {
        in_code ^= line.starts_with("```");
        match line.strip_prefix("## ").filter(|_| !in_code) {
            Some(title) => found.push(Section::chapter(Part::Guide, &place(title), title, String::new())),
            None => {
                if let Some(chapter) = found.last_mut() {
                    chapter.text.push_str(line);
                    chapter.text.push('\n');
                }
            }
        }
    }
    found
}

/// The place of a heading, called as pages that show Markdown call it: one link leads there everywhere.
fn place(title: &str) -> String {
    let kept = title.chars().filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'));
    kept.map(|c| if c == ' ' { '-' } else { c }).collect::<String>().to_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::script::ScriptHost;
    use crate::script::tests::pages;

    #[test]
    fn chapters_come_apart_at_their_headings_and_not_inside_of_code() {
        let text = "# Guide\n\nBefore.\n\n## The first, or `so`\n\nOne.\n```sh\n## a comment\n```\n\n## Last\n### Inside\nTwo.\n";
        let found = chapters(text);
        let shown: Vec<(&str, &str)> = found.iter().map(|c| (c.id.as_str(), c.text.as_str())).collect();
        assert_eq!(shown, [("the-first-or-so", "\nOne.\n```sh\n## a comment\n```\n\n"), ("last", "### Inside\nTwo.\n")]);
        assert_eq!(found[0].title, "The first, or `so`");
    }

    #[test]
    fn the_page_with_the_guide_is_whole_and_every_link_of_it_leads_somewhere() {
        let book = book();
        let page = ScriptHost::new().reference().behind(book).html();
        pages::check(&page);
        pages::no_mark_of_markdown_is_left(&page);
        for place in ["<section id=\"the-first-morning\"", "<section id=\"selection\"", "quiet_hours"] {
            assert!(page.contains(place), "{place}");
        }
    }

    #[test]
    fn the_manual_page_has_every_chapter_in_plain_letters() {
        let book = book();
        let page = book.guide_manual();
        assert!(page.is_ascii());
        for chapter in &book.sections {
            assert!(page.contains(&format!(".SH \"{}\"\n", chapter.title.to_uppercase())), "{}", chapter.title);
        }
    }
}
