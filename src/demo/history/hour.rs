//! The hour before the curtain rises: calm traffic, and one outage that an operator ended by forcing the fallback. So
//! that charts have a past, and the question "did it help?" an answer.
//!
//! Everything goes the way that a gateway's own news goes: heartbeats, from which the store counts minutes, and
//! events, one for each request that was not simply answered. The numbers of both are the same.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use super::{
    super::{DemoError, cast::CAST, traffic::APPLICATIONS},
    actor,
    beat::heartbeat,
};
use crate::{
    clock::Clock,
    model::{
        Attempt, AuditRecord, Catalog, Change, ChangeRequest, Entry, ErrorClass, Event,
        EventDecision, EventId, GatewayName, Heartbeat, Mode, NoticeGiven, Outcome, OutcomeKind,
        Override, OverrideKey, Reason, ReasonCode, Revision, Route, Stretch, Verb, Workload,
        WorkloadName, WorkloadTraffic,
    },
    store::{ChangeError, Store},
};

/// Whose primary failed, as it will again.
const STRUCK: &str = "support-chat";
/// When it began to fail, when its fallback was forced and when that was undone, in minutes before now.
const FAILED: i64 = 38;
const FORCED: i64 = 35;
const UNDONE: i64 = 31;
/// So many seconds into its minute the operator acted.
const SECONDS: i64 = 20;

/// What became of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fate {
    Answered,
    /// 503, and the fallback answered.
    Caught,
    /// 429, which is not among its triggers.
    Refused,
    /// Broken off after its first words.
    Broken,
    /// Sent to the fallback by the operator.
    Switched,
    /// The caller's own mistake.
    Wrong,
}

/// One request.
#[derive(Clone, Copy, Debug)]
struct Request {
    at: Timestamp,
    fate: Fate,
}

/// Writes the hour.
pub(super) async fn write(
    store: &Store,
    catalog: &Catalog,
    clock: &Clock,
) -> Result<(), DemoError> {
    let now = clock.now();
    let end = Stretch::Minute.start(Stretch::Minute.of(now));
    let moment = |minutes: i64| {
        end - SignedDuration::from_mins(minutes) + SignedDuration::from_secs(SECONDS)
    };
    let Some(revision) = switch(store, moment(FORCED), moment(UNDONE)).await? else {
        return Ok(());
    };
    let mut random = fastrand::Rng::with_seed(14);
    let gateway = GatewayName::from("demo-before");
    for ago in (1..=60).rev() {
        let start = end - SignedDuration::from_mins(ago);
        let (mut workloads, mut told) = (Vec::new(), Vec::new());
        for application in APPLICATIONS {
            let name = WorkloadName::from(application.workload);
            let Some(workload) = catalog.workloads.get(&name) else {
                continue;
            };
            let requests = minute(
                application.rate,
                application.mistakes,
                workload,
                (start, ago),
                (moment(FORCED), moment(UNDONE)),
                &mut random,
            );
            for request in requests
                .iter()
                .filter(|request| request.fate != Fate::Answered)
            {
                told.push((workload, *request));
            }
            workloads.push(traffic(catalog, workload, &requests));
        }
        // The log is in the order of time.
        told.sort_by_key(|(_, request)| request.at);
        for (workload, request) in told {
            tell(
                store,
                catalog,
                workload,
                &gateway,
                request,
                revision,
                &mut random,
            )?;
        }
        // A minute is counted with the first sign of life after it.
        let beat = heartbeat(
            catalog,
            &gateway,
            start + SignedDuration::from_mins(1),
            workloads,
        );
        if ago == 60 {
            let first = Heartbeat {
                at: start,
                workloads: Vec::new(),
                ..beat.clone()
            };
            store.beat(first).await?;
        }
        store.beat(beat).await?;
    }
    store.farewell(gateway).await?;
    Ok(())
}

/// The force and its undoing; answers the revision of the force. `None`: they are there already.
async fn switch(
    store: &Store,
    forced: Timestamp,
    undone: Timestamp,
) -> Result<Option<Revision>, DemoError> {
    let key = OverrideKey::mode(STRUCK.into());
    let expires = Some(forced + SignedDuration::from_mins(60));
    let note = "rate limits reach users; the fallback answers well".to_owned();
    let record = AuditRecord {
        sequence: 0,
        at: forced,
        actor: actor("mira"),
        verb: Some(Verb::Force),
        key: key.clone(),
        before: None,
        after: Some(Change::Mode(Mode::Force)),
        expires,
        reason: ReasonCode::RateLimit,
        note: note.clone(),
        ticket: None,
        revision: Revision::default(),
        plan: None,
        undoes: None,
        break_glass: false,
    };
    let request = ChangeRequest {
        key: key.clone(),
        expected: Revision::default(),
        next: Some(Override {
            change: Change::Mode(Mode::Force),
            actor: actor("mira"),
            since: forced,
            expires,
            reason: ReasonCode::RateLimit,
            note,
            ticket: None,
            break_glass: false,
        }),
        audit: record.clone(),
        plan: None,
        owes: Vec::new(),
    };
    let done = match store.change(request).await {
        Ok(done) => done,
        Err(ChangeError::Conflict(_) | ChangeError::PlanUsed) => return Ok(None),
        Err(ChangeError::Store(error)) => return Err(error.into()),
    };
    let request = ChangeRequest {
        key,
        expected: done.revision,
        next: None,
        audit: AuditRecord {
            at: undone,
            verb: Some(Verb::Undo),
            before: record.after,
            after: None,
            expires: None,
            reason: ReasonCode::Automatic,
            note: "the provider is well again".to_owned(),
            undoes: Some(done.sequence),
            ..record
        },
        plan: None,
        owes: Vec::new(),
    };
    match store.change(request).await {
        Ok(_) | Err(ChangeError::Conflict(_) | ChangeError::PlanUsed) => Ok(Some(done.revision)),
        Err(ChangeError::Store(error)) => Err(error.into()),
    }
}

/// The requests of one workload in one minute.
fn minute(
    rate: f64,
    mistakes: f64,
    workload: &Workload,
    (start, ago): (Timestamp, i64),
    (forced, undone): (Timestamp, Timestamp),
    random: &mut fastrand::Rng,
) -> Vec<Request> {
    let struck = workload.name.as_str() == STRUCK;
    let mut requests = Vec::new();
    let mut second = random.f64() / rate;
    while second < 60.0 {
        let at = start + SignedDuration::from_millis(thousandths(second));
        let roll = random.f64();
        let fate = if struck && (forced..undone).contains(&at) {
            Fate::Switched
        } else if struck && (FORCED..=FAILED).contains(&ago) {
            match roll {
                roll if roll < 0.33 => Fate::Refused,
                roll if roll < 0.41 => Fate::Broken,
                roll if roll < 0.66 => Fate::Caught,
                _ => Fate::Answered,
            }
        } else if roll < mistakes {
            Fate::Wrong
        } else {
            Fate::Answered
        };
        requests.push(Request { at, fate });
        second += (0.5 + random.f64()) / rate;
    }
    requests
}

#[expect(clippy::cast_possible_truncation, reason = "seconds of a minute")]
fn thousandths(seconds: f64) -> i64 {
    (seconds * 1_000.0) as i64
}

/// The event of a request that was not simply answered, and its outcome.
fn tell(
    store: &Store,
    catalog: &Catalog,
    workload: &Workload,
    gateway: &GatewayName,
    request: Request,
    revision: Revision,
    random: &mut fastrand::Rng,
) -> Result<(), DemoError> {
    let Some(event) = event(catalog, workload, gateway, request, revision, random) else {
        return Ok(());
    };
    let (kind, status) = match request.fate {
        Fate::Caught | Fate::Switched | Fate::Answered => (OutcomeKind::Completed, 200),
        Fate::Refused => (OutcomeKind::ErrorReturned, 429),
        Fate::Wrong => (OutcomeKind::ErrorReturned, 400),
        Fate::Broken => (OutcomeKind::Broken, 200),
    };
    let first = first_output(catalog, workload, event.decision == EventDecision::Fallback);
    let outcome = Outcome {
        event: event.id,
        at: event.at + SignedDuration::from_millis(400),
        kind,
        status,
        class: None,
        notice: Some(event.notice),
        first_output: (status == 200).then_some(first),
        total: Duration::from_millis(400),
    };
    store
        .reserve()?
        .append_unawaited(Entry::Decision(Box::new(event)));
    store.reserve()?.append_unawaited(Entry::Outcome(outcome));
    Ok(())
}

fn event(
    catalog: &Catalog,
    workload: &Workload,
    gateway: &GatewayName,
    request: Request,
    revision: Revision,
    random: &mut fastrand::Rng,
) -> Option<Event> {
    let by = || actor("mira").name().to_owned();
    let (decision, reason, class, status) = match request.fate {
        Fate::Answered => return None,
        Fate::Caught => (
            EventDecision::Fallback,
            Reason::Trigger,
            Some(ErrorClass::Overloaded),
            Some(503),
        ),
        Fate::Refused => (
            EventDecision::Refused,
            Reason::NotListed,
            Some(ErrorClass::RateLimited),
            Some(429),
        ),
        Fate::Broken => (
            EventDecision::Broken,
            Reason::AfterCommit,
            Some(ErrorClass::BrokenResponse),
            Some(200),
        ),
        Fate::Switched => (
            EventDecision::Fallback,
            Reason::Forced { by: by(), revision },
            None,
            None,
        ),
        Fate::Wrong => (
            EventDecision::Refused,
            Reason::NeverTrigger,
            Some(ErrorClass::InvalidRequest),
            Some(400),
        ),
    };
    let mut attempts = Vec::new();
    if request.fate != Fate::Switched {
        attempts.push(Attempt {
            route: workload.primary.clone(),
            status,
            code: None,
            class,
            detail: None,
            took: Duration::from_millis(40),
        });
    }
    if let (EventDecision::Fallback, Some(fallback)) = (decision, &workload.fallback) {
        attempts.push(Attempt {
            route: fallback.clone(),
            status: Some(200),
            code: None,
            class: None,
            detail: None,
            took: first_output(catalog, workload, true),
        });
    }
    let served = decision == EventDecision::Fallback;
    Some(Event {
        id: EventId::new(request.at, random.u128(..)),
        at: request.at,
        gateway: gateway.clone(),
        workload: workload.name.clone(),
        client: None,
        family: workload.family,
        method: None,
        primary: workload.primary.clone(),
        fallback: workload.fallback.clone(),
        decision,
        reason,
        class,
        detail: None,
        status,
        attempts,
        notice: if served {
            NoticeGiven::Header
        } else {
            NoticeGiven::None
        },
        stream: request.fate == Fate::Broken,
        revision: if request.fate == Fate::Switched {
            revision
        } else {
            Revision::default()
        },
        fingerprint: catalog.fingerprint.clone(),
        remark: None,
    })
}

/// The usual time to the first output of the side that answers.
fn first_output(catalog: &Catalog, workload: &Workload, fallback: bool) -> Duration {
    let name = match &workload.fallback {
        Some(name) if fallback => name,
        Some(_) | None => &workload.primary,
    };
    let usual = |route: &Route| CAST.iter().find_map(|member| member.model(&route.model));
    let model = catalog.routes.get(name).and_then(usual);
    model.map_or(Duration::ZERO, |model| model.first_output)
}

/// What a gateway counted of a minute.
fn traffic(catalog: &Catalog, workload: &Workload, requests: &[Request]) -> WorkloadTraffic {
    let count = |fates: &[Fate]| {
        let of = requests
            .iter()
            .filter(|request| fates.contains(&request.fate));
        of.count() as u64
    };
    let served = count(&[Fate::Caught, Fate::Switched]);
    let first = first_output(catalog, workload, served * 2 > requests.len() as u64).as_millis();
    let first = u64::try_from(first).unwrap_or(0);
    let uncaught = count(&[Fate::Refused, Fate::Broken]);
    WorkloadTraffic {
        workload: workload.name.clone(),
        requests: requests.len() as u64,
        primary_failures: count(&[Fate::Refused, Fate::Broken, Fate::Caught]),
        fallbacks: served,
        errors: uncaught + count(&[Fate::Wrong]),
        uncaught,
        last_uncaught: None,
        refused: count(&[Fate::Refused, Fate::Wrong]),
        first_output_p50_ms: Some(first),
        first_output_p95_ms: Some(if uncaught > 0 {
            first * 4
        } else {
            first * 8 / 5
        }),
        in_flight: 0,
        failing_since: None,
        last_primary_failure: None,
        last_primary: None,
        last_primary_by: None,
        last_fallback: None,
        last_fallback_by: None,
        last_routed: None,
    }
}
