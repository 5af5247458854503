//! The one door for operator commands, used by console and CLI alike: same checks, same plan, same
//! compare-and-set, same audit record.
//!
//! It must not draw, print, or know a key; and nobody above it may write to the store around it.

mod error;
mod overview;

use std::{sync::Arc, time::Duration};

use tokio::sync::{mpsc, watch};

use crate::{
    clock::Clock,
    model::{
        Actor, AuditRecord, Catalog, Command, Entry, Heartbeat, Overrides, Plan, PlanId, Presence,
        ReasonCode, Revision, Seq,
    },
    store::{Health, Store},
};

pub use error::ControlError;
pub use overview::{
    GatewayStatus, Overview, RouteStatus, Serving, State, WorkloadStatus, overview,
};

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

/// How far an applied change has come.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Progress {
    /// Gateways that have applied the revision.
    pub applied: usize,
    /// Gateways that are alive.
    pub gateways: usize,
    /// Since the change was committed.
    pub elapsed: Duration,
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
}

/// The door.
#[derive(Clone, Debug)]
pub struct Control {}

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
        let _ = (catalog, refused, store, clock, actor, mode);
        Self {}
    }

    /// Makes a plan; nothing changes. The plan is kept in the store when `keep` is set, so that
    /// another process can apply it by its id.
    pub async fn plan(&self, command: Command, keep: bool) -> Result<Plan, ControlError> {
        let _ = (command, keep);
        todo!()
    }

    /// A kept plan.
    pub async fn kept(&self, id: PlanId) -> Result<Plan, ControlError> {
        let _ = id;
        todo!()
    }

    /// Applies a plan: checks again, compares and sets, audits. Refused when stale.
    pub async fn apply(&self, plan: &Plan, consent: Consent) -> Result<AuditRecord, ControlError> {
        let _ = (plan, consent);
        todo!()
    }

    /// How many living gateways have applied a revision.
    pub async fn progress(&self, revision: Revision) -> Result<Progress, ControlError> {
        let _ = revision;
        todo!()
    }

    /// Follows everything. `backlog` is the number of newest events sent at first. Ends when the receiver goes away.
    #[must_use]
    pub fn follow(&self, backlog: usize) -> mpsc::Receiver<News> {
        let _ = backlog;
        todo!()
    }

    /// Writes this console's presence.
    pub async fn present(&self, presence: Presence) -> Result<(), ControlError> {
        let _ = presence;
        todo!()
    }

    /// Removes it.
    pub async fn leave(&self, session: String) -> Result<(), ControlError> {
        let _ = session;
        todo!()
    }

    /// The actor of this door.
    #[must_use]
    pub fn actor(&self) -> &Actor {
        todo!()
    }

    /// May this door change anything.
    #[must_use]
    pub fn mode(&self) -> Mode {
        todo!()
    }
}
