//! Site folders: settings, scripts and a roster.

use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use beckon::domain::device::{Enrollment, Platform};
use beckon::sim::School;
use beckon::sim::devices::DeviceConduct;
use beckon::sim::school::MAIL_DOMAIN;

use super::child::{beckon, run};

/// A school in which every user and every device can be reached: so many of each go out.
pub fn reachable_school(users: usize, devices: usize) -> School {
    let mut school = School::generate_sized(7, users, devices);
    for user in &mut school.users {
        user.mail = Some(format!("{}@{MAIL_DOMAIN}", user.username));
        user.enabled = true;
        user.managed_account = None;
    }
    for group in &mut school.groups {
        group.distribution = true;
    }
    for (number, device) in school.devices.iter_mut().enumerate() {
        device.managed = true;
        device.device.user = school.users.get(number % users).map(|user| user.username.clone());
        device.device.platform = Platform::Ipados;
        device.device.enrollment = Enrollment::Device;
        device.device.user_channel = None;
        device.device.conduct = DeviceConduct::Obliging;
    }
    school
}

/// Makes a site: its settings are the fixed ones and `sections`.
pub fn make(dir: &Path, sections: &str) {
    for folder in ["scripts", "secrets", "templates"] {
        std::fs::create_dir_all(dir.join(folder)).expect("the target folder can be written");
    }
    let toml = format!(
        "[site]\nname = \"Sunnyside School\"\ntimezone = \"Europe/Amsterdam\"\nlanguage = \"en\"\ncontact = \"it@sunnyside.example\"\n\
         [limits]\ninvitations_per_run = 1_000_000\nshare_of_roster = 1.0\nshare_of_roster_per_day = 1.0\ninvitations_per_day = 1_000_000\nmessages_per_run = 1_000_000\n\
         [settings]\nhelpdesk = \"https://help.sunnyside.example\"\n[http]\nlisten = \"{}\"\n{sections}",
        listener()
    );
    write(&dir.join("site.toml"), &toml);
}

/// Where sites should listen for devices: this process does already, as a `beckon serve` would, so that no
/// command stays to hear what devices answer.
fn listener() -> SocketAddr {
    static TAKEN: OnceLock<TcpListener> = OnceLock::new();
    let taken = TAKEN.get_or_init(|| TcpListener::bind("127.0.0.1:0").expect("loopback has a free port"));
    taken.local_addr().expect("a bound socket has an address")
}

pub fn write(path: &Path, text: &str) {
    std::fs::write(path, text).expect("the target folder can be written");
}

/// A file that only its owner can read.
pub fn write_secret(path: &Path, text: &str) {
    use std::os::unix::fs::PermissionsExt as _;
    write(path, text);
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600)).expect("it is our file");
}

/// Writes a script and answers its path.
pub fn script(dir: &Path, name: &str, text: &str) -> String {
    let path = dir.join("scripts").join(name);
    write(&path, text);
    path.display().to_string()
}

/// Writes a school's roster files and imports them.
pub fn import(dir: &Path, school: &School) {
    let folder = dir.join("roster");
    school.write_csv(&folder).expect("the target folder can be written");
    let files: Vec<PathBuf> =
        ["users", "groups", "memberships", "nested", "devices"].iter().map(|name| folder.join(format!("{name}.csv"))).collect();
    import_files(dir, &files);
}

pub fn import_files(dir: &Path, files: &[PathBuf]) {
    run(beckon(dir, &["import", "--yes", "--keep-missing"]).args(files));
}
