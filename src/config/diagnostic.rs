//! What is wrong with a file, where, and what to do: one shape for every file that a user writes.

use std::path::PathBuf;

use serde::Serialize;

/// How bad.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Severity {
    /// The file can be used.
    Warning,
    /// It cannot.
    Error,
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
    pub span: std::ops::Range<usize>,
    /// What to do, for instance `did you mean "stable-chat"?`.
    pub help: Option<String>,
}

/// Every finding of one run, with the text they point into.
#[derive(Clone, Debug, Default)]
pub struct Report {
    /// In the order of the file.
    pub diagnostics: Vec<Diagnostic>,
    /// The text of the file.
    pub source: String,
}

impl Report {
    /// The worst severity, if anything was found.
    #[must_use]
    pub fn worst(&self) -> Option<Severity> {
        self.diagnostics
            .iter()
            .map(|diagnostic| diagnostic.severity)
            .max()
    }

    /// The findings with source lines and carets.
    #[must_use]
    pub fn render(&self, colour: bool) -> String {
        let _ = colour;
        todo!()
    }
}
