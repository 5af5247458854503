//! A credential that cannot be printed by accident.
//!
//! Read by `config`, used only by `wire` when it writes the authentication header. Nothing else may call
//! [`Secret::expose`].

use std::{fmt, sync::Arc};

use memchr::memchr3_iter;
use zeroize::Zeroizing;

/// No key is shorter; nor is the beginning of one that is worth hiding.
const SHORTEST: usize = 8;

/// A secret text. `Debug` and `Display` print `***`; it has no `Serialize`; its memory is overwritten when the
/// last copy goes.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(Arc<Zeroizing<Box<str>>>);

impl Secret {
    /// Takes the secret text as read from the environment or a file.
    #[must_use]
    pub fn new(text: &str) -> Self {
        Self(Arc::new(Zeroizing::new(text.into())))
    }

    /// What came from outside, with this secret in it made `***`; `None`: it is not in there. Some providers
    /// repeat the key in their error: as it is, or escaped as in JSON or a URL, or cut off at the end. What is
    /// shorter than a key can be is left alone.
    #[must_use]
    pub fn hidden_in(&self, bytes: &[u8]) -> Option<Vec<u8>> {
        let secret = self.0.as_bytes();
        let first = *secret.first().filter(|_| secret.len() >= SHORTEST)?;
        let (mut hidden, mut kept) = (Vec::new(), 0);
        for place in memchr3_iter(first, b'\\', b'%', bytes) {
            let found = bytes.get(place..).filter(|_| place >= kept);
            if let Some(length) = found.and_then(|rest| spelled(secret, rest)) {
                hidden.extend_from_slice(bytes.get(kept..place).unwrap_or_default());
                hidden.extend_from_slice(b"***");
                kept = place + length;
            }
        }
        if hidden.is_empty() {
            return None;
        }
        hidden.extend_from_slice(bytes.get(kept..).unwrap_or_default());
        Some(hidden)
    }

    /// The same for text.
    pub fn hide_in(&self, text: &mut String) {
        if let Some(hidden) = self.hidden_in(text.as_bytes()) {
            *text = String::from_utf8_lossy(&hidden).into_owned();
        }
    }

    /// The text itself, for the authentication header only.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

/// How many bytes the secret takes at the start of a text, however its characters are written there.
fn spelled(secret: &[u8], text: &[u8]) -> Option<usize> {
    let mut rest = text;
    for (count, byte) in secret.iter().enumerate() {
        if rest.is_empty() && count >= SHORTEST {
            break;
        }
        rest = after(*byte, rest)?;
    }
    Some(text.len() - rest.len())
}

/// What follows a character, plain or escaped.
fn after(byte: u8, text: &[u8]) -> Option<&[u8]> {
    let is = |digits: &[u8]| {
        let digits = std::str::from_utf8(digits).ok();
        digits.and_then(|digits| u32::from_str_radix(digits, 16).ok()) == Some(byte.into())
    };
    match text {
        [b'\\', b'u', digits @ ..] if digits.get(..4).is_some_and(is) => digits.get(4..),
        [b'\\', escaped, rest @ ..] if *escaped == byte => Some(rest),
        [b'%', digits @ ..] if digits.get(..2).is_some_and(is) => digits.get(2..),
        [plain, rest @ ..] if *plain == byte => Some(rest),
        _ => None,
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("***")
    }
}

impl fmt::Display for Secret {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("***")
    }
}

#[cfg(test)]
mod tests {
    use super::Secret;

    #[test]
    fn a_secret_is_hidden_wherever_it_stands() {
        let secret = Secret::new("sk-planted/\"+\\");
        for (case, text, hidden) in [
            (
                "plain",
                r#"Wrong key: sk-planted/"+\."#,
                Some("Wrong key: ***."),
            ),
            ("twice", r#"sk-planted/"+\ sk-planted/"+\"#, Some("*** ***")),
            ("alone", r#"sk-planted/"+\"#, Some("***")),
            (
                "behind a beginning",
                r#"sk-psk-planted/"+\"#,
                Some("sk-p***"),
            ),
            (
                "in JSON",
                r#"{"a":"sk-planted/\"+\\"}"#,
                Some(r#"{"a":"***"}"#),
            ),
            (
                "by another writer of JSON",
                r#"{"a":"sk-planted\/\u0022\u002B\\"}"#,
                Some(r#"{"a":"***"}"#),
            ),
            (
                "all of it by number",
                r#"\u0073k\u002dplanted\/\"\u002b\\"#,
                Some("***"),
            ),
            (
                "in a URL",
                "?key=sk-planted%2F%22%2b%5C&a",
                Some("?key=***&a"),
            ),
            ("cut off", "Wrong key: sk-planted", Some("Wrong key: ***")),
            ("too short to tell", "Wrong key: sk-plan", None),
            ("another", "Wrong key: sk-planted.", None),
            ("an escape that is cut off", r"sk-planted\u00", None),
            ("nothing", "", None),
        ] {
            let found = secret.hidden_in(text.as_bytes());
            let found = found.map(|found| String::from_utf8(found).unwrap());
            assert_eq!(found.as_deref(), hidden, "{case}");
        }
        assert_eq!(Secret::new("no").hidden_in(b"no, no"), None);
    }

    #[test]
    fn what_is_text_stays_text() {
        let mut text = "d\u{e9}faut: sk-planted".to_owned();
        Secret::new("sk-planted").hide_in(&mut text);
        assert_eq!(text, "d\u{e9}faut: ***");
    }
}
