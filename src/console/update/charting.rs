//! Charts: when the past of a workload is read, and when its picture is put together again.

use super::go;
use crate::{
    console::{
        app::{App, BACKLOG, Screen},
        effect::Effect,
        state::chart::{Ask, Events, Page, Picture},
        view,
    },
    control::traffic::History,
    model::WorkloadName,
};

/// To the charts of the selection, or back to its facts.
pub(super) fn turn(app: &mut App) {
    let Some(workload) = app.workload().cloned() else {
        return;
    };
    if let Screen::Detail(_) = app.screen {
        app.charts.page = match app.charts.page {
            Page::Facts => Page::Charts,
            Page::Charts | Page::ChartsAtOnce => Page::Facts,
        };
        app.detail_scroll = 0;
    } else {
        go::open(app, workload);
        app.charts.page = Page::ChartsAtOnce;
    }
}

/// Back from charts that were opened over the facts; answers whether that was so.
pub(super) fn back(app: &mut App) -> bool {
    let over = matches!(app.screen, Screen::Detail(_)) && app.charts.page == Page::Charts;
    if over {
        app.charts.page = Page::Facts;
        app.detail_scroll = 0;
    }
    over
}

/// The past of a workload was read, or the events of all, or not.
pub(super) fn told(app: &mut App, workload: Option<WorkloadName>, result: Result<History, String>) {
    app.charts.told(workload, result, app.now);
}

/// Asks for what is shown and not known, and puts the picture together when something in it may have moved.
pub(super) fn settle(app: &mut App, effects: &mut Vec<Effect>) {
    events(app, effects);
    let Some(name) = view::charted(app).cloned() else {
        app.charts.picture = None;
        app.charts.built = None;
        return;
    };
    // Before the door is open nothing can be read, and nothing is known of the workload.
    let Some(workload) = app.data.workload(&name).cloned() else {
        return;
    };
    ask(app, Some(&name), effects);
    let built = Some((name.clone(), app.clock));
    let stands = app.paused.is_some()
        && app
            .charts
            .picture
            .as_ref()
            .is_some_and(|picture| picture.workload == name);
    if app.charts.built == built || stands {
        return;
    }
    let past = app.charts.past(Some(&name));
    let picture = Picture::new(&app.data, &workload, past, BACKLOG, app.clock);
    app.charts.built = built;
    if app.charts.picture.as_ref() != Some(&picture) {
        app.charts.picture = Some(picture);
        app.dirty = true;
    }
}

/// Has the past of a workload read, or the events of all, when that is due.
fn ask(app: &mut App, workload: Option<&WorkloadName>, effects: &mut Vec<Effect>) {
    match app.charts.ask(workload, app.now) {
        Ask::Nothing => {}
        Ask::Later(delay) => effects.push(Effect::Wake(delay)),
        Ask::Since(since) => effects.push(Effect::Traffic(workload.cloned(), since)),
    }
}

/// The events of all workloads, while they are looked at.
fn events(app: &mut App, effects: &mut Vec<Effect>) {
    if app.screen != Screen::Events || app.data.catalog.is_none() {
        app.charts.events = None;
        app.charts.counted = None;
        return;
    }
    ask(app, None, effects);
    let paused = app.paused.is_some() && app.charts.events.is_some();
    if paused || app.charts.counted == Some(app.clock) {
        return;
    }
    app.charts.counted = Some(app.clock);
    let past = app.charts.past(None).history;
    let events = Events::new(&app.data.log, None, past, BACKLOG, app.clock);
    if app.charts.events.as_ref() != Some(&events) {
        app.charts.events = Some(events);
        app.dirty = true;
    }
}
