//! How far an applied change has come, gateway by gateway: who has it, since when, and who has not and why.

use std::{collections::BTreeMap, time::Duration};

use jiff::Timestamp;
use serde::Serialize;

use super::{Control, ControlError, overview};
use crate::{
    clock::Clock,
    model::{GatewayName, Heartbeat, Revision},
    policy,
};

/// How far an applied change has come.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Progress {
    /// Gateways that have applied the revision.
    pub applied: usize,
    /// Gateways that are alive and meant by it.
    pub gateways: usize,
    /// Since the change was committed.
    pub elapsed: Duration,
    /// Each gateway, by name; also those that are silent.
    pub each: Vec<OnGateway>,
}

/// One gateway.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct OnGateway {
    /// Which.
    pub gateway: GatewayName,
    /// Its host.
    pub host: String,
    /// Whether it has it.
    #[serde(flatten)]
    pub applying: Applying,
}

/// Whether a gateway has applied a change.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case", tag = "state")]
pub enum Applying {
    /// It has.
    Applied {
        /// When that was first seen here, in milliseconds after the commit; never too little, as it is measured by
        /// one clock. `None`: the commit was made elsewhere.
        after_ms: Option<u64>,
    },
    /// It is alive and has not said so yet.
    Waits,
    /// The change is not meant for it: it keeps what is in force there.
    Elsewhere,
    /// It cannot ask the store's cluster.
    Apart {
        /// Since when.
        since: Timestamp,
    },
    /// Nothing is heard of it: when it runs, it serves with the last switches it saw.
    Silent {
        /// Since when.
        since: Timestamp,
    },
}

impl Progress {
    /// Whether every living gateway has it, and there is one.
    #[must_use]
    pub const fn is_everywhere(&self) -> bool {
        self.gateways > 0 && self.applied == self.gateways
    }

    /// Those that have not applied it and why, in words; `None`: all have.
    #[must_use]
    pub fn missing(&self, now: Timestamp) -> Option<String> {
        let told: Vec<String> = self
            .each
            .iter()
            .filter_map(|one| {
                let why = one.applying.missing(now)?;
                Some(format!("{} {why}", one.gateway))
            })
            .collect();
        (!told.is_empty()).then(|| told.join(", "))
    }
}

impl Applying {
    /// Why it has not, in words; `None`: it has.
    #[must_use]
    pub fn missing(&self, now: Timestamp) -> Option<String> {
        match self {
            Self::Applied { .. } | Self::Elsewhere => None,
            Self::Waits => Some("has not yet".to_owned()),
            Self::Apart { since } => Some(format!(
                "cannot ask the store since {} s",
                seconds(*since, now)
            )),
            Self::Silent { since } => Some(format!("is silent for {} s", seconds(*since, now))),
        }
    }
}

fn seconds(since: Timestamp, now: Timestamp) -> i64 {
    now.duration_since(since).as_secs().max(0)
}

/// The last change that this door made, and when each gateway was first seen to have it.
#[derive(Debug)]
pub(super) struct Applied {
    pub(super) revision: Revision,
    at: std::time::Instant,
    seen: BTreeMap<GatewayName, Duration>,
}

impl Applied {
    pub(super) fn now(revision: Revision) -> Self {
        Self {
            revision,
            at: Clock::instant(),
            seen: BTreeMap::new(),
        }
    }

    /// When a gateway was first seen to have it.
    fn seen(&mut self, gateway: &GatewayName) -> u64 {
        let elapsed = self.at.elapsed();
        let first = self.seen.entry(gateway.clone()).or_insert(elapsed);
        u64::try_from(first.as_millis()).unwrap_or(u64::MAX)
    }
}

impl Control {
    /// How far a revision has come, gateway by gateway.
    pub async fn progress(&self, revision: Revision) -> Result<Progress, ControlError> {
        let inner = &self.inner;
        let heartbeats = inner.store.heartbeats().await?;
        let now = inner.clock.now();
        let replaced = overview::replaced(&heartbeats, now);
        let overrides = inner.overrides();
        let key = overrides
            .slots
            .iter()
            .find(|(_, slot)| slot.revision == revision);
        let meant = |beat: &Heartbeat| {
            key.is_none_or(|(key, _)| {
                let site = beat.site();
                let found = policy::deciding(&overrides, &key.subject, Some(&site), now);
                let narrower = found.is_some_and(|(scope, _)| scope.rank() > key.scope.rank());
                key.scope.covers(&site) && !narrower
            })
        };
        let mut own = inner.own();
        let mut own = own.applied.as_mut().filter(|own| own.revision == revision);
        let each: Vec<OnGateway> = heartbeats
            .iter()
            .filter(|beat| !replaced(beat))
            .map(|beat| OnGateway {
                gateway: beat.gateway.clone(),
                host: beat.host.clone(),
                applying: if meant(beat) {
                    applying(beat, revision, own.as_deref_mut(), now)
                } else {
                    Applying::Elsewhere
                },
            })
            .collect();
        let living = each.iter().filter(|one| match one.applying {
            Applying::Silent { .. } | Applying::Elsewhere => false,
            Applying::Applied { .. } | Applying::Waits | Applying::Apart { .. } => true,
        });
        let has = |one: &&OnGateway| matches!(one.applying, Applying::Applied { .. });
        let (gateways, applied) = (living.clone().count(), living.filter(has).count());
        // What took long is the last of them, however late it is asked.
        let last = own
            .as_ref()
            .and_then(|own| own.seen.values().max().copied());
        let since = own.map_or(Duration::ZERO, |own| own.at.elapsed());
        let elapsed = if gateways > 0 && applied == gateways {
            last.unwrap_or(since)
        } else {
            since
        };
        Ok(Progress {
            applied,
            gateways,
            elapsed,
            each,
        })
    }
}

fn applying(
    beat: &Heartbeat,
    revision: Revision,
    own: Option<&mut Applied>,
    now: Timestamp,
) -> Applying {
    if !overview::alive(beat, now) {
        return Applying::Silent { since: beat.at };
    }
    match beat.apart_since {
        _ if beat.revision >= revision => Applying::Applied {
            after_ms: own.map(|own| own.seen(&beat.gateway)),
        },
        Some(since) => Applying::Apart { since },
        None => Applying::Waits,
    }
}
