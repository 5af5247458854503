//! The connection to a cluster: how to come in, how to publish and learn what became of it.
//!
//! Used by every part of this backend. It keeps reconnecting by itself for ever; it decides nothing and keeps
//! no state of the store.

use std::{sync::Arc, time::Duration};

use async_nats::{
    Client, ConnectOptions, HeaderMap, ServerInfo,
    jetstream::{
        self, Context, ErrorCode,
        context::{PublishAckFuture, PublishError, PublishErrorKind},
        message::PublishMessage,
    },
};
use bytes::Bytes;
use tokio::sync::watch;
use zeroize::Zeroizing;

use super::layout::Layout;
use crate::{
    clock::Clock,
    model::{NatsLogin, StorePlace},
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
    client: Client,
    context: Context,
    layout: Layout,
    clock: Clock,
    host: String,
    connected: watch::Receiver<bool>,
}

/// What is to be published.
#[derive(Debug)]
pub(in crate::store) struct Outgoing {
    /// Where to.
    pub(in crate::store) subject: String,
    /// Under which name it is known: the same one is stored once. Empty: each time it is sent.
    pub(in crate::store) id: String,
    /// What must be true for it to be stored.
    pub(in crate::store) expect: Expect,
    /// Further headers.
    pub(in crate::store) headers: Vec<(&'static str, String)>,
    /// What it says.
    pub(in crate::store) payload: Bytes,
}

/// What must be true for a message to be stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::store) enum Expect {
    /// Nothing.
    Anything,
    /// The stream's newest message is this one.
    Newest(u64),
    /// The newest message of this subject is this one; 0: there is none.
    NewestOfSubject(u64),
}

/// A message that more than half of the servers have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::store) struct Stored {
    /// Its place in the stream.
    pub(in crate::store) sequence: u64,
    /// It was stored before, under the same name.
    pub(in crate::store) duplicate: bool,
}

/// What became of a message that was not acknowledged.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(in crate::store) enum NotStored {
    /// What it expected is not so. It was not stored.
    #[error("something else was stored before")]
    Unexpected,
    /// The cluster refused it, in words. It was not stored.
    #[error("{0}")]
    Refused(String),
    /// There is no connection. It was not sent.
    #[error("no server of the cluster can be reached")]
    Away,
    /// It was sent and nobody answered: it may be stored, now or later.
    #[error("{0}")]
    Unknown(String),
}

/// A message on its way.
#[derive(Debug)]
pub(in crate::store) struct Pending(PublishAckFuture);

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
        let told = Arc::new(told);
        let options = login(&place.nats.login)
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
                    }
                    _ => {}
                }
                tracing::debug!(%event, "the cluster's connection");
                std::future::ready(())
            });
        let options = tls(options, place);
        let servers: Vec<&str> = place.url.split(',').map(str::trim).collect();
        let client = options
            .connect(servers)
            .await
            .map_err(|error| failed(error.to_string()))?;
        let mut context = jetstream::new(client.clone());
        context.set_timeout(ANSWER);
        Ok(Self(Arc::new(Inner {
            url: place.url.clone(),
            client,
            context,
            layout: Layout::new(&place.nats.prefix),
            clock,
            host: host_name(),
            connected,
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
        let sent = self.0.context.send_publish(message.subject, outgoing).await;
        sent.map(Pending).map_err(|error| why(&error))
    }

    /// Publishes a message and waits for its acknowledgement.
    pub(in crate::store) async fn publish(&self, message: Outgoing) -> Result<Stored, NotStored> {
        self.send(message).await?.stored().await
    }

    /// An error of this backend, with its place.
    pub(in crate::store) fn failed(&self, cause: &impl ToString) -> StoreError {
        StoreError::Failed {
            place: self.0.url.clone(),
            cause: cause.to_string(),
        }
    }
}

impl Pending {
    /// Waits for the acknowledgement.
    pub(in crate::store) async fn stored(self) -> Result<Stored, NotStored> {
        let acknowledged = self.0.await.map_err(|error| why(&error))?;
        Ok(Stored {
            sequence: acknowledged.sequence,
            duplicate: acknowledged.duplicate,
        })
    }
}

fn why(error: &PublishError) -> NotStored {
    match error.kind() {
        PublishErrorKind::WrongLastSequence | PublishErrorKind::WrongLastMessageId => {
            NotStored::Unexpected
        }
        PublishErrorKind::StreamNotFound => NotStored::Refused(
            "no leader answers for the stream; `backstop store status` says whether it was ever made".to_owned(),
        ),
        PublishErrorKind::MaxPayloadExceeded | PublishErrorKind::MaxAckPending => {
            NotStored::Refused(error.to_string())
        }
        // A server that refuses a message has not stored it; what fails on the way here may have been. A cluster says
        // this one while another message with the same expectation is on its way to be stored.
        PublishErrorKind::Other
            if answered(error) == Some(ErrorCode::STREAM_WRONG_LAST_SEQUENCE_CONSTANT) =>
        {
            NotStored::Unexpected
        }
        // The one that answers could not write it; the others may have.
        PublishErrorKind::Other if answered(error) == Some(ErrorCode::STREAM_STORE_FAILED) => {
            NotStored::Unknown(error.to_string())
        }
        PublishErrorKind::Other if answered(error).is_some() => {
            NotStored::Refused(error.to_string())
        }
        PublishErrorKind::TimedOut | PublishErrorKind::BrokenPipe | PublishErrorKind::Other => {
            NotStored::Unknown(error.to_string())
        }
    }
}

/// The server's own number for its answer.
fn answered(error: &PublishError) -> Option<ErrorCode> {
    let source = std::error::Error::source(error)?;
    let answer = source.downcast_ref::<jetstream::Error>()?;
    Some(answer.error_code())
}

/// Asks one server who it is, as whom we are to it; in words why it does not say.
pub(in crate::store) async fn ask_one(
    place: &StorePlace,
    address: &str,
) -> Result<ServerInfo, String> {
    let options = tls(login(&place.nats.login)?, place);
    once(options, address).await
}

/// Whether a server lets somebody in who shows nothing.
pub(in crate::store) async fn lets_anybody_in(
    place: &StorePlace,
    address: &str,
    patience: Duration,
) -> bool {
    let mut nobody = place.clone();
    nobody.nats.certificate = None;
    let options = tls(ConnectOptions::new(), &nobody);
    matches!(
        tokio::time::timeout(patience, once(options, address)).await,
        Ok(Ok(_))
    )
}

async fn once(options: ConnectOptions, address: &str) -> Result<ServerInfo, String> {
    let options = options
        .connection_timeout(CONNECT)
        .ignore_discovered_servers()
        .max_reconnects(1);
    let client = options.connect(address).await.map_err(|error| {
        std::error::Error::source(&error).map_or_else(|| error.to_string(), ToString::to_string)
    })?;
    Ok(client.server_info())
}

fn login(login: &NatsLogin) -> Result<ConnectOptions, String> {
    Ok(match login {
        NatsLogin::Nobody => ConnectOptions::new(),
        NatsLogin::Credentials(text) => {
            // The library wants the line end behind the last line.
            let text = Zeroizing::new(format!("{}\n", text.expose().trim_end()));
            ConnectOptions::with_credentials(&text).map_err(|_| {
                "the credentials are not a `.creds` file with a JWT and the seed of its nkey"
                    .to_owned()
            })?
        }
        NatsLogin::Nkey(seed) => ConnectOptions::with_nkey(seed.expose().trim().to_owned()),
        NatsLogin::Password { user, password } => {
            ConnectOptions::with_user_and_password(user.clone(), password.expose().to_owned())
        }
        NatsLogin::Token(token) => ConnectOptions::with_token(token.expose().to_owned()),
    })
}

fn tls(mut options: ConnectOptions, place: &StorePlace) -> ConnectOptions {
    if place.url.contains("tls://") {
        options = options.require_tls(true);
    }
    if let Some(authorities) = &place.nats.authorities {
        options = options.add_root_certificates(authorities.clone());
    }
    if let Some((certificate, key)) = &place.nats.certificate {
        options = options.add_client_certificate(certificate.clone(), key.clone());
    }
    options
}
