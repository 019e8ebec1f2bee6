//! The standard library: Rhai modules that are part of the program, imported by their bare name.

/// Name and text of each module.
pub const MODULES: &[(&str, &str)] = &[
    ("audiences", include_str!("../../stdlib/audiences.rhai")),
    ("calendar", include_str!("../../stdlib/calendar.rhai")),
    ("invitations", include_str!("../../stdlib/invitations.rhai")),
    ("reminders", include_str!("../../stdlib/reminders.rhai")),
    ("reports", include_str!("../../stdlib/reports.rhai")),
    ("testing", include_str!("../../stdlib/testing.rhai")),
];

/// The text of a module of the standard library.
pub fn find(name: &str) -> Option<&'static str> {
    let modules = MODULES.iter().chain(TEST_MODULES);
    modules.clone().find(|(n, _)| *n == name).map(|(_, text)| *text)
}

/// What errors call a module of the standard library.
pub fn shown(name: &str) -> String {
    format!("stdlib/{name}.rhai")
}

#[cfg(not(test))]
const TEST_MODULES: &[(&str, &str)] = &[];

/// Stands for the library in tests of the loading itself.
#[cfg(test)]
const TEST_MODULES: &[(&str, &str)] = &[(
    "test_greetings",
    "/// Greets.\nfn hello(name) { `hello ${name}` }\nfn late() { users.where(|u| u.invited && !u.enrolled) }\nfn wrong() { users.find(\"nobody\") }\n",
)];
