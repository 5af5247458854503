//! One attempt at one route, up to the point where its answer can be trusted.
//!
//! A whole answer is read and checked; a stream is held until its first output. Everything else is a failure
//! with its evidence, and nothing of it has reached the client yet. Dropping an attempt cancels it upstream.

use std::{
    ops::Range,
    time::{Duration, Instant},
};

use bytes::{Bytes, BytesMut};
use http::{HeaderMap, HeaderValue, Method, Request, StatusCode, header, response};
use jiff::Timestamp;
use tokio::time::timeout_at;

use super::running::Running;
use crate::{
    clock::Clock,
    model::Timeouts,
    policy::{BrokenKind, Evidence, ProviderError, TimeoutStage, UnreachableKind},
    wire::{
        Call, Framing, Stored, request, response as answers,
        stream::Watch,
        upstream::{Answer, Slices},
    },
};

/// A whole answer up to this size is checked before it is served; of a larger one only so much is.
const CHECKED: usize = 256 * 1024;
/// A stream is not held beyond this, whatever it holds.
const HELD: usize = 256 * 1024;
/// What evidence is read from.
const EVIDENCE: usize = 64 * 1024;
/// An error body up to this size can be given to the client as it is.
const RELAYED_ERROR: usize = 1024 * 1024;
/// The longest time for name, TCP and TLS, each.
const CONNECT: Duration = Duration::from_secs(5);

/// What is asked.
pub(super) struct Ask<'a> {
    pub(super) call: Call,
    pub(super) timeouts: &'a Timeouts,
    pub(super) headers: &'a HeaderMap,
    pub(super) query: Option<&'a str>,
    pub(super) body: &'a Bytes,
    pub(super) model: Option<&'a Range<usize>>,
    /// About what the provider keeps: another path, and an answer that is relayed as it comes.
    pub(super) stored: Option<&'a Stored<'a>>,
    /// `None`: the answer comes whole.
    pub(super) framing: Option<Framing>,
    /// To be put into a stream before its first text.
    pub(super) notice: Option<&'a str>,
}

/// An answer that can be served.
pub(super) enum Good {
    /// All of it.
    Whole { head: response::Parts, body: Bytes },
    /// Its beginning; the rest is still to come.
    Begun {
        head: response::Parts,
        begun: Box<Begun>,
    },
}

impl Good {
    /// Its head, as it came.
    pub(super) const fn head(&self) -> &response::Parts {
        match self {
            Self::Whole { head, .. } | Self::Begun { head, .. } => head,
        }
    }
}

/// The beginning of an answer.
pub(super) struct Begun {
    pub(super) held: Vec<Bytes>,
    /// `None`: the upstream has ended already.
    pub(super) rest: Option<Answer>,
    /// For streams.
    pub(super) watch: Option<Watch>,
    pub(super) clocks: Clocks,
}

/// A failed attempt.
pub(super) struct Bad {
    pub(super) evidence: Evidence,
    /// The provider's own error answer, complete.
    pub(super) answer: Option<(response::Parts, Bytes)>,
}

impl From<Evidence> for Bad {
    fn from(evidence: Evidence) -> Self {
        Self {
            evidence,
            answer: None,
        }
    }
}

/// The clocks of an attempt whose head is there.
#[derive(Clone, Copy, Debug)]
pub(super) struct Clocks {
    idle: Duration,
    first_output: Option<Instant>,
    total: Instant,
}

impl Clocks {
    /// How long an answer may pause.
    pub(super) const fn idle(&self) -> Duration {
        self.idle
    }

    /// When it must be over.
    pub(super) const fn total(&self) -> Instant {
        self.total
    }

    /// The next deadline when the last byte came at `last`, and which clock it is.
    pub(super) fn deadline(&self, last: Instant) -> (Instant, TimeoutStage) {
        let mut next = (last + self.idle, TimeoutStage::Idle);
        if self.total < next.0 {
            next = (self.total, TimeoutStage::Total);
        }
        match self.first_output {
            Some(at) if at < next.0 => (at, TimeoutStage::FirstOutput),
            Some(_) | None => next,
        }
    }
}

/// A time limit that ran out.
pub(super) const fn timed_out(stage: TimeoutStage) -> Evidence {
    Evidence::Timeout {
        stage,
        caller: false,
    }
}

/// An answer that is none.
pub(super) fn broken(kind: BrokenKind, status: StatusCode) -> Evidence {
    Evidence::Broken {
        kind,
        error: ProviderError::default(),
        status: Some(status.as_u16()),
        retry_after: None,
    }
}

impl Ask<'_> {
    /// Makes the attempt.
    pub(super) async fn run(&self, running: &mut Running) -> Result<Good, Bad> {
        let started = Clock::instant();
        let response = self.head(running, started).await?;
        running.head_after = Some(Clock::instant().saturating_duration_since(started));
        let (head, body) = response.into_parts();
        let mut reading = Reading {
            body,
            clocks: Clocks {
                idle: self.timeouts.idle,
                first_output: self.framing.map(|_| started + self.timeouts.first_output),
                total: started + self.timeouts.total,
            },
            status: head.status,
        };
        if head.status.as_u16() >= 300 {
            let now = running.worker.shared.clock.now();
            return Err(error(head, reading, running, now).await);
        }
        if self.stored.is_some() {
            let begun = Begun {
                held: Vec::new(),
                rest: Some(reading.body),
                watch: None,
                clocks: reading.clocks,
            };
            return Ok(Good::Begun {
                head,
                begun: Box::new(begun),
            });
        }
        if let Some(evidence) = answers::head_evidence(
            head.status,
            &head.headers,
            self.framing == Some(Framing::Events),
        ) {
            let evidence = self.not_an_answer(evidence, &head, reading).await;
            return Err(hinted(evidence, &head, running));
        }
        if let Some(framing) = self.framing {
            return self.begun(framing, head, reading, running).await;
        }
        let (body, end) = reading.all(CHECKED).await?;
        if !end {
            self.plausible(head.status, &body)?;
            let begun = Begun {
                held: vec![body],
                rest: Some(reading.body),
                watch: None,
                clocks: reading.clocks,
            };
            return Ok(Good::Begun {
                head,
                begun: Box::new(begun),
            });
        }
        match answers::body_evidence(self.call, head.status, &body) {
            None => Ok(Good::Whole { head, body }),
            Some(evidence) => Err(hinted(evidence, &head, running)),
        }
    }

    /// Looks at the beginning of an answer that is too large to be checked: it may only be incomplete.
    fn plausible(&self, status: StatusCode, beginning: &[u8]) -> Result<(), Evidence> {
        match answers::body_evidence(self.call, status, beginning) {
            None
            | Some(Evidence::Broken {
                kind: BrokenKind::Cut,
                ..
            }) => Ok(()),
            Some(evidence) => Err(evidence),
        }
    }

    /// Sends the request and waits for the head.
    async fn head(
        &self,
        running: &Running,
        started: Instant,
    ) -> Result<http::Response<Answer>, Evidence> {
        let target = running.route.target.as_ref().ok_or(Evidence::Unreachable {
            kind: UnreachableKind::Dns,
        })?;
        let model = target.head.model();
        let slices: Slices = match self.model {
            Some(place) if self.body.get(place.clone()) != Some(&model[..]) => {
                request::with_model(self.body, place, model.clone()).into()
            }
            Some(_) | None => self.body.clone().into(),
        };
        let build = || {
            let mut request = Request::new(slices.clone());
            (*request.method_mut(), *request.uri_mut()) = match self.stored {
                Some(stored) => (stored.method.clone(), target.stored(stored, self.query)),
                None => (Method::POST, target.path(self.call.verb, self.query)),
            };
            *request.headers_mut() = target.head.headers(self.headers);
            request
                .headers_mut()
                .insert(header::HOST, target.head.host().clone());
            request
        };
        // Half of the time at most, so that a connect that is not answered is told from a slow answer.
        let connect = CONNECT.min(self.timeouts.headers / 2);
        let send = running.worker.upstream.send(&target.origin, connect, build);
        timeout_at((started + self.timeouts.headers).into(), send)
            .await
            .unwrap_or_else(|_| Err(timed_out(TimeoutStage::Headers)))
    }

    /// A success status whose head says that it is none; the body may say why.
    async fn not_an_answer(
        &self,
        evidence: Evidence,
        head: &response::Parts,
        mut reading: Reading,
    ) -> Evidence {
        let by_type = matches!(
            evidence,
            Evidence::Broken {
                kind: BrokenKind::WrongContentType,
                ..
            }
        );
        if by_type
            && let Ok((body, true)) = reading.all(EVIDENCE).await
            && let Some(better) = answers::body_evidence(self.call, head.status, &body)
        {
            return better;
        }
        evidence
    }

    /// Holds a stream until its first output or its end.
    async fn begun(
        &self,
        framing: Framing,
        head: response::Parts,
        mut reading: Reading,
        running: &Running,
    ) -> Result<Good, Bad> {
        let mut watch = match self.notice {
            Some(notice) => Watch::with_notice(self.call.shape, notice),
            None => Watch::new(self.call.shape),
        }
        .framed(framing);
        let mut pieces = Vec::new();
        let mut size = 0;
        loop {
            let next = reading.next().await?;
            let ended = next.is_none();
            match next {
                Some(bytes) => {
                    size += bytes.len();
                    watch.push(bytes, &mut pieces);
                }
                None => {
                    watch.finish(&mut pieces);
                }
            }
            // Nothing has reached the client yet, so what comes in one piece with output counts, too.
            let evidence = if ended {
                watch.evidence_at_end()
            } else {
                watch.evidence()
            };
            if let Some(evidence) = evidence {
                return Err(hinted(evidence, &head, running));
            }
            // Bytes without an event among them are no stream yet; the watch says so before they are too many.
            let enough = size > HELD && !pieces.is_empty();
            if ended || watch.seen().output || enough {
                reading.clocks.first_output = None;
                let begun = Begun {
                    held: pieces,
                    rest: (!ended).then_some(reading.body),
                    watch: Some(watch),
                    clocks: reading.clocks,
                };
                return Ok(Good::Begun {
                    head,
                    begun: Box::new(begun),
                });
            }
        }
    }
}

/// What was no answer may still say in its head when to come again.
fn hinted(evidence: Evidence, head: &response::Parts, running: &Running) -> Bad {
    let now = running.worker.shared.clock.now();
    answers::with_hint(evidence, &head.headers, now).into()
}

/// An error status: reads its body for evidence and for the client.
async fn error(
    mut head: response::Parts,
    mut reading: Reading,
    running: &Running,
    now: Timestamp,
) -> Bad {
    let read = reading.all(RELAYED_ERROR).await;
    let (mut body, whole) = match read {
        Ok((body, end)) => (body, end),
        Err(_) => (Bytes::new(), false),
    };
    // A provider that repeats the key in its error must not hand it to clients and events.
    if let Some(credential) = running.credential() {
        if let Some(hidden) = credential.hidden_in(&body) {
            body = hidden.into();
            head.headers.remove(header::CONTENT_LENGTH);
        }
        for value in head.headers.values_mut() {
            let hidden = credential.hidden_in(value.as_bytes());
            if let Some(Ok(hidden)) = hidden.map(HeaderValue::try_from) {
                *value = hidden;
            }
        }
    }
    let shown = body.get(..EVIDENCE).unwrap_or(&body);
    let evidence = answers::error_evidence(head.status, &head.headers, shown, now);
    // A redirect is no answer for the client: it would be followed with the client's credentials.
    let relayed = whole && head.status.as_u16() >= 400;
    head.extensions.clear();
    Bad {
        evidence,
        answer: relayed.then_some((head, body)),
    }
}

/// A body that is read under its clocks.
struct Reading {
    body: Answer,
    clocks: Clocks,
    status: StatusCode,
}

impl Reading {
    async fn next(&mut self) -> Result<Option<Bytes>, Evidence> {
        if self.body.at_end() {
            return Ok(None);
        }
        let (deadline, stage) = self.clocks.deadline(Clock::instant());
        match timeout_at(deadline.into(), self.body.data()).await {
            Ok(Ok(data)) => Ok(data),
            Ok(Err(_)) => Err(broken(BrokenKind::Cut, self.status)),
            Err(_) => Err(timed_out(stage)),
        }
    }

    /// Reads up to the end, or until a little more than `limit` was read. The usual one piece is not copied.
    async fn all(&mut self, limit: usize) -> Result<(Bytes, bool), Evidence> {
        let Some(first) = self.next().await? else {
            return Ok((Bytes::new(), true));
        };
        if self.body.at_end() || first.len() > limit {
            return Ok((first, self.body.at_end()));
        }
        let Some(second) = self.next().await? else {
            return Ok((first, true));
        };
        let mut all = BytesMut::with_capacity(4 * (first.len() + second.len()));
        all.extend_from_slice(&first);
        all.extend_from_slice(&second);
        while all.len() <= limit {
            match self.next().await? {
                Some(data) => all.extend_from_slice(&data),
                None => return Ok((all.freeze(), true)),
            }
        }
        Ok((all.freeze(), self.body.at_end()))
    }
}
