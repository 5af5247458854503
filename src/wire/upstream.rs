//! Connections to providers: a pool per origin, HTTP/1.1 or HTTP/2 by ALPN, no redirect ever followed.
//!
//! One [`Client`] per gateway worker; it is not shared between threads and must be used inside a local
//! runtime (its connections are local tasks). It judges nothing: what went wrong comes back as evidence.
//! Dropping a call or an answer half-way closes its connection (or resets its HTTP/2 stream) at once.
//!
//! The rule of repeats: a request goes out a second time, once and on a fresh connection, only when the first
//! connection proves that nothing of it can have been worked on: it ended before the first byte was written,
//! or the peer said so (an HTTP/2 GOAWAY below this stream, a refused stream). Every other silence, a reset
//! on a pooled connection among them, is evidence: the policy decides, and what it decides is on record.

mod answer;
mod connect;
mod heard;
mod listening;
mod origin;
mod pool;
mod slices;

use std::{cell::RefCell, collections::HashMap, rc::Rc, sync::Arc, time::Duration};

use http::{Request, Response, header};
use hyper::body::Incoming;
use tokio::time::timeout;

use super::encoding::Coding;
use crate::policy::{BrokenKind, Evidence, ProviderError, UnreachableKind};

pub use answer::{Answer, Cut};
pub use connect::Tls;
pub use origin::{Origin, OriginError};
pub use slices::Slices;

use answer::Lease;
use connect::Connected;
use pool::{Open, Pool, Seat};

/// The pooled client of one worker.
#[derive(Debug)]
pub struct Client {
    tls: Arc<Tls>,
    pools: RefCell<HashMap<Arc<str>, Rc<Pool>>>,
}

/// No response head.
struct Failed {
    evidence: Evidence,
    /// Nothing of the request can have been worked on.
    untouched: bool,
}

impl Client {
    /// An empty pool. `tls` is shared by the workers.
    #[must_use]
    pub fn new(tls: Arc<Tls>) -> Self {
        Self {
            tls,
            pools: RefCell::default(),
        }
    }

    /// Sends one request and waits for the response head.
    ///
    /// `build` makes the request; it is called again for a repeat (see the rule above). Its URI must be path
    /// and query only, its headers must hold `host`.
    ///
    /// # Errors
    /// Evidence of what stood in the way of a response head.
    pub async fn send(
        &self,
        origin: &Origin,
        connect_limit: Duration,
        build: impl Fn() -> Request<Slices>,
    ) -> Result<Response<Answer>, Evidence> {
        let pool = self.pool(origin);
        let open = match pool.take() {
            Some(open) => open,
            None => Box::pin(self.open(&pool, origin, connect_limit)).await?,
        };
        match ask(&pool, origin, open, build()).await {
            Err(Failed {
                untouched: true, ..
            }) => {}
            Err(failed) => return Err(failed.evidence),
            Ok(response) => return Ok(response),
        }
        // Boxed, as above: a TLS handshake is large, rare, and would make every request's future large.
        let fresh = Box::pin(self.dial(&pool, origin, connect_limit)).await?;
        ask(&pool, origin, fresh, build())
            .await
            .map_err(|failed| failed.evidence)
    }

    /// Closes connections that have been idle for too long, and forgets origins without any.
    pub fn purge(&self, now: std::time::Instant) {
        self.pools
            .borrow_mut()
            .retain(|_, pool| pool.purge(now) || Rc::strong_count(pool) > 1);
    }

    /// A connection where none was ready. Over TLS it may turn out to be one for many: then only one is made
    /// at a time, and who waited for it shares it.
    async fn open(&self, pool: &Pool, origin: &Origin, limit: Duration) -> Result<Open, Evidence> {
        let alone = origin.server_name.is_none() || pool.speaks_http2.get() == Some(false);
        if alone {
            return self.dial(pool, origin, limit).await;
        }
        let _turn =
            timeout(limit, pool.dialing.lock())
                .await
                .map_err(|_| Evidence::Unreachable {
                    kind: UnreachableKind::Connect,
                })?;
        match pool.take() {
            Some(open) => Ok(open),
            None => self.dial(pool, origin, limit).await,
        }
    }

    /// A fresh connection.
    async fn dial(&self, pool: &Pool, origin: &Origin, limit: Duration) -> Result<Open, Evidence> {
        match connect::connect(origin, &self.tls, limit).await? {
            Connected::Http1(line) => {
                pool.speaks_http2.set(Some(false));
                Ok(Open::Http1(line))
            }
            Connected::Http2 { sender, allowed } => {
                pool.speaks_http2.set(Some(true));
                Ok(Open::Http2(pool.share(sender, allowed)))
            }
        }
    }

    fn pool(&self, origin: &Origin) -> Rc<Pool> {
        if let Some(pool) = self.pools.borrow().get(origin.key()) {
            return Rc::clone(pool);
        }
        let pool = Rc::new(Pool::default());
        self.pools
            .borrow_mut()
            .insert(origin.shared_key(), Rc::clone(&pool));
        pool
    }
}

/// Asks on a connection.
async fn ask(
    pool: &Rc<Pool>,
    origin: &Origin,
    open: Open,
    request: Request<Slices>,
) -> Result<Response<Answer>, Failed> {
    match open {
        Open::Http1(mut line) => {
            line.heard.listen();
            match line.sender.try_send_request(request).await {
                Ok(response) => {
                    unambiguous(&response)?;
                    let pool = Rc::clone(pool);
                    Ok(answer(response, Lease::Http1 { pool, line }))
                }
                Err(mut failed) => Err(Failed {
                    untouched: failed.take_message().is_some(),
                    evidence: line
                        .heard
                        .status()
                        .and_then(refusal)
                        .unwrap_or_else(|| evidence(failed.error())),
                }),
            }
        }
        Open::Http2(seat) => Box::pin(ask_shared(pool, origin, seat, request)).await,
    }
}

/// HTTP/2 wants the absolute URI and no `host`.
async fn ask_shared(
    pool: &Pool,
    origin: &Origin,
    seat: Seat,
    mut request: Request<Slices>,
) -> Result<Response<Answer>, Failed> {
    origin.make_absolute(request.uri_mut());
    request.headers_mut().remove(header::HOST);
    let mut sender = seat.0.sender.clone();
    match sender.try_send_request(request).await {
        Ok(response) => Ok(answer(response, Lease::Http2(seat))),
        Err(mut failed) => {
            let untouched = failed.take_message().is_some() || unprocessed(failed.error());
            if untouched {
                pool.retire(&seat.0);
            }
            Err(Failed {
                untouched,
                evidence: evidence(failed.error()),
            })
        }
    }
}

/// An answer whose coding is taken off, so that everybody above sees what was meant. One that cannot be read
/// keeps its header, which says so.
fn answer(response: Response<Incoming>, lease: Lease) -> Response<Answer> {
    let (mut head, body) = response.into_parts();
    let coding = Coding::of(&head.headers).ok().flatten();
    if coding.is_some() {
        // All of them are about the bytes on the wire.
        for name in [
            "content-encoding",
            "content-length",
            "content-md5",
            "content-digest",
            "etag",
        ] {
            head.headers.remove(name);
        }
    }
    Response::from_parts(head, Answer::new(body, lease, coding))
}

/// Two statements of an answer's length may be an attempt to smuggle a second answer to somebody; it is not
/// used, and its connection is closed.
fn unambiguous(response: &Response<Incoming>) -> Result<(), Failed> {
    let headers = response.headers();
    if headers.contains_key(header::TRANSFER_ENCODING)
        && headers.contains_key(header::CONTENT_LENGTH)
    {
        let evidence = refusal(response.status().as_u16()).unwrap_or_else(malformed);
        return Err(Failed {
            evidence,
            untouched: false,
        });
    }
    Ok(())
}

/// An error status is an answer, whatever was wrong with the rest of its head: neither bad framing nor an end that
/// came too early turns a 400 or a 401 into a reason to ask somebody else.
fn refusal(status: u16) -> Option<Evidence> {
    (status >= 400).then(|| Evidence::Response {
        status,
        error: ProviderError::default(),
        retry_after: None,
    })
}

/// The peer has said that it did not work on a stream (RFC 9113, sections 6.8 and 8.7).
fn unprocessed(error: &hyper::Error) -> bool {
    of_http2(error).is_some_and(|error| {
        // An error of a connection that ends this way reaches only the streams above the last one.
        let below = error.is_go_away();
        let refused = error.is_reset() && error.reason() == Some(h2::Reason::REFUSED_STREAM);
        error.is_remote() && (below || refused)
    })
}

fn of_http2(error: &hyper::Error) -> Option<&h2::Error> {
    std::error::Error::source(error)?.downcast_ref()
}

fn malformed() -> Evidence {
    Evidence::Broken {
        kind: BrokenKind::Malformed,
        error: ProviderError::default(),
        status: None,
        retry_after: None,
    }
}

/// What a failure before the response head is evidence of.
fn evidence(error: &hyper::Error) -> Evidence {
    // What breaks the rules of HTTP/2 is found, and reset, on this side.
    let unruly = of_http2(error)
        .is_some_and(|error| !error.is_remote() && (error.is_reset() || error.is_go_away()));
    if error.is_parse() || unruly {
        return malformed();
    }
    Evidence::Unreachable {
        kind: UnreachableKind::ResetBeforeHeaders,
    }
}
