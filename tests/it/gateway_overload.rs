//! More than the gateway can carry: who is let in is served as ever, everybody else is told at once, and nothing of
//! it is lost or kept for ever.

use std::sync::Arc;

use backstop::{
    model::{Change, GatewaySettings, Mode, OutcomeKind, OverrideKey},
    store::EventQuery,
    wire::encoding::Coding,
};
use bytes::Bytes;
use futures_util::future::{join, join_all};
use http::Request;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    sync::Semaphore,
    time::timeout,
};

use crate::{
    gateway_listener::{certificate, connect, files, https, rest, silent, site, trusting},
    support::{
        encoded::encoded,
        gateway::{FALLBACK, OVERLOADED, PRIMARY, Plan, Site, header},
        upstream::{DEADLINE, LIMIT, Script, Step},
    },
};

const PATH: &str = "/w/support-chat/v1/chat/completions";
const BODY: &str = r#"{"model":"m","messages":[]}"#;

/// An answer that waits until the test lets it go.
fn gated() -> (Arc<Semaphore>, Script) {
    let gate = Arc::new(Semaphore::new(0));
    let waiting = Script::new().step(Step::Gate(Arc::clone(&gate)));
    let Some(Step::Send(answer)) = Script::json(200, PRIMARY).into_steps().pop() else {
        panic!("an answer is sent");
    };
    (gate, waiting.send(answer))
}

/// A request body of so many bytes.
fn body(length: usize) -> String {
    let (before, after) = (r#"{"model":"m","messages":[],"x":""#, r#""}"#);
    let filling = length - before.len() - after.len();
    format!("{before}{}{after}", "x".repeat(filling))
}

/// A number of the metrics page.
async fn metric(site: &Site, line: &str) -> u64 {
    let page = site.get("/metrics").await.text().await.unwrap();
    let found = page.lines().find_map(|row| row.strip_prefix(line));
    let value = found.unwrap_or_else(|| panic!("no {line} in {page}"));
    value.trim().parse().unwrap()
}

/// Waits for a number of the metrics page.
async fn until(site: &Site, line: &str, wanted: u64) {
    let there = async { while metric(site, line).await != wanted {} };
    timeout(DEADLINE, there)
        .await
        .unwrap_or_else(|_| panic!("{line} is never {wanted}"));
}

/// What is told to who finds no room.
async fn turned_away(response: reqwest::Response, case: &str) {
    assert_eq!(response.status(), 503, "{case}");
    assert_eq!(
        header(&response, "x-backstop-error"),
        Some("backstop_overloaded"),
        "{case}"
    );
    assert_eq!(header(&response, "retry-after"), Some("1"), "{case}");
    let text = response.text().await.unwrap();
    assert!(text.contains(r#""source":"backstop""#), "{case}: {text}");
}

#[tokio::test]
async fn one_more_than_there_are_places_is_told_at_once() {
    let site = site(|settings| settings.max_requests = 2).await;
    let (gate, waiting) = gated();
    site.primary.set(waiting);
    let inside = join(site.ask(BODY), site.ask(BODY));
    let outside = async {
        site.primary.asked(2).await;
        for path in [
            PATH,
            "/v1/chat/completions",
            "/w/nobody/v1/chat/completions",
        ] {
            turned_away(site.post(path, BODY).await, path).await;
        }
        let stored = site.get("/w/support-chat/v1/responses/resp_1").await;
        turned_away(stored, "a stored response").await;
        // Who looks after the gateway gets in all the same.
        for path in ["/healthz", "/readyz", "/v1/models"] {
            assert_eq!(site.get(path).await.status(), 200, "{path}");
        }
        assert_eq!(metric(&site, "backstop_requests_running ").await, 2);
        let refused = r#"backstop_refused_requests_total{reason="requests"} "#;
        assert_eq!(metric(&site, refused).await, 4);
        gate.add_permits(2);
    };
    let ((first, second), ()) = join(inside, outside).await;
    for response in [first, second] {
        assert_eq!(response.text().await.unwrap(), PRIMARY);
    }
    assert_eq!(site.primary.count(), 2);
    site.primary.set(Script::json(200, PRIMARY));
    assert_eq!(site.ask(BODY).await.status(), 200);
    assert_eq!(metric(&site, "backstop_requests_running ").await, 0);
}

#[tokio::test]
async fn a_place_is_free_again_however_its_request_ends() {
    let site = site(|settings| settings.max_requests = 1).await;
    let endings: [(&str, Script, &str); 4] = [
        ("an answer", Script::json(200, PRIMARY), BODY),
        ("an error", Script::json(400, OVERLOADED), BODY),
        (
            "a broken stream",
            Script::stream().chunk("data: {").step(Step::Reset),
            r#"{"model":"m","stream":true,"messages":[]}"#,
        ),
        ("no JSON", Script::json(200, PRIMARY), "{"),
    ];
    for (case, script, body) in endings {
        site.primary.set(script);
        let response = site.ask(body).await;
        let _ = response.bytes().await;
        let free = async { while metric(&site, "backstop_requests_running ").await > 0 {} };
        timeout(DEADLINE, free)
            .await
            .unwrap_or_else(|_| panic!("{case}"));
    }
    // And when the client goes.
    let asked = site.primary.count();
    site.primary.set(Script::new().step(Step::Hang));
    let mut client = connect(&site).await;
    let head = format!(
        "POST {PATH} HTTP/1.1\r\nhost: h\r\ncontent-length: {}",
        BODY.len()
    );
    client
        .write_all(format!("{head}\r\n\r\n{BODY}").as_bytes())
        .await
        .unwrap();
    site.primary.asked(asked + 1).await;
    drop(client);
    until(&site, "backstop_requests_running ", 0).await;
}

/// Sends the head of a request and a part of its body.
async fn begin(site: &Site, head: &str, part: &str) -> TcpStream {
    let mut client = connect(site).await;
    let bytes = format!("POST {PATH} HTTP/1.1\r\nhost: h\r\n{head}\r\n\r\n{part}");
    client.write_all(bytes.as_bytes()).await.unwrap();
    client
}

#[tokio::test]
async fn bodies_share_their_memory_and_what_finds_none_is_not_read() {
    let site = site(|settings| settings.max_body_memory = 1000).await;
    let (gate, waiting) = gated();
    site.primary.set(waiting);
    let (large, small) = (body(700), body(200));
    let held = join(site.ask(&large), site.ask(&small));
    let others = async {
        site.primary.asked(2).await;
        assert_eq!(metric(&site, "backstop_body_bytes ").await, 900);
        for (case, head, part) in [
            ("announced", "content-length: 700", ""),
            (
                "waiting to be asked",
                "content-length: 700\r\nexpect: 100-continue",
                "",
            ),
            (
                "in chunks",
                "transfer-encoding: chunked",
                &*format!("2bc\r\n{large}\r\n"),
            ),
        ] {
            let mut client = begin(&site, head, part).await;
            let _ = client.shutdown().await;
            let answer = rest(&mut client).await;
            assert!(answer.starts_with("HTTP/1.1 503"), "{case}: {answer}");
            assert!(answer.contains("backstop_overloaded"), "{case}: {answer}");
            assert!(answer.contains("retry-after: 1"), "{case}: {answer}");
        }
        let refused = r#"backstop_refused_requests_total{reason="body-memory"} "#;
        assert_eq!(metric(&site, refused).await, 3);
        assert_eq!(metric(&site, "backstop_body_bytes ").await, 900);
        gate.add_permits(2);
    };
    let ((first, second), ()) = join(held, others).await;
    assert!(first.status() == 200 && second.status() == 200);
    assert_eq!(site.primary.count(), 2);
    until(&site, "backstop_body_bytes ", 0).await;
    site.primary.set(Script::json(200, PRIMARY));
    assert_eq!(site.ask(&body(1000)).await.status(), 200);
}

#[tokio::test]
async fn who_promises_much_and_sends_little_takes_no_memory_from_the_others() {
    let site = site(|settings| settings.max_body_memory = 1000).await;
    let mut slow = Vec::new();
    for _ in 0..8 {
        slow.push(begin(&site, "content-length: 900", "{").await);
    }
    until(&site, "backstop_body_bytes ", 8).await;
    assert_eq!(site.ask(&body(900)).await.status(), 200);
    drop(slow);
    until(&site, "backstop_body_bytes ", 0).await;
    assert_eq!(site.ask(&body(1000)).await.status(), 200);
}

#[tokio::test]
async fn what_comes_encoded_counts_as_it_is_when_it_is_read() {
    let site = site(|settings| settings.max_body_memory = 1000).await;
    let large = encoded(Coding::Gzip, body(5000).as_bytes());
    assert!(large.len() < 500);
    let ask = site
        .client
        .post(site.url(PATH))
        .header("content-encoding", "gzip")
        .body(large);
    turned_away(ask.send().await.unwrap(), "a small one that becomes large").await;
    assert_eq!(metric(&site, "backstop_body_bytes ").await, 0);
    assert_eq!(site.primary.count(), 0);
}

#[tokio::test]
async fn a_storm_of_failures_loses_no_event_and_no_answer() {
    const CLIENTS: usize = 40;
    const EACH: usize = 25;
    let directory = tempfile::tempdir().unwrap();
    let site = Site::with(Plan {
        store: Some(format!("sqlite:{}", directory.path().display())),
        // It would spare the primary the storm.
        primary: Box::new(|route| route.circuit = false),
        ..Plan::default()
    })
    .await;
    site.primary.set(Script::json(503, OVERLOADED));
    let clients = (0..CLIENTS).map(|_| async {
        let mut events = Vec::new();
        for _ in 0..EACH {
            let response = site.ask(BODY).await;
            assert_eq!(response.status(), 200);
            events.push(header(&response, "x-backstop-event").unwrap().to_owned());
            assert_eq!(response.text().await.unwrap(), FALLBACK);
        }
        events
    });
    // An operator is heard in the middle of it.
    let operator = async {
        site.primary.asked(CLIENTS).await;
        let key = OverrideKey::mode("support-chat".into());
        site.switch(key.clone(), Some(Change::Mode(Mode::Force)))
            .await;
        site.switch(key, None).await
    };
    let (told, _) = join(join_all(clients), operator).await;
    let mut told: Vec<String> = told.concat();
    told.sort();
    let query = EventQuery {
        limit: 2 * CLIENTS * EACH,
        ..EventQuery::default()
    };
    let kept = async {
        loop {
            let events = site.store.events(query.clone()).await.unwrap();
            if events.iter().all(|event| event.outcome.is_some()) && events.len() == told.len() {
                return events;
            }
        }
    };
    let kept = timeout(DEADLINE, kept).await.expect("every event, ended");
    let mut known: Vec<String> = kept.iter().map(|one| one.event.id.to_string()).collect();
    known.sort();
    assert_eq!(known, told);
    for stored in &kept {
        let outcome = stored.outcome.as_ref().unwrap();
        assert_eq!(outcome.kind, OutcomeKind::Completed, "{stored:?}");
    }
}

/// A site that speaks HTTP/2, and its certificate.
async fn second(
    directory: &std::path::Path,
    settings: impl Fn(&mut GatewaySettings) + 'static,
) -> (Site, String) {
    let pem = certificate(directory);
    let tls = files(directory);
    let site = site(move |all| {
        all.tls = Some(tls.clone());
        settings(all);
    })
    .await;
    (site, pem)
}

#[tokio::test]
async fn an_http2_client_that_takes_nothing_keeps_no_route_busy() {
    let directory = tempfile::tempdir().unwrap();
    let (site, pem) = second(directory.path(), |settings| {
        settings.pause = LIMIT;
    })
    .await;
    site.primary.set(
        Script::stream()
            .chunk("data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"x\"}}]}\n\n")
            .step(Step::Hang),
    );
    let (mut client, connection) = h2::client::Builder::new()
        .initial_window_size(0)
        .handshake::<_, Bytes>(silent(&site, &pem).await)
        .await
        .unwrap();
    // It answers pings, and opens no window.
    let connection = tokio::spawn(connection);
    let request = Request::post(https(&site, PATH)).body(()).unwrap();
    let (response, mut sender) = client.send_request(request, false).unwrap();
    let ask = r#"{"model":"m","stream":true,"messages":[]}"#;
    sender.send_data(ask.into(), true).unwrap();
    let response = timeout(DEADLINE, response).await.unwrap().unwrap();
    assert_eq!(response.status(), 200);
    site.primary.cancelled(1).await;
    let mut body = response.into_body();
    // Its own stream has ended with a reset; the connection has not.
    let ended = async {
        body.flow_control().release_capacity(0).unwrap();
        let (more, _) = client
            .send_request(
                Request::get(https(&site, "/healthz")).body(()).unwrap(),
                true,
            )
            .unwrap();
        more.await
    };
    assert_eq!(
        timeout(DEADLINE, ended).await.unwrap().unwrap().status(),
        200
    );
    connection.abort();
}

/// A frame of HTTP/2.
fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
    let mut bytes = length[1..].to_vec();
    bytes.extend([kind, flags]);
    bytes.extend(stream.to_be_bytes());
    bytes.extend(payload);
    bytes
}

#[tokio::test]
async fn streams_that_are_opened_and_reset_at_once_end_their_connection() {
    const CANCEL: [u8; 4] = 8_u32.to_be_bytes();
    let directory = tempfile::tempdir().unwrap();
    let (site, pem) = second(directory.path(), |_| {}).await;
    // `:method: POST`, `:scheme: https`, then path and authority, spelled out.
    let mut head = vec![0x83, 0x87, 0x04, u8::try_from(PATH.len()).unwrap()];
    head.extend(PATH.as_bytes());
    head.extend([0x01, 9]);
    head.extend(b"localhost");
    let mut burst = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_vec();
    burst.extend(frame(4, 0, 0, &[]));
    for number in 0..5000 {
        let stream = 2 * number + 1;
        burst.extend(frame(1, 4, stream, &head));
        burst.extend(frame(3, 0, stream, &CANCEL));
    }
    let mut attacker = silent(&site, &pem).await;
    let attack = async {
        // It may be hung up on before it is through.
        let _ = attacker.write_all(&burst).await;
        let mut answer = Vec::new();
        while matches!(attacker.read_buf(&mut answer).await, Ok(1..)) {}
        answer
    };
    let honest = async {
        let client = trusting(&site, &pem);
        for _ in 0..20 {
            let response = client.post(https(&site, PATH)).body(BODY).send().await;
            assert_eq!(response.unwrap().text().await.unwrap(), PRIMARY);
        }
    };
    let (answer, ()) = timeout(DEADLINE, join(attack, honest)).await.unwrap();
    // GOAWAY with ENHANCE_YOUR_CALM.
    let calm = answer
        .windows(17)
        .any(|bytes| bytes[3] == 7 && bytes[13..17] == 11_u32.to_be_bytes());
    assert!(calm, "the attacker is told to calm down: {answer:?}");
    // What was reset before it was whole never got further.
    assert_eq!(site.primary.count(), 20);
}
