use std::fs;

use proptest::prelude::*;
use serde_json::json;

use super::*;

fn shipped() -> Templates {
    Templates::load(None, "nl").unwrap()
}

fn ana() -> MailData {
    MailData {
        user: UserWords::new("Ana Pires", "ana", "nl"),
        site: SiteWords {
            name: "Sunnyside School".to_owned(),
            contact: "it@sunnyside.example".to_owned(),
            helpdesk: "https://help.sunnyside.example".to_owned(),
        },
        invitation: InvitationWords {
            url: "https://buy.itunes.apple.com/wa/associate?inviteCode=0b7d&mt=8".to_owned(),
            expires: "2026-12-31".to_owned(),
        },
        devices: vec!["iPad van Ana".to_owned(), "MacBook".to_owned()],
        reminder: 0,
        data: json!({ "subject": "School is closed", "text": "Tomorrow\nthere is snow." }),
    }
}

/// A site folder with these files over the shipped ones.
fn load(files: &[(&str, &str)]) -> Result<Templates, Vec<TemplateError>> {
    let folder = tempfile::tempdir().unwrap();
    for (name, content) in files {
        fs::write(folder.path().join(name), content).unwrap();
    }
    Templates::load(Some(folder.path()), "nl")
}

fn fault(files: &[(&str, &str)]) -> TemplateError {
    let mut errors = load(files).unwrap_err();
    assert_eq!(errors.len(), 1, "{errors:?}");
    errors.remove(0)
}

const HEAD: &str = "Subject: Hello\n\n";

#[test]
fn every_shipped_template_is_there_in_four_languages_and_renders_in_each() {
    let templates = shipped();
    assert_eq!(templates.names(), ["invitation", "last-call", "message", "reminder"]);
    for name in templates.names() {
        assert_eq!(templates.languages(&name), ["de", "en", "fr", "nl"]);
        for language in templates.languages(&name) {
            let mail = templates.render(&name, Some(&language), &ana()).unwrap();
            assert_eq!(mail.language, language);
            let html = mail.html.unwrap();
            assert!(mail.subject.contains("Sunnyside School") || name == "message", "{}", mail.subject);
            for text in [&mail.text, &html] {
                assert!(!text.contains("{{") && !text.contains("{%"), "{text}");
                assert!(text.contains("Ana") && text.contains("it@sunnyside.example"), "{text}");
            }
            assert!(html.contains(&format!("lang=\"{language}\"")), "{html}");
            assert!(!html.contains("<mj") && !html.contains("googleapis"), "{html}");
            if name != "message" {
                assert!(mail.text.contains(&ana().invitation.url));
                assert_eq!(html.matches("inviteCode=0b7d&amp;mt=8\"").count(), 2, "button and plain link: {html}");
            }
        }
    }
}

#[test]
fn an_invitation_in_dutch() {
    let mail = shipped().render("invitation", None, &ana()).unwrap();
    assert_eq!(mail.subject, "Je apps en boeken van Sunnyside School");
    insta::assert_snapshot!(mail.text, @r#"
    Hallo Ana,

    Sunnyside School heeft apps en boeken voor je op iPad van Ana, MacBook. Je krijgt ze met je eigen Apple Account, nadat je deze uitnodiging één keer hebt geaccepteerd:

    https://buy.itunes.apple.com/wa/associate?inviteCode=0b7d&mt=8

    Open de link op het apparaat waarop je met je Apple Account bent ingelogd. De link is alleen voor jou, dus stuur hem niet door.

    De uitnodiging is geldig tot 2026-12-31.

    Goed om te weten

    - Je account blijft privé. Sunnyside School ziet niet welk Apple Account je gebruikt en ook niet wat je ermee hebt gekocht, alleen dat je hebt geaccepteerd.
    - Het kost je niets. Sunnyside School deelt eigen licenties aan je uit. Apple noemt dat beheerde distributie.
    - Apps kunnen verder. Heb je een app niet meer nodig, dan kan de licentie naar iemand anders. Boeken blijven van jou.

    Vragen? We helpen je graag:
    https://help.sunnyside.example
    it@sunnyside.example

    Sunnyside School
    "#);
}

#[test]
fn a_reminder_in_english() {
    let mail = shipped().render("reminder", Some("en-GB"), &MailData { reminder: 1, ..ana() }).unwrap();
    assert_eq!(mail.subject, "Reminder: your apps and books from Sunnyside School");
    insta::assert_snapshot!(mail.text, @r#"
    Hello Ana,

    Apps and books from Sunnyside School are still waiting for you on iPad van Ana, MacBook. Accept the invitation once with your own Apple Account, and you can install them:

    https://buy.itunes.apple.com/wa/associate?inviteCode=0b7d&mt=8

    It takes about a minute. Open the link on the device where you are signed in with your Apple Account.

    The invitation is valid until 2026-12-31.

    Your account stays private. Sunnyside School sees neither your Apple Account nor what you have bought with it, only that you accepted.

    If you have accepted in the meantime, there is nothing more to do.

    Questions? We are glad to help:
    https://help.sunnyside.example
    it@sunnyside.example

    Sunnyside School
    "#);
}

#[test]
fn a_last_call_in_german_with_all_that_can_be_missing_missing() {
    let mut data = ana();
    data.devices.clear();
    data.invitation.expires.clear();
    data.site.helpdesk.clear();
    let mail = shipped().render("last-call", Some("de_CH"), &data).unwrap();
    assert_eq!(mail.subject, "Letzte Erinnerung: Ihre Apps und B\u{fc}cher von Sunnyside School");
    insta::assert_snapshot!(mail.text, @r#"
    Guten Tag Ana Pires,

    dies ist unsere letzte Erinnerung. Apps und Bücher von Sunnyside School liegen für Sie bereit, doch wir können sie erst zuteilen, wenn Sie mit Ihrem eigenen Apple Account angenommen haben:

    https://buy.itunes.apple.com/wa/associate?inviteCode=0b7d&mt=8

    Öffnen Sie den Link auf dem Gerät, auf dem Sie mit Ihrem Apple Account angemeldet sind.

    Ihr Account bleibt privat. Sunnyside School sieht weder Ihren Apple Account noch Ihre Einkäufe, sondern nur, dass Sie angenommen haben.

    Etwas funktioniert nicht, oder Sie möchten lieber nicht teilnehmen? Sagen Sie uns einfach Bescheid.

    Fragen? Wir helfen gern:
    it@sunnyside.example

    Sunnyside School
    "#);
}

#[test]
fn a_message_in_french() {
    let mail = shipped().render("message", Some("fr"), &ana()).unwrap();
    assert_eq!(mail.subject, "School is closed");
    insta::assert_snapshot!(mail.text, @r#"
    Bonjour Ana,

    Tomorrow
    there is snow.

    Des questions ? Nous vous aidons volontiers :
    https://help.sunnyside.example
    it@sunnyside.example

    Sunnyside School
    "#);
    assert!(mail.html.unwrap().contains("Tomorrow<br />"));
}

#[test]
fn the_nearest_language_is_taken() {
    let templates =
        load(&[("snow.de.txt", "Subject: Schnee\n\nSchnee"), ("snow.de-CH.txt", "Subject: Schnee\n\nSchn\u{e8}")]).unwrap();
    let check = |name: &str, asked: Option<&str>, got: &str| {
        assert_eq!(templates.render(name, asked, &ana()).unwrap().language, got, "{name} {asked:?}");
    };
    check("snow", Some("de-CH"), "de-ch");
    check("snow", Some("de_ch"), "de-ch");
    check("snow", Some("de-AT"), "de");
    check("snow", Some("fr"), "de");
    check("snow", None, "de");
    check("invitation", Some("de-CH"), "de");
    check("invitation", Some("pt"), "nl");
    check("invitation", Some("../../etc"), "nl");
    let english = Templates::load(None, "pt").unwrap();
    assert_eq!(english.render("invitation", Some("sv"), &ana()).unwrap().language, "en");
}

#[test]
fn a_site_replaces_a_template_for_one_language_as_a_whole() {
    let templates = load(&[("invitation.nl.txt", "Subject: Hoi\n\nHoi {{ user.username }}\n")]).unwrap();
    let mail = templates.render("invitation", Some("nl"), &ana()).unwrap();
    assert_eq!((mail.subject.as_str(), mail.text.as_str(), mail.html), ("Hoi", "Hoi ana", None));
    assert!(templates.render("invitation", Some("en"), &ana()).unwrap().html.is_some());
    assert_ne!(templates.hash("invitation"), shipped().hash("invitation"));
    assert_eq!(templates.hash("reminder"), shipped().hash("reminder"));
    assert_eq!(shipped().hash("invitation").unwrap().len(), 64);
}

#[test]
fn what_init_writes_loads_as_what_is_shipped() {
    let templates = load(shipped_files()).unwrap();
    assert_eq!(shipped_files().len(), 32);
    for name in templates.names() {
        assert_eq!(templates.hash(&name), shipped().hash(&name));
    }
}

#[test]
fn names_that_look_like_html_stay_names() {
    let mut data = ana();
    data.user = UserWords::new("<img src=x onerror=alert(1)> {{ site.name }}", "ana", "nl");
    data.devices = vec!["\"><script>x</script>".to_owned()];
    data.data = json!({ "subject": "<b>&", "text": "<a href='x'>\n{% raw %}" });
    data.site.helpdesk = "https://x\" onclick=\"y".to_owned();
    let templates = shipped();
    for name in templates.names() {
        let mail = templates.render(&name, None, &data).unwrap();
        let html = mail.html.unwrap();
        for bad in ["<img src", "<script", "<a href='", "onclick=\"y", "<b>&"] {
            assert!(!html.contains(bad), "{name} {bad}: {html}");
        }
        assert!(html.contains("&lt;img") && mail.text.contains("<img"), "{name}");
    }
}

#[test]
fn a_subject_is_one_line_whatever_the_data() {
    let mut data = ana();
    data.data = json!({ "subject": "a\r\nBcc: x\u{85}\tb", "text": "t" });
    assert_eq!(shipped().render("message", None, &data).unwrap().subject, "a Bcc: x b");
    data.data = json!({ "subject": " \n ", "text": "t" });
    assert!(shipped().render("message", None, &data).unwrap_err().what.contains("subject"));
}

#[test]
fn an_unknown_variable_is_named_with_its_line_and_the_nearest_one() {
    let e = fault(&[("x.nl.txt", &format!("{HEAD}Hi\n{{{{ user.frist_name }}}}\n"))]);
    assert_eq!((e.file.as_str(), e.line), ("templates/x.nl.txt", Some(4)));
    assert_eq!(underlined(&e), "user.frist_name");
    assert!(e.what.contains("user.frist_name") && e.hint.as_ref().unwrap().contains("did you mean `user.first_name`"), "{e}");

    let e = fault(&[("x.nl.txt", &format!("{HEAD}{{% if false %}}{{{{ devcies }}}}{{% endif %}}"))]);
    assert_eq!(e.line, Some(3), "also in a branch that no sample reaches");
    assert!(e.hint.unwrap().contains("`devices`"));

    let e = fault(&[("x.nl.txt", "Subject:  My name {{ name }}\n\nHi")]);
    assert_eq!((e.line, e.column, underlined(&e).as_str()), (Some(1), 22, "name"));
    assert!(e.hint.unwrap().contains("user.full_name"));

    let mjml =
        "<mjml>\n<mj-body><mj-section><mj-column>\n<mj-text>{{ site.nmae }}</mj-text></mj-column></mj-section></mj-body></mjml>";
    let errors = load(&[("x.nl.txt", HEAD), ("x.nl.mjml", mjml)]).unwrap_err();
    assert_eq!((errors[0].file.as_str(), errors[0].line), ("templates/x.nl.mjml", Some(3)));
}

#[test]
fn a_broken_template_says_where() {
    let told = |body: &str| {
        let e = fault(&[("x.nl.txt", &format!("{HEAD}{body}"))]);
        assert_eq!(e.file, "templates/x.nl.txt");
        format!("{}:{} {:?} {}\n", e.line.unwrap(), e.column, underlined(&e), e.what)
    };
    let all = [
        "a\n{{ user.full_name",
        "a\n\n{% if devices %}x",
        "a\n{% for d in devices %}{{ d.serial }}{% endfor %}",
        "{{ user.full_name | shout }}",
        "\u{e9}\u{1f600} {{ user.full_name | safe }}",
        "{% for a in range(99999) %}{% for b in range(9999) %}{% endfor %}{% endfor %}",
        "{% include 'invitation.nl.txt' %}",
    ];
    insta::assert_snapshot!(all.map(told).concat(), @r#"
    4:9 "full_name" syntax error: unexpected end of input, expected end of variable block
    5:17 "x" syntax error: unexpected end of input, expected end of block
    4:26 "d.serial" this is undefined
    3:21 "shout" filter shout is unknown
    3:24 "safe" filter safe is unknown
    3:40 "range(9999)" this takes too many steps
    3:4 "include 'invitation.nl.txt'" tried to include non-existing template 'invitation.nl.txt'
    "#);
}

/// What a caret stands under.
fn underlined(error: &TemplateError) -> String {
    error.source_line.chars().skip(error.column - 1).take(error.length).collect()
}

#[test]
fn a_broken_file_says_what_it_should_be() {
    for (file, content, says) in [
        ("x.nl.txt", "Hello\n\nText", "begin with the subject"),
        ("x.nl.txt", "", "begin with the subject"),
        ("x.txt", "Subject: a\n\nb", "NAME.LANGUAGE.txt"),
        ("X.nl.txt", "Subject: a\n\nb", "NAME.LANGUAGE.txt"),
        ("x.nl.mjml", "<mjml></mjml>", "add x.nl.txt"),
        ("x.nl.txt", "Subject: {% if false %}a{% endif %}\n\nb", "subject comes out empty"),
    ] {
        let e = fault(&[(file, content)]).to_string();
        assert!(e.contains(says), "{file}: {e}");
    }
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("x.nl.txt"), [0xff, 0xfe]).unwrap();
    fs::write(folder.path().join("README.md"), "not a template").unwrap();
    fs::write(folder.path().join(".x.nl.txt"), "an editor's").unwrap();
    let errors = Templates::load(Some(folder.path()), "nl").unwrap_err();
    assert!(errors.len() == 1 && errors[0].what.contains("UTF-8"), "{errors:?}");
    fs::write(folder.path().join("x.nl.txt"), "x".repeat(300_000)).unwrap();
    assert!(Templates::load(Some(folder.path()), "nl").unwrap_err()[0].what.contains("larger"));
    assert!(Templates::load(Some(&folder.path().join("nowhere")), "nl").is_ok());
}

#[test]
fn windows_line_ends_and_a_mark_at_the_start_are_fine() {
    let templates = load(&[("x.nl.txt", "\u{feff}Subject: a\r\n\r\nb\r\nc")]).unwrap();
    assert_eq!(templates.render("x", None, &ana()).unwrap().text, "b\nc");
}

#[test]
fn a_template_knows_what_a_script_has_to_give() {
    let body = "{{ data.room }} {{ data.when.day }} {% if data.note is defined %}{{ data.note }}{% endif %}\
                {% for item in data.items_ %}{{ item.name }}{% endfor %} {{ data.price - 2 }}";
    let templates = load(&[("x.nl.txt", &format!("{HEAD}{body}"))]).unwrap();
    assert_eq!(templates.variables("x"), ["items_", "price", "room", "when", "note"]);
    assert_eq!(templates.variables("message"), ["subject", "text"]);
    assert!(templates.variables("invitation").is_empty());

    let good = json!({ "room": "12", "when": { "day": "Monday" }, "items_": [{ "name": "a" }], "price": 2 });
    assert_eq!(templates.check_data("x", &good), Ok(()));
    let check = |change: &dyn Fn(&mut serde_json::Value), says: &str| {
        let mut data = good.clone();
        change(&mut data);
        let misfit = templates.check_data("x", &data).unwrap_err();
        let at = misfit.at.map(|at| at.to_string()).unwrap_or_default();
        let said = format!("{} ({}) {at}", misfit.what, misfit.hint.unwrap_or_default());
        assert!(said.contains(says), "{said}");
    };
    check(&|d| drop(d.as_object_mut().unwrap().remove("room")), "needs `room` too (give it with the data: `#{ room: … }`)");
    check(&|d| drop(d.as_object_mut().unwrap().remove("room")), "templates/x.nl.txt:3:4: `data.room` is used here");
    check(&|d| d["rooom"] = json!(1), "did you mean `room`");
    check(&|d| d["price"] = json!("two"), "templates/x.nl.txt:3:152");
    check(&|d| d["items_"] = json!([{}]), "undefined");
    check(&|d| *d = json!([1]), "wants its data as a map");
    check(&|d| *d = json!(null), "needs");
    assert_eq!(templates.check_data("invitation", &json!(null)), Ok(()));
    assert_eq!(templates.check_data("invitation", &json!({})), Ok(()));
    assert!(templates.check_data("invitation", &json!({ "a": 1 })).is_err());
    let unknown = templates.check_data("invitatoin", &json!({})).unwrap_err();
    assert!(unknown.hint.unwrap().contains("did you mean `invitation`"));
}

#[test]
fn many_keys_of_many_kinds_are_all_asked_for() {
    let body =
        "{{ data.a }}{{ data.b }}{{ data.c }}{{ data.d }}{{ data.e }}{{ data.f - 1 }}{% for x in data.g %}{{ x.y }}{% endfor %}";
    let templates = load(&[("x.nl.txt", &format!("{HEAD}{body}"))]).unwrap();
    assert_eq!(templates.variables("x"), ["a", "b", "c", "d", "e", "f", "g"]);
    let good = json!({ "a": 1, "b": 1, "c": 1, "d": 1, "e": 1, "f": 1, "g": [] });
    assert_eq!(templates.check_data("x", &good), Ok(()));
}

#[test]
fn an_error_at_rendering_quotes_no_data() {
    let templates = load(&[("x.nl.txt", &format!("{HEAD}{{{{ data.n + 1 }}}}"))]).unwrap();
    let data = MailData { data: json!({ "n": "secret word" }), ..ana() };
    let e = templates.render("x", None, &data).unwrap_err();
    assert!(!e.to_string().contains("secret") && e.line == Some(3), "{e}");
    assert!(templates.render("nope", None, &data).is_err());
}

#[test]
fn a_template_that_uses_data_as_a_whole_takes_any_key() {
    let body = "{% for key, value in data | items %}{{ key }}={{ value }};{% endfor %}";
    let templates = load(&[("x.nl.txt", &format!("{HEAD}{body}"))]).unwrap();
    assert_eq!(templates.check_data("x", &json!({ "any": 1 })), Ok(()));
    let data = MailData { data: json!({ "any": 1 }), ..ana() };
    assert_eq!(templates.render("x", None, &data).unwrap().text, "any=1;");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn no_data_breaks_a_mail(name in "(?s).{0,60}", device in "(?s).{0,60}", text in "(?s).{0,200}") {
        thread_local!(static TEMPLATES: Templates = shipped());
        let mut data = ana();
        data.user = UserWords::new(&name, "ana", "nl");
        data.devices = vec![device];
        data.data = json!({ "subject": "s", "text": text });
        TEMPLATES.with(|templates| {
            let plain = templates.render("message", None, &ana()).unwrap();
            for template in templates.names() {
                let mail = templates.render(&template, None, &data).unwrap();
                prop_assert!(!mail.subject.contains(['\r', '\n']));
                if template == "message" {
                    // Every tag is the template's own, but for the line breaks of the text.
                    let tags = |html: &str| html.replace("<br />", "").matches('<').count();
                    prop_assert_eq!(tags(mail.html.as_deref().unwrap()), tags(plain.html.as_deref().unwrap()));
                }
            }
            Ok(())
        })?;
    }
}
