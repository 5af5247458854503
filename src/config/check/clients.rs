//! Clients: names that must exist, keys that say who calls.

use crate::{
    config::{
        diagnostic::Findings,
        file::{File, Workloads},
        reader::At,
        value,
    },
    model::AcceptedKey,
};

pub(super) fn check(file: &File, findings: &Findings) {
    let known = || {
        file.workloads
            .iter()
            .map(|workload| workload.name.get_ref().as_str())
    };
    let mut seen: Vec<(&At<AcceptedKey>, &str)> = Vec::new();
    for client in &file.clients {
        let name = client.name.get_ref();
        let named = match &client.workloads {
            Workloads::These(named) => named.as_slice(),
            Workloads::Every => &[],
        };
        for named in named
            .iter()
            .filter(|named| known().all(|known| known != named.get_ref()))
        {
            findings.error(
                "unknown-workload",
                named.span(),
                format!(
                    "client \"{name}\" may call the workload \"{}\", which does not exist",
                    named.get_ref()
                ),
                value::guess(named.get_ref(), known(), "workloads"),
            );
        }
        for key in &client.keys {
            match seen
                .iter()
                .find(|(known, _)| known.get_ref().hash == key.get_ref().hash)
            {
                Some((_, holder)) => findings.error(
                    "repeated-hash",
                    key.span(),
                    format!("this is already a key of the client \"{holder}\""),
                    "a key says who calls, so it belongs to one client, once",
                ),
                None => seen.push((key, name)),
            }
        }
    }
}
