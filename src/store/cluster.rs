//! A cluster looked at and put in order: its servers and streams, what is unsafe about it, what is missing.
//!
//! Used by the command line (`store init|status`). Nothing here reads or writes what is in the streams.

use std::time::Duration;

use jiff::Timestamp;
use serde::Serialize;

use super::{StoreError, nats};
use crate::model::{Checkup, StorePlace};

/// How a cluster should be, as far as it is not the same for everybody.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ClusterWish {
    /// On how many servers each record is. `None`: on as many as it is.
    pub replicas: Option<usize>,
    /// How long events are kept.
    pub events: Duration,
}

/// A cluster that can be asked and put in order.
#[derive(Debug)]
pub struct Cluster(nats::Care);

/// What a look at a cluster found.
#[derive(Clone, Debug, Serialize)]
pub struct Survey {
    /// The servers' addresses, as configured.
    pub url: String,
    /// What the names in it begin with.
    pub prefix: String,
    /// The servers that were asked: those of the configuration, and those that they told of.
    pub servers: Vec<ServerFound>,
    /// The streams of this program that are there.
    pub streams: Vec<StreamFound>,
    /// What is as it should be, and what is unsafe.
    pub checks: Vec<Checkup>,
}

/// One server.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct ServerFound {
    /// Where it was asked.
    pub address: String,
    /// Its name; `None`: it did not answer.
    pub name: Option<String>,
    /// Its version.
    pub version: Option<String>,
    /// The name of the cluster it is part of.
    pub cluster: Option<String>,
    /// It is about to stop, and sends its clients away.
    pub leaving: bool,
    /// Why it did not answer, in words.
    pub problem: Option<String>,
}

/// One stream.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct StreamFound {
    /// Its name.
    pub name: String,
    /// The server that takes what is written; `None`: there is none now, so nothing is taken.
    pub leader: Option<String>,
    /// On how many servers it should be.
    pub replicas: usize,
    /// The servers that follow the leader.
    pub followers: Vec<Follower>,
    /// How many messages there are.
    pub messages: u64,
    /// How large they are on one server.
    pub bytes: u64,
    /// When the oldest was written.
    pub oldest: Option<Timestamp>,
    /// When the newest was written.
    pub newest: Option<Timestamp>,
    /// The place of the newest.
    pub last: u64,
    /// How long messages are kept, in seconds; `None`: until somebody removes them.
    pub keeps_seconds: Option<u64>,
    /// Where they are: `file` or `memory`.
    pub storage: &'static str,
    /// What is not as this program needs it.
    pub differences: Vec<Difference>,
}

/// A server that has a copy.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Follower {
    /// Its name.
    pub server: String,
    /// It has everything.
    pub current: bool,
    /// Nobody reaches it.
    pub offline: bool,
    /// So many writes behind.
    pub lag: u64,
    /// Since when it said nothing, in milliseconds.
    pub silent_ms: u64,
}

/// A setting that is not as it should be.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Difference {
    /// Its name, as the servers have it.
    pub setting: String,
    /// What it is.
    pub found: String,
    /// What it should be.
    pub wanted: String,
    /// Whether it can be changed while the stream is there.
    pub changeable: bool,
}

/// What has to be done for one stream.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Step {
    /// Its name.
    pub stream: String,
    /// What.
    #[serde(flatten)]
    pub act: Act,
}

/// What has to be done for a stream.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "act", rename_all = "kebab-case")]
pub enum Act {
    /// Nothing: it is as it should be.
    Keep,
    /// It is not there.
    Make {
        /// On so many servers.
        replicas: usize,
    },
    /// It is there, and differs.
    Change {
        /// In what.
        differences: Vec<Difference>,
    },
}

impl Step {
    /// Whether something has to be done that can be done.
    #[must_use]
    pub fn does_something(&self) -> bool {
        match &self.act {
            Act::Keep => false,
            Act::Make { .. } => true,
            Act::Change { differences } => differences.iter().any(|one| one.changeable),
        }
    }

    /// Whether it would change what is there.
    #[must_use]
    pub fn changes(&self) -> bool {
        matches!(self.act, Act::Change { .. }) && self.does_something()
    }
}

impl Cluster {
    /// Begins to connect; what cannot be reached shows in the survey.
    ///
    /// # Errors
    /// When the place is no cluster, or the credentials cannot be understood.
    pub async fn open(place: &StorePlace, wish: ClusterWish) -> Result<Self, StoreError> {
        match place.url.split_once(':') {
            Some(("nats" | "tls", _)) => Ok(Self(nats::Care::open(place, wish).await?)),
            Some(_) | None => Err(StoreError::NoCluster {
                url: place.url.clone(),
            }),
        }
    }

    /// Looks at everything and changes nothing. `monitoring` are URLs of servers' monitoring ports: only there
    /// stands how often they write to disk.
    pub async fn survey(&self, monitoring: &[String]) -> Survey {
        self.0.survey(monitoring).await
    }

    /// What has to be done, stream by stream.
    ///
    /// # Errors
    /// When nobody answers.
    pub async fn steps(&self) -> Result<Vec<Step>, StoreError> {
        self.0.steps().await
    }

    /// Waits a little until every server has what steps have made or changed.
    pub async fn settle(&self) {
        self.0.settle().await;
    }

    /// Does one of them.
    ///
    /// # Errors
    /// When the cluster refuses it or does not answer.
    pub async fn take(&self, step: &Step) -> Result<(), StoreError> {
        self.0.take(step).await
    }
}
