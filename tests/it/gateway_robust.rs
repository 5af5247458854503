//! Clients that do not play by the rules: raw bytes in, a clear refusal out, and nothing of it upstream.

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::timeout,
};

use crate::support::{
    gateway::{PRIMARY, Site, header},
    upstream::DEADLINE,
};

const PATH: &str = "/w/support-chat/v1/chat/completions";
const BODY: &str = r#"{"model":"m","messages":[]}"#;

/// Sends bytes and reads until the gateway closes, or until `enough` has come.
async fn exchange(site: &Site, request: &str, enough: Option<&str>) -> String {
    let mut client = TcpStream::connect(site.gateway.address()).await.unwrap();
    // The gateway may close while it is still being written to.
    let _ = client.write_all(request.as_bytes()).await;
    let mut answer = Vec::new();
    let read = async {
        loop {
            match client.read_buf(&mut answer).await {
                Ok(0) | Err(_) => break,
                Ok(_) => {}
            }
            if enough.is_some_and(|enough| String::from_utf8_lossy(&answer).contains(enough)) {
                break;
            }
        }
    };
    timeout(DEADLINE, read).await.expect("an answer");
    String::from_utf8_lossy(&answer).into_owned()
}

#[tokio::test]
async fn malformed_requests_are_refused_and_the_connection_is_closed() {
    let site = Site::start().await;
    let length = BODY.len();
    let head = |fields: &str| format!("POST {PATH} HTTP/1.1\r\nhost: h\r\n{fields}\r\n");
    for (case, request, status) in [
        ("no http", "hello\r\n\r\n".to_owned(), "400"),
        (
            "two lengths",
            head(&format!(
                "content-length: {length}\r\ncontent-length: 3\r\n"
            )) + BODY,
            "400",
        ),
        (
            "a length that is none",
            head("content-length: -1\r\n") + BODY,
            "400",
        ),
        (
            "a bad chunk size",
            head("transfer-encoding: chunked\r\n") + "zz\r\n{}\r\n0\r\n\r\n",
            "400",
        ),
        (
            "another transfer coding",
            head("transfer-encoding: gzip\r\n") + BODY,
            "400",
        ),
        (
            "a header of 500 kB",
            head(&format!("x-bomb: {}\r\n", "x".repeat(500_000))),
            "431",
        ),
        (
            "a thousand headers",
            head(&"x-many: 1\r\n".repeat(1000)),
            "431",
        ),
        (
            "a path of 500 kB",
            format!("POST /{} HTTP/1.1\r\nhost: h\r\n\r\n", "x".repeat(500_000)),
            "4",
        ),
        (
            "a control character in a header",
            head("x-bad: a\u{1}b\r\n"),
            "400",
        ),
    ] {
        let answer = exchange(&site, &request, None).await;
        let line = answer.lines().next().unwrap_or_default();
        assert!(
            line.starts_with(&format!("HTTP/1.1 {status}")),
            "{case}: {answer}"
        );
    }
    assert_eq!(site.primary.count(), 0);
    assert_eq!(site.ask(BODY).await.status(), 200);
}

#[tokio::test]
async fn a_length_beside_chunks_does_not_smuggle_a_second_request() {
    let site = Site::start().await;
    let chunked = format!("{:x}\r\n{BODY}\r\n0\r\n\r\n", BODY.len());
    let request = format!(
        "POST {PATH} HTTP/1.1\r\nhost: h\r\ncontent-length: 4\r\ntransfer-encoding: chunked\r\n\r\n{chunked}"
    );
    let answer = exchange(&site, &request, Some(PRIMARY)).await;
    // Either is right: refused, or read as chunks and nothing else.
    if answer.starts_with("HTTP/1.1 200") {
        assert_eq!(answer.matches("HTTP/1.1").count(), 1, "{answer}");
        assert_eq!(
            site.primary.only().text(),
            BODY.replace("\"m\"", "\"model-1\"")
        );
    } else {
        assert!(answer.starts_with("HTTP/1.1 400"), "{answer}");
        assert_eq!(site.primary.count(), 0);
    }
}

#[tokio::test]
async fn a_chunked_body_goes_on_with_its_length() {
    let site = Site::start().await;
    let (first, second) = BODY.split_at(10);
    let request = format!(
        "POST {PATH} HTTP/1.1\r\nhost: h\r\ntransfer-encoding: chunked\r\n\r\n{:x}\r\n{first}\r\n{:x}\r\n{second}\r\n0\r\n\r\n",
        first.len(),
        second.len()
    );
    let answer = exchange(&site, &request, Some(PRIMARY)).await;
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    let seen = site.primary.only();
    assert_eq!(seen.text(), BODY.replace("\"m\"", "\"model-1\""));
    let length = seen.body.len().to_string();
    assert_eq!(seen.header("content-length"), Some(length.as_str()));
}

#[tokio::test]
async fn an_endless_chunked_body_is_cut_at_the_limit() {
    let site = Site::start().await;
    let piece = format!("10000\r\n{}\r\n", "x".repeat(0x10000));
    let request = format!(
        "POST {PATH} HTTP/1.1\r\nhost: h\r\ntransfer-encoding: chunked\r\n\r\n{}",
        piece.repeat(40)
    );
    let answer = exchange(&site, &request, Some("backstop_body_too_large")).await;
    assert!(answer.starts_with("HTTP/1.1 413"), "{answer}");
    assert_eq!(site.primary.count(), 0);
}

#[tokio::test]
async fn pipelined_requests_are_answered_in_order() {
    let site = Site::start().await;
    let request = format!(
        "POST {PATH} HTTP/1.1\r\nhost: h\r\ncontent-length: {}\r\n\r\n{BODY}GET /healthz HTTP/1.1\r\nhost: h\r\n\r\n",
        BODY.len()
    );
    let answer = exchange(&site, &request, Some("alive\n")).await;
    let first = answer.find(PRIMARY).unwrap();
    assert!(first < answer.find("alive\n").unwrap(), "{answer}");
}

#[tokio::test]
async fn a_client_that_waits_for_continue_gets_it() {
    let site = Site::start().await;
    let mut client = TcpStream::connect(site.gateway.address()).await.unwrap();
    let head = format!(
        "POST {PATH} HTTP/1.1\r\nhost: h\r\nexpect: 100-continue\r\ncontent-length: {}\r\n\r\n",
        BODY.len()
    );
    client.write_all(head.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    while !answer.ends_with(b"\r\n\r\n") {
        assert!(
            timeout(DEADLINE, client.read_buf(&mut answer))
                .await
                .unwrap()
                .unwrap()
                > 0
        );
    }
    assert!(answer.starts_with(b"HTTP/1.1 100"));
    client.write_all(BODY.as_bytes()).await.unwrap();
    answer.clear();
    while !answer.ends_with(PRIMARY.as_bytes()) {
        assert!(
            timeout(DEADLINE, client.read_buf(&mut answer))
                .await
                .unwrap()
                .unwrap()
                > 0
        );
    }
    assert_eq!(site.primary.only().header("expect"), None);
}

#[tokio::test]
async fn hostile_text_stays_out_of_our_own_headers_and_errors() {
    let site = Site::start().await;
    let name = "%1b%5b2J%e2%80%ae";
    let answer = site
        .post(&format!("/w/{name}/v1/chat/completions"), BODY)
        .await;
    assert_eq!(answer.status(), 404);
    assert_eq!(header(&answer, "x-backstop-workload"), None);
    let text = answer.text().await.unwrap();
    assert!(
        !text.contains('\u{1b}') && !text.contains('\u{202e}'),
        "{text}"
    );
    let answer = site
        .post(
            "/v1/chat/completions",
            "{\"model\":\"a\\u001b[2J\\u202e\",\"messages\":[]}",
        )
        .await;
    let text = answer.text().await.unwrap();
    assert!(
        !text.contains('\u{1b}') && !text.contains("\\u001b") && !text.contains('\u{202e}'),
        "{text}"
    );
}
