//! Drawing: the state in, a frame out. It changes nothing, by type, and reads no clock.
//!
//! Called by the loop when something visible has changed. Only rows that can be seen are put into words.

mod answer;
mod audit;
mod cells;
mod chart;
mod columns;
mod comparing;
mod copied;
mod detail;
mod drill;
mod events;
mod farewell;
mod footer;
mod gateways;
mod happened;
mod help;
mod home;
mod menu;
mod message;
mod messages;
mod palette;
mod past;
mod payload;
mod pen;
mod plan;
mod plan_form;
mod pointed;
mod policy;
mod probing;
mod readiness;
mod refused;
mod reviewed;
mod reviews;
mod route;
mod routes;
mod sample;
mod status;
mod strip;
mod summary;
mod tabs;
mod title;
mod tour;
mod words;

use ratatui::{Frame, buffer::Buffer, layout::Rect};

use super::{
    action::Action,
    app::{App, Overlay, Screen},
    glyph::{ASCII, Glyphs},
    layout::{self, Areas, Room},
    state::comparing::{over::Over, sheet},
    theme::{Role, Theme},
};
use crate::model::{Actor, AuditRecord, Presence};
pub use chart::charted;
use pen::{Line, Pen};
pub use pointed::{Pointed, pointed};
pub use sample::sample;

/// Draws the whole screen.
pub fn view(app: &App, theme: &Theme, glyphs: &Glyphs, frame: &mut Frame<'_>) {
    draw(app, theme, glyphs, frame.buffer_mut());
}

/// The same into a buffer, whose area is the screen.
pub fn draw(app: &App, theme: &Theme, glyphs: &Glyphs, buffer: &mut Buffer) {
    let area = buffer.area;
    let mut pen = Pen::new(buffer, theme, glyphs).spared(app.link.is_slow());
    pen.style(area, Role::Text);
    if plan::draw(app, &mut pen, area) {
        return;
    }
    if Room::of(area.width, area.height) == Room::Summary {
        summary::draw(app, &mut pen, area);
        return;
    }
    let areas = areas_in(app, area);
    status::draw(app, &mut pen, &areas);
    match below_filter(app) {
        Some(Overlay::Event(number, scroll)) => {
            events::popup(app, &mut pen, &areas, *number, *scroll);
        }
        Some(Overlay::Record(sequence, scroll)) => {
            audit::popup(app, &mut pen, &areas, *sequence, *scroll);
        }
        Some(Overlay::Past(past)) => past::popup(app, &mut pen, &areas, past),
        Some(Overlay::Help(helping)) => help::draw(app, &mut pen, &areas, helping),
        Some(Overlay::Messages(scroll)) => messages::draw(app, &mut pen, &areas, *scroll),
        Some(Overlay::Drill(drilling)) => drill::popup(app, &mut pen, &areas, drilling),
        Some(Overlay::Probe(probing)) => probing::draw(app, &mut pen, &areas, probing),
        Some(Overlay::Comparing(Over::Payload(payload))) => {
            payload::draw(&mut pen, &areas, payload);
        }
        Some(Overlay::Comparing(Over::Verdicts(scroll))) => {
            comparing::verdicts(app, &mut pen, &areas, *scroll);
        }
        Some(
            Overlay::Plan(_)
            | Overlay::Actions(_)
            | Overlay::Palette(_)
            | Overlay::Filter(..)
            | Overlay::Comparing(_),
        )
        | None => screen(app, &mut pen, &areas),
    }
    tour::draw(app, &mut pen, areas.tour);
    message::draw(app, &mut pen, &areas);
    footer::draw(app, &mut pen, &areas);
    match app.overlays.last() {
        Some(Overlay::Filter(field, _)) => {
            if let Some(Overlay::Actions(menu)) = below_filter(app) {
                menu::actions(app, &mut pen, &menu::above_filter(&areas), menu);
            }
            menu::filter(app, &mut pen, &areas, field);
        }
        Some(Overlay::Actions(menu)) => menu::actions(app, &mut pen, &areas, menu),
        Some(Overlay::Palette(palette)) => palette::draw(app, &mut pen, &areas, palette),
        Some(Overlay::Plan(form)) => plan::panel(app, &mut pen, area, form),
        Some(Overlay::Comparing(over)) => comparing::over(app, &mut pen, &areas, over),
        Some(
            Overlay::Event(..)
            | Overlay::Record(..)
            | Overlay::Help(_)
            | Overlay::Messages(_)
            | Overlay::Past(_)
            | Overlay::Drill(_)
            | Overlay::Probe(_),
        )
        | None => {}
    }
}

/// What is on top, but for a filter that is typed for it.
fn below_filter(app: &App) -> Option<&Overlay> {
    let mut below = app.overlays.iter().rev();
    below.find(|overlay| !matches!(overlay, Overlay::Filter(..)))
}

fn screen(app: &App, pen: &mut Pen<'_>, areas: &Areas) {
    match &app.screen {
        Screen::Home => home::draw(app, pen, areas),
        Screen::Routes => routes::draw(app, pen, areas),
        Screen::Events => events::draw(app, pen, areas),
        Screen::Reviews => reviews::draw(app, pen, areas),
        Screen::Audit => audit::draw(app, pen, areas),
        Screen::Gateways => gateways::draw(app, pen, areas),
        Screen::Detail(workload) => detail::draw(app, pen, areas, workload),
        Screen::Compare(_) => comparing::draw(app, pen, areas),
    }
}

/// Where things are on the screen now.
#[must_use]
pub fn areas(app: &App) -> Areas {
    areas_in(app, layout::area(app.size))
}

fn areas_in(app: &App, area: Rect) -> Areas {
    without_tour(app, area).reserve(tour::rows(app, area))
}

fn without_tour(app: &App, area: Rect) -> Areas {
    let message = message::rows(app, area.width);
    match (&app.screen, below_filter(app)) {
        (
            _,
            Some(
                Overlay::Event(..)
                | Overlay::Record(..)
                | Overlay::Help(_)
                | Overlay::Messages(_)
                | Overlay::Past(_)
                | Overlay::Drill(_)
                | Overlay::Probe(_)
                | Overlay::Comparing(_),
            ),
        )
        | (Screen::Reviews | Screen::Audit | Screen::Detail(_) | Screen::Compare(_), _) => {
            layout::screen(area, message)
        }
        (Screen::Events, _) => layout::events(area, message, app.charts.kinds()),
        (Screen::Routes, _) => layout::routes(area, message, app.routes.keys.len()),
        (Screen::Gateways, _) => layout::routes(area, message, app.gateways.keys.len()),
        (Screen::Home, _) => layout::home(area, message, app.home.rows().len()),
    }
}

/// How long a text that scrolls is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Extent {
    /// Its lines.
    pub lines: usize,
    /// So many of them, the first ones, must be seen before anything rests on it.
    pub vital: usize,
    /// So many can be seen at a time.
    pub height: usize,
}

impl Extent {
    fn of(lines: usize, height: u16) -> Self {
        Self {
            lines,
            vital: lines,
            height: usize::from(height),
        }
    }
}

/// How long the text on top is; `None`: there is no such text, or no room for it.
#[must_use]
pub fn measure(app: &App, area: Rect) -> Option<Extent> {
    if let Some(form) = app.form() {
        return plan::measure(app, form, area);
    }
    let body = areas_in(app, area).body;
    let lines = match (app.overlays.last(), &app.screen) {
        (Some(Overlay::Event(number, _)), _) => events::whole(app, *number, body.width).len(),
        (Some(Overlay::Record(sequence, _)), _) => audit::whole(app, *sequence, body.width).len(),
        (Some(Overlay::Help(helping)), _) => help::lines(app, helping, body.width).len(),
        (Some(Overlay::Messages(_)), _) => messages::lines(app, body.width).len(),
        (Some(Overlay::Past(past)), _) => past::lines(app, past, body.width).len(),
        (Some(Overlay::Drill(drilling)), _) => drill::lines(app, drilling, body.width).len(),
        (Some(Overlay::Comparing(Over::Verdicts(_))), _) => {
            comparing::verdict_lines(app, body.width).len()
        }
        (None, Screen::Detail(workload)) => detail::height(app, workload, body, &ASCII),
        (
            Some(
                Overlay::Plan(_)
                | Overlay::Actions(_)
                | Overlay::Probe(_)
                | Overlay::Comparing(_)
                | Overlay::Palette(_)
                | Overlay::Filter(..),
            ),
            _,
        )
        | (
            None,
            Screen::Home
            | Screen::Routes
            | Screen::Events
            | Screen::Reviews
            | Screen::Audit
            | Screen::Gateways
            | Screen::Compare(_),
        ) => return None,
    };
    Some(Extent::of(lines, body.height))
}

/// By how many lines what stands beside the routes is scrolled: every route begins at its own top.
#[must_use]
pub fn pane_scroll(app: &App) -> usize {
    let selected = app.routes.list.selected();
    let of_it = app.pane_scroll.as_ref();
    of_it
        .filter(|(route, _)| selected == Some(route))
        .map_or(0, |(_, lines)| *lines)
}

/// By how many lines it can be scrolled at most.
#[must_use]
pub fn pane_most(app: &App) -> usize {
    route::most(app, areas(app).pane)
}

/// In which lines of the messages each of them begins.
#[must_use]
pub fn message_starts(app: &App) -> Vec<usize> {
    messages::starts(app, areas(app).body.width)
}

/// The page of the answer under the cursor that is shown, and how many it has; `None`: no probe is on top.
#[must_use]
pub fn probe_pages(app: &App) -> Option<(usize, usize)> {
    match app.overlays.last() {
        Some(Overlay::Probe(probing)) => Some(probing::pages(app, probing)),
        Some(
            Overlay::Plan(_)
            | Overlay::Event(..)
            | Overlay::Record(..)
            | Overlay::Past(_)
            | Overlay::Help(_)
            | Overlay::Messages(_)
            | Overlay::Drill(_)
            | Overlay::Comparing(_)
            | Overlay::Actions(_)
            | Overlay::Palette(_)
            | Overlay::Filter(..),
        )
        | None => None,
    }
}

/// The columns that there are for answers of the comparison on screen; `None`: there is none.
#[must_use]
pub fn compare_columns(app: &App) -> Option<sheet::Room> {
    let comparing = app.comparing()?;
    Some(comparing::columns(app, comparing, &areas(app)))
}

/// What can be seen of the answers of the comparison on screen; `None`: there is none.
#[must_use]
pub fn compare_room(app: &App) -> Option<comparing::Room> {
    let comparing = app.comparing()?;
    Some(comparing::room(app, comparing, &areas(app)))
}

/// The lines and columns of a payload that can be seen.
#[must_use]
pub fn payload_room(app: &App) -> (usize, usize) {
    payload::room(&areas(app))
}

/// The screen as text, without colours.
#[must_use]
pub fn plain(app: &App) -> String {
    let mut buffer = Buffer::empty(layout::area(app.size));
    draw(app, &Theme::default(), &ASCII, &mut buffer);
    text_of(&buffer)
}

/// The rows of a buffer as text, without the blanks at their ends.
#[must_use]
pub fn text_of(buffer: &Buffer) -> String {
    let mut text = String::new();
    for y in buffer.area.top()..buffer.area.bottom() {
        let mut line = String::new();
        let mut covered = 0;
        for x in buffer.area.left()..buffer.area.right() {
            let symbol = buffer[(x, y)].symbol();
            if covered == 0 {
                line.push_str(symbol);
            }
            covered = unicode_width::UnicodeWidthStr::width(symbol)
                .max(covered)
                .saturating_sub(1);
        }
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text
}

/// Why an action is refused now; `None`: it is not.
#[must_use]
pub fn refusal(app: &App, action: Action) -> Option<String> {
    refused::reason(app, action)
}

/// An operator; of one on another host, also where.
#[must_use]
pub fn operator(app: &App, actor: &Actor) -> String {
    words::operator(app, actor)
}

/// Who goes first with a plan for the target of the one that is open here.
#[must_use]
pub fn rival(app: &App, rival: &Presence) -> String {
    words::rival(app, rival)
}

/// What a record of the audit tells that was done, and why, in one line.
#[must_use]
pub fn done(record: &AuditRecord) -> String {
    format!("{} ({})", audit::what(record), audit::why(record))
}

/// What is left in the terminal's history.
#[must_use]
pub fn farewell(app: &App) -> String {
    farewell::text(app)
}

/// What `copy` takes: the text that is open, or the selected row.
#[must_use]
pub fn copied(app: &App) -> Option<String> {
    let width = app.size.0.max(80);
    let lines = |lines: Vec<Line>| {
        let text: Vec<String> = lines
            .iter()
            .map(|line| line.text().trim_end().to_owned())
            .collect();
        Some(text.join("\n").trim().to_owned() + "\n")
    };
    match (app.overlays.last(), &app.screen) {
        (Some(Overlay::Event(number, _)), _) => lines(events::whole(app, *number, width)),
        (Some(Overlay::Record(sequence, _)), _) => lines(audit::whole(app, *sequence, width)),
        (Some(Overlay::Help(helping)), _) => lines(help::lines(app, helping, width)),
        (Some(Overlay::Messages(_)), _) => lines(messages::lines(app, width)),
        (Some(Overlay::Past(past)), _) => lines(past::lines(app, past, width)),
        (Some(Overlay::Drill(drilling)), _) => lines(drill::whole(app, drilling, width)),
        (Some(Overlay::Probe(probing)), _) => Some(probing::copied(app, probing)),
        (
            Some(
                Overlay::Plan(_)
                | Overlay::Actions(_)
                | Overlay::Palette(_)
                | Overlay::Filter(..)
                | Overlay::Comparing(
                    Over::Unsafe | Over::Note(..) | Over::Question(_) | Over::Payload(_),
                ),
            ),
            _,
        ) => None,
        (Some(Overlay::Comparing(Over::Verdicts(_))), _) => {
            lines(comparing::verdict_lines(app, width))
        }
        (None, Screen::Compare(_)) => comparing::copied(app),
        (
            None,
            Screen::Home
            | Screen::Routes
            | Screen::Events
            | Screen::Reviews
            | Screen::Audit
            | Screen::Gateways,
        ) => copied::rows(app),
        (None, Screen::Detail(workload)) => lines(detail::all(app, workload, width, &ASCII)),
    }
}
