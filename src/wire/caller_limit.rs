//! The time limit that a client has set itself, as its SDK tells it. Who runs out of it has gone, so nothing
//! is gained by a longer wait, and nothing is learnt about the route.
//!
//! What the SDKs send: Python `openai` and `anthropic` `x-stainless-read-timeout` (seconds, decimals), Node
//! `openai` and `anthropic` `x-stainless-timeout` (seconds, cut off to whole ones), `google-genai`
//! `x-server-timeout` (seconds, rounded up). Our own, for everybody else: `x-backstop-timeout` (seconds,
//! decimals). All of them end when nothing has come for so long, and as nothing is sent before the answer
//! has begun, each counts from the request to the head of the answer.

use std::time::Duration;

use http::HeaderMap;

/// A limit beyond this is none.
const LONGEST: f64 = 86_400.0;

/// The shortest limit of a request, if it has any.
#[must_use]
pub(super) fn caller_limit(headers: &HeaderMap) -> Option<Duration> {
    let seconds = |name: &str| -> Option<f64> {
        let text = headers.get(name)?.to_str().ok()?;
        let seconds: f64 = text.trim().parse().ok()?;
        (seconds > 0.0 && seconds <= LONGEST).then_some(seconds)
    };
    // Its decimals are cut off, so it lasts up to a second longer than it says.
    let cut_off = seconds("x-stainless-timeout").map(|seconds| seconds.trunc() + 1.0);
    [
        seconds("x-backstop-timeout"),
        seconds("x-stainless-read-timeout"),
        cut_off,
        seconds("x-server-timeout"),
    ]
    .into_iter()
    .flatten()
    .min_by(f64::total_cmp)
    .map(Duration::from_secs_f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_sdk_is_understood() {
        for (case, headers, expected) in [
            ("none", &[][..], None),
            (
                "python, its default",
                &[("x-stainless-read-timeout", "600")],
                Some(600_000),
            ),
            ("python", &[("x-stainless-read-timeout", "2.5")], Some(2500)),
            (
                "python anthropic sends both",
                &[
                    ("x-stainless-timeout", "NOT_GIVEN"),
                    ("x-stainless-read-timeout", "600.0"),
                ],
                Some(600_000),
            ),
            ("node", &[("x-stainless-timeout", "1")], Some(2000)),
            (
                "node, below a second",
                &[("x-stainless-timeout", "0")],
                None,
            ),
            ("google", &[("x-server-timeout", "10")], Some(10_000)),
            ("ours", &[("x-backstop-timeout", "0.25")], Some(250)),
            (
                "the shortest counts",
                &[("x-backstop-timeout", "9"), ("x-server-timeout", "3")],
                Some(3000),
            ),
            ("no number", &[("x-backstop-timeout", "soon")], None),
            ("negative", &[("x-backstop-timeout", "-1")], None),
            ("not finite", &[("x-backstop-timeout", "inf")], None),
            ("nan", &[("x-backstop-timeout", "nan")], None),
            ("absurd", &[("x-backstop-timeout", "1e300")], None),
        ] {
            let headers: HeaderMap = headers
                .iter()
                .map(|(name, value)| {
                    let name = http::HeaderName::from_static(name);
                    (name, http::HeaderValue::from_static(value))
                })
                .collect();
            let expected = expected.map(Duration::from_millis);
            assert_eq!(caller_limit(&headers), expected, "{case}");
        }
    }
}
