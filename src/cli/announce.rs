//! Tells the consoles that a plan is open in this shell while its questions are asked.
//!
//! A courtesy: when it cannot be told, the plan goes on without it.

use std::{convert::Infallible, time::Duration};

use super::session::Session;
use crate::model::{OverrideKey, Plan, Presence};

/// How often a presence is written again; the store forgets silent ones after 15 s.
const EVERY: Duration = Duration::from_secs(5);

/// Runs `work` while the plan is announced as open.
pub(super) async fn while_open<T>(
    session: &Session,
    plan: &Plan,
    work: impl Future<Output = T>,
) -> T {
    let name = format!("cli-{}", std::process::id());
    let answer = tokio::select! {
        answer = work => answer,
        never = announce(session, plan, &name) => match never {},
    };
    // Gone by itself after a while, if not now.
    let _ = session.control.leave(name).await;
    answer
}

async fn announce(session: &Session, plan: &Plan, name: &str) -> Infallible {
    let viewing = match &plan.key {
        OverrideKey::Mode(workload) | OverrideKey::Notice(workload) => Some(workload.clone()),
        OverrideKey::Drain(_) => None,
    };
    let mut again = tokio::time::interval(EVERY);
    loop {
        again.tick().await;
        let presence = Presence {
            session: name.to_owned(),
            actor: session.control.actor().clone(),
            since: plan.made,
            at: session.clock.now(),
            viewing: viewing.clone(),
            plan: Some((plan.id.clone(), plan.key.clone())),
            claim: None,
        };
        let _ = session.control.present(presence).await;
    }
}
