//! What a fallback may not cross, judged for the request at hand; limits of routes and of callers; and what
//! the client hears when nothing is left.

use std::sync::Arc;

use backstop::model::{
    AllDown, Capability, CapabilitySet, CircuitState, ErrorClass, ErrorClassSet, EventDecision,
    OutcomeKind, Reason, Route,
};
use tokio::{sync::Semaphore, time::timeout};

use crate::support::{
    gateway::{OVERLOADED, PRIMARY, Plan, Site, header},
    upstream::{DEADLINE, Script, Step},
};

const BODY: &str = r#"{"model":"m","messages":[{"role":"user","content":"hi"}]}"#;
type Change = Box<dyn Fn(&mut Route)>;

const PATH: &str = "/w/support-chat/v1/chat/completions";

fn fallback(change: impl Fn(&mut Route) + 'static) -> Plan {
    Plan {
        fallback: Box::new(change),
        ..Plan::default()
    }
}

fn lacking(capability: Capability) -> Reason {
    Reason::MissingCapability {
        missing: [capability].into_iter().collect(),
    }
}

#[tokio::test]
async fn what_the_request_uses_is_looked_for_in_the_fallback() {
    use Capability::{
        Audio, CacheControl, ForcedTools, JsonSchema, Logprobs, ParallelTools, Reasoning,
        StrictTools, Tools, Vision,
    };
    for (fields, capability) in [
        (
            r#""tools":[{"type":"function","function":{"name":"f"}}]"#,
            Tools,
        ),
        (r#""tool_choice":"required""#, ForcedTools),
        (r#""parallel_tool_calls":false"#, ParallelTools),
        (
            r#""tools":[{"type":"function","function":{"name":"f","strict":true}}]"#,
            StrictTools,
        ),
        (
            r#""response_format":{"type":"json_schema","json_schema":{"name":"n","schema":{}}}"#,
            JsonSchema,
        ),
        (
            r#""messages":[{"role":"user","content":[{"type":"image_url","image_url":{"url":"data:,"}}]}]"#,
            Vision,
        ),
        (r#""logprobs":true"#, Logprobs),
        (
            r#""messages":[{"role":"user","content":[{"type":"text","text":"x","cache_control":{"type":"ephemeral"}}]}]"#,
            CacheControl,
        ),
        (r#""reasoning_effort":"high""#, Reasoning),
        (r#""modalities":["audio"]"#, Audio),
    ] {
        let site = Site::with(fallback(move |route| {
            let all: CapabilitySet = Capability::ALL.into_iter().collect();
            route.capabilities = all.without([capability].into_iter().collect());
        }))
        .await;
        site.primary.set(Script::json(503, OVERLOADED));
        let response = site.ask(&format!(r#"{{"model":"m",{fields}}}"#)).await;
        assert_eq!(response.status(), 503, "{capability}");
        let event = site.event().await.event;
        assert_eq!(event.reason, lacking(capability));
        assert_eq!(site.fallback.count(), 0, "{capability}");
    }
}

#[tokio::test]
async fn what_surely_does_not_fit_is_refused_and_a_doubt_is_said() {
    for (case, words, status) in [
        ("surely too long", 3000, 503),
        ("may be too long", 1000, 200),
        ("short", 10, 200),
    ] {
        let site = Site::with(fallback(|route| route.context_tokens = Some(1000))).await;
        site.primary.set(Script::json(503, OVERLOADED));
        let text = "word ".repeat(words);
        let body = format!(r#"{{"model":"m","messages":[{{"role":"user","content":"{text}"}}]}}"#);
        assert_eq!(site.ask(&body).await.status(), status, "{case}");
        let event = site.event().await.event;
        if status == 503 {
            assert!(
                matches!(
                    event.reason,
                    Reason::ContextTooSmall {
                        needs: 2500..,
                        has: 1000
                    }
                ),
                "{case}: {:?}",
                event.reason
            );
        } else {
            assert_eq!(event.reason, Reason::Trigger, "{case}");
            assert_eq!(event.remark.is_some(), case == "may be too long", "{case}");
        }
    }
}

#[tokio::test]
async fn signed_reasoning_stays_with_its_model_and_a_route_with_its_workloads() {
    let signed =
        r#"{"model":"m","messages":[{"role":"assistant","reasoning_details":[{"data":"x"}]}]}"#;
    let rows: [(&str, Change, &str, Reason); 2] = [
        (
            "signed reasoning",
            Box::new(|route| route.capabilities.remove(Capability::SignedReasoning)),
            signed,
            Reason::ReasoningBound,
        ),
        (
            "not entitled",
            Box::new(|route| route.workloads = Some(vec!["another".into()])),
            BODY,
            Reason::NotEntitled,
        ),
    ];
    for (case, change, body, reason) in rows {
        let site = Site::with(fallback(change)).await;
        site.primary.set(Script::json(503, OVERLOADED));
        assert_eq!(site.ask(body).await.status(), 503, "{case}");
        assert_eq!(site.event().await.event.reason, reason, "{case}");
        assert_eq!(site.fallback.count(), 0, "{case}");
    }
}

/// Opens both circuits: every request fails on both routes.
async fn both_paused(rule: AllDown) -> Site {
    let site = Site::with(Plan {
        workload: Box::new(move |workload| workload.all_down = rule),
        ..Plan::default()
    })
    .await;
    site.primary.set(Script::json(503, OVERLOADED));
    site.fallback.set(Script::json(503, OVERLOADED));
    for _ in 0..5 {
        assert_eq!(site.ask(BODY).await.status(), 503);
    }
    site
}

#[tokio::test]
async fn when_all_routes_are_paused_the_workload_has_a_rule() {
    let site = both_paused(AllDown::Primary).await;
    let response = site.ask(BODY).await;
    assert_eq!(response.status(), 503);
    assert_eq!(header(&response, "x-should-retry"), Some("false"));
    assert_eq!(response.text().await.unwrap(), OVERLOADED);
    assert_eq!((site.primary.count(), site.fallback.count()), (6, 5));
    let event = site.events(11).await.remove(10).event;
    let rule = AllDown::Primary;
    assert_eq!(event.reason, Reason::AllRoutesDown { rule });
    assert!(
        event
            .remark
            .unwrap()
            .starts_with("stable is paused: overloaded")
    );

    let site = both_paused(AllDown::Refuse).await;
    let response = site.ask(BODY).await;
    assert_eq!(response.status(), 503);
    assert_eq!(
        header(&response, "x-backstop-error"),
        Some("backstop_paused")
    );
    assert_eq!(header(&response, "x-should-retry"), Some("false"));
    assert_eq!(header(&response, "x-backstop-route"), None);
    let wait: u64 = header(&response, "retry-after").unwrap().parse().unwrap();
    assert!((1..=7).contains(&wait), "{wait}");
    assert_eq!((site.primary.count(), site.fallback.count()), (5, 5));
    let event = site.events(11).await.remove(10).event;
    let rule = AllDown::Refuse;
    assert_eq!(
        (event.decision, event.reason),
        (EventDecision::Refused, Reason::AllRoutesDown { rule })
    );
}

/// A primary that may run one request, with one running at a gate.
async fn full(
    triggers: bool,
) -> (
    Site,
    Arc<Semaphore>,
    tokio::task::JoinHandle<reqwest::Response>,
) {
    let site = Site::with(Plan {
        workload: Box::new(move |workload| {
            if !triggers {
                workload.triggers = ErrorClassSet::EMPTY;
            }
        }),
        primary: Box::new(|route| route.max_concurrent = Some(1)),
        ..Plan::default()
    })
    .await;
    let gate = Arc::new(Semaphore::new(0));
    let answer = Script::new().step(Step::Gate(Arc::clone(&gate)));
    let head = format!(
        "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{PRIMARY}",
        PRIMARY.len()
    );
    site.primary.set(answer.send(head));
    let request = site.client.post(site.url(PATH)).body(BODY);
    let running = tokio::spawn(async move { request.send().await.unwrap() });
    site.primary.asked(1).await;
    (site, gate, running)
}

#[tokio::test]
async fn one_more_than_a_route_may_run_is_not_queued() {
    let (site, gate, running) = full(true).await;
    let response = site.ask(BODY).await;
    assert_eq!(response.status(), 200);
    assert_eq!(header(&response, "x-backstop-fallback"), Some("saturated"));
    let event = site.event().await.event;
    assert_eq!(
        (event.reason, event.class),
        (Reason::PrimarySaturated, Some(ErrorClass::Overloaded))
    );
    assert!(event.attempts.is_empty());
    gate.add_permits(8);
    assert_eq!(
        timeout(DEADLINE, running).await.unwrap().unwrap().status(),
        200
    );
    // The place was given back.
    let response = site.ask(BODY).await;
    assert_eq!(header(&response, "x-backstop-route"), Some("premium"));

    let (site, gate, running) = full(false).await;
    let response = site.ask(BODY).await;
    assert_eq!(response.status(), 503);
    assert_eq!(
        header(&response, "x-backstop-error"),
        Some("backstop_saturated")
    );
    assert_eq!(header(&response, "retry-after"), Some("1"));
    let event = site.event().await.event;
    assert_eq!(
        (event.decision, event.reason),
        (EventDecision::Refused, Reason::PrimarySaturated)
    );
    gate.add_permits(8);
    running.await.unwrap();
}

#[tokio::test]
async fn a_callers_own_limit_never_counts_against_the_route() {
    let site = Site::start().await;
    site.primary.set(Script::new().step(Step::Hang));
    for (name, value) in [
        ("x-stainless-read-timeout", "0.05"),
        ("x-backstop-timeout", "0.05"),
    ]
    .repeat(4)
    {
        let request = site.client.post(site.url(PATH)).header(name, value);
        let response = timeout(DEADLINE, request.body(BODY).send()).await;
        let response = response.unwrap().unwrap();
        assert_eq!(response.status(), 504);
        assert_eq!(
            header(&response, "x-backstop-error"),
            Some("backstop_caller_limit")
        );
    }
    for stored in site.events(8).await {
        let event = stored.event;
        assert_eq!(event.decision, EventDecision::Refused);
        assert_eq!(event.reason, Reason::CallerLimit);
        assert_eq!(event.class, Some(ErrorClass::Timeout));
        assert_eq!(stored.outcome.unwrap().kind, OutcomeKind::ErrorReturned);
    }
    assert_eq!(site.fallback.count(), 0);
    let beat = site
        .heartbeat(|beat| beat.workloads.iter().any(|traffic| traffic.requests == 8))
        .await;
    assert_eq!(beat.workloads[0].primary_failures, 0);
    let tripped = |route: &backstop::model::RouteTraffic| route.circuit != CircuitState::Closed;
    assert!(!beat.routes.iter().any(tripped), "{:?}", beat.routes);
}

#[tokio::test]
async fn clients_that_go_never_count_against_the_route() {
    let site = Site::start().await;
    site.primary.set(Script::new().step(Step::Hang));
    for sent in 1..=8 {
        let request = site.client.post(site.url(PATH)).body(BODY);
        let asking = tokio::spawn(request.send());
        site.primary.asked(sent).await;
        asking.abort();
        let _gone = asking.await;
    }
    site.primary.set(Script::json(200, PRIMARY));
    let response = site.ask(BODY).await;
    assert_eq!(header(&response, "x-backstop-route"), Some("premium"));
}

#[tokio::test]
async fn an_exhausted_chain_keeps_the_providers_error_and_tells_nothing_of_other_routes() {
    let site = Site::with(Plan {
        workload: Box::new(|workload| {
            workload.triggers.insert(ErrorClass::RateLimited);
            workload.backoff.retries = 1;
        }),
        ..Plan::default()
    })
    .await;
    let limited = |after: &str| {
        let headers = [("content-type", "application/json"), ("retry-after", after)];
        Script::answer(429, &headers, r#"{"error":{"code":"rate_limit_exceeded"}}"#)
    };
    site.primary.queue(limited("0"));
    site.primary.set(limited("9"));
    let secret = r#"{"error":{"message":"stable model-2 is down"}}"#;
    site.fallback.set(Script::json(500, secret));
    let response = site.ask(BODY).await;
    assert_eq!(response.status(), 429);
    assert_eq!(
        header(&response, "retry-after"),
        Some("9"),
        "of the last attempt"
    );
    assert_eq!(header(&response, "x-should-retry"), Some("false"));
    let mut told = format!("{:?}", response.headers());
    told.push_str(&response.text().await.unwrap());
    assert!(told.contains("rate_limit_exceeded"));
    let fallback = site.fallback.url();
    for hidden in ["stable", "model-2", fallback.as_str(), "down"] {
        assert!(!told.contains(hidden), "{hidden}: {told}");
    }
    let events = site.events(2).await;
    assert_eq!(events[1].event.decision, EventDecision::Exhausted);
    assert_eq!(events[1].event.reason, Reason::AllRoutesFailed);
}
