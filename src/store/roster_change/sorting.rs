//! Rows in order of a text, quickly, and walking them beside the rows that the store holds.

use std::iter::Peekable;

/// The numbers `0..count` in order of their texts (by bytes, as the store sorts), equal ones in the order
/// they had. The first eight bytes are compared as a number: most pairs need no look at the texts.
pub(super) fn in_order<'t>(count: usize, text: impl Fn(usize) -> &'t str) -> Vec<usize> {
    let mut keyed: Vec<(u64, usize)> = (0..count).map(|n| (beginning(text(n)), n)).collect();
    keyed.sort_by(|a, b| a.0.cmp(&b.0).then_with(|| text(a.1).cmp(text(b.1))));
    keyed.into_iter().map(|(_, n)| n).collect()
}

fn beginning(text: &str) -> u64 {
    let mut bytes = [0; 8];
    bytes.iter_mut().zip(text.bytes()).for_each(|(to, from)| *to = from);
    u64::from_be_bytes(bytes)
}

/// The next of `wanted` whose text is `key`, if there is one; those whose texts come before it are in no
/// held row and go to `new`. The walk: `wanted` in order, and a call for each held key in the same order.
pub(super) fn matched<'t>(
    wanted: &mut Peekable<impl Iterator<Item = usize>>,
    text: impl Fn(usize) -> &'t str,
    key: &str,
    new: &mut Vec<usize>,
) -> Option<usize> {
    while let Some(index) = wanted.next_if(|index| text(*index) <= key) {
        if text(index) == key {
            return Some(index);
        }
        new.push(index);
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_sorted_by_bytes_and_stably() {
        let texts = ["b", "a", "", "a\0", "abcdefgh", "abcdefgha", "abcdefg", "\u{e9}", "a", "z"];
        let sorted: Vec<usize> = in_order(texts.len(), |n| texts[n]);
        assert_eq!(sorted, [2, 1, 8, 3, 6, 4, 5, 0, 9, 7]);
    }

    #[test]
    fn the_walk_tells_who_is_held_and_listed_who_is_new_and_who_is_only_held() {
        let listed = ["b", "c", "d", "f", "g"];
        let mut wanted = (0..listed.len()).peekable();
        let mut new = Vec::new();
        let mut found = |key| matched(&mut wanted, |n| listed[n], key, &mut new).map(|n| listed[n]);
        assert_eq!(["a", "c", "e", "f"].map(&mut found), [None, Some("c"), None, Some("f")]);
        assert_eq!(new.iter().map(|n| listed[*n]).collect::<Vec<_>>(), ["b", "d"]);
        assert_eq!(wanted.map(|n| listed[n]).collect::<Vec<_>>(), ["g"], "what no held key reached is new too");
    }
}
