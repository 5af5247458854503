//! A short name for the content of a file.

use std::fmt::Write as _;

use aws_lc_rs::digest::{SHA256, digest};

/// The first twelve hexadecimal digits of the SHA-256 of the bytes: `sha256sum backstop.toml | cut -c1-12`.
#[must_use]
pub fn fingerprint(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(12);
    for byte in digest(&SHA256, bytes).as_ref().iter().take(6) {
        // Writing to a String cannot fail.
        let _ = write!(text, "{byte:02x}");
    }
    text
}
