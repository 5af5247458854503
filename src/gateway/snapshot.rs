//! What is in force: the catalog, prepared, and the overrides on top of it, as one immutable value.
//!
//! The keeper makes a new one when the catalog or the overrides change and when an override ends; requests
//! hold the one they began with.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex},
    time::Instant,
};

use http::{HeaderValue, Uri};
use jiff::Timestamp;

use super::{
    callers::Callers,
    capture::Lens,
    circuits::{Breaker, Pass},
    headers::value,
    registry::Registry,
    route_traffic::RouteStats,
    slots::Slots,
    traffic::WorkloadStats,
};
use crate::{
    model::{
        Catalog, Overrides, Revision, Route, RouteMark, RouteName, Site, Workload, WorkloadName,
    },
    policy::{CircuitView, RetryBudget, Side, Switches},
    wire::{RouteHead, Shape, Stored, Verb, upstream::Origin},
};

/// A route, ready to be asked.
#[derive(Debug)]
pub(super) struct ReadyRoute {
    pub(super) route: Route,
    /// `None`: it cannot be asked (`config` refuses such a file, so this needs a catalog made otherwise).
    pub(super) target: Option<Target>,
    pub(super) name_header: HeaderValue,
    pub(super) mark: RouteMark,
    pub(super) breaker: Arc<Breaker>,
    slots: Slots,
    pub(super) stats: Arc<RouteStats>,
}

impl ReadyRoute {
    /// Asks for admission of one attempt, in the view of its circuit. No pass: it runs as many as it may.
    pub(super) fn admit(&self, now: Instant) -> (CircuitView, Option<Pass>) {
        // A trial must not be spent on an attempt that finds no place.
        let Some(slot) = self.slots.take() else {
            return (self.breaker.view(now), None);
        };
        let (view, pass) = self.breaker.admit(now, slot);
        (view, Some(pass))
    }
}

/// Where and how a route is asked.
#[derive(Debug)]
pub(super) struct Target {
    pub(super) head: RouteHead,
    pub(super) origin: Origin,
    /// Path only, of the usual call without a query.
    pub(super) path: Uri,
}

impl Target {
    fn new(route: &Route) -> Option<Self> {
        let told = |error: &dyn std::fmt::Display| {
            tracing::error!(route = %route.name, %error, "the route cannot be asked");
        };
        let head = RouteHead::new(route)
            .inspect_err(|error| told(error))
            .ok()?;
        let origin = Origin::new(head.scheme(), head.authority())
            .inspect_err(|error| told(error))
            .ok()?;
        let path = relative(
            head.uri(Verb::Generate, None)
                .inspect_err(|error| told(error))
                .ok()?,
        );
        Some(Self { head, origin, path })
    }

    /// Path and query to ask.
    pub(super) fn path(&self, verb: Verb, query: Option<&str>) -> Uri {
        match (verb, query) {
            (Verb::Generate, None) => self.path.clone(),
            // What a server has parsed always is a query.
            (Verb::Generate | Verb::Stream(_) | Verb::CountTokens | Verb::Compact, _) => self
                .head
                .uri(verb, query)
                .map_or_else(|_| self.path.clone(), relative),
        }
    }

    /// Path and query of what the provider keeps.
    pub(super) fn stored(&self, stored: &Stored<'_>, query: Option<&str>) -> Uri {
        self.head
            .stored_uri(stored, query)
            .map_or_else(|_| self.path.clone(), relative)
    }
}

fn relative(absolute: Uri) -> Uri {
    absolute
        .into_parts()
        .path_and_query
        .map_or_else(|| Uri::from_static("/"), Uri::from)
}

/// A workload, ready to be served.
#[derive(Debug)]
pub(super) struct ReadyWorkload {
    pub(super) workload: Workload,
    pub(super) shape: Shape,
    pub(super) primary: Arc<ReadyRoute>,
    pub(super) fallback: Option<Arc<ReadyRoute>>,
    /// Of the configuration that it stands in.
    pub(super) fingerprint: Arc<str>,
    pub(super) name_header: HeaderValue,
    pub(super) notice_header: HeaderValue,
    /// `None`: no limit.
    pub(super) budget: Option<Arc<Mutex<RetryBudget>>>,
    pub(super) stats: Arc<WorkloadStats>,
    /// `None`: nothing of it is captured.
    pub(super) lens: Option<Arc<Lens>>,
}

impl ReadyWorkload {
    /// The route of a side.
    pub(super) fn route(&self, side: Side) -> Option<&Arc<ReadyRoute>> {
        match side {
            Side::Primary => Some(&self.primary),
            Side::Fallback => self.fallback.as_ref(),
        }
    }

    /// The name of a side's route.
    pub(super) fn route_name(&self, side: Side) -> Option<RouteName> {
        self.route(side).map(|route| route.route.name.clone())
    }
}

/// A catalog, prepared.
#[derive(Debug)]
pub(super) struct Prepared {
    pub(super) catalog: Arc<Catalog>,
    pub(super) routes: Vec<Arc<ReadyRoute>>,
    pub(super) workloads: Vec<Arc<ReadyWorkload>>,
    pub(super) callers: Callers,
    by_name: HashMap<WorkloadName, usize>,
}

impl Prepared {
    /// Prepares a catalog; numbers and circuits go on as far as names and targets are the same.
    pub(super) fn new(catalog: Arc<Catalog>, registry: &mut Registry) -> Self {
        let routes: HashMap<RouteName, Arc<ReadyRoute>> = catalog
            .routes
            .values()
            .map(|route| {
                let ready = ReadyRoute {
                    target: Target::new(route),
                    name_header: value(route.name.as_str()),
                    mark: RouteMark::of(route),
                    breaker: registry.breaker(route),
                    slots: registry.slots(route),
                    stats: registry.route(&route.name),
                    route: route.clone(),
                };
                (route.name.clone(), Arc::new(ready))
            })
            .collect();
        let fingerprint: Arc<str> = catalog.fingerprint.as_str().into();
        let workloads: Vec<_> = catalog
            .workloads
            .values()
            .filter_map(|workload| {
                let Some(primary) = routes.get(&workload.primary) else {
                    tracing::error!(workload = %workload.name, route = %workload.primary, "unknown route");
                    return None;
                };
                let fallback = workload.fallback.as_ref().and_then(|name| routes.get(name));
                Some(Arc::new(ReadyWorkload {
                    shape: Shape::of(workload.family),
                    primary: Arc::clone(primary),
                    fallback: fallback.map(Arc::clone),
                    fingerprint: Arc::clone(&fingerprint),
                    name_header: value(workload.name.as_str()),
                    notice_header: value(&workload.notice.text),
                    budget: (workload.retry_share < 1.0).then(|| registry.budget(workload)),
                    stats: registry.workload(&workload.name),
                    lens: registry.lens(workload),
                    workload: workload.clone(),
                }))
            })
            .collect();
        let by_name = workloads
            .iter()
            .enumerate()
            .map(|(index, ready)| (ready.workload.name.clone(), index))
            .collect();
        let mut routes: Vec<_> = routes.into_values().collect();
        routes.sort_by(|a, b| a.route.name.cmp(&b.route.name));
        let callers = Callers::new(&catalog, registry);
        registry.keep(&catalog);
        Self {
            catalog,
            routes,
            workloads,
            callers,
            by_name,
        }
    }
}

/// What is in force.
#[derive(Debug)]
pub(super) struct Snapshot {
    pub(super) prepared: Arc<Prepared>,
    /// In the order of the workloads.
    switches: Vec<Arc<Switches>>,
    pub(super) revision: Revision,
    /// When the next override ends.
    pub(super) next_expiry: Option<Timestamp>,
}

/// One workload as it is in force.
#[derive(Clone, Debug)]
pub(super) struct InForce {
    pub(super) ready: Arc<ReadyWorkload>,
    pub(super) switches: Arc<Switches>,
}

impl Snapshot {
    /// Lays the overrides that are active now at this gateway's site over a catalog.
    pub(super) fn new(
        prepared: Arc<Prepared>,
        overrides: &Overrides,
        site: &Site,
        now: Timestamp,
    ) -> Self {
        let of = |ready: &ReadyWorkload| Switches::of(&ready.workload, overrides, Some(site), now);
        let switches = prepared
            .workloads
            .iter()
            .map(|ready| Arc::new(of(ready)))
            .collect();
        Self {
            prepared,
            switches,
            revision: overrides.revision,
            next_expiry: overrides.next_expiry(now),
        }
    }

    /// A workload by its name.
    pub(super) fn workload(&self, name: &str) -> Option<InForce> {
        let index = *self.prepared.by_name.get(name)?;
        Some(InForce {
            ready: Arc::clone(self.prepared.workloads.get(index)?),
            switches: Arc::clone(self.switches.get(index)?),
        })
    }
}
