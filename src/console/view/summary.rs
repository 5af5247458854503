//! A terminal too small for a list: what is worst, in a line or two.

use ratatui::layout::Rect;

use super::{
    pen::{Pen, fit, row},
    status, words,
};
use crate::console::{
    action::Action,
    app::App,
    layout::LIST,
    state::home::{serving, state_word},
    theme::Role,
};

pub(super) fn draw(app: &App, pen: &mut Pen<'_>, area: Rect) {
    let width = usize::from(area.width);
    let counts = status::counts(app, 0);
    let first = row(area, 0);
    let at = pen.line(first, 0, &counts);
    let place = status::place(app, pen);
    if usize::from(at) + 2 + place.width() <= width {
        pen.line(first, at + 2, &place);
    }
    let worst = app.overview().and_then(|overview| {
        overview
            .workloads
            .iter()
            .filter(|status| super::home::urgent(status.state))
            .min_by_key(|status| status.state)
    });
    let mut down = 1;
    if let Some(status) = worst {
        let (sign, role) = words::state(status.state);
        let text = format!(
            "{sign} {} {} on {} err {}",
            state_word(status.state),
            words::safe(status.workload.as_str()),
            words::safe(serving(&status.serving)),
            words::percent(status.error_share)
        );
        pen.put(row(area, down), 0, &fit(&text, width, pen.glyphs.cut), role);
        down += 1;
    }
    if let Some(message) = app.messages.shown() {
        pen.put(row(area, down), 0, &message.text, Role::Info);
        down += 1;
    }
    if !app.overlays.is_empty() {
        let back = app.setup.keymap.shown(Action::Back);
        let open = format!("{back} leaves {}", app.context().as_str());
        pen.put(row(area, down), 0, &open, Role::Warning);
        down += 1;
    }
    let hint = format!("enlarge to {}x{}", LIST.0, LIST.1);
    pen.put(row(area, down), 0, &hint, Role::Muted);
}
