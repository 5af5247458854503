//! The body of an answer as it arrives; gives its connection back when it has been read to the end.

use std::{
    future::poll_fn,
    pin::Pin,
    rc::Rc,
    task::{Context, Poll},
};

use bytes::Bytes;
use hyper::body::{Body, Incoming};

use super::{
    connect::Line,
    pool::{Pool, Seat},
};
use crate::{
    clock::Clock,
    wire::encoding::{Coding, Decoder},
};

/// The body ended before its announced end, or is not what its coding says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the upstream's answer was cut")]
pub struct Cut;

/// A body that is being received, decoded. Dropped before its end, it closes its connection.
#[derive(Debug)]
pub struct Answer {
    body: Incoming,
    lease: Option<Lease>,
    /// For a body that came encoded.
    decoder: Option<Box<Decoder>>,
}

/// A connection in use.
#[derive(Debug)]
pub(super) enum Lease {
    /// All of it, to be given back.
    Http1 { pool: Rc<Pool>, line: Line },
    /// One stream of it, for as long as this lives.
    Http2(Seat),
}

impl Answer {
    pub(super) fn new(body: Incoming, lease: Lease, coding: Option<Coding>) -> Self {
        let mut answer = Self {
            body,
            lease: Some(lease),
            decoder: coding.map(|coding| Box::new(Decoder::new(coding))),
        };
        if answer.body.is_end_stream() {
            answer.finish();
        }
        answer
    }

    /// The next bytes; `None` at the end. Trailers are dropped.
    pub fn poll_data(&mut self, context: &mut Context<'_>) -> Poll<Option<Result<Bytes, Cut>>> {
        loop {
            match self.decoder.as_mut().map(|decoder| decoder.step()) {
                Some(Ok(Some(bytes))) => return Poll::Ready(Some(Ok(bytes))),
                Some(Err(_)) => return self.cut(),
                Some(Ok(None)) | None => {}
            }
            match Pin::new(&mut self.body).poll_frame(context) {
                Poll::Pending => return Poll::Pending,
                Poll::Ready(None) if self.decoded() => {
                    self.finish();
                    return Poll::Ready(None);
                }
                Poll::Ready(None | Some(Err(_))) => return self.cut(),
                Poll::Ready(Some(Ok(frame))) => {
                    if self.body.is_end_stream() {
                        self.finish();
                    }
                    match (frame.into_data(), &mut self.decoder) {
                        (Ok(data), _) if data.is_empty() => {}
                        (Ok(data), None) => return Poll::Ready(Some(Ok(data))),
                        (Ok(data), Some(decoder)) => decoder.push(data),
                        (Err(_), _) => {}
                    }
                }
            }
        }
    }

    /// It cannot be read further; its connection is of no use.
    fn cut(&mut self) -> Poll<Option<Result<Bytes, Cut>>> {
        self.lease = None;
        Poll::Ready(Some(Err(Cut)))
    }

    /// Everything that has come has been given on, and may have been all.
    fn decoded(&self) -> bool {
        self.decoder
            .as_ref()
            .is_none_or(|decoder| decoder.may_end())
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
        self.body.is_end_stream() && self.decoded()
    }

    fn finish(&mut self) {
        match self.lease.take() {
            Some(Lease::Http1 { pool, line }) => pool.give(line, Clock::instant()),
            Some(Lease::Http2(seat)) => drop(seat),
            None => {}
        }
    }
}
