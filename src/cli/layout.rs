//! Words in lines and rows in columns, no wider than a terminal is.

use unicode_width::UnicodeWidthStr as _;

use super::ink::Ink;
use crate::domain::words::visible;

/// Rows as aligned columns, `gap` apart, no wider than `width` where the last column can give way.
#[must_use]
pub fn table(head: &[&str], rows: &[Vec<String>], width: usize, ink: &Ink) -> String {
    table_with_names(head, &[], rows, width, ink)
}

/// The same, where some columns hold names that people compare and type: they give way last.
#[must_use]
pub fn table_with_names(head: &[&str], names: &[usize], rows: &[Vec<String>], width: usize, ink: &Ink) -> String {
    let mut widths: Vec<usize> = head.iter().map(|h| h.width()).collect();
    for row in rows {
        for (column, cell) in row.iter().enumerate() {
            if let Some(w) = widths.get_mut(column) {
                *w = (*w).max(cell.width());
            }
        }
    }
    // Times and figures are never cut, because half of one reads like another one.
    let least: Vec<usize> = (0..widths.len()).map(|column| if is_figures(rows, column) { widths[column] } else { 8 }).collect();
    if !names.is_empty() {
        let whole = |column: usize| if names.contains(&column) { widths[column] } else { least[column].max(14) };
        let names_whole: Vec<usize> = (0..widths.len()).map(whole).collect();
        give_way(&mut widths, &names_whole, width);
    }
    give_way(&mut widths, &least, width);
    let line = |cells: &[String]| {
        let padded: Vec<String> = cells.iter().zip(&widths).map(|(cell, w)| fit(cell, *w)).collect();
        padded.join("  ").trim_end().to_owned()
    };
    let head: Vec<String> = head.iter().map(|h| (*h).to_owned()).collect();
    let mut text = format!("{}\n", ink.bold(&line(&head)));
    for row in rows {
        text.push_str(&line(row));
        text.push('\n');
    }
    text
}

/// Whether a column holds times and figures only.
pub fn is_figures(rows: &[Vec<String>], column: usize) -> bool {
    let is_figure =
        |cell: &String| cell.is_empty() || cell.starts_with(|c: char| c.is_ascii_digit()) && !cell.contains(char::is_alphabetic);
    rows.iter().filter_map(|row| row.get(column)).all(is_figure)
}

/// The widest column gives way until all of them and the gaps between them fit, none below its least width:
/// columns a reader compares stay whole longest.
pub fn give_way(widths: &mut [usize], least: &[usize], width: usize) {
    let gaps = GAP * widths.len().saturating_sub(1);
    while widths.iter().sum::<usize>() + gaps > width {
        let widest = (0..widths.len()).filter(|column| widths[*column] > least[*column]).max_by_key(|column| widths[*column]);
        let Some(widest) = widest else { break };
        widths[widest] -= 1;
    }
}

/// Columns between two columns.
pub const GAP: usize = 2;

/// A cell of exactly `width` columns: padded, or cut with an ellipsis.
pub fn fit(cell: &str, width: usize) -> String {
    let cell = cut(cell, width);
    let is = cell.width();
    format!("{cell}{}", " ".repeat(width.saturating_sub(is)))
}

/// No character of a name needs more marks than these, on average, to be read.
const MARKS_MAX: usize = 8;

/// Text on one line of at most `width` columns, with an ellipsis where it was cut. What would steer a terminal
/// is made visible.
pub fn cut(text: &str, width: usize) -> String {
    // A name may be a megabyte of marks that take up no column.
    let most = width.saturating_mul(MARKS_MAX).saturating_add(MARKS_MAX);
    let whole: String = text.chars().take(most + 1).map(visible).collect();
    if whole.width() <= width && whole.chars().nth(most).is_none() {
        return whole;
    }
    let mut kept = String::new();
    for c in whole.chars().take(most) {
        kept.push(c);
        // The width of a text isn't that of its characters: a mark may make the one before it wider.
        if kept.width() + 1 > width {
            kept.pop();
            break;
        }
    }
    if width > 0 {
        kept.push('\u{2026}');
    }
    kept
}

/// Words as lines no wider than `width`, the first one indented by `first`, the others by `rest`. A
/// word that is wider has a line to itself.
#[must_use]
pub fn wrapped(words: &str, width: usize, first: usize, rest: usize) -> String {
    let mut text = String::new();
    let mut line = " ".repeat(first);
    let mut empty = true;
    // Several spaces are a gap in a column: they are kept.
    for word in words.split_inclusive(' ') {
        if !empty && line.width() + word.trim_end().width() > width {
            text.push_str(line.trim_end());
            text.push('\n');
            line = " ".repeat(rest);
        }
        line.push_str(word);
        empty = false;
    }
    text.push_str(line.trim_end());
    text.push('\n');
    // A date stays with its time by a space that doesn't break; on a terminal it is one like any other.
    text.replace('\u{a0}', " ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_and_figures_stay_whole_where_names_give_way() {
        let row = |who: &str, at: &str| vec![who.to_owned(), at.to_owned(), "a reason with many words".to_owned()];
        let rows = [row("Aïcha d'Aubigné", "2026-11-26 07:00"), row("Ben", "")];
        let text = table(&["who", "leaves", "because of"], &rows, 44, &Ink::new(false));
        assert_eq!(
            text,
            "who           leaves            because of\n\
             Aïcha d'Aub…  2026-11-26 07:00  a reason wi…\n\
             Ben                             a reason wi…\n"
        );
    }

    #[test]
    fn names_give_way_last() {
        let cells = ["7", "2026-11-25 23:45", "invite-new-starters", "new-starters", "20", "40 deferred, 60 planned, 1 failed"];
        let rows = [cells.map(str::to_owned).to_vec()];
        let head = ["run", "when", "script", "by", "people", "what came of it"];
        let text = table_with_names(&head, &[2, 3], &rows, 80, &Ink::new(false));
        assert!(text.contains("invite-new-starters  new-starters  20      40 deferred,"), "{text}");
        assert!(text.lines().all(|line| line.width() <= 80), "{text}");
    }

    #[test]
    fn a_word_that_is_too_wide_has_a_line_to_itself() {
        assert_eq!(wrapped("a bb ccc", 4, 0, 1), "a bb\n ccc\n");
        assert_eq!(wrapped("x wwwwwwwwww y", 4, 1, 1), " x\n wwwwwwwwww\n y\n");
        assert_eq!(wrapped("", 4, 2, 2), "\n");
    }

    #[test]
    fn tables_fit_and_align_wide_letters() {
        let rows = vec![
            vec![
                "Ana Jansen".to_owned(),
                "iPad of a very long name that goes on and on".to_owned(),
                "the device's answer".to_owned(),
            ],
            vec!["\u{5f20}\u{4f1f}".to_owned(), "iPad".to_owned(), "acceptance".to_owned()],
        ];
        let text = table(&["who", "device", "waiting for"], &rows, 60, &Ink::new(false));
        insta::assert_snapshot!(text, @r"
        who         device                       waiting for
        Ana Jansen  iPad of a very long name t…  the device's answer
        张伟        iPad                         acceptance
        ");
        assert!(text.lines().all(|line| line.width() <= 60));
    }
}
