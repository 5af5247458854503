//! The simulated providers over real sockets.

use std::time::Duration;

use serde_json::{Value, json};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use super::{Tempo, start, take_seats};
use crate::{
    clock::Clock,
    demo::{
        cast::{CAST, Member},
        script::Script,
        shape::Shape,
    },
};

struct Cast {
    urls: Vec<String>,
    client: reqwest::Client,
    end: CancellationToken,
    tasks: TaskTracker,
}

impl Cast {
    fn start() -> Self {
        let seats = take_seats(0).unwrap();
        let urls = seats.iter().map(super::Seat::url).collect();
        let end = CancellationToken::new();
        let tasks = TaskTracker::new();
        let clock = Clock::system();
        start(
            seats,
            &Script::default(),
            1,
            &clock,
            Tempo::Usual,
            &end,
            &tasks,
        );
        Self {
            urls,
            client: reqwest::Client::new(),
            end,
            tasks,
        }
    }

    fn url(&self, member: &Member) -> &str {
        let index = CAST.iter().position(|one| one.name == member.name).unwrap();
        &self.urls[index]
    }

    fn call(&self, member: &Member, model: &str, stream: bool) -> reqwest::RequestBuilder {
        let shape = shape_of(member, model);
        let question = "where is my order 17?";
        let body = match shape {
            Shape::OpenaiChat | Shape::AnthropicMessages => json!({
                "model": model, "stream": stream, "max_tokens": 400,
                "messages": [{"role": "user", "content": question}],
            }),
            Shape::OpenaiResponses => json!({"model": model, "stream": stream, "input": question}),
            Shape::OpenaiEmbeddings => json!({"model": model, "input": question}),
            Shape::GeminiGenerate => json!({
                "contents": [{"role": "user", "parts": [{"text": question}]}],
            }),
        };
        let method = match (shape, stream) {
            (Shape::GeminiGenerate, false) => format!("/{model}:generateContent"),
            (Shape::GeminiGenerate, true) => format!("/{model}:streamGenerateContent?alt=sse"),
            (_, _) => String::new(),
        };
        let call = self
            .client
            .post(format!("{}{}{method}", self.url(member), shape.path()))
            .json(&body);
        match shape {
            Shape::OpenaiChat | Shape::OpenaiResponses | Shape::OpenaiEmbeddings => {
                call.bearer_auth(member.key)
            }
            Shape::AnthropicMessages => call.header("x-api-key", member.key),
            Shape::GeminiGenerate => call.header("x-goog-api-key", member.key),
        }
    }

    async fn order(&self, member: &Member, order: Value) {
        let url = format!("{}/__simulate/fault", self.url(member));
        let answer = self.client.post(url).json(&order).send().await.unwrap();
        assert_eq!(answer.status(), 200, "{order}");
    }

    async fn stop(self) {
        drop(self.client);
        self.end.cancel();
        self.tasks.close();
        tokio::time::timeout(Duration::from_secs(10), self.tasks.wait())
            .await
            .expect("nothing is left behind");
    }
}

/// Where a model of a member is asked.
fn shape_of(member: &Member, model: &str) -> Shape {
    match member.model(model) {
        Some(model) if model.embeds => Shape::OpenaiEmbeddings,
        Some(_) | None => member.shape,
    }
}

#[tokio::test]
async fn every_model_answers_whole_and_streamed() {
    let cast = Cast::start();
    let models = CAST
        .iter()
        .flat_map(|member| member.models.iter().map(move |model| (member, model.name)));
    futures_util::future::join_all(models.map(|(member, model)| answers(&cast, member, model)))
        .await;
    cast.stop().await;
}

async fn answers(cast: &Cast, member: &Member, model: &str) {
    let whole = cast.call(member, model, false).send().await.unwrap();
    let whole: Value = whole.json().await.unwrap();
    let shape = shape_of(member, model);
    let named = match shape {
        Shape::GeminiGenerate => "modelVersion",
        _ => "model",
    };
    assert_eq!(whole[named], model);
    if shape == Shape::OpenaiEmbeddings {
        assert_eq!(whole["data"][0]["embedding"].as_array().unwrap().len(), 64);
        return;
    }
    let stream = cast.call(member, model, true).send().await.unwrap();
    assert_eq!(stream.status(), 200);
    let text = stream.text().await.unwrap();
    let (text_of_whole, end) = match shape {
        Shape::OpenaiResponses => {
            assert!(text.contains("\nevent: response.completed\n"), "{text}");
            (&whole["output"][0]["content"][0]["text"], "\n\n")
        }
        Shape::OpenaiEmbeddings => unreachable!("never streamed"),
        Shape::OpenaiChat => (
            &whole["choices"][0]["message"]["content"],
            "data: [DONE]\n\n",
        ),
        Shape::AnthropicMessages => (
            &whole["content"][0]["text"],
            "data: {\"type\":\"message_stop\"}\n\n",
        ),
        Shape::GeminiGenerate => (
            &whole["candidates"][0]["content"]["parts"][0]["text"],
            "}\r\n\r\n",
        ),
    };
    assert!(text.ends_with(end), "{text}");
    assert_eq!(streamed_text(shape, &text), text_of_whole.as_str().unwrap());
}

fn streamed_text(shape: Shape, stream: &str) -> String {
    stream
        .lines()
        .filter_map(|line| line.strip_prefix("data: "))
        .filter_map(|data| serde_json::from_str::<Value>(data).ok())
        .filter_map(|event| {
            let text = match shape {
                Shape::OpenaiChat => &event["choices"][0]["delta"]["content"],
                Shape::OpenaiResponses if event["type"] == "response.output_text.delta" => {
                    &event["delta"]
                }
                Shape::OpenaiResponses | Shape::OpenaiEmbeddings => &Value::Null,
                Shape::AnthropicMessages => &event["delta"]["text"],
                Shape::GeminiGenerate => &event["candidates"][0]["content"]["parts"][0]["text"],
            };
            text.as_str().map(str::to_owned)
        })
        .collect()
}

#[tokio::test]
async fn gemini_streams_as_an_array_and_counts() {
    let cast = Cast::start();
    let member = &CAST[7];
    let ask = async |method: &str| {
        let path = member.shape.path();
        let url = format!("{}{path}/garnet-text:{method}", cast.url(member));
        let body = json!({"contents": [{"parts": [{"text": "where is my order 17?"}]}]});
        let call = cast.client.post(url).json(&body);
        let answer = call.header("x-goog-api-key", member.key).send().await;
        answer.unwrap().json::<Value>().await.unwrap()
    };
    let stream = ask("streamGenerateContent").await;
    let answers = stream.as_array().unwrap();
    let last = answers.last().unwrap();
    assert!(answers.len() > 3, "{stream}");
    assert_eq!(last["candidates"][0]["finishReason"], "STOP", "{stream}");
    let count = ask("countTokens").await;
    assert!(count["totalTokens"].as_u64().unwrap() > 3, "{count}");
    cast.stop().await;
}

#[tokio::test]
async fn faults_are_played_as_ordered() {
    let cast = Cast::start();
    for (member, model) in [
        (&CAST[0], "aurora-large"),
        (&CAST[3], "cobalt-code"),
        (&CAST[5], "ember-agent"),
        (&CAST[5], "lexis-embed"),
        (&CAST[7], "garnet-text"),
    ] {
        for (fault, status) in [
            ("400", 400),
            ("401", 401),
            ("403", 403),
            ("404", 404),
            ("429", 429),
            ("insufficient-quota", 429),
            ("500", 500),
            ("503", 503),
            ("529", 529),
        ] {
            cast.order(
                member,
                json!({"fault": fault, "times": 1, "retry_after": 3}),
            )
            .await;
            let answer = cast.call(member, model, true).send().await.unwrap();
            assert_eq!(answer.status(), status, "{fault}");
            let hint = answer
                .headers()
                .get("retry-after")
                .map(|value| value.to_str().unwrap().to_owned());
            assert_eq!(hint.as_deref(), (fault == "429").then_some("3"), "{fault}");
            let body: Value = answer.json().await.unwrap();
            assert!(body["error"]["message"].is_string(), "{fault}: {body}");
        }
        for stream in [false, true] {
            cast.order(member, json!({"fault": "cut", "times": 1}))
                .await;
            let answer = cast.call(member, model, stream).send().await.unwrap();
            assert_eq!(answer.status(), 200);
            assert!(answer.text().await.is_err(), "the connection is cut");

            cast.order(member, json!({"fault": "malformed", "times": 1}))
                .await;
            let text = cast
                .call(member, model, stream)
                .send()
                .await
                .unwrap()
                .text()
                .await
                .unwrap();
            let data = text.strip_prefix("data: ").unwrap_or(&text);
            assert!(serde_json::from_str::<Value>(data).is_err(), "{text}");

            cast.order(member, json!({"fault": "html", "times": 1}))
                .await;
            let answer = cast.call(member, model, stream).send().await.unwrap();
            assert!(
                answer.headers()["content-type"]
                    .to_str()
                    .unwrap()
                    .starts_with("text/html")
            );

            cast.order(member, json!({"fault": "empty", "times": 1}))
                .await;
            let answer = cast.call(member, model, stream).send().await.unwrap();
            assert_eq!(answer.text().await.unwrap(), "");
        }
    }
    cast.stop().await;
}

#[tokio::test]
async fn stalls_end_with_the_client() {
    let cast = Cast::start();
    let member = &CAST[0];
    cast.order(member, json!({"fault": "stall-headers", "times": 1}))
        .await;
    let waiting = cast
        .call(member, "aurora-large", true)
        .timeout(Duration::from_millis(150))
        .send();
    assert!(waiting.await.unwrap_err().is_timeout());
    cast.order(member, json!({"fault": "stall-output", "times": 1}))
        .await;
    let mut answer = cast
        .call(member, "aurora-large", true)
        .send()
        .await
        .unwrap();
    let opening = answer.chunk().await.unwrap().unwrap();
    assert!(String::from_utf8_lossy(&opening).contains("\"role\":\"assistant\""));
    let more = tokio::time::timeout(Duration::from_millis(150), answer.chunk()).await;
    assert!(more.is_err(), "no output follows");
    drop(answer);
    cast.stop().await;
}

#[tokio::test]
async fn a_refusing_provider_closes_its_port_and_opens_it_again() {
    let cast = Cast::start();
    let member = &CAST[0];
    let status = async || match cast.call(member, "aurora-large", false).send().await {
        Ok(answer) => Some(answer.status().as_u16()),
        Err(_) => None,
    };
    assert_eq!(status().await, Some(200));
    cast.order(member, json!({"fault": "refuse", "duration_ms": 300}))
        .await;
    let deadline = Duration::from_secs(10);
    let until = async |wanted: Option<u16>| while status().await != wanted {};
    tokio::time::timeout(deadline, until(None))
        .await
        .expect("the port closes");
    tokio::time::timeout(deadline, until(Some(200)))
        .await
        .expect("the port opens again");
    cast.stop().await;
}

#[tokio::test]
async fn wrong_keys_models_and_paths_are_refused() {
    let cast = Cast::start();
    for member in [&CAST[0], &CAST[3], &CAST[5], &CAST[7]] {
        let url = format!("{}{}", cast.url(member), member.shape.path());
        for (name, value) in [
            ("x-nothing", "x"),
            ("authorization", "Bearer wrong"),
            ("x-api-key", "wrong"),
            ("x-goog-api-key", "wrong"),
        ] {
            let call = cast.client.post(&url).header(name, value).body("{}");
            assert_eq!(call.send().await.unwrap().status(), 401, "{name}");
        }
        let unknown = cast
            .call(member, "no-such-model", false)
            .send()
            .await
            .unwrap();
        assert_eq!(unknown.status(), 404);
        let list = format!("{}/v1/models", cast.url(member));
        assert_eq!(cast.client.get(list).send().await.unwrap().status(), 401);
    }
    cast.stop().await;
}

#[tokio::test]
async fn a_response_is_not_found_where_nothing_is_stored() {
    let cast = Cast::start();
    let member = &CAST[5];
    let url = format!("{}/v1/responses/resp_1", cast.url(member));
    let call = cast.client.get(url).bearer_auth(member.key);
    let answer = call.send().await.unwrap();
    assert_eq!(answer.status(), 404);
    let body: Value = answer.json().await.unwrap();
    assert_eq!(
        body["error"]["message"],
        "Response with id 'resp_1' not found."
    );
    cast.stop().await;
}

#[tokio::test]
async fn the_journal_tells_what_was_asked() {
    let cast = Cast::start();
    let member = &CAST[0];
    cast.order(member, json!({"class": "overloaded", "times": 1}))
        .await;
    cast.call(member, "aurora-large", true)
        .send()
        .await
        .unwrap();
    let url = format!("{}/__simulate/requests", cast.url(member));
    let journal: Value = cast
        .client
        .get(&url)
        .send()
        .await
        .unwrap()
        .json()
        .await
        .unwrap();
    let first = &journal["requests"][0];
    assert_eq!(
        (
            &first["model"],
            &first["status"],
            &first["fault"],
            &first["stream"]
        ),
        (
            &json!("aurora-large"),
            &json!(503),
            &json!("503"),
            &json!(true)
        )
    );
    cast.client.delete(&url).send().await.unwrap();
    let journal: Value = cast
        .client
        .get(&url)
        .send()
        .await
        .unwrap()
        .json()
        .await
        .unwrap();
    assert_eq!(journal["requests"], json!([]));
    cast.stop().await;
}
