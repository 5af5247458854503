//! The body of an answer on its way to the client.
//!
//! After the first output models are never switched: if the upstream breaks now, a stream ends with an error
//! event in the client's own shape and without the success marker; any other body is cut, so that the client
//! sees that it is not whole. The client's pace is the upstream's pace: one piece is taken when one is asked.

use std::{
    collections::VecDeque,
    pin::Pin,
    task::{Context, Poll, ready},
    time::{Duration, Instant},
};

use bytes::Bytes;
use hyper::body::{Body as HttpBody, Frame, SizeHint};
use tokio::time::{Sleep, sleep_until};

use super::{
    answer,
    attempt::{Begun, Clocks, broken, timed_out},
    exchange::Exchange,
    promise, provider_made,
    running::Running,
    traffic::Ending,
};
use crate::{
    clock::Clock,
    model::{EventDecision, NoticeGiven, Reason},
    policy::{BrokenKind, Evidence, Side, TimeoutStage, classify},
    wire::{stream::Watch, upstream::Answer},
};

/// What the server sends.
pub(super) enum Body {
    /// All at once.
    Whole(Bytes),
    /// As it comes.
    Relayed(Box<Relay>),
}

impl Default for Body {
    fn default() -> Self {
        Self::Whole(Bytes::new())
    }
}

/// A body that cannot be finished; the connection is closed without its end.
#[derive(Clone, Copy, Debug, thiserror::Error)]
#[error("the upstream's answer broke")]
pub(super) struct Broken;

/// An answer that is still coming.
pub(super) struct Relay {
    side: Side,
    status: http::StatusCode,
    queue: VecDeque<Bytes>,
    scratch: Vec<Bytes>,
    upstream: Option<Answer>,
    watch: Option<Watch>,
    clocks: Clocks,
    last: Instant,
    /// What came last has been handed on, and the client has asked for no more yet.
    handed: bool,
    /// How long the client has kept the answer waiting.
    kept_waiting: Duration,
    alarm: Option<Pin<Box<Sleep>>>,
    exchange: Option<Exchange>,
    running: Running,
    /// The event of what the queue tells; nothing of it is handed on before.
    promise: Option<Pin<Box<dyn Future<Output = ()>>>>,
    /// The body must be cut after what is queued.
    cut: bool,
}

impl Relay {
    pub(super) fn new(
        side: Side,
        status: http::StatusCode,
        begun: Begun,
        exchange: Exchange,
        running: Running,
    ) -> Self {
        let now = Clock::instant();
        let mut relay = Self {
            side,
            status,
            queue: begun.held.into(),
            scratch: Vec::new(),
            upstream: begun.rest,
            watch: begun.watch,
            clocks: begun.clocks,
            last: now,
            handed: false,
            kept_waiting: Duration::ZERO,
            alarm: None,
            exchange: Some(exchange),
            running,
            promise: None,
            cut: false,
        };
        relay.note_shown();
        relay
    }

    /// Notes what the answer has shown, as soon as it has: the client may go at any time.
    fn note_shown(&mut self) {
        if let (Some(watch), Some(exchange)) = (&self.watch, &mut self.exchange) {
            if watch.notice_given() {
                exchange.notice = Some(NoticeGiven::Inline);
            }
            // The head has gone: what is known of another model by now stands in the event alone.
            if watch.served().hand_over.is_some()
                && let Some(noted) = provider_made::note(exchange, self.side, watch.served())
            {
                let settled = promise::settled(exchange, noted.receipt);
                self.promise = Some(Box::pin(settled));
            }
        }
    }

    /// Waits for the event of what the queue tells.
    fn poll_promise(&mut self, context: &mut Context<'_>) -> Poll<()> {
        if let Some(promise) = &mut self.promise {
            ready!(promise.as_mut().poll(context));
            self.promise = None;
            // The time was neither the client's nor the upstream's.
            self.last = Clock::instant();
        }
        Poll::Ready(())
    }

    /// Takes in what comes next; `Ready` when the queue, or the state, has changed.
    fn poll_upstream(&mut self, upstream: &mut Answer, context: &mut Context<'_>) -> Poll<Next> {
        match upstream.poll_data(context) {
            Poll::Ready(Some(Ok(bytes))) => {
                self.last = Clock::instant();
                let Some(watch) = &mut self.watch else {
                    self.queue.push_back(bytes);
                    return Poll::Ready(Next::More);
                };
                watch.push(bytes, &mut self.scratch);
                let next = match watch.evidence() {
                    Some(evidence) => Next::Broken(evidence),
                    None => Next::More,
                };
                self.take_in(&next);
                self.note_shown();
                Poll::Ready(next)
            }
            Poll::Ready(Some(Err(_))) => {
                Poll::Ready(Next::Broken(broken(BrokenKind::Cut, self.status)))
            }
            Poll::Ready(None) => {
                let Some(watch) = &mut self.watch else {
                    return Poll::Ready(Next::End);
                };
                watch.finish(&mut self.scratch);
                let next = match watch.evidence_at_end() {
                    Some(evidence) => Next::Broken(evidence),
                    None => Next::End,
                };
                self.take_in(&next);
                Poll::Ready(next)
            }
            Poll::Pending => self.poll_alarm(context),
        }
    }

    /// Queues what has come out: as it is, but for an error that repeats the provider's key.
    fn take_in(&mut self, next: &Next) {
        if let (Next::Broken(_), Some(credential)) = (next, self.running.credential()) {
            // An error comes out whole, but not in one piece.
            let hidden = credential.hidden_in(&self.scratch.concat());
            if let Some(hidden) = hidden {
                self.scratch = vec![hidden.into()];
            }
        }
        self.queue.extend(self.scratch.drain(..));
    }

    /// The client asks for more: the time since it got something was its own.
    fn resume(&mut self) {
        if std::mem::take(&mut self.handed) {
            let now = Clock::instant();
            self.kept_waiting += now.saturating_duration_since(self.last);
            self.last = now;
        }
    }

    /// Whether the client may be why the answer broke: it took its time, and without it the answer had some
    /// left, or its provider would not have tired of waiting. Routes are shared, so one slow client must not
    /// speak against them.
    fn slowed_by_client(&self, evidence: &Evidence, now: Instant) -> bool {
        match evidence {
            Evidence::Timeout {
                stage: TimeoutStage::Total,
                ..
            } => now < self.clocks.total() + self.kept_waiting,
            Evidence::Broken {
                kind: BrokenKind::Cut,
                ..
            } => self.kept_waiting >= self.clocks.idle(),
            Evidence::Timeout { .. }
            | Evidence::Broken { .. }
            | Evidence::Unreachable { .. }
            | Evidence::Response { .. } => false,
        }
    }

    /// One timer for all clocks; it is moved only when it rings too early, not with every piece.
    fn poll_alarm(&mut self, context: &mut Context<'_>) -> Poll<Next> {
        let (deadline, stage) = self.clocks.deadline(self.last);
        let alarm = self
            .alarm
            .get_or_insert_with(|| Box::pin(sleep_until(deadline.into())));
        if alarm.deadline() > deadline.into() {
            alarm.as_mut().reset(deadline.into());
        }
        while alarm.as_mut().poll(context).is_ready() {
            if Clock::instant() >= deadline {
                return Poll::Ready(Next::Broken(timed_out(stage)));
            }
            alarm.as_mut().reset(deadline.into());
        }
        Poll::Pending
    }

    /// The upstream broke after the first output.
    fn break_off(&mut self, evidence: &Evidence) {
        // After the end marker the client has everything.
        if self.watch.as_ref().is_some_and(|watch| watch.seen().end) {
            return self.complete();
        }
        let class = classify(evidence);
        let now = Clock::instant();
        let slowed = self.slowed_by_client(evidence, now);
        if !slowed {
            self.running.end(Some(class));
        }
        if let Some(watch) = &self.watch {
            match watch.ending(&answer::upstream_error(evidence)) {
                Some(ending) => self.queue.extend(ending),
                None => self.cut = true,
            }
        } else {
            self.cut = true;
        }
        if let Some(mut exchange) = self.exchange.take() {
            let took = now.saturating_duration_since(exchange.started);
            exchange.failed(self.side, class, evidence, took);
            if slowed {
                let seconds = self.kept_waiting.as_secs();
                exchange.remark = Some(format!("the client kept it waiting for {seconds} s"));
            }
            exchange.note(EventDecision::Broken, Reason::AfterCommit, Some(class));
            exchange.finish(Ending::Broken);
        }
    }

    fn complete(&mut self) {
        if let Some(exchange) = self.exchange.take() {
            self.running.end(None);
            exchange.finish(Ending::Served);
        }
    }
}

enum Next {
    More,
    End,
    Broken(Evidence),
}

impl HttpBody for Relay {
    type Data = Bytes;
    type Error = Broken;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Broken>>> {
        loop {
            ready!(self.poll_promise(context));
            if let Some(bytes) = self.queue.pop_front() {
                self.handed = true;
                return Poll::Ready(Some(Ok(Frame::data(bytes))));
            }
            let Some(mut upstream) = self.upstream.take() else {
                if self.cut {
                    self.cut = false;
                    return Poll::Ready(Some(Err(Broken)));
                }
                self.complete();
                return Poll::Ready(None);
            };
            self.resume();
            match self.poll_upstream(&mut upstream, context) {
                Poll::Pending => {
                    self.upstream = Some(upstream);
                    return Poll::Pending;
                }
                Poll::Ready(Next::More) => self.upstream = Some(upstream),
                Poll::Ready(Next::End) => {}
                Poll::Ready(Next::Broken(evidence)) => {
                    let evidence = evidence.without(self.running.credential());
                    self.break_off(&evidence);
                }
            }
        }
    }
}

impl HttpBody for Body {
    type Data = Bytes;
    type Error = Broken;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Broken>>> {
        match self.get_mut() {
            Self::Whole(bytes) if bytes.is_empty() => Poll::Ready(None),
            Self::Whole(bytes) => Poll::Ready(Some(Ok(Frame::data(std::mem::take(bytes))))),
            Self::Relayed(relay) => Pin::new(&mut **relay).poll_frame(context),
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Self::Whole(bytes) => bytes.is_empty(),
            Self::Relayed(_) => false,
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Whole(bytes) => SizeHint::with_exact(bytes.len() as u64),
            Self::Relayed(_) => SizeHint::default(),
        }
    }
}
