//! Lines from standard input, read only while somebody waits for one.
//!
//! Used by questions and by the line mode. The terminal keeps its own line editing: nothing is drawn here, and no
//! byte is sent to it. Waiting can be dropped at any time; what was read of a line stays.

use std::{
    io,
    os::fd::{AsFd as _, BorrowedFd},
};

use rustix::{
    event::{PollFd, PollFlags, Timespec, poll},
    io::retry_on_intr,
    stdio::stdin,
    termios::{QueueSelector, isatty, tcflush},
};
use tokio::io::{Interest, unix::AsyncFd};

/// A longer line is nobody's.
const LONGEST: usize = 64 << 10;

/// The lines of standard input.
#[derive(Debug)]
pub(super) struct Lines {
    input: Input,
    /// Read, and not given yet.
    waiting: Vec<u8>,
    ended: bool,
}

#[derive(Debug)]
enum Input {
    /// A terminal or a pipe.
    Waits(AsyncFd<BorrowedFd<'static>>),
    /// A file: reading it never waits long.
    File(BorrowedFd<'static>),
}

impl Lines {
    /// Starts to read. There must be only one reader at a time.
    ///
    /// # Errors
    /// It cannot be waited for.
    #[expect(
        deprecated,
        reason = "what replaces it is unsafe for descriptors that could be closed; standard input stays"
    )]
    pub(super) fn open() -> io::Result<Self> {
        let input = match AsyncFd::try_with_interest(stdin(), Interest::READABLE) {
            Ok(input) => Input::Waits(input),
            Err(error) => {
                let (input, error) = error.into_parts();
                // What the system does not let anybody wait for is a file.
                if error.kind() != io::ErrorKind::PermissionDenied {
                    return Err(error);
                }
                Input::File(input)
            }
        };
        Ok(Self {
            input,
            waiting: Vec::new(),
            ended: false,
        })
    }

    /// The next line with its end, which only the last may lack; `None`: there are no more.
    pub(super) async fn next(&mut self) -> io::Result<Option<String>> {
        let mut searched = 0;
        loop {
            if let Some(end) = memchr::memchr(b'\n', &self.waiting[searched..]) {
                let line = self.waiting.drain(..=searched + end).collect::<Vec<u8>>();
                return Ok(Some(String::from_utf8_lossy(&line).into_owned()));
            }
            searched = self.waiting.len();
            if self.ended {
                let rest = std::mem::take(&mut self.waiting);
                let rest = String::from_utf8_lossy(&rest).into_owned();
                return Ok(Some(rest).filter(|rest| !rest.is_empty()));
            }
            if searched > LONGEST {
                return Err(io::Error::new(
                    io::ErrorKind::InvalidData,
                    "a line without an end on standard input",
                ));
            }
            self.read().await?;
        }
    }

    /// Drops what a person typed ahead, and answers how many lines that were. A script is no person: its lines stay.
    pub(super) fn forget(&mut self) -> io::Result<usize> {
        let terminal = match &self.input {
            Input::Waits(input) if isatty(input.get_ref()) => *input.get_ref(),
            Input::Waits(_) | Input::File(_) => return Ok(0),
        };
        while !self.ended && is_readable(terminal)? {
            self.fill(terminal)?;
        }
        tcflush(terminal, QueueSelector::IFlush)?;
        let lines = memchr::memchr_iter(b'\n', &self.waiting).count();
        self.waiting.clear();
        Ok(lines)
    }

    async fn read(&mut self) -> io::Result<()> {
        let input = match &self.input {
            Input::File(input) => *input,
            Input::Waits(input) => loop {
                let mut ready = input.readable().await?;
                let input = *ready.get_inner();
                // Readiness may be old, and the input is a blocking one: asked again before reading.
                if is_readable(input)? {
                    break input;
                }
                ready.clear_ready();
            },
        };
        self.fill(input)
    }

    fn fill(&mut self, input: BorrowedFd<'_>) -> io::Result<()> {
        let mut bytes = [0; 4096];
        match rustix::io::read(input, &mut bytes[..]) {
            // The end, or a terminal whose other end is gone.
            Ok(0) | Err(rustix::io::Errno::IO) => self.ended = true,
            Ok(read) => self.waiting.extend_from_slice(&bytes[..read]),
            Err(rustix::io::Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
        Ok(())
    }
}

/// Whether a read would not wait.
fn is_readable(input: BorrowedFd<'_>) -> io::Result<bool> {
    let mut ends = [PollFd::from_borrowed_fd(input.as_fd(), PollFlags::IN)];
    let at_once = Timespec {
        tv_sec: 0,
        tv_nsec: 0,
    };
    // A signal ends it early, also when it would not wait; whoever asked wants to know nevertheless.
    retry_on_intr(|| poll(&mut ends, Some(&at_once)))?;
    Ok(!ends[0].revents().is_empty())
}
