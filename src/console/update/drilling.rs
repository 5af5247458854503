//! Drills: opened for what is selected, asked again for another kind of failure or a larger outage.

use crate::{
    console::{
        app::{App, Overlay, Screen},
        effect::Effect,
        state::{
            drilling::{Down, Drilling},
            message::Level,
        },
    },
    control::{ControlError, Drill},
};

/// Imagines that the selected route is down, or the primary of the selected workload; in a drill, asks again.
pub(super) fn begin(app: &mut App, effects: &mut Vec<Effect>) {
    if open(app).is_some() {
        return ask(app, effects);
    }
    let route = match &app.screen {
        Screen::Routes => app.routes.list.selected().cloned(),
        Screen::Home
        | Screen::Detail(_)
        | Screen::Compare(_)
        | Screen::Events
        | Screen::Reviews
        | Screen::Audit
        | Screen::Gateways => app
            .workload()
            .and_then(|workload| app.data.workload(workload))
            .map(|workload| workload.primary.clone()),
    };
    match route {
        Some(route) => drill(app, Down::Route(route), effects),
        None => app.say(Level::Warning, "there is no route here to imagine down"),
    }
}

/// Imagines an outage.
pub(super) fn drill(app: &mut App, down: Down, effects: &mut Vec<Effect>) {
    app.home.touched = true;
    app.overlays
        .push(Overlay::Drill(Box::new(Drilling::new(0, down))));
    ask(app, effects);
}

/// By a name: of a provider, if it is one.
pub(super) fn named(app: &mut App, name: &str, effects: &mut Vec<Effect>) {
    let Some(catalog) = app.data.catalog.as_ref() else {
        return;
    };
    let down = if catalog.routes.contains_key(name) {
        Down::Route(name.into())
    } else {
        Down::Provider(name.to_owned(), None)
    };
    drill(app, down, effects);
}

/// The next kind of failure.
pub(super) fn class(app: &mut App, effects: &mut Vec<Effect>) {
    if let Some(drilling) = open(app) {
        drilling.next_class();
        ask(app, effects);
    }
}

/// The whole provider instead of the route alone, and back.
pub(super) fn scope(app: &mut App, effects: &mut Vec<Effect>) {
    let catalog = app.data.catalog.clone();
    let Some(drilling) = open(app) else { return };
    match catalog.and_then(|catalog| drilling.down.other(&catalog)) {
        Some(other) => {
            drilling.down = other;
            ask(app, effects);
        }
        None => app.say(
            Level::Note,
            "this drill is of a provider: there is no one route to go back to",
        ),
    }
}

/// The policy answered.
pub(super) fn drilled(app: &mut App, request: u64, result: Result<Box<Drill>, ControlError>) {
    if let Some(drilling) = open(app) {
        drilling.take(request, result);
        app.dirty = true;
    }
}

fn ask(app: &mut App, effects: &mut Vec<Effect>) {
    app.requests += 1;
    let request = app.requests;
    if let Some(drilling) = open(app) {
        drilling.ask(request);
        effects.push(Effect::Drill {
            request,
            names: vec![drilling.down.name().to_owned()],
            class: drilling.class().0,
        });
    }
}

/// The drill that is open, also below a help.
fn open(app: &mut App) -> Option<&mut Drilling> {
    app.overlays.iter_mut().rev().find_map(|overlay| {
        if let Overlay::Drill(drilling) = overlay {
            Some(drilling.as_mut())
        } else {
            None
        }
    })
}
