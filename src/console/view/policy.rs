//! The policy of a workload as a table: each error class, whether it falls back now, and why.

use super::{pen::Line, words};
use crate::{
    console::{app::App, layout::Room, state::policy_table, theme::Role},
    model::Workload,
};

/// What a failure of each class would lead to, decided by the same code as in the gateway. Where there is no
/// room for sentences, two classes stand side by side.
pub(super) fn lines(app: &App, workload: &Workload, wide: usize) -> Vec<Line> {
    let rows: Vec<(Line, String)> = policy_table::of(&app.data, workload, app.clock)
        .into_iter()
        .map(|(class, verdict)| {
            let (sign, answer, role) = if verdict.falls_back {
                ("+", "yes", Role::StateOk)
            } else {
                ("-", "no", Role::StateDisabled)
            };
            let row = Line::of(role, format!(" {sign} "))
                .and(Role::Text, format!("{class:<17}"))
                .and(role, format!("{answer:<4}"));
            if app.room() == Room::Wide {
                (row, words::safe(&verdict.why).into_owned())
            } else {
                (row, verdict.brief.to_owned())
            }
        })
        .collect();
    if app.room() == Room::Wide || wide < 78 {
        return rows
            .into_iter()
            .map(|(row, why)| row.and(Role::Muted, why))
            .collect();
    }
    let half = rows.len().div_ceil(2);
    (0..half)
        .filter_map(|index| {
            let (left, why) = rows.get(index)?.clone();
            let mut line = left.and(Role::Muted, format!("{why:<15}"));
            if let Some((right, why)) = rows.get(index + half).cloned() {
                line.0.extend(right.and(Role::Muted, why).0);
            }
            Some(line)
        })
        .collect()
}
