//! A verb for marked rows: one plan after the other, each with its own checks and its own consent.

use super::{planning, sift};
use crate::{
    console::{
        action::Action,
        app::{App, Screen},
        effect::Effect,
        state::{
            message::Level,
            series::{Became, Series},
            verbs::{self, Offer},
        },
    },
    model::Command,
};

/// Begins one for the marked rows, when some are marked and the screen has such verbs. Answers whether it did.
pub(super) fn begin(app: &mut App, action: Action, effects: &mut Vec<Effect>) -> bool {
    let names: Vec<String> = match (&app.screen, action) {
        (Screen::Home, Action::Force | Action::Hold | Action::Auto | Action::Notice) => {
            let marked = app.marked_workloads();
            marked.iter().map(ToString::to_string).collect()
        }
        (Screen::Routes, Action::Drain) => {
            let marked = app.routes.marks.of(&app.routes.keys);
            marked.map(ToString::to_string).collect()
        }
        _other => Vec::new(),
    };
    if names.is_empty() {
        return false;
    }
    app.series = Some(Series::new(action, names));
    next(app, effects);
    true
}

/// Opens the next plan; those that are refused at once are passed over, and told of at the end.
pub(super) fn next(app: &mut App, effects: &mut Vec<Effect>) {
    while let Some(series) = &mut app.series {
        let action = series.action;
        let (lasting, turns) = (series.lasting(), series.turns);
        let scope = series.scope().cloned();
        let Some((name, place)) = series.advance() else {
            return;
        };
        let offers = if action == Action::Drain {
            verbs::for_route(&app.data, &name.as_str().into(), app.now)
        } else {
            verbs::for_workload(&app.data, &name.as_str().into(), app.now)
        };
        let offer = offers.into_iter().find(|offer| offer.action == action);
        match command(offer, lasting, turns) {
            Ok(command) => {
                let command = match scope {
                    Some(scope) => command.within(scope),
                    None => command,
                };
                if let Some(series) = &mut app.series {
                    series.turns = turned(&command);
                }
                planning::ask(app, command, effects);
                let series = app.series.clone();
                if let (Some(series), Some(form)) = (series, app.form_mut()) {
                    form.place = (place.1 > 1).then_some(place);
                    series.give(form);
                }
                return;
            }
            Err(why) => note(app, Became::Refused(why)),
        }
    }
}

/// The command to plan: as long as the one before, and in its direction.
fn command(
    offer: Option<Offer>,
    before: Option<std::time::Duration>,
    turns: Option<bool>,
) -> Result<Command, String> {
    let offer = offer.ok_or("nothing is known of it yet")?;
    let mut command = match offer.command {
        Ok(Some(command)) => command,
        Ok(None) => return Err("there is nothing to plan".to_owned()),
        Err(why) => return Err(why.into_owned()),
    };
    if turns.is_some() && turns != turned(&command) {
        return Err("it is so already".to_owned());
    }
    if let (
        Some(before),
        Command::Mode {
            lasting: Some(lasting),
            ..
        }
        | Command::Notice {
            lasting: Some(lasting),
            ..
        }
        | Command::Drain {
            lasting: Some(lasting),
            ..
        },
    ) = (before, &mut command)
    {
        *lasting = before;
    }
    Ok(command)
}

/// Whether a command turns something on or off.
const fn turned(command: &Command) -> Option<bool> {
    match command {
        Command::Notice { enabled, .. } => Some(*enabled),
        Command::Drain { .. } => Some(true),
        Command::Undrain { .. } => Some(false),
        Command::Mode { .. } | Command::Undo { .. } => None,
    }
}

/// Notes what became of the plan of a series.
pub(super) fn note(app: &mut App, became: Became) {
    if let Some(series) = &mut app.series {
        series.note(became);
    }
}

/// A series whose plan is gone has ended: what became of all is told, and those that were applied are marked no more.
pub(super) fn settle(app: &mut App) {
    if app.form().is_some() {
        return;
    }
    let Some(series) = app.series.take() else {
        return;
    };
    for name in series.applied() {
        if series.action == Action::Drain {
            app.routes.marks.unmark(&name.into());
        } else {
            app.home.marks.unmark(&name.into());
        }
    }
    let (text, all) = series.told();
    if all {
        sift::clear_marks(app);
    }
    let level = if all { Level::Done } else { Level::Warning };
    app.say(level, &text);
}
