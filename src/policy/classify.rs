//! From evidence to error class, body code before status (DESIGN section 3, WIRE sections 1 to 4).
//!
//! One rule stands above the codes: a 400 or 401 keeps its class whatever the body says, so that no body can
//! turn them into a trigger.

use super::{Evidence, ProviderError, codes};
use crate::model::{ErrorClass, ErrorDetail};

/// Says what a failure was.
#[must_use]
pub fn classify(evidence: &Evidence) -> ErrorClass {
    match evidence {
        Evidence::Response { status, error, .. } => response(*status, error),
        Evidence::Timeout { .. } => ErrorClass::Timeout,
        Evidence::Unreachable { .. } => ErrorClass::Unreachable,
        Evidence::Broken { error, .. } => match said(error) {
            // The provider named a cause that another route would not cure, or one that wants a backoff.
            Some(
                class @ (ErrorClass::InvalidRequest
                | ErrorClass::Authentication
                | ErrorClass::Forbidden
                | ErrorClass::QuotaExhausted
                | ErrorClass::RateLimited),
            ) => class,
            Some(
                ErrorClass::ServerError
                | ErrorClass::Overloaded
                | ErrorClass::Timeout
                | ErrorClass::Unreachable
                | ErrorClass::BrokenResponse,
            )
            | None => ErrorClass::BrokenResponse,
        },
    }
}

/// An error status with its body.
fn response(status: u16, error: &ProviderError) -> ErrorClass {
    let by_status = of_status(status);
    match by_status {
        ErrorClass::InvalidRequest | ErrorClass::Authentication => by_status,
        ErrorClass::Forbidden
        | ErrorClass::QuotaExhausted
        | ErrorClass::RateLimited
        | ErrorClass::ServerError
        | ErrorClass::Overloaded
        | ErrorClass::Timeout
        | ErrorClass::Unreachable
        | ErrorClass::BrokenResponse => match said(error) {
            // 403 says no whatever the words; only the kind of no is refined. A filter's no is the request's,
            // so that who allows a fallback from 403 does not get content past the filter.
            Some(class) if by_status == ErrorClass::Forbidden => {
                if class == ErrorClass::QuotaExhausted || is_filtered(error) {
                    class
                } else {
                    by_status
                }
            }
            // A 5xx is the provider's fault. Several name any error `invalid_request_error`; only a code
            // says that the request would fail everywhere.
            Some(ErrorClass::InvalidRequest)
                if status >= 500 && error.code.as_deref().and_then(codes::meaning).is_none() =>
            {
                by_status
            }
            Some(class) => class,
            None => by_status,
        },
    }
}

/// Whether the provider's filter refused the content.
fn is_filtered(error: &ProviderError) -> bool {
    let code = error.code.as_deref().and_then(codes::meaning);
    code.and_then(|meaning| meaning.detail) == Some(ErrorDetail::ContentFilter)
}

/// What a status alone means.
fn of_status(status: u16) -> ErrorClass {
    match status {
        401 => ErrorClass::Authentication,
        402 => ErrorClass::QuotaExhausted,
        403 => ErrorClass::Forbidden,
        408 | 504 => ErrorClass::Timeout,
        // A conflict is a matter of timing, like a rate limit: back off first.
        409 | 429 => ErrorClass::RateLimited,
        400..=499 => ErrorClass::InvalidRequest,
        503 | 529 => ErrorClass::Overloaded,
        500..=599 => ErrorClass::ServerError,
        // Anything else is no error status of HTTP.
        _ => ErrorClass::BrokenResponse,
    }
}

/// What the provider's error object says: the words of its code, then of its type, then a number in place of a
/// code. A type that some give to any error comes last.
fn said(error: &ProviderError) -> Option<ErrorClass> {
    let meaning = |word: &str| codes::meaning(word).map(|meaning| meaning.class);
    let kind = error.kind.as_deref();
    let class = error
        .code
        .as_deref()
        .and_then(meaning)
        .or_else(|| kind.filter(|kind| !codes::is_vague(kind)).and_then(meaning))
        .or_else(|| error.code.as_deref().and_then(of_number))
        .or_else(|| kind.and_then(meaning))?;
    // Gemini: a tier that has none of a quota never gets any, however long one waits.
    let none =
        class == ErrorClass::RateLimited && error.message.as_deref().is_some_and(has_no_quota);
    Some(if none {
        ErrorClass::QuotaExhausted
    } else {
        class
    })
}

/// Routers put the upstream's status into the code, as a number or a text.
fn of_number(code: &str) -> Option<ErrorClass> {
    let status = code.parse().ok()?;
    (400..=599).contains(&status).then(|| of_status(status))
}

/// Whether Google says that the limit itself is zero. It is part of no field but the message.
fn has_no_quota(message: &str) -> bool {
    message.contains("doesn't have a free quota tier")
        || message.split("limit: 0").skip(1).any(|rest| {
            let fraction = rest.strip_prefix('.').unwrap_or(rest);
            !fraction.starts_with(|next: char| next.is_ascii_digit())
        })
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::policy::{BrokenKind, TimeoutStage, UnreachableKind};

    fn error(kind: &str, code: &str) -> ProviderError {
        let text = |text: &str| (!text.is_empty()).then(|| text.to_owned());
        ProviderError {
            kind: text(kind),
            code: text(code),
            message: None,
        }
    }

    #[test]
    #[expect(clippy::too_many_lines, reason = "the table is the point")]
    fn responses_by_code_before_status() {
        use ErrorClass::{
            Authentication, Forbidden, InvalidRequest, Overloaded, QuotaExhausted, RateLimited,
            ServerError, Timeout,
        };
        for (case, status, kind, code, class) in [
            (
                "bad request",
                400,
                "invalid_request_error",
                "",
                InvalidRequest,
            ),
            (
                "unknown model",
                404,
                "invalid_request_error",
                "model_not_found",
                InvalidRequest,
            ),
            ("method", 405, "", "", InvalidRequest),
            ("too large", 413, "request_too_large", "", InvalidRequest),
            ("media type", 415, "", "", InvalidRequest),
            (
                "unprocessable",
                422,
                "invalid_request_error",
                "",
                InvalidRequest,
            ),
            (
                "context length",
                400,
                "invalid_request_error",
                "context_length_exceeded",
                InvalidRequest,
            ),
            ("azure filter", 400, "", "content_filter", InvalidRequest),
            (
                "400 stays 400 whatever the body says",
                400,
                "overloaded_error",
                "server_is_overloaded",
                InvalidRequest,
            ),
            (
                "wrong key",
                401,
                "invalid_request_error",
                "invalid_api_key",
                Authentication,
            ),
            (
                "401 stays 401 whatever the body says",
                401,
                "server_error",
                "503",
                Authentication,
            ),
            ("money", 402, "billing_error", "", QuotaExhausted),
            ("no permission", 403, "permission_error", "", Forbidden),
            (
                "403 stays no whatever the body says",
                403,
                "overloaded_error",
                "",
                Forbidden,
            ),
            (
                "403 for money",
                403,
                "",
                "insufficient_quota",
                QuotaExhausted,
            ),
            ("conflict backs off", 409, "conflict_error", "", RateLimited),
            ("load", 429, "requests", "rate_limit_exceeded", RateLimited),
            (
                "slow down",
                429,
                "rate_limit_error",
                "slow_down",
                RateLimited,
            ),
            ("429 without a body", 429, "", "", RateLimited),
            (
                "openai quota by type",
                429,
                "insufficient_quota",
                "",
                QuotaExhausted,
            ),
            (
                "openai quota by code",
                429,
                "insufficient_quota",
                "insufficient_quota",
                QuotaExhausted,
            ),
            (
                "credit",
                429,
                "",
                "credit_balance_exhausted",
                QuotaExhausted,
            ),
            (
                "organisation spend",
                429,
                "",
                "organization_spend_limit_exceeded",
                QuotaExhausted,
            ),
            (
                "project spend",
                429,
                "",
                "project_spend_limit_exceeded",
                QuotaExhausted,
            ),
            (
                "organisation usage",
                429,
                "",
                "organization_usage_limit_exceeded",
                QuotaExhausted,
            ),
            (
                "anthropic spend",
                429,
                "rate_limit_error",
                "enforced_spend_limit_reached",
                QuotaExhausted,
            ),
            (
                "gemini minute",
                429,
                "RESOURCE_EXHAUSTED",
                "GenerateRequestsPerMinutePerProject",
                RateLimited,
            ),
            (
                "gemini day",
                429,
                "RESOURCE_EXHAUSTED",
                "GenerateRequestsPerDayPerProject",
                QuotaExhausted,
            ),
            (
                "a 413 that a proxy turned into 429",
                429,
                "request_too_large",
                "",
                InvalidRequest,
            ),
            ("server error", 500, "server_error", "", ServerError),
            ("anthropic api error", 500, "api_error", "", ServerError),
            ("bad gateway", 502, "", "", ServerError),
            ("odd 5xx", 520, "", "", ServerError),
            (
                "unavailable",
                503,
                "service_unavailable_error",
                "server_is_overloaded",
                Overloaded,
            ),
            ("503 without a body", 503, "", "", Overloaded),
            (
                "503 with a type that says nothing",
                503,
                "invalid_request_error",
                "no_fixture_match",
                Overloaded,
            ),
            (
                "500 for a request that would fail everywhere",
                500,
                "invalid_request_error",
                "context_length_exceeded",
                InvalidRequest,
            ),
            (
                "anthropic overloaded",
                529,
                "overloaded_error",
                "",
                Overloaded,
            ),
            (
                "overload told with 500",
                500,
                "overloaded_error",
                "",
                Overloaded,
            ),
            (
                "rate limit told with 500",
                500,
                "",
                "rate_limit_exceeded",
                RateLimited,
            ),
            ("request timeout", 408, "", "", Timeout),
            ("gateway timeout", 504, "timeout_error", "", Timeout),
            ("router's 402 inside 502", 502, "", "402", QuotaExhausted),
            ("cancelled", 499, "CANCELLED", "", InvalidRequest),
        ] {
            let evidence = Evidence::Response {
                status,
                error: error(kind, code),
                retry_after: Some(Duration::from_secs(1)),
            };
            assert_eq!(classify(&evidence), class, "{case}");
        }
    }

    #[test]
    fn success_that_is_none() {
        for (case, kind, code, class) in [
            ("no words", "", "", ErrorClass::BrokenResponse),
            (
                "overloaded",
                "overloaded_error",
                "",
                ErrorClass::BrokenResponse,
            ),
            (
                "server error",
                "server_error",
                "500",
                ErrorClass::BrokenResponse,
            ),
            (
                "the request is wrong",
                "invalid_request_error",
                "",
                ErrorClass::InvalidRequest,
            ),
            (
                "the key is wrong",
                "authentication_error",
                "",
                ErrorClass::Authentication,
            ),
            (
                "money",
                "",
                "insufficient_quota",
                ErrorClass::QuotaExhausted,
            ),
            ("money by number", "", "402", ErrorClass::QuotaExhausted),
            ("load", "", "rate_limit_exceeded", ErrorClass::RateLimited),
        ] {
            for broken in [BrokenKind::ErrorInsideSuccess, BrokenKind::StreamError] {
                let evidence = Evidence::Broken {
                    kind: broken,
                    error: error(kind, code),
                    status: Some(200),
                    retry_after: None,
                };
                assert_eq!(classify(&evidence), class, "{case}");
            }
        }
        for kind in [
            BrokenKind::Html,
            BrokenKind::Malformed,
            BrokenKind::Empty,
            BrokenKind::Redirect,
            BrokenKind::WrongContentType,
            BrokenKind::Cut,
            BrokenKind::MissingEnd,
        ] {
            let evidence = Evidence::Broken {
                kind,
                error: ProviderError::default(),
                status: Some(200),
                retry_after: None,
            };
            assert_eq!(classify(&evidence), ErrorClass::BrokenResponse, "{kind:?}");
        }
    }

    #[test]
    fn clocks_and_connections() {
        for stage in [
            TimeoutStage::Headers,
            TimeoutStage::FirstOutput,
            TimeoutStage::Idle,
            TimeoutStage::Total,
        ] {
            for caller in [false, true] {
                assert_eq!(
                    classify(&Evidence::Timeout { stage, caller }),
                    ErrorClass::Timeout
                );
            }
        }
        for kind in [
            UnreachableKind::Dns,
            UnreachableKind::Connect,
            UnreachableKind::Tls,
            UnreachableKind::ResetBeforeHeaders,
        ] {
            assert_eq!(
                classify(&Evidence::Unreachable { kind }),
                ErrorClass::Unreachable
            );
        }
    }

    proptest::proptest! {
        #[test]
        fn no_body_makes_400_or_401_a_trigger(
            status in proptest::sample::select(vec![400_u16, 401]),
            kind in ".{0,30}",
            code in "[a-z_]{0,30}|[0-9]{3}|overloaded_error|rate_limit_exceeded",
        ) {
            let class = classify(&Evidence::Response {
                status,
                error: error(&kind, &code),
                retry_after: None,
            });
            proptest::prop_assert!(matches!(
                class,
                ErrorClass::InvalidRequest | ErrorClass::Authentication
            ));
        }
    }
}
