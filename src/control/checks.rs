//! The checks of a plan: pure functions from what is known now to a verdict with a sentence.
//!
//! Called when a plan is made and again when it is applied. They must not ask anything: the [`Scene`] holds
//! all they may know.

mod people;
mod readiness;
mod review;
mod route;
mod rules;
#[cfg(test)]
mod tests;

pub(super) use review::owed;
pub(super) use route::moved;

use jiff::Timestamp;

use super::{
    Overview, Serving, WorkloadStatus,
    intent::{Intent, LONGEST},
    overview, radius, words,
};
use crate::{
    model::{
        Actor, AuditRecord, Catalog, Change, Check, CheckVerdict, Heartbeat, Mode, Override,
        OverrideKey, Overrides, Presence, Route, RouteName, Scope, Site, Subject, Verb, Workload,
        WorkloadName,
    },
    policy::{self, Switches},
};

/// What is known at one moment.
#[derive(Debug)]
pub(super) struct Scene<'a> {
    pub(super) catalog: &'a Catalog,
    pub(super) overrides: &'a Overrides,
    pub(super) overview: &'a Overview,
    /// Other consoles than the one that asks.
    pub(super) presences: &'a [Presence],
    /// The newest change of the key.
    pub(super) last_change: Option<&'a AuditRecord>,
    pub(super) actor: &'a Actor,
    /// The last heartbeats of all gateways.
    pub(super) heartbeats: &'a [Heartbeat],
    /// What is to be changed.
    pub(super) key: &'a OverrideKey,
    pub(super) now: Timestamp,
}

impl<'a> Scene<'a> {
    pub(super) fn workload(&self, name: &WorkloadName) -> Option<&'a Workload> {
        self.catalog.workloads.get(name)
    }

    pub(super) fn route(&self, name: &RouteName) -> Option<&'a Route> {
        self.catalog.routes.get(name)
    }

    /// The gateways that are alive.
    pub(super) fn alive(&self) -> impl Iterator<Item = &'a Heartbeat> {
        let now = self.now;
        self.heartbeats
            .iter()
            .filter(move |beat| overview::alive(beat, now))
    }

    /// Where they run.
    pub(super) fn alive_sites(&self) -> Vec<Site> {
        self.alive().map(Heartbeat::site).collect()
    }

    /// The scope whose override decides the key's subject on a gateway now.
    pub(super) fn decider(&self, beat: &Heartbeat) -> Option<Scope> {
        let site = beat.site();
        policy::deciding(self.overrides, &self.key.subject, Some(&site), self.now)
            .map(|(scope, _)| scope.clone())
    }

    /// The living gateways that follow a change of the key: inside its scope, and without a more specific override.
    pub(super) fn reached(&self) -> impl Iterator<Item = &'a Heartbeat> {
        let rank = self.key.scope.rank();
        self.alive().filter(move |beat| {
            self.key.scope.covers(&beat.site())
                && self.decider(beat).is_none_or(|scope| scope.rank() <= rank)
        })
    }

    /// Whether a change of the key reaches every living gateway, so that what is known of all is true of it.
    pub(super) fn is_whole(&self) -> bool {
        self.key.scope.is_all() && self.reached().count() == self.alive().count()
    }

    /// Whether gateways are alive and the change reaches none of them.
    pub(super) fn is_idle(&self) -> bool {
        self.reached().next().is_none() && self.alive().next().is_some()
    }

    /// The route that serves a workload where the change reaches.
    pub(super) fn serving<'w>(
        &self,
        workload: &'w Workload,
        status: &'w WorkloadStatus,
    ) -> &'w RouteName {
        if self.is_whole() && status.mixed.is_none() {
            return status.serving.route();
        }
        let forced = |beat: &Heartbeat| self.switches(workload, beat).mode == Mode::Force;
        match (&workload.fallback, &status.serving) {
            (Some(fallback), _) if self.reached().any(forced) => fallback,
            (_, Serving::Forced { .. }) => &workload.primary,
            (_, serving) => serving.route(),
        }
    }

    /// The mode of a workload where the change reaches: on the first gateway of these.
    pub(super) fn mode_there(&self, workload: &Workload) -> Mode {
        let status = self.overview.workload(&workload.name);
        match (status, self.reached().next()) {
            (Some(status), _) if self.is_whole() && status.mixed.is_none() => status.mode,
            (_, Some(beat)) => self.switches(workload, beat).mode,
            (Some(status), None) => status.mode,
            (None, None) => workload.mode,
        }
    }

    fn switches(&self, workload: &Workload, beat: &Heartbeat) -> Switches {
        Switches::of(workload, self.overrides, Some(&beat.site()), self.now)
    }

    /// Requests per second of a workload on the gateways that the change reaches, and how many of them its fallback
    /// serves.
    pub(super) fn rates(&self, workload: &WorkloadName) -> (f64, f64) {
        if self.is_whole() {
            return self.overview.workload(workload).map_or((0.0, 0.0), |it| {
                (it.rps, it.rps * it.fallback_share.unwrap_or(0.0))
            });
        }
        self.reached().fold((0.0, 0.0), |sum, beat| {
            let (all, caught) = overview::rates(beat, workload);
            (sum.0 + all, sum.1 + caught)
        })
    }

    /// What is in force of a subject where the change reaches: on the first gateway of these; where there is none,
    /// what holds on all gateways.
    fn there(&self, subject: &Subject) -> Option<(&'a Scope, &'a Override)> {
        let site = self.reached().next().map(Heartbeat::site);
        policy::deciding(self.overrides, subject, site.as_ref(), self.now)
    }

    /// What decides the key's subject where the change reaches once the key itself has no override.
    pub(super) fn above(&self) -> Option<(&'a Scope, &'a Override)> {
        let site = self.reached().next().map(Heartbeat::site);
        policy::above(self.overrides, self.key, site.as_ref(), self.now)
    }

    pub(super) fn drain(&self, route: &RouteName) -> Option<&'a Override> {
        let found = self.there(&Subject::Drain(route.clone()));
        found.map(|(_, entry)| entry)
    }

    /// Whether a fallback of this workload would be announced.
    pub(super) fn notice(&self, workload: &Workload) -> bool {
        let switched = self.there(&Subject::Notice(workload.name.clone()));
        let enabled = match switched.map(|(_, entry)| entry.change) {
            Some(Change::Notice(given)) => given,
            Some(Change::Mode(_) | Change::Drain) | None => workload.notice.enabled,
        };
        enabled && !workload.notice.text.is_empty()
    }

    /// The mode after the intent: the wanted one, that of a wider scope, or the configuration's.
    pub(super) fn mode_after(&self, workload: &Workload, intent: &Intent) -> Mode {
        self.mode_of(workload, intent.after)
    }

    /// The mode before it, in the same way.
    pub(super) fn mode_before(&self, workload: &Workload, intent: &Intent) -> Mode {
        self.mode_of(workload, intent.before)
    }

    fn mode_of(&self, workload: &Workload, own: Option<Change>) -> Mode {
        let wider = || self.above().map(|(_, entry)| entry.change);
        match own.or_else(wider) {
            Some(Change::Mode(mode)) => mode,
            Some(Change::Notice(_) | Change::Drain) | None => workload.mode,
        }
    }

    /// Whether the notice is given after the intent, in the same way.
    pub(super) fn notice_after(&self, workload: &Workload, intent: &Intent) -> bool {
        let wider = || self.above().map(|(_, entry)| entry.change);
        match intent.after.or_else(wider) {
            Some(Change::Notice(given)) => given,
            Some(Change::Mode(_) | Change::Drain) | None => workload.notice.enabled,
        }
    }
}

/// Builds one check.
pub(super) fn check(name: &str, verdict: CheckVerdict, why: impl Into<String>) -> Check {
    Check {
        name: name.to_owned(),
        verdict,
        why: why.into(),
    }
}

/// Every check of an intent, worst first; checks of one verdict stay in the order of importance.
pub(super) fn run(scene: &Scene<'_>, intent: &Intent) -> Vec<Check> {
    let mut checks = match &intent.key.subject {
        Subject::Mode(name) => scene
            .workload(name)
            .map(|workload| mode(scene, intent, workload)),
        Subject::Notice(name) => scene
            .workload(name)
            .map(|workload| notice(scene, intent, workload)),
        Subject::Drain(name) => scene.route(name).map(|route| drain(scene, intent, route)),
    }
    .unwrap_or_else(|| {
        // It was there when the override was made; only its end can be planned then.
        vec![check(
            "configured",
            CheckVerdict::Warn,
            format!(
                "`{}` is not in the configuration any more",
                intent.key.target()
            ),
        )]
    });
    checks.push(expiry(scene, intent));
    checks.extend(radius::checks(scene, &radius::of(scene)));
    checks.extend(people::gateways(scene));
    checks.extend(people::others(scene, intent));
    checks.push(people::history(scene));
    checks.sort_by_key(|check| std::cmp::Reverse(check.verdict));
    checks
}

/// A way back to the configuration must never be blocked: what stands against it is only worth knowing.
fn soften(mut checks: Vec<Check>) -> Vec<Check> {
    for check in &mut checks {
        check.verdict = check.verdict.min(CheckVerdict::Warn);
    }
    checks
}

fn mode(scene: &Scene<'_>, intent: &Intent, workload: &Workload) -> Vec<Check> {
    let mut checks = match scene.mode_after(workload, intent) {
        Mode::Force => route::takes_over(scene, workload),
        Mode::Hold => vec![route::primary_alone(scene, workload)],
        Mode::Auto => route::primary_again(scene, workload),
    };
    if intent.after.is_none() && intent.verb != Verb::Force && intent.verb != Verb::Hold {
        checks = soften(checks);
    }
    checks.extend(review::of_mode(scene, intent, workload));
    checks
}

fn notice(scene: &Scene<'_>, intent: &Intent, workload: &Workload) -> Vec<Check> {
    let wanted = scene.notice_after(workload, intent);
    let checks = vec![route::announced(
        workload,
        wanted,
        "every fallback would be refused",
    )];
    if intent.after.is_none() && intent.verb != Verb::NoticeOff {
        return soften(checks);
    }
    checks
}

fn drain(scene: &Scene<'_>, intent: &Intent, route: &Route) -> Vec<Check> {
    if intent.after.is_none() {
        return vec![route::health(scene, &route.name, CheckVerdict::Warn)];
    }
    let mut checks = Vec::new();
    for workload in scene.catalog.users_of(&route.name) {
        if workload.primary == route.name {
            let mut all = route::takes_over(scene, workload);
            all.extend(review::of_drain(scene, workload));
            for mut check in all {
                // Draining is about the route: without a fallback the workload is dark, and break-glass
                // may still want exactly that.
                check.verdict = check.verdict.min(CheckVerdict::Fail);
                if check.verdict > CheckVerdict::Pass {
                    check.why = format!("{}: {}", workload.name, check.why);
                    checks.push(check);
                }
            }
            checks.push(route::switched_away(scene, workload));
        } else {
            checks.push(route::without_fallback(scene, workload, route));
        }
    }
    if checks.is_empty() {
        checks.push(check(
            "users",
            CheckVerdict::Pass,
            format!("no workload uses {}", route.name),
        ));
    }
    checks
}

/// Whether it ends by itself soon enough.
fn expiry(scene: &Scene<'_>, intent: &Intent) -> Check {
    let name = "expiry";
    if intent.after.is_none() {
        let why = match scene.above() {
            None => "back to the configuration, which does not expire".to_owned(),
            Some((scope, _)) => format!("ends with what holds {}", scope.words()),
        };
        return check(name, CheckVerdict::Pass, why);
    }
    match intent.expires {
        Some(expires) => {
            let left = words::between(scene.now, expires);
            let why = format!(
                "returns by itself at {} (in {})",
                words::clock(expires),
                words::span(left)
            );
            if left > LONGEST && intent.must_expire() {
                check(
                    name,
                    CheckVerdict::Fail,
                    format!("{why}, which is longer than {}", words::span(LONGEST)),
                )
            } else {
                check(name, CheckVerdict::Pass, why)
            }
        }
        None if intent.must_expire() => {
            check(name, CheckVerdict::Fail, "it would never return by itself")
        }
        None => check(name, CheckVerdict::Pass, "stays until somebody changes it"),
    }
}
