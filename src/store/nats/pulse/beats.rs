//! When a heartbeat is worth a message, and what a gateway still has to tell of the past.
//!
//! The more gateways there are, the more seldom each repeats what has not changed, so that a large fleet does not
//! keep its cluster busy with signs of life; what an operator waits for goes at once. How many there are is seen from
//! how fast the places of the stream go by, which every acknowledgement tells.

use std::{
    collections::{BTreeMap, VecDeque},
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use jiff::Timestamp;

use crate::{
    model::{CircuitState, GatewayName, Heartbeat, Stretch},
    store::past::Finished,
};

/// So many heartbeats a second are no burden.
const LIGHT: f64 = 20.0;
/// A heartbeat is repeated at least so often: silence is suspicious after five seconds.
const SLOWEST: Duration = Duration::from_secs(3);
/// And at most so often.
const FASTEST: Duration = Duration::from_secs(1);
/// Whoever beats once a second comes a little earlier at times.
const EARLY: Duration = Duration::from_millis(500);
/// The most stretches that wait to be told: hours without a cluster.
const WAITING: usize = 400;

/// A stretch that is over, to be told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Told {
    /// When the process started that tells it.
    pub(super) started: Timestamp,
    /// Minute or hour.
    pub(super) stretch: Stretch,
    /// What is told.
    pub(super) finished: Finished,
}

/// The gateways of this process.
#[derive(Debug, Default)]
pub(super) struct Beats(Mutex<BTreeMap<GatewayName, Gateway>>);

#[derive(Debug)]
struct Gateway {
    /// What it said last, sent or not.
    last: Heartbeat,
    sent: Option<Sent>,
    /// The hour that is running.
    hour: Option<Finished>,
    /// Oldest first.
    untold: VecDeque<Told>,
}

#[derive(Debug)]
struct Sent {
    beat: Heartbeat,
    sequence: u64,
    every: Duration,
}

impl Beats {
    fn held(&self) -> MutexGuard<'_, BTreeMap<GatewayName, Gateway>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes in a heartbeat, and answers whether it is to be sent.
    pub(super) fn hear(&self, beat: &Heartbeat) -> bool {
        let mut gateways = self.held();
        let Some(gateway) = gateways.get_mut(&beat.gateway) else {
            gateways.insert(beat.gateway.clone(), Gateway::new(beat));
            return true;
        };
        // Another process under the same name.
        if gateway.last.started != beat.started {
            gateway.end_hour();
        } else if let Some(finished) = Finished::of(Some(&gateway.last), beat) {
            gateway.finish(finished);
        }
        gateway.last = beat.clone();
        gateway.sent.as_ref().is_none_or(|sent| sent.is_over(beat))
    }

    /// A heartbeat was stored at a place of the stream.
    pub(super) fn told(&self, beat: &Heartbeat, sequence: u64) {
        if let Some(gateway) = self.held().get_mut(&beat.gateway) {
            let every = gateway
                .sent
                .as_ref()
                .map_or(FASTEST, |sent| sent.pace(beat.at, sequence));
            gateway.sent = Some(Sent {
                beat: beat.clone(),
                sequence,
                every,
            });
        }
    }

    /// The oldest stretch that a gateway has to tell.
    pub(super) fn untold(&self, gateway: &GatewayName) -> Option<Told> {
        self.held().get(gateway)?.untold.front().cloned()
    }

    /// It was told.
    pub(super) fn told_stretch(&self, gateway: &GatewayName, told: &Told) {
        if let Some(gateway) = self.held().get_mut(gateway)
            && gateway.untold.front() == Some(told)
        {
            gateway.untold.pop_front();
        }
    }

    /// A gateway ends: its hour is over.
    pub(super) fn end(&self, gateway: &GatewayName) {
        if let Some(gateway) = self.held().get_mut(gateway) {
            gateway.end_hour();
        }
    }

    /// A gateway has ended.
    pub(super) fn forget(&self, gateway: &GatewayName) {
        self.held().remove(gateway);
    }
}

impl Gateway {
    fn new(beat: &Heartbeat) -> Self {
        Self {
            last: beat.clone(),
            sent: None,
            hour: None,
            untold: VecDeque::new(),
        }
    }

    fn finish(&mut self, minute: Finished) {
        let within = minute.within(Stretch::Hour);
        if self
            .hour
            .as_ref()
            .is_some_and(|hour| hour.number != within.number)
        {
            self.end_hour();
        }
        match &mut self.hour {
            Some(hour) => hour.add(&within.rows),
            None => self.hour = Some(within),
        }
        self.wait(Stretch::Minute, minute);
    }

    fn end_hour(&mut self) {
        if let Some(hour) = self.hour.take() {
            self.wait(Stretch::Hour, hour);
        }
    }

    fn wait(&mut self, stretch: Stretch, finished: Finished) {
        if self.untold.len() >= WAITING {
            self.untold.pop_front();
        }
        self.untold.push_back(Told {
            started: self.last.started,
            stretch,
            finished,
        });
    }
}

impl Sent {
    /// Whether what was sent last does not stand for this one.
    fn is_over(&self, beat: &Heartbeat) -> bool {
        let age = Duration::try_from(beat.at.duration_since(self.beat.at));
        // A clock that was set back makes none old.
        age.is_err() || age.is_ok_and(|age| age + EARLY >= self.every) || differ(&self.beat, beat)
    }

    /// How often it is worth repeating, after a further one was stored.
    fn pace(&self, at: Timestamp, sequence: u64) -> Duration {
        let passed = at.duration_since(self.beat.at).as_secs_f64();
        if passed < EARLY.as_secs_f64() {
            return self.every;
        }
        #[expect(
            clippy::cast_precision_loss,
            reason = "places that went by within seconds"
        )]
        let went_by = sequence.saturating_sub(self.sequence) as f64;
        // Everybody beats as often as this one does.
        let gateways = went_by / passed * self.every.as_secs_f64();
        let every = (gateways / LIGHT).clamp(FASTEST.as_secs_f64(), SLOWEST.as_secs_f64());
        Duration::try_from_secs_f64(every).unwrap_or(SLOWEST)
    }
}

/// Whether more than moments and counts are different: what an operator waits for, or what has to be seen at once.
fn differ(before: &Heartbeat, now: &Heartbeat) -> bool {
    let alike = |beat: &Heartbeat| {
        let workloads: Vec<_> = beat
            .workloads
            .iter()
            .map(|of| {
                let routed = of.last_routed.as_ref();
                let routed = routed.map(|routed| (routed.route.clone(), routed.revision));
                (of.workload.clone(), routed, of.failing_since)
            })
            .collect();
        let routes: Vec<_> = beat
            .routes
            .iter()
            .filter(|of| of.circuit != CircuitState::Closed)
            .map(|of| (of.route.clone(), of.circuit))
            .collect();
        (workloads, routes)
    };
    let without_counts = |beat: &Heartbeat| Heartbeat {
        at: now.at,
        workloads: Vec::new(),
        routes: Vec::new(),
        ..beat.clone()
    };
    without_counts(before) != without_counts(now) || alike(before) != alike(now)
}

#[cfg(test)]
mod tests {
    use jiff::{SignedDuration, Timestamp};
    use serde_json::json;

    use super::{Beats, SLOWEST};
    use crate::model::{CircuitState, Heartbeat, Revision, Stretch};

    type Change = fn(&mut Heartbeat);

    fn seconds(seconds: i64) -> Timestamp {
        Timestamp::UNIX_EPOCH + SignedDuration::from_secs(seconds)
    }

    /// What it has to say, and nothing that it may leave out.
    fn beat(second: i64) -> Heartbeat {
        let told = json!({
            "gateway": "gw-1", "host": "host-1", "pid": 1, "version": "0.1.0",
            "listen": "127.0.0.1:4000", "started": seconds(0), "at": seconds(second),
            "revision": 2, "fingerprint": "a1b2c3d4", "draining": false, "unlogged": 0,
            "workloads": [{
                "workload": "chat", "requests": 600, "primary_failures": 0, "fallbacks": 0,
                "errors": 0, "refused": 0, "in_flight": 0,
            }],
            "routes": [{
                "route": "stable-chat", "attempts": 1, "failures": 0, "circuit": "closed",
                "in_flight": 0,
            }],
        });
        serde_json::from_value(told).unwrap()
    }

    /// Beats once a second while so many others do, and answers at which seconds it was sent.
    fn sent(gateways: u64, until: i64) -> Vec<i64> {
        let beats = Beats::default();
        let mut sent = Vec::new();
        let (mut place, mut before) = (0, 0);
        for second in 0..until {
            if beats.hear(&beat(second)) {
                let passed = u64::try_from(second - before).unwrap();
                // The others beat as often as this one did lately.
                place += if passed == 0 { 1 } else { gateways };
                before = second;
                beats.told(&beat(second), place);
                sent.push(second);
            }
        }
        sent
    }

    #[test]
    fn the_more_there_are_the_more_seldom_each_repeats_itself() {
        for (gateways, times) in [(1, 60), (20, 60), (1_000, 20)] {
            let sent = sent(gateways, 60);
            assert!(sent.len().abs_diff(times) <= 2, "{gateways}: {sent:?}");
            let limit = i64::try_from(SLOWEST.as_secs()).unwrap();
            let apart = sent.windows(2).map(|pair| pair[1] - pair[0]).max();
            assert!(apart.unwrap() <= limit, "{gateways}: {sent:?}");
        }
    }

    #[test]
    fn what_an_operator_waits_for_goes_at_once() {
        let cases: [(&str, Change, bool); 9] = [
            ("nothing", |_| {}, false),
            ("counts", |beat| beat.workloads[0].requests += 7, false),
            ("attempts", |beat| beat.routes[0].attempts += 7, false),
            ("the revision", |beat| beat.revision = Revision(3), true),
            ("the configuration", |beat| beat.fingerprint.push('0'), true),
            ("draining", |beat| beat.draining = true, true),
            (
                "a circuit",
                |beat| beat.routes[0].circuit = CircuitState::Open,
                true,
            ),
            (
                "a primary that fails",
                |beat| beat.workloads[0].failing_since = Some(seconds(9)),
                true,
            ),
            ("a clock set back", |beat| beat.at = seconds(3), true),
        ];
        for (case, change, expected) in cases {
            let beats = Beats::default();
            for (second, place) in [(0, 0), (10, 10_000)] {
                assert!(beats.hear(&beat(second)));
                beats.told(&beat(second), place);
            }
            let mut next = beat(11);
            change(&mut next);
            assert_eq!(beats.hear(&next), expected, "{case}");
        }
    }

    #[test]
    fn what_was_not_told_waits_and_an_hour_is_told_when_it_is_over() {
        let beats = Beats::default();
        let gateway = "gw-1".into();
        for second in [3_000, 3_060, 3_061, 3_120, 3_600, 3_660] {
            beats.hear(&beat(second));
        }
        let mut told = Vec::new();
        while let Some(one) = beats.untold(&gateway) {
            assert_eq!(beats.untold(&gateway).as_ref(), Some(&one));
            beats.told_stretch(&gateway, &one);
            told.push((one.stretch, one.finished.number));
        }
        let (minute, hour) = (Stretch::Minute, Stretch::Hour);
        assert_eq!(
            told,
            [
                (minute, 50),
                (minute, 51),
                (minute, 59),
                (hour, 0),
                (minute, 60)
            ]
        );
        // A gateway that ends tells of the hour that it was in.
        beats.end(&gateway);
        let last = beats.untold(&gateway).unwrap();
        assert_eq!((last.stretch, last.finished.number), (hour, 1));
        beats.forget(&gateway);
        assert_eq!(beats.untold(&gateway), None);
    }
}
