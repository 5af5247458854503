//! The body of an answer as it arrives; gives its connection back when it has been read to the end.

use std::{
    future::poll_fn,
    pin::Pin,
    rc::Rc,
    task::{Context, Poll},
};

use bytes::Bytes;
use hyper::{
    body::{Body, Incoming},
    client::conn::http1,
};

use super::{
    Slices,
    pool::{Pool, Seat},
};
use crate::clock::Clock;

/// The body ended before its announced end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the upstream's answer was cut")]
pub struct Cut;

/// A body that is being received. Dropped before its end, it closes its connection.
#[derive(Debug)]
pub struct Answer {
    body: Incoming,
    lease: Option<Lease>,
}

/// A connection in use.
#[derive(Debug)]
pub(super) enum Lease {
    /// All of it, to be given back.
    Http1 {
        pool: Rc<Pool>,
        sender: http1::SendRequest<Slices>,
    },
    /// One stream of it, for as long as this lives.
    Http2(Seat),
}

impl Answer {
    pub(super) fn new(body: Incoming, lease: Lease) -> Self {
        let mut answer = Self {
            body,
            lease: Some(lease),
        };
        if answer.body.is_end_stream() {
            answer.finish();
        }
        answer
    }

    /// The next bytes; `None` at the end. Trailers are dropped.
    pub fn poll_data(&mut self, context: &mut Context<'_>) -> Poll<Option<Result<Bytes, Cut>>> {
        loop {
            return match Pin::new(&mut self.body).poll_frame(context) {
                Poll::Pending => Poll::Pending,
                Poll::Ready(None) => {
                    self.finish();
                    Poll::Ready(None)
                }
                Poll::Ready(Some(Err(_))) => {
                    self.lease = None;
                    Poll::Ready(Some(Err(Cut)))
                }
                Poll::Ready(Some(Ok(frame))) => {
                    if self.body.is_end_stream() {
                        self.finish();
                    }
                    match frame.into_data() {
                        Ok(data) if data.is_empty() => continue,
                        Ok(data) => Poll::Ready(Some(Ok(data))),
                        Err(_) => continue,
                    }
                }
            };
        }
    }

    /// The next bytes; `None` at the end.
    ///
    /// # Errors
    /// When the connection ended too early.
    pub async fn data(&mut self) -> Result<Option<Bytes>, Cut> {
        poll_fn(|context| self.poll_data(context)).await.transpose()
    }

    /// Nothing more will come.
    #[must_use]
    pub fn at_end(&self) -> bool {
        self.body.is_end_stream()
    }

    fn finish(&mut self) {
        match self.lease.take() {
            Some(Lease::Http1 { pool, sender }) => pool.give(sender, Clock::instant()),
            Some(Lease::Http2(seat)) => drop(seat),
            None => {}
        }
    }
}
