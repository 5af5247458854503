//! What is true now, in the cluster: who is alive, who has which lease, what probing has found and cost, what was
//! captured, and what became of requests in each minute.
//!
//! Called by the backend beside it, which has checked that this process may write and that the store is not closed.
//! Nothing here is kept on disk and nothing waits for it on the data path: when the cluster is away, writing fails
//! within two seconds and reading tells what was known last.

mod ask;
mod beats;
mod captures;
mod duty;
mod minutes;
mod newest;
mod part;
mod probes;

use bytes::Bytes;
use serde::Serialize;

use super::{
    layout::Stream,
    link::{Link, NotStored, Outgoing, Stored},
};
use crate::{
    model::{GatewayName, Heartbeat, Presence},
    store::{HEARTBEAT_LIFE, PRESENCE_LIFE, StoreError, earlier, memory::probes::Probes},
};

use beats::Beats;
use duty::{Judged, Sights, Sum};
use minutes::Minutes;
use newest::Newest;
use part::Part;

/// The kinds of the stream, each a token of its subjects.
const HEARTBEAT: &str = "heartbeat";
const PRESENCE: &str = "presence";
const LEASE: &str = "lease";
const READINESS: &str = "readiness";
const SPENT: &str = "spent";

/// This process' view of what is true now. Asks for nothing until somebody wants to know.
#[derive(Debug)]
pub(in crate::store) struct Pulse {
    link: Link,
    beats: Beats,
    heartbeats: Part<Newest<Heartbeat>>,
    presences: Part<Newest<Presence>>,
    readiness: Part<Judged>,
    spending: Part<Newest<Sum>>,
    probes: Part<Probes>,
    minutes: Minutes,
    spends: tokio::sync::Mutex<()>,
    sights: Sights,
}

impl Pulse {
    /// Over a connection.
    pub(in crate::store) fn new(link: &Link) -> Self {
        let kind = |kind| [kind];
        Self {
            link: link.clone(),
            beats: Beats::default(),
            heartbeats: Part::new(link, Stream::Pulse, &kind(HEARTBEAT)),
            presences: Part::new(link, Stream::Pulse, &kind(PRESENCE)),
            readiness: Part::new(link, Stream::Pulse, &kind(READINESS)),
            spending: Part::new(link, Stream::Pulse, &kind(SPENT)),
            probes: Part::new(link, Stream::Probes, &[]),
            minutes: Minutes::new(link),
            spends: tokio::sync::Mutex::default(),
            sights: Sights::default(),
        }
    }

    /// Writes a gateway's heartbeat over its last one, unless that says the same and is young. When it is the first
    /// one in a minute, the minute before is told, too; what could not be told is told later.
    pub(in crate::store) async fn beat(&self, heartbeat: Heartbeat) -> Result<(), StoreError> {
        if self.beats.hear(&heartbeat) {
            let stored = self.put(HEARTBEAT, heartbeat.gateway.as_str(), &heartbeat);
            let stored = stored.await?;
            self.beats.told(&heartbeat, stored.sequence);
        }
        self.tell_past(&heartbeat.gateway).await
    }

    async fn tell_past(&self, gateway: &GatewayName) -> Result<(), StoreError> {
        while let Some(told) = self.beats.untold(gateway) {
            let message = minutes::message(self.link.layout(), gateway, &told);
            let message = message.map_err(|error| self.link.failed(&error))?;
            self.stored(message).await?;
            self.beats.told_stretch(gateway, &told);
        }
        Ok(())
    }

    /// The last heartbeat of each gateway, by name; at most a day old.
    pub(in crate::store) async fn heartbeats(&self) -> Result<Vec<Heartbeat>, StoreError> {
        let oldest = earlier(self.link.clock().now(), HEARTBEAT_LIFE);
        let read = self.heartbeats.read(|table| {
            table.retain(|beat| beat.at >= earlier(oldest, HEARTBEAT_LIFE));
            table
                .iter()
                .filter(|beat| beat.at >= oldest)
                .cloned()
                .collect()
        });
        let mut beats: Vec<Heartbeat> = read.await?;
        beats.sort_by(|left, right| left.gateway.cmp(&right.gateway));
        Ok(beats)
    }

    /// Removes a gateway that ended in good order; what it has not told of its last hour is told now.
    pub(in crate::store) async fn farewell(&self, gateway: GatewayName) -> Result<(), StoreError> {
        self.beats.end(&gateway);
        let told = self.tell_past(&gateway).await;
        self.beats.forget(&gateway);
        self.remove(HEARTBEAT, gateway.as_str()).await.and(told)
    }

    /// Writes a console's presence over its last one.
    pub(in crate::store) async fn put_presence(
        &self,
        presence: Presence,
    ) -> Result<(), StoreError> {
        let stored = self.put(PRESENCE, &presence.session, &presence).await;
        stored.map(drop)
    }

    /// Removes a console that ended in good order.
    pub(in crate::store) async fn remove_presence(
        &self,
        session: String,
    ) -> Result<(), StoreError> {
        self.remove(PRESENCE, &session).await
    }

    /// The consoles seen in the last 15 s, by session.
    pub(in crate::store) async fn presences(&self) -> Result<Vec<Presence>, StoreError> {
        let oldest = earlier(self.link.clock().now(), PRESENCE_LIFE);
        let read = self.presences.read(|table| {
            table.retain(|seen| seen.at >= earlier(oldest, HEARTBEAT_LIFE));
            table
                .iter()
                .filter(|seen| seen.at >= oldest)
                .cloned()
                .collect()
        });
        let mut seen: Vec<Presence> = read.await?;
        seen.sort_by(|left, right| left.session.cmp(&right.session));
        Ok(seen)
    }

    fn subject(&self, kind: &str, key: &str) -> String {
        self.link.layout().subject(Stream::Pulse, &[kind, key])
    }

    async fn put<T: Serialize + Sync>(
        &self,
        kind: &str,
        key: &str,
        record: &T,
    ) -> Result<Stored, StoreError> {
        let payload = self.packed(record)?;
        let message = ask::message(self.subject(kind, key), payload);
        self.stored(message).await
    }

    /// An empty message takes back what was there: whoever has read it sees that it is gone.
    async fn remove(&self, kind: &str, key: &str) -> Result<(), StoreError> {
        let message = ask::message(self.subject(kind, key), Bytes::new());
        self.stored(message).await.map(drop)
    }

    async fn stored(&self, message: Outgoing) -> Result<Stored, StoreError> {
        let stored = ask::store(&self.link, message).await;
        stored.map_err(|error: NotStored| self.link.not_stored(&error))
    }

    fn packed<T: Serialize>(&self, record: &T) -> Result<Bytes, StoreError> {
        let packed = serde_json::to_vec(record);
        packed
            .map(Bytes::from)
            .map_err(|error| self.link.failed(&error))
    }
}
