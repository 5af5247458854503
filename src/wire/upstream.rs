//! Connections to providers: a pool per origin, HTTP/1.1 or HTTP/2 by ALPN, no redirect ever followed.
//!
//! One [`Client`] per gateway worker; it is not shared between threads and must be used inside a local
//! runtime (HTTP/2 connections are local tasks). It judges nothing: what went wrong comes back as evidence.
//! Dropping a call or an answer half-way closes its connection (or resets its HTTP/2 stream) at once.

mod answer;
mod connect;
mod http1;
mod origin;
mod slices;
mod stream;

use std::{
    cell::RefCell,
    collections::HashMap,
    rc::Rc,
    sync::Arc,
    time::{Duration, Instant},
};

use bytes::BytesMut;
use http::{HeaderMap, Method, Request, Response};
use hyper::client::conn::http2;

use super::RouteHead;
use crate::policy::{BrokenKind, Evidence, ProviderError, UnreachableKind};

pub use answer::{Answer, Cut};
pub use connect::Tls;
pub use origin::{Origin, OriginError};
pub use slices::Slices;

use connect::Connected;
use http1::{Connection, Failure};

/// Idle connections kept for one origin; more are closed when they become idle.
const MOST_IDLE: usize = 1024;
/// An idle connection older than this is closed instead of used: many servers close theirs after 60 s.
const IDLE_LIMIT: Duration = Duration::from_secs(50);

/// The pooled client of one worker.
#[derive(Debug)]
pub struct Client {
    tls: Arc<Tls>,
    pools: RefCell<HashMap<Arc<str>, Rc<Pool>>>,
    /// Where request heads are written out; kept, so that its memory is.
    scratch: RefCell<BytesMut>,
}

/// One request to a route.
#[derive(Debug)]
pub struct Call<'a> {
    /// Where connections go.
    pub origin: &'a Origin,
    /// The route.
    pub head: &'a RouteHead,
    /// The client's headers.
    pub headers: &'a HeaderMap,
    /// The client's query, without `?`.
    pub query: Option<&'a str>,
    /// What is sent.
    pub body: Slices,
    /// The longest time for name, TCP and TLS, each.
    pub connect_limit: Duration,
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
    connection: Connection,
    since: Instant,
}

impl Pool {
    /// A connection that can be used; closed ones found on the way are dropped.
    fn take(&self) -> Option<Connection> {
        let mut idle = self.idle.borrow_mut();
        while let Some(mut last) = idle.pop() {
            if last.connection.is_usable() {
                return Some(last.connection);
            }
        }
        None
    }

    fn give(&self, connection: Connection, now: Instant) {
        let mut idle = self.idle.borrow_mut();
        if idle.len() < MOST_IDLE {
            idle.push(Idle {
                connection,
                since: now,
            });
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
            scratch: RefCell::default(),
        }
    }

    /// Sends one request and waits for the response head.
    ///
    /// A reused connection that turns out to be dead before it answered anything is repeated once, on a
    /// fresh one.
    ///
    /// # Errors
    /// Evidence of what stood in the way of a response head.
    pub async fn send(&self, call: &Call<'_>) -> Result<Response<Answer>, Evidence> {
        let pool = self.pool(call.origin);
        if let Some(shared) = pool.shared() {
            match Box::pin(ask_shared(shared.clone(), call)).await {
                Ok(response) => return Ok(response),
                // A GOAWAY or a dead connection: a fresh one is tried. A stream reset is an answer.
                Err(error) if shared.is_closed() || error.is_canceled() || error.is_closed() => {
                    pool.shared.borrow_mut().take();
                }
                Err(error) => return Err(evidence(&error)),
            }
        } else if let Some(connection) = pool.take() {
            match self.ask(connection, &pool, call).await {
                Ok(response) => return Ok(response),
                Err(Failure::Silent) => {}
                Err(failure) => return Err(failure.into()),
            }
        }
        // Boxed: a TLS handshake is large, rare, and would make every request's future large.
        match Box::pin(connect::connect(call.origin, &self.tls, call.connect_limit)).await? {
            Connected::Http1(connection) => Ok(self.ask(connection, &pool, call).await?),
            Connected::Http2(sender) => {
                *pool.shared.borrow_mut() = Some(sender.clone());
                Box::pin(ask_shared(sender, call))
                    .await
                    .map_err(|error| evidence(&error))
            }
        }
    }

    /// One exchange over HTTP/1.1.
    async fn ask(
        &self,
        mut connection: Connection,
        pool: &Rc<Pool>,
        call: &Call<'_>,
    ) -> Result<Response<Answer>, Failure> {
        let mut head = self.scratch.take();
        head.clear();
        call.head
            .encode(call.headers, call.query, call.body.len(), &mut head);
        let begun = connection.exchange(&head, call.body.clone()).await;
        self.scratch.replace(head);
        let begun = begun?;
        let answer = Answer::own(connection, &begun, Rc::clone(pool));
        Ok(Response::from_parts(begun.parts, answer))
    }

    /// Closes connections that have been idle for too long, and forgets origins without any.
    pub fn purge(&self, now: Instant) {
        self.pools.borrow_mut().retain(|_, pool| {
            let mut idle = pool.idle.borrow_mut();
            idle.retain_mut(|entry| {
                now.duration_since(entry.since) < IDLE_LIMIT && entry.connection.is_usable()
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

/// One exchange over HTTP/2, which wants the absolute URI and no `host`.
async fn ask_shared(
    mut sender: http2::SendRequest<Slices>,
    call: &Call<'_>,
) -> Result<Response<Answer>, hyper::Error> {
    let mut request = Request::new(call.body.clone());
    *request.method_mut() = Method::POST;
    // A query that a server has parsed always is one.
    let uri = call.head.uri(call.query).or_else(|_| call.head.uri(None));
    *request.uri_mut() = uri.unwrap_or_default();
    *request.headers_mut() = call.head.headers(call.headers);
    sender.ready().await?;
    let response = sender.send_request(request).await?;
    Ok(response.map(Answer::shared))
}

impl From<Failure> for Evidence {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Silent | Failure::Cut => Self::Unreachable {
                kind: UnreachableKind::ResetBeforeHeaders,
            },
            Failure::Malformed => Self::Broken {
                kind: BrokenKind::Malformed,
                error: ProviderError::default(),
                status: None,
            },
        }
    }
}

/// What a failure of HTTP/2 before the response head is evidence of.
fn evidence(error: &hyper::Error) -> Evidence {
    if error.is_parse() {
        Failure::Malformed.into()
    } else {
        Failure::Silent.into()
    }
}
