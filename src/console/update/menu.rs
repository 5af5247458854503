//! The list of actions for one thing: everything that can be done to it, and what cannot, with the reason.

use crate::console::{
    action::Action,
    app::{App, Menu, Overlay, Screen},
    state::{
        list::List,
        verbs::{self, Offer},
    },
};

/// The list of everything that can be done to the selection, and of what cannot.
pub(super) fn open(app: &mut App) {
    let undo = verbs::undo(&app.data, &app.setup.actor);
    let (target, mut offers): (String, Vec<Offer>) = match (&app.screen, app.workload()) {
        (Screen::Home | Screen::Detail(_) | Screen::Compare(_), Some(workload)) => (
            workload.to_string(),
            verbs::for_workload(&app.data, workload, app.now),
        ),
        (Screen::Routes, _) => {
            let Some(route) = app.routes.list.selected() else {
                return;
            };
            (
                route.to_string(),
                verbs::for_route(&app.data, route, app.now),
            )
        }
        (
            Screen::Home
            | Screen::Detail(_)
            | Screen::Compare(_)
            | Screen::Events
            | Screen::Reviews
            | Screen::Audit,
            _,
        ) => ("this row".to_owned(), Vec::new()),
    };
    offers.push(undo);
    let probes = match app.screen {
        Screen::Home | Screen::Detail(_) => Some("ask primary and fallback with its samples"),
        Screen::Routes => Some("ask it with the samples of its workloads"),
        Screen::Events | Screen::Reviews | Screen::Audit | Screen::Compare(_) => None,
    };
    if let Some(does) = probes {
        offers.push(verbs::plain(Action::Probe, does));
    }
    if let Screen::Home | Screen::Detail(_) | Screen::Routes | Screen::Reviews = app.screen {
        let does = "both routes beside each other, on its samples";
        offers.push(verbs::plain(Action::Compare, does));
    }
    let claimable = match app.screen {
        Screen::Home | Screen::Detail(_) => true,
        Screen::Routes | Screen::Events | Screen::Reviews | Screen::Audit | Screen::Compare(_) => {
            false
        }
    };
    if claimable {
        let does = if app.claim.is_some() && app.claim.as_ref() == app.workload() {
            "take \"I'm on it\" back"
        } else {
            "say \"I'm on it\" to the others"
        };
        offers.push(verbs::plain(Action::Claim, does));
    }
    let opens = match app.screen {
        Screen::Home => "open it",
        Screen::Routes => "the workloads that use it",
        Screen::Events => "the whole event",
        Screen::Reviews => "read its reviews again",
        Screen::Audit => "the whole record",
        Screen::Detail(_) => "all events of it",
        Screen::Compare(_) => "",
    };
    if matches!(
        app.screen,
        Screen::Home | Screen::Detail(_) | Screen::Routes
    ) {
        offers.push(verbs::plain(
            Action::Drill,
            "imagine its route down; no traffic moves",
        ));
    }
    if !opens.is_empty() {
        offers.push(verbs::plain(Action::Open, opens));
    }
    offers.push(verbs::plain(Action::Copy, "copy the row"));
    let mut list = List::default();
    list.settle(&(0..offers.len()).collect::<Vec<_>>(), offers.len());
    app.overlays.push(Overlay::Actions(Menu {
        target,
        offers,
        list,
        filter: String::new(),
    }));
}
