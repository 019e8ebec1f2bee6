//! Reading a message the way a person does: its headers, its words, and the invitation link in it.

use base64::Engine as _;

/// How far the headers may go; what comes after is body whatever it looks like.
const HEADERS_MAX: usize = 64 * 1024;

/// A header's value, unfolded and trimmed; the first where there are several.
#[must_use]
pub fn header(raw: &[u8], name: &str) -> Option<String> {
    let mut found: Option<String> = None;
    for line in lines(raw.get(..HEADERS_MAX).unwrap_or(raw)) {
        if line.is_empty() {
            break;
        }
        let continued = line.first().is_some_and(|c| matches!(c, b' ' | b'\t'));
        match (&mut found, continued) {
            (Some(value), true) => {
                value.push(' ');
                value.push_str(String::from_utf8_lossy(line).trim());
            }
            (Some(_), false) => break,
            (None, false) => {
                let colon = line.iter().position(|c| *c == b':').unwrap_or(0);
                let key = line.get(..colon).unwrap_or_default();
                if key.eq_ignore_ascii_case(name.as_bytes()) {
                    let value = line.get(colon + 1..).unwrap_or_default();
                    found = Some(String::from_utf8_lossy(value).trim().to_owned());
                }
            }
            (None, true) => {}
        }
    }
    found
}

/// The whole message as text, with quoted-printable and Base64 parts undone.
#[must_use]
pub fn decoded(raw: &[u8]) -> String {
    let mut text = String::with_capacity(raw.len());
    let mut encoding = Encoding::Plain;
    let mut in_headers = true;
    let mut boundaries: Vec<Vec<u8>> = Vec::new();
    let mut base64 = Vec::new();
    for line in lines(raw) {
        let after_dashes = line.strip_prefix(b"--").filter(|_| !in_headers);
        if after_dashes.is_some_and(|rest| boundaries.iter().any(|b| rest.starts_with(b))) {
            flush(&mut base64, &mut text);
            in_headers = true;
            encoding = Encoding::Plain;
        }
        if in_headers {
            in_headers = !line.is_empty();
            encoding = transfer_encoding(line).unwrap_or(encoding);
            boundaries.extend(boundary(line).filter(|_| boundaries.len() < 16));
        }
        match encoding {
            Encoding::Base64 if !in_headers => base64.extend(line.iter().filter(|c| !c.is_ascii_whitespace())),
            Encoding::QuotedPrintable if !in_headers => unquote(line, &mut text),
            _ => {
                text.push_str(&String::from_utf8_lossy(line));
                text.push('\n');
            }
        }
    }
    flush(&mut base64, &mut text);
    text
}

/// The invite codes in a text, each once: 32 hex digits after `inviteCode=`.
#[must_use]
pub fn invite_codes(text: &str) -> Vec<String> {
    let mut codes: Vec<String> = Vec::new();
    for rest in text.split("inviteCode=").skip(1) {
        let code: String = rest.chars().take_while(char::is_ascii_hexdigit).take(64).collect();
        if code.len() == 32 && !codes.contains(&code) {
            codes.push(code);
        }
    }
    codes
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Encoding {
    Plain,
    QuotedPrintable,
    Base64,
}

fn transfer_encoding(line: &[u8]) -> Option<Encoding> {
    const NAME: &[u8] = b"content-transfer-encoding:";
    let head = line.get(..NAME.len())?;
    if !head.eq_ignore_ascii_case(NAME) {
        return None;
    }
    let word = String::from_utf8_lossy(line.get(NAME.len()..)?).trim().to_lowercase();
    Some(match word.as_str() {
        "quoted-printable" => Encoding::QuotedPrintable,
        "base64" => Encoding::Base64,
        _ => Encoding::Plain,
    })
}

/// The `boundary` parameter of a header line, quoted or not.
fn boundary(line: &[u8]) -> Option<Vec<u8>> {
    const NAME: &[u8] = b"boundary=";
    let at = line.windows(NAME.len()).position(|w| w.eq_ignore_ascii_case(NAME))?;
    let value = line.get(at + NAME.len()..)?;
    let (value, end): (&[u8], &[u8]) = match value.strip_prefix(b"\"") {
        Some(quoted) => (quoted, b"\""),
        None => (value, b"; \t"),
    };
    let value: Vec<u8> = value.iter().copied().take_while(|c| !end.contains(c)).collect();
    (!value.is_empty()).then_some(value)
}

fn flush(base64: &mut Vec<u8>, text: &mut String) {
    if base64.is_empty() {
        return;
    }
    if let Ok(bytes) = base64::engine::general_purpose::STANDARD.decode(&*base64) {
        text.push_str(&String::from_utf8_lossy(&bytes));
        text.push('\n');
    }
    base64.clear();
}

fn unquote(line: &[u8], text: &mut String) {
    let mut bytes = Vec::with_capacity(line.len());
    let mut rest = line;
    let mut soft = false;
    while let Some((first, after)) = rest.split_first() {
        rest = after;
        if *first != b'=' {
            bytes.push(*first);
            continue;
        }
        if rest.iter().all(u8::is_ascii_whitespace) {
            soft = true;
            break;
        }
        let hex = rest.get(..2).and_then(|two| std::str::from_utf8(two).ok()).and_then(|two| u8::from_str_radix(two, 16).ok());
        match hex {
            Some(byte) => {
                bytes.push(byte);
                rest = rest.get(2..).unwrap_or_default();
            }
            None => bytes.push(b'='),
        }
    }
    text.push_str(&String::from_utf8_lossy(&bytes));
    if !soft {
        text.push('\n');
    }
}

fn lines(raw: &[u8]) -> impl Iterator<Item = &[u8]> {
    raw.split(|c| *c == b'\n').map(|line| line.strip_suffix(b"\r").unwrap_or(line))
}

#[cfg(test)]
mod tests {
    use super::*;

    const CODE: &str = "0b7d1f5c2e9a4c66b1d0a87e54f3c912";

    #[test]
    fn headers_are_unfolded_and_end_where_the_body_begins() {
        let raw = b"Subject: Apps for\r\n Ana\r\nMessage-ID: <1@x>\r\n\r\nTo: not a header\r\n";
        assert_eq!(header(raw, "subject").as_deref(), Some("Apps for Ana"));
        assert_eq!(header(raw, "MESSAGE-ID").as_deref(), Some("<1@x>"));
        assert_eq!(header(raw, "to"), None);
    }

    #[test]
    fn finds_the_code_however_the_part_is_encoded() {
        let url = format!("https://buy.itunes.apple.com/x?inviteCode={CODE}&mt=8");
        let b64 = base64::engine::general_purpose::STANDARD.encode(format!("<a href=\"{}\">", url.replace('&', "&amp;")));
        for body in [
            format!("\r\n{url}\r\n"),
            format!(
                "Content-Transfer-Encoding: quoted-printable\r\n\r\nhttps://x?invite=\r\nCode=3D{}=\r\n{}&mt=3D8\r\n",
                &CODE[..9],
                &CODE[9..]
            ),
            format!("Content-Transfer-Encoding: base64\r\n\r\n{}\r\n{}\r\n", &b64[..40], &b64[40..]),
            format!(
                "Content-Type: multipart/alternative; boundary=\"=_b\"\r\n\r\n--=_b\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\ncaf=C3=A9\r\n--=_b\r\nContent-Transfer-Encoding: base64\r\n\r\n{b64}\r\n--=_b--\r\n"
            ),
        ] {
            assert_eq!(invite_codes(&decoded(format!("Subject: x\r\n{body}").as_bytes())), [CODE], "{body}");
        }
        assert!(invite_codes("inviteCode=abc").is_empty());
    }
}
