//! The backend for tests and for a demo without files: equal names in one process share one state.
//!
//! It keeps the same promises as the others, except that everything is gone when its last handle is.

#![expect(
    clippy::unused_async,
    reason = "the methods have the shape that every backend has"
)]

mod captures;
mod chain;
mod duty;
mod events;
mod import;
mod past;
pub(super) mod probes;
mod reviews;
mod stage;

use std::{
    collections::{BTreeMap, HashMap},
    fmt,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError, Weak,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use jiff::Timestamp;
use tokio::sync::watch;

use captures::Captures;
use chain::Audit;
use probes::Probes;
use reviews::Reviews;

use super::{
    Access, AuditQuery, ChangeError, HEARTBEAT_LIFE, Health, PLAN_LIFE, PRESENCE_LIFE, Reservation,
    StoreError, earlier, host_name,
    past::Past,
    queue::{Places, Sink},
    rules::{self, Counters},
};
use crate::{
    clock::Clock,
    model::{
        AuditRecord, ChangeRequest, Conflict, Entry, Event, EventId, GatewayName, Heartbeat, Lease,
        Outcome, Overrides, Plan, PlanId, Presence, ProbeKey, ProbePoint, ProbeRecord, Retention,
        Revision, RouteName, Seq, Spent, WorkloadReadiness,
    },
};

/// The states by name. Weak: a state lives as long as its handles.
static STATES: Mutex<BTreeMap<String, Weak<Shared>>> = Mutex::new(BTreeMap::new());

/// One handle on a state in memory.
#[derive(Clone, Debug)]
pub(super) struct Memory {
    shared: Arc<Shared>,
    access: Access,
    clock: Clock,
    host: Arc<str>,
    /// Closing one handle must not close the others.
    closed: Arc<AtomicBool>,
}

/// A state that handles share.
pub(super) struct Shared {
    pub(super) places: Places,
    tables: Mutex<Tables>,
    overrides: watch::Sender<Arc<Overrides>>,
    newest: watch::Sender<Seq>,
    health: watch::Sender<Health>,
    stage: stage::Stage,
}

#[derive(Default)]
struct Tables {
    audit: Audit,
    log: BTreeMap<Seq, Entry>,
    outcomes: HashMap<EventId, Outcome>,
    plans: BTreeMap<PlanId, (Plan, Option<Revision>)>,
    heartbeats: BTreeMap<GatewayName, Heartbeat>,
    presences: BTreeMap<String, Presence>,
    leases: BTreeMap<&'static str, Lease>,
    readiness: Vec<WorkloadReadiness>,
    spending: BTreeMap<(i64, RouteName), Spent>,
    past: Past,
    probes: Probes,
    captures: Captures,
    reviews: Reviews,
}

impl Shared {
    fn new() -> Self {
        Self {
            places: Places::new(),
            tables: Mutex::default(),
            overrides: watch::Sender::default(),
            newest: watch::Sender::default(),
            health: watch::Sender::new(Health::Good),
            stage: stage::Stage::default(),
        }
    }

    fn lock(&self) -> MutexGuard<'_, Tables> {
        self.tables.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Puts an entry at the end of the log.
    pub(super) fn append(&self, entry: Entry) -> Seq {
        let mut tables = self.lock();
        let seq = Seq(self.newest.borrow().0 + 1);
        if let Entry::Outcome(outcome) = &entry {
            tables
                .outcomes
                .entry(outcome.event)
                .or_insert_with(|| outcome.clone());
        }
        tables.log.insert(seq, entry);
        self.newest.send_replace(seq);
        seq
    }
}

impl fmt::Debug for Shared {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Shared")
    }
}

impl Memory {
    /// Joins the state of this name, or begins it.
    pub(super) fn open(name: &str, access: Access, clock: Clock) -> Self {
        let mut states = STATES.lock().unwrap_or_else(PoisonError::into_inner);
        states.retain(|_, state| state.strong_count() > 0);
        let shared = states.get(name).and_then(Weak::upgrade).unwrap_or_else(|| {
            let shared = Arc::new(Shared::new());
            states.insert(name.to_owned(), Arc::downgrade(&shared));
            shared
        });
        Self {
            shared,
            access,
            clock,
            host: host_name().into(),
            closed: Arc::default(),
        }
    }

    fn read(&self) -> Result<MutexGuard<'_, Tables>, StoreError> {
        if self.closed.load(Ordering::Acquire) {
            return Err(StoreError::Closed);
        }
        Ok(self.shared.lock())
    }

    fn write(&self) -> Result<MutexGuard<'_, Tables>, StoreError> {
        match self.access {
            Access::Observe => Err(StoreError::ReadOnly),
            Access::Write => {
                self.shared.stage.may_write()?;
                self.read()
            }
        }
    }

    fn counters(&self, tables: &Tables) -> Counters {
        Counters {
            revision: self.shared.overrides.borrow().revision,
            sequence: tables.audit.newest(),
        }
    }

    /// Keeps what a rule answered. Called with the tables locked, so that no two changes cross.
    fn keep(&self, tables: &mut Tables, key: crate::model::OverrideKey, applied: rules::Applied) {
        tables.audit.append(applied.records);
        tables.reviews.owe(applied.debts);
        self.shared.overrides.send_modify(|overrides| {
            let overrides = Arc::make_mut(overrides);
            overrides.revision = applied.slot.revision;
            overrides.slots.insert(key, applied.slot);
        });
    }

    pub(super) fn overrides(&self) -> watch::Receiver<Arc<Overrides>> {
        self.shared.overrides.subscribe()
    }

    pub(super) async fn change(&self, request: ChangeRequest) -> Result<AuditRecord, ChangeError> {
        let mut tables = self.write()?;
        let now = self.clock.now();
        if let Some(id) = &request.plan
            && let Some((_, Some(_))) = tables.plans.get(id)
        {
            return Err(ChangeError::PlanUsed);
        }
        let overrides = Arc::clone(&self.shared.overrides.borrow());
        let (key, expected, plan) = (request.key.clone(), request.expected, request.plan.clone());
        let counters = self.counters(&tables);
        let applied = rules::change(
            overrides.slots.get(&key),
            counters,
            request,
            now,
            &self.host,
        )
        .map_err(|found| {
            let winner = tables
                .audit
                .records()
                .rfind(|record| record.revision == found.revision)
                .cloned();
            ChangeError::Conflict(Box::new(Conflict {
                key: key.clone(),
                expected,
                found: *found,
                winner: winner.map(Box::new),
            }))
        })?;
        let Some(record) = applied.records.last().cloned() else {
            return Err(StoreError::Closed.into());
        };
        let unknown = self.shared.stage.lost();
        if let Some((false, error)) = unknown {
            return Err(error.into());
        }
        if let Some(plan) = plan.and_then(|id| tables.plans.get_mut(&id)) {
            plan.1 = Some(record.revision);
        }
        self.keep(&mut tables, key, applied);
        unknown.map_or(Ok(record), |(_, error)| Err(error.into()))
    }

    pub(super) async fn end_expired(&self) -> Result<Vec<AuditRecord>, StoreError> {
        let mut tables = self.write()?;
        let now = self.clock.now();
        let overrides = Arc::clone(&self.shared.overrides.borrow());
        let mut ended = Vec::new();
        for (key, slot) in &overrides.slots {
            let counters = self.counters(&tables);
            if let Some(applied) = rules::expire(key, slot, counters, now, &self.host) {
                ended.extend(applied.records.iter().cloned());
                self.keep(&mut tables, key.clone(), applied);
            }
        }
        Ok(ended)
    }

    pub(super) fn reserve(&self) -> Result<Reservation, StoreError> {
        // Events wait in a spool while apart.
        match self.access {
            Access::Observe => return Err(StoreError::ReadOnly),
            Access::Write => drop(self.read()?),
        }
        Reservation::of(Sink::Memory(Arc::clone(&self.shared)))
    }

    pub(super) fn newest(&self) -> watch::Receiver<Seq> {
        self.shared.newest.subscribe()
    }

    pub(super) async fn tail(
        &self,
        after: Seq,
        limit: usize,
    ) -> Result<Vec<(Seq, Entry)>, StoreError> {
        let tables = self.read()?;
        let from = Seq(after.0.saturating_add(1));
        Ok(tables
            .log
            .range(from..)
            .take(limit)
            .map(|(seq, entry)| (*seq, entry.clone()))
            .collect())
    }

    pub(super) async fn audit(&self, query: AuditQuery) -> Result<Vec<AuditRecord>, StoreError> {
        let tables = self.read()?;
        let mut found: Vec<AuditRecord> = tables
            .audit
            .records()
            .filter(|record| query.wants(record))
            .cloned()
            .collect();
        if query.limit > 0 && found.len() > query.limit {
            found.drain(..found.len() - query.limit);
        }
        Ok(found)
    }

    pub(super) async fn put_plan(&self, plan: Plan) -> Result<(), StoreError> {
        let mut tables = self.write()?;
        let now = self.clock.now();
        drop_before(&mut tables.plans, now, PLAN_LIFE, |(plan, _)| plan.made);
        if let Some((held, None)) = tables.plans.get(&plan.id)
            && *held != plan
            && held.valid_until > now
        {
            return Err(StoreError::PlanTaken { id: plan.id });
        }
        tables.plans.insert(plan.id.clone(), (plan, None));
        Ok(())
    }

    pub(super) async fn plan(
        &self,
        id: PlanId,
    ) -> Result<Option<(Plan, Option<Revision>)>, StoreError> {
        let oldest = earlier(self.clock.now(), PLAN_LIFE);
        Ok(self
            .read()?
            .plans
            .get(&id)
            .filter(|(plan, _)| plan.made >= oldest)
            .cloned())
    }

    pub(super) async fn beat(&self, heartbeat: Heartbeat) -> Result<(), StoreError> {
        let mut tables = self.write()?;
        let Tables {
            past, heartbeats, ..
        } = &mut *tables;
        past::count(past, heartbeats.get(&heartbeat.gateway), &heartbeat);
        heartbeats.insert(heartbeat.gateway.clone(), heartbeat);
        Ok(())
    }

    pub(super) async fn heartbeats(&self) -> Result<Vec<Heartbeat>, StoreError> {
        let mut tables = self.read()?;
        let now = self.clock.now();
        drop_before(&mut tables.heartbeats, now, HEARTBEAT_LIFE, |beat| beat.at);
        Ok(tables.heartbeats.values().cloned().collect())
    }

    pub(super) async fn farewell(&self, gateway: GatewayName) -> Result<(), StoreError> {
        self.write()?.heartbeats.remove(&gateway);
        Ok(())
    }

    pub(super) async fn put_presence(&self, presence: Presence) -> Result<(), StoreError> {
        self.read()?
            .presences
            .insert(presence.session.clone(), presence);
        Ok(())
    }

    pub(super) async fn remove_presence(&self, session: String) -> Result<(), StoreError> {
        self.read()?.presences.remove(&session);
        Ok(())
    }

    pub(super) async fn presences(&self) -> Result<Vec<Presence>, StoreError> {
        let mut tables = self.read()?;
        let now = self.clock.now();
        drop_before(&mut tables.presences, now, PRESENCE_LIFE, |seen| seen.at);
        Ok(tables.presences.values().cloned().collect())
    }

    pub(super) async fn put_probes(&self, records: Vec<ProbeRecord>) -> Result<(), StoreError> {
        self.write()?.probes.put(records, self.clock.now());
        Ok(())
    }

    pub(super) async fn probes(
        &self,
        after: Option<Timestamp>,
    ) -> Result<Vec<ProbeRecord>, StoreError> {
        Ok(self.read()?.probes.latest(after, self.clock.now()))
    }

    pub(super) async fn probes_since(
        &self,
        place: u64,
    ) -> Result<(Vec<ProbeRecord>, u64), StoreError> {
        Ok(self.read()?.probes.since(place, self.clock.now()))
    }

    pub(super) async fn probe_history(&self, key: ProbeKey) -> Result<Vec<ProbePoint>, StoreError> {
        Ok(self.read()?.probes.history(&key))
    }

    pub(super) async fn retain(&self, retention: Retention) -> Result<(u64, u64), StoreError> {
        let mut tables = self.write()?;
        let now = self.clock.now();
        let oldest_event = earlier(now, retention.events);
        let oldest_record = earlier(now, retention.audit);
        let mut events = 0;
        tables.log.retain(|_, entry| {
            let (at, counts) = match entry {
                Entry::Decision(event) => (event.at, 1),
                Entry::Outcome(outcome) => (outcome.at, 0),
            };
            let old = at < oldest_event;
            events += if old { counts } else { 0 };
            !old
        });
        tables
            .outcomes
            .retain(|_, outcome| outcome.at >= oldest_event);
        Ok((events, tables.audit.forget(oldest_record, now)))
    }

    pub(super) fn waiting(&self) -> usize {
        self.shared.places.taken()
    }

    pub(super) fn health(&self) -> watch::Receiver<Health> {
        self.shared.health.subscribe()
    }

    pub(super) async fn close(&self) -> Result<(), StoreError> {
        self.closed.store(true, Ordering::Release);
        Ok(())
    }
}

fn decision(entry: &Entry) -> Option<&Event> {
    match entry {
        Entry::Decision(event) => Some(event),
        Entry::Outcome(_) => None,
    }
}

fn drop_before<K: Ord, V>(
    table: &mut BTreeMap<K, V>,
    now: Timestamp,
    life: Duration,
    at: impl Fn(&V) -> Timestamp,
) {
    let oldest = earlier(now, life);
    table.retain(|_, value| at(value) >= oldest);
}
