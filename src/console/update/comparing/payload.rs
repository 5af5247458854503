//! The editor over a comparison: opened with a sample's body, left with another one or the same.

use std::sync::Arc;

use super::{App, Effect, Level, Over, Overlay};
use crate::{
    console::state::payload::{Found, Payload},
    model::{SampleId, WorkloadName},
};

/// Asks for the body of the sample that is shown.
pub(in crate::console::update) fn edit(app: &mut App, effects: &mut Vec<Effect>) {
    let Some(comparing) = app.comparing() else {
        return;
    };
    let Some(case) = comparing.case() else {
        return;
    };
    if case.judgement.is_some() && comparing.unsaved() {
        app.say(
            Level::Note,
            "this sample is judged: <key:rerun> asks again and drops its verdict, then it can be edited",
        );
        return;
    }
    if case.running() {
        app.say(Level::Note, "it is being asked; <key:back> stops that");
        return;
    }
    effects.push(Effect::ReadPayload(
        comparing.workload.clone(),
        case.sample.id.clone(),
    ));
}

/// The body was read, or has been through the operator's own editor.
pub(in crate::console::update) fn read(
    app: &mut App,
    workload: &WorkloadName,
    sample: &SampleId,
    edited: bool,
    text: Result<String, String>,
) {
    let text = match text {
        Ok(text) => text,
        Err(why) => return app.say(Level::Error, &why),
    };
    let catalog = app.data.catalog.clone();
    if edited {
        if let Some(payload) = open(app).filter(|open| open.sample == *sample) {
            payload.replace(&text);
            payload.look(catalog.as_deref());
        }
        app.dirty = true;
        return;
    }
    // Whoever went elsewhere meanwhile does not want it any more.
    let Some(case) = app
        .comparing()
        .filter(|comparing| comparing.workload == *workload)
        .and_then(|comparing| comparing.case())
        .filter(|case| case.sample.id == *sample)
    else {
        return;
    };
    match Payload::new(
        workload.clone(),
        sample.clone(),
        &text,
        case.edited.as_deref(),
    ) {
        Ok(mut payload) => {
            payload.look(catalog.as_deref());
            let over = Over::Payload(Box::new(payload));
            app.overlays.push(Overlay::Comparing(over));
            app.dirty = true;
        }
        Err(why) => app.say(Level::Warning, &why),
    }
}

/// The editor that is open.
fn open(app: &mut App) -> Option<&mut Payload> {
    match app.overlays.last_mut() {
        Some(Overlay::Comparing(Over::Payload(payload))) => Some(payload),
        Some(_) | None => None,
    }
}

/// Takes a key or a paste.
pub(in crate::console::update) fn typed(app: &mut App, take: impl FnOnce(&mut Payload) -> bool) {
    let catalog = app.data.catalog.clone();
    if let Some(payload) = open(app)
        && take(payload)
    {
        payload.look(catalog.as_deref());
    }
}

/// Back to the sample's own body.
pub(in crate::console::update) fn reset(app: &mut App) {
    typed(app, |payload| {
        payload.reset();
        true
    });
}

/// A step back.
pub(in crate::console::update) fn undo(app: &mut App) {
    typed(app, Payload::undo);
}

/// The same step again.
pub(in crate::console::update) fn redo(app: &mut App) {
    typed(app, Payload::redo);
}

/// Hands the text to the operator's own editor.
pub(in crate::console::update) fn outside(app: &mut App, effects: &mut Vec<Effect>) {
    if let Some(payload) = open(app) {
        effects.push(Effect::EditPayload(
            payload.workload.clone(),
            payload.sample.clone(),
            Arc::from(payload.text()),
        ));
    }
}

/// The editor is left: its text is what is sent from now on.
pub(in crate::console::update) fn left(app: &mut App, payload: &Payload) {
    let edited = payload.edited();
    let found = payload.found.clone();
    let Some(comparing) = app.comparisons.get_mut(&payload.workload) else {
        return;
    };
    let case = comparing
        .cases
        .iter_mut()
        .find(|case| case.sample.id == payload.sample);
    let Some(case) = case else { return };
    if case.edited == edited {
        return;
    }
    // What was answered was answered to another text.
    case.forget();
    case.edited = edited;
    let (level, text) = match (&case.edited, found) {
        (None, _) => (
            Level::Note,
            "the sample is as it was; r asks with it".to_owned(),
        ),
        (Some(_), Found::Broken { why, .. }) => (
            Level::Warning,
            format!("kept, but it cannot be sent: {why}. e goes on editing"),
        ),
        (Some(_), Found::Fits | Found::Doubtful(_)) => (
            Level::Note,
            "kept: r sends it. Its answers are not part of a review".to_owned(),
        ),
    };
    app.say(level, &text);
}
