//! The prober's duty: its lease, what it knows of readiness, and what it has spent.
//!
//! Whoever has a lease stops when it is over by their own clock, counted from before they asked for it. Whoever wants
//! another's waits until they have themselves seen it unchanged for as long as it was given for: they see it after it
//! was asked for, so that they act later than its holder stops, however far their clocks are apart.

use std::{
    collections::{BTreeMap, VecDeque},
    sync::{Mutex, PoisonError},
    time::Duration,
};

use jiff::Timestamp;
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use tokio::time::Instant;

use super::{
    super::{
        layout::Stream,
        link::{Expect, NotStored, Outgoing},
    },
    LEASE, Pulse, READINESS, SPENT,
    ask::{self, Kept},
    part::Table,
};
use crate::{
    model::{Lease, Spent, WorkloadReadiness},
    store::{StoreError, rules},
};

/// How long something is tried while others are faster or nobody says what became of it.
const PATIENCE: Duration = Duration::from_secs(3);
/// How many additions are remembered by name.
const LATEST: usize = 32;
/// The most bytes of readiness in one message.
const CHUNK: usize = 512_000;

/// What was judged of readiness: a list in one or more messages, which count when all of them are there.
#[derive(Debug, Default)]
pub(super) struct Judged {
    chunks: BTreeMap<String, Chunk>,
    all: Vec<WorkloadReadiness>,
}

#[derive(Debug, Serialize, Deserialize)]
struct Chunk {
    /// Which list it is a part of.
    list: String,
    /// Of how many.
    of: usize,
    workloads: Vec<WorkloadReadiness>,
}

impl Table for Judged {
    fn take(&mut self, message: &Kept) {
        let Ok(chunk) = serde_json::from_slice::<Chunk>(&message.payload) else {
            tracing::debug!(
                subject = message.subject,
                "what the cluster knows of readiness cannot be read"
            );
            return;
        };
        let (list, of) = (chunk.list.clone(), chunk.of);
        self.chunks.insert(message.subject.clone(), chunk);
        let parts: Vec<&Chunk> = self
            .chunks
            .values()
            .filter(|chunk| chunk.list == list)
            .collect();
        if parts.len() == of {
            let workloads = parts.into_iter().flat_map(|chunk| &chunk.workloads);
            self.all = workloads.cloned().collect();
            self.all
                .sort_by(|left, right| left.workload.cmp(&right.workload));
        }
    }
}

/// What probing a route has cost in an hour, as it is kept.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(super) struct Sum {
    spent: Option<Spent>,
    /// The names of the newest additions: whoever was not told whether one was stored finds it here.
    latest: VecDeque<String>,
}

impl Sum {
    fn with(mut self, more: &Spent, id: &str) -> Self {
        match &mut self.spent {
            Some(spent) => {
                spent.requests += more.requests;
                spent.cost += more.cost;
            }
            None => self.spent = Some(more.clone()),
        }
        self.latest.push_back(id.to_owned());
        if self.latest.len() > LATEST {
            self.latest.pop_front();
        }
        self
    }
}

/// A lease as it is kept.
#[derive(Debug, Serialize, Deserialize)]
struct Held {
    #[serde(flatten)]
    lease: Lease,
    /// For how long it was given. `None`: by a version that does not tell.
    #[serde(default)]
    life: Option<Duration>,
}

/// Since when this process sees each lease as it is: its place in the stream, and the moment on the own clock.
#[derive(Debug, Default)]
pub(super) struct Sights(Mutex<BTreeMap<String, (u64, Timestamp)>>);

impl Sights {
    /// For how long a lease has not changed as far as it was seen here; it is at a place now.
    fn unchanged(&self, name: &str, place: u64, now: Timestamp) -> Duration {
        let mut sights = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (seen, since) = sights.entry(name.to_owned()).or_insert((place, now));
        // A clock that was set back begins anew.
        if *seen != place || now < *since {
            (*seen, *since) = (place, now);
        }
        Duration::try_from(now.duration_since(*since)).unwrap_or_default()
    }
}

/// What became of a message that expects what was read before.
enum Compared {
    Stored,
    /// Somebody else was faster.
    Beaten,
}

impl Pulse {
    /// Takes a lease, or renews one's own; `Err` is the lease of whoever has it.
    pub(in crate::store) async fn lease(
        &self,
        name: &str,
        holder: String,
        life: Duration,
    ) -> Result<Result<Lease, Lease>, StoreError> {
        let until = Instant::now() + PATIENCE;
        loop {
            let (place, found) = self.known::<Held>(LEASE, name).await?;
            let now = self.link.clock().now();
            let unchanged = self.sights.unchanged(name, place, now);
            let found = match found {
                Some(held) if held.lease.holder != holder => {
                    let given_back = held.lease.until <= Timestamp::UNIX_EPOCH;
                    if !given_back && unchanged < held.life.unwrap_or(life) {
                        return Ok(Err(held.lease));
                    }
                    // Over, whatever its holder's clock says.
                    Some(Lease {
                        until: Timestamp::UNIX_EPOCH,
                        ..held.lease
                    })
                }
                found => found.map(|held| held.lease),
            };
            let lease = match rules::lease(found, &holder, life, now) {
                Ok(lease) => lease,
                Err(taken) => return Ok(Err(taken)),
            };
            let held = Held {
                lease: lease.clone(),
                life: Some(life),
            };
            match self.replace(LEASE, name, place, &held, until).await? {
                Compared::Stored => return Ok(Ok(lease)),
                Compared::Beaten => {}
            }
        }
    }

    /// Gives one's own lease back; another's is left alone.
    pub(in crate::store) async fn release(
        &self,
        name: &str,
        holder: String,
    ) -> Result<(), StoreError> {
        let until = Instant::now() + PATIENCE;
        loop {
            let (place, found) = self.known::<Held>(LEASE, name).await?;
            let Some(mut held) = found.filter(|held| held.lease.holder == holder) else {
                return Ok(());
            };
            // Over by any clock. It stays, so that the next term is a later one.
            held.lease.until = Timestamp::UNIX_EPOCH;
            match self.replace(LEASE, name, place, &held, until).await? {
                Compared::Stored => return Ok(()),
                Compared::Beaten => {}
            }
        }
    }

    /// Adds to what probing has cost in an hour, once. After an error it may be counted or not.
    pub(in crate::store) async fn spend(&self, spent: Spent) -> Result<(), StoreError> {
        let until = Instant::now() + PATIENCE;
        let key = format!("{}.{}", spent.hour, spent.route);
        let id = ask::unique(&self.link);
        // The own additions do not race each other.
        let _turn = self.spends.lock().await;
        loop {
            let (place, found) = self.known::<Sum>(SPENT, &key).await?;
            let sum = found.unwrap_or_default();
            if sum.latest.contains(&id) {
                return Ok(());
            }
            let sum = sum.with(&spent, &id);
            match self.replace(SPENT, &key, place, &sum, until).await? {
                Compared::Stored => return Ok(()),
                Compared::Beaten => {}
            }
        }
    }

    /// What probing has cost since an hour, that hour included; by hour, then route.
    pub(in crate::store) async fn spent(&self, since: i64) -> Result<Vec<Spent>, StoreError> {
        let read = self.spending.read(|table| {
            let all = table.iter().filter_map(|sum| sum.spent.as_ref());
            all.filter(|spent| spent.hour >= since).cloned().collect()
        });
        let mut all: Vec<Spent> = read.await?;
        all.sort_by(|left, right| (left.hour, &left.route).cmp(&(right.hour, &right.route)));
        Ok(all)
    }

    /// Replaces all that is known of the workloads' readiness.
    pub(in crate::store) async fn put_readiness(
        &self,
        all: Vec<WorkloadReadiness>,
    ) -> Result<(), StoreError> {
        let mut chunks = vec![Vec::new()];
        let mut size = 0;
        for one in all {
            let length = self.packed(&one)?.len();
            if size + length > CHUNK && size > 0 {
                chunks.push(Vec::new());
                size = 0;
            }
            size += length;
            if let Some(chunk) = chunks.last_mut() {
                chunk.push(one);
            }
        }
        let (list, of) = (ask::unique(&self.link), chunks.len());
        let mut messages = Vec::with_capacity(of);
        for (number, workloads) in chunks.into_iter().enumerate() {
            let list = list.clone();
            let chunk = Chunk {
                list,
                of,
                workloads,
            };
            let subject = self.subject(READINESS, &number.to_string());
            messages.push(Outgoing {
                headers: vec![(ask::LIFE, ask::NEVER_ENDS.to_owned())],
                ..ask::message(subject, self.packed(&chunk)?)
            });
        }
        ask::store_all(&self.link, messages).await
    }

    /// What was last known of the workloads' readiness, by name.
    pub(in crate::store) async fn readiness(&self) -> Result<Vec<WorkloadReadiness>, StoreError> {
        self.readiness.read(|judged| judged.all.clone()).await
    }

    /// The record of a key as the leader knows it, and its place; 0 when there is none.
    async fn known<T: DeserializeOwned>(
        &self,
        kind: &str,
        key: &str,
    ) -> Result<(u64, Option<T>), StoreError> {
        let subject = self.subject(kind, key);
        let Some(kept) = ask::newest(&self.link, Stream::Pulse, &subject).await? else {
            return Ok((0, None));
        };
        let record = serde_json::from_slice(&kept.payload);
        let record = record.map_err(|error| self.link.failed(&error))?;
        Ok((kept.sequence, Some(record)))
    }

    /// Writes a record over the one at a place, if that is still the newest of its key. Who is beaten, or is not told
    /// in time what became of it, looks again.
    async fn replace<T: Serialize + Sync>(
        &self,
        kind: &str,
        key: &str,
        place: u64,
        record: &T,
        until: Instant,
    ) -> Result<Compared, StoreError> {
        let message = Outgoing {
            expect: Expect::NewestOfSubject(place),
            headers: lasting(kind),
            ..ask::message(self.subject(kind, key), self.packed(record)?)
        };
        match ask::store(&self.link, message).await {
            Ok(_) => Ok(Compared::Stored),
            Err(NotStored::Unexpected | NotStored::Unknown(_)) if Instant::now() < until => {
                Ok(Compared::Beaten)
            }
            Err(error) => Err(self.link.not_stored(&error)),
        }
    }
}

/// What is spent is forgotten with the stream's other messages.
fn lasting(kind: &str) -> Vec<(&'static str, String)> {
    if kind == LEASE {
        vec![(ask::LIFE, ask::NEVER_ENDS.to_owned())]
    } else {
        Vec::new()
    }
}

#[cfg(test)]
mod tests {
    use super::{Judged, Kept, LATEST, Sum, Table as _};
    use crate::model::Spent;

    #[test]
    fn a_list_in_parts_counts_when_all_of_it_is_there() {
        let mut judged = Judged::default();
        let mut take = |part: &str, list: &str, of: usize, workload: &str| {
            let word = r#""fallback":null,"word":"ready","reasons":[],"proven":null"#;
            let workloads = format!(r#"[{{"workload":"{workload}",{word}}}]"#);
            let payload = format!(r#"{{"list":"{list}","of":{of},"workloads":{workloads}}}"#);
            judged.take(&Kept {
                subject: format!("backstop.pulse.readiness.{part}"),
                sequence: 1,
                payload: payload.into(),
            });
            let names = judged.all.iter().map(|one| one.workload.to_string());
            names.collect::<Vec<_>>()
        };
        assert_eq!(take("0", "first", 2, "b"), [""; 0]);
        assert_eq!(take("1", "first", 2, "a"), ["a", "b"]);
        // Half of a newer list hides nothing.
        assert_eq!(take("1", "second", 2, "c"), ["a", "b"]);
        assert_eq!(take("0", "second", 2, "d"), ["c", "d"]);
        // A shorter one leaves a part of the older behind.
        assert_eq!(take("0", "third", 1, "e"), ["e"]);
    }

    #[test]
    fn an_addition_is_known_by_its_name_for_a_while() {
        let one = Spent {
            route: "a".into(),
            hour: 7,
            requests: 1,
            cost: 0.5,
        };
        let mut sum = Sum::default();
        for number in 0..=LATEST {
            sum = sum.with(&one, &number.to_string());
        }
        let requests = sum.spent.as_ref().map(|spent| spent.requests);
        assert_eq!(requests, Some(LATEST as u64 + 1));
        assert!(!sum.latest.contains(&"0".to_owned()));
        assert!(sum.latest.contains(&LATEST.to_string()));
    }
}
