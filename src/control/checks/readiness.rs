//! The check whether the fallback is proven: what probes with the workload's own samples say of it.
//!
//! Only what was seen counts here, with its age. Mode, circuit, drain and headroom have checks of their own.

use super::{Scene, check};
use crate::{
    control::words,
    model::{Check, CheckVerdict, Readiness, ReadinessReason, Workload},
};

/// What is known of the fallback of a workload; `None`: it has none.
pub(super) fn of_fallback(scene: &Scene<'_>, workload: &Workload) -> Option<Check> {
    let name = "readiness";
    let fallback = workload.fallback.as_ref()?;
    let readiness = &scene.overview.workload(&workload.name)?.readiness;
    // Worst first.
    let reasons = || readiness.reasons.iter();
    let disproven =
        reasons().find(|reason| reason.word == Readiness::Blocked && reason.at.is_some());
    // What people say of it has a check of its own.
    let doubt = reasons().find(|reason| match reason.word {
        Readiness::Unverified | Readiness::Stale => true,
        Readiness::Unreviewed | Readiness::Blocked | Readiness::Ready | Readiness::NoneByPolicy => {
            false
        }
    });
    Some(match (disproven, doubt, readiness.proven) {
        (Some(reason), _, _) => check(
            name,
            CheckVerdict::Fail,
            format!("{fallback} failed its last probe: {}", told(scene, reason)),
        ),
        (None, Some(reason), _) => check(
            name,
            CheckVerdict::Warn,
            format!("{}: {}", reason.word, told(scene, reason)),
        ),
        (None, None, Some(at)) => check(
            name,
            CheckVerdict::Pass,
            format!("{fallback} was proven {}", words::ago(at, scene.now)),
        ),
        // Its samples are refused by the policy, and the other checks say why.
        (None, None, None) => return None,
    })
}

fn told(scene: &Scene<'_>, reason: &ReadinessReason) -> String {
    match reason.at {
        Some(at) => format!("{} ({})", reason.why, words::ago(at, scene.now)),
        None => reason.why.clone(),
    }
}
