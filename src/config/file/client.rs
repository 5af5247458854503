//! `[clients.NAME]`: who may call, and the hashes of their keys.

use std::ops::Range;

use crate::{
    config::{
        diagnostic::Findings,
        reader::{At, Table},
        reference::CLIENT_KEY,
        value,
    },
    model::{AcceptedKey, ClientKey, KeyHash},
};

/// `[clients.NAME]`.
pub(in crate::config) struct Client {
    pub(in crate::config) name: At<String>,
    pub(in crate::config) workloads: Workloads,
    pub(in crate::config) keys: Vec<At<AcceptedKey>>,
    pub(in crate::config) metrics: bool,
}

/// What it may call, as written.
pub(in crate::config) enum Workloads {
    Every,
    These(Vec<At<String>>),
}

/// Reads one client.
pub(super) fn client(table: &Table<'_>, findings: &Findings) -> Client {
    let keys = table.tables("keys", &CLIENT_KEY);
    if table.length("keys") == 0
        && let Some(place) = table.key_place("keys")
    {
        findings.error(
            "no-keys",
            place,
            format!(
                "the client \"{}\" has no key, so it could never call",
                table.name.get_ref()
            ),
            "add the line that `backstop key new NAME` prints, or remove the client",
        );
    }
    Client {
        name: table.name.clone(),
        workloads: workloads(table, findings),
        keys: keys
            .iter()
            .filter_map(|table| {
                let expires = table.moment("expires", value::moment);
                let hash = hash(table, findings)?;
                let key = AcceptedKey {
                    hash: *hash.get_ref(),
                    expires,
                };
                Some(At::new(hash.span(), key))
            })
            .collect(),
        metrics: table.flag("metrics").into_inner(),
    }
}

fn workloads(table: &Table<'_>, findings: &Findings) -> Workloads {
    let names = table.texts("workloads");
    match names.iter().find(|name| name.get_ref() == "*") {
        Some(every) if names.len() > 1 => {
            findings.warning(
                "repeated",
                every.span(),
                "`workloads` has \"*\", which is every workload, and names beside it",
                "leave one of both",
            );
            Workloads::Every
        }
        Some(_) => Workloads::Every,
        None => Workloads::These(names),
    }
}

fn hash(table: &Table<'_>, findings: &Findings) -> Option<At<KeyHash>> {
    let text = table.filled("sha256")?;
    if ClientKey::is_meant(text.get_ref()) {
        return pasted(text.span(), findings);
    }
    if let Ok(hash) = text.get_ref().parse() {
        return Some(At::new(text.span(), hash));
    }
    // Not repeated: who has mixed this up may have written a key of another kind.
    findings.hide(text.span());
    findings.error(
        "bad-value",
        text.span(),
        "`sha256` is not a SHA-256 of 64 hexadecimal digits",
        "write what `backstop key new NAME` printed, or `backstop key check` prints for a key",
    );
    None
}

/// The key itself was written where its hash belongs.
fn pasted(place: Range<usize>, findings: &Findings) -> Option<At<KeyHash>> {
    findings.hide(place.clone());
    findings.error(
        "credential-in-file",
        place,
        "a client key must not be written into this file, only its hash",
        "`backstop key check` prints the hash of a key; but make a new one, this one may have been seen",
    );
    None
}
