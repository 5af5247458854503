//! An error class in words: what it is, what makes the classifier say it, whether it may ever be a trigger, and
//! which workloads made it one.
//!
//! Its rows are tested against the classifier itself.

use serde::Serialize;

use super::{Explanation, Facts, Part};
use crate::{
    control::words::list,
    model::{Catalog, ErrorClass, WorkloadName, visible},
};

/// Whether a class may cause a fallback.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum MayTrigger {
    /// Never, whatever is configured.
    Never,
    /// Only where the policy names it with a written reason.
    WithReason,
    /// Where the policy names it, after the primary was asked again.
    AfterBackoff,
    /// Where the policy names it; it does unless it says otherwise.
    Usually,
}

impl MayTrigger {
    /// Of a class.
    #[must_use]
    pub const fn of(class: ErrorClass) -> Self {
        match class {
            ErrorClass::InvalidRequest | ErrorClass::Authentication => Self::Never,
            ErrorClass::Forbidden | ErrorClass::QuotaExhausted => Self::WithReason,
            ErrorClass::RateLimited => Self::AfterBackoff,
            ErrorClass::ServerError
            | ErrorClass::Overloaded
            | ErrorClass::Timeout
            | ErrorClass::Unreachable
            | ErrorClass::BrokenResponse => Self::Usually,
        }
    }

    const fn words(self) -> &'static str {
        match self {
            Self::Never => "never causes a fallback, whatever is configured",
            Self::WithReason => {
                "causes a fallback only where `triggers` names it and `justify` gives the written reason; `check` \
                 warns of it"
            }
            Self::AfterBackoff => {
                "the primary is asked again first, after as long as the provider says (`backoff`); then it causes a \
                 fallback where `triggers` names it"
            }
            Self::Usually => {
                "causes a fallback where `triggers` names it, and unless a workload says otherwise it does"
            }
        }
    }
}

/// What a class means, in a sentence.
#[must_use]
pub(super) const fn meaning(class: ErrorClass) -> &'static str {
    match class {
        ErrorClass::InvalidRequest => {
            "the request itself is wrong, too long, or refused by a content filter; another route would not help"
        }
        ErrorClass::Authentication => {
            "the credential was not accepted; hiding that behind a fallback would hide a broken key"
        }
        ErrorClass::Forbidden => "the account, project or region may not do this",
        ErrorClass::QuotaExhausted => {
            "money or a spent period, not load: waiting a little does not help"
        }
        ErrorClass::RateLimited => "too many requests right now",
        ErrorClass::ServerError => "the provider broke",
        ErrorClass::Overloaded => "the provider is out of capacity",
        ErrorClass::Timeout => "one of the workload's clocks ran out, or the provider's own",
        ErrorClass::Unreachable => "no usable connection to the provider",
        ErrorClass::BrokenResponse => "an answer that is not one",
    }
}

/// What makes the classifier say it.
const fn evidence(class: ErrorClass) -> &'static [&'static str] {
    match class {
        ErrorClass::InvalidRequest => &[
            "400, 404, 405, 413, 415, 422; a 400 stays one whatever its body says",
            "code `context_length_exceeded`: the request does not fit the model",
            "code `content_filter`: the provider's filter refused the content",
            "404 with code `model_not_found`: the route's model is wrong (a config alarm, too)",
        ],
        ErrorClass::Authentication => &["401; it stays one whatever its body says"],
        ErrorClass::Forbidden => &["403 without a code of money"],
        ErrorClass::QuotaExhausted => &[
            "402",
            "429 or 403 with code `insufficient_quota`, or another code of money or a spent period",
            "429 of Gemini whose quota is per day",
        ],
        ErrorClass::RateLimited => &[
            "429 without a code of money",
            "409: a conflict is a matter of timing",
        ],
        ErrorClass::ServerError => &["500, 502, and every 5xx that means nothing more"],
        ErrorClass::Overloaded => &["503, 529"],
        ErrorClass::Timeout => &[
            "no response head, no first output, a pause or no end within the workload's `timeouts`",
            "408, 504",
        ],
        ErrorClass::Unreachable => &[
            "the name does not resolve",
            "the connection is refused, or not answered",
            "TLS fails",
            "the connection ends before a response head",
        ],
        ErrorClass::BrokenResponse => &[
            "a success status with an error inside, HTML, nothing, or what is not of the family's shape",
            "an error as the first event of a stream",
            "a stream that is cut, or ends without its end marker",
            "a redirect: it is never followed with a credential",
        ],
    }
}

/// Explains a class. Without a catalog it says nothing of workloads.
#[must_use]
pub fn class(class: ErrorClass, catalog: Option<&Catalog>) -> Explanation {
    let may = MayTrigger::of(class);
    let mut parts = vec![
        Part::new("Seen as", evidence(class).iter().copied()),
        Part::new("Fallback", [may.words()]),
    ];
    let mut named_by = Vec::new();
    if let Some(catalog) = catalog {
        let all: Vec<&WorkloadName> = catalog.workloads.keys().collect();
        let mut lines = Vec::new();
        for workload in catalog.workloads.values() {
            if workload.fallback.is_none() || !workload.triggers.contains(class) {
                continue;
            }
            if let Some(why) = workload.justifications.get(&class) {
                lines.push(format!("{}: {}", workload.name, visible(why, 200)));
            }
            named_by.push(workload.name.clone());
        }
        let line = if named_by.is_empty() {
            "no workload that has a fallback".to_owned()
        } else if named_by.len() == all.len() {
            "every workload".to_owned()
        } else {
            list(&named_by)
        };
        lines.insert(0, line);
        parts.push(Part::new("A trigger of", lines));
    }
    Explanation {
        headline: format!("{class}: {}", meaning(class)),
        facts: Facts::Class {
            class,
            may_trigger: may,
            triggers_of: named_by,
        },
        parts,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        control::fixture,
        policy::{BrokenKind, Evidence, ProviderError, TimeoutStage, UnreachableKind, classify},
    };

    fn answered(status: u16, code: &str) -> Evidence {
        Evidence::Response {
            status,
            error: ProviderError {
                code: (!code.is_empty()).then(|| code.to_owned()),
                ..ProviderError::default()
            },
            retry_after: None,
        }
    }

    fn broken(kind: BrokenKind) -> Evidence {
        Evidence::Broken {
            kind,
            error: ProviderError::default(),
            status: Some(200),
            retry_after: None,
        }
    }

    /// What each row claims, as the classifier would see it; in the order of the rows.
    fn claimed(class: ErrorClass) -> Vec<Vec<Evidence>> {
        let statuses = |all: &[u16]| all.iter().map(|status| answered(*status, "")).collect();
        let unreachable = |kind| vec![Evidence::Unreachable { kind }];
        match class {
            ErrorClass::InvalidRequest => vec![
                [400, 404, 405, 413, 415, 422]
                    .map(|status| answered(status, ""))
                    .into_iter()
                    .chain([answered(400, "server_is_overloaded")])
                    .collect(),
                vec![
                    answered(400, "context_length_exceeded"),
                    answered(500, "context_length_exceeded"),
                ],
                vec![answered(403, "content_filter")],
                vec![answered(404, "model_not_found")],
            ],
            ErrorClass::Authentication => vec![vec![answered(401, ""), answered(401, "503")]],
            ErrorClass::Forbidden => vec![statuses(&[403])],
            ErrorClass::QuotaExhausted => vec![
                statuses(&[402]),
                vec![
                    answered(429, "insufficient_quota"),
                    answered(403, "insufficient_quota"),
                ],
                vec![answered(429, "GenerateRequestsPerDayPerProject")],
            ],
            ErrorClass::RateLimited => vec![statuses(&[429]), statuses(&[409])],
            ErrorClass::ServerError => vec![statuses(&[500, 502, 520])],
            ErrorClass::Overloaded => vec![statuses(&[503, 529])],
            ErrorClass::Timeout => vec![
                [
                    TimeoutStage::Headers,
                    TimeoutStage::FirstOutput,
                    TimeoutStage::Idle,
                    TimeoutStage::Total,
                ]
                .map(|stage| Evidence::Timeout {
                    stage,
                    caller: false,
                })
                .to_vec(),
                statuses(&[408, 504]),
            ],
            ErrorClass::Unreachable => vec![
                unreachable(UnreachableKind::Dns),
                unreachable(UnreachableKind::Connect),
                unreachable(UnreachableKind::Tls),
                unreachable(UnreachableKind::ResetBeforeHeaders),
            ],
            ErrorClass::BrokenResponse => vec![
                [
                    BrokenKind::ErrorInsideSuccess,
                    BrokenKind::Html,
                    BrokenKind::Empty,
                    BrokenKind::Malformed,
                    BrokenKind::WrongContentType,
                ]
                .map(broken)
                .to_vec(),
                vec![broken(BrokenKind::StreamError)],
                vec![broken(BrokenKind::Cut), broken(BrokenKind::MissingEnd)],
                vec![broken(BrokenKind::Redirect)],
            ],
        }
    }

    #[test]
    fn what_is_said_of_a_class_is_what_the_classifier_does() {
        for class in ErrorClass::ALL {
            let claimed = claimed(class);
            assert_eq!(claimed.len(), evidence(class).len(), "{class}");
            for (row, claims) in evidence(class).iter().zip(claimed) {
                for claim in claims {
                    assert_eq!(classify(&claim), class, "{row}: {claim:?}");
                }
            }
        }
    }

    #[test]
    fn a_class_names_the_workloads_that_made_it_a_trigger() {
        let mut catalog = fixture::catalog();
        let batch = catalog.workloads.get_mut("batch").unwrap();
        batch.triggers.insert(ErrorClass::Forbidden);
        batch.justifications.insert(
            ErrorClass::Forbidden,
            "the region is shut at night".to_owned(),
        );
        let told = class(ErrorClass::Forbidden, Some(&catalog)).text();
        assert!(
            told.contains("batch: the region is shut at night"),
            "{told}"
        );
        let told = class(ErrorClass::Timeout, Some(&catalog)).text();
        assert!(told.contains("batch and chat"), "{told}");
        assert!(!told.contains("code"), "it has no fallback: {told}");
        let told = class(ErrorClass::Authentication, Some(&catalog)).text();
        assert!(told.contains("never causes a fallback"), "{told}");
        assert!(
            !class(ErrorClass::Timeout, None)
                .text()
                .contains("A trigger of")
        );
    }
}
