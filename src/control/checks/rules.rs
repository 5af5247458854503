//! Checks of the rules that nobody can override: the gateway refuses the fallback whatever an operator says.

use super::check;
use crate::model::{Check, CheckVerdict, Family, Route, Workload};

pub(super) fn family(workload: &Workload, fallback: &Route) -> Check {
    if fallback.family == workload.family {
        check(
            "family",
            CheckVerdict::Pass,
            format!("same family, {}", workload.family),
        )
    } else {
        check(
            "family",
            CheckVerdict::Refuse,
            format!(
                "{} speaks {}, {} speaks {}: requests cannot be translated",
                fallback.name, fallback.family, workload.name, workload.family
            ),
        )
    }
}

/// For a route that is not open to every workload.
pub(super) fn entitled(workload: &Workload, fallback: &Route) -> Option<Check> {
    let open_to = fallback.workloads.as_ref()?;
    let name = "entitlement";
    Some(if open_to.contains(&workload.name) {
        check(
            name,
            CheckVerdict::Pass,
            format!("{} is open to {}", fallback.name, workload.name),
        )
    } else {
        check(
            name,
            CheckVerdict::Refuse,
            format!(
                "{} is not open to {}; only the configuration can open it (`workloads`)",
                fallback.name, workload.name
            ),
        )
    })
}

/// For embeddings with another model: whether its vectors may stand in. Not to be overridden.
pub(super) fn vectors(workload: &Workload, primary: &Route, fallback: &Route) -> Option<Check> {
    if workload.family != Family::OpenaiEmbeddings || primary.model == fallback.model {
        return None;
    }
    let name = "vectors";
    Some(match &workload.may_change_vectors {
        None => check(
            name,
            CheckVerdict::Refuse,
            format!(
                "{} makes vectors that cannot be compared with those of {}; the policy does not allow it",
                fallback.name, primary.name
            ),
        ),
        Some(reason) => check(
            name,
            CheckVerdict::Warn,
            format!(
                "{} makes other vectors than {}; allowed in writing: {reason}",
                fallback.name, primary.name
            ),
        ),
    })
}
