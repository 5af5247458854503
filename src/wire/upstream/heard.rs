//! A connection of HTTP/1.1 that remembers which status its answer began with.
//!
//! When the rest of a head cannot be read, or never comes, the library says that there is no answer. But a 400 or
//! a 401 that was said must not be taken for a provider that is broken or out of reach, as that would be a reason
//! to ask somebody else. Used by `connect`; asked by `upstream` only when there was no head.

use std::{
    cell::RefCell,
    io,
    pin::Pin,
    rc::Rc,
    task::{Context, Poll},
};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// `HTTP/1.1 200`.
const LINE: usize = 12;

/// What was heard of the answer that is awaited.
#[derive(Clone, Debug, Default)]
pub(super) struct Heard(Rc<RefCell<Ear>>);

#[derive(Debug, Default)]
struct Ear {
    line: [u8; LINE],
    length: usize,
    /// The last four bytes behind an interim status line (1xx), whose head is not the answer's.
    last: u32,
}

impl Heard {
    /// Listens for the answer to a new request.
    pub(super) fn listen(&self) {
        *self.0.borrow_mut() = Ear::default();
    }

    /// The status that the answer began with.
    pub(super) fn status(&self) -> Option<u16> {
        self.0.borrow().status()
    }
}

impl Ear {
    fn status(&self) -> Option<u16> {
        let line = self.line.get(..self.length)?;
        let rest = line.strip_prefix(b"HTTP/1.")?;
        let [_, b' ', digits @ ..] = rest else {
            return None;
        };
        let digits = std::str::from_utf8(digits).ok()?;
        let status = (digits.len() == 3).then(|| digits.parse().ok())?;
        status.filter(|status| (100..600).contains(status))
    }

    fn hear(&mut self, bytes: &[u8]) {
        for byte in bytes {
            if self.length < LINE {
                // Empty lines before the first are passed over, as the library does it.
                if self.length > 0 || !matches!(byte, b'\r' | b'\n') {
                    self.line[self.length] = *byte;
                    self.length += 1;
                }
            } else if self.status().is_some_and(|status| status < 200) {
                self.last = (self.last << 8) | u32::from(*byte);
                if self.last == u32::from_be_bytes(*b"\r\n\r\n") {
                    *self = Self::default();
                }
            } else {
                return;
            }
        }
    }
}

/// The connection.
#[derive(Debug)]
pub(super) struct Hearing<S> {
    stream: S,
    heard: Heard,
}

impl<S> Hearing<S> {
    pub(super) fn new(stream: S) -> (Self, Heard) {
        let heard = Heard::default();
        let hearing = Self {
            stream,
            heard: heard.clone(),
        };
        (hearing, heard)
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Hearing<S> {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let before = buffer.filled().len();
        let polled = Pin::new(&mut this.stream).poll_read(context, buffer);
        if let Some(fresh) = buffer.filled().get(before..)
            && !fresh.is_empty()
        {
            this.heard.0.borrow_mut().hear(fresh);
        }
        polled
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Hearing<S> {
    fn poll_write(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.get_mut().stream).poll_write(context, bytes)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.get_mut().stream).poll_write_vectored(context, slices)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_flush(context)
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests {
    use super::Ear;

    #[test]
    fn the_status_is_heard_however_it_comes() {
        for (case, bytes, status) in [
            ("a refusal", "HTTP/1.1 401 Unauthorized\r\nx: ", Some(401)),
            ("no words", "HTTP/1.0 400\r\n", Some(400)),
            (
                "after empty lines",
                "\r\n\r\nHTTP/1.1 403 No\r\n",
                Some(403),
            ),
            ("not all of it", "HTTP/1.1 40", None),
            ("another protocol", "SSH-2.0-OpenSSH_9.2 400", None),
            ("no number", "HTTP/1.1 4x1 No", None),
            ("no such status", "HTTP/1.1 999 No", None),
            (
                "after an interim head",
                "HTTP/1.1 103 Early\r\nlink: </a>\r\n\r\nHTTP/1.1 401 No\r\n",
                Some(401),
            ),
            (
                "only an interim head",
                "HTTP/1.1 100 Continue\r\n\r\n",
                None,
            ),
            ("nothing", "", None),
        ] {
            let (mut whole, mut drop_by_drop) = (Ear::default(), Ear::default());
            whole.hear(bytes.as_bytes());
            for byte in bytes.as_bytes() {
                drop_by_drop.hear(&[*byte]);
            }
            assert_eq!(whole.status(), status, "{case}");
            assert_eq!(drop_by_drop.status(), status, "{case}, byte by byte");
        }
    }
}
