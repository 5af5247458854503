//! Who else has a plan open for a target: one open plan for each, whoever opened it on which host.

use super::{Control, ControlError};
use crate::model::Presence;

impl Control {
    /// The other operator who has a plan open for a target, since longest or by having taken it over.
    pub async fn open_elsewhere(&self, target: &str) -> Result<Option<Presence>, ControlError> {
        let own = self.inner.own().session.clone();
        let presences = self.inner.store.presences().await?;
        let mut first: Option<Presence> = None;
        for presence in presences {
            let other = Some(&presence.session) != own.as_ref()
                && presence.is_of_another(&self.inner.actor)
                && presence.plans(target);
            if other
                && first
                    .as_ref()
                    .is_none_or(|known| presence.goes_before(known))
            {
                first = Some(presence);
            }
        }
        Ok(first)
    }
}
