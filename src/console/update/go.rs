//! Going about: screens, cursors, filters and orders.

use ratatui::layout::Rect;

use super::{comparing, probing};
use crate::{
    console::{
        app::{App, Overlay, Paused, Screen},
        effect::Effect,
        state::{
            comparing::over::Over,
            filter::{Fields, Filter},
            home::Row,
            list::Step,
            message::Level,
            plan::Stage,
            table::ROUTE_ORDERS,
        },
        view,
    },
    control::{Due, RouteStatus},
    model::{AuditRecord, StoredEvent, WorkloadName},
};

/// Goes to a screen, remembering the one before.
pub(super) fn go(app: &mut App, screen: Screen) {
    if app.screen != screen {
        app.before = std::mem::replace(&mut app.screen, screen);
        app.detail_scroll = 0;
        arrange(app);
    }
}

/// Back: closes what lies on top; then reads a message; then lifts a filter; then leaves the screen.
pub(super) fn back(app: &mut App, effects: &mut Vec<Effect>) {
    match app.overlays.pop() {
        Some(Overlay::Comparing(Over::Payload(payload))) => comparing::left(app, &payload),
        Some(Overlay::Plan(form)) => match form.stage {
            Stage::Applying(_) => app.say(
                Level::Warning,
                "left the plan while it is being applied: what came of it is said here",
            ),
            Stage::Planning(_) | Stage::Ready(_) => {
                app.say(Level::Note, "left the plan; nothing was changed");
            }
        },
        Some(Overlay::Filter(_, before)) => filter(app, &before),
        Some(
            Overlay::Event(..)
            | Overlay::Record(..)
            | Overlay::Help(_)
            | Overlay::Actions(_)
            | Overlay::Drill(_)
            | Overlay::Probe(_)
            | Overlay::Comparing(_)
            | Overlay::Past(_)
            | Overlay::Palette(_),
        ) => {}
        None if app.messages.is_error() => {
            app.messages.read();
        }
        None if !filtered(app).is_empty() => filter(app, ""),
        None if matches!(app.screen, Screen::Compare(_)) => comparing::leave(app, effects),
        None => leave(app),
    }
}

/// Leaves the screen; answers nothing at home.
pub(super) fn leave(app: &mut App) {
    match app.screen {
        Screen::Home => {
            app.messages.read();
        }
        Screen::Compare(_) => {
            let back = app.before.clone();
            go(app, back);
        }
        Screen::Detail(_) => {
            let back = match &app.before {
                Screen::Detail(_) | Screen::Compare(_) => Screen::Home,
                Screen::Home
                | Screen::Routes
                | Screen::Events
                | Screen::Reviews
                | Screen::Audit => app.before.clone(),
            };
            go(app, back);
        }
        Screen::Routes | Screen::Events | Screen::Reviews | Screen::Audit => go(app, Screen::Home),
    }
}

/// Moves cursor or text.
pub(super) fn step(app: &mut App, step: Step) {
    let end = app.events_end();
    let height = usize::from(view::areas(app).body.height).max(1);
    match app.overlays.last_mut() {
        Some(Overlay::Plan(form)) => form.scroll = scrolled(form.scroll, step, height),
        Some(Overlay::Event(_, scroll) | Overlay::Record(_, scroll) | Overlay::Help(scroll)) => {
            *scroll = scrolled(*scroll, step, height);
        }
        Some(Overlay::Actions(menu)) => {
            let rows: Vec<usize> = (0..menu.offers.len()).collect();
            menu.list.step(step, &rows);
        }
        Some(Overlay::Drill(drilling)) => {
            drilling.scroll = scrolled(drilling.scroll, step, height);
        }
        Some(Overlay::Past(past)) => past.scroll = scrolled(past.scroll, step, height),
        Some(Overlay::Probe(_)) => probing::step(app, step),
        Some(Overlay::Comparing(_)) => comparing::step_over(app, step, height),
        Some(Overlay::Palette(_)) => {}
        Some(Overlay::Filter(..)) | None => match &app.screen {
            Screen::Home => app.home.step(step),
            Screen::Routes => app.routes.step(step),
            Screen::Events => app.events.step(step, &app.data.log, end),
            Screen::Reviews => app.reviews.table.step(step),
            Screen::Audit => app.audit.step(step),
            Screen::Detail(_) => app.detail_scroll = scrolled(app.detail_scroll, step, height),
            Screen::Compare(_) => comparing::step(app, step),
        },
    }
}

/// Scrolls what is told of the selected route beside the list, as far as there is more of it.
pub(super) fn scroll_pane(app: &mut App, lines: isize) {
    let Some(route) = app.routes.list.selected().cloned() else {
        return;
    };
    let most = view::pane_most(app);
    let next = view::pane_scroll(app).saturating_add_signed(lines);
    if lines > 0 && next > most {
        app.say(Level::Note, "there is no more of it");
    }
    app.pane_scroll = Some((route, next.min(most)));
}

/// A text's first visible line after a move; clamped by [`clamp`].
pub(super) fn scrolled(scroll: usize, step: Step, height: usize) -> usize {
    match step {
        Step::Rows(rows) => scroll.saturating_add_signed(rows),
        Step::HalfPages(halves) => {
            let half = isize::try_from((height / 2).max(1)).unwrap_or(1);
            scroll.saturating_add_signed(half.saturating_mul(halves))
        }
        Step::First => 0,
        Step::Last => usize::MAX,
    }
}

/// Keeps every scrolled text inside what there is of it, and notes when a plan was seen as far as anything
/// in it speaks against it.
pub(super) fn clamp(app: &mut App, area: Rect) {
    let seen = view::measure(app, area);
    let Some(extent) = seen else { return };
    let most = extent.lines.saturating_sub(extent.height);
    match app.overlays.last_mut() {
        Some(Overlay::Plan(form)) => {
            form.scroll = form.scroll.min(most);
            let seen = form.scroll + extent.height >= extent.vital;
            if form.ready().is_some() && extent.height > 0 && seen {
                form.read = true;
            }
        }
        Some(Overlay::Event(_, scroll) | Overlay::Record(_, scroll) | Overlay::Help(scroll)) => {
            *scroll = (*scroll).min(most);
        }
        Some(Overlay::Drill(drilling)) => drilling.scroll = drilling.scroll.min(most),
        Some(Overlay::Past(past)) => past.scroll = past.scroll.min(most),
        Some(Overlay::Comparing(Over::Verdicts(scroll))) => *scroll = (*scroll).min(most),
        Some(
            Overlay::Actions(_)
            | Overlay::Probe(_)
            | Overlay::Comparing(_)
            | Overlay::Palette(_)
            | Overlay::Filter(..),
        ) => {}
        None => app.detail_scroll = app.detail_scroll.min(most),
    }
}

/// Orders and filters every list again.
pub(super) fn arrange(app: &mut App) {
    let frozen = app.form().is_some() || app.paused.is_some();
    let overview = match &app.paused {
        Some(paused) => paused.overview.as_deref(),
        None => app.data.overview.as_ref(),
    };
    if let Some(overview) = overview {
        app.home.arrange(overview, &app.data, frozen);
        app.routes.arrange(&overview.routes);
        if app.screen == Screen::Reviews
            && let Some(catalog) = &app.data.catalog
        {
            app.reviews.arrange(catalog, overview, &app.data.reviewed);
        }
        app.route_facts
            .look(&overview.routes, &app.data.log, app.now);
    }
}

/// What is filtered on this screen.
pub(super) fn filtered(app: &App) -> &str {
    match app.screen {
        Screen::Home => app.home.filter.text(),
        Screen::Routes => app.routes.filter.text(),
        Screen::Events => app.events.filter().text(),
        Screen::Reviews => app.reviews.table.filter.text(),
        Screen::Audit => app.audit.filter.text(),
        Screen::Detail(_) | Screen::Compare(_) => "",
    }
}

/// What this screen can be filtered by.
pub(super) fn fields(app: &App) -> &'static [&'static str] {
    match app.screen {
        Screen::Home => Row::NAMES,
        Screen::Routes => RouteStatus::NAMES,
        Screen::Events => StoredEvent::NAMES,
        Screen::Reviews => Due::NAMES,
        Screen::Audit => AuditRecord::NAMES,
        Screen::Detail(_) | Screen::Compare(_) => &[],
    }
}

/// Filters this screen.
pub(super) fn filter(app: &mut App, text: &str) {
    match app.screen {
        Screen::Home => {
            app.home.filter = Filter::parse::<Row<'_>>(text);
            // What is filtered for is what the cursor should be on.
            app.home.touched = !text.is_empty() || app.home.touched;
        }
        Screen::Routes => app.routes.filter = Filter::parse::<RouteStatus>(text),
        Screen::Events => {
            let filter = Filter::parse::<StoredEvent>(text);
            app.events.set_filter(filter, &app.data.log);
        }
        Screen::Reviews => app.reviews.table.filter = Filter::parse::<Due>(text),
        Screen::Audit => {
            app.audit.filter = Filter::parse::<AuditRecord>(text);
            app.audit.arrange(app.data.audit.iter());
        }
        Screen::Detail(_) | Screen::Compare(_) => {}
    }
    arrange(app);
}

/// Completes the last word of a filter to a field's name.
pub(super) fn complete_filter(app: &mut App) {
    let names = fields(app);
    if let Some(Overlay::Filter(field, _)) = app.overlays.last_mut() {
        let text = field.text().to_owned();
        let word = text.rsplit([' ', '!']).next().unwrap_or_default();
        let name = names
            .iter()
            .find(|name| !word.is_empty() && name.starts_with(word));
        if let Some(rest) = name.and_then(|name| name.strip_prefix(word)) {
            for character in rest.chars().chain([':']) {
                field.insert(character);
            }
        }
    }
}

/// To the next match of the filter, round the end.
pub(super) fn next_match(app: &mut App, forward: bool) {
    if filtered(app).is_empty() {
        app.say(Level::Note, "there is no filter; <key:filter> sets one");
        return;
    }
    let (row, count) = cursor(app);
    let last = count.saturating_sub(1);
    step(
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
        Screen::Events => {
            let rows = app.events.rows(&app.data.log, end);
            (
                app.events.selected().map(|number| rows.row(number)),
                rows.len(),
            )
        }
        Screen::Detail(_) | Screen::Compare(_) => (None, 0),
    }
}

/// Another order.
pub(super) fn sort(app: &mut App) {
    match app.screen {
        Screen::Home => {
            app.home.sort = app.home.sort.next();
            app.home.touched = true;
            app.say(
                Level::Note,
                &format!("sorted by {}", app.home.sort.as_str()),
            );
        }
        Screen::Routes => {
            app.routes.sort = (app.routes.sort + 1) % ROUTE_ORDERS.len();
            let order = ROUTE_ORDERS
                .get(app.routes.sort)
                .copied()
                .unwrap_or_default();
            app.say(Level::Note, &format!("sorted by {order}"));
        }
        Screen::Events
        | Screen::Reviews
        | Screen::Audit
        | Screen::Detail(_)
        | Screen::Compare(_) => {
            app.say(Level::Note, "the order of this list is always the same");
        }
    }
    arrange(app);
}

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
        Screen::Events | Screen::Detail(_) | Screen::Compare(_) => {
            app.say(
                Level::Note,
                "events always come with the newest at the bottom",
            );
        }
    }
    arrange(app);
}

/// Stops the view, not the data; or goes on.
pub(super) fn pause(app: &mut App) {
    app.paused = match app.paused.take() {
        Some(_) => None,
        None => Some(Paused {
            overview: app.data.overview.clone().map(Box::new),
            end: app.data.log.end(),
        }),
    };
    arrange(app);
}

/// The workload before or after this one, in the order of the home screen.
pub(super) fn neighbour(app: &mut App, rows: isize) {
    if matches!(app.screen, Screen::Compare(_)) {
        return comparing::neighbour(app, rows);
    }
    let Screen::Detail(name) = &app.screen else {
        return;
    };
    let names = app.home.names();
    let Some(row) = names.iter().position(|known| known == name) else {
        return;
    };
    if let Some(next) = row
        .checked_add_signed(rows)
        .and_then(|row| names.get(row))
        .cloned()
    {
        open(app, next);
    }
}

/// Shows a workload.
pub(super) fn open(app: &mut App, workload: WorkloadName) {
    app.home.touched = true;
    app.home.list.select(workload.clone());
    app.detail_scroll = 0;
    match app.screen {
        Screen::Detail(_) => app.screen = Screen::Detail(workload),
        Screen::Home
        | Screen::Routes
        | Screen::Events
        | Screen::Reviews
        | Screen::Audit
        | Screen::Compare(_) => {
            go(app, Screen::Detail(workload));
        }
    }
}

/// Asks for the past of the routes that can be seen and of which it is not known.
pub(super) fn look_back(app: &mut App, effects: &mut Vec<Effect>) {
    if app.screen != Screen::Routes {
        return;
    }
    let height = usize::from(view::areas(app).body.height);
    let seen = app.routes.keys.iter().skip(app.routes.list.offset());
    let unknown = app.route_facts.unknown(seen.take(height));
    if !unknown.is_empty() {
        effects.push(Effect::History(unknown));
    }
}
