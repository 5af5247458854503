//! Keys, pastes and sizes from the terminal, as they come.
//!
//! Read by the loop's own thread: no other thread has to be woken between a key and its frame, and a terminal
//! that went away is seen at once. Dropped while somebody else has the terminal.

use std::{collections::VecDeque, io, os::fd::BorrowedFd, pin::Pin, time::Duration};

use crossterm::event::Event;
use futures_util::{Stream, stream};
use rustix::{
    event::{PollFd, PollFlags, Timespec, poll},
    stdio::stdin,
};
use tokio::{
    io::{Interest, unix::AsyncFd},
    signal::unix::{Signal, SignalKind, signal},
    time::{Instant, sleep_until},
};

use super::{decode::Decoder, terminal};

/// What the loop reads. It ends after its first error.
pub(super) type Input = Pin<Box<dyn Stream<Item = io::Result<Event>> + Send>>;

/// An escape that nothing follows for so long is the key; a sequence is sent in one piece.
const ESCAPE: Duration = Duration::from_millis(25);

/// A paste that nothing follows for so long has lost its end.
const PASTE: Duration = Duration::from_secs(2);

/// Reads from standard input, which must be a terminal in raw mode.
///
/// # Errors
/// It cannot be waited for.
#[expect(
    deprecated,
    reason = "what replaces it is unsafe for descriptors that could be closed; standard input stays"
)]
pub(super) fn open() -> io::Result<Input> {
    let keys = Keys {
        terminal: AsyncFd::with_interest(stdin(), Interest::READABLE)?,
        resized: signal(SignalKind::window_change())?,
        decoder: Decoder::default(),
        decoded: VecDeque::new(),
        silent_at: None,
    };
    Ok(Box::pin(stream::unfold(Some(keys), async |keys| {
        let mut keys = keys?;
        match keys.next().await {
            Ok(event) => Some((Ok(event), Some(keys))),
            Err(error) => Some((Err(error), None)),
        }
    })))
}

struct Keys {
    terminal: AsyncFd<BorrowedFd<'static>>,
    resized: Signal,
    decoder: Decoder,
    decoded: VecDeque<Event>,
    /// When what waits in the decoder is all there is.
    silent_at: Option<Instant>,
}

impl Keys {
    async fn next(&mut self) -> io::Result<Event> {
        loop {
            if let Some(event) = self.decoded.pop_front() {
                return Ok(event);
            }
            let silent_at = self.silent_at;
            tokio::select! {
                ready = self.terminal.readable() => {
                    let mut ready = ready?;
                    let mut bytes = [0; 1024];
                    // Readiness may be old, and the terminal is a blocking one: asked again before reading.
                    let read = if is_readable(*ready.get_inner())? {
                        rustix::io::read(*ready.get_inner(), &mut bytes[..])?
                    } else {
                        ready.clear_ready();
                        continue;
                    };
                    if read == 0 {
                        return Err(io::ErrorKind::UnexpectedEof.into());
                    }
                    self.decoder.feed(&bytes[..read], &mut self.decoded);
                    self.expect();
                }
                _ = self.resized.recv() => {
                    let (columns, rows) = terminal::size();
                    return Ok(Event::Resize(columns, rows));
                }
                () = sleep_until(silent_at.unwrap_or_else(Instant::now)), if silent_at.is_some() => {
                    self.decoder.silence(&mut self.decoded);
                    self.silent_at = None;
                }
            }
        }
    }

    /// Sets the time after which nothing more is expected.
    fn expect(&mut self) {
        let patience = if self.decoder.is_pasting() {
            PASTE
        } else {
            ESCAPE
        };
        self.silent_at = self.decoder.is_waiting().then(|| Instant::now() + patience);
    }
}

/// Whether a read would not wait. A terminal that has gone away does not: the read tells.
fn is_readable(terminal: BorrowedFd<'_>) -> io::Result<bool> {
    let mut ends = [PollFd::new(&terminal, PollFlags::IN)];
    let at_once = Timespec {
        tv_sec: 0,
        tv_nsec: 0,
    };
    poll(&mut ends, Some(&at_once))?;
    Ok(!ends[0].revents().is_empty())
}
