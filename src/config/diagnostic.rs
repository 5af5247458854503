//! What is wrong with a file, where, and what to do: one shape for every file that a user writes.
//!
//! Filled by the readers of this module (and of themes and keys); printed by `cli`. Every text in it may go
//! to a terminal as it is.

use std::{cell::RefCell, fmt, ops::Range, path::Path, path::PathBuf};

use serde::Serialize;

use super::redact::redact;
use crate::model::visible;

/// The longest message or help text, in characters.
const TEXT_LIMIT: usize = 600;

/// How bad.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Severity {
    /// Worth knowing; nothing need be done.
    Note,
    /// The file can be used.
    Warning,
    /// It cannot.
    Error,
}

impl Severity {
    /// The name on screen and in JSON.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Note => "note",
            Self::Warning => "warning",
            Self::Error => "error",
        }
    }
}

impl fmt::Display for Severity {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(self.as_str())
    }
}

/// One finding.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Diagnostic {
    /// How bad.
    pub severity: Severity,
    /// A stable name for scripts, for instance `unknown-route`.
    pub code: &'static str,
    /// Lower case, names the thing.
    pub message: String,
    /// The file.
    pub file: PathBuf,
    /// From 1.
    pub line: usize,
    /// From 1, in characters.
    pub column: usize,
    /// Byte range in the file.
    pub span: Range<usize>,
    /// What to do, for instance `did you mean "stable-chat"?`.
    pub help: Option<String>,
}

/// One line: `backstop.toml:12:4: error[unknown-route]: no route "x"; did you mean "y"?`.
impl fmt::Display for Diagnostic {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let file = self.file.to_string_lossy();
        let file = visible(&file, TEXT_LIMIT);
        write!(
            formatter,
            "{file}:{}:{}: {}[{}]: {}",
            self.line, self.column, self.severity, self.code, self.message
        )?;
        match &self.help {
            Some(help) => write!(formatter, "; {help}"),
            None => Ok(()),
        }
    }
}

/// Every finding of one run, with the text they point into.
#[derive(Clone, Debug, Default)]
pub struct Report {
    /// In the order of the file.
    pub diagnostics: Vec<Diagnostic>,
    /// The text of the file, with anything that looks like a secret replaced by `*`, byte for byte.
    pub source: String,
}

impl Report {
    /// Puts the findings of one file in its order and gives them line and column.
    #[must_use]
    pub fn new(file: &Path, source: String, findings: Findings) -> Self {
        let mut found = findings.found.into_inner();
        found.sort_by(|a, b| {
            (a.span.start, a.span.end, a.code, &a.message).cmp(&(
                b.span.start,
                b.span.end,
                b.code,
                &b.message,
            ))
        });
        found.dedup();
        let mut position = Position::default();
        let diagnostics = found
            .into_iter()
            .map(|finding| {
                let span = within(&source, finding.span);
                position.advance(&source, span.start);
                Diagnostic {
                    severity: finding.severity,
                    code: finding.code,
                    message: showable(&finding.message),
                    file: file.to_owned(),
                    line: position.line,
                    column: position.column,
                    span,
                    help: finding.help.map(|help| showable(&help)),
                }
            })
            .collect();
        Self {
            diagnostics,
            source,
        }
    }

    /// Adds a warning that was found after the file had been read, in its place among the others.
    pub fn warn(
        &mut self,
        code: &'static str,
        file: &Path,
        span: Range<usize>,
        message: &str,
        help: &str,
    ) {
        let span = within(&self.source, span);
        let mut position = Position::default();
        position.advance(&self.source, span.start);
        let at = self
            .diagnostics
            .partition_point(|known| known.span.start <= span.start);
        let found = Diagnostic {
            severity: Severity::Warning,
            code,
            message: showable(message),
            file: file.to_owned(),
            line: position.line,
            column: position.column,
            span,
            help: Some(showable(help)),
        };
        self.diagnostics.insert(at, found);
    }

    /// The worst severity, if anything was found.
    #[must_use]
    pub fn worst(&self) -> Option<Severity> {
        self.diagnostics
            .iter()
            .map(|diagnostic| diagnostic.severity)
            .max()
    }

    /// How many findings have this severity.
    #[must_use]
    pub fn count(&self, severity: Severity) -> usize {
        self.diagnostics
            .iter()
            .filter(|diagnostic| diagnostic.severity == severity)
            .count()
    }
}

/// Messages repeat values, and a value may hold anything.
fn showable(text: &str) -> String {
    visible(&redact(text, &[]), TEXT_LIMIT).into_owned()
}

/// A place in a text that only moves forward, so that many findings cost one pass.
struct Position {
    offset: usize,
    line: usize,
    column: usize,
}

impl Default for Position {
    fn default() -> Self {
        Self {
            offset: 0,
            line: 1,
            column: 1,
        }
    }
}

impl Position {
    fn advance(&mut self, source: &str, to: usize) {
        for character in source.get(self.offset..to).unwrap_or_default().chars() {
            if character == '\n' {
                self.line += 1;
                self.column = 1;
            } else if character != '\u{feff}' {
                self.column += 1;
            }
        }
        self.offset = to;
    }
}

/// The range, moved into the text and onto character borders.
fn within(source: &str, span: Range<usize>) -> Range<usize> {
    let start = source.floor_char_boundary(span.start);
    let end = source.ceil_char_boundary(span.end).max(start);
    start..end
}

/// A finding before its line and column are known.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Finding {
    severity: Severity,
    code: &'static str,
    message: String,
    span: Range<usize>,
    help: Option<String>,
}

/// Where the steps of reading one file leave what they find.
#[derive(Debug, Default)]
pub struct Findings {
    found: RefCell<Vec<Finding>>,
    hidden: RefCell<Vec<Range<usize>>>,
}

impl Findings {
    /// The file cannot be used.
    pub fn error(
        &self,
        code: &'static str,
        span: Range<usize>,
        message: impl Into<String>,
        help: impl Into<Help>,
    ) {
        self.add(Severity::Error, code, span, message, help);
    }

    /// The file can be used.
    pub fn warning(
        &self,
        code: &'static str,
        span: Range<usize>,
        message: impl Into<String>,
        help: impl Into<Help>,
    ) {
        self.add(Severity::Warning, code, span, message, help);
    }

    /// Leaves a finding.
    pub fn add(
        &self,
        severity: Severity,
        code: &'static str,
        span: Range<usize>,
        message: impl Into<String>,
        help: impl Into<Help>,
    ) {
        self.found.borrow_mut().push(Finding {
            severity,
            code,
            message: message.into(),
            span,
            help: help.into().0,
        });
    }

    /// This part of the file may be a credential and must not be shown.
    pub fn hide(&self, span: Range<usize>) {
        self.hidden.borrow_mut().push(span);
    }

    /// What must not be shown.
    pub fn hidden(&self) -> Vec<Range<usize>> {
        self.hidden.borrow().clone()
    }

    /// Whether an error was left.
    pub fn failed(&self) -> bool {
        self.found
            .borrow()
            .iter()
            .any(|finding| finding.severity == Severity::Error)
    }
}

/// What to do about a finding; nothing where the message says it.
#[derive(Debug)]
pub struct Help(Option<String>);

impl From<()> for Help {
    fn from((): ()) -> Self {
        Self(None)
    }
}

impl From<&str> for Help {
    fn from(text: &str) -> Self {
        Self(Some(text.to_owned()))
    }
}

impl From<String> for Help {
    fn from(text: String) -> Self {
        Self(Some(text))
    }
}

impl From<Option<String>> for Help {
    fn from(text: Option<String>) -> Self {
        Self(text)
    }
}
