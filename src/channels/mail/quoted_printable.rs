//! Quoted-printable (RFC 2045 6.7), straight into the message.
//!
//! lettre's encoder goes through a line-ending pass, a guess of the best encoding and a copy, and
//! builds a letter slower than a server takes it. This one copies runs, and writes every line so
//! that it is at most 76 bytes, ends in CRLF and never begins with a dot: nothing after it has to
//! look at the body again.

/// Bytes that stand for themselves anywhere but at a line's edges: printable ASCII, space and tab,
/// without `=`.
const LITERAL: [bool; 256] = {
    let mut table = [false; 256];
    let mut b = 0x20;
    while b < 0x7f {
        table[b] = true;
        b += 1;
    }
    table[b'\t' as usize] = true;
    table[b'=' as usize] = false;
    table
};

const HEX: [u8; 16] = *b"0123456789ABCDEF";

/// Longest line, without the soft break's `=`.
const ROOM: usize = 75;

/// Appends `text`; CR LF, LF and CR alone all end a line, and so does the text's end.
pub(super) fn encode(text: &str, out: &mut Vec<u8>) {
    out.reserve(text.len() + text.len() / 8 + 64);
    let mut rest = text.as_bytes();
    while !rest.is_empty() {
        let end = rest.iter().position(|b| matches!(b, b'\r' | b'\n')).unwrap_or(rest.len());
        let (line, after) = rest.split_at(end);
        encode_line(line, out);
        out.extend_from_slice(b"\r\n");
        rest = match after {
            [b'\r', b'\n', rest @ ..] | [_, rest @ ..] => rest,
            [] => &[],
        };
    }
}

fn encode_line(mut line: &[u8], out: &mut Vec<u8>) {
    let mut column = 0;
    while let Some((&byte, rest)) = line.split_first() {
        // The last byte is left to the careful path below: a space there would be lost on the way.
        let reach = rest.len().min(ROOM - column);
        let run = line.iter().take(reach).take_while(|b| LITERAL[usize::from(**b)]).count();
        if run > 0 && !(column == 0 && byte == b'.') {
            let (copied, left) = line.split_at(run);
            out.extend_from_slice(copied);
            column += run;
            line = left;
            continue;
        }
        let last = rest.is_empty();
        let literal = LITERAL[usize::from(byte)] && !(last && matches!(byte, b' ' | b'\t')) && !(column == 0 && byte == b'.');
        let width = if literal { 1 } else { 3 };
        if column + width > if last { ROOM + 1 } else { ROOM } {
            out.extend_from_slice(b"=\r\n");
            column = 0;
            continue;
        }
        if literal {
            out.push(byte);
        } else {
            out.extend_from_slice(&[b'=', HEX[usize::from(byte >> 4)], HEX[usize::from(byte & 15)]]);
        }
        column += width;
        line = rest;
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use proptest::prelude::*;

    /// The other direction, by the book, for tests of whole messages too.
    pub fn decode(encoded: &[u8]) -> Vec<u8> {
        let text = std::str::from_utf8(encoded).unwrap();
        let mut out = Vec::new();
        for line in text.split_inclusive("\r\n") {
            let (line, ended) = line.strip_suffix("\r\n").map_or((line, false), |l| (l, true));
            let (line, soft) = line.strip_suffix('=').map_or((line, false), |l| (l, true));
            let mut bytes = line.bytes();
            while let Some(b) = bytes.next() {
                if b == b'=' {
                    let hex = [bytes.next().unwrap(), bytes.next().unwrap()];
                    out.push(u8::from_str_radix(std::str::from_utf8(&hex).unwrap(), 16).unwrap());
                } else {
                    out.push(b);
                }
            }
            if ended && !soft {
                out.extend_from_slice(b"\r\n");
            }
        }
        out
    }

    fn check(text: &str, encoded: &str) {
        let mut out = Vec::new();
        encode(text, &mut out);
        assert_eq!(String::from_utf8(out).unwrap(), encoded, "{text:?}");
    }

    #[test]
    fn lines_end_in_crlf_and_keep_their_edges() {
        check("", "");
        check("a", "a\r\n");
        check("a\nb\r\nc\rd", "a\r\nb\r\nc\r\nd\r\n");
        check("end \nend\t\n", "end=20\r\nend=09\r\n");
        check(".", "=2E\r\n");
        check("..x\n.", "=2E.x\r\n=2E\r\n");
        check("a=b", "a=3Db\r\n");
        check("caf\u{e9}", "caf=C3=A9\r\n");
    }

    #[test]
    fn long_lines_are_broken_softly_and_never_begin_with_a_dot() {
        check(&"x".repeat(76), &format!("{}\r\n", "x".repeat(76)));
        check(&"x".repeat(77), &format!("{}=\r\nxx\r\n", "x".repeat(75)));
        check(&format!("{}..", "x".repeat(75)), &format!("{}=\r\n=2E.\r\n", "x".repeat(75)));
        check(&format!("{}\u{e9}", "x".repeat(74)), &format!("{}=\r\n=C3=A9\r\n", "x".repeat(74)));
    }

    proptest! {
        #[test]
        fn what_goes_in_comes_out(text in "(?s).{0,400}|[ .=\\r\\nx]{0,400}") {
            let mut out = Vec::new();
            encode(&text, &mut out);
            let mut expected = text.replace("\r\n", "\n").replace('\r', "\n").replace('\n', "\r\n");
            if !expected.is_empty() && !expected.ends_with("\r\n") {
                expected.push_str("\r\n");
            }
            prop_assert_eq!(decode(&out), expected.into_bytes());
            prop_assert!(out.is_ascii());
            for line in std::str::from_utf8(&out).unwrap().split("\r\n") {
                prop_assert!(line.len() <= 76 && !line.starts_with('.') && !line.contains(['\r', '\n']));
            }
        }
    }
}
