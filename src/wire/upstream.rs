//! Connections to providers: a pool per origin, HTTP/1.1 or HTTP/2 by ALPN, no redirect ever followed.
//!
//! One [`Client`] per gateway worker; it is not shared between threads and must be used inside a local
//! runtime (its connections are local tasks). It judges nothing: what went wrong comes back as evidence.
//! Dropping a call or an answer half-way closes its connection (or resets its HTTP/2 stream) at once.

mod answer;
mod connect;
mod origin;
mod slices;

use std::{
    cell::RefCell,
    collections::HashMap,
    rc::Rc,
    sync::Arc,
    time::{Duration, Instant},
};

use http::{Request, Response};
use hyper::client::conn::{http1, http2};

use crate::policy::{BrokenKind, Evidence, ProviderError, UnreachableKind};

pub use answer::{Answer, Cut};
pub use connect::Tls;
pub use origin::{Origin, OriginError};
pub use slices::Slices;

use answer::Lease;
use connect::Connected;

/// Idle connections kept for one origin; more are closed when they become idle.
const MOST_IDLE: usize = 1024;
/// An idle connection older than this is closed instead of used: many servers close theirs after 60 s.
const IDLE_LIMIT: Duration = Duration::from_secs(50);

/// The pooled client of one worker.
#[derive(Debug)]
pub struct Client {
    tls: Arc<Tls>,
    pools: RefCell<HashMap<Arc<str>, Rc<Pool>>>,
}

/// What is open to one origin.
#[derive(Debug, Default)]
struct Pool {
    /// Last in, first out, so that spare connections grow old and go.
    idle: RefCell<Vec<Idle>>,
    shared: RefCell<Option<http2::SendRequest<Slices>>>,
}

#[derive(Debug)]
struct Idle {
    sender: http1::SendRequest<Slices>,
    since: Instant,
}

impl Pool {
    /// A connection that is ready now; closed ones found on the way are dropped.
    fn take(&self) -> Option<http1::SendRequest<Slices>> {
        let mut idle = self.idle.borrow_mut();
        let mut at = idle.len();
        while at > 0 {
            at -= 1;
            if idle[at].sender.is_closed() {
                idle.remove(at);
            } else if idle[at].sender.is_ready() {
                return Some(idle.remove(at).sender);
            }
        }
        None
    }

    fn give(&self, sender: http1::SendRequest<Slices>, now: Instant) {
        let mut idle = self.idle.borrow_mut();
        if idle.len() < MOST_IDLE && !sender.is_closed() {
            idle.push(Idle { sender, since: now });
        }
    }

    /// The shared HTTP/2 connection, when there is a living one.
    fn shared(&self) -> Option<http2::SendRequest<Slices>> {
        let mut shared = self.shared.borrow_mut();
        if shared.as_ref().is_some_and(http2::SendRequest::is_closed) {
            *shared = None;
        }
        shared.clone()
    }
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
    /// `build` makes the request; it is called again when a reused connection turns out to be dead before it
    /// answered anything: that is retried once, on a fresh one. Its URI must be path and query only, its
    /// headers must hold `host`.
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
        if let Some(shared) = pool.shared() {
            match Box::pin(ask_shared(shared.clone(), origin, build())).await {
                Ok(response) => return Ok(response),
                // A GOAWAY or a dead connection: a fresh one is tried. A stream reset is an answer.
                Err(error) if shared.is_closed() || error.is_canceled() || error.is_closed() => {
                    pool.shared.borrow_mut().take();
                }
                Err(error) => return Err(evidence(&error)),
            }
        } else if let Some(mut sender) = pool.take() {
            match sender.try_send_request(build()).await {
                Ok(response) => return Ok(answer(response, pool, sender)),
                Err(failed) if failed.error().is_parse() => return Err(evidence(failed.error())),
                Err(_) => {}
            }
        }
        // Boxed: a TLS handshake is large, rare, and would make every request's future large.
        match Box::pin(connect::connect(origin, &self.tls, connect_limit)).await? {
            Connected::Http1(mut sender) => match sender.try_send_request(build()).await {
                Ok(response) => Ok(answer(response, pool, sender)),
                Err(failed) => Err(evidence(failed.error())),
            },
            Connected::Http2(sender) => {
                *pool.shared.borrow_mut() = Some(sender.clone());
                Box::pin(ask_shared(sender, origin, build()))
                    .await
                    .map_err(|error| evidence(&error))
            }
        }
    }

    /// Closes connections that have been idle for too long, and forgets origins without any.
    pub fn purge(&self, now: Instant) {
        self.pools.borrow_mut().retain(|_, pool| {
            let mut idle = pool.idle.borrow_mut();
            idle.retain(|entry| {
                !entry.sender.is_closed() && now.duration_since(entry.since) < IDLE_LIMIT
            });
            !idle.is_empty() || Rc::strong_count(pool) > 1 || pool.shared.borrow().is_some()
        });
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

fn answer(
    response: Response<hyper::body::Incoming>,
    pool: Rc<Pool>,
    sender: http1::SendRequest<Slices>,
) -> Response<Answer> {
    response.map(|body| Answer::new(body, Some(Lease { pool, sender })))
}

/// HTTP/2 wants the absolute URI and no `host`.
async fn ask_shared(
    mut sender: http2::SendRequest<Slices>,
    origin: &Origin,
    mut request: Request<Slices>,
) -> Result<Response<Answer>, hyper::Error> {
    origin.make_absolute(request.uri_mut());
    request.headers_mut().remove(http::header::HOST);
    sender.ready().await?;
    let response = sender.send_request(request).await?;
    Ok(response.map(|body| Answer::new(body, None)))
}

/// What a failure before the response head is evidence of.
fn evidence(error: &hyper::Error) -> Evidence {
    if error.is_parse() {
        return Evidence::Broken {
            kind: BrokenKind::Malformed,
            error: ProviderError::default(),
            status: None,
        };
    }
    Evidence::Unreachable {
        kind: UnreachableKind::ResetBeforeHeaders,
    }
}
