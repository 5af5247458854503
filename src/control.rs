//! The one door for operator commands, used by console and CLI alike: same checks, same plan, same
//! compare-and-set, same audit record.
//!
//! It must not draw, print, or know a key; and nobody above it may write to the store around it.

mod apply;
mod basis;
mod checks;
mod consent;
mod draw;
mod drill;
mod effects;
mod error;
mod explain;
mod feed;
#[cfg(test)]
mod fixture;
mod identity;
mod intent;
mod keep;
mod overview;
mod probed;
mod progress;
mod queue;
mod radius;
mod report;
mod reviews;
mod rivals;
mod seen;
mod sheet;
mod touch;
pub mod traffic;
mod undo;
mod words;

use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::{mpsc, watch};

use crate::{
    clock::Clock,
    model::{
        Actor, AuditRecord, Catalog, Command, Entry, Heartbeat, OverrideKey, Overrides, Plan,
        PlanId, Presence, ReasonCode, Reviewed, Revision, Seq, WorkloadName,
    },
    store::{AuditQuery, Health, Store, StoreError, Touch},
};
use checks::Scene;
use intent::Intent;

pub use basis::rests_on;
pub use consent::{NOTE_LETTERS, TYPED_LETTERS, fits};
pub use draw::PLAN_VALID;
pub use drill::{Drill, Drilled, Fate, Outage, Sampled, Target};
pub use error::ControlError;
pub use explain::{
    ClassFate, Explanation, Facts, MayTrigger, Part, Rule, class as explain_class, rule,
};
pub use identity::actor;
pub use intent::{DEFAULT_LASTING, LONGEST, UNTIL_CHANGED};
pub use overview::{
    Alarm, ConfigGroup, GatewayState, GatewayStatus, Lookout, Mixed, Moved, Overview, Recent,
    RouteProbed, RouteStatus, Scoped, Serving, Sources, Spending, State, Tried, WorkloadStatus,
    fails, overview, unlogged_words,
};
pub use probed::Probed;
pub use progress::{Applying, OnGateway, Progress};
pub use queue::{Due, Urgency, queue};
pub use radius::{names_exceptions, scopes};
pub use report::{
    Carried, Ended, Episode, Happened, InForce, Looked, Moment, Range, Report, Told, Turned,
    WorkloadReport,
};
pub use reviews::NewReview;
pub use sheet::{Given, Recorded, Sheet, SheetError, Verdicts};

/// Whether this operator's process may change anything.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// Looks only: `apply` is refused.
    Observe,
    /// Plans can be applied.
    Write,
}

/// What an operator gives with a plan.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Consent {
    /// What they typed to name the target; unused where the tier needs none.
    pub typed: String,
    /// Why, as a code. `None`: not given.
    pub reason: Option<ReasonCode>,
    /// Why, in words.
    pub note: String,
    /// The ticket.
    pub ticket: Option<String>,
    /// Whether failed checks are knowingly overridden.
    pub break_glass: bool,
}

/// News for a console or a following CLI. Feeds conflate: only the newest state of a kind is sent.
#[derive(Clone, Debug)]
pub enum News {
    /// The configuration.
    Catalog(Arc<Catalog>),
    /// The file on disk is (not) refused.
    Refused(Option<String>),
    /// The table of overrides.
    Overrides(Arc<Overrides>),
    /// New entries of the event log, oldest first.
    Entries(Vec<(Seq, Entry)>),
    /// The gateways.
    Heartbeats(Vec<Heartbeat>),
    /// The consoles.
    Presences(Vec<Presence>),
    /// New audit records, oldest first.
    Audit(Vec<AuditRecord>),
    /// How the store fares.
    Health(Health),
    /// How current all of this is.
    Touch(Touch),
    /// What probing has found and spent, all of it.
    Probes(Probed),
    /// The newest reviews of each workload, and what is owed.
    Reviews(Arc<Reviewed>),
}

/// How many audit records are searched for one's own last change, or for the last change of a key.
const HISTORY: usize = 1000;

/// The door. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Control {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    catalog: watch::Receiver<Arc<Catalog>>,
    refused: watch::Receiver<Option<String>>,
    store: Store,
    clock: Clock,
    actor: Actor,
    mode: Mode,
    own: Mutex<Own>,
    probes: tokio::sync::Mutex<probed::Reader>,
}

/// What this door has done itself.
#[derive(Debug, Default)]
struct Own {
    /// The session it announced, so that a plan does not warn about its own console.
    session: Option<String>,
    /// The revision it applied last.
    applied: Option<progress::Applied>,
}

/// What was read for one plan.
struct Material {
    catalog: Arc<Catalog>,
    overrides: Arc<Overrides>,
    overview: Overview,
    presences: Vec<Presence>,
    heartbeats: Vec<Heartbeat>,
    now: jiff::Timestamp,
}

impl Control {
    /// A door for one operator. `store` must be open for writing when `mode` is.
    #[must_use]
    pub fn new(
        catalog: watch::Receiver<Arc<Catalog>>,
        refused: watch::Receiver<Option<String>>,
        store: Store,
        clock: Clock,
        actor: Actor,
        mode: Mode,
    ) -> Self {
        Self {
            inner: Arc::new(Inner {
                catalog,
                refused,
                store,
                clock,
                actor,
                mode,
                own: Mutex::default(),
                probes: tokio::sync::Mutex::default(),
            }),
        }
    }

    /// Makes a plan; nothing changes. Refused while apart from the store. The plan is kept in the store when `keep` is set, so that
    /// another process can apply it by its id. An observing door keeps none.
    pub async fn plan(&self, command: Command, keep: bool) -> Result<Plan, ControlError> {
        let inner = &self.inner;
        self.in_touch()?;
        let material = self.material().await?;
        let (overrides, now) = (&material.overrides, material.now);
        let sites = material.overview.sites();
        let intent = match intent::intend(&command, &material.catalog, overrides, &sites, now)? {
            Some(intent) => intent,
            None => self.undo_intent(&command, overrides, now).await?,
        };
        loop {
            let id = self.fresh_id().await?;
            let plan = self
                .on_scene(&material, &intent.key, |scene| {
                    draw::plan(scene, &intent, id)
                })
                .await?;
            if !keep || inner.mode == Mode::Observe {
                return Ok(plan);
            }
            match inner.store.put_plan(plan.clone()).await {
                Ok(()) => return Ok(plan),
                // Somebody was faster with the same id.
                Err(StoreError::PlanTaken { .. }) => {}
                Err(error) => return Err(error.into()),
            }
        }
    }

    /// Whether a workload is configured; if not, the error has a near name.
    pub fn workload_known(&self, name: &WorkloadName) -> Result<(), ControlError> {
        intent::find_workload(&self.inner.catalog(), name).map(|_| ())
    }

    async fn undo_intent(
        &self,
        command: &Command,
        overrides: &Overrides,
        now: jiff::Timestamp,
    ) -> Result<Intent, ControlError> {
        let sequence = match command {
            Command::Undo { sequence } => *sequence,
            Command::Mode { .. }
            | Command::Notice { .. }
            | Command::Drain { .. }
            | Command::Undrain { .. } => None,
        };
        let query = AuditQuery {
            limit: if sequence.is_some() { 0 } else { HISTORY },
            ..AuditQuery::default()
        };
        let records = self.inner.store.audit(query).await?;
        let record = undo::choose(&records, sequence, &self.inner.actor, overrides, now)?;
        Ok(undo::intent(record, &records, overrides, now))
    }

    /// A kept plan.
    pub async fn kept(&self, id: PlanId) -> Result<Plan, ControlError> {
        match self.inner.store.plan(id.clone()).await? {
            None => Err(ControlError::NoPlan(id)),
            Some((plan, None)) => Ok(plan),
            Some((_, Some(revision))) => Err(ControlError::Stale {
                plan: id,
                why: format!("it was applied before (revision {revision})"),
            }),
        }
    }

    /// Applies a plan: checks again, compares and sets, audits. Refused when stale.
    pub async fn apply(&self, plan: &Plan, consent: Consent) -> Result<AuditRecord, ControlError> {
        let record = apply::apply(self, plan, consent).await?;
        self.inner.own().applied = Some(progress::Applied::now(record.revision));
        Ok(record)
    }

    /// Whether a revision is the last that this very door made.
    #[must_use]
    pub fn is_own(&self, revision: Revision) -> bool {
        let own = self.inner.own();
        let applied = own.applied.as_ref();
        applied.is_some_and(|applied| applied.revision == revision)
    }

    /// Follows everything. `backlog` is the number of newest events sent at first. Ends when the receiver goes away.
    #[must_use]
    pub fn follow(&self, backlog: usize) -> mpsc::Receiver<News> {
        feed::follow(self, backlog)
    }

    /// Writes this console's presence.
    pub async fn present(&self, presence: Presence) -> Result<(), ControlError> {
        self.inner.own().session = Some(presence.session.clone());
        Ok(self.inner.store.put_presence(presence).await?)
    }

    /// Removes it.
    pub async fn leave(&self, session: String) -> Result<(), ControlError> {
        Ok(self.inner.store.remove_presence(session).await?)
    }

    /// The actor of this door.
    #[must_use]
    pub fn actor(&self) -> &Actor {
        &self.inner.actor
    }

    /// May this door change anything.
    #[must_use]
    pub fn mode(&self) -> Mode {
        self.inner.mode
    }

    /// Reads what plans rest on.
    async fn material(&self) -> Result<Material, ControlError> {
        let overview = self.overview().await?;
        let own = self.inner.own().session.clone();
        let mut presences = self.inner.presences().await?;
        presences.retain(|presence| Some(&presence.session) != own.as_ref());
        let heartbeats = self.inner.store.heartbeats().await?;
        Ok(Material {
            catalog: self.inner.catalog(),
            overrides: self.inner.overrides(),
            now: overview.at,
            overview,
            presences,
            heartbeats,
        })
    }

    /// Calls `work` with the scene of one key.
    async fn on_scene<T>(
        &self,
        material: &Material,
        key: &OverrideKey,
        work: impl FnOnce(&Scene<'_>) -> T,
    ) -> Result<T, ControlError> {
        let history = self
            .inner
            .store
            .audit(AuditQuery {
                target: Some(key.target().to_owned()),
                limit: HISTORY,
                ..AuditQuery::default()
            })
            .await?;
        Ok(work(&Scene {
            catalog: &material.catalog,
            overrides: &material.overrides,
            overview: &material.overview,
            presences: &material.presences,
            last_change: history.iter().rev().find(|record| record.key == *key),
            actor: &self.inner.actor,
            heartbeats: &material.heartbeats,
            key,
            now: material.now,
        }))
    }

    /// A plan id that no kept plan has: short enough to be read aloud.
    async fn fresh_id(&self) -> Result<PlanId, ControlError> {
        loop {
            let id = PlanId(format!("{:06x}", fastrand::u32(..1 << 24)));
            if self.inner.store.plan(id.clone()).await?.is_none() {
                return Ok(id);
            }
        }
    }
}

impl Inner {
    fn catalog(&self) -> Arc<Catalog> {
        Arc::clone(&self.catalog.borrow())
    }

    fn overrides(&self) -> Arc<Overrides> {
        Arc::clone(&self.store.overrides().borrow())
    }

    /// What probing has found; only what is new is read.
    async fn probed(&self) -> Result<Probed, StoreError> {
        let mut reader = self.probes.lock().await;
        reader.read(&self.store, self.clock.now()).await
    }

    /// Nothing that runs under this lock can panic or wait.
    fn own(&self) -> std::sync::MutexGuard<'_, Own> {
        self.own.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
