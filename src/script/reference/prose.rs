//! The Markdown of doc comments and chapters: paragraphs, lists, tables, code and headings. What it is
//! printed as is somebody else's business.

/// A block of text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Block<'a> {
    Heading(&'a str),
    Paragraph(String),
    List(Vec<String>),
    /// The head, and the rows.
    Table(Vec<String>, Vec<Vec<String>>),
    /// The language, and the lines.
    Code(&'a str, String),
}

/// A piece of a line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Piece<'a> {
    Plain(&'a str),
    Code(&'a str),
    Bold(&'a str),
    /// A word as a word, or one that is said with weight.
    Emphasis(&'a str),
    /// The words, and where they lead.
    Link(&'a str, &'a str),
}

/// Takes a text apart.
#[must_use]
pub fn blocks(text: &str) -> Vec<Block<'_>> {
    let mut found: Vec<Block> = Vec::new();
    let mut open = false;
    let mut lines = text.lines();
    while let Some(line) = lines.next() {
        let bare = line.trim();
        if let Some(language) = bare.strip_prefix("```") {
            let code: Vec<&str> = lines.by_ref().take_while(|l| l.trim() != "```").collect();
            found.push(Block::Code(language.trim(), code.join("\n")));
            open = false;
        } else if bare.is_empty() {
            open = false;
        } else if let Some(title) = bare.strip_prefix("### ") {
            found.push(Block::Heading(title));
            open = false;
        } else if let Some(first) = bare.strip_prefix("- ") {
            match found.last_mut() {
                Some(Block::List(items)) => items.push(first.to_owned()),
                _ => found.push(Block::List(vec![first.to_owned()])),
            }
            open = true;
        } else if bare.starts_with('|') {
            match found.last_mut().filter(|_| open) {
                Some(Block::Table(_, rows)) => {
                    if !bare.starts_with("|---") {
                        rows.push(cells(bare));
                    }
                }
                _ => found.push(Block::Table(cells(bare), Vec::new())),
            }
            open = true;
        } else {
            let goes_on = match found.last_mut().filter(|_| open) {
                Some(Block::Paragraph(words)) => Some(words),
                Some(Block::List(items)) => items.last_mut(),
                _ => None,
            };
            match goes_on {
                Some(words) => {
                    words.push(' ');
                    words.push_str(bare);
                }
                None => found.push(Block::Paragraph(bare.to_owned())),
            }
            open = true;
        }
    }
    found
}

/// The cells of a row; `\|` is a bar inside of one.
fn cells(row: &str) -> Vec<String> {
    let inside = row.trim_start_matches('|').replace("\\|", "\u{1}");
    let inside = inside.strip_suffix('|').unwrap_or(&inside);
    inside.split('|').map(|cell| cell.trim().replace('\u{1}', "|")).collect()
}

/// Takes a line apart.
#[must_use]
pub fn pieces(line: &str) -> Vec<Piece<'_>> {
    let mut found = Vec::new();
    let mut rest = line;
    let mut from = 0;
    while let Some(at) = rest.get(from..).and_then(|r| r.find(['`', '*', '['])).map(|n| n + from) {
        let (before, special) = rest.split_at(at);
        let piece = code(special).or_else(|| bold(special)).or_else(|| emphasis(special)).or_else(|| link(special));
        let Some((piece, length)) = piece else {
            from = at + 1;
            continue;
        };
        if !before.is_empty() {
            found.push(Piece::Plain(before));
        }
        found.push(piece);
        rest = special.get(length..).unwrap_or_default();
        from = 0;
    }
    if !rest.is_empty() {
        found.push(Piece::Plain(rest));
    }
    found
}

fn code(text: &str) -> Option<(Piece<'_>, usize)> {
    // Two backquotes hold one: `` ` ``.
    let fence = if text.starts_with("``") { "``" } else { "`" };
    let inside = text.strip_prefix(fence)?;
    let end = inside.find(fence)?;
    Some((Piece::Code(inside.get(..end)?.trim()), end + 2 * fence.len()))
}

fn bold(text: &str) -> Option<(Piece<'_>, usize)> {
    let inside = text.strip_prefix("**")?;
    let end = inside.find("**").filter(|end| *end > 0)?;
    // Bold code is bold.
    Some((Piece::Bold(inside.get(..end)?.trim_matches('`')), end + 4))
}

/// `*word*`, but not the two stars of `2 * 3 * 4`.
fn emphasis(text: &str) -> Option<(Piece<'_>, usize)> {
    let inside = text.strip_prefix('*')?;
    let words = inside.get(..inside.find('*')?)?;
    let touches = |c: char| c.is_alphanumeric();
    let whole = words.starts_with(touches) && words.ends_with(touches);
    whole.then_some((Piece::Emphasis(words), words.len() + 2))
}

fn link(text: &str) -> Option<(Piece<'_>, usize)> {
    let (words, rest) = text.strip_prefix('[')?.split_once("](")?;
    let (target, _) = rest.split_once(')')?;
    let inside = !words.contains(['[', '\n']) && target.starts_with('#');
    inside.then_some((Piece::Link(words, target), words.len() + target.len() + 4))
}

/// A line's words without its marks.
#[must_use]
pub fn plain(line: &str) -> String {
    pieces(line)
        .iter()
        .map(|piece| match piece {
            Piece::Plain(text) | Piece::Link(text, _) | Piece::Code(text) | Piece::Bold(text) | Piece::Emphasis(text) => *text,
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_come_apart() {
        let text = "One\ntwo.\n\n- a\n  b\n- c\n\n| x | y |\n|---|---|\n| `a\\|b` | |\n\n```rhai\nlet a;\n\nb\n```\n### H\nEnd";
        assert_eq!(
            blocks(text),
            [
                Block::Paragraph("One two.".into()),
                Block::List(vec!["a b".into(), "c".into()]),
                Block::Table(vec!["x".into(), "y".into()], vec![vec!["`a|b`".into(), String::new()]]),
                Block::Code("rhai", "let a;\n\nb".into()),
                Block::Heading("H"),
                Block::Paragraph("End".into()),
            ]
        );
    }

    #[test]
    fn pieces_come_apart_and_what_is_no_mark_stays() {
        use Piece::*;
        assert_eq!(
            pieces("a `b*` **c** [d](#e) 2 * 3 [f] `g"),
            [Plain("a "), Code("b*"), Plain(" "), Bold("c"), Plain(" "), Link("d", "#e"), Plain(" 2 * 3 [f] `g")]
        );
        assert_eq!(pieces("`` `x` ``"), [Code("`x`")]);
        assert_eq!(pieces("**`x`**"), [Bold("x")]);
        assert_eq!(pieces("*é* a*b* 2 * 3 * 4"), [Emphasis("é"), Plain(" a"), Emphasis("b"), Plain(" 2 * 3 * 4")]);
        assert_eq!(pieces("é[ü](#ö)"), [Plain("é"), Link("ü", "#ö")]);
        assert_eq!(pieces(""), []);
    }
}
