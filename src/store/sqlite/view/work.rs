//! Working requests out against a view: what has to be written, or why nothing may be.

use jiff::Timestamp;
use rusqlite::Connection;

use super::{
    super::{chain, fault::Fault, reviews, state},
    base,
};
use crate::store::{
    fact::{Deed, KeyChange, Refusal, Request, Worked},
    rules,
};

/// What a request has to write, by the rules. Nothing is written.
pub(super) fn out(
    connection: &Connection,
    request: Request,
    now: Timestamp,
    host: &str,
) -> Result<Worked, Fault> {
    Ok(match request {
        Request::Change(request) => {
            let (key, plan) = (request.key.clone(), request.plan.clone());
            match state::judge(connection, *request, now, host)? {
                Ok(applied) => worked(Deed::Changed {
                    keys: vec![KeyChange::new(key, applied)?],
                    plan,
                }),
                Err(state::Refusal::Conflict(conflict)) => {
                    Worked::Refused(Refusal::Conflict(conflict))
                }
                Err(state::Refusal::PlanUsed) => Worked::Refused(Refusal::PlanUsed),
            }
        }
        Request::EndExpired => {
            let mut counters = state::counters(connection)?;
            let mut keys = Vec::new();
            for key in state::expired(connection, now)? {
                let slot = state::find(connection, &key)?;
                let ended = slot.and_then(|slot| rules::expire(&key, &slot, counters, now, host));
                if let Some(applied) = ended {
                    counters.revision = applied.slot.revision;
                    counters.sequence += applied.records.len() as u64;
                    keys.push(KeyChange::new(key, applied)?);
                }
            }
            if keys.is_empty() {
                Worked::Nothing
            } else {
                worked(Deed::Changed { keys, plan: None })
            }
        }
        Request::TakeOver { after, deed } => {
            if chain::head(connection)? == after {
                Worked::Out(deed)
            } else {
                Worked::Refused(Refusal::OtherPast)
            }
        }
        Request::Plan(plan) => {
            if state::is_taken(connection, &plan, now)? {
                Worked::Refused(Refusal::PlanTaken(plan.id))
            } else {
                worked(Deed::Planned { plan })
            }
        }
        Request::Review { head, settles } => {
            if reviews::is_there(connection, &head.id)? {
                Worked::Refused(Refusal::ReviewThere(head.id))
            } else {
                worked(Deed::Reviewed { head, settles })
            }
        }
        Request::Forget {
            before,
            outputs,
            reviews,
        } => base::forget(connection, before, outputs, reviews)?,
        Request::Base { behind } => {
            let newest = base::newest(connection)?;
            if newest.is_some_and(|newest| newest > behind) {
                Worked::Nothing
            } else {
                let base = Box::new(base::state(connection)?);
                worked(Deed::Based { base })
            }
        }
    })
}

pub(super) fn worked(deed: Deed) -> Worked {
    Worked::Out(Box::new(deed))
}
