//! Live probes: begun, told about, flipped through, and dropped when nobody looks any more.

use crate::{
    console::{
        app::{App, Overlay, Screen},
        effect::Effect,
        msg::Told,
        state::{
            burst::Pace,
            list::Step,
            message::Level,
            probing::{Probing, Question, Subject, With, questions},
        },
        view,
    },
    model::{Cost, ProbeKey, ProbeSubject, WorkloadName, visible},
};

/// Probes what is selected; in a probe, the same again.
pub(super) fn begin(app: &mut App, effects: &mut Vec<Effect>) {
    let subject = match (app.overlays.last(), &app.screen) {
        (Some(Overlay::Probe(probing)), _) => Some(probing.subject.clone()),
        (None, Screen::Home | Screen::Routes | Screen::Reviews) if app.marked().0 > 0 => {
            Some(marked(app))
        }
        (_, Screen::Routes) => app.routes.list.selected().cloned().map(Subject::Route),
        (
            _,
            Screen::Home
            | Screen::Detail(_)
            | Screen::Compare(_)
            | Screen::Events
            | Screen::Reviews
            | Screen::Audit
            | Screen::Gateways,
        ) => app.workload().cloned().map(Subject::Workload),
    };
    match subject {
        Some(subject) => probe(app, subject, effects),
        None => app.say(
            Level::Warning,
            "there is nothing selected that can be probed",
        ),
    }
}

/// Probes what is called that: a workload, or a route.
pub(super) fn named(app: &mut App, name: &str, effects: &mut Vec<Effect>) {
    let workload = (app.data.catalog.as_ref())
        .is_some_and(|catalog| catalog.workloads.contains_key(&WorkloadName::from(name)));
    let subject = if workload {
        Subject::Workload(name.into())
    } else {
        Subject::Route(name.into())
    };
    probe(app, subject, effects);
}

/// The marked rows.
fn marked(app: &App) -> Subject {
    let mut all: Vec<Subject> = app
        .marked_workloads()
        .into_iter()
        .map(Subject::Workload)
        .collect();
    if app.screen == Screen::Routes {
        let routes = app.routes.marks.of(&app.routes.keys).cloned();
        all.extend(routes.map(Subject::Route));
    }
    Subject::Several(format!("{} marked", all.len()), all)
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
    let mut next = Probing::new(request, subject, &questions, left_out);
    next.first = over_budget(app, &questions);
    let at_once = next.first.is_none();
    app.overlays
        .retain(|overlay| !matches!(overlay, Overlay::Probe(_)));
    app.overlays.push(Overlay::Probe(Box::new(next)));
    app.home.touched = true;
    if at_once {
        app.probing = Some(request);
        effects.push(Effect::Probe { request, questions });
    }
}

/// What it would cost, when the budgets of all routes or of one of these do not allow it any more.
pub(super) fn over_budget(app: &App, questions: &[Question]) -> Option<String> {
    let overview = app.data.overview.as_ref()?;
    let cost = |question: &Question| {
        let With::Sample(_, sample) = &question.with else {
            return None;
        };
        let record = app.data.probed.record(&ProbeKey {
            route: question.route.clone(),
            subject: ProbeSubject::Sample(sample.clone()),
        });
        record?.cost()
    };
    let known: Vec<&Cost> = questions.iter().filter_map(cost).collect();
    let money: f64 = known.iter().map(|cost| cost.amount).sum();
    let spendings = questions.iter().filter_map(|question| {
        let status = overview.route(&question.route)?;
        Some((question.route.as_str(), &status.spending))
    });
    let (of, spending) = std::iter::once(("all routes", &overview.spending))
        .chain(spendings)
        .find(|(_, spending)| {
            let requests = spending.requests + questions.len() as u64;
            let over = |limit: f64| spending.cost + money > limit;
            spending
                .requests_per_hour
                .is_some_and(|limit| requests > u64::from(limit))
                || spending.cost_per_day.is_some_and(over)
        })?;
    let price = match known.first() {
        None => "what they cost is not known".to_owned(),
        Some(first) => format!(
            "about {} {money:.4} as they cost last time",
            visible(&first.currency, 8)
        ),
    };
    Some(format!(
        "{} requests, {price}: over the budget of {of} ({spending})",
        questions.len(),
    ))
}

/// Enter in a probe that waits for a yes: it is sent.
pub(super) fn confirm(app: &mut App, pace: Pace, effects: &mut Vec<Effect>) {
    let Some(Overlay::Probe(probing)) = app.overlays.last_mut() else {
        return;
    };
    if probing.first.is_none() || pace != Pace::Typed {
        return;
    }
    probing.first = None;
    let request = probing.request;
    let answers = probing.answers.iter();
    let questions = answers.map(|answer| answer.question.clone()).collect();
    app.probing = Some(request);
    effects.push(Effect::Probe { request, questions });
}

/// A question brought something.
pub(super) fn told(app: &mut App, request: u64, question: usize, told: Told) {
    let now = app.now;
    let open = app.overlays.iter_mut().find_map(|overlay| match overlay {
        Overlay::Probe(probing) if probing.request == request => Some(probing),
        Overlay::Probe(_)
        | Overlay::Comparing(_)
        | Overlay::Plan(_)
        | Overlay::Event(..)
        | Overlay::Record(..)
        | Overlay::Past(_)
        | Overlay::Help(_)
        | Overlay::Messages(_)
        | Overlay::Drill(_)
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
        | Overlay::Comparing(_)
        | Overlay::Plan(_)
        | Overlay::Event(..)
        | Overlay::Record(..)
        | Overlay::Past(_)
        | Overlay::Help(_)
        | Overlay::Messages(_)
        | Overlay::Drill(_)
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
