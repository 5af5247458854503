//! Keys of text fields: accept, complete, walk through proposals and fields; and what a command in the palette does.

use super::{act, comparing, drilling, go, probing, sift, tour, wearing};
use crate::console::{
    action::Action,
    app::{App, Overlay},
    effect::Effect,
    state::{burst::Pace, list::Step, message::Level, palette::Spoken, plan::Focus},
};

/// So many commands are remembered.
const SPOKEN: usize = 50;

/// Enter in a text field.
pub(super) fn accept(app: &mut App, effects: &mut Vec<Effect>) {
    match app.overlays.last_mut() {
        Some(Overlay::Filter(..)) => {
            app.overlays.pop();
        }
        Some(Overlay::Comparing(_)) => comparing::noted(app),
        Some(Overlay::Plan(form)) => form.focus = Focus::Name,
        Some(Overlay::Palette(palette)) => match palette.understand(app.data.catalog.as_deref()) {
            Ok(spoken) => {
                let said = palette.text().to_owned();
                app.overlays.pop();
                remember(app, said);
                speak(app, spoken, effects);
            }
            Err(why) => app.say(Level::Warning, &why),
        },
        Some(_) | None => {}
    }
}

/// Remembers a command for the arrows of the next palette.
fn remember(app: &mut App, said: String) {
    app.spoken.retain(|before| *before != said);
    app.spoken.push(said);
    let over = app.spoken.len().saturating_sub(SPOKEN);
    app.spoken.drain(..over);
}

/// Does what was said in the palette: the same as its key.
fn speak(app: &mut App, spoken: Spoken, effects: &mut Vec<Effect>) {
    match spoken {
        Spoken::Do(Action::Tour) => tour::toggle(app),
        Spoken::Do(action) => act::act(app, action, Pace::Typed, effects),
        Spoken::Drill(name) => drilling::named(app, &name, effects),
        Spoken::Probe(name) => probing::named(app, &name, effects),
        Spoken::Theme(name) => wearing::choose(app, &name),
        Spoken::Open(workload) => go::open(app, workload),
        Spoken::Compare(workload, true) => comparing::review(app, workload, effects),
        Spoken::Compare(workload, false) => comparing::open(app, workload, effects),
        Spoken::Workload(action, workload) => {
            app.home.touched = true;
            app.home.list.select(workload.clone());
            act::workload_verb(app, action, &workload, effects);
        }
        Spoken::Notice(workload, wanted) => {
            let given = app.data.status(&workload).map(|status| status.notice);
            if given == Some(wanted) {
                let state = if wanted { "on" } else { "off" };
                let text = format!("the notice of {workload} is {state} already");
                app.say(Level::Note, &text);
            } else {
                act::workload_verb(app, Action::Notice, &workload, effects);
            }
        }
        Spoken::Drain(route, wanted) => {
            let overview = app.data.overview.as_ref();
            let drained = overview
                .and_then(|overview| overview.route(&route))
                .is_some_and(|status| status.drained_by.is_some());
            if drained == wanted {
                let state = if wanted { "drained" } else { "in use" };
                app.say(Level::Note, &format!("{route} is {state} already"));
            } else {
                act::route_verb(app, Action::Drain, &route, effects);
            }
        }
    }
}

pub(super) fn complete(app: &mut App) {
    let catalog = app.data.catalog.clone();
    match app.overlays.last_mut() {
        Some(Overlay::Palette(palette)) => palette.complete(catalog.as_deref()),
        Some(Overlay::Filter(..)) => sift::complete(app),
        Some(_) | None => {}
    }
}

pub(super) fn choice(app: &mut App, forward: bool) {
    let catalog = app.data.catalog.clone();
    match app.overlays.last_mut() {
        Some(Overlay::Palette(palette)) => palette.turn(forward, catalog.as_deref()),
        Some(Overlay::Filter(..)) => go::step(app, Step::Rows(if forward { 1 } else { -1 })),
        Some(_) | None => {}
    }
}

pub(super) fn turn(app: &mut App, forward: bool) {
    if let Some(form) = app.form_mut() {
        form.turn(forward);
    }
}
