//! The prompt among simulated services: what is asked for, sent, delivered in the background, and left.

use std::sync::OnceLock;

use beckon::sim::lock;

use super::{Key, Opening, Terminal};
use crate::crash::check::number;
use crate::crash::site::{Site, Sites};

/// One school for all tests here.
fn sites() -> &'static Sites {
    static SITES: OnceLock<Sites> = OnceLock::new();
    SITES.get_or_init(Sites::new)
}

const INVITE: &str = "invite.plan(groups[\"Grade 5\"], \"not-invited\").send(#{ channels: [\"mail\"] });";

fn at_prompt(site: &Site) -> Terminal {
    let mut terminal = Opening::beckon(&site.dir, &["repl", "--wait", "20s"]).env("NO_COLOR", "1").start();
    terminal.wait_for_row("Sunnyside School> |");
    terminal
}

/// Asks for the invitations of a group, and says yes to sending them.
fn send(terminal: &mut Terminal) {
    terminal.enter(INVITE);
    terminal.enter(":send");
    terminal.wait_for("[y/N]");
    terminal.enter("y");
    terminal.wait_for_row("Sunnyside School> |");
}

fn mails(site: &Site) -> usize {
    lock(&site.running.world).mail.stored().len()
}

#[test]
fn what_is_delivered_meanwhile_stands_above_what_is_typed() {
    let site = sites().site();
    let mut terminal = at_prompt(&site);
    let services = lock(&site.running.world);
    send(&mut terminal);
    terminal.enter("let people = [");
    terminal.type_text("  \"山田太郎\", \"Zoë 👩‍👩‍👧\", \"e\u{301}");
    terminal.wait_until("show what is typed", |terminal| terminal.screen().ends_with("\"e\u{301}"));
    let typed = last_rows(&terminal, 2);
    let cursor = terminal.cursor_row();
    drop(services);
    terminal.wait_for("delivered");
    terminal.wait_until("show again what was typed", |terminal| terminal.cursor_row() == cursor);
    assert_eq!(last_rows(&terminal, 2), typed, "{}", terminal.screen());
    let above = terminal.screen();
    let (result, row) = (above.find("Run ").expect("a result"), above.find("let people").expect("the line"));
    assert!(result < row, "{above}");
    terminal.enter("\"];");
    terminal.enter("people.len()");
    terminal.wait_for("\n3");
    terminal.press(Key::Ctrl('d'));
    assert!(terminal.end().success());
    assert_eq!(number(&site, "SELECT COUNT(DISTINCT user_id) FROM deliveries"), i64::try_from(mails(&site)).unwrap());
}

fn last_rows(terminal: &Terminal, count: usize) -> Vec<String> {
    let rows: Vec<String> = terminal.screen().lines().map(str::to_owned).collect();
    rows[rows.len().saturating_sub(count)..].to_vec()
}

#[test]
fn whoever_leaves_waits_for_what_is_under_way() {
    let site = sites().site();
    let mut terminal = at_prompt(&site);
    let services = lock(&site.running.world);
    send(&mut terminal);
    terminal.enter(":quit");
    terminal.wait_for("still has deliveries under way: waiting for them");
    drop(services);
    terminal.wait_for("delivered");
    assert!(terminal.end().success());
    assert!(mails(&site) > 30);
}

#[test]
fn a_tray_that_nobody_confirms_is_kept_and_ctrl_d_asks() {
    let site = sites().site();
    let mut terminal = at_prompt(&site);
    terminal.enter(INVITE);
    terminal.enter(":send");
    terminal.wait_for("[y/N]");
    terminal.enter("");
    terminal.wait_for_row("Sunnyside School [1]> |");
    terminal.press(Key::Ctrl('d'));
    terminal.wait_for("Leave? [y/N]");
    terminal.enter("n");
    terminal.wait_for_row("Sunnyside School [1]> |");
    terminal.press(Key::Ctrl('d'));
    terminal.wait_until("ask again", |terminal| terminal.screen().matches("Leave? [y/N]").count() == 2);
    terminal.enter("y");
    assert_eq!(terminal.end().code(), Some(4), "what was refused last");
    assert_eq!((mails(&site), number(&site, "SELECT COUNT(*) FROM deliveries")), (0, 0));
}

#[test]
fn screens_of_a_morning() {
    let site = sites().site();
    let mut terminal = at_prompt(&site);
    // What is typed while a line runs is echoed where its output goes: a screen waits for the prompt.
    terminal.enter("users.order_by(\"username\").limit(4)");
    terminal.wait_for("4 users");
    terminal.wait_for_row("Sunnyside School> |");
    terminal.enter("groups[\"Grade 5\"]");
    terminal.wait_for("not invited");
    terminal.wait_for_row("Sunnyside School> |");
    insta::assert_snapshot!("a_table_and_a_card", terminal.screen());
    terminal.press(Key::Ctrl('l'));
    terminal.wait_for_row("Sunnyside School> |");
    terminal.enter(INVITE);
    terminal.wait_for_row("Sunnyside School [1]> |");
    terminal.enter("notify.mail(users.first(), \"message\", #{ subject: \"Apps\", text: \"Tomorrow.\" })");
    terminal.wait_for_row("Sunnyside School [2]> |");
    terminal.enter(":review");
    terminal.wait_for("  2  Mail");
    terminal.wait_for_row("Sunnyside School [2]> |");
    insta::assert_snapshot!("a_tray", terminal.screen());
    terminal.press(Key::Ctrl('l'));
    terminal.enter("groups[\"Grade5\"]");
    terminal.wait_for("did you mean");
    terminal.wait_for_row("Sunnyside School [2]> |");
    insta::assert_snapshot!("an_error", terminal.screen());
    terminal.resize(16, 44);
    terminal.press(Key::Ctrl('l'));
    terminal.enter("users.order_by(\"username\").limit(40)");
    terminal.wait_for(":more");
    terminal.wait_for_row("Sunnyside School [2]> |");
    insta::assert_snapshot!("a_narrow_page", terminal.screen());
}

#[test]
fn a_page_stays_in_sight_in_a_small_window_and_more_goes_on_where_it_ended() {
    let site = sites().site();
    let mut terminal = Opening::beckon(&site.dir, &["repl"]).env("NO_COLOR", "1").sized(12, 80).start();
    terminal.wait_for_row("Sunnyside School> |");
    terminal.enter(INVITE);
    terminal.wait_for_row("Sunnyside School [1]> |");
    let page = |terminal: &mut Terminal, line: &str| {
        terminal.press(Key::Ctrl('l'));
        terminal.wait_until("clear its screen", |terminal| terminal.screen() == "Sunnyside School [1]>");
        terminal.enter(line);
        terminal.wait_for(" more: :more");
        terminal.wait_for_row("Sunnyside School [1]> |");
        terminal.screen()
    };
    let mut seen = String::new();
    let first = page(&mut terminal, "users.order_by(\"username\").limit(40)");
    insta::assert_snapshot!("a_low_page", first);
    seen.push_str(&first);
    terminal.resize(10, 40);
    for n in 2..=3 {
        let next = page(&mut terminal, ":more");
        if n == 2 {
            insta::assert_snapshot!("a_small_page_after_a_low_one", next);
        }
        seen.extend(["\n", &next]);
    }
    terminal.resize(60, 100);
    terminal.press(Key::Ctrl('l'));
    terminal.wait_until("clear its screen", |terminal| terminal.screen() == "Sunnyside School [1]>");
    terminal.enter(":more");
    terminal.wait_for("users, ");
    terminal.wait_for_row("Sunnyside School [1]> |");
    seen.extend(["\n", &terminal.screen()]);
    // Nobody is passed over and nobody is shown twice where a page was cut.
    let rows = seen.lines().filter(|line| line.contains("  none"));
    let names: Vec<&str> = rows.filter_map(|line| line.split(' ').next()).collect();
    assert!(names.windows(2).all(|two| two[0] < two[1]), "{names:?}");
    assert_eq!(names.len(), 40, "{names:?}");
}

#[test]
fn a_tray_of_thousands_is_reviewed_at_once() {
    let site = sites().site();
    let mut terminal = at_prompt(&site);
    terminal.enter(":review");
    terminal.wait_for("the tray is empty");
    terminal.enter("for n in 0..10_000 { notify.mail(`p${n}@x.example`, \"message\", #{ subject: \"a\", text: \"b\" }); }");
    terminal.wait_for("tray: 10000 mails");
    terminal.wait_for_row("Sunnyside School [10000]> |");
    terminal.enter(":review");
    terminal.wait_for("10000  Mail \"message\" to p9999@x.example");
    terminal.wait_for_row("Sunnyside School [10000]> |");
    terminal.enter(":drop 10000");
    terminal.wait_for("dropped: Mail \"message\" to p9999@x.example");
    terminal.enter(":undo");
    terminal.wait_for("taken back");
    terminal.wait_for_row("Sunnyside School> |");
    terminal.enter(":undo");
    terminal.wait_for("there is nothing to take back");
}
