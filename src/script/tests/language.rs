//! What scripts can say.

use crate::script::testing::trial;

fn check(script: &str, expect: &str) {
    assert_eq!(trial(script).output(), expect, "{script}");
}

#[test]
fn globals_are_visible_everywhere() {
    check("users.count()", "5");
    check("fn n() { users.count() } n()", "5");
    check("let f = |x| users.count() + x; f.call(1)", "6");
    check("groups[\"Grade 5\"].members.count()", "4");
    check("site.name", "Sunnyside School");
}
