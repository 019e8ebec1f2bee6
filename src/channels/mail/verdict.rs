//! What a server's answer means for a letter, or for the channel. No I/O in here.

use super::opening::OpenFault;
use super::reply::{Reply, asked_wait, show_words};
use super::session::{Ended, Moment, Stage};
use crate::domain::outcome::{ChannelDown, Handed, Outcome, Rejection};
use crate::domain::time::Span;

/// How long a relay that can't be reached is left alone.
const RETRY_AFTER: Span = Span::minutes(1);

/// The meaning of a transaction's end. `relay`: the server is the site's own way out, so that what
/// it holds against the sender holds for every letter.
pub(super) fn of_transaction(ended: &Ended, relay: bool) -> Handed {
    match ended {
        Ended::Answered(stage, reply) => of_reply(*stage, reply, relay),
        Ended::Lost(Moment::AfterDot, words) => {
            Ok(Outcome::Doubtful { words: format!("the whole message had been sent when {}", show_words(words)) })
        }
        Ended::Lost(_, words) => Ok(deferred(show_words(words))),
    }
}

fn of_reply(stage: Stage, reply: &Reply, relay: bool) -> Handed {
    let words = reply.words();
    match reply.class() {
        2 if stage == Stage::Dot => Ok(Outcome::Accepted { words }),
        4 => Ok(Outcome::Deferred { retry_after: asked_wait(&words), words }),
        5 if relay && stage != Stage::Dot && (reply.code == 530 || (stage == Stage::Mail && is_about_us(reply))) => {
            Err(ChannelDown {
                what: format!("the mail server doesn't take mail from us: {words}"),
                remedy: "check `from`, `username` and `password` under [mail] in site.toml".to_owned(),
                retry_after: None,
            })
        }
        5 => Ok(Outcome::Rejected { why: why(stage, reply), words }),
        _ if stage == Stage::Dot => Ok(Outcome::Doubtful { words: format!("an answer that means nothing here: {words}") }),
        _ => Ok(deferred(format!("an answer that means nothing here: {words}"))),
    }
}

/// Whether a refusal of MAIL is about the sender or the right to send (RFC 3463: X.1.7, X.1.8,
/// X.7.x; RFC 4954: 535).
fn is_about_us(reply: &Reply) -> bool {
    matches!(reply.enhanced(), Some((5, 1, 7 | 8) | (5, 7, _))) || reply.code == 535
}

/// Whether a refusal ends the address or only this letter (RFC 3463 3.2 and 3.3; RFC 7505 4.2).
fn why(stage: Stage, reply: &Reply) -> Rejection {
    match (stage, reply.enhanced(), reply.code) {
        (Stage::Rcpt | Stage::Dot, Some((5, 1, 1 | 6 | 10) | (5, 2, 1)), _) => Rejection::TargetDead,
        (Stage::Rcpt, None, 550 | 553) => Rejection::TargetDead,
        _ => Rejection::Refused,
    }
}

/// Why the site's relay gave no session, and who must do what about it.
pub(super) fn of_relay_fault(host: &str, port: u16, fault: &OpenFault) -> Handed {
    let down = |what: String, remedy: &str, retry_after| Err(ChannelDown { what, remedy: remedy.to_owned(), retry_after });
    let at = format!("{host}:{port}");
    match fault {
        OpenFault::Connect(words) => down(
            format!("the mail server {at} can't be reached: {}", show_words(words)),
            "check `relay` under [mail] in site.toml, and that a firewall lets us out to it",
            Some(RETRY_AFTER),
        ),
        OpenFault::Lost(words) => down(
            format!("the mail server {at} didn't get as far as taking a letter: {}", show_words(words)),
            "check that it speaks SMTP on this port; for port 465 write smtps:// in `relay` under [mail]",
            Some(RETRY_AFTER),
        ),
        OpenFault::Refused(reply) if reply.class() == 4 => of_reply(Stage::Mail, reply, true),
        OpenFault::Refused(reply) => down(
            format!("the mail server {at} doesn't talk to us: {}", reply.words()),
            "ask who runs it to let this machine send",
            Some(RETRY_AFTER),
        ),
        OpenFault::TlsNotOffered => down(
            format!("the mail server {at} offers no STARTTLS, and `tls` is \"required\""),
            "turn TLS on at the server, use its TLS port, or set `tls` under [mail] in site.toml",
            None,
        ),
        OpenFault::Tls(words) => down(
            format!("no TLS with the mail server {at}: {}", show_words(words)),
            "renew the server's certificate, or name its authority as `ca` under [mail] in site.toml",
            Some(RETRY_AFTER * 15),
        ),
        OpenFault::LoginInTheClear => down(
            format!("the login would travel to {at} without encryption"),
            "set `tls = \"required\"` under [mail] in site.toml",
            None,
        ),
        OpenFault::LoginNotOffered => down(
            format!("the mail server {at} offers no login that we know (PLAIN, LOGIN)"),
            "use its submission port (587 or 465), or take `username` out of [mail] in site.toml",
            None,
        ),
        OpenFault::LoginRefused(reply) => down(
            format!("the mail server {at} refused the login: {}", reply.words()),
            "check `username` and `password` under [mail] in site.toml",
            (reply.class() == 4).then_some(RETRY_AFTER),
        ),
    }
}

/// The relay's name could not be looked up.
pub(super) fn of_relay_lookup(host: &str, words: &str) -> Handed {
    Err(ChannelDown {
        what: format!("the mail server {host} can't be found: {}", show_words(words)),
        remedy: "check `relay` under [mail] in site.toml, and this machine's DNS".to_owned(),
        retry_after: Some(RETRY_AFTER),
    })
}

/// Why a mail exchanger gave no session, in words. It says nothing about the channel: other
/// domains have other exchangers.
pub(super) fn exchanger_words(host: &str, fault: &OpenFault) -> String {
    let words = match fault {
        OpenFault::Connect(words) | OpenFault::Lost(words) | OpenFault::Tls(words) => show_words(words),
        OpenFault::Refused(reply) | OpenFault::LoginRefused(reply) => reply.words(),
        OpenFault::TlsNotOffered | OpenFault::LoginInTheClear | OpenFault::LoginNotOffered => "no session".to_owned(),
    };
    format!("{host}: {words}")
}

pub(super) fn deferred(words: String) -> Outcome {
    Outcome::Deferred { retry_after: None, words }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn say(stage: Stage, relay: bool, line: &str) -> String {
        let (code, text) = line.split_at(3);
        let reply = Reply { code: code.parse().unwrap(), lines: vec![text.trim().to_owned()] };
        match of_transaction(&Ended::Answered(stage, reply), relay) {
            Ok(Outcome::Accepted { .. }) => "accepted".to_owned(),
            Ok(Outcome::Deferred { retry_after: Some(span), .. }) => format!("deferred {}", span.num_seconds()),
            Ok(Outcome::Deferred { .. }) => "deferred".to_owned(),
            Ok(Outcome::Rejected { why: Rejection::TargetDead, .. }) => "dead".to_owned(),
            Ok(Outcome::Rejected { why: Rejection::Refused, .. }) => "refused".to_owned(),
            Ok(Outcome::Doubtful { .. }) => "doubtful".to_owned(),
            Err(_) => "down".to_owned(),
        }
    }

    #[test]
    fn every_answer_has_one_meaning() {
        let table = [
            (Stage::Mail, "421 4.4.2 idle too long", "deferred"),
            (Stage::Mail, "451 4.3.0 try later", "deferred"),
            (Stage::Mail, "550 5.7.60 you may not send as this sender", "down"),
            (Stage::Mail, "553 5.1.8 sender domain unknown", "down"),
            (Stage::Mail, "530 5.7.0 authentication required", "down"),
            (Stage::Mail, "552 5.3.4 too big", "refused"),
            (Stage::Mail, "550 no", "refused"),
            (Stage::Mail, "354 go ahead", "deferred"),
            (Stage::Rcpt, "450 4.2.0 greylisted, try again in 300 seconds", "deferred 300"),
            (Stage::Rcpt, "452 4.2.2 mailbox full", "deferred"),
            (Stage::Rcpt, "550 5.1.1 no such user", "dead"),
            (Stage::Rcpt, "550 5.1.6 moved", "dead"),
            (Stage::Rcpt, "556 5.1.10 null MX", "dead"),
            (Stage::Rcpt, "550 5.2.1 disabled", "dead"),
            (Stage::Rcpt, "550 no such user", "dead"),
            (Stage::Rcpt, "553 no such user", "dead"),
            (Stage::Rcpt, "550 5.7.1 policy", "refused"),
            (Stage::Rcpt, "552 5.2.2 over quota", "refused"),
            (Stage::Rcpt, "550 4.1.1 a class that disagrees", "dead"),
            (Stage::Rcpt, "554 relay access denied", "refused"),
            (Stage::Rcpt, "530 5.7.0 must issue STARTTLS first", "down"),
            (Stage::Data, "451 no", "deferred"),
            (Stage::Data, "554 no valid recipients", "refused"),
            (Stage::Data, "250 ok?", "deferred"),
            (Stage::Dot, "250 2.0.0 queued", "accepted"),
            (Stage::Dot, "421 closing", "deferred"),
            (Stage::Dot, "451 4.7.1 later", "deferred"),
            (Stage::Dot, "554 5.7.1 spam", "refused"),
            (Stage::Dot, "550 spam", "refused"),
            (Stage::Dot, "550 5.1.1 no such user after all", "dead"),
            (Stage::Dot, "354 what", "doubtful"),
        ];
        for (stage, line, meaning) in table {
            assert_eq!(say(stage, true, line), meaning, "{stage:?} {line}");
        }
        assert_eq!(say(Stage::Mail, false, "550 5.7.1 not from you"), "refused", "one exchanger is not the channel");
        assert_eq!(say(Stage::Rcpt, false, "530 5.7.0 login"), "refused");
    }

    #[test]
    fn a_lost_line_is_doubtful_only_after_the_dot() {
        let lost = |moment| of_transaction(&Ended::Lost(moment, "the line was closed".into()), true).unwrap();
        assert!(matches!(lost(Moment::BeforeMail), Outcome::Deferred { .. }));
        assert!(matches!(lost(Moment::BeforeDot), Outcome::Deferred { .. }));
        assert!(matches!(lost(Moment::AfterDot), Outcome::Doubtful { .. }));
    }

    #[test]
    fn a_relay_that_fails_says_what_to_do() {
        let reply = |code| Reply { code, lines: vec!["words".into()] };
        let faults = [
            (OpenFault::Connect("refused".into()), Some(60)),
            (OpenFault::Lost("closed".into()), Some(60)),
            (OpenFault::Refused(reply(554)), Some(60)),
            (OpenFault::TlsNotOffered, None),
            (OpenFault::Tls("unknown issuer".into()), Some(900)),
            (OpenFault::LoginInTheClear, None),
            (OpenFault::LoginNotOffered, None),
            (OpenFault::LoginRefused(reply(535)), None),
            (OpenFault::LoginRefused(reply(454)), Some(60)),
        ];
        for (fault, seconds) in faults {
            let down = of_relay_fault("mail.example", 587, &fault).unwrap_err();
            assert_eq!(down.retry_after.map(|s| s.num_seconds()), seconds, "{fault:?}");
            assert!(down.what.contains("mail.example:587") && !down.remedy.is_empty(), "{fault:?}");
        }
        let busy = of_relay_fault("mail.example", 587, &OpenFault::Refused(reply(421)));
        assert!(matches!(busy, Ok(Outcome::Deferred { .. })));
    }
}
