//! A client's request body: read whole, within limits of size and time, and let go of in good order.

use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http::{HeaderValue, Response, Version, header, request::Parts};
use http_body_util::BodyExt as _;
use hyper::body::{Body as HttpBody, Incoming};
use tokio::time::{Instant, timeout, timeout_at};

use super::{
    relay::Body,
    room::{Full, Held},
    worker::Worker,
};
use crate::{clock::Clock, wire::error_body::GatewayError};

/// A body must come at least this fast on average, in bytes a second, or one byte a minute could hold a
/// connection for days.
const SLOWEST: usize = 32 * 1024;
/// What is read and forgotten of a body that nobody wants, so that its sender gets to hear why.
const FORGOTTEN: usize = 64 * 1024 * 1024;
/// For so long at most.
const FORGETTING: Duration = Duration::from_secs(5);

/// A body that has not been read yet, or not to its end.
pub(super) struct Intake {
    body: Incoming,
    version: Version,
    /// Its end was seen: of chunks it does not say so by itself.
    ended: bool,
    /// The client sends nothing before it is asked to.
    waits: bool,
}

/// How much may come, and how slowly.
#[derive(Clone, Copy)]
pub(super) struct Limits {
    pub(super) size: usize,
    pause: Duration,
}

impl Intake {
    pub(super) fn new(parts: &Parts, body: Incoming) -> Self {
        Self {
            body,
            version: parts.version,
            ended: false,
            waits: parts.headers.contains_key(header::EXPECT),
        }
    }

    /// Finds room for the body, before anything of it is read.
    pub(super) fn room(&self, worker: &Worker) -> Result<(Limits, Held), GatewayError> {
        let snapshot = worker.snapshot();
        let settings = &snapshot.prepared.catalog.gateway;
        let limits = Limits {
            size: settings.max_body,
            pause: settings.pause,
        };
        let announced = usize::try_from(self.body.size_hint().lower()).unwrap_or(usize::MAX);
        if announced > limits.size {
            return Err(too_large(limits.size));
        }
        let room = &worker.shared.room;
        let held = room
            .hold(announced, settings.max_body_memory)
            .map_err(Full::error)?;
        Ok((limits, held))
    }

    /// Reads the body. The usual one piece is not copied. What has come is held, not what was announced: who
    /// promises much and sends little takes no room from the others.
    pub(super) async fn read(
        &mut self,
        limits: Limits,
        held: &mut Held,
    ) -> Result<Bytes, GatewayError> {
        let announced = self.body.size_hint().lower();
        // Now it is asked for.
        self.waits = false;
        let started: Instant = Clock::instant().into();
        let mut first = Bytes::new();
        let mut all = BytesMut::new();
        while !self.body.is_end_stream() {
            let received = first.len() + all.len();
            let paused = Instant::from(Clock::instant()) + limits.pause;
            let slow = started
                + limits.pause
                + Duration::from_secs(u64::try_from(received / SLOWEST).unwrap_or(u64::MAX));
            let frame = match timeout_at(paused.min(slow), self.body.frame()).await {
                Ok(Some(Ok(frame))) => frame,
                Ok(None) => {
                    self.ended = true;
                    break;
                }
                Ok(Some(Err(_))) => return Err(incomplete()),
                Err(_) => return Err(too_slow()),
            };
            let Ok(data) = frame.into_data() else {
                continue;
            };
            if received + data.len() > limits.size {
                return Err(too_large(limits.size));
            }
            held.take(data.len()).map_err(Full::error)?;
            if all.is_empty() && first.is_empty() {
                first = data;
            } else {
                if all.is_empty() {
                    let announced = usize::try_from(announced).unwrap_or(0);
                    all.reserve(announced.max(2 * (first.len() + data.len())));
                    all.extend_from_slice(&std::mem::take(&mut first));
                }
                all.extend_from_slice(&data);
            }
        }
        Ok(if all.is_empty() { first } else { all.freeze() })
    }

    /// Ends the connection after an answer that came before the body was read: nobody knows where the next
    /// request would begin. A client that is still sending is listened to for a while, for it would take a
    /// reset for a broken connection and never see the answer.
    pub(super) fn let_go(mut self, response: &mut Response<Body>) {
        // A stream of HTTP/2 ends by itself.
        if self.ended || self.body.is_end_stream() || self.version == Version::HTTP_2 {
            return;
        }
        response
            .headers_mut()
            .insert(header::CONNECTION, HeaderValue::from_static("close"));
        if self.waits {
            return;
        }
        tokio::task::spawn_local(async move {
            let forgetting = async {
                let mut left = FORGOTTEN;
                while let Some(Ok(frame)) = self.body.frame().await {
                    let length = frame.data_ref().map_or(0, Bytes::len);
                    left = left.saturating_sub(length);
                    if left == 0 {
                        break;
                    }
                }
            };
            // Late or not, it is over then.
            let _ = timeout(FORGETTING, forgetting).await;
        });
    }
}

pub(super) fn too_large(limit: usize) -> GatewayError {
    GatewayError {
        status: 413,
        code: "backstop_body_too_large",
        message: format!("the request body is larger than {limit} bytes; raise gateway.max_body"),
    }
}

fn incomplete() -> GatewayError {
    GatewayError {
        status: 400,
        code: "backstop_body_incomplete",
        message: "the request body ended too early or is badly framed".to_owned(),
    }
}

fn too_slow() -> GatewayError {
    GatewayError {
        status: 408,
        code: "backstop_body_slow",
        message: "the request body did not come in time".to_owned(),
    }
}
