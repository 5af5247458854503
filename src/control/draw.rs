//! Draws up a plan from an intent and the scene: checks, tier, sentences. Pure but for the id it is given.

use std::time::Duration;

use super::{
    basis,
    checks::{self, Scene},
    effects,
    intent::{Intent, end},
    radius,
};
use crate::model::{Change, Check, CheckVerdict, Mode, Plan, PlanId, RiskTier, Verb};

/// How long a plan can be applied.
pub const PLAN_VALID: Duration = Duration::from_mins(10);

/// Makes the plan.
pub(super) fn plan(scene: &Scene<'_>, intent: &Intent, id: PlanId) -> Plan {
    let effects = effects::describe(scene, intent);
    let mut sentences = effects.sentences;
    sentences.extend(
        checks::owed(scene, intent).into_iter().map(|workload| {
            format!("a review of {workload} is owed from then on, until it is done")
        }),
    );
    let checks = checks::run(scene, intent);
    Plan {
        id,
        made: scene.now,
        valid_until: end(scene.now, PLAN_VALID).unwrap_or(scene.now),
        actor: scene.actor.clone(),
        verb: intent.verb,
        key: intent.key.clone(),
        expected: scene.overrides.expected(&intent.key),
        revision: scene.overrides.revision,
        before: intent.before,
        after: intent.after,
        expires: intent.expires,
        fingerprint: scene.catalog.fingerprint.clone(),
        basis: basis::of(scene.catalog, &intent.key),
        now_line: effects.now_line,
        after_line: effects.after_line,
        effects: sentences,
        tier: tier(intent, &checks),
        checks,
        undoes: intent.undoes,
        radius: radius::of(scene),
    }
}

/// How much confirmation an intent needs.
fn tier(intent: &Intent, checks: &[Check]) -> RiskTier {
    if checks
        .iter()
        .any(|check| check.verdict == CheckVerdict::Fail)
    {
        return RiskTier::BreakGlass;
    }
    if intent.extends() {
        return RiskTier::Confirm;
    }
    match intent.verb {
        Verb::Force | Verb::Hold | Verb::NoticeOff | Verb::Drain => RiskTier::Typed,
        Verb::NoticeOn | Verb::Undrain => RiskTier::Confirm,
        // Back to the configuration is the safe way; anything else is a switch of its own.
        Verb::Auto | Verb::Undo => match intent.after {
            None | Some(Change::Notice(true)) => RiskTier::Confirm,
            Some(
                Change::Mode(Mode::Auto | Mode::Hold | Mode::Force)
                | Change::Notice(false)
                | Change::Drain,
            ) => RiskTier::Typed,
        },
    }
}
