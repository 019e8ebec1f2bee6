//! A served site that meets what sites meet: sleep, set clocks, full disks, dead services, dead processes.
//! After each: every due moment has its row, every delivery has ended or waits with a reason, nothing was
//! sent twice over a channel that knows our ids, the doubtful mails are listed, and the journal is whole.

mod house;
mod month;
mod nights;
mod whole;

use crate::domain::time::Timestamp;

/// One schedule of site.toml; `more`: further keys.
fn schedule(name: &str, cron: &str, more: &str) -> String {
    format!(
        "[[schedule]]\nname = \"{name}\"\nscript = \"{name}.rhai\"\ncron = \"{cron}\"\ntimezone = \"Europe/Amsterdam\"\n{more}\n"
    )
}

/// A script that sends Chloe one mail a run.
const TELL: &str = "notify.mail(users.find(\"chloe\"), \"message\", #{ subject: `${now()}`, text: \"Hello.\" });\n";

/// A script that invites whoever was not invited yet, and reminds them.
const INVITE: &str = "invite.plan(groups[\"Grade 5\"], \"not-invited\").send(#{ remind: [days(1), days(3)] });\n";

fn at(text: &str) -> Timestamp {
    chrono::DateTime::parse_from_rfc3339(text).unwrap().to_utc()
}
