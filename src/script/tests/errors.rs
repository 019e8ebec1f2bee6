//! What authors of scripts read when something is wrong.

use crate::script::testing::trial;

#[test]
fn an_unknown_group_is_underlined_with_the_nearest_name() {
    insta::assert_snapshot!(trial("let late = groups[\"Grade5\"].members;").error(), @"");
}
