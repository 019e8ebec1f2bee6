//! The keys of options maps, read from the section `# Options` of a function's own comment: lines
//! "- `key`: type, meaning", or "As `plan.send`." for the keys of another function.

use super::catalog::Entry;
use super::reference::{Doc, variable};

/// A key that an options map knows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OptionKey {
    /// `remind`; a key of a map that is an option's value stands after a dot: `remind.after`.
    pub path: String,
    /// As the reference writes it: `Span`, `array of string`, `array of Span or map`.
    pub kind: String,
    /// What it does, in a line.
    pub meaning: String,
}

impl OptionKey {
    /// The key under which it stands in the map: `after` of `remind.after`, and the path of that map,
    /// which is empty for the options themselves.
    #[must_use]
    pub fn split(&self) -> (&str, &str) {
        self.path.rsplit_once('.').unwrap_or(("", &self.path))
    }

    /// The texts that the meaning names as possible values: `mdm` and `mail` of "`"mdm"`, `"mail"`".
    pub fn words(&self) -> impl Iterator<Item = &str> {
        let quoted = self.meaning.split('`').skip(1).step_by(2);
        quoted.filter_map(|text| text.strip_prefix('"')?.strip_suffix('"'))
    }
}

/// The keys that a comment lists.
pub fn read(doc: &str) -> Vec<OptionKey> {
    let lines = Doc::of(doc).options.unwrap_or_default().lines();
    let key = |line: &str| {
        let (path, rest) = line.strip_prefix("- `")?.split_once("`: ")?;
        let (kind, meaning) = rest.split_once(", ")?;
        Some(OptionKey { path: path.to_owned(), kind: kind.to_owned(), meaning: meaning.to_owned() })
    };
    lines.filter_map(key).collect()
}

/// Gives functions that take the options of another function the keys of that one.
pub fn share(entries: &mut [Entry]) {
    let known: Vec<(String, Vec<OptionKey>)> = entries
        .iter()
        .filter(|e| !e.options.is_empty())
        .filter_map(|e| Some((format!("{}.{}", variable(&e.params.first()?.1), e.name), e.options.clone())))
        .collect();
    for entry in entries.iter_mut().filter(|e| e.options.is_empty()) {
        let as_of = Doc::of(&entry.doc).options.and_then(|o| o.strip_prefix("As `")?.split_once('`'));
        if let Some((other, _)) = as_of
            && let Some((_, options)) = known.iter().find(|(name, _)| name == other)
        {
            entry.options = options.clone();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use super::*;
    use crate::script::testing::{host, trial};

    /// Calls with a key that nobody knows, for each function with options, by the path of the map.
    const CALLS: &[(&str, &str, &str)] = &[
        ("invite.plan", "", "invite.plan(users, \"everyone\", #{ qqqqqqqqq: 1 })"),
        ("invite.user", "", "invite.user(users.first(), #{ qqqqqqqqq: 1 })"),
        ("invite.device", "", "invite.device(users.where(|u| u.devices.len > 0).first().devices[0], #{ qqqqqqqqq: 1 })"),
        ("invite.resend", "", "invite.resend(users, #{ qqqqqqqqq: 1 })"),
        ("plan.send", "", "invite.plan(users, \"everyone\").send(#{ qqqqqqqqq: 1 })"),
        ("plan.send", "remind", "invite.plan(users, \"everyone\").send(#{ remind: #{ qqqqqqqqq: 1 } })"),
        (
            "plan.send",
            "remind.holidays",
            "invite.plan(users, \"everyone\").send(#{ remind: #{ after: [days(1)], holidays: [#{ qqqqqqqqq: 1 }] } })",
        ),
        ("notify.push", "", "notify.push(users, \"x\", #{ qqqqqqqqq: 1 })"),
        ("run.param", "", "run.param(\"x\", #{ qqqqqqqqq: 1 })"),
        // Of whatever they are called on.
        ("to_csv", "", "users.to_csv(#{ qqqqqqqqq: 1 })"),
        ("to_json", "", "users.to_json(#{ qqqqqqqqq: 1 })"),
    ];

    /// The check and the completion compare them with what a script says.
    #[test]
    fn kinds_are_types_that_scripts_have() {
        let catalog = host().catalog();
        let own: Vec<&str> = catalog.types().iter().map(|of| of.name.as_str()).collect();
        for entry in catalog.entries() {
            for kind in entry.options.iter().flat_map(|option| option.kind.split(" or ")) {
                let one = kind.strip_prefix("array of ").unwrap_or(kind);
                let plain = matches!(one, "string" | "int" | "float" | "number" | "bool" | "array" | "map" | "closure" | "any");
                assert!(plain || own.contains(&one), "{}: {kind}", entry.name);
            }
        }
    }

    #[test]
    fn the_documented_keys_are_those_that_are_read() {
        let host = host();
        let mut known: BTreeMap<(&str, &str), BTreeSet<String>> = BTreeMap::new();
        for (function, path, call) in CALLS {
            let error = trial(call).run().unwrap_err();
            let hint = error.hint.clone().unwrap_or_default();
            let keys = hint.strip_prefix("it knows: ").unwrap_or_else(|| panic!("{call}: {error:?}"));
            known.insert((function, path), keys.split(", ").map(str::to_owned).collect());
        }
        for entry in host.catalog().entries().iter().filter(|e| !e.standard) {
            let takes_map = entry.params.iter().any(|(name, _)| name.contains("options"));
            assert_eq!(takes_map, !entry.options.is_empty(), "{}: # Options", entry.name);
            let Some((_, kind)) = entry.params.first().filter(|_| takes_map) else { continue };
            if kind == "TestSite" {
                // Only a test has one: trial/tests.rs compares those.
                continue;
            }
            let name = format!("{}.{}", variable(kind), entry.name);
            let mut documented: BTreeMap<(&str, &str), BTreeSet<String>> = BTreeMap::new();
            for option in &entry.options {
                let (path, key) = option.split();
                documented.entry((&name, path)).or_default().insert(key.to_owned());
            }
            for (at, keys) in documented {
                // The keys of policies are shared by all that send.
                let whoever = || known.get(&(entry.name.as_str(), at.1));
                let read = known.get(&at).or_else(whoever).or_else(|| known.get(&("plan.send", at.1)));
                assert_eq!(Some(&keys), read, "{name} {}", at.1);
            }
        }
    }
}
