//! The audit screen: who changed what, why, until when, and what undid it.

use std::fmt::Write as _;

use unicode_width::UnicodeWidthStr;

use super::{
    cells::{Columns, cells, heads},
    events::wide,
    home::{empty, more},
    pen::{Line, Pen, fit, paragraph},
    words,
};
use crate::{
    console::{
        app::{App, Times},
        layout::{Areas, Room},
        state::verbs,
        theme::Role,
    },
    model::{AuditRecord, Change, OverrideKey, ReasonCode, Scope, Verb},
};

/// Title and width, from left to right; the last one takes what is left.
const NARROW: Columns = &[
    ("TIME", 11),
    ("WHO", 8),
    ("WHAT", 10),
    ("TARGET", 19),
    ("UNTIL", 11),
    ("WHY", 12),
];
const WIDE: Columns = &[
    ("TIME", 11),
    ("WHO", 16),
    ("WHAT", 10),
    ("TARGET", 22),
    ("BEFORE -> AFTER", 18),
    ("UNTIL", 12),
    ("UNDONE BY", 10),
    ("WHY", 20),
];

/// What a narrow screen shows when it is asked for the other columns.
const OTHER: Columns = &[
    ("TIME", 11),
    ("WHO", 14),
    ("WHAT", 10),
    ("TARGET", 15),
    ("BEFORE -> AFTER", 15),
    ("UNDONE", 6),
];
/// Before the first column.
const FROM: u16 = 2;

fn columns(app: &App) -> Columns {
    match (app.room() == Room::Wide, app.home.wide) {
        (true, false) => WIDE,
        (false, true) => OTHER,
        (true, true) | (false, false) => NARROW,
    }
}

pub(super) fn draw(app: &App, pen: &mut Pen<'_>, areas: &Areas) {
    let columns = columns(app);
    heads(pen, areas.head, FROM, columns);
    if app.audit.keys.is_empty() {
        let text = if app.audit.filter.is_empty() {
            "nothing was changed yet"
        } else {
            "no record matches the filter; <key:back> lifts it"
        };
        empty(app, pen, areas.body, text);
        return;
    }
    let selected = app.audit.list.selected();
    let offset = app.audit.list.offset();
    for (area, sequence) in areas.body.rows().zip(app.audit.keys.iter().skip(offset)) {
        let Some(record) = app.data.record_of(*sequence) else {
            continue;
        };
        let cut = pen.glyphs.cut;
        cells(pen, area, FROM, columns, |title| match title {
            "TARGET" => (target(&record.key, columns, cut), Role::Text),
            "WHO" => (who(app, record, width(columns, "WHO")), Role::Text),
            title => cell(app, record, title),
        });
        if selected == Some(sequence) {
            pen.select(area, 0);
        }
        if app.audit.marks.contains(sequence) {
            pen.mark(area, 1);
        }
    }
    more(pen, areas.body, offset, app.audit.keys.len());
}

/// The target, and in short where it was changed unless on all gateways: the place stays when the name is cut.
fn target(key: &OverrideKey, columns: Columns, cut: &str) -> String {
    let place = match &key.scope {
        Scope::All => return words::safe(key.target()).into_owned(),
        Scope::Region(region) => format!("@{}", words::safe(region.as_str())),
        Scope::Host(host) => format!("@{}", words::safe(host.as_str())),
    };
    let room = width(columns, "TARGET").saturating_sub(place.width() + 1);
    format!(
        "{} {place}",
        fit(&words::safe(key.target()), room.max(4), cut)
    )
}

fn width(columns: Columns, title: &str) -> usize {
    let column = columns.iter().find(|(named, _)| *named == title);
    column.map_or(0, |(_, width)| usize::from(*width))
}

/// The operator, and on which host, when that is another one and there is room; the whole record has it anyway.
fn who(app: &App, record: &AuditRecord, room: usize) -> String {
    let name = words::safe(record.actor.name()).into_owned();
    let host = &record.actor.host;
    let placed = format!("{name}@{}", words::safe(host));
    if *host == app.setup.actor.host || name.width() + 4 > room {
        name
    } else {
        placed
    }
}

fn cell(app: &App, record: &AuditRecord, title: &str) -> (String, Role) {
    let role = if record.break_glass {
        Role::Error
    } else {
        Role::Text
    };
    match title {
        "TIME" => (
            match app.times {
                Times::Utc | Times::Local => words::day(app, record.at, "%d %H:%M:%S"),
                Times::Ago => format!("{} ago", words::span(app.age(record.at))),
            },
            Role::Muted,
        ),
        "WHAT" => (what(record).to_owned(), role),
        "BEFORE -> AFTER" => (
            format!("{} -> {}", value(record.before), value(record.after)),
            Role::Text,
        ),
        "UNTIL" => match (record.expires, app.data.undone_by(record.sequence)) {
            (_, Some(sequence)) if !wide(app) => (format!("undone #{sequence}"), Role::Muted),
            (Some(expires), _) => (words::until(app, expires), Role::Text),
            (None, _) => ("-".to_owned(), Role::Muted),
        },
        "UNDONE BY" | "UNDONE" => match app.data.undone_by(record.sequence) {
            Some(sequence) => (format!("#{sequence}"), Role::Muted),
            None => ("-".to_owned(), Role::Muted),
        },
        "WHY" => (why(record), role),
        _ => (String::new(), Role::Text),
    }
}

/// What was done, in a word.
pub(super) fn what(record: &AuditRecord) -> &'static str {
    match record.verb {
        None => "expired",
        Some(verb) => match verb {
            Verb::Force => "force",
            Verb::Hold => "hold",
            Verb::Auto => "auto",
            Verb::NoticeOn => "notice on",
            Verb::NoticeOff => "notice off",
            Verb::Drain => "drain",
            Verb::Undrain => "undrain",
            Verb::Undo => "undo",
        },
    }
}

/// Why, as a code and in words.
pub(super) fn why(record: &AuditRecord) -> String {
    let mut why = if record.break_glass {
        "BREAK-GLASS ".to_owned()
    } else {
        String::new()
    };
    match record.reason {
        ReasonCode::Automatic => match (record.undoes, record.verb) {
            (Some(undoes), _) => _ = write!(why, "undoes #{undoes}"),
            (None, None) => why.push_str("its time was over"),
            (None, Some(_)) => why.push_str("no reason given"),
        },
        ReasonCode::ServerErrors
        | ReasonCode::Timeout
        | ReasonCode::RateLimit
        | ReasonCode::Quality
        | ReasonCode::Drill
        | ReasonCode::Other => why.push_str(record.reason.as_str()),
    }
    if !record.note.is_empty() {
        why.push_str(": ");
        why.push_str(&words::safe(&record.note));
    }
    if let Some(ticket) = &record.ticket {
        _ = write!(why, " [{}]", words::safe(ticket));
    }
    why
}

fn value(change: Option<Change>) -> String {
    change.map_or_else(|| "config".to_owned(), |change| change.to_string())
}

/// The whole of a record.
pub(super) fn whole(app: &App, sequence: u64, width: u16) -> Vec<Line> {
    let Some(record) = app.data.record_of(sequence) else {
        return vec![Line::of(
            Role::Warning,
            " this record is not kept here any more; `backstop audit` has it",
        )];
    };
    let mut lines = vec![
        Line::of(Role::Title, format!(" #{sequence} {} ", what(record)))
            .and(Role::Text, words::safe(&record.key.named()).into_owned()),
        Line::default(),
    ];
    let mut told = |label: &str, role: Role, text: &str| {
        let text = app.setup.keymap.keyed(text);
        let text = words::safe(&text);
        lines.extend(paragraph(
            role,
            &format!(" {label:<10}"),
            &text,
            usize::from(width),
        ));
    };
    told(
        "at",
        Role::Text,
        &record.at.strftime("%Y-%m-%d %H:%M:%SZ").to_string(),
    );
    let actor = &record.actor;
    let mut who = format!("{} on {} by {}", actor.user, actor.host, actor.via);
    if let Some(declared) = &actor.declared {
        who = format!("{declared}, signed in as {who}");
    }
    if let Some(from) = &actor.from {
        _ = write!(who, ", from {from}");
    }
    told("who", Role::Text, &who);
    told(
        "changed",
        Role::Text,
        &format!(
            "{} from {} to {}",
            record.key,
            value(record.before),
            value(record.after)
        ),
    );
    let role = if record.break_glass {
        Role::Error
    } else {
        Role::Text
    };
    told("why", role, &why(record));
    let end = record.expires.map_or_else(
        || "it does not end by itself".to_owned(),
        |expires| expires.strftime("%Y-%m-%d %H:%M:%SZ").to_string(),
    );
    told("until", Role::Text, &end);
    if let Some(undoes) = record.undoes {
        let link = match app.data.record_of(undoes) {
            Some(_) => "  (<key:open>: read it)",
            None => "",
        };
        told("undoes", Role::Text, &format!("#{undoes}{link}"));
    }
    if let Some(by) = app.data.undone_by(record.sequence) {
        let by = app.data.record_of(by).map_or_else(
            || format!("#{by}"),
            |other| {
                format!(
                    "#{by}, {} by {}",
                    words::clock(app, other.at),
                    other.actor.name()
                )
            },
        );
        told(
            "undone by",
            Role::Text,
            &format!("{by}  (<key:open>: read it)"),
        );
    }
    let undo = verbs::undo_record(&app.data, sequence);
    match undo.command {
        Ok(_) => told(
            "undo",
            Role::Info,
            "<key:undo-record> opens a plan that undoes it",
        ),
        Err(why) => told("undo", Role::Muted, &why),
    }
    told("revision", Role::Muted, &record.revision.to_string());
    if let Some(plan) = &record.plan {
        told("plan", Role::Muted, &format!("#{plan}"));
    }
    lines
}

pub(super) fn popup(app: &App, pen: &mut Pen<'_>, areas: &Areas, sequence: u64, scroll: usize) {
    pen.put(areas.head, 1, "AUDIT RECORD", Role::Heading);
    let lines = whole(app, sequence, areas.body.width);
    pen.lines(areas.body, &lines, scroll);
    more(pen, areas.body, scroll, lines.len());
}

/// A record in one line.
pub(super) fn copied(app: &App, sequence: u64) -> Option<String> {
    app.data.record_of(sequence).map(line_of)
}

/// One record in one line, for lists elsewhere.
pub(super) fn line_of(record: &AuditRecord) -> String {
    format!(
        "{} {} {} {}: {}\n",
        record.at.strftime("%Y-%m-%dT%H:%M:%SZ"),
        words::safe(&format!("{}@{}", record.actor.name(), record.actor.host)),
        what(record),
        words::safe(&record.key.named()),
        why(record),
    )
}

/// The same as a row, drawn.
pub(super) fn line(app: &App, record: &AuditRecord) -> Line {
    Line::of(
        Role::Muted,
        format!("  {:<9}", words::moment(app, record.at)),
    )
    .and(Role::Text, format!(" {}", words::safe(record.actor.name())))
    .and(Role::Text, format!(" {}", what(record)))
    .and(Role::Muted, format!("  {}", why(record)))
}
