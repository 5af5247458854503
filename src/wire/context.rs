//! How much context a request takes, from its bytes alone: no tokenizer, no table of models.
//!
//! Asked by the gateway only when a fallback of known context size is about to be chosen, so the usual
//! request pays nothing. Two bounds are given, because bytes cannot say more:
//!
//! - `at_least`: one token for six characters of text, runs of the same character counted once. English
//!   takes one for about 4.5, source code one for 3 to 4, other scripts one for 1 to 3; no text of any length
//!   that people or programs write goes below one for 6 with the tokenizers in use. Keys, images, audio,
//!   files and signatures count nothing here. What this bound says is sure enough to refuse on.
//! - `likely`: one token for three ASCII characters, one for each other character, 1,600 for each image or
//!   file. Most requests take less.
//!
//! Both include the output that the request reserves (`max_tokens` and its like): providers refuse a request
//! whose input and reserved output together exceed the window.

use memchr::{memchr, memchr2};

use super::json::{Malformed, Reader};
use crate::policy::ContextNeed;

/// Characters for one token, at most.
const SPARSE: u64 = 6;
/// ASCII characters for one token, at least.
const DENSE: u64 = 3;
/// Tokens of an image or a file, as a rule at most.
const OPAQUE: u64 = 1600;
/// Text of this length without a single space may be encoded data.
const ENCODED: usize = 256;

/// The bounds for one body, a JSON object that was scanned before.
#[must_use]
pub fn context_need(body: &[u8]) -> ContextNeed {
    let text = Text::of(body);
    let output = reserved(body).unwrap_or(0);
    let tokens = |input: u64| u32::try_from(input.saturating_add(output)).unwrap_or(u32::MAX);
    ContextNeed {
        at_least: tokens(text.distinct / SPARSE),
        likely: tokens(text.ascii / DENSE + text.other + text.opaque * OPAQUE),
    }
}

/// The output tokens that a body reserves. `None`: it sets no limit.
#[must_use]
pub fn reserved_output(body: &[u8]) -> Option<u64> {
    reserved(body).ok().filter(|most| *most > 0)
}

/// The output that is reserved, by any family's name for it.
fn reserved(body: &[u8]) -> Result<u64, Malformed> {
    let mut most = 0;
    Reader::new(body).fields(|reader, key| match &*key.bytes() {
        b"max_tokens" | b"max_completion_tokens" | b"max_output_tokens" => {
            most = number(reader, body)?.max(most);
            Ok(())
        }
        b"generationConfig" | b"generation_config" => reader
            .fields(|reader, key| match &*key.bytes() {
                b"maxOutputTokens" | b"max_output_tokens" => {
                    most = number(reader, body)?.max(most);
                    Ok(())
                }
                _ => reader.skip().map(drop),
            })
            .map(drop),
        _ => reader.skip().map(drop),
    })?;
    Ok(most)
}

fn number(reader: &mut Reader<'_>, body: &[u8]) -> Result<u64, Malformed> {
    let digits = body.get(reader.skip()?).unwrap_or_default();
    let digits = std::str::from_utf8(digits).unwrap_or_default();
    Ok(digits.parse().unwrap_or(0))
}

/// What stands in the strings of a body that are values.
#[derive(Debug, Default)]
struct Text {
    ascii: u64,
    other: u64,
    /// Characters that differ from the one before.
    distinct: u64,
    /// Strings of encoded data.
    opaque: u64,
}

impl Text {
    fn of(mut rest: &[u8]) -> Self {
        let mut text = Self::default();
        while let Some(open) = memchr(b'"', rest) {
            let inside = rest.get(open + 1..).unwrap_or_default();
            let length = string_length(inside);
            let (string, after) = inside.split_at(length);
            rest = after.get(1..).unwrap_or_default();
            let next = rest.iter().find(|byte| !byte.is_ascii_whitespace());
            if next == Some(&b':') {
                continue;
            }
            if is_encoded(string) {
                text.opaque += 1;
            } else {
                text.add(string);
            }
        }
        text
    }

    fn add(&mut self, string: &[u8]) {
        let count = |number: usize| u64::try_from(number).unwrap_or(u64::MAX);
        let ascii = string.iter().filter(|byte| byte.is_ascii()).count();
        // Of a character in several bytes only the first is not a continuation.
        let other = string.iter().filter(|byte| **byte >= 0xc0).count();
        let later = string.get(1..).unwrap_or_default();
        let repeated = string
            .iter()
            .zip(later)
            .filter(|(one, next)| one == next && next.is_ascii())
            .count();
        self.ascii += count(ascii);
        self.other += count(other);
        self.distinct += count(ascii + other - repeated);
    }
}

/// Up to the closing quote, or to the end.
fn string_length(inside: &[u8]) -> usize {
    let mut at = 0;
    while let Some(found) = inside.get(at..).and_then(|rest| memchr2(b'"', b'\\', rest)) {
        if inside.get(at + found) == Some(&b'"') {
            return at + found;
        }
        at = (at + found + 2).min(inside.len());
    }
    inside.len()
}

/// Whether a string is base64 or a data URL: it has a price, but not by its length.
fn is_encoded(string: &[u8]) -> bool {
    if string.starts_with(b"data:") {
        return true;
    }
    string.get(..ENCODED).is_some_and(|head| {
        head.iter().all(|byte| {
            byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/' | b'-' | b'_' | b'=')
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn need(at_least: u32, likely: u32) -> ContextNeed {
        ContextNeed { at_least, likely }
    }

    #[test]
    fn text_counts_and_the_rest_does_not() {
        let long = "word ".repeat(600);
        let encoded = "QUJD".repeat(1000);
        for (case, body, expected) in [
            ("nothing", r"{}".to_owned(), need(0, 0)),
            (
                "keys alone",
                r#"{"messages":[],"tools":[]}"#.to_owned(),
                need(0, 0),
            ),
            (
                "text",
                format!(r#"{{"content":"{long}"}}"#),
                need(500, 1000),
            ),
            (
                "escapes do not end a string",
                r#"{"a":"\"\\","b":"123456"}"#.to_owned(),
                // The two backslashes beside each other are a run.
                need(1, 3),
            ),
            (
                "runs",
                format!(r#"{{"a":"{}"}}"#, "!".repeat(6000)),
                need(0, 2000),
            ),
            (
                "other scripts",
                format!(r#"{{"a":"{}"}}"#, "\u{4f60}\u{597d}".repeat(300)),
                need(100, 600),
            ),
            (
                "base64",
                format!(r#"{{"data":"{encoded}"}}"#),
                need(0, 1600),
            ),
            (
                "a data URL",
                r#"{"url":"data:image/png;base64,QUJD"}"#.to_owned(),
                need(0, 1600),
            ),
            (
                "output, chat",
                r#"{"max_completion_tokens":4096,"max_tokens":1}"#.to_owned(),
                need(4096, 4096),
            ),
            (
                "output, responses",
                r#"{"max_output_tokens": 10}"#.to_owned(),
                need(10, 10),
            ),
            (
                "output, gemini",
                r#"{"generationConfig":{"maxOutputTokens":7}}"#.to_owned(),
                need(7, 7),
            ),
            (
                "output not a number",
                r#"{"max_tokens":null}"#.to_owned(),
                need(0, 0),
            ),
            (
                "absurd output",
                r#"{"max_tokens":99999999999999}"#.to_owned(),
                need(u32::MAX, u32::MAX),
            ),
            ("cut", r#"{"a":"123456\"#.to_owned(), need(1, 2)),
        ] {
            assert_eq!(context_need(body.as_bytes()), expected, "{case}");
        }
    }

    proptest::proptest! {
        /// Whatever the bytes are: it ends, and the sure bound is never above the likely one.
        #[test]
        fn the_sure_bound_is_the_lower_one(body in "\\PC{0,400}") {
            let need = context_need(body.as_bytes());
            proptest::prop_assert!(need.at_least <= need.likely);
        }
    }
}
