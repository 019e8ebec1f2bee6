//! The reference's page in a real browser: its search, its keys, and that it fits a narrow window and asks nobody for anything.

use std::io::Write as _;
use std::process::{Command, Stdio};

use serde_json::Value;

/// What a reader does, and what they then see.
const READER: &str = r##"
<script>
(function () {
  var field = document.getElementById("search"), list = document.getElementById("results");
  function press(target, key) { target.dispatchEvent(new KeyboardEvent("keydown", { key: key, bubbles: true, cancelable: true })); }
  function search(words) {
    field.value = words;
    field.dispatchEvent(new Event("input"));
    return Array.prototype.map.call(list.querySelectorAll("li a"), function (a) { return a.getAttribute("href"); });
  }
  var seen = { width: document.documentElement.scrollWidth, window: window.innerWidth };
  press(document, "/");
  seen.focused = document.activeElement.id;
  seen.send = search("send");
  seen.two = search("quiet hours");
  seen.site = search("site.run");
  seen.library = search("with_mail_at");
  seen.nothing = search("qqqqqqqq");
  seen.told = list.textContent;
  seen.marks = (search("plan.send"), list.querySelectorAll("mark").length);
  press(field, "Enter");
  seen.hash = location.hash;
  press(field, "Escape");
  seen.cleared = field.value === "" && list.hidden;
  var ids = {}, dead = [];
  document.querySelectorAll("[id]").forEach(function (node) { ids[node.id] = true; });
  document.querySelectorAll("a[href^='#']").forEach(function (a) { var to = decodeURIComponent(a.getAttribute("href").slice(1)); if (!ids[to]) { dead.push(to); } });
  seen.dead = dead;
  seen.asked = performance.getEntriesByType("resource").map(function (one) { return one.name; });
  document.body.textContent = "SEEN" + JSON.stringify(seen) + "NEES";
}());
</script>
</body>"##;

fn seen(width: u32) -> Option<Value> {
    let dir = tempfile::tempdir().expect("a folder");
    let page = dir.path().join("reference.html");
    let made = Command::new(env!("CARGO_BIN_EXE_beckon")).args(["docs", "--html"]).output().expect("beckon starts");
    let text = String::from_utf8(made.stdout).expect("text").replace("</body>", READER);
    std::fs::write(&page, text).expect("written");
    let profile = dir.path().join("profile");
    let mut browser = Command::new("chromium");
    browser.args(["--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--dump-dom"]);
    browser.arg(format!("--user-data-dir={}", profile.display())).arg(format!("--window-size={width},900"));
    browser.arg(format!("file://{}", page.display())).stdin(Stdio::null()).stderr(Stdio::null());
    let Ok(output) = browser.output() else {
        let _ = writeln!(
            std::io::stderr(),
            "skipped: the reference in a browser: there is no chromium (tests/run, as root, brings it)"
        );
        return None;
    };
    let dom = String::from_utf8_lossy(&output.stdout).replace("&gt;", ">").replace("&lt;", "<").replace("&amp;", "&");
    let seen = dom.split_once("SEEN{").and_then(|(_, rest)| rest.split_once("}NEES"));
    let (seen, _) = seen.unwrap_or_else(|| panic!("the reader's script has not come to its end: {dom}"));
    Some(serde_json::from_str(&format!("{{{seen}}}")).expect("what was seen"))
}

#[test]
fn the_reference_is_searched_by_keyboard_and_asks_nobody() {
    let Some(seen) = seen(1280) else { return };
    let first = |query: &str| seen[query][0].as_str().unwrap_or_default().to_owned();
    assert_eq!(seen["focused"], "search", "`/` leads to the search");
    assert_eq!(first("send"), "#plan.send", "{}", seen["send"]);
    assert_eq!(first("site"), "#testsite.run", "{}", seen["site"]);
    assert_eq!(first("library"), "#audiences.with_mail_at", "{}", seen["library"]);
    assert!(seen["two"].as_array().is_some_and(|found| !found.is_empty()), "{seen}");
    assert_eq!((seen["nothing"].as_array().map(Vec::len), &seen["told"]), (Some(0), &Value::from("Nothing has these words.")));
    assert!(seen["marks"].as_u64() > Some(0), "{seen}");
    assert_eq!(seen["hash"], "#plan.send");
    assert_eq!(seen["cleared"], true);
    assert_eq!(seen["dead"], serde_json::json!([]), "links that lead nowhere");
    assert_eq!(seen["asked"], serde_json::json!([]), "nothing is fetched");
}

#[test]
fn the_reference_fits_a_narrow_window() {
    let Some(seen) = seen(390) else { return };
    assert!(seen["width"].as_u64() <= seen["window"].as_u64(), "it is wider than the window: {seen}");
}
