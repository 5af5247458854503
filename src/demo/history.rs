//! What happened before the curtain rises: reviews that people recorded, and a fallback that somebody armed past
//! the gate. So the demo begins in the middle of a working week, with every standing to be seen.
//!
//! The answers in the reviews are those of the demo's own models, asked by the real prober. Nobody waits for a
//! rehearsal, so the models speak at once, and the times told are those of their usual pace.

mod beat;
mod hour;

use std::{sync::Arc, time::Duration};

use jiff::{SignedDuration, Timestamp};
use tokio::runtime::{self, LocalOptions};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use super::{
    DemoError,
    cast::CAST,
    provider::{self, Tempo},
    script::Script,
};
use crate::{
    clock::Clock,
    model::{
        Actor, Answer, Asked, AuditRecord, Basis, Catalog, Change, ChangeRequest, Judgement, Mode,
        Override, OverrideKey, ReasonCode, Review, ReviewHead, ReviewId, ReviewMode,
        ReviewedSample, Revision, Route, RouteName, Sample, SampleId, Tally, Verb, Workload,
        WorkloadName,
    },
    probe::Prober,
    review,
    store::{ChangeError, Store},
    wire::upstream::Tls,
};

/// A review of the past.
struct Past {
    workload: &'static str,
    hours_ago: i64,
    by: &'static str,
    mode: ReviewMode,
    /// Samples on which the answers were not the same, by the end of their id; the others were.
    found: &'static [(&'static str, Judgement, &'static str)],
    note: &'static str,
}

const REVIEWS: [Past; 3] = [
    Past {
        workload: "support-chat",
        hours_ago: 20,
        by: "mira",
        mode: ReviewMode::Blind,
        found: &[
            (
                "support-return",
                Judgement::PrimaryBetter,
                "14 days is wrong, the shop grants 30",
            ),
            (
                "support-refund",
                Judgement::Same,
                "the reason is left out; staff ask for it anyway",
            ),
        ],
        note: "short and dry, and right but once: good enough for an outage",
    },
    Past {
        workload: "code-assistant",
        hours_ago: 6 * 24,
        by: "jo",
        mode: ReviewMode::Blind,
        found: &[(
            "code-debounce",
            Judgement::PrimaryBetter,
            "cannot be cancelled",
        )],
        note: "",
    },
    Past {
        workload: "image-understanding",
        hours_ago: 3 * 24,
        by: "mira",
        mode: ReviewMode::Open,
        found: &[(
            "image-caption",
            Judgement::FallbackUnsafe,
            "it does not see the picture at all",
        )],
        note: "not before it has another fallback",
    },
];

/// Armed past the gate.
const ARMED: &str = "catalog-text";

/// Writes it all; `busy`: also an hour of traffic, with an outage in it. Takes as long as a few requests on loopback.
pub(super) async fn write(
    store: &Store,
    catalog: &Catalog,
    tls: &Arc<Tls>,
    clock: &Clock,
    busy: bool,
) -> Result<(), DemoError> {
    arm(store, clock).await?;
    if busy {
        hour::write(store, catalog, clock).await?;
    }
    for (past, samples) in REVIEWS.iter().zip(rehearse(catalog, tls, clock).await?) {
        let Some(review) = review(catalog, past, samples, clock.now()) else {
            continue;
        };
        store.put_review(review, false).await?;
    }
    Ok(())
}

fn ago(now: Timestamp, hours: i64) -> Timestamp {
    now.checked_sub(SignedDuration::from_hours(hours))
        .unwrap_or(now)
}

fn actor(user: &str) -> Actor {
    Actor {
        user: user.to_owned(),
        declared: None,
        host: "demo".to_owned(),
        from: None,
        via: "console".to_owned(),
    }
}

/// Yesterday somebody armed a fallback that nobody had reviewed.
async fn arm(store: &Store, clock: &Clock) -> Result<(), DemoError> {
    let workload = WorkloadName::from(ARMED);
    let since = ago(clock.now(), 25);
    let note = "the launch page must not wait for a review".to_owned();
    let entry = Override {
        change: Change::Mode(Mode::Auto),
        actor: actor("jo"),
        since,
        expires: None,
        reason: ReasonCode::Other,
        note: note.clone(),
        ticket: None,
        break_glass: true,
    };
    let request = ChangeRequest {
        key: OverrideKey::mode(workload.clone()),
        expected: Revision::default(),
        audit: AuditRecord {
            sequence: 0,
            at: since,
            actor: entry.actor.clone(),
            verb: Some(Verb::Auto),
            key: OverrideKey::mode(workload.clone()),
            before: None,
            after: Some(entry.change),
            expires: None,
            reason: entry.reason,
            note,
            ticket: None,
            revision: Revision::default(),
            plan: None,
            undoes: None,
            break_glass: true,
        },
        next: Some(entry),
        plan: None,
        owes: vec![workload],
    };
    match store.change(request).await {
        // It is there already in a directory that was kept.
        Ok(_) | Err(ChangeError::Conflict(_) | ChangeError::PlanUsed) => Ok(()),
        Err(ChangeError::Store(error)) => Err(error.into()),
    }
}

/// The answers to a sample: the primary's, then the fallback's.
type Pair = (SampleId, Answer, Answer);

/// Asks the models of every reviewed workload for their answers.
async fn rehearse(
    catalog: &Catalog,
    tls: &Arc<Tls>,
    clock: &Clock,
) -> Result<Vec<Vec<Pair>>, DemoError> {
    let seats = provider::take_seats(0)?;
    let urls: Vec<_> = seats
        .iter()
        .map(|seat| (seat.member.name, seat.url()))
        .collect();
    let mut catalog = Catalog::clone(catalog);
    for route in catalog.routes.values_mut() {
        let url = urls
            .iter()
            .find(|(name, _)| *name == route.provider.as_str());
        if let Some((_, url)) = url {
            route.base_url.clone_from(url);
        }
    }
    let (end, tasks) = (CancellationToken::new(), TaskTracker::new());
    let quiet = Script::default();
    provider::start(seats, &quiet, 0, clock, Tempo::AtOnce, &end, &tasks);
    let prober = Prober::new(Arc::clone(tls), clock.clone());
    let asked = tokio::task::spawn_blocking(move || {
        let runtime = runtime::Builder::new_current_thread()
            .enable_all()
            .build_local(LocalOptions::default())?;
        let reviews = REVIEWS.iter().map(|past| pairs(&prober, &catalog, past));
        Ok(runtime.block_on(futures_util::future::join_all(reviews)))
    });
    let answers = asked.await.unwrap_or_else(|panic| Err(panic.into()));
    end.cancel();
    tasks.close();
    tasks.wait().await;
    answers.map_err(DemoError::Probing)
}

async fn pairs(prober: &Prober, catalog: &Catalog, past: &Past) -> Vec<Pair> {
    let Some(workload) = catalog.workloads.get(past.workload) else {
        return Vec::new();
    };
    let ask = async |name: Option<&RouteName>, sample: &Sample| {
        let route = catalog.routes.get(name?)?;
        let answer = prober
            .answer(workload, sample, None, route, &mut |_| ())
            .await
            .ok()?;
        Some(at_pace(answer, route))
    };
    let samples = workload.samples.iter().map(async |sample| {
        let (primary, fallback) = tokio::join!(
            ask(Some(&workload.primary), sample),
            ask(workload.fallback.as_ref(), sample)
        );
        Some((sample.id.clone(), primary?, fallback?))
    });
    let pairs = futures_util::future::join_all(samples).await;
    pairs.into_iter().flatten().collect()
}

/// With the times of the model's usual pace.
fn at_pace(mut answer: Answer, route: &Route) -> Answer {
    let model = CAST.iter().find_map(|member| member.model(&route.model));
    if let Some(model) = model {
        let result = &mut answer.result;
        let tokens = u32::try_from(result.usage.output.unwrap_or(0)).unwrap_or(0);
        let rest = Duration::from_secs(1) / model.tokens_per_second.max(1) * tokens;
        result.headers = result.headers.map(|_| Duration::from_millis(2));
        result.first_output = result.first_output.map(|_| model.first_output);
        result.total = model.first_output + rest;
    }
    answer
}

/// The review, bound to what is configured.
fn review(catalog: &Catalog, past: &Past, pairs: Vec<Pair>, now: Timestamp) -> Option<Review> {
    let workload = catalog.workloads.get(past.workload)?;
    let at = ago(now, past.hours_ago);
    let seed = fastrand::u64(..);
    let samples: Vec<ReviewedSample> = pairs
        .into_iter()
        .filter_map(|pair| reviewed(catalog, workload, past, pair, (seed, at)))
        .collect();
    let vetoed = samples
        .iter()
        .filter(|sample| sample.judgement.is_some_and(Judgement::vetoes))
        .map(|sample| sample.sample.clone())
        .collect();
    Some(Review {
        head: ReviewHead {
            id: ReviewId::new(at, fastrand::u128(..)),
            workload: workload.name.clone(),
            at,
            actor: actor(past.by),
            mode: past.mode,
            basis: Basis::now(catalog, workload)?,
            tally: Tally::of(&samples),
            vetoed,
            note: past.note.to_owned(),
        },
        seed,
        samples,
        stripped: false,
    })
}

fn reviewed(
    catalog: &Catalog,
    workload: &Workload,
    past: &Past,
    (id, mut primary, mut fallback): Pair,
    (seed, at): (u64, Timestamp),
) -> Option<ReviewedSample> {
    let sample = workload.samples.iter().find(|sample| sample.id == id)?;
    for answer in [&mut primary, &mut fallback] {
        // Asked at the rehearsal's address, of what has this one in the configuration.
        answer.result.asked = Asked::of(catalog.routes.get(&answer.result.route)?, Some(sample));
        answer.result.at = at;
    }
    let found = past
        .found
        .iter()
        .find(|(name, ..)| id.as_str().ends_with(name));
    let (_, judgement, note) = found.copied().unwrap_or(("", Judgement::Same, ""));
    Some(ReviewedSample {
        class: sample.class,
        side_a: review::side_a(seed, &id),
        sample: id,
        primary,
        fallback,
        judgement: Some(judgement),
        note: note.to_owned(),
    })
}
