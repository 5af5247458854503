//! A real terminal for the real binary: a pty, and a screen that reads what it writes.
//!
//! Tests wait for text with a deadline; they never sleep.

use std::{
    io::{Read, Write},
    num::NonZeroU16,
    path::Path,
    process::Command,
    sync::{Arc, Condvar, Mutex, MutexGuard},
    time::Duration,
};

use portable_pty::{
    Child, ChildKiller, CommandBuilder, ExitStatus, MasterPty, PtySize, native_pty_system,
};

/// Long enough for a busy machine; nothing waits for it to pass.
const DEADLINE: Duration = Duration::from_mins(1);

/// What the terminal shows, and every byte it was sent.
struct Screen {
    parser: vt100::Parser,
    bytes: Vec<u8>,
    /// Nobody reads any more, because nobody writes or because of a hang-up.
    closed: bool,
    /// The reader must let go of the terminal.
    hung_up: bool,
    /// The reader leaves what is written where it is.
    held: bool,
}

/// A terminal with a program in it.
pub(crate) struct Pty {
    master: Option<Box<dyn MasterPty + Send>>,
    keys: Box<dyn Write + Send>,
    /// `None` once it has ended.
    child: Option<Box<dyn Child + Send + Sync>>,
    /// `None` once its process number may be another's.
    killer: Option<Box<dyn ChildKiller + Send + Sync>>,
    screen: Arc<(Mutex<Screen>, Condvar)>,
    modes: String,
    /// The home of the program.
    home: tempfile::TempDir,
}

impl Pty {
    /// Starts `program` with `arguments` in a terminal of `columns` and `rows`, in a home of its own.
    pub(crate) fn start(program: &str, arguments: &[&str], (columns, rows): (u16, u16)) -> Self {
        let home = tempfile::tempdir().unwrap();
        let pair = native_pty_system().openpty(size(columns, rows)).unwrap();
        let modes = modes(pair.master.as_ref());
        let mut command = CommandBuilder::new(program);
        command.args(arguments);
        command.env_clear();
        command.cwd(home.path());
        for (name, value) in [
            ("PATH", std::env::var("PATH").unwrap_or_default()),
            ("HOME", home.path().display().to_string()),
            ("TERM", "xterm-256color".to_owned()),
            ("LANG", "C".to_owned()),
            ("USER", "mira".to_owned()),
            ("PS1", "shell> ".to_owned()),
        ] {
            command.env(name, value);
        }
        let child = pair.slave.spawn_command(command).unwrap();
        let mut output = pair.master.try_clone_reader().unwrap();
        let keys = pair.master.take_writer().unwrap();
        let screen = Arc::new((
            Mutex::new(Screen {
                parser: vt100::Parser::new(whole(rows), whole(columns), 0),
                bytes: Vec::new(),
                closed: false,
                hung_up: false,
                held: false,
            }),
            Condvar::new(),
        ));
        let shared = Arc::clone(&screen);
        std::thread::spawn(move || {
            let mut buffer = [0; 4096];
            loop {
                let held = |screen: &mut Screen| screen.held && !screen.hung_up;
                drop(shared.1.wait_while(shared.0.lock().unwrap(), held).unwrap());
                let read = output.read(&mut buffer).unwrap_or_default();
                let mut screen = shared.0.lock().unwrap();
                screen.parser.process(&buffer[..read]);
                screen.bytes.extend_from_slice(&buffer[..read]);
                screen.closed = read == 0 || screen.hung_up;
                shared.1.notify_all();
                if screen.closed {
                    return;
                }
            }
        });
        Self {
            master: Some(pair.master),
            keys,
            killer: Some(child.clone_killer()),
            child: Some(child),
            screen,
            modes,
            home,
        }
    }

    /// The binary under test.
    pub(crate) fn backstop(arguments: &[&str], size: (u16, u16)) -> Self {
        Self::start(env!("CARGO_BIN_EXE_backstop"), arguments, size)
    }

    fn screen(&self) -> MutexGuard<'_, Screen> {
        self.screen.0.lock().unwrap()
    }

    /// What is on the screen.
    pub(crate) fn text(&self) -> String {
        self.screen().parser.screen().contents()
    }

    /// Waits until all of these texts are on the screen at once, and takes a picture of it.
    pub(crate) fn picture(&self, texts: &[&str]) -> String {
        let holds = |screen: &Screen| {
            let shown = screen.parser.screen().contents();
            texts.iter().all(|text| shown.contains(text))
        };
        let waiting = self.screen();
        let (screen, _) = self
            .screen
            .1
            .wait_timeout_while(waiting, DEADLINE, |screen| !holds(screen))
            .unwrap();
        assert!(
            holds(&screen),
            "{texts:?} on\n{}",
            screen.parser.screen().contents()
        );
        super::svg::picture(screen.parser.screen())
    }

    /// Whether a place of the screen stands out by something else than a colour.
    pub(crate) fn is_marked(&self, row: u16, column: u16) -> bool {
        let screen = self.screen();
        let cell = screen.parser.screen().cell(row, column).unwrap();
        cell.inverse() || cell.underline()
    }

    /// Every byte that was sent.
    pub(crate) fn bytes(&self) -> Vec<u8> {
        self.screen().bytes.clone()
    }

    /// Waits until `holds`, or fails with what is on the screen instead of `what`.
    fn wait(&self, what: &str, holds: impl Fn(&Screen) -> bool) {
        let (screen, _) = self
            .screen
            .1
            .wait_timeout_while(self.screen(), DEADLINE, |screen| !holds(screen))
            .unwrap();
        let held = holds(&screen);
        let text = screen.parser.screen().contents();
        drop(screen);
        assert!(held, "waited for {what}; on the screen is\n{text}");
    }

    /// Waits for a text on the screen.
    pub(crate) fn wait_for(&self, text: &str) {
        self.wait(text, |screen| {
            screen.parser.screen().contents().contains(text)
        });
    }

    /// Waits until what is on the screen is as `holds` says; `what` is for the message when it never is.
    pub(crate) fn wait_until(&self, what: &str, holds: impl Fn(&str) -> bool) {
        self.wait(what, |screen| holds(&screen.parser.screen().contents()));
    }

    /// Waits until what was sent is as `holds` says; `what` is for the message when it never is.
    pub(crate) fn wait_for_bytes(&self, what: &str, holds: impl Fn(&[u8]) -> bool) {
        self.wait(what, |screen| holds(&screen.bytes));
    }

    /// Waits until a text is not on the screen any more.
    pub(crate) fn wait_gone(&self, text: &str) {
        self.wait(&format!("no {text}"), |screen| {
            !screen.parser.screen().contents().contains(text)
        });
    }

    /// Types.
    pub(crate) fn press(&mut self, keys: &str) {
        self.keys.write_all(keys.as_bytes()).unwrap();
        self.keys.flush().unwrap();
    }

    /// Types again and again until a text is gone: for keys that are not taken at once, on purpose.
    pub(crate) fn press_until_gone(&mut self, keys: &str, text: &str) {
        let shows = |screen: &mut Screen| screen.parser.screen().contents().contains(text);
        for _ in 0..DEADLINE.as_secs() * 4 {
            self.press(keys);
            let quarter = Duration::from_millis(250);
            let waited = self
                .screen
                .1
                .wait_timeout_while(self.screen(), quarter, shows);
            if !waited.unwrap().1.timed_out() {
                return;
            }
        }
        panic!("{text} does not go; on the screen is\n{}", self.text());
    }

    /// Types again and again until a text is there: for keys that are not taken at once, on purpose.
    pub(crate) fn press_until(&mut self, keys: &str, text: &str) {
        let lacks = |screen: &mut Screen| !screen.parser.screen().contents().contains(text);
        for _ in 0..DEADLINE.as_secs() * 4 {
            self.press(keys);
            let quarter = Duration::from_millis(250);
            let waited = self
                .screen
                .1
                .wait_timeout_while(self.screen(), quarter, lacks);
            if !waited.unwrap().1.timed_out() {
                return;
            }
        }
        panic!("{text} does not come; on the screen is\n{}", self.text());
    }

    /// Changes the size; what was on the screen is not trusted any more.
    pub(crate) fn resize(&self, columns: u16, rows: u16) {
        let mut screen = self.screen();
        screen
            .parser
            .screen_mut()
            .set_size(whole(rows), whole(columns));
        drop(screen);
        self.master
            .as_ref()
            .unwrap()
            .resize(size(columns, rows))
            .unwrap();
    }

    /// Its process.
    pub(crate) fn pid(&self) -> u32 {
        let pid = self.child.as_ref().and_then(|child| child.process_id());
        pid.unwrap()
    }

    /// From now on nobody reads what the program writes, as on a link that is stuck; or somebody does again.
    pub(crate) fn hold(&self, held: bool) {
        self.screen().held = held;
        self.screen.1.notify_all();
    }

    /// The home of the program.
    pub(crate) fn home(&self) -> &Path {
        self.home.path()
    }

    /// Sends a signal to the program, by its number or name.
    pub(crate) fn signal(&self, name: &str) {
        let pid = self.pid().to_string();
        let sent = Command::new("kill").args(["-s", name, &pid]).status();
        assert!(sent.unwrap().success(), "kill -s {name} {pid}");
    }

    /// Hangs up, as a dropped connection does: once every end is closed, after the next byte of the program.
    pub(crate) fn hang_up(&mut self) {
        self.screen().hung_up = true;
        self.keys = Box::new(std::io::sink());
        self.master = None;
    }

    /// Waits until the program has ended.
    pub(crate) fn ended(&mut self) -> ExitStatus {
        self.wait("the end of the program", |screen| screen.closed);
        self.ended_unread()
    }

    /// The same when nobody reads.
    pub(crate) fn ended_unread(&mut self) -> ExitStatus {
        let mut child = self.child.take().unwrap();
        let (tell, told) = std::sync::mpsc::channel();
        std::thread::spawn(move || tell.send(child.wait()));
        let status = told.recv_timeout(DEADLINE);
        assert!(status.is_ok(), "the program does not end");
        self.killer = None;
        status.unwrap().unwrap()
    }

    /// Waits until the program has ended, which it does with this code; says what is on the screen when not.
    #[track_caller]
    pub(crate) fn exits(&mut self, code: u32) {
        let ended = self.ended();
        let text = self.text();
        assert_eq!(ended.exit_code(), code, "{ended}; on the screen is\n{text}");
    }

    /// Fails unless the terminal is as it was before the program.
    pub(crate) fn assert_restored(&self) {
        self.assert_restored_screen();
        if let Some(master) = &self.master {
            assert_eq!(modes(master.as_ref()), self.modes, "terminal modes");
        }
    }

    /// The same without the modes, which a shell sets as it likes.
    pub(crate) fn assert_restored_screen(&self) {
        let screen = self.screen();
        let parser = screen.parser.screen();
        assert!(!parser.alternate_screen(), "alternate screen");
        assert!(!parser.hide_cursor(), "cursor hidden");
        assert!(!parser.bracketed_paste(), "bracketed paste");
        assert_eq!(parser.mouse_protocol_mode(), vt100::MouseProtocolMode::None);
    }
}

impl Drop for Pty {
    fn drop(&mut self) {
        if let Some(killer) = &mut self.killer {
            let _ = killer.kill();
        }
        if let Some(mut child) = self.child.take() {
            let _ = child.wait();
        }
    }
}

fn size(cols: u16, rows: u16) -> PtySize {
    PtySize {
        rows,
        cols,
        pixel_width: 0,
        pixel_height: 0,
    }
}

fn whole(number: u16) -> NonZeroU16 {
    NonZeroU16::new(number).unwrap()
}

/// The line discipline's settings, to be compared.
fn modes(master: &(dyn MasterPty + Send)) -> String {
    format!("{:?}", master.get_termios())
}
