//! Scripts as somebody writes them who knows other languages, or none: what they are told is what to write instead.

use crate::script::testing::{School, host, site, trial};
use crate::script::{ScriptError, Surroundings};

fn in_words(error: &ScriptError) -> String {
    let place = format!("{}:{}+{}", error.line, error.column, error.length);
    let hint = error.hint.as_ref().map(|hint| format!(" ({hint})")).unwrap_or_default();
    format!("{place} {}{hint}", error.message)
}

/// What the check says first, and what a run says, where that is something else.
fn told(script: &str) -> String {
    let facts = site();
    let around = Surroundings {
        site: Some(&facts),
        view: Some(std::sync::Mutex::new(Box::new(School::sunnyside()))),
        module: &|_| Err(Vec::new()),
        modules_unknown: false,
    };
    let checked = host().examine("scripts/test.rhai", script, &around).findings;
    let first = checked.iter().find(|finding| finding.is_error()).or(checked.first());
    let check = first.map_or("fine".to_owned(), |finding| in_words(&finding.error));
    let run = trial(script).run().map_or_else(|error| in_words(&error), |_| "it runs".to_owned());
    match check == run {
        true => format!("{script}\n    {check}\n"),
        false => format!("{script}\n    check: {check}\n    run: {run}\n"),
    }
}

#[test]
fn signs_that_are_missing_or_others() {
    let all = [
        "let late = groups[\"Grade 5\"].members\n// who is late\n\nprint(late.count());",
        "let i = 0\nwhile i < 3 { i += 1; }",
        "print(\"hello);",
        "for u in users {\n    print(u.username);\n",
        "print(users.count(;",
        "for u in users { if u.department = \"Music\" { print(1); } }",
        "for u of users { print(u.username); }",
        "if users.count() > 1; { print(\"x\"); }",
        "print(\u{201c}hello\u{201d});",
        "print('hello');",
        "print(\"he said \"hello\"\");",
        "let\u{a0}x = 1;",
        "# a comment\nprint(1);",
        "print(users.count() > 5 ? \"many\" : \"few\");",
        "let n = 0; n++;",
        "let late-users = users.limit(1);",
        "let o = #{ subject: \"a\" text: \"b\" };",
        "let o = #{\n    subject: \"a\"\n    text: \"b\"\n};",
        "notify.mail(users, \"welcome\", #{ subject = \"a\" });",
        "notify.mail(users, \"welcome\", { subject: \"a\" });",
        "if users.count() > 1: print(1);",
    ];
    insta::assert_snapshot!(all.map(told).concat(), @r##"
    let late = groups["Grade 5"].members
    // who is late

    print(late.count());
        1:37+1 `;` is missing to terminate this statement
    let i = 0
    while i < 3 { i += 1; }
        1:10+1 `;` is missing to terminate this statement
    print("hello);
        1:7+8 a text is not closed (a text in "double quotes" ends on its line; `backticks` may span lines)
    for u in users {
        print(u.username);

        3:1+1 `}` is missing to terminate this block (the `{` on line 1 is not closed)
    print(users.count(;
        1:19+1 ";" is not expected here
    for u in users { if u.department = "Music" { print(1); } }
        1:34+1 `=` gives a variable a value, and can't compare (did you mean `==`?)
    for u of users { print(u.username); }
        1:7+2 `in` is missing after the iteration variable (a loop is written `for u in users { … }`)
    if users.count() > 1; { print("x"); }
        1:21+1 `{` is missing to start a statement block (take this `;` out)
    print(“hello”);
        1:7+1 "“" is not expected here (a text stands between straight quotes: "hello")
    print('hello');
        1:7+1 'hello' is not one character (a text is written in "double quotes")
    print("he said "hello"");
        1:17+5 `,` is missing to separate the arguments to function call 'print' (a quote inside a text is written `\"`)
    let x = 1;
        1:4+1 "\u{a0}" is not expected here (an invisible character stands here (U+00A0): take it out)
    # a comment
    print(1);
        1:1+1 "#" is a reserved word and can't be a name (a comment begins with `//`)
    print(users.count() > 5 ? "many" : "few");
        1:25+1 unknown operator: '?' (there is no `? :`: write `if n > 5 { "many" } else { "few" }`)
    let n = 0; n++;
        1:13+1 unknown operator: '++' (write `n += 1`)
    let late-users = users.limit(1);
        1:9+1 `;` is missing to terminate this statement (a name has no hyphen: `late_users`)
    let o = #{ subject: "a" text: "b" };
        1:25+4 `,` is missing to separate the items of this object map literal
    let o = #{
        subject: "a"
        text: "b"
    };
        2:17+1 `,` is missing to separate the items of this object map literal
    notify.mail(users, "welcome", #{ subject = "a" });
        1:42+1 `:` is missing to follow the property 'subject' in this object map literal (in a map the value follows a colon: `#{ subject: "…" }`)
    notify.mail(users, "welcome", { subject: "a" });
        1:33+7 there is no variable "subject" (a map begins with `#{`: `#{ subject: … }`)
    if users.count() > 1: print(1);
        1:21+1 `{` is missing to start a statement block (a block stands in braces: `{ … }`)
    "##);
}

#[test]
fn words_of_other_languages() {
    let all = [
        "for u in users { if u.mail == null { print(1); } }",
        "let u = users.first();\nif u == None { print(1); }",
        "let x = users.where(|u| u.invited and not u.enrolled);",
        "for u in users { if u.department is \"Music\" { print(1); } }",
        "for u in users { if u.username not in [\"ana\"] { print(1); } }",
        "let x = True;",
        "var x = 1;",
        "def greet(u):\n    print(u)",
        "function greet(u) { print(u); }",
        "let names = users.map(u => u.username);",
        "let names = users.map(lambda u: u.username);",
        "if 1 > 5 { print(1); } elif 1 > 1 { print(2); }",
        "console.log(\"hi\");",
        "for u in users { print(f\"hello {u.full_name}\"); }",
        "print(\"hello ${users.count()}\");",
        "print(\"hello %d\" % 5);",
        "import weekly as w;",
    ];
    insta::assert_snapshot!(all.map(told).concat(), @r#"
    for u in users { if u.mail == null { print(1); } }
        1:31+4 "null" is a reserved word and can't be a name (nothing is written `()`)
    let u = users.first();
    if u == None { print(1); }
        2:9+4 there is no variable "None" (nothing is written `()`)
    let x = users.where(|u| u.invited and not u.enrolled);
        1:35+3 `,` is missing to separate the arguments to function call 'where' (write `&&` for "and")
    for u in users { if u.department is "Music" { print(1); } }
        1:34+2 `{` is missing to start a statement block (write `==` for "is")
    for u in users { if u.username not in ["ana"] { print(1); } }
        1:32+3 `{` is missing to start a statement block (write `!` for "not": `!u.enrolled`)
    let x = True;
        1:9+4 there is no variable "True" (did you mean `true`?)
    var x = 1;
        1:1+3 "var" is a reserved word and can't be a name (did you mean `let`?)
    def greet(u):
        print(u)
        1:1+3 there is no variable "def" (a function begins with `fn`: `fn greet(name) { … }`)
    function greet(u) { print(u); }
        1:1+8 there is no variable "function" (a function begins with `fn`: `fn greet(name) { … }`)
    let names = users.map(u => u.username);
        1:23+1 there is no variable "u" (a closure has its parameter between bars: `|u| …`)
    let names = users.map(lambda u: u.username);
        1:23+6 there is no variable "lambda" (a closure has its parameter between bars: `|u| u.username`)
    if 1 > 5 { print(1); } elif 1 > 1 { print(2); }
        1:24+4 there is no variable "elif" (write `else if`)
    console.log("hi");
        1:1+7 there is no variable "console" (`print(…)` shows a line)
    for u in users { print(f"hello {u.full_name}"); }
        1:24+1 there is no variable "f" (values are put into a text between backticks: `hello ${name}`)
    print("hello ${users.count()}");
        check: 1:7+24 this text is shown as it stands, with its `${…}` (values are put into a text between backticks: `hello ${name}`)
        run: it runs
    print("hello %d" % 5);
        check: fine
        run: 1:18+1 `%` can't be used between string and int (values are put into a text between backticks: `hello ${name}`)
    import weekly as w;
        1:8+6 there is no variable "weekly" (a module's name stands in quotes: `import "weekly" as weekly;`)
    "#);
}

#[test]
fn selections_groups_and_times() {
    let all = [
        "users.where(u.department == \"Music\");",
        "print(len(users));",
        "print(users.length);",
        "users.forEach(|u| print(u.username));",
        "let a = users.filter(|u| u.department == \"Music\");",
        "for u in users { print(u.Email); }",
        "print(users[0]);",
        "for u in groups.Staff.members { print(u.username); }",
        "let x = users.where(|u| u.invited_at < now - days(7));",
        "let x = users.where(|u| u.invited_at < now() - 7);\nx.count()",
        "print(date(\"01.12.2026\"));",
        "notify.mail(\"welcome\", users, #{ subject: \"a\" });",
        "notify.push(\"hello\", users);",
        "invite.plan(users, \"not-invited\").send(#{ remind: [\"3 days\"] });",
        "invite.plan(users, \"not-invited\").send(#{ reminder: [days(3)] });",
        "invite.plan(users, \"not-invited\").send(#{ expires: 14 });",
        "notify.mail(users, \"reminders\");",
    ];
    insta::assert_snapshot!(all.map(told).concat(), @r#"
    users.where(u.department == "Music");
        check: 1:7+5 `where` can't be called with bool (write a closure, with its parameter between bars: `users.where(|u| u.invited)`)
        run: 1:13+1 there is no variable "u" (a closure has its parameter between bars: `|u| u.department == "Music"`)
    print(len(users));
        1:7+3 `len` can't be called with Selection (`users.count()` says how many there are)
    print(users.length);
        1:13+6 Selection has no field `length` (`count()` says how many there are)
    users.forEach(|u| print(u.username));
        1:7+7 Selection has no function `forEach` (a loop goes over them: `for u in users { … }`)
    let a = users.filter(|u| u.department == "Music");
        1:15+6 Selection has no function `filter` (`where(|u| …)` keeps those for which the closure answers true)
    for u in users { print(u.Email); }
        1:26+5 User has no field `Email` (did you mean `mail`?)
    print(users[0]);
        check: 1:13+1 a Selection can't be indexed (`first()` gives the first one, and `to_array()` makes an array)
        run: 1:12+3 this can't be indexed so: Selection by int (`first()` gives the first one, and `to_array()` makes an array)
    for u in groups.Staff.members { print(u.username); }
        check: fine
        run: it runs
    let x = users.where(|u| u.invited_at < now - days(7));
        1:40+3 there is no variable "now" (it is a function: write `now()`)
    let x = users.where(|u| u.invited_at < now() - 7);
    x.count()
        1:46+1 `-` can't be used between Time and int (a span of time has a unit: `days(7)`, `hours(2)`)
    print(date("01.12.2026"));
        1:12+12 "01.12.2026" is no date (write it as "2026-12-01")
    notify.mail("welcome", users, #{ subject: "a" });
        1:8+4 `mail` can't be called with string, Selection, map (who gets it comes first: `notify.mail(users, "message", …)`)
    notify.push("hello", users);
        1:8+4 `push` can't be called with string, Selection (who gets it comes first: `notify.push(users, "text")`)
    invite.plan(users, "not-invited").send(#{ remind: ["3 days"] });
        1:43+6 the option "remind" of plan.send wants time spans such as `[days(3), days(7)]`, not a text
    invite.plan(users, "not-invited").send(#{ reminder: [days(3)] });
        1:43+8 plan.send has no option "reminder" (did you mean "remind"?)
    invite.plan(users, "not-invited").send(#{ expires: 14 });
        1:43+7 the option "expires" of plan.send wants a time span such as `days(3)`, not a whole number
    notify.mail(users, "reminders");
        1:20+11 there is no template "reminders" (did you mean "reminder"?)
    "#);
}
