//! Fallbacks that a provider makes itself: recognised on the way through, recorded as events of their own
//! kind, named in a header when known in time; the answer stays as it came.

use backstop::model::{ErrorClass, EventDecision, Family, NoticeGiven, OutcomeKind, Reason};

use crate::support::{
    gateway::{OVERLOADED, Plan, Site, header},
    upstream::Script,
};

const ASKED: &str = "claude-fable-5";
const BLOCK: &str = r#"{"type":"fallback","from":{"model":"claude-fable-5"},"to":{"model":"claude-opus-4-8"},"trigger":{"type":"refusal","category":"cyber"}}"#;
const USAGE: &str = r#"{"input_tokens":9,"output_tokens":3,"iterations":[{"type":"message","model":"claude-fable-5","input_tokens":4,"output_tokens":0},{"type":"fallback_message","model":"claude-opus-4-8","input_tokens":5,"output_tokens":3}]}"#;

fn routes_of(family: Family, model: &'static str, serves: &'static [&'static str]) -> Plan {
    let change = move |route: &mut backstop::model::Route| {
        model.clone_into(&mut route.model);
        route.serves = serves.iter().map(|&pattern| pattern.to_owned()).collect();
    };
    Plan {
        family,
        primary: Box::new(change),
        fallback: Box::new(change),
        ..Plan::default()
    }
}

fn made(from: &str, to: &str, trigger: Option<&str>) -> Reason {
    Reason::ProviderFallback {
        from: from.to_owned(),
        to: to.to_owned(),
        trigger: trigger.map(str::to_owned),
    }
}

fn message(content: &str, usage: &str) -> String {
    format!(
        r#"{{"id":"msg_1","type":"message","role":"assistant","model":"claude-opus-4-8","content":[{content}],"stop_reason":"end_turn","usage":{usage}}}"#
    )
}

fn event(name: &str, rest: &str) -> String {
    format!("event: {name}\ndata: {{\"type\":\"{name}\"{rest}}}\n\n")
}

fn started(index: u8, block: &str) -> String {
    let rest = format!(",\"index\":{index},\"content_block\":{block}");
    event("content_block_start", &rest)
}

fn text(index: u8) -> String {
    let start = started(index, r#"{"type":"text","text":""}"#);
    let rest = format!(",\"index\":{index},\"delta\":{{\"type\":\"text_delta\",\"text\":\"h\"}}");
    start + &event("content_block_delta", &rest)
}

fn stream(parts: &[String]) -> (String, Script) {
    let script = parts
        .iter()
        .fold(Script::stream(), |script, part| script.chunk(part));
    (parts.concat(), script.end())
}

#[tokio::test]
#[expect(clippy::too_many_lines, reason = "a table of cases")]
async fn the_fallback_of_a_messages_answer_is_an_event_of_its_own_kind() {
    let start = event(
        "message_start",
        r#","message":{"id":"msg_1","type":"message","role":"assistant","model":"claude-fable-5","content":[],"usage":{"input_tokens":4}}"#,
    );
    let end = |usage: &str| {
        event(
            "message_delta",
            &format!(",\"delta\":{{\"stop_reason\":\"end_turn\"}},\"usage\":{usage}"),
        ) + &event("message_stop", "")
    };
    let whole = |body: String| (body.clone(), Script::json(200, &body));
    let spoken = r#"{"type":"text","text":"he said \"fallback\""}"#;
    let because = made(ASKED, "claude-opus-4-8", Some("refusal: cyber"));
    for (case, streamed, (body, script), reason, named) in [
        (
            "a block in a whole answer",
            false,
            whole(message(&format!("{BLOCK},{spoken}"), USAGE)),
            Some(because.clone()),
            true,
        ),
        (
            "an account in a whole answer",
            false,
            whole(message(spoken, USAGE)),
            Some(made(ASKED, "claude-opus-4-8", None)),
            true,
        ),
        (
            "a text that speaks of one",
            false,
            whole(message(spoken, r#"{"input_tokens":1}"#)),
            None,
            false,
        ),
        (
            "a block before any output",
            true,
            stream(&[start.clone(), started(0, BLOCK), text(1), end(USAGE)]),
            Some(because.clone()),
            true,
        ),
        (
            "a block after output",
            true,
            stream(&[
                start.clone(),
                text(0),
                started(1, BLOCK),
                text(2),
                end("{}"),
            ]),
            Some(because),
            false,
        ),
        (
            "an account at the end of a stream",
            true,
            stream(&[start.clone(), text(0), end(USAGE)]),
            Some(made(ASKED, "claude-opus-4-8", None)),
            false,
        ),
        (
            "a stream without one",
            true,
            stream(&[start.clone(), text(0), end("{}")]),
            None,
            false,
        ),
    ] {
        let site = Site::with(routes_of(Family::AnthropicMessages, ASKED, &[])).await;
        site.primary.set(script);
        let ask = format!(r#"{{"model":"m","max_tokens":9,"stream":{streamed},"messages":[]}}"#);
        let response = site.post("/w/support-chat/v1/messages", &ask).await;
        assert_eq!(
            header(&response, "x-backstop-provider-fallback"),
            named.then_some("claude-opus-4-8"),
            "{case}"
        );
        assert_eq!(header(&response, "x-backstop-fallback"), None, "{case}");
        assert_eq!(header(&response, "x-backstop-degraded"), None, "{case}");
        assert_eq!(response.text().await.unwrap(), body, "{case}");
        let Some(reason) = reason else {
            assert!(site.events(0).await.is_empty(), "{case}");
            continue;
        };
        let stored = site.event().await;
        let event = stored.event;
        assert_eq!(event.decision, EventDecision::ProviderMade, "{case}");
        assert_eq!(event.reason, reason, "{case}");
        assert_eq!(
            (event.class, event.notice),
            (None, NoticeGiven::None),
            "{case}"
        );
        let route: Vec<&str> = event.attempts.iter().map(|it| it.route.as_str()).collect();
        assert_eq!(route, ["premium"], "{case}");
        assert_eq!(
            stored.outcome.unwrap().kind,
            OutcomeKind::Completed,
            "{case}"
        );
    }
}

#[tokio::test]
async fn a_router_that_serves_another_model_is_recorded() {
    let answer = |model: &str| {
        format!(
            r#"{{"id":"gen-1","provider":"Azure","model":"{model}","object":"chat.completion","choices":[{{"index":0,"message":{{"role":"assistant","content":"h"}},"finish_reason":"stop"}}]}}"#
        )
    };
    let chunks = |model: &str| {
        stream(&[
            ": OPENROUTER PROCESSING\n\n".to_owned(),
            format!(
                "data: {{\"id\":\"gen-1\",\"provider\":\"Azure\",\"model\":\"{model}\",\"choices\":[{{\"index\":0,\"delta\":{{\"role\":\"assistant\",\"content\":\"h\"}}}}]}}\n\n"
            ),
            "data: [DONE]\n\n".to_owned(),
        ])
    };
    for (case, asked, serves, served, other) in [
        ("the same", "openai/gpt-4o", &[][..], "openai/gpt-4o", false),
        (
            "a snapshot",
            "openai/gpt-4o",
            &[],
            "openai/gpt-4o-2024-08-06",
            false,
        ),
        ("another", "openai/gpt-4o", &[], "openai/gpt-4o-mini", true),
        ("a deployment", "prod-chat", &[], "gpt-4o-2024-08-06", false),
        (
            "as declared",
            "prod-chat",
            &["gpt-4o-*"],
            "gpt-4o-2024-08-06",
            false,
        ),
        (
            "not as declared",
            "prod-chat",
            &["gpt-4o-*"],
            "gpt-35-turbo",
            true,
        ),
    ] {
        for streamed in [false, true] {
            let site = Site::with(routes_of(Family::OpenaiChat, asked, serves)).await;
            let (body, script) = if streamed {
                chunks(served)
            } else {
                (answer(served), Script::json(200, &answer(served)))
            };
            site.primary.set(script);
            let ask = format!(r#"{{"model":"m","stream":{streamed},"messages":[]}}"#);
            let response = site.ask(&ask).await;
            assert_eq!(
                header(&response, "x-backstop-provider-fallback"),
                other.then_some(served),
                "{case}, streamed: {streamed}"
            );
            assert_eq!(response.text().await.unwrap(), body, "{case}");
            let events = site.events(usize::from(other)).await;
            let reasons: Vec<_> = events.into_iter().map(|it| it.event.reason).collect();
            let expected: Vec<_> = other
                .then(|| made(asked, served, None))
                .into_iter()
                .collect();
            assert_eq!(reasons, expected, "{case}, streamed: {streamed}");
        }
    }
}

#[tokio::test]
async fn a_provider_s_own_fallback_on_our_fallback_is_a_second_event() {
    let site = Site::with(routes_of(Family::AnthropicMessages, ASKED, &[])).await;
    site.primary.set(Script::json(529, OVERLOADED));
    let spoken = r#"{"type":"text","text":"h"}"#;
    let body = message(&format!("{BLOCK},{spoken}"), "{}");
    site.fallback.set(Script::json(200, &body));
    let ask = r#"{"model":"m","max_tokens":9,"messages":[]}"#;
    let response = site.post("/w/support-chat/v1/messages", ask).await;
    assert_eq!(header(&response, "x-backstop-fallback"), Some("overloaded"));
    assert_eq!(
        header(&response, "x-backstop-provider-fallback"),
        Some("claude-opus-4-8")
    );
    let events = site.events(2).await;
    let ours = events
        .iter()
        .find(|it| it.event.decision == EventDecision::Fallback)
        .unwrap();
    assert_eq!(ours.event.class, Some(ErrorClass::Overloaded));
    let theirs = events
        .iter()
        .find(|it| it.event.decision == EventDecision::ProviderMade)
        .unwrap();
    let last = theirs.event.attempts.last().unwrap();
    assert_eq!((last.route.as_str(), last.status), ("stable", Some(200)));
    let page = site.get("/metrics").await.text().await.unwrap();
    assert!(
        page.contains(
            "backstop_events_total{workload=\"support-chat\",decision=\"provider-made\",class=\"none\"} 1"
        ),
        "{page}"
    );
}

#[tokio::test]
async fn a_large_answer_says_its_model_at_the_beginning() {
    let site = Site::with(routes_of(Family::OpenaiChat, "openai/gpt-4o", &[])).await;
    let text = "x".repeat(4 << 20);
    let body = format!(
        r#"{{"id":"1","model":"meta/llama-3","choices":[{{"index":0,"message":{{"role":"assistant","content":"{text}"}},"finish_reason":"stop"}}]}}"#
    );
    site.primary.set(Script::json(200, &body));
    let response = site.ask(r#"{"model":"m","messages":[]}"#).await;
    let named = header(&response, "x-backstop-provider-fallback");
    assert_eq!(named, Some("meta/llama-3"));
    assert!(response.text().await.unwrap() == body, "it comes as it is");
    let reason = site.event().await.event.reason;
    assert_eq!(reason, made("openai/gpt-4o", "meta/llama-3", None));
}
