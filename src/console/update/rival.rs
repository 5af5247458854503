//! Two plans for one target: who opened first goes first; the other sees it before typing, and may take it over.

use crate::console::{
    app::App,
    state::{message::Level, plan::Stage},
    view,
};

/// Tells whoever has a plan open that another one goes first now, or none any more. As long as one does, the plan
/// says so by itself, whatever is typed.
pub(super) fn look(app: &mut App) {
    let rival = app.rival().cloned();
    let now = rival.as_ref().map(|rival| rival.session.clone());
    let Some(form) = app.form_mut() else { return };
    if form.rival == now || matches!(form.stage, Stage::Applying(_)) {
        return;
    }
    form.remark = match rival {
        Some(_) => None,
        None => Some("no other plan goes before this one any more".to_owned()),
    };
    form.rival = now;
    app.dirty = true;
    if let Some(rival) = rival.filter(|rival| rival.plan_taken.is_some()) {
        let text = view::rival(app, &rival);
        app.say(Level::Warning, &text);
    }
}

/// Why the plan that is open is not applied now; `None`: nobody goes first.
pub(super) fn stands_before(app: &App) -> Option<String> {
    app.rival()
        .map(|_| "not applied: another plan goes first".to_owned())
}

/// Takes the target over; the other console says so.
pub(super) fn take_over(app: &mut App) {
    let now = app.now;
    let Some(who) = app.rival().map(|rival| view::operator(app, &rival.actor)) else {
        if let Some(form) = app.form_mut() {
            form.remark = Some("nobody else has a plan open for it".to_owned());
        }
        return;
    };
    if let Some(form) = app.form_mut() {
        form.taken = Some(now);
        form.rival = None;
        form.remark = Some(format!("taken over from {who}, who is told"));
        app.dirty = true;
    }
}
