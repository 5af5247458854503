//! Code as a line diff. Fenced code is taken out of the prose around it, which is compared as prose.

use std::ops::Range;

use super::{
    align::{self, Piece},
    block::{Block, BlockKind, blocks, lines},
    limit::Limit,
    prose::{self, ProseRow},
    rows::{Mark, Nuance, merged},
    token::Numbers,
};

/// One line of code.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// Counted from 1 through the code of its side; fences and prose do not count.
    pub number: usize,
    /// In bytes of the answer's text, without the line end.
    pub range: Range<usize>,
}

/// One row: a line of A beside the one of B that corresponds, or alone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LineRow {
    /// What it says.
    pub mark: Mark,
    /// A's line.
    pub a: Option<Line>,
    /// B's line.
    pub b: Option<Line>,
    /// The lines differ in this way only.
    pub nuance: Option<Nuance>,
}

/// An answer of code.
#[derive(Clone, Debug, PartialEq)]
pub struct Code {
    /// The code. Where a side has fences, what is inside them; where it has none, all of it.
    pub lines: Vec<LineRow>,
    /// The prose around the fences. Its rows come after the lines.
    pub around: Vec<ProseRow>,
}

/// Compares two answers of code.
pub(super) fn compared(a: &str, b: &str, limit: &mut Limit) -> Code {
    let (code_a, prose_a) = parted(a);
    let (code_b, prose_b) = parted(b);
    Code {
        lines: rows((a, &code_a), (b, &code_b), limit),
        around: prose::between((a, prose_a), (b, prose_b), limit),
    }
}

/// The lines of code of an answer, and the blocks around them.
fn parted(text: &str) -> (Vec<Range<usize>>, Vec<Block>) {
    let (fences, around): (Vec<Block>, Vec<Block>) = blocks(text)
        .into_iter()
        .partition(|block| block.kind == BlockKind::Code);
    if fences.is_empty() {
        return (lines(text).collect(), Vec::new());
    }
    let inside = |fence: Block| {
        let start = fence.range.start;
        let block = text.get(fence.range).unwrap_or_default();
        let all: Vec<Range<usize>> = lines(block)
            .map(|line| start + line.start..start + line.end)
            .collect();
        let closed = all.len() > 1
            && all.last().is_some_and(|last| {
                let last = text.get(last.clone()).unwrap_or_default().trim();
                last.len() >= 3 && last.chars().all(|mark| mark == '`' || mark == '~')
            });
        let end = all.len() - usize::from(closed);
        all.into_iter().take(end).skip(1).collect::<Vec<_>>()
    };
    (fences.into_iter().flat_map(inside).collect(), around)
}

fn rows(
    (a, in_a): (&str, &[Range<usize>]),
    (b, in_b): (&str, &[Range<usize>]),
    limit: &mut Limit,
) -> Vec<LineRow> {
    let mut numbers = Numbers::default();
    let pieces_a = pieces(a, in_a, &mut numbers);
    let pieces_b = pieces(b, in_b, &mut numbers);
    let pairs: Vec<(usize, usize)> = align::pairs(&pieces_a, &pieces_b, a > b, limit)
        .into_iter()
        .map(|pair| (pair.0, pair.1))
        .collect();
    let line = |of: &[Range<usize>], place: Option<usize>| {
        place.map(|place| Line {
            number: place + 1,
            range: of[place].clone(),
        })
    };
    merged(&pairs, in_a.len(), in_b.len())
        .into_iter()
        .map(|(i, j)| {
            let text_a = i.map(|i| pieces_a[i].text);
            let text_b = j.map(|j| pieces_b[j].text);
            LineRow {
                mark: Mark::of(i.is_some(), j.is_some(), text_a == text_b),
                a: line(in_a, i),
                b: line(in_b, j),
                nuance: match (text_a, text_b) {
                    (Some(a), Some(b)) if a != b => {
                        Nuance::between(a, b).filter(|it| *it == Nuance::Spacing)
                    }
                    _ => None,
                },
            }
        })
        .collect()
}

fn pieces<'t>(text: &'t str, lines: &[Range<usize>], numbers: &mut Numbers<'t>) -> Vec<Piece<'t>> {
    lines
        .iter()
        .map(|line| {
            let text = text.get(line.clone()).unwrap_or_default();
            Piece {
                number: numbers.of(text),
                text,
            }
        })
        .collect()
}
