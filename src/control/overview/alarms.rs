//! What a person should look at although the policy decides nothing by it: routes whose own configuration the
//! provider refuses, and providers that answer with another model.
//!
//! Computed from a workload's recent events; shown by console and CLI.

use std::fmt;

use serde::Serialize;

use super::WorkloadStatus;
use crate::model::{ErrorDetail, Mode, Reason, RouteName, StoredEvent};

/// One of them, as often as it was seen in the last minute.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case", tag = "is")]
pub enum Alarm {
    /// Every request on the route will fail until somebody changes its configuration.
    Config {
        /// Which.
        route: RouteName,
        /// What is wrong with it.
        detail: ErrorDetail,
        /// Attempts that said so.
        times: usize,
    },
    /// The provider answers with another model than the one it is asked for.
    ProviderMade {
        /// Where.
        route: RouteName,
        /// The model that was asked, or that declined.
        from: String,
        /// The model that answered.
        to: String,
        /// Answers that said so.
        times: usize,
    },
    /// The fallback is armed or serves, and no review speaks for it.
    Unreviewed {
        /// The fallback.
        route: RouteName,
        /// What is missing.
        why: Vec<String>,
    },
}

impl Alarm {
    /// One word for a column.
    #[must_use]
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Config { detail, .. } => detail.as_str(),
            Self::ProviderMade { .. } => "provider-made",
            Self::Unreviewed { .. } => "unreviewed",
        }
    }

    /// Whether both say the same, however often.
    fn is_like(&self, other: &Self) -> bool {
        match (self, other) {
            (
                Self::Config { route, detail, .. },
                Self::Config {
                    route: other_route,
                    detail: other_detail,
                    ..
                },
            ) => (route, detail) == (other_route, other_detail),
            (
                Self::ProviderMade { route, to, .. },
                Self::ProviderMade {
                    route: other_route,
                    to: other_to,
                    ..
                },
            ) => (route, to) == (other_route, other_to),
            (
                Self::Unreviewed { route, why },
                Self::Unreviewed {
                    route: other,
                    why: others,
                },
            ) => (route, why) == (other, others),
            (Self::Config { .. }, Self::ProviderMade { .. } | Self::Unreviewed { .. })
            | (Self::ProviderMade { .. }, Self::Config { .. } | Self::Unreviewed { .. })
            | (Self::Unreviewed { .. }, Self::Config { .. } | Self::ProviderMade { .. }) => false,
        }
    }

    const fn again(&mut self) {
        match self {
            Self::Config { times, .. } | Self::ProviderMade { times, .. } => *times += 1,
            Self::Unreviewed { .. } => {}
        }
    }
}

impl fmt::Display for Alarm {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Config {
                route,
                detail,
                times,
            } => {
                let what = if *detail == ErrorDetail::UnknownModel {
                    "its provider does not know its model"
                } else {
                    "its provider does not accept its credential"
                };
                write!(formatter, "{route}: {what} ({detail}, {times} in 60 s)")
            }
            Self::ProviderMade {
                route,
                from,
                to,
                times,
            } => write!(
                formatter,
                "{route}: its provider answers with {to} instead of {from} ({times} in 60 s)"
            ),
            Self::Unreviewed { route, why } => {
                write!(
                    formatter,
                    "{route} may serve and is unreviewed: {}",
                    why.join("; ")
                )
            }
        }
    }
}

/// Whether a fallback that is armed or serves is without a review that speaks for it. It is told, and never
/// switched off by that.
pub(super) fn unreviewed(status: &WorkloadStatus) -> Option<Alarm> {
    let route = status.fallback.clone()?;
    match status.mode {
        Mode::Hold => None,
        Mode::Auto | Mode::Force => {
            let why = status.review.missing();
            (!status.review.is_open()).then_some(Alarm::Unreviewed { route, why })
        }
    }
}

/// The alarms of a workload's recent events, each once, in the order of their first event.
pub(super) fn of<'a>(events: impl IntoIterator<Item = &'a StoredEvent>) -> Vec<Alarm> {
    let mut alarms: Vec<Alarm> = Vec::new();
    let mut add = |alarm: Alarm| match alarms.iter_mut().find(|known| known.is_like(&alarm)) {
        Some(known) => known.again(),
        None => alarms.push(alarm),
    };
    for stored in events {
        let event = &stored.event;
        for attempt in &event.attempts {
            if let Some(detail) = attempt.detail.filter(|detail| detail.is_config_alarm()) {
                add(Alarm::Config {
                    route: attempt.route.clone(),
                    detail,
                    times: 1,
                });
            }
        }
        if let Reason::ProviderFallback { from, to, .. } = &event.reason {
            let last = event.attempts.last();
            add(Alarm::ProviderMade {
                route: last.map_or_else(|| event.primary.clone(), |last| last.route.clone()),
                from: from.clone(),
                to: to.clone(),
                times: 1,
            });
        }
    }
    alarms
}
