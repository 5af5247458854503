//! The blast radius of a change: by heartbeats the gateways inside its scope, and what keeps it from some of them.
//!
//! Pure. Called when a plan is made and again when it is applied.

use std::{collections::BTreeMap, time::Duration};

use super::{
    checks::{Scene, check},
    intent::nearest,
    overview, words,
};
use crate::{
    model::{
        Check, CheckVerdict, Exception, Heartbeat, OverrideKey, Overrides, Plan, Radius, Reached,
        Scope, Site, Subject,
    },
    policy,
};

/// Whoever has been silent for longer has ended, for all that can be said; for less, it may still serve.
const LATELY: Duration = Duration::from_mins(10);

/// So many hosts are told one by one.
const TOLD: usize = 6;

/// Which gateways a change reaches.
pub(super) fn of(scene: &Scene<'_>) -> Radius {
    let key = scene.key;
    let total: u64 = scene.alive().map(|beat| carried(beat, &key.subject)).sum();
    let reached = |beat: &Heartbeat| Reached {
        gateway: beat.gateway.clone(),
        host: beat.host.as_str().into(),
        region: beat.region.clone(),
        percent: (total > 0)
            .then(|| u8::try_from(carried(beat, &key.subject) * 100 / total).unwrap_or(100)),
        at: beat.at,
    };
    let sites = scene.alive_sites();
    let exceptions = policy::exceptions(scene.overrides, key, &sites, scene.now);
    let exceptions = exceptions.map(|(other, entry)| Exception {
        key: other.clone(),
        change: entry.change,
        by: words::who(&entry.actor),
        until: entry.expires,
        gateways: scene
            .alive()
            .filter(|beat| scene.decider(beat).as_ref() == Some(&other.scope))
            .map(reached)
            .collect(),
    });
    let replaced = overview::replaced(scene.heartbeats, scene.now);
    let mut radius = Radius {
        exceptions: exceptions.collect(),
        outside: scene
            .alive()
            .filter(|beat| !key.scope.covers(&beat.site()))
            .count(),
        reached: scene.reached().map(reached).collect(),
        silent: scene
            .heartbeats
            .iter()
            .filter(|beat| !overview::alive(beat, scene.now) && key.scope.covers(&beat.site()))
            .filter(|beat| words::between(beat.at, scene.now) < LATELY && !replaced(beat))
            .map(reached)
            .collect(),
    };
    radius
        .reached
        .sort_by(|left, right| left.host.cmp(&right.host));
    radius
}

/// Requests of what a change is about that a gateway carried in the last minute.
fn carried(beat: &Heartbeat, subject: &Subject) -> u64 {
    match subject {
        Subject::Mode(name) | Subject::Notice(name) => beat
            .workloads
            .iter()
            .find(|traffic| traffic.workload == *name)
            .map_or(0, |traffic| traffic.requests),
        Subject::Drain(name) => beat
            .routes
            .iter()
            .find(|traffic| traffic.route == *name)
            .map_or(0, |traffic| traffic.attempts),
    }
}

/// Whom a change reaches, in a sentence; none where it is about all gateways and there is at most one.
pub(super) fn sentence(scene: &Scene<'_>, radius: &Radius) -> Option<String> {
    let scope = &scene.key.scope;
    let (reached, alive) = (radius.reached.len(), scene.alive().count());
    if reached == 0 || (scope.is_all() && alive < 2) {
        return None;
    }
    let which = if reached == alive {
        format!("reaches all {}", count(reached, "gateway"))
    } else {
        format!("reaches {reached} of {}", count(alive, "gateway"))
    };
    let shares = radius.reached.iter().filter_map(|it| it.percent);
    let carries = shares
        .map(u32::from)
        .reduce(|left, right| left + right)
        .filter(|_| reached < alive)
        .map_or_else(String::new, |percent| {
            format!(
                ", which carry {percent}% of the requests of {}",
                scene.key.target()
            )
        });
    Some(format!("{which}{carries}: {}", hosts(&radius.reached)))
}

/// `ops-1 (eu-west) 41%, ops-2 (eu-west, 2 gateways) 30%`.
fn hosts(gateways: &[Reached]) -> String {
    let mut hosts: BTreeMap<_, (usize, Option<u32>)> = BTreeMap::new();
    for gateway in gateways {
        let host = hosts.entry((&gateway.host, &gateway.region)).or_default();
        host.0 += 1;
        host.1 = (gateway.percent.map(u32::from))
            .map(|percent| percent + host.1.unwrap_or(0))
            .or(host.1);
    }
    let rest = hosts.len().saturating_sub(TOLD);
    let told = hosts
        .iter()
        .take(TOLD)
        .map(|((host, region), (number, percent))| {
            let number = (*number > 1).then(|| count(*number, "gateway"));
            let inside: Vec<String> = region
                .iter()
                .map(ToString::to_string)
                .chain(number)
                .collect();
            let inside = match inside.as_slice() {
                [] => String::new(),
                inside => format!(" ({})", inside.join(", ")),
            };
            let percent = percent.map_or_else(String::new, |percent| format!(" {percent}%"));
            format!("{host}{inside}{percent}")
        });
    let mut told: Vec<String> = told.collect();
    if rest > 0 {
        told.push(format!("and {rest} more"));
    }
    told.join(", ")
}

/// What speaks against a scope: nobody in it, somebody silent in it, and what it does not reach past.
pub(super) fn checks(scene: &Scene<'_>, radius: &Radius) -> Vec<Check> {
    let warn = |why: String| check("scope", CheckVerdict::Warn, why);
    let mut checks: Vec<Check> = nobody(scene).map(warn).into_iter().collect();
    checks.extend(radius.exceptions.iter().map(|exception| {
        let until = exception.until.map_or_else(
            || "until somebody changes it".to_owned(),
            |until| format!("until {}", words::clock(until)),
        );
        let there = match exception.gateways.as_slice() {
            [] => "no gateway is there now".to_owned(),
            some => hosts(some),
        };
        warn(format!(
            "does NOT reach past {} {} by {}, which stays in force {until}: {there}",
            exception.change,
            exception.key.scope.words(),
            exception.by
        ))
    }));
    if !radius.silent.is_empty() {
        let latest = radius.silent.iter().map(|silent| silent.at).max();
        let ago = latest.map_or_else(String::new, |at| words::ago(at, scene.now));
        checks.push(warn(format!(
            "{} silent, last heard of {ago}; whether the change arrives there is not known: {}",
            if radius.silent.len() == 1 {
                "1 gateway inside is".to_owned()
            } else {
                format!("{} gateways inside are", radius.silent.len())
            },
            hosts(
                &radius
                    .silent
                    .iter()
                    .map(|silent| Reached {
                        percent: None,
                        ..silent.clone()
                    })
                    .collect::<Vec<_>>()
            )
        )));
    }
    checks
}

/// Said when no gateway is in a scope, with the name that was perhaps meant.
fn nobody(scene: &Scene<'_>) -> Option<String> {
    let scope = &scene.key.scope;
    let sites = scene.alive_sites();
    if scope.is_all() || sites.iter().any(|site| scope.covers(site)) {
        return None;
    }
    let known: Vec<Scope> = match scope {
        Scope::All => Vec::new(),
        Scope::Region(_) => regions(&sites),
        Scope::Host(_) => hosts_of(&sites),
    };
    let name = |scope: &Scope| match scope {
        Scope::All => String::new(),
        Scope::Region(region) => region.to_string(),
        Scope::Host(host) => host.to_string(),
    };
    let names: Vec<String> = known.iter().map(name).collect();
    if scene
        .heartbeats
        .iter()
        .any(|beat| scope.covers(&beat.site()))
    {
        // It was meant: somebody was there, and is silent.
        return Some(format!(
            "NO living gateway is {}: it changes nothing until one starts there",
            scope.words()
        ));
    }
    let near = nearest(&name(scope), names.iter().map(String::as_str));
    let near = near.and_then(|near| known.iter().find(|scope| name(scope) == near));
    let meant = match near {
        Some(near) => format!("; did you mean {near}?"),
        None if names.is_empty() => "; no living gateway has been given a region".to_owned(),
        None => {
            let rest = known.len().saturating_sub(TOLD);
            let more = if rest > 0 {
                format!(" and {rest} more")
            } else {
                String::new()
            };
            format!("; there is {}{more}", words::list(known.iter().take(TOLD)))
        }
    };
    Some(format!(
        "NO living gateway is {}: it changes nothing until one starts there{meant}",
        scope.words()
    ))
}

/// The scopes that living gateways make possible: all, their regions, their hosts; each once and in order.
#[must_use]
pub fn scopes(sites: &[Site]) -> Vec<Scope> {
    let mut scopes = vec![Scope::All];
    scopes.extend(regions(sites));
    scopes.extend(hosts_of(sites));
    scopes
}

fn regions(sites: &[Site]) -> Vec<Scope> {
    let regions = sites.iter().filter_map(|site| site.region.clone());
    sorted(regions.map(Scope::Region).collect())
}

fn hosts_of(sites: &[Site]) -> Vec<Scope> {
    sorted(
        sites
            .iter()
            .map(|site| Scope::Host(site.host.clone()))
            .collect(),
    )
}

fn sorted(mut scopes: Vec<Scope>) -> Vec<Scope> {
    scopes.sort();
    scopes.dedup();
    scopes
}

/// Whether a plan names all overrides that it does not reach past, as they are now.
#[must_use]
pub fn names_exceptions(
    plan: &Plan,
    overrides: &Overrides,
    sites: &[Site],
    now: jiff::Timestamp,
) -> bool {
    let now = policy::exceptions(overrides, &plan.key, sites, now);
    let now = now.map(|(key, entry)| (key, entry.change));
    let then = plan.radius.exceptions.iter();
    let then = then.map(|exception| (&exception.key, exception.change));
    let then: Vec<(&OverrideKey, _)> = then.collect();
    // One that has ended since is only less to reach past.
    now.into_iter().all(|exception| then.contains(&exception))
}

fn count(number: usize, thing: &str) -> String {
    if number == 1 {
        format!("1 {thing}")
    } else {
        format!("{number} {thing}s")
    }
}

#[cfg(test)]
mod tests;
