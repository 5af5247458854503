//! Forgetting what is old, for all hosts, and keeping the log of the state short.
//!
//! Gateways call it every few minutes, all of them: what one has done is nothing to do for the next. What is forgotten
//! is a fact, so every view forgets the same at the same place. Outputs of reviews are removed from the cluster before
//! it is said that they are gone: whoever is killed in between leaves that to the next.

use std::{sync::PoisonError, time::Duration};

use jiff::Timestamp;
use tokio::time::timeout;

use super::{Facts, write::Outcome};
use crate::{
    model::{Retention, ReviewId},
    store::{
        StoreError, Touch, earlier,
        fact::{Deed, Fact, Request},
        nats::replica::{self, Limits, Log},
    },
};

/// How many reviews one fact forgets.
const AT_ONCE: usize = 64;
/// How long the cluster may take to trim its log.
const TRIMMED: Duration = Duration::from_secs(4);

impl Facts {
    /// Lets the fleet forget old audit records; answers how many went by this.
    pub(in crate::store) async fn retain(&self, retention: Retention) -> Result<u64, StoreError> {
        self.may_write()?;
        let before = earlier(self.0.shared.link.clock().now(), retention.audit);
        let known = self.view().bases().await?.forgotten;
        let made = self.forget(Some(before), Vec::new(), Vec::new()).await?;
        Ok(match made.map(|fact| fact.deed) {
            Some(Deed::Forgotten {
                through: Some(through),
                ..
            }) => through.sequence.saturating_sub(known),
            Some(_) | None => 0,
        })
    }

    /// Lets the fleet forget the outputs of old reviews, and reviews that nobody needs.
    pub(in crate::store) async fn retain_reviews(
        &self,
        retention: Retention,
    ) -> Result<(), StoreError> {
        self.may_write()?;
        let now = self.0.shared.link.clock().now();
        let outputs_before = earlier(now, retention.reviews);
        loop {
            let due = self.view().to_be_stripped(outputs_before, AT_ONCE).await?;
            let due: Vec<ReviewId> = due.into_iter().map(|head| head.id).collect();
            for id in &due {
                self.strip(id).await?;
            }
            if due.is_empty() || self.forget(None, due, Vec::new()).await?.is_none() {
                break;
            }
        }
        loop {
            let due = self.view().to_be_forgotten(earlier(now, retention.audit));
            let mut due = due.await?;
            due.truncate(AT_ONCE);
            for id in &due {
                self.0.shared.remove(id).await?;
            }
            if due.is_empty() || self.forget(None, Vec::new(), due).await?.is_none() {
                return Ok(());
            }
        }
    }

    /// What was written of it; `None`: there was nothing to forget.
    async fn forget(
        &self,
        before: Option<Timestamp>,
        outputs: Vec<ReviewId>,
        reviews: Vec<ReviewId>,
    ) -> Result<Option<Box<Fact>>, StoreError> {
        let request = Request::Forget {
            before,
            outputs,
            reviews,
        };
        match self.write(request).await? {
            Outcome::Made(fact) => Ok(Some(fact)),
            Outcome::Nothing => Ok(None),
            Outcome::Refused(refusal) => Err(self.refused(refusal)),
        }
    }

    /// Writes the state down as a whole when that is due, and trims what nobody needs off the log.
    pub(in crate::store) async fn shorten(&self, limits: Limits) -> Result<(), StoreError> {
        self.may_write()?;
        let shared = &self.0.shared;
        // Who is apart keeps no house.
        if *shared.touch.borrow() != Touch::Current {
            return Ok(());
        }
        let Ok((log, began)) = shared.ask_with_age().await else {
            return Ok(());
        };
        let bases = self.view().bases().await?;
        let now = shared.link.clock().now();
        if replica::due(&bases, &log, began, now, limits) {
            let newest = bases.noted.last();
            self.write_base(newest.map_or(0, |noted| noted.sequence))
                .await?;
        }
        let bases = self.view().bases().await?;
        if let Some(first) = replica::trim(&bases, &log) {
            self.trim(&log, first).await;
        }
        Ok(())
    }

    /// Who writes the state down has looked first whether its own can be so.
    async fn write_base(&self, behind: u64) -> Result<(), StoreError> {
        let proof = self.view().prove_audit(Vec::new()).await?;
        if let Some(finding) = proof.findings.first() {
            let found = proof.found;
            tracing::error!(found, %finding, "no base is written from this host's view: it is not sound");
            return Ok(());
        }
        match self.write(Request::Base { behind }).await {
            Ok(Outcome::Made(fact)) => {
                tracing::info!(id = %fact.id, "the state was written down as a whole");
            }
            Ok(Outcome::Nothing | Outcome::Refused(_)) => {}
            Err(error) => {
                tracing::warn!(%error, "the state was not written down as a whole; the log goes on growing");
            }
        }
        Ok(())
    }

    /// Lets the log begin with a base. That it cannot be done is said once: nothing but space depends on it.
    async fn trim(&self, log: &Log, first: u64) {
        let shared = &self.0.shared;
        let trimmed = async {
            let stream = shared.link.context().get_stream_no_info(&shared.stream);
            let stream = stream.await.map_err(|error| error.to_string())?;
            let purged = stream.purge().sequence(first).await;
            purged.map_err(|error| error.to_string())
        };
        let refused = match timeout(TRIMMED, trimmed).await {
            Ok(Ok(done)) => {
                let (from, gone) = (log.first, done.purged);
                tracing::info!(from, first, gone, "the log of changes was trimmed");
                None
            }
            Ok(Err(why)) => Some(why),
            Err(_) => Some(
                shared
                    .link
                    .silence(&format!("$JS.API.STREAM.PURGE.{}", shared.stream)),
            ),
        };
        let said = std::mem::replace(
            &mut *self
                .0
                .untrimmed
                .lock()
                .unwrap_or_else(PoisonError::into_inner),
            refused.clone(),
        );
        if let Some(why) = refused
            && said.as_ref() != Some(&why)
        {
            let stream = &shared.stream;
            tracing::warn!(
                why,
                "the log of changes was not trimmed and goes on growing: gateways need $JS.API.STREAM.PURGE.{stream}, \
                 and the stream must not have deny_purge"
            );
        }
    }
}
