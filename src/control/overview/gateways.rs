//! The gateways as a fleet: how each fares, how far it is behind, what it carries, and which of them run another
//! configuration. Computed from their heartbeats; shown by console, CLI and plans.

use std::{collections::BTreeMap, fmt, net::SocketAddr};

use jiff::{SignedDuration, Timestamp};
use serde::Serialize;

use super::{Overview, alive};
use crate::model::{Catalog, GatewayName, Heartbeat, Overrides, RegionName, Revision, Site};

/// How a gateway fares. Ordered from worst to best.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum GatewayState {
    /// Nothing was heard of it for 5 s: it may be gone, or serve with old switches where nobody hears it.
    Silent,
    /// It says that the store's cluster cannot be asked: it serves with the last switches it saw.
    Apart,
    /// It refused its configuration and goes on with the last good one.
    Refused,
    /// It has not applied the newest switches.
    Behind,
    /// It finishes its last requests.
    Draining,
    /// As it should be.
    Alive,
    /// Silent, and another one has taken its address since: nobody waits for it.
    Replaced,
}

impl GatewayState {
    /// Every one, from worst to best.
    pub const ALL: [Self; 7] = [
        Self::Silent,
        Self::Apart,
        Self::Refused,
        Self::Behind,
        Self::Draining,
        Self::Alive,
        Self::Replaced,
    ];

    /// One word for a column.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Silent => "silent",
            Self::Apart => "apart",
            Self::Refused => "refused",
            Self::Behind => "behind",
            Self::Draining => "draining",
            Self::Alive => "alive",
            Self::Replaced => "replaced",
        }
    }
}

impl fmt::Display for GatewayState {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(self.as_str())
    }
}

/// One gateway.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "independent facts, not a state"
)]
pub struct GatewayStatus {
    /// Which.
    pub gateway: GatewayName,
    /// How it fares.
    pub state: GatewayState,
    /// Its host.
    pub host: String,
    /// The region that it was given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub region: Option<RegionName>,
    /// Where it listens.
    pub listen: SocketAddr,
    /// Its process.
    pub pid: u32,
    /// Its version.
    pub version: String,
    /// When it started.
    pub started: Timestamp,
    /// The revision it has applied.
    pub revision: Revision,
    /// Whether it has applied the newest.
    pub current: bool,
    /// Switches that were changed since the revision it has applied.
    pub behind: usize,
    /// Since when, as far as the switches in force tell.
    pub behind_since: Option<Timestamp>,
    /// The configuration it has applied.
    pub fingerprint: String,
    /// Whether its configuration is the one seen here.
    pub same_config: bool,
    /// Whether its last heartbeat is younger than 5 s.
    pub alive: bool,
    /// When it was last heard of.
    pub at: Timestamp,
    /// Since when it cannot ask the store's cluster, as it said last.
    pub apart_since: Option<Timestamp>,
    /// How often it went apart since it started.
    pub partings: u64,
    /// Requests that it finished in the last 60 s; 0 when it is silent.
    pub requests: u64,
    /// Its share of those of all living gateways, 0.0 to 1.0; `None` when there were none.
    pub share: Option<f64>,
    /// Whether it is draining.
    pub draining: bool,
    /// A configuration it refused.
    pub config_error: Option<String>,
    /// Events it could not make durable since its start.
    pub unlogged: u64,
    /// Of those, how many were of fallbacks of which nothing was served for that reason.
    pub withheld: u64,
    /// When the last of them was.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unlogged_at: Option<Timestamp>,
}

impl GatewayStatus {
    /// Where it runs.
    #[must_use]
    pub fn site(&self) -> Site {
        Site {
            host: self.host.as_str().into(),
            region: self.region.clone(),
        }
    }

    /// Whether it could not make events durable just now. One that does not say when is not believed to have stopped.
    #[must_use]
    pub fn loses_events(&self, now: Timestamp) -> bool {
        let just = |at| now.duration_since(at) < JUST;
        self.unlogged > 0 && self.unlogged_at.is_none_or(just)
    }

    /// What is to be said of events that it could not make durable; `None`: nothing, or nothing any more.
    #[must_use]
    pub fn unlogged_words(&self, now: Timestamp) -> Option<String> {
        let told = unlogged_words(self.unlogged, self.withheld)?;
        let Some(at) = self.unlogged_at else {
            return Some(told);
        };
        let at_utc = at.strftime("%H:%M:%SZ");
        match now.duration_since(at) {
            age if age < JUST => Some(format!("{told}; the last one at {at_utc}")),
            age if age < TOLD => Some(format!("{told}, until {at_utc}; none since")),
            _ => None,
        }
    }

    /// From when what it knows is: the moment at which it was last in touch and heard of.
    #[must_use]
    pub fn known_at(&self) -> Timestamp {
        self.apart_since.map_or(self.at, |since| since.min(self.at))
    }
}

/// Trouble with events goes on for so long after the last one.
const JUST: SignedDuration = SignedDuration::from_mins(1);
/// And is told as past for so long.
const TOLD: SignedDuration = SignedDuration::from_hours(1);

/// Events that could not be made durable, in words; `None`: there were none.
#[must_use]
pub fn unlogged_words(unlogged: u64, withheld: u64) -> Option<String> {
    let count = |number: u64, one: &str, more: &str| match number {
        1 => format!("1 {one}"),
        number => format!("{number} {more}"),
    };
    let served = unlogged.saturating_sub(withheld);
    let mut told = Vec::new();
    if served > 0 {
        told.push(format!(
            "{} served by a fallback WITHOUT a durable event (on_log_failure = serve)",
            count(served, "answer was", "answers were")
        ));
    }
    if withheld > 0 {
        told.push(format!(
            "{} withheld, as the event could not be made durable (on_log_failure = refuse)",
            count(withheld, "fallback was", "fallbacks were")
        ));
    }
    (!told.is_empty()).then(|| told.join("; "))
}

/// Gateways that run the same configuration.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ConfigGroup {
    /// Its fingerprint.
    pub fingerprint: String,
    /// Whether it is the one that is read here.
    pub here: bool,
    /// Who runs it, by name.
    pub gateways: Vec<GatewayName>,
}

impl Overview {
    /// The gateways that are alive.
    pub fn alive(&self) -> impl Iterator<Item = &GatewayStatus> {
        self.gateways.iter().filter(|gateway| gateway.alive)
    }

    /// Where the gateways that are alive run.
    #[must_use]
    pub fn sites(&self) -> Vec<Site> {
        self.alive().map(GatewayStatus::site).collect()
    }

    /// Those of which nothing is heard and whose place nobody has taken.
    pub fn silent(&self) -> impl Iterator<Item = &GatewayStatus> {
        let silent = |gateway: &&GatewayStatus| gateway.state == GatewayState::Silent;
        self.gateways.iter().filter(silent)
    }

    /// One gateway.
    #[must_use]
    pub fn gateway(&self, name: &GatewayName) -> Option<&GatewayStatus> {
        self.gateways.iter().find(|status| status.gateway == *name)
    }

    /// The configurations that living gateways run: the one read here first, then by how many run it.
    #[must_use]
    pub fn configs(&self) -> Vec<ConfigGroup> {
        let mut groups: Vec<ConfigGroup> = Vec::new();
        for gateway in self.alive() {
            let known = groups
                .iter_mut()
                .find(|group| group.fingerprint == gateway.fingerprint);
            match known {
                Some(group) => group.gateways.push(gateway.gateway.clone()),
                None => groups.push(ConfigGroup {
                    fingerprint: gateway.fingerprint.clone(),
                    here: gateway.same_config,
                    gateways: vec![gateway.gateway.clone()],
                }),
            }
        }
        groups.sort_by_key(|group| (!group.here, std::cmp::Reverse(group.gateways.len())));
        groups
    }

    /// That living gateways run another configuration than the one read here, in words; `None`: they do not.
    #[must_use]
    pub fn other_configs(&self) -> Option<String> {
        let configs = self.configs();
        let all: usize = configs.iter().map(|group| group.gateways.len()).sum();
        let others: Vec<&ConfigGroup> = configs.iter().filter(|group| !group.here).collect();
        let other: usize = others.iter().map(|group| group.gateways.len()).sum();
        let runs = |number: usize| {
            if number == 1 {
                "gateway runs"
            } else {
                "gateways run"
            }
        };
        match (other, others.as_slice()) {
            (0, _) => None,
            (_, [_, _, ..]) => Some(format!(
                "{other} of {all} {} {} other configurations than the one read here",
                runs(all),
                others.len()
            )),
            (_, _) if other == all && all == 1 => {
                Some("the gateway runs another configuration than the one read here".to_owned())
            }
            (_, _) if other == all => Some(format!(
                "all {all} gateways run another configuration than the one read here"
            )),
            (_, _) => Some(format!(
                "{other} of {all} {} another configuration",
                runs(all)
            )),
        }
    }
}

/// Every gateway, by name.
pub(super) fn all(
    catalog: &Catalog,
    overrides: &Overrides,
    heartbeats: &[Heartbeat],
    now: Timestamp,
) -> Vec<GatewayStatus> {
    let carried = |beat: &Heartbeat| beat.workloads.iter().map(|it| it.requests).sum::<u64>();
    let living = heartbeats.iter().filter(|beat| alive(beat, now));
    let total: u64 = living.map(carried).sum();
    let replaced = replaced(heartbeats, now);
    let mut all: Vec<GatewayStatus> = heartbeats
        .iter()
        .map(|beat| {
            let mut status = one(catalog, overrides, beat, now);
            status.state = state(&status, replaced(beat));
            if status.alive {
                status.requests = carried(beat);
                status.share = (total > 0).then(|| ratio(status.requests, total));
            }
            status
        })
        .collect();
    all.sort_by(|left, right| left.gateway.cmp(&right.gateway));
    all
}

/// Tells of a silent gateway whether a living one has its address since: one that was started again has another name.
pub(in crate::control) fn replaced(
    heartbeats: &[Heartbeat],
    now: Timestamp,
) -> impl Fn(&Heartbeat) -> bool {
    let mut places: BTreeMap<(&str, SocketAddr), Timestamp> = BTreeMap::new();
    for beat in heartbeats.iter().filter(|beat| alive(beat, now)) {
        let place = (beat.host.as_str(), beat.listen);
        let since = places.entry(place).or_insert(beat.started);
        *since = beat.started.max(*since);
    }
    move |beat| {
        let taken = places.get(&(beat.host.as_str(), beat.listen));
        !alive(beat, now) && taken.is_some_and(|since| *since > beat.started)
    }
}

fn state(status: &GatewayStatus, replaced: bool) -> GatewayState {
    match status {
        GatewayStatus { alive: false, .. } if replaced => GatewayState::Replaced,
        GatewayStatus { alive: false, .. } => GatewayState::Silent,
        GatewayStatus {
            apart_since: Some(_),
            ..
        } => GatewayState::Apart,
        GatewayStatus {
            config_error: Some(_),
            ..
        } => GatewayState::Refused,
        GatewayStatus { draining: true, .. } => GatewayState::Draining,
        GatewayStatus { current: false, .. } => GatewayState::Behind,
        GatewayStatus { .. } => GatewayState::Alive,
    }
}

fn one(
    catalog: &Catalog,
    overrides: &Overrides,
    beat: &Heartbeat,
    now: Timestamp,
) -> GatewayStatus {
    let missing = overrides
        .slots
        .values()
        .filter(|slot| slot.revision > beat.revision);
    let since = missing
        .clone()
        .filter_map(|slot| slot.current.as_ref())
        .map(|entry| entry.since);
    GatewayStatus {
        gateway: beat.gateway.clone(),
        state: GatewayState::Alive,
        host: beat.host.clone(),
        region: beat.region.clone(),
        listen: beat.listen,
        pid: beat.pid,
        version: beat.version.clone(),
        started: beat.started,
        revision: beat.revision,
        current: beat.revision >= overrides.revision,
        behind: missing.count(),
        behind_since: since.min(),
        fingerprint: beat.fingerprint.clone(),
        same_config: beat.fingerprint == catalog.fingerprint,
        alive: alive(beat, now),
        at: beat.at,
        apart_since: beat.apart_since,
        partings: beat.partings,
        requests: 0,
        share: None,
        draining: beat.draining,
        config_error: beat.config_error.clone(),
        unlogged: beat.unlogged,
        withheld: beat.withheld,
        unlogged_at: beat.unlogged_at,
    }
}

/// A part of a whole.
#[expect(
    clippy::cast_precision_loss,
    reason = "counters of one minute stay far below 2^52"
)]
fn ratio(part: u64, whole: u64) -> f64 {
    part as f64 / whole as f64
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        control::{Probed, fixture, overview},
        model::{Change, Mode, OverrideKey, Reviewed},
    };

    fn overview_of(beats: &[Heartbeat], overrides: &Overrides) -> Overview {
        overview(
            &fixture::catalog(),
            overrides,
            beats,
            [],
            &Probed::default(),
            &Reviewed::default(),
            fixture::now(),
        )
    }

    fn beat(name: &str, bend: impl FnOnce(&mut Heartbeat)) -> Heartbeat {
        let mut beat = Heartbeat {
            gateway: name.into(),
            host: format!("host-{name}"),
            fingerprint: fixture::catalog().fingerprint,
            ..fixture::heartbeat(Vec::new(), Vec::new())
        };
        bend(&mut beat);
        beat
    }

    /// One switch, at revision 1.
    fn switched() -> Overrides {
        let force = fixture::set(Change::Mode(Mode::Force), "jo", None);
        fixture::overrides(vec![(OverrideKey::mode("chat".into()), force)])
    }

    type Bend = fn(&mut Heartbeat, Timestamp);

    #[test]
    fn trouble_with_events_is_told_as_long_as_it_goes_on_then_as_past_and_then_no_more() {
        let (catalog, overrides) = (fixture::catalog(), Overrides::default());
        let status = |unlogged, withheld, ago: Option<i64>| {
            let mut beat = fixture::heartbeat(Vec::new(), Vec::new());
            (beat.unlogged, beat.withheld) = (unlogged, withheld);
            beat.unlogged_at = ago.map(|ago| fixture::seconds(-ago));
            one(&catalog, &overrides, &beat, fixture::seconds(0))
        };
        let words = "WITHOUT a durable event (on_log_failure = serve)";
        let refused = "withheld, as the event could not be made durable (on_log_failure = refuse)";
        for (case, status, goes_on, told) in [
            ("nothing", status(0, 0, None), false, None),
            (
                "just now",
                status(3, 0, Some(20)),
                true,
                Some(format!(
                    "3 answers were served by a fallback {words}; the last one at"
                )),
            ),
            (
                "refused",
                status(1, 1, Some(20)),
                true,
                Some(format!("1 fallback was {refused}; the last one at")),
            ),
            (
                "both, over",
                status(3, 2, Some(600)),
                false,
                Some(format!(
                    "1 answer was served by a fallback {words}; 2 fallbacks were {refused}, until"
                )),
            ),
            ("long ago", status(3, 2, Some(4000)), false, None),
            (
                "nobody knows when",
                status(1, 0, None),
                true,
                Some(format!("1 answer was served by a fallback {words}")),
            ),
        ] {
            assert_eq!(status.loses_events(fixture::seconds(0)), goes_on, "{case}");
            let found = status.unlogged_words(fixture::seconds(0));
            let same = match (&found, &told) {
                (Some(found), Some(told)) => found.starts_with(told.as_str()),
                (found, told) => found == told,
            };
            assert!(same, "{case}: {found:?}");
        }
    }

    #[test]
    fn each_gateway_is_in_the_worst_of_its_states() {
        let long_ago = fixture::seconds(-60);
        let cases: [(&str, Bend, GatewayState); 7] = [
            ("as it should be", |_, _| {}, GatewayState::Alive),
            ("silent", |beat, then| beat.at = then, GatewayState::Silent),
            (
                "apart and behind",
                |beat, then| {
                    beat.apart_since = Some(then);
                    beat.revision = Revision(0);
                },
                GatewayState::Apart,
            ),
            (
                "behind",
                |beat, _| beat.revision = Revision(0),
                GatewayState::Behind,
            ),
            (
                "draining and behind",
                |beat, _| {
                    beat.revision = Revision(0);
                    beat.draining = true;
                },
                GatewayState::Draining,
            ),
            (
                "a refused file",
                |beat, _| beat.config_error = Some("line 3".to_owned()),
                GatewayState::Refused,
            ),
            (
                "silent and apart",
                |beat, then| {
                    beat.at = then;
                    beat.apart_since = Some(then);
                },
                GatewayState::Silent,
            ),
        ];
        for (case, bend, wanted) in cases {
            let beats = [beat("a", |beat| {
                beat.revision = Revision(1);
                bend(beat, long_ago);
            })];
            let found = overview_of(&beats, &switched());
            assert_eq!(found.gateways[0].state, wanted, "{case}");
        }
    }

    #[test]
    fn one_that_was_started_again_is_not_waited_for() {
        let old = beat("a", |beat| {
            beat.at = fixture::seconds(-60);
            beat.started = fixture::seconds(-600);
        });
        let mut new = beat("b", |beat| beat.started = fixture::now());
        new.host.clone_from(&old.host);
        let elsewhere = beat("c", |beat| {
            beat.at = fixture::seconds(-60);
            beat.started = fixture::seconds(-600);
        });
        let found = overview_of(&[old, new, elsewhere], &Overrides::default());
        let states: Vec<_> = found.gateways.iter().map(|it| it.state).collect();
        assert_eq!(
            states,
            [
                GatewayState::Replaced,
                GatewayState::Alive,
                GatewayState::Silent
            ]
        );
        let silent: Vec<_> = found.silent().map(|it| it.gateway.as_str()).collect();
        assert_eq!(silent, ["c"]);
    }

    #[test]
    fn behind_is_counted_in_switches_with_the_oldest_of_them() {
        let beats = [
            beat("a", |beat| beat.revision = Revision(0)),
            beat("b", |beat| beat.revision = Revision(1)),
        ];
        let found = overview_of(&beats, &switched());
        let told: Vec<_> = found
            .gateways
            .iter()
            .map(|it| (it.current, it.behind, it.behind_since))
            .collect();
        let since = fixture::seconds(-300);
        assert_eq!(told, [(false, 1, Some(since)), (true, 0, None)]);
    }

    #[test]
    fn the_share_of_the_traffic_is_that_of_the_living() {
        let carries = |requests| vec![fixture::traffic("chat", requests, 0, 0, 0)];
        let beats = [
            beat("a", |beat| beat.workloads = carries(30)),
            beat("b", |beat| beat.workloads = carries(10)),
            beat("c", |beat| {
                beat.workloads = carries(500);
                beat.at = fixture::seconds(-60);
            }),
        ];
        let found = overview_of(&beats, &Overrides::default());
        let told: Vec<_> = found
            .gateways
            .iter()
            .map(|it| (it.requests, it.share))
            .collect();
        assert_eq!(told, [(30, Some(0.75)), (10, Some(0.25)), (0, None)]);
    }

    #[test]
    fn differing_configurations_are_told_in_words() {
        let with = |prints: &[&str]| {
            let beats: Vec<Heartbeat> = prints
                .iter()
                .enumerate()
                .map(|(index, print)| {
                    beat(&format!("g{index}"), |beat| {
                        if *print != "here" {
                            beat.fingerprint = (*print).to_owned();
                        }
                    })
                })
                .collect();
            overview_of(&beats, &Overrides::default())
        };
        for (prints, wanted) in [
            (&["here", "here"][..], None),
            (&[], None),
            (
                &["here", "b", "b"],
                Some("2 of 3 gateways run another configuration"),
            ),
            (
                &["here", "b", "c"],
                Some("2 of 3 gateways run 2 other configurations than the one read here"),
            ),
            (
                &["b", "b"],
                Some("all 2 gateways run another configuration than the one read here"),
            ),
            (
                &["b"],
                Some("the gateway runs another configuration than the one read here"),
            ),
        ] {
            assert_eq!(
                with(prints).other_configs().as_deref(),
                wanted,
                "{prints:?}"
            );
        }
        let groups = with(&["b", "b", "here"]).configs();
        let told: Vec<_> = groups
            .iter()
            .map(|it| (it.here, it.gateways.len()))
            .collect();
        assert_eq!(told, [(true, 1), (false, 2)]);
    }
}
