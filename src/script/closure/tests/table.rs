//! One line a rule: a closure, and how much of it the store can answer.

use super::Verdict::{ButErrors, Left, Partly, Pushed};
use super::school::School;
use super::{Verdict, answer, check};

fn verdicts(before: &str, table: &[(&str, Verdict)]) {
    let school = School::new();
    let mut wrong = Vec::new();
    for (closure, expect) in table {
        match check(&school, before, closure) {
            Ok(verdict) if verdict == *expect => {}
            other => wrong.push(format!("{closure}\n  expected {expect:?}, got {other:?}")),
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn plain_fields() {
    verdicts(
        "",
        &[
            ("|u| u.enabled", Pushed),
            ("|u| !u.enabled", Pushed),
            ("|u| !!u.invited", Pushed),
            ("|u| { u.enabled }", Pushed),
            ("|u| u.enabled == true", Pushed),
            ("|u| u.enabled != true", Pushed),
            ("|u| false == u.enabled", Pushed),
            ("|u| u.status == \"invited\"", Pushed),
            ("|u| \"invited\" != u.status", Pushed),
            ("|u| u.reminders > 2", Pushed),
            ("|u| 2 <= u.reminders", Pushed),
            ("|u| u.reminders > -1", Pushed),
            ("|u| u.reminders >= 1 + 1", Pushed),
            ("|d| d.platform == \"macos\" && d.managed", Pushed),
            ("|d| d.can_be_invited || d.os_version < \"16\"", Pushed),
            ("|u| true", Pushed),
            ("|u| false", Pushed),
            ("|u| false && u.mail.contains(\"@\")", Pushed),
        ],
    );
}

#[test]
fn missing_values_are_two_valued() {
    verdicts(
        "",
        &[
            ("|u| u.mail == ()", Pushed),
            ("|u| u.mail != ()", Pushed),
            ("|u| () == u.department", Pushed),
            ("|u| !(u.department == \"Music\")", Pushed),
            ("|u| u.department != \"Music\"", Pushed),
            ("|u| !(u.department < \"Music\")", Pushed),
            ("|u| u.mail <= ()", Pushed),
            ("|u| u.username == ()", Pushed),
            ("|u| u.username != ()", Pushed),
            ("|u| !(u.last_contact < now())", Pushed),
            ("|u| u.last_contact == () || u.last_contact < now() - days(3)", Pushed),
            ("|u| u.mail == u.title", Pushed),
            ("|u| u.mail != u.title", Pushed),
            ("|u| u.mail <= u.title", Pushed),
            ("|u| !(u.mail > u.title)", Pushed),
            ("|u| u.attributes[\"house\"] == \"red\"", Pushed),
            ("|u| u.attributes[\"house\"] != \"red\"", Pushed),
            ("|u| u.attributes[\"none\"] == ()", Pushed),
        ],
    );
}

#[test]
fn kinds_that_don_t_match_are_unequal_and_unordered() {
    verdicts(
        "",
        &[
            ("|u| u.reminders == \"1\"", Pushed),
            ("|u| u.reminders != \"1\"", Pushed),
            ("|u| u.reminders < \"1\"", Pushed),
            ("|u| u.mail == 1", Pushed),
            ("|u| u.mail != true", Pushed),
            ("|u| u.enabled == 1", Pushed),
            ("|u| u.enabled == ()", Pushed),
            // What the host's times do with others is the host's; fractions round, characters are texts.
            ("|u| u.invited_at == 3", Left),
            ("|u| u.mail == now()", Left),
            ("|u| u.reminders > 0.5", Left),
            ("|u| u.title == 'M'", Left),
            ("|u| u.enabled > false", Left),
            ("|u| u.reminders == u.mail", Left),
            ("|u| u.enrolled_at > u.invited_at", Left),
        ],
    );
}

#[test]
fn texts_are_searched_by_bytes() {
    verdicts(
        "let part = \"us\"; let nothing = ();",
        &[
            ("|u| u.full_name.contains(\"van\")", Pushed),
            ("|u| u.username.starts_with(\"an\")", Pushed),
            ("|u| u.username.ends_with(\"a\")", Pushed),
            ("|u| u.username.contains(\"%\") || u.username.contains(\"_\")", Pushed),
            ("|u| u.username.contains(\"\")", Pushed),
            ("|u| u.username.contains('e')", Pushed),
            ("|u| \"a\" in u.username", Pushed),
            ("|u| \"a\" !in u.username", Pushed),
            ("|u| u.username == \"\u{e9}a\"", Pushed),
            ("|u| u.username > \"fz\"", Pushed),
            ("|u| \"ana, ben\".contains(u.username)", Pushed),
            ("|u| u.full_name.contains(u.username)", Pushed),
            ("|u| u.mail != () && u.mail.ends_with(\"@school.example\")", Pushed),
            ("|u| u.mail == () || u.mail.contains(part)", Pushed),
            ("|u| u.mail != () && (u.enabled || !u.mail.contains(part))", Pushed),
            ("|u| !(u.mail == () || !u.mail.contains(part))", Pushed),
            ("|u| u.mail > \"b\" && \"@\" in u.mail", Pushed),
            ("|u| u.mail in [\"hal\", \"\"] && u.mail.contains(\"h\")", Pushed),
            // An error where there is no address: the interpreter raises it.
            ("|u| u.mail.contains(\"@\")", ButErrors),
            ("|u| !u.mail.contains(\"@\")", ButErrors),
            ("|u| u.mail.contains(\"\")", ButErrors),
            ("|u| u.enabled && u.mail.contains(\"@\") && u.invited", ButErrors),
            ("|u| u.enabled || u.mail.contains(\"@\") || u.title.contains(\"M\")", ButErrors),
            ("|u| !(u.mail.contains(\"@\") && u.title.contains(\"M\"))", ButErrors),
            ("|u| u.mail.contains(u.title)", ButErrors),
            ("|u| u.mail.contains(\"@\") && u.mail == ()", ButErrors),
            ("|u| (u.mail.contains(\"@\") || u.enabled) && u.mail.starts_with(\"a\")", ButErrors),
            ("|u| u.mail.contains(nothing)", Left),
            ("|u| u.reminders.contains(\"1\")", Left),
            ("|u| u.username.contains(1)", Left),
            ("|u| u.username.contains(\"\\x00\")", Left),
            ("|u| u.username.to_upper() == \"ANA\"", Left),
            ("|u| u.username.len > 3", Left),
            ("|u| u.mail?.contains(\"@\") == true", Left),
        ],
    );
}

#[test]
fn times_are_taken_once() {
    verdicts(
        "let week = days(7); let since = now() - week; let odd = now() - nanosecond(); let dumb = mute();",
        &[
            ("|u| u.invited_at < now() - days(7)", Pushed),
            ("|u| u.invited && !u.enrolled && u.invited_at <= now() - days(7)", Pushed),
            ("|u| u.last_contact >= since", Pushed),
            ("|u| since != u.last_contact", Pushed),
            ("|u| u.last_contact < now() - (week + hours(1))", Pushed),
            ("|u| u.last_contact == now()", Pushed),
            ("|u| u.last_contact > since && u.enabled", Pushed),
            // Between two milliseconds there is nothing in the store.
            ("|u| u.last_contact > odd", Left),
            ("|u| u.last_contact > odd && u.enabled", Partly),
            // A type that can't be compared raises an error.
            ("|u| u.last_contact == dumb", Left),
            ("|u| u.enabled && u.last_contact < date(\"nonsense\")", Partly),
            ("|u| u.last_contact < now() - nanosecond()", Left),
        ],
    );
}

#[test]
fn lists_groups_and_captured_values() {
    verdicts(
        "let wanted = [\"Music\", \"STRASSE\"]; let house = \"red\"; let everybody = false; let mixed = [1, \"1\", (), true];
         let few = 2; let key = \"house\"; let group = \"Grade 5\"; let none = [];",
        &[
            ("|u| u.department in wanted", Pushed),
            ("|u| u.department !in wanted", Pushed),
            ("|u| wanted.contains(u.department)", Pushed),
            ("|u| u.title in [\"Ms\", \"Mr\", house]", Pushed),
            ("|u| u.title in mixed", Pushed),
            ("|u| u.title in none", Pushed),
            ("|u| u.reminders in [1, 5, 9]", Pushed),
            ("|u| u.attributes[key] == house", Pushed),
            ("|u| everybody || u.enabled", Pushed),
            ("|u| few > 3 || u.reminders == few", Pushed),
            ("|u| u.reminders > few - 1", Pushed),
            ("|u| u.reminders > -few", Pushed),
            ("|u| house == () || u.department == house", Pushed),
            ("|u| u.in_group(\"Grade 5\")", Pushed),
            ("|u| u.in_group(group) && !u.in_group(\"Lehrkräfte\")", Pushed),
            ("|u| \"School\" in u.groups", Pushed),
            ("|u| u.groups.contains(group)", Pushed),
            ("|u| u.in_group(\"Nobody's\")", Left),
            ("|u| u.groups.contains(1)", Left),
            ("|u| u.groups.len() > 1", Left),
            ("|u| u.title in [\"Ms\", 1.5]", Left),
            ("|u| u.title in [u.mail, \"Ms\"]", Left),
        ],
    );
}

#[test]
fn devices_of_users_and_users_of_devices() {
    verdicts(
        "let macs = \"macos\"; let is_old = |d| d.last_seen < now() - days(30);",
        &[
            ("|u| u.devices.some(|d| d.managed)", Pushed),
            ("|u| !u.devices.some(|d| d.platform == macs && !d.managed)", Pushed),
            ("|u| u.devices.some(is_old)", Pushed),
            ("|u| u.devices.is_empty()", Pushed),
            ("|u| !u.devices.is_empty() && u.enabled", Pushed),
            ("|u| u.devices.some(|d| d.user.some_day)", Left),
            ("|u| u.devices.some(|d| d.name == u.username)", Left),
            ("|u| u.devices.some(|d| d.os_version.starts_with(\"15\"))", Left),
            ("|u| u.devices.some(|d| d.os_version != () && d.os_version.starts_with(\"15\"))", Pushed),
            ("|u| u.devices.some(|d| d.user != () && d.user.enabled)", Pushed),
            ("|u| u.devices.len() > 1", Left),
            ("|d| d.user == ()", Pushed),
            ("|d| d.user != () && d.user.department == \"Music\"", Pushed),
            ("|d| d.user == () || d.user.enrolled", Pushed),
            ("|d| d.user != () && d.user.department in [\"Music\", ()]", Pushed),
            ("|d| d.user != () && d.user.in_group(\"Grade 5\")", Pushed),
            ("|d| d.user != () && \"Lehrkräfte\" in d.user.groups", Pushed),
            ("|d| d.user != () && d.user.mail != () && d.user.mail.contains(\"@\")", Pushed),
            ("|d| d.user != () && d.user.attributes[\"house\"] == \"red\"", Pushed),
            ("|d| d.user.department == \"Music\"", ButErrors),
            ("|d| !d.user.enabled", ButErrors),
            ("|d| d.user.in_group(\"Grade 5\")", ButErrors),
            ("|d| d.user != () && d.user.mail.contains(\"@\")", ButErrors),
            ("|d| d.managed && d.user.department in [\"Music\", \"x\"]", ButErrors),
            ("|d| d.user.mail.contains(\"@\") && d.user.title != ()", ButErrors),
        ],
    );
}

#[test]
fn what_can_t_be_proved_is_left_over() {
    verdicts(
        "let n = 3; fn odd(u) { u.reminders % 2 == 1 }",
        &[
            ("|u| u.enabled && u.username.len > 3", Partly),
            ("|u| u.username.len > 3 && u.enabled", Partly),
            ("|u| odd(u) && u.enabled && u.invited", Partly),
            ("|u| u.mail.contains(\"@\") && odd(u)", Partly),
            ("|u| odd(u) || u.enabled", Left),
            ("|u| !(odd(u) && u.enabled)", Left),
            ("|u| u.nickname == \"x\"", Left),
            ("|u| u.enabled && u.nickname == \"x\"", Partly),
            ("|u| u.mail", Left),
            ("|u| u.enabled && u.mail", Partly),
            ("|u| ()", Left),
            ("|u| 1", Left),
            ("|u| u == u", Left),
            ("|u| { let x = u.reminders; x > 2 }", Left),
            ("|u| { u.enabled; u.invited }", Left),
            ("|u| if u.enabled { true } else { false }", Left),
            ("|u| u.reminders % 2 == 0", Left),
            ("|u| u.enabled & u.invited", Left),
            ("|u| u.enabled == u.invited", Left),
            ("|u| (u.title ?? \"Ms\") == \"Ms\"", Left),
            ("|u| `${u.title}` == \"Ms\"", Left),
            ("|u| this.enabled", Left),
            ("|u| u.reminders > unknown_function(3)", Left),
        ],
    );
}

#[test]
fn what_the_script_defines_itself_means_what_the_script_says() {
    let early = [("|u| u.last_contact < now() - days(1)", Left), ("|u| u.last_contact < now()", Pushed)];
    verdicts("fn days(n) { hours(n) }", &early);
    verdicts("fn now() { date(\"x\") }", &[("|u| u.last_contact < now()", Left)]);
    let searches = [
        ("|u| u.username.contains(\"a\")", Left),
        ("|u| \"a\" in u.username", Left),
        ("|u| u.title in [\"Ms\"]", Left),
        ("|u| u.username.starts_with(\"a\")", Pushed),
    ];
    verdicts("fn contains(a, b) { true }", &searches);
    verdicts("fn contains(a) { true }", &searches);
    verdicts("fn string.contains(a) { true }", &searches);
    verdicts("fn in_group(name) { true }", &[("|u| u.in_group(\"School\")", Left)]);
    verdicts("fn is_empty() { true }", &[("|u| u.devices.is_empty()", Left)]);
}

#[test]
fn what_an_imported_module_adds_to_every_script_counts() {
    let starts = "|u| u.username.starts_with(\"z\")";
    verdicts("", &[(starts, Pushed)]);
    verdicts("import \"own\" as own;", &[(starts, Left), ("|u| u.last_contact < now() - days(1)", Pushed)]);
}

#[test]
fn functions_by_name_and_curried_ones_are_closures_too() {
    verdicts("fn late(u) { u.invited && !u.enrolled }", &[("Fn(\"late\")", Pushed), ("late", Pushed)]);
    verdicts("fn often(n, u) { u.reminders >= n }", &[("Fn(\"often\").curry(2)", Pushed), ("Fn(\"often\").curry(0.5)", Left)]);
    verdicts("fn User.late(u) { u.enabled }", &[("Fn(\"late\")", Left)]);
    verdicts("fn first(u) { return u.enabled; }", &[("Fn(\"first\")", Pushed)]);
}

#[test]
fn closures_inside_functions_are_found() {
    let school = School::new();
    let script = "fn music() { users.where(|u| u.department == \"Music\"); } music(); import \"own\" as own; own::music();";
    let answered = answer(&school, script).unwrap();
    let verdicts: Vec<_> = answered.iter().map(|one| one.is_kept(&school).map(|()| one.verdict())).collect();
    assert_eq!(verdicts, [Ok(Pushed), Ok(Partly)]);
}

#[test]
fn nothing_is_pushed_past_the_limits_and_no_stack_overflows() {
    let chained = |n: usize, between: &str| format!("|u| {}", vec!["u.reminders != 7"; n].join(between));
    verdicts("", &[(&chained(60, " && "), Pushed), (&chained(60, " || "), Pushed), (&chained(300, " && "), Left)]);
    let nested = (0..40).fold("u.enabled".to_owned(), |inner, _| format!("!({inner})"));
    verdicts("", &[(&format!("|u| {nested}"), Left)]);
    let many: Vec<String> = (0..1_000).map(|n| format!("\"{n}\"")).collect();
    verdicts(&format!("let many = [{}, \"ana\"];", many[1..].join(",")), &[("|u| u.username in many", Pushed)]);
    verdicts(&format!("let many = [{}, \"ana\"];", many.join(",")), &[("|u| u.username in many", Left)]);
    // Each may raise an error: the condition for that would grow with their square.
    let raising = |n: usize| format!("|u| {}", vec!["u.mail.contains(\"@\") != u.enabled"; n].join(" && "));
    verdicts("", &[(&raising(3), Left)]);
    let raising = |n: usize| (0..n).map(|i| format!("u.attributes[\"{i}\"].contains(\"@\")")).collect::<Vec<_>>().join(" && ");
    verdicts("", &[(&format!("|u| {}", raising(8)), ButErrors), (&format!("|u| {}", raising(12)), Partly)]);
    verdicts("", &[(&format!("|u| u.enabled || ({})", raising(12)), Left)]);
}

#[test]
fn operators_that_a_host_may_overload_stop_everything() {
    use super::school::{register, value_of};
    use crate::domain::selection::Of;
    let school = School::new();
    let mut engine = rhai::Engine::new();
    register(&mut engine, &school);
    engine.set_fast_operators(false);
    engine.register_fn("look", |ctx: rhai::NativeCallContext, closure: rhai::FnPtr| {
        let compiled = super::compile(&ctx, &closure, Of::Users, &|_| None, &value_of);
        compiled.pushed.is_none() && compiled.leftover
    });
    assert!(engine.eval::<bool>("look(|u| u.enabled)").unwrap());
}

#[test]
fn captured_variables_are_taken_as_they_are() {
    let mut engine = rhai::Engine::new();
    engine.register_fn("frozen", |closure: rhai::FnPtr| super::super::frozen(&closure));
    let both = "let n = 1; let live = || n; let still = frozen(live); n = 2; [live.call(), still.call()]";
    let both = engine.eval::<rhai::Array>(both).unwrap();
    assert_eq!(both.iter().map(|n| n.as_int().unwrap()).collect::<Vec<_>>(), [2, 1]);
}

#[test]
fn the_parts_are_told_as_a_person_would_write_them() {
    let closure = "let old = 3; users.where(|u| u.invited && !u.enrolled && u.username.len > old
        && (u.title !in [\"Ms\", \"Mr\"] || u.attributes[\"house\"] == \"red\") && !(u.reminders == 1)
        && u.mail.contains(\"@\") && u.invited_at < now() - days(7) && u.devices.some(|d| d.managed));";
    let answered = answer(&School::new(), closure).unwrap();
    let told = &answered[0].compiled;
    assert_eq!(
        told.pushed_text,
        [
            "u.invited",
            "!u.enrolled",
            "(u.title !in [\"Ms\", \"Mr\"] || u.attributes[\"house\"] == \"red\")",
            "!(u.reminders == 1)",
            "u.mail.contains(\"@\")",
            "u.invited_at < now() - days(7)",
            "u.devices.some(|…|)",
        ]
    );
    assert_eq!(told.left_text, ["u.username.len > old", "u.mail.contains(\"@\"), because it may raise an error"]);
    assert_eq!(told.left_at.iter().map(|at| at.line()).collect::<Vec<_>>(), [Some(1), Some(3)]);
}
