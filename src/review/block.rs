//! Prose taken apart into blocks, as far as Markdown's blocks matter for comparing: paragraphs, headings, list
//! items, table rows, quotes, fenced code.
//!
//! Called by `prose` and `fence`. Not a Markdown parser: what is ambiguous is a paragraph.

use std::ops::Range;

/// One block: whole lines of a text, without the line end after them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Block {
    /// In bytes of the answer's text, on character boundaries.
    pub range: Range<usize>,
    /// What it is.
    pub kind: BlockKind,
}

/// What a block is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum BlockKind {
    /// Lines up to an empty one.
    Paragraph,
    /// A line that begins with `#`.
    Heading,
    /// A list item with the lines that continue it.
    Item,
    /// One row of a table.
    TableRow,
    /// Lines that begin with `>`.
    Quote,
    /// A line that only separates.
    Rule,
    /// Fenced code, the fences included.
    Code,
}

/// The blocks of a text, in order. What lies between them is white space.
pub(super) fn blocks(text: &str) -> Vec<Block> {
    let mut blocks: Vec<Block> = Vec::new();
    let mut fence: Option<Fence> = None;
    // Whether the last block may go on with the next line.
    let mut open = false;
    for line in lines(text) {
        let content = text.get(line.clone()).unwrap_or_default();
        let last = blocks.last_mut();
        if let Some(opened) = &fence {
            if opened.closed_by(content) {
                fence = None;
            }
            if let Some(last) = last {
                last.range.end = line.end;
            }
            continue;
        }
        let Some(kind) = kind(content) else {
            open = false;
            continue;
        };
        let goes_on = open
            && last.as_ref().is_some_and(|last| match kind {
                BlockKind::Paragraph => {
                    matches!(
                        last.kind,
                        BlockKind::Paragraph | BlockKind::Item | BlockKind::Quote
                    )
                }
                BlockKind::Quote => last.kind == BlockKind::Quote,
                BlockKind::Heading
                | BlockKind::Item
                | BlockKind::TableRow
                | BlockKind::Rule
                | BlockKind::Code => false,
            });
        match last {
            Some(last) if goes_on => last.range.end = line.end,
            Some(_) | None => blocks.push(Block { range: line, kind }),
        }
        fence = (kind == BlockKind::Code).then(|| Fence::of(content));
        open = true;
    }
    blocks
}

/// The lines of a text, without their ends (`\n` or `\r\n`).
pub(super) fn lines(text: &str) -> impl Iterator<Item = Range<usize>> {
    let mut at = 0;
    text.split_inclusive('\n').map(move |line| {
        let start = at;
        at += line.len();
        let content = line.strip_suffix('\n').unwrap_or(line);
        let content = content.strip_suffix('\r').unwrap_or(content);
        start..start + content.len()
    })
}

/// What a line begins; `None`: it is empty.
fn kind(line: &str) -> Option<BlockKind> {
    let content = line.trim();
    let first = content.chars().next()?;
    let heading = || {
        let rest = content.trim_start_matches('#');
        content.len() - rest.len() <= 6 && rest.starts_with([' ', '\t'])
    };
    Some(match first {
        '`' | '~' if Fence::of(content).length >= 3 => BlockKind::Code,
        '#' if heading() => BlockKind::Heading,
        '>' => BlockKind::Quote,
        '|' => BlockKind::TableRow,
        '-' | '*' | '_' if rule(content) => BlockKind::Rule,
        '-' | '*' | '+' | '\u{2022}' if marker_ends(content, first.len_utf8()) => BlockKind::Item,
        '0'..='9' if numbered(content) => BlockKind::Item,
        _ => BlockKind::Paragraph,
    })
}

fn rule(content: &str) -> bool {
    let first = content.chars().next();
    let mut marks = content.chars().filter(|character| *character != ' ');
    marks.clone().count() >= 3 && marks.all(|character| Some(character) == first)
}

fn numbered(content: &str) -> bool {
    let rest = content.trim_start_matches(|character: char| character.is_ascii_digit());
    let digits = content.len() - rest.len();
    digits <= 9 && rest.starts_with(['.', ')']) && marker_ends(rest, 1)
}

fn marker_ends(content: &str, length: usize) -> bool {
    let rest = content.get(length..).unwrap_or_default();
    rest.is_empty() || rest.starts_with([' ', '\t'])
}

/// The line that opens fenced code.
#[derive(Clone, Copy, Debug)]
struct Fence {
    mark: char,
    length: usize,
}

impl Fence {
    fn of(line: &str) -> Self {
        let content = line.trim_start();
        let mark = content.chars().next().unwrap_or('`');
        let length = content.chars().take_while(|other| *other == mark).count();
        Self { mark, length }
    }

    fn closed_by(self, line: &str) -> bool {
        let content = line.trim();
        content.chars().all(|character| character == self.mark) && content.len() >= self.length
    }
}

#[cfg(test)]
mod tests {
    use super::{BlockKind, blocks, lines};

    #[test]
    fn a_text_is_taken_apart_where_a_reader_would() {
        let text = "Intro line\nsecond line\n\n# Head\ntext\n- one\n  more\n* two\n2. three\n\n| a | b |\n|---|---|\n> q\n> r\n---\n```rust\nfn a() {}\n\n- no item\n```\nend";
        let found: Vec<(BlockKind, &str)> = blocks(text)
            .into_iter()
            .map(|block| (block.kind, text.get(block.range).unwrap()))
            .collect();
        assert_eq!(
            found,
            [
                (BlockKind::Paragraph, "Intro line\nsecond line"),
                (BlockKind::Heading, "# Head"),
                (BlockKind::Paragraph, "text"),
                (BlockKind::Item, "- one\n  more"),
                (BlockKind::Item, "* two"),
                (BlockKind::Item, "2. three"),
                (BlockKind::TableRow, "| a | b |"),
                (BlockKind::TableRow, "|---|---|"),
                (BlockKind::Quote, "> q\n> r"),
                (BlockKind::Rule, "---"),
                (BlockKind::Code, "```rust\nfn a() {}\n\n- no item\n```"),
                (BlockKind::Paragraph, "end"),
            ]
        );
    }

    #[test]
    fn a_fence_that_is_not_closed_goes_to_the_end() {
        let text = "a\n~~~\nb\n\n```\nc";
        assert_eq!(blocks(text).last().unwrap().range, 2..text.len());
    }

    #[test]
    fn lines_end_before_their_ends() {
        let text = "a\r\n\nb\n";
        let found: Vec<&str> = lines(text).map(|line| text.get(line).unwrap()).collect();
        assert_eq!(found, ["a", "", "b"]);
    }
}
