//! The one border that text from outside crosses before a person sees it.
//!
//! Model output, provider errors, header values and names from files may hold escape sequences, bidi marks
//! and control characters. Everything that is printed, drawn, logged or exported goes through [`visible`].

use std::borrow::Cow;

/// Replaces what a terminal could obey with a visible mark, and cuts at `limit` characters (with `~`).
///
/// Tab becomes a space and a line feed `\u{240a}`; callers that want lines split first.
#[must_use]
pub fn visible(text: &str, limit: usize) -> Cow<'_, str> {
    let clean = text.chars().all(|character| mark(character).is_none());
    if clean && text.chars().take(limit.saturating_add(1)).count() <= limit {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len().min(limit.saturating_mul(4)));
    for (count, character) in text.chars().enumerate() {
        if count == limit {
            // Of nothing there is no last one to give way to the mark.
            if out.pop().is_some() {
                out.push('~');
            }
            break;
        }
        out.push(mark(character).unwrap_or(character));
    }
    Cow::Owned(out)
}

/// Like [`visible`], but line ends stay, as line feeds: for a block of several lines. Cuts at `limit` characters in
/// all.
#[must_use]
pub fn visible_lines(text: &str, limit: usize) -> String {
    let mut out = String::with_capacity(text.len().min(limit.saturating_mul(4)));
    let mut characters = text.chars().peekable();
    let ends = std::iter::from_fn(|| {
        let next = characters.next()?;
        // Lines may end as on Windows; a return anywhere else is marked.
        characters
            .next_if(|feed| next == '\r' && *feed == '\n')
            .or(Some(next))
    });
    for (count, character) in ends.enumerate() {
        if count == limit {
            // Of nothing there is no last one to give way to the mark.
            if out.pop().is_some() {
                out.push('~');
            }
            break;
        }
        let feed = character == '\n';
        out.push(mark(character).filter(|_| !feed).unwrap_or(character));
    }
    out
}

/// Whether a terminal could obey a character, or a reader be deceived by it.
#[must_use]
pub fn hostile(character: char) -> bool {
    mark(character).is_some()
}

/// The visible stand-in for a character that must not reach a terminal.
fn mark(character: char) -> Option<char> {
    match character {
        '\t' => Some(' '),
        // The control pictures block mirrors C0.
        '\u{0}'..='\u{1f}' => char::from_u32(0x2400 + u32::from(character)),
        '\u{7f}' => Some('\u{2421}'),
        // C1, soft hyphen, bidi controls, zero-width marks, line separators, interlinear marks, tags.
        '\u{80}'..='\u{9f}'
        | '\u{ad}'
        | '\u{61c}'
        | '\u{180e}'
        | '\u{200b}'..='\u{200f}'
        | '\u{2028}'..='\u{202e}'
        | '\u{2060}'..='\u{206f}'
        | '\u{feff}'
        | '\u{fff9}'..='\u{fffb}'
        | '\u{e0000}'..='\u{e007f}' => Some('\u{fffd}'),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::{visible, visible_lines};

    #[test]
    fn hostile_text_becomes_marks() {
        for (case, text, shown) in [
            ("plain", "hello", "hello"),
            ("escape", "a\x1b[2Jb", "a\u{241b}[2Jb"),
            ("osc with bell", "\x1b]0;x\x07", "\u{241b}]0;x\u{2407}"),
            ("c1 csi", "\u{9b}2J", "\u{fffd}2J"),
            ("bidi override", "a\u{202e}b", "a\u{fffd}b"),
            ("new line", "a\nb", "a\u{240a}b"),
            ("accents stay", "h\u{e9}llo", "h\u{e9}llo"),
        ] {
            assert_eq!(visible(text, 40), shown, "{case}");
        }
    }

    #[test]
    fn lines_stay_and_nothing_else_does() {
        assert_eq!(visible_lines("a\nb\u{1b}[2J", 40), "a\nb\u{241b}[2J");
        assert_eq!(
            visible_lines("a\r\nb\rc\r\r\n", 40),
            "a\nb\u{240d}c\u{240d}\n"
        );
        assert_eq!(visible_lines("abcdef", 6), "abcdef");
        assert_eq!(visible_lines("abcdefg", 6), "abcde~");
    }

    #[test]
    fn long_text_is_cut_with_a_mark() {
        assert_eq!(visible("abcdef", 6), "abcdef");
        assert_eq!(visible("abcdefg", 6), "abcde~");
        assert_eq!(visible("", 0), "");
        assert_eq!(visible("a", 0), "");
        assert_eq!(visible_lines("a\n", 0), "");
    }
}
