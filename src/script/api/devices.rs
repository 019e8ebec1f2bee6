//! A device's fields, and to whom it is assigned.

use rhai::Dynamic;
use rhai::plugin::*;

use crate::domain::intent::Intent;
use crate::domain::selection::{Field, Of};
use crate::script::past;
use crate::script::problem::{Problem, RhaiResultOf};
use crate::script::run_context::Run;
use crate::script::selection::Selection;
use crate::script::shown;
use crate::script::values;

#[export_module]
pub mod api {
    /// A device of the roster. A field that is not known is `()`; comparing it with anything but `()` is false.
    pub type Device = values::Device;

    /// The serial number.
    ///
    /// # Example
    /// ```
    /// for d in devices.limit(3) { print(d.serial); }
    /// ```
    #[rhai_fn(get = "serial", pure)]
    pub fn serial(device: &mut Device) -> String {
        device.0.serial.clone()
    }

    /// The UDID, or `()`.
    ///
    /// # Example
    /// ```
    /// let seen = devices.where(|d| d.udid != ());
    /// ```
    #[rhai_fn(get = "udid", pure)]
    pub fn udid(device: &mut Device) -> Dynamic {
        device.field(&Field::Udid)
    }

    /// The device's name.
    ///
    /// # Example
    /// ```
    /// for d in devices.limit(3) { print(d.name); }
    /// ```
    #[rhai_fn(get = "name", pure)]
    pub fn name(device: &mut Device) -> String {
        device.0.name.clone()
    }

    /// The platform: `"ios"`, `"ipados"`, `"macos"`, `"tvos"`, `"visionos"` or `"watchos"`.
    ///
    /// # Example
    /// ```
    /// let macs = devices.where(|d| d.platform == "macos");
    /// ```
    #[rhai_fn(get = "platform", pure)]
    pub fn platform(device: &mut Device) -> String {
        device.0.platform.word().to_owned()
    }

    /// The version of its operating system, or `()`.
    ///
    /// # Example
    /// ```
    /// print(devices.where(|d| d.os_version == "26.1").count());
    /// ```
    #[rhai_fn(get = "os_version", pure)]
    pub fn os_version(device: &mut Device) -> Dynamic {
        device.field(&Field::OsVersion)
    }

    /// The model, or `()`.
    ///
    /// # Example
    /// ```
    /// print(devices.limit(3).pluck("model"));
    /// ```
    #[rhai_fn(get = "model", pure)]
    pub fn model(device: &mut Device) -> Dynamic {
        device.field(&Field::Model)
    }

    /// The user whom it is assigned to, or `()`.
    ///
    /// # Example
    /// ```
    /// let spare = devices.where(|d| d.user == ());
    /// ```
    #[rhai_fn(get = "user", pure, return_raw)]
    pub fn user(ctx: NativeCallContext, device: &mut Device) -> RhaiResultOf<Dynamic> {
        Ok(owner(&Run::of(&ctx)?, device)?.map_or(Dynamic::UNIT, Dynamic::from))
    }

    /// Whether it is enrolled in MDM.
    ///
    /// # Example
    /// ```
    /// print(devices.where(|d| !d.managed).count());
    /// ```
    #[rhai_fn(get = "managed", pure)]
    pub fn managed(device: &mut Device) -> bool {
        device.0.managed
    }

    /// How it came under management: `"device"`, `"user"`, `"account-driven"` or `"shared-ipad"`.
    ///
    /// # Example
    /// ```
    /// for d in devices.limit(3) { print(d.enrollment); }
    /// ```
    #[rhai_fn(get = "enrollment", pure)]
    pub fn enrollment(device: &mut Device) -> String {
        device.0.enrollment.word().to_owned()
    }

    /// When the MDM server last heard from it, or `()`.
    ///
    /// # Example
    /// ```
    /// let lost = devices.where(|d| d.last_seen < now() - days(30));
    /// ```
    #[rhai_fn(get = "last_seen", pure)]
    pub fn last_seen(device: &mut Device) -> Dynamic {
        device.field(&Field::LastSeen)
    }

    /// Whether an invitation can be shown on it, as far as the protocol is concerned.
    ///
    /// # Example
    /// ```
    /// print(devices.where(|d| d.can_be_invited).count());
    /// ```
    #[rhai_fn(get = "can_be_invited", pure)]
    pub fn can_be_invited(device: &mut Device) -> bool {
        device.0.mdm_target().is_ok()
    }

    /// Why no invitation can be shown on it, or `()` when one can.
    ///
    /// # Example
    /// ```
    /// for d in devices.where(|d| !d.can_be_invited).limit(5) { print(`${d.name}: ${d.why_not}`); }
    /// ```
    #[rhai_fn(get = "why_not", pure)]
    pub fn why_not(device: &mut Device) -> Dynamic {
        device.0.mdm_target().err().map_or(Dynamic::UNIT, |why| why.to_string().into())
    }

    /// Assigns a device to a user; one that belongs to somebody else changes hands.
    ///
    /// # Effect
    /// assign-device
    ///
    /// # Example
    /// ```
    /// devices.assign(devices.find("C02X1"), users.find("ana"));
    /// ```
    #[rhai_fn(volatile, pure, return_raw)]
    pub fn assign(ctx: NativeCallContext, devices: &mut Selection, device: Device, user: values::User) -> RhaiResultOf<()> {
        let run = Run::of(&ctx)?;
        check_devices(devices)?;
        past::present_device(&run, &device)?;
        past::present_user(&run, &user)?;
        let intent = Intent::AssignDevice { device: device.0.id, serial: device.0.serial.clone(), to: Some(user.person()) };
        Ok(run.ask(&ctx, intent)?)
    }

    /// Takes a device from its user.
    ///
    /// # Effect
    /// assign-device
    ///
    /// # Example
    /// ```
    /// devices.unassign(devices.find("C02X1"));
    /// ```
    #[rhai_fn(volatile, pure, return_raw)]
    pub fn unassign(ctx: NativeCallContext, devices: &mut Selection, device: Device) -> RhaiResultOf<()> {
        let run = Run::of(&ctx)?;
        check_devices(devices)?;
        past::present_device(&run, &device)?;
        let intent = Intent::AssignDevice { device: device.0.id, serial: device.0.serial.clone(), to: None };
        Ok(run.ask(&ctx, intent)?)
    }

    /// An info card: name, serial number, platform, user, and whether it can be invited.
    ///
    /// # Example
    /// ```
    /// print(devices.find("C02X1"));
    /// ```
    #[rhai_fn(name = "to_string", pure, volatile, return_raw)]
    pub fn device_to_string(ctx: NativeCallContext, device: &mut Device) -> RhaiResultOf<String> {
        Ok(shown::device::card(&Run::of(&ctx)?, device)?.text())
    }

    /// The name and the serial number, as they stand in an array that is printed.
    ///
    /// # Example
    /// ```
    /// print(devices.limit(2).to_array());
    /// ```
    #[rhai_fn(name = "to_debug", pure)]
    pub fn device_to_debug(device: &mut Device) -> String {
        format!("{} ({})", device.0.name, device.0.serial)
    }

    /// Whether both are the same device.
    #[rhai_fn(name = "==")]
    pub fn device_eq(a: Device, b: Device) -> bool {
        a.0.id == b.0.id
    }

    /// Whether they are different devices.
    #[rhai_fn(name = "!=")]
    pub fn device_ne(a: Device, b: Device) -> bool {
        a.0.id != b.0.id
    }
}

/// The user whom a device is assigned to.
pub fn owner(run: &Run, device: &values::Device) -> Result<Option<values::User>, Problem> {
    let Some(id) = device.0.user else { return Ok(None) };
    Ok(run.at(device.0.as_of).read(|view| view.users(&[id.0]))?.into_iter().next().map(values::User))
}

fn check_devices(selection: &Selection) -> Result<(), Problem> {
    if selection.of() == Of::Devices {
        return Ok(());
    }
    Err(Problem::new("wrong_type", "only devices can be assigned").hint("write `devices.assign(device, user)`"))
}
