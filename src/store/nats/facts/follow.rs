//! Reading the log, message by message, into the view, for ever.

use std::{sync::Arc, time::Duration};

use async_nats::jetstream::{
    Message,
    consumer::{AckPolicy, DeliverPolicy, pull},
};
use futures_util::{FutureExt as _, Stream, StreamExt as _};
use tokio::time::sleep;

use super::Shared;
use crate::store::{
    StoreError,
    fact::{Deed, Fact, Place},
    nats::replica::{Arrival, Begin, Follow, Log},
    sqlite::view::Kept,
};

/// How many facts are applied at once.
const BATCH: usize = 1_000;
/// How long a request for messages stands.
const STANDS: Duration = Duration::from_secs(30);
/// How often the cluster says meanwhile that it is still there.
const HEARTBEAT: Duration = Duration::from_secs(2);
/// How long the cluster remembers a reader who does not come back.
const FORGOTTEN: Duration = Duration::from_secs(30);
/// How long one waits for a connection before looking again.
const CONNECTION: Duration = Duration::from_secs(3);
/// How long the log has to be shorter than the view before it is taken for another one: a new leader may need a moment
/// to know all of it.
const SHORTER: Duration = Duration::from_secs(10);

/// Why a reading ended.
#[derive(Debug)]
enum Ended {
    /// It is worth beginning again at once.
    Again,
    /// It is not, in words.
    Failed(String),
}

impl From<StoreError> for Ended {
    fn from(error: StoreError) -> Self {
        Self::Failed(error.to_string())
    }
}

impl From<String> for Ended {
    fn from(cause: String) -> Self {
        Self::Failed(cause)
    }
}

impl Shared {
    /// Follows for ever.
    pub(super) async fn follow(&self) {
        let mut shorter = None;
        loop {
            let Err(ended) = self.read_log(&mut shorter).await;
            match ended {
                Ended::Again => tokio::task::yield_now().await,
                Ended::Failed(cause) => {
                    tracing::debug!(%cause, "reading the log begins again");
                    self.contact().unread(cause);
                    self.look();
                    let rest = Duration::from_millis(100).mul_f64(1.0 + 4.0 * fastrand::f64());
                    sleep(rest).await;
                }
            }
        }
    }

    /// One reading, from where the view is.
    async fn read_log(
        &self,
        shorter: &mut Option<Duration>,
    ) -> Result<std::convert::Infallible, Ended> {
        if !self.link.wait_connected(CONNECTION).await {
            return Err("no server of the cluster can be reached".to_owned().into());
        }
        let log = self.ask().await?;
        let place = self.view.place().await?;
        let (mut follow, begin) = Follow::begin(&place, &log);
        let from = match begin {
            Begin::From(from) => from,
            Begin::Base(from) => {
                let (seen, first) = (place.applied, from);
                tracing::info!(
                    seen,
                    first,
                    "what comes next was trimmed off the log; its base is taken over"
                );
                from
            }
            Begin::Anew => return Err(self.begin_anew(&log.lineage, false).await?),
        };
        self.refuse_shorter(&place, &log, shorter).await?;
        let lineage: Arc<str> = log.lineage.into();
        self.begun(&lineage, place.applied);
        let messages = self.messages(from).await?;
        // The proof that came with the answer counts for this reading.
        self.ask.notify_one();
        // Whoever wanted a reading has this one.
        let _ = self.again.notified().now_or_never();
        let mut chunks = std::pin::pin!(messages.ready_chunks(BATCH));
        loop {
            let chunk = tokio::select! {
                chunk = chunks.next() => chunk,
                () = self.again.notified() => return Err(Ended::Again),
            };
            let chunk = chunk.ok_or_else(|| "the cluster ended the reading".to_owned())?;
            self.take(&mut follow, &lineage, chunk).await?;
        }
    }

    /// A log that ends before the view does has lost what was acknowledged. It is then another log.
    async fn refuse_shorter(
        &self,
        place: &Place,
        log: &Log,
        since: &mut Option<Duration>,
    ) -> Result<(), Ended> {
        if log.last >= place.applied {
            *since = None;
            return Ok(());
        }
        let now = self.now();
        let began = *since.get_or_insert(now);
        if now.saturating_sub(began) < SHORTER {
            let cause = format!(
                "it ends at {}, and this host has seen it up to {}",
                log.last, place.applied
            );
            return Err(cause.into());
        }
        *since = None;
        tracing::error!(
            ends = log.last,
            seen = place.applied,
            "the cluster has lost changes that it had acknowledged"
        );
        Err(self.begin_anew(&log.lineage, true).await?)
    }

    async fn begin_anew(&self, lineage: &str, force: bool) -> Result<Ended, StoreError> {
        let kept = self.view.begin_anew(lineage.to_owned(), force).await?;
        if let Some(kept) = kept {
            tracing::warn!(
                kept = %kept.display(),
                "the view was of another log; it was laid aside and is read anew"
            );
        }
        Ok(Ended::Again)
    }

    async fn messages(
        &self,
        from: u64,
    ) -> Result<impl Stream<Item = Result<Message, pull::MessagesError>> + use<>, Ended> {
        let wanted = pull::Config {
            description: Some(format!("the view of {}", self.link.host())),
            deliver_policy: DeliverPolicy::ByStartSequence {
                start_sequence: from,
            },
            ack_policy: AckPolicy::None,
            memory_storage: true,
            num_replicas: 1,
            inactive_threshold: FORGOTTEN,
            ..pull::Config::default()
        };
        let consumer = self
            .link
            .context()
            .create_consumer_on_stream(wanted, self.stream.as_str())
            .await
            .map_err(|error| error.to_string())?;
        let messages = consumer
            .stream()
            .max_messages_per_batch(BATCH)
            .expires(STANDS)
            .heartbeat(HEARTBEAT)
            .messages()
            .await;
        Ok(messages.map_err(|error| error.to_string())?)
    }

    /// Applies what came at once; what cannot be used ends the reading behind what could.
    async fn take(
        &self,
        follow: &mut Follow,
        lineage: &Arc<str>,
        chunk: Vec<Result<Message, pull::MessagesError>>,
    ) -> Result<(), Ended> {
        let mut facts = Vec::with_capacity(chunk.len());
        let mut ended = None;
        for message in chunk {
            match sort(follow, message) {
                Ok(Sorted::Next(sequence, fact)) => facts.push((sequence, fact)),
                Ok(Sorted::Known) => {}
                Ok(Sorted::First(sequence, fact)) => {
                    ended = Some(self.adopt(lineage, sequence, fact).await?);
                    break;
                }
                Err(why) => {
                    ended = Some(why);
                    break;
                }
            }
        }
        if !facts.is_empty() {
            match self.view.apply(Arc::clone(lineage), facts.into()).await? {
                Kept::Through(applied) => self.applied(lineage, applied),
                Kept::Gap(_) | Kept::OtherLog | Kept::OtherPast => {
                    ended = ended.or(Some(Stop::Again));
                }
            }
        }
        match ended {
            None => Ok(()),
            Some(Stop::Again) => Err(Ended::Again),
            Some(Stop::OtherPast) => {
                tracing::error!("the cluster's log has another past than this host has seen");
                Err(self.begin_anew(lineage, true).await?)
            }
            Some(Stop::Failed(cause)) => Err(Ended::Failed(cause)),
        }
    }

    /// Makes the view anew from what the log begins with; then the reading begins again.
    async fn adopt(
        &self,
        lineage: &Arc<str>,
        sequence: u64,
        fact: Fact,
    ) -> Result<Stop, StoreError> {
        if !matches!(fact.deed, Deed::Based { .. }) {
            return Ok(Stop::Failed(format!(
                "the log begins at {sequence}, not with a base: somebody has taken away what this host needs; the next \
                 gateway that keeps house puts that right within minutes, if its host has all of it"
            )));
        }
        Ok(
            match self.view.adopt(Arc::clone(lineage), sequence, fact).await? {
                Kept::Through(applied) => {
                    self.applied(lineage, applied);
                    Stop::Again
                }
                Kept::Gap(_) | Kept::OtherLog => Stop::Again,
                Kept::OtherPast => Stop::OtherPast,
            },
        )
    }
}

/// What ends a reading.
#[derive(Debug)]
enum Stop {
    Again,
    OtherPast,
    Failed(String),
}

/// What a message is for the view.
#[derive(Debug)]
enum Sorted {
    /// A fact to be applied.
    Next(u64, Fact),
    /// With it the log begins, behind where the view is.
    First(u64, Fact),
    /// Nothing new.
    Known,
}

fn sort(
    follow: &mut Follow,
    message: Result<Message, pull::MessagesError>,
) -> Result<Sorted, Stop> {
    let failed = |error: &dyn std::fmt::Display| Stop::Failed(error.to_string());
    let message = message.map_err(|error| failed(&error))?;
    let sequence = message
        .info()
        .map_err(|error| failed(&error))?
        .stream_sequence;
    let fact = Fact::read(&message.payload);
    let id = fact.as_ref().map_or("", |fact| fact.id.as_str());
    let arrival = follow.arrived(sequence, id);
    let unread = |error| Stop::Failed(format!("the log at {sequence}: {error}"));
    match arrival {
        Arrival::Apply => Ok(Sorted::Next(sequence, fact.map_err(unread)?)),
        Arrival::Adopt => Ok(Sorted::First(sequence, fact.map_err(unread)?)),
        Arrival::Known => Ok(Sorted::Known),
        Arrival::Gap(_) => Err(Stop::Again),
        Arrival::OtherPast => Err(Stop::OtherPast),
    }
}
