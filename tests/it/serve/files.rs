//! Files that are changed while the site is served: good ones take effect, broken ones don't and are told.

use std::path::Path;

use super::ask::{health, metric, until};
use super::service::Service;
use super::sites;
use crate::crash::check::number;

const IN_FORCE: &str = "are in force";

fn change(path: &Path, from: &str, to: &str) {
    let text = std::fs::read_to_string(path).unwrap();
    assert!(text.contains(from), "{from:?} is not in {}", path.display());
    std::fs::write(path, text.replace(from, to)).unwrap();
}

#[test]
fn a_good_change_takes_effect_and_a_broken_one_is_told_and_mended() {
    let site = sites().site();
    let mut service = Service::ready(&site);
    let file = site.dir.join("site.toml");
    change(&file, "connections = 4", "connections = 6");
    service.hear(IN_FORCE);
    change(&file, "connections = 6", "connections = \"many\"");
    let said = service.hear("the version before goes on");
    assert_eq!((said["file"].as_str(), said["line"].as_i64()), (Some("site.toml"), Some(16)), "{said}");
    let (status, body) = health(service.address);
    assert_eq!((status, body["status"].as_str()), (200, Some("degraded")), "{body}");
    assert_eq!(body["reasons"][0]["file"], "site.toml", "{body}");
    assert_eq!(metric(service.address, "beckon_site_faults"), Some(1.0));
    // The contact hears of it by mail, through the version that still works.
    until(
        || {
            let sent = "SELECT COUNT(*) FROM deliveries WHERE address = 'it@sunnyside.example' AND state = 'accepted'";
            number(&site, sent) == 1
        },
        || service.log(),
    );
    let letter = beckon::sim::lock(&site.running.world).mail.to("it@sunnyside.example").last().map(|mail| mail.decoded());
    assert!(letter.is_some_and(|text| text.contains("site.toml:16:15: mail.connections")), "it says where");
    change(&file, "connections = \"many\"", "connections = 8");
    service.hear(IN_FORCE);
    assert_eq!(health(service.address).1["status"], "ok");
    assert_eq!(number(&site, "SELECT COUNT(*) FROM alerts WHERE kind = 'broken-reload' AND resolved_at IS NOT NULL"), 1);
    service.stop();
}

#[test]
fn a_signal_has_the_files_read_at_once_and_a_broken_template_or_script_changes_nothing() {
    let site = sites().site();
    let schedule =
        "\n[[schedule]]\nname = \"weekly\"\nscript = \"weekly.rhai\"\ncron = \"0 8 1 1 *\"\ntimezone = \"Europe/Amsterdam\"\n";
    let (file, script) = (site.dir.join("site.toml"), site.dir.join("scripts/weekly.rhai"));
    std::fs::write(&script, "//! Nothing.\nimport \"helper\" as helper;\nprint(helper::greeting());\n").unwrap();
    std::fs::write(site.dir.join("scripts/helper.rhai"), "fn greeting() { \"hello\" }\n").unwrap();
    let text = std::fs::read_to_string(&file).unwrap();
    std::fs::write(&file, format!("{text}{schedule}")).unwrap();
    let mut service = Service::ready(&site);
    service.signal("HUP");
    service.hear(IN_FORCE);
    std::fs::write(site.dir.join("scripts/helper.rhai"), "fn greeting( { \"hello\" }\n").unwrap();
    std::fs::write(site.dir.join("templates/invitation.en.txt"), "Subject: {{ nothing.of.the.kind }}\n\n{% if %}\n").unwrap();
    service.signal("HUP");
    let said = service.hear("the version before goes on");
    assert_eq!((said["file"].as_str(), said["line"].as_i64()), (Some("scripts/helper.rhai"), Some(1)), "{said}");
    let (_, body) = health(service.address);
    let files: Vec<&str> = body["reasons"].as_array().unwrap().iter().filter_map(|r| r["file"].as_str()).collect();
    assert!(files.contains(&"scripts/helper.rhai") && files.contains(&"templates/invitation.en.txt"), "{body}");
    service.stop();
}

#[test]
fn a_new_content_token_is_used_without_a_restart() {
    let site = sites().site();
    let token = site.dir.join("secrets/content.vpptoken");
    let aside = site.dir.join("secrets/aside");
    std::fs::rename(&token, &aside).unwrap();
    let mut service = Service::ready(&site);
    assert_eq!(metric(service.address, "beckon_expires_seconds{what=\"content token\"}"), None);
    std::fs::rename(&aside, &token).unwrap();
    service.hear(IN_FORCE);
    assert!(metric(service.address, "beckon_expires_seconds{what=\"content token\"}").is_some());
    service.stop();
}
