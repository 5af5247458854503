//! From evidence to the detail inside a class: by code, and by the provider's own words where it has no code.
//!
//! Used by the gateway for events. Words are only read where the class is settled already, so that no text can
//! change what is decided.

use super::{Evidence, ProviderError, classify, codes};
use crate::model::{ErrorClass, ErrorDetail};

/// Says what exactly was wrong, when that is known.
#[must_use]
pub fn detail(evidence: &Evidence) -> Option<ErrorDetail> {
    let (status, error) = match evidence {
        Evidence::Response { status, error, .. } => (Some(*status), error),
        Evidence::Broken { error, status, .. } => (*status, error),
        Evidence::Timeout { .. } | Evidence::Unreachable { .. } => return None,
    };
    let class = classify(evidence);
    by_code(class, error).or_else(|| {
        let words = error.message.as_deref()?;
        by_words(class, status, words)
    })
}

/// What a code says, as far as it fits the class: a detail must not contradict the word beside it.
fn by_code(class: ErrorClass, error: &ProviderError) -> Option<ErrorDetail> {
    [&error.code, &error.kind]
        .into_iter()
        .filter_map(|code| codes::meaning(code.as_deref()?)?.detail)
        .find(|detail| match detail {
            ErrorDetail::ContextLength | ErrorDetail::ContentFilter => {
                class == ErrorClass::InvalidRequest
            }
            // A project without access to a model is told so with 403.
            ErrorDetail::UnknownModel => {
                matches!(class, ErrorClass::InvalidRequest | ErrorClass::Forbidden)
            }
            ErrorDetail::SpendLimit => matches!(
                class,
                ErrorClass::QuotaExhausted | ErrorClass::InvalidRequest
            ),
            ErrorDetail::Credential => matches!(
                class,
                ErrorClass::Authentication | ErrorClass::InvalidRequest
            ),
        })
}

fn by_words(class: ErrorClass, status: Option<u16>, words: &str) -> Option<ErrorDetail> {
    match class {
        ErrorClass::InvalidRequest => {}
        ErrorClass::Authentication => return Some(ErrorDetail::Credential),
        ErrorClass::Forbidden
        | ErrorClass::QuotaExhausted
        | ErrorClass::RateLimited
        | ErrorClass::ServerError
        | ErrorClass::Overloaded
        | ErrorClass::Timeout
        | ErrorClass::Unreachable
        | ErrorClass::BrokenResponse => return None,
    }
    let words = words.to_ascii_lowercase();
    let says = |phrase: &str| words.contains(phrase);
    let any = |phrases: &[&str]| phrases.iter().any(|phrase| words.contains(phrase));
    if any(&[
        // Anthropic
        "prompt is too long",
        "exceed context limit",
        // OpenAI, and the many who speak like it
        "maximum context length",
        // Gemini
        "exceeds the maximum number of tokens",
    ]) {
        return Some(ErrorDetail::ContextLength);
    }
    if any(&["content management policy", "content filtering policy"]) {
        return Some(ErrorDetail::ContentFilter);
    }
    if any(&[
        // Anthropic: a limit that the user set, an empty balance
        "reached your specified api usage limits",
        "credit balance is too low",
    ]) {
        return Some(ErrorDetail::SpendLimit);
    }
    if any(&["api key not valid", "api key expired"]) {
        return Some(ErrorDetail::Credential);
    }
    // `model: claude-x`, `models/x is not found`, `The model x does not exist`, `No endpoints found for x`.
    let unknown = any(&[
        "not found",
        "does not exist",
        "not a valid model",
        "no endpoints found",
    ]) && any(&["model", "endpoints"]);
    let named = status == Some(404) && words.starts_with("model:");
    (named || (unknown && (status == Some(404) || says("valid model"))))
        .then_some(ErrorDetail::UnknownModel)
}
