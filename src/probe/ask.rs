//! One question and its answer: sent once, timed, judged by the same readers as the gateway's, and kept.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use bytes::{Bytes, BytesMut};
use http::{Request, StatusCode, Uri, header};
use tokio::time::timeout_at;

use super::{
    Hear, Prober, Step,
    target::{Question, Target},
};
use crate::{
    clock::Clock,
    model::Timeouts,
    policy::{BrokenKind, Evidence, ProviderError, TimeoutStage},
    wire::{
        response as answers,
        said::{self, Delta, Listener, Said},
        stream::Watch,
        upstream::{Answer, Client, Slices},
    },
};

/// The largest whole answer that is read.
const LARGEST: usize = 32 << 20;
/// What evidence is read from.
const EVIDENCE: usize = 64 * 1024;
/// How long a stream may stay open behind its end marker. It has said everything: what comes of the connection
/// then is no failure, as in the gateway.
const BEHIND_END: Duration = Duration::from_secs(1);
/// The longest time for name, TCP and TLS, each; as in the gateway.
const CONNECT: Duration = Duration::from_secs(5);

/// What came back.
#[derive(Debug, Default)]
pub(super) struct Heard {
    pub(super) status: Option<u16>,
    /// From sending to the head.
    pub(super) headers: Option<Duration>,
    /// From sending to the first output.
    pub(super) first_output: Option<Duration>,
    /// From sending to the end.
    pub(super) total: Duration,
    pub(super) said: Said,
    /// The body of an answer that was no stream, or of an error.
    pub(super) body: Bytes,
    /// Why it is no answer.
    pub(super) evidence: Option<Evidence>,
}

impl Prober {
    /// Asks once, on a connection of its own: none is reused, so none can be found dead and tried again.
    pub(super) async fn ask(
        &self,
        target: &Target,
        question: &Question,
        timeouts: &Timeouts,
        hear: Hear<'_>,
    ) -> Heard {
        let mut asking = Asking {
            target,
            question,
            timeouts,
            started: Clock::instant(),
            heard: Heard::default(),
            hear,
        };
        let now = self.clock.now();
        let client = Client::new(Arc::clone(&self.tls));
        let result = asking.run(&client, now).await;
        let mut heard = asking.heard;
        heard.total = Clock::instant().saturating_duration_since(asking.started);
        let evidence = result.err();
        if let Some(secret) = &target.credential {
            heard.said.hide(secret);
            if let Some(hidden) = secret.hidden_in(&heard.body) {
                heard.body = hidden.into();
            }
        }
        heard.evidence = evidence.map(|it| it.without(target.credential.as_ref()));
        if heard.evidence.is_none() && !question.stream {
            heard.first_output = Some(heard.total);
        }
        heard
    }
}

struct Asking<'a> {
    target: &'a Target,
    question: &'a Question,
    timeouts: &'a Timeouts,
    started: Instant,
    heard: Heard,
    hear: Hear<'a>,
}

impl Asking<'_> {
    async fn run(&mut self, client: &Client, now: jiff::Timestamp) -> Result<(), Evidence> {
        let (head, body) = self.head(client).await?.into_parts();
        self.heard.headers = Some(self.elapsed());
        self.heard.status = Some(head.status.as_u16());
        (self.hear)(Step::Head(head.status.as_u16()));
        let mut reading = Reading {
            body,
            status: head.status,
            idle: self.timeouts.idle,
            first_output: self
                .question
                .stream
                .then(|| self.started + self.timeouts.first_output),
            total: self.started + self.timeouts.total,
        };
        if head.status.as_u16() >= 300 {
            let read = reading.all(EVIDENCE).await.unwrap_or_default();
            let evidence = answers::error_evidence(head.status, &head.headers, &read, now);
            self.heard.body = read;
            return Err(evidence);
        }
        let stream = self.question.stream;
        if let Some(evidence) = answers::head_evidence(head.status, &head.headers, stream) {
            return Err(self.not_an_answer(evidence, &mut reading).await);
        }
        if stream {
            return self.listen(reading).await;
        }
        let body = reading.all(LARGEST).await?;
        self.heard.body = body;
        self.whole(head.status)
    }

    async fn head(&self, client: &Client) -> Result<http::Response<Answer>, Evidence> {
        let question = self.question;
        let build = || {
            let mut request = Request::new(Slices::from(question.body.clone()));
            *request.method_mut() = question.method.clone();
            *request.uri_mut() = relative(&question.uri);
            *request.headers_mut() = question.headers.clone();
            request
                .headers_mut()
                .insert(header::HOST, self.target.head.host().clone());
            request
        };
        let connect = CONNECT.min(self.timeouts.headers / 2);
        let send = client.send(&self.target.origin, connect, build);
        timeout_at((self.started + self.timeouts.headers).into(), send)
            .await
            .unwrap_or_else(|_| Err(timed_out(TimeoutStage::Headers)))
    }

    /// A success status whose head says that it is none; the body may say why.
    async fn not_an_answer(&mut self, evidence: Evidence, reading: &mut Reading) -> Evidence {
        let by_type = matches!(
            evidence,
            Evidence::Broken {
                kind: BrokenKind::WrongContentType,
                ..
            }
        );
        if !by_type {
            return evidence;
        }
        self.heard.body = reading.all(EVIDENCE).await.unwrap_or_default();
        answers::body_evidence(self.question.call, reading.status, &self.heard.body)
            .unwrap_or(evidence)
    }

    /// A whole answer. A list of models has no family to be judged by.
    fn whole(&mut self, status: StatusCode) -> Result<(), Evidence> {
        if self.question.method == http::Method::GET {
            return Ok(());
        }
        let (call, body) = (self.question.call, &self.heard.body);
        if let Some(evidence) = answers::body_evidence(call, status, body) {
            return Err(evidence);
        }
        self.heard.said = said::whole(call.shape, body);
        Ok(())
    }

    /// Listens to a stream to its end.
    async fn listen(&mut self, mut reading: Reading) -> Result<(), Evidence> {
        let mut watch = Watch::new(self.target.shape);
        let mut listener = Listener::new(self.target.shape);
        let mut pieces = Vec::new();
        let result = loop {
            let next = match reading.next().await {
                Ok(next) => next,
                Err(_) if watch.seen().end => break Ok(()),
                Err(evidence) => break Err(evidence),
            };
            let ended = next.is_none();
            match next {
                Some(bytes) => {
                    watch.push(bytes, &mut pieces);
                }
                None => {
                    watch.finish(&mut pieces);
                }
            }
            for piece in pieces.drain(..) {
                for delta in listener.push(&piece) {
                    self.pass_on(delta);
                }
            }
            if watch.seen().output && self.heard.first_output.is_none() {
                self.heard.first_output = Some(self.elapsed());
                reading.first_output = None;
            }
            if watch.seen().end {
                reading.idle = reading.idle.min(BEHIND_END);
            }
            let evidence = if ended {
                watch.evidence_at_end()
            } else {
                watch.evidence()
            };
            match evidence {
                Some(evidence) => break Err(evidence),
                None if ended => break Ok(()),
                None => {}
            }
        };
        for delta in listener.finish() {
            self.pass_on(delta);
        }
        self.heard.said = listener.into_said();
        result
    }

    fn pass_on(&mut self, mut delta: Delta) {
        if let Some(secret) = &self.target.credential {
            delta.hide(secret);
        }
        (self.hear)(Step::Said(delta));
    }

    fn elapsed(&self) -> Duration {
        Clock::instant().saturating_duration_since(self.started)
    }
}

/// A body that is read under its clocks.
struct Reading {
    body: Answer,
    status: StatusCode,
    idle: Duration,
    first_output: Option<Instant>,
    total: Instant,
}

impl Reading {
    async fn next(&mut self) -> Result<Option<Bytes>, Evidence> {
        if self.body.at_end() {
            return Ok(None);
        }
        let (deadline, stage) = self.deadline();
        match timeout_at(deadline.into(), self.body.data()).await {
            Ok(Ok(data)) => Ok(data),
            Ok(Err(_)) => Err(Evidence::Broken {
                kind: BrokenKind::Cut,
                error: ProviderError::default(),
                status: Some(self.status.as_u16()),
                retry_after: None,
            }),
            Err(_) => Err(timed_out(stage)),
        }
    }

    fn deadline(&self) -> (Instant, TimeoutStage) {
        let clocks = [
            Some((Clock::instant() + self.idle, TimeoutStage::Idle)),
            Some((self.total, TimeoutStage::Total)),
            self.first_output.map(|at| (at, TimeoutStage::FirstOutput)),
        ];
        clocks
            .into_iter()
            .flatten()
            .min_by_key(|(at, _)| *at)
            .unwrap_or((self.total, TimeoutStage::Total))
    }

    /// Reads up to the end, or until `limit` is passed.
    async fn all(&mut self, limit: usize) -> Result<Bytes, Evidence> {
        let mut all = BytesMut::new();
        while all.len() <= limit
            && let Some(data) = self.next().await?
        {
            all.extend_from_slice(&data);
        }
        Ok(all.freeze())
    }
}

const fn timed_out(stage: TimeoutStage) -> Evidence {
    Evidence::Timeout {
        stage,
        caller: false,
    }
}

/// Path and query, as the client wants it.
fn relative(uri: &Uri) -> Uri {
    uri.path_and_query()
        .cloned()
        .map_or_else(|| Uri::from_static("/"), Uri::from)
}
