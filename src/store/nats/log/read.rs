//! Questions to the stream of events: how far it reaches, what stands from a place on, where a moment is.
//!
//! Used by everything here that reads. Several messages are fetched with one question, from whichever server is
//! near; how far the stream reaches only its leader says.

use std::{ops::ControlFlow, time::Duration};

use async_nats::{
    StatusCode,
    jetstream::consumer::{
        DeliverPolicy,
        pull::{Ordered, OrderedConfig},
    },
};
use futures_util::StreamExt as _;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use tokio::time::{sleep, timeout};

use super::{message::Message, send};
use crate::store::{
    StoreError,
    nats::{layout::Stream, link::Link},
};

/// How long an answer may take.
const ANSWER: Duration = Duration::from_secs(5);
/// By how much the clocks of hosts and of the cluster may differ, and a message may be slower than another.
pub(super) const SLACK: Duration = Duration::from_mins(15);
/// How long a server that has not caught up is given, and how often.
const LAG: Duration = Duration::from_millis(20);
const LAGS: u32 = 100;
/// How much text one question brings at most.
const BYTES: usize = 1024 * 1024;

/// How far a stream reaches.
#[derive(Clone, Copy, Debug)]
pub(super) struct Extent {
    /// The oldest message that is there.
    pub(super) first: u64,
    /// The newest there ever was.
    pub(super) last: u64,
    /// Whether the time at which messages were stored tells when their entries were made: this host and the
    /// cluster hold about the same for the time.
    pub(super) times_tell: bool,
}

/// Some messages, oldest first.
#[derive(Debug)]
pub(super) struct Page {
    pub(super) messages: Vec<Message>,
    /// There are more behind them.
    pub(super) more: bool,
}

#[derive(Serialize)]
struct Ask<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    seq: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    start_time: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    batch: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    max_bytes: Option<usize>,
    next_by_subj: &'a str,
}

#[derive(Deserialize)]
struct Info {
    error: Option<Fault>,
    state: Option<State>,
    ts: Option<Timestamp>,
}

#[derive(Deserialize)]
struct Fault {
    #[serde(default)]
    code: u16,
    #[serde(default)]
    description: String,
}

#[derive(Deserialize)]
struct State {
    first_seq: u64,
    last_seq: u64,
}

#[derive(Deserialize)]
struct Got {
    error: Option<Fault>,
    message: Option<Raw>,
}

#[derive(Deserialize)]
struct Raw {
    seq: u64,
    #[serde(default)]
    hdrs: String,
}

/// The subjects of all events, of one workload's, of one writer's.
pub(super) fn subjects(link: &Link, lane: &str, writer: &str) -> String {
    let all = link.layout().subject(Stream::Events, &[]);
    format!("{all}.{lane}.{writer}")
}

fn api(link: &Link, what: &str) -> String {
    format!("$JS.API.{what}.{}", link.layout().stream(Stream::Events))
}

fn there(link: &Link) -> Result<(), StoreError> {
    if *link.connected().borrow() {
        Ok(())
    } else {
        Err(link.failed(&"no server of the cluster can be reached"))
    }
}

async fn ask<T: for<'a> Deserialize<'a>>(
    link: &Link,
    what: &str,
    payload: Vec<u8>,
) -> Result<T, StoreError> {
    there(link)?;
    let asked = link.client().request(api(link, what), payload.into());
    let answer = timeout(ANSWER, asked).await;
    let answer = answer.map_err(|_| link.failed(&"no leader of the events answers"))?;
    let answer = answer.map_err(|error| link.failed(&error))?;
    serde_json::from_slice(&answer.payload).map_err(|error| link.failed(&error))
}

fn fault(link: &Link, fault: &Fault) -> StoreError {
    if fault.code == 404 {
        link.failed(&"there is no stream of events; run `backstop store init`")
    } else {
        link.failed(&fault.description)
    }
}

/// How far the stream reaches, as its leader knows it.
pub(super) async fn extent(link: &Link) -> Result<Extent, StoreError> {
    let info: Info = ask(link, "STREAM.INFO", Vec::new()).await?;
    if let Some(error) = &info.error {
        return Err(fault(link, error));
    }
    let state = info
        .state
        .ok_or_else(|| link.failed(&"the cluster does not say how far the events reach"))?;
    let apart = info
        .ts
        .map(|theirs| link.clock().now().duration_since(theirs).abs());
    Ok(Extent {
        first: state.first_seq,
        last: state.last_seq,
        times_tell: apart.is_some_and(|apart| apart.unsigned_abs() < SLACK),
    })
}

/// The first message stored at or after a moment; behind the last one when there is none.
pub(super) async fn position(
    link: &Link,
    extent: Extent,
    at: Timestamp,
) -> Result<u64, StoreError> {
    let all = subjects(link, "*", "*");
    let question = Ask {
        seq: None,
        start_time: Some(at.max(Timestamp::UNIX_EPOCH)),
        batch: Some(1),
        max_bytes: None,
        next_by_subj: &all,
    };
    let page = fetch(link, &question).await?;
    Ok(page
        .messages
        .first()
        .map_or(extent.last + 1, |message| message.sequence))
}

/// Messages from a sequence on, at most `count`, and not many more than a megabyte.
pub(super) async fn from(
    link: &Link,
    sequence: u64,
    subject: &str,
    count: usize,
) -> Result<Page, StoreError> {
    let question = Ask {
        seq: Some(sequence.max(1)),
        start_time: None,
        batch: Some(count.clamp(1, 1_000)),
        max_bytes: Some(BYTES),
        next_by_subj: subject,
    };
    fetch(link, &question).await
}

/// Everything from a sequence through another. A server that has not caught up is waited for.
pub(super) async fn whole(
    link: &Link,
    (from_sequence, to): (u64, u64),
) -> Result<Vec<Message>, StoreError> {
    let all = subjects(link, "*", "*");
    let (mut found, mut next, mut waited) = (Vec::new(), from_sequence, 0);
    while next <= to {
        let count = usize::try_from(to - next + 1).unwrap_or(256).min(256);
        let page = from(link, next, &all, count).await?;
        match page.messages.last() {
            Some(last) => next = last.sequence + 1,
            // Only the oldest are ever removed: what is missing here has not come yet.
            None if waited < LAGS && !gone(link, to).await? => {
                waited += 1;
                sleep(LAG).await;
            }
            None => break,
        }
        found.extend(page.messages.into_iter().filter(|one| one.sequence <= to));
    }
    Ok(found)
}

/// Whether everything up to a sequence was removed.
async fn gone(link: &Link, to: u64) -> Result<bool, StoreError> {
    Ok(extent(link).await?.first > to)
}

/// Everything from a sequence through another, of all subjects that are given.
pub(super) async fn through(
    link: &Link,
    (from_sequence, to): (u64, u64),
    subjects: &[String],
) -> Result<Vec<Message>, StoreError> {
    let all = subjects.iter().map(async |subject| {
        let (mut found, mut next) = (Vec::new(), from_sequence);
        while next <= to {
            let count = usize::try_from(to - next + 1).unwrap_or(256).min(256);
            let page = from(link, next, subject, count).await?;
            let last = page.messages.last().map(|message| message.sequence);
            found.extend(page.messages.into_iter().filter(|one| one.sequence <= to));
            match last {
                Some(last) if page.more => next = last + 1,
                Some(_) | None => break,
            }
        }
        Ok::<_, StoreError>(found)
    });
    let mut found = Vec::new();
    for part in futures_util::future::join_all(all).await {
        found.append(&mut part?);
    }
    found.sort_by_key(|message| message.sequence);
    Ok(found)
}

async fn fetch(link: &Link, question: &Ask<'_>) -> Result<Page, StoreError> {
    there(link)?;
    let failed = |error: &dyn ToString| link.failed(&error.to_string());
    let body = serde_json::to_vec(question).map_err(|error| failed(&error))?;
    let client = link.client();
    let inbox = client.new_inbox();
    let answers = client.subscribe(inbox.clone()).await;
    let mut answers = answers.map_err(|error| failed(&error))?;
    let asked = client.publish_with_reply(api(link, "DIRECT.GET"), inbox, body.into());
    asked.await.map_err(|error| failed(&error))?;
    let mut messages = Vec::new();
    loop {
        let answer = timeout(ANSWER, answers.next()).await;
        let Ok(Some(answer)) = answer else {
            return Err(link.failed(&"nobody answers for the events"));
        };
        match answer.status.map(|status| status.as_u16()) {
            // The end of what was asked for.
            Some(204) => {
                let pending = answer.headers.as_ref().and_then(|headers| {
                    let pending = headers.get("Nats-Num-Pending")?;
                    pending.as_str().parse::<u64>().ok()
                });
                return Ok(Page {
                    messages,
                    more: pending.unwrap_or(0) > 0,
                });
            }
            Some(404) => {
                return Ok(Page {
                    messages,
                    more: false,
                });
            }
            Some(code) if answer.status == Some(StatusCode::NO_RESPONDERS) || code >= 400 => {
                let words = answer.description.unwrap_or_else(|| {
                    "no server answers for the events; run `backstop store status`".to_owned()
                });
                return Err(link.failed(&words));
            }
            Some(_) | None => {}
        }
        let headers = answer.headers.unwrap_or_default();
        let header = |name: &str| headers.get(name).map(|value| value.as_str().to_owned());
        let sequence = header("Nats-Sequence").and_then(|text| text.parse().ok());
        let stored = header("Nats-Time-Stamp").and_then(|text| text.parse().ok());
        if let (Some(sequence), Some(stored)) = (sequence, stored) {
            messages.push(Message {
                sequence,
                stored,
                headers,
                payload: answer.payload,
            });
        }
    }
}

/// The ids of a writer's messages that stand after a sequence, as the leader knows it.
pub(super) async fn ids_after(
    link: &Link,
    writer: &str,
    after: u64,
) -> Result<Vec<String>, StoreError> {
    let subject = subjects(link, "*", writer);
    let (mut ids, mut next) = (Vec::new(), after + 1);
    loop {
        let question = Ask {
            seq: Some(next),
            start_time: None,
            batch: None,
            max_bytes: None,
            next_by_subj: &subject,
        };
        let body = serde_json::to_vec(&question).map_err(|error| link.failed(&error))?;
        let got: Got = ask(link, "STREAM.MSG.GET", body).await?;
        match (got.message, got.error) {
            (Some(message), _) => {
                next = message.seq + 1;
                ids.extend(id_in(&message.hdrs));
            }
            // No further message: also said with this code.
            (None, Some(error)) if error.code == 404 => return Ok(ids),
            (None, Some(error)) => return Err(fault(link, &error)),
            (None, None) => return Err(link.failed(&"the cluster's answer is not understood")),
        }
    }
}

fn id_in(headers: &str) -> Option<String> {
    use base64::Engine as _;

    let bytes = base64::engine::general_purpose::STANDARD
        .decode(headers)
        .ok()?;
    String::from_utf8(bytes).ok()?.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case("Nats-Msg-Id")
            .then(|| value.trim().to_owned())
    })
}

/// Passes messages from a sequence through another to `take`, oldest first, by a consumer of its own, until it has
/// enough. Without their payloads unless they are asked for.
pub(super) async fn stream(
    link: &Link,
    (from_sequence, to): (u64, u64),
    payloads: bool,
    mut take: impl FnMut(Message) -> ControlFlow<()>,
) -> Result<(), StoreError> {
    if from_sequence > to {
        return Ok(());
    }
    there(link)?;
    let mut messages = consumer(link, from_sequence, payloads).await?;
    loop {
        let next = timeout(ANSWER, messages.next()).await;
        let Ok(Some(next)) = next else {
            if gone(link, to).await? {
                return Ok(());
            }
            return Err(link.failed(&"nobody answers for the events"));
        };
        let (message, _) = next
            .map_err(|error| link.failed(&error))
            .and_then(|message| delivered(link, message))?;
        let sequence = message.sequence;
        if sequence > to || take(message).is_break() || sequence == to {
            return Ok(());
        }
    }
}

/// Everything from a sequence on, for as long as it is polled.
pub(super) async fn consumer(
    link: &Link,
    from: u64,
    payloads: bool,
) -> Result<Ordered, StoreError> {
    let config = OrderedConfig {
        deliver_policy: DeliverPolicy::ByStartSequence {
            start_sequence: from.max(1),
        },
        headers_only: !payloads,
        ..OrderedConfig::default()
    };
    open(link, Stream::Events, config).await
}

/// The digests that are told from now on, of all writers.
pub(super) async fn digests(link: &Link) -> Result<Ordered, StoreError> {
    let config = OrderedConfig {
        deliver_policy: DeliverPolicy::New,
        filter_subject: send::digests(link, "*"),
        ..OrderedConfig::default()
    };
    open(link, Stream::Pulse, config).await
}

async fn open(link: &Link, of: Stream, config: OrderedConfig) -> Result<Ordered, StoreError> {
    let name = link.layout().stream(of);
    let opened = async {
        let stream = link.context().get_stream_no_info(name).await;
        let stream = stream.map_err(|error| link.failed(&error))?;
        let made = stream.create_consumer(config).await;
        let made = made.map_err(|error| link.failed(&error))?;
        made.messages().await.map_err(|error| link.failed(&error))
    };
    let opened = timeout(ANSWER, opened).await;
    opened.unwrap_or_else(|_| Err(link.failed(&"nobody answers for the events")))
}

/// A message as a consumer delivers it, and how many come behind it.
pub(super) fn delivered(
    link: &Link,
    message: async_nats::jetstream::Message,
) -> Result<(Message, u64), StoreError> {
    let info = message.info().map_err(|error| link.failed(&error))?;
    let nanos = info.published.unix_timestamp_nanos();
    let stored = Timestamp::from_nanosecond(nanos).unwrap_or(Timestamp::UNIX_EPOCH);
    let (sequence, pending) = (info.stream_sequence, info.pending);
    let message = message.message;
    Ok((
        Message {
            sequence,
            stored,
            headers: message.headers.unwrap_or_default(),
            payload: message.payload,
        },
        pending,
    ))
}
