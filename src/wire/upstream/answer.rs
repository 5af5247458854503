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
    Pool,
    http1::{Begun, Connection, Framing},
};
use crate::clock::Clock;

/// The body ended before its announced end, or is badly framed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the upstream's answer was cut")]
pub struct Cut;

/// A body that is being received. Dropped before its end, it closes its connection (HTTP/1.1) or resets its
/// stream (HTTP/2).
#[derive(Debug)]
pub struct Answer(Kind);

#[derive(Debug)]
enum Kind {
    Own {
        /// `None`: given back, or broken.
        connection: Option<Connection>,
        framing: Framing,
        reusable: bool,
        pool: Rc<Pool>,
    },
    Shared(Incoming),
}

impl Answer {
    /// Of an HTTP/1.1 connection.
    pub(super) fn own(connection: Connection, begun: &Begun, pool: Rc<Pool>) -> Self {
        let mut answer = Self(Kind::Own {
            connection: Some(connection),
            framing: begun.framing,
            reusable: begun.reusable,
            pool,
        });
        if begun.framing.at_end() {
            answer.finish();
        }
        answer
    }

    /// Of an HTTP/2 stream.
    pub(super) const fn shared(body: Incoming) -> Self {
        Self(Kind::Shared(body))
    }

    /// The next bytes; `None` at the end. Trailers are dropped.
    pub fn poll_data(&mut self, context: &mut Context<'_>) -> Poll<Option<Result<Bytes, Cut>>> {
        match &mut self.0 {
            Kind::Shared(body) => poll_shared(body, context),
            Kind::Own {
                connection,
                framing,
                ..
            } => {
                let Some(open) = connection else {
                    let whole = framing.at_end() || framing.ends_with_connection();
                    return Poll::Ready(if whole { None } else { Some(Err(Cut)) });
                };
                match open.poll_body(context, framing) {
                    Poll::Pending => Poll::Pending,
                    Poll::Ready(None) => {
                        self.finish();
                        Poll::Ready(None)
                    }
                    Poll::Ready(Some(Err(_))) => {
                        *connection = None;
                        Poll::Ready(Some(Err(Cut)))
                    }
                    Poll::Ready(Some(Ok(data))) => {
                        if framing.at_end() {
                            self.finish();
                        }
                        Poll::Ready(Some(Ok(data)))
                    }
                }
            }
        }
    }

    /// The next bytes; `None` at the end.
    ///
    /// # Errors
    /// When the connection ended too early.
    pub async fn data(&mut self) -> Result<Option<Bytes>, Cut> {
        poll_fn(|context| self.poll_data(context)).await.transpose()
    }

    /// It is known that nothing more will come.
    #[must_use]
    pub fn at_end(&self) -> bool {
        match &self.0 {
            Kind::Own { framing, .. } => framing.at_end(),
            Kind::Shared(body) => body.is_end_stream(),
        }
    }

    /// The body is over: the connection goes back, unless something on it is in doubt.
    fn finish(&mut self) {
        if let Kind::Own {
            connection,
            reusable,
            pool,
            ..
        } = &mut self.0
            && let Some(connection) = connection.take()
            && *reusable
            && connection.is_clean()
        {
            pool.give(connection, Clock::instant());
        }
    }
}

fn poll_shared(body: &mut Incoming, context: &mut Context<'_>) -> Poll<Option<Result<Bytes, Cut>>> {
    loop {
        return match Pin::new(&mut *body).poll_frame(context) {
            Poll::Pending => Poll::Pending,
            Poll::Ready(None) => Poll::Ready(None),
            Poll::Ready(Some(Err(_))) => Poll::Ready(Some(Err(Cut))),
            Poll::Ready(Some(Ok(frame))) => match frame.into_data() {
                Ok(data) if !data.is_empty() => Poll::Ready(Some(Ok(data))),
                Ok(_) | Err(_) => continue,
            },
        };
    }
}
