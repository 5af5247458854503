//! Connections to providers over TLS: HTTP version by ALPN, reuse, and evidence when they fail.

use std::{convert::Infallible, net::SocketAddr, sync::Arc, time::Duration};

use backstop::{
    policy::{Evidence, UnreachableKind},
    wire::upstream::{Answer, Client, Origin, Slices, Tls},
};
use bytes::Bytes;
use http::{Request, Response, Uri, Version, uri::Authority, uri::Scheme};
use http_body_util::{BodyExt, Full};
use hyper::{body::Incoming, service::service_fn};
use hyper_util::{
    rt::{TokioExecutor, TokioIo},
    server::conn::auto,
};
use rcgen::{CertifiedKey, generate_simple_self_signed};
use rustls::{ClientConfig, RootCertStore, ServerConfig, pki_types::PrivateKeyDer};
use tokio::{net::TcpListener, sync::mpsc, time::timeout};
use tokio_rustls::TlsAcceptor;

/// How much `/large` answers.
const LARGE: usize = 1024 * 1024;
const LIMIT: Duration = Duration::from_secs(10);

/// What the server saw of a request: version, `host` and authority, and the body.
type Saw = (Version, Option<String>, Option<String>, Bytes);

struct Server {
    address: SocketAddr,
    roots: RootCertStore,
    saw: mpsc::UnboundedReceiver<Saw>,
    connections: mpsc::UnboundedReceiver<()>,
}

/// A TLS server for `localhost` that offers these protocols.
async fn server(protocols: &[&[u8]]) -> Server {
    server_with(protocols, 100).await
}

/// The same, with so many streams on an HTTP/2 connection.
async fn server_with(protocols: &[&[u8]], streams: u32) -> Server {
    let CertifiedKey { cert, signing_key } =
        generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let mut roots = RootCertStore::empty();
    roots.add(cert.der().clone()).unwrap();
    let key = PrivateKeyDer::try_from(signing_key.serialize_der()).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![cert.der().clone()], key)
        .unwrap();
    config.alpn_protocols = protocols.iter().map(|name| name.to_vec()).collect();
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (told, saw) = mpsc::unbounded_channel();
    let (opened, connections) = mpsc::unbounded_channel();
    tokio::task::spawn(async move {
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            let Ok(stream) = acceptor.accept(stream).await else {
                continue;
            };
            let _ = opened.send(());
            let told = told.clone();
            let service = service_fn(move |request: Request<Incoming>| {
                let told = told.clone();
                async move {
                    let (head, body) = request.into_parts();
                    let body = body.collect().await.unwrap().to_bytes();
                    let host = head
                        .headers
                        .get("host")
                        .map(|host| host.to_str().unwrap().to_owned());
                    let authority = head.uri.authority().map(ToString::to_string);
                    let _ = told.send((head.version, host, authority, body));
                    let answer = if head.uri.path() == "/large" {
                        Bytes::from(vec![b'x'; LARGE])
                    } else {
                        Bytes::from_static(b"hello")
                    };
                    Ok::<_, Infallible>(Response::new(Full::new(answer)))
                }
            });
            tokio::task::spawn(async move {
                let mut builder = auto::Builder::new(TokioExecutor::new());
                builder.http2().max_concurrent_streams(streams);
                let _ = builder
                    .serve_connection(TokioIo::new(stream), service)
                    .await;
            });
        }
    });
    Server {
        address,
        roots,
        saw,
        connections,
    }
}

fn client(roots: RootCertStore) -> Client {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    Client::new(Arc::new(Tls::with(config)))
}

fn origin(scheme: &Scheme, authority: &str) -> Origin {
    let authority: Authority = authority.parse().unwrap();
    Origin::new(scheme, &authority).unwrap()
}

async fn ask(client: &Client, origin: &Origin) -> Result<Bytes, Evidence> {
    let build = || {
        let slices = [&b"one "[..], b"two ", b"three"].map(Bytes::from_static);
        let mut request = Request::post(Uri::from_static("/v1/x?y=1"))
            .body(Slices::from(slices))
            .unwrap();
        request
            .headers_mut()
            .insert("host", "localhost".parse().unwrap());
        request
    };
    let mut answer = client.send(origin, LIMIT, build).await?.into_body();
    let mut all = Vec::new();
    while let Some(data) = answer.data().await.unwrap() {
        all.extend_from_slice(&data);
    }
    Ok(all.into())
}

/// Begins an answer; nobody reads it.
async fn begin(client: &Client, origin: &Origin, path: &'static str) -> Response<Answer> {
    let build = || {
        let body = Slices::from(Bytes::from_static(b"{}"));
        let mut request = Request::post(Uri::from_static(path)).body(body).unwrap();
        let host = "localhost".parse().unwrap();
        request.headers_mut().insert("host", host);
        request
    };
    timeout(LIMIT, client.send(origin, LIMIT, build))
        .await
        .unwrap()
        .unwrap()
}

#[tokio::test]
async fn streams_beyond_what_a_connection_takes_have_another_one() {
    for (allowed, streams, connections) in [(100, 250, 3), (10, 30, 3), (1000, 150, 2)] {
        let mut server = server_with(&[b"h2"], allowed).await;
        let client = client(server.roots.clone());
        let origin = origin(
            &Scheme::HTTPS,
            &format!("localhost:{}", server.address.port()),
        );
        local(async {
            let mut held = Vec::new();
            for _ in 0..streams {
                held.push(begin(&client, &origin, "/").await);
            }
            drop(held);
            begin(&client, &origin, "/").await;
        })
        .await;
        let mut opened = 0;
        while server.connections.try_recv().is_ok() {
            opened += 1;
        }
        assert_eq!(opened, connections, "{allowed} allowed, {streams} asked");
    }
}

#[tokio::test]
async fn requests_that_come_at_once_share_the_first_connection() {
    let mut server = server(&[b"h2"]).await;
    let client = client(server.roots.clone());
    let origin = origin(
        &Scheme::HTTPS,
        &format!("localhost:{}", server.address.port()),
    );
    local(async {
        let asked = (0..50).map(|_| begin(&client, &origin, "/"));
        futures_util::future::join_all(asked).await;
    })
    .await;
    let mut opened = 0;
    while server.connections.try_recv().is_ok() {
        opened += 1;
    }
    assert_eq!(opened, 1);
}

#[tokio::test]
async fn answers_that_nobody_takes_do_not_hold_up_the_others_of_their_connection() {
    let mut server = server(&[b"h2"]).await;
    let client = client(server.roots.clone());
    let origin = origin(
        &Scheme::HTTPS,
        &format!("localhost:{}", server.address.port()),
    );
    local(async {
        let mut held = Vec::new();
        for _ in 0..60 {
            held.push(begin(&client, &origin, "/large").await);
        }
        let asked = timeout(LIMIT, ask(&client, &origin)).await;
        assert_eq!(asked.unwrap().unwrap(), "hello");
        // And what was left lying is all there.
        for answer in held {
            let mut answer = answer.into_body();
            let mut size = 0;
            while let Some(data) = timeout(LIMIT, answer.data()).await.unwrap().unwrap() {
                size += data.len();
            }
            assert_eq!(size, LARGE);
        }
    })
    .await;
    let mut opened = 0;
    while server.connections.try_recv().is_ok() {
        opened += 1;
    }
    assert_eq!(opened, 1);
}

fn unreachable(result: &Result<Bytes, Evidence>, wanted: UnreachableKind) {
    match result {
        Err(Evidence::Unreachable { kind }) if *kind == wanted => {}
        other => panic!("{other:?} is not {wanted:?}"),
    }
}

/// The client's connections are local tasks.
async fn local<T>(work: impl Future<Output = T>) -> T {
    tokio::task::LocalSet::new().run_until(work).await
}

#[tokio::test]
async fn the_version_is_agreed_and_connections_are_reused() {
    for (case, protocols, version, opened) in [
        (
            "both",
            &[b"h2".as_slice(), b"http/1.1"][..],
            Version::HTTP_2,
            1,
        ),
        ("http/2", &[b"h2".as_slice()][..], Version::HTTP_2, 1),
        (
            "http/1.1",
            &[b"http/1.1".as_slice()][..],
            Version::HTTP_11,
            1,
        ),
        ("none", &[][..], Version::HTTP_11, 1),
    ] {
        let mut server = server(protocols).await;
        let port = server.address.port();
        let client = client(server.roots.clone());
        let origin = origin(&Scheme::HTTPS, &format!("localhost:{port}"));
        local(async {
            for _ in 0..3 {
                assert_eq!(ask(&client, &origin).await.unwrap(), "hello", "{case}");
            }
        })
        .await;
        for _ in 0..3 {
            let (seen, host, authority, body) = server.saw.recv().await.unwrap();
            assert_eq!(seen, version, "{case}");
            assert_eq!(body, "one two three", "{case}");
            if version == Version::HTTP_2 {
                assert_eq!(authority, Some(format!("localhost:{port}")), "{case}");
            } else {
                assert_eq!(host.as_deref(), Some("localhost"), "{case}");
            }
        }
        let mut connections = 0;
        while server.connections.try_recv().is_ok() {
            connections += 1;
        }
        assert_eq!(connections, opened, "{case}");
    }
}

#[tokio::test]
async fn what_stands_in_the_way_is_told_apart() {
    let server = server(&[b"http/1.1"]).await;
    let port = server.address.port();
    let gone = TcpListener::bind("127.0.0.1:0")
        .await
        .unwrap()
        .local_addr()
        .unwrap();
    local(async {
        let trusting = client(server.roots.clone());
        let stranger = client(RootCertStore::empty());
        let https = |authority: &str| origin(&Scheme::HTTPS, authority);
        let named = https(&format!("localhost:{port}"));
        unreachable(&ask(&stranger, &named).await, UnreachableKind::Tls);
        let other_name = https(&format!("127.0.0.1:{port}"));
        unreachable(&ask(&trusting, &other_name).await, UnreachableKind::Tls);
        let nobody = origin(&Scheme::HTTP, &gone.to_string());
        unreachable(&ask(&trusting, &nobody).await, UnreachableKind::Connect);
        let no_name = https("no-such-host.invalid:443");
        unreachable(&ask(&trusting, &no_name).await, UnreachableKind::Dns);
        // Plain text to a TLS port: the answer is an alert, not HTTP.
        let plain = origin(&Scheme::HTTP, &server.address.to_string());
        assert!(ask(&trusting, &plain).await.is_err());
    })
    .await;
}
