//! A look at a cluster from outside: every server by itself, every stream, and what is written about writing to disk.

use std::{collections::BTreeSet, time::Duration};

use async_nats::{
    ServerInfo,
    jetstream::stream::{Info, StorageType},
};
use futures_util::future::join_all;
use jiff::Timestamp;
use serde::Deserialize;
use tokio::time::timeout;

use super::{Care, PATIENCE, Stream, differences, judge};
use crate::{
    model::StorePlace,
    store::{Follower, ServerFound, StreamFound, Survey, nats::link},
};

/// How long one server may take to answer.
const ANSWER: Duration = Duration::from_secs(4);

/// What was seen, before it is judged.
#[derive(Debug)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each was looked at by itself"
)]
pub(super) struct Seen {
    pub(super) servers: Vec<ServerFound>,
    /// One of them let us in.
    pub(super) connected: bool,
    /// All that is configured is on this host.
    pub(super) here: bool,
    /// Connections are encrypted.
    pub(super) encrypted: bool,
    /// Somebody who shows nothing is let in.
    pub(super) open: bool,
    /// The streams that answer.
    pub(super) streams: Vec<StreamFound>,
    /// Those that do not, and why.
    pub(super) silent: Vec<(String, String)>,
    /// Streams that are not there.
    pub(super) missing: Vec<String>,
    /// What monitoring ports said, by URL.
    pub(super) synced: Vec<(String, Result<Synced, String>)>,
    /// Bytes on disk that the account has taken, and how many it may.
    pub(super) space: Option<(u64, Option<u64>)>,
}

/// How often a server writes to disk.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Synced {
    pub(super) server: String,
    pub(super) always: bool,
    pub(super) every: Duration,
}

pub(super) async fn survey(care: &Care, monitoring: &[String]) -> Survey {
    let mut seen = Seen {
        servers: Vec::new(),
        connected: care.link.wait_connected(PATIENCE).await,
        here: false,
        encrypted: false,
        open: false,
        streams: Vec::new(),
        silent: Vec::new(),
        missing: Vec::new(),
        synced: Vec::new(),
        space: None,
    };
    let configured: Vec<String> = care.place.url.split(',').map(bare).collect();
    seen.here = configured.iter().all(|address| is_here(address));
    let mut addresses: BTreeSet<String> = configured.into_iter().collect();
    if seen.connected {
        let told = care.link.client().server_info().connect_urls;
        addresses.extend(told.iter().map(|url| bare(url)));
        streams(care, &mut seen).await;
        if let Ok(account) = care.link.context().query_account().await {
            let most = account
                .limits
                .max_storage
                .and_then(|most| most.try_into().ok());
            seen.space = Some((account.storage, most));
        }
    }
    let asked = addresses.iter().map(|address| ask(&care.place, address));
    for (server, info) in join_all(asked).await {
        if let Some(info) = info {
            seen.encrypted = info.tls_required || care.place.url.contains("tls://");
            seen.open |= !info.auth_required;
        }
        seen.servers.push(server);
    }
    if let Some(server) = seen.servers.iter().find(|server| server.name.is_some()) {
        seen.open |= link::lets_anybody_in(&care.place, &server.address, ANSWER).await;
    }
    for url in monitoring {
        seen.synced.push((url.clone(), synced(url).await));
    }
    Survey {
        url: care.place.url.clone(),
        prefix: care.place.nats.prefix.clone(),
        checks: judge::judge(&seen),
        servers: seen.servers,
        streams: seen.streams,
    }
}

/// One server by itself.
async fn ask(place: &StorePlace, address: &str) -> (ServerFound, Option<ServerInfo>) {
    let mut found = ServerFound {
        address: address.to_owned(),
        ..ServerFound::default()
    };
    let asked = timeout(ANSWER, link::ask_one(place, address)).await;
    match asked {
        Ok(Ok(info)) => {
            found.name = Some(info.server_name.clone());
            found.version = Some(info.version.clone());
            found.cluster.clone_from(&info.cluster);
            found.leaving = info.lame_duck_mode;
            (found, Some(info))
        }
        Ok(Err(why)) => {
            found.problem = Some(why);
            (found, None)
        }
        Err(_) => {
            found.problem = Some(format!("no answer in {} s", ANSWER.as_secs()));
            (found, None)
        }
    }
}

/// All at once: without a leader each takes its time not to answer.
async fn streams(care: &Care, seen: &mut Seen) {
    let asked = Stream::ALL.map(async |stream| (stream, care.find(stream).await));
    for (stream, found) in join_all(asked).await {
        let name = care.link.layout().stream(stream);
        match found {
            Ok(Some(info)) => {
                let wanted = care.wanted(stream, Some(&info));
                let mut described = described(&info);
                described.differences = differences::between(&info.config, &wanted);
                seen.streams.push(described);
            }
            Ok(None) => seen.missing.push(name),
            Err(error) => seen.silent.push((name, error.to_string())),
        }
    }
}

fn described(info: &Info) -> StreamFound {
    let cluster = info.cluster.as_ref();
    let followers = cluster.map(|cluster| cluster.replicas.as_slice());
    let (state, config) = (&info.state, &info.config);
    let moment = |nanoseconds: i128| {
        (state.messages > 0)
            .then(|| Timestamp::from_nanosecond(nanoseconds).ok())
            .flatten()
    };
    StreamFound {
        name: config.name.clone(),
        leader: cluster.and_then(|cluster| cluster.leader.clone()),
        replicas: config.num_replicas,
        followers: followers
            .unwrap_or_default()
            .iter()
            .map(|peer| Follower {
                server: peer.name.clone(),
                current: peer.current,
                offline: peer.offline,
                lag: peer.lag.unwrap_or_default(),
                silent_ms: u64::try_from(peer.active.as_millis()).unwrap_or(u64::MAX),
            })
            .collect(),
        messages: state.messages,
        bytes: state.bytes,
        oldest: moment(state.first_timestamp.unix_timestamp_nanos()),
        newest: moment(state.last_timestamp.unix_timestamp_nanos()),
        last: state.last_sequence,
        keeps_seconds: (!config.max_age.is_zero()).then_some(config.max_age.as_secs()),
        storage: match config.storage {
            StorageType::File => "file",
            StorageType::Memory => "memory",
        },
        differences: Vec::new(),
    }
}

/// What a server's monitoring port says of its writing to disk.
async fn synced(url: &str) -> Result<Synced, String> {
    #[derive(Deserialize)]
    struct Told {
        server_name: String,
        jetstream: JetStream,
    }
    #[derive(Deserialize)]
    struct JetStream {
        config: Option<Writing>,
    }
    #[derive(Deserialize)]
    struct Writing {
        #[serde(default)]
        sync_interval: u64,
        #[serde(default)]
        sync_always: bool,
    }
    let page = format!("{}/varz", url.trim_end_matches('/'));
    let failed = |error: reqwest::Error| {
        std::error::Error::source(&error).map_or_else(|| error.to_string(), ToString::to_string)
    };
    let client = reqwest::Client::builder().timeout(ANSWER).build();
    let answer = client.map_err(failed)?.get(page).send().await;
    let told: Told = answer.map_err(failed)?.json().await.map_err(failed)?;
    let Some(writing) = told.jetstream.config else {
        return Err(format!("{} has no JetStream", told.server_name));
    };
    Ok(Synced {
        server: told.server_name,
        always: writing.sync_always,
        every: Duration::from_nanos(writing.sync_interval),
    })
}

/// `HOST:PORT` of an address in any form.
fn bare(address: &str) -> String {
    let address = address.trim();
    let (_, host) = address.split_once("://").unwrap_or(("", address));
    match host.rsplit_once(':') {
        Some((_, port)) if !port.ends_with(']') => host.to_owned(),
        Some(_) | None => format!("{host}:4222"),
    }
}

fn is_here(address: &str) -> bool {
    let host = address.rsplit_once(':').map_or(address, |(host, _)| host);
    let host = host.trim_start_matches('[').trim_end_matches(']');
    let loopback = host
        .parse::<std::net::IpAddr>()
        .is_ok_and(|address| address.is_loopback());
    loopback || host == "localhost"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_known_in_every_form() {
        for (address, wanted, here) in [
            ("nats://127.0.0.1:4223", "127.0.0.1:4223", true),
            ("tls://one.example", "one.example:4222", false),
            (" localhost", "localhost:4222", true),
            ("nats://[::1]:5000", "[::1]:5000", true),
            ("[::1]", "[::1]:4222", true),
            ("10.0.0.1:4222", "10.0.0.1:4222", false),
        ] {
            assert_eq!(bare(address), wanted);
            assert_eq!(is_here(&bare(address)), here, "{address}");
        }
    }
}
