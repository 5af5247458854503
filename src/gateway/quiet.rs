//! Connections of HTTP/2 on which nothing is asked.
//!
//! HTTP/1.1 has its limit for the next head. Here a peer could hold a place for ever, without a key, by
//! answering pings or by never sending its preface: `server` ends a connection without a running request after
//! the idle limit.

use std::{
    cell::Cell,
    pin::Pin,
    rc::Rc,
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
pub(super) struct Running(Rc<Count>);

#[derive(Debug)]
struct Count {
    running: Cell<usize>,
    /// When the last one ended, or the connection came.
    since: Cell<Instant>,
}

/// One of them; it has ended when this is dropped.
#[derive(Debug)]
pub(super) struct One(Rc<Count>);

impl Running {
    /// None yet.
    pub(super) fn none() -> Self {
        Self(Rc::new(Count {
            running: Cell::new(0),
            since: Cell::new(Clock::instant()),
        }))
    }

    /// One more.
    pub(super) fn one(&self) -> One {
        self.0.running.set(self.0.running.get() + 1);
        One(Rc::clone(&self.0))
    }

    /// Waits until there has been none for so long.
    pub(super) async fn quiet(&self, limit: Duration) {
        loop {
            let now = Clock::instant();
            let busy = self.0.running.get() > 0;
            let since = if busy { now } else { self.0.since.get() };
            let until = since + limit;
            if until <= now {
                return;
            }
            sleep_until(until.into()).await;
        }
    }
}

impl One {
    /// The request runs until its answer has been sent.
    pub(super) fn with(self, response: Response<Body>) -> Response<Answering> {
        response.map(|body| Answering { body, _one: self })
    }
}

impl Drop for One {
    fn drop(&mut self) {
        self.0.running.set(self.0.running.get().saturating_sub(1));
        self.0.since.set(Clock::instant());
    }
}

/// The body of a request's answer.
pub(super) struct Answering {
    body: Body,
    _one: One,
}

impl HttpBody for Answering {
    type Data = Bytes;
    type Error = Broken;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Broken>>> {
        Pin::new(&mut self.get_mut().body).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
