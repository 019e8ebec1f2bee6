//! From bytes to text: UTF-8 with or without byte-order mark, UTF-16 with one, Windows-1252 as a last guess.

use std::borrow::Cow;

use super::FileError;

pub(super) struct Decoded<'a> {
    pub(super) text: Cow<'a, str>,
    pub(super) warning: Option<String>,
}

/// Reads the bytes as text, or says what kind of file this is instead.
pub(super) fn decode<'a>(name: &str, bytes: &'a [u8]) -> Result<Decoded<'a>, FileError> {
    if let Some(what) = other_kind(bytes) {
        return Err(FileError::not_text(name, what));
    }
    let plain = |text| Ok(Decoded { text, warning: None });
    let decoded = match bytes {
        [0xef, 0xbb, 0xbf, rest @ ..] => utf8_or_windows(name, rest),
        [0xff, 0xfe, rest @ ..] => plain(encoding_rs::UTF_16LE.decode_without_bom_handling(rest).0),
        [0xfe, 0xff, rest @ ..] => plain(encoding_rs::UTF_16BE.decode_without_bom_handling(rest).0),
        _ => utf8_or_windows(name, bytes),
    }?;
    if decoded.text.contains('\0') {
        return Err(FileError::not_text(name, "it holds NUL characters, so it is not plain text"));
    }
    if decoded.text.trim().is_empty() {
        return Err(FileError::empty(name));
    }
    Ok(decoded)
}

fn utf8_or_windows<'a>(name: &str, bytes: &'a [u8]) -> Result<Decoded<'a>, FileError> {
    if let Ok(text) = std::str::from_utf8(bytes) {
        return Ok(Decoded { text: Cow::Borrowed(text), warning: None });
    }
    if bytes.contains(&0) {
        return Err(FileError::not_text(name, "it holds NUL characters, so it is not plain text"));
    }
    // Every byte means something in Windows-1252, so this can't fail; it can only be the wrong guess.
    let text = encoding_rs::WINDOWS_1252.decode_without_bom_handling(bytes).0;
    let example = text.split_whitespace().find(|word| !word.is_ascii()).map(super::row::shortened).unwrap_or_default();
    let warning = format!("{name} is not UTF-8; it was read as Windows-1252. Check that \"{example}\" is spelled right");
    Ok(Decoded { text, warning: Some(warning) })
}

/// What people give by mistake, by the bytes such files begin with.
fn other_kind(bytes: &[u8]) -> Option<&'static str> {
    match bytes {
        [b'P', b'K', 3 | 5, 4 | 6, ..] => Some("it is a workbook (Excel, Numbers) or a zip file"),
        [0xd0, 0xcf, 0x11, 0xe0, ..] => Some("it is an old Excel workbook"),
        [b'%', b'P', b'D', b'F', ..] => Some("it is a PDF"),
        [0x1f, 0x8b, ..] => Some("it is a compressed file"),
        _ => None,
    }
}
