//! Applying a plan: is it still true, is it allowed, is it consented to; then one compare-and-set.
//!
//! Called by the door only.

use super::{
    Consent, Control, ControlError, Material, Mode, basis, checks, consent, intent::Intent, radius,
    undo, words,
};
use crate::{
    model::{
        AuditRecord, ChangeRequest, Check, CheckVerdict, Override, Plan, ReasonCode, Revision,
        RiskTier, Verb, visible,
    },
    store::{AuditQuery, ChangeError},
};

/// Longest note and ticket that are kept.
const NOTE_LIMIT: usize = 500;

/// Applies `plan` or says why not; nothing has changed then.
pub(super) async fn apply(
    control: &Control,
    plan: &Plan,
    consent: Consent,
) -> Result<AuditRecord, ControlError> {
    if control.mode() == Mode::Observe {
        return Err(ControlError::Observe);
    }
    control.in_touch()?;
    let material = control.material().await?;
    still_true(control, plan, &material).await?;
    let intent = Intent::of(plan);
    let (checks, owes) = control
        .on_scene(&material, &plan.key, |scene| {
            (checks::run(scene, &intent), checks::owed(scene, &intent))
        })
        .await?;
    allowed(plan, &checks)?;
    consent::fits(plan, &consent)?;
    let request = ChangeRequest {
        owes,
        ..request(control, plan, consent, &material).await?
    };
    match control.inner.store.change(request).await {
        Ok(record) => Ok(record),
        Err(ChangeError::Conflict(conflict)) => Err(ControlError::Conflict(conflict)),
        Err(ChangeError::PlanUsed) => Err(stale(plan, "it was applied before")),
        Err(ChangeError::Store(error)) => Err(error.into()),
    }
}

fn stale(plan: &Plan, why: impl Into<String>) -> ControlError {
    ControlError::Stale {
        plan: plan.id.clone(),
        why: why.into(),
    }
}

/// Whether what the plan rests on has not moved. Only a courtesy: the compare-and-set has the last word.
async fn still_true(
    control: &Control,
    plan: &Plan,
    material: &Material,
) -> Result<(), ControlError> {
    if material.now >= plan.valid_until {
        return Err(stale(
            plan,
            format!(
                "it was made {} and plans last {}",
                words::ago(plan.made, material.now),
                words::span(super::PLAN_VALID)
            ),
        ));
    }
    if plan.expires.is_some_and(|expires| expires <= material.now) {
        return Err(stale(plan, "the end that it sets has passed"));
    }
    if !basis::rests_on(plan, &material.catalog) {
        let why = format!("the configuration of `{}` has changed since", plan.target());
        return Err(stale(plan, why));
    }
    let current = material.overrides.expected(&plan.key);
    if current != plan.expected {
        return Err(stale(plan, moved(control, plan, current).await?));
    }
    let before = material
        .overrides
        .active(&plan.key, material.now)
        .map(|entry| entry.change);
    if before != plan.before {
        return Err(stale(
            plan,
            format!("the override of `{}` has expired since", plan.key),
        ));
    }
    if !radius::names_exceptions(
        plan,
        &material.overrides,
        &material.overview.sites(),
        material.now,
    ) {
        return Err(stale(
            plan,
            "somebody has set a more specific override since, which it would not reach past",
        ));
    }
    Ok(())
}

/// Who moved the key, and why.
async fn moved(control: &Control, plan: &Plan, current: Revision) -> Result<String, ControlError> {
    let records = control
        .inner
        .store
        .audit(AuditQuery {
            target: Some(plan.target().to_owned()),
            ..AuditQuery::default()
        })
        .await?;
    let winner = records
        .iter()
        .rev()
        .find(|record| record.key == plan.key && record.revision == current);
    Ok(match winner {
        Some(winner) => format!(
            "{} changed `{}` at {} ({}, reason {}, revision {current})",
            words::who(&winner.actor),
            plan.key,
            winner.at.strftime("%H:%M:%SZ"),
            winner.verb.map_or("its override expired", Verb::as_str),
            winner.reason,
        ),
        None => format!("`{}` is at revision {current} now", plan.key),
    })
}

/// No refusal, and no failure that the operator has not seen.
fn allowed(plan: &Plan, checks: &[Check]) -> Result<(), ControlError> {
    if let Some(refusal) = plan.refusal().or_else(|| {
        checks
            .iter()
            .find(|check| check.verdict == CheckVerdict::Refuse)
    }) {
        return Err(ControlError::Refused {
            why: refusal.why.clone(),
        });
    }
    let seen = |name: &str| {
        plan.checks
            .iter()
            .any(|check| check.name == name && check.verdict == CheckVerdict::Fail)
    };
    match checks
        .iter()
        .find(|check| check.verdict == CheckVerdict::Fail && !seen(&check.name))
    {
        Some(new) => Err(stale(plan, format!("a check fails now: {}", new.why))),
        None => Ok(()),
    }
}

async fn request(
    control: &Control,
    plan: &Plan,
    consent: Consent,
    material: &Material,
) -> Result<ChangeRequest, ControlError> {
    let actor = control.actor().clone();
    let note = visible(consent.note.trim(), NOTE_LIMIT).into_owned();
    let ticket = consent
        .ticket
        .map(|ticket| visible(ticket.trim(), NOTE_LIMIT).into_owned())
        .filter(|ticket| !ticket.is_empty());
    let reason = consent.reason.unwrap_or(match plan.verb {
        Verb::Undo => ReasonCode::Automatic,
        Verb::Force
        | Verb::Hold
        | Verb::Auto
        | Verb::NoticeOn
        | Verb::NoticeOff
        | Verb::Drain
        | Verb::Undrain => ReasonCode::Other,
    });
    let break_glass = plan.tier == RiskTier::BreakGlass && consent.break_glass;
    let next = match plan.after {
        Some(change) => Some(Override {
            change,
            actor: actor.clone(),
            since: material.now,
            expires: plan.expires,
            reason,
            note: note.clone(),
            ticket: ticket.clone(),
            break_glass: break_glass || inherited(control, plan, material).await?,
        }),
        None => None,
    };
    Ok(ChangeRequest {
        key: plan.key.clone(),
        expected: plan.expected,
        next,
        audit: AuditRecord {
            sequence: 0,
            at: material.now,
            actor,
            verb: Some(plan.verb),
            key: plan.key.clone(),
            before: plan.before,
            after: plan.after,
            expires: plan.expires,
            reason,
            note,
            ticket,
            revision: Revision::default(),
            plan: Some(plan.id.clone()),
            undoes: plan.undoes,
            break_glass,
        },
        plan: Some(plan.id.clone()),
        owes: Vec::new(),
    })
}

/// Whether the mark of an earlier break-glass stays: what is extended or put back was never reviewed.
async fn inherited(
    control: &Control,
    plan: &Plan,
    material: &Material,
) -> Result<bool, ControlError> {
    if plan.before == plan.after
        && let Some(current) = material.overrides.active(&plan.key, material.now)
        && current.break_glass
    {
        return Ok(true);
    }
    let Some(sequence) = plan.undoes else {
        return Ok(false);
    };
    let records = control
        .inner
        .store
        .audit(AuditQuery {
            target: Some(plan.target().to_owned()),
            ..AuditQuery::default()
        })
        .await?;
    Ok(undo::restores_break_glass(sequence, plan.after, &records))
}
