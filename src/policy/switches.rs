//! What operators have switched for one workload: the overrides that are in force, laid over its configuration.
//!
//! Made by the gateway for traffic, by the console and by drills for their "what if"; read by `decide`.

use jiff::Timestamp;

use super::deciding;
use crate::model::{
    Change, Mode, Override, Overrides, Revision, RouteName, Scope, Site, Subject, Workload,
};

/// The overrides that are in force for a workload and its two routes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Switches {
    /// The mode in force.
    pub mode: Mode,
    /// Who set the mode, when an override did, and where unless it holds on all gateways:
    /// `mira in region eu-west`.
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
    /// The switches of a workload at a site, at a moment. Without a site only what holds on all gateways counts.
    #[must_use]
    pub fn of(
        workload: &Workload,
        overrides: &Overrides,
        site: Option<&Site>,
        now: Timestamp,
    ) -> Self {
        let at = |subject: Subject| deciding(overrides, &subject, site, now);
        let drained_by = |route: &RouteName| at(Subject::Drain(route.clone())).map(by);
        let mode = at(Subject::Mode(workload.name.clone()));
        let notice = at(Subject::Notice(workload.name.clone()));
        let break_glass = mode.is_some_and(|(_, entry)| entry.break_glass);
        let (mode, mode_by): (Mode, _) = match mode.map(|found| (found.1.change, found)) {
            Some((Change::Mode(mode), found)) => (mode, Some(by(found))),
            Some((Change::Notice(_) | Change::Drain, _)) | None => (workload.mode, None),
        };
        Self {
            mode,
            mode_by,
            break_glass,
            notice: match notice.map(|(_, entry)| entry.change) {
                Some(Change::Notice(given)) => given,
                Some(Change::Mode(_) | Change::Drain) | None => workload.notice.enabled,
            },
            primary_drained_by: drained_by(&workload.primary),
            fallback_drained_by: workload.fallback.as_ref().and_then(drained_by),
            revision: overrides.revision,
        }
    }

    /// The switches that all of some sites have. Where they differ, or where there is no site, those that hold on
    /// all gateways.
    #[must_use]
    pub fn common(
        workload: &Workload,
        overrides: &Overrides,
        sites: &[Site],
        now: Timestamp,
    ) -> Self {
        let of = |site| Self::of(workload, overrides, site, now);
        let mut rest = sites.iter();
        let first = of(rest.next());
        if rest.all(|site| of(Some(site)).effect() == first.effect()) {
            first
        } else {
            of(None)
        }
    }
}

impl Switches {
    /// What requests notice of them: all but who switched.
    fn effect(&self) -> (Mode, bool, bool, bool, bool) {
        (
            self.mode,
            self.break_glass,
            self.notice,
            self.primary_drained_by.is_some(),
            self.fallback_drained_by.is_some(),
        )
    }
}

/// Who decides, and where when it is not on all gateways.
fn by((scope, entry): (&Scope, &Override)) -> String {
    let name = entry.actor.name();
    match scope {
        Scope::All => name.to_owned(),
        Scope::Region(_) | Scope::Host(_) => format!("{name} {}", scope.words()),
    }
}
