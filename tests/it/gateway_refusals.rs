//! A 400 or a 401 never makes another route answer, however badly it is said.

use backstop::model::{ErrorClass, EventDecision};

use crate::support::{
    gateway::{FALLBACK, Site},
    upstream::{Script, Step},
};

const BODY: &str = r#"{"model":"m","messages":[]}"#;

/// Heads that cannot be read, behind their status line.
const HEADS: [(&str, &str); 7] = [
    ("too many headers", "MANY\r\n\r\n"),
    ("a header of a megabyte", "LARGE\r\n\r\n"),
    ("a folded line", "x-a: b\r\n c\r\n\r\n"),
    ("a NUL in a value", "x-a: b\0c\r\n\r\n"),
    ("a space in a name", "x a: b\r\n\r\n"),
    (
        "two lengths",
        "content-length: 1\r\ncontent-length: 2\r\n\r\nab",
    ),
    ("no end", "content-type: application/js"),
];

fn script(status: &str, rest: &str) -> Script {
    let rest = rest
        .replace("MANY", "x-many: 1\r\n".repeat(300).trim_end())
        .replace("LARGE", &format!("x-large: {}", "x".repeat(1 << 20)));
    Script::new()
        .send(format!("HTTP/1.1 {status}\r\n{rest}"))
        .step(Step::Close)
}

#[tokio::test]
async fn a_refusal_is_one_whatever_its_head_looks_like() {
    for (status, number, class) in [
        ("400 Bad Request", 400, ErrorClass::InvalidRequest),
        ("401 Unauthorized", 401, ErrorClass::Authentication),
        ("404 Not Found", 404, ErrorClass::InvalidRequest),
        ("422 No", 422, ErrorClass::InvalidRequest),
    ] {
        for (case, rest) in HEADS {
            let site = Site::start().await;
            site.primary.set(script(status, rest));
            let response = site.ask(BODY).await;
            assert_eq!(response.status(), number, "{status}, {case}");
            assert_eq!(site.fallback.count(), 0, "{status}, {case}");
            let event = site.event().await.event;
            assert_eq!(event.decision, EventDecision::Refused, "{status}, {case}");
            assert_eq!(event.class, Some(class), "{status}, {case}");
        }
    }
}

#[tokio::test]
async fn the_same_heads_of_other_statuses_are_failures_of_the_route() {
    for (status, class) in [
        ("503 Busy", ErrorClass::Overloaded),
        ("500 Oops", ErrorClass::ServerError),
    ] {
        for (case, rest) in HEADS {
            let site = Site::start().await;
            site.primary.set(script(status, rest));
            let response = site.ask(BODY).await;
            assert_eq!(response.text().await.unwrap(), FALLBACK, "{status}, {case}");
            let event = site.event().await.event;
            assert_eq!(event.class, Some(class), "{status}, {case}");
        }
    }
}
