//! The home screen's list of workloads: filter, order, and a cursor that starts on the worst.

use std::sync::Arc;

use super::{
    data::Data,
    filter::{Fields, Filter},
    list::{List, Step},
    marks::Marks,
};
use crate::{
    control::{Overview, Serving, State, WorkloadStatus},
    model::{Family, Readiness, Tier, Workload, WorkloadName},
};

/// By what the rows are ordered.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Sort {
    /// Worst first.
    #[default]
    Severity,
    /// The least ready fallback first.
    Readiness,
    /// By name.
    Name,
    /// Most errors first.
    Errors,
    /// Slowest first.
    Slowest,
    /// Most traffic first.
    Traffic,
}

impl Sort {
    /// The next one.
    #[must_use]
    pub const fn next(self) -> Self {
        match self {
            Self::Severity => Self::Readiness,
            Self::Readiness => Self::Name,
            Self::Name => Self::Errors,
            Self::Errors => Self::Slowest,
            Self::Slowest => Self::Traffic,
            Self::Traffic => Self::Severity,
        }
    }

    /// The order of a name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        let orders = std::iter::successors(Some(Self::default()), |sort| {
            Some(sort.next()).filter(|next| *next != Self::default())
        });
        orders.into_iter().find(|sort| sort.as_str() == name)
    }

    /// In one word.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Severity => "severity",
            Self::Readiness => "readiness",
            Self::Name => "name",
            Self::Errors => "errors",
            Self::Slowest => "slowest",
            Self::Traffic => "traffic",
        }
    }
}

/// The list.
#[derive(Debug, Default)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "independent facts, not a state"
)]
pub struct Home {
    /// The cursor.
    pub list: List<WorkloadName>,
    /// Which rows.
    pub filter: Filter,
    /// Marked rows.
    pub marks: Marks<WorkloadName>,
    /// In which order.
    pub sort: Sort,
    /// The order is turned round.
    pub reversed: bool,
    /// The wide columns are shown wherever they fit somehow.
    pub wide: bool,
    /// The operator moved the cursor: it follows the worst no more.
    pub touched: bool,
    /// The rows, as places in the overview and as names, in order.
    rows: Vec<usize>,
    names: Vec<WorkloadName>,
    /// They stand as they stood although they may not belong there any more.
    frozen: bool,
}

/// A workload, as the filter sees it.
pub struct Row<'a>(pub &'a WorkloadStatus, pub Option<&'a Workload>);

impl Fields for Row<'_> {
    const NAMES: &'static [&'static str] = &[
        "workload", "state", "route", "serving", "ready", "tier", "family", "mode", "owner",
    ];
    const BY_NAME_ONLY: &'static [&'static str] = &["tier", "family", "mode", "owner"];

    fn words(field: &str) -> Vec<&'static str> {
        match field {
            "state" => vec![
                "failing", "fallback", "forced", "unknown", "ok", "held", "fl", "fb", "fo", "un",
                "off",
            ],
            "ready" => Readiness::ALL.map(Readiness::as_str).to_vec(),
            "tier" => vec!["paid", "standard"],
            "family" => Family::ALL.map(Family::as_str).to_vec(),
            "mode" => vec!["auto", "hold", "force"],
            _ => Vec::new(),
        }
    }

    fn any(&self, visitor: &mut dyn FnMut(&str, &str) -> bool) -> bool {
        let Self(status, workload) = self;
        visitor("workload", status.workload.as_str())
            || visitor("state", state_word(status.state))
            || visitor("state", state_name(status.state))
            || visitor("serving", serving(&status.serving))
            || visitor("ready", status.readiness.word.as_str())
            || visitor("route", status.primary.as_str())
            || status
                .fallback
                .as_ref()
                .is_some_and(|route| visitor("route", route.as_str()))
            || visitor(
                "tier",
                match status.tier {
                    Tier::Paid => "paid",
                    Tier::Standard => "standard",
                },
            )
            || visitor("family", status.family.as_str())
            || visitor("mode", status.mode.as_str())
            || workload
                .and_then(|workload| workload.owner.as_deref())
                .is_some_and(|owner| visitor("owner", owner))
    }
}

/// The short word of a state on screen.
#[must_use]
pub const fn state_word(state: State) -> &'static str {
    match state {
        State::Failing => "FL",
        State::Fallback => "FB",
        State::Forced => "FO",
        State::Unknown => "UN",
        State::Ok => "OK",
        State::Held => "OFF",
    }
}

/// The same in a word that can be read out.
#[must_use]
pub const fn state_name(state: State) -> &'static str {
    match state {
        State::Failing => "failing",
        State::Fallback => "fallback",
        State::Forced => "forced",
        State::Unknown => "unknown",
        State::Ok => "ok",
        State::Held => "held",
    }
}

/// The route that serves.
#[must_use]
pub fn serving(serving: &Serving) -> &str {
    match serving {
        Serving::Primary { route }
        | Serving::Auto { route, .. }
        | Serving::Forced { route, .. }
        | Serving::RefusedByPolicy { route, .. } => route.as_str(),
    }
}

impl Home {
    /// The rows in order, as places in the overview they were ordered for.
    #[must_use]
    pub fn rows(&self) -> &[usize] {
        &self.rows
    }

    /// The names of the rows in order.
    #[must_use]
    pub fn names(&self) -> &[WorkloadName] {
        &self.names
    }

    /// Orders and filters again. With `frozen` the order stays as it is, as far as it can.
    pub fn arrange(&mut self, overview: &Overview, data: &Data, frozen: bool) {
        let workloads = &overview.workloads;
        let mut rows: Vec<usize> = (0..workloads.len())
            .filter(|index| {
                let status = &workloads[*index];
                self.filter.is_empty()
                    || self
                        .filter
                        .matches(&Row(status, data.workload(&status.workload)))
            })
            .collect();
        if frozen {
            let place: std::collections::HashMap<&WorkloadName, usize> = self
                .names
                .iter()
                .enumerate()
                .map(|(index, name)| (name, index))
                .collect();
            rows.sort_by_key(|index| {
                place
                    .get(&workloads[*index].workload)
                    .copied()
                    .unwrap_or(usize::MAX)
            });
        } else {
            self.order(&mut rows, workloads);
        }
        self.names = rows
            .iter()
            .map(|index| workloads[*index].workload.clone())
            .collect();
        self.rows = rows;
        self.frozen = frozen;
    }

    /// Whether the order was kept when it was made last.
    #[must_use]
    pub const fn is_frozen(&self) -> bool {
        self.frozen
    }

    fn order(&self, rows: &mut [usize], workloads: &[Arc<WorkloadStatus>]) {
        let descending = |value: fn(&WorkloadStatus) -> f64| {
            move |left: &usize, right: &usize| {
                value(&workloads[*right]).total_cmp(&value(&workloads[*left]))
            }
        };
        match self.sort {
            // As the overview has it.
            Sort::Severity => {}
            Sort::Readiness => rows.sort_by_key(|row| workloads[*row].readiness.word),
            Sort::Name => rows
                .sort_by(|left, right| workloads[*left].workload.cmp(&workloads[*right].workload)),
            Sort::Errors => {
                rows.sort_by(descending(|status| status.error_share.unwrap_or(-1.0)));
            }
            Sort::Slowest => rows.sort_by(descending(|status| {
                status
                    .first_output_p50
                    .map_or(-1.0, |millis| millis.as_secs_f64())
            })),
            Sort::Traffic => rows.sort_by(descending(|status| status.rps)),
        }
        if self.reversed {
            rows.reverse();
        }
    }

    /// Brings the cursor in line with the rows. Until the operator moved it, it goes to the worst.
    pub fn settle(&mut self, overview: &Overview, height: usize, frozen: bool) {
        if !self.touched && !frozen {
            self.follow_worst(overview);
        }
        self.list.settle(&self.names, height);
        let names = &self.names;
        self.marks.follow(
            self.list.selected(),
            |row| names.iter().position(|name| name == row),
            |place| names.get(place).cloned(),
        );
    }

    fn follow_worst(&mut self, overview: &Overview) {
        let state = |index: usize| overview.workloads.get(index).map(|status| status.state);
        let worst = self
            .rows
            .iter()
            .copied()
            .enumerate()
            .min_by_key(|(_, index)| state(*index));
        let Some((row, worst)) = worst else { return };
        let selected = self
            .list
            .position(&self.names)
            .and_then(|row| self.rows.get(row))
            .and_then(|index| state(*index));
        // Two that are equally bad do not pull the cursor to and fro.
        if selected.is_none_or(|selected| state(worst) < Some(selected))
            && let Some(name) = self.names.get(row)
        {
            self.list.select(name.clone());
        }
    }

    /// Moves the cursor.
    pub fn step(&mut self, step: Step) {
        self.touched = true;
        self.list.step(step, &self.names);
    }
}
