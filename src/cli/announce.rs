//! Tells the consoles what is open in this shell: a plan while its questions are asked; from a line mode also where
//! the operator looks and what they are on.
//!
//! A courtesy: when it cannot be told, work goes on without it.

use std::{convert::Infallible, sync::Arc, time::Duration};

use jiff::Timestamp;
use tokio::sync::watch;

use super::session::Session;
use crate::model::{OverrideKey, Plan, PlanId, Presence, Subject, WorkloadName};

/// How often a presence is written again; the store forgets silent ones after 15 s.
const EVERY: Duration = Duration::from_secs(5);

/// Where an operator is.
#[derive(Clone, Debug, Default)]
struct Place {
    viewing: Option<WorkloadName>,
    plan: Option<(PlanId, OverrideKey)>,
    plan_since: Option<Timestamp>,
    plan_taken: Option<Timestamp>,
    claim: Option<WorkloadName>,
}

/// What the others are told as long as a line mode is open. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub(super) struct Here(Arc<watch::Sender<Place>>);

impl Here {
    /// The operator looks at a workload.
    pub(super) fn look_at(&self, workload: Option<WorkloadName>) {
        self.0.send_modify(|place| place.viewing = workload);
    }

    /// The operator is on it, or on nothing.
    pub(super) fn claim(&self, workload: Option<WorkloadName>) {
        self.0.send_modify(|place| place.claim = workload);
    }

    fn open(&self, plan: &Plan, taken: Option<Timestamp>) {
        let open = Some((plan.id.clone(), plan.key.clone()));
        self.0.send_modify(|place| {
            place.plan = open;
            place.plan_since = Some(plan.made);
            place.plan_taken = taken;
        });
    }

    fn close(&self) {
        self.0.send_modify(|place| {
            place.plan = None;
            place.plan_since = None;
            place.plan_taken = None;
        });
    }

    /// Goes on telling it.
    pub(super) async fn tell(&self, session: &Session) -> Infallible {
        let mut told = self.0.subscribe();
        let since = session.clock.now();
        loop {
            let place = told.borrow_and_update().clone();
            present(session, since, place).await;
            // Told again also when nothing moved.
            let _ = tokio::time::timeout(EVERY, told.changed()).await;
        }
    }
}

/// Closed also when the questions are broken off.
struct Opened<'a>(&'a Here);

impl Drop for Opened<'_> {
    fn drop(&mut self) {
        self.0.close();
    }
}

/// Runs `work` while the plan is announced as open; `taken`: from somebody else who has one open.
pub(super) async fn while_open<T>(
    session: &Session,
    plan: &Plan,
    taken: Option<Timestamp>,
    work: impl Future<Output = T>,
) -> T {
    if let Some(here) = &session.here {
        here.open(plan, taken);
        let _closes = Opened(here);
        return work.await;
    }
    let answer = tokio::select! {
        answer = work => answer,
        never = announce(session, plan, taken) => match never {},
    };
    leave(session).await;
    answer
}

/// Nothing is open here any more. Gone by itself after a while, if not now.
pub(super) async fn leave(session: &Session) {
    let _ = session
        .control
        .leave(name(&session.control.actor().host))
        .await;
}

/// The name of what this process announces: no other one has it, on whichever host.
pub(super) fn name(host: &str) -> String {
    format!("cli-{host}-{}", std::process::id())
}

async fn announce(session: &Session, plan: &Plan, taken: Option<Timestamp>) -> Infallible {
    let place = Place {
        viewing: match &plan.key.subject {
            Subject::Mode(workload) | Subject::Notice(workload) => Some(workload.clone()),
            Subject::Drain(_) => None,
        },
        plan: Some((plan.id.clone(), plan.key.clone())),
        plan_since: Some(plan.made),
        plan_taken: taken,
        claim: None,
    };
    let mut again = tokio::time::interval(EVERY);
    loop {
        again.tick().await;
        present(session, plan.made, place.clone()).await;
    }
}

async fn present(session: &Session, since: Timestamp, place: Place) {
    let Place {
        viewing,
        plan,
        plan_since,
        plan_taken,
        claim,
    } = place;
    let presence = Presence {
        session: name(&session.control.actor().host),
        actor: session.control.actor().clone(),
        since,
        at: session.clock.now(),
        viewing,
        plan,
        plan_since,
        plan_taken,
        claim,
    };
    let _ = session.control.present(presence).await;
}
