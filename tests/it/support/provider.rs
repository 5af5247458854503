//! A provider that misbehaves on every level: TCP, TLS, HTTP/1.1 and HTTP/2, byte by byte and frame by frame.
//!
//! [`super::upstream`] is the simpler one for tests of policy; this one is for what lies below HTTP.

use std::{
    net::SocketAddr,
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use backstop::clock::Clock;
use rcgen::{CertifiedKey, generate_simple_self_signed};
use rustls::{
    ClientConfig, RootCertStore, ServerConfig,
    pki_types::{CertificateDer, PrivateKeyDer},
};
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    sync::{Semaphore, watch},
    task::{JoinHandle, JoinSet},
    time::timeout,
};
use tokio_rustls::TlsAcceptor;

use super::{
    frames::{self, Frame},
    upstream::DEADLINE,
};

/// One thing that the provider does.
#[derive(Clone, Debug)]
pub(crate) enum Act {
    /// Sends bytes.
    Send(Vec<u8>),
    /// Sends bytes one by one.
    Drip(Vec<u8>),
    /// Sends an HTTP/2 frame.
    Frame(Frame),
    /// Waits until the test lets it go on.
    Gate(Arc<Semaphore>),
    /// Does nothing until the client closes, or resets its stream.
    Hang,
    /// Closes in good order.
    Close,
    /// Closes with a reset.
    Reset,
    /// Sends the bytes again and again for as long as they are taken.
    Endless(Vec<u8>),
}

/// What it does with one request.
pub(crate) type Script = Vec<Act>;

/// Certificates of tests: for `localhost`, and for another name.
pub(crate) struct Identities {
    good: Identity,
    other: Identity,
    stranger: Identity,
}

struct Identity {
    certificate: CertificateDer<'static>,
    key: Vec<u8>,
}

impl Identity {
    fn new(name: &str) -> Self {
        let CertifiedKey { cert, signing_key } =
            generate_simple_self_signed([name.to_owned()]).unwrap();
        Self {
            certificate: cert.der().clone(),
            key: signing_key.serialize_der(),
        }
    }

    fn acceptor(&self, protocols: &[&[u8]]) -> TlsAcceptor {
        let key = PrivateKeyDer::try_from(self.key.clone()).unwrap();
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let mut config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![self.certificate.clone()], key)
            .unwrap();
        config.alpn_protocols = protocols.iter().map(|name| name.to_vec()).collect();
        TlsAcceptor::from(Arc::new(config))
    }
}

/// How the provider speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Transport {
    /// HTTP/1.1 on TCP.
    Plain,
    /// HTTP/2 on TLS.
    Http2,
    /// TLS with a certificate for another name, which is trusted.
    OtherName,
    /// TLS with a certificate that nobody trusts.
    Stranger,
    /// HTTP/1.1 on TCP, answered when the head of the request is there.
    Hasty,
    /// Accepts TCP and never says a word.
    Mute,
    /// Speaks HTTP where TLS is expected.
    PlainForTls,
}

impl Transport {
    /// The scheme of its URL.
    const fn scheme(self) -> &'static str {
        match self {
            Self::Plain | Self::Hasty => "http",
            Self::Http2 | Self::OtherName | Self::Stranger | Self::Mute | Self::PlainForTls => {
                "https"
            }
        }
    }
}

impl Identities {
    pub(crate) fn new() -> Self {
        Self {
            good: Identity::new("localhost"),
            other: Identity::new("elsewhere.example"),
            stranger: Identity::new("localhost"),
        }
    }

    /// What a client trusts.
    pub(crate) fn client(&self) -> ClientConfig {
        let mut roots = RootCertStore::empty();
        roots.add(self.good.certificate.clone()).unwrap();
        roots.add(self.other.certificate.clone()).unwrap();
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots)
            .with_no_client_auth()
    }

    fn acceptor(&self, transport: Transport) -> Option<TlsAcceptor> {
        match transport {
            Transport::Plain | Transport::Hasty | Transport::Mute | Transport::PlainForTls => None,
            Transport::Http2 => Some(self.good.acceptor(&[b"h2"])),
            Transport::OtherName => Some(self.other.acceptor(&[b"http/1.1"])),
            Transport::Stranger => Some(self.stranger.acceptor(&[b"http/1.1"])),
        }
    }
}

/// What has happened at a provider.
#[derive(Clone, Debug, Default)]
pub(crate) struct Seen {
    /// Paths of HTTP/1.1 requests; `h2` for those of HTTP/2.
    pub(crate) requests: Vec<String>,
    /// Connections that came.
    pub(crate) connections: usize,
    /// Bytes of the bodies of requests.
    pub(crate) body: usize,
    /// Bytes that were sent by [`Act::Endless`].
    pub(crate) sent: usize,
    /// When the client gave up an answer that was being made: it closed, or reset its stream.
    pub(crate) given_up: Vec<Instant>,
}

/// The provider. Ends when dropped.
pub(crate) struct Provider {
    address: SocketAddr,
    transport: Transport,
    news: watch::Receiver<Seen>,
    task: JoinHandle<()>,
}

impl Drop for Provider {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// What the connections of a provider share.
pub(super) struct Shared {
    transport: Transport,
    acceptor: Option<TlsAcceptor>,
    /// For the requests in their order; the last one stands.
    scripts: Mutex<Vec<Script>>,
    pub(super) news: watch::Sender<Seen>,
}

impl Provider {
    /// Listens; the n-th request is answered by the n-th script, further ones by the last.
    pub(crate) async fn start(
        identities: &Identities,
        transport: Transport,
        scripts: Vec<Script>,
    ) -> Self {
        assert!(!scripts.is_empty());
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (sender, news) = watch::channel(Seen::default());
        let shared = Arc::new(Shared {
            transport,
            acceptor: identities.acceptor(transport),
            scripts: Mutex::new(scripts),
            news: sender,
        });
        let task = tokio::spawn(async move {
            let mut connections = JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                shared.news.send_modify(|seen| seen.connections += 1);
                connections.spawn(accepted(stream, Arc::clone(&shared)));
            }
        });
        Self {
            address,
            transport,
            news,
            task,
        }
    }

    /// Its base URL.
    pub(crate) fn url(&self) -> String {
        format!(
            "{}://localhost:{}",
            self.transport.scheme(),
            self.address.port()
        )
    }

    /// What has happened so far.
    pub(crate) fn seen(&self) -> Seen {
        self.news.borrow().clone()
    }

    /// Waits for something to have happened.
    pub(crate) async fn until(&self, condition: impl FnMut(&Seen) -> bool) -> Seen {
        let mut news = self.news.clone();
        let Ok(seen) = timeout(DEADLINE, news.wait_for(condition)).await else {
            panic!("the provider waits for more than {:?}", self.seen());
        };
        seen.unwrap().clone()
    }
}

async fn accepted(stream: TcpStream, shared: Arc<Shared>) {
    stream.set_nodelay(true).unwrap();
    if shared.transport == Transport::Mute {
        gone(&mut { stream }, &mut Vec::new()).await;
        return;
    }
    let Some(acceptor) = &shared.acceptor else {
        let mut stream = stream;
        let reset = http1(&mut stream, &shared).await;
        close(&stream, reset);
        return;
    };
    let Ok(mut stream) = acceptor.accept(stream).await else {
        return;
    };
    let reset = if shared.transport == Transport::Http2 {
        frames::serve(&mut stream, &shared).await
    } else {
        http1(&mut stream, &shared).await
    };
    close(stream.get_ref().0, reset);
}

fn close(stream: &TcpStream, reset: bool) {
    if reset {
        #[expect(deprecated, reason = "a linger of zero is what makes a reset")]
        stream.set_linger(Some(Duration::ZERO)).unwrap();
    }
}

impl Shared {
    /// The script of the next request.
    pub(super) fn script(&self) -> Script {
        let mut scripts = self.scripts.lock().unwrap();
        if scripts.len() > 1 {
            scripts.remove(0)
        } else {
            scripts[0].clone()
        }
    }

    pub(super) fn given_up(&self) {
        self.news
            .send_modify(|seen| seen.given_up.push(Clock::instant()));
    }
}

/// Serves requests until the connection ends; `true`: with a reset.
async fn http1<S: AsyncRead + AsyncWrite + Unpin>(stream: &mut S, shared: &Shared) -> bool {
    let mut buffer = Vec::new();
    loop {
        let Some(line) = request(stream, &mut buffer, shared).await else {
            return false;
        };
        let script = shared.script();
        shared.news.send_modify(|seen| seen.requests.push(line));
        for act in script {
            let alive = match act {
                Act::Send(bytes) => stream.write_all(&bytes).await.is_ok(),
                Act::Drip(bytes) => drip(stream, &bytes).await,
                Act::Gate(gate) => {
                    tokio::select! {
                        permit = gate.acquire() => { permit.unwrap().forget(); true }
                        () = gone(stream, &mut buffer) => false,
                    }
                }
                Act::Hang => {
                    gone(stream, &mut buffer).await;
                    false
                }
                Act::Close => {
                    let _ = stream.shutdown().await;
                    return false;
                }
                Act::Reset => return true,
                Act::Endless(bytes) => {
                    while stream.write_all(&bytes).await.is_ok() {
                        shared.news.send_modify(|seen| seen.sent += bytes.len());
                    }
                    false
                }
                Act::Frame(frame) => panic!("{frame:?} is of HTTP/2"),
            };
            if !alive {
                shared.given_up();
                return false;
            }
        }
    }
}

async fn drip<S: AsyncWrite + Unpin>(stream: &mut S, bytes: &[u8]) -> bool {
    for byte in bytes {
        if stream.write_all(&[*byte]).await.is_err() || stream.flush().await.is_err() {
            return false;
        }
        tokio::task::yield_now().await;
    }
    true
}

/// Waits until the client closes; what it sends until then is kept.
async fn gone<S: AsyncRead + Unpin>(stream: &mut S, buffer: &mut Vec<u8>) {
    while matches!(stream.read_buf(buffer).await, Ok(1..)) {}
}

/// Reads one request and says its path; `None`: the client has closed.
async fn request<S: AsyncRead + Unpin>(
    stream: &mut S,
    buffer: &mut Vec<u8>,
    shared: &Shared,
) -> Option<String> {
    let end = loop {
        if let Some(at) = buffer.windows(4).position(|window| window == b"\r\n\r\n") {
            break at + 4;
        }
        match stream.read_buf(buffer).await {
            Ok(1..) => {}
            Ok(0) | Err(_) => return None,
        }
    };
    let head = String::from_utf8(buffer.drain(..end).collect()).unwrap();
    let length = head
        .to_ascii_lowercase()
        .lines()
        .find_map(|line| line.strip_prefix("content-length: ")?.trim().parse().ok())
        .unwrap_or(0);
    while buffer.len() < length && shared.transport != Transport::Hasty {
        match stream.read_buf(buffer).await {
            Ok(1..) => {}
            Ok(0) | Err(_) => return None,
        }
    }
    buffer.drain(..length.min(buffer.len()));
    shared.news.send_modify(|seen| seen.body += length);
    Some(head.split(' ').nth(1).unwrap().to_owned())
}
