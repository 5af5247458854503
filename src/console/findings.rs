//! What theme and key files have in common when they are wrong: syntax, unknown names, near names.
//!
//! Used by `theme_file`, `theme_look` and `keymap_file`.

use std::borrow::Cow;

use toml::{Spanned, de::DeTable};

use crate::config::{Findings, Severity};

/// Parses a file; a syntax error is a finding, and nothing else is looked at.
pub(super) fn parse<'a>(findings: &Findings, source: &'a str) -> Option<Spanned<DeTable<'a>>> {
    match DeTable::parse(source) {
        Ok(table) => Some(table),
        Err(error) => {
            let span = error.span().unwrap_or_default();
            findings.error("syntax", span, error.message(), ());
            None
        }
    }
}

/// A name that is not known here, with the nearest that is.
pub(super) fn unknown<'n>(
    findings: &Findings,
    severity: Severity,
    what: &str,
    key: &Spanned<Cow<'_, str>>,
    known: impl IntoIterator<Item = &'n str>,
) {
    let name = key.get_ref();
    findings.add(
        severity,
        "unknown-key",
        key.span(),
        format!("unknown {what} \"{name}\""),
        suggestion(name, known),
    );
}

/// `did you mean ...?`, when something is near.
pub(super) fn suggestion<'n>(
    name: &str,
    known: impl IntoIterator<Item = &'n str>,
) -> Option<String> {
    nearest(name, known).map(|near| format!("did you mean \"{near}\"?"))
}

/// The nearest known name, when it is near enough to be meant.
pub(super) fn nearest<'n>(name: &str, known: impl IntoIterator<Item = &'n str>) -> Option<&'n str> {
    known
        .into_iter()
        .map(|candidate| (strsim::osa_distance(name, candidate), candidate))
        .filter(|(distance, candidate)| *distance <= candidate.chars().count().div_ceil(3))
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

#[cfg(test)]
mod tests {
    use super::nearest;

    #[test]
    fn only_near_names_are_proposed() {
        assert_eq!(nearest("focre", ["force", "filter"]), Some("force"));
        assert_eq!(nearest("zzz", ["force", "filter"]), None);
    }
}
