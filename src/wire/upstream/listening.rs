//! A connection that goes on reading after its peer has stopped taking.
//!
//! Used by `connect` for every connection. A provider that refuses a request by its head may answer and close while
//! the body is still on its way. The kernel then fails the next write, although the answer is there to be read: a
//! 400 or 401 must not be taken for a provider that is out of reach. So a write that the peer refuses counts as
//! made, and the reading says how it ended. Nothing is repeated on the strength of that: a request that may have
//! been worked on is evidence, not a reason to try again.

use std::{
    io,
    pin::Pin,
    task::{Context, Poll},
};

use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::TcpStream,
};

/// A TCP connection to a provider.
#[derive(Debug)]
pub(super) struct Listening {
    stream: TcpStream,
    /// The peer takes nothing any more.
    refused: bool,
}

impl Listening {
    pub(super) const fn new(stream: TcpStream) -> Self {
        Self {
            stream,
            refused: false,
        }
    }

    /// What becomes of a write of so many bytes.
    fn written(
        &mut self,
        length: usize,
        result: Poll<io::Result<usize>>,
    ) -> Poll<io::Result<usize>> {
        match result {
            Poll::Ready(Err(error)) if is_refusal(&error) => {
                self.refused = true;
                Poll::Ready(Ok(length))
            }
            other => other,
        }
    }
}

fn is_refusal(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::BrokenPipe
            | io::ErrorKind::ConnectionReset
            | io::ErrorKind::ConnectionAborted
    )
}

impl AsyncRead for Listening {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_read(context, buffer)
    }
}

impl AsyncWrite for Listening {
    fn poll_write(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        if this.refused {
            return Poll::Ready(Ok(bytes.len()));
        }
        let result = Pin::new(&mut this.stream).poll_write(context, bytes);
        this.written(bytes.len(), result)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let length = slices.iter().map(|slice| slice.len()).sum();
        if this.refused {
            return Poll::Ready(Ok(length));
        }
        let result = Pin::new(&mut this.stream).poll_write_vectored(context, slices);
        this.written(length, result)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if this.refused {
            return Poll::Ready(Ok(()));
        }
        Pin::new(&mut this.stream).poll_flush(context)
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if this.refused {
            return Poll::Ready(Ok(()));
        }
        Pin::new(&mut this.stream).poll_shutdown(context)
    }
}
