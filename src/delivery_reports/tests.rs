//! Reports of the servers that schools meet, and what nobody would send.

use super::*;
use crate::domain::bounce::Meaning;

const ID: &str = "5b1d6f0e-7c1a-5b7e-9d52-8f0c1a2b3c4d@sunnyside.example";
const POSTFIX: &str = include_str!("samples/postfix.eml");

fn only(message: &str) -> Bounce {
    // As they come over the line, too.
    let over_the_line = message.replace('\n', "\r\n");
    let read = read(message.as_bytes()).unwrap();
    assert_eq!(super::read(over_the_line.as_bytes()).unwrap(), read);
    let [bounce] = read.as_slice() else { panic!("{read:?}") };
    assert_eq!(bounce.message_id, ID);
    bounce.clone()
}

fn tell(message: &str) -> String {
    let bounce = only(message);
    format!("{} {} {:?}: {}", bounce.recipients.join("+"), bounce.status, bounce.meaning(), bounce.words)
}

#[test]
fn each_servers_report_is_understood() {
    assert_eq!(
        tell(POSTFIX),
        "ana@sunnyside.example 5.1.1 AddressDead: 550 5.1.1 <ana@sunnyside.example>: Recipient address rejected: User unknown in local recipient table"
    );
    assert_eq!(tell(include_str!("samples/exim.eml")), "ana@sunnyside.example 5.1.1 AddressDead: 550 5.1.1 No such user");
    assert_eq!(
        tell(include_str!("samples/exchange.eml")),
        "ana@sunnyside.example 5.2.2 LetterLost: 554 5.2.2 mailbox full; STOREDRV.Deliver.Exception:QuotaExceededException"
    );
    let gmail = tell(include_str!("samples/gmail.eml"));
    assert!(gmail.starts_with("ana@sunnyside.example 5.1.1 AddressDead: 550-5.1.1 The email account"), "{gmail}");
    assert!(!gmail.contains("0b7d1f5c2e9a4c66b1d0a87e54f3c912") && !gmail.contains("https"), "{gmail}");
    assert_eq!(
        tell(include_str!("samples/postfix-delayed.eml")),
        "ana@sunnyside.example 4.4.1 Nothing: connect to mx.sunnyside.example[192.0.2.25]:25: Connection timed out"
    );
    assert_eq!(only(include_str!("samples/postfix-given-up.eml")).meaning(), Meaning::LetterLost);
    assert_eq!(
        tell(include_str!("samples/international.eml")),
        "jos\u{e9}@sunnyside.example 5.7.1 LetterLost: 550 5.7.1 refus\u{e9}"
    );
}

#[test]
fn a_text_about_a_failure_is_no_report() {
    assert_eq!(read(include_bytes!("samples/qmail.eml")), Err(NotAReport::OtherMail));
}

#[test]
fn what_is_missing_is_said() {
    let without = |line: &str| POSTFIX.lines().filter(|l| !l.starts_with(line)).collect::<Vec<_>>().join("\n");
    assert_eq!(read(without("Message-ID:").as_bytes()), Err(NotAReport::NoMessageId));
    assert_eq!(read(without("Content-Type: message/delivery-status").as_bytes()), Err(NotAReport::OtherMail));
    assert_eq!(read(without("Action:").as_bytes()), Err(NotAReport::NoRecipient));
    let nobody =
        without("Final-Recipient:").lines().filter(|l| !l.starts_with("Original-Recipient:")).collect::<Vec<_>>().join("\n");
    assert_eq!(read(nobody.as_bytes()), Err(NotAReport::NoRecipient));
    assert_eq!(read(b""), Err(NotAReport::NoMail));
    assert_eq!(read(&vec![b'x'; LETTER_BYTES_MAX + 1]), Err(NotAReport::TooLarge));
    // Exchange's own way out: what it answers.
    let exchange = include_str!("samples/exchange.eml");
    let unquoted: String = exchange.lines().filter(|l| !l.starts_with("Message-ID:")).collect::<Vec<_>>().join("\n");
    assert_eq!(read(unquoted.as_bytes()).unwrap()[0].message_id, ID);
}

#[test]
fn nesting_costs_nothing() {
    let deep = "Content-Type: message/rfc822\n\n".repeat(LETTER_BYTES_MAX / 30 - 1);
    assert!(read(deep.as_bytes()).is_err());
    let reports: String = (0..5_000).map(|n| format!("Content-Type: multipart/report; boundary=b{n}\n\n--b{n}\n")).collect();
    assert!(read(reports.as_bytes()).is_err());
    let parts = format!("Content-Type: multipart/report; boundary=b\n\n{}", "--b\n\n".repeat(100_000));
    assert!(read(parts.as_bytes()).is_err());
    let fields = POSTFIX.replace("Status: 5.1.1\n", &format!("Status: 5.1.1\n{}", " folded\n".repeat(50_000)));
    assert!(only(&fields).words.chars().count() <= 300);
}

proptest::proptest! {
    #[test]
    fn any_bytes_are_survived(bytes in proptest::collection::vec(proptest::num::u8::ANY, 0..2_000)) {
        let _ = read(&bytes);
    }

    /// Reports with pieces cut out, doubled and swapped: most are still nearly right, which is where parsers break.
    #[test]
    fn any_damage_is_survived(cuts in proptest::collection::vec((0_usize..4_000, 0_usize..400, 0_u8..3, proptest::num::u8::ANY), 0..12), which in 0_usize..3) {
        let mut bytes = [POSTFIX, include_str!("samples/exchange.eml"), include_str!("samples/international.eml")][which].as_bytes().to_vec();
        for (at, length, what, byte) in cuts {
            let from = at.min(bytes.len());
            let to = (from + length).min(bytes.len());
            match what {
                0 => drop(bytes.drain(from..to)),
                1 => {
                    let piece = bytes[from..to].to_vec();
                    bytes.splice(from..from, piece);
                }
                _ => bytes.insert(from, byte),
            }
        }
        for bounce in read(&bytes).unwrap_or_default() {
            proptest::prop_assert!(bounce.recipients.len() <= 2 && bounce.words.chars().count() <= 300);
            proptest::prop_assert!(!bounce.words.chars().any(char::is_control));
        }
    }
}
