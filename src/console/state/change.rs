//! Changes that were applied and are followed: until every gateway has them, and until the first request took
//! the new path. The console says "done" only then.

use std::{fmt::Write as _, time::Duration};

use jiff::Timestamp;

use super::data::Data;
use crate::{
    control::{Applying, Progress},
    model::{
        AuditRecord, Change, EventDecision, GatewayName, Heartbeat, Mode, OutcomeKind, OverrideKey,
        PlanId, Revision, RouteName, Subject, Verb, WorkloadName,
    },
    policy,
};

/// The most events looked at for the first request.
const LOOKED_AT: usize = 500;

/// One change.
#[derive(Clone, Debug, PartialEq)]
pub struct Followed {
    /// What was changed.
    pub key: OverrideKey,
    /// What is in force after it; `None`: the configuration's value.
    pub after: Option<Change>,
    /// What was done.
    pub verb: Verb,
    /// The revision it made.
    pub revision: Revision,
    /// When it was committed.
    pub at: Timestamp,
    /// How far it has come.
    pub progress: Option<Progress>,
    /// The first request that was routed under it.
    pub first: Option<First>,
}

/// A change of which nobody knows whether it was made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unknown {
    /// Its plan.
    pub plan: PlanId,
    /// What was planned, in words.
    pub what: String,
}

/// The first request under a change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct First {
    /// When.
    pub at: Timestamp,
    /// The route that served it.
    pub route: RouteName,
}

impl Followed {
    /// Follows the change that an audit record tells of.
    #[must_use]
    pub fn new(record: &AuditRecord) -> Self {
        Self {
            key: record.key.clone(),
            after: record.after,
            verb: record.verb.unwrap_or(Verb::Undo),
            revision: record.revision,
            at: record.at,
            progress: None,
            first: None,
        }
    }

    /// Whether every living gateway has it.
    #[must_use]
    pub fn applied(&self) -> bool {
        self.progress
            .as_ref()
            .is_some_and(|progress| progress.applied >= progress.gateways)
    }

    /// Whether nothing more is to be seen of it.
    #[must_use]
    pub fn settled(&self) -> bool {
        let idle = self
            .progress
            .as_ref()
            .is_some_and(|progress| progress.gateways == 0);
        self.applied() && (idle || self.first.is_some() || self.workload().is_none())
    }

    /// The workload it is about, when it is about where requests go.
    #[must_use]
    pub fn workload(&self) -> Option<&WorkloadName> {
        match &self.key.subject {
            Subject::Mode(workload) => Some(workload),
            Subject::Notice(_) | Subject::Drain(_) => None,
        }
    }

    /// Looks whether a gateway that was silent has come back with it, and for the first request. Answers whether
    /// there is anything new.
    pub fn look(&mut self, data: &Data) -> bool {
        let back = self.hear(&data.heartbeats);
        self.route(data) || back
    }

    /// Nobody asks any more how far it has come once every living gateway has it; those that come back tell.
    fn hear(&mut self, heartbeats: &[Heartbeat]) -> bool {
        let Some(progress) = &mut self.progress else {
            return false;
        };
        let mut back = false;
        for one in &mut progress.each {
            let Applying::Silent { since } = one.applying else {
                continue;
            };
            let has = |beat: &&Heartbeat| {
                beat.gateway == one.gateway && beat.at > since && beat.revision >= self.revision
            };
            if heartbeats.iter().any(|beat| has(&beat)) {
                one.applying = Applying::Applied { after_ms: None };
                progress.applied += 1;
                progress.gateways += 1;
                back = true;
            }
        }
        back
    }

    fn route(&mut self, data: &Data) -> bool {
        let Some(workload) = self.workload().cloned() else {
            return false;
        };
        if self.first.is_some() {
            return false;
        }
        let inside = self.inside(data);
        let follows = |gateway: &GatewayName| {
            inside
                .as_ref()
                .is_none_or(|inside| inside.contains(&gateway))
        };
        // An event that ended well gives the exact moment.
        let event = data
            .log
            .iter()
            .rev()
            .take(LOOKED_AT)
            .filter(|stored| {
                stored.event.workload == workload
                    && stored.event.revision >= self.revision
                    && follows(&stored.event.gateway)
            })
            .filter_map(|stored| {
                let outcome = stored.outcome.as_ref()?;
                let served = outcome.kind == OutcomeKind::Completed
                    && stored.event.decision == EventDecision::Fallback;
                Some(First {
                    at: stored.event.at,
                    route: stored.event.fallback.clone().filter(|_| served)?,
                })
            })
            .min_by_key(|first| first.at);
        // Requests that need no event are known from the heartbeats only.
        let routed = data
            .heartbeats
            .iter()
            .filter(|beat| follows(&beat.gateway))
            .flat_map(|beat| &beat.workloads)
            .filter(|traffic| traffic.workload == workload)
            .filter_map(|traffic| traffic.last_routed.as_ref())
            .filter(|routed| routed.revision >= self.revision)
            .min_by_key(|routed| routed.at)
            .map(|routed| First {
                at: routed.at,
                route: routed.route.clone(),
            });
        self.first = [event, routed]
            .into_iter()
            .flatten()
            .min_by_key(|first| first.at);
        self.first.is_some()
    }

    /// The gateways that follow it: those inside its scope that have no more specific override. `None`: all of them.
    fn inside<'a>(&self, data: &'a Data) -> Option<Vec<&'a GatewayName>> {
        let overrides = data.overrides.as_ref()?;
        let rank = self.key.scope.rank();
        let narrower = |(key, _): (&OverrideKey, _)| key.scope.rank() > rank;
        let mut scoped = overrides.scoped(&self.key.subject, self.at);
        if self.key.scope.is_all() && !scoped.any(narrower) {
            return None;
        }
        let follows = |beat: &&Heartbeat| {
            let site = beat.site();
            let found = policy::deciding(overrides, &self.key.subject, Some(&site), self.at);
            self.key.scope.covers(&site) && found.is_none_or(|(scope, _)| scope.rank() <= rank)
        };
        let inside = data.heartbeats.iter().filter(follows);
        Some(inside.map(|beat| &beat.gateway).collect())
    }

    /// Whether the first request went where the change sends requests; `None`: any way is right.
    #[must_use]
    pub fn as_meant(&self, data: &Data) -> Option<bool> {
        let first = self.first.as_ref()?;
        let workload = data.workload(self.workload()?)?;
        let mode = match self.after {
            Some(Change::Mode(mode)) => mode,
            // Wider scopes may say anything then.
            None if !self.key.scope.is_all() => return None,
            Some(Change::Notice(_) | Change::Drain) | None => workload.mode,
        };
        match mode {
            Mode::Force => Some(workload.fallback.as_ref() == Some(&first.route)),
            Mode::Hold => Some(workload.primary == first.route),
            Mode::Auto => None,
        }
    }

    /// What happened so far, in one sentence.
    #[must_use]
    pub fn told(&self, data: &Data) -> String {
        let done = done(self.verb, &self.key.named());
        let Some(progress) = &self.progress else {
            return format!(
                "{done}: committed (revision {}), waiting for the gateways",
                self.revision
            );
        };
        let missing = progress.missing(data.heard());
        if progress.gateways == 0 {
            let missing = missing.map_or_else(String::new, |missing| format!(" ({missing})"));
            return format!(
                "{done}: committed (revision {}); no gateway is alive{missing}, it takes effect when one starts",
                self.revision
            );
        }
        let mut told = format!(
            "{done}: applied on {}/{} gateways in {}",
            progress.applied,
            progress.gateways,
            took(progress.elapsed)
        );
        if let Some(missing) = missing {
            _ = write!(told, "; {missing}");
        }
        if let Some(first) = &self.first {
            let at = first.at.strftime("%H:%M:%S");
            let route = &first.route;
            let (when, wrong) = match self.as_meant(data) {
                Some(false) => (
                    "request after it",
                    ", NOT where it was sent: see events (3)",
                ),
                Some(true) => ("request on the new path", ""),
                None => ("request after it", ""),
            };
            _ = write!(told, "; first {when}: {at} served by {route}{wrong}");
        } else if self.applied() && self.workload().is_some() {
            told.push_str("; waiting for the first request");
        }
        told
    }
}

/// `0.02 s`, `4 ms`.
fn took(elapsed: Duration) -> String {
    if elapsed < Duration::from_millis(10) {
        format!("{} ms", elapsed.as_millis().max(1))
    } else {
        format!("{:.2} s", elapsed.as_secs_f64())
    }
}

/// A change as something that was done.
#[must_use]
pub fn done(verb: Verb, target: &str) -> String {
    match verb {
        Verb::Force => format!("forced {target}"),
        Verb::Hold => format!("held {target}"),
        Verb::Auto => format!("set {target} to auto"),
        Verb::NoticeOn => format!("turned the notice of {target} on"),
        Verb::NoticeOff => format!("turned the notice of {target} off"),
        Verb::Drain => format!("drained {target}"),
        Verb::Undrain => format!("undrained {target}"),
        Verb::Undo => format!("undid the last change of {target}"),
    }
}
