//! The traffic of the demo: simulated applications that call their workload through the gateway, streamed and
//! not, at a steady and modest rate.
//!
//! They are plain clients: no retries, no knowledge of routes. What they are answered goes nowhere.

use std::{sync::Arc, time::Duration};

use serde_json::Value;
use tokio::sync::Semaphore;
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use super::prompts;

/// One simulated application.
#[derive(Debug)]
pub(super) struct Application {
    /// The workload it calls.
    pub(super) workload: &'static str,
    /// The path below `/w/{workload}`.
    pub(super) path: &'static str,
    /// Requests per second, on average.
    pub(super) rate: f64,
    /// Share of streamed requests.
    pub(super) streamed: f64,
    /// Share of wrong requests, which the provider answers with a 400.
    pub(super) mistakes: f64,
    /// Makes a request body.
    pub(super) body: fn(&mut fastrand::Rng) -> Value,
}

/// The applications, one for each workload.
pub(super) const APPLICATIONS: &[Application] = &[
    Application {
        workload: "support-chat",
        path: "/v1/chat/completions",
        rate: 4.0,
        streamed: 0.8,
        mistakes: 0.0,
        body: prompts::support,
    },
    Application {
        workload: "batch-extraction",
        path: "/v1/chat/completions",
        rate: 2.0,
        streamed: 0.0,
        mistakes: 0.02,
        body: prompts::extraction,
    },
    Application {
        workload: "code-assistant",
        path: "/v1/messages",
        rate: 1.0,
        streamed: 0.9,
        mistakes: 0.02,
        body: prompts::code,
    },
    Application {
        workload: "image-understanding",
        path: "/v1/messages",
        rate: 1.2,
        streamed: 0.3,
        mistakes: 0.0,
        body: prompts::image,
    },
    Application {
        workload: "agent-runs",
        path: "/v1/responses",
        rate: 0.9,
        streamed: 0.8,
        mistakes: 0.0,
        body: prompts::agent,
    },
    Application {
        workload: "doc-search",
        path: "/v1/embeddings",
        rate: 2.5,
        streamed: 0.0,
        mistakes: 0.0,
        body: prompts::search,
    },
    Application {
        workload: "catalog-text",
        path: "/v1beta/models/catalog-text:generateContent",
        rate: 0.8,
        streamed: 0.7,
        mistakes: 0.0,
        body: prompts::catalog,
    },
];

/// Requests of one application that may run at once; more are not sent.
const AT_ONCE: usize = 24;

/// So many requests of each application are right before one may be wrong, so that the first look at the demo
/// shows the incident and nothing else.
const WARM_UP: u32 = 20;

/// A client gives up after this.
const PATIENCE: Duration = Duration::from_secs(90);

/// Starts every application against a gateway. They end with `end`; wait for them with `tasks`.
///
/// # Errors
/// When no HTTP client can be made.
pub(super) fn start(
    gateway: &str,
    seed: u64,
    end: &CancellationToken,
    tasks: &TaskTracker,
) -> Result<(), reqwest::Error> {
    let client = reqwest::Client::builder()
        .no_proxy()
        .timeout(PATIENCE)
        .build()?;
    for (index, application) in APPLICATIONS.iter().enumerate() {
        let url = format!("{gateway}/w/{}{}", application.workload, application.path);
        let index = u64::try_from(index).unwrap_or_default();
        tasks.spawn(run(
            application,
            url,
            client.clone(),
            fastrand::Rng::with_seed(seed.wrapping_add(index)),
            end.clone(),
            tasks.clone(),
        ));
    }
    Ok(())
}

async fn run(
    application: &'static Application,
    url: String,
    client: reqwest::Client,
    mut random: fastrand::Rng,
    end: CancellationToken,
    tasks: TaskTracker,
) {
    let places = Arc::new(Semaphore::new(AT_ONCE));
    for number in 0_u32.. {
        tokio::select! {
            () = end.cancelled() => return,
            () = tokio::time::sleep(pause(application.rate, random.f64())) => {}
        }
        let mut body = request(application, number >= WARM_UP, &mut random);
        let url = address(&url, &mut body, number % 3 == 0);
        let Ok(place) = Arc::clone(&places).try_acquire_owned() else {
            continue;
        };
        let call = client.post(url).json(&body).send();
        let end = end.clone();
        tasks.spawn(async move {
            tokio::select! {
                () = end.cancelled() => {}
                () = read_to_the_end(application.workload, call) => {}
            }
            drop(place);
        });
    }
}

async fn read_to_the_end(
    workload: &str,
    call: impl Future<Output = reqwest::Result<reqwest::Response>>,
) {
    let read = async {
        let mut answer = call.await?;
        let status = answer.status().as_u16();
        while answer.chunk().await?.is_some() {}
        Ok::<u16, reqwest::Error>(status)
    };
    match read.await {
        Ok(status) => tracing::trace!(workload, status, "answered"),
        Err(error) => tracing::debug!(workload, %error, "not answered"),
    }
}

/// How long until the next request: from half to one and a half of the mean. `roll` is from 0.0 to 1.0.
fn pause(rate: f64, roll: f64) -> Duration {
    Duration::from_secs_f64((0.5 + roll) / rate.max(0.01))
}

/// `mistakes`: whether it may be wrong.
fn request(application: &Application, mistakes: bool, random: &mut fastrand::Rng) -> Value {
    let mut body = (application.body)(random);
    if let Value::Object(fields) = &mut body {
        fields.insert("model".to_owned(), application.workload.into());
        if random.f64() < application.streamed {
            fields.insert("stream".to_owned(), true.into());
        }
        if mistakes && random.f64() < application.mistakes {
            fields.insert("messages".to_owned(), Value::Array(Vec::new()));
        }
    }
    body
}

/// The URL to ask. Where the path names the model it also says whether the answer streams, and how, and the
/// body says neither.
fn address(url: &str, body: &mut Value, array: bool) -> String {
    let (Some(model), Value::Object(fields)) = (url.strip_suffix(":generateContent"), body) else {
        return url.to_owned();
    };
    fields.remove("model");
    match (fields.remove("stream"), array) {
        (None, _) => url.to_owned(),
        (Some(_), false) => format!("{model}:streamGenerateContent?alt=sse"),
        (Some(_), true) => format!("{model}:streamGenerateContent"),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{APPLICATIONS, address, pause, request};
    use crate::demo::{anthropic, gemini, openai, openai_embeddings, openai_responses};

    #[test]
    fn requests_are_understood_by_the_providers_but_for_few_mistakes() {
        for application in APPLICATIONS {
            let mut random = fastrand::Rng::with_seed(7);
            let bodies: Vec<_> = (0..900)
                .map(|_| request(application, true, &mut random))
                .collect();
            let read = |body| match application.path {
                "/v1/messages" => anthropic::read(body),
                "/v1/responses" => openai_responses::read(body),
                "/v1/embeddings" => openai_embeddings::read(body),
                path if path.ends_with(":generateContent") => gemini::read(body),
                _ => openai::read(body),
            };
            let wrong = bodies.iter().filter(|body| read(body).is_err()).count();
            let name = application.workload;
            assert_eq!(wrong > 0, application.mistakes > 0.0, "{name}: {wrong}");
            assert!(wrong < 60, "{name}: {wrong}");
        }
    }

    #[test]
    fn the_same_seed_gives_the_same_requests() {
        let bodies = |seed| {
            let mut random = fastrand::Rng::with_seed(seed);
            let mut next = || request(&APPLICATIONS[0], true, &mut random);
            (0..20).map(|_| next()).collect::<Vec<_>>()
        };
        assert_eq!(bodies(1), bodies(1));
        assert_ne!(bodies(1), bodies(2));
    }

    #[test]
    fn the_path_says_what_the_body_does_not() {
        let url = "http://h/v1beta/models/m:generateContent";
        let stream = "http://h/v1beta/models/m:streamGenerateContent";
        for (before, array, wanted) in [
            (json!({"model": "m"}), true, url.to_owned()),
            (
                json!({"model": "m", "stream": true}),
                true,
                stream.to_owned(),
            ),
            (
                json!({"model": "m", "stream": true}),
                false,
                format!("{stream}?alt=sse"),
            ),
        ] {
            let mut body = before;
            assert_eq!(address(url, &mut body, array), wanted);
            assert_eq!(body, json!({}));
        }
        let mut body = json!({"model": "m", "stream": true});
        assert_eq!(
            address("http://h/v1/messages", &mut body, true),
            "http://h/v1/messages"
        );
        assert_eq!(body["stream"], true);
    }

    #[test]
    fn pauses_average_to_the_rate() {
        assert!((pause(4.0, 0.5).as_secs_f64() - 0.25).abs() < 1e-9);
        assert!(pause(0.0, 1.0).as_secs() < 1000);
    }
}
