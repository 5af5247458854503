//! What decides about a workload or a route over all living gateways, when scopes let that differ between them.

use std::fmt;

use jiff::Timestamp;
use serde::Serialize;

use crate::{
    control::words,
    model::{
        Change, Mode, Override, OverrideKey, Overrides, Scope, Site, Subject, Workload,
        WorkloadName,
    },
    policy,
};

/// A workload's mode that is not the same on all living gateways.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Mixed {
    /// The mode that deviates: `force` before `hold` before `auto`.
    pub mode: Mode,
    /// Gateways on which it is in force.
    pub on: usize,
    /// Gateways that are alive.
    pub of: usize,
}

impl fmt::Display for Mixed {
    /// `mixed: force on 2 of 3`.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = format!("mixed: {} on {} of {}", self.mode, self.on, self.of);
        formatter.pad(&text)
    }
}

/// An override that holds on some gateways only.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Scoped {
    /// Of what, and where.
    pub key: OverrideKey,
    /// What it sets.
    pub change: Change,
    /// Who.
    pub by: String,
    /// Until when.
    pub until: Option<Timestamp>,
    /// Living gateways on which it decides.
    pub gateways: usize,
}

impl fmt::Display for Scoped {
    /// `in region eu-west: hold by jo until 15:02Z (2 gateways)`.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            formatter,
            "{}: {} by {}",
            self.key.scope.words(),
            self.change,
            self.by
        )?;
        if let Some(until) = self.until {
            write!(formatter, " until {}", words::clock(until))?;
        }
        match self.gateways {
            0 => formatter.write_str(" (on no gateway now)"),
            1 => formatter.write_str(" (1 gateway)"),
            some => write!(formatter, " ({some} gateways)"),
        }
    }
}

/// What decides one subject, once for each living gateway; once in all where every gateway has the same.
#[derive(Debug)]
pub(super) struct Across<'a> {
    deciding: Vec<Option<(&'a Scope, &'a Override)>>,
}

impl<'a> Across<'a> {
    pub(super) fn of(
        overrides: &'a Overrides,
        subject: &Subject,
        sites: &[Site],
        now: Timestamp,
    ) -> Self {
        let scoped = overrides.scoped(subject, now);
        let deciding = if sites.is_empty() || scoped.into_iter().all(|(key, _)| key.scope.is_all())
        {
            vec![policy::deciding(overrides, subject, None, now)]
        } else {
            let at = |site| policy::deciding(overrides, subject, Some(site), now);
            sites.iter().map(at).collect()
        };
        Self { deciding }
    }

    /// The override that is in force on any gateway, a wider one first.
    pub(super) fn any(&self) -> Option<(&'a Scope, &'a Override)> {
        let set = self.deciding.iter().flatten();
        set.min_by_key(|(scope, _)| scope.rank()).copied()
    }

    /// Whether the notice is given on every gateway.
    pub(super) fn notice(&self, workload: &Workload) -> bool {
        self.deciding
            .iter()
            .all(|found| match found.map(|(_, entry)| entry.change) {
                Some(Change::Notice(given)) => given,
                Some(Change::Mode(_) | Change::Drain) | None => workload.notice.enabled,
            })
    }

    /// The mode to show for all gateways, with what set it, and how mixed it is.
    pub(super) fn mode(
        &self,
        workload: &Workload,
    ) -> (Mode, Option<(&'a Scope, &'a Override)>, Option<Mixed>) {
        let mode = |found: &Option<(&Scope, &Override)>| match found.map(|(_, entry)| entry.change)
        {
            Some(Change::Mode(mode)) => mode,
            Some(Change::Notice(_) | Change::Drain) | None => workload.mode,
        };
        let modes: Vec<Mode> = self.deciding.iter().map(mode).collect();
        let weight = |mode: &Mode| match mode {
            Mode::Auto => 0,
            Mode::Hold => 1,
            Mode::Force => 2,
        };
        let Some(chief) = modes.iter().copied().max_by_key(weight) else {
            return (workload.mode, None, None);
        };
        let on = modes.iter().filter(|mode| **mode == chief).count();
        let mixed = (on < modes.len()).then_some(Mixed {
            mode: chief,
            on,
            of: modes.len(),
        });
        let its = self.deciding.iter().zip(&modes);
        let setters = its.filter(|(_, mode)| **mode == chief);
        let setter = setters
            .filter_map(|(found, _)| *found)
            .min_by_key(|(scope, _)| scope.rank());
        (chief, setter, mixed)
    }
}

/// The overrides of a workload's mode and notice that hold on some gateways only.
pub(super) fn scoped(
    overrides: &Overrides,
    workload: &WorkloadName,
    sites: &[Site],
    now: Timestamp,
) -> Vec<Scoped> {
    [
        Subject::Mode(workload.clone()),
        Subject::Notice(workload.clone()),
    ]
    .iter()
    .flat_map(|subject| overrides.scoped(subject, now))
    .filter(|(key, _)| !key.scope.is_all())
    .map(|(key, entry)| Scoped {
        key: key.clone(),
        change: entry.change,
        by: entry.actor.name().to_owned(),
        until: entry.expires,
        gateways: sites
            .iter()
            .filter(|site| {
                policy::deciding(overrides, &key.subject, Some(site), now)
                    .is_some_and(|(scope, _)| *scope == key.scope)
            })
            .count(),
    })
    .collect()
}

/// Who set something, and where unless on all gateways: `jo in region eu-west`.
pub(super) fn by((scope, entry): (&Scope, &Override)) -> String {
    let name = entry.actor.name();
    if scope.is_all() {
        name.to_owned()
    } else {
        format!("{name} {}", scope.words())
    }
}
