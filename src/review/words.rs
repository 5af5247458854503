//! Word marks: which parts of two texts that belong together differ.

use std::ops::Range;

use unicode_segmentation::UnicodeSegmentation as _;

use super::{
    align::{self, Piece},
    diff,
    limit::Limit,
    token::Numbers,
};

/// Sentences less alike than this are marked whole: marks on single words of theirs would be noise.
const RELATED: f64 = 0.4;

/// Of two texts that have more bytes together, only what they have in common at both ends is left unmarked.
const LARGE: usize = 600_000;

/// What differs inside two texts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Words {
    /// In A's text, ascending.
    pub a: Vec<Span>,
    /// In B's text, ascending.
    pub b: Vec<Span>,
    /// The texts were too large to be compared as finely as smaller ones.
    pub coarse: bool,
}

/// A stretch that has no equal on the other side.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Span {
    /// In bytes of the text, on character boundaries. Never empty.
    pub range: Range<usize>,
    /// What it is.
    pub kind: SpanKind,
}

/// What a marked stretch is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SpanKind {
    /// Words that differ inside sentences that correspond.
    Words,
    /// A sentence that has no counterpart.
    Sentence,
}

/// How finely texts are taken apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Grain {
    /// Sentence by sentence, words only inside sentences that correspond; white space does not count.
    Sentences,
    /// Word by word; white space counts.
    Line,
}

/// Marks what differs in two texts. The marks are mirrored when the texts are swapped.
#[must_use]
pub fn words(a: &str, b: &str, grain: Grain) -> Words {
    if a == b {
        return Words::default();
    }
    let mut marker = Marker {
        grain,
        mirrored: a > b,
        limit: Limit::new(Limit::WORDS),
        found: Words::default(),
    };
    match grain {
        _ if a.len() + b.len() > LARGE => {
            marker.limit.bite();
            marker.ends(a, b);
        }
        Grain::Sentences => marker.sentences(a, b),
        Grain::Line => marker.words((0, a), (0, b)),
    }
    Words {
        coarse: marker.limit.bitten(),
        ..marker.found
    }
}

struct Marker {
    grain: Grain,
    mirrored: bool,
    limit: Limit,
    found: Words,
}

impl Marker {
    /// Marks all between the ends that both have in common.
    fn ends(&mut self, a: &str, b: &str) {
        let same = |(one, other): &(char, char)| one == other;
        let length = |pair: (char, char)| pair.0.len_utf8();
        let head: usize = a.chars().zip(b.chars()).take_while(same).map(length).sum();
        let rest = |text: &str| -> usize { text.len() - head };
        let tails = a.chars().rev().zip(b.chars().rev());
        let tail: usize = tails.take_while(same).map(length).sum();
        let tail = tail.min(rest(a)).min(rest(b));
        for (text, spans) in [(a, &mut self.found.a), (b, &mut self.found.b)] {
            let range = head..text.len() - tail;
            if !range.is_empty() {
                spans.push(Span {
                    range,
                    kind: SpanKind::Words,
                });
            }
        }
    }

    fn sentences(&mut self, a: &str, b: &str) {
        let (in_a, in_b) = (split(a), split(b));
        let mut numbers = Numbers::default();
        let pieces_a = pieces(&in_a, &mut numbers);
        let pieces_b = pieces(&in_b, &mut numbers);
        let pairs = align::pairs(&pieces_a, &pieces_b, self.mirrored, &mut self.limit);
        let (mut next_a, mut next_b) = (0, 0);
        for (i, j, _) in pairs.into_iter().filter(|pair| pair.2 >= RELATED) {
            whole(&in_a[next_a..i], &mut self.found.a);
            whole(&in_b[next_b..j], &mut self.found.b);
            self.words(in_a[i], in_b[j]);
            (next_a, next_b) = (i + 1, j + 1);
        }
        whole(&in_a[next_a..], &mut self.found.a);
        whole(&in_b[next_b..], &mut self.found.b);
    }

    /// Marks words inside two texts that begin at these places.
    fn words(&mut self, a: (usize, &str), b: (usize, &str)) {
        if a.1 == b.1 {
            return;
        }
        let (in_a, in_b) = (self.segments(a), self.segments(b));
        let mut numbers = Numbers::default();
        let numbers_a: Vec<u32> = in_a.iter().map(|(_, text)| numbers.of(*text)).collect();
        let numbers_b: Vec<u32> = in_b.iter().map(|(_, text)| numbers.of(*text)).collect();
        let matched = diff::matches(&numbers_a, &numbers_b, self.mirrored, &mut self.limit);
        let (mut kept_a, mut kept_b) = (vec![false; in_a.len()], vec![false; in_b.len()]);
        for (i, j) in matched {
            kept_a[i] = true;
            kept_b[j] = true;
        }
        spans(a, &in_a, &kept_a, &mut self.found.a);
        spans(b, &in_b, &kept_b, &mut self.found.b);
    }

    /// The words of a text, each with its place in the whole.
    fn segments<'t>(&self, (start, text): (usize, &'t str)) -> Vec<(usize, &'t str)> {
        let words = text
            .split_word_bound_indices()
            .map(|(at, segment)| (start + at, segment));
        match self.grain {
            Grain::Sentences => words.filter(|(_, segment)| !is_space(segment)).collect(),
            Grain::Line => words.flat_map(symbols).collect(),
        }
    }
}

/// The sentences of a text. What has no letters, as the number of a list's item, belongs to the next.
fn split(text: &str) -> Vec<(usize, &str)> {
    let mut sentences = Vec::new();
    let mut start = 0;
    for (at, sentence) in text.split_sentence_bound_indices() {
        let end = at + sentence.len();
        if sentence.contains(char::is_alphabetic) || end == text.len() {
            sentences.push((start, text.get(start..end).unwrap_or_default()));
            start = end;
        }
    }
    sentences
}

/// `a.len` is one word in prose and three in code.
fn symbols((start, segment): (usize, &str)) -> impl Iterator<Item = (usize, &str)> {
    // Outside of ASCII, what follows a sign may be a mark on it.
    let whole = !segment.is_ascii();
    let sign = move |letter: char| !whole && letter.is_ascii_punctuation() && letter != '_';
    let mut at = start;
    segment
        .split_inclusive(sign)
        .flat_map(move |piece| {
            let (word, sign) = piece.split_at(piece.trim_end_matches(sign).len());
            [word, sign]
        })
        .filter_map(move |piece| {
            let place = at;
            at += piece.len();
            (!piece.is_empty()).then_some((place, piece))
        })
}

fn pieces<'t>(sentences: &[(usize, &'t str)], numbers: &mut Numbers<'t>) -> Vec<Piece<'t>> {
    sentences
        .iter()
        .map(|(_, text)| Piece {
            number: numbers.of(text.trim()),
            text,
        })
        .collect()
}

fn is_space(text: &str) -> bool {
    text.chars().all(char::is_whitespace)
}

/// Marks sentences whole, without the space around them.
fn whole(sentences: &[(usize, &str)], spans: &mut Vec<Span>) {
    for (at, sentence) in sentences {
        let text = sentence.trim();
        let start = at + sentence.len() - sentence.trim_start().len();
        if !text.is_empty() {
            spans.push(Span {
                range: start..start + text.len(),
                kind: SpanKind::Sentence,
            });
        }
    }
}

/// Marks the segments that were not kept. Marks with nothing but space between them become one.
fn spans(
    (start, text): (usize, &str),
    segments: &[(usize, &str)],
    kept: &[bool],
    spans: &mut Vec<Span>,
) {
    let first = spans.len();
    let changed = segments.iter().zip(kept).filter(|(_, kept)| !**kept);
    for ((at, segment), _) in changed {
        let end = at + segment.len();
        if let Some(last) = spans[first..].last_mut()
            && text
                .get(last.range.end - start..at - start)
                .is_some_and(is_space)
        {
            last.range.end = end;
        } else {
            spans.push(Span {
                range: *at..end,
                kind: SpanKind::Words,
            });
        }
    }
}
