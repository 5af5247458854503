//! Questions to a stream: its newest message of a subject, the messages after a place, and several that are stored
//! together or not at all.
//!
//! Used by every file beside it. What is asked of the leader is as new as the last acknowledgement; what is asked of
//! any server may be a moment older.

use std::time::Duration;

use async_nats::{
    HeaderMap, Message, StatusCode,
    jetstream::{
        message::StreamMessage,
        stream::{RawMessageErrorKind, Stream as Handle},
    },
};
use bytes::Bytes;
use futures_util::StreamExt as _;
use serde_json::json;

use super::super::{
    layout::Stream,
    link::{Expect, Link, NotStored, Outgoing, Stored},
};
use crate::store::StoreError;

/// How long an answer of the leader may take.
const LEADER: Duration = Duration::from_secs(1);
/// How long a page of messages may take.
const PAGE: Duration = Duration::from_secs(3);
/// How long it may take until something is stored.
const STORE: Duration = Duration::from_secs(2);
/// The most messages and bytes of a page: what is under way to a slow reader has an end.
const PAGE_MESSAGES: u64 = 2_000;
const PAGE_BYTES: u64 = 1_000_000;

/// The headers of an answer: place, subject, and how many more there are.
const SEQUENCE: &str = "Nats-Sequence";
const SUBJECT: &str = "Nats-Subject";
const PENDING: &str = "Nats-Num-Pending";
/// The headers of a message that is stored together with others.
const BATCH: &str = "Nats-Batch-Id";
const BATCH_PLACE: &str = "Nats-Batch-Sequence";
const BATCH_END: &str = "Nats-Batch-Commit";
/// The header that says how long a message lives, whatever the stream's other messages do.
pub(super) const LIFE: &str = "Nats-TTL";
/// For ever.
pub(super) const NEVER_ENDS: &str = "never";

/// A message as it is kept.
#[derive(Clone, Debug)]
pub(super) struct Kept {
    /// Where it was sent.
    pub(super) subject: String,
    /// Its place in the stream.
    pub(super) sequence: u64,
    /// What it says; empty: what was there is gone.
    pub(super) payload: Bytes,
}

impl From<StreamMessage> for Kept {
    fn from(message: StreamMessage) -> Self {
        Self {
            subject: message.subject.to_string(),
            sequence: message.sequence,
            payload: message.payload,
        }
    }
}

/// Messages in order, and whether there are more.
#[derive(Debug)]
pub(super) struct Page {
    pub(super) messages: Vec<Kept>,
    pub(super) more: bool,
}

/// A stream to be asked without being looked up first.
pub(super) async fn stream(link: &Link, stream: Stream) -> Result<Handle<()>, StoreError> {
    let name = link.layout().stream(stream);
    if !*link.connected().borrow() {
        return Err(link.failed(&NotStored::Away));
    }
    let found = link.context().get_stream_no_info(name).await;
    found.map_err(|error| link.failed(&error))
}

/// The newest message of a subject, as the leader knows it.
pub(super) async fn newest(
    link: &Link,
    of: Stream,
    subject: &str,
) -> Result<Option<Kept>, StoreError> {
    let stream = stream(link, of).await?;
    let question = stream.raw_message_builder().last_by_subject(subject);
    leader(link, of, question.send()).await
}

/// The first message from a place on that fits a filter, as the leader knows it.
pub(super) async fn following(
    link: &Link,
    of: Stream,
    filter: &str,
    from: u64,
) -> Result<Option<Kept>, StoreError> {
    let stream = stream(link, of).await?;
    let question = stream.raw_message_builder().sequence(from);
    leader(link, of, question.next_by_subject(filter).send()).await
}

async fn leader(
    link: &Link,
    of: Stream,
    question: impl Future<Output = Result<StreamMessage, async_nats::error::Error<RawMessageErrorKind>>>,
) -> Result<Option<Kept>, StoreError> {
    match tokio::time::timeout(LEADER, question).await {
        Ok(Ok(message)) => Ok(Some(message.into())),
        Ok(Err(error)) if error.kind() == RawMessageErrorKind::NoMessageFound => Ok(None),
        Ok(Err(error)) => Err(link.failed(&error)),
        Err(_) => Err(link.failed(&format!("the stream of {} has no leader now", of.word()))),
    }
}

/// Messages from a place on that fit a filter, oldest first, as any server knows them.
pub(super) async fn page(
    link: &Link,
    of: Stream,
    filter: &str,
    from: u64,
) -> Result<Page, StoreError> {
    if !*link.connected().borrow() {
        return Err(link.failed(&NotStored::Away));
    }
    let read = tokio::time::timeout(PAGE, read(link, of, filter, from)).await;
    let read = read.unwrap_or_else(|_| Err("the cluster does not answer".to_owned()));
    read.map_err(|cause| link.failed(&cause))
}

async fn read(link: &Link, of: Stream, filter: &str, from: u64) -> Result<Page, String> {
    let client = link.client();
    let inbox = client.new_inbox();
    let mut answers = client
        .subscribe(inbox.clone())
        .await
        .map_err(|error| error.to_string())?;
    let question = json!({
        "seq": from.max(1),
        "next_by_subj": filter,
        "batch": PAGE_MESSAGES,
        "max_bytes": PAGE_BYTES,
    });
    let subject = format!("$JS.API.DIRECT.GET.{}", link.layout().stream(of));
    client
        .publish_with_reply(subject, inbox, question.to_string().into())
        .await
        .map_err(|error| error.to_string())?;
    let mut messages = Vec::new();
    let mut more = false;
    while let Some(answer) = answers.next().await {
        match answer.status {
            None => {
                let pending: Option<u64> = number(&answer, PENDING);
                more = pending.is_some_and(|pending| pending > 0);
                messages.push(kept(&answer).ok_or("an answer of the cluster has no place")?);
            }
            // The end of a page, or nothing there.
            Some(status) if status.as_u16() == 204 || status == StatusCode::NOT_FOUND => {
                return Ok(Page { messages, more });
            }
            Some(StatusCode::NO_RESPONDERS) => {
                return Err(format!(
                    "the stream of {} does not answer: it has no leader now, or `backstop store init` was never \
                     run",
                    of.word()
                ));
            }
            Some(status) => {
                let why = answer.description.unwrap_or_default();
                return Err(format!("the cluster answers {status}: {why}"));
            }
        }
    }
    Err("the connection to the cluster ended".to_owned())
}

fn number(answer: &Message, name: &str) -> Option<u64> {
    let headers = answer.headers.as_ref()?;
    headers.get(name)?.as_str().parse().ok()
}

fn kept(answer: &Message) -> Option<Kept> {
    let subject = answer.headers.as_ref()?.get(SUBJECT)?;
    Some(Kept {
        subject: subject.as_str().to_owned(),
        sequence: number(answer, SEQUENCE)?,
        payload: answer.payload.clone(),
    })
}

/// A message for a subject, whatever is there.
pub(super) fn message(subject: String, payload: Bytes) -> Outgoing {
    Outgoing {
        subject,
        id: String::new(),
        expect: Expect::Anything,
        headers: Vec::new(),
        payload,
    }
}

/// A name that no other message has.
pub(super) fn unique(link: &Link) -> String {
    let inbox = link.client().new_inbox();
    inbox.rsplit('.').next().unwrap_or(&inbox).to_owned()
}

/// Removes a message and overwrites it.
pub(super) async fn delete(link: &Link, of: Stream, sequence: u64) -> Result<(), StoreError> {
    let stream = stream(link, of).await?;
    match tokio::time::timeout(STORE, stream.delete_message(sequence)).await {
        Ok(Ok(_)) => Ok(()),
        Ok(Err(error)) => Err(link.failed(&error)),
        Err(_) => Err(link.failed(&"the cluster did not say in time whether it was removed")),
    }
}

/// Stores a message, or says soon that it may not be.
pub(super) async fn store(link: &Link, message: Outgoing) -> Result<Stored, NotStored> {
    let stored = tokio::time::timeout(STORE, link.publish(message)).await;
    stored.unwrap_or_else(|_| {
        Err(NotStored::Unknown(
            "the cluster did not say in time whether it was stored".to_owned(),
        ))
    })
}

/// Stores messages of one stream, all or none of them, in their order: they are one batch to the server, which counts
/// from its last message on. An error that is no refusal leaves open which of both, as with one message.
pub(super) async fn store_all(link: &Link, mut all: Vec<Outgoing>) -> Result<(), StoreError> {
    let Some(mut last) = all.pop() else {
        return Ok(());
    };
    let mut before = Vec::with_capacity(all.len());
    if !all.is_empty() {
        let id = unique(link);
        let place = |place: usize| (BATCH_PLACE, place.to_string());
        last.headers.push((BATCH, id.clone()));
        last.headers.push(place(all.len() + 1));
        last.headers.push((BATCH_END, "1".to_owned()));
        for (index, message) in all.into_iter().enumerate() {
            let mut headers = HeaderMap::new();
            let batch = [(BATCH, id.clone()), place(index + 1)];
            for (name, value) in message.headers.into_iter().chain(batch) {
                headers.insert(name, value.as_str());
            }
            let sent = link.send_unanswered(message.subject, headers, message.payload);
            before.push(sent.await.map_err(|error| link.not_stored(&error))?);
        }
    }
    let stored = store(link, last).await;
    stored.map_err(|error| link.not_stored(&error))?;
    for ticket in before {
        ticket.settled();
    }
    Ok(())
}
