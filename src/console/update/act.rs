//! What each action means. The table of keys decides when one is asked for.

use super::{
    charting, comparing, drilling, go, menu, planning, probing, reviews, rival, series, sift, take,
    tour, typing,
};
use crate::{
    console::{
        action::Action,
        app::{App, Helping, Overlay, Screen},
        effect::Effect,
        layout::Room,
        state::{
            burst::Pace,
            comparing::{Said, case::Side},
            field::Field,
            list::Step,
            message::Level,
            palette::Palette,
            verbs,
        },
        view,
    },
    model::{RouteName, WorkloadName},
};

/// Does what was asked for.
#[expect(clippy::too_many_lines, reason = "one line for each action")]
pub(super) fn act(app: &mut App, action: Action, pace: Pace, effects: &mut Vec<Effect>) {
    match action {
        Action::Down => go::step(app, Step::Rows(1)),
        Action::Up => go::step(app, Step::Rows(-1)),
        Action::Top => go::step(app, Step::First),
        Action::Bottom => go::step(app, Step::Last),
        Action::HalfPageDown => go::step(app, Step::HalfPages(1)),
        Action::HalfPageUp => go::step(app, Step::HalfPages(-1)),
        Action::PageDown => go::step(app, Step::HalfPages(2)),
        Action::PageUp => go::step(app, Step::HalfPages(-2)),
        Action::NextPane => pane(app, true),
        Action::PreviousPane => pane(app, false),
        Action::PaneDown => go::scroll_pane(app, 1),
        Action::PaneUp => go::scroll_pane(app, -1),
        Action::Drill => drilling::begin(app, effects),
        Action::OutageClass => drilling::class(app, effects),
        Action::OutageScope => drilling::scope(app, effects),
        Action::Probe => probing::begin(app, effects),
        Action::Open => open(app, pace, effects),
        Action::Back => go::back(app, effects),
        Action::Quit => quit(app, effects),
        Action::Exit => exit(app, effects),
        Action::Charts => charting::turn(app),
        Action::Compare => comparing::begin(app, effects),
        Action::Rerun => comparing::rerun(app, effects),
        Action::MoreRuns => comparing::more(app, effects),
        Action::RunAll => comparing::all(app, effects),
        Action::Blind => comparing::turn(app, effects),
        Action::VerdictA => comparing::verdict(app, Said::Better(Side::A)),
        Action::VerdictB => comparing::verdict(app, Said::Better(Side::B)),
        Action::VerdictSame => comparing::verdict(app, Said::Same),
        Action::VerdictBad => comparing::verdict(app, Said::BothBad),
        Action::VerdictUnsafe => comparing::unsafe_side(app),
        Action::Note => comparing::note(app),
        Action::Reveal => comparing::reveal(app),
        Action::Verdicts => comparing::verdicts(app, effects),
        Action::SaveReview => comparing::save(app, effects),
        Action::Yes => comparing::yes(app, effects),
        Action::NextView => comparing::next_view(app),
        Action::OtherSide => comparing::other_side(app),
        Action::LockScroll => comparing::lock(app),
        Action::WordMarks => comparing::word_marks(app),
        Action::NextDifference => comparing::difference(app, true),
        Action::PreviousDifference => comparing::difference(app, false),
        Action::EditPayload => comparing::edit(app, effects),
        Action::OutsideEditor => comparing::outside(app, effects),
        Action::ResetPayload => comparing::reset(app),
        Action::UndoTyping => comparing::undo(app),
        Action::RedoTyping => comparing::redo(app),
        Action::Workloads => show(app, Screen::Home),
        Action::Routes => show(app, Screen::Routes),
        Action::Events => show(app, Screen::Events),
        Action::Reviews => show(app, Screen::Reviews),
        Action::Audit => show(app, Screen::Audit),
        Action::Gateways => show(app, Screen::Gateways),
        Action::LastView => {
            let before = app.before.clone();
            go::go(app, before);
        }
        Action::PreviousItem => neighbour(app, -1, effects),
        Action::NextItem => neighbour(app, 1, effects),
        Action::Filter => {
            let text = app.filtered().to_owned();
            app.overlays
                .push(Overlay::Filter(Field::with(120, &text), text));
        }
        Action::NextMatch => sift::next_match(app, true),
        Action::PreviousMatch => sift::next_match(app, false),
        Action::Palette => {
            let palette = Palette::new(app.data.catalog.as_deref(), &app.themes.names, &app.spoken);
            app.overlays.push(Overlay::Palette(palette));
        }
        Action::Help => {
            // The same key closes it.
            if let Some(Overlay::Help(_)) = app.overlays.last() {
                app.overlays.pop();
            } else {
                app.overlays.push(Overlay::Help(Helping::default()));
            }
        }
        Action::Messages => {
            app.messages.read_all();
            app.overlays.push(Overlay::Messages(0));
        }
        Action::Mark => sift::mark(app),
        Action::Range => sift::range(app),
        Action::Actions => menu::open(app),
        Action::Sort => sift::sort(app),
        Action::Reverse => sift::reverse(app),
        Action::Wide => {
            app.home.wide = !app.home.wide;
            let text = if app.home.wide == (app.room() != Room::Wide) {
                "more columns"
            } else {
                "fewer columns"
            };
            app.say(Level::Note, text);
        }
        Action::Pause => go::pause(app),
        Action::Follow => follow(app),
        Action::Wrap => app.wrap = !app.wrap,
        Action::TimeStyle => go::time_style(app),
        Action::Copy => take::copy(app, effects),
        Action::Save => take::save(app, effects),
        Action::Claim => claim(app),
        Action::Force | Action::Hold | Action::Auto | Action::Notice | Action::Drain
            if series::begin(app, action, effects) => {}
        Action::Force | Action::Hold | Action::Auto | Action::Notice => {
            match app.workload().cloned() {
                Some(workload) => workload_verb(app, action, &workload, effects),
                None => app.say(Level::Warning, "there is no workload to do that to"),
            }
        }
        Action::Drain => match app.routes.list.selected().cloned() {
            Some(route) => route_verb(app, action, &route, effects),
            None => app.say(Level::Warning, "there is no route to do that to"),
        },
        Action::Undo => {
            let offer = verbs::undo(&app.data, &app.setup.actor);
            planning::open(app, offer, "", effects);
        }
        Action::UndoRecord => undo_record(app, effects),
        Action::Apply => planning::enter(app, pace, effects),
        Action::Confirm => planning::confirm(app, pace, effects),
        Action::TakeOver => rival::take_over(app),
        Action::Shorter => planning::last(app, false, effects),
        Action::Longer => planning::last(app, true, effects),
        Action::Scope => planning::turn(app, effects),
        Action::Accept => typing::accept(app, effects),
        Action::Complete => typing::complete(app),
        Action::NextField => typing::turn(app, true),
        Action::PreviousField => typing::turn(app, false),
        Action::NextChoice => typing::choice(app, true),
        Action::PreviousChoice => typing::choice(app, false),
        Action::Mouse => {
            app.mouse = !app.mouse;
            let text = if app.mouse {
                "the mouse is on: it scrolls, selects and opens; hold shift to select text"
            } else {
                "the mouse is off"
            };
            app.say(Level::Note, text);
            effects.push(Effect::Mouse(app.mouse));
        }
        Action::Tour => tour::step(app),
        Action::Repaint => effects.push(Effect::Repaint),
        Action::Suspend => effects.push(Effect::Suspend),
        Action::Leave => {
            if comparing::may_quit(app) {
                effects.push(Effect::Farewell(view::farewell(app)));
                effects.push(Effect::Quit);
            }
        }
    }
}

/// A main screen, with nothing over it.
fn show(app: &mut App, screen: Screen) {
    app.overlays.clear();
    go::go(app, screen);
}

/// The main screens, round; in a probe, the other route.
fn pane(app: &mut App, forward: bool) {
    if probing::flip(app) {
        return;
    }
    let next =
        match (&app.screen, forward) {
            (Screen::Home | Screen::Detail(_) | Screen::Compare(_), true)
            | (Screen::Events, false) => Screen::Routes,
            (Screen::Routes, true) | (Screen::Reviews, false) => Screen::Events,
            (Screen::Events, true) | (Screen::Audit, false) => Screen::Reviews,
            (Screen::Reviews, true) | (Screen::Gateways, false) => Screen::Audit,
            (Screen::Audit, true)
            | (Screen::Home | Screen::Detail(_) | Screen::Compare(_), false) => Screen::Gateways,
            (Screen::Gateways, true) | (Screen::Routes, false) => Screen::Home,
        };
    go::go(app, next);
}

/// The item before or after; of past reviews, the newer or the older one; of what is read, the row above or below.
fn neighbour(app: &mut App, rows: isize, effects: &mut Vec<Effect>) {
    match app.overlays.last() {
        Some(Overlay::Past(_)) => reviews::other(app, rows, effects),
        Some(Overlay::Event(..) | Overlay::Record(..)) => turn_over(app, rows),
        Some(Overlay::Messages(_)) => go::other_message(app, rows),
        Some(_) | None => go::neighbour(app, rows),
    }
}

/// The event or the record in the row above or below the one that is read; the cursor goes with it.
fn turn_over(app: &mut App, rows: isize) {
    let Some(before) = app.overlays.pop() else {
        return;
    };
    go::step(app, Step::Rows(rows));
    let next = match (&before, app.events.selected(), app.audit.list.selected()) {
        (Overlay::Event(..), Some(number), _) => Overlay::Event(number, 0),
        (Overlay::Record(..), _, Some(sequence)) => Overlay::Record(*sequence, 0),
        _ => before,
    };
    app.overlays.push(next);
}

/// From a record to the one that undid it, and from there back.
fn linked(app: &mut App, sequence: u64) {
    match app.data.linked(sequence) {
        Some(other) => {
            app.audit.touched = true;
            app.audit.list.select(other);
            app.overlays.pop();
            app.overlays.push(Overlay::Record(other, 0));
        }
        None => app.say(
            Level::Note,
            "nothing undid it, and it undoes nothing; <key:undo-record> opens a plan that would",
        ),
    }
}

/// A plan that undoes what the record under the cursor, or on screen, tells of.
fn undo_record(app: &mut App, effects: &mut Vec<Effect>) {
    let sequence = match app.overlays.last() {
        Some(Overlay::Record(sequence, _)) => Some(*sequence),
        Some(_) | None => app.audit.list.selected().copied(),
    };
    let Some(sequence) = sequence else {
        app.say(Level::Warning, "there is no record to undo");
        return;
    };
    let offer = verbs::undo_record(&app.data, sequence);
    planning::open(app, offer, &format!("#{sequence}"), effects);
}

/// Enter in a list.
fn open(app: &mut App, pace: Pace, effects: &mut Vec<Effect>) {
    if let Some(Overlay::Probe(_)) = app.overlays.last() {
        return probing::confirm(app, pace, effects);
    }
    if let Some(Overlay::Record(sequence, _)) = app.overlays.last() {
        return linked(app, *sequence);
    }
    if let Some(Overlay::Actions(menu)) = app.overlays.last() {
        let chosen = menu.list.selected().and_then(|row| menu.offers.get(*row));
        if let Some(offer) = chosen.cloned() {
            let target = menu.target.clone();
            let refused = offer.command.is_err();
            let plain = matches!(offer.command, Ok(None));
            let action = offer.action;
            if !refused {
                app.overlays.pop();
            }
            if plain {
                act(app, action, pace, effects);
            } else {
                planning::open(app, offer, &target, effects);
            }
        }
        return;
    }
    match &app.screen {
        Screen::Home => {
            if let Some(workload) = app.home.list.selected().cloned() {
                go::open(app, workload);
            }
        }
        Screen::Routes => {
            if let Some(route) = app.routes.list.selected().cloned() {
                go::go(app, Screen::Home);
                sift::rows(app, &format!("route:{route}"));
            }
        }
        Screen::Events => {
            if let Some(number) = app.events.selected() {
                app.events.select(number);
                app.overlays.push(Overlay::Event(number, 0));
            }
        }
        Screen::Reviews => reviews::read(app, effects),
        Screen::Gateways => {
            if let Some(gateway) = app.gateways.list.selected().cloned() {
                go::go(app, Screen::Events);
                sift::rows(app, &format!("gateway:{gateway}"));
            }
        }
        Screen::Audit => {
            if let Some(sequence) = app.audit.list.selected().copied() {
                app.overlays.push(Overlay::Record(sequence, 0));
            }
        }
        Screen::Compare(_) => {}
        Screen::Detail(workload) => {
            let filter = format!("workload:{workload}");
            go::go(app, Screen::Events);
            sift::rows(app, &filter);
        }
    }
}

/// The end; verdicts that would be lost are mentioned first.
fn exit(app: &mut App, effects: &mut Vec<Effect>) {
    if comparing::may_quit(app) {
        effects.push(Effect::Quit);
    }
}

/// `q`: back, and at the top the end.
fn quit(app: &mut App, effects: &mut Vec<Effect>) {
    if app.overlays.pop().is_some() {
        return;
    }
    match app.screen {
        Screen::Home => exit(app, effects),
        Screen::Compare(_) => comparing::leave(app, effects),
        Screen::Routes
        | Screen::Events
        | Screen::Reviews
        | Screen::Audit
        | Screen::Gateways
        | Screen::Detail(_) => {
            if !charting::back(app) {
                go::leave(app);
            }
        }
    }
}

/// Follow the newest event; on the home screen, the worst workload.
fn follow(app: &mut App) {
    match app.screen {
        Screen::Events => {
            let follow = !app.events.follows();
            let end = app.events_end();
            app.events.set_follow(follow, &app.data.log, end);
        }
        Screen::Home => {
            app.home.touched = !app.home.touched;
            let text = if app.home.touched {
                "the cursor stays on this workload"
            } else {
                "the cursor follows the worst workload until it is moved"
            };
            app.say(Level::Note, text);
        }
        Screen::Routes
        | Screen::Reviews
        | Screen::Audit
        | Screen::Gateways
        | Screen::Detail(_)
        | Screen::Compare(_) => {
            app.say(Level::Note, "there is nothing to follow here");
        }
    }
}

/// "I'm on it", or not any more.
fn claim(app: &mut App) {
    if app.marked().0 > 1 {
        app.say(Level::Note, "you are on one workload at a time: this one");
    }
    if let Some(workload) = app.workload().cloned() {
        claim_of(app, workload);
    }
}

fn claim_of(app: &mut App, workload: WorkloadName) {
    if app.claim.as_ref() == Some(&workload) {
        app.claim = None;
        app.say(Level::Note, &format!("you are not on {workload} any more"));
    } else {
        let text = format!("you are on {workload}; the others see it");
        app.claim = Some(workload);
        app.say(Level::Note, &text);
    }
}

pub(super) fn workload_verb(
    app: &mut App,
    action: Action,
    workload: &WorkloadName,
    effects: &mut Vec<Effect>,
) {
    if action == Action::Claim {
        return claim_of(app, workload.clone());
    }
    let offer = verbs::for_workload(&app.data, workload, app.now)
        .into_iter()
        .find(|offer| offer.action == action);
    match offer {
        Some(offer) => planning::open(app, offer, workload.as_str(), effects),
        None => app.say(Level::Warning, "nothing is known of this workload yet"),
    }
}

pub(super) fn route_verb(
    app: &mut App,
    action: Action,
    route: &RouteName,
    effects: &mut Vec<Effect>,
) {
    let offer = verbs::for_route(&app.data, route, app.now)
        .into_iter()
        .find(|offer| offer.action == action);
    match offer {
        Some(offer) => planning::open(app, offer, route.as_str(), effects),
        None => app.say(Level::Warning, "nothing is known of this route yet"),
    }
}
