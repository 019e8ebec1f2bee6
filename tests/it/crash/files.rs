//! `kill -9` while a roster is imported and while a content token is installed.

use std::os::unix::fs::PermissionsExt as _;

use beckon::domain::time::Span;
use beckon::sim::apple::UnitConfig;
use beckon::sim::lock;
use beckon::sim::school::content_token;
use beckon::sim::seed::Seed;
use beckon::sim::wire::{Server, WireEvent};

use super::check::{ensure, number, store_is_sound};
use super::kill::{KillPoint, run_killed};
use super::site::{GROUP, SEED, Site, Sites};

#[test]
fn an_import_killed_at_any_instant_takes_all_or_nothing() {
    let sites = Sites::new();
    let whole = sites.site();
    let tables = ["users", "groups", "group_users", "group_groups", "devices"];
    let count = |site: &Site| tables.map(|table| number(site, &format!("SELECT COUNT(*) FROM {table}")));
    let all = count(&whole);
    let mut seed = Seed::named(SEED, &["import"]);
    let mut points: Vec<KillPoint> = (1..=24).map(KillPoint::Write).collect();
    points.extend((0..12).map(|at| KillPoint::After(4 * at + seed.below(4))));
    let mut killed = 0;
    for point in points {
        let lived = || -> Result<bool, String> {
            let site = sites.bare();
            let args = sites.import_args(&site);
            let args: Vec<&str> = args.iter().map(String::as_str).collect();
            let ended = run_killed(&site, &args, point);
            // Whatever is there of a store can be used at once, by any command.
            site.command(&["tasks", "--json"]).expect_code(0)?;
            store_is_sound(&site)?;
            let now = count(&site);
            ensure!(now == all || now == [0; 5], "half of an import: {now:?} of {all:?}; {ended}");
            ensure!(ended.was_killed() || (ended.code() == Some(0) && now == all), "{ended}");
            let again = site.command(&args).expect_code(0)?;
            ensure!(count(&site) == all, "{again}");
            // And the store is whole in every other way: a run can be planned and committed.
            site.command(&["token", "install", "sunnyside.vpptoken"]).expect_code(0)?;
            let arg = format!("group={GROUP}");
            site.command(&["run", "invite-group", "--arg", &arg, "--yes", "--wait", "0s"]).expect_code(0)?;
            ensure!(number(&site, "SELECT COUNT(*) FROM deliveries") > 100, "nobody was invited");
            Ok(ended.was_killed())
        };
        killed += usize::from(lived().unwrap_or_else(|words| panic!("seed {SEED}, {point:?}: {words}")));
    }
    assert!(killed >= 20, "only {killed} of the points were reached");
}

#[test]
fn a_token_whose_installation_is_killed_is_the_old_one_or_the_new_one() {
    let sites = Sites::new();
    let expires = sites.token_expires + Span::days(30);
    let (old, new) = [sites.token_expires, expires].map(|at| content_token(SEED, &sites.school.name, at)).into();
    let mut points: Vec<KillPoint> = Vec::new();
    for n in 1..=3 {
        points.push(KillPoint::Wire(WireEvent::Asked(Server::AppsAndBooks), n));
        points.push(KillPoint::Wire(WireEvent::Acted(Server::AppsAndBooks), n));
    }
    points.extend((1..=4).map(KillPoint::Write));
    points.extend((0..10).map(|at| KillPoint::After(4 * at)));
    let mut killed = 0;
    for point in points {
        let lived = || -> Result<bool, String> {
            let site = sites.site();
            lock(&site.running.world).apple.add_unit(UnitConfig::school(new.clone(), expires));
            let installed = site.dir.join("secrets/content.vpptoken");
            let holds = || std::fs::read_to_string(&installed).unwrap_or_default();
            ensure!(holds() == old, "a site that is ready has another token");
            std::fs::write(site.dir.join("new.vpptoken"), &new).map_err(|e| e.to_string())?;
            let install = ["token", "install", "new.vpptoken"];
            let ended = run_killed(&site, &install, point);
            ensure!(ended.was_killed() || (ended.code() == Some(0) && holds() == new), "{ended}");
            ensure!(holds() == old || holds() == new, "half a token is installed");
            // The site works with whichever it is, and the installation can be done again.
            site.command(&["token", "show"]).expect_code(0)?;
            site.command(&["sync"]).expect_code(0)?;
            site.command(&install).expect_code(0)?;
            ensure!(holds() == new, "installed again, and another token is there");
            store_is_sound(&site)?;
            for entry in std::fs::read_dir(site.dir.join("secrets")).map_err(|e| e.to_string())?.flatten() {
                let mode = entry.metadata().map_err(|e| e.to_string())?.permissions().mode() & 0o777;
                ensure!(mode == 0o600, "{:?} can be read by others ({mode:o})", entry.file_name());
                ensure!(entry.file_name() != "content.new", "a staged token stays behind");
            }
            Ok(ended.was_killed())
        };
        killed += usize::from(lived().unwrap_or_else(|words| panic!("{point:?}: {words}")));
    }
    assert!(killed >= 8, "only {killed} of the points were reached");
}
