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
    let marked = app.marked().0 > 0;
    let (name, json) = match &app.screen {
        Screen::Home if marked => {
            let names = app.marked_workloads();
            let overview = app.overview();
            let workloads = overview.map(|overview| {
                let all = overview.workloads.iter();
                all.filter(|status| names.contains(&status.workload))
                    .collect::<Vec<_>>()
            });
            ("workloads-marked".to_owned(), json(&workloads))
        }
        Screen::Home => ("workloads".to_owned(), json(&app.overview())),
        Screen::Routes => {
            let marks = &app.routes.marks;
            let routes = app.overview().map(|overview| {
                let all = overview.routes.iter();
                all.filter(|status| !marked || marks.contains(&status.route))
                    .collect::<Vec<_>>()
            });
            ("routes".to_owned(), json(&routes))
        }
        Screen::Events => {
            let rows = app.events.rows(&app.data.log, app.events_end());
            let events: Vec<&StoredEvent> = (0..rows.len())
                .filter_map(|row| rows.get(row))
                .filter(|number| !marked || app.events.marks.contains(number))
                .filter_map(|number| app.data.log.get(number))
                .collect();
            ("events".to_owned(), json(&events))
        }
        Screen::Reviews => {
            let marks = &app.reviews.table.marks;
            let all = app.reviews.queue.iter();
            let queue: Vec<_> = all
                .filter(|due| !marked || marks.contains(&due.workload))
                .collect();
            ("reviews".to_owned(), json(&queue))
        }
        Screen::Gateways => ("gateways".to_owned(), gateways(app, marked)),
        Screen::Audit => {
            let marks = &app.audit.marks;
            let all = app.data.audit.iter();
            let audit: Vec<_> = all
                .filter(|record| !marked || marks.contains(&record.sequence))
                .collect();
            ("audit".to_owned(), json(&audit))
        }
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
        Screen::Detail(workload) if app.charts.page.is_charts() => {
            (format!("charts-{workload}"), json(&app.charts.picture))
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
            extension: "txt",
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

/// The gateways, or those that are marked.
fn gateways(app: &App, marked: bool) -> Result<String, String> {
    let marks = &app.gateways.marks;
    let gateways = app.overview().map(|overview| {
        let all = overview.gateways.iter();
        all.filter(|status| !marked || marks.contains(&status.gateway))
            .collect::<Vec<_>>()
    });
    json(&gateways)
}
