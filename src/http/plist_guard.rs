//! Reading a property list from a device: bounded in size, depth and form before anything parses it.
//!
//! The parser builds nested values by recursion and frees them by recursion, so a few hundred
//! kilobytes of `<array>` would end the process. This scan admits only the plain XML that devices
//! write, refusing whatever two parsers might read differently (binary and ASCII lists, comments, CDATA,
//! entity definitions), and counts depth on the way.

use plist::Dictionary;

/// Deeper than any answer of a device; `ErrorChain` has three levels.
const DEPTH_MAX: usize = 32;

/// Why a payload isn't read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum Refused {
    #[error("the payload is not an XML property list")]
    NotXml,
    #[error("the payload is nested too deeply")]
    TooDeep,
    #[error("the payload holds markup that devices don't write")]
    OddMarkup,
    #[error("the payload can't be parsed")]
    Malformed,
    #[error("the payload is not a dictionary")]
    NoDictionary,
}

/// Parses an XML property list whose top is a dictionary.
///
/// # Errors
/// What is wrong with it.
pub(super) fn dictionary(bytes: &[u8]) -> Result<Dictionary, Refused> {
    scan(bytes)?;
    // The reader that guesses the form would try the ASCII form too, which nests without any `<`.
    let value = plist::Value::from_reader_xml(bytes).map_err(|_| Refused::Malformed)?;
    value.into_dictionary().ok_or(Refused::NoDictionary)
}

fn scan(bytes: &[u8]) -> Result<(), Refused> {
    let text = std::str::from_utf8(bytes).map_err(|_| Refused::NotXml)?;
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    if text.bytes().any(|b| b < 0x20 && !matches!(b, b'\t' | b'\n' | b'\r')) {
        return Err(Refused::NotXml);
    }
    if !text.trim_start().starts_with('<') {
        return Err(Refused::NotXml);
    }
    let mut depth = 0_usize;
    let mut rest = text;
    let mut seen_element = false;
    while let Some((_, from_tag)) = rest.split_once('<') {
        // Without quoting, a tag ends at the first `>`; with it, quotes must be balanced there, or
        // the real end is somewhere else.
        let (tag, after) = from_tag.split_once('>').ok_or(Refused::Malformed)?;
        if tag.contains('<') || quotes_open(tag) {
            return Err(Refused::OddMarkup);
        }
        rest = after;
        if let Some(instruction) = tag.strip_prefix('?') {
            if seen_element || !instruction.ends_with('?') {
                return Err(Refused::OddMarkup);
            }
        } else if let Some(declaration) = tag.strip_prefix('!') {
            if seen_element || !declaration.starts_with("DOCTYPE ") || declaration.contains('[') {
                return Err(Refused::OddMarkup);
            }
        } else if tag.starts_with('/') {
            depth = depth.checked_sub(1).ok_or(Refused::Malformed)?;
        } else {
            seen_element = true;
            if !tag.ends_with('/') {
                depth += 1;
                if depth > DEPTH_MAX {
                    return Err(Refused::TooDeep);
                }
            }
        }
    }
    if depth == 0 && seen_element { Ok(()) } else { Err(Refused::Malformed) }
}

/// Whether a quoted part of a tag is still open at its end.
fn quotes_open(tag: &str) -> bool {
    let mut open = None;
    for c in tag.chars() {
        match open {
            None if matches!(c, '"' | '\'') => open = Some(c),
            Some(quote) if c == quote => open = None,
            _ => {}
        }
    }
    open.is_some()
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEAD: &str = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<!DOCTYPE plist PUBLIC \"-//Apple//DTD PLIST 1.0//EN\" \"http://www.apple.com/DTDs/PropertyList-1.0.dtd\">\n";

    fn read(body: &str) -> Result<Dictionary, Refused> {
        dictionary(format!("{HEAD}<plist version=\"1.0\">{body}</plist>").as_bytes())
    }

    #[test]
    fn what_devices_write_is_read() {
        let dict = read(
            "<dict><key>Status</key><string>A &amp; B</string><key>Empty</key><array/><key>Token</key><data>3q0=</data></dict>",
        )
        .unwrap();
        assert_eq!(dict.get("Status").and_then(|v| v.as_string()), Some("A & B"));
        assert_eq!(dict.get("Token").and_then(|v| v.as_data()), Some(&[0xde, 0xad][..]));
    }

    #[test]
    fn deep_nesting_is_refused_before_parsing() {
        let nested = |n: usize| format!("<dict><key>a</key>{}{}</dict>", "<array>".repeat(n), "</array>".repeat(n));
        assert!(read(&nested(DEPTH_MAX - 2)).is_ok());
        assert_eq!(read(&nested(DEPTH_MAX - 1)), Err(Refused::TooDeep));
        assert_eq!(read(&nested(100_000)), Err(Refused::TooDeep));
        assert_eq!(read(&"<array>".repeat(30_000)), Err(Refused::TooDeep));
        // Unknown elements count as well, whatever the parser makes of them.
        assert_eq!(read(&"<x>".repeat(30_000)), Err(Refused::TooDeep));
    }

    #[test]
    fn depth_can_not_be_hidden() {
        for hidden in [
            "<array><!-- </array> -->",
            "<array><![CDATA[</array>]]>",
            "<array><?x </array> ?>",
            "<array a='>'></array>",
            "<array a=\"</array>\">",
            "<array a='></array><b c='>",
        ] {
            assert!(read(&hidden.repeat(20_000)).is_err(), "{hidden}");
        }
    }

    #[test]
    fn other_forms_are_refused() {
        let cases: &[(&[u8], Refused)] = &[
            (b"", Refused::NotXml),
            (b"bplist00\xd1\x01\x02", Refused::NotXml),
            (b"{ a = ((((1)))); }", Refused::NotXml),
            (b"((((((((((((((", Refused::NotXml),
            (b"\xff\xfe<\0p\0", Refused::NotXml),
            (b"<\0p\0l\0", Refused::NotXml),
            (b"<plist><array/></plist>", Refused::NoDictionary),
            (b"<plist><dict>", Refused::Malformed),
            (b"<plist></plist></plist>", Refused::Malformed),
            (b"<!DOCTYPE plist [<!ENTITY a \"b\">]><plist><dict/></plist>", Refused::OddMarkup),
            (b"<plist><!-- hello --><dict/></plist>", Refused::OddMarkup),
            (b"<plist", Refused::Malformed),
        ];
        for (bytes, expect) in cases {
            assert_eq!(dictionary(bytes), Err(*expect), "{}", String::from_utf8_lossy(bytes));
        }
    }

    proptest::proptest! {
        #[test]
        fn arbitrary_bytes_never_panic(bytes: Vec<u8>) {
            let _ = dictionary(&bytes);
        }

        #[test]
        fn arbitrary_markup_never_panics(parts in proptest::collection::vec(proptest::sample::select(vec![
            "<dict>", "</dict>", "<array>", "</array>", "<key>", "</key>", "<string>", "</string>", "<integer>", "</integer>", "<real>",
            "</real>", "<date>", "</date>", "<data>", "</data>", "<true/>", "<plist>", "</plist>", "<!--", "-->", "a", "&amp;", "&x;", "&#0;",
            "<![CDATA[", "]]>", "9999999999999999999999", "-1", "\"", "'", "<", ">", "<?xml", "?>", "<a b='c'>", "</a>",
        ]), 0..60)) {
            let _ = dictionary(parts.concat().as_bytes());
            let _ = read(&parts.concat());
        }
    }
}
