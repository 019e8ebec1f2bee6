//! Direct delivery to mail exchangers.

use std::collections::HashMap;
use std::net::IpAddr;

use super::server::certificate;
use super::*;

/// DNS as the test wants it; every host that isn't named is 127.0.0.1.
#[derive(Default)]
struct Names {
    exchangers: HashMap<&'static str, Result<Vec<Exchanger>, LookupFault>>,
    addresses: HashMap<&'static str, Result<Vec<IpAddr>, LookupFault>>,
}

impl Resolve for Names {
    fn exchangers(&self, domain: String) -> Answer<'_, Result<Vec<Exchanger>, LookupFault>> {
        let found = self.exchangers.get(domain.as_str()).cloned().unwrap_or(Ok(Vec::new()));
        Box::pin(std::future::ready(found))
    }

    fn addresses(&self, host: String) -> Answer<'_, Result<Vec<IpAddr>, LookupFault>> {
        let found = self.addresses.get(host.as_str()).cloned().unwrap_or_else(|| Ok(vec![here()]));
        Box::pin(std::future::ready(found))
    }
}

fn here() -> IpAddr {
    IpAddr::from([127, 0, 0, 1])
}

/// Another loopback address, where nobody listens.
fn nobody() -> IpAddr {
    IpAddr::from([127, 0, 0, 77])
}

fn mx(preference: u16, host: &str) -> Exchanger {
    Exchanger { preference, host: host.to_owned() }
}

fn direct(server: &Server, names: Names, connections: usize) -> MailChannel {
    let mut config = to_relay(server, Security::None, connections);
    config.route = Route::Direct { port: server.address.port() };
    MailChannel::with_resolver(config, Hands::new(), Arc::new(names)).unwrap()
}

#[tokio::test]
async fn a_domain_without_mx_is_its_own_exchanger() {
    let server = Server::start(|_| {}).await;
    assert_eq!(word(direct(&server, Names::default(), 1).send(letter(1)).await).0, "accepted");
}

#[tokio::test]
async fn a_host_that_is_down_or_busy_is_passed_over() {
    let names = || {
        let mut names = Names::default();
        names.exchangers.insert("sunnyside.example", Ok(vec![mx(10, "mx1"), mx(20, "mx2"), mx(30, "mx3")]));
        names.addresses.insert("mx1", Ok(vec![nobody()]));
        names
    };
    let server = Server::start(|_| {}).await;
    assert_eq!(word(direct(&server, names(), 1).send(letter(1)).await).0, "accepted");

    for greeting in [Say("421 4.3.2 busy"), Say("554 5.7.1 not here"), Drop] {
        let server = Server::start(|s| {
            s.on("greeting", [greeting]);
        })
        .await;
        assert_eq!(word(direct(&server, names(), 1).send(letter(1)).await).0, "accepted");
        assert_eq!(server.with(|seen| seen.connections), 2, "mx2, then mx3");
    }
}

#[tokio::test]
async fn a_domain_that_nobody_serves_now_is_deferred_and_the_channel_goes_on() {
    let server = Server::start(|_| {}).await;
    let mut names = Names::default();
    names.addresses.insert("sunnyside.example", Ok(vec![nobody()]));
    let channel = direct(&server, names, 1);
    let (word_, words) = word(channel.send(letter(1)).await);
    assert_eq!(word_, "deferred");
    assert!(words.contains("refused"), "{words}");
    assert_eq!(word(channel.send(letter_to("ben@other.example")).await).0, "accepted");
}

#[tokio::test]
async fn what_dns_says_decides_what_becomes_of_the_letter() {
    let failed = || LookupFault::Failed("timeout".to_owned());
    let table: [(&str, Names); 5] = [
        ("dead", Names { exchangers: HashMap::from([("sunnyside.example", Ok(vec![mx(0, "")]))]), ..Names::default() }),
        ("dead", Names { exchangers: HashMap::from([("sunnyside.example", Err(LookupFault::NoSuchName))]), ..Names::default() }),
        ("dead", Names { addresses: HashMap::from([("sunnyside.example", Ok(vec![]))]), ..Names::default() }),
        ("deferred", Names { exchangers: HashMap::from([("sunnyside.example", Err(failed()))]), ..Names::default() }),
        ("deferred", Names { addresses: HashMap::from([("sunnyside.example", Err(failed()))]), ..Names::default() }),
    ];
    let server = Server::start(|_| {}).await;
    for (expected, names) in table {
        let (word, words) = word(direct(&server, names, 1).send(letter(1)).await);
        assert_eq!(word, expected, "{words}");
    }
    assert_eq!(word(direct(&server, Names::default(), 1).send(letter_to("ana@127.0.0.1")).await).0, "refused");
    assert_eq!(server.with(|seen| seen.connections), 0);
}

#[tokio::test]
async fn any_certificate_is_better_than_none() {
    let (acceptor, _) = certificate();
    let server = Server::start(|s| {
        s.offer(&["STARTTLS"]).tls = Some(acceptor);
    })
    .await;
    assert_eq!(word(direct(&server, Names::default(), 1).send(letter(1)).await).0, "accepted");
    assert_eq!(server.count("STARTTLS"), 1);
}

#[tokio::test]
async fn lines_are_kept_for_their_domain_and_never_used_for_another() {
    let server = Server::start(|_| {}).await;
    let channel = direct(&server, Names::default(), 2);
    for to in ["ana@a.example", "ben@b.example", "cy@a.example", "di@B.example"] {
        assert_eq!(word(channel.send(letter_to(to)).await).0, "accepted");
    }
    assert_eq!(server.with(|seen| seen.connections), 2);
    assert_eq!(word(channel.send(letter_to("eve@c.example")).await).0, "accepted");
    assert_eq!(server.with(|seen| seen.connections), 3);
}

#[tokio::test]
async fn one_domain_gets_only_so_many_lines() {
    let server = Server::start(|s| {
        s.on(".", std::iter::repeat_n(Hold, 30));
    })
    .await;
    let channel = Arc::new(direct(&server, Names::default(), 30));
    let sending: Vec<_> = (0..30)
        .map(|n| {
            let channel = Arc::clone(&channel);
            tokio::spawn(async move { channel.send(letter(n)).await })
        })
        .collect();
    server.release.add_permits(30);
    for task in sending {
        assert_eq!(word(task.await.unwrap()).0, "accepted");
    }
    assert!(server.with(|seen| seen.open_max) <= 10);
}

#[tokio::test]
async fn the_doctor_says_what_is_wrong_with_the_domain_before_it_speaks_of_the_port() {
    let server = Server::start(|_| {}).await;
    let looked = async |found: Result<Vec<Exchanger>, LookupFault>, at: IpAddr| {
        let mut names = Names::default();
        names.exchangers.insert("school.example", found);
        names.addresses.insert("mx", Ok(vec![at]));
        direct(&server, names, 1).look_at("school.example").await.map(|found| found.words).map_err(|d| (d.what, d.remedy))
    };
    let (what, remedy) = looked(Err(LookupFault::NoSuchName), here()).await.unwrap_err();
    assert_eq!(what, "there is no domain school.example");
    assert!(remedy.starts_with("write the domain as it stands behind the @"), "{remedy}");
    let (what, remedy) = looked(Ok(vec![mx(0, "")]), here()).await.unwrap_err();
    assert_eq!(what, "school.example takes no mail (null MX)");
    assert!(!remedy.contains("25"), "{remedy}");
    let (what, remedy) = looked(Err(LookupFault::Failed("no answer".to_owned())), here()).await.unwrap_err();
    assert_eq!(what, "school.example can't be looked up: no answer");
    assert!(remedy.contains("name server"), "{remedy}");
    assert!(looked(Ok(vec![mx(10, "mx")]), nobody()).await.unwrap_err().1.contains("block port 25"));
    assert!(looked(Ok(vec![mx(10, "mx")]), here()).await.unwrap().starts_with("mx answers"));
}
