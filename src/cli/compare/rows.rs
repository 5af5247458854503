//! What differs between two answers, as rows in words: the same for text, Markdown and JSON.

use std::ops::Range;

use serde::Serialize;

use crate::{
    model::{Answer, visible},
    review::{
        CallRow, Comparison, FieldRow, FieldValue, Line, Mark, Nuance, ProseRow, Section, Side,
        Span,
    },
};

/// The most characters of a JSON pointer.
const PATH: usize = 200;

/// One row. Texts are fit to be shown.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(in crate::cli) struct Row {
    /// What is compared.
    pub(in crate::cli) kind: Kind,
    /// `same`, `changed`, `type-changed`, `only-primary` or `only-fallback`.
    #[serde(serialize_with = "word")]
    pub(in crate::cli) mark: Mark,
    /// A JSON pointer, a tool, numbers of lines; empty where there is nothing to name.
    pub(in crate::cli) at: String,
    /// What the primary has there.
    pub(in crate::cli) primary: Option<String>,
    /// What the fallback has there.
    pub(in crate::cli) fallback: Option<String>,
    /// In which trifle it differs, or where else it stands; empty: nothing to add.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub(in crate::cli) note: String,
    /// Words of both that differ, in bytes.
    #[serde(skip)]
    pub(in crate::cli) words: [Vec<Range<usize>>; 2],
}

/// What a row compares.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(in crate::cli) enum Kind {
    /// A paragraph, heading, list item or table row.
    Text,
    /// A line of code.
    Code,
    /// A value in JSON.
    Field,
    /// A tool call.
    Call,
    /// A value in the arguments of a tool call that both have.
    Argument,
    /// A short answer.
    Label,
    /// Vectors.
    Vectors,
}

/// The mark in the words of this command.
pub(in crate::cli) const fn mark(mark: Mark) -> &'static str {
    match mark {
        Mark::Same => "same",
        Mark::Changed => "changed",
        Mark::TypeChanged => "type-changed",
        Mark::OnlyA => "only-primary",
        Mark::OnlyB => "only-fallback",
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "as serde calls it")]
fn word<S: serde::Serializer>(of: &Mark, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(mark(*of))
}

impl Row {
    /// Whether it is of values that a program reads: prose and code are read whole.
    pub(in crate::cli) fn is_of_data(&self) -> bool {
        match self.kind {
            Kind::Text | Kind::Code => false,
            Kind::Field | Kind::Argument | Kind::Call | Kind::Label | Kind::Vectors => true,
        }
    }

    /// Whether the fallback's answer has another form here: what code that reads it would trip over.
    pub(in crate::cli) fn is_another_shape(&self) -> bool {
        match self.kind {
            Kind::Text | Kind::Code | Kind::Label => false,
            Kind::Field | Kind::Argument | Kind::Call => match self.mark {
                Mark::Same | Mark::Changed => false,
                Mark::TypeChanged | Mark::OnlyA | Mark::OnlyB => true,
            },
            Kind::Vectors => self.mark != Mark::Same,
        }
    }
}

/// Every row of a comparison, with the primary as A.
pub(in crate::cli) fn rows(
    comparison: &Comparison,
    primary: &Answer,
    fallback: &Answer,
) -> Vec<Row> {
    let mut rows = Vec::new();
    let mut place = 0;
    for section in &comparison.sections {
        for row in 0..section.len() {
            one(
                comparison,
                section,
                (place, row),
                [primary, fallback],
                &mut rows,
            );
            place += 1;
        }
    }
    rows
}

fn one(
    comparison: &Comparison,
    section: &Section,
    (place, row): (usize, usize),
    [a, b]: [&Answer; 2],
    rows: &mut Vec<Row>,
) {
    let text = |side, answer| comparison.text(place, side, answer).map(str::to_owned);
    let words = comparison.words(place, a, b);
    let ranges = |spans: Vec<Span>| spans.into_iter().map(|span| span.range).collect();
    let mut made = Row {
        kind: Kind::Text,
        mark: section.mark(row).unwrap_or(Mark::Same),
        at: String::new(),
        primary: text(Side::A, a),
        fallback: text(Side::B, b),
        note: String::new(),
        words: [ranges(words.a), ranges(words.b)],
    };
    match section {
        Section::Prose(prose) => made.note = prose.get(row).map(told).unwrap_or_default(),
        Section::Fields(fields) => {
            made.kind = Kind::Field;
            if let Some(field) = fields.rows.get(row) {
                made.at = path(field);
                made.note = nuance(field.nuance);
            }
        }
        Section::Code(code) => {
            let number =
                |line: Option<&Line>| line.map_or("-".to_owned(), |line| line.number.to_string());
            if let Some(line) = code.lines.get(row) {
                made.kind = Kind::Code;
                made.at = format!("{}:{}", number(line.a.as_ref()), number(line.b.as_ref()));
                made.note = nuance(line.nuance);
            } else {
                let around = code.around.get(row - code.lines.len());
                made.note = around.map(told).unwrap_or_default();
            }
        }
        Section::Calls(calls) => {
            let Some(call) = calls.get(row) else {
                return;
            };
            made.kind = Kind::Call;
            made.at = tool(call, a, b);
            made.note = nuance(call.nuance);
            let at = made.at.clone();
            rows.push(made);
            rows.extend(call.arguments.iter().map(|field| argument(&at, field)));
            return;
        }
        Section::Label { nuance: how, .. } => {
            made.kind = Kind::Label;
            made.note = nuance(*how);
        }
        Section::Vectors(vectors) => {
            made.kind = Kind::Vectors;
            if let Some(row) = vectors.get(row) {
                let numbers = |count: Option<usize>| count.map(|count| format!("{count} numbers"));
                made.at = format!("{}..{}", row.vectors.start, row.vectors.end);
                (made.primary, made.fallback) = (numbers(row.a), numbers(row.b));
            }
        }
    }
    rows.push(made);
}

fn argument(tool: &str, field: &FieldRow) -> Row {
    let value = |value: &Option<FieldValue>| {
        let value = value.as_ref()?;
        Some(value.short.clone())
    };
    Row {
        kind: Kind::Argument,
        mark: field.mark,
        at: format!("{tool}{}", path(field)),
        primary: value(&field.a),
        fallback: value(&field.b),
        note: nuance(field.nuance),
        words: [Vec::new(), Vec::new()],
    }
}

/// Where a field stands; the root has a name, too.
fn path(field: &FieldRow) -> String {
    // Keys of an answer's JSON may hold anything, decoded.
    let root = |path: &str| match path {
        "" => "/".to_owned(),
        path => visible(path, PATH).into_owned(),
    };
    match &field.path_in_b {
        None => root(&field.path),
        Some(other) => format!("{} ({} of the fallback)", root(&field.path), root(other)),
    }
}

fn tool(call: &CallRow, a: &Answer, b: &Answer) -> String {
    let of = |place: Option<usize>, answer: &Answer| {
        let call = answer.tools.get(place?)?;
        Some(call.name.clone())
    };
    of(call.a, a).or_else(|| of(call.b, b)).unwrap_or_default()
}

fn told(row: &ProseRow) -> String {
    match row.moved {
        Some(_) => "stands elsewhere on the other side".to_owned(),
        None => nuance(row.nuance),
    }
}

fn nuance(nuance: Option<Nuance>) -> String {
    nuance.map_or_else(String::new, |nuance| nuance.as_str().to_owned())
}
