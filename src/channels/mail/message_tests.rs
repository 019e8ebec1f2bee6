use proptest::prelude::*;

use super::super::quoted_printable::tests::decode;
use super::*;
use crate::domain::mail_address::MailAddress;
use crate::domain::time::from_millis;

fn letter() -> Letter {
    Letter {
        from: Sender { name: "IT Sunnyside".into(), address: MailAddress::parse("it@sunnyside.example").unwrap() },
        to: MailAddress::parse("ana@sunnyside.example").unwrap(),
        to_name: "Ana Pires".to_owned(),
        subject: "Your apps".to_owned(),
        text: "Hello Ana,\n\n.dot\nG\u{fc}n\u{15f}".to_owned(),
        html: Some("<p style=\"a\">Hello</p>".to_owned()),
        message_id: "17.3.beckon@sunnyside.example".to_owned(),
        date: from_millis(1_796_112_000_000),
        language: "nl".to_owned(),
    }
}

fn built(letter: &Letter) -> String {
    let envelope = Envelope::of(letter, None).unwrap();
    String::from_utf8(Builder::default().build(letter, &envelope)).unwrap()
}

/// Header fields, unfolded.
fn fields(message: &str) -> Vec<(String, String)> {
    let (head, _) = message.split_once("\r\n\r\n").unwrap();
    let unfolded = head.replace("\r\n ", " ").replace("\r\n\t", " ");
    unfolded.split("\r\n").map(|line| line.split_once(": ").map(|(n, v)| (n.to_owned(), v.to_owned())).unwrap()).collect()
}

const NAMES: [&str; 10] = [
    "Date",
    "Message-ID",
    "Content-Language",
    "From",
    "To",
    "Subject",
    "MIME-Version",
    "Auto-Submitted",
    "X-Auto-Response-Suppress",
    "Content-Type",
];

#[test]
fn a_whole_letter() {
    insta::assert_snapshot!(built(&letter()).replace("\r\n", "\n"), @r#"
    Date: Tue, 1 Dec 2026 08:00:00 +0000
    Message-ID: <17.3.beckon@sunnyside.example>
    Content-Language: nl
    From: "IT Sunnyside" <it@sunnyside.example>
    To: "Ana Pires" <ana@sunnyside.example>
    Subject: Your apps
    MIME-Version: 1.0
    Auto-Submitted: auto-generated
    X-Auto-Response-Suppress: OOF, AutoReply
    Content-Type: multipart/alternative; boundary="=_277f532677770ef51abbaa61"

    --=_277f532677770ef51abbaa61
    Content-Type: text/plain; charset=utf-8
    Content-Transfer-Encoding: quoted-printable

    Hello Ana,

    =2Edot
    G=C3=BCn=C5=9F
    --=_277f532677770ef51abbaa61
    Content-Type: text/html; charset=utf-8
    Content-Transfer-Encoding: quoted-printable

    <p style=3D"a">Hello</p>
    --=_277f532677770ef51abbaa61--
    .
    "#);
}

#[test]
fn the_same_letter_gives_the_same_bytes() {
    let builder = Builder::default();
    let letter = letter();
    let envelope = Envelope::of(&letter, None).unwrap();
    let first = builder.build(&letter, &envelope);
    assert_eq!(first, builder.build(&letter, &envelope));
    assert_eq!(first, built(&letter).into_bytes());
}

#[test]
fn another_sender_gets_another_header() {
    let builder = Builder::default();
    let mut letter = letter();
    let envelope = Envelope::of(&letter, None).unwrap();
    let first = builder.build(&letter, &envelope);
    letter.from.name = "M\u{fc}ller, IT".into();
    let second = builder.build(&letter, &Envelope::of(&letter, None).unwrap());
    assert_ne!(first, second);
    assert!(String::from_utf8(second).unwrap().contains("\r\nFrom: =?utf-8?b?TcO8bGxlciwgSVQ=?= <it@sunnyside.example>\r\n"));
}

#[test]
fn a_letter_without_html_is_one_part() {
    let mut letter = letter();
    letter.html = None;
    let message = built(&letter);
    assert!(message.contains("\r\nContent-Type: text/plain; charset=utf-8\r\n"));
    assert!(!message.contains("multipart"));
    assert!(message.ends_with("=C5=9F\r\n.\r\n"));
}

#[test]
fn hostile_names_subjects_and_ids_stay_in_their_header() {
    let hostile = [
        "Ana\r\nBcc: all@sunnyside.example",
        "Ana\nBcc: x",
        "Ana\rX: y",
        "\r\n\r\nbody",
        "\"; <eve@evil.example>, ",
        "a\u{2028}b\u{85}c\0d",
        "=?utf-8?q?a=0D=0ABcc:_x?=",
        "\\\" <eve@evil.example>",
    ];
    for text in hostile {
        let mut letter = letter();
        letter.to_name = text.to_owned();
        letter.subject = text.to_owned();
        letter.message_id = format!("{text}1@x");
        letter.language = text.to_owned();
        letter.from.name = text.into();
        let message = built(&letter);
        let names: Vec<String> = fields(&message).into_iter().map(|(name, _)| name).collect();
        assert!(names.iter().all(|name| NAMES.contains(&name.as_str())), "{text:?}: {names:?}");
        let to = fields(&message).into_iter().find(|(name, _)| name == "To").unwrap().1;
        assert!(to.ends_with("ana@sunnyside.example>"), "{to}");
    }
}

#[test]
fn very_long_subjects_and_names_are_cut() {
    let mut letter = letter();
    letter.subject = "x".repeat(5_000);
    letter.to_name = "\u{e9}".repeat(5_000);
    let message = built(&letter);
    assert!(message.split("\r\n").all(|line| line.len() <= 998));
}

#[test]
fn international_addresses_are_written_as_the_envelope_has_them() {
    let mut letter = letter();
    letter.to = MailAddress::parse("jos\u{e9}@b\u{fc}cher.example").unwrap();
    letter.to_name = String::new();
    assert!(built(&letter).contains("\r\nTo: jos\u{e9}@xn--bcher-kva.example\r\n"));
}

#[test]
fn a_line_that_begins_with_a_dot_is_stuffed() {
    assert_eq!(for_data(b".a\r\n..b\r\nc.\r\n".to_vec()), b"..a\r\n...b\r\nc.\r\n.\r\n");
    assert_eq!(for_data(b"a".to_vec()), b"a\r\n.\r\n");
}

proptest! {
    #[test]
    fn no_text_escapes_its_place(name in "(?s).{0,80}", subject in "(?s).{0,300}", text in "(?s).{0,300}", html in "(?s).{0,300}") {
        let mut letter = letter();
        letter.to_name = name;
        letter.subject = subject;
        letter.text = text;
        letter.html = Some(html);
        let message = built(&letter);
        let names: Vec<String> = fields(&message).into_iter().map(|(name, _)| name).collect();
        prop_assert_eq!(names, NAMES.map(str::to_owned).to_vec());
        let (inside, end) = message.split_at(message.len() - 5);
        prop_assert_eq!(end, "\r\n.\r\n");
        for line in inside.split("\r\n") {
            prop_assert!(line.len() <= 998 && !line.starts_with('.') && !line.contains(['\r', '\n']));
        }
        let bound = format!("--{}", boundary(&letter.message_id));
        let parts: Vec<&str> = inside.split(&bound).collect();
        prop_assert_eq!(parts.len(), 4);
        for (part, original) in parts[1..3].iter().zip([&letter.text, letter.html.as_ref().unwrap()]) {
            let (_, body) = part.split_once("\r\n\r\n").unwrap();
            let mut expected = original.replace("\r\n", "\n").replace('\r', "\n").replace('\n', "\r\n");
            if !expected.is_empty() && !expected.ends_with("\r\n") {
                expected.push_str("\r\n");
            }
            prop_assert_eq!(decode(body.as_bytes()), expected.into_bytes());
        }
    }
}
