//! The connection to a cluster: how to come in, how to publish and learn what became of it.
//!
//! Used by every part of this backend. It keeps reconnecting by itself for ever; it decides nothing and keeps
//! no state of the store.

mod forbidden;
mod login;
mod message;
#[cfg(test)]
mod tests;

use std::{future::IntoFuture as _, sync::Arc, time::Duration};

use async_nats::{
    Client, HeaderMap,
    jetstream::{self, Context, context::PublishAckFuture, message::PublishMessage},
};
use bytes::Bytes;
use tokio::sync::watch;

use self::forbidden::{Forbidden, Ticket};
pub(in crate::store) use self::{
    login::{ask_one, lets_anybody_in},
    message::{Expect, NotStored, Outgoing, Stored},
};
use super::layout::Layout;
use crate::{
    clock::Clock,
    model::StorePlace,
    store::{StoreError, host_name},
};

/// How long a connection may take to come about.
const CONNECT: Duration = Duration::from_secs(3);
/// How long a question to the cluster may take.
const ANSWER: Duration = Duration::from_secs(4);
/// How often a connection that says nothing is asked for a sign of life.
const PING: Duration = Duration::from_secs(2);
/// How long until the next try to connect, at most.
const AGAIN: Duration = Duration::from_secs(1);

/// A connection. Cheap to clone.
#[derive(Clone, Debug)]
pub(in crate::store) struct Link(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    url: String,
    /// Who one is to the servers, in words.
    login: String,
    client: Client,
    context: Context,
    layout: Layout,
    clock: Clock,
    host: String,
    connected: watch::Receiver<bool>,
    forbidden: Arc<Forbidden>,
}

/// A message on its way.
#[derive(Debug)]
pub(in crate::store) struct Pending {
    acknowledgement: PublishAckFuture,
    ticket: Ticket,
}

impl Link {
    /// Connects, or begins to: when no server can be reached now, it goes on trying by itself.
    ///
    /// # Errors
    /// When the place or the credentials cannot be understood, or a file cannot be read.
    pub(in crate::store) async fn open(
        place: &StorePlace,
        clock: Clock,
    ) -> Result<Self, StoreError> {
        let failed = |cause: String| StoreError::Open {
            place: place.url.clone(),
            cause,
        };
        let (told, connected) = watch::channel(false);
        let forbidden = Arc::<Forbidden>::default();
        let heard = Arc::clone(&forbidden);
        let options = login::options(&place.nats.login)
            .map_err(failed)?
            .name(format!("backstop {}", env!("CARGO_PKG_VERSION")))
            .connection_timeout(CONNECT)
            .request_timeout(Some(ANSWER))
            .ping_interval(PING)
            .retry_on_initial_connect()
            .reconnect_delay_callback(|tries| {
                let millis = 50_u64.saturating_mul(u64::try_from(tries).unwrap_or(u64::MAX));
                Duration::from_millis(millis).min(AGAIN)
            })
            .event_callback(move |event| {
                match &event {
                    async_nats::Event::Connected => {
                        let _ = told.send_replace(true);
                    }
                    async_nats::Event::Disconnected | async_nats::Event::Closed => {
                        let _ = told.send_replace(false);
                        heard.disconnected();
                    }
                    async_nats::Event::ServerError(async_nats::ServerError::Other(words)) => {
                        heard.said(words);
                    }
                    _ => {}
                }
                tracing::debug!(%event, "the cluster's connection");
                std::future::ready(())
            });
        let options = login::tls(options, place);
        let servers: Vec<&str> = place.url.split(',').map(str::trim).collect();
        let client = options
            .connect(servers)
            .await
            .map_err(|error| failed(error.to_string()))?;
        let mut context = jetstream::new(client.clone());
        context.set_timeout(ANSWER);
        Ok(Self(Arc::new(Inner {
            url: place.url.clone(),
            login: login::called(&place.nats.login),
            client,
            context,
            layout: Layout::new(&place.nats.prefix),
            clock,
            host: host_name(),
            connected,
            forbidden,
        })))
    }

    /// The servers' addresses, as configured.
    pub(in crate::store) fn url(&self) -> &str {
        &self.0.url
    }

    /// The client library's handle on `JetStream`.
    pub(in crate::store) fn context(&self) -> &Context {
        &self.0.context
    }

    /// The client library's handle on the connection.
    pub(in crate::store) fn client(&self) -> &Client {
        &self.0.client
    }

    /// The names in the cluster.
    pub(in crate::store) fn layout(&self) -> &Layout {
        &self.0.layout
    }

    /// The clock of this process.
    pub(in crate::store) fn clock(&self) -> &Clock {
        &self.0.clock
    }

    /// The name of this host.
    pub(in crate::store) fn host(&self) -> &str {
        &self.0.host
    }

    /// Whether there is a connection to a server, followed. A server may be there and have no leader.
    pub(in crate::store) fn connected(&self) -> watch::Receiver<bool> {
        self.0.connected.clone()
    }

    /// Waits for a connection.
    pub(in crate::store) async fn wait_connected(&self, patience: Duration) -> bool {
        let mut connected = self.connected();
        let there = tokio::time::timeout(patience, connected.wait_for(|there| *there)).await;
        matches!(there, Ok(Ok(_)))
    }

    /// Sends a message; what became of it is told by what is answered.
    pub(in crate::store) async fn send(&self, message: Outgoing) -> Result<Pending, NotStored> {
        // The library would keep it and send it when nobody expects that any more.
        if !*self.0.connected.borrow() {
            return Err(NotStored::Away);
        }
        let mut headers = HeaderMap::new();
        for (name, value) in message.headers {
            headers.insert(name, value.as_str());
        }
        let mut outgoing = PublishMessage::build()
            .headers(headers)
            .payload(message.payload);
        if !message.id.is_empty() {
            outgoing = outgoing.message_id(&message.id);
        }
        match message.expect {
            Expect::Anything => {}
            Expect::Newest(sequence) => outgoing = outgoing.expected_last_sequence(sequence),
            Expect::NewestOfSubject(sequence) => {
                outgoing = outgoing.expected_last_subject_sequence(sequence);
            }
        }
        let ticket = self.0.forbidden.ticket(&message.subject);
        let sent = self.0.context.send_publish(message.subject, outgoing).await;
        match sent {
            Ok(acknowledgement) => Ok(Pending {
                acknowledgement,
                ticket,
            }),
            Err(error) => {
                if message::looked_at(&error) {
                    ticket.settled();
                }
                Err(message::why(&error))
            }
        }
    }

    /// Sends a message that no server answers by itself, as all but the last of a batch. Who learns that a server took
    /// it settles the ticket.
    pub(in crate::store) async fn send_unanswered(
        &self,
        subject: String,
        headers: HeaderMap,
        payload: Bytes,
    ) -> Result<Ticket, NotStored> {
        let ticket = self.0.forbidden.ticket(&subject);
        let sent = self
            .0
            .client
            .publish_with_headers(subject, headers, payload);
        match sent.await {
            Ok(()) => Ok(ticket),
            Err(error) => Err(NotStored::Unknown(error.to_string())),
        }
    }

    /// Publishes a message and waits for its acknowledgement.
    pub(in crate::store) async fn publish(&self, message: Outgoing) -> Result<Stored, NotStored> {
        self.send(message).await?.stored().await
    }

    /// Waits for the answer to a question, or for the word that it may not be asked.
    pub(in crate::store) async fn allowed<T, E>(
        &self,
        subject: &str,
        question: impl Future<Output = Result<T, E>>,
    ) -> Result<Result<T, E>, NotStored> {
        let mut ticket = self.0.forbidden.ticket(subject);
        let answer = tokio::select! {
            biased;
            answer = question => answer,
            () = ticket.forbidden() => return Err(NotStored::Forbidden(subject.to_owned())),
        };
        if answer.is_ok() {
            ticket.settled();
        }
        Ok(answer)
    }

    /// An error of this backend, with its place.
    pub(in crate::store) fn failed(&self, cause: &impl ToString) -> StoreError {
        StoreError::Failed {
            place: self.0.url.clone(),
            cause: cause.to_string(),
        }
    }

    /// The error of who published a message that was not stored.
    pub(in crate::store) fn not_stored(&self, why: &NotStored) -> StoreError {
        match why {
            NotStored::Forbidden(subject) => StoreError::Forbidden {
                place: self.0.url.clone(),
                login: self.0.login.clone(),
                subject: subject.clone(),
            },
            NotStored::Unexpected
            | NotStored::Refused(_)
            | NotStored::Never(_)
            | NotStored::Away
            | NotStored::Unknown(_) => self.failed(why),
        }
    }

    /// Why a question to this subject was not answered in time, as far as that is known.
    pub(in crate::store) fn silence(&self, subject: &str) -> String {
        if self.0.forbidden.knows(subject) {
            let login = &self.0.login;
            format!("the cluster does not let {login} publish to `{subject}`")
        } else {
            "the cluster does not answer".to_owned()
        }
    }
}

impl Pending {
    /// Waits for the acknowledgement, or for the word that the message may not be published.
    pub(in crate::store) async fn stored(mut self) -> Result<Stored, NotStored> {
        let answer = tokio::select! {
            biased;
            answer = self.acknowledgement.into_future() => answer,
            () = self.ticket.forbidden() => {
                return Err(NotStored::Forbidden(self.ticket.subject().to_owned()));
            }
        };
        if answer.as_ref().err().is_none_or(message::looked_at) {
            self.ticket.settled();
        }
        let acknowledged = answer.map_err(|error| message::why(&error))?;
        Ok(Stored {
            sequence: acknowledged.sequence,
            duplicate: acknowledged.duplicate,
        })
    }
}
