//! What can be done to a workload, what happened to it, and who changed what.

use super::{
    super::{audit, happened, pen::Line, words},
    facts::heading,
};
use crate::{
    console::{app::App, glyph::Glyphs, layout::Room, state::verbs, theme::Role},
    control::Mode,
    model::WorkloadName,
};

/// The most events shown, on a narrow and on a wide screen; the most audit records.
const EVENTS: (usize, usize) = (8, 18);
const RECORDS: usize = 5;

/// What can be done, what happened, and who changed what.
pub(super) fn side(app: &App, name: &WorkloadName, width: u16, glyphs: &Glyphs) -> Vec<Line> {
    let wide = usize::from(width);
    let mut lines = Vec::new();
    let heads = match app.setup.mode {
        Mode::Write => "WHAT CAN BE DONE",
        Mode::Observe => "WHAT CAN BE DONE (OBSERVE: plans can be opened, not applied)",
    };
    lines.push(heading(heads));
    let mut offers = verbs::for_workload(&app.data, name, app.clock);
    offers.push(verbs::undo(&app.data, &app.setup.actor));
    for offer in offers {
        let key = app.setup.keymap.shown(offer.action);
        let label = offer.action.entry().map_or("", |entry| entry.label);
        let (key_role, text_role, text) = match &offer.command {
            Ok(_) => (Role::Key, Role::Text, words::safe(&offer.does).into_owned()),
            Err(why) => (Role::KeyDisabled, Role::Muted, format!("refused: {why}")),
        };
        lines.push(
            Line::of(key_role, format!("  {key:<2} {label:<8}")).and(text_role, format!(" {text}")),
        );
    }
    lines.push(Line::default());
    lines.push(heading("LAST EVENTS"));
    let mut events: Vec<Line> = app
        .data
        .log
        .iter()
        .rev()
        .filter(|stored| stored.event.workload == *name)
        .take(if app.room() == Room::Wide {
            EVENTS.1
        } else {
            EVENTS.0
        })
        .map(|stored| {
            let (sign, role) = words::decision(stored.event.decision);
            Line::of(
                Role::Muted,
                format!("  {:<9}", words::moment(app, stored.event.at)),
            )
            .and(role, format!("{sign} "))
            .and(
                Role::Text,
                happened::line(app, stored, glyphs, wide.saturating_sub(13)),
            )
        })
        .collect();
    events.reverse();
    if events.is_empty() {
        events.push(Line::of(Role::Muted, "  none"));
    }
    lines.extend(events);
    lines.push(Line::default());
    lines.push(heading("LAST CHANGES"));
    let mut records: Vec<Line> = app
        .data
        .audit
        .iter()
        .rev()
        .filter(|record| record.key.target() == name.as_str())
        .take(RECORDS)
        .map(|record| audit::line(app, record))
        .collect();
    records.reverse();
    if records.is_empty() {
        records.push(Line::of(Role::Muted, "  none"));
    }
    lines.extend(records);
    lines
}
