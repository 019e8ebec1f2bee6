//! Who has which device.

use super::{School, SchoolDevice};
use crate::domain::device::{Enrollment, Platform};
use crate::domain::time::Span;
use crate::sim::devices::{DeviceConduct, SimDevice};
use crate::sim::seed::Seed;

/// Everybody in turn gets one device; who is left over when all have one gets a second. The last few
/// of a school's devices are those that no invitation can reach.
pub(super) fn hand_out(school: &mut School, drawn: &mut Seed, devices: usize) {
    let people = school.users.len();
    let odd = if devices >= 20 { 4 } else { 0 };
    for number in 0..devices {
        let device = if number >= devices - odd {
            odd_one(school, drawn, number, devices - number)
        } else {
            // Second devices go to one person in three, so that the count per person differs.
            let owner = if people == 0 {
                None
            } else if number < people {
                Some(number)
            } else {
                Some((number - people) * 3 % people)
            };
            let without_user = number >= 10 && drawn.chance(0.02);
            ordinary(school, drawn, number, owner.filter(|_| !without_user))
        };
        school.devices.push(device);
    }
}

fn ordinary(school: &School, drawn: &mut Seed, number: usize, owner: Option<usize>) -> SchoolDevice {
    let user = owner.and_then(|at| school.users.get(at));
    let is_student = user.is_none_or(|u| u.title == "Student");
    let second = number >= school.users.len();
    let platform = match (number, is_student, second, drawn.below(100)) {
        (0, ..) | (_, true, false, 0..=76) | (_, false, true, 0..=59) => Platform::Ipados,
        (_, true, false, 77..=94) | (_, false, false, 0..=69) => Platform::Macos,
        (_, _, true, 0..=39) => Platform::Macos,
        _ => Platform::Ios,
    };
    let given = user.map_or_else(|| format!("Shelf {number}"), |u| u.full_name.split(' ').next().unwrap_or_default().to_owned());
    let mut device = blank(drawn, number, platform, &given);
    device.user = user.map(|u| u.username.clone());
    if platform == Platform::Macos {
        // Nobody has logged in to MDM on some Macs yet: they have no user channel.
        let logged_in = user.is_some() && !drawn.chance(0.08);
        device.user_channel = logged_in.then(|| drawn.uuid().to_uppercase());
    }
    device.conduct = match (number, drawn.below(100)) {
        (0, _) => DeviceConduct::Obliging,
        (_, 0..=9) => {
            DeviceConduct::NotNow { times: 1 + u32::try_from(drawn.below(2)).unwrap_or(0), back_after: Span::minutes(20) }
        }
        (_, 10..=11) => DeviceConduct::Error {
            code: 12024,
            domain: "MCMDMErrorDomain".to_owned(),
            text: "The user is not signed in to the store".to_owned(),
        },
        (_, 12..=15) => DeviceConduct::NeverSeen,
        (_, 16) => DeviceConduct::Gone,
        _ => DeviceConduct::Obliging,
    };
    let managed = number < 10 || !drawn.chance(0.03);
    SchoolDevice { device, managed }
}

/// An Apple TV, a Vision Pro, a privately owned iPad under User Enrollment, and a Shared iPad.
fn odd_one(school: &School, drawn: &mut Seed, number: usize, from_end: usize) -> SchoolDevice {
    let owner = school.users.get(number % school.users.len().max(1));
    let given = owner.map_or_else(String::new, |u| u.full_name.split(' ').next().unwrap_or_default().to_owned());
    let user = owner.map(|u| u.username.clone());
    let device = match from_end {
        1 => blank(drawn, number, Platform::Tvos, "Assembly Hall"),
        2 => SimDevice { user, ..blank(drawn, number, Platform::Visionos, &given) },
        3 => {
            let private = blank(drawn, number, Platform::Ipados, &format!("{given} (private)"));
            SimDevice { user, enrollment: Enrollment::User, udid: drawn.uuid(), ..private }
        }
        _ => SimDevice {
            user,
            enrollment: Enrollment::SharedIpad,
            user_channel: owner.map(|u| format!("{}@{}", u.username, super::MANAGED_DOMAIN)),
            ..blank(drawn, number, Platform::Ipados, "Library cart")
        },
    };
    SchoolDevice { device, managed: true }
}

fn blank(drawn: &mut Seed, number: usize, platform: Platform, whose: &str) -> SimDevice {
    const LETTERS: &[u8] = b"CDFGHJKLMNPQRTVWXY";
    let letter = |seed: &mut Seed| char::from(seed.pick(LETTERS).copied().unwrap_or(b'X'));
    let head: String = (0..3).map(|_| letter(drawn)).collect();
    let (os_version, model, udid) = match platform {
        Platform::Macos => ("15.7", "Mac16,12", drawn.uuid().to_uppercase()),
        Platform::Tvos => ("18.6", "AppleTV14,1", apple_udid(drawn)),
        Platform::Visionos => ("2.6", "RealityDevice14,1", apple_udid(drawn)),
        Platform::Ios => ("18.7", "iPhone16,1", apple_udid(drawn)),
        _ => ("18.7", "iPad15,7", apple_udid(drawn)),
    };
    SimDevice {
        serial: format!("{head}{number:07}{}", letter(drawn)),
        udid,
        name: format!("{whose}'s {}", platform.noun()),
        platform,
        os_version: os_version.to_owned(),
        model: model.to_owned(),
        user: None,
        enrollment: Enrollment::Device,
        user_channel: None,
        conduct: DeviceConduct::Obliging,
    }
}

fn apple_udid(drawn: &mut Seed) -> String {
    format!("00008120-{:016X}", drawn.draw())
}
