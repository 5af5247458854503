//! Tells when a program is gone, with all that it started: they hold the far end of a pipe open.
//!
//! For programs that are nobody's child here, because a shell, tmux or an SSH server has started them.

use std::{
    fs::File,
    io::Read as _,
    path::{Path, PathBuf},
    process::Command,
    sync::mpsc,
    time::Duration,
};

const DEADLINE: Duration = Duration::from_mins(1);

/// The near end.
pub(crate) struct Alive {
    path: PathBuf,
    gone: mpsc::Receiver<()>,
}

impl Alive {
    /// Makes the pipe in `directory`.
    pub(crate) fn new(directory: &Path) -> Self {
        let path = directory.join("alive");
        let made = Command::new("mkfifo").arg(&path).status().unwrap();
        assert!(made.success(), "mkfifo {}", path.display());
        let (tell, gone) = mpsc::channel();
        let end = path.clone();
        std::thread::spawn(move || {
            // Opening waits for a program; reading ends when the last one that holds it is gone.
            let mut pipe = File::open(end).unwrap();
            let _ = pipe.read_to_end(&mut Vec::new());
            let _ = tell.send(());
        });
        Self { path, gone }
    }

    /// What a shell's command needs behind it, so that it holds the pipe.
    pub(crate) fn held(&self) -> String {
        format!("9>{}", self.path.display())
    }

    /// Waits until nobody holds it any more.
    pub(crate) fn wait_gone(&self) {
        let gone = self.gone.recv_timeout(DEADLINE);
        assert!(gone.is_ok(), "the program, or something of it, still runs");
    }

    /// Whether somebody holds it.
    pub(crate) fn is_held(&self) -> bool {
        self.gone.try_recv().is_err()
    }
}
