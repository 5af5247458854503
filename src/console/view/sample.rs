//! A screen that shows every role of a theme in its usual place, with invented content.
//!
//! Drawn by `backstop theme preview`. It reads no state.

use ratatui::{buffer::Buffer, layout::Rect};

use super::pen::{Line, Pen, row};
use crate::console::{
    glyph::Glyphs,
    theme::{Role, Theme},
};

/// Columns and rows.
const SIZE: (u16, u16) = (80, 21);

/// One row of the list: state, workload, what serves, its role, fallback, errors, first output.
type Row = (
    Role,
    &'static str,
    &'static str,
    &'static str,
    Role,
    &'static str,
    &'static str,
);

#[rustfmt::skip]
const ROWS: [Row; 7] = [
    (Role::StateFailing, "x FL", "support-chat", "premium (fallback refused)", Role::StateFailing, "refused x", "41%   -  "),
    (Role::StateForced, "! FO", "image-caption", "stable (by jo to 15:02)", Role::StateForced, "primary +", " 0%  0.9s"),
    (Role::StateFallback, "! FB", "search-answers", "stable (auto: overloaded)", Role::StateFallback, "primary x", " 0%  1.1s"),
    (Role::StateDegraded, "~ DG", "code-assistant", "premium", Role::Text, "stable  +", " 4%  3.2s"),
    (Role::StateUnknown, "? UN", "nightly-digest", "premium", Role::Text, "stable  ?", "-     -  "),
    (Role::StateDisabled, "- OFF", "batch-extract", "premium (held)", Role::Text, "none", " 0%  0.8s"),
    (Role::StateOk, "+ OK", "translate", "premium", Role::Text, "stable  +", " 0%  0.7s"),
];

/// Draws it.
#[must_use]
pub fn sample(theme: &Theme, glyphs: &Glyphs) -> Buffer {
    let area = Rect::new(0, 0, SIZE.0, SIZE.1);
    let mut buffer = Buffer::empty(area);
    let mut pen = Pen::new(&mut buffer, theme, glyphs);
    pen.style(area, Role::Text);
    top(&mut pen, area);
    for (down, line) in (4..).zip(&ROWS) {
        list(&mut pen, row(area, down), line);
    }
    pen.select(row(area, 4), 1);
    pen.style(row(area, 10), Role::SelectionInactive);
    pen.rule(row(area, 11), "roles");
    for (down, line) in (12..).zip(words()) {
        pen.line(row(area, down), 1, &line);
    }
    let mut at = pen.put(row(area, 17), 1, "history ", Role::Muted);
    for (level, sign) in glyphs.spark.iter().enumerate().skip(1) {
        let role = if level < 5 {
            Role::SparkLow
        } else {
            Role::SparkHigh
        };
        at = pen.put(row(area, 17), at, &sign.repeat(3), role);
    }
    pen.put(row(area, 17), at, "   a focused pane ", Role::Muted);
    let end = pen.glyphs.rule.repeat(12);
    pen.put(row(area, 17), 51, &end, Role::BorderFocus);
    pen.rule(row(area, 18), "");
    let footer = Line::of(Role::Key, "?")
        .and(Role::Text, " help  ")
        .and(Role::Key, "/")
        .and(Role::Text, " filter  ")
        .and(Role::Key, "F")
        .and(Role::Text, " force  ")
        .and(Role::KeyDisabled, "H hold (refused: look only)")
        .and(Role::Text, "  type: supp")
        .and(Role::Cursor, "_");
    pen.line(row(area, 19), 1, &footer);
    buffer
}

fn top(pen: &mut Pen<'_>, area: Rect) {
    let place = Line::of(Role::EnvProd, "prod")
        .and(Role::Text, " ")
        .and(Role::ModeWrite, "WRITE")
        .and(Role::Text, "   ")
        .and(Role::EnvOther, "staging")
        .and(Role::Text, " ")
        .and(Role::ModeObserve, "OBSERVE")
        .and(Role::Text, "   x1 failing  !2 on fallback  +1 ok")
        .and(Role::Muted, "   14:32:05Z");
    pen.line(row(area, 0), 1, &place);
    let title = Line::of(Role::Title, "Workloads 7/7")
        .and(Role::Muted, "  sort:severity  ")
        .and(Role::Match, "/team:chat")
        .and(Role::Text, "  ")
        .and(Role::Success, "store ok")
        .and(Role::Text, "  ")
        .and(Role::Link, "https://status.example");
    pen.line(row(area, 1), 1, &title);
    pen.rule(row(area, 2), "");
    pen.accent(row(area, 2), Role::EnvProd);
    let head = "ST    WORKLOAD        SERVING NOW                  FALLBACK      ERR  FIRST";
    pen.put(row(area, 3), 3, head, Role::Heading);
}

fn list(pen: &mut Pen<'_>, area: Rect, line: &Row) {
    let (state, word, name, serving, role, fallback, figures) = *line;
    pen.put(area, 3, word, state);
    pen.put(area, 9, name, Role::Text);
    pen.put(area, 25, serving, role);
    pen.put(area, 54, fallback, Role::Text);
    pen.put(area, 68, figures, Role::Text);
}

/// The roles that have no place in a list.
fn words() -> [Line; 5] {
    [
        Line::of(Role::Info, "info")
            .and(Role::Text, "  ")
            .and(Role::Success, "success")
            .and(Role::Text, "  ")
            .and(Role::Warning, "warning")
            .and(Role::Text, "  ")
            .and(Role::Error, "error")
            .and(Role::Text, "  text  ")
            .and(Role::Muted, "muted"),
        Line::of(Role::SideA, "A  the window ends on 3 April")
            .and(Role::Text, "     ")
            .and(Role::SideB, "B  the window is 30 days from shipping"),
        Line::of(Role::DiffDel, "- drop the parcel within 7 days"),
        Line::of(Role::DiffAdd, "+ drop the parcel within 14 days"),
        Line::of(Role::DiffChange, "~ drop the parcel within ")
            .and(Role::DiffEmph, "14")
            .and(Role::DiffChange, " days"),
    ]
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use ratatui::style::{Color, Style};

    use super::sample;
    use crate::console::{
        Depth,
        glyph::ASCII,
        theme::{Look, Looks, Role, Sheet, Variant},
    };

    #[test]
    fn every_role_is_shown() {
        // A theme in which every role has a colour of its own.
        let colour = |role: Role| Color::Rgb(1, 0, role as u8);
        let looks = Role::ALL.map(|role| Looks {
            rgb: Some(match role {
                Role::Selection | Role::SelectionInactive => Look {
                    background: Some(colour(role)),
                    ..Look::default()
                },
                role => Look {
                    foreground: Some(colour(role)),
                    ..Look::default()
                },
            }),
            ..Looks::default()
        });
        let sheet = Sheet {
            name: "every".to_owned(),
            variant: Variant::Any,
            looks,
        };
        let drawn = sample(&sheet.theme(Depth::Rgb), &ASCII);
        let seen: BTreeSet<String> = drawn
            .content
            .iter()
            .map(ratatui::buffer::Cell::style)
            .flat_map(|style: Style| [style.fg, style.bg])
            .map(|colour| format!("{colour:?}"))
            .collect();
        for role in Role::ALL {
            let wanted = format!("{:?}", Some(colour(role)));
            assert!(seen.contains(&wanted), "{} is not shown", role.as_str());
        }
    }
}
