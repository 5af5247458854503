//! Presence: telling the other consoles what this one looks at, on change and every few seconds.

use jiff::SignedDuration;

use crate::{
    console::{app::App, effect::Effect},
    model::Presence,
};

/// Presence is forgotten after 15 s, so that it is said again well before.
const AGAIN: SignedDuration = SignedDuration::from_secs(5);

/// Says what this console looks at, when that changed or was said too long ago.
pub(super) fn present(app: &mut App, effects: &mut Vec<Effect>) {
    // Nothing can be told before the door is open.
    if app.data.overrides.is_none() {
        return;
    }
    let presence = app.presence();
    let due = match &app.presented {
        None => true,
        Some((at, before)) => !same(before, &presence) || app.now.duration_since(*at) >= AGAIN,
    };
    if due {
        app.presented = Some((app.now, presence.clone()));
        effects.push(Effect::Present(Box::new(presence)));
    }
}

fn same(left: &Presence, right: &Presence) -> bool {
    let told = |presence: &Presence| {
        let Presence {
            viewing,
            plan,
            plan_taken,
            claim,
            ..
        } = presence.clone();
        (viewing, plan, plan_taken, claim)
    };
    told(left) == told(right)
}
