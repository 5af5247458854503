//! A real SSH server on 127.0.0.1, with keys that live as long as the test.
//!
//! Each connection gets an `sshd` of its own, as inetd does it: so the port is one that the system chose, and
//! nothing of the machine's own server is used.

use std::{
    fs::{self, File},
    net::{Ipv4Addr, TcpListener, TcpStream},
    os::fd::OwnedFd,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::{Arc, Mutex},
};

use super::{pty::Pty, tool};

/// The server. Its processes are ended with the test.
pub(crate) struct Server {
    port: u16,
    client: PathBuf,
    user: String,
    directory: tempfile::TempDir,
    sessions: Arc<Mutex<Vec<Child>>>,
}

impl Server {
    /// Starts to listen. Whoever logs in has `home` as home directory.
    pub(crate) fn new(home: &Path) -> Self {
        let program = tool::find("sshd", "openssh-server");
        let client = tool::find("ssh", "openssh-client");
        let keygen = tool::find("ssh-keygen", "openssh-client");
        let directory = tempfile::tempdir().unwrap();
        let place = directory.path();
        for name in ["host_key", "user_key"] {
            let made = Command::new(&keygen)
                .args(["-q", "-t", "ed25519", "-N", "", "-C", name, "-f"])
                .arg(place.join(name))
                .status();
            assert!(made.unwrap().success(), "ssh-keygen");
        }
        let user = Command::new("id").arg("-un").output().unwrap().stdout;
        let user = String::from_utf8(user).unwrap().trim().to_owned();
        if user == "root" {
            // What the server's start script makes on a machine that runs one; other users do not need it.
            fs::create_dir_all("/run/sshd").unwrap();
        }
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        let host_key = fs::read_to_string(place.join("host_key.pub")).unwrap();
        let known = format!("[127.0.0.1]:{port} {host_key}");
        fs::write(place.join("known_hosts"), known).unwrap();
        fs::write(place.join("sshd_config"), settings(place, home)).unwrap();
        let sessions = Arc::<Mutex<Vec<Child>>>::default();
        let (started, settings) = (Arc::clone(&sessions), place.join("sshd_config"));
        let log = File::create(place.join("sshd.log")).unwrap();
        // Ends with the process of the tests.
        std::thread::spawn(move || {
            for connection in listener.incoming() {
                let Ok(session) = serve(&program, &settings, &log, connection) else {
                    return;
                };
                started.lock().unwrap().push(session);
            }
        });
        Self {
            port,
            client,
            user,
            directory,
            sessions,
        }
    }

    /// Logs in and runs `command` in a terminal there; the local end is the terminal that is returned.
    pub(crate) fn log_in(&self, command: &str, size: (u16, u16)) -> Pty {
        let path = |name: &str| tool::shown(&self.directory.path().join(name));
        let known = format!("UserKnownHostsFile={}", path("known_hosts"));
        let arguments = [
            "-tt",
            "-F",
            "/dev/null",
            "-e",
            "none",
            "-p",
            &self.port.to_string(),
            "-i",
            &path("user_key"),
            "-o",
            "IdentitiesOnly=yes",
            "-o",
            "StrictHostKeyChecking=yes",
            "-o",
            &known,
            &format!("{}@127.0.0.1", self.user),
            command,
        ];
        Pty::start(&tool::shown(&self.client), &arguments, size)
    }

    /// What the servers have said, for messages of tests that fail.
    pub(crate) fn log(&self) -> String {
        fs::read_to_string(self.directory.path().join("sshd.log")).unwrap_or_default()
    }
}

#[expect(
    clippy::print_stderr,
    reason = "beside the message of the test that fails"
)]
impl Drop for Server {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("the ssh server said:\n{}", self.log());
        }
        for session in self.sessions.lock().unwrap().iter_mut() {
            let _ = session.kill();
            let _ = session.wait();
        }
    }
}

/// One connection.
fn serve(
    program: &Path,
    settings: &Path,
    log: &File,
    connection: std::io::Result<TcpStream>,
) -> std::io::Result<Child> {
    let connection = OwnedFd::from(connection?);
    Command::new(program)
        .args(["-i", "-e", "-f"])
        .arg(settings)
        .stdin(Stdio::from(connection.try_clone()?))
        .stdout(Stdio::from(connection))
        .stderr(Stdio::from(log.try_clone()?))
        .spawn()
}

/// As small as a server can be. `COLORTERM` and `LANG` are not taken from the client: most servers take neither.
fn settings(place: &Path, home: &Path) -> String {
    let (place, home) = (place.display(), home.display());
    format!(
        "HostKey {place}/host_key\n\
         AuthorizedKeysFile {place}/user_key.pub\n\
         AuthenticationMethods publickey\n\
         PermitRootLogin yes\n\
         StrictModes no\n\
         UsePAM no\n\
         PidFile none\n\
         PrintMotd no\n\
         PrintLastLog no\n\
         PermitUserRC no\n\
         LogLevel INFO\n\
         SetEnv HOME={home} USER=mira\n"
    )
}
