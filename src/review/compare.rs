//! Two answers to one sample, compared by payload class: the entry, and what all kinds have in common.

use super::{
    block::{BlockKind, blocks, lines},
    calls::{self, CallRow, VectorRow},
    code::{self, Code},
    fields::{self, Fields},
    limit::Limit,
    node::Node,
    prose::{self, ProseRow},
    rows::{Mark, Nuance, Side},
    token,
    words::{Grain, Words, words},
};
use crate::model::{Answer, CheckResult, PayloadClass, visible};

/// A single line of at most so many characters is a label.
const LABEL: usize = 40;
/// A label has at most so many words.
const LABEL_WORDS: usize = 4;

/// What differs between two answers. Ranges in it are of the answers it was made from.
#[derive(Clone, Debug, PartialEq)]
pub struct Comparison {
    /// In the order in which they should be read. Rows are counted through all of them.
    pub sections: Vec<Section>,
    /// What must be said besides: a refusal, no answer at all, not the promised form. Fit to be shown.
    pub remarks: Vec<String>,
    /// The answers were too large to be compared as finely as smaller ones.
    pub coarse: bool,
}

/// Rows of one kind.
#[derive(Clone, Debug, PartialEq)]
pub enum Section {
    /// Texts, block by block.
    Prose(Vec<ProseRow>),
    /// JSON, field by field.
    Fields(Fields),
    /// Code, line by line.
    Code(Code),
    /// Tool calls.
    Calls(Vec<CallRow>),
    /// Two short answers, in one row: whether they agree, and if not, whether in a trifle only.
    Label {
        /// What it says.
        mark: Mark,
        /// The labels differ in this way only.
        nuance: Option<Nuance>,
    },
    /// Vectors.
    Vectors(Vec<VectorRow>),
}

impl Section {
    /// How many rows it has.
    #[must_use]
    pub const fn len(&self) -> usize {
        match self {
            Self::Prose(rows) => rows.len(),
            Self::Fields(fields) => fields.rows.len(),
            Self::Code(code) => code.lines.len() + code.around.len(),
            Self::Calls(rows) => rows.len(),
            Self::Label { .. } => 1,
            Self::Vectors(rows) => rows.len(),
        }
    }

    /// Whether it has no row.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// What a row of it says, counted in this section. Of code, the lines come first.
    #[must_use]
    pub fn mark(&self, row: usize) -> Option<Mark> {
        match self {
            Self::Prose(rows) => rows.get(row).map(|row| row.mark),
            Self::Fields(fields) => fields.rows.get(row).map(|row| row.mark),
            Self::Code(code) => match code.lines.get(row) {
                Some(line) => Some(line.mark),
                None => code
                    .around
                    .get(row.checked_sub(code.lines.len())?)
                    .map(|row| row.mark),
            },
            Self::Calls(rows) => rows.get(row).map(|row| row.mark),
            Self::Label { mark, .. } => (row == 0).then_some(*mark),
            Self::Vectors(rows) => rows.get(row).map(|row| row.mark),
        }
    }
}

impl Comparison {
    /// How many rows there are in all sections.
    #[must_use]
    pub fn len(&self) -> usize {
        self.sections.iter().map(Section::len).sum()
    }

    /// Whether there is nothing to show.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// What a row says.
    #[must_use]
    pub fn mark(&self, row: usize) -> Option<Mark> {
        let (section, row) = self.section(row)?;
        section.mark(row)
    }

    /// The rows that differ, ascending: where `n` and `N` go.
    #[must_use]
    pub fn differences(&self) -> Vec<usize> {
        let marks = self
            .sections
            .iter()
            .flat_map(|section| (0..section.len()).map(|row| section.mark(row)));
        marks
            .enumerate()
            .filter(|(_, mark)| mark.is_some_and(|mark| mark != Mark::Same))
            .map(|(row, _)| row)
            .collect()
    }

    /// The section of a row, and where the row stands in it.
    #[must_use]
    pub fn section(&self, mut row: usize) -> Option<(&Section, usize)> {
        for section in &self.sections {
            if row < section.len() {
                return Some((section, row));
            }
            row -= section.len();
        }
        None
    }

    /// A row's text on one side, out of the answer that was compared: a block, a line, a value as written, a call's
    /// arguments. `None`: that side has nothing there.
    #[must_use]
    pub fn text<'t>(&self, row: usize, side: Side, answer: &'t Answer) -> Option<&'t str> {
        let (section, row) = self.section(row)?;
        let range = match section {
            Section::Prose(rows) => block(rows.get(row)?, side)?,
            Section::Fields(fields) => {
                let row = fields.rows.get(row)?;
                let value = match side {
                    Side::A => row.a.as_ref()?,
                    Side::B => row.b.as_ref()?,
                };
                value.range.clone()
            }
            Section::Code(code) => match code.lines.get(row) {
                Some(row) => match side {
                    Side::A => row.a.as_ref()?.range.clone(),
                    Side::B => row.b.as_ref()?.range.clone(),
                },
                None => block(code.around.get(row - code.lines.len())?, side)?,
            },
            Section::Calls(rows) => {
                let call = match side {
                    Side::A => rows.get(row)?.a?,
                    Side::B => rows.get(row)?.b?,
                };
                return Some(&answer.tools.get(call)?.arguments);
            }
            Section::Label { .. } => return Some(answer.text.trim()),
            Section::Vectors(_) => return None,
        };
        answer.text.get(range)
    }

    /// Marks words inside a row that both sides have and that differs: in ranges of [`Comparison::text`].
    #[must_use]
    pub fn words(&self, row: usize, a: &Answer, b: &Answer) -> Words {
        let grain = match self.section(row) {
            Some((Section::Prose(rows), row)) => grain(rows.get(row)),
            Some((Section::Code(code), row)) if row >= code.lines.len() => {
                grain(code.around.get(row - code.lines.len()))
            }
            Some(_) | None => Grain::Line,
        };
        match (self.text(row, Side::A, a), self.text(row, Side::B, b)) {
            (Some(a), Some(b)) if self.mark(row) == Some(Mark::Changed) => words(a, b, grain),
            _ => Words::default(),
        }
    }
}

fn block(row: &ProseRow, side: Side) -> Option<std::ops::Range<usize>> {
    let block = match side {
        Side::A => row.a.as_ref()?,
        Side::B => row.b.as_ref()?,
    };
    Some(block.range.clone())
}

fn grain(row: Option<&ProseRow>) -> Grain {
    match row.and_then(|row| row.a.as_ref()).map(|block| block.kind) {
        // No sentences in these.
        Some(BlockKind::Code | BlockKind::TableRow | BlockKind::Heading) => Grain::Line,
        Some(BlockKind::Paragraph | BlockKind::Item | BlockKind::Quote | BlockKind::Rule)
        | None => Grain::Sentences,
    }
}

/// Compares two answers to one sample.
#[must_use]
pub fn compare(class: PayloadClass, a: &Answer, b: &Answer) -> Comparison {
    let mut limit = Limit::new(Limit::WHOLE);
    let mut remarks = Vec::new();
    for (side, answer) in [("A", a), ("B", b)] {
        about(side, answer, &mut remarks);
    }
    let mut sections = vec![texts(class, a, b, &mut limit, &mut remarks)];
    sections.push(Section::Calls(calls::rows(
        &a.tools,
        &b.tools,
        &mut limit,
        &mut remarks,
    )));
    sections.push(Section::Vectors(calls::vectors(&a.vectors, &b.vectors)));
    if class == PayloadClass::Tools {
        sections.swap(0, 1);
    }
    sections.retain(|section| !section.is_empty());
    Comparison {
        sections,
        remarks,
        coarse: limit.bitten(),
    }
}

/// What must be said of an answer as such.
fn about(side: &str, answer: &Answer, remarks: &mut Vec<String>) {
    if let Some(failure) = &answer.result.failure {
        let detail = visible(&failure.detail, 200);
        remarks.push(format!("{side} has no answer: {}: {detail}", failure.class));
    }
    if let Some(refusal) = &answer.refusal {
        remarks.push(format!("{side} refused: {}", visible(refusal, 200)));
    }
    if answer.clipped {
        remarks.push(format!("{side} was longer than what is kept of it"));
    }
}

fn texts(
    class: PayloadClass,
    a: &Answer,
    b: &Answer,
    limit: &mut Limit,
    remarks: &mut Vec<String>,
) -> Section {
    match class {
        PayloadClass::Json => match (json("A", &a.text, remarks), json("B", &b.text, remarks)) {
            (Some(in_a), Some(in_b)) => Section::Fields(Fields {
                rows: fields::rows(&in_a, &in_b, a.text > b.text, limit, remarks),
                schema_a: schema(a),
                schema_b: schema(b),
            }),
            _ => Section::Prose(prose::rows(&a.text, &b.text, limit)),
        },
        PayloadClass::Code => Section::Code(code::compared(&a.text, &b.text, limit)),
        PayloadClass::Chat
        | PayloadClass::Tools
        | PayloadClass::Vision
        | PayloadClass::Long
        | PayloadClass::Embeddings => {
            if is_label(&a.text) && is_label(&b.text) {
                let same = a.text.trim() == b.text.trim();
                let nuance = (!same).then(|| Nuance::between(a.text.trim(), b.text.trim()));
                Section::Label {
                    mark: Mark::of(true, true, same),
                    nuance: nuance.flatten(),
                }
            } else {
                Section::Prose(prose::rows(&a.text, &b.text, limit))
            }
        }
    }
}

pub(super) fn is_label(text: &str) -> bool {
    let text = text.trim();
    !text.is_empty()
        && !text.contains('\n')
        && text.chars().nth(LABEL).is_none()
        && token::words(text).nth(LABEL_WORDS).is_none()
}

/// The JSON of an answer. Inside a code fence it is read too, with a remark.
fn json<'t>(side: &str, text: &'t str, remarks: &mut Vec<String>) -> Option<Node<'t>> {
    let why = match Node::read(text) {
        Ok(node) => return Some(node),
        Err(why) => why,
    };
    let mut fences = blocks(text)
        .into_iter()
        .filter(|block| block.kind == BlockKind::Code);
    if let (Some(fence), None) = (fences.next(), fences.next()) {
        let lines: Vec<_> = lines(text.get(fence.range.clone())?).collect();
        let start = fence.range.start + lines.get(1).map_or(0, |line| line.start);
        let end = fence.range.start + lines.last().map_or(0, |line| line.start);
        if let Some(Ok(node)) = text
            .get(start..end)
            .map(|inside| Node::within(text, inside))
        {
            remarks.push(format!(
                "{side} has its JSON inside a code fence, which a strict reader refuses"
            ));
            return Some(node);
        }
    }
    remarks.push(format!("{side} is not JSON: {}", visible(&why, 200)));
    None
}

/// The verdict on the promised form, from the checks of the sample.
fn schema(answer: &Answer) -> Option<CheckResult> {
    answer
        .result
        .checks
        .iter()
        .find(|check| check.check.starts_with("json schema"))
        .cloned()
}
