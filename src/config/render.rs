//! Findings as text with the line of the file and a caret under the place.

use annotate_snippets::{AnnotationKind, Group, Level, Origin, Renderer, Snippet};

use super::diagnostic::{Diagnostic, Report, Severity};
use crate::model::visible;

impl Report {
    /// The findings with source lines and carets, one after the other; empty when there is none.
    #[must_use]
    pub fn render(&self, colour: bool) -> String {
        let renderer = if colour {
            Renderer::styled()
        } else {
            Renderer::plain()
        };
        let mut text = String::new();
        for diagnostic in &self.diagnostics {
            if !text.is_empty() {
                text.push('\n');
            }
            text.push_str(&renderer.render(&[self.group(diagnostic)]));
            text.push('\n');
        }
        text
    }

    fn group<'a>(&'a self, diagnostic: &'a Diagnostic) -> Group<'a> {
        let level = match diagnostic.severity {
            Severity::Error => Level::ERROR,
            Severity::Warning => Level::WARNING,
            Severity::Note => Level::NOTE,
        };
        let file = diagnostic.file.to_string_lossy();
        let file = visible(&file, file.len()).into_owned();
        let title = level
            .primary_title(diagnostic.message.as_str())
            .id(diagnostic.code);
        let group = if diagnostic.span.is_empty() && diagnostic.span.start == 0 {
            // About the file as a whole: there is no line to show.
            title.element(Origin::path(file).line(1).char_column(1))
        } else {
            let line = Line::of(&self.source, diagnostic);
            title.element(
                Snippet::source(line.text)
                    .line_start(diagnostic.line)
                    .path(file)
                    .annotation(AnnotationKind::Primary.span(line.start..line.end)),
            )
        };
        match &diagnostic.help {
            Some(help) => group.element(Level::HELP.message(help.as_str())),
            None => group,
        }
    }
}

/// The line in which a finding starts, made safe to print, with the finding's place in it.
struct Line {
    text: String,
    start: usize,
    end: usize,
}

impl Line {
    /// Only the first line of a longer finding is shown. [`visible`] gives one character for each, so
    /// places survive it when they are counted in characters.
    fn of(source: &str, diagnostic: &Diagnostic) -> Self {
        let (before, rest) = source
            .split_at_checked(diagnostic.span.start)
            .unwrap_or((source, ""));
        let head = before.rsplit('\n').next().unwrap_or_default();
        let tail = rest.split('\n').next().unwrap_or_default();
        let tail = tail.strip_suffix('\r').unwrap_or(tail);
        let length = diagnostic.span.len().min(tail.len());
        let marked = tail.get(..length).unwrap_or(tail);
        let (first, second) = (head.chars().count(), marked.chars().count());
        let whole = format!("{head}{tail}");
        let text = visible(&whole, whole.len()).into_owned();
        let byte = |place: usize| {
            text.char_indices()
                .nth(place)
                .map_or(text.len(), |(byte, _)| byte)
        };
        let (start, end) = (byte(first), byte(first + second));
        Self { text, start, end }
    }
}
