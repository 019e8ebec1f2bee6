//! A device's info card.

use super::card::Card;
use crate::domain::time::show;
use crate::script::api::devices::owner;
use crate::script::problem::Problem;
use crate::script::run_context::Run;
use crate::script::values::Device;

/// What it is, whose, and whether an invitation can be shown on it.
///
/// # Errors
/// The roster's.
pub fn card(run: &Run, device: &Device) -> Result<Card, Problem> {
    let d = &*device.0;
    let mut card = Card::titled(format!("{} ({})", d.name, d.serial));
    card.as_of(&run.at(d.as_of));
    let noun = d.platform.noun();
    card.text_line("platform", &d.os_version.as_ref().map_or_else(|| noun.to_owned(), |version| format!("{noun}, {version}")));
    if let Some(model) = &d.model {
        card.text_line("model", model);
    }
    let user = owner(run, device)?;
    card.text_line("user", &user.map_or_else(|| "nobody".to_owned(), |u| format!("{} ({})", u.0.full_name, u.0.username)));
    card.text_line("MDM", if d.managed { d.enrollment.word() } else { "not enrolled" });
    if let Some(seen) = d.last_seen {
        card.text_line("last seen", &show(seen, run.site.zone));
    }
    match d.mdm_target() {
        Ok(_) => card.text_line("invitation", "can be shown on it"),
        Err(why) => card.text_line("invitation", &format!("can't be shown on it: {why}")),
    }
    Ok(card)
}
