//! The relay path: what reading a request, an answer and a stream costs. `cargo bench --bench wire`.
#![expect(
    clippy::unwrap_used,
    reason = "a bench is read by its names and fails by panicking"
)]

use std::hint::black_box;

use backstop::{
    model::{Boundary, CapabilitySet, Family, KeyPlace, Route, Secret},
    wire::{RouteHead, Shape, headers, json::Reader, request, response, stream::Watch},
};
use bytes::Bytes;
use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use serde_json::json;

/// A chat request of about `size` bytes: prose with line feeds and quotes, in several messages.
fn chat(size: usize) -> Vec<u8> {
    let prose = "The quick brown fox says \"hello\" to the lazy dog,\nand then it goes on. ";
    let message = prose.repeat(size.div_ceil(8 * prose.len()));
    let messages: Vec<_> = (0..8)
        .map(|_| json!({"role": "user", "content": message}))
        .collect();
    json!({"messages": messages, "temperature": 0.2, "stream": true, "model": "support-chat"})
        .to_string()
        .into_bytes()
}

/// A request with one large image.
fn image(size: usize) -> Vec<u8> {
    let url = format!("data:image/png;base64,{}", "iVBORw0KGgo".repeat(size / 11));
    json!({"model": "m", "messages": [{"role": "user", "content": [
        {"type": "text", "text": "what is this?"},
        {"type": "image_url", "image_url": {"url": url}},
    ]}]})
    .to_string()
    .into_bytes()
}

fn requests(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("request scan");
    let none = HeaderMap::new();
    for (name, body) in [
        ("chat 1 kB", chat(1000)),
        ("chat 1 MB", chat(1_000_000)),
        ("image 1 MB", image(1_000_000)),
    ] {
        group.throughput(Throughput::Bytes(body.len() as u64));
        group.bench_function(BenchmarkId::from_parameter(name), |bencher| {
            bencher.iter(|| request::scan(Shape::OpenaiChat, &none, black_box(&body)).unwrap());
        });
        group.bench_function(
            BenchmarkId::new("serde_json::Value for scale", name),
            |bencher| {
                bencher.iter(|| {
                    serde_json::from_slice::<serde_json::Value>(black_box(&body)).unwrap()
                });
            },
        );
    }
    group.finish();
    let mut group = criterion.benchmark_group("json skip");
    let dense = json!(
        (0..20_000)
            .map(|n| json!({"a": n, "b": [true, null, 1.5]}))
            .collect::<Vec<_>>()
    )
    .to_string();
    group.throughput(Throughput::Bytes(dense.len() as u64));
    group.bench_function("dense", |bencher| {
        bencher.iter(|| Reader::new(black_box(dense.as_bytes())).skip().unwrap());
    });
    group.finish();
}

fn answers(criterion: &mut Criterion) {
    let answer = json!({
        "id": "chatcmpl-1", "object": "chat.completion", "created": 1, "model": "m",
        "choices": [{"index": 0, "message": {"role": "assistant", "content": "word ".repeat(160)},
            "logprobs": null, "finish_reason": "stop"}],
        "usage": {"prompt_tokens": 3, "completion_tokens": 160, "total_tokens": 163},
    })
    .to_string();
    let mut group = criterion.benchmark_group("answer");
    group.throughput(Throughput::Bytes(answer.len() as u64));
    group.bench_function("body evidence 1 kB", |bencher| {
        bencher.iter(|| {
            response::body_evidence(
                Shape::OpenaiChat,
                StatusCode::OK,
                black_box(answer.as_bytes()),
            )
        });
    });
    group.finish();
}

fn streams(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("stream watch");
    let chat_event = |text: &str| {
        format!(
            "data: {{\"id\":\"chatcmpl-1\",\"object\":\"chat.completion.chunk\",\"created\":1795229362,\"model\":\"m\",\"choices\":[{{\"index\":0,\"delta\":{{\"content\":\"{text}\"}},\"logprobs\":null,\"finish_reason\":null}}]}}\n\n"
        )
    };
    let message_event = |text: &str| {
        format!(
            "event: content_block_delta\ndata: {{\"type\":\"content_block_delta\",\"index\":0,\"delta\":{{\"type\":\"text_delta\",\"text\":\"{text}\"}}}}\n\n"
        )
    };
    for (shape, event) in [
        (Shape::OpenaiChat, chat_event(" word")),
        (Shape::AnthropicMessages, message_event(" word")),
    ] {
        let event = Bytes::from(event);
        group.throughput(Throughput::Bytes(1000 * event.len() as u64));
        group.bench_function(
            BenchmarkId::new("1000 events, one a push", shape),
            |bencher| {
                let mut out = Vec::new();
                bencher.iter(|| {
                    let mut watch = Watch::new(shape);
                    for _ in 0..1000 {
                        watch.push(black_box(event.clone()), &mut out);
                        out.clear();
                    }
                    watch.seen().output
                });
            },
        );
        let whole = Bytes::from(event.repeat(1000));
        group.bench_function(
            BenchmarkId::new("1000 events, split every 1460 bytes", shape),
            |bencher| {
                let mut out = Vec::new();
                bencher.iter(|| {
                    let mut watch = Watch::new(shape);
                    for start in (0..whole.len()).step_by(1460) {
                        let end = whole.len().min(start + 1460);
                        watch.push(black_box(whole.slice(start..end)), &mut out);
                        out.clear();
                    }
                    watch.seen().output
                });
            },
        );
    }
    group.finish();
}

fn heads(criterion: &mut Criterion) {
    let client: HeaderMap = [
        ("host", "gateway"),
        ("connection", "keep-alive"),
        ("accept", "application/json"),
        ("accept-encoding", "gzip, deflate"),
        ("authorization", "Bearer client"),
        ("content-length", "1000"),
        ("content-type", "application/json"),
        ("user-agent", "OpenAI/Python 2.0"),
        ("x-stainless-arch", "x64"),
        ("x-stainless-async", "false"),
        ("x-stainless-lang", "python"),
        ("x-stainless-os", "Linux"),
        ("x-stainless-package-version", "2.0"),
        ("x-stainless-retry-count", "0"),
        ("x-stainless-runtime", "CPython"),
    ]
    .into_iter()
    .map(|(name, value)| {
        (
            HeaderName::from_static(name),
            HeaderValue::from_static(value),
        )
    })
    .collect();
    let head = RouteHead::new(&Route {
        name: "r".into(),
        provider: "p".into(),
        base_url: "http://127.0.0.1:1".to_owned(),
        family: Family::OpenaiChat,
        model: "m".to_owned(),
        credential: Some(Secret::new("key")),
        capabilities: CapabilitySet::EMPTY,
        context_tokens: None,
        boundary: Boundary::default(),
        capacity_rps: None,
        key: KeyPlace::None,
        price: None,
        max_concurrent: None,
        workloads: None,
        circuit: true,
        serves: Vec::new(),
    })
    .unwrap();
    criterion.bench_function("headers upstream, 15 of a client", |bencher| {
        bencher.iter(|| head.headers(black_box(&client)));
    });
    criterion.bench_function("headers downstream, in place", |bencher| {
        bencher.iter_batched_ref(
            || client.clone(),
            headers::clean_response,
            criterion::BatchSize::SmallInput,
        );
    });
}

criterion_group!(wire, requests, answers, streams, heads);
criterion_main!(wire);
