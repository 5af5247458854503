//! A credential that cannot be printed by accident.
//!
//! Read by `config`, used only by `wire` when it writes the authentication header. Nothing else may call
//! [`Secret::expose`].

use std::{fmt, sync::Arc};

/// A secret text. `Debug` and `Display` print `***`; it has no `Serialize`.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(Arc<str>);

impl Secret {
    /// Takes the secret text as read from the environment or a file.
    #[must_use]
    pub fn new(text: &str) -> Self {
        Self(text.into())
    }

    /// What came from outside, with this secret in it made `***`; `None`: it is not in there. Some providers
    /// repeat the key in their error. What is shorter than a key can be is left alone.
    #[must_use]
    pub fn hidden_in(&self, bytes: &[u8]) -> Option<Vec<u8>> {
        const SHORTEST: usize = 8;
        let secret = self.0.as_bytes();
        if secret.len() < SHORTEST {
            return None;
        }
        let mut left = bytes;
        let mut hidden = Vec::new();
        while let Some(place) = memchr::memmem::find(left, secret) {
            let (before, found) = left.split_at(place);
            hidden.extend_from_slice(before);
            hidden.extend_from_slice(b"***");
            left = found.get(secret.len()..).unwrap_or_default();
        }
        if hidden.is_empty() {
            return None;
        }
        hidden.extend_from_slice(left);
        Some(hidden)
    }

    /// The text itself, for the authentication header only.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
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
        let secret = Secret::new("sk-planted");
        for (text, hidden) in [
            ("Incorrect key: sk-planted.", Some("Incorrect key: ***.")),
            ("sk-planted sk-planted", Some("*** ***")),
            ("sk-planted", Some("***")),
            ("sk-plante", None),
            ("", None),
        ] {
            let found = secret.hidden_in(text.as_bytes());
            assert_eq!(found.as_deref(), hidden.map(str::as_bytes), "{text}");
        }
        assert_eq!(Secret::new("no").hidden_in(b"no, no"), None);
    }
}
