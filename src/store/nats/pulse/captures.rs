//! Captured request bodies. They are asked for by a person now and then, so nothing of them is kept in memory; a
//! capture's number is its place in the stream, which is given once.
//!
//! What is removed here is overwritten by the servers; what makes room for newer ones, or is a day old by the
//! servers' clock, goes with its block.

use super::{
    super::layout::Stream,
    Pulse,
    ask::{self, Kept},
};
use crate::{
    model::{Captured, WorkloadName},
    store::{CAPTURE_LIFE, StoreError, earlier},
};

impl Pulse {
    /// Keeps a captured body.
    pub(in crate::store) async fn put_capture(
        &self,
        mut captured: Captured,
    ) -> Result<(), StoreError> {
        captured.number = 0;
        let tokens = [captured.workload.as_str(), captured.class.as_str()];
        let subject = self.link.layout().subject(Stream::Captures, &tokens);
        let message = ask::message(subject, self.packed(&captured)?);
        self.stored(message).await.map(drop)
    }

    /// What was captured of a workload in the last 24 hours, newest first.
    pub(in crate::store) async fn captures(
        &self,
        workload: WorkloadName,
    ) -> Result<Vec<Captured>, StoreError> {
        let oldest = earlier(self.link.clock().now(), CAPTURE_LIFE);
        let mut found = self.captured(&[workload.as_str()]).await?;
        found.retain(|known| known.workload == workload && known.at >= oldest);
        found.reverse();
        Ok(found)
    }

    /// Removes what was captured more than 24 hours ago, and everything of other workloads than these; answers how
    /// many went.
    pub(in crate::store) async fn keep_captures(
        &self,
        of: Vec<WorkloadName>,
    ) -> Result<u64, StoreError> {
        let oldest = earlier(self.link.clock().now(), CAPTURE_LIFE);
        let mut removed = 0;
        for known in self.captured(&[]).await? {
            if (known.at < oldest || !of.contains(&known.workload))
                && self.remove_capture(known.number).await?
            {
                removed += 1;
            }
        }
        Ok(removed)
    }

    /// One by one, from the leader: what has been removed is not seen again.
    async fn captured(&self, tokens: &[&str]) -> Result<Vec<Captured>, StoreError> {
        let filter = self.filter(tokens);
        let mut found = Vec::new();
        let mut from = 1;
        while let Some(message) =
            ask::following(&self.link, Stream::Captures, &filter, from).await?
        {
            from = message.sequence + 1;
            found.extend(read(&message));
        }
        Ok(found)
    }

    /// Answers whether it was this process that removed it.
    async fn remove_capture(&self, number: u64) -> Result<bool, StoreError> {
        let removed = ask::delete(&self.link, Stream::Captures, number).await;
        let Err(error) = removed else {
            return Ok(true);
        };
        let filter = self.filter(&[]);
        let there = ask::following(&self.link, Stream::Captures, &filter, number).await?;
        match there {
            Some(message) if message.sequence == number => Err(error),
            // Somebody else was faster, or it was too old for the servers.
            Some(_) | None => Ok(false),
        }
    }

    fn filter(&self, tokens: &[&str]) -> String {
        let begin = self.link.layout().subject(Stream::Captures, tokens);
        format!("{begin}.>")
    }
}

fn read(message: &Kept) -> Option<Captured> {
    match serde_json::from_slice(&message.payload) {
        Ok(captured) => Some(Captured {
            number: message.sequence,
            ..captured
        }),
        Err(error) => {
            tracing::debug!(%error, subject = message.subject, "a capture of the cluster cannot be read");
            None
        }
    }
}
