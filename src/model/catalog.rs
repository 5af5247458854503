//! The catalog: everything the configuration designed, checked and resolved, as one immutable value.
//!
//! Built by `config`; read by the gateway, the door and the console. Never changed in place: a reload makes
//! a new one.

use std::{collections::BTreeMap, fmt, net::SocketAddr, path::PathBuf, time::Duration};

use serde::{Deserialize, Serialize};

use super::{
    Boundary, CapabilitySet, Client, ClientName, Family, LogFailure, Price, Probing, ProviderName,
    RegionName, RouteName, Secret, StorePlace, Workload, WorkloadName,
};

/// Where this configuration is in force, and how loudly the console says so.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Environment {
    /// For instance `prod/eu-1`.
    pub name: String,
    /// Whether the console wears the production accent and starts in `OBSERVE`.
    pub production: bool,
}

/// Where a route's key is. Fit to be shown: it never holds the key itself.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum KeyPlace {
    /// The provider wants none.
    #[default]
    None,
    /// In a variable of the environment.
    Variable(String),
    /// In a file, relative to the configuration.
    File(String),
    /// In a file of `$CREDENTIALS_DIRECTORY`.
    Credential(String),
}

impl fmt::Display for KeyPlace {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::None => formatter.write_str("no key"),
            Self::Variable(name) => write!(formatter, "the variable {name}"),
            Self::File(path) => write!(formatter, "the file {path}"),
            Self::Credential(name) => write!(formatter, "the credential {name}"),
        }
    }
}

/// A provider as configured.
#[derive(Clone, Debug)]
pub struct Provider {
    /// Its name.
    pub name: ProviderName,
    /// Scheme, host, port and path prefix; no trailing slash.
    pub base_url: String,
    /// The family its routes speak unless they say otherwise.
    pub family: Family,
    /// The credential its routes use unless they say otherwise.
    pub credential: Option<Secret>,
    /// The boundary its routes stand in unless they say otherwise.
    pub boundary: Boundary,
}

/// A route, resolved: nothing of it must be looked up in its provider any more.
#[derive(Clone, Debug)]
pub struct Route {
    /// Its name.
    pub name: RouteName,
    /// The provider it belongs to.
    pub provider: ProviderName,
    /// Scheme, host, port and path prefix; no trailing slash.
    pub base_url: String,
    /// The wire shape.
    pub family: Family,
    /// The provider's name of the model.
    pub model: String,
    /// The key. `None`: the provider wants none, or it could not be read here.
    pub credential: Option<Secret>,
    /// Where the key is.
    pub key: KeyPlace,
    /// What it can honour.
    pub capabilities: CapabilitySet,
    /// Context window in tokens, when known.
    pub context_tokens: Option<u32>,
    /// Which side of each boundary it stands on.
    pub boundary: Boundary,
    /// Requests per second that it may carry, when known: what headroom is counted against.
    pub capacity_rps: Option<f64>,
    /// Requests that one gateway may run on it at the same time. `None`: no limit.
    pub max_concurrent: Option<u32>,
    /// The workloads that may use it. `None`: every one.
    pub workloads: Option<Vec<WorkloadName>>,
    /// Whether the route is paused while it keeps failing.
    pub circuit: bool,
    /// Patterns of the names by which answers may call the model; an answer by any other name is a fallback
    /// that the provider made. Empty: only what cannot be anything else is one.
    pub serves: Vec<String>,
    /// What its tokens cost, when known.
    pub price: Option<Price>,
}

/// How the gateway listens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GatewaySettings {
    /// Address of the listener.
    pub listen: SocketAddr,
    /// The region of the gateways that read this file, for overrides that hold in one region only.
    pub region: Option<RegionName>,
    /// Worker threads; 0: one per processor.
    pub workers: usize,
    /// The largest request body in bytes.
    pub max_body: usize,
    /// Bytes of request bodies that are held at the same time; a request that would need more is refused.
    pub max_body_memory: usize,
    /// Connections of clients at the same time; more are refused at once.
    pub max_connections: usize,
    /// Requests that run at the same time; more are refused at once.
    pub max_requests: usize,
    /// How long a connection may stand idle, or take for a request head.
    pub idle: Duration,
    /// How long a client may pause within a body, or take nothing of its answer.
    pub pause: Duration,
    /// What the listener shows; `None`: it speaks plain HTTP.
    pub tls: Option<TlsFiles>,
    /// How long a drain waits for running requests.
    pub drain: Duration,
    /// Whether it starts when the store cannot be opened.
    pub without_store: LogFailure,
}

/// Where the listener's certificate is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TlsFiles {
    /// The chain, PEM, the own certificate first.
    pub certificate: PathBuf,
    /// Its private key, PEM.
    pub key: PathBuf,
}

/// How long state is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Retention {
    /// Events older than this are removed.
    pub events: Duration,
    /// Audit records older than this are removed; so are reviews, but the newest of each workload.
    pub audit: Duration,
    /// The outputs of reviews older than this are removed, but those of each workload's newest.
    pub reviews: Duration,
}

/// Everything configured.
#[derive(Clone, Debug)]
pub struct Catalog {
    /// The file it was read from.
    pub source: PathBuf,
    /// A short digest of the text it was read from: equal on hosts with equal files.
    pub fingerprint: String,
    /// Where it is in force.
    pub environment: Environment,
    /// The store, for instance at `sqlite:/var/lib/backstop`.
    pub store: StorePlace,
    /// How the gateway listens.
    pub gateway: GatewaySettings,
    /// How long state is kept.
    pub retention: Retention,
    /// How routes are probed.
    pub probing: Probing,
    /// By name.
    pub providers: BTreeMap<ProviderName, Provider>,
    /// By name.
    pub routes: BTreeMap<RouteName, Route>,
    /// Who may call, by name. Empty: whoever reaches the listener.
    pub clients: BTreeMap<ClientName, Client>,
    /// By name.
    pub workloads: BTreeMap<WorkloadName, Workload>,
}

impl Catalog {
    /// The workloads that use a route, as primary or fallback.
    pub fn users_of<'a>(&'a self, route: &'a RouteName) -> impl Iterator<Item = &'a Workload> + 'a {
        self.workloads.values().filter(move |workload| {
            workload.primary == *route || workload.fallback.as_ref() == Some(route)
        })
    }

    /// The routes of a workload, the primary first.
    pub fn routes_of<'a>(&'a self, workload: &'a Workload) -> impl Iterator<Item = &'a Route> + 'a {
        [Some(&workload.primary), workload.fallback.as_ref()]
            .into_iter()
            .flatten()
            .filter_map(|name| self.routes.get(name))
    }
}
