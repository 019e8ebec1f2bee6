//! A bar stands for the cursor.

use std::path::PathBuf;

use proptest::prelude::*;

use super::*;
use crate::cli::repl::editor::SoFar;
use crate::script::Variable;

fn known() -> Known {
    Known::of_names(vec!["staff-chat".to_owned(), "stock".to_owned()], SoFar::default(), PathBuf::from("/nowhere"))
}

/// What the text becomes with each offer, the cursor after it.
fn completed(known: &Known, marked: &str) -> Vec<String> {
    let cursor = marked.find('¦').expect("a cursor");
    let text = marked.replace('¦', "");
    let (start, pairs) = complete(known, &text, cursor);
    pairs.iter().map(|pair| format!("{}{}¦{}", &text[..start], pair.replacement, &text[cursor..])).collect()
}

fn only(known: &Known, marked: &str) -> String {
    completed(known, marked).join(" or ")
}

#[test]
fn commands_and_what_follows_them_are_completed() {
    let known = known();
    assert_eq!(only(&known, ":rev¦"), ":review¦");
    assert_eq!(only(&known, ":t¦"), ":type¦ or :time¦");
    assert_eq!(only(&known, ":doc invite.pl¦"), ":doc invite.plan¦");
    assert_eq!(only(&known, ":help sen¦"), ":help send¦");
    for command in ["type", "time", "explain", "debug", "exp"] {
        assert_eq!(only(&known, &format!(":{command} users.whe¦")), format!(":{command} users.where(¦"));
    }
    for nothing in [":send u¦", ":review ¦", ":nonsense us¦", ": us¦", ":¦x y"] {
        let offered = completed(&known, nothing);
        assert!(offered.is_empty() || nothing == ":¦x y", "{nothing}: {offered:?}");
    }
}

#[test]
fn a_site_s_names_are_completed_where_they_are_wanted() {
    let known = known();
    for (marked, becomes) in [
        ("notify.webhook(\"sta¦", "notify.webhook(\"staff-chat\"¦"),
        ("notify.webhook(\"sta¦\")", "notify.webhook(\"staff-chat¦\")"),
        ("notify.webhook(`sta¦", "notify.webhook(`staff-chat`¦"),
        ("site.setting(\"hel¦", "site.setting(\"helpdesk\"¦"),
        ("schedule.next(¦", "schedule.next(\"weekly-reminder\"¦"),
        ("`next: ${schedule.next(\"w¦", "`next: ${schedule.next(\"weekly-reminder\"¦"),
        ("invite.plan(users, \"not-i¦", "invite.plan(users, \"not-invited\"¦"),
        ("import \"cal¦", "import \"calendar\"¦"),
        ("import \"calendar\" as cal; cal::is_week¦", "import \"calendar\" as cal; cal::is_weekend(¦"),
        ("users.where(|u| u.full_n¦", "users.where(|u| u.full_name¦"),
        ("`a ${users.fir¦ b`", "`a ${users.first()¦ b`"),
        ("invite.plan(users, \"everyone\").send(#{ remi¦", "invite.plan(users, \"everyone\").send(#{ remind: ¦"),
    ] {
        assert_eq!(only(&known, marked), becomes, "{marked}");
    }
}

#[test]
fn a_name_is_quoted_as_the_language_reads_it() {
    assert_eq!(text("a\\\"b`\u{7}", None, ""), "\"a\\\\\\\"b`\\u0007\"");
    let in_backticks = |name| text(name, Some(Quote::Backtick), "`");
    assert_eq!(in_backticks("a\\\"b`${x}\n"), "a\\\"b``\\${x}${\"\\n\"}");
    assert_eq!(in_backticks("\\$\\${$\\\t"), "\\$\\\\${$${\"\\\\\"}${\"\\t\"}");
}

#[test]
fn nothing_is_offered_in_comments_and_texts() {
    let known = known();
    for marked in ["// use¦", "/* use¦", "print(\"use¦", "`use¦", "'u¦", "let us¦", "5¦", "\"a\".len() us¦", "x::us¦"] {
        assert_eq!(completed(&known, marked), [""; 0], "{marked}");
    }
}

#[test]
fn a_line_is_completed_after_those_before_it() {
    let kind = crate::script::Type::known("User", None);
    let so_far = SoFar {
        variables: vec![Variable { name: "ana".to_owned(), kind }],
        imports: vec!["import \"lib/people\" as people;".to_owned(), "import \"calendar\" as cal;".to_owned()],
        goes_on: Some("users.where(|u| u.enabled)".to_owned()),
    };
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join("lib")).unwrap();
    let module = "/// Late.\nfn late(days) { users }\nfn late() { users }\nprivate fn hidden() { 1 }\nfn on_time() { users }\n";
    std::fs::write(folder.path().join("lib/people.rhai"), module).unwrap();
    std::fs::write(folder.path().join("greet.rhai"), "print(1);").unwrap();
    let known = Known::of_names(Vec::new(), so_far, folder.path().to_owned());
    assert_eq!(only(&known, "ana.full_n¦"), "ana.full_name¦");
    assert_eq!(only(&known, ".order_b¦"), ".order_by(¦");
    assert_eq!(only(&known, "  .where(|x| x.full_n¦"), "  .where(|x| x.full_name¦");
    assert_eq!(only(&known, ".where(|u| u.enabled)\n.order_b¦"), ".where(|u| u.enabled)\n.order_by(¦");
    assert_eq!(only(&known, "people::¦"), "people::late()¦ or people::on_time()¦");
    assert_eq!(only(&known, "cal::is_week¦"), "cal::is_weekend(¦");
    assert_eq!(only(&known, "import \"gr¦"), "import \"greet\"¦");
    assert_eq!(known.functions_of("../lib/people").len(), 0, "nothing outside of the folder is read");
}

/// Names that a text can hold in unhappy ways.
fn name() -> impl Strategy<Value = String> {
    let parts = vec![
        "\"",
        "\\",
        "`",
        "$",
        "{",
        "}",
        "${",
        "\n",
        "\r",
        "\t",
        "\0",
        "\u{1b}[2J",
        "\u{202e}",
        "\u{200d}",
        "\u{301}",
        "👩‍👩‍👧",
        "山田",
        "אבג",
        "e",
        "Grade 5",
        " ",
        "'",
        "\\n",
        "\\u0041",
        "//",
        "/*",
        ";",
        "x",
    ];
    let part = prop_oneof![4 => proptest::sample::select(parts).prop_map(str::to_owned), 1 => any::<String>()];
    prop_oneof![
        9 => proptest::collection::vec(part, 0..8).prop_map(|parts| parts.concat()),
        1 => proptest::sample::select(vec!["a", "\"", "é"]).prop_map(|c| c.repeat(300)),
    ]
}

thread_local!(static KNOWN: std::cell::RefCell<Known> = std::cell::RefCell::new(known()));

proptest! {
    #![proptest_config(ProptestConfig { cases: 1_000, ..ProptestConfig::default() })]

    /// Whatever a name is, what is put in reads back as that name, and nothing in it steers a terminal.
    #[test]
    fn what_is_completed_is_the_name(name in name(), opened in 0..3_usize, is_closed in any::<bool>()) {
        let before = ["", "\"", "`"][opened];
        let after = if is_closed { before } else { "" };
        let typed = format!("notify.webhook({before}{after}");
        let cursor = typed.len() - after.len();
        let (start, pairs) = KNOWN.with(|known| {
            known.borrow_mut().rename_webhooks(vec![name.clone()]);
            complete(&known.borrow(), &typed, cursor)
        });
        prop_assert_eq!(pairs.len(), 1);
        for pair in pairs {
            let whole = format!("{}{}{}", &typed[..start], pair.replacement, &typed[cursor..]);
            prop_assert!(!whole.contains(|c: char| c.is_control() || is_invisible(c)), "{whole:?}");
            let literal = whole.strip_prefix("notify.webhook(").expect("it stays");
            let read = rhai::Engine::new().eval::<rhai::ImmutableString>(literal);
            let read = read.map_err(|error| TestCaseError::fail(format!("{whole}: {error}")))?;
            prop_assert_eq!(read.as_str(), name.as_str());
        }
    }

    #[test]
    fn any_text_and_cursor_is_answered(
        parts in proptest::collection::vec(name(), 0..6),
        code in proptest::collection::vec(proptest::sample::select(vec![
            ":type ", ":", "users.", "groups[", "notify.webhook(", "|u| u.", "#{ ", "import ", "t::", "\n.", "let x = ", "${", "`", "\"",
        ]), 0..6),
        cursor in 0..400_usize,
    ) {
        let mixed: Vec<String> = parts.iter().zip(&code).map(|(part, code)| format!("{code}{part}")).collect();
        let text = mixed.concat() + code.last().copied().unwrap_or_default();
        KNOWN.with(|known| {
            known.borrow_mut().rename_webhooks(parts);
            let known = known.borrow();
            for cursor in [cursor, text.len()] {
                let (start, pairs) = complete(&known, &text, cursor);
                prop_assert!(pairs.is_empty() || (start <= cursor && text.is_char_boundary(start)));
            }
            Ok(())
        })?;
    }
}
