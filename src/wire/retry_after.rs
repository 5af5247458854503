//! When a provider says to come back, in any of its spellings.
//!
//! Not clamped and never invented. The `x-ratelimit-reset-*` and `anthropic-ratelimit-*-reset` headers are
//! not read: they say when a limit is whole again, not when the next request would pass, and Azure's
//! `remaining` may be 0 without meaning.

use std::time::{Duration, SystemTime};

use http::HeaderMap;
use jiff::Timestamp;

/// Longer than any deployment, and safe to add to any time.
const LONGEST: Duration = Duration::from_hours(100 * 365 * 24);

/// The hint of the headers. A date that has passed is zero; text that is no duration is no hint.
pub(super) fn of_headers(headers: &HeaderMap, now: Timestamp) -> Option<Duration> {
    let text = |name: &str| headers.get(name)?.to_str().ok().map(str::trim);
    let millis = |name: &str| text(name).and_then(|text| number(text, 1e-3));
    millis("retry-after-ms")
        .or_else(|| millis("x-ms-retry-after-ms"))
        .or_else(|| {
            let text = text("retry-after")?;
            number(text, 1.0).or_else(|| date(text, now))
        })
}

/// A duration in seconds.
pub(super) fn of_seconds(seconds: f64) -> Option<Duration> {
    if !seconds.is_finite() || seconds < 0.0 {
        return None;
    }
    let duration = Duration::try_from_secs_f64(seconds).unwrap_or(LONGEST);
    Some(duration.min(LONGEST))
}

/// A plain number: it begins with a digit, so that `-1`, `inf` and `nan` are none.
fn number(text: &str, unit: f64) -> Option<Duration> {
    if !text.starts_with(|first: char| first.is_ascii_digit()) {
        return None;
    }
    text.parse::<f64>()
        .ok()
        .map(|number| number * unit)
        .and_then(of_seconds)
}

/// How long until an HTTP date, in any of its three forms.
fn date(text: &str, now: Timestamp) -> Option<Duration> {
    let date = httpdate::parse_http_date(text).ok()?;
    let left = date
        .duration_since(SystemTime::from(now))
        .unwrap_or(Duration::ZERO);
    Some(left.min(LONGEST))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use http::{HeaderMap, HeaderName, HeaderValue};
    use jiff::Timestamp;

    use super::{LONGEST, of_headers};

    #[test]
    fn every_spelling_is_read_and_nothing_is_invented() {
        let now: Timestamp = "2026-11-21T02:49:22Z".parse().unwrap();
        let seconds = |seconds: f64| Some(Duration::from_secs_f64(seconds));
        for (case, rows, hint) in [
            ("none", &[][..], None),
            ("seconds", &[("retry-after", "7")], seconds(7.0)),
            ("zero", &[("retry-after", "0")], seconds(0.0)),
            ("fraction", &[("retry-after", "1.5")], seconds(1.5)),
            ("spaces", &[("retry-after", " 7 ")], seconds(7.0)),
            (
                "date",
                &[("retry-after", "Sat, 21 Nov 2026 02:50:22 GMT")],
                seconds(60.0),
            ),
            (
                "rfc 850 date",
                &[("retry-after", "Saturday, 21-Nov-26 02:50:22 GMT")],
                seconds(60.0),
            ),
            (
                "asctime date",
                &[("retry-after", "Sat Nov 21 02:50:22 2026")],
                seconds(60.0),
            ),
            (
                "date in the past",
                &[("retry-after", "Fri, 20 Nov 2026 02:50:22 GMT")],
                seconds(0.0),
            ),
            ("milliseconds", &[("retry-after-ms", "1200")], seconds(1.2)),
            (
                "azure milliseconds",
                &[("x-ms-retry-after-ms", "250")],
                seconds(0.25),
            ),
            (
                "milliseconds are finer",
                &[("retry-after", "2"), ("retry-after-ms", "1200")],
                seconds(1.2),
            ),
            (
                "broken milliseconds",
                &[("retry-after", "2"), ("retry-after-ms", "soon")],
                seconds(2.0),
            ),
            ("negative", &[("retry-after", "-5")], None),
            ("words", &[("retry-after", "later")], None),
            ("empty", &[("retry-after", "")], None),
            ("infinity", &[("retry-after", "inf")], None),
            ("not a number", &[("retry-after", "nan")], None),
            (
                "ten years, not clamped",
                &[("retry-after", "315360000")],
                seconds(315_360_000.0),
            ),
            ("absurd", &[("retry-after", "1e300")], Some(LONGEST)),
            ("beyond floats", &[("retry-after", "9e999")], None),
            (
                "resets are no hint",
                &[
                    ("x-ratelimit-remaining-requests", "0"),
                    ("x-ratelimit-reset-requests", "1s"),
                    ("anthropic-ratelimit-requests-reset", "2026-11-21T02:50:22Z"),
                ],
                None,
            ),
        ] {
            let headers: HeaderMap = rows
                .iter()
                .map(|(name, value)| {
                    (
                        HeaderName::from_static(name),
                        HeaderValue::from_static(value),
                    )
                })
                .collect();
            assert_eq!(of_headers(&headers, now), hint, "{case}");
        }
    }
}
