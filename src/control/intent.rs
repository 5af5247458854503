//! What a command means for the table of overrides: which key, which value, until when. Pure.
//!
//! Called by the door before anything is checked. It must not judge whether the change is wise.

use std::time::Duration;

use jiff::Timestamp;

use super::{ControlError, words};
use crate::{
    model::{
        Catalog, Change, Command, Mode, Override, OverrideKey, Overrides, Plan, RouteName, Scope,
        Site, Verb, Workload, WorkloadName,
    },
    policy,
};

/// How long a change lasts unless said otherwise.
pub const DEFAULT_LASTING: Duration = Duration::from_mins(30);

/// The longest that needs no break-glass.
pub const LONGEST: Duration = Duration::from_hours(24);

/// "Until I say": no expiry. Needs break-glass where a change expires by default.
pub const UNTIL_CHANGED: Duration = Duration::MAX;

/// A change that is wanted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Intent {
    pub(super) verb: Verb,
    pub(super) key: OverrideKey,
    /// The override in force.
    pub(super) before: Option<Change>,
    /// The override wanted; `None`: back to the configuration.
    pub(super) after: Option<Change>,
    /// Never set without `after`.
    pub(super) expires: Option<Timestamp>,
    pub(super) undoes: Option<u64>,
}

impl Intent {
    /// What a plan was made for, to check it again.
    pub(super) fn of(plan: &Plan) -> Self {
        Self {
            verb: plan.verb,
            key: plan.key.clone(),
            before: plan.before,
            after: plan.after,
            expires: plan.expires,
            undoes: plan.undoes,
        }
    }

    /// Whether only the end of what is in force moves.
    pub(super) fn extends(&self) -> bool {
        self.after.is_some() && self.before == self.after
    }

    /// Whether the wanted value is one that ends by itself unless somebody broke glass.
    pub(super) fn must_expire(&self) -> bool {
        match self.after {
            Some(Change::Mode(_) | Change::Notice(false) | Change::Drain) => true,
            Some(Change::Notice(true)) | None => false,
        }
    }
}

/// Translates every command but `undo`, which needs the audit.
pub(super) fn intend(
    command: &Command,
    catalog: &Catalog,
    overrides: &Overrides,
    sites: &[Site],
    now: Timestamp,
) -> Result<Option<Intent>, ControlError> {
    let (verb, key, wanted, configured, lasting) = match command {
        Command::Mode {
            workload,
            mode,
            lasting,
            scope,
        } => {
            let verb = match mode {
                Mode::Force => Verb::Force,
                Mode::Hold => Verb::Hold,
                Mode::Auto => Verb::Auto,
            };
            (
                verb,
                OverrideKey::mode(workload.clone()).within(scope.clone()),
                Change::Mode(*mode),
                Some(Change::Mode(find_workload(catalog, workload)?.mode)),
                *lasting,
            )
        }
        Command::Notice {
            workload,
            enabled,
            lasting,
            scope,
        } => (
            if *enabled {
                Verb::NoticeOn
            } else {
                Verb::NoticeOff
            },
            OverrideKey::notice(workload.clone()).within(scope.clone()),
            Change::Notice(*enabled),
            Some(Change::Notice(
                find_workload(catalog, workload)?.notice.enabled,
            )),
            *lasting,
        ),
        Command::Drain {
            route,
            lasting,
            scope,
        } => {
            find_route(catalog, route)?;
            (
                Verb::Drain,
                OverrideKey::drain(route.clone()).within(scope.clone()),
                Change::Drain,
                None,
                *lasting,
            )
        }
        Command::Undrain { route, scope } => {
            find_route(catalog, route)?;
            let key = OverrideKey::drain(route.clone()).within(scope.clone());
            return undrain(key, overrides, sites, now).map(Some);
        }
        Command::Undo { .. } => return Ok(None),
    };
    let active = overrides.active(&key, now);
    let before = active.map(|entry| entry.change);
    let base = Base::of(&key, configured, overrides, sites, now);
    // What wider scopes say ends when they say so; with a duration it is wanted for as long as that.
    let is_so = base.value == Some(wanted) && (base.from.is_none() || lasting.is_none());
    let nothing = match before {
        Some(before) => before == wanted && lasting.is_none(),
        None => is_so,
    };
    if nothing {
        let decided = active.map(|entry| (&key.scope, entry)).or(base.from);
        let mut what = already(wanted, &key, decided);
        what.push_str(&elsewhere(&key, overrides, sites, now));
        return Err(ControlError::Nothing { what });
    }
    // What is so anyway needs no override, unless one is in force that only gets a new end.
    let after = (before == Some(wanted) || !is_so).then_some(wanted);
    let mut intent = Intent {
        verb,
        key,
        before,
        after,
        expires: None,
        undoes: None,
    };
    intent.expires = match (after, lasting) {
        (Some(_), Some(lasting)) => end(now, lasting),
        (Some(_), None) if intent.must_expire() => end(now, DEFAULT_LASTING),
        (None, _) | (Some(_), None) => None,
    };
    Ok(Some(intent))
}

/// What would be in force inside a scope without an override of its own.
struct Base<'a> {
    /// `None`: it differs between the gateways inside, or there is no such thing.
    value: Option<Change>,
    /// The wider override that says so.
    from: Option<(&'a Scope, &'a Override)>,
}

impl<'a> Base<'a> {
    fn of(
        key: &OverrideKey,
        configured: Option<Change>,
        overrides: &'a Overrides,
        sites: &[Site],
        now: Timestamp,
    ) -> Self {
        let above = |site| policy::above(overrides, key, site, now);
        let value =
            |from: Option<(&Scope, &Override)>| from.map(|(_, entry)| entry.change).or(configured);
        let mut inside = sites.iter().filter(|site| key.scope.covers(site));
        let from = above(inside.next());
        let same = inside.all(|site| value(above(Some(site))) == value(from));
        Self {
            value: value(from).filter(|_| same),
            from,
        }
    }
}

fn undrain(
    key: OverrideKey,
    overrides: &Overrides,
    sites: &[Site],
    now: Timestamp,
) -> Result<Intent, ControlError> {
    let Some(active) = overrides.active(&key, now) else {
        let base = Base::of(&key, None, overrides, sites, now);
        let what = match base.from {
            Some((scope, entry)) => format!(
                "`{}` is drained {} by {}; only undraining it there ends that",
                key.target(),
                scope.words(),
                words::who(&entry.actor)
            ),
            None => format!(
                "`{}` takes requests{}{}",
                key.target(),
                place(&key.scope),
                elsewhere(&key, overrides, sites, now)
            ),
        };
        return Err(ControlError::Nothing { what });
    };
    Ok(Intent {
        verb: Verb::Undrain,
        before: Some(active.change),
        key,
        after: None,
        expires: None,
        undoes: None,
    })
}

/// Where, unless it is on all gateways; with a blank before it.
fn place(scope: &Scope) -> String {
    match scope {
        Scope::All => String::new(),
        Scope::Region(_) | Scope::Host(_) => format!(" {}", scope.words()),
    }
}

/// What is in force inside a scope by narrower ones, and how to get at it.
fn elsewhere(key: &OverrideKey, overrides: &Overrides, sites: &[Site], now: Timestamp) -> String {
    let exceptions = policy::exceptions(overrides, key, sites, now);
    let told: Vec<String> = exceptions
        .map(|(other, entry)| {
            let who = words::who(&entry.actor);
            format!("{} {} by {who}", entry.change, other.scope.words())
        })
        .collect();
    match told.as_slice() {
        [] => String::new(),
        _ => format!("; but {}: name that scope to change it", words::list(told)),
    }
}

/// The moment at which something ends; `None`: beyond what a clock can say, so never.
pub(super) fn end(now: Timestamp, lasting: Duration) -> Option<Timestamp> {
    now.checked_add(jiff::SignedDuration::try_from(lasting).ok()?)
        .ok()
}

/// That what is wanted is so, and by whom.
fn already(wanted: Change, key: &OverrideKey, decided: Option<(&Scope, &Override)>) -> String {
    let by = decided.map_or_else(
        || " by the configuration".to_owned(),
        |(scope, entry)| {
            let until = entry
                .expires
                .map(|expires| format!(" until {}", words::clock(expires)))
                .unwrap_or_default();
            let (wider, end) = if *scope == key.scope {
                (String::new(), "to move its end")
            } else {
                (format!(" {}", scope.words()), "for an end of its own here")
            };
            format!(
                " by {}{wider}{until}; give a duration {end}",
                words::who(&entry.actor)
            )
        },
    );
    let state = match wanted {
        Change::Mode(Mode::Force) => "is forced",
        Change::Mode(Mode::Hold) => "is held",
        Change::Mode(Mode::Auto) => "is on auto",
        Change::Notice(true) => "gives its notice",
        Change::Notice(false) => "gives no notice",
        Change::Drain => "is drained",
    };
    format!("`{}` {state}{}{by}", key.target(), place(&key.scope))
}

pub(super) fn find_workload<'a>(
    catalog: &'a Catalog,
    name: &WorkloadName,
) -> Result<&'a Workload, ControlError> {
    catalog
        .workloads
        .get(name)
        .ok_or_else(|| ControlError::Unknown {
            kind: "workload",
            name: crate::model::visible(name.as_str(), 60).into_owned(),
            suggestion: nearest(
                name.as_str(),
                catalog.workloads.keys().map(WorkloadName::as_str),
            ),
        })
}

fn find_route(catalog: &Catalog, name: &RouteName) -> Result<(), ControlError> {
    if catalog.routes.contains_key(name) {
        return Ok(());
    }
    Err(ControlError::Unknown {
        kind: "route",
        name: crate::model::visible(name.as_str(), 60).into_owned(),
        suggestion: nearest(name.as_str(), catalog.routes.keys().map(RouteName::as_str)),
    })
}

/// The nearest known name, when it is near enough to be meant: a prefix, or few letters off.
pub(super) fn nearest<'a>(
    name: &str,
    known: impl Iterator<Item = &'a str> + Clone,
) -> Option<String> {
    let begins = |candidate: &&str| !name.is_empty() && candidate.starts_with(name);
    known
        .clone()
        .find(begins)
        .or_else(|| {
            known
                .map(|candidate| (strsim::jaro_winkler(name, candidate), candidate))
                .filter(|(score, _)| *score > 0.8)
                .max_by(|left, right| left.0.total_cmp(&right.0))
                .map(|(_, candidate)| candidate)
        })
        .map(str::to_owned)
}
