//! Which room may see which, and which crates each may use: the direction of every dependency.

use super::names::{Name, names};
use super::source::{Source, Tree};
use super::{Breach, found_in};

/// One room under `src`.
struct Room {
    name: &'static str,
    /// Rooms, or single names in them, that it may see beside itself.
    sees: &'static [&'static str],
    /// What to do instead of looking elsewhere.
    instead: &'static str,
}

const ROOMS: &[Room] = &[
    Room {
        name: "domain",
        sees: &[],
        instead: "the domain looks nowhere: take what it needs as an argument, or let the caller join the two",
    },
    Room { name: "ports", sees: &["domain"], instead: "a port speaks in domain values only" },
    Room {
        name: "channels",
        sees: &["ports", "domain"],
        instead: "a channel translates for its port; let the host decide and remember",
    },
    Room {
        name: "sim",
        sees: &["ports", "domain"],
        instead: "the simulated world must not know what it is there to test; go through a port, or the wire",
    },
    Room {
        name: "script",
        sees: &["domain"],
        instead: "a script reads the roster view and appends intents; put a trait in the domain",
    },
    Room {
        name: "store",
        // Data that a port brought and that is written as it is; never a trait that does something.
        sees: &[
            "domain",
            "ports::apps_and_books::Asset",
            "ports::apps_and_books::RecordStatus",
            "ports::apps_and_books::UserRecord",
            "ports::apps_and_books::Owner",
            "ports::apps_and_books::Unit",
            "ports::mdm::CommandAnswer",
            "ports::mdm::DeviceReport",
            "ports::mdm::UserChannel",
        ],
        instead: "the store remembers; let the host hand it values of the domain",
    },
    Room { name: "templates", sees: &["domain"], instead: "templates know texts only; let the host bring the data" },
    Room {
        name: "roster_files",
        sees: &["domain"],
        instead: "roster files become domain values; let the host compare and store them",
    },
    Room {
        name: "delivery_reports",
        sees: &["domain"],
        instead: "delivery reports become domain values; let the host decide what to believe",
    },
    Room {
        name: "host",
        sees: &["store", "ports", "domain", "script", "templates", "roster_files", "delivery_reports"],
        instead: "the host joins store, ports and scripts; take a port as a trait, and let main.rs choose what is behind it",
    },
    Room { name: "http", sees: &["host", "ports", "domain"], instead: "check the request and hand it to the host" },
    Room {
        name: "cli",
        sees: &["host", "script", "store", "domain", "ports", "http", "roster_files", "templates"],
        instead: "let main.rs, or a module that it declares, name real channels and the simulated world",
    },
    // The map in lib.rs: it declares rooms and uses none.
    Room { name: "lib", sees: &[], instead: "lib.rs only declares the rooms" },
];

/// Who is under `src` and no room: `main.rs` and the modules that it declares. They alone choose what
/// stands behind a port.
const BINARY: &str = "the binary";

/// Crates that touch the world or belong to one room, and the rooms that may use them.
const TOOLS: &[(&[&str], &[&str])] = &[
    (&["rhai"], &["script", "host", "cli"]),
    (&["rusqlite", "refinery"], &["store"]),
    (&["reqwest"], &["channels", "sim"]),
    (&["p12_keystore"], &["channels", "sim"]),
    (&["lettre", "a2", "hickory_resolver", "rustls_platform_verifier"], &["channels"]),
    (&["hyper", "hyper_util", "http_body_util", "rustls", "tokio_rustls"], &["channels", "sim", "http", BINARY]),
    (&["axum"], &["http", "sim", BINARY]),
    (&["tokio"], &["channels", "sim", "host", "http", "cli", BINARY]),
    (&["minijinja", "mrml"], &["templates"]),
    (&["mail_parser"], &["delivery_reports"]),
    (&["csv"], &["roster_files", "script", "sim"]),
    (&["encoding_rs"], &["roster_files", "sim"]),
    (&["clap", "indicatif", "rpassword", "rustyline", "anstream"], &["cli", BINARY]),
];

/// a2's own client, which runs on an old TLS library that `deny.toml` only bears because nobody calls it.
const OLD_CLIENT: &[&str] = &["client", "Client", "ClientConfig", "ClientBuilder"];

/// Names from those crates that do nothing by themselves, and the room that may use each beside.
const VALUES: &[(&str, &str)] = &[("reqwest::Url", "host")];

/// Parts of the standard library that reach the world: nothing for the domain and the ports.
const WORLD: &[&str] = &["fs", "net", "process", "env", "thread"];

pub fn directions(tree: &Tree) -> Vec<Breach> {
    let mut breaches = Vec::new();
    let declared = declared_rooms(tree);
    for missing in declared.iter().filter(|d| !ROOMS.iter().any(|r| r.name == **d)) {
        let lib = tree.file("src/lib.rs").expect("every tree has a lib.rs");
        breaches.push(Breach::of(lib, format!("`{missing}` has no rule: add it to ROOMS in tests/it/tidy/rooms.rs")));
    }
    for source in live_sources(tree) {
        let home = room_of(source, tree);
        if home == BINARY {
            continue;
        }
        let Some(room) = ROOMS.iter().find(|r| r.name == home) else {
            breaches
                .push(Breach::of(source, format!("`{home}` is no room: declare it in lib.rs or in main.rs, or move the file")));
            continue;
        };
        for name in names(&source.live, &source.module()).iter().filter(|n| n.ours) {
            let Some(other) = name.path.first().filter(|p| declared.contains(p)) else { continue };
            if *other == home || room.sees.iter().any(|seen| covers(seen, name)) {
                continue;
            }
            let what = format!("{home} may not see `{}`: {}", name.text(), room.instead);
            breaches.push(Breach::at(source, name.line, what));
        }
    }
    breaches
}

pub fn foreign_crates(tree: &Tree) -> Vec<Breach> {
    let mut breaches = Vec::new();
    for source in live_sources(tree) {
        let home = room_of(source, tree);
        for name in names(&source.live, &source.module()).iter().filter(|n| !n.ours) {
            let first = name.path[0].as_str();
            let tool = TOOLS.iter().find(|(crates, rooms)| crates.contains(&first) && !rooms.contains(&home.as_str()));
            let is_value = VALUES.iter().any(|(value, room)| *room == home && covers(value, name));
            if let Some((_, rooms)) = tool.filter(|_| !is_value) {
                let what = format!("`{first}` is for {} only: keep it behind what that room offers", rooms.join(", "));
                breaches.push(Breach::at(source, name.line, what));
            }
            if first == "a2" && name.path.iter().any(|part| OLD_CLIENT.contains(&part.as_str())) {
                let what = format!("`{}` is a2's client on its old TLS library: send over our own connection", name.text());
                breaches.push(Breach::at(source, name.line, what));
            }
            let pure = matches!(home.as_str(), "domain" | "ports");
            if pure && first == "std" && name.path.get(1).is_some_and(|part| WORLD.contains(&part.as_str())) {
                let what = format!("{home} may not touch the world through `{}`: take the value as an argument", name.text());
                breaches.push(Breach::at(source, name.line, what));
            }
        }
    }
    breaches
}

fn live_sources(tree: &Tree) -> impl Iterator<Item = &Source> {
    tree.files.iter().filter(|f| f.path.starts_with("src/") && !f.is_test)
}

/// Whether `seen` (`domain`, `ports::mdm::DeviceReport`) is the name or something that holds it.
fn covers(seen: &str, name: &Name) -> bool {
    let parts: Vec<&str> = seen.split("::").collect();
    name.path.len() >= parts.len() && name.path.iter().zip(&parts).all(|(a, b)| a == b)
}

fn declared_rooms(tree: &Tree) -> Vec<String> {
    tree.file("src/lib.rs").map(|lib| declared_in(&lib.live)).unwrap_or_default()
}

/// The names in `mod name;`.
fn declared_in(code: &str) -> Vec<String> {
    let words: Vec<&str> = code.split_whitespace().collect();
    words.windows(2).filter(|w| w[0] == "mod").filter_map(|w| w[1].strip_suffix(';')).map(str::to_owned).collect()
}

/// The room that a file is in, `lib`, [`BINARY`], or its own name where it is nowhere.
fn room_of(source: &Source, tree: &Tree) -> String {
    if source.path == "src/lib.rs" {
        return "lib".to_owned();
    }
    let top = source.module().into_iter().next().unwrap_or_default();
    let of_main = || tree.file("src/main.rs").is_some_and(|main| declared_in(&main.live).contains(&top));
    if source.path == "src/main.rs" || of_main() { BINARY.to_owned() } else { top }
}

#[test]
fn wrong_directions_are_caught() {
    let caught = |path: &str, text: &str| !found_in(path, text, directions).is_empty();
    let refused = [
        ("src/domain/user.rs", "use crate::ports::mail::Mail;"),
        ("src/domain/user.rs", "use super::super::store::Store;"),
        ("src/domain/user.rs", "fn f() { let x = crate::store::Store::open(p); }"),
        ("src/ports/mail.rs", "use crate::store::Store;"),
        ("src/store/mod.rs", "use crate::ports::mdm::Mdm;"),
        ("src/store/mod.rs", "use crate::ports::mdm::*;"),
        ("src/store/mod.rs", "use crate::ports::clock::Clock;"),
        ("src/attic/mod.rs", "fn f() {}"),
        ("src/lib.rs", "pub mod domain; pub use crate::domain::user::User;"),
        ("src/lib.rs", "pub mod attic;"),
    ];
    for (path, text) in refused {
        assert!(caught(path, text), "{path}: {text}");
    }
    let fine = [
        ("src/domain/user.rs", "use super::device::Device; use crate::domain::ids::UserId;"),
        ("src/domain/user.rs", "// use crate::store::Store;\nfn f() -> &str { \"crate::store::Store\" }"),
        ("src/domain/user.rs", "#[cfg(test)]\nmod tests { use crate::store::Store; }"),
        ("src/ports/mail.rs", "use crate::domain::user::User;"),
        ("src/store/mod.rs", "use crate::ports::mdm::DeviceReport;"),
        ("src/main.rs", "use beckon::store::Store;"),
    ];
    for (path, text) in fine {
        assert!(!caught(path, text), "{path}: {text}");
    }
}

#[test]
fn every_pair_of_rooms_is_as_the_table_says() {
    let rooms: Vec<&str> = ROOMS.iter().map(|r| r.name).filter(|n| *n != "lib").collect();
    let lib = rooms.iter().fold(String::new(), |text, r| format!("{text}pub mod {r};\n"));
    for home in ROOMS.iter().filter(|r| r.name != "lib") {
        for other in &rooms {
            let path = format!("src/{}/x.rs", home.name);
            let text = format!("use crate::{other}::thing::Thing;");
            let tree = Tree::of(&[(path.as_str(), text.as_str()), ("src/lib.rs", lib.as_str())]);
            let allowed = *other == home.name || home.sees.contains(other);
            assert_eq!(directions(&tree).is_empty(), allowed, "{} sees {other}", home.name);
        }
    }
    // What the table must never allow, whatever is changed in it.
    let sees = |home: &str, other: &str| ROOMS.iter().any(|r| r.name == home && r.sees.iter().any(|s| s.starts_with(other)));
    assert!(
        rooms.iter().all(|r| !sees(r, "sim") && !sees(r, "channels")),
        "only the binary names channels and the simulated world"
    );
    assert!(rooms.iter().all(|r| !sees("domain", r)), "the domain sees nothing");
}

#[test]
fn modules_of_the_binary_may_join_everything_and_others_may_not() {
    let wiring = "use beckon::{channels::mail::MailChannel, sim::World};";
    let tree = |main: &str| {
        let lib = "pub mod channels; pub mod sim;";
        directions(&Tree::of(&[("src/wiring.rs", wiring), ("src/main.rs", main), ("src/lib.rs", lib)]))
    };
    assert_eq!(tree("mod wiring;\nfn main() {}").len(), 0);
    assert_eq!(tree("fn main() {}").len(), 1);
}

#[test]
fn tools_in_the_wrong_room_are_caught() {
    let caught = |path: &str, text: &str| !found_in(path, text, foreign_crates).is_empty();
    let refused = [
        ("src/domain/a.rs", "use rhai::Engine;"),
        ("src/domain/a.rs", "use tokio::sync::mpsc;"),
        ("src/domain/a.rs", "fn f(c: &::rusqlite::Connection) {}"),
        ("src/domain/a.rs", "fn f() { reqwest::get(x); }"),
        ("src/domain/a.rs", "use std::{collections::HashMap, fs};"),
        ("src/script/a.rs", "use rusqlite::Connection;"),
        ("src/store/a.rs", "use rhai::Dynamic;"),
        ("src/host/a.rs", "use reqwest::Client;"),
        ("src/host/a.rs", "use reqwest::{Url, Client};"),
        ("src/sim/a.rs", "use lettre::Message;"),
        ("src/channels/push.rs", "use a2::{Client, PushType};"),
        ("src/channels/push.rs", "let c = a2::client::ClientConfig::default();"),
    ];
    for (path, text) in refused {
        assert!(caught(path, text), "{path}: {text}");
    }
    let fine = [
        ("src/domain/a.rs", "use std::fmt; use chrono::DateTime; mod tokio_like {}"),
        ("src/domain/a.rs", "#[cfg(test)]\nmod tests { use tokio::runtime::Runtime; }"),
        ("src/store/a.rs", "use rusqlite::Connection; use std::fs;"),
        ("src/script/a.rs", "use rhai::Engine;"),
        ("src/channels/push.rs", "use a2::{NotificationOptions, PushType, request::payload::PayloadLike};"),
    ];
    for (path, text) in fine {
        assert!(!caught(path, text), "{path}: {text}");
    }
}
