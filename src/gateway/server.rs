//! Connections of clients: accepting, TLS, HTTP/1.1 and HTTP/2, limits, graceful end.

use std::{
    convert::Infallible,
    future::pending,
    io,
    pin::{Pin, pin},
    rc::Rc,
    sync::{Arc, atomic::Ordering},
    task::{Context, Poll},
    time::Duration,
};

use hyper::{
    rt::Executor,
    server::conn::{http1, http2},
    service::service_fn,
};
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    server::graceful::GracefulConnection,
};
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::{TcpListener, TcpStream},
    sync::mpsc,
    time::{Sleep, sleep, timeout},
};
use tokio_util::sync::CancellationToken;

use super::{
    quiet::Running,
    request,
    worker::{Shared, Worker},
};

/// The longest request head, to within one read.
const HEAD_BYTES: usize = 64 * 1024;
/// The most of a body that is read at once.
const BUFFER_BYTES: usize = 256 * 1024;
/// How long a TLS handshake may take.
const HANDSHAKE: Duration = Duration::from_secs(10);
/// Requests at the same time on one connection of HTTP/2.
const STREAMS: u32 = 256;
/// Streams that a client opens and resets before they are looked at; with more of them its connection ends.
const RESETS: usize = 20;
/// The longest head in HTTP/2, by its own way of counting.
const HEAD_LIST_BYTES: u32 = 64 * 1024;
/// How often a silent peer is asked whether it is there, and how long it may take to say so.
const PING_EVERY: Duration = Duration::from_secs(30);
const PING_LIMIT: Duration = Duration::from_secs(20);
/// Said to a client that finds no place.
const CROWDED: &[u8] =
    b"HTTP/1.1 503 Service Unavailable\r\nconnection: close\r\nretry-after: 1\r\n\
x-backstop-error: backstop_too_many_connections\r\ncontent-length: 0\r\n\r\n";
/// How long to wait when no connection can be accepted (no descriptors left).
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// A connection that was accepted, with its place among those that may be open.
pub(super) type Accepted = (std::net::TcpStream, Place);

/// A place among the connections; free again when dropped.
#[derive(Debug)]
pub(super) struct Place(Arc<Shared>);

impl Place {
    fn take(shared: &Arc<Shared>) -> Option<Self> {
        let most = shared
            .snapshot
            .borrow()
            .prepared
            .catalog
            .gateway
            .max_connections;
        // Only the accepting thread counts up, so nobody gets in between.
        if shared.connections.load(Ordering::Relaxed) >= most {
            shared.crowded.fetch_add(1, Ordering::Relaxed);
            return None;
        }
        shared.connections.fetch_add(1, Ordering::Relaxed);
        Some(Self(Arc::clone(shared)))
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.0.connections.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Accepts connections and hands them to the workers in turn.
pub(super) async fn accept(
    listener: TcpListener,
    workers: Vec<mpsc::UnboundedSender<Accepted>>,
    shared: Arc<Shared>,
) {
    let mut turn = workers.iter().cycle();
    loop {
        let accepted = tokio::select! {
            () = shared.draining.cancelled() => return,
            accepted = listener.accept() => accepted,
        };
        let stream = match accepted {
            Ok((stream, _)) => stream,
            Err(error) => {
                tracing::warn!(%error, "cannot accept a connection");
                sleep(ACCEPT_PAUSE).await;
                continue;
            }
        };
        let Some(place) = Place::take(&shared) else {
            // Early and without a word read: that is all that can be afforded now. Under TLS it is only closed.
            if shared.certificate.is_none() {
                let _ = stream.try_write(CROWDED);
            }
            continue;
        };
        let stream = stream.set_nodelay(true).and_then(|()| stream.into_std());
        if let (Ok(stream), Some(worker)) = (stream, turn.next()) {
            // A worker that has ended takes none; the client sees a closed connection.
            let _ = worker.send((stream, place));
        }
    }
}

/// Serves one connection to its end.
pub(super) async fn connection(worker: Rc<Worker>, stream: TcpStream, place: Place) {
    let settings = &worker.snapshot().prepared.catalog.gateway;
    let (idle, pause) = (settings.idle, settings.pause);
    let stream = Patient::new(stream, pause);
    let Some((certificate, _)) = &worker.shared.certificate else {
        first(worker, stream, idle).await;
        return;
    };
    let acceptor = certificate.acceptor();
    // Who does not get through with it in time has not asked anything yet.
    if let Ok(Ok(stream)) = timeout(HANDSHAKE.min(idle), acceptor.accept(stream)).await {
        if stream.get_ref().1.alpn_protocol() == Some(b"h2") {
            second(worker, stream, idle, pause).await;
        } else {
            first(worker, stream, idle).await;
        }
    }
    drop(place);
}

/// HTTP/1.1.
async fn first(worker: Rc<Worker>, stream: impl Stream, idle: Duration) {
    let draining = worker.shared.draining.clone();
    let service = service_fn(move |incoming| {
        let worker = Rc::clone(&worker);
        async move { Ok::<_, Infallible>(request::handle(worker, incoming).await) }
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(idle)
        .max_header_size(HEAD_BYTES)
        .max_buf_size(BUFFER_BYTES)
        .serve_connection(TokioIo::new(stream), service);
    // The limit for the next head is one for its silence, too.
    to_its_end(connection, draining, async || pending().await).await;
}

/// HTTP/2, as browsers and SDKs speak it over TLS.
async fn second(worker: Rc<Worker>, stream: impl Stream, idle: Duration, pause: Duration) {
    let draining = worker.shared.draining.clone();
    let running = Running::none(pause);
    let counted = running.clone();
    let service = service_fn(move |incoming| {
        let worker = Rc::clone(&worker);
        let one = counted.one();
        async move { Ok::<_, Infallible>(one.with(request::handle(worker, incoming).await)) }
    });
    let connection = http2::Builder::new(SameThread)
        .timer(TokioTimer::new())
        .keep_alive_interval(PING_EVERY)
        .keep_alive_timeout(PING_LIMIT)
        .max_concurrent_streams(STREAMS)
        .max_pending_accept_reset_streams(RESETS)
        .max_header_list_size(HEAD_LIST_BYTES)
        .max_send_buf_size(BUFFER_BYTES)
        .serve_connection(TokioIo::new(stream), service);
    to_its_end(connection, draining, async || running.quiet(idle).await).await;
}

/// Serves until the client has gone, until what runs is done when the gateway drains, or until it has been
/// quiet for too long.
async fn to_its_end(
    connection: impl GracefulConnection,
    draining: CancellationToken,
    quiet: impl AsyncFn(),
) {
    let mut connection = pin!(connection);
    // How a connection ends is the client's business; what was on it has been recorded.
    tokio::select! {
        biased;
        _ = connection.as_mut() => {}
        () = draining.cancelled() => {
            connection.as_mut().graceful_shutdown();
            let _ = connection.await;
        }
        () = quiet() => {
            connection.as_mut().graceful_shutdown();
            // What was asked at this very moment is still answered; who says nothing is not waited for.
            tokio::select! {
                _ = connection => {}
                () = quiet() => {}
            }
        }
    }
}

/// What a connection is served over.
trait Stream: AsyncRead + AsyncWrite + Unpin + 'static {}

impl<T: AsyncRead + AsyncWrite + Unpin + 'static> Stream for T {}

/// Runs the streams of a connection on its own thread.
#[derive(Clone, Copy, Debug)]
struct SameThread;

impl<F: Future<Output = ()> + 'static> Executor<F> for SameThread {
    fn execute(&self, future: F) {
        tokio::task::spawn_local(future);
    }
}

/// A client's socket that gives up when the client takes nothing for too long.
#[derive(Debug)]
struct Patient {
    stream: TcpStream,
    limit: Duration,
    stalled: Option<Pin<Box<Sleep>>>,
}

impl Patient {
    const fn new(stream: TcpStream, limit: Duration) -> Self {
        Self {
            stream,
            limit,
            stalled: None,
        }
    }

    /// Passes a write's result on; arms or disarms the limit.
    fn timed<T>(
        &mut self,
        context: &mut Context<'_>,
        result: Poll<io::Result<T>>,
    ) -> Poll<io::Result<T>> {
        if result.is_ready() {
            self.stalled = None;
            return result;
        }
        let limit = self.limit;
        let stalled = self.stalled.get_or_insert_with(|| Box::pin(sleep(limit)));
        match stalled.as_mut().poll(context) {
            Poll::Ready(()) => Poll::Ready(Err(io::ErrorKind::TimedOut.into())),
            Poll::Pending => Poll::Pending,
        }
    }
}

impl AsyncRead for Patient {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_read(context, buffer)
    }
}

impl AsyncWrite for Patient {
    fn poll_write(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let result = Pin::new(&mut this.stream).poll_write(context, bytes);
        this.timed(context, result)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let result = Pin::new(&mut this.stream).poll_write_vectored(context, slices);
        this.timed(context, result)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_flush(context)
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_shutdown(context)
    }
}
