//! The list of actions for one thing: everything that can be done to it, and what cannot, with the reason.

use crate::console::{
    action::{Action, Entry, Group},
    app::{App, Menu, Overlay, Screen},
    state::{
        list::List,
        verbs::{self, Offer},
    },
    view,
};

/// Opens it for the selection: first what changes the world, then what else the keys of this screen do to it.
pub(super) fn open(app: &mut App) {
    let (target, mut offers) = verbs_of(app);
    offers.push(verbs::undo(&app.data, &app.setup.actor));
    let context = app.screen_context();
    let rest: Vec<Offer> = app
        .setup
        .keymap
        .entries(context)
        .map(|(entry, _)| entry)
        .filter(|entry| does_something(entry))
        .filter(|entry| offers.iter().all(|offer| offer.action != entry.action))
        .map(|entry| offer(app, entry))
        .collect();
    offers.extend(rest);
    let mut list = List::default();
    list.settle(&(0..offers.len()).collect::<Vec<_>>(), offers.len());
    app.overlays.push(Overlay::Actions(Menu {
        target,
        offers,
        list,
        filter: String::new(),
    }));
}

/// What the screen is about, and the verbs that open a plan for it.
fn verbs_of(app: &App) -> (String, Vec<Offer>) {
    match (&app.screen, app.workload()) {
        (Screen::Home | Screen::Detail(_) | Screen::Compare(_), Some(workload)) => (
            workload.to_string(),
            verbs::for_workload(&app.data, workload, app.now),
        ),
        (Screen::Events | Screen::Reviews, Some(workload)) => (workload.to_string(), Vec::new()),
        (Screen::Routes, _) => match app.routes.list.selected() {
            Some(route) => (
                route.to_string(),
                verbs::for_route(&app.data, route, app.now),
            ),
            None => ("this screen".to_owned(), Vec::new()),
        },
        (Screen::Gateways, _) => {
            let selected = app.gateways.list.selected();
            let target = selected.map_or_else(|| "this screen".to_owned(), ToString::to_string);
            (target, Vec::new())
        }
        (Screen::Audit, _) => match app.audit.list.selected() {
            Some(sequence) => (
                format!("#{sequence}"),
                vec![verbs::undo_record(&app.data, *sequence)],
            ),
            None => ("this screen".to_owned(), Vec::new()),
        },
        (
            Screen::Home
            | Screen::Detail(_)
            | Screen::Compare(_)
            | Screen::Events
            | Screen::Reviews,
            None,
        ) => ("this screen".to_owned(), Vec::new()),
    }
}

/// Whether an action does something to the selection or with it, rather than going about.
fn does_something(entry: &Entry) -> bool {
    let verb = match entry.group {
        Group::Change | Group::Judge => true,
        Group::Form | Group::Move | Group::View | Group::Session => false,
    };
    let with_it = matches!(
        entry.action,
        Action::Open | Action::Drill | Action::Mark | Action::Range | Action::Copy | Action::Save
    );
    (verb && entry.action != Action::Actions) || with_it
}

/// An action that needs no plan, in the words of this screen where there are some.
fn offer(app: &App, entry: &Entry) -> Offer {
    let does = match (entry.action, &app.screen) {
        (Action::Open, Screen::Home) => "open it",
        (Action::Open, Screen::Routes) => "the workloads that use it",
        (Action::Open, Screen::Events) => "the whole event",
        (Action::Open, Screen::Reviews) => "read its reviews again",
        (Action::Open, Screen::Audit) => "the whole record",
        (Action::Open, Screen::Gateways) => "the events of it",
        (Action::Open, Screen::Detail(_)) => "all events of it",
        (Action::Probe, Screen::Home | Screen::Detail(_)) => {
            "ask primary and fallback with its samples"
        }
        (Action::Probe, Screen::Routes) => "ask it with the samples of its workloads",
        (Action::Drill, _) => "imagine its route down; no traffic moves",
        (Action::Copy, _) => "copy the row, or those that are marked",
        (Action::Claim, _) if app.claim.is_some() && app.claim.as_ref() == app.workload() => {
            "take \"I'm on it\" back"
        }
        (_, _) => entry.help,
    };
    let does = app.setup.keymap.keyed(does).into_owned();
    match view::refusal(app, entry.action) {
        Some(why) => Offer {
            action: entry.action,
            does: does.into(),
            command: Err(why.into()),
        },
        None => verbs::plain(entry.action, does),
    }
}
