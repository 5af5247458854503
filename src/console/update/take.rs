//! Taking something along: the row as text, the view as text and JSON.

use crate::{
    console::{
        app::{App, Overlay, Screen},
        effect::Effect,
        state::message::Level,
        view,
    },
    model::StoredEvent,
};

/// Sends the row, or the text that is open, to the clipboard.
pub(super) fn copy(app: &mut App, effects: &mut Vec<Effect>) {
    match view::copied(app) {
        Some(text) => effects.push(Effect::Copy(text)),
        None => app.say(Level::Note, "there is nothing to copy here"),
    }
}

/// Saves what is on screen as text, and what is behind it as JSON.
pub(super) fn save(app: &mut App, effects: &mut Vec<Effect>) {
    if let Some(Overlay::Past(past)) = app.overlays.last() {
        match past.saved() {
            Some(effect) => effects.push(effect),
            None => app.say(Level::Note, "not saved: the review is not read yet"),
        }
        return;
    }
    let (name, json) = match &app.screen {
        Screen::Home => ("workloads".to_owned(), json(&app.overview())),
        Screen::Routes => (
            "routes".to_owned(),
            json(&app.overview().map(|overview| &overview.routes)),
        ),
        Screen::Events => {
            let rows = app.events.rows(&app.data.log, app.events_end());
            let events: Vec<&StoredEvent> = (0..rows.len())
                .filter_map(|row| app.data.log.get(rows.get(row)?))
                .collect();
            ("events".to_owned(), json(&events))
        }
        Screen::Reviews => ("reviews".to_owned(), json(&app.reviews.queue)),
        Screen::Audit => ("audit".to_owned(), json(&app.data.audit)),
        Screen::Compare(workload) => {
            let Some(comparing) = app.comparing() else {
                return;
            };
            if comparing.cases.iter().any(|case| comparing.hides(case)) {
                app.say(
                    Level::Warning,
                    "not saved: the file would tell which route is which; judge first, or m opens it",
                );
                return;
            }
            (format!("compare-{workload}"), json(&comparing.reviewed()))
        }
        Screen::Detail(workload) => (
            format!("workload-{workload}"),
            json(&(app.data.status(workload), app.data.workload(workload))),
        ),
    };
    match json {
        Ok(json) => effects.push(Effect::Save {
            name: name
                .chars()
                .map(|character| {
                    if character.is_ascii_alphanumeric() {
                        character.to_ascii_lowercase()
                    } else {
                        '-'
                    }
                })
                .collect(),
            text: view::plain(app),
            json,
        }),
        Err(why) => app.say(Level::Error, &format!("the view cannot be saved: {why}")),
    }
    app.overlays
        .retain(|overlay| !matches!(overlay, Overlay::Actions(_)));
}

fn json<T: serde::Serialize>(value: &T) -> Result<String, String> {
    serde_json::to_string_pretty(value).map_err(|error| error.to_string())
}
