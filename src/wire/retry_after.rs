//! When a provider says to come back, in any of its spellings.
//!
//! Not clamped here (the policy knows what it can wait) and never invented. In this order, the first that can be
//! read:
//!
//! 1. `retry-after-ms`, `x-ms-retry-after-ms`: milliseconds, which are finer than whole seconds;
//! 2. `retry-after`: seconds, or a date in any of HTTP's three forms; also under the names that proxies in
//!    between give it;
//! 3. the body ([`super::provider_error::retry_delay`]);
//! 4. of a 429 alone, the moment at which a used-up limit is whole again (`x-ratelimit-reset-*`,
//!    `anthropic-ratelimit-*-reset`, `ratelimit-reset`). It counts only for a limit whose `remaining` is exactly
//!    0, because the others do not stand in the way; of several such limits the last moment counts, because all
//!    of them do. A `remaining` without a reset means nothing (Azure sends 0 and -1), and a moment that has
//!    passed is no hint.

use std::time::{Duration, SystemTime};

use http::{HeaderMap, StatusCode};
use jiff::Timestamp;

/// Longer than any deployment, and safe to add to any time.
const LONGEST: Duration = Duration::from_hours(100 * 365 * 24);

/// Numbers from here on are moments since 1970 and not times from now: seconds, then milliseconds.
const EPOCH_SECONDS: f64 = 1e9;
const EPOCH_MILLIS: f64 = 1e11;

/// The hint of an error answer, if it has one. A date that has passed is zero; text that is no duration is none.
/// `in_body`: what the body says, asked only when it counts.
pub(super) fn of_answer(
    status: StatusCode,
    headers: &HeaderMap,
    in_body: impl FnOnce() -> Option<Duration>,
    now: Timestamp,
) -> Option<Duration> {
    of_headers(headers, now).or_else(in_body).or_else(|| {
        (status == StatusCode::TOO_MANY_REQUESTS)
            .then(|| used_up(headers, now))
            .flatten()
    })
}

/// The hint of the headers that are made for it.
pub(super) fn of_headers(headers: &HeaderMap, now: Timestamp) -> Option<Duration> {
    let texts = |names: &'static [&str]| names.iter().filter_map(|name| text(headers, name));
    texts(&["retry-after-ms", "x-ms-retry-after-ms"])
        .find_map(|text| number(text, 1e-3))
        .or_else(|| {
            texts(&["retry-after", "x-retry-after", "llm_provider-retry-after"])
                .find_map(|text| number(text, 1.0).or_else(|| date(text, now)))
        })
}

/// When the last of the used-up limits is whole again.
fn used_up(headers: &HeaderMap, now: Timestamp) -> Option<Duration> {
    headers
        .iter()
        .filter(|(_, value)| value.to_str().is_ok_and(|value| value.trim() == "0"))
        .filter_map(|(name, _)| {
            let name = name.as_str();
            let ours = name.starts_with("x-ratelimit-")
                || name.starts_with("anthropic-ratelimit-")
                || name.starts_with("ratelimit-");
            let reset = (ours && name.contains("remaining"))
                .then(|| name.replacen("remaining", "reset", 1))?;
            moment(text(headers, &reset)?, now)
        })
        .max()
}

/// A reset: a duration, a number of seconds, a moment as RFC 3339 or since 1970.
fn moment(text: &str, now: Timestamp) -> Option<Duration> {
    let until = |at: Timestamp| {
        let left = Duration::try_from(at.duration_since(now)).ok()?;
        (!left.is_zero()).then(|| left.min(LONGEST))
    };
    if let Ok(at) = text.parse::<Timestamp>() {
        return until(at);
    }
    let Some(plain) = plain(text) else {
        return duration(text);
    };
    let seconds = if plain >= EPOCH_MILLIS {
        plain * 1e-3
    } else if plain >= EPOCH_SECONDS {
        plain
    } else {
        return of_seconds(plain);
    };
    until(
        Timestamp::UNIX_EPOCH
            .checked_add(of_seconds(seconds)?)
            .ok()?,
    )
}

/// A duration as Go and Google write it: `34.074824224s`, `6m0s`, `12ms`, `1h2m3.5s`.
pub(super) fn duration(text: &str) -> Option<Duration> {
    let mut rest = text.trim();
    if rest.is_empty() {
        return None;
    }
    let mut seconds = 0.0;
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit() && c != '.')?;
        let (number, tail) = rest.split_at(digits);
        let letters = tail
            .find(|c: char| c.is_ascii_digit() || c == '.')
            .unwrap_or(tail.len());
        let (unit, tail) = tail.split_at(letters);
        let unit = match unit {
            "d" => 86_400.0,
            "h" => 3_600.0,
            "m" => 60.0,
            "s" => 1.0,
            "ms" => 1e-3,
            "us" | "\u{b5}s" | "\u{3bc}s" => 1e-6,
            "ns" => 1e-9,
            _ => return None,
        };
        seconds += plain(number)? * unit;
        rest = tail;
    }
    of_seconds(seconds)
}

/// A duration in seconds.
pub(super) fn of_seconds(seconds: f64) -> Option<Duration> {
    if !seconds.is_finite() || seconds < 0.0 {
        return None;
    }
    let duration = Duration::try_from_secs_f64(seconds).unwrap_or(LONGEST);
    Some(duration.min(LONGEST))
}

fn text<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name)?.to_str().ok().map(str::trim)
}

/// A plain number as a duration.
fn number(text: &str, unit: f64) -> Option<Duration> {
    plain(text).map(|number| number * unit).and_then(of_seconds)
}

/// A plain number: it begins with a digit, so that `-1`, `inf` and `nan` are none.
fn plain(text: &str) -> Option<f64> {
    text.starts_with(|first: char| first.is_ascii_digit())
        .then(|| text.parse().ok())
        .flatten()
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

    use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
    use jiff::Timestamp;

    use super::{LONGEST, duration, of_answer};

    #[test]
    #[expect(clippy::too_many_lines, reason = "a table is as long as its cases")]
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
                "renamed by a proxy",
                &[("llm_provider-retry-after", "7")],
                seconds(7.0),
            ),
            (
                "a reset of a limit that is not used up",
                &[
                    ("x-ratelimit-remaining-requests", "12"),
                    ("x-ratelimit-reset-requests", "1s"),
                ],
                None,
            ),
            (
                "openai: of two limits the one that is used up",
                &[
                    ("x-ratelimit-limit-requests", "60"),
                    ("x-ratelimit-remaining-requests", "59"),
                    ("x-ratelimit-reset-requests", "1s"),
                    ("x-ratelimit-limit-tokens", "150000"),
                    ("x-ratelimit-remaining-tokens", "0"),
                    ("x-ratelimit-reset-tokens", "6m0s"),
                ],
                seconds(360.0),
            ),
            (
                "openai: milliseconds",
                &[
                    ("x-ratelimit-remaining-requests", "0"),
                    ("x-ratelimit-reset-requests", "12ms"),
                ],
                seconds(0.012),
            ),
            (
                "both are used up: the later",
                &[
                    ("x-ratelimit-remaining-requests", "0"),
                    ("x-ratelimit-reset-requests", "8.64s"),
                    ("x-ratelimit-remaining-tokens", "0"),
                    ("x-ratelimit-reset-tokens", "1h2m3.5s"),
                ],
                seconds(3723.5),
            ),
            (
                "retry-after goes before resets",
                &[
                    ("retry-after", "2"),
                    ("x-ratelimit-remaining-requests", "0"),
                    ("x-ratelimit-reset-requests", "6m0s"),
                ],
                seconds(2.0),
            ),
            (
                "azure: nothing left means nothing without a reset",
                &[
                    ("x-ratelimit-remaining-requests", "0"),
                    ("x-ratelimit-remaining-tokens", "-1"),
                    ("x-ratelimit-reset-tokens", "60"),
                ],
                None,
            ),
            (
                "anthropic: a moment",
                &[
                    ("anthropic-ratelimit-requests-remaining", "49"),
                    ("anthropic-ratelimit-requests-reset", "2026-11-21T02:59:22Z"),
                    ("anthropic-ratelimit-input-tokens-remaining", "0"),
                    (
                        "anthropic-ratelimit-input-tokens-reset",
                        "2026-11-21T02:50:22Z",
                    ),
                ],
                seconds(60.0),
            ),
            (
                "a moment that has passed",
                &[
                    ("anthropic-ratelimit-requests-remaining", "0"),
                    ("anthropic-ratelimit-requests-reset", "2026-11-21T02:48:22Z"),
                ],
                None,
            ),
            (
                "openrouter: milliseconds since 1970",
                &[
                    ("x-ratelimit-limit", "20"),
                    ("x-ratelimit-remaining", "0"),
                    ("x-ratelimit-reset", "1795229422000"),
                ],
                seconds(60.0),
            ),
            (
                "seconds since 1970",
                &[
                    ("x-ratelimit-remaining", "0"),
                    ("x-ratelimit-reset", "1795229422"),
                ],
                seconds(60.0),
            ),
            (
                "seconds from now, by the draft standard",
                &[("ratelimit-remaining", "0"), ("ratelimit-reset", "30")],
                seconds(30.0),
            ),
            (
                "a reset of another kind",
                &[
                    ("x-ratelimit-remaining-requests", "0"),
                    ("x-ratelimit-reset-requests", "soon"),
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
            let found = of_answer(StatusCode::TOO_MANY_REQUESTS, &headers, || None, now);
            assert_eq!(found, hint, "{case}");
            let resets = rows.iter().any(|(name, _)| name.contains("ratelimit"));
            if resets && headers.get("retry-after").is_none() {
                let busy = of_answer(StatusCode::SERVICE_UNAVAILABLE, &headers, || None, now);
                assert_eq!(busy, None, "{case}: only a rate limit has a reset");
            }
        }
    }

    #[test]
    fn durations_are_read_as_google_and_go_write_them() {
        for (text, seconds) in [
            ("34.074824224s", Some(34.074_824_224)),
            ("7s", Some(7.0)),
            ("0s", Some(0.0)),
            ("6m0s", Some(360.0)),
            ("12ms", Some(0.012)),
            ("1h2m3.5s", Some(3723.5)),
            ("500us", Some(0.0005)),
            ("1d", Some(86_400.0)),
            ("", None),
            ("7", None),
            ("s", None),
            ("-7s", None),
            ("7 s", None),
            ("7x", None),
            ("1.2.3s", None),
            ("nans", None),
        ] {
            let expected = seconds.map(Duration::from_secs_f64);
            assert_eq!(duration(text), expected, "{text}");
        }
    }

    proptest::proptest! {
        #[test]
        fn any_text_is_answered_within_bounds(text in "[0-9a-z.+: -]{0,24}") {
            let now: Timestamp = "2026-11-21T02:49:22Z".parse().unwrap();
            let mut headers = HeaderMap::new();
            headers.insert("x-ratelimit-remaining", HeaderValue::from_static("0"));
            headers.insert("x-ratelimit-reset", HeaderValue::from_str(&text).unwrap());
            let reset = of_answer(StatusCode::TOO_MANY_REQUESTS, &headers, || None, now);
            headers.insert("retry-after", HeaderValue::from_str(&text).unwrap());
            let hint = of_answer(StatusCode::TOO_MANY_REQUESTS, &headers, || None, now);
            for hint in [duration(&text), reset, hint].into_iter().flatten() {
                proptest::prop_assert!(hint <= LONGEST);
            }
        }
    }
}
