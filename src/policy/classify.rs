//! From evidence to error class, body code before status (DESIGN section 3, WIRE sections 1 to 4).
//!
//! One rule stands above the codes: a 400 or 401 keeps its class whatever the body says, so that no body can
//! turn them into a trigger.

use super::{Evidence, ProviderError};
use crate::model::ErrorClass;

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
            // 403 says no whatever the words; only the kind of no is refined.
            Some(class)
                if by_status == ErrorClass::Forbidden && class != ErrorClass::QuotaExhausted =>
            {
                by_status
            }
            // A 5xx is the provider's fault. Several name any error `invalid_request_error`; only a code
            // says that the request would fail everywhere.
            Some(ErrorClass::InvalidRequest)
                if status >= 500 && error.code.as_deref().and_then(of_code).is_none() =>
            {
                by_status
            }
            Some(class) => class,
            None => by_status,
        },
    }
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

/// What the provider's error object says, code before type.
fn said(error: &ProviderError) -> Option<ErrorClass> {
    error
        .code
        .as_deref()
        .and_then(of_code)
        .or_else(|| error.kind.as_deref().and_then(of_code))
}

/// The codes and types that settle the class (WIRE). Vague ones (`server_error`, `api_error`) leave it to
/// the status.
fn of_code(code: &str) -> Option<ErrorClass> {
    let class = match code {
        "insufficient_quota"
        | "credit_balance_exhausted"
        | "organization_spend_limit_exceeded"
        | "project_spend_limit_exceeded"
        | "organization_usage_limit_exceeded"
        | "enforced_spend_limit_reached"
        | "billing_error"
        | "billing_hard_limit_reached" => ErrorClass::QuotaExhausted,
        "context_length_exceeded"
        | "content_filter"
        | "content_policy_violation"
        | "ResponsibleAIPolicyViolation"
        | "model_not_found"
        | "not_found_error"
        | "request_too_large"
        | "invalid_prompt"
        | "invalid_request_error"
        | "INVALID_ARGUMENT"
        | "FAILED_PRECONDITION"
        | "NOT_FOUND"
        | "CANCELLED" => ErrorClass::InvalidRequest,
        "invalid_api_key" | "authentication_error" | "UNAUTHENTICATED" => {
            ErrorClass::Authentication
        }
        "permission_error" | "PERMISSION_DENIED" => ErrorClass::Forbidden,
        "rate_limit_exceeded" | "rate_limit_error" | "slow_down" | "RESOURCE_EXHAUSTED" => {
            ErrorClass::RateLimited
        }
        "overloaded_error"
        | "server_is_overloaded"
        | "service_unavailable_error"
        | "UNAVAILABLE" => ErrorClass::Overloaded,
        "timeout_error" | "DEADLINE_EXCEEDED" => ErrorClass::Timeout,
        // Gemini names the quota that ran out; a day's is spent, a minute's is load.
        quota if quota.contains("PerDay") => ErrorClass::QuotaExhausted,
        quota if quota.contains("PerMinute") => ErrorClass::RateLimited,
        // Routers put the upstream's status there, as a number or a text.
        number => {
            return number
                .parse()
                .ok()
                .filter(|status| (400..=599).contains(status))
                .map(of_status);
        }
    };
    Some(class)
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
