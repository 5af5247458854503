//! Two handles on one state, of every backend.

use std::time::Duration;

use backstop::{
    clock::Clock,
    model::{Retention, StorePlace},
    store::{self, Access, ClusterWish, Store},
};

use crate::{
    store_samples::start,
    support::cluster::{Cluster, until},
};

/// Two handles on the same state, as two processes would have.
pub(crate) struct Pair {
    pub(crate) clock: Clock,
    pub(crate) first: Store,
    pub(crate) second: Store,
    /// Where the first is opened.
    pub(crate) place: StorePlace,
    /// How many hosts there are, each with a view of its own.
    hosts: usize,
    /// Stopped and removed at the end.
    _cluster: Option<Cluster>,
    _directory: Option<tempfile::TempDir>,
}

/// Which backend, opened how often.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Setup {
    Memory,
    SqliteOnce,
    SqliteTwice,
    NatsOneHost,
    NatsTwoHosts,
}

impl Pair {
    pub(crate) async fn open(setup: Setup) -> Self {
        let clock = Clock::manual(start());
        let directory = tempfile::tempdir().unwrap();
        let view = |name: &str| Some(directory.path().join(name));
        let cluster = match setup {
            Setup::Memory | Setup::SqliteOnce | Setup::SqliteTwice => None,
            Setup::NatsOneHost => Some(cluster(1).await),
            Setup::NatsTwoHosts => Some(cluster(3).await),
        };
        let mut place = StorePlace::from(&match (setup, &cluster) {
            (Setup::Memory, _) => format!("memory:{}", directory.path().display()),
            (_, Some(cluster)) => cluster.url(),
            (_, None) => format!("sqlite:{}", directory.path().join("state").display()),
        });
        let mut other = place.clone();
        match setup {
            Setup::Memory | Setup::SqliteOnce | Setup::SqliteTwice => {}
            Setup::NatsOneHost => (place.view, other.view) = (view("one"), view("one")),
            Setup::NatsTwoHosts => (place.view, other.view) = (view("one"), view("other")),
        }
        let open = async |place: &StorePlace| {
            Store::open(place, Access::Write, clock.clone())
                .await
                .unwrap()
        };
        let first = open(&place).await;
        let second = match setup {
            Setup::SqliteOnce => first.clone(),
            Setup::Memory | Setup::SqliteTwice | Setup::NatsOneHost | Setup::NatsTwoHosts => {
                open(&other).await
            }
        };
        Self {
            clock,
            first,
            second,
            place,
            hosts: 1 + usize::from(setup == Setup::NatsTwoHosts),
            _cluster: cluster,
            _directory: match setup {
                Setup::Memory => None,
                Setup::SqliteOnce
                | Setup::SqliteTwice
                | Setup::NatsOneHost
                | Setup::NatsTwoHosts => Some(directory),
            },
        }
    }
}

impl Pair {
    /// Removes what is too old, as every host does for itself; what the second host removed is answered.
    pub(crate) async fn retain(&self, retention: Retention) -> (u64, u64) {
        let gone = self.second.retain(retention).await.unwrap();
        if self.hosts == 2 {
            self.first.retain(retention).await.unwrap();
        }
        gone
    }
}

/// Servers with the streams of a fleet.
pub(crate) async fn cluster(servers: usize) -> Cluster {
    let cluster = Cluster::start(servers).await;
    make_streams(&cluster.url().as_str().into(), servers).await;
    cluster
}

/// What `store init` does.
pub(crate) async fn make_streams(place: &StorePlace, replicas: usize) {
    let wish = ClusterWish {
        replicas: Some(replicas),
        events: Duration::from_hours(24 * 30),
    };
    let care = store::Cluster::open(place, wish).await.unwrap();
    until("the streams are there", async || {
        let Ok(steps) = care.steps().await else {
            return false;
        };
        for step in steps.iter().filter(|step| step.does_something()) {
            if care.take(step).await.is_err() {
                return false;
            }
        }
        true
    })
    .await;
}
