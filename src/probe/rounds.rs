//! Probing by schedule: one process of all holds the lease and asks what is due, within its budget; it judges
//! readiness and writes down when that changes.
//!
//! Started by `cli` beside a gateway, and by the demo. Unlike the prober itself it uses the store: what it finds
//! is for everybody. It must not touch traffic, circuits or overrides.

use std::{
    collections::{BTreeMap, VecDeque},
    panic::AssertUnwindSafe,
    sync::Arc,
    time::Duration,
};

use futures_util::FutureExt as _;
use jiff::{SignedDuration, Timestamp};
use tokio::{
    sync::watch,
    task::JoinSet,
    time::{Instant, sleep_until, timeout},
};
use tokio_util::sync::CancellationToken;

use super::{
    Prober,
    budget::{Purse, spent},
    changed,
    due::{self, Known, Task},
    live::{Live, Marks},
    ready, task,
};
use crate::{
    clock::Clock,
    model::{
        Catalog, Entry, GatewayName, Heartbeat, ProbeKey, ProbeRecord, ProbeSubject, RouteName,
        Rung, Spent, WorkloadName, WorkloadReadiness,
    },
    review,
    store::{Store, StoreError},
};

/// The lease's name in the store.
const LEASE: &str = "probe";
/// How long a lease holds: the longest time for which nobody probes when its holder dies.
const LEASE_LIFE: Duration = Duration::from_secs(15);
/// How often it is renewed, and live traffic looked at.
pub const BEAT: Duration = Duration::from_secs(5);
/// How long the store may take for one of these.
const PATIENCE: Duration = Duration::from_secs(4);
/// How often the schedule is gone through at most: with thousands of routes that takes milliseconds.
const SCAN: Duration = Duration::from_secs(1);
/// How long a task that could not be sent waits.
const UNSENT_WAIT: SignedDuration = SignedDuration::from_mins(1);

/// What probing by schedule needs.
#[derive(Debug)]
pub struct Rounds {
    /// Asks.
    pub prober: Prober,
    /// The configuration, followed. Its keys must be readable here.
    pub catalog: watch::Receiver<Arc<Catalog>>,
    /// Open for writing.
    pub store: Store,
    /// Time.
    pub clock: Clock,
    /// This process, unique in the fleet: the gateway's name.
    pub name: GatewayName,
    /// How often the lease is renewed and live traffic looked at: [`BEAT`].
    pub beat: Duration,
}

/// What asking for the lease said.
enum Asked {
    /// It is ours, until then.
    Held(Timestamp),
    /// Another process has it.
    Lost,
    /// The store did not say.
    Unknown,
}

impl Rounds {
    /// Probes while it holds the lease, waits for it while another does, until `stop`. Must run on a local runtime:
    /// [`super::Schedule`] brings one.
    pub async fn run(self, stop: CancellationToken) {
        loop {
            if let Asked::Held(until) = self.ask().await {
                tracing::info!(name = %self.name, "this process probes the routes");
                tokio::select! {
                    biased;
                    () = stop.cancelled() => {}
                    () = self.hold(until) => {}
                }
                if stop.is_cancelled() {
                    let release = self.store.release(LEASE, self.name.to_string());
                    let _ = timeout(PATIENCE, release).await;
                    return;
                }
                tracing::warn!(name = %self.name, "the lease to probe is lost; another process may have it");
            }
            tokio::select! {
                () = stop.cancelled() => return,
                () = tokio::time::sleep(self.beat) => {}
            }
        }
    }

    /// Takes or renews the lease.
    async fn ask(&self) -> Asked {
        let lease = self.store.lease(LEASE, self.name.to_string(), LEASE_LIFE);
        match timeout(PATIENCE, lease).await {
            Ok(Ok(Ok(lease))) => Asked::Held(lease.until),
            Ok(Ok(Err(_))) => Asked::Lost,
            Ok(Err(error)) => {
                tracing::debug!(%error, "the lease to probe cannot be asked for");
                Asked::Unknown
            }
            Err(_) => Asked::Unknown,
        }
    }

    /// Probes until the lease is lost. What still runs then is dropped: another process does it.
    async fn hold(&self, mut until: Timestamp) {
        let mut catalogs = self.catalog.clone();
        let mut round = match Round::begin(self).await {
            Ok(round) => round,
            Err(error) => {
                tracing::warn!(%error, "probing cannot begin: the store does not answer");
                return;
            }
        };
        let mut beat = Instant::now();
        loop {
            // By the clock of the lease, which goes on while a process is stopped or a machine sleeps: nothing
            // is sent under a lease that is over.
            let over = self.clock.now() >= until;
            if over || Instant::now() >= beat {
                match self.ask().await {
                    Asked::Held(longer) => until = longer,
                    Asked::Unknown if !over => {}
                    Asked::Lost | Asked::Unknown => return,
                }
                beat = Instant::now() + self.beat;
                round.look(self).await;
            }
            let catalog = catalogs.borrow_and_update().clone();
            let wake = round.send(self, &catalog);
            let wake = wake.map_or(beat, |wake| beat.min(wake));
            tokio::select! {
                Some(done) = round.running.join_next() => {
                    if let Ok(done) = done {
                        round.done(self, done).await;
                    }
                }
                Ok(()) = catalogs.changed() => {}
                () = sleep_until(wake) => {}
            }
        }
    }
}

/// What a task brought.
struct Done {
    key: ProbeKey,
    found: task::Found,
    /// In which hour how many requests were reckoned with.
    expected: (i64, u64),
    sent: bool,
}

/// The state of a holder.
struct Round {
    since: Timestamp,
    records: BTreeMap<ProbeKey, ProbeRecord>,
    /// The place in the store from which to read on.
    read: u64,
    heartbeats: Vec<Heartbeat>,
    marks: Marks,
    live: Live,
    purse: Purse,
    held: BTreeMap<ProbeKey, Option<Timestamp>>,
    words: BTreeMap<WorkloadName, WorkloadReadiness>,
    running: JoinSet<Done>,
    /// What was due when the schedule was gone through last, and is still to be sent.
    ripe: VecDeque<Turn>,
    /// When it is to be gone through again.
    scan: Instant,
}

/// A task whose turn it is, by name: the configuration may change before it is sent.
struct Turn {
    key: ProbeKey,
    workload: Option<WorkloadName>,
    /// The most requests that it may take.
    requests: u64,
}

impl Round {
    async fn begin(rounds: &Rounds) -> Result<Self, StoreError> {
        let now = rounds.clock.now();
        let hour = Purse::since(Spent::hour_of(now));
        let words = rounds.store.readiness().await?;
        let mut round = Self {
            since: now,
            records: BTreeMap::new(),
            read: 0,
            heartbeats: Vec::new(),
            marks: Marks::default(),
            live: Live::default(),
            purse: Purse::of(&rounds.store.spent(hour).await?),
            held: BTreeMap::new(),
            words: words
                .into_iter()
                .map(|word| (word.workload.clone(), word))
                .collect(),
            running: JoinSet::new(),
            ripe: VecDeque::new(),
            scan: Instant::now(),
        };
        round.read(rounds).await?;
        Ok(round)
    }

    /// Takes in what others probed meanwhile: a person in the console, a job of CI.
    async fn read(&mut self, rounds: &Rounds) -> Result<(), StoreError> {
        let (newer, read) = rounds.store.probes_since(self.read).await?;
        self.read = read;
        for record in newer {
            self.keep(record);
        }
        Ok(())
    }

    fn keep(&mut self, record: ProbeRecord) {
        let key = record.key();
        let older = |known: &ProbeRecord| known.at() <= record.at();
        if self.records.get(&key).is_none_or(older) {
            self.records.insert(key, record);
        }
    }

    /// Looks at live traffic and at readiness.
    async fn look(&mut self, rounds: &Rounds) {
        let looked = async {
            self.heartbeats = rounds.store.heartbeats().await?;
            self.read(rounds).await
        };
        if let Ok(Err(error)) = timeout(PATIENCE, looked).await {
            tracing::debug!(%error, "the store does not say what is live");
        }
        let catalog = Arc::clone(&rounds.catalog.borrow());
        self.marks = Marks::of(&catalog);
        let now = rounds.clock.now();
        self.live = Live::of(&catalog, &self.marks, &self.heartbeats, now);
        self.judge(rounds).await;
    }

    /// Starts what is due and allowed; answers when to look again, at the latest with the next beat.
    fn send(&mut self, rounds: &Rounds, catalog: &Arc<Catalog>) -> Option<Instant> {
        let settings = &catalog.probing;
        if !settings.active {
            self.ripe.clear();
            return None;
        }
        if self.ripe.is_empty() && Instant::now() >= self.scan {
            self.plan(rounds, catalog);
        }
        let hour = Spent::hour_of(rounds.clock.now());
        while self.running.len() < settings.at_once {
            let Some(turn) = self.ripe.pop_front() else {
                break;
            };
            // What the budget does not allow now is due again when the schedule is gone through.
            let route = &turn.key.route;
            if self.purse.allows(settings, route, hour, turn.requests) {
                // Counted when it is sent, so that what runs at the same time does not overdraw.
                self.purse.add(&spent(route, hour, turn.requests, 0.0));
                self.start(rounds, catalog, turn, hour);
            }
        }
        // While something waits, the end of what runs wakes.
        self.ripe.is_empty().then_some(self.scan)
    }

    /// Goes through the schedule.
    fn plan(&mut self, rounds: &Rounds, catalog: &Catalog) {
        let now = rounds.clock.now();
        let (ripe, next) = due::due(&Known {
            catalog,
            records: &self.records,
            live: &self.live,
            held: &self.held,
            since: self.since,
            now,
        });
        let turn = |task: Task<'_>| Turn {
            key: task.key(),
            requests: task.requests(catalog),
            workload: match task {
                Task::Ladder(_) => None,
                Task::Sample { workload, .. } => Some(workload.name.clone()),
            },
        };
        self.ripe = ripe.into_iter().map(turn).collect();
        let wait = next.map_or(Duration::MAX, |next| {
            Duration::try_from(next.duration_since(now)).unwrap_or_default()
        });
        self.scan = Instant::now() + wait.clamp(SCAN.min(rounds.beat), rounds.beat);
    }

    fn start(&mut self, rounds: &Rounds, catalog: &Arc<Catalog>, turn: Turn, hour: i64) {
        let Turn {
            key,
            workload,
            requests,
        } = turn;
        let expected = (hour, requests);
        self.held.insert(key.clone(), None);
        let (prober, catalog) = (rounds.prober.clone(), Arc::clone(catalog));
        self.running.spawn_local(async move {
            let found = task::probe(&prober, &catalog, &key, workload);
            // Whatever an answer makes of the code that reads it, this key has its turn again.
            let (found, sent) = match AssertUnwindSafe(found).catch_unwind().await {
                Ok(Ok(found)) => (found, true),
                Ok(Err(error)) => {
                    tracing::warn!(%error, "a probe could not be sent");
                    (task::Found::default(), false)
                }
                Err(_) => {
                    tracing::error!(route = %key.route, "a probe has ended by a fault of its own");
                    (task::Found::default(), false)
                }
            };
            Done {
                key,
                found,
                expected,
                sent,
            }
        });
    }

    /// Keeps what a task brought, and what it has cost.
    async fn done(&mut self, rounds: &Rounds, done: Done) {
        let now = rounds.clock.now();
        let wait = (!done.sent).then(|| now.checked_add(UNSENT_WAIT).unwrap_or(Timestamp::MAX));
        match wait {
            Some(until) => self.held.insert(done.key.clone(), Some(until)),
            None => self.held.remove(&done.key),
        };
        let task::Found { records, requests } = done.found;
        let cost: f64 = records
            .iter()
            .filter_map(|record| Some(record.cost()?.amount))
            .sum();
        let (hour, expected) = done.expected;
        let route = &done.key.route;
        self.purse
            .give_back(route, hour, expected.saturating_sub(requests));
        self.purse.add(&spent(route, hour, 0, cost));
        let total = spent(route, hour, requests, cost);
        for record in &records {
            self.keep(record.clone());
        }
        let kept = async {
            // Records that cannot be kept have cost money all the same.
            let kept = rounds.store.put_probes(records).await;
            rounds.store.spend(total).await.and(kept)
        };
        match timeout(PATIENCE, kept).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::warn!(%error, "what a probe found could not be kept"),
            Err(_) => tracing::warn!("the store does not take what a probe found"),
        }
        // What it means for readiness is judged with the next beat: for all at once, not for all each time.
    }

    /// Judges readiness and writes down what has changed.
    async fn judge(&mut self, rounds: &Rounds) {
        let now = rounds.clock.now();
        let catalog = Arc::clone(&rounds.catalog.borrow());
        let overrides = Arc::clone(&rounds.store.overrides().borrow());
        let standings = review::standings(&catalog, &rounds.store.reviewed().borrow(), now);
        let mut changed = false;
        let mut words = BTreeMap::new();
        for workload in catalog.workloads.values() {
            let records = self.of_route(workload.fallback.as_ref());
            let standing = &standings[&workload.name];
            let known = (&*catalog, &*overrides, self.live.sites());
            let live = self.live.about(&catalog, &self.marks, workload);
            let Some((word, _)) = ready::readiness(known, &live, &records, workload, standing, now)
            else {
                continue;
            };
            let before = self.words.get(&workload.name);
            changed |= before.is_none_or(|before| *before != word);
            if let Some(before) = before
                && before.word != word.word
            {
                let event = changed::event(
                    (now, &rounds.name),
                    &catalog,
                    workload,
                    before,
                    &word,
                    overrides.revision,
                );
                tracing::info!(
                    workload = %workload.name, before = %before.word, now = %word.word,
                    "readiness has changed"
                );
                match rounds.store.reserve() {
                    Ok(place) => place.append_unawaited(Entry::Decision(Box::new(event))),
                    Err(error) => {
                        tracing::warn!(%error, "a change of readiness could not be recorded");
                    }
                }
            }
            words.insert(workload.name.clone(), word);
        }
        changed |= words.len() != self.words.len();
        self.words = words;
        if changed {
            let all = self.words.values().cloned().collect();
            if let Ok(Err(error)) = timeout(PATIENCE, rounds.store.put_readiness(all)).await {
                tracing::warn!(%error, "readiness could not be kept");
            }
        }
    }

    fn of_route(&self, route: Option<&RouteName>) -> Vec<&ProbeRecord> {
        let Some(route) = route else {
            return Vec::new();
        };
        let first = ProbeKey {
            route: route.clone(),
            subject: ProbeSubject::Rung(Rung::Key),
        };
        self.records
            .range(first..)
            .take_while(|(key, _)| key.route == *route)
            .map(|(_, record)| record)
            .collect()
    }
}
