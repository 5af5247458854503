//! What lies over a comparison from below: which side is unsafe, a note, a question.

use super::titles::role;
use crate::console::{
    app::App,
    layout::Areas,
    state::comparing::{
        case::Side,
        over::{About, Over},
    },
    theme::Role,
    view::{
        menu::{panel, typed},
        pen::{Line, Pen, paragraph, row},
        words,
    },
};

/// Draws it; the editor and the result have screens of their own.
pub(in crate::console::view) fn draw(app: &App, pen: &mut Pen<'_>, areas: &Areas, over: &Over) {
    match over {
        Over::Unsafe => {
            let area = panel(pen, areas, 1, "which side must never reach a user?");
            let line = Side::BOTH
                .into_iter()
                .fold(Line::default(), |line, side| {
                    let key = side.as_str().to_lowercase();
                    line.and(Role::Key, key)
                        .and(Role::Text, " ")
                        .and(role(side), side.as_str())
                        .and(Role::Text, " is unsafe   ")
                })
                .and(Role::Key, "=")
                .and(Role::Text, " both are   ")
                .and(Role::Muted, "a fallback's vetoes the review");
            pen.line(row(area, 0), 1, &line);
        }
        Over::Note(field, about) => {
            let title = match about {
                About::Review => "a note on the whole review".to_owned(),
                About::Sample(sample) => {
                    format!("a note on {}", words::safe(sample.name()))
                }
            };
            let area = panel(pen, areas, 1, &title);
            let line = row(area, 0);
            let at = pen.put(line, 1, "# ", Role::Key);
            let room = usize::from(line.width.saturating_sub(at + 1));
            pen.line(line, at, &typed(field, true, Role::Text, room));
        }
        Over::Question(question) => {
            let width = usize::from(areas.message.width.saturating_sub(2));
            let lines = paragraph(Role::Warning, " ! ", &question.text, width);
            let rows = u16::try_from(lines.len()).unwrap_or(3) + 1;
            let area = panel(pen, areas, rows, "a question");
            pen.lines(area, &lines, 0);
            let last = row(area, area.height.saturating_sub(1));
            let key = app.setup.keymap.shown(crate::console::action::Action::Yes);
            let back = app.setup.keymap.shown(crate::console::action::Action::Back);
            let line = Line::of(Role::Key, key)
                .and(Role::Text, " yes   ")
                .and(Role::Key, back)
                .and(Role::Text, " no");
            pen.line(last, 3, &line);
        }
        Over::Payload(_) | Over::Verdicts(_) => {}
    }
}
