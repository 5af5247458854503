//! Going about: screens, cursors, and what scrolls.

use ratatui::layout::Rect;

use super::{charting, comparing, probing, series, sift, tour};
use crate::{
    console::{
        app::{App, Overlay, Paused, Screen, Times},
        effect::Effect,
        state::{
            chart::Page,
            comparing::over::Over,
            list::Step,
            message::Level,
            plan::{Form, Stage},
            series::Became,
        },
        view,
    },
    model::{Plan, WorkloadName},
};

/// Goes to a screen, remembering the one before.
pub(super) fn go(app: &mut App, screen: Screen) {
    if app.screen != screen {
        app.before = std::mem::replace(&mut app.screen, screen);
        app.detail_scroll = 0;
        app.charts.page = Page::Facts;
        arrange(app);
    }
}

/// Back: closes what lies on top; then reads a message; then takes marks away; then lifts a filter; then leaves.
pub(super) fn back(app: &mut App, effects: &mut Vec<Effect>) {
    match app.overlays.pop() {
        Some(Overlay::Comparing(Over::Payload(payload))) => comparing::left(app, &payload),
        Some(Overlay::Plan(form)) => left(app, &form, effects),
        Some(Overlay::Filter(_, before)) => sift::filter(app, &before),
        Some(_) => {}
        None if app.messages.is_error() => {
            app.messages.read();
        }
        None if sift::clear_marks(app) => {}
        None if !app.filtered().is_empty() => sift::filter(app, ""),
        None if matches!(app.screen, Screen::Compare(_)) => comparing::leave(app, effects),
        None if charting::back(app) => {}
        None => leave(app),
    }
}

/// A plan was left. In a series a plan that is refused only gives way to the next one.
fn left(app: &mut App, form: &Form, effects: &mut Vec<Effect>) {
    let refusal = form.ready().and_then(Plan::refusal);
    match (&form.stage, refusal) {
        (Stage::Ready(_), Some(refusal)) if app.series.is_some() => {
            series::note(app, Became::Refused(refusal.why.clone()));
            series::next(app, effects);
        }
        (Stage::Applying(_), _) => {
            series::note(
                app,
                Became::Refused("left while it was being applied".to_owned()),
            );
            app.say(
                Level::Warning,
                "left the plan while it is being applied: what came of it is said here",
            );
        }
        (Stage::Planning(_) | Stage::Ready(_), _) => {
            app.say(Level::Note, "left the plan; nothing was changed");
        }
    }
}

/// Leaves the screen; answers nothing at home.
pub(super) fn leave(app: &mut App) {
    match app.screen {
        Screen::Home => {
            if !tour::end(app) {
                app.messages.read();
            }
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
                | Screen::Audit
                | Screen::Gateways => app.before.clone(),
            };
            go(app, back);
        }
        Screen::Routes | Screen::Events | Screen::Reviews | Screen::Audit | Screen::Gateways => {
            go(app, Screen::Home);
        }
    }
}

/// Moves cursor or text.
pub(super) fn step(app: &mut App, step: Step) {
    let end = app.events_end();
    let seen =
        view::measure(app, crate::console::layout::area(app.size)).map(|extent| extent.height);
    // A page is what is seen: a longer one would pass over lines, in a plan those that speak against it.
    let height = seen
        .unwrap_or_else(|| usize::from(view::areas(app).body.height))
        .max(1);
    match app.overlays.last_mut() {
        Some(Overlay::Actions(menu)) => {
            let rows = menu.rows();
            menu.list.step(step, &rows);
        }
        Some(Overlay::Probe(_)) => probing::step(app, step),
        Some(Overlay::Comparing(_)) => comparing::step_over(app, step, height),
        Some(Overlay::Filter(..)) | None => match &app.screen {
            Screen::Home => app.home.step(step),
            Screen::Routes => app.routes.step(step),
            Screen::Events => app.events.step(step, &app.data.log, end),
            Screen::Reviews => app.reviews.table.step(step),
            Screen::Audit => app.audit.step(step),
            Screen::Gateways => app.gateways.step(step),
            Screen::Detail(_) => app.detail_scroll = scrolled(app.detail_scroll, step, height),
            Screen::Compare(_) => comparing::step(app, step),
        },
        Some(text) => {
            if let Some(scroll) = text.scroll_mut() {
                *scroll = scrolled(*scroll, step, height);
            }
        }
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
        Some(text) => {
            if let Some(scroll) = text.scroll_mut() {
                *scroll = (*scroll).min(most);
            }
        }
        None => app.detail_scroll = app.detail_scroll.min(most),
    }
}

/// Orders and filters every list again.
pub(super) fn arrange(app: &mut App) {
    let frozen = holds_still(app);
    let overview = match &app.paused {
        Some(paused) => paused.overview.as_deref(),
        None => app.data.overview.as_ref(),
    };
    if let Some(overview) = overview {
        app.home.arrange(overview, &app.data, frozen);
        app.routes.arrange(&overview.routes);
        app.gateways.arrange(&overview.gateways);
        if app.screen == Screen::Reviews
            && let Some(catalog) = &app.data.catalog
        {
            app.reviews.arrange(catalog, overview, &app.data.reviewed);
        }
        app.route_facts.look(&overview.routes);
    }
}

/// Counts what the routes screen tells of events, while it is shown.
pub(super) fn recount(app: &mut App) {
    if app.screen == Screen::Routes {
        app.route_facts.recount(&app.data.log, app.now);
    }
}

/// Whether rows stay where they are.
pub(super) fn holds_still(app: &App) -> bool {
    app.form().is_some() || app.paused.is_some()
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

/// To the message before or behind the one that stands at the top.
pub(super) fn other_message(app: &mut App, rows: isize) {
    let starts = view::message_starts(app);
    let Some(Overlay::Messages(scroll)) = app.overlays.last_mut() else {
        return;
    };
    let at = *scroll;
    let next = if rows < 0 {
        starts.into_iter().rfind(|start| *start < at)
    } else {
        starts.into_iter().find(|start| *start > at)
    };
    // Its end is found where scroll positions are brought in line with the room there is.
    *scroll = next.unwrap_or(at);
}

/// The next way to write times.
pub(super) fn time_style(app: &mut App) {
    app.times = match (app.times, &app.zone) {
        (Times::Utc, _) => Times::Ago,
        (Times::Ago, Some(_)) => Times::Local,
        (Times::Ago, None) | (Times::Local, _) => Times::Utc,
    };
    if app.times == Times::Local {
        app.say(
            Level::Note,
            "times are those of this host's zone, as the clock above says; what has a Z is UTC still",
        );
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
        | Screen::Gateways
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
