//! Which column, or expression over columns, a field is.

use super::rows::visible;
use super::{Builder, Param, Row};
use crate::domain::roster::{Read, RosterError};
use crate::domain::selection::{Field, Kind, Of};

/// A field's text in a statement.
pub(super) struct Column {
    pub text: String,
    pub kind: Kind,
    /// Whether a row may have none.
    pub nullable: bool,
}

impl Builder {
    /// The column of a field. In a condition inside a condition (`u.devices.some(|d| …)`) a field
    /// belongs to the innermost row that has it.
    pub(super) fn column(&mut self, field: &Field, scopes: &[Row]) -> Read<Column> {
        let of = match field {
            Field::Attribute(_) => Of::Users,
            plain => Field::PLAIN.iter().find(|(.., f)| f == plain).map_or(Of::Users, |(of, ..)| *of),
        };
        let Some(row) = scopes.iter().rev().find(|row| row.of == of) else {
            let (has, asked) = if of == Of::Users { ("users", "devices") } else { ("devices", "users") };
            return Err(RosterError(format!("{} is a field of {has}, and the condition is about {asked}", field.name())));
        };
        let alias = row.alias.clone();
        let (text, nullable) = match field {
            Field::Attribute(key) => (self.attribute(&alias, key), true),
            Field::Username => (format!("{alias}.username"), false),
            Field::FullName => (format!("{alias}.full_name"), false),
            Field::Mail => (format!("{alias}.mail"), true),
            Field::Language => (format!("{alias}.language"), true),
            Field::Timezone => (format!("{alias}.timezone"), true),
            Field::Department => (format!("{alias}.department"), true),
            Field::Title => (format!("{alias}.title"), true),
            Field::Enabled => (format!("{alias}.enabled"), false),
            Field::ManagedAccount => (format!("{alias}.managed_account"), true),
            Field::Status => (format!("{alias}.status"), false),
            Field::Invited => (format!("({alias}.invited_at IS NOT NULL)"), false),
            Field::Enrolled => (format!("({alias}.status = 'enrolled')"), false),
            Field::InvitedAt => (format!("{alias}.invited_at"), true),
            Field::EnrolledAt => (format!("{alias}.enrolled_at"), true),
            Field::Reminders => (format!("{alias}.reminders"), false),
            Field::LastContact => (format!("{alias}.last_contact"), true),
            Field::Serial => (format!("{alias}.serial"), false),
            Field::Udid => (format!("{alias}.udid"), true),
            Field::DeviceName => (format!("{alias}.name"), false),
            Field::Platform => (format!("{alias}.platform"), false),
            Field::OsVersion => (format!("{alias}.os_version"), true),
            Field::Model => (format!("{alias}.model"), true),
            Field::Managed => (format!("{alias}.managed"), false),
            Field::LastSeen => (format!("{alias}.last_seen"), true),
            Field::CanBeInvited => (can_be_invited(&alias), false),
        };
        Ok(Column { text, kind: field.kind(), nullable })
    }

    /// A value of the JSON object of attributes. `->>` takes most keys as they are; those that it would
    /// read as a path, or could not find because JSON writes them escaped, are looked for among all keys.
    fn attribute(&mut self, alias: &str, key: &str) -> String {
        let literal =
            !key.is_empty() && !key.starts_with(['$', '[']) && !key.contains(|c: char| c == '"' || c == '\\' || c.is_control());
        let param = self.bind(Param::Text(key.to_owned()));
        if literal {
            return format!("({alias}.attributes ->> {param})");
        }
        let each = self.fresh('j');
        format!("(SELECT {each}.value FROM json_each({alias}.attributes) {each} WHERE {each}.key = {param})")
    }
}

/// That a device is assigned to somebody who is to be seen.
pub(super) fn has_owner(alias: &str) -> String {
    format!("{alias}.user_id IS NOT NULL AND {alias}.user_id NOT IN (SELECT id FROM users WHERE hidden = 1)")
}

/// The rows of the other kind that belong to a row: a user's devices, a device's user.
pub(super) fn belongs(inner: &Row, outer: &Row) -> String {
    let (inner_alias, outer_alias) = (&inner.alias, &outer.alias);
    let link = match inner.of {
        Of::Devices => format!("{inner_alias}.user_id = {outer_alias}.id"),
        Of::Users => format!("{inner_alias}.id = {outer_alias}.user_id"),
    };
    format!("{link} AND {}", visible(inner))
}

/// The same rule as `Device::mdm_target`, for selections; a test holds the two together.
fn can_be_invited(alias: &str) -> String {
    format!(
        "({alias}.managed = 1 AND {alias}.platform IN ('ios', 'ipados', 'macos') AND {alias}.enrollment IN ('device', 'shared-ipad') \
         AND {alias}.udid IS NOT NULL \
         AND (({alias}.platform <> 'macos' AND {alias}.enrollment <> 'shared-ipad') OR {alias}.user_channel IS NOT NULL) AND {})",
        has_owner(alias)
    )
}
