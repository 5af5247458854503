//! The palette, drawn: proposals with the key that does the same, and whether it is allowed now.

use ratatui::layout::Rect;

use super::{
    home::more,
    menu::{panel, place, typed},
    pen::{Pen, row},
    refused, words,
};
use crate::{
    console::{
        action::Action,
        app::App,
        layout::Areas,
        state::{
            commands::{Takes, command_of},
            home::state_name,
            palette::Palette,
            verbs,
        },
        theme::Role,
    },
    control::Mode,
};

/// Proposals seen at a time.
const PROPOSALS: usize = 8;
/// Where keys and remarks stand behind the proposals.
const KEYS: u16 = 34;
const REMARKS: u16 = 41;

/// Rows for the proposals and for what is typed.
fn rows(palette: &Palette) -> u16 {
    u16::try_from(palette.proposals.len().min(PROPOSALS)).unwrap_or(0) + 1
}

/// Where the proposals stand, and the first of them that can be seen.
pub(super) fn seen(areas: &Areas, palette: &Palette) -> (Rect, usize) {
    let area = super::menu::below(place(areas, rows(palette)));
    let area = Rect {
        height: area.height.saturating_sub(1),
        ..area
    };
    let height = usize::from(area.height);
    let first = palette
        .chosen
        .map_or(0, |chosen| (chosen + 1).saturating_sub(height));
    (area, first)
}

/// A command that is being typed, with proposals.
pub(super) fn draw(app: &App, pen: &mut Pen<'_>, areas: &Areas, palette: &Palette) {
    let area = panel(pen, areas, rows(palette), "command");
    let (list, offset) = seen(areas, palette);
    let proposals = palette.proposals.iter().enumerate().skip(offset);
    for (place, (index, proposal)) in list.rows().zip(proposals) {
        let remark = remark(app, proposal);
        let (key_role, role) = match remark.kind {
            Kind::Allowed => (Role::Key, Role::Muted),
            Kind::Refused => (Role::KeyDisabled, Role::Warning),
        };
        let end = pen.put(place, 3, &words::safe(proposal), Role::Text);
        let keys = KEYS.max(end + 2);
        let end = pen.put(place, keys, &remark.key, key_role);
        pen.put(
            place,
            REMARKS.max(end + 2),
            &words::safe(&remark.text),
            role,
        );
        if palette.chosen == Some(index) {
            pen.select(place, 1);
        }
    }
    if !list.is_empty() {
        more(pen, list, offset, palette.proposals.len());
    }
    let line = row(area, area.height.saturating_sub(1));
    let at = pen.put(line, 1, ":", Role::Key);
    let room = usize::from(line.width.saturating_sub(at + 1));
    pen.line(line, at, &typed(&palette.field, true, Role::Text, room));
}

enum Kind {
    Allowed,
    Refused,
}

/// What is said of a proposal.
struct Remark {
    key: String,
    kind: Kind,
    text: String,
}

fn remark(app: &App, proposal: &str) -> Remark {
    let allowed = |key: String, text: String| Remark {
        key,
        kind: Kind::Allowed,
        text,
    };
    let Some((command, name)) = command_of(proposal) else {
        // The name of a workload opens it.
        let state = app
            .data
            .status(&proposal.into())
            .map_or("", |status| state_name(status.state));
        return allowed(
            app.setup.keymap.shown(Action::Open),
            format!("open it; {state}"),
        );
    };
    let key = command
        .action
        .map(|action| app.setup.keymap.shown(action))
        .unwrap_or_default();
    let refused = |why: String| Remark {
        key: key.clone(),
        kind: Kind::Refused,
        text: format!("refused: {why}"),
    };
    if name.is_empty() {
        if command.takes != Takes::Nothing {
            return allowed(key.clone(), command.takes.as_str().to_owned());
        }
        if let Some(why) = command
            .action
            .and_then(|action| refused::reason(app, action))
        {
            return refused(why);
        }
        let help = command
            .action
            .and_then(Action::entry)
            .map_or("", |entry| entry.help);
        return allowed(key.clone(), app.setup.keymap.keyed(help).into_owned());
    }
    let Some(action) = command.action else {
        return allowed(key, String::new());
    };
    let offers = match command.takes {
        Takes::Workload => verbs::for_workload(&app.data, &name.into(), app.clock),
        Takes::Route => verbs::for_route(&app.data, &name.into(), app.clock),
        Takes::Nothing | Takes::Probed | Takes::Outage | Takes::Theme => Vec::new(),
    };
    let Some(offer) = offers.into_iter().find(|offer| offer.action == action) else {
        return allowed(key, String::new());
    };
    if let Some(state) = so_already(app, command.words, name) {
        return refused(state);
    }
    match offer.command {
        Ok(_) if app.setup.mode == Mode::Observe => {
            allowed(key, format!("{} (OBSERVE: to look at)", offer.does))
        }
        Ok(_) => allowed(key, offer.does.into_owned()),
        Err(why) => refused(why.into_owned()),
    }
}

/// That what a command would turn on or off is so already.
fn so_already(app: &App, words: &str, name: &str) -> Option<String> {
    let notice = || app.data.status(&name.into()).map(|status| status.notice);
    let drained = || {
        let overview = app.data.overview.as_ref();
        let status = overview.and_then(|overview| overview.route(&name.into()));
        status.map(|status| status.drained_by.is_some())
    };
    let (is, state) = match words {
        "notice on" => (notice() == Some(true), "it is on already"),
        "notice off" => (notice() == Some(false), "it is off already"),
        "drain" => (drained() == Some(true), "it is drained already"),
        "undrain" => (drained() == Some(false), "it is in use already"),
        _other => return None,
    };
    is.then(|| state.to_owned())
}
