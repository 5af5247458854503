//! The gateway's own header names, and text made fit for a header.

use http::{HeaderName, HeaderValue};

pub(super) const WORKLOAD: HeaderName = HeaderName::from_static("x-backstop-workload");
pub(super) const ROUTE: HeaderName = HeaderName::from_static("x-backstop-route");
pub(super) const ATTEMPTS: HeaderName = HeaderName::from_static("x-backstop-attempts");
pub(super) const FALLBACK: HeaderName = HeaderName::from_static("x-backstop-fallback");
pub(super) const EVENT: HeaderName = HeaderName::from_static("x-backstop-event");
pub(super) const DEGRADED: HeaderName = HeaderName::from_static("x-backstop-degraded");
pub(super) const UNLOGGED: HeaderName = HeaderName::from_static("x-backstop-unlogged");
pub(super) const PROVIDER_FALLBACK: HeaderName =
    HeaderName::from_static("x-backstop-provider-fallback");
pub(super) const ERROR: HeaderName = HeaderName::from_static("x-backstop-error");
/// Asks the OpenAI and Anthropic SDKs not to repeat what was repeated here.
pub(super) const SHOULD_RETRY: HeaderName = HeaderName::from_static("x-should-retry");

/// The longest text that is put into a header.
const LONGEST: usize = 512;

/// A text as a header value: one line, no control characters, not too long.
pub(super) fn value(text: &str) -> HeaderValue {
    let line: String = text
        .chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .take(LONGEST)
        .collect();
    HeaderValue::from_bytes(line.trim().as_bytes())
        .unwrap_or_else(|_| HeaderValue::from_static("?"))
}

/// A small number as a header value, without allocating for the usual ones.
pub(super) fn count(number: u32) -> HeaderValue {
    match number {
        1 => HeaderValue::from_static("1"),
        2 => HeaderValue::from_static("2"),
        _ => HeaderValue::from(number),
    }
}

#[cfg(test)]
mod tests {
    use super::value;

    #[test]
    fn no_text_can_break_out_of_its_header() {
        for (case, text, shown) in [
            (
                "plain",
                "Served by a backup model.",
                "Served by a backup model.",
            ),
            ("line break", "a\r\nx-evil: 1", "a  x-evil: 1"),
            ("escape", "a\u{1b}[2J", "a [2J"),
            ("accents", "d\u{e9}grad\u{e9}", "d\u{e9}grad\u{e9}"),
            ("spaces", "  a ", "a"),
            ("empty", "", ""),
        ] {
            assert_eq!(value(text).as_bytes(), shown.as_bytes(), "{case}");
        }
        assert_eq!(value(&"x".repeat(9999)).len(), super::LONGEST);
    }
}
