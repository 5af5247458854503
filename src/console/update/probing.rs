//! Live probes: begun, told about, flipped through, and dropped when nobody looks any more.

use crate::console::{
    app::{App, Overlay, Screen},
    effect::Effect,
    msg::Told,
    state::{
        list::Step,
        message::Level,
        probing::{Probing, Subject, questions},
    },
    view,
};

/// Probes what is selected; in a probe, the same again.
pub(super) fn begin(app: &mut App, effects: &mut Vec<Effect>) {
    let subject = match (app.overlays.last(), &app.screen) {
        (Some(Overlay::Probe(probing)), _) => Some(probing.subject.clone()),
        (_, Screen::Routes) => app.routes.list.selected().cloned().map(Subject::Route),
        (_, Screen::Home | Screen::Detail(_) | Screen::Events | Screen::Audit) => {
            app.workload().cloned().map(Subject::Workload)
        }
    };
    match subject {
        Some(subject) => probe(app, subject, effects),
        None => app.say(
            Level::Warning,
            "there is nothing selected that can be probed",
        ),
    }
}

/// Probes something.
pub(super) fn probe(app: &mut App, subject: Subject, effects: &mut Vec<Effect>) {
    let Some(catalog) = app.data.catalog.clone() else {
        app.say(Level::Warning, "the configuration is not read yet");
        return;
    };
    let (questions, left_out) = questions(&catalog, &subject);
    if questions.is_empty() {
        app.say(Level::Warning, "there is no route to probe");
        return;
    }
    app.requests += 1;
    let request = app.requests;
    let next = Probing::new(request, subject, &questions, left_out);
    app.overlays
        .retain(|overlay| !matches!(overlay, Overlay::Probe(_)));
    app.overlays.push(Overlay::Probe(Box::new(next)));
    app.home.touched = true;
    app.probing = Some(request);
    effects.push(Effect::Probe { request, questions });
}

/// A question brought something.
pub(super) fn told(app: &mut App, request: u64, question: usize, told: Told) {
    let now = app.now;
    let open = app.overlays.iter_mut().find_map(|overlay| match overlay {
        Overlay::Probe(probing) if probing.request == request => Some(probing),
        Overlay::Probe(_)
        | Overlay::Plan(_)
        | Overlay::Event(..)
        | Overlay::Record(..)
        | Overlay::Help(_)
        | Overlay::Actions(_)
        | Overlay::Palette(_)
        | Overlay::Filter(..) => None,
    });
    if let Some(probing) = open {
        probing.take(question, told, now);
        app.dirty = true;
    }
}

/// Moves through answers and pages.
pub(super) fn step(app: &mut App, step: Step) {
    let Some((page, pages)) = view::probe_pages(app) else {
        return;
    };
    let Some(Overlay::Probe(probing)) = app.overlays.last_mut() else {
        return;
    };
    let last = pages.saturating_sub(1);
    let to = match step {
        Step::Rows(rows) => return probing.step(rows),
        Step::HalfPages(halves) => page.saturating_add_signed(halves.signum()).min(last),
        Step::First => 0,
        Step::Last => last,
    };
    // On the last page it goes on with the answer.
    probing.page = (to < last).then_some(to);
}

/// A probe that nobody looks at any more is dropped.
pub(super) fn settle(app: &mut App, effects: &mut Vec<Effect>) {
    let Some(request) = app.probing else { return };
    let open = app.overlays.iter().find_map(|overlay| match overlay {
        Overlay::Probe(probing) if probing.request == request => Some(probing.over()),
        Overlay::Probe(_)
        | Overlay::Plan(_)
        | Overlay::Event(..)
        | Overlay::Record(..)
        | Overlay::Help(_)
        | Overlay::Actions(_)
        | Overlay::Palette(_)
        | Overlay::Filter(..) => None,
    });
    match open {
        Some(false) => {}
        Some(true) => app.probing = None,
        None => {
            app.probing = None;
            effects.push(Effect::StopProbe);
            app.say(
                Level::Note,
                "the probe was cancelled; what had been answered is kept",
            );
        }
    }
}

/// The other route that was asked the same. Answers whether there is a probe.
pub(super) fn flip(app: &mut App) -> bool {
    let Some(Overlay::Probe(probing)) = app.overlays.last_mut() else {
        return false;
    };
    probing.flip();
    true
}
