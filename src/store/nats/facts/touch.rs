//! Asking the cluster where the log ends, again and again, and saying how current the view therefore is.

use std::{sync::PoisonError, time::Duration};

use async_nats::jetstream::{
    ErrorCode,
    context::GetStreamErrorKind,
    stream::{Info, PeerInfo},
};
use tokio::time::{sleep, timeout};

use super::Shared;
use crate::store::{
    Touch,
    nats::replica::{Answer, Log, Standing},
};

/// How long an answer may take.
const ANSWER: Duration = Duration::from_millis(1_500);
/// How often it is looked at whether the last proof still holds.
const LOOK: Duration = Duration::from_millis(250);
/// How often it is noted on the disk that the view is current.
const NOTE: Duration = Duration::from_mins(1);

impl Shared {
    /// Asks for ever, and looks for ever at what is known.
    pub(super) async fn keep_in_touch(&self) {
        let ask = async {
            loop {
                // What came of it is noted where it is asked.
                let _ = self.ask().await;
                if self.contact().stalled(self.now()) {
                    self.again.notify_one();
                }
                let pause = self.contact().pause(fastrand::f64());
                let woken = timeout(pause, self.ask.notified());
                let _ = woken.await;
            }
        };
        let look = async {
            loop {
                sleep(LOOK).await;
                self.look();
                self.note().await;
            }
        };
        tokio::join!(ask, look);
    }

    /// Asks the log's leader. `Err`: why that proves nothing.
    pub(super) async fn ask(&self) -> Result<Log, String> {
        let asked = self.now();
        let told = match self.info().await {
            Ok(info) => {
                let (log, answer) = read(&info);
                let proven = self.contact().answered(asked, &answer);
                if proven { Ok(log) } else { Err(None) }
            }
            Err(cause) => {
                self.contact().failed(cause.clone());
                Err(Some(cause))
            }
        };
        self.look();
        told.map_err(|cause| {
            cause.unwrap_or_else(|| "too few of the cluster's servers are in touch".to_owned())
        })
    }

    async fn info(&self) -> Result<Info, String> {
        if !*self.link.connected().borrow() {
            return Err("no server of the cluster can be reached".to_owned());
        }
        let asked = self.link.context().get_stream(&self.stream);
        match timeout(ANSWER, asked).await {
            Err(_) => Err(self
                .link
                .silence(&format!("$JS.API.STREAM.INFO.{}", self.stream))),
            Ok(Ok(stream)) => Ok(stream.cached_info().clone()),
            Ok(Err(error)) => Err(match error.kind() {
                GetStreamErrorKind::JetStream(said)
                    if said.error_code() == ErrorCode::STREAM_NOT_FOUND =>
                {
                    format!(
                        "the cluster has no stream `{}`; run `backstop store init`",
                        self.stream
                    )
                }
                GetStreamErrorKind::JetStream(said) => said.to_string(),
                GetStreamErrorKind::Request
                | GetStreamErrorKind::EmptyName
                | GetStreamErrorKind::InvalidStreamName => {
                    format!("the cluster does not answer: {error}")
                }
            }),
        }
    }

    /// Says how current the view is.
    pub(super) fn look(&self) {
        let (standing, proven) = {
            let contact = self.contact();
            (contact.standing(self.now()), contact.proven())
        };
        let since = {
            let mut known = self.proven.lock().unwrap_or_else(PoisonError::into_inner);
            if known.moment != proven {
                known.moment = proven;
                known.at = self.link.clock().now();
            }
            known.at
        };
        let touch = match standing {
            Standing::Current => Touch::Current,
            Standing::Apart { cause, .. } => Touch::Apart { since, cause },
        };
        self.touch.send_if_modified(|shown| {
            let changed = *shown != touch;
            if changed && std::mem::discriminant(shown) != std::mem::discriminant(&touch) {
                match &touch {
                    Touch::Current => tracing::info!("in touch with the cluster"),
                    Touch::Apart { cause, .. } => {
                        tracing::warn!(%cause, "apart from the cluster; the last state that was seen holds");
                    }
                }
            }
            *shown = touch;
            changed
        });
    }

    /// Notes now and then on the disk that the view is current: the next process of this host may begin apart.
    async fn note(&self) {
        if *self.touch.borrow() != Touch::Current {
            return;
        }
        let (now, at) = {
            let mut known = self.proven.lock().unwrap_or_else(PoisonError::into_inner);
            let now = self.now();
            if known
                .noted
                .is_some_and(|noted| now.saturating_sub(noted) < NOTE)
            {
                return;
            }
            known.noted = Some(now);
            (now, known.at)
        };
        if let Err(error) = self.view.note_current(at).await {
            tracing::debug!(%error, ?now, "not noted");
        }
    }

    /// Asks where the log ends and waits until the view is there. `Err`: it is not, in words.
    pub(super) async fn catch_up(&self, patience: Duration) -> Result<(), String> {
        let log = self.ask().await?;
        let mut progress = self.progress.subscribe();
        let there =
            progress.wait_for(|seen| *seen.lineage == log.lineage && seen.applied >= log.last);
        if matches!(timeout(patience, there).await, Ok(Ok(_))) {
            return Ok(());
        }
        self.again.notify_one();
        let seen = self.progress.borrow().applied;
        Err(format!("this host has seen {seen} of {} changes", log.last))
    }
}

fn read(info: &Info) -> (Log, Answer) {
    let log = Log {
        lineage: info.created.to_string(),
        first: info.state.first_sequence.max(1),
        last: info.state.last_sequence,
    };
    let cluster = info.cluster.as_ref();
    let others = cluster.map_or_else(Vec::new, |cluster| {
        let heard = |peer: &PeerInfo| (!peer.offline).then_some(peer.active);
        cluster.replicas.iter().map(heard).collect()
    });
    let answer = Answer {
        lineage: log.lineage.clone(),
        last: log.last,
        others,
        followers: info.state.consumer_count,
    };
    (log, answer)
}
