//! 256 colours from 24 bits: the nearest there is, unless text could be read worse on it than the theme meant.
//!
//! Called by `theme`. The first sixteen are left out, for they are different on every terminal.

use ratatui::style::{Color, Style};

use super::{
    colour::{Rgb, contrast},
    depth::{Depth, indexed, near},
    theme::Role,
};

/// The contrast that is kept: level AA of WCAG 2.2, and in themes that have it AAA.
const KEPT: [f64; 2] = [4.5, 7.0];

/// The styles for 256 colours.
pub(super) fn derive(full: &[Style; Role::ALL.len()]) -> [Style; Role::ALL.len()] {
    let text = full[Role::Text as usize];
    let selected = full[Role::Selection as usize].bg;
    // What has no background of its own stands on the common one, or on the selected row.
    let behind = |style: &Style| match style.bg.filter(|own| Some(*own) != text.bg) {
        Some(own) => [Some(own), None],
        None => [text.bg, selected],
    };
    let high = Role::STATES.iter().all(|state| {
        let style = &full[*state as usize];
        let own = behind(style)[0].and_then(rgb);
        let pair = style.fg.and_then(rgb).zip(own);
        pair.is_some_and(|(text, own)| contrast(text, own) >= KEPT[1])
    });
    let kept = KEPT[usize::from(high)];
    full.map(|style| {
        let mut derived = style;
        derived.bg = style.bg.map(|colour| Depth::Indexed.show(colour));
        derived.fg = style
            .fg
            .map(|colour| readable(colour, behind(&style), kept));
        derived
    })
}

/// The nearest colour with the contrast that the theme meant, as far as that is kept.
fn readable(colour: Color, behind: [Option<Color>; 2], kept: f64) -> Color {
    let nearest = Depth::Indexed.show(colour);
    let Some(meant) = rgb(colour) else {
        return nearest;
    };
    let behind: Vec<(Rgb, f64)> = behind
        .into_iter()
        .flatten()
        .filter_map(|behind| {
            let wanted = contrast(meant, rgb(behind)?).min(kept);
            Some((shown(Depth::Indexed.show(behind))?, wanted))
        })
        .collect();
    let is_readable = |candidate: Rgb| {
        let enough = |(behind, wanted): &(Rgb, f64)| contrast(candidate, *behind) >= *wanted;
        behind.iter().all(enough)
    };
    if shown(nearest).is_none_or(is_readable) {
        return nearest;
    }
    (16..=u8::MAX)
        .filter(|index| is_readable(indexed(*index)))
        .min_by_key(|index| near(indexed(*index), meant))
        .map_or(nearest, Color::Indexed)
}

fn rgb(colour: Color) -> Option<Rgb> {
    match colour {
        Color::Rgb(red, green, blue) => Some([red, green, blue]),
        _ => None,
    }
}

/// What an index looks like.
fn shown(colour: Color) -> Option<Rgb> {
    match colour {
        Color::Indexed(index) => Some(indexed(index)),
        _ => None,
    }
}
