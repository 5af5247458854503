//! The terminal, taken and given back: raw mode, alternate screen, bracketed paste, hidden cursor.
//!
//! Whatever ends the program (quit, error, panic, a signal, a lost or stalled terminal) goes through
//! [`Screen::restore`], which acts once. It never asks the terminal anything: an answer that comes late over
//! SSH would be typed into the screen.

use std::{
    collections::VecDeque,
    fs::{File, OpenOptions},
    io::{self, Write},
    os::unix::fs::OpenOptionsExt as _,
    sync::{
        Arc, Mutex, Once, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use crossterm::terminal::{disable_raw_mode, enable_raw_mode};
use rustix::{
    event::{PollFd, PollFlags, Timespec, poll},
    fs::OFlags,
    stdio::{stdin, stdout},
    termios::{QueueSelector, isatty, tcflush, tcgetwinsize, ttyname},
};
use tokio_util::sync::CancellationToken;

use super::outlet::{Exit, Outlet};

/// Alternate screen, blank; bracketed paste; no cursor.
const ENTER: &[u8] = b"\x1b[?1049h\x1b[m\x1b[2J\x1b[?2004h\x1b[?25l";

/// All of it back, also what a frame that was cut may have left: an open update, a style, a region that scrolls,
/// mouse reports. The screen is wiped first: screen and the Linux console have no other one to go back to.
const LEAVE: &[u8] =
    b"\x1b[?2026l\x1b[m\x1b[r\x1b[H\x1b[J\x1b[?1006l\x1b[?1000l\x1b[?2004l\x1b[?1049l\x1b[?25h";

/// Mouse: presses and the wheel, in the form that has no limit of columns.
const MOUSE_ON: &[u8] = b"\x1b[?1000h\x1b[?1006h";
const MOUSE_OFF: &[u8] = b"\x1b[?1006l\x1b[?1000l";

/// So many asides wait at most.
const ASIDES: usize = 8;
const BELL: &[u8] = b"\x07";

/// How long a terminal that does not read may hold up the way back, twice.
const PATIENCE: Duration = Duration::from_millis(250);

/// How long the writing thread waits before it looks whether its frame is still wanted.
const A_LITTLE: Timespec = Timespec {
    tv_sec: 0,
    tv_nsec: 20_000_000,
};

/// The size where nothing says another.
const SIZE: (u16, u16) = (80, 24);

/// The terminal that a panic must give back.
static TAKEN: Mutex<Option<Arc<Taken>>> = Mutex::new(None);

/// What is needed to give it back, from any thread.
struct Taken {
    exit: Exit,
    /// Not given back yet.
    ours: AtomicBool,
    /// Whether it is a real one, with modes.
    real: bool,
    panicked: CancellationToken,
}

impl Taken {
    /// Gives the terminal back, once.
    fn restore(&self) {
        if !self.ours.swap(false, Ordering::AcqRel) {
            return;
        }
        let real = self.real;
        if real {
            // First: what is typed once the shell can be seen is typed to the shell.
            let _ = disable_raw_mode();
        }
        self.exit.last(LEAVE, PATIENCE, || {
            if real {
                // What the terminal has not read will never be wanted; without it the way back is free.
                let _ = tcflush(stdout(), QueueSelector::OFlush);
            }
        });
    }
}

/// The terminal while it is ours. Dropping it gives it back.
pub(super) struct Screen {
    outlet: Outlet,
    taken: Arc<Taken>,
    /// Bytes to go out before the next frame: those that take the terminal, and others after them.
    ahead: Vec<u8>,
    asides: VecDeque<Vec<u8>>,
    mouse: bool,
}

impl Screen {
    /// Takes the terminal of this process.
    ///
    /// # Errors
    /// Its modes cannot be set.
    pub(super) fn take() -> io::Result<Self> {
        let outlet = match own() {
            Some(own) => {
                let patient = Patient(own.try_clone()?);
                Outlet::start(Box::new(patient), Some(Box::new(own)))?
            }
            None => Outlet::start(Box::new(Tty), None)?,
        };
        let screen = Self::over(outlet, true);
        screen.guard();
        enable_raw_mode()?;
        Ok(screen)
    }

    /// From now on a panic gives this terminal back.
    fn guard(&self) {
        hook_panics();
        *lock(&TAKEN) = Some(Arc::clone(&self.taken));
    }

    /// A screen that writes elsewhere and has no modes.
    #[cfg(test)]
    pub(super) fn fake(to: Box<dyn Write + Send>) -> io::Result<Self> {
        Ok(Self::over(Outlet::start(to, None)?, false))
    }

    fn over(outlet: Outlet, real: bool) -> Self {
        let taken = Arc::new(Taken {
            exit: outlet.exit(),
            ours: AtomicBool::new(true),
            real,
            panicked: CancellationToken::new(),
        });
        Self {
            outlet,
            taken,
            ahead: ENTER.to_vec(),
            asides: VecDeque::new(),
            mouse: false,
        }
    }

    /// Whether a frame can be sent now; otherwise [`Self::written`] tells when.
    pub(super) const fn is_ready(&self) -> bool {
        !self.outlet.is_busy()
    }

    /// Sends what `paint` writes behind what waits; answers whether that was anything. Must be ready.
    pub(super) fn send(&mut self, paint: impl FnOnce(&mut Vec<u8>)) -> io::Result<bool> {
        let mut frame = self.outlet.buffer();
        frame.append(&mut self.ahead);
        for mut aside in self.asides.drain(..) {
            frame.append(&mut aside);
        }
        paint(&mut frame);
        if frame.is_empty() {
            return Ok(false);
        }
        self.outlet.send(frame)?;
        Ok(true)
    }

    /// Waits until the frame before is written. Never ends when none is.
    ///
    /// # Errors
    /// The terminal is lost.
    pub(super) async fn written(&mut self) -> io::Result<()> {
        self.outlet.written().await
    }

    /// Bytes outside of frames, to go out with the next one: a bell, a clipboard. Of many that wait for a terminal
    /// that does not read, only the newest are kept.
    pub(super) fn aside(&mut self, bytes: Vec<u8>) {
        if self.asides.back() == Some(&bytes) {
            return;
        }
        if self.asides.len() == ASIDES {
            self.asides.pop_front();
        }
        self.asides.push_back(bytes);
    }

    /// Whether something waits to go out with the next frame.
    pub(super) fn has_aside(&self) -> bool {
        !self.ahead.is_empty() || !self.asides.is_empty()
    }

    /// Rings the bell with the next frame.
    pub(super) fn bell(&mut self) {
        self.aside(BELL.to_vec());
    }

    /// Mouse reports on or off.
    pub(super) fn mouse(&mut self, on: bool) {
        self.mouse = on;
        let bytes = if on { MOUSE_ON } else { MOUSE_OFF };
        self.aside(bytes.to_vec());
    }

    /// Gives the terminal back. Later calls do nothing.
    pub(super) fn restore(&self) {
        self.taken.restore();
    }

    /// Takes the terminal again after [`Self::restore`], or after somebody else may have used it. The next
    /// frame must be a whole one.
    ///
    /// # Errors
    /// Its modes cannot be set.
    pub(super) fn take_again(&mut self) -> io::Result<()> {
        self.outlet.go_on();
        self.taken.ours.store(true, Ordering::Release);
        if self.taken.real {
            // Whoever had it may have set other modes, and raw mode is only set when it is not.
            disable_raw_mode()?;
            enable_raw_mode()?;
        }
        self.ahead.clear();
        self.asides.clear();
        self.ahead.extend_from_slice(ENTER);
        if self.mouse {
            self.ahead.extend_from_slice(MOUSE_ON);
        }
        Ok(())
    }

    /// Is over when some part of the program panicked: the terminal is given back by then.
    pub(super) fn panicked(&self) -> CancellationToken {
        self.taken.panicked.clone()
    }

    /// Whether the terminal has gone away.
    pub(super) fn is_lost(&self) -> bool {
        self.taken.real && hung_up()
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        self.restore();
        let mut taken = lock(&TAKEN);
        if taken
            .as_ref()
            .is_some_and(|taken| Arc::ptr_eq(taken, &self.taken))
        {
            *taken = None;
        }
    }
}

/// Whether keys can be read and a screen can be shown.
pub(super) fn is_terminal() -> bool {
    isatty(stdin()) && isatty(stdout())
}

/// Columns and rows, as the kernel knows them.
pub(super) fn size() -> (u16, u16) {
    match tcgetwinsize(stdout()) {
        Ok(size) if size.ws_col > 0 && size.ws_row > 0 => (size.ws_col, size.ws_row),
        Ok(_) | Err(_) => SIZE,
    }
}

fn hung_up() -> bool {
    let (input, output) = (stdin(), stdout());
    let mut ends = [&input, &output].map(|end| PollFd::new(end, PollFlags::empty()));
    let at_once = Timespec {
        tv_sec: 0,
        tv_nsec: 0,
    };
    poll(&mut ends, Some(&at_once)).is_ok()
        && ends.iter().any(|end| {
            end.revents()
                .intersects(PollFlags::HUP | PollFlags::ERR | PollFlags::NVAL)
        })
}

/// Gives the terminal back before a panic's message is printed, and ends the console.
fn hook_panics() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let before = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |panic| {
            let taken = lock(&TAKEN).clone();
            if let Some(taken) = &taken {
                taken.restore();
            }
            before(panic);
            if let Some(taken) = taken {
                taken.panicked.cancel();
            }
        }));
    });
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The same terminal, opened once more: an opening of our own may be non-blocking, standard output is shared
/// with the shell and may not. `None` where it cannot be opened, as after a change of user.
fn own() -> Option<File> {
    let name = ttyname(stdout(), Vec::new()).ok()?;
    let flags = OFlags::NONBLOCK | OFlags::NOCTTY;
    OpenOptions::new()
        .write(true)
        .custom_flags(i32::try_from(flags.bits()).ok()?)
        .open(name.to_str().ok()?)
        .ok()
}

/// Our own opening, for the thread: waits a little before it says that nothing is taken.
struct Patient(File);

impl Write for Patient {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self.0.write(bytes) {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                let mut ends = [PollFd::new(&self.0, PollFlags::OUT)];
                poll(&mut ends, Some(&A_LITTLE))?;
                Err(error)
            }
            written => written,
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Standard output without a buffer or a lock that could be held when the program ends.
struct Tty;

impl Write for Tty {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match rustix::io::write(stdout(), bytes) {
            // Somebody made the terminal non-blocking: wait as if it were not.
            Err(rustix::io::Errno::AGAIN) => {
                let output = stdout();
                poll(&mut [PollFd::new(&output, PollFlags::OUT)], Some(&A_LITTLE))?;
                Err(io::ErrorKind::WouldBlock.into())
            }
            written => Ok(written?),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::{
        io::{self, Write},
        sync::{Arc, Mutex},
    };

    use super::{ENTER, LEAVE, Screen};

    #[derive(Clone, Default)]
    struct Kept(Arc<Mutex<Vec<u8>>>);

    impl Write for Kept {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[tokio::test]
    async fn it_is_entered_with_the_first_frame_and_left_exactly_once() {
        let kept = Kept::default();
        let mut screen = Screen::fake(Box::new(kept.clone())).unwrap();
        screen.send(|frame| frame.extend(b"frame")).unwrap();
        screen.written().await.unwrap();
        screen.restore();
        screen.restore();
        drop(screen);
        let expected = [ENTER, b"frame", LEAVE].concat();
        assert_eq!(*kept.0.lock().unwrap(), expected);
    }

    #[tokio::test]
    async fn it_can_be_taken_again_with_what_was_switched_on() {
        let kept = Kept::default();
        let mut screen = Screen::fake(Box::new(kept.clone())).unwrap();
        screen.mouse(true);
        screen.restore();
        screen.take_again().unwrap();
        screen.send(|_| {}).unwrap();
        screen.written().await.unwrap();
        drop(screen);
        let expected = [LEAVE, ENTER, super::MOUSE_ON, LEAVE].concat();
        assert_eq!(*kept.0.lock().unwrap(), expected);
    }

    #[tokio::test]
    async fn a_panic_anywhere_gives_it_back_before_its_message_and_ends_the_console() {
        let kept = Kept::default();
        let screen = Screen::fake(Box::new(kept.clone())).unwrap();
        screen.guard();
        let panicked = screen.panicked();
        let elsewhere = std::thread::spawn(|| panic!("on purpose, by a test"));
        assert!(elsewhere.join().is_err());
        panicked.cancelled().await;
        assert_eq!(*kept.0.lock().unwrap(), LEAVE);
        drop(screen);
        assert_eq!(*kept.0.lock().unwrap(), LEAVE, "once");
    }

    #[tokio::test]
    async fn an_empty_frame_is_not_sent() {
        let kept = Kept::default();
        let mut screen = Screen::fake(Box::new(kept.clone())).unwrap();
        screen.ahead.clear();
        screen.send(|_| {}).unwrap();
        assert!(screen.is_ready());
        assert_eq!(*kept.0.lock().unwrap(), b"");
    }

    #[test]
    fn all_that_is_switched_on_is_switched_off() {
        let on: Vec<String> = [ENTER, super::MOUSE_ON]
            .concat()
            .split(|byte| *byte == b'\x1b')
            .filter_map(|sequence| {
                let text = String::from_utf8(sequence.to_vec()).unwrap();
                text.strip_suffix('h').map(str::to_owned)
            })
            .collect();
        let leave = String::from_utf8(LEAVE.to_vec()).unwrap();
        assert_eq!(on.len(), 4);
        for mode in on {
            assert!(leave.contains(&format!("{mode}l")), "{mode}");
        }
        assert!(leave.ends_with("[?25h"), "the cursor comes back last");
    }
}
