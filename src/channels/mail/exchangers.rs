//! Direct delivery: from a domain to an open session with one of its mail exchangers.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::net::{IpAddr, SocketAddr};

use super::opening::Protection;
use super::resolve::{Exchanger, LookupFault};
use super::session::Session;
use super::tls::Trust;
use super::verdict::{deferred, exchanger_words};
use super::{ADDRESSES_MAX, MailChannel};
use crate::domain::outcome::{Outcome, Rejection};

/// How many exchangers are tried for one letter; RFC 5321 5.1 asks for at least two.
const EXCHANGERS_MAX: usize = 5;

impl MailChannel {
    /// A session with the best exchanger that gives one, or what becomes of the letter.
    ///
    /// A host that can't be reached, or greets with a refusal, is passed over for the next one:
    /// what it says holds for the connection, not for the recipient.
    pub(super) async fn open_exchanger(&self, domain: &str, port: u16, message_id: &str) -> Result<Session, Outcome> {
        if domain.parse::<IpAddr>().is_ok() {
            let words = format!("{domain} is an address of a machine, not a mail domain");
            return Err(Outcome::Rejected { why: Rejection::Refused, words });
        }
        let hosts = in_order(domain, self.resolver.exchangers(domain.to_owned()).await, message_id)?;
        let mut last = format!("{domain}: no mail exchanger has an address");
        let mut nowhere = true;
        for host in hosts {
            let addresses = match self.resolver.addresses(host.clone()).await {
                Ok(addresses) => addresses,
                Err(LookupFault::NoSuchName) => continue,
                Err(LookupFault::Failed(words)) => {
                    nowhere = false;
                    last = format!("{host} can't be looked up: {words}");
                    continue;
                }
            };
            if addresses.is_empty() {
                continue;
            }
            nowhere = false;
            let sockets: Vec<SocketAddr> =
                addresses.into_iter().take(ADDRESSES_MAX).map(|ip| SocketAddr::new(ip, port)).collect();
            match self.open_any(&host, &sockets, Protection::Offered(Trust::Anybody)).await {
                Ok(session) => return Ok(session),
                Err(fault) => last = exchanger_words(&host, &fault),
            }
        }
        if nowhere {
            return Err(no_mail_here(format!("{domain} has no mail exchanger and no address")));
        }
        Err(deferred(super::reply::show_words(&last)))
    }
}

/// The hosts to try, best first; equals in an order that differs from letter to letter (RFC 5321
/// 5.1 asks for a random one), and is the same for the same letter.
fn in_order(domain: &str, found: Result<Vec<Exchanger>, LookupFault>, message_id: &str) -> Result<Vec<String>, Outcome> {
    let mut exchangers = match found {
        Ok(exchangers) => exchangers,
        Err(LookupFault::NoSuchName) => return Err(no_mail_here(format!("there is no domain {domain}"))),
        Err(LookupFault::Failed(words)) => {
            return Err(deferred(super::reply::show_words(&format!("{domain} can't be looked up: {words}"))));
        }
    };
    if let [only] = exchangers.as_slice()
        && only.host.is_empty()
    {
        return Err(no_mail_here(format!("{domain} takes no mail (null MX)")));
    }
    exchangers.retain(|exchanger| !exchanger.host.is_empty());
    if exchangers.is_empty() {
        // Without MX records the domain's own addresses stand in (RFC 5321 5.1).
        return Ok(vec![domain.to_owned()]);
    }
    exchangers.sort_by_key(|exchanger| {
        let mut hasher = DefaultHasher::new();
        (message_id, &exchanger.host).hash(&mut hasher);
        (exchanger.preference, hasher.finish())
    });
    Ok(exchangers.into_iter().take(EXCHANGERS_MAX).map(|exchanger| exchanger.host).collect())
}

fn no_mail_here(words: String) -> Outcome {
    Outcome::Rejected { why: Rejection::TargetDead, words }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mx(preference: u16, host: &str) -> Exchanger {
        Exchanger { preference, host: host.to_owned() }
    }

    #[test]
    fn exchangers_come_in_order_of_preference() {
        let order = |found| in_order("x.example", Ok(found), "1@x").unwrap();
        assert_eq!(order(vec![mx(20, "b"), mx(10, "a")]), ["a", "b"]);
        assert_eq!(order(vec![]), ["x.example"]);
        assert_eq!(order((0..9).map(|n| mx(n, &format!("mx{n}"))).collect()).len(), EXCHANGERS_MAX);
    }

    #[test]
    fn equals_take_turns() {
        let first = |id: &str| in_order("x.example", Ok(vec![mx(10, "a"), mx(10, "b")]), id).unwrap().remove(0);
        let firsts: std::collections::BTreeSet<String> = (0..40).map(|n| first(&format!("{n}@x"))).collect();
        assert_eq!(firsts.len(), 2);
        assert_eq!(first("7@x"), first("7@x"));
    }

    #[test]
    fn a_domain_without_mail_ends_the_address_and_a_silent_dns_does_not() {
        let dead =
            |found| matches!(in_order("x.example", found, "1@x"), Err(Outcome::Rejected { why: Rejection::TargetDead, .. }));
        assert!(dead(Ok(vec![mx(0, "")])));
        assert!(dead(Err(LookupFault::NoSuchName)));
        assert!(matches!(
            in_order("x.example", Err(LookupFault::Failed("timeout".into())), "1@x"),
            Err(Outcome::Deferred { .. })
        ));
    }
}
