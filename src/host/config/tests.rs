use std::path::Path;

use secrecy::ExposeSecret as _;

use super::*;

const SITE: &str = "[site]\nname = \"Sunnyside School\"\ntimezone = \"Europe/Amsterdam\"\n";

fn parse(text: &str) -> Result<SiteConfig, Vec<ConfigError>> {
    SiteConfig::parse(Path::new("school"), text)
}

/// The errors of a site file, one below the other, as a person sees them.
fn errors(text: &str) -> String {
    let errors = parse(text).expect_err("it should have been refused");
    errors.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
}

fn with(rest: &str) -> SiteConfig {
    parse(&format!("{SITE}{rest}")).unwrap_or_else(|errors| panic!("{errors:#?}"))
}

fn refused(rest: &str) -> String {
    errors(&format!("{SITE}{rest}"))
}

#[test]
fn two_lines_are_enough_and_the_rest_has_defaults() {
    let config = with("");
    assert_eq!(config.site.language, "en");
    assert_eq!(config.store.path, Path::new("school/beckon.db"));
    assert!(config.mail.is_none() && config.apps_and_books.is_none() && config.push.is_none());
    assert!(matches!(config.mdm.backend, MdmBackend::None));
    assert_eq!(config.limits, crate::domain::limits::Limits::default());
    assert_eq!(config.script_limits.memory_bytes, 256_000_000);
    assert_eq!(config.http.listen.to_string(), "127.0.0.1:8080");
}

/// A site file that says everything there is to say.
const WHOLE: &str = r#"
[site]
name     = "Sunnyside School"
timezone = "Europe/Amsterdam"
language = "nl"                       # default language of messages
contact  = "it@sunnyside.example"     # told about held runs, expiring tokens, dead channels

[store]
url = "sqlite:beckon.db"

[apps_and_books]
token    = "file:secrets/sunnyside.vpptoken"
base_url = "https://vpp.itunes.apple.com/mdm/v2"

[mail]
from      = "IT Sunnyside <it@sunnyside.example>"
relay     = "smtp://mail.example:587" # smtps:// for implicit TLS; absent: direct delivery on port 25
username  = "beckon"
password  = "env:BECKON_SMTP_PASSWORD"
tls       = "required"
ca        = "file:ca.pem"
connections = 8
doubtful  = "hold"

[mdm]
backend = "nanomdm"
url     = "http://127.0.0.1:9000"
api_key = "env:NANOMDM_API_KEY"
webhook_key = "env:NANOMDM_WEBHOOK_KEY"

[push]
certificate = "file:secrets/push.p12"
password    = "env:BECKON_PUSH_PASSWORD"
endpoint    = "https://api.push.apple.com:443"

[directory]
url      = "ldaps://ldap.sunnyside.example"
bind_dn  = "cn=beckon,ou=services,dc=sunnyside,dc=example"
password = "env:BECKON_LDAP_PASSWORD"
base     = "dc=sunnyside,dc=example"
flavour  = "openldap"
every    = "1h"

[directory.attributes]
username = "uid"

[http]
listen     = "127.0.0.1:8080"
public_url = "https://beckon.sunnyside.example/"
bounce_token = "env:BECKON_BOUNCE_TOKEN"

[limits]
invitations_per_run   = 500
share_of_roster       = 0.25
reminder_gap          = "2d"
messages_per_person   = { per_day = 1, per_week = 3 }
quiet_hours           = "20:00-07:00"
script                = { operations = 50_000_000, seconds = 60, memory = "256MB" }

[settings]
helpdesk = "https://help.sunnyside.example"
years = [1, 2]

[[webhook]]
name = "staff-chat"
url  = "env:STAFF_CHAT_URL"

[[schedule]]
name     = "weekly-reminder"
script   = "weekly-reminder.rhai"
cron     = "0 8 * * MON-FRI"
timezone = "Europe/Amsterdam"
missed   = "run-once"
max_late = "6h"
overlap  = "skip"
gap      = "next-valid"
fold     = "first"
params   = { group = "Grade 5" }
"#;

#[test]
fn the_whole_example_is_understood() {
    let config = parse(WHOLE).unwrap_or_else(|errors| panic!("{errors:#?}"));
    assert_eq!(config.site.language, "nl");
    let mail = config.mail.unwrap();
    assert_eq!((&*mail.from.name, mail.from.address.as_str()), ("IT Sunnyside", "it@sunnyside.example"));
    assert_eq!(mail.relay, Some(Relay { host: "mail.example".into(), port: 587, implicit_tls: false }));
    assert_eq!(mail.login.unwrap().password.reference(), "env:BECKON_SMTP_PASSWORD");
    let MdmBackend::NanoMdm(server) = config.mdm.backend else { panic!("{:?}", config.mdm) };
    assert_eq!(server.url, "http://127.0.0.1:9000");
    assert!(config.mdm.webhook_key.is_some());
    assert!(matches!(config.push.unwrap().identity, PushIdentity::Certificate { password: Some(_), .. }));
    assert_eq!(config.directory.unwrap().attributes["username"], "uid");
    assert_eq!(config.http.public_url.as_deref(), Some("https://beckon.sunnyside.example"));
    let notify = config.http.notification_token.file_path(&config.dir).unwrap();
    assert_eq!(notify, Path::new("school/secrets/notify.token"));
    assert_eq!(config.http.bounce_token.unwrap().reference(), "env:BECKON_BOUNCE_TOKEN");
    assert_eq!(config.limits.reminder_gap, chrono::TimeDelta::days(2));
    let budget = config.limits.messages_per_person;
    assert_eq!((budget.per_day, budget.per_week), (Some(1), Some(3)));
    assert_eq!(config.settings["years"], serde_json::json!([1, 2]));
    assert_eq!(config.schedules[0].params["group"], "Grade 5");
    assert_eq!(
        config.apps_and_books.unwrap().token.file_path(&config.dir).unwrap(),
        Path::new("school/secrets/sunnyside.vpptoken")
    );
}

#[test]
fn mail_that_comes_back_is_in_a_maildir() {
    let mail = |rest: &str| with(&format!("[mail]\nfrom = \"it@school.example\"\n{rest}")).mail.unwrap();
    let config = mail("bounces = \"maildir:mail\"\nbounces_to = \"bounces@school.example\"");
    assert_eq!(config.bounces.as_deref(), Some(Path::new("school/mail")));
    assert_eq!(config.bounces_to.unwrap().as_str(), "bounces@school.example");
    assert_eq!(mail("bounces = \"maildir:/var/mail/beckon\"").bounces.as_deref(), Some(Path::new("/var/mail/beckon")));
    assert!(mail("").bounces.is_none() && mail("").bounces_to.is_none());
    for bad in ["bounces = \"/var/mail\"", "bounces = \"maildir:\"", "bounces = \"imap://mail\"", "bounces_to = \"bounces\""] {
        let said = refused(&format!("[mail]\nfrom = \"it@school.example\"\n{bad}"));
        assert!(said.contains("mail.bounces"), "{said}");
    }
}

#[test]
fn what_this_version_does_not_act_on_is_said() {
    insta::assert_snapshot!(parse(WHOLE).unwrap().warnings.join("\n"), @r#"
    [directory] has no effect in this version of beckon: it reads no directory; export users and groups to files and use `beckon import`
    "#);
    let server = "url = \"http://127.0.0.1:9000\"\napi_key = \"env:K\"";
    for (rest, says) in [
        ("[mdm]\nbackend = \"builtin\"".to_owned(), Some("no MDM server of its own")),
        (format!("[mdm]\nbackend = \"micromdm\"\n{server}"), Some("can't talk to MicroMDM")),
        (format!("[mdm]\nbackend = \"nanomdm\"\n{server}"), None),
        ("[http]\nlisten = \"127.0.0.1:9\"".to_owned(), None),
        ("[limits]\nquiet_hours = \"20:00-07:00\"".to_owned(), None),
        ("[limits]\nmessages_per_person = { per_week = 3 }".to_owned(), None),
    ] {
        let warnings = with(&rest).warnings;
        match says {
            None => assert_eq!(warnings, Vec::<String>::new(), "{rest}"),
            Some(says) => assert!(matches!(warnings.as_slice(), [one] if one.contains(says)), "{rest}: {warnings:?}"),
        }
    }
}

#[test]
fn all_errors_come_at_once_with_place_key_and_remedy() {
    insta::assert_snapshot!(errors(r#"[site]
nme = "Sunnyside School"
timezone = "Europe/Amsterdm"
language = 5

[mail]
from = "IT Sunnyside <it@sunnyside>x"
relay = "https://mail.example"
tls = "requird"
connections = 0

[limts]
share_of_roster = 2.0
"#), @r#"
    school/site.toml:1:1: site.name: it is missing
      hint: what the school or company is called
    school/site.toml:2:1: site.nme: there is no such key; did you mean "name"?
      hint: [site] has name, timezone, language, contact
    school/site.toml:3:12: site.timezone: no time zone is called "Europe/Amsterdm"; did you mean "Europe/Amsterdam"?
      hint: an IANA zone name such as "Europe/Amsterdam"
    school/site.toml:4:12: site.language: it has to be a text in quotation marks, and this is a number
    school/site.toml:7:8: mail.from: "IT Sunnyside <it@sunnyside>x" is not a mail address: it holds the character ' ', which no mail address may
      hint: such as "IT Sunnyside <it@sunnyside.example>"
    school/site.toml:8:9: mail.relay: https: is not a scheme that can be used here
      hint: "smtp://host:587", or "smtps://host:465" for TLS from the start; leave it out to deliver directly on port 25
    school/site.toml:9:7: mail.tls: "requird" is not a choice; did you mean "required"?
      hint: one of "required", "opportunistic", "none"
    school/site.toml:10:15: mail.connections: 0 is out of range
      hint: a whole number from 1 to 100
    school/site.toml:12:2: limts: there is no such key; did you mean "limits"?
      hint: the sections are site, store, apps_and_books, mail, mdm, push, directory, http, journal, limits, settings, webhook, schedule
    "#);
}

#[test]
fn values_that_are_refused_and_why() {
    for (rest, says) in [
        ("[store]\nurl = \"postgres://db/beckon\"", "can't use PostgreSQL yet"),
        ("[store]\nurl = \"beckon.db\"", "not a store's URL"),
        ("[store]\nurl = \"sqlite::memory:\"", "names no file"),
        ("[store]\nurl = \"sqlite:x.db?mode=ro\"", "names no file"),
        ("[apps_and_books]\nbase_url = \"https://x.example\"", "apps_and_books.token: it is missing"),
        ("[apps_and_books]\ntoken = \"env:T\"\nbase_url = \"http://vpp.example\"", "only taken for this machine"),
        ("[mail]\nfrom = \"ana@x.example\"\nusername = \"x\"\nrelay = \"smtp://m\"", "mail.password: it is missing"),
        ("[mail]\nfrom = \"a@x.example\"\nusername = \"x\"\npassword = \"env:P\"", "mail.relay: it is missing"),
        ("[mail]\nfrom = \"a@x.example\"\nrelay = \"smtp://m:99999\"", "not a URL"),
        ("[mail]\nfrom = \"a@x.example\"\nrelay = \"smtp://m/x\"", "end after host and port"),
        ("[mail]\nfrom = \"a@x.example\"\nrelay = \"smtps://m\"\ntls = \"none\"", "contradicts"),
        (
            "[mail]\nfrom = \"a@x.example\"\nrelay = \"smtp://m\"\ntls = \"none\"\nusername = \"u\"\npassword = \"env:P\"",
            "in the clear",
        ),
        ("[mail]\nfrom = \"A\\nBcc: x <a@x.example>\"", "would end it"),
        ("[mdm]\nbackend = \"nanomdm\"", "mdm.api_key: it is missing"),
        ("[mdm]\nbackend = \"nanomd\"", "did you mean \"nanomdm\"?"),
        ("[push]\nendpoint = \"https://x.example\"", "push.certificate: it is missing"),
        ("[push]\nkey = \"file:k.p8\"\nteam_id = \"AAAAAAAAAA\"", "push.key_id: it is missing"),
        ("[push]\nkey = \"file:k.p8\"\nkey_id = \"short\"\nteam_id = \"AAAAAAAAAA\"", "not one of Apple's ids"),
        ("[push]\nkey = \"file:k.p8\"\ncertificate = \"file:c.p12\"", "there is a certificate as well"),
        (
            "[directory]\nurl = \"ldaps://l\"\nbase = \"dc=x\"\nflavour = \"openldap\"\n[directory.attributes]\nusernam = \"uid\"",
            "did you mean \"username\"?",
        ),
        ("[http]\nlisten = \"localhost\"", "not an address with a port"),
        ("[limits]\nshare_of_roster = 0", "out of range"),
        ("[limits]\ninvitations_per_run = -1", "out of range"),
        ("[limits]\ninvitations_per_run = 5.5", "this is a number"),
        ("[limits]\ngrowth = 0.5", "out of range"),
        ("[limits]\ninvitations_per_day = 0", "out of range"),
        ("[limits]\nheld_for = \"a week\"", "not a duration"),
        ("[limits]\ncanary = { wait = \"15m\" }", "it is missing"),
        ("[limits]\ncanary = { people = 10, failures = 1.5 }", "out of range"),
        ("[limits]\nquiet_hours = \"20:00\"", "not a window of the day"),
        ("[limits]\nreminder_gap = \"1 day\"", "not a duration"),
        ("[limits]\nreminder_gap = \"99999999999999999999d\"", "not a duration"),
        ("[limits]\nscript = { memory = \"1MB\" }", "not between 16MB and 64GB"),
        ("[limits]\nscript = 5", "it has to be a table"),
        (
            "[[webhook]]\nname = \"a\"\nurl = \"env:U\"\n[[webhook]]\nname = \"a\"\nurl = \"env:U\"",
            "two of them are called \"a\"",
        ),
        ("[webhook]\nname = \"a\"", "each headed [[webhook]]"),
        (
            "[[schedule]]\nname = \"s\"\nscript = \"../x.rhai\"\ncron = \"0 8 * * *\"\ntimezone = \"UTC\"",
            "not a file inside scripts/",
        ),
        ("[[schedule]]\nname = \"s\"\nscript = \"x.sh\"\ncron = \"0 8 * * *\"\ntimezone = \"UTC\"", "ends with .rhai"),
        ("[[schedule]]\nname = \"s\"\nscript = \"x.rhai\"\ncron = \"0 8 * *\"\ntimezone = \"UTC\"", "it has 4 fields"),
        (
            "[[schedule]]\nname = \"s\"\nscript = \"x.rhai\"\ncron = \"0 25 * * *\"\ntimezone = \"UTC\"",
            "\"25\" can't stand for the hours",
        ),
        (
            "[[schedule]]\nname = \"s\"\nscript = \"x.rhai\"\ncron = \"0 8 30 2 *\"\ntimezone = \"UTC\"",
            "schedule[1].cron: that day never comes",
        ),
        ("[[schedule]]\nname = \"s\"\nscript = \"x.rhai\"\ncron = \"0 8 * * *\"", "schedule[1].timezone: it is missing"),
        (
            "[[schedule]]\nname = \"s\"\nscript = \"x.rhai\"\ncron = \"0 8 * * *\"\ntimezone = \"amsterdam\"",
            "did you mean \"Europe/Amsterdam\"?",
        ),
    ] {
        let text = refused(rest);
        assert!(text.contains(says), "{rest}\nsays: {text}\nnot: {says}");
    }
}

#[test]
fn small_languages() {
    use super::values::*;
    for (text, seconds) in [("45s", 45), ("30m", 1_800), ("6h", 21_600), ("1d", 86_400), ("2w", 1_209_600), ("1h 30m", 5_400)] {
        assert_eq!(duration(text).unwrap().num_seconds(), seconds, "{text}");
    }
    for bad in ["", "6", "h", "0s", "-1h", "1.5h", "1\u{b2}h", "20y", "6000d", "1h-"] {
        assert!(duration(bad).is_err(), "{bad}");
    }
    assert_eq!(size("256MB"), Ok(256_000_000));
    assert_eq!(size("1 GiB"), Ok(1 << 30));
    for bad in ["", "256", "MB", "0MB", "99999999999999GB", "5XB"] {
        assert!(size(bad).is_err(), "{bad}");
    }
    assert!(is_loopback("[::1]") && is_loopback("127.0.0.9") && is_loopback("LOCALHOST") && !is_loopback("10.0.0.1"));
}

#[test]
fn a_secret_in_the_file_is_refused_and_never_repeated() {
    for rest in [
        "[mail]\nfrom = \"a@x.example\"\nrelay = \"smtp://m\"\nusername = \"u\"\npassword = \"hunter2:hunter2\"",
        "[mail]\nfrom = \"a@x.example\"\nrelay = \"smtp://u:hunter2@mail.example\"",
        "[apps_and_books]\ntoken = \"hunter2\"",
        "[mail]\npassword = hunter2",
        "[mail]\npassword = \"hunter2\nfrom = 5",
        "[apps_and_books]\ntoken = [\"hunter2\"]",
        "[push]\ncertificate = \"env:hunter2 hunter2\"",
        "[[webhook]]\nname = \"x\"\nurl = \"https://chat.example/hunter2\"",
    ] {
        let text = refused(rest);
        assert!(!text.contains("hunter2"), "{rest}\n{text}");
        assert!(!format!("{:?}", parse(&format!("{SITE}{rest}")).unwrap_err()).contains("hunter2"));
    }
}

#[test]
fn broken_toml_is_named_with_its_place() {
    insta::assert_snapshot!(errors("[site]\nname = \"Sunnyside\ntimezone = 5"), @r#"school/site.toml:2:18: this is not TOML: invalid basic string, expected `"`"#);
    assert!(refused("name = 1\nname = 2").contains("school/site.toml:"));
    assert!(errors("").contains("site: it is missing"));
    // Deep nesting is the parser's to refuse, not ours to overflow on.
    let deep = format!("x = {}{}", "[".repeat(100_000), "]".repeat(100_000));
    assert!(errors(&deep).contains("this is not TOML"));
}

#[test]
fn plain_mail_is_allowed_with_a_warning_and_silent_on_loopback() {
    let far = with("[mail]\nfrom = \"a@x.example\"\nrelay = \"smtp://m.example\"\ntls = \"none\"");
    assert_eq!(far.warnings.len(), 1, "{:?}", far.warnings);
    let near = with("[mail]\nfrom = \"a@x.example\"\nrelay = \"smtp://127.0.0.1:2525\"\ntls = \"none\"");
    assert!(near.warnings.is_empty());
    assert_eq!(near.mail.unwrap().relay.unwrap().port, 2525);
    assert_eq!(with("[mail]\nfrom = \"a@x.example\"").mail.unwrap().tls, MailTls::Opportunistic);
    assert_eq!(&*with("[mail]\nfrom = \"a@x.example\"").mail.unwrap().from.name, "Sunnyside School");
}

fn password(reference: &str) -> SecretRef {
    let text = format!("[mail]\nfrom = \"a@x.example\"\nrelay = \"smtp://m\"\nusername = \"u\"\npassword = \"{reference}\"");
    with(&text).mail.unwrap().login.unwrap().password
}

#[test]
fn secrets_are_read_when_asked_for() {
    let dir = tempfile::tempdir().unwrap();
    let write = |name: &str, bytes: &[u8], mode: u32| {
        use std::os::unix::fs::PermissionsExt as _;
        let path = dir.path().join(name);
        std::fs::write(&path, bytes).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
    };
    write("good", b"hunter2 \r\n\n", 0o600);
    write("open", b"hunter2", 0o644);
    write("empty", b"\n", 0o600);
    write("binary", b"\xff\x00hunter2", 0o600);
    write("huge", &vec![b'x'; 300 * 1024], 0o600);
    std::os::unix::fs::symlink("open", dir.path().join("link-to-open")).unwrap();
    std::os::unix::fs::symlink("good", dir.path().join("link-to-good")).unwrap();

    let secret = password("file:good").resolve(dir.path()).unwrap();
    assert_eq!(secret.expose_secret(), "hunter2 ");
    assert!(password("file:link-to-good").resolve(dir.path()).is_ok());
    assert_eq!(password("file:binary").resolve_bytes(dir.path()).unwrap().expose_secret().len(), 9);
    for (reference, says) in [
        ("file:open", "mode 644"),
        ("file:link-to-open", "chmod 600"),
        ("file:empty", "is empty"),
        ("file:binary", "not UTF-8"),
        ("file:huge", "larger than 256 KiB"),
        ("file:none", "there is no file"),
        ("file:.", "not an ordinary file"),
        ("env:BECKON_TEST_THAT_NOBODY_SETS", "is not set"),
        ("keyring:mail", "no keyring support"),
    ] {
        let text = password(reference).resolve(dir.path()).unwrap_err().to_string();
        assert!(text.contains(says), "{reference}: {text}");
        assert!(text.contains("site.toml:8:12: mail.password") && !text.contains("hunter2"), "{text}");
    }
    // Cargo sets this one for every test.
    assert_eq!(password("env:CARGO_PKG_NAME").resolve(dir.path()).unwrap().expose_secret(), "beckon");
}

#[test]
fn webhook_urls_are_checked_without_being_shown() {
    let dir = tempfile::tempdir().unwrap();
    let resolve = |url: &str| {
        let path = dir.path().join("url");
        std::fs::write(&path, url).unwrap();
        std::fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
        with("[[webhook]]\nname = \"chat\"\nurl = \"file:url\"").webhooks[0].resolve_url(dir.path())
    };
    assert!(resolve("https://chat.example/hook?key=hunter2\n").is_ok());
    assert!(resolve("http://127.0.0.1:9/hook").is_ok());
    for bad in ["http://chat.example/hunter2", "hunter2:x", "https://u:hunter2@chat.example", "hunter2"] {
        let text = resolve(bad).unwrap_err().to_string();
        assert!(text.contains("webhook[1].url") && !text.contains("hunter2"), "{text}");
    }
}

#[test]
fn the_remedy_for_an_open_secret_can_be_pasted() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().canonicalize().unwrap().join("pw");
    std::fs::write(&path, "x").unwrap();
    std::fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(0o640)).unwrap();
    let error = password("file:pw").resolve(dir.path()).unwrap_err();
    assert_eq!(error.hint.unwrap(), format!("chmod 600 '{}'", path.display()));
}

#[test]
fn a_missing_folder_and_a_foreign_encoding() {
    let dir = tempfile::tempdir().unwrap();
    let text = |dir: &Path| SiteConfig::load(dir).unwrap_err()[0].to_string();
    assert!(text(dir.path()).contains("beckon init"));
    std::fs::write(dir.path().join(FILE_NAME), b"[site]\nname = \"Caf\xe9\"\n").unwrap();
    assert!(text(dir.path()).contains(":2:1: it is not UTF-8"));
    std::fs::write(dir.path().join(FILE_NAME), format!("\u{feff}{SITE}")).unwrap();
    assert!(SiteConfig::load(dir.path()).is_ok());
    std::fs::write(dir.path().join(FILE_NAME), "#".repeat(8 * 1024 * 1024 + 1)).unwrap();
    assert!(text(dir.path()).contains("larger than 8 MiB"));
}

proptest::proptest! {
    #[test]
    fn no_text_makes_it_panic(text in "(?s).{0,200}", value in "\\PC{0,40}") {
        let _ = parse(&text);
        let quoted = serde_json::Value::String(value.clone()).to_string();
        for key in ["mail]\nrelay", "mail]\nfrom", "limits]\nquiet_hours", "limits]\nreminder_gap", "http]\npublic_url", "push]\nkey_id"] {
            let _ = parse(&format!("[{key} = {quoted}"));
        }
        let _ = super::values::size(&value);
        let _ = super::values::duration(&value);
    }
}
