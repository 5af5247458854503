//! One request to a simulated provider: the control endpoint, the credential, the fault, or an answer at the
//! model's own pace.

use std::{convert::Infallible, io, time::Duration};

use bytes::Bytes;
use futures_util::stream;
use http::{Method, Request, Response, header};
use http_body_util::{BodyExt, Full, Limited, StreamBody, combinators::UnsyncBoxBody};
use hyper::body::{Frame, Incoming};
use serde_json::{Value, json};

use super::{
    answer::answer,
    ask::{Ask, Content, Events, Invalid, Reply, tokens},
    board::{Entry, Order},
    cast::{Eyes, Model},
    fault::{Fault, FaultKind},
    gemini,
    provider::{Provider, Tempo},
    shape::Shape,
};
use crate::clock::Clock;

type Body = UnsyncBoxBody<Bytes, io::Error>;

/// The largest request body.
const MOST: usize = 64 << 20;

const JSON: &str = "application/json";

const STREAM: &str = "text/event-stream; charset=utf-8";

/// How long a stall lasts when the client waits.
const STALL: Duration = Duration::from_mins(2);

/// A fault for one request, for tests: `503;model=NAME;delay_ms=N`.
const FAULT_HEADER: &str = "x-simulate-fault";

/// Answers a request. An error ends the connection without an answer.
pub(super) async fn respond(
    provider: &Provider,
    request: Request<Incoming>,
) -> io::Result<Response<Body>> {
    let (head, body) = request.into_parts();
    let Ok(body) = Limited::new(body, MOST).collect().await else {
        return Ok(plain(
            413,
            &json!({"error": {"message": "request too large"}}),
        ));
    };
    let body = body.to_bytes();
    let path = head.uri.path();
    if let Some(control) = path.strip_prefix("/__simulate/") {
        return Ok(self::control(provider, &head.method, control, &body));
    }
    let own = provider.member.shape;
    let kin = own.kin().iter().find(|shape| shape.path() == path);
    let shape = kin.copied().unwrap_or(own);
    let mut random = provider.random();
    let id: String = std::iter::repeat_with(|| random.alphanumeric())
        .take(24)
        .collect();
    let call = Call {
        provider,
        shape,
        line: (shape == Shape::GeminiGenerate)
            .then(|| gemini::Line::of(path, head.uri.query()))
            .flatten(),
        id,
        random,
        probe: is_probe(&head.headers),
    };
    if shape.key(&head.headers) != Some(provider.member.key) {
        return Ok(call.error(&Fault::new(FaultKind::Authentication)));
    }
    match (&head.method, path) {
        (&Method::GET, "/v1/models" | "/v1beta/models") => {
            Ok(plain(200, &shape.models(provider.member)))
        }
        (&Method::POST, path) if path == shape.path() || call.line.is_some() => {
            let header = head.headers.get(FAULT_HEADER);
            let header = header.and_then(|value| value.to_str().ok());
            call.generate(header, &body).await
        }
        _ => Ok(call.invalid(&Invalid {
            status: 404,
            message: match path.strip_prefix("/v1/responses/") {
                // Nothing is stored here.
                Some(id) => format!("Response with id '{id}' not found."),
                None => format!("Invalid URL ({} {path})", head.method),
            },
            parameter: None,
            code: None,
        })),
    }
}

/// Whether a request says that it is one of ours.
fn is_probe(headers: &http::HeaderMap) -> bool {
    let agent = headers.get(header::USER_AGENT);
    let agent = agent.and_then(|agent| agent.to_str().ok());
    agent.is_some_and(|agent| agent.starts_with("backstop/") && agent.ends_with("(probe)"))
}

/// `fault` and `requests` under `/__simulate/`.
fn control(provider: &Provider, method: &Method, path: &str, body: &[u8]) -> Response<Body> {
    let board = &provider.board;
    match (path, method) {
        ("fault", &Method::POST) => {
            let ordered = serde_json::from_slice::<Order>(body)
                .map_err(|error| error.to_string())
                .and_then(|order| board.inject(order, Clock::instant()));
            match ordered {
                Ok(()) => plain(200, &json!({"ok": true})),
                Err(error) => plain(400, &json!({"ok": false, "error": error})),
            }
        }
        ("fault", &Method::DELETE) => {
            board.clear();
            plain(200, &json!({"ok": true}))
        }
        ("requests", &Method::GET) => plain(200, &json!({"requests": board.journal()})),
        ("requests", &Method::DELETE) => {
            board.forget();
            plain(200, &json!({"ok": true}))
        }
        _ => plain(
            404,
            &json!({"ok": false, "error": "use fault (POST, DELETE) or requests (GET, DELETE)"}),
        ),
    }
}

/// One call of a model.
struct Call<'a> {
    provider: &'a Provider,
    shape: Shape,
    /// What the path says, in a family that names the model there.
    line: Option<gemini::Line>,
    id: String,
    random: fastrand::Rng,
    /// Whether it says that it is a probe.
    probe: bool,
}

impl Call<'_> {
    async fn generate(mut self, header: Option<&str>, body: &[u8]) -> io::Result<Response<Body>> {
        let (ask, model) = match self.read(body) {
            Ok(read) => read,
            Err(invalid) => {
                self.note("", false, Some(invalid.status), None);
                return Ok(self.invalid(&invalid));
            }
        };
        let ordered = match header.map(|text| Fault::from_header(text, model.name)) {
            Some(Ok(fault)) => fault,
            Some(Err(message)) => {
                return Ok(self.invalid(&Invalid::parameter(FAULT_HEADER, message)));
            }
            None => None,
        };
        let roll = self.random.f64();
        let board = &self.provider.board;
        let fault = ordered.or_else(|| board.pick(model.name, roll, Clock::instant()));
        let kind = fault.map(|fault| fault.kind);
        let status = match kind {
            Some(FaultKind::StallHeaders | FaultKind::Refuse) => None,
            Some(kind) => kind.status().or(Some(200)),
            None => Some(200),
        };
        self.note(model.name, ask.stream, status, kind);
        let reply = self.reply(model, &ask);
        match fault {
            Some(fault) => self.fail(&fault, &ask, &reply, model).await,
            None if ask.stream => Ok(self.stream(&ask, &reply, model, None)),
            None if self.line.as_ref().is_some_and(|line| line.count) => {
                Ok(self.answer(JSON, full(gemini::count(&reply).to_string())))
            }
            None => {
                let pace = self.pace(model);
                let pieces = u32::try_from(reply.pieces().len()).unwrap_or(u32::MAX);
                tokio::time::sleep(pace.first + pace.between * pieces).await;
                let whole = self.shape.whole(&reply).to_string();
                Ok(self.answer(JSON, full(whole)))
            }
        }
    }

    fn note(&self, model: &str, stream: bool, status: Option<u16>, fault: Option<FaultKind>) {
        let board = &self.provider.board;
        let at = board.elapsed(Clock::instant()).as_millis();
        board.note(Entry {
            at_ms: u64::try_from(at).unwrap_or(u64::MAX),
            model: model.to_owned(),
            stream,
            status,
            fault,
            probe: self.probe,
        });
    }

    fn read(&self, body: &[u8]) -> Result<(Ask, &'static Model), Invalid> {
        let mut body: Value = serde_json::from_slice(body).map_err(|error| Invalid {
            status: 400,
            message: format!("We could not parse the JSON body of your request: {error}"),
            parameter: None,
            code: None,
        })?;
        if let Some(line) = &self.line {
            line.add_to(&mut body);
        }
        let ask = self.shape.read(&body)?;
        let Some(model) = self.provider.member.model(&ask.model) else {
            return Err(Invalid {
                status: 404,
                message: format!("The model `{}` does not exist", ask.model),
                parameter: None,
                code: Some("model_not_found"),
            });
        };
        if ask.embed.is_some() != model.embeds {
            return Err(Invalid {
                code: Some("model_not_supported"),
                ..Invalid::parameter(
                    "model",
                    format!("`{}` is not a model for this path", ask.model),
                )
            });
        }
        if !ask.images.is_empty() && model.eyes == Eyes::None {
            return Err(Invalid::parameter(
                "messages",
                "this model does not support image input",
            ));
        }
        Ok((ask, model))
    }

    fn reply(&self, model: &Model, ask: &Ask) -> Reply {
        let (content, cut) = answer(model, ask);
        let output_tokens = match &content {
            Content::Text(text) => tokens(text),
            Content::Call { name, arguments } => tokens(name) + tokens(&arguments.to_string()),
        };
        Reply {
            id: self.id.clone(),
            created: self.provider.clock.now().as_second(),
            model: model.name.to_owned(),
            content,
            embed: ask.embed.clone(),
            cut,
            input_tokens: ask.input_tokens,
            output_tokens,
        }
    }

    /// The model's pace with some jitter.
    fn pace(&mut self, model: &Model) -> Pace {
        if self.provider.tempo == Tempo::AtOnce {
            return Pace {
                first: Duration::ZERO,
                between: Duration::ZERO,
            };
        }
        let jitter = 0.7 + 0.6 * self.random.f64();
        Pace {
            first: model.first_output.mul_f64(jitter),
            // A piece is about four tokens.
            between: Duration::from_secs(4) / model.tokens_per_second.max(1),
        }
    }

    /// Plays a fault.
    async fn fail(
        mut self,
        fault: &Fault,
        ask: &Ask,
        reply: &Reply,
        model: &Model,
    ) -> io::Result<Response<Body>> {
        const PAGE: &str = "<!doctype html><html><head><title>Maintenance</title></head>\
            <body><h1>We will be back soon</h1></body></html>";
        tokio::time::sleep(fault.delay).await;
        Ok(match fault.kind {
            FaultKind::InvalidRequest
            | FaultKind::Authentication
            | FaultKind::Forbidden
            | FaultKind::UnknownModel
            | FaultKind::RateLimited
            | FaultKind::QuotaExhausted
            | FaultKind::ServerError
            | FaultKind::Unavailable
            | FaultKind::Overloaded => self.error(fault),
            FaultKind::StallHeaders => {
                tokio::time::sleep(STALL).await;
                return Err(cut());
            }
            // As an order it closes the port; for one request it ends the connection.
            FaultKind::Refuse => return Err(cut()),
            FaultKind::StallOutput | FaultKind::Cut if ask.stream => {
                self.stream(ask, reply, model, Some(fault.kind))
            }
            FaultKind::StallOutput | FaultKind::Cut => {
                let mut whole = self.shape.whole(reply).to_string();
                whole.truncate(whole.floor_char_boundary(whole.len() / 2));
                let wait = if fault.kind == FaultKind::Cut {
                    Duration::from_millis(20)
                } else {
                    STALL
                };
                let steps = vec![(Duration::ZERO, Ok(Bytes::from(whole))), (wait, Err(cut()))];
                self.answer(JSON, paced(steps))
            }
            FaultKind::Html => self.answer("text/html; charset=utf-8", full(PAGE.to_owned())),
            FaultKind::Malformed if self.in_array() => {
                self.answer(JSON, full("[{\"id\":}]".to_owned()))
            }
            FaultKind::Malformed if ask.stream => self.answer(
                STREAM,
                full("data: {\"id\":\"x\",\"choices\":[{\n\n".to_owned()),
            ),
            FaultKind::Malformed => self.answer(JSON, full("{\"id\":\"x\",".to_owned())),
            FaultKind::Empty => self.answer(JSON, full(String::new())),
        })
    }

    /// Streams an answer, or a part of it.
    fn stream(
        &mut self,
        ask: &Ask,
        reply: &Reply,
        model: &Model,
        fault: Option<FaultKind>,
    ) -> Response<Body> {
        let pace = self.pace(model);
        let array = self.in_array();
        let Events {
            opening,
            pieces,
            closing,
        } = self.shape.events(reply, ask.usage, array);
        let mut steps = vec![(Duration::ZERO, Ok(Bytes::from(opening)))];
        if fault == Some(FaultKind::StallOutput) {
            steps.push((STALL, Err(cut())));
        } else {
            let kept = match fault {
                // Some words have been read when it breaks off.
                Some(_) => pieces.len().div_ceil(3),
                None => pieces.len(),
            };
            let mut wait = pace.first;
            for piece in pieces.into_iter().take(kept) {
                steps.push((wait, Ok(Bytes::from(piece))));
                wait = pace.between;
            }
            steps.push(match fault {
                Some(_) => (pace.between, Err(cut())),
                None => (Duration::ZERO, Ok(Bytes::from(closing))),
            });
        }
        self.answer(if array { JSON } else { STREAM }, paced(steps))
    }

    /// Whether a stream is wanted as one JSON array.
    fn in_array(&self) -> bool {
        self.line.as_ref().is_some_and(|line| line.array)
    }

    fn request_id(&self) -> String {
        format!("req_{}", self.id)
    }

    fn headers(&self, builder: http::response::Builder, kind: &str) -> http::response::Builder {
        let name = self.shape.request_id_header();
        builder
            .header(name, self.request_id())
            .header(header::CONTENT_TYPE, kind)
    }

    fn answer(&self, kind: &str, body: Body) -> Response<Body> {
        self.headers(Response::builder(), kind)
            .body(body)
            .unwrap_or_default()
    }

    /// An error that is told by its status.
    fn error(&self, fault: &Fault) -> Response<Body> {
        let body = self.shape.error(fault.kind, &self.request_id());
        let status = fault.kind.status().unwrap_or(500);
        let mut builder = self.headers(Response::builder().status(status), "application/json");
        if fault.kind == FaultKind::RateLimited {
            builder = builder.header(header::RETRY_AFTER, fault.retry_after);
        }
        builder.body(full(body.to_string())).unwrap_or_default()
    }

    fn invalid(&self, invalid: &Invalid) -> Response<Body> {
        let body = self.shape.invalid(invalid, &self.request_id());
        self.headers(
            Response::builder().status(invalid.status),
            "application/json",
        )
        .body(full(body.to_string()))
        .unwrap_or_default()
    }
}

/// When output comes.
#[derive(Clone, Copy)]
struct Pace {
    first: Duration,
    between: Duration,
}

fn cut() -> io::Error {
    io::Error::new(io::ErrorKind::ConnectionReset, "cut by the simulation")
}

fn full(text: String) -> Body {
    Full::new(Bytes::from(text))
        .map_err(|never: Infallible| match never {})
        .boxed_unsync()
}

/// A body that comes step by step; an error ends the connection.
fn paced(steps: Vec<(Duration, io::Result<Bytes>)>) -> Body {
    let frames = stream::unfold(steps.into_iter(), async |mut steps| {
        let (wait, step) = steps.next()?;
        if !wait.is_zero() {
            tokio::time::sleep(wait).await;
        }
        Some((step.map(Frame::data), steps))
    });
    StreamBody::new(Box::pin(frames)).boxed_unsync()
}

fn plain(status: u16, body: &Value) -> Response<Body> {
    Response::builder()
        .status(status)
        .header(header::CONTENT_TYPE, "application/json")
        .body(full(body.to_string()))
        .unwrap_or_default()
}
