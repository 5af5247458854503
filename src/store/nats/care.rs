//! A cluster looked at and put in order: which streams there are, and how they have to be.
//!
//! Used by `store::Cluster` only. It neither reads nor writes what is in the streams.

mod differences;
mod judge;
mod look;

use std::time::Duration;

use async_nats::jetstream::{
    Context,
    context::GetStreamErrorKind,
    stream::{Config, Info, PeerInfo},
};
use futures_util::future::join_all;
use tokio::time::{sleep, timeout};

use super::{
    layout::{Layout, Stream},
    link::Link,
};
use crate::{
    clock::Clock,
    model::StorePlace,
    store::{Act, ClusterWish, Step, StoreError, Survey},
};

/// How long the first connection may take.
const PATIENCE: Duration = Duration::from_secs(6);
/// How long it may take to make or change a stream: each server writes to disk for it.
const MAKING: Duration = Duration::from_secs(30);
/// How long what was just made or changed may take to come to every server that is there.
const SETTLING: Duration = Duration::from_secs(10);
/// Between two looks at that.
const LOOK: Duration = Duration::from_millis(100);
/// On how many servers a stream is made, when nobody says.
const REPLICAS: usize = 3;

/// A cluster under care.
#[derive(Debug)]
pub(in crate::store) struct Care {
    place: StorePlace,
    link: Link,
    wish: ClusterWish,
}

impl Care {
    /// Begins to connect.
    pub(in crate::store) async fn open(
        place: &StorePlace,
        wish: ClusterWish,
    ) -> Result<Self, StoreError> {
        Ok(Self {
            place: place.clone(),
            link: Link::open(place, Clock::system()).await?,
            wish,
        })
    }

    /// Looks at everything.
    pub(in crate::store) async fn survey(&self, monitoring: &[String]) -> Survey {
        look::survey(self, monitoring).await
    }

    /// Compares every stream with what it should be.
    pub(in crate::store) async fn steps(&self) -> Result<Vec<Step>, StoreError> {
        self.reached().await?;
        let mut steps = Vec::new();
        for stream in Stream::ALL {
            let found = self.find(stream).await?;
            let wanted = self.wanted(stream, found.as_ref());
            let act = match found {
                None => Act::Make {
                    replicas: wanted.num_replicas,
                },
                Some(info) => match differences::between(&info.config, &wanted) {
                    none if none.is_empty() => Act::Keep,
                    differences => Act::Change { differences },
                },
            };
            steps.push(Step {
                stream: wanted.name,
                act,
            });
        }
        Ok(steps)
    }

    /// Makes or changes one stream.
    pub(in crate::store) async fn take(&self, step: &Step) -> Result<(), StoreError> {
        let layout = self.link.layout();
        let mut all = Stream::ALL.into_iter();
        let Some(stream) = all.find(|one| layout.stream(*one) == step.stream) else {
            return Ok(());
        };
        match &step.act {
            Act::Keep => Ok(()),
            Act::Make { .. } => {
                let context = self.patient();
                let made = context.create_stream(self.wanted(stream, None));
                self.allowed("CREATE", &step.stream, made).await
            }
            Act::Change { .. } => {
                let Some(found) = self.find(stream).await? else {
                    return Ok(());
                };
                let wanted = self.wanted(stream, Some(&found));
                let changed = differences::applied(&found.config, &wanted)
                    .map_err(|error| self.link.failed(&error))?;
                let context = self.patient();
                let changed = context.update_stream(changed);
                self.allowed("UPDATE", &step.stream, changed).await
            }
        }
    }

    /// Waits for what was asked of a stream, or for the word that one may not.
    async fn allowed<T, E: ToString>(
        &self,
        verb: &str,
        stream: &str,
        asked: impl Future<Output = Result<T, E>>,
    ) -> Result<(), StoreError> {
        let subject = format!("$JS.API.STREAM.{verb}.{stream}");
        match self.link.allowed(&subject, asked).await {
            Ok(Ok(_)) => Ok(()),
            Ok(Err(error)) => Err(self.failed(&error)),
            Err(why) => Err(self.link.not_stored(&why)),
        }
    }

    /// Waits a little until every server has what was just made or changed: for a moment it is on its way, and a
    /// survey of that moment would warn of it.
    pub(in crate::store) async fn settle(&self) {
        let settled = join_all(Stream::ALL.map(async |stream| {
            while !self.is_everywhere(stream).await {
                sleep(LOOK).await;
            }
        }));
        // Whatever is still behind then is for a survey to tell.
        let _ = timeout(SETTLING, settled).await;
    }

    async fn is_everywhere(&self, stream: Stream) -> bool {
        let Ok(Some(info)) = self.find(stream).await else {
            return false;
        };
        info.cluster.is_none_or(|cluster| {
            let current = |peer: &PeerInfo| peer.current && !peer.offline;
            cluster.leader.is_some() && cluster.replicas.iter().all(current)
        })
    }

    /// The client library's handle, for what takes its time.
    fn patient(&self) -> Context {
        let mut context = self.link.context().clone();
        context.set_timeout(MAKING);
        context
    }

    /// Waits for a connection.
    async fn reached(&self) -> Result<(), StoreError> {
        if self.link.wait_connected(PATIENCE).await {
            return Ok(());
        }
        Err(StoreError::Open {
            place: self.link.url().to_owned(),
            cause: format!(
                "no server let anybody in within {} s; `backstop store status` says of each why",
                PATIENCE.as_secs()
            ),
        })
    }

    /// A stream, if there is one.
    async fn find(&self, stream: Stream) -> Result<Option<Info>, StoreError> {
        let name = self.link.layout().stream(stream);
        match self.link.context().get_stream(&name).await {
            Ok(found) => Ok(Some(found.cached_info().clone())),
            Err(error) => match error.kind() {
                GetStreamErrorKind::JetStream(said) if is_missing(&said) => Ok(None),
                GetStreamErrorKind::JetStream(said) => {
                    Err(self.link.failed(&format!("{name}: {said}")))
                }
                GetStreamErrorKind::EmptyName
                | GetStreamErrorKind::Request
                | GetStreamErrorKind::InvalidStreamName => {
                    let cause = std::error::Error::source(&error)
                        .map_or_else(|| error.to_string(), ToString::to_string);
                    Err(self.link.failed(&format!("{name}: {cause}")))
                }
            },
        }
    }

    /// How a stream should be, on as many servers as it is unless somebody wished otherwise.
    fn wanted(&self, stream: Stream, found: Option<&Info>) -> Config {
        let as_it_is = found.map_or(REPLICAS, |info| info.config.num_replicas);
        let replicas = self.wish.replicas.unwrap_or(as_it_is);
        wanted(self.link.layout(), stream, replicas, self.wish.events)
    }

    fn failed(&self, error: &impl ToString) -> StoreError {
        let said = error.to_string();
        let advice = if said.contains("10074") || said.contains("10005") {
            "; there are fewer servers than replicas: start more of them, or say --replicas 1 and lose everything with \
             that one server"
        } else {
            ""
        };
        self.link.failed(&format!("{said}{advice}"))
    }
}

fn wanted(layout: &Layout, stream: Stream, replicas: usize, events: Duration) -> Config {
    let mut config = layout.config(stream, replicas);
    if stream == Stream::Events {
        config.max_age = events;
        config.duplicate_window = config.duplicate_window.min(events);
    }
    config
}

fn is_missing(error: &async_nats::jetstream::Error) -> bool {
    error.error_code() == async_nats::jetstream::ErrorCode::STREAM_NOT_FOUND
}
