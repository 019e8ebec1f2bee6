//! Predicates from a grammar: whatever is pushed must agree with the interpreter on every row.

use proptest::prelude::*;

use super::school::School;
use super::{Verdict, check};

fn text_field() -> impl Strategy<Value = String> {
    let fields = ["username", "full_name", "mail", "department", "title", "status", "attributes[\"house\"]", "language"];
    proptest::sample::select(fields.to_vec()).prop_map(|f| format!("u.{f}"))
}

fn text() -> impl Strategy<Value = String> {
    let words =
        ["", "a", "Ms", "Music", "@", "red", "hal", "ß", "e\u{301}", "\u{e9}", "\u{1f600}", "%", "_", "ana", "invited", "'"];
    proptest::sample::select(words.to_vec()).prop_map(|w| format!("{w:?}").replace("\\u{301}", "\u{301}"))
}

fn value() -> impl Strategy<Value = String> {
    prop_oneof![
        4 => text(),
        2 => Just("()".to_owned()),
        2 => (-1..6_i64).prop_map(|n| n.to_string()),
        1 => any::<bool>().prop_map(|b| b.to_string()),
        1 => Just("1.0".to_owned()),
        1 => Just("word".to_owned()),
        1 => Just("number".to_owned()),
        1 => Just("nothing".to_owned()),
    ]
}

fn time() -> impl Strategy<Value = String> {
    prop_oneof![(0..20_i64).prop_map(|n| format!("now() - days({n})")), Just("since".to_owned()), Just("()".to_owned())]
}

fn operator() -> impl Strategy<Value = &'static str> {
    proptest::sample::select(vec!["==", "!=", "<", "<=", ">", ">="])
}

fn on_device() -> impl Strategy<Value = String> {
    proptest::sample::select(vec![
        "d.managed",
        "!d.can_be_invited",
        "d.platform == \"macos\"",
        "d.os_version < \"17\"",
        "d.os_version.contains(\"1\")",
        "d.os_version != () && d.os_version.contains(\"1\")",
        "d.last_seen > since",
        "d.model == word",
        "d.user != () && d.user.enabled",
    ])
    .prop_map(str::to_owned)
}

fn atom() -> impl Strategy<Value = String> {
    let flag = proptest::sample::select(vec!["u.enabled", "u.invited", "u.enrolled", "yes", "true"]).prop_map(str::to_owned);
    let at = proptest::sample::select(vec!["u.invited_at", "u.enrolled_at", "u.last_contact"]);
    prop_oneof![
        3 => flag,
        4 => (text_field(), operator(), value()).prop_map(|(f, o, v)| format!("{f} {o} {v}")),
        1 => (value(), operator(), text_field()).prop_map(|(v, o, f)| format!("{v} {o} {f}")),
        2 => (text_field(), operator(), text_field()).prop_map(|(a, o, b)| format!("{a} {o} {b}")),
        2 => (operator(), value()).prop_map(|(o, v)| format!("u.reminders {o} {v}")),
        2 => (at, operator(), time()).prop_map(|(f, o, t)| format!("{f} {o} {t}")),
        3 => (text_field(), proptest::sample::select(vec!["contains", "starts_with", "ends_with"]), prop_oneof![text(), text_field()])
            .prop_map(|(f, m, v)| format!("{f}.{m}({v})")),
        2 => (text_field(), any::<bool>(), proptest::collection::vec(value(), 0..4))
            .prop_map(|(f, is, list)| format!("{f} {} [{}]", if is { "in" } else { "!in" }, list.join(", "))),
        1 => (text(), text_field()).prop_map(|(v, f)| format!("{v} in {f}")),
        1 => proptest::sample::select(vec!["u.in_group(\"Grade 5\")", "\"School\" in u.groups", "u.groups.contains(\"Lehrkräfte\")"])
            .prop_map(str::to_owned),
        2 => on_device().prop_map(|d| format!("u.devices.some(|d| {d})")),
        1 => Just("u.devices.is_empty()".to_owned()),
        // Left over, one way or another.
        1 => proptest::sample::select(vec![
            "u.username.len > 3", "u.mail.to_lower() == \"hal\"", "u.reminders % 2 == 0", "u.mail", "u.nickname", "u.mail?.contains(\"@\")",
        ]).prop_map(str::to_owned),
    ]
}

fn predicate() -> impl Strategy<Value = String> {
    atom().prop_recursive(4, 24, 4, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 2..4).prop_map(|parts| format!("({})", parts.join(" && "))),
            proptest::collection::vec(inner.clone(), 2..4).prop_map(|parts| format!("({})", parts.join(" || "))),
            inner.prop_map(|p| format!("!({p})")),
        ]
    })
}

/// Makes sure that `f` is there before it is asked for something, as a careful author does.
fn guarded() -> impl Strategy<Value = String> {
    (text_field(), predicate(), text(), any::<bool>()).prop_map(|(f, p, v, both)| match both {
        true => format!("{f} != () && ({p} || {f}.contains({v}))"),
        false => format!("{f} == () || {f}.starts_with({v}) && {p}"),
    })
}

const BEFORE: &str =
    "let word = \"Music\"; let number = 3; let nothing = (); let yes = false; let since = now() - days(7); let u = 1;";

proptest! {
    #![proptest_config(ProptestConfig { cases: 1_500, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn what_is_pushed_agrees_with_the_interpreter(predicate in prop_oneof![3 => predicate(), 1 => guarded()]) {
        let school = School::new();
        if let Err(wrong) = check(&school, BEFORE, &format!("|u| {predicate}")) {
            prop_assert!(false, "{wrong}");
        }
    }

    #[test]
    fn conditions_on_owners_agree_too(predicate in predicate()) {
        let school = School::new();
        let of_owner = predicate.replace("u.", "d.user.").replace("d.user.devices", "d.user.gadgets");
        if let Err(wrong) = check(&school, BEFORE, &format!("|d| d.user != () && ({of_owner}) || {of_owner}")) {
            prop_assert!(false, "{wrong}");
        }
    }
}

#[test]
fn the_grammar_reaches_every_verdict() {
    use proptest::strategy::ValueTree as _;
    let school = School::new();
    let mut runner = proptest::test_runner::TestRunner::deterministic();
    let mut seen = Vec::new();
    for _ in 0..300 {
        let predicate = predicate().new_tree(&mut runner).unwrap().current();
        let verdict = check(&school, BEFORE, &format!("|u| {predicate}")).unwrap();
        if !seen.contains(&verdict) {
            seen.push(verdict);
        }
    }
    for verdict in [Verdict::Pushed, Verdict::ButErrors, Verdict::Partly, Verdict::Left] {
        assert!(seen.contains(&verdict), "{verdict:?} never came up");
    }
}
