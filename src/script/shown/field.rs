//! The fields of what stands in rows, by the names that scripts use. They are read by the script API's own
//! getters, so that a table or a file says exactly what a script would see.

use std::sync::Arc;

use rhai::{Array, Dynamic, Engine, GlobalRuntimeState, Map, NativeCallContext, Position};

use crate::domain::selection::Of;
use crate::script::api::apps::App;
use crate::script::api::plan::LeftOut;
use crate::script::api::schedule::Schedule;
use crate::script::api::tasks::Task;
use crate::script::options::type_word;
use crate::script::problem::RhaiResultOf;
use crate::script::run_context::Run;
use crate::script::values::{Device, Group, Time, User, unshared};

/// What a row is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    User,
    Device,
    Group,
    Task,
    App,
    Schedule,
    LeftOut,
}

/// A field that is shown as a column.
#[derive(Clone, Copy, Debug)]
pub struct Field {
    /// As a script writes it.
    pub name: &'static str,
    /// As a person reads it.
    pub heading: &'static str,
    /// 0 for what says which row it is; the larger, the sooner it is left out where there is no room.
    pub rank: u8,
    /// Columns of a terminal: with less it is not worth its room.
    pub least: u16,
}

const fn field(name: &'static str, heading: &'static str, rank: u8, least: u16) -> Field {
    Field { name, heading, rank, least }
}

impl Kind {
    pub const ALL: [Self; 7] = [Self::User, Self::Device, Self::Group, Self::Task, Self::App, Self::Schedule, Self::LeftOut];

    /// What the value is, where it is something that has rows.
    pub fn of(value: &Dynamic) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| match kind {
            Self::User => value.is::<User>(),
            Self::Device => value.is::<Device>(),
            Self::Group => value.is::<Group>(),
            Self::Task => value.is::<Task>(),
            Self::App => value.is::<App>(),
            Self::Schedule => value.is::<Schedule>(),
            Self::LeftOut => value.is::<LeftOut>(),
        })
    }

    pub fn of_rows(of: Of) -> Self {
        match of {
            Of::Users => Self::User,
            Of::Devices => Self::Device,
        }
    }

    pub fn noun(self) -> &'static str {
        match self {
            Self::User => "user",
            Self::Device => "device",
            Self::Group => "group",
            Self::Task => "task",
            Self::App => "app",
            Self::Schedule => "schedule",
            Self::LeftOut => "user",
        }
    }

    /// Every field, as a script writes it. Those that take a look at the roster for each row come last.
    pub fn fields(self) -> &'static [&'static str] {
        match self {
            Self::User => &[
                "username",
                "full_name",
                "mail",
                "language",
                "timezone",
                "department",
                "title",
                "enabled",
                "managed_account",
                "distribution",
                "status",
                "invited",
                "invited_at",
                "enrolled",
                "enrolled_at",
                "reminders",
                "last_contact",
                "attributes",
                "groups",
                "devices",
            ],
            Self::Device => &[
                "serial",
                "udid",
                "name",
                "platform",
                "os_version",
                "model",
                "managed",
                "enrollment",
                "last_seen",
                "can_be_invited",
                "why_not",
                "user",
            ],
            Self::Group => &["name", "distribution", "users", "enrolled", "open", "devices", "members"],
            Self::Task => {
                &["id", "username", "full_name", "device", "channel", "what", "waiting_for", "since", "next", "attempts", "words"]
            }
            Self::App => &["name", "adam_id", "kind", "available", "assigned", "total"],
            Self::Schedule => &["name", "script", "cron", "timezone", "paused"],
            Self::LeftOut => &["username", "full_name", "reason", "code"],
        }
    }

    /// The fields of a file that names none: those that are one value each, without a look at the roster for each
    /// of a hundred thousand rows.
    pub fn plain_fields(self) -> &'static [&'static str] {
        let looked_up = match self {
            Self::User => 3,
            Self::Group => 1,
            _ => 0,
        };
        let all = self.fields();
        all.get(..all.len() - looked_up).unwrap_or(all)
    }

    /// The columns of a table, in the order in which they stand.
    pub fn columns(self) -> &'static [Field] {
        match self {
            Self::User => {
                const {
                    &[
                        field("username", "username", 0, 8),
                        field("full_name", "name", 1, 10),
                        field("status", "status", 2, 8),
                        field("mail", "mail", 3, 18),
                        field("groups", "groups", 4, 16),
                        field("department", "department", 5, 14),
                        field("last_contact", "last contact", 6, 16),
                    ]
                }
            }
            Self::Device => {
                const {
                    &[
                        field("name", "name", 1, 10),
                        field("serial", "serial", 0, 8),
                        field("platform", "platform", 2, 8),
                        field("user", "user", 3, 12),
                        field("managed", "managed", 4, 7),
                        field("os_version", "OS", 5, 6),
                        field("last_seen", "last seen", 6, 16),
                        field("model", "model", 7, 12),
                    ]
                }
            }
            Self::Group => {
                const {
                    &[
                        field("name", "name", 0, 10),
                        field("users", "users", 1, 5),
                        field("enrolled", "enrolled", 2, 8),
                        field("open", "open", 3, 4),
                        field("devices", "devices", 5, 7),
                        field("distribution", "distribution", 4, 7),
                    ]
                }
            }
            Self::Task => {
                const {
                    &[
                        field("id", "task", 0, 4),
                        field("full_name", "who", 1, 10),
                        field("what", "what", 2, 10),
                        field("waiting_for", "waits for", 3, 14),
                        field("channel", "channel", 5, 7),
                        field("device", "device", 4, 12),
                        field("since", "since", 6, 16),
                        field("next", "next", 7, 16),
                        field("attempts", "attempts", 8, 8),
                    ]
                }
            }
            Self::App => {
                const {
                    &[
                        field("name", "name", 0, 10),
                        field("available", "free", 1, 4),
                        field("assigned", "assigned", 3, 8),
                        field("total", "total", 2, 5),
                        field("kind", "kind", 4, 4),
                        field("adam_id", "number", 5, 9),
                    ]
                }
            }
            Self::Schedule => {
                const {
                    &[
                        field("name", "name", 0, 10),
                        field("cron", "due", 1, 9),
                        field("script", "script", 2, 14),
                        field("timezone", "zone", 4, 12),
                        field("paused", "paused", 3, 6),
                    ]
                }
            }
            Self::LeftOut => {
                const {
                    &[
                        field("username", "username", 0, 8),
                        field("full_name", "name", 2, 10),
                        field("reason", "left out because", 1, 16),
                    ]
                }
            }
        }
    }
}

/// Reads fields of values as a script does.
pub struct Getters {
    engine: Arc<Engine>,
    global: GlobalRuntimeState,
}

impl Getters {
    /// # Errors
    /// The run is over.
    pub fn new(run: &Run) -> RhaiResultOf<Self> {
        let engine = run.engine()?;
        let global = engine.new_global_runtime_state();
        Ok(Self { engine, global })
    }

    /// The field of that name; `()` where a map has none.
    ///
    /// # Errors
    /// The getter's.
    pub fn get(&self, value: &mut Dynamic, name: &str) -> RhaiResultOf<Dynamic> {
        if let Some(map) = value.read_lock::<Map>() {
            return Ok(map.get(name).map_or(Dynamic::UNIT, Dynamic::flatten_clone));
        }
        if let (Some(key), Some(user)) = (name.strip_prefix("attributes."), value.read_lock::<User>()) {
            return Ok(user.0.attributes.get(key).map_or(Dynamic::UNIT, |text| text.as_str().into()));
        }
        self.context().call_native_fn_raw(format!("get${name}"), true, &mut [value])
    }

    /// A context of no place, for calls that no script wrote.
    pub fn context(&self) -> NativeCallContext<'_> {
        NativeCallContext::new_with_all_fields(&self.engine, "to_string", None, &self.global, Position::NONE)
    }
}

/// A value in one cell of a table, or one line of a card.
pub fn cell(value: &Dynamic, run: &Run) -> String {
    if value.is_unit() {
        return String::new();
    }
    if let Ok(truth) = value.as_bool() {
        return if truth { "yes" } else { "no" }.to_owned();
    }
    if let Some(array) = value.read_lock::<Array>() {
        return array.iter().map(|item| cell(&unshared(item), run)).collect::<Vec<_>>().join(", ");
    }
    if let Some(map) = value.read_lock::<Map>() {
        if map.is_empty() {
            return "#{}".to_owned();
        }
        let entries = map.iter().map(|(key, value)| format!("{key}: {}", cell(&unshared(value), run)));
        return format!("#{{ {} }}", entries.collect::<Vec<_>>().join(", "));
    }
    if let Some(time) = value.read_lock::<Time>() {
        return crate::domain::time::show(time.0, run.site.zone);
    }
    if let Some(user) = value.read_lock::<User>() {
        return user.0.full_name.clone();
    }
    if let Some(device) = value.read_lock::<Device>() {
        return device.0.name.clone();
    }
    super::text::of(run, value.clone()).unwrap_or_else(|_| type_word(value))
}
