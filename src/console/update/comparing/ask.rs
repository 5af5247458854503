//! What is asked of both routes, and what is said before that.

use std::sync::Arc;

use super::{App, Effect, Level, Mode, Then, ask};
use crate::{
    console::{
        effect::Asking,
        state::{
            comparing::case::Case,
            probing::{Question, With},
        },
        update::probing::over_budget,
    },
    model::SampleId,
};

/// How often `5 runs` asks.
const RUNS: usize = 5;

/// Asks with the sample that is shown.
pub(in crate::console::update) fn rerun(app: &mut App, effects: &mut Vec<Effect>) {
    this(app, 1, effects);
}

/// Asks with it some more times.
pub(in crate::console::update) fn more(app: &mut App, effects: &mut Vec<Effect>) {
    let blind = app
        .comparing()
        .is_some_and(|comparing| comparing.mode == Mode::Blind);
    if blind {
        app.say(
            Level::Note,
            "in a blind review each sample is asked once; m opens it",
        );
        return;
    }
    this(app, RUNS, effects);
}

fn this(app: &mut App, runs: usize, effects: &mut Vec<Effect>) {
    let Some(comparing) = app.comparing() else {
        return;
    };
    let Some(case) = comparing.case() else {
        return;
    };
    if case.running() {
        app.say(Level::Note, "it is being asked; <key:back> stops that");
        return;
    }
    let judged = case.judgement.is_some() && comparing.unsaved();
    let asking = Asking {
        workload: comparing.workload.clone(),
        samples: vec![sent(case)],
        runs,
    };
    if judged {
        return ask(
            app,
            "this sample is judged: asked again, its verdict is dropped".to_owned(),
            Then::Ask(asking),
        );
    }
    first(app, asking, effects);
}

/// Asks with every sample of which not both answers are there.
pub(in crate::console::update) fn all(app: &mut App, effects: &mut Vec<Effect>) {
    let Some(comparing) = app.comparing() else {
        return;
    };
    let unasked: Vec<&SampleId> = comparing.unasked().collect();
    let samples: Vec<_> = comparing
        .cases
        .iter()
        .filter(|case| unasked.contains(&&case.sample.id))
        .map(sent)
        .collect();
    if samples.is_empty() {
        app.say(
            Level::Note,
            "every sample has been asked; r asks the one that is shown again",
        );
        return;
    }
    let asking = Asking {
        workload: comparing.workload.clone(),
        samples,
        runs: 1,
    };
    first(app, asking, effects);
}

/// What is sent for a sample.
fn sent(case: &Case) -> (SampleId, Option<Arc<str>>) {
    let body = case.edited.as_deref().map(Arc::from);
    (case.sample.id.clone(), body)
}

/// Asks, unless that would go over a budget: then it is said what it costs, and yes sends it all the same.
pub(super) fn first(app: &mut App, asking: Asking, effects: &mut Vec<Effect>) {
    let basis = app.comparing().map(|comparing| {
        [
            comparing.basis.primary.route.clone(),
            comparing.basis.fallback.route.clone(),
        ]
    });
    let questions: Vec<Question> = basis
        .into_iter()
        .flatten()
        .flat_map(|route| {
            let question = |(sample, _): &(SampleId, _)| Question {
                route: route.clone(),
                with: With::Sample(asking.workload.clone(), sample.clone()),
            };
            let once: Vec<Question> = asking.samples.iter().map(question).collect();
            std::iter::repeat_n(once, asking.runs).flatten()
        })
        .collect();
    match over_budget(app, &questions) {
        Some(text) => ask(
            app,
            format!("{text}. Send them all the same?"),
            Then::Send(asking),
        ),
        None => send(app, asking, effects),
    }
}

/// Sends it.
pub(super) fn send(app: &mut App, asking: Asking, effects: &mut Vec<Effect>) {
    app.requests += 1;
    let request = app.requests;
    let Some(comparing) = app.comparing_mut() else {
        return;
    };
    for case in &mut comparing.cases {
        if asking.samples.iter().any(|(id, _)| *id == case.sample.id) {
            case.expect(request, asking.runs.max(1));
        }
    }
    comparing.look.anew();
    effects.push(Effect::Compare { request, asking });
}
