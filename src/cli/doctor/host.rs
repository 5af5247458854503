//! What this process and this host have: the program, keys, certificate, limits, places.

use std::{
    collections::BTreeMap, fs, os::unix::fs::MetadataExt as _, path::PathBuf, time::Duration,
};

use jiff::Timestamp;
use rustix::process::{Resource, getrlimit};

use super::super::places;
use crate::{
    config,
    model::{Catalog, Checkup, KeyPlace, Soundness},
};

/// A certificate that ends sooner wants a new one now.
const SOON: Duration = Duration::from_hours(14 * 24);

/// Which program this is, and as whom it looks.
pub(super) fn program() -> Checkup {
    let says = format!(
        "backstop {} as user {} on {}",
        env!("CARGO_PKG_VERSION"),
        rustix::process::geteuid().as_raw(),
        rustix::system::uname().nodename().to_string_lossy()
    );
    if rustix::process::geteuid().is_root() {
        return Checkup::found(
            "program",
            Soundness::Note,
            says,
            "nothing here needs the superuser: run the gateway as a user of its own",
        );
    }
    Checkup::good("program", says)
}

/// Which keys this process can see. Never a key itself.
pub(super) fn keys(catalog: &Catalog, checks: &mut Vec<Checkup>) {
    let mut seen: BTreeMap<String, bool> = BTreeMap::new();
    for route in catalog.routes.values() {
        if route.key != KeyPlace::None {
            seen.insert(route.key.to_string(), route.credential.is_some());
        }
    }
    let (there, missing): (Vec<_>, Vec<_>) = seen.into_iter().partition(|(_, there)| *there);
    let names = |places: Vec<(String, bool)>| {
        let names: Vec<String> = places.into_iter().map(|(place, _)| place).collect();
        names.join(", ")
    };
    if !missing.is_empty() {
        checks.push(Checkup::found(
            "keys",
            Soundness::Note,
            format!("not to be seen from here: {}", names(missing)),
            "the gateway needs them, an operator's shell does not",
        ));
    }
    if !there.is_empty() {
        checks.push(Checkup::good("keys", format!("there: {}", names(there))));
    }
}

/// The listener's certificate.
pub(super) fn certificate(catalog: &Catalog, now: Timestamp, checks: &mut Vec<Checkup>) {
    let Some(files) = &catalog.gateway.tls else {
        return;
    };
    let path = files.certificate.display();
    match config::certificate(files) {
        Ok(_) => {}
        Err(error) => {
            checks.push(Checkup::found(
                "tls",
                Soundness::Bad,
                error.to_string(),
                "both must be PEM files that belong together, readable by the gateway's user",
            ));
            return;
        }
    }
    let Some(until) = config::certificate_until(files) else {
        checks.push(Checkup::good("tls", format!("{path}: fits its key")));
        return;
    };
    let says = format!("{path}: fits its key, good until {until}");
    checks.push(if until <= now {
        Checkup::found(
            "tls",
            Soundness::Bad,
            format!("{path} has ended at {until}"),
            "put a new one in its place: gateways take it up by themselves",
        )
    } else if now.checked_add(SOON).is_ok_and(|soon| until <= soon) {
        Checkup::found(
            "tls",
            Soundness::Warning,
            says,
            "put a new one in its place soon",
        )
    } else {
        Checkup::good("tls", says)
    });
}

/// How many files a gateway that is started from here may open.
pub(super) fn limits(catalog: &Catalog, checks: &mut Vec<Checkup>) {
    let wanted = u64::try_from(catalog.gateway.max_connections).unwrap_or(u64::MAX);
    let limit = getrlimit(Resource::Nofile).maximum;
    // One to the client and one to the provider.
    match limit {
        Some(most) if most / 2 < wanted => checks.push(Checkup::found(
            "limits",
            Soundness::Warning,
            format!("{most} open files at most, for gateway.max_connections = {wanted}"),
            "raise the hard limit where the gateway is started (LimitNOFILE= of systemd, ulimit -Hn), or lower that",
        )),
        Some(most) => checks.push(Checkup::good("limits", format!("{most} open files at most"))),
        None => checks.push(Checkup::good("limits", "any number of open files")),
    }
}

/// The places of this user.
pub(super) fn places(checks: &mut Vec<Checkup>) {
    let all: [(&str, Option<PathBuf>); 4] = [
        ("log", places::log()),
        ("saves", places::saves()),
        ("keys", places::keys()),
        ("themes", places::themes()),
    ];
    if all.iter().any(|(_, path)| path.is_none()) {
        checks.push(Checkup::found(
            "places",
            Soundness::Note,
            "this user has no home, so no place for files of its own",
            places::WANTED,
        ));
    }
    let before = checks.len();
    for (name, path) in &all {
        let Some((path, metadata)) = path
            .as_ref()
            .and_then(|path| Some((path, fs::metadata(path).ok()?)))
        else {
            continue;
        };
        if metadata.mode() & 0o022 != 0 {
            let shown = path.display();
            checks.push(Checkup::found(
                "places",
                Soundness::Warning,
                format!(
                    "others may write to {name}, {shown} (mode {:o})",
                    metadata.mode() & 0o777
                ),
                format!("chmod go-w {shown}"),
            ));
        }
    }
    if checks.len() == before {
        checks.push(Checkup::good(
            "places",
            "nobody else may write to this user's files",
        ));
    }
}
