//! A bar stands for the cursor.

use proptest::prelude::*;
use rhai::{Engine, Token};

use super::*;
use crate::script::ScriptHost;
use crate::script::piece::{Piece, PieceKind, pieces};
use crate::script::typing::Type;

fn place_of(marked: &str, variables: &[Variable]) -> Option<Place> {
    let cursor = marked.rfind('¦').expect("a cursor");
    place(ScriptHost::new().catalog(), variables, &marked.replace('¦', ""), cursor)
}

fn member_of(marked: &str) -> String {
    match place_of(marked, &[]).map(|p| p.wanted) {
        Some(Wanted::Member(kind)) => kind.name,
        other => format!("{other:?}"),
    }
}

fn names_of(marked: &str) -> (String, String) {
    match place_of(marked, &[]) {
        Some(Place { wanted: Wanted::Name { names: Names::Words(words), .. }, written, .. }) => (words.join(" "), written),
        Some(Place { wanted: Wanted::Name { names, .. }, written, .. }) => (format!("{names:?}"), written),
        other => (format!("{other:?}"), String::new()),
    }
}

fn keys_of(marked: &str) -> Vec<String> {
    match place_of(marked, &[]).map(|p| p.wanted) {
        Some(Wanted::Key(keys)) => keys.iter().map(|key| key.split().1.to_owned()).collect(),
        other => vec![format!("{other:?}")],
    }
}

#[test]
fn options_of_the_library_are_offered() {
    let keys = keys_of("import \"testing\" as t; t::site(#{ users: 3, gr¦");
    assert!(keys.contains(&"groups".to_owned()) && !keys.contains(&"users".to_owned()), "{keys:?}");
    assert!(keys_of("import \"testing\" as t; t::site(#{ devices: [#{ ¦").contains(&"platform".to_owned()));
}

#[test]
fn the_chain_before_the_dot_says_what_can_follow() {
    for (text, kind) in [
        ("users.¦", "Selection"),
        ("import \"testing\" as t; t::site(#{ users: 3 }).¦", "TestSite"),
        ("import \"testing\" as t; fn test_x() { let site = t::site(#{}); site.users.first().¦", "User"),
        ("users.wh¦", "Selection"),
        ("users.where(|u| u.¦", "User"),
        ("users.where(|u| u.enabled && u.ma¦", "User"),
        ("devices.where(|d| d.¦)", "Device"),
        ("groups[\"Grade 5\"].¦", "Group"),
        ("groups[\"Grade 5\"].members.where(|x| x.¦", "User"),
        ("groups.rule(\"late\", |u| u.¦", "User"),
        ("users.first().¦", "User"),
        ("users\n  .where(|u| u.enabled)\n  .limit(3).first()?.¦", "User"),
        ("for u in users { u.¦", "User"),
        ("for u in users.where(|d| d.enabled) { print(u.¦", "User"),
        ("let late = users.where(|u| u.enabled); late.first().¦", "User"),
        ("let all = users + groups[\"a\"].members;\nall.where(|u| u.¦", "User"),
        ("(users - groups[\"x\"].members).first().¦", "User"),
        ("invite.plan(users, \"everyone\").¦", "Plan"),
        ("invite.plan(users, \"everyone\").devices.first().¦", "Device"),
        ("\"text\".¦", "string"),
        ("`a ${1} b`.¦", "string"),
        ("`a ${users.¦", "Selection"),
        ("[1, 2].¦", "array"),
        ("#{ a: 1 }.¦", "map"),
        ("now().¦", "Time"),
        ("if users.¦", "Selection"),
        ("let users = groups; users.¦", "Groups"),
        ("let folder = `C:\\`; users.¦", "Selection"),
        ("let n = 1; let folder = `${n}\\`; users.¦", "Selection"),
        ("fn late(users) { users.count() } users.¦", "Selection"),
    ] {
        assert_eq!(member_of(text), kind, "{text}");
    }
}

#[test]
fn what_is_not_known_is_not_guessed() {
    for text in [
        "nothing.¦",
        "users.nothing.¦",
        "fn f(users) { users.¦",
        "users.map(|a, users| users.¦",
        "// users.¦",
        ").¦",
        ".¦",
        "5 .¦ x",
    ] {
        let known = place_of(text, &[]).map(|p| p.wanted);
        assert!(!matches!(&known, Some(Wanted::Member(kind)) if kind.name != "int"), "{text}: {known:?}");
    }
    for text in ["let ¦", "let us¦", "t::us¦", "\"users.¦", "5¦", "users ¦", "/* us¦", "'¦"] {
        assert_eq!(place_of(text, &[]), None, "{text}");
    }
}

#[test]
fn variables_of_earlier_lines_have_the_type_of_their_value() {
    let variables = [
        Variable { name: "ana".to_owned(), kind: Type::known("User", None) },
        Variable { name: "users".to_owned(), kind: Type::known("Selection", Some("Device")) },
    ];
    let of = |text| place_of(text, &variables).map(|p| p.wanted);
    assert_eq!(of("ana.¦"), Type::known("User", None).map(Wanted::Member));
    assert_eq!(of("users.where(|d| d.¦"), Type::known("Device", None).map(Wanted::Member));
    assert_eq!(of("let ana = groups; ana.¦"), Type::known("Groups", None).map(Wanted::Member));
}

#[test]
fn names_are_wanted_where_a_text_names_something() {
    for (text, names, written) in [
        ("groups[\"Gr¦", "Groups", "Gr"),
        ("groups[¦", "Groups", ""),
        ("groups[¦]", "Groups", ""),
        ("groups.find(\"G¦", "Groups", "G"),
        ("users.in_group(¦", "Groups", ""),
        ("users.find(\"an¦", "Users", "an"),
        ("users.find(`an¦", "Users", "an"),
        ("devices.find(\"C0¦", "Devices", "C0"),
        ("devices.find(\"a \\\"b\\\\¦", "Devices", "a \"b\\"),
        ("schedule.next(\"w¦", "Schedules", "w"),
        ("notify.mail(users.find(\"ana\"), \"we¦", "Templates", "we"),
        ("notify.webhook(¦", "Webhooks", ""),
        ("site.setting(\"¦", "Settings", ""),
        ("apps.find(\"Key¦", "Apps", "Key"),
        ("invite.plan(groups[\"a, b\"], \"not¦", "not-invited not-enrolled everyone", "not"),
        ("invite.plan(users, \"everyone\").send(#{ channels: [\"mdm\", \"¦", "mdm mail", ""),
        ("invite.plan(users, \"everyone\").send(#{ channels: [¦", "mdm mail", ""),
        ("invite.plan(users, \"everyone\").send(#{ template: \"¦", "Templates", ""),
        ("users.where(|u| u.status == \"in¦", "none invited enrolled retired", "in"),
        ("devices.where(|d| d.enrollment == \"¦", "device user account-driven shared-ipad", ""),
        ("groups[`a\\b``c¦", "Groups", "a\\b`c"),
    ] {
        assert_eq!(names_of(text), (names.to_owned(), written.to_owned()), "{text}");
    }
}

#[test]
fn texts_end_where_the_engine_ends_them() {
    for (text, names, written) in [
        ("groups[\"a\"\"b¦", "Groups", "a\"b"),
        ("groups[`a``b¦", "Groups", "a`b"),
        ("groups[`a\\¦", "Groups", "a\\"),
        ("groups[`a\\${b¦", "Groups", "a${b"),
        ("let x = `\\`; groups[\"G¦", "Groups", "G"),
        ("import \"¦", "Modules", ""),
        ("import ¦", "Modules", ""),
    ] {
        assert_eq!(names_of(text), (names.to_owned(), written.to_owned()), "{text}");
    }
}

#[test]
fn what_follows_a_module_s_name_is_of_that_module() {
    let of = |text: &str| place_of(text, &[]).map(|p| p.wanted);
    assert_eq!(of("import \"lib/a\" as a; a::¦"), Some(Wanted::OfModule("lib/a".to_owned())));
    assert_eq!(of("import \"lib/a\" as a; a::late¦"), Some(Wanted::OfModule("lib/a".to_owned())));
    assert_eq!(of("import \"lib/a\" as a; b::¦"), None);
}

#[test]
fn options_are_offered_once_each() {
    let keys = keys_of("invite.plan(users, \"everyone\").send(#{ ¦");
    assert!(keys.contains(&"remind".to_owned()) && keys.contains(&"template".to_owned()), "{keys:?}");
    assert_eq!(keys_of("let plan = invite.plan(users, \"everyone\"); plan.send(#{ re¦"), keys);
    let rest = keys_of("invite.user(users.first(), #{ template: \"x\", ¦ remind: [] })");
    assert!(!rest.contains(&"remind".to_owned()) && !rest.contains(&"template".to_owned()), "{rest:?}");
    assert!(keys_of("invite.user(users.first(), #{ remind: #{ ¦").contains(&"after".to_owned()));
}

#[test]
fn a_call_knows_its_forms() {
    let catalog = ScriptHost::new();
    let forms = |text: &str| -> Vec<String> {
        called(catalog.catalog(), &[], text, text.len()).iter().map(|form| form.call_form(form.is_method())).collect()
    };
    assert_eq!(forms("users.where("), ["where(closure: closure)"]);
    assert_eq!(forms("users.where(|u| u.enabled && (true"), ["where(closure: closure)"]);
    assert_eq!(forms("users.order_by(\"a\", ").len(), 2);
    assert_eq!(forms("days("), ["days(count: int)"]);
    assert_eq!(forms("users"), Vec::<String>::new());
    assert_eq!(forms("if (x"), Vec::<String>::new());
}

/// Pieces that meet each other in unhappy ways.
fn unhappy() -> impl Strategy<Value = String> {
    let words = vec![
        "(",
        ")",
        "[",
        "]",
        "{",
        "}",
        "#{",
        "`",
        "${",
        "\"",
        "'",
        "/*",
        "*/",
        "//",
        "\n",
        "\\",
        ".",
        "?.",
        ";",
        "|",
        "||",
        ",",
        ":",
        "let ",
        "for ",
        " in ",
        "fn ",
        "users",
        "groups",
        "u",
        "where",
        "first",
        "send",
        "invite",
        "plan",
        "x",
        "1",
        "1.5",
        "=",
        "==",
        "#",
        "#\"",
        "\"#",
        "::",
        " ",
        "\u{301}",
        "👩‍👩‍👧",
        "é",
        "\0",
        "\\u00",
        "..=",
        "?[",
    ];
    prop_oneof![8 => proptest::sample::select(words).prop_map(str::to_owned), 1 => any::<String>()]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1_000, ..ProptestConfig::default() })]

    #[test]
    fn any_text_and_cursor_is_answered(parts in proptest::collection::vec(unhappy(), 0..60), cursor in 0..200_usize) {
        thread_local!(static HOST: ScriptHost = ScriptHost::new());
        let text = parts.concat();
        HOST.with(|host| {
            let variables = [Variable { name: "x".to_owned(), kind: Type::known("Plan", None) }];
            if let Some(place) = place(host.catalog(), &variables, &text, cursor) {
                prop_assert!(place.start <= cursor && text.is_char_boundary(place.start), "{place:?}");
            }
            called(host.catalog(), &variables, &text, cursor);
            Ok(())
        })?;
        let mut end = 0;
        for piece in pieces(&text) {
            prop_assert_eq!(piece.start, end);
            prop_assert!(text.get(piece.start..piece.end).is_some());
            end = piece.end;
        }
        prop_assert_eq!(end, text.len());
    }
}

#[test]
fn the_pieces_are_those_that_the_engine_reads() {
    let engine = Engine::new_raw();
    let scripts = [
        include_str!("../../../scripts/invite-group.rhai"),
        include_str!("../../../scripts/remind-open-invitations.rhai"),
        "let x = #\"a \"b\" c\"#; x[1..=2] ?? y?.z(|a| -a) /* in /* in */ */ // end",
        // In backticks a backslash is one, and two backticks are one.
        r"let folder = `C:\`; let quoted = `a `` b`; let dollar = `\${x}`; folder",
    ];
    for script in scripts {
        let starts = |wanted: fn(&Piece) -> bool| -> Vec<String> {
            let all = pieces(script);
            all.iter().filter(|p| wanted(p)).map(|p| script[p.start..p.end].to_owned()).collect()
        };
        let texts = [script];
        let (lexer, _) = engine.lex(&texts);
        let mut words = Vec::new();
        let mut texts_read = 0;
        // At the end of the text it says so again and again.
        for (token, _) in lexer.take_while(|(token, _)| *token != Token::EOF) {
            match token {
                Token::LexError(error) => panic!("{error}"),
                Token::Identifier(name) => words.push(name.to_string()),
                // Functions such as `print` that nobody can define again.
                Token::Reserved(name) if name.starts_with(char::is_alphabetic) => words.push(name.to_string()),
                Token::StringConstant(_) | Token::InterpolatedString(_) => texts_read += 1,
                _ => {}
            }
        }
        assert_eq!(starts(|p| p.kind == PieceKind::Word), words);
        assert!(starts(|p| p.kind == PieceKind::Text).len() >= texts_read);
    }
}
