//! HTTP/1.1 to a provider, one request at a time, on the task that asks.
//!
//! No task and no channel stand between a request and its socket: what is asked is written, what comes is
//! read, and dropping either closes the connection. It is strict about framing, because a connection whose
//! end of a message is in doubt must not carry another client's answer.

mod body;
mod head;

use std::{
    future::poll_fn,
    io::{self, IoSlice},
    pin::Pin,
    task::{Context, Poll, Waker},
};

use bytes::{Buf, Bytes, BytesMut};
use http::response::Parts;
use tokio::io::AsyncWrite;
use tokio_util::io::poll_read_buf;

use super::{slices::Slices, stream::Stream};

pub(super) use body::{Decoded, Framing};
use head::Head;

/// What is read at once.
const READ: usize = 8 * 1024;
/// What is read at once of a body whose size is known to be large.
const READ_LARGE: usize = 64 * 1024;
/// The longest response head.
const LONGEST_HEAD: usize = 256 * 1024;

/// A connection that is free or carries one exchange.
#[derive(Debug)]
pub(super) struct Connection {
    stream: Stream,
    /// Read and not yet taken.
    buffer: BytesMut,
}

/// Why no response head came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Failure {
    /// The connection ended before a single byte of an answer.
    Silent,
    /// It ended within the head.
    Cut,
    /// What came is not a response that can be understood.
    Malformed,
}

/// A response head, and what follows it.
#[derive(Debug)]
pub(super) struct Begun {
    pub(super) parts: Parts,
    pub(super) framing: Framing,
    /// The connection can carry another exchange after this one.
    pub(super) reusable: bool,
}

/// What is still to be written.
struct Request<'a> {
    head: &'a [u8],
    body: Slices,
}

impl Connection {
    pub(super) fn new(stream: Stream) -> Self {
        Self {
            stream,
            buffer: BytesMut::new(),
        }
    }

    /// Whether a free connection can be used: still open, and nothing has come that nobody asked for.
    pub(super) fn is_usable(&mut self) -> bool {
        let mut context = Context::from_waker(Waker::noop());
        self.buffer.is_empty() && self.poll_read(&mut context, 1).is_pending()
    }

    /// Sends a request and reads the response head.
    pub(super) async fn exchange(&mut self, head: &[u8], body: Slices) -> Result<Begun, Failure> {
        let mut request = Request { head, body };
        let mut looked = 0;
        poll_fn(|context| self.poll_exchange(context, &mut request, &mut looked)).await
    }

    fn poll_exchange(
        &mut self,
        context: &mut Context<'_>,
        request: &mut Request<'_>,
        looked: &mut usize,
    ) -> Poll<Result<Begun, Failure>> {
        let written = self.poll_request(context, request);
        loop {
            match self.poll_read(context, READ) {
                // A failed write is told by the read: the provider may have answered before it closed.
                Poll::Pending if matches!(written, Poll::Ready(Err(_))) => {
                    return Poll::Ready(Err(self.ended()));
                }
                Poll::Pending => return Poll::Pending,
                Poll::Ready(Ok(0) | Err(_)) => return Poll::Ready(Err(self.ended())),
                Poll::Ready(Ok(_)) => {}
            }
            match head::take(&mut self.buffer, looked) {
                Ok(Some(Head {
                    parts,
                    framing,
                    keep_alive,
                })) => {
                    return Poll::Ready(Ok(Begun {
                        parts,
                        framing,
                        reusable: keep_alive && matches!(written, Poll::Ready(Ok(()))),
                    }));
                }
                Ok(None) if self.buffer.len() < LONGEST_HEAD => {}
                Ok(None) | Err(head::NotHttp) => return Poll::Ready(Err(Failure::Malformed)),
            }
        }
    }

    fn ended(&self) -> Failure {
        if self.buffer.is_empty() {
            Failure::Silent
        } else {
            Failure::Cut
        }
    }

    /// Writes what is left of the request.
    fn poll_request(
        &mut self,
        context: &mut Context<'_>,
        request: &mut Request<'_>,
    ) -> Poll<io::Result<()>> {
        loop {
            let [first, second, third] = request.body.left();
            let slices = [
                IoSlice::new(request.head),
                IoSlice::new(first),
                IoSlice::new(second),
                IoSlice::new(third),
            ];
            let left: usize = slices.iter().map(|slice| slice.len()).sum();
            if left == 0 {
                return Pin::new(&mut self.stream).poll_flush(context);
            }
            let stream = Pin::new(&mut self.stream);
            let count = match stream.poll_write_vectored(context, &slices) {
                Poll::Ready(Ok(0)) => return Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
                Poll::Ready(Ok(count)) => count,
                Poll::Ready(Err(error)) => return Poll::Ready(Err(error)),
                Poll::Pending => return Poll::Pending,
            };
            let of_head = count.min(request.head.len());
            request.head.advance(of_head);
            request.body.advance(count - of_head);
        }
    }

    /// Reads more into the buffer; 0 is the end.
    fn poll_read(&mut self, context: &mut Context<'_>, size: usize) -> Poll<io::Result<usize>> {
        self.buffer.reserve(size);
        poll_read_buf(Pin::new(&mut self.stream), context, &mut self.buffer)
    }

    /// The next bytes of a body; `None` at its end.
    pub(super) fn poll_body(
        &mut self,
        context: &mut Context<'_>,
        framing: &mut Framing,
    ) -> Poll<Option<Result<Bytes, Failure>>> {
        loop {
            match framing.decode(&mut self.buffer) {
                Ok(Decoded::Data(data)) => return Poll::Ready(Some(Ok(data))),
                Ok(Decoded::End) => return Poll::Ready(None),
                Ok(Decoded::NeedMore) => {}
                Err(body::BadChunk) => return Poll::Ready(Some(Err(Failure::Malformed))),
            }
            let size = if framing.expects_at_least(READ_LARGE) {
                READ_LARGE
            } else {
                READ
            };
            match self.poll_read(context, size) {
                Poll::Pending => return Poll::Pending,
                Poll::Ready(Ok(0)) if framing.ends_with_connection() => return Poll::Ready(None),
                Poll::Ready(Ok(0) | Err(_)) => return Poll::Ready(Some(Err(Failure::Cut))),
                Poll::Ready(Ok(_)) => {}
            }
        }
    }

    /// Nothing is left that belongs to nobody.
    pub(super) fn is_clean(&self) -> bool {
        self.buffer.is_empty()
    }
}
