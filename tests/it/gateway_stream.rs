//! Streams: the commit point, what breaks before and after it, notices, and clients that go away.

use std::{sync::Arc, time::Duration};

use backstop::model::{
    ErrorClass, EventDecision, Family, NoticeStyle, OutcomeKind, Reason, Workload,
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    sync::Semaphore,
    time::timeout,
};

use crate::support::{
    gateway::{OVERLOADED, PRIMARY, Plan, Site, header},
    upstream::{DEADLINE, LIMIT, Script, Step},
};

const BODY: &str = r#"{"model":"m","stream":true,"messages":[]}"#;
const ROLE: &str = "data: {\"id\":\"1\",\"choices\":[{\"index\":0,\"delta\":{\"role\":\"assistant\",\"content\":\"\"}}]}\n\n";
const ONE: &str =
    "data: {\"id\":\"1\",\"choices\":[{\"index\":0,\"delta\":{\"content\":\"one\"}}]}\n\n";
const TWO: &str =
    "data: {\"id\":\"1\",\"choices\":[{\"index\":0,\"delta\":{\"content\":\"two\"}}]}\n\n";
const STOP: &str =
    "data: {\"id\":\"1\",\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}]}\n\n";
const DONE: &str = "data: [DONE]\n\n";

fn good(words: &str) -> Script {
    Script::stream()
        .chunk(ROLE)
        .chunk(words)
        .chunk(STOP)
        .chunk(DONE)
        .end()
}

fn workload(change: impl Fn(&mut Workload) + 'static) -> Plan {
    Plan {
        workload: Box::new(change),
        ..Plan::default()
    }
}

/// A site whose fallback streams `two`.
async fn site(plan: Plan) -> Site {
    let site = Site::with(plan).await;
    site.fallback.set(good(TWO));
    site
}

#[tokio::test]
async fn a_stream_passes_unchanged_and_as_it_comes() {
    let site = site(Plan::default()).await;
    let gate = Arc::new(Semaphore::new(0));
    site.primary.set(
        Script::stream()
            .chunk(": a comment\n\n")
            .chunk(ROLE)
            .chunk(ONE)
            .step(Step::Gate(Arc::clone(&gate)))
            .chunk(TWO.split_at(30).0)
            .chunk(TWO.split_at(30).1)
            .chunk(&format!("{STOP}{DONE}"))
            .end(),
    );
    let mut response = site.ask(BODY).await;
    assert_eq!(header(&response, "content-type"), Some("text/event-stream"));
    assert_eq!(header(&response, "x-backstop-route"), Some("premium"));
    // The first output is here while the upstream still waits at the gate.
    let mut got = Vec::new();
    while !got.ends_with(ONE.as_bytes()) {
        got.extend_from_slice(
            &timeout(DEADLINE, response.chunk())
                .await
                .unwrap()
                .unwrap()
                .unwrap(),
        );
    }
    gate.add_permits(1);
    while let Some(chunk) = response.chunk().await.unwrap() {
        got.extend_from_slice(&chunk);
    }
    let sent = format!(": a comment\n\n{ROLE}{ONE}{TWO}{STOP}{DONE}");
    assert_eq!(String::from_utf8(got).unwrap(), sent);
}

#[tokio::test]
async fn what_breaks_before_the_first_output_is_served_by_the_fallback() {
    let error = format!("data: {OVERLOADED}\n\n");
    let clocks = |workload: &mut Workload| {
        workload.timeouts.first_output = LIMIT;
        workload.timeouts.idle = Duration::from_secs(30);
    };
    let rows = [
        (
            "a status",
            Script::json(503, OVERLOADED),
            ErrorClass::Overloaded,
        ),
        (
            "cut at once",
            Script::stream().step(Step::Reset),
            ErrorClass::BrokenResponse,
        ),
        (
            "cut after the role",
            Script::stream().chunk(ROLE).step(Step::Reset),
            ErrorClass::BrokenResponse,
        ),
        (
            "ended after the role",
            Script::stream().chunk(ROLE).end(),
            ErrorClass::BrokenResponse,
        ),
        (
            "an error event",
            Script::stream().chunk(ROLE).chunk(&error).end(),
            ErrorClass::Overloaded,
        ),
        (
            "json instead",
            Script::json(200, OVERLOADED),
            ErrorClass::Overloaded,
        ),
        (
            "garbage",
            Script::stream().chunk("data: {oops\n\n").end(),
            ErrorClass::BrokenResponse,
        ),
        (
            "html",
            Script::answer(200, &[("content-type", "text/html")], "<html>"),
            ErrorClass::BrokenResponse,
        ),
        (
            "no first output in time",
            Script::stream().chunk(ROLE).step(Step::Hang),
            ErrorClass::Timeout,
        ),
        (
            "pings and no output",
            Script::stream().chunk(": ping\n\n").step(Step::Hang),
            ErrorClass::Timeout,
        ),
    ];
    for (case, script, class) in rows {
        let site = site(workload(clocks)).await;
        site.primary.set(script);
        let response = site.ask(BODY).await;
        assert_eq!(response.status(), 200, "{case}");
        let seen: ErrorClass = header(&response, "x-backstop-fallback")
            .unwrap()
            .parse()
            .unwrap();
        // An error object of a stream may be classified by what it says.
        assert!(
            seen == class || seen == ErrorClass::BrokenResponse,
            "{case}: {seen}"
        );
        let text = response.text().await.unwrap();
        assert_eq!(text, format!("{ROLE}{TWO}{STOP}{DONE}"), "{case}");
        let stored = site.event().await;
        assert_eq!(stored.event.decision, EventDecision::Fallback, "{case}");
        assert!(stored.event.stream, "{case}");
        let outcome = stored.outcome.unwrap();
        assert_eq!(outcome.kind, OutcomeKind::Completed, "{case}");
        assert!(outcome.first_output.is_some(), "{case}");
    }
}

#[tokio::test]
async fn after_the_first_output_nothing_is_switched_and_the_stream_says_that_it_broke() {
    let own = |class: &str| format!("\"code\":\"{class}\"");
    let error = format!("data: {OVERLOADED}\n\n");
    let half = TWO.split_at(20).0;
    let rows = [
        (
            "reset",
            Script::stream().chunk(ROLE).chunk(ONE).step(Step::Reset),
            own("backstop_broken_response"),
        ),
        (
            "reset within an event",
            Script::stream()
                .chunk(ROLE)
                .chunk(ONE)
                .chunk(half)
                .step(Step::Reset),
            own("backstop_broken_response"),
        ),
        (
            "closed within a chunk",
            Script::stream()
                .chunk(ROLE)
                .chunk(ONE)
                .send("ff\r\nda")
                .step(Step::Close),
            own("backstop_broken_response"),
        ),
        (
            "no end marker",
            Script::stream().chunk(ROLE).chunk(ONE).end(),
            own("backstop_broken_response"),
        ),
        (
            "idle",
            Script::stream().chunk(ROLE).chunk(ONE).step(Step::Hang),
            own("backstop_upstream_timeout"),
        ),
        (
            "the provider's own error",
            Script::stream().chunk(ROLE).chunk(ONE).chunk(&error).end(),
            OVERLOADED.to_owned(),
        ),
    ];
    for (case, script, told) in rows {
        let site = site(workload(|workload| {
            workload.timeouts.idle = LIMIT;
        }))
        .await;
        // The first output must be sent before the break is seen, so that the two do not come in one piece.
        let gate = Arc::new(Semaphore::new(0));
        site.primary.set(gated(script, &gate));
        let mut response = site.ask(BODY).await;
        assert_eq!(
            header(&response, "x-backstop-route"),
            Some("premium"),
            "{case}"
        );
        gate.add_permits(1);
        let mut text = Vec::new();
        // The transfer itself ends well: a client library shows the error event, not a transport error.
        while let Some(chunk) = timeout(DEADLINE, response.chunk()).await.unwrap().unwrap() {
            text.extend_from_slice(&chunk);
        }
        let text = String::from_utf8(text).unwrap();
        let rest = text
            .strip_prefix(&format!("{ROLE}{ONE}"))
            .unwrap_or_else(|| panic!("{case}: {text}"));
        assert!(
            rest.starts_with("data: {\"error\":") && rest.ends_with("}\n\n"),
            "{case}: {rest}"
        );
        assert_eq!(rest.matches("data:").count(), 1, "{case}: {rest}");
        assert!(rest.contains(&told), "{case}: {rest}");
        let stored = site.event().await;
        assert_eq!(stored.event.decision, EventDecision::Broken, "{case}");
        assert_eq!(stored.event.reason, Reason::AfterCommit, "{case}");
        let outcome = stored.outcome.unwrap();
        assert_eq!(
            (outcome.kind, outcome.status),
            (OutcomeKind::Broken, 200),
            "{case}"
        );
        assert_eq!(outcome.class, stored.event.class, "{case}");
        assert_eq!(site.fallback.count(), 0, "{case}");
    }
}

/// The script with a gate after its third piece: head, role, first output.
fn gated(script: Script, gate: &Arc<Semaphore>) -> Script {
    let mut gated = Script::new();
    for (index, step) in script.into_steps().into_iter().enumerate() {
        if index == 3 {
            gated = gated.step(Step::Gate(Arc::clone(gate)));
        }
        gated = gated.step(step);
    }
    gated
}

#[tokio::test]
async fn a_fallback_that_breaks_is_told_in_its_outcome_too() {
    let site = site(Plan::default()).await;
    let gate = Arc::new(Semaphore::new(0));
    site.primary.set(Script::json(503, OVERLOADED));
    site.fallback.set(gated(
        Script::stream().chunk(ROLE).chunk(TWO).step(Step::Reset),
        &gate,
    ));
    let response = site.ask(BODY).await;
    assert_eq!(header(&response, "x-backstop-fallback"), Some("overloaded"));
    gate.add_permits(1);
    let text = response.text().await.unwrap();
    assert!(text.contains("backstop_broken_response"), "{text}");
    let events = site.events(2).await;
    assert_eq!(events[0].event.decision, EventDecision::Fallback);
    assert_eq!(events[1].event.decision, EventDecision::Broken);
    for stored in events {
        assert_eq!(stored.outcome.unwrap().kind, OutcomeKind::Broken);
    }
}

#[tokio::test]
async fn what_comes_after_the_end_marker_breaks_nothing() {
    let site = site(Plan::default()).await;
    site.primary.set(
        Script::stream()
            .chunk(ROLE)
            .chunk(ONE)
            .chunk(DONE)
            .step(Step::Reset),
    );
    let response = site.ask(BODY).await;
    assert_eq!(response.text().await.unwrap(), format!("{ROLE}{ONE}{DONE}"));
    let traffic = site
        .heartbeat(|beat| {
            beat.workloads
                .first()
                .is_some_and(|traffic| traffic.requests == 1)
        })
        .await;
    assert_eq!(traffic.workloads[0].errors, 0);
    assert!(traffic.workloads[0].last_primary.is_some());
}

#[tokio::test]
async fn an_empty_answer_is_an_answer() {
    let site = site(Plan::default()).await;
    site.primary
        .set(Script::stream().chunk(ROLE).chunk(STOP).chunk(DONE).end());
    let response = site.ask(BODY).await;
    assert_eq!(header(&response, "x-backstop-route"), Some("premium"));
    assert_eq!(
        response.text().await.unwrap(),
        format!("{ROLE}{STOP}{DONE}")
    );
}

#[tokio::test]
async fn an_inline_notice_is_an_event_before_the_first_text() {
    for (family, path, fallback, first) in [
        (
            Family::OpenaiChat,
            "/w/support-chat/v1/chat/completions",
            good(TWO),
            "two",
        ),
        (
            Family::AnthropicMessages,
            "/w/support-chat/v1/messages",
            anthropic(),
            "hello",
        ),
    ] {
        let site = Site::with(Plan {
            family,
            workload: Box::new(|workload| workload.notice.style = NoticeStyle::Inline),
            ..Plan::default()
        })
        .await;
        site.primary.set(Script::json(503, OVERLOADED));
        site.fallback.set(fallback);
        let response = site
            .post(
                path,
                r#"{"model":"m","max_tokens":9,"stream":true,"messages":[]}"#,
            )
            .await;
        assert_eq!(
            header(&response, "x-backstop-degraded"),
            Some("Served by a backup model.")
        );
        let text = response.text().await.unwrap();
        let notice = text
            .find("Served by a backup model.")
            .unwrap_or_else(|| panic!("{text}"));
        assert!(notice < text.find(first).unwrap(), "{text}");
        assert_eq!(text.matches("Served by a backup model.").count(), 1);
    }
}

fn anthropic() -> Script {
    Script::stream()
        .chunk("event: message_start\ndata: {\"type\":\"message_start\",\"message\":{\"id\":\"m\",\"type\":\"message\",\"role\":\"assistant\",\"content\":[],\"model\":\"served-2\",\"stop_reason\":null,\"usage\":{\"input_tokens\":1,\"output_tokens\":1}}}\n\n")
        .chunk("event: content_block_start\ndata: {\"type\":\"content_block_start\",\"index\":0,\"content_block\":{\"type\":\"text\",\"text\":\"\"}}\n\n")
        .chunk("event: content_block_delta\ndata: {\"type\":\"content_block_delta\",\"index\":0,\"delta\":{\"type\":\"text_delta\",\"text\":\"hello\"}}\n\n")
        .chunk("event: content_block_stop\ndata: {\"type\":\"content_block_stop\",\"index\":0}\n\n")
        .chunk("event: message_delta\ndata: {\"type\":\"message_delta\",\"delta\":{\"stop_reason\":\"end_turn\"},\"usage\":{\"output_tokens\":4}}\n\n")
        .chunk("event: message_stop\ndata: {\"type\":\"message_stop\"}\n\n")
        .end()
}

/// Sends a request over a raw connection, to be given up at will.
async fn raw(site: &Site, body: &str) -> TcpStream {
    let mut client = TcpStream::connect(site.gateway.address()).await.unwrap();
    let request = format!(
        "POST /w/support-chat/v1/chat/completions HTTP/1.1\r\nhost: h\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    );
    client.write_all(request.as_bytes()).await.unwrap();
    client
}

#[tokio::test]
async fn a_client_that_goes_away_cancels_the_upstream_at_once() {
    // Before the head.
    let site = Site::start().await;
    site.primary.set(Script::new().step(Step::Hang));
    let client = raw(&site, BODY).await;
    site.primary.asked(1).await;
    drop(client);
    site.primary.cancelled(1).await;

    // In the middle of a stream.
    site.primary
        .set(Script::stream().chunk(ROLE).chunk(ONE).step(Step::Hang));
    let mut client = raw(&site, BODY).await;
    let mut got = Vec::new();
    while !got.windows(5).any(|window| window == b"\"one\"") {
        client.read_buf(&mut got).await.unwrap();
    }
    drop(client);
    site.primary.cancelled(2).await;
    let gone = r#"backstop_requests_total{workload="support-chat",route="premium",outcome="client-gone"} 2"#;
    let told = async {
        loop {
            let metrics = site.get("/metrics").await.text().await.unwrap();
            if metrics.contains(gone) {
                return metrics;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    let metrics = timeout(DEADLINE, told).await.expect("two clients are gone");
    assert!(metrics.contains(r#"backstop_requests_in_flight{workload="support-chat"} 0"#));

    // While the fallback is at work: the event says so.
    site.primary.set(Script::json(503, OVERLOADED));
    site.fallback.set(Script::new().step(Step::Hang));
    let client = raw(&site, BODY).await;
    site.fallback.asked(1).await;
    drop(client);
    site.fallback.cancelled(1).await;
    let stored = site.event().await;
    assert_eq!(stored.event.decision, EventDecision::Fallback);
    assert_eq!(stored.outcome.unwrap().kind, OutcomeKind::ClientGone);
}

#[tokio::test]
async fn a_slow_client_sets_the_pace() {
    let site = Site::start().await;
    let piece = ONE.replace("one", &"x".repeat(64 * 1024));
    let mut script = Script::stream().chunk(ROLE);
    for _ in 0..400 {
        script = script.chunk(&piece);
    }
    site.primary.set(script.chunk(DONE).end());
    let mut client = raw(&site, BODY).await;
    let mut got = vec![0; 64 * 1024];
    let first = client.read(&mut got).await.unwrap();
    assert!(first > 0);
    // 25 MB are on their way; what nobody reads stays in the sockets, and then all of it comes.
    let mut total = first;
    loop {
        match timeout(DEADLINE, client.read(&mut got))
            .await
            .unwrap()
            .unwrap()
        {
            0 => panic!("ended after {total} bytes"),
            count => {
                total += count;
                if got[..count].ends_with(b"0\r\n\r\n") {
                    break;
                }
            }
        }
    }
    assert!(total > 400 * 64 * 1024, "{total}");
}

#[tokio::test]
async fn slow_clients_do_not_speak_against_a_route() {
    let site = Site::with(Plan {
        workload: Box::new(|workload| workload.timeouts.total = LIMIT),
        ..Plan::default()
    })
    .await;
    let piece = ONE.replace("one", &"x".repeat(64 * 1024));
    let mut script = Script::stream().chunk(ROLE);
    for _ in 0..400 {
        script = script.chunk(&piece);
    }
    site.primary.set(script.chunk(DONE).end());
    let slow = async || {
        let mut client = raw(&site, BODY).await;
        let mut got = vec![0; 64 * 1024];
        assert!(client.read(&mut got).await.unwrap() > 0);
        // To take its time is what this client is about.
        tokio::time::sleep(2 * LIMIT).await;
        let read = async {
            loop {
                let count = client.read(&mut got).await.unwrap_or(0);
                if count == 0 || got[..count].ends_with(b"0\r\n\r\n") {
                    break;
                }
            }
        };
        timeout(DEADLINE, read).await.unwrap();
    };
    // More than would open the circuit.
    futures_util::future::join_all((0..6).map(|_| slow())).await;
    site.primary.set(Script::json(200, PRIMARY));
    let response = site.ask(r#"{"model":"m","messages":[]}"#).await;
    assert_eq!(header(&response, "x-backstop-route"), Some("premium"));
    assert_eq!(header(&response, "x-backstop-fallback"), None);
    let page = site.get("/metrics").await.text().await.unwrap();
    let failed: Vec<_> = page
        .lines()
        .filter(|line| {
            line.contains("premium") && line.contains("timeout") && !line.ends_with(" 0")
        })
        .collect();
    assert!(failed.is_empty(), "{failed:#?}");
}
