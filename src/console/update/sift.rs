//! Which rows of a list, in which order, and which of them are marked.

use super::go;
use crate::{
    console::{
        app::{App, Overlay, Screen, Sifted},
        state::{
            filter::Filter,
            gateways::GATEWAY_ORDERS,
            home::Row,
            list::Step,
            message::Level,
            reviews::REVIEW_ORDERS,
            table::{AUDIT_ORDERS, ROUTE_ORDERS},
        },
    },
    control::{Due, GatewayStatus, RouteStatus},
    model::{AuditRecord, StoredEvent},
};

/// Filters the list on top.
pub(super) fn filter(app: &mut App, text: &str) {
    match app.sifted() {
        Sifted::Help | Sifted::Menu => {
            for overlay in app.overlays.iter_mut().rev() {
                if let Overlay::Help(helping) = overlay {
                    text.clone_into(&mut helping.filter);
                    helping.scroll = 0;
                    return;
                }
                if let Overlay::Actions(menu) = overlay {
                    text.clone_into(&mut menu.filter);
                    let rows = menu.rows();
                    menu.list.settle(&rows, rows.len());
                    return;
                }
            }
        }
        Sifted::Rows => rows(app, text),
    }
}

/// Filters the rows of this screen.
pub(super) fn rows(app: &mut App, text: &str) {
    match app.screen {
        Screen::Home => {
            app.home.filter = Filter::parse::<Row<'_>>(text, app.now);
            // What is filtered for is what the cursor should be on.
            app.home.touched = !text.is_empty() || app.home.touched;
        }
        Screen::Routes => app.routes.filter = Filter::parse::<RouteStatus>(text, app.now),
        Screen::Events => {
            let filter = Filter::parse::<StoredEvent>(text, app.now);
            app.events.set_filter(filter, &app.data.log);
        }
        Screen::Reviews => app.reviews.table.filter = Filter::parse::<Due>(text, app.now),
        Screen::Audit => {
            app.audit.filter = Filter::parse::<AuditRecord>(text, app.now);
            app.audit.arrange(app.data.audit.iter());
        }
        Screen::Gateways => app.gateways.filter = Filter::parse::<GatewayStatus>(text, app.now),
        Screen::Detail(_) | Screen::Compare(_) => {}
    }
    go::arrange(app);
}

/// Completes the last word of a filter: to a field's name, or behind it to what the field can be.
pub(super) fn complete(app: &mut App) {
    let names = app.filter_fields();
    let Some(Overlay::Filter(field, _)) = app.overlays.last() else {
        return;
    };
    let text = field.text().to_owned();
    let word = text.rsplit([' ', '!']).next().unwrap_or_default();
    let rest = match word.split_once(':') {
        _ if word.is_empty() => None,
        Some((name, value)) => {
            let known = names.iter().find(|known| known.starts_with(name));
            let words = known.map_or_else(Vec::new, |known| app.filter_words(known));
            let value = value.to_ascii_lowercase();
            words
                .into_iter()
                .find_map(|word| word.strip_prefix(value.as_str()))
                .map(|rest| format!("{rest} "))
        }
        None => names
            .iter()
            .find_map(|name| name.strip_prefix(word))
            .map(|rest| format!("{rest}:")),
    };
    if let (Some(rest), Some(Overlay::Filter(field, _))) = (rest, app.overlays.last_mut()) {
        for character in rest.chars() {
            field.insert(character);
        }
        let text = field.text().to_owned();
        filter(app, &text);
    }
}

/// To the next match of the filter, round the end.
pub(super) fn next_match(app: &mut App, forward: bool) {
    if app.filtered().is_empty() {
        app.say(Level::Note, "there is no filter; <key:filter> sets one");
        return;
    }
    let (row, count) = cursor(app);
    let last = count.saturating_sub(1);
    go::step(
        app,
        match (row, forward) {
            (Some(row), true) if row == last => Step::First,
            (Some(0), false) => Step::Last,
            (_, true) => Step::Rows(1),
            (_, false) => Step::Rows(-1),
        },
    );
}

/// The selected row of the screen's list, and how many it has.
pub(super) fn cursor(app: &App) -> (Option<usize>, usize) {
    let end = app.events_end();
    match &app.screen {
        Screen::Home => (
            app.home.list.position(app.home.names()),
            app.home.names().len(),
        ),
        Screen::Routes => (
            app.routes.list.position(&app.routes.keys),
            app.routes.keys.len(),
        ),
        Screen::Reviews => (
            app.reviews.table.list.position(&app.reviews.table.keys),
            app.reviews.table.keys.len(),
        ),
        Screen::Audit => (
            app.audit.list.position(&app.audit.keys),
            app.audit.keys.len(),
        ),
        Screen::Gateways => (
            app.gateways.list.position(&app.gateways.keys),
            app.gateways.keys.len(),
        ),
        Screen::Events => {
            let rows = app.events.rows(&app.data.log, end);
            let row = app.events.selected().map(|number| rows.row(number));
            (row, rows.len())
        }
        Screen::Detail(_) | Screen::Compare(_) => (None, 0),
    }
}

/// Another order.
pub(super) fn sort(app: &mut App) {
    let order = match app.screen {
        Screen::Home => {
            app.home.sort = app.home.sort.next();
            app.home.touched = true;
            Some(app.home.sort.as_str())
        }
        Screen::Routes => {
            app.routes.next_order(ROUTE_ORDERS.len());
            ROUTE_ORDERS.get(app.routes.sort).copied()
        }
        Screen::Reviews => {
            app.reviews.table.next_order(REVIEW_ORDERS.len());
            REVIEW_ORDERS.get(app.reviews.table.sort).copied()
        }
        Screen::Audit => {
            app.audit.next_order(AUDIT_ORDERS.len());
            app.audit.arrange(app.data.audit.iter());
            AUDIT_ORDERS.get(app.audit.sort).copied()
        }
        Screen::Gateways => {
            app.gateways.next_order(GATEWAY_ORDERS.len());
            GATEWAY_ORDERS.get(app.gateways.sort).copied()
        }
        Screen::Events | Screen::Detail(_) | Screen::Compare(_) => None,
    };
    match order {
        Some(order) => app.say(Level::Note, &format!("sorted by {order}")),
        None => app.say(Level::Note, TIMELY),
    }
    go::arrange(app);
}

/// Why events have no other order.
const TIMELY: &str = "events stand in the order of time, the newest below; <key:filter> picks some";

/// The order turned round.
pub(super) fn reverse(app: &mut App) {
    match app.screen {
        Screen::Home => {
            app.home.reversed = !app.home.reversed;
            app.home.touched = true;
        }
        Screen::Routes => app.routes.reversed = !app.routes.reversed,
        Screen::Reviews => app.reviews.table.reversed = !app.reviews.table.reversed,
        Screen::Audit => {
            app.audit.reversed = !app.audit.reversed;
            app.audit.arrange(app.data.audit.iter());
        }
        Screen::Gateways => app.gateways.reversed = !app.gateways.reversed,
        Screen::Events | Screen::Detail(_) | Screen::Compare(_) => app.say(Level::Note, TIMELY),
    }
    go::arrange(app);
}

/// Marks the row under the cursor and goes on, or takes its mark away.
pub(super) fn mark(app: &mut App) {
    let ranging = app.is_ranging();
    let done = match app.screen {
        Screen::Home => {
            let row = app.home.list.selected().cloned();
            row.map(|row| app.home.marks.toggle(&row))
        }
        Screen::Routes => {
            let row = app.routes.list.selected().cloned();
            row.map(|row| app.routes.marks.toggle(&row))
        }
        Screen::Events => app.events.selected().map(|row| {
            // What was marked is not run away from.
            app.events.select(row);
            app.events.marks.toggle(&row);
        }),
        Screen::Reviews => {
            let row = app.reviews.table.list.selected().cloned();
            row.map(|row| app.reviews.table.marks.toggle(&row))
        }
        Screen::Audit => {
            let row = app.audit.list.selected().copied();
            row.map(|row| app.audit.marks.toggle(&row))
        }
        Screen::Gateways => {
            let row = app.gateways.list.selected().cloned();
            row.map(|row| app.gateways.marks.toggle(&row))
        }
        Screen::Detail(_) | Screen::Compare(_) => None,
    };
    if done.is_none() {
        app.say(Level::Note, "there is no row to mark");
    } else if !ranging {
        let at_the_end = matches!(cursor(app), (Some(row), count) if row + 1 == count);
        if !at_the_end {
            go::step(app, Step::Rows(1));
        }
    }
}

/// Begins to mark a range at the cursor, or ends it there.
pub(super) fn range(app: &mut App) {
    match app.screen {
        Screen::Home => {
            app.home.touched = true;
            if let Some(row) = app.home.list.selected().cloned() {
                app.home.marks.range(&row);
            }
        }
        Screen::Routes => {
            if let Some(row) = app.routes.list.selected().cloned() {
                app.routes.marks.range(&row);
            }
        }
        Screen::Events => {
            if let Some(row) = app.events.selected() {
                app.events.select(row);
                app.events.marks.range(&row);
            }
        }
        Screen::Reviews => {
            let table = &mut app.reviews.table;
            if let Some(row) = table.list.selected().cloned() {
                table.marks.range(&row);
            }
        }
        Screen::Audit => {
            if let Some(row) = app.audit.list.selected().copied() {
                app.audit.marks.range(&row);
            }
        }
        Screen::Gateways => {
            if let Some(row) = app.gateways.list.selected().cloned() {
                app.gateways.marks.range(&row);
            }
        }
        Screen::Detail(_) | Screen::Compare(_) => {}
    }
}

/// Takes every mark of the screen away. Answers whether there was any.
pub(super) fn clear_marks(app: &mut App) -> bool {
    match app.screen {
        Screen::Home => app.home.marks.clear(),
        Screen::Routes => app.routes.marks.clear(),
        Screen::Events => app.events.marks.clear(),
        Screen::Reviews => app.reviews.table.marks.clear(),
        Screen::Audit => app.audit.marks.clear(),
        Screen::Gateways => app.gateways.marks.clear(),
        Screen::Detail(_) | Screen::Compare(_) => false,
    }
}
