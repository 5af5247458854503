//! Every row of the classification: what a provider sends, with its body as it sends it, through the reader of
//! `wire` and the classifier of `policy` together: class, detail and hint.
//!
//! A row is a fact about a provider. When one turns out to be wrong, its row changes here first.
#![expect(clippy::too_many_lines, reason = "a table is as long as its cases")]

use std::time::Duration;

use backstop::{
    model::{ErrorClass, ErrorDetail},
    policy::{Evidence, classify, detail},
    wire::{Shape, response, stream::Watch},
};
use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use jiff::Timestamp;

use ErrorClass::{
    Authentication, BrokenResponse, Forbidden, InvalidRequest, Overloaded, QuotaExhausted,
    RateLimited, ServerError, Timeout,
};
use ErrorDetail::{ContentFilter, ContextLength, Credential, SpendLimit, UnknownModel};

/// What is made of one answer.
type Verdict = (ErrorClass, Option<ErrorDetail>, Option<f64>);

/// One answer of a provider: its status, its headers, its body, and what is made of it.
type Row = (
    &'static str,
    u16,
    &'static [(&'static str, &'static str)],
    &'static str,
    Verdict,
);

fn seen(status: u16, headers: &[(&'static str, &'static str)], body: &str) -> Evidence {
    let now: Timestamp = "2026-11-21T02:49:22Z".parse().unwrap();
    let headers: HeaderMap = headers
        .iter()
        .map(|(name, value)| {
            (
                HeaderName::from_static(name),
                HeaderValue::from_static(value),
            )
        })
        .collect();
    let status = StatusCode::from_u16(status).unwrap();
    response::error_evidence(status, &headers, body.as_bytes(), now)
}

fn check(rows: &[Row]) {
    let wrong: Vec<String> = rows
        .iter()
        .filter_map(|(case, status, headers, body, expected)| {
            let evidence = seen(*status, headers, body);
            let Evidence::Response { retry_after, .. } = &evidence else {
                return Some(format!("{case}: {evidence:?}"));
            };
            let found: Verdict = (
                classify(&evidence),
                detail(&evidence),
                retry_after.map(|hint: Duration| hint.as_secs_f64()),
            );
            (found != *expected).then(|| format!("{case}: {found:?}, from {evidence:?}"))
        })
        .collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn openai_and_azure() {
    check(&[
        (
            "a wrong request",
            400,
            &[],
            r#"{"error":{"message":"Invalid value for 'temperature'.","type":"invalid_request_error","param":"temperature","code":"invalid_value"}}"#,
            (InvalidRequest, None, None),
        ),
        (
            "context length",
            400,
            &[],
            r#"{"error":{"message":"This model's maximum context length is 128000 tokens. However, your messages resulted in 140321 tokens. Please reduce the length of the messages.","type":"invalid_request_error","param":"messages","code":"context_length_exceeded"}}"#,
            (InvalidRequest, Some(ContextLength), None),
        ),
        (
            "azure content filter",
            400,
            &[],
            r#"{"error":{"message":"The response was filtered due to the prompt triggering Azure OpenAI's content management policy. Please modify your prompt and retry.","type":null,"param":"prompt","code":"content_filter","status":400,"innererror":{"code":"ResponsibleAIPolicyViolation","content_filter_result":{"hate":{"filtered":true,"severity":"high"}}}}}"#,
            (InvalidRequest, Some(ContentFilter), None),
        ),
        (
            "azure content filter, by its inner error alone",
            400,
            &[],
            r#"{"error":{"message":"The prompt was refused.","type":null,"param":"prompt","code":null,"innererror":{"code":"ResponsibleAIPolicyViolation"}}}"#,
            (InvalidRequest, Some(ContentFilter), None),
        ),
        (
            "invalid key",
            401,
            &[],
            r#"{"error":{"message":"Incorrect API key provided: sk-none.","type":"invalid_request_error","param":null,"code":"invalid_api_key"}}"#,
            (Authentication, Some(Credential), None),
        ),
        (
            "azure: a wrong key has a number for a code",
            401,
            &[],
            r#"{"error":{"code":"401","message":"Access denied due to invalid subscription key or wrong API endpoint."}}"#,
            (Authentication, Some(Credential), None),
        ),
        (
            "country",
            403,
            &[],
            r#"{"error":{"message":"Country, region, or territory not supported","type":"request_forbidden","param":null,"code":"unsupported_country_region_territory"}}"#,
            (Forbidden, None, None),
        ),
        (
            "a project without access to a model",
            403,
            &[],
            r#"{"error":{"message":"Project `p` does not have access to model `gpt-x`","type":"invalid_request_error","param":null,"code":"model_not_found"}}"#,
            (Forbidden, Some(UnknownModel), None),
        ),
        (
            "model not found",
            404,
            &[],
            r#"{"error":{"message":"The model `gpt-x` does not exist or you do not have access to it.","type":"invalid_request_error","param":null,"code":"model_not_found"}}"#,
            (InvalidRequest, Some(UnknownModel), None),
        ),
        (
            "azure: no such deployment",
            404,
            &[],
            r#"{"error":{"code":"DeploymentNotFound","message":"The API deployment for this resource does not exist."}}"#,
            (InvalidRequest, Some(UnknownModel), None),
        ),
        (
            "a wrong path is no unknown model",
            404,
            &[],
            r#"{"error":{"message":"Invalid URL (POST /v1/chat)","type":"invalid_request_error","param":null,"code":null}}"#,
            (InvalidRequest, None, None),
        ),
        (
            "request timeout",
            408,
            &[],
            r#"{"error":{"message":"Request timed out.","type":"timeout","param":null,"code":null}}"#,
            (Timeout, None, None),
        ),
        (
            "conflict",
            409,
            &[],
            r#"{"error":{"message":"The resource was updated by another request.","type":"conflict_error","param":null,"code":null}}"#,
            (RateLimited, None, None),
        ),
        (
            "rate limit",
            429,
            &[
                ("retry-after", "20"),
                ("retry-after-ms", "19876"),
                ("x-ratelimit-remaining-requests", "0"),
                ("x-ratelimit-reset-requests", "1m20s"),
            ],
            r#"{"error":{"message":"Rate limit reached for gpt-4o in organization org-x on requests per min (RPM): Limit 500, Used 500, Requested 1.","type":"requests","param":null,"code":"rate_limit_exceeded"}}"#,
            (RateLimited, None, Some(19.876)),
        ),
        (
            "rate limit, told by resets alone",
            429,
            &[
                ("x-ratelimit-remaining-requests", "499"),
                ("x-ratelimit-reset-requests", "120ms"),
                ("x-ratelimit-remaining-tokens", "0"),
                ("x-ratelimit-reset-tokens", "6m0s"),
            ],
            r#"{"error":{"message":"Rate limit reached for gpt-4o on tokens per min (TPM).","type":"tokens","param":null,"code":"rate_limit_exceeded"}}"#,
            (RateLimited, None, Some(360.0)),
        ),
        (
            "slow down",
            429,
            &[],
            r#"{"error":{"message":"Slow down.","type":"rate_limit_error","param":null,"code":"slow_down"}}"#,
            (RateLimited, None, None),
        ),
        (
            "azure: throttled, with counters that mean nothing",
            429,
            &[
                ("x-ms-retry-after-ms", "2750"),
                ("retry-after", "3"),
                ("x-ratelimit-remaining-requests", "-1"),
                ("x-ratelimit-remaining-tokens", "0"),
            ],
            r#"{"error":{"code":"429","message":"Requests to the ChatCompletions_Create Operation have exceeded token rate limit of your current pricing tier."}}"#,
            (RateLimited, None, Some(2.75)),
        ),
        (
            "azure: counters alone",
            429,
            &[
                ("x-ratelimit-remaining-requests", "0"),
                ("x-ratelimit-remaining-tokens", "0"),
            ],
            r#"{"error":{"code":"429","message":"Too many requests."}}"#,
            (RateLimited, None, None),
        ),
        (
            "insufficient quota",
            429,
            &[],
            r#"{"error":{"message":"You exceeded your current quota, please check your plan and billing details.","type":"insufficient_quota","param":null,"code":"insufficient_quota"}}"#,
            (QuotaExhausted, Some(SpendLimit), None),
        ),
        (
            "insufficient quota, with the status for a code",
            429,
            &[],
            r#"{"error":{"message":"You exceeded your current quota.","type":"insufficient_quota","param":null,"code":"429"}}"#,
            (QuotaExhausted, Some(SpendLimit), None),
        ),
        (
            "credit balance",
            429,
            &[],
            r#"{"error":{"message":"Your credit balance is exhausted.","type":"insufficient_quota","param":null,"code":"credit_balance_exhausted"}}"#,
            (QuotaExhausted, Some(SpendLimit), None),
        ),
        (
            "organisation spend limit",
            429,
            &[],
            r#"{"error":{"message":"The organization reached its spend limit.","type":"insufficient_quota","param":null,"code":"organization_spend_limit_exceeded"}}"#,
            (QuotaExhausted, Some(SpendLimit), None),
        ),
        (
            "project spend limit",
            429,
            &[],
            r#"{"error":{"message":"The project reached its spend limit.","type":"insufficient_quota","param":null,"code":"project_spend_limit_exceeded"}}"#,
            (QuotaExhausted, Some(SpendLimit), None),
        ),
        (
            "organisation usage limit",
            429,
            &[],
            r#"{"error":{"message":"The organization reached its usage limit.","type":"insufficient_quota","param":null,"code":"organization_usage_limit_exceeded"}}"#,
            (QuotaExhausted, Some(SpendLimit), None),
        ),
        (
            "server error",
            500,
            &[],
            r#"{"error":{"message":"The server had an error while processing your request.","type":"server_error","param":null,"code":null}}"#,
            (ServerError, None, None),
        ),
        (
            "bad gateway",
            502,
            &[],
            "<html><head><title>502 Bad Gateway</title></head></html>",
            (ServerError, None, None),
        ),
        (
            "gateway timeout",
            504,
            &[],
            r#"{"error":{"message":"Gateway timeout","type":"server_error","param":null,"code":null}}"#,
            (Timeout, None, None),
        ),
        (
            "overloaded",
            503,
            &[("retry-after", "Sat, 21 Nov 2026 02:50:22 GMT")],
            r#"{"error":{"message":"That model is currently overloaded with other requests.","type":"service_unavailable_error","param":null,"code":"server_is_overloaded"}}"#,
            (Overloaded, None, Some(60.0)),
        ),
        (
            "responses: a prompt that no model would take",
            400,
            &[],
            r#"{"error":{"message":"Invalid prompt: your prompt was flagged as potentially violating our usage policy.","type":"invalid_request_error","param":null,"code":"invalid_prompt"}}"#,
            (InvalidRequest, None, None),
        ),
        (
            "responses: an image that the policy refuses",
            400,
            &[],
            r#"{"error":{"message":"The image was refused.","type":"image_generation_user_error","param":null,"code":"moderation_blocked"}}"#,
            (InvalidRequest, Some(ContentFilter), None),
        ),
    ]);
}

#[test]
fn anthropic() {
    check(&[
        (
            "a wrong request",
            400,
            &[],
            r#"{"type":"error","error":{"type":"invalid_request_error","message":"messages: roles must alternate"},"request_id":"req_1"}"#,
            (InvalidRequest, None, None),
        ),
        (
            "context length, by its words",
            400,
            &[],
            r#"{"type":"error","error":{"type":"invalid_request_error","message":"prompt is too long: 210045 tokens > 200000 maximum"},"request_id":"req_1"}"#,
            (InvalidRequest, Some(ContextLength), None),
        ),
        (
            "context length with the answer's",
            400,
            &[],
            r#"{"type":"error","error":{"type":"invalid_request_error","message":"input length and `max_tokens` exceed context limit: 190000 + 20000 > 200000, decrease input length or `max_tokens` and try again"}}"#,
            (InvalidRequest, Some(ContextLength), None),
        ),
        (
            "a spend limit that the user set",
            400,
            &[],
            r#"{"type":"error","error":{"type":"invalid_request_error","message":"You have reached your specified API usage limits. You will regain access on 2026-12-01 at 00:00 UTC."}}"#,
            (InvalidRequest, Some(SpendLimit), None),
        ),
        (
            "an empty balance",
            400,
            &[],
            r#"{"type":"error","error":{"type":"invalid_request_error","message":"Your credit balance is too low to access the Anthropic API. Please go to Plans & Billing to upgrade or purchase credits."}}"#,
            (InvalidRequest, Some(SpendLimit), None),
        ),
        (
            "authentication",
            401,
            &[],
            r#"{"type":"error","error":{"type":"authentication_error","message":"invalid x-api-key"},"request_id":"req_1"}"#,
            (Authentication, Some(Credential), None),
        ),
        (
            "billing",
            402,
            &[],
            r#"{"type":"error","error":{"type":"billing_error","message":"There is an issue with your payment method."}}"#,
            (QuotaExhausted, Some(SpendLimit), None),
        ),
        (
            "permission",
            403,
            &[],
            r#"{"type":"error","error":{"type":"permission_error","message":"Your API key does not have permission to use the specified resource."}}"#,
            (Forbidden, None, None),
        ),
        (
            "unknown model",
            404,
            &[],
            r#"{"type":"error","error":{"type":"not_found_error","message":"model: claude-x"},"request_id":"req_1"}"#,
            (InvalidRequest, Some(UnknownModel), None),
        ),
        (
            "conflict",
            409,
            &[],
            r#"{"type":"error","error":{"type":"conflict_error","message":"The request conflicts with the current state."}}"#,
            (RateLimited, None, None),
        ),
        (
            "too large",
            413,
            &[],
            r#"{"type":"error","error":{"type":"request_too_large","message":"Request exceeds the maximum allowed number of bytes."}}"#,
            (InvalidRequest, None, None),
        ),
        (
            "rate limit",
            429,
            &[
                ("retry-after", "12"),
                ("anthropic-ratelimit-requests-remaining", "0"),
                ("anthropic-ratelimit-requests-reset", "2026-11-21T02:50:22Z"),
            ],
            r#"{"type":"error","error":{"type":"rate_limit_error","message":"This request would exceed your organization's rate limit of 50 requests per minute."},"request_id":"req_1"}"#,
            (RateLimited, None, Some(12.0)),
        ),
        (
            "rate limit, told by a reset alone",
            429,
            &[
                ("anthropic-ratelimit-output-tokens-remaining", "0"),
                (
                    "anthropic-ratelimit-output-tokens-reset",
                    "2026-11-21T02:49:52Z",
                ),
            ],
            r#"{"type":"error","error":{"type":"rate_limit_error","message":"This request would exceed your rate limit."}}"#,
            (RateLimited, None, Some(30.0)),
        ),
        (
            "a spend limit that is enforced, without retry-after",
            429,
            &[],
            r#"{"type":"error","error":{"type":"rate_limit_error","message":"Spend limit reached.","details":{"error_code":"enforced_spend_limit_reached"}},"request_id":"req_1"}"#,
            (QuotaExhausted, Some(SpendLimit), None),
        ),
        (
            "api error",
            500,
            &[],
            r#"{"type":"error","error":{"type":"api_error","message":"Internal server error"}}"#,
            (ServerError, None, None),
        ),
        (
            "timeout",
            504,
            &[],
            r#"{"type":"error","error":{"type":"timeout_error","message":"The request timed out."}}"#,
            (Timeout, None, None),
        ),
        (
            "overloaded",
            529,
            &[("x-should-retry", "true")],
            r#"{"type":"error","error":{"details":null,"type":"overloaded_error","message":"Overloaded"},"request_id":"req_1"}"#,
            (Overloaded, None, None),
        ),
    ]);
}

#[test]
fn gemini() {
    check(&[
        (
            "invalid argument",
            400,
            &[],
            r#"{"error":{"code":400,"message":"Invalid JSON payload received. Unknown name \"x\": Cannot find field.","status":"INVALID_ARGUMENT"}}"#,
            (InvalidRequest, None, None),
        ),
        (
            "token limit, by its words",
            400,
            &[],
            r#"{"error":{"code":400,"message":"The input token count (1200034) exceeds the maximum number of tokens allowed (1048576).","status":"INVALID_ARGUMENT"}}"#,
            (InvalidRequest, Some(ContextLength), None),
        ),
        (
            "a bad key is told with 400",
            400,
            &[],
            r#"{"error":{"code":400,"message":"API key not valid. Please pass a valid API key.","status":"INVALID_ARGUMENT","details":[{"@type":"type.googleapis.com/google.rpc.ErrorInfo","reason":"API_KEY_INVALID","domain":"googleapis.com","metadata":{"service":"generativelanguage.googleapis.com"}}]}}"#,
            (InvalidRequest, Some(Credential), None),
        ),
        (
            "region",
            400,
            &[],
            r#"{"error":{"code":400,"message":"User location is not supported for the API use.","status":"FAILED_PRECONDITION"}}"#,
            (InvalidRequest, None, None),
        ),
        (
            "unauthenticated",
            401,
            &[],
            r#"{"error":{"code":401,"message":"Request had invalid authentication credentials.","status":"UNAUTHENTICATED"}}"#,
            (Authentication, Some(Credential), None),
        ),
        (
            "permission denied",
            403,
            &[],
            r#"{"error":{"code":403,"message":"The caller does not have permission","status":"PERMISSION_DENIED"}}"#,
            (Forbidden, None, None),
        ),
        (
            "unknown model",
            404,
            &[],
            r#"{"error":{"code":404,"message":"models/gemini-x is not found for API version v1beta, or is not supported for generateContent. Call ListModels to see the list of available models and their supported methods.","status":"NOT_FOUND"}}"#,
            (InvalidRequest, Some(UnknownModel), None),
        ),
        (
            "a minute's quota",
            429,
            &[],
            r#"{"error":{"code":429,"message":"You exceeded your current quota, please check your plan and billing details.\n* Quota exceeded for metric: generativelanguage.googleapis.com/generate_content_free_tier_requests, limit: 10, model: gemini-2.5-flash\nPlease retry in 34.074824224s.","status":"RESOURCE_EXHAUSTED","details":[{"@type":"type.googleapis.com/google.rpc.Help","links":[{"description":"Learn more about Gemini API quotas","url":"https://ai.google.dev/gemini-api/docs/rate-limits"}]},{"@type":"type.googleapis.com/google.rpc.QuotaFailure","violations":[{"quotaMetric":"generativelanguage.googleapis.com/generate_content_free_tier_requests","quotaId":"GenerateRequestsPerMinutePerProjectPerModel-FreeTier","quotaDimensions":{"location":"global","model":"gemini-2.5-flash"},"quotaValue":"10"}]},{"@type":"type.googleapis.com/google.rpc.RetryInfo","retryDelay":"34.074824224s"}]}}"#,
            (RateLimited, None, Some(34.074_824_224)),
        ),
        (
            "a day's quota, in a list of one",
            429,
            &[],
            r#"[{"error":{"code":429,"message":"You exceeded your current quota.","status":"RESOURCE_EXHAUSTED","details":[{"@type":"type.googleapis.com/google.rpc.QuotaFailure","violations":[{"quotaMetric":"generativelanguage.googleapis.com/generate_content_free_tier_requests","quotaId":"GenerateRequestsPerMinutePerProjectPerModel-FreeTier"},{"quotaMetric":"generativelanguage.googleapis.com/generate_content_free_tier_requests","quotaId":"GenerateRequestsPerDayPerProjectPerModel-FreeTier","quotaValue":"50"}]},{"@type":"type.googleapis.com/google.rpc.RetryInfo","retryDelay":"7s"}]}}]"#,
            (QuotaExhausted, None, Some(7.0)),
        ),
        (
            "a limit of zero",
            429,
            &[],
            r#"{"error":{"code":429,"message":"You exceeded your current quota.\n* Quota exceeded for metric: generativelanguage.googleapis.com/generate_content_free_tier_input_token_count, limit: 0, model: gemini-2.5-pro\nPlease retry in 45.7s.","status":"RESOURCE_EXHAUSTED","details":[{"@type":"type.googleapis.com/google.rpc.QuotaFailure","violations":[{"quotaMetric":"generativelanguage.googleapis.com/generate_content_free_tier_input_token_count","quotaId":"GenerateContentInputTokensPerModelPerMinute-FreeTier"}]},{"@type":"type.googleapis.com/google.rpc.RetryInfo","retryDelay":"45s"}]}}"#,
            (QuotaExhausted, None, Some(45.0)),
        ),
        (
            "a tier that has none",
            429,
            &[],
            r#"{"error":{"code":429,"message":"Gemini 2.5 Pro Preview doesn't have a free quota tier. Please use another model.","status":"RESOURCE_EXHAUSTED"}}"#,
            (QuotaExhausted, None, None),
        ),
        (
            "vertex: no detail and no delay",
            429,
            &[],
            r#"[{"error":{"code":429,"message":"Resource exhausted. Please try again later. Please refer to https://cloud.google.com/vertex-ai/generative-ai/docs/error-code-429 for more details.","errors":[{"message":"Resource exhausted.","domain":"global","reason":"rateLimitExceeded"}],"status":"RESOURCE_EXHAUSTED"}}]"#,
            (RateLimited, None, None),
        ),
        (
            "the error as a text inside the message",
            429,
            &[],
            "{\"error\":{\"message\":\"{\\n  \\\"error\\\": {\\n    \\\"code\\\": 429,\\n    \\\"message\\\": \\\"Resource has been exhausted (e.g. check quota).\\\",\\n    \\\"status\\\": \\\"RESOURCE_EXHAUSTED\\\"\\n  }\\n}\\n\",\"code\":429,\"status\":\"Too Many Requests\"}}",
            (RateLimited, None, None),
        ),
        (
            "a delay in seconds and nanoseconds",
            429,
            &[],
            r#"{"error":{"code":429,"message":"m","status":"RESOURCE_EXHAUSTED","details":[{"@type":"type.googleapis.com/google.rpc.RetryInfo","retryDelay":{"seconds":"33","nanos":500000000}}]}}"#,
            (RateLimited, None, Some(33.5)),
        ),
        (
            "cancelled",
            499,
            &[],
            r#"{"error":{"code":499,"message":"The operation was cancelled.","status":"CANCELLED"}}"#,
            (InvalidRequest, None, None),
        ),
        (
            "internal",
            500,
            &[],
            r#"{"error":{"code":500,"message":"An internal error has occurred.","status":"INTERNAL"}}"#,
            (ServerError, None, None),
        ),
        (
            "overloaded",
            503,
            &[],
            r#"{"error":{"code":503,"message":"The model is overloaded. Please try again later.","status":"UNAVAILABLE"}}"#,
            (Overloaded, None, None),
        ),
        (
            "deadline",
            504,
            &[],
            r#"{"error":{"code":504,"message":"Deadline expired before operation could complete.","status":"DEADLINE_EXCEEDED"}}"#,
            (Timeout, None, None),
        ),
        (
            "interactions: a wrong request",
            400,
            &[],
            r#"{"error":{"code":"invalid_request","message":"The value 'x' is not supported for 'type' at 'tools[0]'."}}"#,
            (InvalidRequest, None, None),
        ),
        (
            "interactions: model not found",
            404,
            &[],
            r#"{"error":{"code":"model_not_found","message":"Model not found."}}"#,
            (InvalidRequest, Some(UnknownModel), None),
        ),
        (
            "interactions: rate limit",
            429,
            &[],
            r#"{"error":{"code":"rate_limit_exceeded","message":"Too many requests per minute."}}"#,
            (RateLimited, None, None),
        ),
        (
            "interactions: a day's quota",
            429,
            &[],
            r#"{"error":{"code":"quota_exceeded","message":"Daily quota exceeded."}}"#,
            (QuotaExhausted, None, None),
        ),
    ]);
}

#[test]
fn routers_in_front() {
    check(&[
        (
            "openrouter: not a model",
            400,
            &[],
            r#"{"error":{"message":"acme/none is not a valid model ID","code":400},"user_id":"user_1"}"#,
            (InvalidRequest, Some(UnknownModel), None),
        ),
        (
            "openrouter: no endpoints",
            404,
            &[],
            r#"{"error":{"message":"No endpoints found for acme/none.","code":404}}"#,
            (InvalidRequest, Some(UnknownModel), None),
        ),
        (
            "openrouter: the provider's own context error inside",
            400,
            &[],
            r#"{"error":{"message":"Provider returned error","code":400,"metadata":{"raw":"{\"error\":{\"message\":\"This model's maximum context length is 32768 tokens.\",\"type\":\"invalid_request_error\",\"code\":400}}","provider_name":"Azure"}}}"#,
            (InvalidRequest, Some(ContextLength), None),
        ),
        (
            "openrouter: context length by its own type",
            400,
            &[],
            r#"{"error":{"message":"m","code":400,"metadata":{"error_type":"context_length_exceeded"}}}"#,
            (InvalidRequest, Some(ContextLength), None),
        ),
        (
            "openrouter: no credits",
            402,
            &[],
            r#"{"error":{"message":"Insufficient credits. Add more using https://openrouter.ai/settings/credits","code":402}}"#,
            (QuotaExhausted, None, None),
        ),
        (
            "openrouter: moderated, no error of the account",
            403,
            &[],
            r#"{"error":{"message":"Your chosen model requires moderation and your input was flagged","code":403,"metadata":{"reasons":["violence"],"flagged_input":"how to ... it","provider_name":"OpenAI","model_slug":"openai/gpt-4o"}}}"#,
            (InvalidRequest, Some(ContentFilter), None),
        ),
        (
            "openrouter: forbidden",
            403,
            &[],
            r#"{"error":{"message":"Key is not allowed to use this model","code":403}}"#,
            (Forbidden, None, None),
        ),
        (
            "openrouter: timed out",
            408,
            &[],
            r#"{"error":{"message":"Your request timed out","code":408}}"#,
            (Timeout, None, None),
        ),
        (
            "openrouter: the provider is busy",
            429,
            &[],
            r#"{"error":{"message":"Provider returned error","code":429,"metadata":{"raw":"meta-llama/llama-3.3-70b-instruct:free is temporarily rate-limited upstream. Please retry shortly.","provider_name":"Venice","is_byok":false,"retry_after_seconds":17,"retry_after_seconds_raw":16.007,"headers":{"Retry-After":"17"}}},"user_id":"user_1"}"#,
            (RateLimited, None, Some(17.0)),
        ),
        (
            "openrouter: its own limit, with a reset since 1970",
            429,
            &[
                ("x-ratelimit-limit", "20"),
                ("x-ratelimit-remaining", "0"),
                ("x-ratelimit-reset", "1795229422000"),
            ],
            r#"{"error":{"message":"Rate limit exceeded: free-models-per-min.","code":429,"metadata":{"headers":{"X-RateLimit-Limit":"20","X-RateLimit-Remaining":"0","X-RateLimit-Reset":"1795229422000"}}}}"#,
            (RateLimited, None, Some(60.0)),
        ),
        (
            "openrouter: the provider is down",
            502,
            &[],
            r#"{"error":{"message":"Provider returned error","code":502,"metadata":{"raw":"upstream connect error","provider_name":"x","error_type":"provider_unavailable"}}}"#,
            (ServerError, None, None),
        ),
        (
            "openrouter: another's quota is not ours",
            502,
            &[],
            r#"{"error":{"message":"Provider returned error","code":502,"metadata":{"raw":"{\"error\":{\"message\":\"You exceeded your current quota\",\"code\":\"insufficient_quota\"}}","provider_name":"x"}}}"#,
            (ServerError, None, None),
        ),
        (
            "openrouter: no provider",
            503,
            &[("retry-after", "5")],
            r#"{"error":{"message":"There is no available model provider that meets your routing requirements","code":503}}"#,
            (Overloaded, None, Some(5.0)),
        ),
        (
            "openrouter: the provider is overloaded",
            503,
            &[],
            r#"{"error":{"message":"m","code":503,"metadata":{"error_type":"provider_overloaded"}}}"#,
            (Overloaded, None, None),
        ),
        (
            "anyint: upstream unavailable",
            503,
            &[],
            r#"{"error":{"message":"upstream unavailable","type":"service_unavailable_error","param":null,"code":null}}"#,
            (Overloaded, None, None),
        ),
    ]);
}

#[test]
fn oddities_of_the_wild() {
    check(&[
        (
            "a 413 turned into 429",
            429,
            &[("retry-after", "1")],
            r#"{"type":"error","error":{"type":"request_too_large","message":"Request exceeds the maximum size"}}"#,
            (InvalidRequest, None, Some(1.0)),
        ),
        (
            "a code that is the status as a text",
            503,
            &[],
            r#"{"error":{"message":"m","type":"upstream_error","code":"503"}}"#,
            (Overloaded, None, None),
        ),
        (
            "retry-after renamed by a proxy",
            429,
            &[("llm_provider-retry-after", "7")],
            r#"{"error":{"message":"m","type":"rate_limit_error","code":"429"}}"#,
            (RateLimited, None, Some(7.0)),
        ),
        (
            "a retry-after of ten years is handed on for the policy to judge",
            429,
            &[("retry-after", "315360000")],
            "{}",
            (RateLimited, None, Some(315_360_000.0)),
        ),
        (
            "a negative retry-after",
            429,
            &[("retry-after", "-7")],
            "{}",
            (RateLimited, None, None),
        ),
        (
            "vllm: context length without an envelope",
            400,
            &[],
            r#"{"object":"error","message":"This model's maximum context length is 4096 tokens. However, you requested 5000 tokens.","type":"BadRequestError","param":null,"code":400}"#,
            (InvalidRequest, Some(ContextLength), None),
        ),
        (
            "vllm: unknown model",
            404,
            &[],
            r#"{"object":"error","message":"The model `x` does not exist.","type":"NotFoundError","param":null,"code":404}"#,
            (InvalidRequest, Some(UnknownModel), None),
        ),
        (
            "ollama: unknown model, as a text",
            404,
            &[],
            r#"{"error":"model 'x' not found, try pulling it first"}"#,
            (InvalidRequest, Some(UnknownModel), None),
        ),
        (
            "a page for a 404 is no unknown model",
            404,
            &[],
            "<html><head><title>404 Not Found</title></head></html>",
            (InvalidRequest, None, None),
        ),
        (
            "words of a filter do not make a 503 one",
            503,
            &[],
            r#"{"error":{"message":"content management policy service is down","type":"server_error"}}"#,
            (Overloaded, None, None),
        ),
        ("nothing", 529, &[], "", (Overloaded, None, None)),
    ]);
}

/// What a success is that is none: the head, then the body, whole or as events at every split.
fn success(shape: Shape, streamed: bool, kind: &'static str, body: &str) -> Option<Evidence> {
    let status = StatusCode::OK;
    let headers = HeaderMap::from_iter([(
        HeaderName::from_static("content-type"),
        HeaderValue::from_static(kind),
    )]);
    let head = response::head_evidence(status, &headers, streamed);
    if !streamed || head.is_some() {
        return response::body_evidence(shape, status, body.as_bytes()).or(head);
    }
    let split = |size: usize| {
        let mut watch = Watch::new(shape);
        for piece in body.as_bytes().chunks(size) {
            watch.push(Bytes::copy_from_slice(piece), &mut Vec::new());
        }
        watch.finish(&mut Vec::new());
        assert!(!watch.seen().output, "{body}: nothing of it is output");
        watch.evidence_at_end()
    };
    let whole = split(body.len().max(1));
    for size in [1, 2, 7, 64] {
        assert_eq!(split(size), whole, "{body} by {size}");
    }
    whole
}

#[test]
fn errors_inside_a_success() {
    const JSON: &str = "application/json";
    const EVENTS: &str = "text/event-stream";
    let chat = Shape::OpenaiChat;
    let responses = Shape::OpenaiResponses;
    let messages = Shape::AnthropicMessages;
    let gemini = Shape::GeminiGenerate;
    let none = None;
    let mut wrong = Vec::new();
    for (case, shape, kind, streamed, body, class, found) in [
        (
            "openai: an error in a 200",
            chat,
            JSON,
            false,
            r#"{"error":{"message":"The server had an error","type":"server_error","param":null,"code":null}}"#,
            BrokenResponse,
            none,
        ),
        (
            "openai: money in a 200",
            chat,
            JSON,
            false,
            r#"{"error":{"message":"You exceeded your current quota","type":"insufficient_quota","param":null,"code":"insufficient_quota"}}"#,
            QuotaExhausted,
            Some(SpendLimit),
        ),
        (
            "openrouter: an error in a 200",
            chat,
            JSON,
            false,
            r#"{"error":{"message":"Provider returned error","code":502,"metadata":{"provider_name":"x"}},"user_id":"u"}"#,
            BrokenResponse,
            none,
        ),
        (
            "openrouter: context length in a 200",
            chat,
            JSON,
            false,
            r#"{"error":{"message":"This endpoint's maximum context length is 32768 tokens. However, you requested about 40000 tokens.","code":400}}"#,
            InvalidRequest,
            Some(ContextLength),
        ),
        (
            "a 422 turned into a 200",
            chat,
            JSON,
            false,
            "null",
            BrokenResponse,
            none,
        ),
        (
            "garbage for a stream",
            chat,
            JSON,
            true,
            "{malformed json: <<<chaos>>>",
            BrokenResponse,
            none,
        ),
        (
            "an error for a stream, as a 200 with json",
            chat,
            JSON,
            true,
            r#"{"error":{"message":"m","type":"invalid_request_error","param":null,"code":"model_not_found"}}"#,
            InvalidRequest,
            Some(UnknownModel),
        ),
        (
            "anthropic: an error in a 200",
            messages,
            JSON,
            false,
            r#"{"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}"#,
            BrokenResponse,
            none,
        ),
        (
            "gemini: an error in a 200",
            gemini,
            JSON,
            false,
            r#"{"error":{"code":503,"message":"The model is overloaded.","status":"UNAVAILABLE"}}"#,
            BrokenResponse,
            none,
        ),
        (
            "responses: failed, in a 200",
            responses,
            JSON,
            false,
            r#"{"id":"resp_1","object":"response","status":"failed","error":{"code":"server_error","message":"The model failed."},"output":[]}"#,
            BrokenResponse,
            none,
        ),
        (
            "openai: error as the first event",
            chat,
            EVENTS,
            true,
            "data: {\"error\":{\"message\":\"The server had an error\",\"type\":\"server_error\",\"param\":null,\"code\":null}}\n\n",
            BrokenResponse,
            none,
        ),
        (
            "openai: rate limit as the first event",
            chat,
            EVENTS,
            true,
            "data: {\"error\":{\"message\":\"Slow down\",\"type\":\"rate_limit_error\",\"code\":\"slow_down\"}}\n\ndata: [DONE]\n\n",
            RateLimited,
            none,
        ),
        (
            "openrouter: error with its choice",
            chat,
            EVENTS,
            true,
            ": OPENROUTER PROCESSING\n\ndata: {\"id\":\"gen-1\",\"object\":\"chat.completion.chunk\",\"provider\":\"x\",\"error\":{\"code\":502,\"message\":\"Provider disconnected\"},\"choices\":[{\"index\":0,\"delta\":{\"content\":\"\"},\"finish_reason\":\"error\"}]}\n\n",
            BrokenResponse,
            none,
        ),
        (
            "openrouter: error as a reason alone",
            chat,
            EVENTS,
            true,
            "data: {\"id\":\"gen-1\",\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"error\"}]}\n\n",
            BrokenResponse,
            none,
        ),
        (
            "anthropic: overloaded after its start",
            messages,
            EVENTS,
            true,
            "event: message_start\ndata: {\"type\":\"message_start\",\"message\":{\"id\":\"m\",\"content\":[]}}\n\nevent: ping\ndata: {\"type\": \"ping\"}\n\nevent: error\ndata: {\"type\": \"error\", \"error\": {\"type\": \"overloaded_error\", \"message\": \"Overloaded\"}}\n\n",
            BrokenResponse,
            none,
        ),
        (
            "anthropic: too long, in a stream",
            messages,
            EVENTS,
            true,
            "event: error\ndata: {\"type\":\"error\",\"error\":{\"type\":\"invalid_request_error\",\"message\":\"prompt is too long: 210045 tokens > 200000 maximum\"}}\n\n",
            InvalidRequest,
            Some(ContextLength),
        ),
        (
            "responses: error event",
            responses,
            EVENTS,
            true,
            "event: response.created\ndata: {\"type\":\"response.created\",\"response\":{\"id\":\"r\",\"status\":\"in_progress\",\"error\":null}}\n\nevent: error\ndata: {\"type\":\"error\",\"code\":\"rate_limit_exceeded\",\"message\":\"Rate limit reached\",\"param\":null,\"sequence_number\":1}\n\n",
            RateLimited,
            none,
        ),
        (
            "responses: server error",
            responses,
            EVENTS,
            true,
            "event: response.failed\ndata: {\"type\":\"response.failed\",\"response\":{\"id\":\"r\",\"status\":\"failed\",\"error\":{\"code\":\"server_error\",\"message\":\"The model failed.\"}}}\n\n",
            BrokenResponse,
            none,
        ),
        (
            "responses: invalid prompt",
            responses,
            EVENTS,
            true,
            "event: response.failed\ndata: {\"type\":\"response.failed\",\"response\":{\"id\":\"r\",\"status\":\"failed\",\"error\":{\"code\":\"invalid_prompt\",\"message\":\"The prompt was flagged.\"}}}\n\n",
            InvalidRequest,
            none,
        ),
        (
            "responses: an image that no policy lets through",
            responses,
            EVENTS,
            true,
            "event: response.failed\ndata: {\"type\":\"response.failed\",\"response\":{\"id\":\"r\",\"status\":\"failed\",\"error\":{\"code\":\"image_content_policy_violation\",\"message\":\"The image was refused.\"}}}\n\n",
            InvalidRequest,
            Some(ContentFilter),
        ),
        (
            "responses: an image too large",
            responses,
            EVENTS,
            true,
            "event: response.failed\ndata: {\"type\":\"response.failed\",\"response\":{\"id\":\"r\",\"status\":\"failed\",\"error\":{\"code\":\"image_too_large\",\"message\":\"The image is too large.\"}}}\n\n",
            InvalidRequest,
            none,
        ),
        (
            "gemini: error as the first event",
            gemini,
            EVENTS,
            true,
            "data: {\"error\":{\"code\":503,\"message\":\"The model is overloaded.\",\"status\":\"UNAVAILABLE\"}}\r\n\r\n",
            BrokenResponse,
            none,
        ),
        (
            "gemini: a day's quota as the first event",
            gemini,
            EVENTS,
            true,
            "data: {\"error\":{\"code\":429,\"message\":\"You exceeded your current quota.\",\"status\":\"RESOURCE_EXHAUSTED\",\"details\":[{\"violations\":[{\"quotaId\":\"GenerateRequestsPerDayPerProjectPerModel\"}]}]}}\n\n",
            QuotaExhausted,
            none,
        ),
        (
            "interactions: error event",
            gemini,
            EVENTS,
            true,
            "data: {\"event_type\":\"error\",\"error\":{\"code\":\"not_found\",\"message\":\"Failed to get completed interaction: Result not found.\"}}\n\n",
            InvalidRequest,
            none,
        ),
    ] {
        let Some(evidence) = success(shape, streamed, kind, body) else {
            wrong.push(format!("{case}: taken for an answer"));
            continue;
        };
        let verdict = (classify(&evidence), detail(&evidence));
        if verdict != (class, found) {
            wrong.push(format!("{case}: {verdict:?}, from {evidence:?}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
