//! The gate in front of arming and forcing: does a review speak for this fallback, as it is configured now?
//!
//! Called for every workload by the prober and by the overview, so plans, screens and metrics say the same. It
//! must not know who asks, and what is in use already is nothing to it.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};

use crate::model::{
    Basis, Catalog, ComparedRoute, ReviewHead, ReviewPolicy, Reviewed, SampleId, Standing,
    Workload, WorkloadName, visible,
};

/// The longest name of a model that is told.
const MODEL: usize = 60;

/// Where every workload stands, by name.
#[must_use]
pub fn standings(
    catalog: &Catalog,
    reviewed: &Reviewed,
    now: Timestamp,
) -> BTreeMap<WorkloadName, Standing> {
    let mut heads: BTreeMap<&WorkloadName, Vec<&ReviewHead>> = BTreeMap::new();
    for head in &reviewed.heads {
        heads.entry(&head.workload).or_default().push(head);
    }
    let of = |workload: &Workload| {
        if !workload.review.required {
            return Standing::NotRequired;
        }
        let heads = heads.get(&workload.name).map_or(&[][..], Vec::as_slice);
        let basis = Basis::now(catalog, workload);
        basis.map_or(Standing::NotRequired, |basis| {
            standing(&workload.review, heads, &basis, now)
        })
    };
    let all = catalog.workloads.values();
    all.map(|workload| (workload.name.clone(), of(workload)))
        .collect()
}

/// Where one workload stands. `heads` are its newest reviews, newest first; `basis` is what would be compared
/// now.
///
/// The newest review of what is configured now counts; one that was left unfinished counts only when there is
/// no finished one, or when somebody called an answer unsafe in it.
#[must_use]
pub fn standing(
    policy: &ReviewPolicy,
    heads: &[&ReviewHead],
    basis: &Basis,
    now: Timestamp,
) -> Standing {
    if !policy.required {
        return Standing::NotRequired;
    }
    let Some(newest) = heads.first() else {
        return Standing::Missing;
    };
    let mut same = heads
        .iter()
        .filter(|head| changes(&head.basis, basis).is_empty());
    let counting = same
        .clone()
        .find(|head| policy.is_complete(&head.tally))
        .or_else(|| same.next());
    let Some(head) = counting else {
        return Standing::Stale {
            why: changes(&newest.basis, basis),
            review: newest.id.clone(),
        };
    };
    let why = faults(policy, head);
    if !why.is_empty() {
        return Standing::Failing {
            why,
            review: head.id.clone(),
        };
    }
    let until = SignedDuration::try_from(policy.max_age)
        .ok()
        .and_then(|age| head.at.checked_add(age).ok())
        .unwrap_or(Timestamp::MAX);
    if now >= until {
        return Standing::Stale {
            why: vec![format!(
                "the review is of {} and holds {}",
                head.at.strftime("%Y-%m-%d"),
                days(policy)
            )],
            review: head.id.clone(),
        };
    }
    Standing::Passing {
        review: head.id.clone(),
        until,
    }
}

/// What in a review does not speak for the fallback, in words.
fn faults(policy: &ReviewPolicy, head: &ReviewHead) -> Vec<String> {
    let tally = &head.tally;
    let mut why = Vec::new();
    for sample in &head.vetoed {
        why.push(format!(
            "the fallback's answer to {sample} was judged unsafe"
        ));
    }
    if head.vetoed.is_empty() && tally.vetoes > 0 {
        why.push("the fallback was judged unsafe".to_owned());
    }
    // Nothing judged speaks for nothing, whatever is demanded.
    if tally.judged < policy.min_samples.max(1) {
        why.push(format!(
            "needs {} judged samples, has {}",
            policy.min_samples, tally.judged
        ));
    }
    if tally.judged > 0
        && tally.same_or_better.saturating_mul(100)
            < tally.judged.saturating_mul(usize::from(policy.at_least))
    {
        why.push(format!(
            "same or better on {} % of {} samples, needs {} %",
            tally.same_or_better.saturating_mul(100) / tally.judged,
            tally.judged,
            policy.at_least
        ));
    }
    why
}

fn days(policy: &ReviewPolicy) -> String {
    let hours = policy.max_age.as_secs() / 3600;
    match (hours / 24, hours % 24) {
        (1, 0) => "1 day".to_owned(),
        (days, 0) if days > 0 => format!("{days} days"),
        (_, _) if hours > 0 => format!("{hours} h"),
        (_, _) => format!("{} s", policy.max_age.as_secs()),
    }
}

/// What is different between two bases, in words; nothing: a review of the one counts for the other. The order
/// of the samples makes no difference.
#[must_use]
pub fn changes(before: &Basis, now: &Basis) -> Vec<String> {
    let mut changes = Vec::new();
    route("primary", &before.primary, &now.primary, &mut changes);
    route("fallback", &before.fallback, &now.fallback, &mut changes);
    let by_name = |basis: &'_ Basis| -> BTreeMap<SampleId, (String, Vec<String>)> {
        basis
            .samples
            .iter()
            .map(|it| (it.sample.clone(), (it.digest.clone(), it.checks.clone())))
            .collect()
    };
    let (before, now) = (by_name(before), by_name(now));
    for (sample, (digest, checks)) in &now {
        match before.get(sample) {
            None => changes.push(format!("{sample} is a new sample")),
            Some((then, _)) if then != digest => changes.push(format!("{sample} has changed")),
            Some((_, then)) if then != checks => {
                changes.push(format!("what is expected of {sample} has changed"));
            }
            Some(_) => {}
        }
    }
    let gone = before.keys().filter(|sample| !now.contains_key(*sample));
    changes.extend(gone.map(|sample| format!("{sample} is not a sample any more")));
    changes
}

fn route(place: &str, before: &ComparedRoute, now: &ComparedRoute, changes: &mut Vec<String>) {
    if before.route != now.route {
        changes.push(format!(
            "the {place} changed from {} to {}",
            before.route, now.route
        ));
        return;
    }
    if before.model != now.model {
        changes.push(format!(
            "the model of {} changed from {} to {}",
            now.route,
            visible(&before.model, MODEL),
            visible(&now.model, MODEL)
        ));
    }
    if before.base_url != now.base_url {
        changes.push(format!("the address of {} has changed", now.route));
    }
}

#[cfg(test)]
mod tests;
