//! Comparisons: begun, asked, told about, walked through, left and found again.

mod ask;
mod judge;
mod payload;
mod settle;
mod walk;

use crate::{
    console::{
        app::{App, Overlay, Screen},
        effect::Effect,
        state::{
            comparing::{
                Comparing, Mode,
                live::Told,
                over::{Over, Question, Then},
                weighed::Weighed,
            },
            message::Level,
        },
    },
    model::{SampleId, WorkloadName},
    probe::Seat,
};

pub(super) use ask::{all, more, rerun};
pub(super) use judge::{
    note, noted, recorded, reveal, save, scored, unsafe_side, verdict, verdicts,
};
pub(super) use payload::{edit, left, outside, read, redo, reset, typed, undo};
pub(super) use settle::settle;
pub(super) use walk::{
    difference, lock, neighbour, next_view, other_side, step, step_over, word_marks,
};

/// Compares the routes of what is selected.
pub(super) fn begin(app: &mut App, effects: &mut Vec<Effect>) {
    if app.screen == Screen::Reviews
        && let Some(workload) = app.workload().cloned()
    {
        return review(app, workload, effects);
    }
    let workload = match &app.screen {
        Screen::Routes => app.routes.list.selected().and_then(|route| {
            let catalog = app.data.catalog.as_ref()?;
            let users = || catalog.users_of(route);
            let first = users().find(|user| user.fallback.is_some());
            Some(first.or_else(|| users().next())?.name.clone())
        }),
        Screen::Home
        | Screen::Events
        | Screen::Reviews
        | Screen::Audit
        | Screen::Gateways
        | Screen::Detail(_)
        | Screen::Compare(_) => app.workload().cloned(),
    };
    match workload {
        Some(workload) => open(app, workload, effects),
        None => app.say(
            Level::Warning,
            "no workload uses this: there is nothing to compare",
        ),
    }
}

/// Shows the comparison of a workload: the one of this session, or a new one that asks with the first sample.
pub(super) fn open(app: &mut App, workload: WorkloadName, effects: &mut Vec<Effect>) {
    let now = app.now;
    let kept = app.comparisons.get(&workload);
    let outdated = kept.is_some_and(|kept| kept.outdated(app.data.catalog.as_deref()));
    match kept {
        Some(kept) if !kept.stale(now) && (!outdated || kept.unsaved()) => {
            let tally = kept.tally();
            if kept.unsaved() {
                let text = format!(
                    "your review goes on: {} of {} judged",
                    tally.judged,
                    kept.cases.len()
                );
                app.say(Level::Note, &text);
            }
            show(app, workload);
        }
        Some(_) | None => {
            if start(app, &workload, Mode::Open, effects) {
                show(app, workload);
                rerun(app, effects);
            }
        }
    }
}

/// A blind review of a workload: the one of this session that is half done, or a new one that asks with every
/// sample.
pub(super) fn review(app: &mut App, workload: WorkloadName, effects: &mut Vec<Effect>) {
    let kept = app.comparisons.get(&workload);
    let goes_on = kept.is_some_and(|kept| {
        (kept.mode == Mode::Blind || kept.unsaved()) && !kept.outdated(app.data.catalog.as_deref())
    });
    if goes_on {
        open(app, workload, effects);
    } else if start(app, &workload, Mode::Blind, effects) {
        show(app, workload);
        all(app, effects);
    }
}

/// From open to blind or back; asks first when that costs something.
pub(super) fn turn(app: &mut App, effects: &mut Vec<Effect>) {
    let Some(comparing) = app.comparing() else {
        return;
    };
    match (comparing.mode, comparing.unsaved()) {
        (Mode::Open, false) => blind(app, effects),
        (Mode::Open, true) => ask(
            app,
            "a blind review begins anew: the verdicts and notes so far are dropped".to_owned(),
            Then::Blind,
        ),
        (Mode::Blind, true) => ask(
            app,
            "with the names shown it is an open review, and is recorded as one".to_owned(),
            Then::Open,
        ),
        (Mode::Blind, false) => open_eyes(app),
    }
}

fn blind(app: &mut App, effects: &mut Vec<Effect>) {
    let Screen::Compare(workload) = app.screen.clone() else {
        return;
    };
    stop(app, effects);
    if start(app, &workload, Mode::Blind, effects) {
        app.say(
            Level::Note,
            "blind: sides are shuffled; names, times and costs are hidden until you open the result",
        );
        all(app, effects);
    }
}

fn open_eyes(app: &mut App) {
    if let Some(comparing) = app.comparing_mut() {
        comparing.open();
    }
    app.say(Level::Note, "open: names, times and costs are shown");
}

/// A new comparison, of which nothing is asked. Answers whether there can be one.
fn start(app: &mut App, workload: &WorkloadName, mode: Mode, effects: &mut Vec<Effect>) -> bool {
    let Some(catalog) = app.data.catalog.clone() else {
        app.say(Level::Warning, "the configuration is not read yet");
        return false;
    };
    app.requests += 1;
    // Every comparison has its own.
    let seed = app.setup.seed.wrapping_add(app.requests);
    if let Some(new) = Comparing::new(&catalog, workload, mode, seed, app.now) {
        app.comparisons.insert(workload.clone(), new);
        effects.push(Effect::ReadAsked(workload.clone()));
        return true;
    }
    let why = match catalog.workloads.get(workload) {
        Some(known) if known.fallback.is_none() => "it has no fallback by policy",
        Some(_) => "it has no samples; `backstop samples add --help` says how to get some",
        None => "it is not configured any more",
    };
    let text = format!("{workload} cannot be compared: {why}");
    app.say(Level::Warning, &text);
    false
}

fn show(app: &mut App, workload: WorkloadName) {
    app.home.touched = true;
    app.home.list.select(workload.clone());
    app.overlays.clear();
    match app.screen {
        Screen::Compare(_) => app.screen = Screen::Compare(workload),
        Screen::Home
        | Screen::Routes
        | Screen::Events
        | Screen::Reviews
        | Screen::Audit
        | Screen::Gateways
        | Screen::Detail(_) => {
            super::go::go(app, Screen::Compare(workload));
        }
    }
}

/// Puts a question over the comparison.
fn ask(app: &mut App, text: String, then: Then) {
    let question = Question { text, then };
    app.overlays
        .push(Overlay::Comparing(Over::Question(question)));
}

/// The operator said yes.
pub(super) fn yes(app: &mut App, effects: &mut Vec<Effect>) {
    let Some(Overlay::Comparing(Over::Question(question))) = app.overlays.last() else {
        return;
    };
    let then = question.then.clone();
    app.overlays.pop();
    match then {
        Then::Quit => effects.push(Effect::Quit),
        Then::Leave => super::go::leave(app),
        Then::Ask(asking) => ask::first(app, asking, effects),
        Then::Send(asking) => ask::send(app, asking, effects),
        Then::Blind => blind(app, effects),
        Then::Open => open_eyes(app),
    }
}

/// Esc and `q`: first what runs is stopped, then the screen is left; verdicts that are not saved are mentioned.
pub(super) fn leave(app: &mut App, effects: &mut Vec<Effect>) {
    let Some(comparing) = app.comparing() else {
        return super::go::leave(app);
    };
    if !comparing.running().is_empty() {
        stop(app, effects);
        app.say(Level::Note, "stopped; what had come stays. r asks again");
        return;
    }
    if comparing.unsaved() {
        let text = format!(
            "{} of {} judged and not saved. Leave? They are kept until this console ends; c brings you back",
            comparing.tally().judged,
            comparing.cases.len(),
        );
        return ask(app, text, Then::Leave);
    }
    super::go::leave(app);
}

/// Quitting the program with verdicts that are not saved: asked once. Answers whether it may quit.
pub(super) fn may_quit(app: &mut App) -> bool {
    let lost: Vec<String> = app
        .comparisons
        .values()
        .filter(|comparing| comparing.unsaved())
        .map(|comparing| comparing.workload.to_string())
        .collect();
    let asked = app.overlays.iter().any(|overlay| {
        matches!(overlay, Overlay::Comparing(Over::Question(question)) if question.then == Then::Quit)
    });
    if lost.is_empty() || asked {
        return true;
    }
    let text = format!(
        "verdicts on {} are not saved and would be lost. Quit?",
        lost.join(", ")
    );
    ask(app, text, Then::Quit);
    false
}

/// Drops everything that is asked for the comparison on screen.
fn stop(app: &mut App, effects: &mut Vec<Effect>) {
    if let Some(comparing) = app.comparing_mut() {
        let running = comparing.running();
        effects.extend(running.into_iter().map(Effect::StopCompare));
        comparing.stop();
    }
}

/// Something came.
pub(super) fn told(app: &mut App, request: u64, seat: &Seat, told: Told) {
    let now = app.now;
    let asking = app
        .comparisons
        .values_mut()
        .find(|comparing| comparing.asked(request));
    let taken = asking.is_some_and(|comparing| comparing.take(request, seat, told, now));
    app.dirty |= taken && app.comparing().is_some();
}

/// What the samples ask was read.
pub(super) fn asked(app: &mut App, workload: &WorkloadName, asked: Vec<(SampleId, String)>) {
    let Some(comparing) = app.comparisons.get_mut(workload) else {
        return;
    };
    for (sample, text) in asked {
        let case = comparing
            .cases
            .iter_mut()
            .find(|case| case.sample.id == sample);
        if let Some(case) = case {
            case.asked = Some(text);
            app.dirty = true;
        }
    }
}

/// Two answers were put beside each other.
pub(super) fn weighed(app: &mut App, weighed: Weighed) {
    if let Some(comparing) = app.comparisons.get_mut(&weighed.of.workload) {
        app.dirty |= comparing.take_weighed(weighed);
    }
}
