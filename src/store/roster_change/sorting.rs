//! Rows in order of a text, quickly.

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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_sorted_by_bytes_and_stably() {
        let texts = ["b", "a", "", "a\0", "abcdefgh", "abcdefgha", "abcdefg", "\u{e9}", "a", "z"];
        let sorted: Vec<usize> = in_order(texts.len(), |n| texts[n]);
        assert_eq!(sorted, [2, 1, 8, 3, 6, 4, 5, 0, 9, 7]);
    }
}
