//! The listener: TLS and HTTP/2, limits of time and number, and every shape of a request that two servers
//! could read in two ways.

use std::{fs, path::Path, sync::Arc, time::Duration};

use backstop::model::{GatewaySettings, TlsFiles};
use futures_util::future::join_all;
use rcgen::{CertifiedKey, generate_simple_self_signed};
use rustls::{
    ClientConfig, RootCertStore,
    pki_types::{CertificateDer, pem::PemObject as _},
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    sync::Semaphore,
    time::timeout,
};
use tokio_rustls::{TlsConnector, client::TlsStream};

use crate::support::{
    gateway::{PRIMARY, Plan, Site},
    upstream::{DEADLINE, LIMIT, Script, Step},
};

const PATH: &str = "/w/support-chat/v1/chat/completions";
const BODY: &str = r#"{"model":"m","messages":[]}"#;

pub(crate) async fn site(settings: impl Fn(&mut GatewaySettings) + 'static) -> Site {
    Site::with(Plan {
        settings: Box::new(settings),
        ..Plan::default()
    })
    .await
}

pub(crate) async fn connect(site: &Site) -> TcpStream {
    TcpStream::connect(site.gateway.address()).await.unwrap()
}

/// Reads until the gateway closes.
pub(crate) async fn rest(client: &mut TcpStream) -> String {
    let mut answer = Vec::new();
    let read = async { while matches!(client.read_buf(&mut answer).await, Ok(1..)) {} };
    timeout(DEADLINE, read).await.expect("the gateway closes");
    String::from_utf8_lossy(&answer).into_owned()
}

/// A certificate for `localhost`, written to a directory; answers its PEM.
pub(crate) fn certificate(directory: &Path) -> String {
    let CertifiedKey { cert, signing_key } =
        generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    fs::write(directory.join("key.pem"), signing_key.serialize_pem()).unwrap();
    fs::write(directory.join("certificate.pem"), cert.pem()).unwrap();
    cert.pem()
}

pub(crate) fn files(directory: &Path) -> TlsFiles {
    TlsFiles {
        certificate: directory.join("certificate.pem"),
        key: directory.join("key.pem"),
    }
}

/// A client that trusts one certificate only, with a new connection for each request.
pub(crate) fn trusting(site: &Site, pem: &str) -> reqwest::Client {
    reqwest::Client::builder()
        .no_proxy()
        .tls_certs_only([reqwest::Certificate::from_pem(pem.as_bytes()).unwrap()])
        .resolve("localhost", site.gateway.address())
        .pool_max_idle_per_host(0)
        .build()
        .unwrap()
}

pub(crate) fn https(site: &Site, path: &str) -> String {
    format!("https://localhost:{}{path}", site.gateway.address().port())
}

#[tokio::test]
async fn tls_serves_both_versions_and_takes_a_new_certificate_without_a_restart() {
    let directory = tempfile::tempdir().unwrap();
    let first = certificate(directory.path());
    let tls = files(directory.path());
    let site = site(move |settings| settings.tls = Some(tls.clone())).await;
    let client = trusting(&site, &first);
    let response = client
        .post(https(&site, PATH))
        .body(BODY)
        .send()
        .await
        .unwrap();
    assert_eq!(response.version(), reqwest::Version::HTTP_2);
    assert_eq!(response.text().await.unwrap(), PRIMARY);
    let old = reqwest::Client::builder()
        .no_proxy()
        .http1_only()
        .tls_certs_only([reqwest::Certificate::from_pem(first.as_bytes()).unwrap()])
        .resolve("localhost", site.gateway.address())
        .build()
        .unwrap();
    let response = old
        .post(https(&site, PATH))
        .body(BODY)
        .send()
        .await
        .unwrap();
    assert_eq!(response.version(), reqwest::Version::HTTP_11);
    assert_eq!(response.text().await.unwrap(), PRIMARY);
    // Errors before the body is read are whole answers here, too.
    let large = "x".repeat(3 << 20);
    let response = client
        .post(https(&site, PATH))
        .body(large)
        .send()
        .await
        .unwrap();
    assert_eq!(response.status(), 413);

    let ready = async |client: &reqwest::Client| {
        let response = client.get(https(&site, "/readyz")).send().await.ok()?;
        response.text().await.ok()
    };
    fs::write(
        directory.path().join("certificate.pem"),
        "not a certificate",
    )
    .unwrap();
    let told = async {
        loop {
            let page = ready(&client).await.expect("the old certificate stays");
            if page.contains("certificate: the files are refused") {
                break;
            }
        }
    };
    timeout(DEADLINE, told).await.unwrap();

    let second = certificate(directory.path());
    let renewed = trusting(&site, &second);
    let taken = async { while ready(&renewed).await.is_none() {} };
    timeout(DEADLINE, taken).await.unwrap();
    let stranger = trusting(&site, &first);
    assert!(ready(&stranger).await.is_none(), "the old one is gone");
    assert!(
        ready(&renewed)
            .await
            .unwrap()
            .contains("certificate: in force")
    );
    assert_eq!(site.primary.count(), 2);
}

#[tokio::test]
async fn more_connections_than_allowed_are_refused_at_once() {
    let site = site(|settings| settings.max_connections = 2).await;
    let held = [connect(&site).await, connect(&site).await];
    let mut third = connect(&site).await;
    let answer = rest(&mut third).await;
    assert!(answer.starts_with("HTTP/1.1 503"), "{answer}");
    assert!(answer.contains("backstop_too_many_connections"), "{answer}");
    drop(held);
    // Their places are free again.
    let served = async {
        loop {
            let answered = site.client.get(site.url("/healthz")).send().await;
            if answered.is_ok_and(|response| response.status() == 200) {
                break;
            }
        }
    };
    timeout(DEADLINE, served).await.unwrap();
}

#[tokio::test]
async fn who_is_too_slow_is_given_up() {
    let site = site(|settings| {
        settings.idle = LIMIT;
        settings.pause = LIMIT;
    })
    .await;
    let cases = [
        ("nothing", String::new(), ""),
        (
            "half a head",
            format!("POST {PATH} HTTP/1.1\r\nhost: h\r\nx-slow: "),
            "",
        ),
        (
            "half a body",
            format!("POST {PATH} HTTP/1.1\r\nhost: h\r\ncontent-length: 100\r\n\r\n{{"),
            "HTTP/1.1 408",
        ),
        (
            "half a chunk",
            format!("POST {PATH} HTTP/1.1\r\nhost: h\r\ntransfer-encoding: chunked\r\n\r\n5\r\n{{"),
            "HTTP/1.1 408",
        ),
    ];
    let given_up = cases.map(async |(case, sent, status)| {
        let mut client = connect(&site).await;
        client.write_all(sent.as_bytes()).await.unwrap();
        let answer = rest(&mut client).await;
        assert!(answer.starts_with(status), "{case}: {answer}");
    });
    join_all(given_up).await;
    // A byte now and then does not help either.
    let mut client = connect(&site).await;
    let head = format!("POST {PATH} HTTP/1.1\r\nhost: h\r\ncontent-length: 100000\r\n\r\n");
    client.write_all(head.as_bytes()).await.unwrap();
    let (mut reader, mut writer) = client.into_split();
    let dripping = async {
        while writer.write_all(b" ").await.is_ok() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    let mut answer = Vec::new();
    let reading = async { while matches!(reader.read_buf(&mut answer).await, Ok(1..)) {} };
    let both = async {
        tokio::select! { () = dripping => {}, () = reading => {} }
    };
    timeout(DEADLINE, both).await.expect("the gateway gives up");
    assert_eq!(site.primary.count(), 0);
}

/// A TLS connection that may speak HTTP/2, and has not said a word.
pub(crate) async fn silent(site: &Site, pem: &str) -> TlsStream<TcpStream> {
    let mut roots = RootCertStore::empty();
    roots
        .add(CertificateDer::from_pem_slice(pem.as_bytes()).unwrap())
        .unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = vec![b"h2".to_vec()];
    let name = "localhost".try_into().unwrap();
    TlsConnector::from(Arc::new(config))
        .connect(name, connect(site).await)
        .await
        .unwrap()
}

#[tokio::test]
async fn http2_connections_without_a_request_give_their_place_back() {
    const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
    const SETTINGS: &[u8] = b"\0\0\0\x04\0\0\0\0\0";
    // The head of a request that does not end.
    const HALF: &[u8] = b"\0\0\x01\x01\0\0\0\0\x01\x83";
    let directory = tempfile::tempdir().unwrap();
    let pem = certificate(directory.path());
    let tls = files(directory.path());
    let site = site(move |settings| {
        settings.tls = Some(tls.clone());
        settings.idle = LIMIT;
    })
    .await;
    // One with a request stays, however long that takes.
    let gate = Arc::new(Semaphore::new(0));
    let waiting = Script::new().step(Step::Gate(Arc::clone(&gate)));
    let Some(Step::Send(answer)) = Script::json(200, PRIMARY).into_steps().pop() else {
        panic!("an answer is sent");
    };
    site.primary.set(waiting.send(answer));
    let asking = trusting(&site, &pem).post(https(&site, PATH)).body(BODY);
    let asking = tokio::spawn(asking.send());
    site.primary.asked(1).await;
    let cases = [
        ("nothing", vec![]),
        ("half a preface", PREFACE[..7].to_vec()),
        ("a preface", PREFACE.to_vec()),
        ("settings", [PREFACE, SETTINGS].concat()),
        ("half a head", [PREFACE, SETTINGS, HALF].concat()),
    ];
    let closed = cases.map(async |(case, sent)| {
        let mut client = silent(&site, &pem).await;
        client.write_all(&sent).await.unwrap();
        let mut answer = Vec::new();
        let read = async { while matches!(client.read_buf(&mut answer).await, Ok(1..)) {} };
        let closed = timeout(DEADLINE, read).await;
        assert!(closed.is_ok(), "{case}: the gateway closes");
    });
    join_all(closed).await;
    gate.add_permits(1);
    let response = asking.await.unwrap().unwrap();
    assert_eq!(response.version(), reqwest::Version::HTTP_2);
    assert_eq!(response.text().await.unwrap(), PRIMARY);
}

#[tokio::test]
async fn a_body_over_the_limit_is_told_and_the_connection_ends() {
    let site = site(|settings| settings.max_body = 1000).await;
    let large = "x".repeat(2_000_000);
    for (case, head, body) in [
        ("announced", "content-length: 2000000", large.as_str()),
        (
            "announced, waiting to be asked",
            "content-length: 2000000\r\nexpect: 100-continue",
            "",
        ),
        (
            "in chunks",
            "transfer-encoding: chunked",
            &format!("1e8480\r\n{large}\r\n0\r\n\r\n"),
        ),
    ] {
        let mut client = connect(&site).await;
        let head = format!("POST {PATH} HTTP/1.1\r\nhost: h\r\n{head}\r\n\r\n");
        client.write_all(head.as_bytes()).await.unwrap();
        // All of it is taken, so that the client comes to read its answer.
        client.write_all(body.as_bytes()).await.unwrap();
        let answer = rest(&mut client).await;
        assert!(answer.starts_with("HTTP/1.1 413"), "{case}: {answer}");
        assert!(
            answer.contains("\"source\":\"backstop\""),
            "{case}: {answer}"
        );
        assert!(answer.contains("connection: close"), "{case}: {answer}");
    }
    assert_eq!(site.primary.count(), 0);
}

/// What two servers could read in two ways.
struct Shape {
    name: &'static str,
    /// `LENGTH` and `BODY` stand for a good request's.
    bytes: &'static str,
    /// The statuses of all answers on the connection.
    answers: &'static [&'static str],
    /// How many requests the upstream sees.
    upstream: usize,
}

const SMUGGLED: &str = "GET /healthz HTTP/1.1\r\nhost: h\r\nconnection: close\r\n\r\n";

const SHAPES: &[Shape] = &[
    Shape {
        name: "a length and chunks: chunks count, and nothing after them is read",
        bytes: "content-length: 4\r\ntransfer-encoding: chunked\r\n\r\n1b\r\nBODY\r\n0\r\n\r\nNEXT",
        answers: &["200"],
        upstream: 1,
    },
    Shape {
        name: "chunks and a length, the other way round",
        bytes: "transfer-encoding: chunked\r\ncontent-length: 4\r\n\r\n1b\r\nBODY\r\n0\r\n\r\nNEXT",
        answers: &["200"],
        upstream: 1,
    },
    Shape {
        name: "two lengths that differ",
        bytes: "content-length: LENGTH\r\ncontent-length: 3\r\n\r\nBODYNEXT",
        answers: &["400"],
        upstream: 0,
    },
    Shape {
        name: "two lengths in one field",
        bytes: "content-length: LENGTH, LENGTH\r\n\r\nBODYNEXT",
        answers: &["400"],
        upstream: 0,
    },
    Shape {
        name: "a length with a sign",
        bytes: "content-length: +LENGTH\r\n\r\nBODYNEXT",
        answers: &["400"],
        upstream: 0,
    },
    Shape {
        name: "a length in hexadecimal",
        bytes: "content-length: 0x1b\r\n\r\nBODYNEXT",
        answers: &["400"],
        upstream: 0,
    },
    Shape {
        name: "a space before the colon",
        bytes: "content-length : LENGTH\r\n\r\nBODYNEXT",
        answers: &["400"],
        upstream: 0,
    },
    Shape {
        name: "a space before the colon of the coding",
        bytes: "content-length: LENGTH\r\ntransfer-encoding : chunked\r\n\r\nBODYNEXT",
        answers: &["400"],
        upstream: 0,
    },
    Shape {
        name: "a folded line",
        bytes: "x-folded: a\r\n b\r\ncontent-length: LENGTH\r\n\r\nBODYNEXT",
        answers: &["400"],
        upstream: 0,
    },
    Shape {
        name: "a coding that is nearly chunked",
        bytes: "transfer-encoding: xchunked\r\n\r\n1b\r\nBODY\r\n0\r\n\r\nNEXT",
        answers: &["400"],
        upstream: 0,
    },
    Shape {
        name: "chunked is not the last coding",
        bytes: "transfer-encoding: chunked, identity\r\n\r\n1b\r\nBODY\r\n0\r\n\r\nNEXT",
        answers: &["400"],
        upstream: 0,
    },
    Shape {
        name: "a control character around the coding",
        bytes: "transfer-encoding: \u{b}chunked\r\n\r\n1b\r\nBODY\r\n0\r\n\r\nNEXT",
        answers: &["400"],
        upstream: 0,
    },
    Shape {
        name: "a bare line feed in a chunk's size",
        bytes: "transfer-encoding: chunked\r\n\r\n1b\nBODY\r\n0\r\n\r\nNEXT",
        answers: &["400"],
        upstream: 0,
    },
    Shape {
        name: "a chunk size that overflows",
        bytes: "transfer-encoding: chunked\r\n\r\n1000000000000001b\r\nBODY\r\n0\r\n\r\nNEXT",
        answers: &["400"],
        upstream: 0,
    },
    Shape {
        name: "a chunk longer than it says",
        bytes: "transfer-encoding: chunked\r\n\r\n1a\r\nBODY\r\n0\r\n\r\nNEXT",
        answers: &["400"],
        upstream: 0,
    },
    Shape {
        name: "a chunk extension is skipped",
        bytes: "transfer-encoding: chunked\r\n\r\n1b;x=y\r\nBODY\r\n0\r\n\r\nNEXT",
        answers: &["200", "200"],
        upstream: 1,
    },
    Shape {
        name: "a good request and its next",
        bytes: "content-length: LENGTH\r\n\r\nBODYNEXT",
        answers: &["200", "200"],
        upstream: 1,
    },
    Shape {
        name: "no length: there is no body, and what follows is no request",
        bytes: "\r\nBODYNEXT",
        answers: &["400", "400"],
        upstream: 0,
    },
];

#[tokio::test]
async fn every_ambiguous_request_is_read_in_one_way_or_not_at_all() {
    let site = Site::start().await;
    let mut wrong = Vec::new();
    for shape in SHAPES {
        let before = site.primary.count();
        let bytes = shape
            .bytes
            .replace("LENGTH", &BODY.len().to_string())
            .replace("BODY", BODY)
            .replace("NEXT", SMUGGLED);
        let mut client = connect(&site).await;
        let request = format!("POST {PATH} HTTP/1.1\r\nhost: h\r\n{bytes}");
        client.write_all(request.as_bytes()).await.unwrap();
        let answer = rest(&mut client).await;
        let answers: Vec<&str> = answer
            .match_indices("HTTP/1.1 ")
            .filter_map(|(place, found)| answer.get(place + found.len()..)?.get(..3))
            .collect();
        let upstream = site.primary.count() - before;
        if answers != shape.answers || upstream != shape.upstream {
            wrong.push(format!("{}: {answers:?}, {upstream} upstream", shape.name));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[tokio::test]
async fn request_lines_of_every_form_have_one_meaning() {
    let site = Site::start().await;
    let length = BODY.len();
    for (case, line, status, upstream) in [
        (
            "absolute form",
            format!("POST http://localhost{PATH} HTTP/1.1"),
            "200",
            1,
        ),
        (
            "absolute form, meant for another",
            format!("POST http://elsewhere.example{PATH} HTTP/1.1"),
            "403",
            0,
        ),
        (
            "connect",
            "CONNECT elsewhere.example:443 HTTP/1.1".to_owned(),
            "404",
            0,
        ),
        (
            "options of everything",
            "OPTIONS * HTTP/1.1".to_owned(),
            "404",
            0,
        ),
        ("options", format!("OPTIONS {PATH} HTTP/1.1"), "405", 0),
        ("head", format!("HEAD {PATH} HTTP/1.1"), "405", 0),
        (
            "an unknown method",
            format!("BREW {PATH} HTTP/1.1"),
            "405",
            0,
        ),
        (
            "a space in the path",
            "POST /w/support chat/v1 HTTP/1.1".to_owned(),
            "400",
            0,
        ),
        ("another version", format!("POST {PATH} HTTP/3.0"), "400", 0),
        ("no version", format!("POST {PATH}"), "400", 0),
    ] {
        let before = site.primary.count();
        let mut client = connect(&site).await;
        let request = format!(
            "{line}\r\nhost: h\r\nconnection: close\r\ncontent-length: {length}\r\n\r\n{BODY}"
        );
        client.write_all(request.as_bytes()).await.unwrap();
        let answer = rest(&mut client).await;
        assert!(
            answer.starts_with(&format!("HTTP/1.1 {status}")),
            "{case}: {answer}"
        );
        assert_eq!(site.primary.count() - before, upstream, "{case}");
    }
}
