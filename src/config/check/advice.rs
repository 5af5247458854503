//! Remarks on routes and workloads that work as written, and yet may not hold in an outage: fates that two
//! routes share, too little room, repeats that multiply, callers who have gone before the clocks run out.

use std::{
    collections::{BTreeSet, HashMap},
    ops::Range,
    time::Duration,
};

use super::{Names, Workload, policy::Subject};
use crate::config::{
    diagnostic::{Findings, Severity},
    file::{File, Route},
};
use crate::model::{Capture, Probing};

/// How long the SDKs wait for an answer, unless told otherwise.
const CALLER: Duration = Duration::from_mins(10);
/// How often the SDKs repeat a request, unless told otherwise.
const CALLER_RETRIES: u32 = 2;
/// More attempts than this for one call are an outage made worse.
const MANY: u32 = 12;

/// Leaves remarks on routes by themselves.
pub(super) fn routes(file: &File, names: &Names<'_>, findings: &Findings) {
    let known: BTreeSet<&str> = file
        .workloads
        .iter()
        .map(|workload| workload.name.get_ref().as_str())
        .collect();
    for route in &file.routes {
        let name = route.name.get_ref();
        for workload in route.workloads.iter().flatten() {
            if !known.contains(workload.get_ref().as_str()) {
                findings.warning(
                    "unknown-workload",
                    workload.span(),
                    format!(
                        "the route \"{name}\" is open to \"{}\", and there is no such workload",
                        workload.get_ref()
                    ),
                    (),
                );
            }
        }
        if !route.circuit && names.used.contains(name.as_str()) {
            note(
                findings,
                "circuit-off",
                route.name.span(),
                format!("the route \"{name}\" is never paused, however often it fails"),
                "every request waits for it first while it is down",
            );
        }
    }
}

/// Leaves remarks on what probing by schedule may cost.
pub(super) fn probing(file: &File, names: &Names<'_>, findings: &Findings) {
    let settings = &file.probing;
    if !settings.active {
        return;
    }
    let mut known: Option<&str> = None;
    let samples = samples_of_routes(file);
    for route in &file.routes {
        let name = route.name.get_ref();
        if !names.used.contains(name.as_str()) {
            continue;
        }
        if let Some(price) = &route.price {
            let first = *known.get_or_insert(&price.currency);
            if first != price.currency {
                findings.warning(
                    "mixed-currencies",
                    route.name.span(),
                    format!(
                        "the price of \"{name}\" is in {}, that of others in {first}, and \
                         `probe.cost_per_day` adds them up as if they were the same",
                        price.currency
                    ),
                    "write all prices in one currency",
                );
            }
        }
        let most = ladder_requests(&samples, name);
        let limit = [
            settings.budget.requests_per_hour,
            route.probes.requests_per_hour,
        ];
        // None at all is a decision.
        if let Some(limit) = limit.into_iter().flatten().min()
            && limit > 0
            && limit < most
        {
            findings.warning(
                "probes-too-few",
                route.name.span(),
                format!(
                    "\"{name}\" may be asked {limit} times an hour, and the proof of a route takes up to \
                     {most} requests, so it is never begun"
                ),
                format!(
                    "raise `probes_per_hour` of the route or `probe.requests_per_hour` to at least {most}"
                ),
            );
        }
    }
}

/// The most requests of a route's ladder: those of its own, and one for each sample of its workloads.
fn ladder_requests(samples: &HashMap<&str, u32>, route: &str) -> u32 {
    let samples = samples.get(route).copied().unwrap_or(0);
    samples.saturating_add(Probing::LADDER_REQUESTS)
}

/// How many samples the workloads of each route have.
fn samples_of_routes(file: &File) -> HashMap<&str, u32> {
    let mut samples: HashMap<&str, u32> = HashMap::new();
    for workload in &file.workloads {
        let count = u32::try_from(workload.samples.len()).unwrap_or(u32::MAX);
        let routes: BTreeSet<&str> = [&workload.primary, &workload.fallback]
            .into_iter()
            .flatten()
            .map(|name| name.get_ref().as_str())
            .collect();
        for route in routes {
            let of_it = samples.entry(route).or_default();
            *of_it = of_it.saturating_add(count);
        }
    }
    samples
}

/// Leaves remarks on one workload.
pub(super) fn workload(subject: &Subject<'_>, file: &File, findings: &Findings) {
    entitlement(subject, findings);
    clocks(subject.workload, findings);
    repeats(subject.workload, findings);
    captured(subject.workload, findings);
    reviewed(subject.workload, findings);
    if let (Some(primary), Some(fallback)) = (subject.primary, subject.fallback)
        && primary.name.get_ref() != fallback.name.get_ref()
    {
        let place = subject.fallback_place();
        fate(primary, fallback, subject.names, &place, findings);
        room(primary, fallback, file, subject.names, &place, findings);
        if primary.context_tokens.is_some() && fallback.context_tokens.is_none() {
            note(
                findings,
                "context-unknown",
                place,
                format!(
                    "the fallback \"{}\" does not say its context, so long requests are tried on it in vain",
                    fallback.name.get_ref()
                ),
                "add `context_tokens`",
            );
        }
    }
}

fn note(
    findings: &Findings,
    code: &'static str,
    place: Range<usize>,
    message: String,
    help: impl Into<crate::config::diagnostic::Help>,
) {
    findings.add(Severity::Note, code, place, message, help);
}

fn entitlement(subject: &Subject<'_>, findings: &Findings) {
    let workload = subject.workload;
    let name = workload.name.get_ref();
    let closed = |route: &Route| {
        route
            .workloads
            .as_ref()
            .is_some_and(|open| !open.iter().any(|known| known.get_ref() == name))
    };
    let help = |route: &Route| {
        format!(
            "add \"{name}\" to the `workloads` of \"{}\", or name another route",
            route.name.get_ref()
        )
    };
    if let (Some(primary), Some(place)) = (subject.primary, &workload.primary)
        && closed(primary)
    {
        findings.error(
            "not-entitled",
            place.span(),
            format!("the primary of \"{name}\" is not open to it"),
            help(primary),
        );
    }
    if let Some(fallback) = subject.fallback
        && closed(fallback)
    {
        findings.warning(
            "not-entitled",
            subject.fallback_place(),
            format!(
                "the fallback of \"{name}\" is not open to it, so every fallback will be refused"
            ),
            help(fallback),
        );
    }
}

/// Nobody should forget that bodies of users are kept.
fn captured(workload: &Workload, findings: &Findings) {
    match workload.capture.get_ref() {
        Capture::Off => {}
        Capture::Redacted => note(
            findings,
            "captured",
            workload.capture.span(),
            format!(
                "request bodies of \"{}\" are kept for a day, redacted by patterns",
                workload.name.get_ref()
            ),
            "names and what people tell in their own words stay in them; remove `capture` when the samples are made",
        ),
    }
}

/// Whether a review can be what it must be.
fn reviewed(workload: &Workload, findings: &Findings) {
    let policy = workload.review.get_ref();
    let has = workload.samples.len();
    if !policy.required || workload.fallback.is_none() || has >= policy.min_samples {
        return;
    }
    let name = workload.name.get_ref();
    findings.warning(
        "too-few-samples",
        workload.review.span(),
        format!(
            "arming or forcing the fallback of \"{name}\" needs a review of {} samples, and it has {has}",
            policy.min_samples
        ),
        "add samples (`backstop samples add`) or lower `review.min_samples`; until then only break-glass does it",
    );
}

/// The longest that one request may take, against what callers wait.
fn clocks(workload: &Workload, findings: &Findings) {
    let total = workload.timeouts.all().total;
    let backoff = workload.backoff;
    let tries = backoff.retries + 1 + u32::from(workload.fallback.is_some());
    let tries = tries.min(*workload.max_attempts.get_ref());
    let longest = total * tries + backoff.max_wait * backoff.retries.min(tries);
    if longest > CALLER {
        findings.warning(
            "clocks-beyond-caller",
            workload.timeouts.total.span(),
            format!(
                "\"{}\" may take {} s for a request in {tries} attempts, and clients give up after {} s",
                workload.name.get_ref(),
                longest.as_secs(),
                CALLER.as_secs()
            ),
            "shorten `total`, or allow fewer attempts",
        );
    }
}

/// Repeats of the client times repeats of ours.
fn repeats(workload: &Workload, findings: &Findings) {
    let own = workload.backoff.retries + 1 + u32::from(workload.fallback.is_some());
    let most = *workload.max_attempts.get_ref();
    let all: u32 = (0..=CALLER_RETRIES)
        .map(|earlier| own.min(most.saturating_sub(earlier)))
        .sum();
    if all > MANY {
        findings.warning(
            "retries-multiply",
            workload.max_attempts.span(),
            format!(
                "a call of \"{}\" may cost {all} attempts: clients repeat it {CALLER_RETRIES} times by themselves",
                workload.name.get_ref()
            ),
            "lower `max_attempts` or `backoff.retries`; an outage is made worse by repeats",
        );
    }
}

/// What breaks both routes at once.
fn fate(
    primary: &Route,
    fallback: &Route,
    names: &Names<'_>,
    place: &Range<usize>,
    findings: &Findings,
) {
    let provider = |route: &Route| Some(names.provider(route)?.name.get_ref().as_str());
    if provider(primary).is_none() || provider(primary) != provider(fallback) {
        return;
    }
    let key = if primary.key.is_none() && fallback.key.is_none() {
        " and its key"
    } else {
        ""
    };
    note(
        findings,
        "shared-fate",
        place.clone(),
        format!(
            "\"{}\" and \"{}\" share the provider \"{}\"{key}: its outage takes both",
            primary.name.get_ref(),
            fallback.name.get_ref(),
            provider(primary).unwrap_or_default()
        ),
        "a route of another provider would survive it",
    );
}

/// Whether the fallback can carry what would land on it.
fn room(
    primary: &Route,
    fallback: &Route,
    file: &File,
    names: &Names<'_>,
    place: &Range<usize>,
    findings: &Findings,
) {
    let to = fallback.name.get_ref();
    // Every primary whose traffic would come here, once.
    let landing: BTreeSet<&str> = file
        .workloads
        .iter()
        .filter(|workload| {
            let fallback = workload.fallback.as_ref();
            fallback.is_some_and(|fallback| fallback.get_ref() == to)
        })
        .filter_map(|workload| workload.primary.as_ref())
        .map(|primary| primary.get_ref().as_str())
        .filter(|primary| primary != to)
        .collect();
    let landing: f64 = landing
        .into_iter()
        .filter_map(|primary| names.routes.get(primary)?.capacity_rps)
        .sum();
    match (primary.capacity_rps, fallback.capacity_rps) {
        (Some(_), None) => note(
            findings,
            "capacity-unknown",
            place.clone(),
            format!(
                "the fallback \"{to}\" does not say what it can carry, so no headroom can be shown"
            ),
            "add `capacity_rps`",
        ),
        (Some(_), Some(has)) if has < landing => note(
            findings,
            "capacity-small",
            place.clone(),
            format!(
                "the fallback \"{to}\" carries {has} requests per second, and up to {landing} may land on it"
            ),
            "in an outage at full load the rest fails",
        ),
        (Some(_) | None, Some(_) | None) => {}
    }
    if let (Some(one), Some(other)) = (&primary.max_concurrent, &fallback.max_concurrent)
        && other.get_ref() < one.get_ref()
    {
        note(
            findings,
            "concurrency-small",
            other.span(),
            format!(
                "\"{to}\" may run {} requests at a time, the primary \"{}\" {}",
                other.get_ref(),
                primary.name.get_ref(),
                one.get_ref()
            ),
            "in an outage at full load the rest is refused",
        );
    }
}
