//! What is open to one origin: idle HTTP/1.1 connections, and HTTP/2 connections with streams to spare.

use std::{
    cell::{Cell, RefCell},
    rc::Rc,
    time::{Duration, Instant},
};

use hyper::client::conn::http2;
use tokio::sync::Mutex;

use super::{Slices, connect::Line};
use crate::clock::Clock;

/// Idle connections kept for one origin; more are closed when they become idle.
const MOST_IDLE: usize = 1024;
/// An idle connection older than this is closed instead of used: many servers close theirs after 60 s.
const IDLE_LIMIT: Duration = Duration::from_secs(50);
/// Streams on one HTTP/2 connection, even when the peer allows more: the least that RFC 9113 advises peers
/// to allow, and as many as the windows are made for.
pub(super) const MOST_STREAMS: usize = 100;

/// What is open to one origin.
#[derive(Debug, Default)]
pub(super) struct Pool {
    /// Last in, first out, so that spare connections grow old and go.
    idle: RefCell<Vec<Idle>>,
    shared: RefCell<Vec<Rc<Shared>>>,
    /// The origin speaks HTTP/2; `None`: nobody knows yet.
    pub(super) speaks_http2: Cell<Option<bool>>,
    /// Held by who makes a connection that others wait to share.
    pub(super) dialing: Mutex<()>,
}

#[derive(Debug)]
struct Idle {
    line: Line,
    since: Instant,
}

/// An HTTP/2 connection.
#[derive(Debug)]
pub(super) struct Shared {
    pub(super) sender: http2::SendRequest<Slices>,
    /// As many streams as the peer allows.
    pub(super) allowed: Rc<Cell<usize>>,
    active: Cell<usize>,
    /// When the last stream ended.
    since: Cell<Instant>,
}

/// One stream's place on an HTTP/2 connection.
#[derive(Debug)]
pub(super) struct Seat(pub(super) Rc<Shared>);

impl Drop for Seat {
    fn drop(&mut self) {
        self.0.active.set(self.0.active.get().saturating_sub(1));
        self.0.since.set(Clock::instant());
    }
}

/// A connection for one request.
pub(super) enum Open {
    /// To be given back when the answer has been read.
    Http1(Line),
    /// Given back by itself.
    Http2(Seat),
}

impl Pool {
    /// A connection that is ready now; closed ones found on the way are dropped.
    pub(super) fn take(&self) -> Option<Open> {
        self.seat()
            .map(Open::Http2)
            .or_else(|| self.take_idle().map(Open::Http1))
    }

    fn take_idle(&self) -> Option<Line> {
        let mut idle = self.idle.borrow_mut();
        let mut at = idle.len();
        while at > 0 {
            at -= 1;
            if idle[at].line.sender.is_closed() {
                idle.remove(at);
            } else if idle[at].line.sender.is_ready() {
                return Some(idle.remove(at).line);
            }
        }
        None
    }

    fn seat(&self) -> Option<Seat> {
        let mut shared = self.shared.borrow_mut();
        shared.retain(|connection| !connection.sender.is_closed());
        let free = shared.iter().find(|connection| {
            connection.active.get() < connection.allowed.get().min(MOST_STREAMS)
        })?;
        Some(take_seat(free))
    }

    /// Shares a new HTTP/2 connection and takes the first place on it.
    pub(super) fn share(
        &self,
        sender: http2::SendRequest<Slices>,
        allowed: Rc<Cell<usize>>,
    ) -> Seat {
        let connection = Rc::new(Shared {
            sender,
            allowed,
            active: Cell::new(0),
            since: Cell::new(Clock::instant()),
        });
        let seat = take_seat(&connection);
        self.shared.borrow_mut().push(connection);
        seat
    }

    /// No new stream is opened on this connection; those on it go on.
    pub(super) fn retire(&self, connection: &Rc<Shared>) {
        self.shared
            .borrow_mut()
            .retain(|known| !Rc::ptr_eq(known, connection));
    }

    /// Takes back a connection whose answer has been read.
    pub(super) fn give(&self, line: Line, now: Instant) {
        let mut idle = self.idle.borrow_mut();
        if idle.len() < MOST_IDLE && !line.sender.is_closed() {
            idle.push(Idle { line, since: now });
        }
    }

    /// Closes what has been idle for too long; whether anything is left open.
    pub(super) fn purge(&self, now: Instant) -> bool {
        let mut idle = self.idle.borrow_mut();
        idle.retain(|entry| {
            !entry.line.sender.is_closed() && now.duration_since(entry.since) < IDLE_LIMIT
        });
        let mut shared = self.shared.borrow_mut();
        shared.retain(|connection| {
            let idle = connection.active.get() == 0
                && now.saturating_duration_since(connection.since.get()) >= IDLE_LIMIT;
            !connection.sender.is_closed() && !idle
        });
        !idle.is_empty() || !shared.is_empty()
    }
}

fn take_seat(connection: &Rc<Shared>) -> Seat {
    connection.active.set(connection.active.get() + 1);
    Seat(Rc::clone(connection))
}
