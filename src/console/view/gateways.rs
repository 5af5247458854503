//! The gateways screen: which there are, what each has applied and knows, what it carries, and how far the last change
//! has come on each.

use jiff::Timestamp;
use ratatui::layout::Rect;
use unicode_width::UnicodeWidthStr;

use super::{
    home::{empty, more},
    pen::{Line, Pen, paragraph, row},
    words,
};
use crate::{
    console::{app::App, layout::Areas, state::change::Followed, theme::Role},
    control::{Applying, ConfigGroup, GatewayState, GatewayStatus, OnGateway},
    model::GatewayName,
};

/// Title, width, and whether it stands on the right. The last one takes what is left.
type Column = (&'static str, u16, bool);

/// Names take no more columns than this, in a narrow and in a wide list.
const LONGEST: (usize, usize) = (20, 30);
/// From so many columns on there are data and share; and host, region, version and requests.
const FULL: u16 = 78;
const WIDE: u16 = 115;
/// Of a fingerprint so many letters tell it from others.
const PRINT: usize = 8;
/// Before the text of a line of the pane.
const LABEL: usize = 12;

fn columns(app: &App, width: u16) -> Vec<Column> {
    let longest = app.overview().map_or(0, |overview| {
        let names = overview.gateways.iter().map(|it| it.gateway.as_str());
        names.map(UnicodeWidthStr::width).max().unwrap_or(0)
    });
    let wide = width >= WIDE;
    let most = if wide { LONGEST.1 } else { LONGEST.0 };
    let name = u16::try_from(longest.clamp(8, most)).unwrap_or(8);
    let mut columns = vec![("GATEWAY", name, false)];
    if app.home.wide && !wide {
        // What there is no room for beside the others.
        columns.extend([
            ("HOST", 14, false),
            ("REGION", 10, false),
            ("STATE", 8, false),
            ("VERSION", 8, false),
        ]);
        return columns;
    }
    let wide = wide && !app.home.wide;
    if wide {
        columns.extend([("HOST", 12, false), ("REGION", 10, false)]);
    }
    columns.push(("STATE", 8, false));
    columns.push(("REVISION", 17, false));
    columns.push(("CONFIG", 9, false));
    if width >= FULL {
        columns.extend([("DATA", 5, true), ("SHARE", 5, true)]);
    }
    if wide {
        columns.extend([("REQ/MIN", 7, true), ("VERSION", 8, false)]);
    }
    columns
}

pub(super) fn draw(app: &App, pen: &mut Pen<'_>, areas: &Areas) {
    let columns = columns(app, areas.body.width);
    pen.rule(areas.rules[2], "");
    pane(app, pen, areas.pane);
    cells(pen, areas.head, &columns, |title| {
        (title.to_owned(), Role::Heading)
    });
    let Some(overview) = app.overview() else {
        pen.put(row(areas.body, 0), 3, "opening the store ...", Role::Muted);
        return;
    };
    let keys = &app.gateways.keys;
    if keys.is_empty() {
        let text = if app.gateways.filter.is_empty() {
            "no gateway has been heard of in the last day; `backstop serve` starts one"
        } else {
            "no gateway matches the filter; <key:back> lifts it"
        };
        empty(app, pen, areas.body, text);
    }
    let selected = app.gateways.list.selected();
    let offset = app.gateways.list.offset();
    for (area, name) in areas.body.rows().zip(keys.iter().skip(offset)) {
        let Some(status) = overview.gateway(name) else {
            continue;
        };
        let (sign, role) = sign(status, app.clock);
        pen.put(area, 3, sign, role);
        cells(pen, area, &columns, |title| cell(app, status, title));
        if selected == Some(name) {
            pen.select(area, 1);
        }
        if app.gateways.marks.contains(name) {
            pen.mark(area, 2);
        }
    }
    more(pen, areas.body, offset, keys.len());
}

fn cells(pen: &mut Pen<'_>, area: Rect, columns: &[Column], text: impl Fn(&str) -> (String, Role)) {
    let mut at = 5;
    for (index, (title, width, right)) in columns.iter().enumerate() {
        let last = index + 1 == columns.len();
        let (text, role) = text(title);
        if *right {
            pen.cell_right(area, at, *width, &text, role);
        } else {
            let rest = area.width.saturating_sub(at);
            pen.cell(area, at, if last { rest } else { *width }, &text, role);
        }
        at += width + if *right { 2 } else { 1 };
    }
}

/// Whether something is to be done about it, as a sign.
fn sign(status: &GatewayStatus, now: Timestamp) -> (&'static str, Role) {
    match status.state {
        GatewayState::Silent => ("?", Role::StateUnknown),
        GatewayState::Refused => ("x", Role::Error),
        GatewayState::Apart | GatewayState::Behind | GatewayState::Draining => ("!", Role::Warning),
        GatewayState::Alive if status.loses_events(now) => ("x", Role::Error),
        GatewayState::Alive if !status.same_config => ("!", Role::Warning),
        GatewayState::Alive => ("+", Role::Success),
        GatewayState::Replaced => ("-", Role::Muted),
    }
}

fn cell(app: &App, status: &GatewayStatus, title: &str) -> (String, Role) {
    let plain = |text: &str| (words::safe(text).into_owned(), Role::Text);
    match title {
        "GATEWAY" => plain(status.gateway.as_str()),
        "HOST" => plain(&status.host),
        "REGION" => match &status.region {
            Some(region) => plain(region.as_str()),
            None => ("-".to_owned(), Role::Muted),
        },
        "STATE" => (status.state.to_string(), sign(status, app.clock).1),
        "REVISION" => revision(app, status),
        "CONFIG" => config(status),
        "DATA" => data(app, status),
        "SHARE" => (words::percent(status.share), Role::Text),
        "REQ/MIN" => (status.requests.to_string(), Role::Text),
        "VERSION" => plain(&status.version),
        _ => (String::new(), Role::Text),
    }
}

/// What it has applied: of the last change made here also how quickly, and what it lacks.
fn revision(app: &App, status: &GatewayStatus) -> (String, Role) {
    if status.current {
        // How soon another revision came is nothing about this one.
        let same = |(change, _): &(&Followed, _)| change.revision == status.revision;
        let quick = followed(app).filter(same).and_then(|(_, each)| {
            let one = each.iter().find(|one| one.gateway == status.gateway)?;
            match one.applying {
                Applying::Applied { after_ms } => after_ms,
                Applying::Waits
                | Applying::Elsewhere
                | Applying::Apart { .. }
                | Applying::Silent { .. } => None,
            }
        });
        return match quick {
            Some(ms) => (format!("{} in {ms} ms", status.revision), Role::Success),
            None => (status.revision.to_string(), Role::Text),
        };
    }
    let since = status.behind_since.map_or_else(String::new, |since| {
        format!(" {}", words::span(app.age(since)))
    });
    let text = format!("{} -{}{since}", status.revision, status.behind);
    (text, Role::Warning)
}

fn config(status: &GatewayStatus) -> (String, Role) {
    let print: String = status.fingerprint.chars().take(PRINT).collect();
    let print = words::safe(&print).into_owned();
    match (&status.config_error, status.same_config) {
        (Some(_), _) => ("REFUSED".to_owned(), Role::Error),
        (None, true) => (print, Role::Text),
        (None, false) => (format!("!{print}"), Role::Warning),
    }
}

/// How old what it knows is, or what is known of it.
fn data(app: &App, status: &GatewayStatus) -> (String, Role) {
    let text = words::span(app.age(status.known_at()));
    let old = !status.alive || status.apart_since.is_some();
    (text, if old { Role::Warning } else { Role::Muted })
}

/// The newest change that was made here and is still worth a look, gateway by gateway.
fn followed(app: &App) -> Option<(&Followed, &[OnGateway])> {
    let newest = app.changes.last()?;
    Some((newest, newest.progress.as_ref()?.each.as_slice()))
}

/// The last change, the configurations, and the selected gateway.
fn pane(app: &App, pen: &mut Pen<'_>, area: Rect) {
    if area.is_empty() {
        return;
    }
    let width = usize::from(area.width.saturating_sub(1));
    let mut lines = fleet(app, width);
    let selected = app.gateways.list.selected();
    let status = selected.and_then(|name| app.overview()?.gateway(name));
    if let Some(status) = status {
        lines.extend(one(app, status, width));
    }
    let height = usize::from(area.height);
    if lines.len() > height {
        let more = lines.len() + 1 - height;
        lines.truncate(height.saturating_sub(1));
        let text = format!(
            " {} {more} more lines on a larger screen; `backstop gateways` has all",
            pen.glyphs.more_below
        );
        lines.push(Line::of(Role::Muted, text));
    }
    pen.lines(area, &lines, 0);
}

fn labelled(role: Role, label: &str, text: &str, width: usize) -> Vec<Line> {
    let mark = format!(" {label:<w$}", w = LABEL - 1);
    paragraph(role, &mark, text, width)
}

/// What concerns all of them.
fn fleet(app: &App, width: usize) -> Vec<Line> {
    let Some(overview) = app.overview() else {
        return Vec::new();
    };
    let mut lines = Vec::new();
    if let Some((change, _)) = followed(app) {
        let role = if change.applied() {
            Role::Success
        } else {
            Role::Warning
        };
        let told = words::safe(&change.told(&app.data)).into_owned();
        lines.extend(labelled(role, "change", &told, width));
    }
    if let Some(other) = overview.other_configs() {
        lines.extend(labelled(Role::Warning, "! config", &other, width));
        for group in overview.configs() {
            lines.extend(labelled(Role::Text, "", &runs(&group), width));
        }
    }
    let silent: Vec<String> = overview
        .silent()
        .map(|it| format!("{} since {}", it.gateway, words::moment(app, it.at)))
        .collect();
    if !silent.is_empty() {
        let text = format!(
            "{}; where one still runs it serves with the last switches it saw",
            words::safe(&silent.join(", "))
        );
        lines.extend(labelled(Role::Warning, "? silent", &text, width));
    }
    lines
}

/// Who runs a configuration.
fn runs(group: &ConfigGroup) -> String {
    let names: Vec<&str> = group.gateways.iter().map(GatewayName::as_str).collect();
    let here = if group.here { " (read here)" } else { "" };
    let print = words::safe(&group.fingerprint).into_owned();
    format!("{print}{here}: {}", words::safe(&names.join(", ")))
}

/// The selected gateway.
fn one(app: &App, status: &GatewayStatus, width: usize) -> Vec<Line> {
    let region = status.region.as_ref().map_or_else(String::new, |region| {
        format!(" in region {}", words::safe(region.as_str()))
    });
    let about = format!(
        "  {}{region}, process {}, listens on {}, version {}",
        words::safe(&status.host),
        status.pid,
        status.listen,
        words::safe(&status.version)
    );
    let name = words::safe(status.gateway.as_str()).into_owned();
    let mut lines = vec![Line::of(Role::Title, format!(" {name}")).and(Role::Muted, about)];
    let (_, role) = sign(status, app.clock);
    lines.extend(labelled(role, "state", &state(app, status), width));
    if let Some(error) = &status.config_error {
        let text = format!("refused: {}", words::safe(error));
        lines.extend(labelled(Role::Error, "x config", &text, width));
    }
    if let Some(lost) = status.unlogged_words(app.clock) {
        let (role, label) = if status.loses_events(app.clock) {
            (Role::Error, "x events")
        } else {
            (Role::Muted, "events")
        };
        lines.extend(labelled(role, label, &lost, width));
    }
    let carried = format!(
        "{} in the last minute, {} of all; heard of {} ago; up {}{}",
        number(status.requests, "request"),
        words::percent(status.share),
        words::span(app.age(status.at)),
        words::span(app.age(status.started)),
        match status.partings {
            0 => String::new(),
            1 => "; lost the store's cluster once since then".to_owned(),
            times => format!("; lost the store's cluster {times} times since then"),
        }
    );
    lines.extend(labelled(Role::Text, "carries", &carried, width));
    lines
}

/// `1 request`, `2 requests`.
fn number(number: u64, thing: &str) -> String {
    words::count(usize::try_from(number).unwrap_or(usize::MAX), thing)
}

/// What its state means.
fn state(app: &App, status: &GatewayStatus) -> String {
    let switches = format!("the switches of revision {}", status.revision);
    match status.state {
        GatewayState::Silent => format!(
            "silent since {}, for {}: it is gone, or it serves where it is with {switches}, or later ones; one that \
             will not come back: `backstop gateways --forget NAME`",
            words::moment(app, status.at),
            words::span(app.age(status.at))
        ),
        GatewayState::Apart => format!(
            "apart from the store for {}: it serves with {switches}",
            words::span(app.age(status.known_at()))
        ),
        GatewayState::Refused => "goes on with its last good configuration".to_owned(),
        GatewayState::Behind => format!(
            "behind by {}: it serves with {switches}",
            words::count(status.behind, "switch change")
        ),
        GatewayState::Draining => {
            "draining: it finishes what runs and takes nothing new".to_owned()
        }
        GatewayState::Alive if status.same_config => {
            format!("alive, with this configuration and {switches}, the newest")
        }
        GatewayState::Alive => {
            format!(
                "alive, with ANOTHER configuration than the one read here, and {switches}, the newest"
            )
        }
        GatewayState::Replaced => "silent; another gateway has taken its address since".to_owned(),
    }
}

/// A gateway in one line.
pub(super) fn copied(app: &App, name: &GatewayName) -> Option<String> {
    let status = app.overview()?.gateway(name)?;
    Some(format!(
        "{} on {}: {}, version {}, revision {}, configuration {}, {} requests in the last minute\n",
        words::safe(name.as_str()),
        words::safe(&status.host),
        status.state,
        words::safe(&status.version),
        status.revision,
        words::safe(&status.fingerprint),
        status.requests
    ))
}
