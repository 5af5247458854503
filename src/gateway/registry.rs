//! What outlives a reload of the configuration: numbers, circuits and retry budgets, by name.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, atomic::AtomicU32},
    time::Instant,
};

use super::{
    callers::KeyStats,
    capture::{self, Lens},
    circuits::Breaker,
    route_traffic::RouteStats,
    slots::Slots,
    traffic::WorkloadStats,
};
use crate::{
    clock::Clock,
    model::{
        Capture, Catalog, ClientName, KeyHash, Route, RouteName, Secret, Workload, WorkloadName,
    },
    policy::RetryBudget,
};

/// Kept by the keeper of snapshots; not touched by requests.
#[derive(Debug)]
pub(super) struct Registry {
    workers: usize,
    captures: capture::Sender,
    started: Instant,
    lenses: BTreeMap<WorkloadName, Arc<Lens>>,
    workloads: BTreeMap<WorkloadName, Arc<WorkloadStats>>,
    routes: BTreeMap<RouteName, Arc<RouteStats>>,
    breakers: BTreeMap<RouteName, (RouteIdentity, Arc<Breaker>)>,
    slots: BTreeMap<RouteName, Arc<AtomicU32>>,
    budgets: BTreeMap<WorkloadName, (f64, Arc<Mutex<RetryBudget>>)>,
    keys: BTreeMap<(ClientName, String), Arc<KeyStats>>,
}

/// What makes a route the same one: a route with another address, model or key starts with a closed circuit.
#[derive(Debug, PartialEq)]
struct RouteIdentity {
    base_url: String,
    model: String,
    credential: Option<Secret>,
    circuit: bool,
}

impl Registry {
    pub(super) fn new(workers: usize, captures: capture::Sender) -> Self {
        Self {
            workers,
            captures,
            started: Clock::instant(),
            lenses: BTreeMap::new(),
            workloads: BTreeMap::new(),
            routes: BTreeMap::new(),
            breakers: BTreeMap::new(),
            slots: BTreeMap::new(),
            budgets: BTreeMap::new(),
            keys: BTreeMap::new(),
        }
    }

    pub(super) fn workload(&mut self, name: &WorkloadName) -> Arc<WorkloadStats> {
        let workers = self.workers;
        let stats = self.workloads.entry(name.clone());
        Arc::clone(stats.or_insert_with(|| Arc::new(WorkloadStats::new(workers))))
    }

    pub(super) fn route(&mut self, name: &RouteName) -> Arc<RouteStats> {
        let workers = self.workers;
        let stats = self.routes.entry(name.clone());
        Arc::clone(stats.or_insert_with(|| Arc::new(RouteStats::new(workers))))
    }

    pub(super) fn key(&mut self, client: &ClientName, hash: &KeyHash) -> Arc<KeyStats> {
        let stats = self.keys.entry((client.clone(), hash.short()));
        Arc::clone(stats.or_default())
    }

    pub(super) fn breaker(&mut self, route: &Route) -> Arc<Breaker> {
        let identity = RouteIdentity {
            base_url: route.base_url.clone(),
            model: route.model.clone(),
            credential: route.credential.clone(),
            circuit: route.circuit,
        };
        if let Some((known, breaker)) = self.breakers.get(&route.name)
            && *known == identity
        {
            return Arc::clone(breaker);
        }
        let breaker = Arc::new(Breaker::new(route.circuit));
        self.breakers
            .insert(route.name.clone(), (identity, Arc::clone(&breaker)));
        breaker
    }

    pub(super) fn slots(&mut self, route: &Route) -> Slots {
        let taken = self.slots.entry(route.name.clone()).or_default();
        Slots::new(Arc::clone(taken), route.max_concurrent)
    }

    #[expect(
        clippy::float_cmp,
        reason = "the same text in the file gives the same number"
    )]
    pub(super) fn budget(&mut self, workload: &Workload) -> Arc<Mutex<RetryBudget>> {
        if let Some((share, budget)) = self.budgets.get(&workload.name)
            && *share == workload.retry_share
        {
            return Arc::clone(budget);
        }
        let share = workload.retry_share;
        let budget = Arc::new(Mutex::new(RetryBudget::new(share)));
        self.budgets
            .insert(workload.name.clone(), (share, Arc::clone(&budget)));
        budget
    }

    /// What takes the bodies of a workload that is captured.
    pub(super) fn lens(&mut self, workload: &Workload) -> Option<Arc<Lens>> {
        if workload.capture == Capture::Off {
            self.lenses.remove(&workload.name);
            return None;
        }
        let lens = self.lenses.entry(workload.name.clone());
        let new = || Arc::new(Lens::new(&workload.name, &self.captures, self.started));
        Some(Arc::clone(lens.or_insert_with(new)))
    }

    /// Forgets what a catalog no longer names.
    pub(super) fn keep(&mut self, catalog: &Catalog) {
        self.workloads
            .retain(|name, _| catalog.workloads.contains_key(name));
        self.lenses
            .retain(|name, _| catalog.workloads.contains_key(name));
        self.budgets
            .retain(|name, _| catalog.workloads.contains_key(name));
        self.keys.retain(|(client, key), _| {
            let client = catalog.clients.get(client);
            client.is_some_and(|client| client.keys.iter().any(|known| known.hash.short() == *key))
        });
        self.routes
            .retain(|name, _| catalog.routes.contains_key(name));
        self.slots
            .retain(|name, _| catalog.routes.contains_key(name));
        self.breakers
            .retain(|name, _| catalog.routes.contains_key(name));
    }
}
