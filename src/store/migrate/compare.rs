//! Whether both sides of a migration have the same.

use super::{ENTRIES, Migrated, Migration};
use crate::{model::Seq, store::StoreError};

impl Migration {
    /// Both must be the same now.
    pub(super) async fn compare(&self, done: &Migrated) -> Result<(u64, usize), StoreError> {
        let (from, to) = (
            self.source.audit_head().await?,
            self.target.audit_head().await?,
        );
        if from != to {
            return Err(self.differ("the audits do not end at the same record: something is changed meanwhile; run it again"));
        }
        let (here, there) = (self.source.overrides(), self.target.overrides());
        let (here, there) = (here.borrow().clone(), there.borrow().clone());
        if here != there {
            return Err(self.differ(
                "the overrides are not the same: something is changed meanwhile; run it again",
            ));
        }
        let (here, there) = (self.source.reviewed(), self.target.reviewed());
        let (here, there) = (here.borrow().clone(), there.borrow().clone());
        if here.heads != there.heads || here.debts != there.debts {
            return Err(self.differ(
                "the reviews are not the same: something is changed meanwhile; run it again",
            ));
        }
        let mut events = 0;
        let mut seen = Seq(0);
        loop {
            let page = self.target.tail(seen, ENTRIES).await?;
            let Some((last, _)) = page.last() else {
                break;
            };
            seen = *last;
            events += page.len() as u64;
        }
        let wanted = done.events.decisions + done.events.outcomes + done.events.known;
        if events < wanted {
            return Err(self.differ(&format!(
                "{events} entries of the event log are there, and {wanted} should be; run it again"
            )));
        }
        self.same_points().await?;
        self.same_captures().await?;
        Ok((to.sequence, self.target.overrides().borrow().slots.len()))
    }
}
