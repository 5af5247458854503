//! From the mirror of the file to the catalog: inheritance, credentials, samples and places.
//!
//! What it reads from disk and environment can be wrong, too; then it leaves findings and makes no catalog.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    time::Duration,
};

use super::{
    Keys,
    check::Names,
    diagnostic::{Findings, Severity},
    file::{self, File, Key},
    keys::{self, Places},
    reader::At,
    samples, store, tls,
};
use crate::model::{
    Catalog, Client, ClientName, GatewaySettings, KeyPlace, NoticePolicy, NoticeStyle, Provider,
    Reach, Retention, Route, Sample, Secret, Workload,
};

/// What is known about the file besides its text.
pub(super) struct Source<'a> {
    /// Absolute.
    pub(super) path: PathBuf,
    pub(super) fingerprint: String,
    pub(super) places: Places<'a>,
    pub(super) keys: Keys,
}

/// Reads what the file points to, and makes the catalog if there is no error at all.
pub(super) fn resolve(
    file: &File,
    names: &Names<'_>,
    source: &Source<'_>,
    findings: &Findings,
) -> Option<Catalog> {
    let credentials = Credentials::read(file, names, source, findings);
    let samples: BTreeMap<&str, Vec<Sample>> = file
        .workloads
        .iter()
        .map(|workload| {
            let found = samples::of(workload, source.places.directory, findings);
            (workload.name.get_ref().as_str(), found)
        })
        .collect();
    let store = store::place(file, source, findings);
    let tls = tls::check(file, source, findings);
    if findings.failed() {
        return None;
    }
    Some(Catalog {
        source: source.path.clone(),
        fingerprint: source.fingerprint.clone(),
        environment: file.environment.clone(),
        store: store?,
        gateway: GatewaySettings {
            tls,
            ..file.gateway.clone()
        },
        retention: retention(file),
        probing: file.probing.clone(),
        providers: collect(&file.providers, |entry| {
            let provider = provider(entry, &credentials)?;
            Some((provider.name.clone(), provider))
        })?,
        routes: collect(&file.routes, |entry| {
            let route = route(entry, names, &credentials)?;
            Some((route.name.clone(), route))
        })?,
        clients: file.clients.iter().map(client).collect(),
        workloads: collect(&file.workloads, |entry| {
            let samples = samples.get(entry.name.get_ref().as_str());
            let workload = workload(entry, names, samples.cloned().unwrap_or_default())?;
            Some((workload.name.clone(), workload))
        })?,
    })
}

/// The answers of a review are there to be read for as long as it counts.
fn retention(file: &File) -> Retention {
    let ages = file
        .workloads
        .iter()
        .map(|entry| entry.review.get_ref().max_age);
    Retention {
        reviews: ages.fold(file.retention.reviews, Duration::max),
        ..file.retention
    }
}

fn collect<T, K: Ord, V>(
    entries: &[T],
    make: impl Fn(&T) -> Option<(K, V)>,
) -> Option<BTreeMap<K, V>> {
    entries.iter().map(make).collect()
}

/// The credentials by the name of their provider or route.
struct Credentials<'f> {
    providers: BTreeMap<&'f str, Option<Secret>>,
    routes: BTreeMap<&'f str, Option<Secret>>,
}

impl<'f> Credentials<'f> {
    fn read(file: &'f File, names: &Names<'_>, source: &Source<'_>, findings: &Findings) -> Self {
        let read = |key: &Option<At<Key>>, needed: bool| -> Option<Secret> {
            let key = key.as_ref()?;
            let read = keys::read(key.get_ref(), &source.places);
            if let Some(problem) = read.problem
                && source.keys != Keys::IfThere
            {
                let severity = if source.keys == Keys::Noted {
                    Severity::Note
                } else if needed {
                    problem.severity
                } else {
                    Severity::Warning
                };
                findings.add(
                    severity,
                    problem.code,
                    key.span(),
                    problem.message,
                    problem.help,
                );
            }
            read.secret
        };
        let used = |route: &file::Route| names.used.contains(route.name.get_ref().as_str());
        Self {
            providers: file
                .providers
                .iter()
                .map(|provider| {
                    let name = provider.name.get_ref();
                    let needed = file.routes.iter().any(|route| {
                        used(route)
                            && route.key.is_none()
                            && route
                                .provider
                                .as_ref()
                                .is_some_and(|of| of.get_ref() == name)
                    });
                    (name.as_str(), read(&provider.key, needed))
                })
                .collect(),
            routes: file
                .routes
                .iter()
                .map(|route| (route.name.get_ref().as_str(), read(&route.key, used(route))))
                .collect(),
        }
    }
}

/// As the XDG rules say; a process without a home has only the system's place.
pub(super) fn state_directory(places: &Places<'_>) -> PathBuf {
    let absolute = |name: &str| {
        (places.variables)(name)
            .map(PathBuf::from)
            .filter(|path| path.is_absolute())
    };
    absolute("XDG_STATE_HOME")
        .or_else(|| absolute("HOME").map(|home| home.join(".local/state")))
        .unwrap_or_else(|| Path::new("/var/lib").to_owned())
}

fn provider(entry: &file::Provider, credentials: &Credentials<'_>) -> Option<Provider> {
    let name = entry.name.get_ref().as_str();
    Some(Provider {
        name: name.into(),
        base_url: entry.base_url.as_ref()?.get_ref().clone(),
        family: *entry.family.as_ref()?.get_ref(),
        credential: credentials.providers.get(name).cloned().flatten(),
        boundary: entry.boundary.clone(),
    })
}

fn route(entry: &file::Route, names: &Names<'_>, credentials: &Credentials<'_>) -> Option<Route> {
    let name = entry.name.get_ref().as_str();
    let provider = names.provider(entry)?;
    let credential = if entry.key.is_some() {
        credentials.routes.get(name)
    } else {
        credentials.providers.get(provider.name.get_ref().as_str())
    };
    let base_url = entry.base_url.as_ref().or(provider.base_url.as_ref())?;
    let key = entry.key.as_ref().or(provider.key.as_ref());
    Some(Route {
        name: name.into(),
        provider: provider.name.get_ref().as_str().into(),
        base_url: base_url.get_ref().clone(),
        family: names.family(entry)?,
        model: entry.model.as_ref()?.get_ref().clone(),
        credential: credential.cloned().flatten(),
        key: key.map(|key| place(key.get_ref())).unwrap_or_default(),
        capabilities: entry.capabilities,
        context_tokens: entry.context_tokens,
        boundary: names.boundary(entry)?.clone(),
        capacity_rps: entry.capacity_rps,
        max_concurrent: entry.max_concurrent.as_ref().map(|most| *most.get_ref()),
        workloads: entry.workloads.as_ref().map(|names| {
            let name = |name: &At<String>| name.get_ref().as_str().into();
            names.iter().map(name).collect()
        }),
        circuit: entry.circuit,
        serves: entry.serves.clone(),
        price: entry.price.clone(),
    })
}

fn place(key: &Key) -> KeyPlace {
    match key {
        Key::Variable(name) => KeyPlace::Variable(name.clone()),
        Key::File(path) => KeyPlace::File(path.clone()),
        Key::Credential(name) => KeyPlace::Credential(name.clone()),
        // What is unclear is an error, so that no catalog is made of it.
        Key::None | Key::Unclear => KeyPlace::None,
    }
}

fn client(entry: &file::Client) -> (ClientName, Client) {
    let name = ClientName::from(entry.name.get_ref().as_str());
    let client = Client {
        name: name.clone(),
        keys: entry.keys.iter().map(|key| *key.get_ref()).collect(),
        reach: match &entry.workloads {
            file::Workloads::Every => Reach::Every,
            file::Workloads::These(names) => Reach::Only(
                names
                    .iter()
                    .map(|name| name.get_ref().as_str().into())
                    .collect(),
            ),
        },
        metrics: entry.metrics,
    };
    (name, client)
}

fn workload(entry: &file::Workload, names: &Names<'_>, samples: Vec<Sample>) -> Option<Workload> {
    let primary = entry.primary.as_ref()?.get_ref().as_str();
    let family = names.family(names.routes.get(primary)?)?;
    Some(Workload {
        name: entry.name.get_ref().as_str().into(),
        description: entry.description.clone(),
        owner: entry.owner.clone(),
        family,
        primary: primary.into(),
        fallback: entry
            .fallback
            .as_ref()
            .map(|fallback| fallback.get_ref().as_str().into()),
        mode: *entry.mode.get_ref(),
        tier: *entry.tier.get_ref(),
        user_visible: entry.user_visible,
        triggers: entry.trigger_set(),
        justifications: entry
            .justify
            .iter()
            .map(|(class, reason)| (*class, reason.get_ref().clone()))
            .collect(),
        timeouts: entry.timeouts.all(),
        backoff: entry.backoff,
        max_attempts: *entry.max_attempts.get_ref(),
        retry_share: entry.retry_share,
        notice: match &entry.notice {
            Some(notice) => NoticePolicy {
                text: notice.text.as_ref()?.get_ref().clone(),
                // What is shown to operators is what callers get.
                style: match notice.style.get_ref() {
                    NoticeStyle::Inline if family.takes_inline_notice() => NoticeStyle::Inline,
                    NoticeStyle::Header | NoticeStyle::Inline => NoticeStyle::Header,
                },
                enabled: *notice.enabled.get_ref(),
                required: *notice.required.get_ref(),
            },
            None => NoticePolicy {
                text: String::new(),
                style: NoticeStyle::default(),
                enabled: false,
                required: false,
            },
        },
        may_cross: entry.may_cross.clone(),
        may_change_vectors: entry
            .may_change_vectors
            .as_ref()
            .map(|reason| reason.get_ref().clone()),
        on_log_failure: entry.on_log_failure,
        all_down: entry.all_down,
        capture: *entry.capture.get_ref(),
        review: *entry.review.get_ref(),
        samples,
    })
}
