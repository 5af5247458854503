//! A drill: what an outage would do to every workload, the worst first, and who would carry the traffic.

use std::fmt::Write as _;

use unicode_width::UnicodeWidthStr;

use super::{
    home::more,
    pen::{Line, Pen, fit, paragraph},
    words,
};
use crate::{
    console::{
        app::App,
        layout::Areas,
        state::drilling::{Down, Drilling, Found},
        theme::Role,
    },
    control::{Drill, Drilled, Fate, Target},
    model::{NoticeGiven, Tier},
};

pub(super) fn popup(app: &App, pen: &mut Pen<'_>, areas: &Areas, drilling: &Drilling) {
    pen.line(areas.head, 1, &title(drilling));
    let lines = lines(app, drilling, areas.body.width);
    pen.lines(areas.body, &lines, drilling.scroll);
    more(pen, areas.body, drilling.scroll, lines.len());
}

/// What is imagined.
fn title(drilling: &Drilling) -> Line {
    let down = match &drilling.down {
        Down::Route(route) => format!("route {route} down"),
        Down::Provider(provider, _) => format!("all routes of {provider} down"),
    };
    let (class, like) = drilling.class();
    Line::of(Role::Heading, "DRILL  ")
        .and(Role::Title, words::safe(&down).into_owned())
        .and(Role::Text, format!(", failing with {class} ({like})"))
}

/// Every line below the title.
pub(super) fn lines(app: &App, drilling: &Drilling, width: u16) -> Vec<Line> {
    let wide = usize::from(width);
    let key = |action| app.setup.keymap.shown(action);
    let hint = format!(
        "imagined: no traffic moves. {} another failure, {} route or its whole provider",
        key(crate::console::action::Action::OutageClass),
        key(crate::console::action::Action::OutageScope),
    );
    let mut lines = paragraph(Role::Muted, " ", &hint, wide);
    lines.push(Line::default());
    match &drilling.found {
        Found::Asking => lines.push(Line::of(Role::Muted, " asking the policy ...")),
        Found::Failed(why) => {
            lines.extend(paragraph(Role::Error, " x ", &words::safe(why), wide));
        }
        Found::Drill(drill) => lines.extend(report(drill, wide)),
    }
    lines
}

/// The same with its title, to be copied.
pub(super) fn whole(app: &App, drilling: &Drilling, width: u16) -> Vec<Line> {
    let mut lines = lines(app, drilling, width);
    lines.insert(0, title(drilling));
    lines
}

fn report(drill: &Drill, wide: usize) -> Vec<Line> {
    let mut lines = verdict(drill, wide);
    lines.push(Line::default());
    let (unaffected, affected): (Vec<&Drilled>, Vec<&Drilled>) = drill
        .workloads
        .iter()
        .partition(|drilled| drilled.fate == Fate::Unaffected && drilled.samples.is_empty());
    if affected.is_empty() {
        lines.push(Line::of(Role::Success, " + no workload would notice"));
    } else {
        let longest = affected
            .iter()
            .map(|drilled| drilled.workload.as_str().len());
        let name = longest.max().unwrap_or(0).clamp(8, 24);
        let head = format!("   ST    {:<name$}    RPS  WHAT HAPPENS", "WORKLOAD");
        lines.push(Line::of(Role::Heading, head));
        for drilled in affected {
            lines.extend(workload(drilled, name, wide));
        }
    }
    if !unaffected.is_empty() {
        let names: Vec<&str> = unaffected
            .iter()
            .map(|drilled| drilled.workload.as_str())
            .collect();
        let text = format!("unaffected: {}", words::safe(&names.join(", ")));
        lines.extend(paragraph(Role::Muted, "   + OK  ", &text, wide));
    }
    if !drill.targets.is_empty() {
        lines.push(Line::default());
        lines.push(Line::of(Role::Heading, " WHO CARRIES IT"));
        lines.extend(
            drill
                .targets
                .iter()
                .flat_map(|target| carries(target, wide)),
        );
    }
    lines.extend(remarks(drill, wide));
    lines
}

/// The answer in one sentence or two.
fn verdict(drill: &Drill, wide: usize) -> Vec<Line> {
    let uncovered: Vec<&str> = drill
        .uncovered()
        .map(|drilled| drilled.workload.as_str())
        .collect();
    let mut lines = if uncovered.is_empty() {
        let text = "every request of every workload would be answered";
        paragraph(Role::Success, " + ", text, wide)
    } else {
        let text = format!("callers would get errors: {}", uncovered.join(", "));
        paragraph(Role::Error, " x ", &words::safe(&text), wide)
    };
    for target in drill.targets.iter().filter(|target| target.overrun()) {
        let text = format!("{} would get more than it can carry", target.route);
        lines.extend(paragraph(Role::Error, " x ", &words::safe(&text), wide));
    }
    let untold: Vec<&str> = drill
        .workloads
        .iter()
        .filter(|drilled| notice(&drilled.fate) == Some(NoticeGiven::None))
        .map(|drilled| drilled.workload.as_str())
        .collect();
    if !untold.is_empty() {
        let text = format!(
            "served by a fallback without a notice: {}",
            untold.join(", ")
        );
        lines.extend(paragraph(Role::Warning, " ! ", &words::safe(&text), wide));
    }
    lines
}

/// One workload, and those of its samples that fare differently.
fn workload(drilled: &Drilled, name: usize, wide: usize) -> Vec<Line> {
    let (sign, word, role) = mark(&drilled.fate);
    let mut what = what(&drilled.fate);
    if let Some(readiness) = (drilled.readiness.as_ref())
        .filter(|readiness| drilled.served_by().is_some() && !readiness.word.is_good())
    {
        _ = write!(what, "; that route is {}", readiness.word);
    }
    if drilled.tier == Tier::Paid {
        what.push_str("; paid tier");
    }
    if drilled.user_visible {
        what.push_str("; users see it");
    }
    let label = fit(drilled.workload.as_str(), name, "~");
    let lead = format!("{label:<name$} {:>6}  ", words::rate(drilled.rps));
    let mut lines = row(&format!(" {sign} {word:<3} "), role, &lead, &what, wide);
    for (sample, fate) in &drilled.samples {
        let (sign, word, role) = mark(fate);
        let text = format!("{sample} requests: {}", self::what(fate));
        let lead = " ".repeat(lead.width());
        lines.extend(row(
            &format!(" {sign} {word:<3} "),
            role,
            &lead,
            &text,
            wide,
        ));
    }
    lines
}

/// Sign and word, then a lead, then a text that wraps behind them.
fn row(state: &str, role: Role, lead: &str, text: &str, wide: usize) -> Vec<Line> {
    let state = format!("  {state}");
    let indent = state.width() + lead.width();
    let wrapped = paragraph(Role::Text, &" ".repeat(indent), &words::safe(text), wide);
    let mut lines = wrapped.into_iter();
    let first = lines.next().map_or_else(String::new, |line| {
        line.text().get(indent..).unwrap_or_default().to_owned()
    });
    let first = Line::of(role, state)
        .and(Role::Text, lead.to_owned())
        .and(Role::Text, first);
    std::iter::once(first).chain(lines).collect()
}

/// The words of states, as far as they apply.
const fn mark(fate: &Fate) -> (&'static str, &'static str, Role) {
    match fate {
        Fate::Unaffected => ("+", "OK", Role::StateOk),
        Fate::Unprotected { .. } => ("!", "OK", Role::Warning),
        Fate::Stays { .. } => ("!", "FO", Role::StateForced),
        Fate::FallsBack { .. } => ("!", "FB", Role::StateFallback),
        Fate::Refused { .. } | Fate::Dark => ("x", "FL", Role::StateFailing),
    }
}

const fn notice(fate: &Fate) -> Option<NoticeGiven> {
    match fate {
        Fate::Stays { notice, .. } | Fate::FallsBack { notice, .. } => Some(*notice),
        Fate::Unaffected | Fate::Unprotected { .. } | Fate::Refused { .. } | Fate::Dark => None,
    }
}

fn what(fate: &Fate) -> String {
    let told = match notice(fate) {
        None => "",
        Some(NoticeGiven::None) => "; NO notice",
        Some(NoticeGiven::Header) => "; notice in the header",
        Some(NoticeGiven::Inline) => "; notice in header and answer",
    };
    match fate {
        Fate::Unaffected => "unaffected".to_owned(),
        Fate::Unprotected { fallback } => {
            format!("served by its primary, with nothing behind it: {fallback} is down")
        }
        Fate::Stays { on, .. } => format!("stays on {on}, with no way back{told}"),
        Fate::FallsBack { to, .. } => format!("falls back to {to}{told}"),
        Fate::Refused { why, .. } => format!("errors: {why}"),
        Fate::Dark => "errors: everything that could serve it is down".to_owned(),
    }
}

/// A route that takes over, and what room it has.
fn carries(target: &Target, wide: usize) -> Vec<Line> {
    let mut text = format!(
        "{}: {} rps now, {} after",
        target.route,
        words::rate(target.rps),
        words::rate(target.rps_after)
    );
    let capacity = target.capacity_rps.filter(|capacity| *capacity > 0.0);
    let (sign, role) = match capacity {
        Some(_) if target.overrun() => ("x", Role::Error),
        Some(_) => ("+", Role::Text),
        None => ("?", Role::Warning),
    };
    _ = match capacity {
        Some(capacity) => write!(
            text,
            " of {}; {}",
            words::rate(capacity),
            room(target.rps_after / capacity)
        ),
        None => write!(text, "; its capacity is not configured"),
    };
    paragraph(role, &format!("   {sign} "), &words::safe(&text), wide)
}

fn room(used: f64) -> String {
    if used > 1.0 {
        format!("{:.0}% over", (used - 1.0) * 100.0)
    } else {
        format!("{:.0}% room left", (1.0 - used) * 100.0)
    }
}

/// What a reader of the fates would miss.
fn remarks(drill: &Drill, wide: usize) -> Vec<Line> {
    let mut lines = Vec::new();
    let homed: Vec<String> = drill
        .workloads
        .iter()
        .filter_map(|drilled| {
            let why = drilled.single_homed.as_ref()?;
            Some(format!("{}: {why}", drilled.workload))
        })
        .collect();
    let more: Vec<String> = drill
        .workloads
        .iter()
        .flat_map(|drilled| {
            let of = move |remark| format!("{}: {remark}", drilled.workload);
            drilled.remarks.iter().map(of)
        })
        .collect();
    for (heading, texts) in [
        (" SINGLE-HOMED: one failure takes both routes", homed),
        (" LOOK AT", more),
    ] {
        if texts.is_empty() {
            continue;
        }
        lines.push(Line::default());
        lines.push(Line::of(Role::Heading, heading));
        for text in texts {
            lines.extend(paragraph(Role::Warning, "   ! ", &words::safe(&text), wide));
        }
    }
    lines
}
