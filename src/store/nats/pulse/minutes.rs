//! The traffic of the past: each gateway's own process tells of every minute that is over, and of every hour; a
//! reader adds up what all have told.
//!
//! Minutes are kept for some hours and hours for weeks, as everywhere. An hour that nobody has told of, because it is
//! not over or its gateway was killed, is what its minutes say as long as they are there.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::{
    super::{
        layout::{Layout, Stream},
        link::{Link, Outgoing},
    },
    Pulse,
    ask::{self, Kept},
    beats::Told,
    part::{Part, Table},
};
use crate::{
    model::{GatewayName, Stretch, TrafficPast},
    store::{
        StoreError, TrafficQuery,
        past::{Finished, Past},
    },
};

const MINUTE: &str = "minute";
const HOUR: &str = "hour";
/// Whose word it is what another store knew.
const TAKEN_OVER: &str = "taken-over";
/// How long a minute is kept by the cluster: as long as it is asked for, and the hour that it is in.
const MINUTE_LIFE: &str = "7h";

/// What all gateways have told.
#[derive(Debug)]
pub(super) struct Minutes {
    minutes: Part<Stretches>,
    hours: Part<Stretches>,
}

/// What a gateway tells of a stretch, as a message: however often it is sent, it counts once.
pub(super) fn message(
    layout: &Layout,
    gateway: &GatewayName,
    told: &Told,
) -> Result<Outgoing, serde_json::Error> {
    let start = told.started.as_millisecond().to_string();
    let (word, headers) = match told.stretch {
        Stretch::Minute => (MINUTE, vec![(ask::LIFE, MINUTE_LIFE.to_owned())]),
        Stretch::Hour => (HOUR, Vec::new()),
    };
    let tokens = [word, gateway.as_str(), &start];
    let subject = layout.subject(Stream::Minutes, &tokens);
    Ok(Outgoing {
        id: format!("{subject}/{}", told.finished.number),
        headers,
        ..ask::message(subject, serde_json::to_vec(&told.finished)?.into())
    })
}

/// What was told of stretches of one length: sums, and of hours also which process has told of them.
#[derive(Debug, Default)]
pub(super) struct Stretches {
    sums: Past,
    /// By process, the last tokens of its subjects: up to where it has told.
    until: BTreeMap<String, i64>,
    /// Hours as their minutes say, by process.
    open: BTreeMap<(i64, String), Finished>,
    /// The newest of these hours.
    hour: i64,
}

impl Table for Stretches {
    fn take(&mut self, message: &Kept) {
        let mut tokens = message.subject.rsplitn(3, '.');
        let (start, gateway) = (tokens.next(), tokens.next());
        let rest = tokens.next();
        let (Some(start), Some(gateway), Some(rest)) = (start, gateway, rest) else {
            return;
        };
        let Ok(told) = serde_json::from_slice::<Finished>(&message.payload) else {
            tracing::debug!(
                subject = message.subject,
                "a minute of the cluster cannot be read"
            );
            return;
        };
        let process = format!("{gateway}.{start}");
        // Sent again, longer after than the cluster remembers.
        if self
            .until
            .get(&process)
            .is_some_and(|until| told.number <= *until)
        {
            return;
        }
        self.until.insert(process.clone(), told.number);
        if rest.ends_with(HOUR) {
            self.sums.add(Stretch::Hour, &told);
            self.sums.forget(Stretch::Hour, told.number);
            return;
        }
        self.sums.add(Stretch::Minute, &told);
        self.sums.forget(Stretch::Minute, told.number);
        let hour = told.within(Stretch::Hour);
        self.hour = self.hour.max(hour.number);
        let oldest = hour.number - Stretch::Hour.kept() / Stretch::Hour.seconds();
        self.open.retain(|(number, _), _| *number >= oldest);
        self.open
            .entry((hour.number, process))
            .and_modify(|open| open.add(&hour.rows))
            .or_insert(hour);
    }
}

impl Pulse {
    /// Tells what another store knew of stretches of one length, oldest first, as if one gateway had. Told again it
    /// changes nothing.
    pub(in crate::store) async fn take_over_past(
        &self,
        stretch: Stretch,
        all: Vec<Finished>,
    ) -> Result<(), StoreError> {
        let gateway = GatewayName::from(TAKEN_OVER);
        for finished in all {
            let told = Told {
                started: Timestamp::UNIX_EPOCH,
                stretch,
                finished,
            };
            let message = message(self.link.layout(), &gateway, &told);
            let message = message.map_err(|error| self.link.failed(&error))?;
            self.stored(message).await?;
        }
        Ok(())
    }
}

impl Minutes {
    pub(super) fn new(link: &Link) -> Self {
        Self {
            minutes: Part::new(link, Stream::Minutes, &[MINUTE]),
            hours: Part::new(link, Stream::Minutes, &[HOUR]),
        }
    }

    /// What was told of the stretches that are asked for.
    async fn read(&self, query: &TrafficQuery) -> Result<Past, StoreError> {
        match query.stretch {
            Stretch::Minute => self.minutes.read(|told| told.sums.only(query)).await,
            Stretch::Hour => {
                self.minutes.read(|_| ()).await?;
                let joined = |hours: &mut Stretches| {
                    let join = |minutes: &mut Stretches| minutes.join(hours, query);
                    self.minutes.look(join)
                };
                self.hours.read(joined).await
            }
        }
    }
}

impl Stretches {
    /// The hours, and the minutes of those that are not among them.
    fn join(&mut self, hours: &mut Self, query: &TrafficQuery) -> Past {
        hours.sums.forget(Stretch::Hour, self.hour);
        let told = |process: &String, hour: i64| {
            let until = hours.until.get(process);
            until.is_some_and(|until| hour <= *until)
        };
        self.open.retain(|(hour, process), _| !told(process, *hour));
        let mut sums = hours.sums.only(query);
        let asked = query.first()..query.end();
        for ((hour, _), open) in &self.open {
            if asked.contains(hour) {
                sums.add(Stretch::Hour, open);
            }
        }
        sums
    }
}

impl Pulse {
    /// What became of requests in the past.
    pub(in crate::store) async fn traffic(
        &self,
        query: TrafficQuery,
    ) -> Result<Vec<TrafficPast>, StoreError> {
        Ok(self.minutes.read(&query).await?.traffic(&query))
    }

    /// When the stretches began that a gateway has told of.
    pub(in crate::store) async fn counted(
        &self,
        query: TrafficQuery,
    ) -> Result<Vec<Timestamp>, StoreError> {
        Ok(self.minutes.read(&query).await?.counted(&query))
    }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::{Stretches, Table as _};
    use crate::{
        model::Stretch,
        store::{TrafficQuery, nats::pulse::ask::Kept},
    };

    fn told(table: &mut Stretches, word: &str, process: &str, number: i64, requests: u64) {
        let payload =
            format!(r#"{{"number":{number},"rows":{{"chat":{{"requests":{requests}}}}}}}"#);
        table.take(&Kept {
            subject: format!("backstop.minutes.{word}.{process}"),
            sequence: 1,
            payload: payload.into(),
        });
    }

    fn hours(minutes: &mut Stretches, hours: &mut Stretches) -> Vec<(i64, u64)> {
        let query = TrafficQuery {
            since: Timestamp::UNIX_EPOCH,
            until: Stretch::Hour.start(10_000),
            stretch: Stretch::Hour,
            workload: None,
        };
        let past = minutes.join(hours, &query).traffic(&query);
        past.iter()
            .map(|past| (Stretch::Hour.of(past.start), past.requests))
            .collect()
    }

    #[test]
    fn an_hour_counts_once_whether_its_minutes_or_it_were_told_first() {
        for minutes_first in [true, false] {
            let (mut minutes, mut whole) = (Stretches::default(), Stretches::default());
            if !minutes_first {
                told(&mut whole, "hour", "a.1", 0, 30);
            }
            for number in [0, 1] {
                told(&mut minutes, "minute", "a.1", number, 15);
                told(&mut minutes, "minute", "b.1", number, 1);
            }
            // Sent again.
            told(&mut minutes, "minute", "b.1", 1, 1);
            assert_eq!(hours(&mut minutes, &mut whole), [(0, 32)]);
            if minutes_first {
                told(&mut whole, "hour", "a.1", 0, 30);
            }
            assert_eq!(hours(&mut minutes, &mut whole), [(0, 32)]);
            // The same gateway, started again within the hour.
            told(&mut minutes, "minute", "a.2", 2, 5);
            assert_eq!(hours(&mut minutes, &mut whole), [(0, 37)]);
            told(&mut whole, "hour", "a.2", 0, 5);
            assert_eq!(hours(&mut minutes, &mut whole), [(0, 37)]);
        }
    }

    #[test]
    fn hours_are_forgotten_after_weeks() {
        let (mut minutes, mut whole) = (Stretches::default(), Stretches::default());
        told(&mut whole, "hour", "a.1", 0, 30);
        told(&mut minutes, "minute", "b.1", 744 * 60, 1);
        assert_eq!(hours(&mut minutes, &mut whole), [(0, 30), (744, 1)]);
        told(&mut minutes, "minute", "b.1", 745 * 60, 1);
        assert_eq!(hours(&mut minutes, &mut whole), [(744, 1), (745, 1)]);
    }
}
