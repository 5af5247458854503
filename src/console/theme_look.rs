//! The values of a theme file: roles, renderings, attributes, colours.
//!
//! Called by `theme_file`. It must not know files or inheritance.

use std::borrow::Cow;

use ratatui::style::{Color, Modifier};
use toml::{Spanned, de::DeValue};

use super::{
    findings::{suggestion, unknown},
    theme::{Look, Looks, Role},
};
use crate::config::{Findings, Severity};

/// The role of a key, or a finding.
pub(super) fn role(
    findings: &Findings,
    key: &Spanned<Cow<'_, str>>,
    value: &DeValue<'_>,
) -> Option<Role> {
    let name = key.get_ref().as_ref();
    let role = Role::named(name);
    if role.is_none() {
        // `state.failing = ...` without quotes is a table `state` to TOML.
        let inner = value.as_table().and_then(|table| table.keys().next());
        let dotted = inner.map(|inner| format!("{name}.{}", inner.get_ref()));
        if let Some(dotted) = dotted.filter(|dotted| Role::named(dotted).is_some()) {
            findings.error(
                "unknown-role",
                key.span(),
                format!("unknown role \"{name}\""),
                Some(format!("write it in quotes: \"{dotted}\"")),
            );
        } else {
            let known = Role::ALL.map(Role::as_str);
            unknown(findings, Severity::Warning, "role", key, known);
        }
    }
    role
}

pub(super) fn renderings(
    findings: &Findings,
    value: &Spanned<DeValue<'_>>,
    palette: &[(String, Color)],
) -> Looks {
    const KEYS: [&str; 3] = ["rgb", "ansi", "mono"];
    let mut looks = Looks::default();
    let Some(table) = value.get_ref().as_table() else {
        findings.error(
            "type",
            value.span(),
            "a role is a table of renderings",
            Some("write for instance { rgb = \"#89b4fa\", ansi = \"blue\" }".to_owned()),
        );
        return looks;
    };
    for (key, value) in table {
        match key.get_ref().as_ref() {
            "rgb" => looks.rgb = Some(look(findings, value, palette)),
            "ansi" => {
                // The terminal's names are not shadowed by a palette that has a "blue" of its own.
                let named: Vec<_> = NAMED
                    .iter()
                    .map(|(name, colour)| ((*name).to_owned(), *colour))
                    .chain(palette.iter().cloned())
                    .collect();
                let found = look(findings, value, &named);
                let hex = [found.foreground, found.background]
                    .into_iter()
                    .flatten()
                    .any(|colour| matches!(colour, Color::Rgb(..)));
                if hex {
                    findings.error(
                        "ansi",
                        value.span(),
                        "`ansi` takes the sixteen names only",
                        Some("write for instance \"light-red\"".to_owned()),
                    );
                }
                looks.ansi = Some(found);
            }
            "mono" => looks.mono = Some(attributes(findings, value)),
            _ => unknown(findings, Severity::Warning, "rendering", key, KEYS),
        }
    }
    looks
}

/// The names of the colours of a role on a terminal with 24 bits, the text's first.
pub(super) fn colour_names<'v>(
    value: &'v Spanned<DeValue<'_>>,
) -> impl Iterator<Item = &'v str> + use<'v> {
    let table = value.get_ref().as_table();
    let look = table.and_then(|table| table.get("rgb"));
    let parts = look.and_then(|look| look.get_ref().as_table());
    let part = move |name| parts.and_then(|parts| Some(parts.get(name)?.get_ref()));
    [look.map(Spanned::get_ref), part("fg"), part("bg")]
        .into_iter()
        .flatten()
        .filter_map(DeValue::as_str)
}

/// `"blue"`, `["bold"]` or `{ fg = .., bg = .., attr = [..] }`.
fn look(findings: &Findings, value: &Spanned<DeValue<'_>>, palette: &[(String, Color)]) -> Look {
    const KEYS: [&str; 3] = ["fg", "bg", "attr"];
    let mut look = Look::default();
    if let Some(table) = value.get_ref().as_table() {
        for (key, value) in table {
            match key.get_ref().as_ref() {
                "fg" => look.foreground = colour(findings, value, palette),
                "bg" => look.background = colour(findings, value, palette),
                "attr" => look.attributes = attributes(findings, value),
                _ => unknown(findings, Severity::Warning, "key", key, KEYS),
            }
        }
    } else if value.get_ref().is_array() {
        look.attributes = attributes(findings, value);
    } else {
        look.foreground = colour(findings, value, palette);
    }
    look
}

const ATTRIBUTES: [(&str, Modifier); 5] = [
    ("bold", Modifier::BOLD),
    ("dim", Modifier::DIM),
    ("italic", Modifier::ITALIC),
    ("underlined", Modifier::UNDERLINED),
    ("reversed", Modifier::REVERSED),
];

fn attributes(findings: &Findings, value: &Spanned<DeValue<'_>>) -> Modifier {
    let Some(list) = value.get_ref().as_array() else {
        findings.error(
            "type",
            value.span(),
            "attributes are a list",
            Some("write for instance [\"bold\"]".to_owned()),
        );
        return Modifier::empty();
    };
    let mut modifier = Modifier::empty();
    for item in list {
        let name = item.get_ref().as_str().unwrap_or_default();
        match ATTRIBUTES.iter().find(|(known, _)| *known == name) {
            Some((_, attribute)) => modifier |= *attribute,
            None => findings.error(
                "unknown-attribute",
                item.span(),
                format!("unknown attribute \"{name}\""),
                suggestion(name, ATTRIBUTES.map(|(known, _)| known)).or_else(|| {
                    Some(format!(
                        "known are {}",
                        ATTRIBUTES.map(|(known, _)| known).join(", ")
                    ))
                }),
            ),
        }
    }
    modifier
}

/// The terminal's own names.
const NAMED: [(&str, Color); 17] = [
    ("default", Color::Reset),
    ("black", Color::Black),
    ("red", Color::Red),
    ("green", Color::Green),
    ("yellow", Color::Yellow),
    ("blue", Color::Blue),
    ("magenta", Color::Magenta),
    ("cyan", Color::Cyan),
    ("gray", Color::Gray),
    ("dark-gray", Color::DarkGray),
    ("light-red", Color::LightRed),
    ("light-green", Color::LightGreen),
    ("light-yellow", Color::LightYellow),
    ("light-blue", Color::LightBlue),
    ("light-magenta", Color::LightMagenta),
    ("light-cyan", Color::LightCyan),
    ("white", Color::White),
];

/// A palette name, a terminal's name, `#rgb` or `#rrggbb`.
pub(super) fn colour(
    findings: &Findings,
    value: &Spanned<DeValue<'_>>,
    palette: &[(String, Color)],
) -> Option<Color> {
    let Some(text) = value.get_ref().as_str() else {
        findings.error(
            "type",
            value.span(),
            "a colour is a text",
            Some("write for instance \"#89b4fa\" or \"light-blue\"".to_owned()),
        );
        return None;
    };
    let from_palette = palette.iter().find(|(name, _)| name == text);
    let found = from_palette
        .map(|(_, colour)| *colour)
        .or_else(|| {
            let named = NAMED.iter().find(|(name, _)| *name == text);
            named.map(|(_, colour)| *colour)
        })
        .or_else(|| hexadecimal(text));
    if found.is_none() {
        let known = palette.iter().map(|(name, _)| name.as_str());
        findings.error(
            "unknown-colour",
            value.span(),
            format!("unknown colour \"{text}\""),
            suggestion(text, known.chain(NAMED.map(|(name, _)| name)))
                .or_else(|| Some("write #rgb, #rrggbb, a palette name or an ANSI name".to_owned())),
        );
    }
    found
}

fn hexadecimal(text: &str) -> Option<Color> {
    let digits = text.strip_prefix('#')?;
    let nibbles: Vec<u8> = digits
        .chars()
        .map(|digit| {
            digit
                .to_digit(16)
                .and_then(|value| u8::try_from(value).ok())
        })
        .collect::<Option<_>>()?;
    match nibbles[..] {
        [red, green, blue] => Some(Color::Rgb(red * 17, green * 17, blue * 17)),
        [r, ed, g, reen, b, lue] => Some(Color::Rgb(r * 16 + ed, g * 16 + reen, b * 16 + lue)),
        _ => None,
    }
}
