//! The gate: arming or forcing a fallback that no review speaks for is a failed check.
//!
//! It is about what an operator does, so what is in use already is left alone, and the way back to the primary
//! is never barred: only what sends a workload's traffic nearer to its fallback, or keeps it there for longer.

use super::{Intent, Scene, check};
use crate::model::{Check, CheckVerdict, Mode, Standing, Subject, Workload, WorkloadName};

const NAME: &str = "review";

/// So many missing parts are told one by one.
const TOLD: usize = 4;

/// How near a mode brings the fallback to the users.
const fn exposure(mode: Mode) -> u8 {
    match mode {
        Mode::Hold => 0,
        Mode::Auto => 1,
        Mode::Force => 2,
    }
}

/// For an intent about a workload's mode.
pub(super) fn of_mode(scene: &Scene<'_>, intent: &Intent, workload: &Workload) -> Vec<Check> {
    let before = scene.mode_before(workload, intent);
    let after = scene.mode_after(workload, intent);
    match after {
        Mode::Hold => Vec::new(),
        Mode::Auto | Mode::Force if exposure(after) < exposure(before) => {
            told(scene, workload, CheckVerdict::Warn)
        }
        Mode::Auto | Mode::Force => told(scene, workload, CheckVerdict::Fail),
    }
}

/// For the drain of a workload's primary: its traffic goes where `force` would send it. Held, it stays; forced,
/// it is there.
pub(super) fn of_drain(scene: &Scene<'_>, workload: &Workload) -> Vec<Check> {
    match scene.mode_there(workload) {
        Mode::Auto => told(scene, workload, CheckVerdict::Fail),
        Mode::Hold | Mode::Force => Vec::new(),
    }
}

/// The workloads whose review an intent makes owed: those whose gate it passes although it is shut.
pub(in crate::control) fn owed(scene: &Scene<'_>, intent: &Intent) -> Vec<WorkloadName> {
    let shut = |checks: Vec<Check>| {
        checks
            .iter()
            .any(|check| check.verdict == CheckVerdict::Fail)
    };
    match &intent.key.subject {
        Subject::Mode(name) => {
            let workload = scene.workload(name);
            workload
                .filter(|workload| shut(of_mode(scene, intent, workload)))
                .map(|workload| workload.name.clone())
                .into_iter()
                .collect()
        }
        Subject::Drain(route) if intent.after.is_some() => scene
            .catalog
            .users_of(route)
            .filter(|user| user.primary == *route && shut(of_drain(scene, user)))
            .map(|user| user.name.clone())
            .collect(),
        Subject::Drain(_) | Subject::Notice(_) => Vec::new(),
    }
}

/// One check for each missing part, or one that says that all is well; none where no review is asked for.
fn told(scene: &Scene<'_>, workload: &Workload, when_shut: CheckVerdict) -> Vec<Check> {
    let (Some(fallback), Some(status)) =
        (&workload.fallback, scene.overview.workload(&workload.name))
    else {
        return Vec::new();
    };
    match &status.review {
        Standing::NotRequired => Vec::new(),
        Standing::Passing { until, .. } => vec![check(
            NAME,
            CheckVerdict::Pass,
            format!(
                "people judged {fallback} good enough; holds until {}",
                until.strftime("%Y-%m-%d")
            ),
        )],
        shut @ (Standing::Missing | Standing::Stale { .. } | Standing::Failing { .. }) => {
            let parts = shut.missing();
            let rest = parts.len().saturating_sub(TOLD);
            let mut checks: Vec<Check> = parts
                .into_iter()
                .take(TOLD)
                .map(|part| check(NAME, when_shut, format!("{fallback}: {part}")))
                .collect();
            if rest > 0 {
                checks.push(check(
                    NAME,
                    when_shut,
                    format!("{fallback}: and {rest} more"),
                ));
            }
            checks
        }
    }
}

#[cfg(test)]
mod tests;
