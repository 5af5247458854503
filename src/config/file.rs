//! The mirror of `backstop.toml`: what each table says, with the place of every value that a later check
//! may have to point at. The keys, their defaults and meanings are listed in `reference`.
//!
//! Read by `load`, checked by `check`, turned into a catalog by `resolve`. It must not look at the disk or
//! at the environment.

mod workload;

use std::{net::SocketAddr, ops::Range};

use http::Uri;
use toml::{Spanned, de::DeValue};

use super::{
    diagnostic::Findings,
    reader::{At, Table},
    reference::{BOUNDARY, ENVIRONMENT, GATEWAY, KEY, PROVIDER, ROOT, ROUTE, STORE, WORKLOAD},
    value,
};
use crate::model::{Boundary, CapabilitySet, Environment, Family, GatewaySettings, Retention};

pub(super) use workload::{Sample, Workload};

/// The version of the format that this program reads.
const SCHEMA: u32 = 1;

/// A whole file.
pub(super) struct File {
    pub(super) environment: Environment,
    /// As written; absent: the default place.
    pub(super) store: Option<At<String>>,
    pub(super) retention: Retention,
    pub(super) gateway: GatewaySettings,
    pub(super) providers: Vec<Provider>,
    pub(super) routes: Vec<Route>,
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
}

/// Where a credential is.
pub(super) enum Key {
    /// In a variable.
    Variable(String),
    /// In a file, relative to the configuration.
    File(String),
    /// In a file of `$CREDENTIALS_DIRECTORY`.
    Credential(String),
    /// The provider wants none.
    None,
    /// Not said in a way that can be used; a finding says so.
    Unclear,
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
        Some(Self {
            environment: Environment {
                name: environment
                    .parsed("name", |text| Ok(text.to_owned()))
                    .into_inner(),
                production: environment.flag("production").into_inner(),
            },
            store: store.filled("url"),
            retention: Retention {
                events: store.parsed("retain_events", value::positive).into_inner(),
                audit: store.parsed("retain_audit", value::positive).into_inner(),
            },
            gateway: gateway(&root.table_or_defaults("gateway", &GATEWAY), findings),
            providers: all(&providers, |table| provider(table, findings)),
            routes: all(&routes, |table| route(table, findings)),
            workloads: all(&workloads, |table| workload::workload(table, findings)),
        })
    }
}

fn all<'t, T>(tables: &[Table<'t>], read: impl Fn(&Table<'t>) -> T) -> Vec<T> {
    tables.iter().map(read).collect()
}

fn gateway(table: &Table<'_>, findings: &Findings) -> GatewaySettings {
    let listen = table.parsed("listen", |text| {
        text.parse::<SocketAddr>().map(Some).map_err(|_| {
            format!("\"{text}\" is not an address with a port such as 127.0.0.1:8080 or [::1]:8080")
        })
    });
    let place = listen.span();
    let listen = listen
        .into_inner()
        .unwrap_or_else(|| SocketAddr::from(([127, 0, 0, 1], 8080)));
    if !listen.ip().is_loopback() {
        findings.error(
            "listen-not-loopback",
            place,
            format!("`listen` is {listen}, which other hosts can reach, and requests carry no client key yet"),
            "listen on 127.0.0.1 or [::1]",
        );
    }
    GatewaySettings {
        listen,
        workers: usize::try_from(table.whole("workers", 0..1025).into_inner()).unwrap_or_default(),
        max_body: table.parsed("max_body", value::size).into_inner(),
        drain: table.duration("drain").into_inner(),
    }
}

fn provider(table: &Table<'_>, findings: &Findings) -> Provider {
    Provider {
        name: table.name.clone(),
        base_url: base_url(table, findings),
        family: table.word_if_there("family"),
        key: key(table, findings),
        boundary: boundary(table).unwrap_or_default(),
    }
}

fn route(table: &Table<'_>, findings: &Findings) -> Route {
    Route {
        name: table.name.clone(),
        provider: table.filled("provider"),
        model: table.filled("model"),
        base_url: base_url(table, findings),
        family: table.word_if_there("family"),
        key: key(table, findings),
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
    }
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

/// A base URL in the form that the catalog promises: no trailing slash, no trailing `/v1`.
fn base_url(table: &Table<'_>, findings: &Findings) -> Option<At<String>> {
    let text = table.filled("base_url")?;
    let fail = |code, message: &str, help: &str| {
        findings.error(code, text.span(), message, help.to_owned());
        None
    };
    let Ok(uri) = text.get_ref().parse::<Uri>() else {
        return fail(
            "bad-base-url",
            "`base_url` is not a URL",
            "write for instance \"https://api.example.com\"",
        );
    };
    let (Some(scheme), Some(authority)) = (uri.scheme_str(), uri.authority()) else {
        return fail(
            "bad-base-url",
            "`base_url` has no scheme or no host",
            "write for instance \"https://api.example.com\"",
        );
    };
    if authority.as_str().contains('@') {
        findings.hide(text.span());
        return fail(
            "credential-in-file",
            "`base_url` holds a user name or password",
            "take it out of the URL and name its place with `key`",
        );
    }
    let port = authority.as_str().rsplit_once(':').map(|(_, port)| port);
    let bad_port = port.is_some_and(|port| !port.ends_with(']') && authority.port_u16().is_none());
    if authority.host().is_empty() || bad_port {
        return fail(
            "bad-base-url",
            "`base_url` has no host or a port that does not exist",
            "write for instance \"https://api.example.com:8443\"",
        );
    }
    if uri.query().is_some() || text.get_ref().contains('#') {
        return fail(
            "bad-base-url",
            "`base_url` has a query or a fragment, which requests cannot keep",
            "leave only scheme, host, port and path prefix",
        );
    }
    match scheme {
        "https" => {}
        "http" if is_loopback(authority.host()) => {}
        "http" => {
            return fail(
                "insecure-base-url",
                "`base_url` would send the key unencrypted to another host",
                "use https; http is only for loopback",
            );
        }
        _ => {
            return fail(
                "bad-base-url",
                "`base_url` must begin with https:// (or http:// on loopback)",
                "change the scheme",
            );
        }
    }
    let path = uri.path().trim_end_matches('/');
    let version = path
        .strip_suffix("/v1")
        .or_else(|| path.strip_suffix("/v1beta"));
    let path = version.unwrap_or(path).trim_end_matches('/');
    Some(At::new(
        text.span(),
        format!("{scheme}://{authority}{path}"),
    ))
}

fn is_loopback(host: &str) -> bool {
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    host == "localhost"
        || bare
            .parse::<std::net::IpAddr>()
            .is_ok_and(|address| address.is_loopback())
}

/// Where the credential is. A credential written into the file is an error and is not repeated.
fn key(table: &Table<'_>, findings: &Findings) -> Option<At<Key>> {
    if let Some(place) = table.text_place("key") {
        findings.hide(place.clone());
        findings.error(
            "credential-in-file",
            place.clone(),
            "a key must not be written into this file",
            "name its place: `key = { env = \"NAME\" }`, `{ file = \"PATH\" }`, `{ credential = \"NAME\" }` \
             or `{ none = true }`; then replace the key, it may have been seen",
        );
        return Some(At::new(place, Key::Unclear));
    }
    let source = table.table("key", &KEY)?;
    let mut unknown = false;
    for (_, _, value) in source.unknown() {
        findings.hide(value);
        unknown = true;
    }
    let place = source.place();
    let none = source.key_place("none").map(|_| source.flag("none"));
    let mut said: Vec<Key> = Vec::new();
    if let Some(name) = source.filled("env") {
        said.push(variable(&name, findings));
    }
    if let Some(path) = source.filled("file") {
        said.push(Key::File(path.into_inner()));
    }
    if let Some(name) = source.filled("credential") {
        said.push(credential(name, findings));
    }
    if let Some(none) = none {
        if *none.get_ref() {
            said.push(Key::None);
        } else {
            unclear(findings, none.span());
            said.push(Key::Unclear);
        }
    }
    let members = ["env", "file", "credential"];
    let broken = unknown || members.iter().any(|key| source.key_place(key).is_some());
    match (said.pop(), said.is_empty()) {
        (Some(key), true) => return Some(At::new(place, key)),
        // What is wrong with it has its own finding already.
        (None, _) if broken => {}
        (Some(_) | None, _) => unclear(findings, place.clone()),
    }
    Some(At::new(place, Key::Unclear))
}

fn unclear(findings: &Findings, place: Range<usize>) {
    findings.error(
        "unclear-credential",
        place,
        "`key` must say exactly one place",
        "one of `env = \"NAME\"`, `file = \"PATH\"`, `credential = \"NAME\"` or `none = true`",
    );
}

fn variable(name: &At<String>, findings: &Findings) -> Key {
    if value::is_variable(name.get_ref()) {
        return Key::Variable(name.get_ref().clone());
    }
    // Not repeated in the message: it may be the key itself.
    findings.hide(name.span());
    findings.error(
        "bad-value",
        name.span(),
        "`env` is not the name of a variable",
        "letters, digits and `_`, for instance `env = \"ACME_KEY\"`; not the key itself",
    );
    Key::Unclear
}

fn credential(name: At<String>, findings: &Findings) -> Key {
    if name.get_ref().contains(['/', '\0']) || name.get_ref().starts_with('.') {
        findings.error(
            "bad-value",
            name.span(),
            "`credential` must be a plain file name",
            "the name given to systemd's `LoadCredential=`",
        );
        return Key::Unclear;
    }
    Key::Credential(name.into_inner())
}
