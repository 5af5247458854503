//! Which verbs are allowed now for a workload or a route, and why the others are not.
//!
//! A first, quick answer for footer, detail, action list and help; the plan, made by the door, decides. A
//! refused verb stays visible with its reason.

use std::borrow::Cow;

use jiff::Timestamp;

use super::data::Data;
use crate::{
    console::action::Action,
    control::DEFAULT_LASTING,
    model::{Actor, Command, Mode, Overrides, RouteName, Scope, Subject, WorkloadName},
};

/// One verb for one thing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Offer {
    /// The action that asks for it.
    pub action: Action,
    /// What it would do, in a few words.
    pub does: Cow<'static, str>,
    /// The command to plan, where it needs a plan; or why it is refused.
    pub command: Result<Option<Command>, Cow<'static, str>>,
}

/// What can be done to a workload.
#[must_use]
pub fn for_workload(data: &Data, name: &WorkloadName, now: Timestamp) -> Vec<Offer> {
    let (Some(workload), Some(overrides)) = (data.workload(name), data.overrides.as_ref()) else {
        return Vec::new();
    };
    let set = set(overrides, &Subject::Mode(name.clone()), now);
    let active = set.as_ref();
    let status = data.status(name);
    let mode = status.map_or(workload.mode, |status| status.mode);
    let notice = status.map_or(workload.notice.enabled, |status| status.notice);
    let lasting = Some(DEFAULT_LASTING);
    // What undoes something begins where that holds; the plan has a key for other places.
    let switch = |mode: Mode, lasting| Command::Mode {
        workload: name.clone(),
        mode,
        lasting,
        scope: match mode {
            Mode::Auto => set.clone().unwrap_or_default(),
            Mode::Hold | Mode::Force => Scope::All,
        },
    };
    let force = match &workload.fallback {
        None => Err(Cow::Borrowed("no fallback by policy")),
        Some(_) if mode == Mode::Force && active.is_none() => {
            Err(Cow::Borrowed("forced by the configuration already"))
        }
        Some(_) => Ok(switch(Mode::Force, lasting)),
    };
    let hold = match (mode, active) {
        (Mode::Hold, None) => Err(Cow::Borrowed("held by the configuration already")),
        (Mode::Auto | Mode::Force | Mode::Hold, _) => Ok(switch(Mode::Hold, lasting)),
    };
    let auto = if mode == Mode::Auto && active.is_none() {
        Err(Cow::Borrowed("on auto already"))
    } else {
        Ok(switch(Mode::Auto, None))
    };
    let turned = self::set(overrides, &Subject::Notice(name.clone()), now);
    let turn = if workload.notice.text.is_empty() {
        Err(Cow::Borrowed("no notice text is configured"))
    } else {
        Ok(Command::Notice {
            workload: name.clone(),
            enabled: !notice,
            lasting: if notice { lasting } else { None },
            scope: turned.unwrap_or_default(),
        })
    };
    let extends = |wanted: Mode| mode == wanted && active == Some(&Scope::All);
    let offers = vec![
        Offer {
            action: Action::Force,
            does: match &workload.fallback {
                Some(_) if extends(Mode::Force) => "move the end of the forcing".into(),
                Some(fallback) => format!("all traffic to {fallback}").into(),
                None => "all traffic to the fallback".into(),
            },
            command: force.map(Some),
        },
        Offer {
            action: Action::Hold,
            does: if extends(Mode::Hold) {
                "move the end of the hold".into()
            } else {
                "primary only, no fallback".into()
            },
            command: hold.map(Some),
        },
        Offer {
            action: Action::Auto,
            does: "armed: falls back on a trigger".into(),
            command: auto.map(Some),
        },
        Offer {
            action: Action::Notice,
            does: if notice {
                "turn the notice off".into()
            } else {
                "turn the notice on".into()
            },
            command: turn.map(Some),
        },
    ];
    offers
        .into_iter()
        .map(|offer| in_touch(data, offer))
        .collect()
}

/// While the store's cluster cannot be asked nothing can be changed, whatever it is.
fn in_touch(data: &Data, offer: Offer) -> Offer {
    match data.apart() {
        None => offer,
        Some((since, _)) => Offer {
            command: Err(format!(
                "apart from the store since {}: nothing can be changed from here",
                since.strftime("%H:%M:%SZ")
            )
            .into()),
            ..offer
        },
    }
}

/// Where a subject has an override: on all gateways, else in the first narrower scope.
fn set(overrides: &Overrides, subject: &Subject, now: Timestamp) -> Option<Scope> {
    let mut scoped = overrides.scoped(subject, now);
    scoped.next().map(|(key, _)| key.scope.clone())
}

/// What can be done to a route.
#[must_use]
pub fn for_route(data: &Data, name: &RouteName, now: Timestamp) -> Vec<Offer> {
    let Some(overrides) = data.overrides.as_ref() else {
        return Vec::new();
    };
    let drained = set(overrides, &Subject::Drain(name.clone()), now);
    let (does, command) = if let Some(scope) = drained {
        let route = name.clone();
        (
            "undrain: take requests again",
            Command::Undrain { route, scope },
        )
    } else {
        let (route, lasting) = (name.clone(), Some(DEFAULT_LASTING));
        (
            "drain: no new request goes to it",
            Command::Drain {
                route,
                lasting,
                scope: Scope::All,
            },
        )
    };
    let offer = Offer {
        action: Action::Drain,
        does: does.into(),
        command: Ok(Some(command)),
    };
    vec![in_touch(data, offer)]
}

/// Undoing the operator's own last change.
#[must_use]
pub fn undo(data: &Data, actor: &Actor) -> Offer {
    let mine = data
        .audit
        .iter()
        .rev()
        .find(|record| record.verb.is_some() && record.actor.user == actor.user);
    let offer = Offer {
        action: Action::Undo,
        does: match mine {
            Some(record) => format!(
                "undo: {}",
                super::change::done(
                    record.verb.unwrap_or(crate::model::Verb::Undo),
                    &record.key.named()
                )
            )
            .into(),
            None => "undo my last change".into(),
        },
        command: match mine {
            Some(_) => Ok(Some(Command::Undo { sequence: None })),
            None => Err("no change of yours is known".into()),
        },
    };
    in_touch(data, offer)
}

/// Undoing what a record of the audit tells of.
#[must_use]
pub fn undo_record(data: &Data, sequence: u64) -> Offer {
    let command = match (data.record_of(sequence), data.undone_by(sequence)) {
        (_, Some(by)) => Err(format!("undone by #{by} already").into()),
        (None, _) => Err("it is not kept here any more; `backstop undo` has it".into()),
        (Some(record), None) if record.verb.is_none() => {
            Err("its time was over: there is nothing to undo".into())
        }
        (Some(record), None) => {
            let newer = data.audit.iter().rev();
            let newest = newer.clone().find(|other| other.key == record.key);
            match newest.filter(|other| other.sequence != sequence) {
                Some(other) => {
                    Err(format!("#{} has changed {} since", other.sequence, record.key).into())
                }
                None => Ok(Some(Command::Undo {
                    sequence: Some(sequence),
                })),
            }
        }
    };
    let offer = Offer {
        action: Action::UndoRecord,
        does: format!("undo #{sequence}").into(),
        command,
    };
    in_touch(data, offer)
}

/// An action that needs no plan.
#[must_use]
pub fn plain(action: Action, does: impl Into<Cow<'static, str>>) -> Offer {
    Offer {
        action,
        does: does.into(),
        command: Ok(None),
    }
}
