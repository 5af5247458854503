//! What probes found: the stream keeps the last messages of each key, and whoever reads them makes the same of them as
//! the other backends.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{
    super::{layout::Stream, link::Outgoing},
    Pulse,
    ask::{self, Kept},
    part::Table,
};
use crate::{
    model::{ProbeKey, ProbePoint, ProbeRecord},
    store::{StoreError, memory::probes::Probes},
};

/// The most messages that the server stores together.
const TOGETHER: usize = 1_000;

/// What a message of the stream is.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Message {
    Past(Past),
    Record(Box<ProbeRecord>),
}

/// The history of a key before it came to this cluster; it follows a record of the key.
#[derive(Debug, Serialize, Deserialize)]
struct Past {
    key: ProbeKey,
    points: Vec<ProbePoint>,
}

impl Table for Probes {
    fn take(&mut self, message: &Kept) {
        match serde_json::from_slice(&message.payload) {
            // Nothing is forgotten here: every question says how old an answer may be.
            Ok(Message::Record(record)) => self.put_at(message.sequence, vec![*record]),
            Ok(Message::Past(Past { key, points })) => self.put_past(&key, points),
            Err(error) => {
                tracing::debug!(%error, subject = message.subject, "a probe of the cluster cannot be read");
            }
        }
    }
}

impl Pulse {
    /// Writes what probes found; all or nothing, except that of more than a thousand each thousand is for itself. When
    /// nobody says whether it was stored, this fails, and putting it again does no harm.
    pub(in crate::store) async fn put_probes(
        &self,
        records: Vec<ProbeRecord>,
    ) -> Result<(), StoreError> {
        let mut messages = Vec::with_capacity(records.len());
        for record in &records {
            messages.push(self.about(&record.key(), record)?);
        }
        while !messages.is_empty() {
            let rest = messages.split_off(messages.len().min(TOGETHER));
            ask::store_all(&self.link, messages).await?;
            messages = rest;
        }
        Ok(())
    }

    /// Adds points of the time before to a key of which a record is there.
    pub(in crate::store) async fn take_over_points(
        &self,
        key: ProbeKey,
        points: Vec<ProbePoint>,
    ) -> Result<(), StoreError> {
        let message = self.about(&key.clone(), &Past { key, points })?;
        self.stored(message).await.map(drop)
    }

    fn about<T: Serialize>(&self, key: &ProbeKey, told: &T) -> Result<Outgoing, StoreError> {
        let tokens = [key.route.as_str(), &key.subject.to_string()];
        let subject = self.link.layout().subject(Stream::Probes, &tokens);
        Ok(ask::message(subject, self.packed(told)?))
    }

    /// The latest of each key that was made after a moment, or of all.
    pub(in crate::store) async fn probes(
        &self,
        after: Option<Timestamp>,
    ) -> Result<Vec<ProbeRecord>, StoreError> {
        let now = self.link.clock().now();
        self.probes.read(|probes| probes.latest(after, now)).await
    }

    /// The latest of each key that was kept after a place, and the newest place.
    pub(in crate::store) async fn probes_since(
        &self,
        place: u64,
    ) -> Result<(Vec<ProbeRecord>, u64), StoreError> {
        let now = self.link.clock().now();
        self.probes.read(|probes| probes.since(place, now)).await
    }

    /// The last points of one key, oldest first.
    pub(in crate::store) async fn probe_history(
        &self,
        key: ProbeKey,
    ) -> Result<Vec<ProbePoint>, StoreError> {
        let now = self.link.clock().now();
        self.probes
            .read(|probes| {
                probes.forget(now);
                probes.history(&key)
            })
            .await
    }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;
    use serde_json::json;

    use super::{Kept, Probes, Table as _};
    use crate::model::{ProbeKey, ProbeSubject, Rung};

    #[test]
    fn the_past_of_a_key_stands_before_what_is_known_of_it() {
        let mut probes = Probes::default();
        let mut sequence = 0;
        let mut take = |probes: &mut Probes, payload: serde_json::Value| {
            sequence += 1;
            probes.take(&Kept {
                subject: "backstop.probes.b.key".to_owned(),
                sequence,
                payload: payload.to_string().into(),
            });
        };
        let key = ProbeKey {
            route: "b".into(),
            subject: ProbeSubject::Rung(Rung::Key),
        };
        let at = |second| Timestamp::from_second(second).unwrap();
        let record = |second| {
            json!({ "rung": {
                "route": "b", "rung": "key",
                "asked": { "base_url": "http://127.0.0.1:1", "model": "m", "sample": null },
                "at": at(second), "verdict": "passed", "evidence": "", "class": null, "sample": null, "cost": null,
            }})
        };
        let point = |second| json!({ "at": at(second), "verdict": "failed", "class": null, "first_output": null });
        let past = json!({ "key": key, "points": [point(10), point(20), point(90)] });
        let seconds = |probes: &Probes| {
            let points = probes.history(&key);
            points
                .iter()
                .map(|point| point.at.as_second())
                .collect::<Vec<_>>()
        };
        take(&mut probes, past.clone());
        assert_eq!(seconds(&probes), [0; 0], "nothing is known of the key");
        take(&mut probes, record(90));
        take(&mut probes, past.clone());
        assert_eq!(seconds(&probes), [10, 20, 90]);
        take(&mut probes, past);
        for second in 100..113 {
            take(&mut probes, record(second));
        }
        let known = seconds(&probes);
        assert_eq!((known.len(), known[0], known[1]), (16, 10, 20));
        take(&mut probes, record(113));
        assert_eq!(seconds(&probes)[0], 20, "the oldest goes first");
    }
}
