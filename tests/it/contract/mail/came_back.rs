//! A letter that a real Postfix takes and sends back later: its report, read from the Maildir folder where Postfix put it.

use beckon::channels::mail::{MailChannel, Security};
use beckon::channels::maildir::Maildir;
use beckon::delivery_reports;
use beckon::domain::bounce::{Meaning, Status};
use beckon::ports::bounces::BounceBox as _;
use beckon::ports::mail::Mail as _;

use super::letters::{address, letter, mailbox, message_id, told};
use super::postfix::Postfix;
use super::worlds::{clock, to_relay};
use crate::contract::peers::at_hand;

#[tokio::test]
async fn a_report_of_postfix_is_read_and_done_with_if_at_hand() {
    if !at_hand("a report of Postfix about a letter that came back") {
        return;
    }
    let postfix = Postfix::start();
    let mut config = to_relay(postfix.late_port, Security::None);
    config.bounces_to = Some(address(mailbox::BOUNCES));
    let mail = MailChannel::new(config, clock()).unwrap();
    let (word, words) = told(mail.send(letter(mailbox::NOBODY, 4)).await);
    assert_eq!(word, "accepted", "{words}");

    let maildir = Maildir::new(postfix.maildir_with_mail(mailbox::BOUNCES));
    let letters = maildir.letters(10, 1_000_000).await.unwrap();
    assert_eq!(letters.len(), 1, "the envelope's sender got the report, and nobody else");
    let report = letters[0].bytes.as_deref().unwrap();
    let bounces = delivery_reports::read(report).unwrap_or_else(|why| panic!("{why}: {}", String::from_utf8_lossy(report)));
    let [bounce] = bounces.as_slice() else { panic!("{bounces:?}") };
    assert_eq!(bounce.message_id, message_id(4));
    assert!(bounce.recipients.contains(&mailbox::NOBODY.to_owned()), "{bounce:?}");
    assert_eq!((bounce.status, bounce.meaning()), (Status(5, 1, 1), Meaning::AddressDead));
    maildir.done(letters[0].name.clone()).await.unwrap();
    assert_eq!(maildir.letters(10, 1_000_000).await.unwrap(), []);
}
