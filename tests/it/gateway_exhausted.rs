//! What the client of each family hears when nothing is left, or nothing else is allowed: its provider's own
//! error, when to come again, and no word of other routes.

use backstop::{
    model::{BoundaryKind, ErrorClass, EventDecision, Reason},
    wire::Shape,
};

use crate::{
    faults::family::{self, Form},
    support::{
        gateway::{Plan, Site, header},
        upstream::Script,
    },
};

/// What the fallback says and is called; the client must see none of it.
const HIDDEN: &str = r#"{"error":{"message":"stable model-2 is down"}}"#;

/// Every way to ask: name, family, path below the workload, body.
fn ways() -> Vec<(String, Shape, &'static str, &'static str)> {
    let mut ways = Vec::new();
    for shape in Shape::ALL {
        let family = family::of(shape);
        for form in Form::ALL {
            if form == Form::Whole || family.stream.is_some() {
                let case = format!("{shape}, {form:?}");
                ways.push((case, shape, family.path(form), family.ask(form)));
            }
        }
    }
    let array = "/v1beta/models/m:streamGenerateContent";
    let count = "/v1beta/models/m:countTokens";
    let message = r#"{"model":"m","messages":[]}"#;
    for (case, shape, path, body) in [
        (
            "gemini, an array",
            Shape::GeminiGenerate,
            array,
            r#"{"contents":[]}"#,
        ),
        (
            "gemini, a count",
            Shape::GeminiGenerate,
            count,
            r#"{"contents":[]}"#,
        ),
        (
            "messages, a count",
            Shape::AnthropicMessages,
            "/v1/messages/count_tokens",
            message,
        ),
    ] {
        ways.push((case.to_owned(), shape, path, body));
    }
    ways
}

/// The provider's own error and hint, and nothing of another route.
async fn is_told(
    case: &str,
    site: &Site,
    path: &str,
    ask: &str,
    own: &str,
    should_retry: Option<&str>,
) {
    let response = site.post(&format!("/w/support-chat{path}"), ask).await;
    assert_eq!(response.status(), 429, "{case}");
    assert_eq!(header(&response, "retry-after"), Some("9"), "{case}");
    assert_eq!(header(&response, "x-should-retry"), should_retry, "{case}");
    assert_eq!(header(&response, "x-backstop-error"), None, "{case}");
    assert_eq!(
        header(&response, "x-backstop-route"),
        Some("premium"),
        "{case}"
    );
    let head = format!("{:?}", response.headers());
    let body = response.text().await.unwrap();
    assert_eq!(body, own, "{case}");
    let fallback = site.fallback.url();
    for hidden in [
        "stable",
        "model-2",
        "down",
        fallback.trim_start_matches("http://"),
    ] {
        assert!(
            !head.contains(hidden) && !body.contains(hidden),
            "{case}: {head}"
        );
    }
}

#[tokio::test]
async fn an_exhausted_chain_keeps_the_providers_error_in_every_family() {
    for (case, shape, path, ask) in ways() {
        let site = Site::with(Plan {
            family: shape.family(),
            workload: Box::new(|workload| {
                workload.triggers.insert(ErrorClass::RateLimited);
                workload.may_change_vectors = Some("a test".to_owned());
            }),
            ..Plan::default()
        })
        .await;
        let own = family::of(shape).limited;
        let headers = [("content-type", "application/json"), ("retry-after", "9")];
        site.primary.set(Script::answer(429, &headers, own));
        site.fallback.set(Script::json(500, HIDDEN));
        is_told(&case, &site, path, ask, own, Some("false")).await;
        assert_eq!(site.fallback.count(), 1, "{case}");
        let events = site.events(2).await;
        assert_eq!(events[1].event.decision, EventDecision::Exhausted, "{case}");
        assert_eq!(events[1].event.reason, Reason::AllRoutesFailed, "{case}");
    }
}

#[tokio::test]
async fn a_boundary_holds_in_every_family() {
    for (case, shape, path, ask) in ways() {
        let site = Site::with(Plan {
            family: shape.family(),
            workload: Box::new(|workload| {
                workload.triggers.insert(ErrorClass::RateLimited);
                workload.may_change_vectors = Some("a test".to_owned());
            }),
            fallback: Box::new(|route| route.boundary.region = Some("us".to_owned())),
            ..Plan::default()
        })
        .await;
        let own = family::of(shape).limited;
        let headers = [("content-type", "application/json"), ("retry-after", "9")];
        site.primary.set(Script::answer(429, &headers, own));
        // The primary may be well again: a client may come again.
        is_told(&case, &site, path, ask, own, None).await;
        assert_eq!(site.fallback.count(), 0, "{case}");
        let event = site.event().await.event;
        assert_eq!(event.decision, EventDecision::Refused, "{case}");
        let boundary = BoundaryKind::Region;
        assert_eq!(event.reason, Reason::BoundaryCrossed { boundary }, "{case}");
    }
}
