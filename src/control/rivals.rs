//! Who else is here, and who has a plan open for a target: one open plan for each, whoever opened it on which host.

use rustix::{
    io::Errno,
    process::{Pid, test_kill_process},
};

use super::{Control, ControlError, Inner};
use crate::{model::Presence, store::StoreError};

impl Inner {
    /// The sessions that are open. What a process of this host has left that was killed is nobody.
    pub(super) async fn presences(&self) -> Result<Vec<Presence>, StoreError> {
        let mut presences = self.store.presences().await?;
        presences.retain(|presence| presence.actor.host != self.actor.host || runs(presence));
        Ok(presences)
    }
}

/// Whether the process of a session of this host still runs, as far as it can be told.
fn runs(presence: &Presence) -> bool {
    let process = presence
        .process
        .and_then(|process| i32::try_from(process).ok())
        .and_then(Pid::from_raw);
    process.is_none_or(|process| test_kill_process(process) != Err(Errno::SRCH))
}

impl Control {
    /// The other session that has a plan open for a target, since longest or by having taken it over. Sessions are
    /// rivals, whoever sits there: an account may be shared.
    pub async fn open_elsewhere(&self, target: &str) -> Result<Option<Presence>, ControlError> {
        let own = self.inner.own().session.clone();
        let others = self.inner.presences().await?.into_iter();
        let plans = others
            .filter(|other| Some(&other.session) != own.as_ref())
            .filter(|other| other.plans(target));
        Ok(plans.reduce(|first, other| {
            if other.goes_before(&first) {
                other
            } else {
                first
            }
        }))
    }
}
