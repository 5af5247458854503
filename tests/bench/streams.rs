//! Many streams at once: `cargo bench --bench streams -- [STREAMS] [SECONDS] [http1]`, 10,000 for 60 s when not
//! told.
//!
//! The release gateway, a provider and the clients on loopback. The provider speaks HTTP/2 over TLS, a hundred
//! streams on a connection; with `http1` plain HTTP/1.1, a descriptor for each on both sides of the gateway. Every stream gets its first output, then a
//! piece every five seconds, then its end. Told are the gateway's memory (PSS, so that what is shared counts
//! once) and descriptors before, while and after: what is not given back is a leak.
#![expect(
    clippy::unwrap_used,
    clippy::cast_precision_loss,
    clippy::print_stdout,
    reason = "a bench is read by what it prints and fails by panicking"
)]

use std::{
    convert::Infallible,
    io::{BufRead as _, BufReader},
    path::Path,
    process::{Child, Command, Stdio},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use backstop::clock::Clock;
use bytes::Bytes;
use http::{Request, Response};
use http_body_util::StreamBody;
use hyper::{
    body::{Frame, Incoming},
    server::conn::http2,
    service::service_fn,
};
use hyper_util::rt::{TokioExecutor, TokioIo};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use rustls::{ServerConfig, pki_types::PrivateKeyDer};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
    sync::{Semaphore, watch},
    time::sleep,
};
use tokio_rustls::TlsAcceptor;

const HEAD: &[u8] =
    b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n";
const OUTPUT: &str = "data: {\"id\":\"1\",\"object\":\"chat.completion.chunk\",\"choices\":[{\"index\":0,\"delta\":{\"content\":\"hello \"}}]}\n\n";
const END: &str = "data: [DONE]\n\n";
const REQUEST: &str = r#"{"model":"m","stream":true,"messages":[{"role":"user","content":"hi"}]}"#;
/// Waves after the first, to tell memory that is kept from memory that is lost.
const WAVES: usize = 8;
/// Between two pieces of a stream.
const PACE: Duration = Duration::from_secs(5);

fn main() {
    let http1 = std::env::args().any(|word| word == "http1");
    let mut numbers = std::env::args().filter_map(|word| word.parse().ok());
    let streams: usize = numbers.next().unwrap_or(10_000);
    let seconds = numbers.next().unwrap_or(60);
    descriptors((1 + usize::from(http1)) * streams + 1000);
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(run(streams, http1, Duration::from_secs(seconds as u64)));
}

/// Sees to so many descriptors, here; the gateway does so itself.
fn descriptors(wanted: usize) {
    let limit = getrlimit(Resource::Nofile);
    let all = Rlimit {
        current: limit.maximum,
        maximum: limit.maximum,
    };
    setrlimit(Resource::Nofile, all).unwrap();
    let enough = limit.maximum.is_none_or(|most| most >= wanted as u64);
    assert!(enough, "{wanted} descriptors are needed: {limit:?}");
}

/// The gateway, ended with this.
struct Gateway {
    child: Child,
    address: String,
}

impl Drop for Gateway {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Gateway {
    fn start(folder: &Path, provider: &str) -> Self {
        let config = folder.join("backstop.toml");
        let text = format!(
            "schema = 1\n[store]\nurl = \"sqlite:state\"\n[gateway]\nlisten = \"127.0.0.1:0\"\nworkers = 2\n\
             [providers.p]\nbase_url = \"{provider}\"\nfamily = \"openai-chat\"\nkey = {{ none = true }}\n\
             [routes.r]\nprovider = \"p\"\nmodel = \"m\"\ncapabilities = [\"streaming\"]\n[workloads.w]\nprimary = \"r\"\n"
        );
        std::fs::write(&config, text).unwrap();
        let mut child = Command::new(env!("CARGO_BIN_EXE_backstop"))
            .args(["--config", config.to_str().unwrap(), "--log-json", "serve"])
            // Whom it trusts; there is such a file when the provider speaks TLS.
            .env("SSL_CERT_FILE", folder.join("roots.pem"))
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
        let address = lines
            .by_ref()
            .map(Result::unwrap)
            .inspect(|line| println!("{line}"))
            .find_map(|line| {
                let at = line.split("\"address\":\"").nth(1)?;
                at.split('"').next().map(str::to_owned)
            })
            .unwrap();
        std::thread::spawn(move || {
            for line in lines.map_while(Result::ok) {
                println!("{line}");
            }
        });
        Self { child, address }
    }

    /// Kilobytes of memory that are its own.
    fn memory(&self) -> usize {
        let path = format!("/proc/{}/smaps_rollup", self.child.id());
        let text = std::fs::read_to_string(path).unwrap();
        let line = text.lines().find(|line| line.starts_with("Pss:")).unwrap();
        line.split_whitespace().nth(1).unwrap().parse().unwrap()
    }

    fn descriptors(&self) -> usize {
        std::fs::read_dir(format!("/proc/{}/fd", self.child.id()))
            .unwrap()
            .count()
    }

    fn tell(&self, when: &str) -> (usize, usize) {
        let (memory, descriptors) = (self.memory(), self.descriptors());
        println!("{when:32} {memory:8} kB {descriptors:6} descriptors");
        (memory, descriptors)
    }
}

async fn run(streams: usize, http1: bool, lasting: Duration) {
    let (end, ended) = watch::channel(false);
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let folder = tempfile::tempdir().unwrap();
    let scheme = if http1 { "http" } else { "https" };
    let provider = format!("{scheme}://localhost:{port}");
    let acceptor = (!http1).then(|| acceptor(folder.path()));
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            stream.set_nodelay(true).unwrap();
            match acceptor.clone() {
                None => drop(tokio::spawn(provide(stream, ended.clone()))),
                Some(acceptor) => {
                    drop(tokio::spawn(provide_http2(acceptor, stream, ended.clone())));
                }
            }
        }
    });
    let gateway = Gateway::start(folder.path(), &provider);
    sleep(Duration::from_secs(1)).await;
    let before = gateway.tell("before");
    let first = wave(&gateway, streams, lasting, &end).await;
    let each = (first.0.saturating_sub(before.0)) as f64 / streams as f64;
    println!("{each:.1} kB for each stream");
    // The allocator keeps what was freed, in pieces that do not fit at once: later waves find it there, or it
    // was not freed.
    let mut waves = Vec::new();
    for _ in 0..WAVES {
        waves.push(
            wave(&gateway, streams, Duration::from_secs(2), &end)
                .await
                .0,
        );
    }
    let middle = waves[WAVES / 2];
    let growth = waves[WAVES - 1] as f64 / middle as f64;
    println!(
        "the last of {WAVES} more waves takes {growth:.2} of the memory of the one in the middle"
    );
    // Spare connections to the provider are kept for 50 s.
    let ended = Clock::instant();
    while gateway.descriptors() > before.1 && ended.elapsed() < Duration::from_secs(90) {
        sleep(Duration::from_secs(1)).await;
    }
    let after = gateway.tell(&format!("{} s later", ended.elapsed().as_secs()));
    assert!(after.1 <= before.1, "descriptors are left open");
    assert!(growth < 1.1, "memory is left in use");
}

/// Opens all streams, holds them, ends them; memory and descriptors at the end of holding.
async fn wave(
    gateway: &Gateway,
    streams: usize,
    lasting: Duration,
    end: &watch::Sender<bool>,
) -> (usize, usize) {
    end.send_replace(false);
    let open = Arc::new(AtomicUsize::new(0));
    let done = Arc::new(AtomicUsize::new(0));
    let started = Clock::instant();
    let connecting = Arc::new(Semaphore::new(200));
    for _ in 0..streams {
        let turn = Arc::clone(&connecting).acquire_owned().await.unwrap();
        let (open, done) = (Arc::clone(&open), Arc::clone(&done));
        let address = gateway.address.clone();
        tokio::spawn(async move {
            let begun = || {
                open.fetch_add(1, Ordering::Relaxed);
                drop(turn);
            };
            take(&address, begun).await;
            done.fetch_add(1, Ordering::Relaxed);
        });
    }
    while open.load(Ordering::Relaxed) < streams {
        sleep(Duration::from_millis(10)).await;
    }
    println!("{streams} streams open after {:?}", started.elapsed());
    let mut during = gateway.tell("all open");
    let opened = Clock::instant();
    while opened.elapsed() < lasting {
        sleep(Duration::from_secs(10).min(lasting)).await;
        during = gateway.tell(&format!("open for {} s", opened.elapsed().as_secs()));
        assert_eq!(done.load(Ordering::Relaxed), 0, "a stream ended early");
    }
    end.send_replace(true);
    while done.load(Ordering::Relaxed) < streams {
        sleep(Duration::from_millis(10)).await;
    }
    gateway.tell("all ended well");
    during
}

/// One stream as its client takes it, to its end marker.
async fn take(address: &str, begun: impl FnOnce()) {
    let mut stream = TcpStream::connect(address).await.unwrap();
    let head = format!(
        "POST /w/w/v1/chat/completions HTTP/1.1\r\nhost: h\r\ncontent-length: {}\r\n\r\n",
        REQUEST.len()
    );
    stream.write_all((head + REQUEST).as_bytes()).await.unwrap();
    let mut begun = Some(begun);
    // What was read, but for the end that may hold half of a word.
    let mut buffer = Vec::with_capacity(1024);
    loop {
        assert_ne!(stream.read_buf(&mut buffer).await.unwrap(), 0, "cut");
        if find(&buffer, b"hello")
            && let Some(begun) = begun.take()
        {
            begun();
        }
        if find(&buffer, b"[DONE]") {
            return;
        }
        buffer.drain(..buffer.len().saturating_sub(16));
    }
}

fn find(haystack: &[u8], needle: &[u8]) -> bool {
    haystack
        .windows(needle.len())
        .any(|window| window == needle)
}

/// Answers every request of a connection with a stream that lasts until all are to end.
async fn provide(mut stream: TcpStream, mut ended: watch::Receiver<bool>) -> Option<()> {
    let chunk = |text: &str| format!("{:x}\r\n{text}\r\n", text.len()).into_bytes();
    let mut buffer = Vec::with_capacity(1024);
    loop {
        while !find(&buffer, b"}]}") {
            (stream.read_buf(&mut buffer).await.ok()? > 0).then_some(())?;
        }
        buffer.clear();
        stream.write_all(HEAD).await.ok()?;
        stream.write_all(&chunk(OUTPUT)).await.ok()?;
        loop {
            tokio::select! {
                () = over(&mut ended) => break,
                () = sleep(PACE) => stream.write_all(&chunk(OUTPUT)).await.ok()?,
            }
        }
        stream.write_all(&chunk(END)).await.ok()?;
        stream.write_all(b"0\r\n\r\n").await.ok()?;
    }
}

/// Speaks for `localhost`, and leaves the certificate to be trusted.
fn acceptor(folder: &Path) -> TlsAcceptor {
    let rcgen::CertifiedKey { cert, signing_key } =
        rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    std::fs::write(folder.join("roots.pem"), cert.pem()).unwrap();
    let key = PrivateKeyDer::try_from(signing_key.serialize_der()).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![cert.der().clone()], key)
        .unwrap();
    config.alpn_protocols = vec![b"h2".to_vec()];
    TlsAcceptor::from(Arc::new(config))
}

/// The same over HTTP/2.
async fn provide_http2(acceptor: TlsAcceptor, stream: TcpStream, ended: watch::Receiver<bool>) {
    let stream = acceptor.accept(stream).await.unwrap();
    let service = service_fn(move |_: Request<Incoming>| {
        let ended = ended.clone();
        let pieces = futures_util::stream::unfold((ended, 0), |(mut ended, sent)| async move {
            let text = match sent {
                0 => OUTPUT,
                1.. => tokio::select! {
                    () = over(&mut ended) => END,
                    () = sleep(PACE) => OUTPUT,
                },
                _ => return None,
            };
            let next = if text == END { -1 } else { sent + 1 };
            let frame = Frame::data(Bytes::from_static(text.as_bytes()));
            Some((Ok::<_, Infallible>(frame), (ended, next)))
        });
        let answer = Response::builder()
            .header("content-type", "text/event-stream")
            .body(StreamBody::new(Box::pin(pieces)))
            .unwrap();
        async { Ok::<_, Infallible>(answer) }
    });
    let _ = http2::Builder::new(TokioExecutor::new())
        .max_concurrent_streams(100)
        .serve_connection(TokioIo::new(stream), service)
        .await;
}

async fn over(ended: &mut watch::Receiver<bool>) {
    drop(ended.wait_for(|ended| *ended).await);
}
