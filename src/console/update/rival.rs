//! Two plans for one target: who opened first goes first; the other sees it before typing, and may take it over.

use crate::{
    console::{
        app::App,
        state::{message::Level, plan::Stage},
        view,
    },
    model::Presence,
};

/// Tells whoever has a plan open that another one goes first now, or none any more.
pub(super) fn look(app: &mut App) {
    let rival = app.rival().cloned();
    let now = rival.as_ref().map(|rival| rival.session.clone());
    let Some(form) = app.form() else { return };
    if form.rival == now || matches!(form.stage, Stage::Applying(_)) {
        return;
    }
    let text = match &rival {
        Some(rival) => words(app, rival),
        None => "no other plan goes before this one any more".to_owned(),
    };
    let over = rival.as_ref().filter(|rival| rival.plan_taken.is_some());
    if over.is_some() {
        app.say(Level::Warning, &text);
    }
    if let Some(form) = app.form_mut() {
        form.rival = now;
        form.remark = Some(text);
        app.dirty = true;
    }
}

/// Why the plan that is open is not applied now; `None`: nobody goes first.
pub(super) fn stands_before(app: &App) -> Option<String> {
    app.rival().map(|rival| words(app, rival))
}

fn words(app: &App, rival: &Presence) -> String {
    let who = view::operator(app, &rival.actor);
    let plan = rival.plan.as_ref().map_or("", |(plan, _)| plan.0.as_str());
    let since = rival.plan_since.map_or_else(String::new, |since| {
        format!(" since {}", since.strftime("%H:%M:%SZ"))
    });
    match rival.plan_taken {
        Some(at) => format!(
            "{who} took this over at {}, with plan #{plan}: <key:take-over> takes it back",
            at.strftime("%H:%M:%SZ")
        ),
        None => format!(
            "{who} has plan #{plan} open for it{since}: leave it to them, or <key:take-over> takes it over"
        ),
    }
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
