//! Bodies: large ones, encoded ones, slow takers, and clients that go away.

use std::{sync::Arc, time::Duration};

use backstop::{clock::Clock, wire::encoding::Coding, wire::upstream::Tls};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    sync::Semaphore,
    time::{sleep, timeout},
};

use crate::support::{
    encoded::encoded,
    frames::Frame,
    gateway::{FALLBACK, PRIMARY, Plan, Site, header},
    provider::{Act, Identities, Provider, Transport},
    upstream::{DEADLINE, Script, Step, Upstream},
};

const PATH: &str = "/w/support-chat/v1/chat/completions";
const BODY: &str = r#"{"model":"m","messages":[]}"#;
const STREAM: &str = r#"{"model":"m","stream":true,"messages":[]}"#;
const OUTPUT: &str =
    "data: {\"id\":\"1\",\"choices\":[{\"index\":0,\"delta\":{\"content\":\"one\"}}]}\n\n";
const ROLE: &str = "data: {\"id\":\"1\",\"choices\":[{\"index\":0,\"delta\":{\"role\":\"assistant\",\"content\":\"\"}}]}\n\n";
const MEGABYTE: usize = 1024 * 1024;

/// A site whose primary is this provider.
async fn over(identities: &Identities, provider: &Provider, workers: usize) -> Site {
    asking(identities, provider.url(), workers).await
}

/// A site whose primary is at this address.
async fn asking(identities: &Identities, url: String, workers: usize) -> Site {
    let primary = Upstream::start(Script::json(200, PRIMARY)).await;
    let fallback = Upstream::start(Script::json(200, FALLBACK)).await;
    let plan = Plan {
        settings: Box::new(move |settings| {
            settings.workers = workers;
            settings.max_body = 32 * MEGABYTE;
        }),
        tls: Arc::new(Tls::with(identities.client())),
        ..Plan::default()
    };
    let site = Site::over(plan, primary, fallback).await;
    let mut catalog = (**site.catalog.borrow()).clone();
    catalog.routes.get_mut("premium").unwrap().base_url = url;
    "f2".clone_into(&mut catalog.fingerprint);
    site.catalog.send_replace(Arc::new(catalog));
    site.heartbeat(|beat| beat.fingerprint == "f2").await;
    site
}

async fn raw(site: &Site, body: &str) -> TcpStream {
    let mut client = TcpStream::connect(site.gateway.address()).await.unwrap();
    let request = format!(
        "POST {PATH} HTTP/1.1\r\nhost: h\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    );
    client.write_all(request.as_bytes()).await.unwrap();
    client
}

/// Reads until a text has come.
async fn read_until(client: &mut TcpStream, wanted: &str) {
    let mut got = Vec::new();
    let reading = async {
        while !got
            .windows(wanted.len())
            .any(|window| window == wanted.as_bytes())
        {
            assert_ne!(client.read_buf(&mut got).await.unwrap(), 0);
        }
    };
    timeout(DEADLINE, reading).await.expect("the text");
}

#[tokio::test]
async fn requests_may_come_encoded_within_the_same_limit() {
    let site = Site::start().await;
    let post = |name: &'static str, body: Vec<u8>| {
        let request = site.client.post(site.url(PATH)).body(body);
        request.header("content-encoding", name).send()
    };
    for (name, coding) in [
        ("gzip", Coding::Gzip),
        ("br", Coding::Brotli),
        ("zstd", Coding::Zstd),
    ] {
        let before = site.primary.count();
        let response = post(name, encoded(coding, BODY.as_bytes())).await.unwrap();
        assert_eq!(response.text().await.unwrap(), PRIMARY, "{name}");
        let seen = site.primary.seen().pop().unwrap();
        assert_eq!(seen.text(), BODY.replace("\"m\"", "\"model-1\""), "{name}");
        assert_eq!(seen.header("content-encoding"), None, "{name}");

        // A small body that becomes a large one.
        let bomb = encoded(coding, &vec![b' '; 64 * MEGABYTE]);
        assert!(bomb.len() < MEGABYTE);
        let response = post(name, bomb).await.unwrap();
        assert_eq!(response.status(), 413, "{name}");
        let error = Some("backstop_body_too_large");
        assert_eq!(header(&response, "x-backstop-error"), error, "{name}");

        let half = encoded(coding, BODY.as_bytes());
        let response = post(name, half[..half.len() / 2].to_vec()).await.unwrap();
        assert_eq!(response.status(), 400, "{name}");
        let error = Some("backstop_body_damaged");
        assert_eq!(header(&response, "x-backstop-error"), error, "{name}");
        assert_eq!(site.primary.count(), before + 1, "{name}");
    }
    let response = post("deflate", BODY.into()).await.unwrap();
    assert_eq!(response.status(), 415);
    let text = response.text().await.unwrap();
    assert!(text.contains("gzip, br, zstd"), "{text}");
}

#[tokio::test]
async fn twenty_megabytes_pass_in_both_directions_as_they_come() {
    let identities = Identities::new();
    let text = "x".repeat(20 * MEGABYTE);
    let ask = format!(
        r#"{{"model":"m","messages":[{{"role":"user","content":[{{"type":"image_url","image_url":{{"url":"data:image/png;base64,{text}"}}}}]}}]}}"#
    );
    let answer = PRIMARY.replace("from the primary", &text);
    let (first, rest) = answer.split_at(MEGABYTE);
    for (transport, encoding) in [
        (Transport::Plain, None),
        (Transport::Http2, None),
        (Transport::Plain, Some(Coding::Gzip)),
    ] {
        let gate = Arc::new(Semaphore::new(0));
        let mut script = Vec::new();
        match (transport, encoding) {
            (Transport::Http2, _) => {
                let head = Frame::head(200, &[("content-type", "application/json")]);
                script.push(Act::Frame(head));
                for (part, wait) in [(first, true), (rest, false)] {
                    for bytes in part.as_bytes().chunks(16 * 1024) {
                        script.push(Act::Frame(Frame::Data {
                            bytes: bytes.to_vec(),
                            end: false,
                        }));
                    }
                    if wait {
                        script.push(Act::Gate(Arc::clone(&gate)));
                    }
                }
                script.push(Act::Frame(Frame::Data {
                    bytes: Vec::new(),
                    end: true,
                }));
            }
            (_, encoding) => {
                let pieces = match encoding {
                    None => vec![first.as_bytes().to_vec(), rest.as_bytes().to_vec()],
                    Some(coding) => crate::support::encoded::encoded_pieces(coding, &[first, rest]),
                };
                let coding = if encoding.is_some() {
                    "content-encoding: gzip\r\n"
                } else {
                    ""
                };
                let length: usize = pieces.iter().map(Vec::len).sum();
                script.push(Act::Send(
                    format!("HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n{coding}content-length: {length}\r\n\r\n").into(),
                ));
                let mut pieces = pieces.into_iter();
                script.push(Act::Send(pieces.next().unwrap()));
                script.push(Act::Gate(Arc::clone(&gate)));
                script.push(Act::Send(pieces.next().unwrap()));
            }
        }
        let provider = Provider::start(&identities, transport, vec![script]).await;
        let site = over(&identities, &provider, 1).await;
        let mut response = site.ask(&ask).await;
        assert_eq!(header(&response, "x-backstop-route"), Some("premium"));
        // The first megabyte is here while the provider still waits at the gate.
        let mut got = Vec::new();
        while got.len() < first.len() {
            let piece = timeout(DEADLINE, response.chunk()).await.unwrap();
            got.extend_from_slice(&piece.unwrap().unwrap());
        }
        gate.add_permits(1);
        while let Some(piece) = timeout(DEADLINE, response.chunk()).await.unwrap().unwrap() {
            got.extend_from_slice(&piece);
        }
        assert!(got == answer.as_bytes(), "{transport:?} {encoding:?}");
        assert_eq!(provider.seen().requests.len(), 1);
        assert_eq!(
            provider.seen().body,
            ask.len() + "model-1".len() - 1,
            "{transport:?}"
        );
    }
}

/// How many bytes a provider could send when nobody takes them any more.
async fn settled(provider: &Provider) -> usize {
    let mut before = 0;
    let mut same = 0;
    let waiting = async {
        loop {
            sleep(Duration::from_millis(50)).await;
            let sent = provider.seen().sent;
            same = if sent == before { same + 1 } else { 0 };
            before = sent;
            if sent > 0 && same == 6 {
                return sent;
            }
        }
    };
    timeout(DEADLINE, waiting).await.expect("an end of sending")
}

#[tokio::test]
async fn a_slow_client_holds_up_its_own_upstream_and_no_memory() {
    let identities = Identities::new();
    let event = OUTPUT.replace("one", &"x".repeat(60_000)).into_bytes();
    let script = vec![
        Act::Send(b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\n".to_vec()),
        Act::Endless(event),
    ];
    let provider = Provider::start(&identities, Transport::Plain, vec![script]).await;
    let site = over(&identities, &provider, 1).await;
    let mut client = raw(&site, STREAM).await;
    read_until(&mut client, "\"delta\"").await;
    // Nothing more is taken: what is on its way is what the sockets hold, and a piece or two.
    let sent = settled(&provider).await;
    println!("a client that takes nothing holds {sent} bytes, in sockets and gateway");
    assert!(sent < 32 * MEGABYTE, "{sent}");
    // Others are served meanwhile, and the slow one goes on.
    let health = site.get("/healthz").await;
    assert_eq!(health.status(), 200);
    let mut buffer = vec![0; MEGABYTE];
    let mut taken = 0;
    while taken < 2 * sent {
        taken += timeout(DEADLINE, client.read(&mut buffer))
            .await
            .unwrap()
            .unwrap();
    }
    assert!(provider.seen().sent > sent);
}

/// When the client goes.
#[derive(Clone, Copy, Debug)]
enum Moment {
    BeforeHead,
    BeforeOutput,
    MidStream,
    MidBody,
}

#[tokio::test]
async fn a_client_that_goes_cancels_its_upstream_at_once() {
    let identities = Identities::new();
    let mut slowest = Duration::ZERO;
    for transport in [Transport::Plain, Transport::Http2] {
        for moment in [
            Moment::BeforeHead,
            Moment::BeforeOutput,
            Moment::MidStream,
            Moment::MidBody,
        ] {
            let (kind, body) = match moment {
                Moment::BeforeHead => ("text/event-stream", String::new()),
                Moment::BeforeOutput => ("text/event-stream", ROLE.to_owned()),
                Moment::MidStream => ("text/event-stream", ROLE.to_owned() + OUTPUT),
                Moment::MidBody => {
                    let answer = PRIMARY.replace("from the primary", &"x".repeat(MEGABYTE));
                    (
                        "application/json",
                        answer.split_at(MEGABYTE / 2).0.to_owned(),
                    )
                }
            };
            let mut script = Vec::new();
            if !body.is_empty() {
                if transport == Transport::Http2 {
                    script.push(Act::Frame(Frame::head(200, &[("content-type", kind)])));
                    for bytes in body.as_bytes().chunks(16 * 1024) {
                        script.push(Act::Frame(Frame::Data {
                            bytes: bytes.to_vec(),
                            end: false,
                        }));
                    }
                } else {
                    let head = format!("HTTP/1.1 200 OK\r\ncontent-type: {kind}\r\n\r\n");
                    script.push(Act::Send((head + &body).into()));
                }
            }
            script.push(Act::Hang);
            let provider = Provider::start(&identities, transport, vec![script]).await;
            let site = over(&identities, &provider, 1).await;
            let streamed = !matches!(moment, Moment::MidBody);
            let mut client = raw(&site, if streamed { STREAM } else { BODY }).await;
            provider.until(|seen| seen.requests.len() == 1).await;
            match moment {
                Moment::BeforeHead | Moment::BeforeOutput => {}
                Moment::MidStream => read_until(&mut client, "\"one\"").await,
                Moment::MidBody => read_until(&mut client, "\"choices\"").await,
            }
            let gone = Clock::instant();
            drop(client);
            let seen = provider.until(|seen| seen.given_up.len() == 1).await;
            let took = seen.given_up[0].saturating_duration_since(gone);
            println!("{transport:?} {moment:?}: cancelled after {took:?}");
            slowest = slowest.max(took);
            // HTTP/2: only the stream is reset, the connection stays for others.
            assert_eq!(seen.connections, 1);
            assert_eq!(site.fallback.count(), 0, "{moment:?}");
        }
    }
    println!("the slowest: {slowest:?}; the aim is 100 ms");
    assert!(slowest < Duration::from_secs(5), "{slowest:?}");
}

#[tokio::test]
async fn an_answer_that_comes_before_the_request_is_read_is_an_answer() {
    // A provider that refuses a large request does so at its head; what still comes it throws away.
    let identities = Identities::new();
    let body = r#"{"error":{"message":"too large","type":"invalid_request_error"}}"#;
    let answer = format!(
        "HTTP/1.1 413 Too Large\r\ncontent-type: application/json\r\nconnection: close\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    );
    let script = vec![Act::Send(answer.into()), Act::Hang];
    let provider = Provider::start(&identities, Transport::Hasty, vec![script]).await;
    let site = over(&identities, &provider, 1).await;
    let ask = BODY.replace("[]", &format!("[\"{}\"]", "x".repeat(20 * MEGABYTE)));
    let response = site.ask(&ask).await;
    assert_eq!(response.status(), 413);
    assert_eq!(response.text().await.unwrap(), body);
    assert_eq!(site.fallback.count(), 0);
}

#[tokio::test]
async fn a_refusal_by_the_head_of_a_request_is_read_although_the_body_was_refused() {
    // Answers at the head and closes with the body unread: the kernel resets what is still being written. None of
    // these may ever cause a fallback, and as a reset each would.
    for status in [400, 401, 413] {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let refusing = tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                let mut head = [0; 1024];
                let _ = stream.read(&mut head).await;
                let body = r#"{"error":{"message":"no","type":"invalid_request_error"}}"#;
                let answer = format!(
                    "HTTP/1.1 {status} No\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
                    body.len()
                );
                let _ = stream.write_all(answer.as_bytes()).await;
            }
        });
        let site = asking(&Identities::new(), format!("http://{address}"), 1).await;
        let ask = BODY.replace("[]", &format!("[\"{}\"]", "x".repeat(3 * MEGABYTE)));
        for round in 0..5 {
            let response = site.ask(&ask).await;
            assert_eq!(response.status(), status, "round {round}");
        }
        assert_eq!(site.fallback.count(), 0, "{status}");
        refusing.abort();
    }
}

#[tokio::test]
async fn a_client_that_goes_while_it_waits_for_a_second_attempt_cancels_that_one() {
    let site = Site::start().await;
    site.primary.set(Script::new().step(Step::Reset));
    site.fallback.set(Script::new().step(Step::Hang));
    let client = raw(&site, BODY).await;
    site.fallback.asked(1).await;
    drop(client);
    site.fallback.cancelled(1).await;
    assert_eq!(site.event().await.event.attempts.len(), 1);
}
