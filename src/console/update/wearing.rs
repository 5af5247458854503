//! Themes: the one under the palette's cursor is worn while it stands there; leaving puts the old one back.

use crate::console::{
    app::{App, Overlay},
    effect::Effect,
    state::message::Level,
};

/// Asks for the theme that should be shown, when it is another than the one asked for last.
pub(super) fn settle(app: &mut App, effects: &mut Vec<Effect>) {
    let tried = match app.overlays.last() {
        Some(Overlay::Palette(palette)) => palette.theme(),
        _ => None,
    };
    let wanted = tried.unwrap_or(&app.themes.worn);
    if *wanted != app.themes.shown {
        let wanted = wanted.to_owned();
        effects.push(Effect::Wear(wanted.clone()));
        app.themes.shown = wanted;
    }
}

/// A theme was chosen: it stays, here and at the next start.
pub(super) fn choose(app: &mut App, name: &str) {
    app.say(
        Level::Note,
        &format!(
            "theme {name}, also at the next start here; BACKSTOP_THEME={name} wears it everywhere"
        ),
    );
    name.clone_into(&mut app.themes.worn);
}
