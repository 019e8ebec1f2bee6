//! The fields of a delivery status: groups of `Name: value`, with empty lines between them (RFC 3464 2.1).

use std::collections::HashMap;

/// More lines than this are no status of a letter of ours.
const LINES_MAX: usize = 2_000;

/// The longest value that is kept.
const VALUE_MAX: usize = 4_000;

/// One group, by lower-case name. The first value of a name counts.
#[derive(Default)]
pub(super) struct Group(HashMap<String, String>);

impl Group {
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }
}

/// The groups in their order. Folded values are one line; lines that are no field are passed over.
pub(super) fn groups(text: &str) -> Vec<Group> {
    let mut groups = Vec::new();
    let mut group = Group::default();
    let mut last: Option<(String, String)> = None;
    for line in text.lines().take(LINES_MAX).chain([""]) {
        let line = line.trim_end();
        if line.starts_with([' ', '\t'])
            && let Some((_, value)) = last.as_mut().filter(|(_, value)| value.len() < VALUE_MAX)
        {
            value.push(' ');
            value.push_str(line.trim_start());
            continue;
        }
        if let Some((name, value)) = last.take() {
            group.0.entry(name).or_insert(value);
        }
        if line.is_empty() {
            if !group.0.is_empty() {
                groups.push(std::mem::take(&mut group));
            }
        } else if let Some((name, value)) = line.split_once(':') {
            let value: String = value.trim().chars().take(VALUE_MAX).collect();
            last = Some((name.trim().to_ascii_lowercase(), value));
        }
    }
    groups
}
