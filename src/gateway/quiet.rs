//! Connections of HTTP/2 on which nothing is asked, and answers on them that nobody takes.
//!
//! HTTP/1.1 has its limit for the next head, and a socket that gives up when nothing is taken. Here a peer could
//! hold a place for ever, without a key, by answering pings or by never sending its preface: `server` ends a
//! connection without a running request after the idle limit. And it could hold a request, its route and its
//! provider by never opening a stream's window: an answer that is not taken for too long is given up.

use std::{
    cell::{Cell, RefCell},
    pin::Pin,
    rc::{Rc, Weak},
    task::{Context, Poll},
    time::{Duration, Instant},
};

use bytes::Bytes;
use http::Response;
use hyper::body::{Body as HttpBody, Frame, SizeHint};
use tokio::time::sleep_until;

use super::relay::{Body, Broken};
use crate::clock::Clock;

/// The requests that run on one connection.
#[derive(Clone, Debug)]
pub(super) struct Running {
    count: Rc<Count>,
    /// How long a client may take nothing of an answer.
    pause: Duration,
}

#[derive(Debug)]
struct Count {
    running: Cell<usize>,
    /// When the last one ended, or the connection came.
    since: Cell<Instant>,
    /// Those that are being sent, and some that have been.
    answers: RefCell<Vec<Weak<Sending>>>,
}

/// One of them; it has ended when this is dropped.
#[derive(Debug)]
pub(super) struct One(Rc<Count>);

/// An answer on its way.
struct Sending {
    /// `None`: given up.
    answer: RefCell<Option<(Body, One)>>,
    /// Since when the client could take more and has not; `None`: there is nothing to take.
    offered: Cell<Option<Instant>>,
}

impl std::fmt::Debug for Sending {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("Sending")
            .field("offered", &self.offered)
            .finish_non_exhaustive()
    }
}

impl Running {
    /// None yet.
    pub(super) fn none(pause: Duration) -> Self {
        let count = Rc::new(Count {
            running: Cell::new(0),
            since: Cell::new(Clock::instant()),
            answers: RefCell::default(),
        });
        Self { count, pause }
    }

    /// One more.
    pub(super) fn one(&self) -> One {
        let count = &self.count;
        count.running.set(count.running.get() + 1);
        One(Rc::clone(count))
    }

    /// Waits until there has been none for so long; gives up meanwhile what is not taken.
    pub(super) async fn quiet(&self, limit: Duration) {
        loop {
            let now = Clock::instant();
            let next = self.count.give_up(now, self.pause);
            let busy = self.count.running.get() > 0;
            let since = if busy { now } else { self.count.since.get() };
            let until = since + limit;
            if until <= now {
                return;
            }
            sleep_until(until.min(next).into()).await;
        }
    }
}

impl Count {
    /// Gives up the answers of which nothing was taken for so long; when to look again.
    fn give_up(&self, now: Instant, pause: Duration) -> Instant {
        let mut next = now + pause;
        let mut stalled = Vec::new();
        self.answers.borrow_mut().retain(|known| {
            let Some(sending) = known.upgrade() else {
                return false;
            };
            match sending.offered.get().map(|since| since + pause) {
                Some(end) if end <= now => stalled.push(sending),
                Some(end) => next = next.min(end),
                None => {}
            }
            true
        });
        for sending in stalled {
            // With it go the upstream call, the route's place and the request's.
            sending.answer.take();
        }
        next
    }
}

impl One {
    /// The request runs until its answer has been sent.
    pub(super) fn with(self, response: Response<Body>) -> Response<Answering> {
        response.map(|body| {
            let count = Rc::clone(&self.0);
            let sending = Rc::new(Sending {
                answer: RefCell::new(Some((body, self))),
                offered: Cell::new(Some(Clock::instant())),
            });
            let mut answers = count.answers.borrow_mut();
            if answers.len() > 2 * count.running.get() + 8 {
                answers.retain(|known| known.strong_count() > 0);
            }
            answers.push(Rc::downgrade(&sending));
            Answering(sending)
        })
    }
}

impl Drop for One {
    fn drop(&mut self) {
        self.0.running.set(self.0.running.get().saturating_sub(1));
        self.0.since.set(Clock::instant());
    }
}

/// The body of a request's answer.
pub(super) struct Answering(Rc<Sending>);

impl HttpBody for Answering {
    type Data = Bytes;
    type Error = Broken;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Broken>>> {
        let mut answer = self.0.answer.borrow_mut();
        let Some((body, _)) = answer.as_mut() else {
            return Poll::Ready(Some(Err(Broken)));
        };
        let polled = Pin::new(body).poll_frame(context);
        let offered = polled.is_ready().then(Clock::instant);
        self.0.offered.set(offered);
        polled
    }

    fn is_end_stream(&self) -> bool {
        let answer = self.0.answer.borrow();
        answer
            .as_ref()
            .is_some_and(|(body, _)| body.is_end_stream())
    }

    fn size_hint(&self) -> SizeHint {
        let answer = self.0.answer.borrow();
        answer
            .as_ref()
            .map_or_else(SizeHint::default, |(body, _)| body.size_hint())
    }
}
