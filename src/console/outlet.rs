//! The way out to the terminal: what it takes at once is written at once; the rest goes to a thread of its own
//! with a mailbox for one frame, so that a terminal that does not read holds up nothing but frames.
//!
//! Owned by `terminal`. A frame is written whole or the program ends: what ratatui believes to be on the
//! screen is there.

use std::{
    io::{self, Write},
    sync::{
        Arc,
        mpsc::{Receiver, RecvTimeoutError, Sender, SyncSender, channel, sync_channel},
    },
    thread,
    time::Duration,
};

use tokio::sync::Notify;

/// What the thread is asked for.
enum Job {
    /// A frame; its memory comes back with the answer.
    Frame(Vec<u8>),
    /// The last bytes before the terminal is somebody else's; answered when they are written.
    Last(&'static [u8], SyncSender<()>),
}

/// Something that can be written to; without waiting, where that is said.
pub(super) type Sink = Box<dyn Write + Send>;

/// The way out.
pub(super) struct Outlet {
    /// Takes what it can without waiting; `None` where there is no such way.
    direct: Option<Sink>,
    jobs: Sender<Job>,
    answers: Receiver<io::Result<Vec<u8>>>,
    written: Arc<Notify>,
    spare: Vec<u8>,
    busy: bool,
}

/// A second end of the mailbox, for the way back: usable from any thread, also from one that panics.
#[derive(Clone)]
pub(super) struct Exit(Sender<Job>);

impl Outlet {
    /// Starts the thread, which may wait on `to`; `direct` never waits and leads to the same terminal. The
    /// thread ends when every end of the mailbox is gone.
    pub(super) fn start(to: Sink, direct: Option<Sink>) -> io::Result<Self> {
        let (jobs, mailbox) = channel();
        let (answer, answers) = channel();
        let written = Arc::new(Notify::new());
        let notify = Arc::clone(&written);
        thread::Builder::new()
            .name("terminal".to_owned())
            .stack_size(64 * 1024)
            .spawn(move || work(to, &mailbox, &answer, &notify))?;
        Ok(Self {
            direct,
            jobs,
            answers,
            written,
            spare: Vec::new(),
            busy: false,
        })
    }

    pub(super) fn exit(&self) -> Exit {
        Exit(self.jobs.clone())
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
            let taken = at_once(direct, &frame)?;
            if taken == frame.len() {
                frame.clear();
                self.spare = frame;
                return Ok(());
            }
            frame.drain(..taken);
        }
        self.busy = true;
        self.jobs.send(Job::Frame(frame)).map_err(|_| gone())
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
                Err(std::sync::mpsc::TryRecvError::Empty) => self.written.notified().await,
                Err(std::sync::mpsc::TryRecvError::Disconnected) => return Err(gone()),
            }
        }
    }
}

impl Exit {
    /// Writes the last bytes. Waits for `patience`, then calls `unblock` once and waits again; answers whether
    /// they were written.
    pub(super) fn last(
        &self,
        bytes: &'static [u8],
        patience: Duration,
        unblock: impl FnOnce(),
    ) -> bool {
        let (done, written) = sync_channel(1);
        if self.0.send(Job::Last(bytes, done)).is_err() {
            return false;
        }
        match written.recv_timeout(patience) {
            Ok(()) => true,
            Err(RecvTimeoutError::Disconnected) => false,
            Err(RecvTimeoutError::Timeout) => {
                unblock();
                written.recv_timeout(patience).is_ok()
            }
        }
    }
}

/// Writes what is taken without waiting; answers how much that was.
fn at_once(to: &mut Sink, bytes: &[u8]) -> io::Result<usize> {
    let mut taken = 0;
    while taken < bytes.len() {
        match to.write(&bytes[taken..]) {
            Ok(0) => break,
            Ok(written) => taken += written,
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(taken)
}

fn gone() -> io::Error {
    io::Error::new(io::ErrorKind::BrokenPipe, "the writing thread has ended")
}

fn work(
    mut to: Sink,
    mailbox: &Receiver<Job>,
    answer: &Sender<io::Result<Vec<u8>>>,
    notify: &Notify,
) {
    while let Ok(job) = mailbox.recv() {
        match job {
            Job::Frame(mut frame) => {
                let result = to.write_all(&frame).and_then(|()| to.flush());
                frame.clear();
                if answer.send(result.map(|()| frame)).is_err() {
                    continue;
                }
                notify.notify_one();
            }
            Job::Last(bytes, done) => {
                // A terminal that is gone cannot be restored; whoever asked goes on either way.
                let _ = to.write_all(bytes).and_then(|()| to.flush());
                let _ = done.try_send(());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::{
        io::{self, Write},
        sync::{
            Arc, Mutex,
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
        let mut outlet = Outlet::start(
            Box::new(Stalled {
                go_on: wait,
                seen: Arc::clone(&seen),
            }),
            None,
        )
        .unwrap();
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
