//! Prose, aligned by paragraph: which blocks of two texts belong together, which are missing, extra or moved.

use std::{borrow::Cow, collections::HashMap};

use super::{
    align::{self, Piece},
    block::{Block, BlockKind, blocks},
    limit::Limit,
    rows::{Mark, Nuance, merged},
    token::Numbers,
};

/// One row: a block of A beside the one of B that corresponds, or alone.
#[derive(Clone, Debug, PartialEq)]
pub struct ProseRow {
    /// What it says.
    pub mark: Mark,
    /// A's block.
    pub a: Option<Block>,
    /// B's block.
    pub b: Option<Block>,
    /// How alike the two are, from 0 to 1 ([`super::similarity`]); 0 for a block that stands alone.
    pub likeness: f64,
    /// The blocks differ in this way only. With [`Mark::Same`]: in spacing, which does not matter in prose.
    pub nuance: Option<Nuance>,
    /// For a block that stands alone: the row of this section where the other side says the same.
    pub moved: Option<usize>,
}

/// Aligns two texts.
pub(super) fn rows(a: &str, b: &str, limit: &mut Limit) -> Vec<ProseRow> {
    between((a, blocks(a)), (b, blocks(b)), limit)
}

/// Aligns blocks of two texts.
pub(super) fn between(
    (a, in_a): (&str, Vec<Block>),
    (b, in_b): (&str, Vec<Block>),
    limit: &mut Limit,
) -> Vec<ProseRow> {
    let mut numbers = Numbers::default();
    let pieces_a = pieces(a, &in_a, &mut numbers);
    let pieces_b = pieces(b, &in_b, &mut numbers);
    let mirrored = a > b;
    let mut pairs = align::pairs(&pieces_a, &pieces_b, mirrored, limit);
    let moved = align::moved(&pieces_a, &pieces_b, &pairs, mirrored, limit);
    let kinds = |of: &[Block]| -> Vec<BlockKind> { of.iter().map(|block| block.kind).collect() };
    align::fill(&kinds(&in_a), &kinds(&in_b), &moved, &mut pairs);
    let likeness: HashMap<usize, f64> = pairs.iter().map(|pair| (pair.0, pair.2)).collect();
    let places: Vec<(usize, usize)> = pairs.iter().map(|pair| (pair.0, pair.1)).collect();
    let merged = merged(&places, in_a.len(), in_b.len());
    let row_of_a: HashMap<usize, usize> = positions(merged.iter().map(|row| row.0));
    let row_of_b: HashMap<usize, usize> = positions(merged.iter().map(|row| row.1));
    let to_b: HashMap<usize, usize> = moved.iter().copied().collect();
    let to_a: HashMap<usize, usize> = moved.iter().map(|(i, j)| (*j, *i)).collect();
    merged
        .into_iter()
        .map(|(i, j)| {
            let block = |blocks: &[Block], place: Option<usize>| Some(blocks.get(place?)?.clone());
            let (a_block, b_block) = (block(&in_a, i), block(&in_b, j));
            let moved = match (i, j) {
                (Some(i), None) => to_b.get(&i).and_then(|j| row_of_b.get(j)),
                (None, Some(j)) => to_a.get(&j).and_then(|i| row_of_a.get(i)),
                (Some(_), Some(_)) | (None, None) => None,
            };
            let (mark, nuance) = judged((a, a_block.as_ref()), (b, b_block.as_ref()));
            ProseRow {
                mark,
                likeness: match (i, j) {
                    (Some(i), Some(_)) => likeness.get(&i).copied().unwrap_or_default(),
                    _ => 0.0,
                },
                a: a_block,
                b: b_block,
                nuance,
                moved: moved.copied(),
            }
        })
        .collect()
}

fn positions(places: impl Iterator<Item = Option<usize>>) -> HashMap<usize, usize> {
    places
        .enumerate()
        .filter_map(|(row, place)| Some((place?, row)))
        .collect()
}

/// Blocks as pieces: equal when they read the same, however their lines are broken; code only when it is the same.
fn pieces<'t>(text: &'t str, blocks: &[Block], numbers: &mut Numbers<'t>) -> Vec<Piece<'t>> {
    blocks
        .iter()
        .map(|block| {
            let text = text.get(block.range.clone()).unwrap_or_default();
            Piece {
                number: numbers.of(read(text, block.kind)),
                text,
            }
        })
        .collect()
}

/// A block without what does not matter in it.
fn read(text: &str, kind: BlockKind) -> Cow<'_, str> {
    if kind == BlockKind::Code {
        return Cow::Borrowed(text);
    }
    let trimmed = text.trim();
    let plain = |character: char| !character.is_whitespace() || character == ' ';
    if trimmed.chars().all(plain) && !trimmed.contains("  ") {
        return Cow::Borrowed(trimmed);
    }
    let words: Vec<&str> = trimmed.split_whitespace().collect();
    Cow::Owned(words.join(" "))
}

fn judged(
    (a, block_a): (&str, Option<&Block>),
    (b, block_b): (&str, Option<&Block>),
) -> (Mark, Option<Nuance>) {
    let (Some(block_a), Some(block_b)) = (block_a, block_b) else {
        return (Mark::of(block_a.is_some(), block_b.is_some(), false), None);
    };
    let text_a = a.get(block_a.range.clone()).unwrap_or_default();
    let text_b = b.get(block_b.range.clone()).unwrap_or_default();
    if text_a == text_b {
        return (Mark::Same, None);
    }
    let same = read(text_a, block_a.kind) == read(text_b, block_b.kind);
    (Mark::of(true, true, same), Nuance::between(text_a, text_b))
}
