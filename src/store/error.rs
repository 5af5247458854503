//! What can go wrong with the store, in words that name the thing and the next step.

use crate::model::{Conflict, PlanId};

/// A store operation failed.
#[derive(Clone, Debug, thiserror::Error)]
pub enum StoreError {
    /// The URL is of no known kind.
    #[error(
        "store `{url}` is not understood; use `sqlite:DIRECTORY`, `nats://HOST:PORT` or `memory:NAME`"
    )]
    UnknownUrl {
        /// As configured.
        url: String,
    },
    /// What was asked is only there for a cluster.
    #[error("the store `{url}` is no cluster; `backstop doctor` looks at stores on one host")]
    NoCluster {
        /// As configured.
        url: String,
    },
    /// The backend could not be opened.
    #[error("cannot open the store at {place}: {cause}")]
    Open {
        /// Path or URL.
        place: String,
        /// In words.
        cause: String,
    },
    /// The file was written by a newer Backstop.
    #[error(
        "the store at {place} has schema {found}, this binary knows up to {known}; upgrade backstop"
    )]
    NewerSchema {
        /// Path or URL.
        place: String,
        /// Its schema.
        found: i64,
        /// Ours.
        known: i64,
    },
    /// The file was written by an older Backstop, and an observer may not bring it up to date.
    #[error(
        "the store at {place} has schema {found}, this binary needs {known}; start the gateway of this \
         version once"
    )]
    OlderSchema {
        /// Path or URL.
        place: String,
        /// Its schema.
        found: i64,
        /// Ours.
        known: i64,
    },
    /// A read or write failed.
    #[error("the store at {place} failed: {cause}")]
    Failed {
        /// Path or URL.
        place: String,
        /// In words.
        cause: String,
    },
    /// The store went away between a change and its answer.
    #[error(
        "the store at {place} gave no answer: {cause}; nobody knows whether the change was made: look at \
         `backstop audit` before trying again"
    )]
    Unknown {
        /// Path or URL.
        place: String,
        /// In words.
        cause: String,
    },
    /// Whoever one is to the cluster may not publish there. Nothing was changed.
    #[error(
        "the store at {place} does not let {login} publish to `{subject}`; nothing was changed: give it that permission \
         (`backstop unit nats-server` prints what each login needs, `backstop store status` looks at the cluster), or \
         come with another login"
    )]
    Forbidden {
        /// URL.
        place: String,
        /// Who, in words.
        login: String,
        /// What it may not publish to.
        subject: String,
    },
    /// The event queue is full: more events arise than become durable.
    #[error("the event queue is full ({capacity} waiting)")]
    QueueFull {
        /// Its size.
        capacity: usize,
    },
    /// A plan of this id waits to be applied; make another id.
    #[error("plan `{id}` exists already; make the plan again")]
    PlanTaken {
        /// The id.
        id: PlanId,
    },
    /// This process may only observe.
    #[error("this process opened the store to observe; it may not write")]
    ReadOnly,
    /// The store was closed.
    #[error("the store is closed")]
    Closed,
}

/// A change was not made.
#[derive(Clone, Debug, thiserror::Error)]
pub enum ChangeError {
    /// Somebody else was faster.
    #[error("`{}` is at revision {}, not {}", .0.key, .0.found.revision, .0.expected)]
    Conflict(Box<Conflict>),
    /// The plan was applied before.
    #[error("the plan was already applied")]
    PlanUsed,
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}
