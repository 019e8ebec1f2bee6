//! Whatever is taken, taking it again changes nothing; and the store never refuses what the comparison let through.

use std::collections::BTreeMap;

use proptest::collection::{btree_map, vec};
use proptest::option::of as maybe;
use proptest::prelude::*;
use proptest::sample::select as one_of;

use super::{Site, at, group, member, nested, token};
use crate::domain::device::{Enrollment, Platform};
use crate::domain::mail_address::MailAddress;
use crate::domain::roster_change::{Incoming, IncomingApp, IncomingDevice, IncomingUser, RowKind};
use crate::domain::time::from_millis;

fn name() -> impl Strategy<Value = String> {
    one_of(vec!["ana", "bo", "cas", "\u{e9}va", "Ana", ""]).prop_map(str::to_owned)
}

fn cell() -> impl Strategy<Value = Option<Option<String>>> {
    maybe(maybe(one_of(vec!["", "x", "y'", "\u{1f600}"]).prop_map(str::to_owned)))
}

fn user() -> impl Strategy<Value = IncomingUser> {
    let mail =
        maybe(maybe(one_of(vec!["a@b.example", "A@b.example", "c@b.example"]).prop_map(|m| MailAddress::parse(m).unwrap())));
    let attributes = btree_map(
        one_of(vec!["house", "k\"", ""]).prop_map(str::to_owned),
        one_of(vec!["", "v", "\0"]).prop_map(str::to_owned),
        0..3,
    );
    let groups = vec(one_of(vec!["G1", "G2", "G9"]).prop_map(str::to_owned), 0..2);
    (name(), maybe(name()), mail, cell(), cell(), attributes, groups, maybe(any::<bool>())).prop_map(
        |(username, full_name, mail, language, title, attributes, groups, enabled)| IncomingUser {
            place: at("u", 1),
            username,
            full_name,
            mail,
            language,
            title,
            attributes: attributes.into_iter().collect::<BTreeMap<_, _>>(),
            groups,
            enabled,
            ..IncomingUser::default()
        },
    )
}

fn device() -> impl Strategy<Value = IncomingDevice> {
    let udid = maybe(maybe(one_of(vec!["u1", "u2", "u3"]).prop_map(str::to_owned)));
    let kinds = (maybe(one_of(&Platform::ALL[..])), maybe(one_of(&Enrollment::ALL[..])), maybe(any::<bool>()));
    let serial = one_of(vec!["S1", "S2", "S3", "S4", ""]).prop_map(str::to_owned);
    (serial, udid, maybe(name()), kinds, maybe(maybe(name())), cell(), maybe(maybe(0..3_i64))).prop_map(
        |(serial, udid, name, (platform, enrollment, managed), user, user_channel, seen)| IncomingDevice {
            place: at("d", 1),
            serial,
            udid,
            name,
            platform,
            os_version: None,
            model: user_channel.clone(),
            user,
            managed,
            enrollment,
            user_channel,
            last_seen: seen.map(|s| s.map(from_millis)),
        },
    )
}

pub(super) fn incoming() -> impl Strategy<Value = Incoming> {
    let groups = vec((1..4_u64, maybe(any::<bool>())), 0..4);
    let members = vec((name(), 1..5_u64), 0..5);
    let nestings = vec((1..5_u64, 1..5_u64), 0..5);
    let tokens = vec((1..5_u64, one_of(vec!["aa", "bb"])), 0..3);
    let apps = vec((one_of(vec!["1", "2", ""]), name()), 0..3);
    let kinds = vec![
        RowKind::User,
        RowKind::Group,
        RowKind::Membership,
        RowKind::Nesting,
        RowKind::Device,
        RowKind::App,
        RowKind::AppToken,
    ];
    let covers = proptest::sample::subsequence(kinds, 0..=7);
    (vec(user(), 0..5), groups, members, nestings, vec(device(), 0..5), tokens, apps, covers).prop_map(
        |(users, groups, members, nestings, devices, tokens, apps, covers)| Incoming {
            warnings: Vec::new(),
            users,
            groups: groups
                .into_iter()
                .map(|(n, distribution)| super::IncomingGroup { distribution, ..group(n, &format!("G{n}")) })
                .collect(),
            memberships: members.into_iter().map(|(username, n)| member(n, &username, &format!("G{n}"))).collect(),
            nested: nestings.into_iter().map(|(a, b)| nested(a, &format!("G{a}"), &format!("G{b}"))).collect(),
            devices,
            apps: apps
                .into_iter()
                .map(|(id, name)| IncomingApp { place: at("a", 1), adam_id: id.to_owned(), name, kind: None })
                .collect(),
            app_tokens: tokens.into_iter().map(|(n, t)| token(n, &format!("S{n}"), t)).collect(),
            rejected: Vec::new(),
            covers,
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 60, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_second_time_changes_nothing(rosters in vec((incoming(), any::<bool>(), any::<bool>()), 1..5)) {
        let mut site = Site::new();
        site.execute("PRAGMA synchronous = OFF");
        for (incoming, directory, enrol) in rosters {
            let options = super::ImportOptions { source: if directory { "directory" } else { "files" }.to_owned(), keep_missing: false };
            let first = site.take_as(&incoming, &options);
            let second = site.take_as(&incoming, &options);
            prop_assert_eq!(&second.changes, &[], "after {:?}", super::lines(&first));
            prop_assert_eq!(first.rejected, second.rejected);
            if enrol {
                site.execute("UPDATE users SET status = 'enrolled' WHERE id % 2 = 0");
            }
        }
        prop_assert_eq!(site.one("SELECT COUNT(*) FROM pragma_foreign_key_check"), "0");
    }
}
