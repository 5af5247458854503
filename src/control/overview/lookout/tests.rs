//! A lookout that goes on from look to look sees what a new one sees, whatever moves and whatever time goes by.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use proptest::prelude::*;

use super::{Lookout, Moved, Sources};
use crate::{
    control::{
        Overview, Probed, Recent,
        fixture::{actor, catalog, heartbeat, load, now, overrides, reviewed, set, traffic},
        overview::{
            routes::tests::{answered, rung, sample},
            tests::event,
        },
    },
    model::{
        Catalog, Change, CircuitState, Debt, EventDecision, Heartbeat, Mode, OverrideKey,
        Overrides, ProbeRecord, Reason, Reviewed, Rung, Scope, Spent, StoredEvent, Verdict,
        WorkloadName,
    },
};

/// The number of the first event, and the events.
#[derive(Debug, Default)]
struct Log(u64, Vec<StoredEvent>);

impl Recent for Log {
    fn of(&self, workload: &WorkloadName, since: Timestamp) -> Vec<&StoredEvent> {
        let all = self.1.iter();
        all.filter(|stored| stored.event.workload == *workload && stored.event.at >= since)
            .collect()
    }

    fn span(&self, workload: &WorkloadName) -> (u64, u64) {
        let of_it = |(_, stored): &(u64, &StoredEvent)| stored.event.workload == *workload;
        let mut numbered = (self.0..).zip(&self.1).filter(of_it);
        let first = numbered.next();
        let last = numbered.last().or(first);
        first
            .zip(last)
            .map_or((0, 0), |((first, _), (last, _))| (first, last + 1))
    }
}

/// Something that happens. Times are in milliseconds before the moment at which it does.
#[derive(Clone, Debug)]
enum Step {
    Passes(i64),
    Beats(Vec<Beat>),
    Happens(&'static str, i64, EventDecision),
    Forgets,
    Probes(&'static str, i64, Verdict, bool),
    Spends(&'static str, u64),
    Switches(Vec<(OverrideKey, Change, Option<i64>)>),
    Reviews(usize, i64, bool),
    Configures(Bend),
}

#[derive(Clone, Debug)]
struct Beat {
    ago: i64,
    lived: i64,
    /// Requests, failures of the primary, answers by the fallback, uncaught errors; and when the last failure was.
    chat: (u64, u64, u64, u64, Option<i64>),
    answered: Option<i64>,
    attempts: u64,
    circuit: CircuitState,
    elsewhere: bool,
}

#[derive(Clone, Copy, Debug)]
enum Bend {
    Back,
    Sampled,
    Gated,
    Renamed,
    Fewer,
}

#[derive(Debug)]
struct World {
    catalog: Catalog,
    overrides: Overrides,
    heartbeats: Vec<Heartbeat>,
    log: Log,
    records: Vec<ProbeRecord>,
    spent: Vec<Spent>,
    probed: Probed,
    reviewed: Reviewed,
    now: Timestamp,
    moved: Moved,
}

fn ago(now: Timestamp, millis: i64) -> Timestamp {
    now - SignedDuration::from_millis(millis)
}

impl World {
    fn new() -> Self {
        Self {
            catalog: catalog(),
            overrides: Overrides::default(),
            heartbeats: Vec::new(),
            log: Log::default(),
            records: Vec::new(),
            spent: Vec::new(),
            probed: Probed::default(),
            reviewed: Reviewed::default(),
            now: now(),
            moved: Moved::ALL,
        }
    }

    fn sources(&self) -> Sources<'_> {
        Sources {
            catalog: &self.catalog,
            overrides: &self.overrides,
            heartbeats: &self.heartbeats,
            events: &self.log,
            probed: &self.probed,
            reviewed: &self.reviewed,
        }
    }

    fn whole(&self) -> Overview {
        let mut lookout = Lookout::default();
        let (overview, _) = lookout.look(&self.sources(), Moved::ALL, self.now);
        overview.clone()
    }

    fn step(&mut self, step: Step) {
        let now = self.now;
        match step {
            Step::Passes(millis) => self.now = ago(now, -millis),
            Step::Beats(beats) => {
                self.heartbeats = beats.iter().map(|beat| beat.at(now)).collect();
                self.moved.heartbeats = true;
            }
            Step::Happens(workload, millis, decision) => {
                let mut stored = event(workload, decision, Reason::Trigger);
                stored.event.at = ago(now, millis);
                self.log.1.push(stored);
                self.moved.events = true;
            }
            Step::Forgets => {
                if !self.log.1.is_empty() {
                    self.log.1.remove(0);
                    self.log.0 += 1;
                }
                self.moved.events = true;
            }
            Step::Probes(route, millis, verdict, minimal) => {
                let route = &self.catalog.routes[route];
                let mut record = if minimal {
                    rung(route, Rung::Minimal, verdict, 0)
                } else {
                    answered(route, (verdict == Verdict::Failed).then_some("no answer"))
                };
                match &mut record {
                    ProbeRecord::Sample(result) => result.at = ago(now, millis),
                    ProbeRecord::Rung(result) => result.at = ago(now, millis),
                }
                self.records.push(record.clone());
                self.probed.add([record]);
                self.moved.probed = true;
            }
            Step::Spends(route, requests) => {
                self.spent.push(Spent {
                    route: route.into(),
                    hour: Spent::hour_of(now),
                    requests,
                    cost: 0.25,
                });
                self.probed = Probed::new(self.records.clone(), &self.spent);
                self.moved.probed = true;
            }
            Step::Switches(entries) => {
                let mut revision = self.overrides.revision;
                let entries = entries.into_iter().map(|(key, change, lasts)| {
                    let until = lasts.map(|millis| ago(now, -millis));
                    (key, set(change, "jo", until))
                });
                self.overrides = overrides(entries.collect());
                revision.0 += 1;
                self.overrides.revision = revision;
                self.moved.overrides = true;
            }
            Step::Reviews(better, millis, owed) => {
                let mut head = reviewed(&self.catalog, better);
                head.at = ago(now, millis);
                self.reviewed = Reviewed {
                    place: self.reviewed.place + 1,
                    heads: vec![head],
                    debts: Vec::new(),
                };
                if owed {
                    self.reviewed.debts.push(Debt {
                        workload: "batch".into(),
                        since: now,
                        by: actor("jo"),
                        note: String::new(),
                        sequence: 1,
                    });
                }
                self.moved.reviewed = true;
            }
            Step::Configures(bend) => {
                let chat = WorkloadName::from("chat");
                match bend {
                    Bend::Back => self.catalog = catalog(),
                    Bend::Fewer => {
                        self.catalog.workloads.remove("code");
                    }
                    Bend::Renamed => {
                        let stable = self.catalog.routes.get_mut("stable").unwrap();
                        stable.model.push('2');
                    }
                    Bend::Sampled => {
                        let chat = self.catalog.workloads.get_mut(&chat).unwrap();
                        chat.samples = vec![sample()];
                    }
                    Bend::Gated => {
                        let chat = self.catalog.workloads.get_mut(&chat).unwrap();
                        chat.review.required = true;
                        chat.review.max_age = Duration::from_hours(2);
                    }
                }
                self.moved.catalog = true;
            }
        }
    }
}

impl Beat {
    fn at(&self, now: Timestamp) -> Heartbeat {
        let (requests, failures, fallbacks, uncaught, failed) = self.chat;
        let mut chat = traffic("chat", requests, failures, fallbacks, uncaught);
        chat.last_primary_failure = failed.map(|millis| ago(now, millis));
        chat.last_uncaught = chat.last_primary_failure.filter(|_| uncaught > 0);
        chat.failing_since = failed
            .filter(|millis| millis % 2 == 0)
            .map(|millis| ago(now, millis + 500));
        chat.last_primary = Some(ago(now, 100));
        chat.last_fallback = self.answered.map(|millis| ago(now, millis));
        let batch = traffic("batch", 60, 0, 0, 0);
        let routes = vec![
            load("premium", self.attempts, failures, self.circuit),
            load("stable", fallbacks * 90, 0, CircuitState::Closed),
        ];
        Heartbeat {
            started: ago(now, self.ago + self.lived),
            at: ago(now, self.ago),
            host: if self.elsewhere { "ops2" } else { "ops1" }.to_owned(),
            ..heartbeat(vec![chat, batch], routes)
        }
    }
}

fn millis() -> impl Strategy<Value = i64> {
    prop_oneof![
        0..2_000_i64,
        0..90_000_i64,
        Just(5_000),
        Just(15_000),
        Just(60_000),
        Just(900_000),
        0..8_000_000_i64,
    ]
}

fn route() -> impl Strategy<Value = &'static str> {
    prop_oneof![Just("premium"), Just("stable"), Just("cheap")]
}

fn beat() -> impl Strategy<Value = Beat> {
    let chat = (
        0..700_u64,
        0..300_u64,
        0..300_u64,
        0..100_u64,
        // Most often so that it is about to have recovered.
        proptest::option::of(prop_oneof![2 => 9_000..16_000_i64, 1 => millis()]),
    );
    let circuit = prop_oneof![
        3 => Just(CircuitState::Closed),
        1 => Just(CircuitState::Open),
        1 => Just(CircuitState::HalfOpen),
    ];
    let answered = proptest::option::of(millis());
    (
        -500..6_000_i64,
        millis(),
        chat,
        answered,
        0..700_u64,
        circuit,
        any::<bool>(),
    )
        .prop_map(
            |(ago, lived, chat, answered, attempts, circuit, elsewhere)| Beat {
                ago,
                lived,
                chat,
                answered,
                attempts,
                circuit,
                elsewhere,
            },
        )
}

fn switch() -> impl Strategy<Value = (OverrideKey, Change, Option<i64>)> {
    let chat = || WorkloadName::from("chat");
    let what = prop_oneof![
        Just((OverrideKey::mode(chat()), Change::Mode(Mode::Force))),
        Just((OverrideKey::mode(chat()), Change::Mode(Mode::Hold))),
        Just((OverrideKey::notice(chat()), Change::Notice(false))),
        Just((OverrideKey::drain("premium".into()), Change::Drain)),
        Just((OverrideKey::drain("stable".into()), Change::Drain)),
        Just((
            OverrideKey::mode(chat()).within(Scope::Host("ops2".into())),
            Change::Mode(Mode::Force),
        )),
        Just((
            OverrideKey::drain("stable".into()).within(Scope::Host("ops1".into())),
            Change::Drain,
        )),
    ];
    (what, proptest::option::of(millis())).prop_map(|((key, change), lasts)| (key, change, lasts))
}

fn step() -> impl Strategy<Value = Step> {
    let workload = prop_oneof![Just("chat"), Just("batch"), Just("code")];
    let decision = prop_oneof![
        Just(EventDecision::Fallback),
        Just(EventDecision::Refused),
        Just(EventDecision::Exhausted),
    ];
    let verdict = prop_oneof![Just(Verdict::Passed), Just(Verdict::Failed)];
    let bend = prop_oneof![
        Just(Bend::Back),
        Just(Bend::Sampled),
        Just(Bend::Sampled),
        Just(Bend::Gated),
        Just(Bend::Renamed),
        Just(Bend::Fewer),
    ];
    prop_oneof![
        5 => millis().prop_map(Step::Passes),
        5 => (0..4_000_i64).prop_map(Step::Passes),
        // The clock is put back.
        1 => (0..5_000_i64).prop_map(|millis| Step::Passes(-millis)),
        4 => proptest::collection::vec(beat(), 0..3).prop_map(Step::Beats),
        4 => (workload, millis(), decision)
            .prop_map(|(workload, millis, decision)| Step::Happens(workload, millis, decision)),
        1 => Just(Step::Forgets),
        4 => (route(), millis(), verdict, any::<bool>())
            .prop_map(|(route, millis, verdict, minimal)| {
                Step::Probes(route, millis, verdict, minimal)
            }),
        1 => (route(), 0..400_u64).prop_map(|(route, requests)| Step::Spends(route, requests)),
        2 => proptest::collection::vec(switch(), 0..3).prop_map(Step::Switches),
        2 => (0..11_usize, millis(), any::<bool>())
            .prop_map(|(better, millis, owed)| Step::Reviews(better, millis, owed)),
        2 => bend.prop_map(Step::Configures),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn what_goes_on_is_what_would_be_worked_out_whole(
        steps in proptest::collection::vec(step(), 1..40),
    ) {
        let mut world = World::new();
        let mut lookout = Lookout::default();
        let mut held: Option<Overview> = None;
        for step in steps {
            world.step(step.clone());
            let back = held.as_ref().is_some_and(|held| world.now < held.at);
            let due = lookout.next().is_some_and(|next| next <= world.now);
            let whole = world.whole();
            let looks = world.moved.any() || due || back;
            if looks {
                let moved = std::mem::take(&mut world.moved);
                let before = held.take();
                let (overview, changed) = lookout.look(&world.sources(), moved, world.now);
                let overview = overview.clone();
                if let Some(before) = before && !changed {
                    prop_assert_eq!(&before.workloads, &overview.workloads);
                    prop_assert_eq!(&before.routes, &overview.routes);
                }
                held = Some(overview);
            } else if let Some(held) = &mut held {
                held.at = world.now;
            }
            prop_assert_eq!(held.as_ref(), Some(&whole), "after {:?}, looked: {}", step, looks);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn a_look_that_is_taken_up_again_and_again_comes_to_the_same(
        steps in proptest::collection::vec((step(), 0..4_usize), 1..30),
    ) {
        let mut world = World::new();
        let mut lookout = Lookout::default();
        for (step, rows) in steps {
            world.step(step.clone());
            // Whatever else moves, also while it is half done.
            let moved = std::mem::take(&mut world.moved);
            lookout.begin(&world.sources(), moved, world.now);
            let done = lookout.go_on(&world.sources(), rows).is_some();
            prop_assert_eq!(done, !lookout.is_looking());
            if done {
                let whole = world.whole();
                prop_assert_eq!(lookout.overview.as_ref(), Some(&whole), "after {:?}", step);
            }
        }
        lookout.begin(&world.sources(), Moved::default(), world.now);
        let mut looks = 1;
        while lookout.go_on(&world.sources(), 1).is_none() {
            looks += 1;
            prop_assert!(looks < 100, "it ends");
        }
        prop_assert_eq!(lookout.overview.as_ref(), Some(&world.whole()));
    }
}

#[test]
fn few_rows_are_made_at_once_when_that_is_wanted() {
    let mut world = World::new();
    world.step(Step::Beats(vec![carries(100)]));
    let mut lookout = Lookout::default();
    lookout.begin(&world.sources(), Moved::ALL, world.now);
    let rows = world.catalog.routes.len() + world.catalog.workloads.len();
    for made in 1..rows {
        assert!(lookout.go_on(&world.sources(), 1).is_none());
        assert_eq!(lookout.routes.len() + lookout.workloads.len(), made);
    }
    let last = lookout.go_on(&world.sources(), 1);
    assert!(last.is_some_and(|(overview, changed)| changed && overview.workloads.len() == 3));
}

fn carries(requests: u64) -> Beat {
    Beat {
        ago: 0,
        lived: 60_000,
        chat: (requests, 0, 0, 0, None),
        answered: None,
        attempts: requests,
        circuit: CircuitState::Closed,
        elsewhere: false,
    }
}

#[test]
fn time_alone_makes_a_difference_just_when_it_was_said() {
    let recovers = Beat {
        chat: (600, 300, 300, 0, Some(13_001)),
        ..carries(600)
    };
    let switched = (
        OverrideKey::mode("chat".into()),
        Change::Mode(Mode::Hold),
        Some(3_000),
    );
    let fresh = i64::try_from(catalog().probing.fresh.as_millis()).unwrap();
    let (hours, nano) = (7_200_000, SignedDuration::from_nanos(1));
    let at_once = SignedDuration::ZERO;
    for (case, steps, millis, and) in [
        (
            "a gateway falls silent",
            vec![Step::Beats(vec![carries(600)])],
            5_000,
            at_once,
        ),
        (
            "the primary has recovered",
            vec![Step::Beats(vec![recovers])],
            1_999,
            at_once,
        ),
        (
            "an override ends",
            vec![Step::Switches(vec![switched])],
            3_000,
            at_once,
        ),
        (
            "a proof is too old",
            vec![
                Step::Configures(Bend::Sampled),
                Step::Probes("stable", fresh - 4_000, Verdict::Passed, false),
            ],
            4_000,
            nano,
        ),
        (
            "a review is too old",
            vec![
                Step::Configures(Bend::Gated),
                Step::Reviews(10, hours - 4_000, false),
            ],
            4_000,
            at_once,
        ),
        (
            "the hour of probing ends",
            vec![Step::Spends("stable", 5)],
            28 * 60_000,
            at_once,
        ),
    ] {
        let mut world = World::new();
        for step in steps {
            world.step(step);
        }
        let mut lookout = Lookout::default();
        let mut held = lookout
            .look(&world.sources(), Moved::ALL, world.now)
            .0
            .clone();
        let expected = now() + SignedDuration::from_millis(millis) + and;
        assert_eq!(lookout.next(), Some(expected), "{case}");
        for (at, same) in [(expected - nano, true), (expected, false)] {
            world.now = at;
            held.at = at;
            assert_eq!(world.whole() == held, same, "{case}, at {at}");
        }
    }
}

#[test]
fn what_did_not_move_is_not_made_again() {
    let mut world = World::new();
    let mut lookout = Lookout::default();
    world.step(Step::Beats(vec![carries(100)]));
    let first = lookout
        .look(&world.sources(), Moved::ALL, world.now)
        .0
        .clone();
    world.step(Step::Passes(1_000));
    world.step(Step::Beats(vec![carries(200)]));
    world.moved = Moved {
        heartbeats: true,
        ..Moved::default()
    };
    let (second, changed) = lookout.look(&world.sources(), world.moved, world.now);
    assert!(changed);
    let same = |name: &str| {
        let of = |overview: &Overview| overview.workload(&name.into()).map(std::ptr::from_ref);
        of(&first) == of(second)
    };
    assert_eq!(["chat", "batch", "code"].map(same), [false, true, true]);
}
