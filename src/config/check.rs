//! Checks that need more than one place of the file: names that must exist, and policies that would not do
//! what they seem to say.
//!
//! Pure: it sees the mirror of the file only, neither disk nor environment.

mod advice;
mod clients;
mod policy;

use std::collections::{BTreeMap, BTreeSet};

use super::{
    diagnostic::Findings,
    file::{File, Provider, Route, Workload},
    reader::At,
    value,
};
use crate::model::{Boundary, Family};

/// The file with its names looked up.
pub(super) struct Names<'f> {
    pub(super) providers: BTreeMap<&'f str, &'f Provider>,
    pub(super) routes: BTreeMap<&'f str, &'f Route>,
    /// Routes that a workload uses.
    pub(super) used: BTreeSet<&'f str>,
}

impl<'f> Names<'f> {
    /// Looks up every name.
    pub(super) fn of(file: &'f File) -> Self {
        let name = |name: &'f At<String>| name.get_ref().as_str();
        Self {
            providers: file
                .providers
                .iter()
                .map(|entry| (name(&entry.name), entry))
                .collect(),
            routes: file
                .routes
                .iter()
                .map(|entry| (name(&entry.name), entry))
                .collect(),
            used: file
                .workloads
                .iter()
                .flat_map(|workload| [&workload.primary, &workload.fallback])
                .flatten()
                .map(name)
                .collect(),
        }
    }

    /// The provider of a route, when both names are right.
    pub(super) fn provider(&self, route: &Route) -> Option<&'f Provider> {
        let name = route.provider.as_ref()?;
        self.providers.get(name.get_ref().as_str()).copied()
    }

    /// The family of a route: its own or its provider's.
    pub(super) fn family(&self, route: &Route) -> Option<Family> {
        self.family_word(route).map(|family| *family.get_ref())
    }

    /// Where that family is written.
    fn family_word<'r>(&self, route: &'r Route) -> Option<&'r At<Family>>
    where
        'f: 'r,
    {
        let family = route.family.as_ref();
        family.or_else(|| self.provider(route)?.family.as_ref())
    }

    /// The boundary of a route: its own or its provider's.
    pub(super) fn boundary<'r>(&self, route: &'r Route) -> Option<&'r Boundary>
    where
        'f: 'r,
    {
        match &route.boundary {
            Some(boundary) => Some(boundary),
            None => self.provider(route).map(|provider| &provider.boundary),
        }
    }

    fn route(&self, name: Option<&At<String>>) -> Option<&'f Route> {
        self.routes.get(name?.get_ref().as_str()).copied()
    }
}

/// Leaves everything it finds.
pub(super) fn check(file: &File, names: &Names<'_>, findings: &Findings) {
    providers(file, names, findings);
    routes(file, names, findings);
    clients::check(file, findings);
    unused(file, names, findings);
    advice::routes(file, names, findings);
    advice::probing(file, names, findings);
    for workload in &file.workloads {
        for (name, what) in [
            (&workload.primary, "primary"),
            (&workload.fallback, "fallback"),
        ] {
            if let Some(name) = name {
                known_route(name, what, workload, names, findings);
            }
        }
        let subject = policy::Subject {
            workload,
            primary: names.route(workload.primary.as_ref()),
            fallback: names.route(workload.fallback.as_ref()),
            names,
        };
        policy::check(&subject, findings);
        advice::workload(&subject, file, findings);
    }
    if file.environment.production && file.store.url.is_none() {
        findings.warning(
            "store-default",
            0..0,
            "a production file without `store.url` keeps state in the home of whoever runs Backstop",
            "gateway and operators would not see each other; write for instance \
             url = \"sqlite:/var/lib/backstop\" under [store]",
        );
    }
}

fn providers(file: &File, names: &Names<'_>, findings: &Findings) {
    for provider in &file.providers {
        let name = provider.name.get_ref();
        let routes = file.routes.iter().filter(|route| {
            route.key.is_none()
                && names
                    .provider(route)
                    .is_some_and(|of| of.name.get_ref() == name)
        });
        if provider.key.is_none() && routes.count() > 0 {
            findings.error(
                "missing-key",
                provider.name.span(),
                format!("`{name}` needs the key `key`, because a route of it has none of its own"),
                "`key = { env = \"NAME\" }`; `key = { none = true }` where the provider wants none",
            );
        }
    }
}

fn routes(file: &File, names: &Names<'_>, findings: &Findings) {
    for route in &file.routes {
        let name = route.name.get_ref();
        if let Some(provider) = &route.provider
            && !names.providers.contains_key(provider.get_ref().as_str())
        {
            findings.error(
                "unknown-provider",
                provider.span(),
                format!(
                    "route \"{name}\" names the provider \"{}\", which does not exist",
                    provider.get_ref()
                ),
                value::guess(
                    provider.get_ref(),
                    names.providers.keys().copied(),
                    "providers",
                ),
            );
        }
    }
}

/// Routes and providers that nobody names. Where there is nobody to name them, another finding says so.
fn unused(file: &File, names: &Names<'_>, findings: &Findings) {
    if !file.workloads.is_empty() {
        let unnamed = unnamed(&names.routes, &names.used);
        for route in unnamed.map(|route| &route.name) {
            findings.warning(
                "unused-route",
                route.span(),
                format!("no workload uses the route \"{}\"", route.get_ref()),
                (),
            );
        }
    }
    if !file.routes.is_empty() {
        let in_use = file
            .routes
            .iter()
            .filter_map(|route| route.provider.as_ref());
        let in_use = in_use.map(|provider| provider.get_ref().as_str()).collect();
        let unnamed = unnamed(&names.providers, &in_use);
        for provider in unnamed.map(|provider| &provider.name) {
            findings.warning(
                "unused-provider",
                provider.span(),
                format!("no route uses the provider \"{}\"", provider.get_ref()),
                (),
            );
        }
    }
}

/// Those that are neither named nor probably meant by a misspelt name.
fn unnamed<'n, T>(
    known: &'n BTreeMap<&'n str, &'n T>,
    used: &'n BTreeSet<&'n str>,
) -> impl Iterator<Item = &'n T> {
    let meant: BTreeSet<&str> = used
        .iter()
        .filter(|name| !known.contains_key(**name))
        .filter_map(|name| value::nearest(name, known.keys().copied()))
        .collect();
    known
        .iter()
        .filter(move |(name, _)| !used.contains(**name) && !meant.contains(**name))
        .map(|(_, entry)| *entry)
}

fn known_route(
    name: &At<String>,
    what: &str,
    workload: &Workload,
    names: &Names<'_>,
    findings: &Findings,
) {
    if !names.routes.contains_key(name.get_ref().as_str()) {
        findings.error(
            "unknown-route",
            name.span(),
            format!(
                "workload \"{}\" names the {what} \"{}\", and there is no such route",
                workload.name.get_ref(),
                name.get_ref()
            ),
            value::guess(name.get_ref(), names.routes.keys().copied(), "routes"),
        );
    }
}
