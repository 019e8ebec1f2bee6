//! Files that nobody should have given us.

use super::told;
use crate::domain::roster_change::IncomingUser;
use crate::roster_files::{CELL_CHARS_MAX, COLUMNS_MAX, REJECTED_MAX, parse};

#[test]
fn whole_files_that_are_refused() {
    for (file, says) in [
        (&b""[..], "it is empty"),
        (b"\xef\xbb\xbf \n", "it is empty"),
        (b"PK\x03\x04rest", "a workbook (Excel, Numbers) or a zip file"),
        (b"%PDF-1.7", "a PDF"),
        (b"username,mail\0\n", "NUL"),
        (b"u\0s\0e\0r\0", "NUL"),
        (b"username,username\na,b\n", "two columns are called \"username\""),
        (b"username,E-mail,email\na,b,c\n", "two columns are called \"email\""),
        (b"username,mail\nana,\"ana@x.example\nben,ben@x.example\n", "x.csv:2: a quotation mark opens here and is never closed"),
        (b"\"username,mail\nana,x\n", "x.csv:1: a quotation mark opens here"),
        (b"{\"users\": [", "it ends in the middle"),
        (b"{\"users\": [{]}", "this is not JSON"),
        (b"[1, 2]", "a list of objects has to stand here"),
        (b"[]", "no objects in it"),
        (b"{}", "no kind of row"),
        (b"{\"users\": [{\"username\": \"a\"}]} trailing", "this is not JSON"),
    ] {
        let text = told("x.csv", file);
        assert!(
            text.starts_with("error: x.csv") && text.contains(says),
            "{}\n{text}\nnot: {says}",
            String::from_utf8_lossy(file)
        );
    }
    let wide = format!("username{}\n", ",x".repeat(COLUMNS_MAX));
    assert!(told("x.csv", wide).contains("more than 500 columns"));
    let deep = format!("{{\"x\": {}", "[".repeat(200_000));
    assert!(told("x.json", deep).starts_with("error"));
}

#[test]
fn encodings() {
    let text = "username,full name\nana,Ana Núñez\n";
    let expected = "2 user ana \"Ana Núñez\"\n";
    let utf16 = |bytes: fn(u16) -> [u8; 2]| -> Vec<u8> { format!("\u{feff}{text}").encode_utf16().flat_map(bytes).collect() };
    assert_eq!(told("x.csv", text), expected);
    assert_eq!(told("x.csv", format!("\u{feff}{text}")), expected);
    assert_eq!(told("x.csv", utf16(u16::to_le_bytes)), expected);
    assert_eq!(told("x.csv", utf16(u16::to_be_bytes)), expected);
    let windows = told("x.csv", b"username,full name\nana,Ana N\xfa\xf1ez\n");
    assert_eq!(
        windows,
        format!("{expected}warning: x.csv is not UTF-8; it was read as Windows-1252. Check that \"Núñez\" is spelled right\n")
    );
}

#[test]
fn over_long_fields_are_left_out_or_cost_the_row() {
    let long = "x".repeat(CELL_CHARS_MAX + 1);
    let text = told(
        "x.csv",
        format!("username,title,attributes.a\n{long},T,\nana,{long},{long}\nben,{},{}\n", &long[1..], "y".repeat(1_025)),
    );
    insta::assert_snapshot!(text.replace(&long[1..], "LONG"), @r#"
    3 user ana "-" a="LONGx"
    4 user ben "-" title=LONG
    rejected line 2 "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx…": the username can't be used: it is longer than 255 characters
    rejected line 3 "ana": title was left out: it is longer than 255 characters
    rejected line 4 "ben": the attribute a was left out: it is longer than 1024 characters
    "#);
}

#[test]
fn a_file_of_something_else_is_given_up() {
    let file = format!("username\n{}", "a\u{1}\n".repeat(REJECTED_MAX + 5));
    let text = told("x.csv", file);
    assert!(text.contains("more than 100000 rows can't be used; the first: x.csv:2:"), "{text}");
}

#[test]
fn push_tokens_are_checked_and_never_repeated() {
    let text = told("t.csv", "serial,topic,token\nC02,example.app,hunter2hunter2hunter2hunter2hunter2\n,example.app,hunter2\n");
    assert!(!text.contains("hunter2"), "{text}");
    assert_eq!(text.matches("rejected").count(), 2, "{text}");
    let text = told("t.json", r#"{"app_tokens": "hunter2"}"#);
    assert!(text.contains("a list of objects has to stand here") && !text.contains("hunter2"), "{text}");
    let text = told("t.json", r#"{"app_tokens": [{"serial": "C02", "topic": "x", "token": ["hunter2"]}]}"#);
    assert!(!text.contains("hunter2"), "{text}");
}

/// A cell with everything in it that separators and quoting turn on.
fn field() -> impl proptest::strategy::Strategy<Value = String> {
    "[a-z\u{e9}\u{1f34f}\"\\\\;,\t|\r\n' \u{0}-\u{1f}]{0,12}"
}

proptest::proptest! {
    #[test]
    fn no_bytes_make_it_panic(bytes in proptest::collection::vec(proptest::num::u8::ANY, 0..300), name in "\\PC{0,12}") {
        let _ = parse(&name, &bytes);
    }

    #[test]
    fn no_rows_make_it_panic(header in proptest::sample::select(vec![
        "username,full name,mail,groups,attributes.x", "serial;platform;last seen;udid", "group\tuser", "person_id,first_name,last_name,grade_level",
        "class_id,course_id,instructor_id", "adam_id,name", "serial,topic,token", "group,within",
    ]), rows in proptest::collection::vec(proptest::collection::vec(field(), 0..6), 0..8)) {
        let rows: Vec<String> = rows.iter().map(|row| row.join(",")).collect();
        let _ = parse("x.csv", format!("{header}\n{}", rows.join("\n")).as_bytes());
    }

    #[test]
    fn no_json_makes_it_panic(text in "[\\[\\]{}:,\"a-z0-9 .-]{0,80}", key in "[a-z_]{1,9}", value in "\\PC{0,20}") {
        let _ = parse("x.json", format!("{{\"users\": [{text}]}}").as_bytes());
        let _ = parse("x.json", format!("[{text}").as_bytes());
        let row = serde_json::json!({ "username": value, key: value });
        let _ = parse("x.json", serde_json::json!([row]).to_string().as_bytes());
    }

    /// Whatever a name is, quoting it as RFC 4180 says brings it back, whichever separator and line end.
    #[test]
    fn quoted_fields_come_back(title in "[a-zA-Z\u{e9}\";,\t|']{1,30}", separator in proptest::sample::select(vec![',', ';', '\t']), newline in proptest::sample::select(vec!["\n", "\r\n"])) {
        let quoted = format!("\"{}\"", title.replace('"', "\"\""));
        let file = format!("username{separator}title{newline}ana{separator}{quoted}{newline}ben{separator}x{newline}");
        let incoming = parse("x.csv", file.as_bytes()).unwrap();
        let expected = title.split_whitespace().collect::<Vec<_>>().join(" ");
        let IncomingUser { title: got, .. } = &incoming.users[0];
        let got = got.clone().unwrap().unwrap_or_default();
        proptest::prop_assert_eq!(got.split_whitespace().collect::<Vec<_>>().join(" "), expected);
        proptest::prop_assert_eq!(incoming.users[1].place.line, 3);
    }
}
