//! Who may call: keys where each SDK sends them, scopes, expiry, rotation, and what nobody learns.

use std::{sync::Arc, time::Duration};

use backstop::model::{AcceptedKey, Catalog, Client, ClientKey, Reach};
use serde_json::Value;

use crate::support::{
    gateway::{OVERLOADED, PRIMARY, Plan, Site, header},
    upstream::{DEADLINE, Script},
};

const PATH: &str = "/w/support-chat/v1/chat/completions";
const BODY: &str = r#"{"model":"support-chat","messages":[]}"#;

fn key(seed: u8) -> ClientKey {
    ClientKey::new([seed; 32])
}

fn client(name: &str, reach: Reach, keys: &[&ClientKey]) -> Client {
    Client {
        name: name.into(),
        keys: keys
            .iter()
            .map(|key| AcceptedKey {
                hash: key.hash(),
                expires: None,
            })
            .collect(),
        reach,
        metrics: false,
    }
}

/// `bot` may call the one workload, `other` another one, `operator` everything and look.
async fn site() -> Site {
    let mut operator = client("operator", Reach::Every, &[&key(3)]);
    operator.metrics = true;
    Site::with(Plan {
        clients: vec![
            client(
                "bot",
                Reach::Only(["support-chat".into()].into()),
                &[&key(1)],
            ),
            client(
                "other",
                Reach::Only(["elsewhere".into()].into()),
                &[&key(2)],
            ),
            operator,
        ],
        ..Plan::default()
    })
    .await
}

/// Asks with these headers; `path` may have a query.
async fn ask(site: &Site, path: &str, headers: &[(&str, String)], body: &str) -> reqwest::Response {
    let mut request = site.client.post(site.url(path)).body(body.to_owned());
    for (name, value) in headers {
        request = request.header(*name, value);
    }
    tokio::time::timeout(DEADLINE, request.send())
        .await
        .unwrap()
        .unwrap()
}

async fn get(site: &Site, path: &str, key: Option<&ClientKey>) -> (u16, String) {
    let mut request = site.client.get(site.url(path));
    if let Some(key) = key {
        request = request.bearer_auth(key.expose());
    }
    let response = tokio::time::timeout(DEADLINE, request.send())
        .await
        .unwrap()
        .unwrap();
    (response.status().as_u16(), response.text().await.unwrap())
}

fn bearer(key: &ClientKey) -> Vec<(&'static str, String)> {
    vec![("authorization", format!("Bearer {}", key.expose()))]
}

#[tokio::test]
async fn a_key_is_accepted_where_each_sdk_sends_it_and_goes_no_further() {
    let site = site().await;
    let good = key(1);
    let text = good.expose().to_owned();
    for (case, path, headers) in [
        ("bearer", PATH.to_owned(), bearer(&good)),
        (
            "anthropic",
            PATH.to_owned(),
            vec![("x-api-key", text.clone())],
        ),
        (
            "google",
            PATH.to_owned(),
            vec![("x-goog-api-key", text.clone())],
        ),
        (
            "query",
            format!("{PATH}?alt=sse&key={text}&beta=true"),
            vec![],
        ),
        (
            "beside a key of another kind",
            PATH.to_owned(),
            vec![
                ("authorization", "Bearer sk-left-over".to_owned()),
                ("x-api-key", text.clone()),
            ],
        ),
        (
            "by the model",
            "/v1/chat/completions".to_owned(),
            bearer(&good),
        ),
    ] {
        let response = ask(&site, &path, &headers, BODY).await;
        assert_eq!(response.status(), 200, "{case}");
        let seen = site.primary.seen().pop().unwrap();
        let shown = format!("{seen:?}");
        assert!(
            !shown.contains(&text) && !shown.contains("sk-left-over"),
            "{case}: {shown}"
        );
        assert_eq!(seen.header("authorization"), Some("Bearer key-1"), "{case}");
        if case == "query" {
            assert!(seen.line.contains("?alt=sse&beta=true "), "{}", seen.line);
        }
    }
}

#[tokio::test]
async fn without_an_accepted_key_nothing_is_heard() {
    let site = site().await;
    let expired = key(9);
    let known = Arc::clone(&site.catalog.borrow());
    let mut catalog: Catalog = (*known).clone();
    let mut late = client("late", Reach::Every, &[&expired]);
    late.keys[0].expires = Some(site.clock.now());
    catalog.clients.insert("late".into(), late);
    catalog.fingerprint = "f2".to_owned();
    site.catalog.send_replace(Arc::new(catalog));
    site.heartbeat(|beat| beat.fingerprint == "f2").await;

    for (case, headers, code) in [
        ("none", vec![], "backstop_key_missing"),
        (
            "an empty one",
            vec![("x-api-key", String::new())],
            "backstop_key_missing",
        ),
        (
            "a provider's",
            vec![("authorization", "Bearer key-1".to_owned())],
            "backstop_key_not_accepted",
        ),
        (
            "another one of ours",
            bearer(&key(77)),
            "backstop_key_not_accepted",
        ),
        (
            "its hash",
            vec![("x-api-key", key(1).hash().to_string())],
            "backstop_key_not_accepted",
        ),
        (
            "basic",
            vec![("authorization", format!("Basic {}", key(1).expose()))],
            "backstop_key_missing",
        ),
        ("an expired one", bearer(&expired), "backstop_key_expired"),
    ] {
        // The body is not looked at before the key.
        let response = ask(&site, PATH, &headers, "not json").await;
        assert_eq!(response.status(), 401, "{case}");
        assert_eq!(header(&response, "x-backstop-error"), Some(code), "{case}");
        assert_eq!(
            header(&response, "www-authenticate"),
            Some("Bearer"),
            "{case}"
        );
        let body: Value = response.json().await.unwrap();
        assert_eq!(body["error"]["type"], "authentication_error", "{case}");
        assert_eq!(body["error"]["source"], "backstop", "{case}");
    }
    let response = ask(&site, "/w/support-chat/v1/messages", &[], "{}").await;
    assert_eq!(response.status(), 401);
    let body: Value = response.json().await.unwrap();
    assert_eq!(body["type"], "error", "in the client's own shape: {body}");
    assert!(site.primary.seen().is_empty());
}

#[tokio::test]
async fn outside_its_scope_a_key_cannot_tell_what_exists() {
    let site = site().await;
    let confined = key(2);
    let mut answers = Vec::new();
    for name in ["support-chat", "no-such-workload"] {
        let body = format!(r#"{{"model":"{name}","messages":[]}}"#);
        for (path, headers) in [
            (format!("/w/{name}/v1/chat/completions"), bearer(&confined)),
            ("/v1/chat/completions".to_owned(), bearer(&confined)),
            (
                "/v1/chat/completions".to_owned(),
                [
                    bearer(&confined),
                    vec![("x-backstop-workload", name.to_owned())],
                ]
                .concat(),
            ),
        ] {
            let response = ask(&site, &path, &headers, &body).await;
            assert_eq!(response.status(), 403, "{path}");
            let told = response.text().await.unwrap();
            answers.push(told.replace(name, "NAME"));
        }
        for path in [format!("/v1/models/{name}"), format!("/w/{name}/v1/models")] {
            let (status, told) = get(&site, &path, Some(&confined)).await;
            assert_eq!(status, 403, "{path}");
            answers.push(told.replace(name, "NAME"));
        }
    }
    assert!(
        answers.iter().all(|answer| *answer == answers[0]),
        "{answers:#?}"
    );
    let (_, listed) = get(&site, "/v1/models", Some(&confined)).await;
    assert!(!listed.contains("support-chat"), "{listed}");
    let (_, listed) = get(&site, "/v1/models", Some(&key(1))).await;
    assert!(listed.contains("support-chat"), "{listed}");
    // Who may call everything may be told that there is no such thing.
    let (status, _) = get(&site, "/v1/models/no-such-workload", Some(&key(3))).await;
    assert_eq!(status, 404);
    assert!(site.primary.seen().is_empty());
}

#[tokio::test]
async fn events_and_metrics_say_who_asked() {
    let site = site().await;
    site.primary.set(Script::json(503, OVERLOADED));
    assert_eq!(ask(&site, PATH, &bearer(&key(1)), BODY).await.status(), 200);
    assert_eq!(ask(&site, PATH, &[], BODY).await.status(), 401);
    let event = site.event().await.event;
    assert_eq!(
        event
            .client
            .as_ref()
            .map(backstop::model::ClientName::as_str),
        Some("bot")
    );
    let (status, page) = get(&site, "/metrics", Some(&key(3))).await;
    assert_eq!(status, 200);
    for line in [
        format!(
            "backstop_client_requests_total{{client=\"bot\",key=\"{}\"}} 1",
            key(1).hash().short()
        ),
        "backstop_denied_requests_total{reason=\"missing\"} 1".to_owned(),
    ] {
        assert!(page.contains(&line), "{line} is not in\n{page}");
    }
}

#[tokio::test]
async fn what_the_gateway_says_of_itself_needs_a_key_that_may_look() {
    let site = site().await;
    for (path, none, bot, operator) in [
        ("/healthz", 200, 200, 200),
        ("/readyz", 200, 200, 200),
        ("/metrics", 401, 403, 200),
    ] {
        assert_eq!(get(&site, path, None).await.0, none, "{path}");
        assert_eq!(get(&site, path, Some(&key(1))).await.0, bot, "{path}");
        assert_eq!(get(&site, path, Some(&key(3))).await.0, operator, "{path}");
    }
    assert_eq!(get(&site, "/readyz", None).await.1, "ready\n");
    assert!(
        get(&site, "/readyz", Some(&key(3)))
            .await
            .1
            .contains("revision")
    );
}

#[tokio::test]
async fn keys_are_exchanged_while_requests_run() {
    let site = site().await;
    let (old, new) = (key(1), key(11));
    let reach = Reach::Only(["support-chat".into()].into());
    for (step, keys, old_status, new_status) in [
        ("both", vec![&old, &new], 200, 200),
        ("new", vec![&new], 401, 200),
    ] {
        let mut catalog: Catalog = (**site.catalog.borrow()).clone();
        catalog
            .clients
            .insert("bot".into(), client("bot", reach.clone(), &keys));
        step.clone_into(&mut catalog.fingerprint);
        site.catalog.send_replace(Arc::new(catalog));
        site.heartbeat(|beat| beat.fingerprint == step).await;
        assert_eq!(
            ask(&site, PATH, &bearer(&old), BODY).await.status(),
            old_status,
            "{step}"
        );
        assert_eq!(
            ask(&site, PATH, &bearer(&new), BODY).await.status(),
            new_status,
            "{step}"
        );
    }
}

#[tokio::test]
async fn a_key_that_expires_ends_without_a_reload() {
    let mut bot = client("bot", Reach::Every, &[&key(1)]);
    let clock = backstop::clock::Clock::system();
    bot.keys[0].expires = Some(clock.now() + Duration::from_millis(1500));
    let site = Site::with(Plan {
        clients: vec![bot],
        ..Plan::default()
    })
    .await;
    let expired = async { while ask(&site, PATH, &bearer(&key(1)), BODY).await.status() == 200 {} };
    tokio::time::timeout(DEADLINE, expired).await.unwrap();
    let response = ask(&site, PATH, &bearer(&key(1)), BODY).await;
    assert_eq!(
        header(&response, "x-backstop-error"),
        Some("backstop_key_expired")
    );
}

#[tokio::test]
async fn no_credential_is_in_anything_that_is_said() {
    const PROVIDER: &str = "sk-planted-provider-key";
    let mut operator = client("operator", Reach::Every, &[&key(3)]);
    operator.metrics = true;
    let site = Site::with(Plan {
        clients: vec![operator],
        fallback: Box::new(|route| {
            route.credential = Some(backstop::model::Secret::new(PROVIDER));
        }),
        ..Plan::default()
    })
    .await;
    let own = key(3).expose().to_owned();
    let cookie = "session=planted-cookie".to_owned();
    let echo = format!(
        r#"{{"error":{{"message":"Incorrect API key provided: {PROVIDER}","type":"{PROVIDER}","code":"bad {PROVIDER}"}}}}"#
    );
    let mut said = String::new();
    for (status, body) in [
        (401, echo.as_str()),
        (500, echo.as_str()),
        (200, echo.as_str()),
    ] {
        site.primary.set(Script::json(503, OVERLOADED));
        site.fallback.set(Script::json(status, body));
        let path = format!("{PATH}?key={own}");
        let headers = [bearer(&key(3)), vec![("cookie", cookie.clone())]].concat();
        let response = ask(&site, &path, &headers, BODY).await;
        said.extend([format!("{:?}", response.headers())]);
        said.push_str(&response.text().await.unwrap());
        let seen = format!("{:?}", site.primary.seen());
        assert!(!seen.contains(&own) && !seen.contains("planted"), "{seen}");
    }
    let wrong = key(99).expose().to_owned();
    let refused = ask(
        &site,
        &format!("{PATH}?key={wrong}"),
        &bearer(&key(98)),
        BODY,
    )
    .await;
    said.extend([format!(
        "{:?}{}",
        refused.headers().clone(),
        refused.text().await.unwrap()
    )]);
    let events = site
        .store
        .events(backstop::store::EventQuery::default())
        .await
        .unwrap();
    assert!(!events.is_empty());
    said.push_str(&serde_json::to_string(&events).unwrap());
    said.push_str(&serde_json::to_string(&site.heartbeat(|_| true).await).unwrap());
    for path in ["/metrics", "/readyz", "/v1/models"] {
        said.push_str(&get(&site, path, Some(&key(3))).await.1);
    }
    said.extend([format!("{:?}", site.catalog.borrow())]);
    for secret in [
        PROVIDER,
        &own,
        &wrong,
        key(98).expose(),
        "planted-cookie",
        "key-1",
    ] {
        assert!(!said.contains(secret), "{secret} is in {said}");
    }
}

#[tokio::test]
async fn without_keys_only_programs_of_this_host_are_heard() {
    let open = Site::start().await;
    let keyed = site().await;
    for (case, name, value, heard) in [
        ("a program", "x-new", "1", true),
        (
            "a page of this host",
            "origin",
            "http://localhost:3000",
            true,
        ),
        ("a page", "origin", "https://evil.example", false),
        ("a frame", "origin", "null", false),
        ("a picture", "sec-fetch-site", "cross-site", false),
        ("a name that leads here", "host", "evil.example", false),
    ] {
        let header_of_case = vec![(name, value.to_owned())];
        let response = ask(&open, PATH, &header_of_case, BODY).await;
        let (status, code) = if heard {
            (200, None)
        } else {
            (403, Some("backstop_foreign"))
        };
        assert_eq!(response.status(), status, "{case}");
        assert_eq!(header(&response, "x-backstop-error"), code, "{case}");
        for (path, said) in [
            ("/v1/models", "support-chat"),
            ("/metrics", "support-chat"),
            ("/readyz", "revision"),
        ] {
            let asked = open.client.get(open.url(path)).header(name, value);
            let text = asked.send().await.unwrap().text().await.unwrap();
            assert_eq!(text.contains(said), heard, "{case}, {path}: {text}");
        }
        // For what looks whether it lives.
        let asked = open.client.get(open.url("/healthz")).header(name, value);
        assert_eq!(asked.send().await.unwrap().status(), 200, "{case}");
        // A key is more than a name: with one a page may ask.
        let headers = [bearer(&key(1)), header_of_case].concat();
        let response = ask(&keyed, PATH, &headers, BODY).await;
        assert_eq!(response.status(), 200, "{case}, with a key");
    }
    let heard = open.primary.count();
    assert_eq!(heard, 2, "the others went nowhere");
}

#[tokio::test]
async fn a_head_is_answered_like_a_get_without_its_body() {
    let site = site().await;
    for (path, key_of_path, status) in [
        ("/healthz", None, 200),
        ("/readyz", None, 200),
        ("/metrics", Some(key(3)), 200),
        ("/metrics", None, 401),
        ("/v1/models", Some(key(3)), 200),
        ("/v1/models/support-chat", Some(key(3)), 200),
        ("/v1/models/none", Some(key(3)), 404),
        ("/w/support-chat/v1/models", Some(key(3)), 200),
    ] {
        let ask = |method: reqwest::Method| {
            let request = site.client.request(method, site.url(path));
            match &key_of_path {
                Some(key) => request.bearer_auth(key.expose()),
                None => request,
            }
            .send()
        };
        let head = ask(reqwest::Method::HEAD).await.unwrap();
        let get = ask(reqwest::Method::GET).await.unwrap();
        assert_eq!(head.status(), status, "{path}");
        assert_eq!(get.status(), status, "{path}");
        for name in ["content-type", "x-backstop-error", "x-backstop-workload"] {
            assert_eq!(header(&head, name), header(&get, name), "{path}, {name}");
        }
        let length: usize = header(&head, "content-length").unwrap().parse().unwrap();
        assert!(length > 0, "{path}");
        assert_eq!(head.bytes().await.unwrap().len(), 0, "{path}");
        if !path.contains("metrics") {
            assert_eq!(get.bytes().await.unwrap().len(), length, "{path}");
        }
        let options = ask(reqwest::Method::OPTIONS).await.unwrap();
        assert_eq!(options.status(), 405, "{path}");
        assert_eq!(header(&options, "allow"), Some("GET, HEAD"), "{path}");
    }
}

#[tokio::test]
async fn a_key_that_a_provider_repeats_reaches_no_client() {
    // As long as real ones: no part of it is seen either where words are cut.
    const PROVIDER: &str = "sk-planted-0123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890123456789";
    const WORD: &str =
        "data: {\"id\":\"1\",\"choices\":[{\"index\":0,\"delta\":{\"content\":\"one\"}}]}\n\n";
    let site = Site::with(Plan {
        primary: Box::new(|route| {
            route.credential = Some(backstop::model::Secret::new(PROVIDER));
        }),
        ..Plan::default()
    })
    .await;
    let headers = [
        ("content-type", "application/json"),
        ("x-echo", PROVIDER),
        ("x-api-key", PROVIDER),
        ("www-authenticate", &format!("Bearer {PROVIDER}")),
        ("x-request-id", "r"),
    ];
    let error = format!("{{\"error\":{{\"message\":\"{PROVIDER}\",\"code\":\"{PROVIDER}\"}}}}");
    let late = format!("data: {error}\n\n");
    let (first, second) = late.split_at(40);
    let stream = Script::stream()
        .chunk(WORD)
        .chunk(first)
        .chunk(second)
        .end();
    for (case, script, streamed) in [
        (
            "headers of an answer",
            Script::answer(200, &headers, PRIMARY),
            false,
        ),
        (
            "headers of an error",
            Script::answer(401, &headers, "{}"),
            false,
        ),
        (
            "an error inside a success",
            Script::json(200, &error),
            false,
        ),
        ("an error event", stream, true),
    ] {
        site.primary.set(script);
        let body = format!(r#"{{"model":"m","stream":{streamed},"messages":[]}}"#);
        let response = site.ask(&body).await;
        let mut said = format!("{:?}", response.headers());
        assert_eq!(
            said.contains("x-request-id"),
            case.starts_with("headers"),
            "{said}"
        );
        said.push_str(&response.text().await.unwrap());
        assert!(!said.contains("planted"), "{case}: {said}");
    }
    let events = site.events(3).await;
    let said = serde_json::to_string(&events).unwrap();
    assert!(said.contains("***") && !said.contains("planted"), "{said}");
}
