//! Asking the cluster where the log ends, again and again, and saying how current the view therefore is.

use std::{sync::PoisonError, time::Duration};

use async_nats::jetstream::{
    ErrorCode,
    context::GetStreamErrorKind,
    stream::{Info, PeerInfo},
};
use jiff::Timestamp;
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
        Ok(self.ask_with_age().await?.0)
    }

    /// The same, and when the log was made.
    pub(super) async fn ask_with_age(&self) -> Result<(Log, Timestamp), String> {
        let asked = self.now();
        let found = self.info().await;
        let told = match found.and_then(|info| Ok((read(&info)?, made(&info)))) {
            Ok(((log, answer), began)) => {
                let proven = self.contact().answered(asked, &answer);
                if proven { Ok((log, began)) } else { Err(None) }
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

/// What the leader says. `Err`: it does not come from one, in words.
fn read(info: &Info) -> Result<(Log, Answer), String> {
    let log = Log {
        lineage: info.created.to_string(),
        first: info.state.first_sequence.max(1),
        last: info.state.last_sequence,
    };
    let others = match &info.cluster {
        None => Vec::new(),
        Some(cluster) if cluster.leader.as_ref().is_some_and(|name| !name.is_empty()) => {
            cluster.replicas.iter().map(heard).collect()
        }
        // A server that was left alone answers after a while what it knows itself.
        Some(_) => return Err("the server that answers knows no leader of the state".to_owned()),
    };
    let answer = Answer {
        lineage: log.lineage.clone(),
        last: log.last,
        others,
        followers: info.state.consumer_count,
    };
    Ok((log, answer))
}

/// When a log was made.
fn made(info: &Info) -> Timestamp {
    let micros = i64::try_from(info.created.unix_timestamp_nanos() / 1_000);
    let made = micros.map(Timestamp::from_microsecond);
    made.map_or(Timestamp::MIN, |made| made.unwrap_or(Timestamp::MIN))
}

/// How long ago the leader heard a server. A moment of exactly nothing is how servers say never.
fn heard(peer: &PeerInfo) -> Option<Duration> {
    (!peer.offline && !peer.active.is_zero()).then_some(peer.active)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// A server's answer, as nats-server 2.15 gives it.
    fn info(cluster: &serde_json::Value) -> Info {
        let mut info = json!({
            "config": {"name": "backstop-state", "subjects": ["backstop.state"], "num_replicas": 3,
                "retention": "limits", "max_consumers": -1, "max_msgs": -1, "max_bytes": -1, "max_age": 0,
                "max_msgs_per_subject": -1, "max_msg_size": -1, "discard": "old", "storage": "file"},
            "created": "2026-11-21T21:51:36.913696781Z",
            "state": {"messages": 3, "bytes": 300, "first_seq": 1, "first_ts": "2026-11-21T21:51:37Z",
                "last_seq": 3, "last_ts": "2026-11-21T21:51:38Z", "consumer_count": 2},
        });
        if !cluster.is_null() {
            info["cluster"] = cluster.clone();
        }
        serde_json::from_value(info).unwrap()
    }

    #[test]
    fn only_a_leader_speaks_for_the_cluster_and_only_of_whom_it_has_heard() {
        let peer =
            |name: &str, active: u64| json!({"name": name, "current": true, "active": active});
        let gone = json!({"name": "n3", "current": false, "offline": true, "active": 9});
        let some = |millis| Some(Duration::from_millis(millis));
        let cases = [
            ("one server alone", json!(null), Ok(vec![])),
            (
                "a leader",
                json!({"name": "t", "leader": "n1", "replicas": [peer("n2", 6_000_000), peer("n3", 9_000_000)]}),
                Ok(vec![some(6), some(9)]),
            ),
            (
                "a leader that has not heard one of them, and another is gone",
                json!({"name": "t", "leader": "n1", "replicas": [peer("n2", 0), gone]}),
                Ok(vec![None, None]),
            ),
            // Word for word what a server says that two others were taken from half a minute ago.
            (
                "nobody leads",
                json!({"name": "t", "raft_group": "S-R3F-Y5LK0CBN", "system_account": true, "replicas": [
                    {"name": "n1", "current": false, "active": 0, "peer": "6DVFpukC"},
                    {"name": "n2", "current": true, "active": 1_646_731_545, "peer": "fjFyEjc1"},
                    {"name": "n3", "current": false, "active": 0, "peer": "44jzkV9D"}]}),
                Err(()),
            ),
            (
                "nobody leads, in another way",
                json!({"name": "t", "leader": "", "replicas": [peer("n1", 1), peer("n2", 1)]}),
                Err(()),
            ),
        ];
        for (case, cluster, wanted) in cases {
            let told = read(&info(&cluster)).map(|(_, answer)| answer.others);
            assert_eq!(told.map_err(|_| ()), wanted, "{case}");
        }
    }
}
