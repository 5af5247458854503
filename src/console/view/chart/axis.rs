//! The time below the pictures with the changes on it, and what became of each change.

use super::{
    super::{
        pen::{Line, paragraph},
        words,
    },
    GUTTER, laid, minute,
};
use crate::console::{
    app::{App, Times},
    glyph::Glyphs,
    state::chart::{MINUTES, Picture},
    theme::Role,
};

/// The time below the pictures, with the changes on it.
pub(super) fn axis(app: &App, picture: &Picture, width: u16, glyphs: &Glyphs) -> Vec<Line> {
    let axis = laid(width, glyphs);
    let cells = axis.cells();
    let mut signs = vec![None::<(char, usize)>; cells];
    for mark in &picture.marks {
        if let Some(slot) = picture.slot(mark.at)
            && let Some(place) = signs.get_mut(axis.cell(slot))
        {
            let count = place.map_or(0, |(_, count)| count) + 1;
            *place = Some((mark.sign().0, count));
        }
    }
    let mut rule = Line::of(Role::Border, " ".repeat(GUTTER - 1)).and(Role::Border, glyphs.divider);
    for sign in signs {
        match sign {
            None => match rule.0.last_mut() {
                Some((Role::Border, text)) => text.push_str(glyphs.rule),
                Some(_) | None => rule.0.push((Role::Border, glyphs.rule.to_owned())),
            },
            Some((sign, 1)) => rule.0.push((Role::StateForced, sign.to_string())),
            // Several changes in one place: how many.
            Some((_, count)) => rule.0.push((Role::StateForced, count.min(9).to_string())),
        }
    }
    let first = match app.times {
        Times::Utc | Times::Local => words::minute(app, picture.start(0)),
        Times::Ago => "60m ago".to_owned(),
    };
    let middle = match app.times {
        Times::Utc | Times::Local => words::minute(app, picture.start(MINUTES / 2)),
        Times::Ago => "30m ago".to_owned(),
    };
    let mut times = vec![' '; cells];
    write(&mut times, 0, &first);
    let half = axis.cell(MINUTES / 2);
    if half > first.len() + 1 && half + middle.len() + 5 < cells {
        write(&mut times, half, &middle);
    }
    if cells > first.len() + 4 {
        write(&mut times, cells - 3, "now");
    }
    let times: String = times.into_iter().collect();
    vec![
        rule,
        Line::of(Role::Muted, format!("{}{times}", " ".repeat(GUTTER))),
    ]
}

fn write(cells: &mut [char], at: usize, text: &str) {
    for (cell, character) in cells.iter_mut().skip(at).zip(text.chars()) {
        *cell = character;
    }
}

/// Did it help? Each change in a sentence, the newest first. In few rows those come first that moved something.
pub(super) fn changes(app: &App, picture: &Picture, width: u16, rows: usize) -> Vec<Line> {
    if picture.marks.is_empty() {
        let text = " nobody changed anything in this hour";
        return vec![Line::of(Role::Muted, text)];
    }
    let said: Vec<Vec<Line>> = picture
        .marks
        .iter()
        .map(|mark| {
            let by = words::actor(app, &mark.by);
            let done = format!("{} by {by} {}", mark.done(), minute(app, mark.at));
            let text = mark.effect.of(&done);
            let sign = format!(" {} ", mark.sign().0);
            paragraph(
                Role::Text,
                &sign,
                &words::safe(&text),
                usize::from(width).max(20),
            )
        })
        .collect();
    let mut order: Vec<usize> = (0..said.len()).rev().collect();
    if said.iter().map(Vec::len).sum::<usize>() > rows {
        order.sort_by_key(|index| !picture.marks[*index].effect.moved());
    }
    let mut lines = Vec::new();
    let mut left = said.len();
    for index in order {
        if !lines.is_empty() && lines.len() + said[index].len() > rows {
            break;
        }
        lines.extend(said[index].iter().cloned());
        left -= 1;
    }
    if left > 0 && lines.len() < rows {
        let text = format!("   and {}", words::count(left, "other change"));
        lines.push(Line::of(Role::Muted, text));
    }
    lines
}
