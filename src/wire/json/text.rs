//! Strings in JSON text: where they end and what they mean.

use std::{borrow::Cow, ops::Range};

use memchr::memchr2;

/// A string as it stands in the text.
#[derive(Clone, Copy, Debug)]
pub struct Text<'a> {
    pub(super) quoted: &'a [u8],
    pub(super) start: usize,
    pub(super) escaped: bool,
}

impl<'a> Text<'a> {
    /// The bytes that it means. Borrowed unless it has escapes; as written when an escape is broken.
    #[must_use]
    pub fn bytes(&self) -> Cow<'a, [u8]> {
        if self.escaped {
            match serde_json::from_slice::<String>(self.quoted) {
                Ok(plain) => return Cow::Owned(plain.into_bytes()),
                Err(_broken) => return Cow::Borrowed(self.inside()),
            }
        }
        Cow::Borrowed(self.inside())
    }

    /// The text that it means. `None`: not UTF-8, or a broken escape.
    #[must_use]
    pub fn text(&self) -> Option<Cow<'a, str>> {
        if self.escaped {
            return serde_json::from_slice(self.quoted).ok().map(Cow::Owned);
        }
        std::str::from_utf8(self.inside()).ok().map(Cow::Borrowed)
    }

    /// Whether there is nothing between the quotes.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.quoted.len() == 2
    }

    /// Where its first character stands, after the quote.
    #[must_use]
    pub const fn inside_start(&self) -> usize {
        self.start + 1
    }

    /// Where it stands, quotes included.
    #[must_use]
    pub const fn place(&self) -> Range<usize> {
        self.start..self.start + self.quoted.len()
    }

    fn inside(&self) -> &'a [u8] {
        self.quoted
            .get(1..self.quoted.len() - 1)
            .unwrap_or_default()
    }
}

/// The first quote or backslash. Most are near (keys, escapes in prose): eight bytes at a time cost less than
/// starting a vector search, which is for the rest.
pub(super) fn quote_or_escape(text: &[u8]) -> Option<usize> {
    const NEAR: usize = 64;
    let mut at = 0;
    while at < NEAR
        && let Some(word) = text
            .get(at..at + 8)
            .and_then(|bytes| <[u8; 8]>::try_from(bytes).ok())
    {
        let word = u64::from_le_bytes(word);
        let found = zero_bytes(word ^ (EVERY_BYTE * u64::from(b'"')))
            | zero_bytes(word ^ (EVERY_BYTE * u64::from(b'\\')));
        if found != 0 {
            return Some(at + found.trailing_zeros() as usize / 8);
        }
        at += 8;
    }
    memchr2(b'"', b'\\', text.get(at..)?).map(|found| at + found)
}

/// A word with one in each byte.
const EVERY_BYTE: u64 = u64::MAX / 255;

/// Sets the high bit of the lowest byte that is zero; bytes above it may be set wrongly.
const fn zero_bytes(word: u64) -> u64 {
    word.wrapping_sub(EVERY_BYTE) & !word & (EVERY_BYTE << 7)
}

/// The text as it stands between the quotes of a JSON string.
#[must_use]
pub fn escaped(text: &str) -> String {
    let mut quoted = serde_json::Value::from(text).to_string();
    quoted.pop();
    quoted.remove(0);
    quoted
}
