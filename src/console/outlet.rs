//! The way out to the terminal: what it takes at once is written at once; the rest goes to a thread of its own
//! with a mailbox for one frame, so that a terminal that does not read holds up nothing but frames.
//!
//! Owned by `terminal`. A frame is written whole, or the terminal is given back and nothing of it follows: what
//! ratatui believes to be on the screen is there.

use std::{
    io::{self, Write},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
        mpsc::{Receiver, Sender, SyncSender, TryRecvError, channel, sync_channel},
    },
    thread,
    time::Duration,
};

use tokio::sync::Notify;

/// Something that can be written to. One that does not wait says `WouldBlock`.
pub(super) type Sink = Box<dyn Write + Send>;

/// What the thread is asked for.
enum Job {
    /// A frame; its memory comes back with the answer.
    Frame(Vec<u8>),
    /// The last bytes before the terminal is somebody else's; answered when they are written.
    Last(&'static [u8], SyncSender<()>),
}

/// The way out.
pub(super) struct Outlet {
    /// Takes what it can without waiting; `None` where there is no such way.
    direct: Option<Sink>,
    exit: Exit,
    answers: Receiver<io::Result<Vec<u8>>>,
    written: Arc<Notify>,
    spare: Vec<u8>,
    busy: bool,
}

/// A second end of the mailbox, for the way back: usable from any thread, also from one that panics.
#[derive(Clone)]
pub(super) struct Exit {
    jobs: Sender<Job>,
    /// The frame that is being written is not wanted any more.
    abandon: Arc<AtomicBool>,
}

impl Outlet {
    /// Starts the thread. It writes to `patient`, which may wait, or wait a little and then say `WouldBlock`;
    /// `direct` leads to the same terminal and never waits. The thread ends when every end of the mailbox is
    /// gone.
    pub(super) fn start(patient: Sink, direct: Option<Sink>) -> io::Result<Self> {
        let (jobs, mailbox) = channel();
        let (answer, answers) = channel();
        let written = Arc::new(Notify::new());
        let abandon = Arc::new(AtomicBool::new(false));
        let mut thread = Thread {
            to: patient,
            abandon: Arc::clone(&abandon),
            notify: Arc::clone(&written),
        };
        thread::Builder::new()
            .name("terminal".to_owned())
            .stack_size(64 * 1024)
            .spawn(move || thread.work(&mailbox, &answer))?;
        Ok(Self {
            direct,
            exit: Exit { jobs, abandon },
            answers,
            written,
            spare: Vec::new(),
            busy: false,
        })
    }

    pub(super) fn exit(&self) -> Exit {
        self.exit.clone()
    }

    /// Whether the frame before is still being written: nothing may be sent then.
    pub(super) const fn is_busy(&self) -> bool {
        self.busy
    }

    /// Memory for the next frame.
    pub(super) fn buffer(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.spare)
    }

    /// Sends a frame; must not be busy.
    pub(super) fn send(&mut self, mut frame: Vec<u8>) -> io::Result<()> {
        if let Some(direct) = &mut self.direct {
            let taken = write(direct, &frame, || false)?;
            if taken == frame.len() {
                frame.clear();
                self.spare = frame;
                return Ok(());
            }
            frame.drain(..taken);
        }
        self.busy = true;
        self.exit.jobs.send(Job::Frame(frame)).map_err(|_| gone())
    }

    /// Waits until the frame is written. Never ends when none is. Can be dropped and called again.
    ///
    /// # Errors
    /// The terminal did not take it: it is lost.
    pub(super) async fn written(&mut self) -> io::Result<()> {
        loop {
            if !self.busy {
                return std::future::pending().await;
            }
            match self.answers.try_recv() {
                Ok(answer) => {
                    self.busy = false;
                    self.spare = answer?;
                    return Ok(());
                }
                Err(TryRecvError::Empty) => self.written.notified().await,
                Err(TryRecvError::Disconnected) => return Err(gone()),
            }
        }
    }

    /// Frames are wanted again after [`Exit::last`].
    pub(super) fn go_on(&self) {
        self.exit.abandon.store(false, Ordering::Release);
    }
}

impl Exit {
    /// Writes the last bytes. Waits for `patience`; if the terminal does not take the frame before in this
    /// time, the rest of it is given up and `unblock` called, and it waits once more. Answers whether they
    /// were written.
    pub(super) fn last(
        &self,
        bytes: &'static [u8],
        patience: Duration,
        unblock: impl FnOnce(),
    ) -> bool {
        let (done, written) = sync_channel(1);
        if self.jobs.send(Job::Last(bytes, done)).is_err() {
            return false;
        }
        if written.recv_timeout(patience).is_ok() {
            return true;
        }
        self.abandon.store(true, Ordering::Release);
        unblock();
        written.recv_timeout(patience).is_ok()
    }
}

/// What lives in the thread.
struct Thread {
    to: Sink,
    abandon: Arc<AtomicBool>,
    notify: Arc<Notify>,
}

impl Thread {
    fn work(&mut self, mailbox: &Receiver<Job>, answer: &Sender<io::Result<Vec<u8>>>) {
        while let Ok(job) = mailbox.recv() {
            match job {
                Job::Frame(mut frame) => {
                    let abandon = &self.abandon;
                    let result = write(&mut self.to, &frame, || !abandon.load(Ordering::Acquire));
                    frame.clear();
                    if answer.send(result.map(|_| frame)).is_ok() {
                        self.notify.notify_one();
                    }
                }
                Job::Last(bytes, done) => {
                    // Nobody waits for ever, so it is not tried for ever either.
                    let mut tries = TRIES;
                    let result = write(&mut self.to, bytes, || {
                        tries -= 1;
                        tries > 0
                    });
                    // A terminal that is gone cannot be restored; whoever asked goes on either way.
                    if result.is_ok_and(|written| written == bytes.len()) {
                        let _ = done.try_send(());
                    }
                }
            }
        }
    }
}

/// How often the last bytes are tried on a terminal that does not take them.
const TRIES: u32 = 100;

/// Writes until everything is taken, or `again` says no when nothing is taken for now; answers how much was.
fn write(to: &mut Sink, bytes: &[u8], mut again: impl FnMut() -> bool) -> io::Result<usize> {
    let mut taken = 0;
    while taken < bytes.len() {
        match to.write(&bytes[taken..]) {
            Ok(0) => break,
            Ok(written) => taken += written,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                if !again() {
                    break;
                }
            }
            Err(error) => return Err(error),
        }
    }
    Ok(taken)
}

fn gone() -> io::Error {
    io::Error::new(io::ErrorKind::BrokenPipe, "the writing thread has ended")
}

#[cfg(test)]
mod tests {
    use std::{
        io::{self, Write},
        sync::{
            Arc, Mutex,
            atomic::{AtomicBool, Ordering},
            mpsc::{Receiver, channel},
        },
        time::Duration,
    };

    use super::Outlet;

    /// A terminal that stands still until it is told to go on.
    struct Stalled {
        go_on: Receiver<()>,
        seen: Arc<Mutex<Vec<u8>>>,
    }

    impl Write for Stalled {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            let _ = self.go_on.recv();
            self.seen.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[tokio::test]
    async fn a_stalled_terminal_delays_frames_and_nothing_else() {
        let (go_on, wait) = channel();
        let seen = Arc::new(Mutex::new(Vec::new()));
        let mut outlet = Outlet::start(
            Box::new(Stalled {
                go_on: wait,
                seen: Arc::clone(&seen),
            }),
            None,
        )
        .unwrap();
        outlet.send(b"frame".to_vec()).unwrap();
        assert!(outlet.is_busy());
        tokio::select! {
            biased;
            written = outlet.written() => panic!("written: {written:?}"),
            () = tokio::task::yield_now() => {}
        }
        assert!(outlet.is_busy(), "still, after the wait was given up");
        go_on.send(()).unwrap();
        outlet.written().await.unwrap();
        assert!(!outlet.is_busy());
        assert_eq!(*seen.lock().unwrap(), b"frame");
        assert!(outlet.buffer().capacity() >= 5, "the memory came back");
    }

    #[test]
    fn the_last_bytes_wait_only_so_long() {
        let (go_on, wait) = channel();
        let seen = Arc::new(Mutex::new(Vec::new()));
        let patient = Box::new(Stalled {
            go_on: wait,
            seen: Arc::clone(&seen),
        });
        let mut outlet = Outlet::start(patient, None).unwrap();
        outlet.send(b"frame".to_vec()).unwrap();
        let exit = outlet.exit();
        let mut asked = false;
        assert!(!exit.last(b"last", Duration::from_millis(1), || asked = true));
        assert!(asked, "the terminal was asked to let go");
        for _ in ["frame", "last", "last"] {
            go_on.send(()).unwrap();
        }
        assert!(exit.last(b"last", Duration::from_secs(10), || {}));
        assert_eq!(*seen.lock().unwrap(), b"framelastlast");
    }

    #[test]
    fn a_frame_that_is_not_taken_is_given_up_for_the_last_bytes() {
        /// Takes two bytes of a frame, and then nothing until its queue was emptied.
        struct Full(Arc<AtomicBool>, Arc<Mutex<Vec<u8>>>);
        impl Write for Full {
            fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
                let mut seen = self.1.lock().unwrap();
                if seen.len() >= 2 && !self.0.load(Ordering::Acquire) {
                    std::thread::yield_now();
                    return Err(io::ErrorKind::WouldBlock.into());
                }
                seen.extend_from_slice(&bytes[..2]);
                Ok(2)
            }
            fn flush(&mut self) -> io::Result<()> {
                Ok(())
            }
        }
        let emptied = Arc::new(AtomicBool::new(false));
        let seen = Arc::new(Mutex::new(Vec::new()));
        let full = Full(Arc::clone(&emptied), Arc::clone(&seen));
        let mut outlet = Outlet::start(Box::new(full), None).unwrap();
        outlet.send(b"frames".to_vec()).unwrap();
        let exit = outlet.exit();
        // The thread may get to its frame late: the rest of it must not come after the last bytes.
        assert!(!exit.last(b"last", Duration::from_millis(1), || {}));
        emptied.store(true, Ordering::Release);
        assert!(exit.last(b"LAST", Duration::from_secs(10), || {}));
        let seen = String::from_utf8(seen.lock().unwrap().clone()).unwrap();
        assert!(seen.ends_with("LAST"), "{seen}");
        // A thread that is late finds room for all of its frame, before everything else.
        let (rest, last) = (seen.find("es"), seen.find("last"));
        assert!(rest.is_none() || rest < last, "{seen}");
    }

    #[tokio::test]
    async fn what_is_not_taken_at_once_goes_out_by_the_thread_in_order() {
        /// Takes so many bytes, and then none without waiting.
        struct Hurried(usize, Arc<Mutex<Vec<u8>>>);
        impl Write for Hurried {
            fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
                let taken = self.0.min(bytes.len()).min(3);
                if taken == 0 {
                    return Err(io::ErrorKind::WouldBlock.into());
                }
                self.0 -= taken;
                self.1.lock().unwrap().extend_from_slice(&bytes[..taken]);
                Ok(taken)
            }
            fn flush(&mut self) -> io::Result<()> {
                Ok(())
            }
        }
        let (go_on, wait) = channel();
        let seen = Arc::new(Mutex::new(Vec::new()));
        let patient = Box::new(Stalled {
            go_on: wait,
            seen: Arc::clone(&seen),
        });
        let hurried = Box::new(Hurried(10, Arc::clone(&seen)));
        let mut outlet = Outlet::start(patient, Some(hurried)).unwrap();
        outlet.send(b"first ".to_vec()).unwrap();
        assert!(!outlet.is_busy(), "taken at once");
        outlet.send(b"second".to_vec()).unwrap();
        assert!(outlet.is_busy(), "the rest waits");
        assert_eq!(*seen.lock().unwrap(), b"first seco");
        go_on.send(()).unwrap();
        outlet.written().await.unwrap();
        assert_eq!(*seen.lock().unwrap(), b"first second");
    }

    #[tokio::test]
    async fn a_lost_terminal_is_an_error() {
        struct Lost;
        impl Write for Lost {
            fn write(&mut self, _: &[u8]) -> io::Result<usize> {
                Err(io::ErrorKind::BrokenPipe.into())
            }
            fn flush(&mut self) -> io::Result<()> {
                Ok(())
            }
        }
        let mut outlet = Outlet::start(Box::new(Lost), None).unwrap();
        outlet.send(b"frame".to_vec()).unwrap();
        let error = outlet.written().await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::BrokenPipe);
    }
}
