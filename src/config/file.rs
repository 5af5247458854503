//! The mirror of `backstop.toml`: what each table says, with the place of every value that a later check
//! may have to point at. The keys, their defaults and meanings are listed in `reference`.
//!
//! Read by `load`, checked by `check`, turned into a catalog by `resolve`. It must not look at the disk or
//! at the environment.

mod client;
mod gateway;
mod key;
mod probe;
mod sample;
mod store;
mod url;
mod workload;

use toml::{Spanned, de::DeValue};

use super::{
    diagnostic::Findings,
    reader::{At, Table},
    reference::{
        BOUNDARY, CLIENT, ENVIRONMENT, GATEWAY, PRICE, PROBE, PROVIDER, ROOT, ROUTE, STORE,
        WORKLOAD,
    },
    value,
};
use crate::model::{
    Boundary, Budget, CapabilitySet, Environment, Family, GatewaySettings, Price, Probing,
    Retention,
};

pub(super) use client::{Client, Workloads};
pub(super) use gateway::Tls;
pub(super) use key::Key;
pub(super) use sample::Sample;
pub(super) use store::{Login, Store, With};
pub(super) use workload::Workload;

/// The version of the format that this program reads.
const SCHEMA: u32 = 1;

/// A whole file.
pub(super) struct File {
    pub(super) environment: Environment,
    pub(super) store: Store,
    pub(super) retention: Retention,
    pub(super) gateway: GatewaySettings,
    pub(super) tls: Option<Tls>,
    pub(super) probing: Probing,
    pub(super) providers: Vec<Provider>,
    pub(super) routes: Vec<Route>,
    pub(super) clients: Vec<Client>,
    pub(super) workloads: Vec<Workload>,
}

/// `[providers.NAME]`.
pub(super) struct Provider {
    pub(super) name: At<String>,
    pub(super) base_url: Option<At<String>>,
    pub(super) family: Option<At<Family>>,
    pub(super) key: Option<At<Key>>,
    pub(super) boundary: Boundary,
}

/// `[routes.NAME]`.
pub(super) struct Route {
    pub(super) name: At<String>,
    pub(super) provider: Option<At<String>>,
    pub(super) model: Option<At<String>>,
    pub(super) base_url: Option<At<String>>,
    pub(super) family: Option<At<Family>>,
    pub(super) key: Option<At<Key>>,
    pub(super) boundary: Option<Boundary>,
    pub(super) capabilities: CapabilitySet,
    pub(super) context_tokens: Option<u32>,
    pub(super) capacity_rps: Option<f64>,
    pub(super) price: Option<Price>,
    pub(super) max_concurrent: Option<At<u32>>,
    pub(super) workloads: Option<Vec<At<String>>>,
    pub(super) circuit: bool,
    pub(super) probes: Budget,
    pub(super) serves: Vec<String>,
}

impl File {
    /// Reads everything that can be read; the rest is in the findings.
    pub(super) fn read(root: &Spanned<DeValue<'_>>, findings: &Findings) -> Option<Self> {
        let root = Table::open(findings, &ROOT, At::new(0..0, "the file".to_owned()), root)?;
        if let Some(schema) = root.whole_if_there("schema", 0..u32::MAX)
            && *schema.get_ref() != SCHEMA
        {
            findings.error(
                "unsupported-schema",
                schema.span(),
                format!("schema {} is not known to this version", schema.get_ref()),
                format!("write `schema = {SCHEMA}`"),
            );
        }
        let store = root.table_or_defaults("store", &STORE);
        let environment = root.table_or_defaults("environment", &ENVIRONMENT);
        let named = |key, section| root.named(key, section).unwrap_or_default();
        let (providers, routes) = (named("providers", &PROVIDER), named("routes", &ROUTE));
        let clients = named("clients", &CLIENT);
        let workloads = root.named("workloads", &WORKLOAD);
        if workloads.as_ref().is_some_and(Vec::is_empty) {
            findings.error(
                "no-workloads",
                root.key_place("workloads").unwrap_or(0..0),
                "the file has no workload, so a gateway could serve nothing",
                "add a table [workloads.NAME] with the key `primary`",
            );
        }
        let workloads = workloads.unwrap_or_default();
        let routes = all(&routes, |table| route(table, findings));
        let (gateway, tls) = gateway::gateway(
            &root.table_or_defaults("gateway", &GATEWAY),
            clients.is_empty(),
            findings,
        );
        Some(Self {
            environment: Environment {
                name: environment
                    .parsed("name", |text| Ok(text.to_owned()))
                    .into_inner(),
                production: environment.flag("production").into_inner(),
            },
            store: store::store(&store, findings),
            retention: Retention {
                events: store.parsed("retain_events", value::positive).into_inner(),
                audit: store.parsed("retain_audit", value::positive).into_inner(),
                reviews: store.parsed("retain_reviews", value::positive).into_inner(),
            },
            gateway,
            tls,
            clients: all(&clients, |table| client::client(table, findings)),
            providers: all(&providers, |table| provider(table, findings)),
            probing: probe::probing(&root.table_or_defaults("probe", &PROBE), &routes, findings),
            routes,
            workloads: all(&workloads, |table| workload::workload(table, findings)),
        })
    }
}

fn all<'t, T>(tables: &[Table<'t>], read: impl Fn(&Table<'t>) -> T) -> Vec<T> {
    tables.iter().map(read).collect()
}

fn provider(table: &Table<'_>, findings: &Findings) -> Provider {
    Provider {
        name: table.name.clone(),
        base_url: url::base_url(table, findings),
        family: table.word_if_there("family"),
        key: key::key(table, findings),
        boundary: boundary(table).unwrap_or_default(),
    }
}

fn route(table: &Table<'_>, findings: &Findings) -> Route {
    Route {
        name: table.name.clone(),
        provider: table.filled("provider"),
        model: table.filled("model"),
        base_url: url::base_url(table, findings),
        family: table.word_if_there("family"),
        key: key::key(table, findings),
        boundary: boundary(table),
        capabilities: table
            .words_of("capabilities")
            .unwrap_or_default()
            .into_iter()
            .map(At::into_inner)
            .collect(),
        context_tokens: table
            .whole_if_there("context_tokens", 1..u32::MAX)
            .map(At::into_inner),
        capacity_rps: table
            .number_if_there("capacity_rps", |rate| rate > 0.0, "larger than zero")
            .map(At::into_inner),
        max_concurrent: table.whole_if_there("max_concurrent", 1..1_000_000),
        workloads: table
            .key_place("workloads")
            .map(|_| table.texts("workloads")),
        circuit: table.flag("circuit").into_inner(),
        serves: table
            .texts("serves")
            .into_iter()
            .map(At::into_inner)
            .collect(),
        price: price(table),
        probes: probe::budget(table),
    }
}

fn price(table: &Table<'_>) -> Option<Price> {
    let table = table.table("price", &PRICE)?;
    let amount = |key| {
        table
            .number_if_there(key, |price| price >= 0.0, "zero or larger")
            .map(At::into_inner)
    };
    Some(Price {
        input: amount("input")?,
        output: amount("output").unwrap_or_default(),
        currency: table
            .filled("currency")
            .map_or_else(|| "USD".to_owned(), At::into_inner),
    })
}

fn boundary(table: &Table<'_>) -> Option<Boundary> {
    let table = table.table("boundary", &BOUNDARY)?;
    let tag = |key| table.filled(key).map(At::into_inner);
    Some(Boundary {
        billing: tag("billing"),
        region: tag("region"),
        compliance: tag("compliance"),
    })
}
