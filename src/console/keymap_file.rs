//! The operator's key file: `[keys]`, action = ["chord", ...]. What it names replaces the table's chords.
//!
//! Called by `run` at the start. Everything wrong with it is found in one run, and with any error none of it is
//! taken: a key that does something else than its owner thinks is worse than the built-in ones, which footer and
//! help show.

use std::{borrow::Cow, collections::HashMap, ops::Range, path::Path};

use toml::{
    Spanned,
    de::{DeTable, DeValue},
};

use super::{
    action::{Action, Entry, TABLE},
    chord::Chord,
    findings::{parse, suggestion, unknown},
    keymap::{Context, Keymap},
};
use crate::config::{Findings, Report, Severity};

/// What nobody may take away: the ways out, and the way to find out.
const NEEDED: [Action; 5] = [
    Action::Help,
    Action::Back,
    Action::Exit,
    Action::Apply,
    Action::Confirm,
];

/// One entry of the file.
struct Rebound {
    chords: Vec<(Chord, Range<usize>)>,
    span: Range<usize>,
}

/// Reads a key file.
///
/// # Errors
/// The findings, with at least one error. A file that cannot be read is one.
pub fn read(path: &Path) -> Result<Keymap, Box<Report>> {
    match std::fs::read_to_string(path) {
        Ok(source) => parse_keys(path, &source),
        Err(error) => {
            let findings = Findings::default();
            findings.error("unreadable", 0..0, format!("cannot be read: {error}"), ());
            Err(Box::new(Report::new(path, String::new(), findings)))
        }
    }
}

/// Reads the text of a key file.
///
/// # Errors
/// The findings, with at least one error.
pub fn parse_keys(path: &Path, source: &str) -> Result<Keymap, Box<Report>> {
    let findings = Findings::default();
    let rebound = parse(&findings, source)
        .map(|table| entries(&findings, table.get_ref()))
        .unwrap_or_default();
    let chords: Vec<(&'static Entry, Vec<Chord>)> = TABLE
        .iter()
        .map(|entry| {
            let chords = rebound.get(&entry.action).map_or_else(
                || entry.chords.to_vec(),
                |rebound| rebound.chords.iter().map(|(chord, _)| *chord).collect(),
            );
            (entry, chords)
        })
        .collect();
    clashes(&findings, &chords, &rebound);
    if findings.failed() {
        return Err(Box::new(Report::new(path, source.to_owned(), findings)));
    }
    Ok(Keymap::from_chords(chords))
}

/// The entries of `[keys]`.
fn entries(findings: &Findings, table: &DeTable<'_>) -> HashMap<Action, Rebound> {
    let mut rebound = HashMap::new();
    for (key, value) in table {
        if key.get_ref() != "keys" {
            unknown(findings, Severity::Error, "key", key, ["keys"]);
            continue;
        }
        let Some(keys) = value.get_ref().as_table() else {
            findings.error("type", value.span(), "`keys` is a table", ());
            continue;
        };
        for (key, value) in keys {
            let Some(action) = Action::named(key.get_ref()) else {
                let names = TABLE.iter().map(|entry| entry.name);
                findings.error(
                    "unknown-action",
                    key.span(),
                    format!("there is no action \"{}\"", key.get_ref()),
                    suggestion(key.get_ref(), names),
                );
                continue;
            };
            let chords = chords(findings, value);
            needed(findings, action, &chords, key);
            let span = key.span();
            rebound.insert(action, Rebound { chords, span });
        }
    }
    rebound
}

/// A text or a list of texts.
fn chords(findings: &Findings, value: &Spanned<DeValue<'_>>) -> Vec<(Chord, Range<usize>)> {
    let one = std::slice::from_ref(value);
    let items = value.get_ref().as_array().map_or(one, |list| &list[..]);
    items
        .iter()
        .filter_map(|item| {
            let Some(text) = item.get_ref().as_str() else {
                findings.error("type", item.span(), "a key is a text", ());
                return None;
            };
            match text.parse() {
                Ok(chord) => Some((chord, item.span())),
                Err(error) => {
                    findings.error("key", item.span(), format!("{error}"), ());
                    None
                }
            }
        })
        .collect()
}

/// An action that must be reachable keeps a chord, also where characters are text.
fn needed(
    findings: &Findings,
    action: Action,
    chords: &[(Chord, Range<usize>)],
    key: &Spanned<Cow<'_, str>>,
) {
    if NEEDED.contains(&action) && chords.is_empty() {
        findings.error(
            "unbound",
            key.span(),
            format!("\"{action}\" needs at least one key"),
            (),
        );
        return;
    }
    let typed_in = action
        .entry()
        .and_then(|entry| entry.contexts.iter().find(|context| context.is_typing()));
    if let Some(context) = typed_in
        && !chords.is_empty()
        && chords
            .iter()
            .all(|(chord, _)| context.takes_as_text(*chord))
    {
        findings.error(
            "text",
            key.span(),
            format!("\"{action}\" also works while text is typed, where these keys are text"),
            "add a key that is not a character, for instance \"esc\" or \"f2\"",
        );
    }
}

/// The same chord for two actions in one context is an error that names both.
fn clashes(
    findings: &Findings,
    chords: &[(&'static Entry, Vec<Chord>)],
    rebound: &HashMap<Action, Rebound>,
) {
    let mut taken: HashMap<(Context, Chord), Action> = HashMap::new();
    let mut told: Vec<(Action, Action, Chord)> = Vec::new();
    for (entry, chords) in chords {
        for (context, chord) in pairs(entry, chords) {
            let Some(first) = taken.insert((context, chord), entry.action) else {
                continue;
            };
            if first == entry.action || told.contains(&(first, entry.action, chord)) {
                continue;
            }
            told.push((first, entry.action, chord));
            clash(findings, rebound, context, chord, [first, entry.action]);
        }
    }
}

/// Where an entry is bound to what.
fn pairs<'e>(entry: &'e Entry, chords: &'e [Chord]) -> impl Iterator<Item = (Context, Chord)> + 'e {
    entry.contexts.iter().flat_map(|context| {
        chords
            .iter()
            .filter(|chord| !context.takes_as_text(**chord))
            .map(|chord| (*context, *chord))
    })
}

fn clash(
    findings: &Findings,
    rebound: &HashMap<Action, Rebound>,
    context: Context,
    chord: Chord,
    actions: [Action; 2],
) {
    let [first, second] = actions;
    let place = |action: &Action| {
        let rebound = rebound.get(action)?;
        let found = rebound.chords.iter().find(|(bound, _)| *bound == chord);
        Some(found.map_or(rebound.span.clone(), |(_, span)| span.clone()))
    };
    // The table has no clash of its own, so at least one of the two stands in the file; the later is told.
    let span = actions
        .iter()
        .filter_map(place)
        .max_by_key(|span| span.start)
        .unwrap_or_default();
    let default = actions
        .iter()
        .find(|action| !rebound.contains_key(action))
        .map(|action| {
            format!(
                "\"{action}\" has it unless the file says otherwise; give one of them another key"
            )
        });
    findings.error(
        "clash",
        span,
        format!(
            "\"{first}\" and \"{second}\" both ask for `{chord}` in {}",
            context.as_str()
        ),
        default,
    );
}
