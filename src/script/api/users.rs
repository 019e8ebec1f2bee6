//! A user's fields. The rows are as of the run's start and never change during it.

use rhai::plugin::*;
use rhai::{Array, Dynamic};

use crate::domain::intent::{DistributionTarget, Intent};
use crate::domain::selection::Field;
use crate::script::api::groups::find_group;
use crate::script::audience::members;
use crate::script::past;
use crate::script::problem::RhaiResultOf;
use crate::script::run_context::Run;
use crate::script::shown;
use crate::script::values::{self, GroupKind};

#[export_module]
pub mod api {
    /// A user of the roster. A field that is not known is `()`; comparing it with anything but `()` is false.
    pub type User = values::User;

    /// The username.
    ///
    /// # Example
    /// ```
    /// print(users.find("ana").username);
    /// ```
    #[rhai_fn(get = "username", pure)]
    pub fn username(user: &mut User) -> String {
        user.0.username.clone()
    }

    /// The full name.
    ///
    /// # Example
    /// ```
    /// print(users.find("ana").full_name);
    /// ```
    #[rhai_fn(get = "full_name", pure)]
    pub fn full_name(user: &mut User) -> String {
        user.0.full_name.clone()
    }

    /// The mail address, or `()`.
    ///
    /// # Example
    /// ```
    /// let without = users.where(|u| u.mail == ());
    /// ```
    #[rhai_fn(get = "mail", pure)]
    pub fn mail(user: &mut User) -> Dynamic {
        user.field(&Field::Mail)
    }

    /// The language tag, such as `"nl"`, or `()` where the site's language is used.
    ///
    /// # Example
    /// ```
    /// let germans = users.where(|u| u.language == "de");
    /// ```
    #[rhai_fn(get = "language", pure)]
    pub fn language(user: &mut User) -> Dynamic {
        user.field(&Field::Language)
    }

    /// The time zone's name, or `()` where the site's zone is used.
    ///
    /// # Example
    /// ```
    /// print(users.find("ana").timezone);
    /// ```
    #[rhai_fn(get = "timezone", pure)]
    pub fn timezone(user: &mut User) -> Dynamic {
        user.field(&Field::Timezone)
    }

    /// The department, or `()`.
    ///
    /// # Example
    /// ```
    /// let music = users.where(|u| u.department == "Music");
    /// ```
    #[rhai_fn(get = "department", pure)]
    pub fn department(user: &mut User) -> Dynamic {
        user.field(&Field::Department)
    }

    /// The title, or `()`.
    ///
    /// # Example
    /// ```
    /// let heads = users.where(|u| u.title == "Head of year");
    /// ```
    #[rhai_fn(get = "title", pure)]
    pub fn title(user: &mut User) -> Dynamic {
        user.field(&Field::Title)
    }

    /// Whether the account is enabled; a disabled one is never invited.
    ///
    /// # Example
    /// ```
    /// print(users.where(|u| !u.enabled).count());
    /// ```
    #[rhai_fn(get = "enabled", pure)]
    pub fn enabled(user: &mut User) -> bool {
        user.0.enabled
    }

    /// Attributes beyond the plain fields, by name; one that is missing is `()`.
    ///
    /// # Example
    /// ```
    /// let reds = users.where(|u| u.attributes["house"] == "red");
    /// ```
    #[rhai_fn(get = "attributes", pure)]
    pub fn attributes(user: &mut User) -> values::Attributes {
        values::Attributes(user.0.clone())
    }

    /// The names of the groups that the user is in, nested ones included.
    ///
    /// # Example
    /// ```
    /// let staff = users.where(|u| "Staff" in u.groups);
    /// ```
    #[rhai_fn(get = "groups", pure, return_raw)]
    pub fn groups(ctx: NativeCallContext, user: &mut User) -> RhaiResultOf<Array> {
        let groups = Run::of(&ctx)?.at(user.0.as_of).read(|view| view.groups_of(user.0.id))?;
        Ok(groups.into_iter().map(|g| g.name.into()).collect())
    }

    /// The devices that are assigned to the user.
    ///
    /// # Example
    /// ```
    /// let with_mac = users.where(|u| u.devices.some(|d| d.platform == "macos"));
    /// ```
    #[rhai_fn(get = "devices", pure, return_raw)]
    pub fn devices(ctx: NativeCallContext, user: &mut User) -> RhaiResultOf<Array> {
        let devices = Run::of(&ctx)?.at(user.0.as_of).read(|view| view.devices_of(user.0.id))?;
        Ok(devices.into_iter().map(|d| Dynamic::from(values::Device(d))).collect())
    }

    /// The Managed Apple Account, or `()`. Its owner is associated without an invitation.
    ///
    /// # Example
    /// ```
    /// let managed = users.where(|u| u.managed_account != ());
    /// ```
    #[rhai_fn(get = "managed_account", pure)]
    pub fn managed_account(user: &mut User) -> Dynamic {
        user.field(&Field::ManagedAccount)
    }

    /// Where the user stands: `"none"`, `"invited"`, `"enrolled"` or `"retired"`.
    ///
    /// # Example
    /// ```
    /// let open = users.where(|u| u.status == "invited");
    /// ```
    #[rhai_fn(get = "status", pure)]
    pub fn status(user: &mut User) -> String {
        user.0.status.word().to_owned()
    }

    /// Whether an invitation has ever gone out.
    ///
    /// # Example
    /// ```
    /// let fresh = users.where(|u| !u.invited);
    /// ```
    #[rhai_fn(get = "invited", pure)]
    pub fn invited(user: &mut User) -> bool {
        user.0.invited()
    }

    /// Whether the user has accepted: Apple's record says so.
    ///
    /// # Example
    /// ```
    /// let open = users.where(|u| u.invited && !u.enrolled);
    /// ```
    #[rhai_fn(get = "enrolled", pure)]
    pub fn enrolled(user: &mut User) -> bool {
        user.0.enrolled()
    }

    /// When the invitation went out, or `()`.
    ///
    /// # Example
    /// ```
    /// let late = users.where(|u| u.invited_at < now() - days(7));
    /// ```
    #[rhai_fn(get = "invited_at", pure)]
    pub fn invited_at(user: &mut User) -> Dynamic {
        user.field(&Field::InvitedAt)
    }

    /// When the user accepted, or `()`.
    ///
    /// # Example
    /// ```
    /// let this_week = users.where(|u| u.enrolled_at > now() - days(7));
    /// ```
    #[rhai_fn(get = "enrolled_at", pure)]
    pub fn enrolled_at(user: &mut User) -> Dynamic {
        user.field(&Field::EnrolledAt)
    }

    /// How many reminders of the open invitation have gone out.
    ///
    /// # Example
    /// ```
    /// let last_call = users.where(|u| u.reminders >= 3 && !u.enrolled);
    /// ```
    #[rhai_fn(get = "reminders", pure)]
    pub fn reminders(user: &mut User) -> i64 {
        i64::from(user.0.reminders)
    }

    /// When a message last went out to the user, or `()`.
    ///
    /// # Example
    /// ```
    /// let quiet = users.where(|u| u.last_contact < now() - days(3));
    /// ```
    #[rhai_fn(get = "last_contact", pure)]
    pub fn last_contact(user: &mut User) -> Dynamic {
        user.field(&Field::LastContact)
    }

    /// Whether managed distribution is enabled for this user alone; a group's switch is the group's.
    ///
    /// # Example
    /// ```
    /// print(users.find("ana").distribution);
    /// ```
    #[rhai_fn(get = "distribution", pure)]
    pub fn distribution(user: &mut User) -> bool {
        user.0.distribution
    }

    /// Whether the user is in the group of that name, nested groups and rules included.
    ///
    /// # Throws
    /// `unknown_group` when there is no such group.
    ///
    /// # Example
    /// ```
    /// if users.find("ana").in_group("Staff") { print("staff"); }
    /// ```
    #[rhai_fn(pure, volatile, return_raw)]
    pub fn in_group(ctx: NativeCallContext, user: &mut User, name: &str) -> RhaiResultOf<bool> {
        let run = Run::of(&ctx)?.at(user.0.as_of);
        let group = find_group(&run, name)?;
        match &group.kind {
            GroupKind::Roster(record) => Ok(run.read(|view| view.is_member(record.id, user.0.id))?),
            GroupKind::Rule(_) => members(&run, &group).contains(user.0.id.0),
        }
    }

    /// Enables managed distribution for this user, so that they may be invited.
    ///
    /// # Effect
    /// distribution
    ///
    /// # Example
    /// ```
    /// users.find("ana").enable_distribution();
    /// ```
    #[rhai_fn(pure, volatile, return_raw)]
    pub fn enable_distribution(ctx: NativeCallContext, user: &mut User) -> RhaiResultOf<()> {
        distribution_of(&ctx, user, true)
    }

    /// Disables managed distribution for this user; a group of theirs may still enable it.
    ///
    /// # Effect
    /// distribution
    ///
    /// # Example
    /// ```
    /// users.find("ana").disable_distribution();
    /// ```
    #[rhai_fn(pure, volatile, return_raw)]
    pub fn disable_distribution(ctx: NativeCallContext, user: &mut User) -> RhaiResultOf<()> {
        distribution_of(&ctx, user, false)
    }

    /// An info card: name, account, groups, devices, the state of the invitation, and why none can be sent where
    /// that is so.
    ///
    /// # Example
    /// ```
    /// print(users.find("ana"));
    /// ```
    #[rhai_fn(name = "to_string", pure, volatile, return_raw)]
    pub fn user_to_string(ctx: NativeCallContext, user: &mut User) -> RhaiResultOf<String> {
        Ok(shown::user::card(&Run::of(&ctx)?, user)?.text())
    }

    /// The name and the username, as they stand in an array that is printed.
    ///
    /// # Example
    /// ```
    /// print(users.limit(2).to_array());
    /// ```
    #[rhai_fn(name = "to_debug", pure)]
    pub fn user_to_debug(user: &mut User) -> String {
        format!("{} ({})", user.0.full_name, user.0.username)
    }

    /// Whether both are the same user.
    #[rhai_fn(name = "==")]
    pub fn user_eq(a: User, b: User) -> bool {
        a.0.id == b.0.id
    }

    /// Whether they are different users.
    #[rhai_fn(name = "!=")]
    pub fn user_ne(a: User, b: User) -> bool {
        a.0.id != b.0.id
    }
}

fn distribution_of(ctx: &NativeCallContext, user: &values::User, on: bool) -> RhaiResultOf<()> {
    let run = Run::of(ctx)?;
    past::present_user(&run, user)?;
    let target = DistributionTarget::User(user.0.id);
    Ok(run.ask(ctx, Intent::Distribution { target, name: user.0.full_name.clone(), on })?)
}
