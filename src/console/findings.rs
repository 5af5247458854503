//! What is wrong with a theme or key file, collected in one run, in the shape of every other file's findings.
//!
//! Used by `theme_file` and `keymap_file`. It must not decide what is wrong.

use std::{ops::Range, path::Path};

use toml::{Spanned, de::DeTable};

use crate::config::{Diagnostic, Report, Severity};

/// The findings of one file.
#[derive(Debug)]
pub(super) struct Findings {
    file: std::path::PathBuf,
    report: Report,
}

impl Findings {
    pub(super) fn new(file: &Path, source: &str) -> Self {
        Self {
            file: file.to_owned(),
            report: Report {
                diagnostics: Vec::new(),
                source: source.to_owned(),
            },
        }
    }

    /// Parses the file; a syntax error is a finding and nothing else is looked at.
    pub(super) fn parse<'a>(&mut self, source: &'a str) -> Option<Spanned<DeTable<'a>>> {
        match DeTable::parse(source) {
            Ok(table) => Some(table),
            Err(error) => {
                let span = error.span().unwrap_or_default();
                self.error("syntax", span, error.message(), None);
                None
            }
        }
    }

    pub(super) fn error(
        &mut self,
        code: &'static str,
        span: Range<usize>,
        message: impl Into<String>,
        help: Option<String>,
    ) {
        self.push(Severity::Error, code, span, message.into(), help);
    }

    pub(super) fn warning(
        &mut self,
        code: &'static str,
        span: Range<usize>,
        message: impl Into<String>,
        help: Option<String>,
    ) {
        self.push(Severity::Warning, code, span, message.into(), help);
    }

    /// A key that is not known here, with the nearest that is.
    pub(super) fn unknown_key<'n>(
        &mut self,
        severity: Severity,
        what: &str,
        key: &Spanned<std::borrow::Cow<'_, str>>,
        known: impl IntoIterator<Item = &'n str>,
    ) {
        let name = key.get_ref();
        self.push(
            severity,
            "unknown-key",
            key.span(),
            format!("unknown {what} `{name}`"),
            suggestion(name, known),
        );
    }

    fn push(
        &mut self,
        severity: Severity,
        code: &'static str,
        span: Range<usize>,
        message: String,
        help: Option<String>,
    ) {
        let (line, column) = place(&self.report.source, span.start);
        self.report.diagnostics.push(Diagnostic {
            severity,
            code,
            message,
            file: self.file.clone(),
            line,
            column,
            span,
            help,
        });
    }

    /// In the order of the file.
    pub(super) fn finish(mut self) -> Report {
        self.report
            .diagnostics
            .sort_by_key(|diagnostic| diagnostic.span.start);
        self.report
    }
}

/// Line and column, from 1, the column in characters.
fn place(source: &str, offset: usize) -> (usize, usize) {
    let before = source.get(..offset.min(source.len())).unwrap_or(source);
    let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
    (
        before.matches('\n').count() + 1,
        before.chars().count()
            - before
                .get(..line_start)
                .map_or(0, |head| head.chars().count())
            + 1,
    )
}

/// `did you mean ...?`, when something is near.
pub(super) fn suggestion<'n>(
    name: &str,
    known: impl IntoIterator<Item = &'n str>,
) -> Option<String> {
    nearest(name, known).map(|near| format!("did you mean `{near}`?"))
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

/// One finding as one line: file, line, column, what, what to do.
pub(super) fn one_line(diagnostic: &Diagnostic) -> String {
    let help = diagnostic
        .help
        .as_ref()
        .map(|help| format!("; {help}"))
        .unwrap_or_default();
    format!(
        "{}:{}:{}: {}{help}",
        diagnostic.file.display(),
        diagnostic.line,
        diagnostic.column,
        diagnostic.message,
    )
}

#[cfg(test)]
mod tests {
    use super::{nearest, place};

    #[test]
    fn places_count_characters_from_one() {
        for (case, offset, expected) in [
            ("start", 0, (1, 1)),
            ("same line", 2, (1, 3)),
            ("after an accent", 5, (2, 2)),
            ("beyond the end", 99, (3, 1)),
        ] {
            assert_eq!(place("abc\n\u{e9}x\n", offset), expected, "{case}");
        }
    }

    #[test]
    fn only_near_names_are_proposed() {
        assert_eq!(nearest("focre", ["force", "filter"]), Some("force"));
        assert_eq!(nearest("zzz", ["force", "filter"]), None);
    }
}
