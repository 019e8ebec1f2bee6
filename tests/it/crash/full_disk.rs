//! A disk that gets full, at many moments: while the plan is committed, and while it is being delivered.

use std::collections::BTreeSet;
use std::ffi::CString;
use std::io::Write as _;
use std::os::unix::ffi::OsStrExt as _;
use std::path::PathBuf;
use std::process::Command;
use std::sync::Mutex;

use super::check::{Expected, all_is_well, ensure, nothing_happened, number, runs, store_is_sound};
use super::side_by_side;
use super::site::{INVITE, Sites};

/// A small disk of its own.
struct Disk {
    folder: tempfile::TempDir,
}

impl Disk {
    /// `None` where this user may not mount anything.
    fn mount() -> Option<Self> {
        let folder = tempfile::tempdir().unwrap();
        let mounted = Command::new("mount").args(["-t", "tmpfs", "-o", "size=16m,mode=700", "tmpfs"]).arg(folder.path()).output();
        mounted.is_ok_and(|done| done.status.success()).then_some(Self { folder })
    }

    fn site(&self) -> PathBuf {
        self.folder.path().join("site")
    }

    fn available(&self) -> u64 {
        let path = CString::new(self.folder.path().as_os_str().as_bytes()).unwrap();
        // SAFETY: the path is a terminated string, and the struct is of the size that the call fills.
        let stat = unsafe {
            let mut stat: libc::statvfs = std::mem::zeroed();
            assert_eq!(libc::statvfs(path.as_ptr(), &raw mut stat), 0);
            stat
        };
        stat.f_bavail * stat.f_frsize
    }

    /// Takes all space but `left` bytes.
    fn fill_but(&self, left: u64) {
        let mut ballast = std::fs::File::create(self.folder.path().join("ballast")).unwrap();
        let mut rest = self.available().saturating_sub(left);
        while rest > 0 {
            let piece = rest.min(64 * 1024);
            ballast.write_all(&vec![0; usize::try_from(piece).unwrap()]).unwrap();
            rest -= piece;
        }
    }

    fn free(&self) {
        std::fs::remove_file(self.folder.path().join("ballast")).unwrap();
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(self.folder.path()).status();
    }
}

/// How much is left in kilobytes; the last is enough for everything.
const LEFT: [u64; 24] =
    [0, 4, 8, 16, 28, 32, 36, 48, 64, 96, 128, 160, 200, 260, 320, 400, 480, 560, 660, 800, 1_000, 1_400, 2_000, 8_000];

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Met {
    BeforeTheCommit,
    WhileDelivering,
    Never,
}

#[test]
fn a_full_disk_is_named_and_what_was_committed_goes_on_when_there_is_space() {
    if Disk::mount().is_none() {
        eprintln!("skipped: this user may not mount a small disk to fill");
        return;
    }
    let sites = Sites::new();
    let undisturbed = sites.site();
    undisturbed.command(&INVITE).expect_code(0).unwrap();
    let expected = Expected::of(&undisturbed);
    let met = Mutex::new(BTreeSet::new());
    side_by_side(8, &LEFT, |left| {
        let when = invite_with(&sites, &expected, left)?;
        met.lock().unwrap().insert((when, left));
        Ok(())
    });
    let met = met.into_inner().unwrap();
    for when in [Met::BeforeTheCommit, Met::WhileDelivering, Met::Never] {
        assert!(met.iter().any(|(w, _)| *w == when), "{when:?} is missing: {met:?}");
    }
}

fn invite_with(sites: &Sites, expected: &Expected, left: u64) -> Result<Met, String> {
    let disk = Disk::mount().ok_or("the disk can't be mounted any more")?;
    let site = sites.site_in(&disk.site());
    disk.fill_but(left * 1024);
    let ended = site.command(&INVITE);
    disk.free();
    let met = if ended.code() == Some(0) {
        Met::Never
    } else {
        ensure!(ended.code() == Some(6), "{ended}");
        ensure!(ended.err.contains("the disk is full"), "the message does not name the disk: {ended}");
        ensure!(ended.err.contains("free some space"), "the message does not say what to do: {ended}");
        if runs(&site) == 0 {
            nothing_happened(&site)?;
            site.command(&INVITE).expect_code(0)?;
            Met::BeforeTheCommit
        } else {
            Met::WhileDelivering
        }
    };
    site.settle()?;
    all_is_well(&site, expected)?;
    Ok(met)
}

#[test]
fn an_import_onto_a_full_disk_takes_nothing() {
    let Some(disk) = Disk::mount() else {
        eprintln!("skipped: this user may not mount a small disk to fill");
        return;
    };
    let sites = Sites::new();
    let mut failed = 0;
    for left in [0, 8, 32, 48, 100, 160, 8_000] {
        let site = sites.site_in(&disk.site());
        let roster = disk.site().join("roster");
        let users = std::fs::read_to_string(roster.join("users.csv")).unwrap();
        std::fs::write(roster.join("users.csv"), users.replace(",Student,", ",Pupil,")).unwrap();
        let pupils = || number(&site, "SELECT COUNT(*) FROM users WHERE title = 'Pupil'");
        disk.fill_but(left * 1024);
        let ended = site.command(&sites.import_args(&site));
        disk.free();
        if ended.code() != Some(0) {
            failed += 1;
            assert_eq!(ended.code(), Some(6), "{left} kB left: {ended}");
            assert!(ended.err.contains("the disk is full"), "{left} kB left: {ended}");
            assert_eq!(pupils(), 0, "{left} kB left: {ended}");
            store_is_sound(&site).unwrap();
            site.command(&sites.import_args(&site)).expect_code(0).unwrap();
        }
        assert_eq!(pupils(), 36, "{left} kB left");
        drop(site);
        std::fs::remove_dir_all(disk.site()).unwrap();
    }
    assert!(failed > 0, "the disk was never full");
}
