//! Captures: a few request bodies of workloads whose configuration wants them, redacted, for samples.
//!
//! A worker hands over a body that it has anyway, at most one of a class in some seconds, and never waits:
//! when nobody takes it, it is dropped. Redacting and writing happen on the gateway's own threads. Where
//! captures are off, a workload has no [`Lens`], and nothing of this runs.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use bytes::Bytes;
use http::StatusCode;
use jiff::Timestamp;
use tokio::{
    sync::mpsc,
    task::spawn_blocking,
    time::{MissedTickBehavior, interval},
};

use super::worker::Shared;
use crate::{
    model::{Capture, Captured, PayloadClass, WorkloadName},
    wire::{
        Call, Verb,
        redact::{Redactor, class},
        request::Scan,
    },
};

/// A class of a workload is captured by one gateway at most once in this time.
const PAUSE: Duration = Duration::from_secs(5);
/// The largest body that is taken; what is written is a quarter of it at most.
const LARGEST: usize = 4 << 20;
/// The largest redacted body.
const LARGEST_KEPT: usize = 1 << 20;
/// Bodies that may wait; each is held in memory.
const WAITING: usize = 16;
/// How often what is too old is removed.
const FORGET_EVERY: Duration = Duration::from_mins(10);

/// A body on its way to be redacted.
#[derive(Debug)]
pub(super) struct Taken {
    workload: WorkloadName,
    call: Call,
    body: Bytes,
}

/// Where workers put bodies.
pub(super) type Sender = mpsc::Sender<Taken>;

/// Between the workers and [`keep`].
pub(super) fn channel() -> (Sender, mpsc::Receiver<Taken>) {
    mpsc::channel(WAITING)
}

/// What takes the bodies of one workload.
#[derive(Debug)]
pub(super) struct Lens {
    workload: WorkloadName,
    sender: Sender,
    started: Instant,
    /// In milliseconds since `started`, when each class may be taken again.
    next: [AtomicU64; PayloadClass::ALL.len()],
}

impl Lens {
    /// For a workload that is captured. `started`: the beginning of its clock.
    pub(super) fn new(workload: &WorkloadName, sender: &Sender, started: Instant) -> Self {
        Self {
            workload: workload.clone(),
            sender: sender.clone(),
            started,
            next: Default::default(),
        }
    }

    /// Takes a body whose request was answered well, if it is time for one.
    pub(super) fn offer(
        &self,
        status: StatusCode,
        now: Instant,
        call: Call,
        scan: &Scan,
        body: &Bytes,
    ) {
        let wanted = matches!(call.verb, Verb::Generate | Verb::Stream(_));
        if !wanted || !status.is_success() || body.len() > LARGEST {
            return;
        }
        let now = millis(now.saturating_duration_since(self.started));
        let class = class(call.shape, scan, body.len());
        let Some(next) = self.next.get(class as usize) else {
            return;
        };
        let due = next.load(Ordering::Relaxed);
        let then = now.saturating_add(millis(PAUSE));
        let first = due <= now
            && next
                .compare_exchange(due, then, Ordering::Relaxed, Ordering::Relaxed)
                .is_ok();
        if first {
            // Full or closed: another one will come.
            let _ = self.sender.try_send(Taken {
                workload: self.workload.clone(),
                call,
                body: body.clone(),
            });
        }
    }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

/// Redacts and keeps what the workers hand over, and removes what is too old or not wanted any more, for as
/// long as it is polled.
pub(super) async fn keep(shared: Arc<Shared>, mut taken: mpsc::Receiver<Taken>) {
    let redactor = match Redactor::new() {
        Ok(redactor) => Arc::new(redactor),
        Err(error) => {
            tracing::error!(%error, "nothing is captured");
            return;
        }
    };
    let mut snapshot = shared.snapshot.clone();
    let mut wanted = None;
    let mut forget = interval(FORGET_EVERY);
    forget.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            _ = forget.tick() => wanted = None,
            changed = snapshot.changed() => if changed.is_err() { return },
            one = taken.recv() => {
                let Some(one) = one else { return };
                put(&shared, &redactor, one).await;
                continue;
            }
        }
        let now = captured(&shared);
        if wanted.as_ref() != Some(&now) {
            match shared.store.keep_captures(now.clone()).await {
                Ok(0) => {}
                Ok(gone) => tracing::info!(gone, "removed captured bodies"),
                Err(error) => {
                    tracing::warn!(%error, "captured bodies could not be removed");
                    continue;
                }
            }
            wanted = Some(now);
        }
    }
}

/// The workloads that are captured now.
fn captured(shared: &Shared) -> Vec<WorkloadName> {
    let snapshot = shared.snapshot.borrow();
    let workloads = snapshot.prepared.catalog.workloads.values();
    workloads
        .filter(|workload| workload.capture == Capture::Redacted)
        .map(|workload| workload.name.clone())
        .collect()
}

async fn put(shared: &Arc<Shared>, redactor: &Arc<Redactor>, taken: Taken) {
    let workload = taken.workload.clone();
    // It may have been switched off since the worker took it.
    if !captured(shared).contains(&workload) {
        return;
    }
    let (redactor, at) = (Arc::clone(redactor), shared.clock.now());
    let redacted = spawn_blocking(move || redacted(&redactor, taken, at)).await;
    let Ok(Some(captured)) = redacted else {
        return;
    };
    if let Err(error) = shared.store.put_capture(captured).await {
        tracing::warn!(%workload, %error, "a request body could not be captured");
    }
}

/// `None`: it is not kept, and the log says why.
fn redacted(redactor: &Redactor, taken: Taken, at: Timestamp) -> Option<Captured> {
    let Taken {
        workload,
        call,
        body,
    } = taken;
    let left = match redactor.redact(call, &body) {
        Ok(left) if left.body.len() <= LARGEST_KEPT => left,
        Ok(left) => {
            tracing::debug!(%workload, size = left.body.len(), "a request body is not captured");
            return None;
        }
        Err(why) => {
            tracing::debug!(%workload, %why, "a request body is not captured");
            return None;
        }
    };
    Some(Captured {
        number: 0,
        at,
        class: class(call.shape, &left.scan, left.body.len()),
        needs: left.scan.facts.needs,
        stream: left.scan.facts.stream,
        workload,
        body: left.body,
    })
}
