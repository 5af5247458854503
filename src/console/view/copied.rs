//! What `copy` takes of a list.

use super::{audit, events, gateways, home, reviews, routes};
use crate::console::{
    app::{App, Screen},
    state::marks::Marks,
};

/// The marked rows of a list, else the selected one, a line each.
pub(super) fn rows(app: &App) -> Option<String> {
    fn of<K: Clone + Ord>(
        marks: &Marks<K>,
        keys: &[K],
        selected: Option<&K>,
        line: impl Fn(&K) -> Option<String>,
    ) -> Option<String> {
        let marked: String = marks.of(keys).filter_map(&line).collect();
        if marked.is_empty() {
            selected.and_then(line)
        } else {
            Some(marked)
        }
    }
    match app.screen {
        Screen::Home => of(
            &app.home.marks,
            app.home.names(),
            app.home.list.selected(),
            |name| home::copied(app, name),
        ),
        Screen::Routes => of(
            &app.routes.marks,
            &app.routes.keys,
            app.routes.list.selected(),
            |name| routes::copied(app, name),
        ),
        Screen::Events => of(
            &app.events.marks,
            &app.marked_events(),
            app.events.selected().as_ref(),
            |number| events::copied(app, *number),
        ),
        Screen::Reviews => {
            let table = &app.reviews.table;
            of(&table.marks, &table.keys, table.list.selected(), |name| {
                reviews::copied(app, name)
            })
        }
        Screen::Gateways => of(
            &app.gateways.marks,
            &app.gateways.keys,
            app.gateways.list.selected(),
            |name| gateways::copied(app, name),
        ),
        Screen::Audit => of(
            &app.audit.marks,
            &app.audit.keys,
            app.audit.list.selected(),
            |sequence| audit::copied(app, *sequence),
        ),
        Screen::Detail(_) | Screen::Compare(_) => None,
    }
}
