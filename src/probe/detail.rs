//! Evidence in words, for people who look for the cause.

use crate::{
    model::{ProbeFailure, ProbeResult, Timeouts, visible},
    policy::{BrokenKind, Evidence, ProviderError, TimeoutStage, UnreachableKind, classify},
};

/// The class that the gateway would give a failure, and what was seen of it.
pub(super) fn failure(evidence: &Evidence, timeouts: &Timeouts) -> ProbeFailure {
    let detail = detail(evidence, timeouts);
    ProbeFailure {
        class: classify(evidence),
        detail: visible(&detail, ProbeResult::DETAIL_LIMIT).into_owned(),
    }
}

fn detail(evidence: &Evidence, timeouts: &Timeouts) -> String {
    match evidence {
        Evidence::Response {
            status,
            error,
            retry_after,
        } => {
            let wait = retry_after.map_or_else(String::new, |wait| {
                format!(" (it asks to wait {} s)", wait.as_secs())
            });
            format!("{status}{}{wait}", said(error))
        }
        Evidence::Timeout { stage, .. } => match stage {
            TimeoutStage::Headers => format!("no response head in {:?}", timeouts.headers),
            TimeoutStage::FirstOutput => format!("no output in {:?}", timeouts.first_output),
            TimeoutStage::Idle => format!("nothing came for {:?}", timeouts.idle),
            TimeoutStage::Total => format!("not at its end after {:?}", timeouts.total),
        },
        Evidence::Unreachable { kind } => match kind {
            UnreachableKind::Dns => "the host's name did not resolve",
            UnreachableKind::Connect => "no connection: refused, or no answer to it",
            UnreachableKind::Tls => "the TLS handshake failed",
            UnreachableKind::ResetBeforeHeaders => "the connection ended before any response",
        }
        .to_owned(),
        Evidence::Broken {
            kind,
            error,
            status,
            ..
        } => {
            let status = status.map_or_else(String::new, |status| format!("{status}, but "));
            let how = match kind {
                BrokenKind::ErrorInsideSuccess => "the body is an error",
                BrokenKind::StreamError => "the stream has an error",
                BrokenKind::Html => "the body is a web page",
                BrokenKind::Malformed => "it is not of the family's shape",
                BrokenKind::Empty => "it is empty",
                BrokenKind::Redirect => "it leads elsewhere",
                BrokenKind::WrongContentType => "of the wrong kind: stream or no stream",
                BrokenKind::Cut => "the connection was cut in the middle",
                BrokenKind::MissingEnd => "the stream has no end marker",
            };
            format!("{status}{how}{}", said(error))
        }
    }
}

/// The provider's own words.
fn said(error: &ProviderError) -> String {
    let code = error.code.as_deref().or(error.kind.as_deref());
    [code, error.message.as_deref()]
        .into_iter()
        .flatten()
        .fold(String::new(), |text, word| {
            let sign = if text.is_empty() { " " } else { ": " };
            text + sign + word
        })
}
