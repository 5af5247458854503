//! Whose fallback needs a review, and whose first: by debt, use, traffic and age.
//!
//! Computed for the console's reviews screen and for `review queue`. Pure; whether a gate is open is judged by
//! `review` and stands in the overview.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use serde::Serialize;

use super::{
    Overview, Serving,
    words::{ago, between, span, who},
};
use crate::model::{
    Catalog, Debt, Mode, Reviewed, RouteName, Standing, Workload, WorkloadName, visible,
};

/// A review that holds for less than this should be done again soon, if that is less than a quarter of its time.
const SOON: SignedDuration = SignedDuration::from_hours(7 * 24);

/// How pressing a review is; the most pressing first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Urgency {
    /// Somebody went past the gate: it is owed.
    Owed,
    /// The gate is shut, and the fallback serves now all the same.
    InUse,
    /// The gate is shut, and the fallback may serve on the next trigger.
    Armed,
    /// The gate is shut, and nothing falls back.
    Shut,
    /// There is one that holds, not for long.
    Soon,
    /// There is one that holds.
    Holds,
    /// Nobody asks for one.
    NotRequired,
}

impl Urgency {
    /// In words, for screens and tables.
    #[must_use]
    pub const fn words(self) -> &'static str {
        match self {
            Self::Owed => "owed",
            Self::InUse => "in use",
            Self::Armed => "armed",
            Self::Shut => "shut",
            Self::Soon => "soon",
            Self::Holds => "holds",
            Self::NotRequired => "not required",
        }
    }

    /// Whether somebody has to do something.
    #[must_use]
    pub const fn is_due(self) -> bool {
        match self {
            Self::Owed | Self::InUse | Self::Armed | Self::Shut | Self::Soon => true,
            Self::Holds | Self::NotRequired => false,
        }
    }
}

/// A workload in the queue.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Due {
    /// Which.
    pub workload: WorkloadName,
    /// The route whose output is to be reviewed.
    pub fallback: RouteName,
    /// How pressing it is.
    pub urgency: Urgency,
    /// Where it stands.
    pub standing: Standing,
    /// What is owed.
    pub debt: Option<Debt>,
    /// Requests per second.
    pub rps: f64,
    /// When it was last reviewed, whatever came out.
    pub reviewed: Option<Timestamp>,
    /// When the one that holds will be too old.
    pub until: Option<Timestamp>,
    /// Why it stands where it stands, in words, the most important first; fit to be shown.
    pub why: Vec<String>,
}

/// Every workload with a fallback, the most pressing first.
#[must_use]
pub fn queue(catalog: &Catalog, overview: &Overview, reviewed: &Reviewed) -> Vec<Due> {
    let mut queue: Vec<Due> = catalog
        .workloads
        .values()
        .filter_map(|workload| due(workload, overview, reviewed))
        .collect();
    queue.sort_by(|left, right| {
        (left.urgency, left.reviewed.is_some())
            .cmp(&(right.urgency, right.reviewed.is_some()))
            .then_with(|| right.rps.total_cmp(&left.rps))
            .then_with(|| left.reviewed.cmp(&right.reviewed))
            .then_with(|| left.workload.cmp(&right.workload))
    });
    queue
}

fn due(workload: &Workload, overview: &Overview, reviewed: &Reviewed) -> Option<Due> {
    let fallback = workload.fallback.clone()?;
    let status = overview.workload(&workload.name)?;
    let serves = match &status.serving {
        Serving::Auto { .. } | Serving::Forced { .. } => true,
        Serving::Primary { .. } | Serving::RefusedByPolicy { .. } => false,
    };
    let until = match &status.review {
        Standing::Passing { until, .. } => Some(*until),
        Standing::NotRequired
        | Standing::Missing
        | Standing::Stale { .. }
        | Standing::Failing { .. } => None,
    };
    let urgency = match (&status.debt, &status.review) {
        (Some(_), _) => Urgency::Owed,
        (None, Standing::NotRequired) => Urgency::NotRequired,
        (None, Standing::Passing { until, .. }) => {
            let quarter = SignedDuration::try_from(workload.review.max_age / 4).unwrap_or(SOON);
            if until.duration_since(overview.at) < SOON.min(quarter) {
                Urgency::Soon
            } else {
                Urgency::Holds
            }
        }
        (None, Standing::Missing | Standing::Stale { .. } | Standing::Failing { .. }) => {
            match status.mode {
                _ if serves => Urgency::InUse,
                Mode::Auto | Mode::Force => Urgency::Armed,
                Mode::Hold => Urgency::Shut,
            }
        }
    };
    let mut why = Vec::new();
    if let Some(debt) = &status.debt {
        why.push(owed(debt, overview.at));
    }
    if serves && !status.review.is_open() {
        why.push(format!("{fallback} serves its traffic now"));
    }
    why.extend(
        status
            .review
            .missing()
            .iter()
            .map(|why| visible(why, 200).into_owned()),
    );
    match (&status.review, until) {
        (Standing::NotRequired, _) => why.push("nobody asks for one".to_owned()),
        (_, Some(until)) => {
            why.push(format!(
                "holds for {}",
                span(whole(between(overview.at, until)))
            ));
        }
        (_, None) => {}
    }
    Some(Due {
        workload: workload.name.clone(),
        fallback,
        urgency,
        standing: status.review.clone(),
        debt: status.debt.clone(),
        rps: status.rps,
        reviewed: reviewed.of(&workload.name).map(|head| head.at).max(),
        until,
        why,
    })
}

fn owed(debt: &Debt, now: Timestamp) -> String {
    let note = if debt.note.is_empty() {
        String::new()
    } else {
        format!(": {}", visible(&debt.note, 200))
    };
    format!(
        "{} went past the gate {}{note}",
        who(&debt.by),
        ago(debt.since, now)
    )
}

/// Days alone, where there are days.
fn whole(length: Duration) -> Duration {
    const DAY: u64 = 86_400;
    let days = length.as_secs() / DAY;
    if days > 0 {
        Duration::from_secs(days * DAY)
    } else {
        length
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        control::{Probed, fixture, overview},
        model::{
            Basis, Change, CircuitState, OverrideKey, Overrides, ReviewHead, ReviewId, ReviewMode,
            Tally,
        },
    };

    fn head(catalog: &Catalog, workload: &str, days: i64, same_or_better: usize) -> ReviewHead {
        let workload = &catalog.workloads[workload];
        let at = fixture::seconds(-days * 86_400);
        ReviewHead {
            id: ReviewId::new(at, 1),
            workload: workload.name.clone(),
            at,
            actor: fixture::actor("mira"),
            mode: ReviewMode::Blind,
            basis: Basis::now(catalog, workload).unwrap(),
            tally: Tally {
                compared: 8,
                judged: 8,
                same_or_better,
                vetoes: 0,
            },
            vetoed: Vec::new(),
            note: String::new(),
        }
    }

    fn debt(workload: &str) -> Debt {
        Debt {
            workload: workload.into(),
            since: fixture::seconds(-3 * 86_400),
            by: fixture::actor("jo"),
            note: "the \u{1b}[2Jpager".to_owned(),
            sequence: 4,
        }
    }

    fn queued(catalog: &Catalog, overrides: &Overrides, reviewed: &Reviewed) -> Vec<Due> {
        let traffic = vec![
            fixture::traffic("chat", 600, 0, 0, 0),
            fixture::traffic("batch", 60, 0, 0, 0),
        ];
        let heartbeat = fixture::heartbeat(
            traffic,
            vec![fixture::load("premium", 600, 0, CircuitState::Closed)],
        );
        let now = fixture::now();
        let seen = overview(
            catalog,
            overrides,
            &[heartbeat],
            [],
            &Probed::default(),
            reviewed,
            now,
        );
        queue(catalog, &seen, reviewed)
    }

    #[test]
    fn each_has_its_urgency_and_its_reasons() {
        let mut catalog = fixture::catalog();
        for workload in catalog.workloads.values_mut() {
            workload.review.required = true;
        }
        let armed = Overrides::default();
        let mode = |mode| {
            let set = fixture::set(Change::Mode(mode), "jo", None);
            fixture::overrides(vec![(OverrideKey::mode("chat".into()), set)])
        };
        let reviewed = |heads: Vec<ReviewHead>, debts: Vec<Debt>| Reviewed {
            place: 1,
            heads,
            debts,
        };
        let held = mode(Mode::Hold);
        let forced = mode(Mode::Force);
        for (case, overrides, reviewed, urgency, why) in [
            (
                "never reviewed",
                &armed,
                reviewed(vec![], vec![]),
                Urgency::Armed,
                "nobody has reviewed its output",
            ),
            (
                "held",
                &held,
                reviewed(vec![], vec![]),
                Urgency::Shut,
                "nobody has reviewed its output",
            ),
            (
                "forced",
                &forced,
                reviewed(vec![], vec![]),
                Urgency::InUse,
                "stable serves its traffic now",
            ),
            (
                "owed",
                &armed,
                reviewed(vec![], vec![debt("chat")]),
                Urgency::Owed,
                "jo went past the gate 3 d ago: the \u{241b}[2Jpager",
            ),
            (
                "fresh",
                &armed,
                reviewed(vec![head(&catalog, "chat", 1, 8)], vec![]),
                Urgency::Holds,
                "holds for 29 d",
            ),
            (
                "nearly too old",
                &armed,
                reviewed(vec![head(&catalog, "chat", 25, 8)], vec![]),
                Urgency::Soon,
                "holds for 5 d",
            ),
            (
                "below its bar",
                &armed,
                reviewed(vec![head(&catalog, "chat", 1, 2)], vec![]),
                Urgency::Armed,
                "same or better on 25 %",
            ),
        ] {
            let queue = queued(&catalog, overrides, &reviewed);
            let due = queue
                .iter()
                .find(|due| due.workload.as_str() == "chat")
                .unwrap();
            assert_eq!(due.urgency, urgency, "{case}");
            assert!(due.why[0].contains(why), "{case}: {:?}", due.why);
        }
    }

    #[test]
    fn debts_come_first_then_traffic_and_what_has_no_fallback_is_not_in_it() {
        let mut catalog = fixture::catalog();
        for workload in catalog.workloads.values_mut() {
            workload.review.required = true;
        }
        let names = |reviewed: &Reviewed| -> Vec<String> {
            let queue = queued(&catalog, &Overrides::default(), reviewed);
            queue.iter().map(|due| due.workload.to_string()).collect()
        };
        assert_eq!(names(&Reviewed::default()), ["chat", "batch"]);
        let owed = Reviewed {
            debts: vec![debt("batch")],
            ..Reviewed::default()
        };
        assert_eq!(names(&owed), ["batch", "chat"]);
        let fresh = Reviewed {
            heads: vec![head(&catalog, "chat", 1, 8)],
            ..Reviewed::default()
        };
        assert_eq!(names(&fresh), ["batch", "chat"]);
    }
}
