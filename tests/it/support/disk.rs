//! A disk of its own for a test, whose power can be cut: what was written and not synced is gone, as on a host.
//!
//! It is a file system in an image. What the system keeps in memory for it has not reached the image, so a copy of
//! the image is what a disk holds when the power goes. Mounting needs root and loop devices.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use backstop::clock::Clock;

use super::upstream::DEADLINE;

/// Enough for a test, and soon copied.
const SIZE: u64 = 192 << 20;
/// The file system itself writes nothing as time goes by: only what is asked for.
const OPTIONS: &str = "loop,noatime,commit=3600";

/// A mounted disk; unmounted and removed when dropped.
pub(crate) struct Disk {
    directory: tempfile::TempDir,
    /// Which image is mounted: each cut makes one.
    image: usize,
    mounted: bool,
}

/// What a disk held when its power went.
pub(crate) struct Cut(usize);

impl Disk {
    /// An empty disk; `None` where it cannot be mounted, with the reason on standard output.
    #[expect(clippy::print_stdout, reason = "what did not happen is told")]
    pub(crate) fn new() -> Option<Self> {
        let mut disk = Self {
            directory: tempfile::tempdir().unwrap(),
            image: 0,
            mounted: false,
        };
        fs::create_dir(disk.path()).unwrap();
        let image = fs::File::create(disk.image(0)).unwrap();
        image.set_len(SIZE).unwrap();
        let made = run(Command::new("mkfs.ext4")
            .args(["-q", "-F"])
            .arg(disk.image(0)))
        .and_then(|()| disk.mount());
        match made {
            Ok(()) => Some(disk),
            Err(why) => {
                println!("power cut: no disk of its own on this machine: {why}");
                None
            }
        }
    }

    /// Where it is mounted.
    pub(crate) fn path(&self) -> PathBuf {
        self.directory.path().join("disk")
    }

    fn image(&self, number: usize) -> PathBuf {
        self.directory.path().join(format!("image-{number}"))
    }

    fn mount(&mut self) -> Result<(), String> {
        run(Command::new("mount")
            .args(["-o", OPTIONS])
            .arg(self.image(self.image))
            .arg(self.path()))?;
        self.mounted = true;
        Ok(())
    }

    /// Syncs everything that is there, for what a test itself has prepared.
    pub(crate) fn sync(&self) {
        run(Command::new("sync").arg("--file-system").arg(self.path())).unwrap();
    }

    /// The power goes. Everything that wrote must have been killed.
    pub(crate) fn cut(&self) -> Cut {
        let next = self.image + 1;
        run(Command::new("cp")
            .arg("--sparse=always")
            .arg(self.image(self.image))
            .arg(self.image(next)))
        .unwrap();
        Cut(next)
    }

    /// The power is back. Nothing may have the disk open.
    pub(crate) fn power_up(&mut self, cut: &Cut) {
        self.unmount();
        let old = self.image(self.image);
        self.image = cut.0;
        self.mount().unwrap();
        fs::remove_file(old).unwrap();
    }

    fn unmount(&mut self) {
        let start = Clock::instant();
        // What a killed process had open may be let go a moment later.
        while let Err(why) = run(Command::new("umount").arg(self.path())) {
            assert!(start.elapsed() < DEADLINE, "{why}");
            std::thread::yield_now();
        }
        self.mounted = false;
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        if self.mounted {
            // Also when a test fails and something still has it open.
            let _ = run(Command::new("umount").arg("--lazy").arg(self.path()));
        }
    }
}

fn run(command: &mut Command) -> Result<(), String> {
    let name = command.get_program().to_string_lossy().into_owned();
    let output = command
        .env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin")
        .output()
        .map_err(|error| format!("{name}: {error}"))?;
    if output.status.success() {
        return Ok(());
    }
    Err(format!(
        "{name}: {}",
        String::from_utf8_lossy(&output.stderr).trim()
    ))
}

/// The disk itself: what a power cut leaves is what was synced.
#[test]
fn what_was_not_synced_is_gone() {
    use std::io::Write as _;

    let Some(mut disk) = Disk::new() else { return };
    let put = |path: &Path, sync: bool| {
        let mut file = fs::File::create(path).unwrap();
        file.write_all(b"here").unwrap();
        if sync {
            file.sync_all().unwrap();
        }
    };
    put(&disk.path().join("synced"), true);
    fs::File::open(disk.path()).unwrap().sync_all().unwrap();
    put(&disk.path().join("written"), false);
    let mut longer = fs::File::options()
        .append(true)
        .open(disk.path().join("synced"))
        .unwrap();
    longer.write_all(b", and more").unwrap();
    drop(longer);
    let cut = disk.cut();
    disk.power_up(&cut);
    assert_eq!(fs::read(disk.path().join("synced")).unwrap(), b"here");
    assert!(!disk.path().join("written").exists());
}
