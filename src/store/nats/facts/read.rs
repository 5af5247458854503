//! Questions to the state, answered from the view.
//!
//! What somebody on another host was just told is in the view a moment later; whoever asks a question that is not
//! followed anyway waits for that moment, as long as the cluster answers.

use std::{sync::Arc, time::Duration};

use tokio::sync::watch;

use super::Facts;
use crate::{
    model::{
        Anchor, AuditRecord, Overrides, Plan, PlanId, ReviewHead, Reviewed, Revision, SealedRecord,
    },
    store::{AuditProof, AuditQuery, Health, ReviewQuery, StoreError, Touch},
};

/// How long a question waits for the view.
const PATIENCE: Duration = Duration::from_secs(1);

impl Facts {
    /// Lets the view come to where the log ends now, unless it is known to be apart.
    pub(super) async fn refresh(&self) {
        let shared = &self.0.shared;
        if *shared.touch.borrow() == Touch::Current
            && let Err(cause) = shared.catch_up(PATIENCE).await
        {
            tracing::debug!(%cause, "answered from what was seen before");
        }
    }

    pub(in crate::store) fn overrides(&self) -> watch::Receiver<Arc<Overrides>> {
        self.view().overrides()
    }

    pub(in crate::store) fn reviewed(&self) -> watch::Receiver<Arc<Reviewed>> {
        self.view().reviewed()
    }

    pub(in crate::store) fn health(&self) -> watch::Receiver<Health> {
        self.view().health()
    }

    pub(in crate::store) async fn audit(
        &self,
        query: AuditQuery,
    ) -> Result<Vec<AuditRecord>, StoreError> {
        self.refresh().await;
        self.view().audit(query).await
    }

    pub(in crate::store) async fn prove_audit(
        &self,
        kept: Vec<Anchor>,
    ) -> Result<AuditProof, StoreError> {
        self.refresh().await;
        self.view().prove_audit(kept).await
    }

    pub(in crate::store) async fn sealed(
        &self,
        after: u64,
        limit: usize,
    ) -> Result<Vec<SealedRecord>, StoreError> {
        self.refresh().await;
        self.view().sealed(after, limit).await
    }

    pub(in crate::store) async fn audit_head(&self) -> Result<Anchor, StoreError> {
        self.refresh().await;
        self.view().audit_head().await
    }

    pub(in crate::store) async fn plan(
        &self,
        id: PlanId,
    ) -> Result<Option<(Plan, Option<Revision>)>, StoreError> {
        self.refresh().await;
        self.view().plan(id).await
    }

    pub(in crate::store) async fn reviews(
        &self,
        query: ReviewQuery,
    ) -> Result<Vec<ReviewHead>, StoreError> {
        self.refresh().await;
        self.view().reviews(query).await
    }
}
