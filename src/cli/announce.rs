//! Tells the consoles what is open in this shell: a plan while its questions are asked; from a line mode also where
//! the operator looks and what they are on.
//!
//! A courtesy: when it cannot be told, work goes on without it.

use std::{convert::Infallible, sync::Arc, time::Duration};

use jiff::Timestamp;
use tokio::sync::watch;

use super::{error::CliError, output, session::Session};
use crate::model::{OverrideKey, Plan, PlanId, Presence, Subject, WorkloadName, visible};

/// How often a presence is written again; the store forgets silent ones after 15 s.
const EVERY: Duration = Duration::from_secs(5);
/// How often it is looked for somebody who takes a plan over.
const LOOK: Duration = Duration::from_secs(1);

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

/// Asks about a plan while it is announced as open; `taken`: since when it goes before somebody else's. Whoever takes
/// it over meanwhile is named as soon as that is seen, and the answers do not count then.
pub(super) async fn while_open<T>(
    session: &Session,
    plan: &Plan,
    taken: Option<Timestamp>,
    questions: impl Future<Output = Result<T, CliError>>,
) -> Result<T, CliError> {
    let own = presence(session, plan.made, place(plan, taken));
    open(session, plan, taken, async {
        let answers = tokio::select! {
            answers = questions => answers?,
            never = watch_rivals(session, &own) => match never {},
        };
        match ahead(session, &own).await {
            Some(rival) => Err(CliError::TakenOver(rival)),
            None => Ok(answers),
        }
    })
    .await
}

/// Says it once when somebody goes first from now on: whoever reads the questions need not answer them.
async fn watch_rivals(session: &Session, own: &Presence) -> Infallible {
    let mut again = tokio::time::interval(LOOK);
    let rival = loop {
        again.tick().await;
        if let Some(rival) = ahead(session, own).await {
            break rival;
        }
    };
    output::talk(format_args!(
        "\n! {rival}; answers do not count any more, ctrl-c leaves"
    ));
    std::future::pending().await
}

/// Who goes before the plan that is open here, in words. A store that cannot be asked is told of by what is asked of it
/// next.
async fn ahead(session: &Session, own: &Presence) -> Option<String> {
    let (_, key) = own.plan.as_ref()?;
    let rival = session.control.open_elsewhere(key.target()).await.ok()??;
    let since = rival.plan_taken.or(rival.plan_since)?;
    rival.goes_before(own).then(|| {
        format!(
            "{} on {} took {} over at {}, with plan {}",
            visible(rival.actor.name(), 60),
            visible(&rival.actor.host, 60),
            visible(key.target(), 60),
            since.strftime("%H:%M:%SZ"),
            rival.plan.as_ref().map_or("", |(id, _)| id.0.as_str()),
        )
    })
}

async fn open<T>(
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

/// A plan that is open.
fn place(plan: &Plan, taken: Option<Timestamp>) -> Place {
    Place {
        viewing: match &plan.key.subject {
            Subject::Mode(workload) | Subject::Notice(workload) => Some(workload.clone()),
            Subject::Drain(_) => None,
        },
        plan: Some((plan.id.clone(), plan.key.clone())),
        plan_since: Some(plan.made),
        plan_taken: taken,
        claim: None,
    }
}

async fn announce(session: &Session, plan: &Plan, taken: Option<Timestamp>) -> Infallible {
    let place = place(plan, taken);
    let mut again = tokio::time::interval(EVERY);
    loop {
        again.tick().await;
        present(session, plan.made, place.clone()).await;
    }
}

async fn present(session: &Session, since: Timestamp, place: Place) {
    let _ = session
        .control
        .present(presence(session, since, place))
        .await;
}

fn presence(session: &Session, since: Timestamp, place: Place) -> Presence {
    let Place {
        viewing,
        plan,
        plan_since,
        plan_taken,
        claim,
    } = place;
    Presence {
        session: name(&session.control.actor().host),
        actor: session.control.actor().clone(),
        since,
        at: session.clock.now(),
        viewing,
        plan,
        plan_since,
        plan_taken,
        claim,
        process: Some(std::process::id()),
    }
}
