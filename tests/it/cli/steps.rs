//! Carrying out the steps of a case.
//!
//! The first lines may say how the case begins: `with bare site`, `with login USER PASSWORD`,
//! `with foreign ca`, `with rival`, `with doubles`. Then, one a line:
//!
//! - `$ beckon ARGS` runs the program; `? QUESTION` asks what reached the far side (`far_side.rs`)
//! - `> ANSWER $ beckon ARGS` runs it at a terminal and gives the answer to its question
//! - `later SPAN`: so much time passes, for the world and for the site
//! - `apple down SPAN | up`, `apple token bad-in-200 | expired | revoked | good`, `apple events slow`,
//!   `apple refuses USERNAME NUMBER`, `rival takes over`
//! - `mail ADDRESS greylists N | refuses CODE TEXT | drops-in-data N | drops-after-dot N | busy N`, `mail down | up`
//! - `bounce ADDRESS STATUS TEXT`: the last mail to it comes back, into the folder `bounces` of the site
//! - `licences NUMBER COUNT`: so many more of an app are bought, or given back
//! - `mdm down | up`, `device SERIAL not-now N | error CODE TEXT | never-seen | gone`
//! - `apns bad-certificate | good`, `push SERIAL gone`, `hook refuses N`
//! - `USERNAME accepts`
//! - `secret NAME TEXT` writes another text into a file of the site's secrets; `file NAME TEXT` into any file;
//!   `without NAME` removes one
//! - `tamper SQL` changes the store behind beckon's back, `chmod MODE NAME` who may use a file
//! - `[fixtures]` in a command is the folder `tests/fixtures`, `[case]` the case's own; after a `<` comes the file
//!   that is read as standard input
//! - `store remembered`, `store unchanged`: no row of any table differs

use std::path::Path;

use beckon::domain::time::Span;
use beckon::ports::clock::Clock as _;
use beckon::sim::apns::TokenConduct;
use beckon::sim::devices::DeviceConduct;
use beckon::sim::faults::{RetryAfterForm, TokenFault, Unavailable};
use beckon::sim::lock;
use beckon::sim::mailboxes::MailboxConduct;

use super::site::{Beginning, Fixture, say};
use super::{far_side, program, transcript};

/// Plays a case and answers with its transcript.
pub fn play(case: &Path) -> Result<String, String> {
    let steps = std::fs::read_to_string(case.join("steps")).map_err(|e| format!("its steps can't be read: {e}"))?;
    let mut beginning = Beginning::default();
    let mut text = String::new();
    let mut fixture: Option<Fixture> = None;
    let mut remembered: Option<String> = None;
    for line in steps.lines().map(str::trim_end).filter(|line| !line.is_empty()) {
        if let Some(comment) = line.strip_prefix('#') {
            text.push_str(&format!("#{comment}\n"));
            continue;
        }
        if let Some(how) = line.strip_prefix("with ") {
            begin(&mut beginning, how)?;
            continue;
        }
        if fixture.is_none() {
            fixture = Some(Fixture::start(case, &beginning)?);
        }
        let site = fixture.as_ref().ok_or("there is no site")?;
        if let Some(command) = line.strip_prefix("$ beckon ") {
            let here = case.display().to_string();
            let named = |word: &String| word.replace("[fixtures]", &fixtures()).replace("[case]", &here);
            let args: Vec<String> = program::words(command).iter().map(named).collect();
            let ended = site.beckon(&args)?;
            transcript::add(&mut text, command, &ended, |said| site.plain(said));
        } else if let Some((answer, command)) = line.strip_prefix("> ").and_then(|line| line.split_once(" $ beckon ")) {
            let ended = site.at_terminal(&program::words(command), answer)?;
            transcript::add(&mut text, command, &ended, |said| site.plain(said));
        } else if let Some(question) = line.strip_prefix("? ") {
            text.push_str(&format!("? {question}\n{}\n", far_side::answer(site, question)?));
        } else if line == "store remembered" {
            remembered = Some(rows(&site.store())?);
        } else if line == "store unchanged" {
            let now = rows(&site.store())?;
            let then = remembered.as_deref().ok_or("nothing was remembered")?;
            if then != now {
                return Err(format!("the store has changed, {}", transcript::difference(then, &now)));
            }
            text.push_str("store unchanged\n\n");
        } else {
            happen(site, line).map_err(|why| format!("{line}: {why}"))?;
            text.push_str(&format!("> {line}\n\n"));
        }
    }
    let site = fixture.ok_or("it has no steps")?;
    // A case that asks for breaches has them in its transcript.
    let asked = steps.lines().any(|line| line == "? breaches");
    judge(&site, &beginning, asked)?;
    Ok(text)
}

fn begin(beginning: &mut Beginning, how: &str) -> Result<(), String> {
    match how.split(' ').collect::<Vec<_>>().as_slice() {
        ["bare", "site"] => beginning.bare = true,
        ["login", user, password] => beginning.login = Some(((*user).to_owned(), (*password).to_owned())),
        ["foreign", "ca"] => beginning.foreign_ca = true,
        ["rival"] => beginning.rival = true,
        ["doubles"] => beginning.doubles = true,
        _ => return Err(format!("no case can begin with {how:?}")),
    }
    Ok(())
}

fn happen(site: &Fixture, line: &str) -> Result<(), String> {
    let words: Vec<&str> = line.splitn(4, ' ').collect();
    let now = site.clock.now();
    let mut world = lock(&site.world);
    match words.as_slice() {
        ["later", span] => {
            drop(world);
            return later(site, self::span(span)?);
        }
        ["apple", "down", span] => {
            // Half a minute less, so that what is left reads the same for the first seconds of the case.
            let until = now + self::span(span)? - Span::seconds(30);
            world.apple.faults.unavailable = Some(Unavailable { until, form: RetryAfterForm::Seconds });
        }
        ["apple", "up"] => {
            drop(world);
            // Apple is asked not before the time that it gave.
            let until = lock(&site.world).apple.faults.unavailable.map(|outage| outage.until);
            return until.map_or(Ok(()), |until| later(site, until - now));
        }
        ["apple", "token", "bad-in-200"] => world.apple.faults.token = TokenFault::BadAs200,
        ["apple", "token", "expired"] => world.apple.faults.token = TokenFault::Expired,
        ["apple", "token", "revoked"] => world.apple.faults.token = TokenFault::Revoked,
        ["apple", "token", "good"] => world.apple.faults.token = TokenFault::None,
        ["apple", "events", "slow"] => world.apple.config.event_takes = (Span::hours(1), Span::hours(1)),
        ["apple", "refuses", "each", number] => world.apple.faults.refuse_each = Some((1, number.parse().map_err(say)?)),
        ["rival", "takes", "over"] => world.apple.rival_takes_over(&super::world::rival()),
        ["mail", "down"] => world.mail.faults.down = true,
        ["mail", "up"] => world.mail.faults.down = false,
        ["mail", address, what, rest] => {
            let conduct = mailbox(what, rest)?;
            world.mail.behave(address, conduct);
        }
        ["bounce", address, status, words] => {
            let id = world.mail.to(address).last().map(|mail| mail.message_id.clone()).ok_or("nothing went there")?;
            let report = beckon::sim::bounces::report(&id, address, "failed", status, words);
            let folder = site.dir().join("bounces");
            for part in ["cur", "new", "tmp"] {
                std::fs::create_dir_all(folder.join(part)).map_err(say)?;
            }
            return std::fs::write(folder.join("new").join(format!("{id}.{status}")), report).map_err(say);
        }
        ["licences", number, count] => world.apple.buy(now, number, count.parse().map_err(say)?),
        ["mdm", "down"] => world.mdm.faults.down = true,
        ["mdm", "up"] => world.mdm.faults.down = false,
        ["device", serial, ..] => {
            let conduct = device(words.get(2..).unwrap_or_default())?;
            let udid = serial.replace("F1", "UDID-").replace("C1", "UDID-");
            world.mdm.device_mut(&udid).ok_or("no such device")?.conduct = conduct;
        }
        ["apns", "bad-certificate"] => world.apns.faults.bad_certificate = true,
        ["apns", "good"] => world.apns.faults.bad_certificate = false,
        ["push", whose, "gone"] => {
            let tokens = super::world::app_tokens();
            let (token, _) = tokens.iter().find(|(token, _)| token.starts_with(whose)).ok_or("no such token")?;
            world.apns.behave(token, TokenConduct::Unregistered { since: now });
        }
        ["hook", "refuses", times] => site.hook.refuse(times.parse().map_err(say)?),
        [username, "accepts"] => {
            world.person_accepts(now, username).map_err(|why| format!("{why:?}"))?;
        }
        ["secret", name, ..] => {
            let text = line.splitn(3, ' ').nth(2).unwrap_or_default();
            return site.write_secret(name, text);
        }
        ["tamper", ..] => {
            let sql = line.strip_prefix("tamper ").unwrap_or_default();
            let store = rusqlite::Connection::open(site.store()).map_err(say)?;
            let triggers = "DROP TRIGGER IF EXISTS journal_is_never_cut; DROP TRIGGER IF EXISTS journal_is_never_changed;";
            return store.execute_batch(&format!("{triggers} {sql}")).map_err(say);
        }
        ["chmod", mode, name] => {
            use std::os::unix::fs::PermissionsExt as _;
            let mode = u32::from_str_radix(mode, 8).map_err(say)?;
            return std::fs::set_permissions(site.dir().join(name), std::fs::Permissions::from_mode(mode)).map_err(say);
        }
        ["without", name] => return std::fs::remove_file(site.dir().join(name)).map_err(say),
        ["file", name, ..] => {
            let text = line.splitn(3, ' ').nth(2).unwrap_or_default().replace("\\n", "\n");
            return std::fs::write(site.dir().join(name), text).map_err(say);
        }
        _ => return Err("nothing of that kind can happen".to_owned()),
    }
    Ok(())
}

fn mailbox(what: &str, rest: &str) -> Result<MailboxConduct, String> {
    let times = || rest.parse().map_err(say);
    Ok(match what {
        "greylists" => MailboxConduct::Greylists { times: times()? },
        "drops-in-data" => MailboxConduct::DropsInData { times: times()? },
        "drops-after-dot" => MailboxConduct::DropsAfterDot { times: times()? },
        "busy" => MailboxConduct::Busy { times: times()? },
        "refuses" => {
            let (code, text) = rest.split_once(' ').ok_or("a code and a text")?;
            MailboxConduct::Refuses { code: code.parse().map_err(say)?, text: text.to_owned() }
        }
        _ => return Err("no mailbox does that".to_owned()),
    })
}

fn device(words: &[&str]) -> Result<DeviceConduct, String> {
    Ok(match words {
        ["not-now", times] => DeviceConduct::NotNow { times: times.parse().map_err(say)?, back_after: Span::hours(1) },
        ["error", rest] => {
            let (code, text) = rest.split_once(' ').unwrap_or((rest, "Unknown"));
            DeviceConduct::Error {
                code: code.parse().map_err(say)?,
                domain: "MCMDMErrorDomain".to_owned(),
                text: text.to_owned(),
            }
        }
        ["never-seen"] => DeviceConduct::NeverSeen,
        ["gone"] => DeviceConduct::Gone,
        _ => return Err("no device does that".to_owned()),
    })
}

/// Time passes: the world goes on, what it has to report is reported, and what the site has written down is
/// that much older. Devices come within the first two hours, so what they report is that old, too.
fn later(site: &Fixture, span: Span) -> Result<(), String> {
    let first = span.min(Span::hours(2));
    pass(site, first)?;
    if span > first { pass(site, span - first) } else { Ok(()) }
}

/// The journal can't be changed, and keeps its times.
fn pass(site: &Fixture, span: Span) -> Result<(), String> {
    let store = rusqlite::Connection::open(site.store()).map_err(say)?;
    store.busy_timeout(std::time::Duration::from_secs(10)).map_err(say)?;
    let times = [
        ("users", ["invited_at", "enrolled_at", "last_contact"].as_slice()),
        ("invitations", &["asked_at", "due", "queued_at", "registered_at", "delivered_at", "ended_at", "expires_at"]),
        ("deliveries", &["due", "created_at", "first_try", "ended_at", "handed_at", "waits_since"]),
        ("runs", &["started_at", "ended_at"]),
        ("licences", &["enrolled_at", "asked_at", "due"]),
        ("invited_lately", &["at"]),
        ("kept_plans", &["kept_at", "expires_at", "ended_at"]),
    ];
    for (table, columns) in times {
        let set: Vec<String> = columns.iter().map(|c| format!("{c} = {c} - ?1")).collect();
        store.execute(&format!("UPDATE {table} SET {}", set.join(", ")), [span.num_milliseconds()]).map_err(say)?;
    }
    let aged = "UPDATE facts SET value = CAST(value AS INTEGER) - ?1 WHERE name = 'apple_wait_until'";
    store.execute(aged, [span.num_milliseconds()]).map_err(say)?;
    drop(store);
    site.clock.jump(span);
    site.runtime.block_on(site.running.step());
    // What devices showed may have made people act.
    site.runtime.block_on(site.running.step());
    Ok(())
}

fn span(text: &str) -> Result<Span, String> {
    beckon::cli::session::span(text)
}

/// Every row of every table, as text.
fn rows(store: &Path) -> Result<String, String> {
    let store = rusqlite::Connection::open(store).map_err(say)?;
    let mut names = store.prepare("SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY name").map_err(say)?;
    let names: Vec<String> = names.query_map([], |row| row.get(0)).map_err(say)?.flatten().collect();
    let mut text = String::new();
    for name in names {
        let mut all = store.prepare(&format!("SELECT * FROM {name}")).map_err(say)?;
        let columns = all.column_count();
        let mut lines: Vec<String> = all
            .query_map([], |row| {
                let fields: rusqlite::Result<Vec<String>> =
                    (0..columns).map(|i| row.get::<_, rusqlite::types::Value>(i).map(|field| format!("{field:?}"))).collect();
                Ok(fields?.join(", "))
            })
            .map_err(say)?
            .collect::<rusqlite::Result<_>>()
            .map_err(say)?;
        lines.sort();
        text.push_str(&format!("{name}:\n  {}\n", lines.join("\n  ")));
    }
    Ok(text)
}

/// The roster files that other tests read, too.
pub fn fixtures() -> String {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures").display().to_string()
}

/// Whatever a case is about: nothing came twice, and none of Apple's rules was broken.
fn judge(site: &Fixture, beginning: &Beginning, breaches_are_told: bool) -> Result<(), String> {
    let world = lock(&site.world);
    let doubles = world.mail.duplicates();
    if !doubles.is_empty() && !beginning.doubles {
        return Err(format!("mails came twice: {doubles:?}"));
    }
    if !world.apns.duplicates().is_empty() {
        return Err(format!("notifications came twice: {:?}", world.apns.duplicates()));
    }
    if !world.breaches().is_empty() && !breaches_are_told {
        return Err(format!("Apple's rules were broken: {:?}", world.breaches()));
    }
    Ok(())
}
