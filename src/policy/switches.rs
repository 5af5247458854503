//! What operators have switched for one workload: the overrides that are in force, laid over its configuration.
//!
//! Made by the gateway for traffic, by the console and by drills for their "what if"; read by `decide`.

use jiff::Timestamp;

use crate::model::{Change, Mode, OverrideKey, Overrides, Revision, RouteName, Workload};

/// The overrides that are in force for a workload and its two routes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Switches {
    /// The mode in force.
    pub mode: Mode,
    /// Who set the mode, when an override did.
    pub mode_by: Option<String>,
    /// Whether the workload was forced by breaking glass: the operator answers, in writing, for a boundary
    /// that is crossed and for a notice that is not given.
    pub break_glass: bool,
    /// Whether the notice is given.
    pub notice: bool,
    /// Who drained the primary.
    pub primary_drained_by: Option<String>,
    /// Who drained the fallback.
    pub fallback_drained_by: Option<String>,
    /// The revision of the override table.
    pub revision: Revision,
}

impl Switches {
    /// The switches of a workload at a moment.
    #[must_use]
    pub fn of(workload: &Workload, overrides: &Overrides, now: Timestamp) -> Self {
        let drained_by = |route: &RouteName| {
            overrides
                .active(&OverrideKey::Drain(route.clone()), now)
                .map(|entry| entry.actor.name().to_owned())
        };
        let mode = overrides.active(&OverrideKey::Mode(workload.name.clone()), now);
        let notice = overrides.active(&OverrideKey::Notice(workload.name.clone()), now);
        let break_glass = mode.is_some_and(|entry| entry.break_glass);
        let (mode, mode_by): (Mode, _) = match mode.map(|entry| (entry.change, entry)) {
            Some((Change::Mode(mode), entry)) => (mode, Some(entry.actor.name().to_owned())),
            Some((Change::Notice(_) | Change::Drain, _)) | None => (workload.mode, None),
        };
        Self {
            mode,
            mode_by,
            break_glass,
            notice: match notice.map(|entry| entry.change) {
                Some(Change::Notice(given)) => given,
                Some(Change::Mode(_) | Change::Drain) | None => workload.notice.enabled,
            },
            primary_drained_by: drained_by(&workload.primary),
            fallback_drained_by: workload.fallback.as_ref().and_then(drained_by),
            revision: overrides.revision,
        }
    }
}
