//! The words of providers: which code or type means which error class (WIRE sections 1 to 4).
//!
//! Used by `classify` and `detail`. One table, easy to correct; what it does not know is left to the status.

use crate::model::{ErrorClass, ErrorDetail};

/// What a code says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Meaning {
    pub(super) class: ErrorClass,
    pub(super) detail: Option<ErrorDetail>,
}

impl From<ErrorClass> for Meaning {
    fn from(class: ErrorClass) -> Self {
        Self {
            class,
            detail: None,
        }
    }
}

/// The codes and types that settle the class. Vague ones (`server_error`, `api_error`,
/// `provider_unavailable`) leave it to the status.
pub(super) fn meaning(code: &str) -> Option<Meaning> {
    let detailed = |class, detail| {
        Some(Meaning {
            class,
            detail: Some(detail),
        })
    };
    let class = match code {
        "insufficient_quota"
        | "credit_balance_exhausted"
        | "organization_spend_limit_exceeded"
        | "project_spend_limit_exceeded"
        | "organization_usage_limit_exceeded"
        | "enforced_spend_limit_reached"
        | "billing_error"
        | "billing_hard_limit_reached"
        | "billing_not_active"
        | "payment_required" => {
            return detailed(ErrorClass::QuotaExhausted, ErrorDetail::SpendLimit);
        }
        "context_length_exceeded" | "string_above_max_length" | "string_too_long" => {
            return detailed(ErrorClass::InvalidRequest, ErrorDetail::ContextLength);
        }
        "content_filter"
        | "content_policy_violation"
        | "image_content_policy_violation"
        | "moderation_blocked"
        | "ResponsibleAIPolicyViolation" => {
            return detailed(ErrorClass::InvalidRequest, ErrorDetail::ContentFilter);
        }
        "model_not_found" | "DeploymentNotFound" | "invalid_model" => {
            return detailed(ErrorClass::InvalidRequest, ErrorDetail::UnknownModel);
        }
        "invalid_api_key"
        | "authentication_error"
        | "authentication"
        | "UNAUTHENTICATED"
        | "API_KEY_INVALID" => {
            return detailed(ErrorClass::Authentication, ErrorDetail::Credential);
        }
        "not_found_error"
        | "not_found"
        | "request_too_large"
        | "invalid_request_error"
        | "invalid_request"
        | "parameter_unknown"
        | "out_of_range"
        | "failed_precondition"
        | "cancelled"
        | "max_tokens_exceeded"
        | "token_limit_exceeded"
        | "INVALID_ARGUMENT"
        | "FAILED_PRECONDITION"
        | "OUT_OF_RANGE"
        | "NOT_FOUND"
        | "CANCELLED" => ErrorClass::InvalidRequest,
        code if is_about_the_input(code) => ErrorClass::InvalidRequest,
        "permission_error" | "permission_denied" | "PERMISSION_DENIED" => ErrorClass::Forbidden,
        "rate_limit_exceeded" | "rate_limit_error" | "slow_down" | "RESOURCE_EXHAUSTED" => {
            ErrorClass::RateLimited
        }
        "overloaded_error"
        | "server_is_overloaded"
        | "service_unavailable_error"
        | "service_unavailable"
        | "provider_overloaded"
        | "UNAVAILABLE" => ErrorClass::Overloaded,
        "timeout_error" | "vector_store_timeout" | "deadline_exceeded" | "DEADLINE_EXCEEDED" => {
            ErrorClass::Timeout
        }
        // Gemini's word for a spent day; else it names the quota that ran out: a minute's is load.
        "quota_exceeded" => ErrorClass::QuotaExhausted,
        quota if quota.contains("PerDay") => ErrorClass::QuotaExhausted,
        quota if quota.contains("PerMinute") => ErrorClass::RateLimited,
        _ => return None,
    };
    Some(class.into())
}

/// The codes of OpenAI's Responses for prompts and images that no model would take.
fn is_about_the_input(code: &str) -> bool {
    matches!(
        code,
        "invalid_prompt"
            | "invalid_image"
            | "invalid_image_format"
            | "invalid_image_mode"
            | "invalid_image_url"
            | "invalid_base64_image"
            | "image_too_large"
            | "image_too_small"
            | "image_parse_error"
            | "image_file_too_large"
            | "image_file_not_found"
            | "unsupported_image_media_type"
            | "empty_image_file"
            | "failed_to_download_image"
    )
}

/// Types that some servers give to any error whatever: a number says more.
pub(super) fn is_vague(kind: &str) -> bool {
    matches!(kind, "invalid_request_error" | "invalid_request")
}
