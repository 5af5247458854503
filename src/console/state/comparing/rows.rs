//! A comparison in rows of lines: row beside row, one text for both, or a table.

use super::{
    case::Side,
    flow::{self, Line, Part, Tone},
    look::View,
    sheet::{Lines, Room, Row},
    weighed::Weighed,
};
use crate::review::{self, BlockKind, Comparison, Mark, ProseRow, Section, Span};

/// Lays a comparison out.
pub(super) fn lines(weighed: &Weighed, view: View, words: bool, room: Room) -> Lines {
    let tables = weighed.comparison.sections.iter().all(is_table);
    let mut laying = Laying {
        weighed,
        words,
        rows: Vec::new(),
        differences: 0,
        widths: [room.pane, room.pane],
        names: None,
    };
    match view {
        View::Aligned if tables => {
            let [names, a, b] = room.table;
            laying.widths = [a, b];
            laying.names = Some(names);
            laying.all(room.whole, false);
            Lines::Table(laying.rows)
        }
        View::Aligned | View::Stacked => {
            laying.all(room.pane, false);
            Lines::Rows(laying.rows)
        }
        View::Unified => {
            laying.widths = [room.whole, room.whole];
            laying.all(room.whole, true);
            Lines::Unified(laying.rows)
        }
    }
}

const fn is_table(section: &Section) -> bool {
    match section {
        Section::Fields(_) | Section::Calls(_) | Section::Label { .. } | Section::Vectors(_) => {
            true
        }
        Section::Prose(_) | Section::Code(_) => false,
    }
}

struct Laying<'w> {
    weighed: &'w Weighed,
    words: bool,
    rows: Vec<Row>,
    differences: usize,
    /// The columns of each side.
    widths: [usize; 2],
    /// The columns of names; `None`: it is no table.
    names: Option<usize>,
}

/// One row of a comparison as it is put into lines.
#[derive(Default)]
struct Cell<'t> {
    name: Vec<(Tone, &'t str)>,
    sides: [Option<&'t str>; 2],
    spans: [Vec<Span>; 2],
    /// Said behind the text of both sides, or under the name.
    aside: Option<String>,
    /// All of a changed row is shown as changed, where no words are marked.
    whole: bool,
}

impl<'w> Laying<'w> {
    fn all(&mut self, width: usize, unified: bool) {
        let comparison = &self.weighed.comparison;
        for remark in &comparison.remarks {
            self.heading(&format!("! {remark}"), width);
        }
        if comparison.coarse {
            self.heading(
                "these answers are so long that they are compared coarsely",
                width,
            );
        }
        let mut first = 0;
        for (index, section) in comparison.sections.iter().enumerate() {
            if index > 0 {
                self.rows.push(Row::default());
            }
            self.head(section, width, unified);
            let mut open = false;
            for place in 0..section.len() {
                if open && airy(section, place) {
                    self.rows.push(Row::default());
                }
                open = true;
                let mark = section.mark(place).unwrap_or(Mark::Same);
                let cell = self.cell(comparison, section, place, first + place, mark);
                if unified {
                    self.twice(mark, &cell);
                } else {
                    self.beside(mark, &cell);
                }
            }
            first += section.len();
        }
        if comparison.is_empty() {
            self.heading("neither side says anything", width);
        }
    }

    /// What stands over the rows of a section.
    fn head(&mut self, section: &Section, width: usize, unified: bool) {
        match section {
            Section::Fields(fields) => {
                for (side, verdict) in [("A", &fields.schema_a), ("B", &fields.schema_b)] {
                    if let Some(check) = verdict {
                        let gap = if check.detail.is_empty() { "" } else { ": " };
                        let text = format!(
                            "{side} {}: {}{gap}{}",
                            check.check, check.verdict, check.detail
                        );
                        self.heading(&text, width);
                    }
                }
                if self.names.is_some() {
                    self.columns("FIELD");
                }
            }
            Section::Calls(_) if self.names.is_some() => self.columns("CALL"),
            Section::Calls(_) => self.heading("tool calls", width),
            Section::Label { .. } if self.names.is_some() => self.columns("LABEL"),
            Section::Vectors(_) if self.names.is_some() => self.columns("VECTORS"),
            Section::Code(code) if unified && !code.lines.is_empty() => {}
            Section::Prose(_) | Section::Code(_) | Section::Label { .. } | Section::Vectors(_) => {}
        }
    }

    /// The heads of a table.
    fn columns(&mut self, name: &str) {
        self.rows.push(Row {
            name: vec![Part::of(Tone::Name, name)],
            a: vec![Part::of(Tone::Name, "A")],
            b: vec![Part::of(Tone::Name, "B")],
            ..Row::default()
        });
    }

    fn heading(&mut self, text: &str, width: usize) {
        for line in flow::wrap([(Tone::Aside, text)], width) {
            self.rows.push(Row {
                a: line,
                heading: true,
                ..Row::default()
            });
        }
    }

    fn cell(
        &self,
        comparison: &'w Comparison,
        section: &'w Section,
        place: usize,
        row: usize,
        mark: Mark,
    ) -> Cell<'w> {
        let weighed = self.weighed;
        let [a, b] = &weighed.answers;
        let text = |side: Side| {
            let (side, answer) = match side {
                Side::A => (review::Side::A, a),
                Side::B => (review::Side::B, b),
            };
            comparison.text(row, side, answer)
        };
        let mut cell = Cell {
            sides: [text(Side::A), text(Side::B)],
            ..Cell::default()
        };
        if self.words && mark == Mark::Changed {
            let words = comparison.words(row, a, b);
            cell.spans = [words.a, words.b];
        }
        match section {
            Section::Prose(rows) => cell.aside = rows.get(place).and_then(said_of_prose),
            Section::Code(code) => {
                cell.whole = place < code.lines.len();
                cell.aside = match code.lines.get(place) {
                    Some(line) => line.nuance.map(|nuance| nuance.as_str().to_owned()),
                    None => code
                        .around
                        .get(place - code.lines.len())
                        .and_then(said_of_prose),
                };
            }
            Section::Fields(fields) => {
                if let Some(field) = fields.rows.get(place) {
                    let name = if field.path.is_empty() {
                        "(all of it)"
                    } else {
                        field.path.trim_start_matches('/')
                    };
                    cell.name = vec![(Tone::Name, name)];
                    cell.aside = said_of(mark, field.nuance.map(review::Nuance::as_str));
                }
            }
            Section::Calls(calls) => {
                if let Some(call) = calls.get(place) {
                    let named = |answer: &'w crate::model::Answer, at: Option<usize>| {
                        Some(answer.tools.get(at?)?.name.as_str())
                    };
                    let name = named(a, call.a).or_else(|| named(b, call.b));
                    cell.name = name.map(|name| (Tone::Name, name)).into_iter().collect();
                    cell.aside = said_of(mark, call.nuance.map(review::Nuance::as_str));
                }
            }
            Section::Label { nuance, .. } => {
                cell.name = vec![(Tone::Name, "label")];
                cell.aside = said_of(mark, nuance.map(review::Nuance::as_str));
            }
            Section::Vectors(vectors) => {
                cell.aside = vectors.get(place).map(|vector| {
                    let count = |count: Option<usize>| {
                        count.map_or_else(|| "none".to_owned(), |count| count.to_string())
                    };
                    format!(
                        "vectors {} to {}: A {} numbers, B {}",
                        vector.vectors.start + 1,
                        vector.vectors.end,
                        count(vector.a),
                        count(vector.b)
                    )
                });
            }
        }
        cell
    }

    /// Both sides of a row, in as many lines as the longer one needs.
    fn beside(&mut self, mark: Mark, cell: &Cell<'w>) {
        let [wide_a, wide_b] = self.widths;
        let aside = cell.aside.as_deref();
        let (name, a, b) = match self.names {
            Some(columns) => {
                let said = aside.map(|aside| (Tone::Aside, aside));
                let name = cell.name.iter().copied();
                let name: Vec<(Tone, &str)> = match said {
                    Some(said) if cell.name.is_empty() => vec![said],
                    Some(said) => name.chain([(Tone::Plain, "\n"), said]).collect(),
                    None => name.collect(),
                };
                (
                    flow::wrap(name, columns),
                    side(cell, 0, mark, (false, None), wide_a),
                    side(cell, 1, mark, (false, None), wide_b),
                )
            }
            None => (
                Vec::new(),
                side(cell, 0, mark, (true, aside), wide_a),
                side(cell, 1, mark, (true, aside), wide_b),
            ),
        };
        let difference = self.difference(mark);
        let count = name.len().max(a.len()).max(b.len());
        let (mut name, mut a, mut b) = (name.into_iter(), a.into_iter(), b.into_iter());
        for index in 0..count {
            self.rows.push(Row {
                mark: Some(mark),
                name: name.next().unwrap_or_default(),
                a: a.next().unwrap_or_default(),
                b: b.next().unwrap_or_default(),
                heading: false,
                difference,
                goes_on: index > 0,
            });
        }
    }

    /// What is the same once; what differs twice, A above B.
    fn twice(&mut self, mark: Mark, cell: &Cell<'w>) {
        let difference = self.difference(mark);
        let [width, _] = self.widths;
        let aside = cell.aside.as_deref();
        let mut push = |line: Line, mark: Mark| {
            self.rows.push(Row {
                mark: Some(mark),
                a: line,
                difference,
                ..Row::default()
            });
        };
        match mark {
            Mark::Same => {
                for line in side(cell, 0, mark, (true, aside), width) {
                    push(line, Mark::Same);
                }
            }
            Mark::Changed | Mark::TypeChanged | Mark::OnlyA | Mark::OnlyB => {
                for (index, only) in [(0, Mark::OnlyA), (1, Mark::OnlyB)] {
                    if cell.sides.get(index).copied().flatten().is_none() && mark != only {
                        continue;
                    }
                    for line in side(cell, index, mark, (true, aside), width) {
                        push(line, only);
                    }
                }
            }
        }
    }

    fn difference(&mut self, mark: Mark) -> Option<usize> {
        if mark == Mark::Same {
            return None;
        }
        self.differences += 1;
        Some(self.differences - 1)
    }
}

/// One side of a row in lines; none when it has nothing there.
fn side(
    cell: &Cell<'_>,
    index: usize,
    mark: Mark,
    (named, aside): (bool, Option<&str>),
    width: usize,
) -> Vec<Line> {
    let Some(text) = cell.sides.get(index).copied().flatten() else {
        return Vec::new();
    };
    let spans = cell.spans.get(index).map_or(&[][..], Vec::as_slice);
    let base = match mark {
        Mark::OnlyA | Mark::OnlyB | Mark::TypeChanged => Tone::Differs,
        Mark::Changed if cell.whole => Tone::Differs,
        Mark::Same | Mark::Changed => Tone::Plain,
    };
    let mut parts: Vec<(Tone, &str)> = Vec::new();
    if named && !cell.name.is_empty() {
        parts.extend(&cell.name);
        parts.push((Tone::Plain, " "));
    }
    let mut at = 0;
    for span in spans {
        parts.extend(text.get(at..span.range.start).map(|text| (base, text)));
        parts.extend(text.get(span.range.clone()).map(|text| (Tone::Word, text)));
        at = span.range.end;
    }
    parts.extend(text.get(at..).map(|text| (base, text)));
    let said = aside.map(|aside| format!("  ({aside})"));
    parts.extend(said.iter().map(|said| (Tone::Aside, said.as_str())));
    flow::wrap(parts, width)
}

/// Whether a blank line stands before a row: between paragraphs, not between items or lines of code.
fn airy(section: &Section, place: usize) -> bool {
    let row = match section {
        Section::Prose(rows) => rows.get(place),
        Section::Code(code) => place
            .checked_sub(code.lines.len())
            .and_then(|place| code.around.get(place)),
        Section::Fields(_) | Section::Calls(_) | Section::Label { .. } | Section::Vectors(_) => {
            None
        }
    };
    let kind = row
        .and_then(|row| row.a.as_ref().or(row.b.as_ref()))
        .map(|it| it.kind);
    kind.is_some_and(|kind| !matches!(kind, BlockKind::Item | BlockKind::TableRow))
}

fn said_of_prose(row: &ProseRow) -> Option<String> {
    match (row.mark, row.moved, row.nuance) {
        (Mark::OnlyA | Mark::OnlyB, Some(_), _) => {
            Some("the other side says this elsewhere".to_owned())
        }
        (Mark::Changed, _, Some(nuance)) => Some(nuance.as_str().to_owned()),
        (Mark::Same | Mark::Changed | Mark::TypeChanged | Mark::OnlyA | Mark::OnlyB, _, _) => None,
    }
}

/// What a row of a table says, in words.
fn said_of(mark: Mark, nuance: Option<&'static str>) -> Option<String> {
    match mark {
        Mark::Same => nuance.map(str::to_owned),
        Mark::Changed => Some(nuance.unwrap_or("changed").to_owned()),
        Mark::TypeChanged => Some("type changed".to_owned()),
        Mark::OnlyA => Some("missing in B".to_owned()),
        Mark::OnlyB => Some("missing in A".to_owned()),
    }
}
