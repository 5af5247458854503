//! One new connection: name, TCP, TLS, HTTP version. Each step fails with its own evidence.

use std::{
    cell::Cell,
    future::poll_fn,
    net::{IpAddr, SocketAddr},
    pin::Pin,
    rc::Rc,
    sync::{Arc, OnceLock},
    time::Duration,
};

use hyper::client::conn::{http1, http2};
use hyper_util::rt::{TokioIo, TokioTimer};
use rustls::ClientConfig;
use rustls_platform_verifier::BuilderVerifierExt;
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::{TcpSocket, TcpStream},
    time::timeout,
};
use tokio_rustls::TlsConnector;

use super::{
    Origin, Slices,
    heard::{Heard, Hearing},
    listening::Listening,
    pool::MOST_STREAMS,
};
use crate::policy::{Evidence, UnreachableKind};

/// What an HTTP/2 peer may send of one answer before any of it is taken: a slow client costs so much memory.
const STREAM_WINDOW: u32 = 256 * 1024;
/// The same for a connection: enough for all its streams, so that slow clients never hold up the others.
const CONNECTION_WINDOW: u32 = 32 * 1024 * 1024;
const _: () = assert!(STREAM_WINDOW as usize * MOST_STREAMS <= CONNECTION_WINDOW as usize);
/// The longest head of an HTTP/2 answer.
const HEADERS: u32 = 64 * 1024;

/// TLS settings, made when the first TLS connection is: reading the system's roots takes a while.
#[derive(Debug, Default)]
pub struct Tls(OnceLock<Option<Arc<ClientConfig>>>);

impl Tls {
    /// The system's roots.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Given settings; the application protocols offered are set here.
    #[must_use]
    pub fn with(config: ClientConfig) -> Self {
        Self(OnceLock::from(Some(Arc::new(offer(config)))))
    }

    fn config(&self) -> Option<Arc<ClientConfig>> {
        self.0
            .get_or_init(|| {
                let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
                let config = ClientConfig::builder_with_provider(provider)
                    .with_safe_default_protocol_versions()
                    .and_then(BuilderVerifierExt::with_platform_verifier)
                    .inspect_err(|error| {
                        tracing::error!(%error, "cannot set up TLS: no https route can be reached");
                    })
                    .ok()?
                    .with_no_client_auth();
                Some(Arc::new(offer(config)))
            })
            .clone()
    }
}

fn offer(mut config: ClientConfig) -> ClientConfig {
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    config
}

/// A connection that has been made.
pub(super) enum Connected {
    /// For one request at a time.
    Http1(Line),
    /// For many.
    Http2 {
        sender: http2::SendRequest<Slices>,
        /// As many streams as the peer allows, kept up to date.
        allowed: Rc<Cell<usize>>,
    },
}

/// A connection of HTTP/1.1.
#[derive(Debug)]
pub(super) struct Line {
    pub(super) sender: http1::SendRequest<Slices>,
    /// What its answer began with.
    pub(super) heard: Heard,
}

const fn unreachable(kind: UnreachableKind) -> Evidence {
    Evidence::Unreachable { kind }
}

/// Makes a connection; name, TCP and TLS together take at most `limit`.
pub(super) async fn connect(
    origin: &Origin,
    tls: &Tls,
    limit: Duration,
) -> Result<Connected, Evidence> {
    let addresses = timeout(limit, resolve(origin))
        .await
        .map_err(|_| unreachable(UnreachableKind::Dns))??;
    let stream = timeout(limit, dial(&addresses, limit))
        .await
        .map_err(|_| unreachable(UnreachableKind::Connect))??;
    let stream = Listening::new(stream);
    let Some(name) = origin.server_name.clone() else {
        return http1(stream).await;
    };
    let config = tls.config().ok_or(unreachable(UnreachableKind::Tls))?;
    let stream = timeout(limit, TlsConnector::from(config).connect(name, stream))
        .await
        .ok()
        .and_then(Result::ok)
        .ok_or(unreachable(UnreachableKind::Tls))?;
    if stream.get_ref().1.alpn_protocol() == Some(b"h2") {
        http2(stream).await
    } else {
        http1(stream).await
    }
}

async fn resolve(origin: &Origin) -> Result<Vec<SocketAddr>, Evidence> {
    if let Ok(address) = origin.host.parse::<IpAddr>() {
        return Ok(vec![(address, origin.port).into()]);
    }
    let found = tokio::net::lookup_host((&*origin.host, origin.port))
        .await
        .map_err(|_| unreachable(UnreachableKind::Dns))?;
    let addresses: Vec<_> = found.collect();
    if addresses.is_empty() {
        return Err(unreachable(UnreachableKind::Dns));
    }
    Ok(addresses)
}

/// Tries the addresses in order, each for its share of the time.
async fn dial(addresses: &[SocketAddr], limit: Duration) -> Result<TcpStream, Evidence> {
    let share = limit / u32::try_from(addresses.len()).unwrap_or(u32::MAX).max(1);
    for address in addresses {
        if let Ok(Ok(stream)) = timeout(share, dial_one(*address)).await {
            return Ok(stream);
        }
    }
    Err(unreachable(UnreachableKind::Connect))
}

async fn dial_one(address: SocketAddr) -> std::io::Result<TcpStream> {
    let socket = match address {
        SocketAddr::V4(_) => TcpSocket::new_v4()?,
        SocketAddr::V6(_) => TcpSocket::new_v6()?,
    };
    socket.set_nodelay(true)?;
    socket.set_keepalive(true)?;
    socket.connect(address).await
}

async fn http1<S>(stream: S) -> Result<Connected, Evidence>
where
    S: AsyncRead + AsyncWrite + Unpin + 'static,
{
    let (stream, heard) = Hearing::new(stream);
    let (sender, connection) = http1::Builder::new()
        .handshake(TokioIo::new(stream))
        .await
        .map_err(|_| unreachable(UnreachableKind::Connect))?;
    tokio::task::spawn_local(async move {
        // Its end, good or bad, is seen by whoever waits for an answer.
        let _ = connection.await;
    });
    Ok(Connected::Http1(Line { sender, heard }))
}

async fn http2<S>(stream: S) -> Result<Connected, Evidence>
where
    S: AsyncRead + AsyncWrite + Unpin + 'static,
{
    let (sender, mut connection) = http2::Builder::new(Local)
        .timer(TokioTimer::new())
        .keep_alive_interval(Duration::from_secs(20))
        .keep_alive_timeout(Duration::from_secs(10))
        .initial_stream_window_size(STREAM_WINDOW)
        .initial_connection_window_size(CONNECTION_WINDOW)
        .max_header_list_size(HEADERS)
        .handshake(TokioIo::new(stream))
        .await
        .map_err(|_| unreachable(UnreachableKind::Connect))?;
    let allowed = Rc::new(Cell::new(connection.current_max_send_streams()));
    let kept = Rc::clone(&allowed);
    tokio::task::spawn_local(poll_fn(move |context| {
        // Polled for every request, so that this is never old when it matters.
        let ended = Pin::new(&mut connection).poll(context);
        kept.set(connection.current_max_send_streams());
        ended.map(drop)
    }));
    Ok(Connected::Http2 { sender, allowed })
}

/// Runs a connection's tasks on the worker's own thread.
#[derive(Clone, Copy, Debug)]
struct Local;

impl<F> hyper::rt::Executor<F> for Local
where
    F: Future<Output: 'static> + 'static,
{
    fn execute(&self, future: F) {
        tokio::task::spawn_local(future);
    }
}
