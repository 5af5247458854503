//! A client's request: what it is for, its body, its workload.

use std::{borrow::Cow, rc::Rc, time::Duration};

use bytes::{Bytes, BytesMut};
use http::{HeaderValue, Request, Response, header, request};
use http_body_util::BodyExt;
use hyper::body::{Body as HttpBody, Incoming};
use tokio::time::timeout;

use super::{
    answer::plain_error,
    callers::{Caller, without_key},
    decoded,
    exchange::Exchange,
    headers, ops,
    relay::Body,
    serve::{self, Ready},
    snapshot::InForce,
    stored,
    worker::Worker,
};
use crate::{
    clock::Clock,
    wire::{
        Call, Shape,
        endpoint::{self, Operation, PathError},
        error_body::GatewayError,
        request::{ScanError, model, scan},
    },
};

/// How long a client may pause within its request body.
const BODY_PAUSE: Duration = Duration::from_secs(30);

/// Answers one request.
pub(super) async fn handle(worker: Rc<Worker>, request: Request<Incoming>) -> Response<Body> {
    let (parts, body) = request.into_parts();
    if let Some(response) = ops::answer(&worker, &parts) {
        return response;
    }
    let endpoint = match endpoint::parse(&parts.method, parts.uri.path(), parts.uri.query()) {
        Ok(endpoint) => endpoint,
        Err(error) => return no_endpoint(&parts, &error),
    };
    let named = endpoint.workload.as_deref().or_else(|| {
        let value = parts.headers.get(headers::WORKLOAD)?;
        value.to_str().ok()
    });
    let caller = worker.identify(&parts);
    match endpoint.operation {
        Operation::ListModels => match caller {
            Ok(caller) => ops::models(&worker, &parts, &caller, named),
            Err(denied) => denied.answer(ops::dialect(&parts)),
        },
        Operation::ShowModel(id) => match caller {
            Ok(caller) => ops::model(&worker, &parts, &caller, named, id),
            Err(denied) => denied.answer(ops::dialect(&parts)),
        },
        Operation::Stored(stored) => {
            let shape = Some(Shape::OpenaiResponses);
            let caller = match caller {
                Ok(caller) => caller,
                Err(denied) => return denied.answer(shape),
            };
            stored::answer(worker, &parts, body, caller, &stored, named)
                .await
                .unwrap_or_else(|error| plain_error(shape, &error))
        }
        Operation::Ask { call, model } => {
            let caller = match caller {
                Ok(caller) => caller,
                Err(denied) => return denied.answer(Some(call.shape)),
            };
            let asked = Asked {
                caller,
                call,
                named,
                model,
                query: endpoint.query.as_deref(),
            };
            ask(worker, &parts, body, asked)
                .await
                .unwrap_or_else(|error| plain_error(Some(call.shape), &error))
        }
    }
}

/// A request line that means nothing here.
fn no_endpoint(parts: &request::Parts, error: &PathError) -> Response<Body> {
    let code = match error {
        PathError::Unknown | PathError::Workload => "backstop_no_such_path",
        PathError::Method { .. } => "backstop_wrong_method",
        PathError::GeminiMethod => "backstop_unsupported_method",
        PathError::GeminiQuery(_) => "backstop_unsupported_query",
    };
    let told = GatewayError {
        status: error.status(),
        code,
        message: error.to_string(),
    };
    let mut response = plain_error(ops::dialect(parts), &told);
    if let PathError::Method { allow } = error {
        response
            .headers_mut()
            .insert(header::ALLOW, HeaderValue::from_static(allow));
    }
    response
}

/// What the request line and the headers ask.
struct Asked<'a> {
    caller: Caller,
    call: Call,
    /// The workload, when path or header name it.
    named: Option<&'a str>,
    /// The model, when the path names it.
    model: Option<Cow<'a, str>>,
    /// What of the query goes upstream.
    query: Option<&'a str>,
}

async fn ask(
    worker: Rc<Worker>,
    parts: &request::Parts,
    body: Incoming,
    asked: Asked<'_>,
) -> Result<Response<Body>, GatewayError> {
    let started = Clock::instant();
    let snapshot = worker.snapshot();
    let call = asked.call;
    let mut in_force = match asked.named {
        Some(name) => Some(asked.caller.workload(&snapshot, name)?),
        None => None,
    };
    let limit = snapshot.prepared.catalog.gateway.max_body;
    let coding = decoded::coding(&parts.headers)?;
    let mut body = read(body, limit).await?;
    let mut headers = Cow::Borrowed(&parts.headers);
    if let Some(coding) = coding {
        body = decoded::body(coding, body, limit, || too_large(limit)).await?;
        headers = Cow::Owned(decoded::headers(&parts.headers));
    }
    let mut scanned = scan(call, &headers, &body).map_err(|error| not_scanned(&error))?;
    // The whole body is held until the answer has begun.
    scanned.facts.replayable = true;
    if in_force.is_none() {
        let name = asked
            .model
            .or_else(|| model(&scanned, &body))
            .unwrap_or_default();
        in_force = Some(asked.caller.workload(&snapshot, &name)?);
    }
    drop(snapshot);
    let Some(in_force) = in_force else {
        return Err(unknown(""));
    };
    same_shape(&in_force, call)?;
    let exchange = Exchange::begin(
        worker,
        in_force.clone(),
        asked.caller.client(),
        scanned.facts,
        started,
    );
    let query = asked.query.map(without_key);
    let ready = Ready {
        in_force: &in_force,
        call,
        headers: &headers,
        query: query.as_deref(),
        body: &body,
        model: scanned.model.as_ref(),
        stored: None,
        structured: scanned.structured,
    };
    Ok(serve::serve(&ready, exchange).await)
}

fn too_large(limit: usize) -> GatewayError {
    GatewayError {
        status: 413,
        code: "backstop_body_too_large",
        message: format!("the request body is larger than {limit} bytes; raise gateway.max_body"),
    }
}

/// Reads a body up to a limit. The usual one piece is not copied.
pub(super) async fn read(mut body: Incoming, limit: usize) -> Result<Bytes, GatewayError> {
    let announced = body.size_hint().lower();
    if usize::try_from(announced).map_or(true, |size| size > limit) {
        return Err(too_large(limit));
    }
    let mut first = Bytes::new();
    let mut all = BytesMut::new();
    while !body.is_end_stream() {
        let frame = match timeout(BODY_PAUSE, body.frame()).await {
            Ok(Some(Ok(frame))) => frame,
            Ok(None) => break,
            Ok(Some(Err(_))) => {
                return Err(GatewayError {
                    status: 400,
                    code: "backstop_body_incomplete",
                    message: "the request body ended too early or is badly framed".to_owned(),
                });
            }
            Err(_) => {
                return Err(GatewayError {
                    status: 408,
                    code: "backstop_body_slow",
                    message: "the request body did not come in time".to_owned(),
                });
            }
        };
        let Ok(data) = frame.into_data() else {
            continue;
        };
        if first.len() + all.len() + data.len() > limit {
            return Err(too_large(limit));
        }
        if all.is_empty() && first.is_empty() {
            first = data;
        } else {
            if all.is_empty() {
                let announced = usize::try_from(announced).unwrap_or(0);
                all.reserve(announced.max(2 * (first.len() + data.len())));
                all.extend_from_slice(&std::mem::take(&mut first));
            }
            all.extend_from_slice(&data);
        }
    }
    Ok(if all.is_empty() { first } else { all.freeze() })
}

fn not_scanned(error: &ScanError) -> GatewayError {
    let (status, code) = match error {
        ScanError::NotJson { .. } => (400, "backstop_not_json"),
        ScanError::NoModel => (400, "backstop_no_model"),
        ScanError::Encoded => (415, "backstop_body_encoded"),
    };
    GatewayError {
        status,
        code,
        message: error.to_string(),
    }
}

/// A workload that is not configured.
pub(super) fn unknown(name: &str) -> GatewayError {
    let name = crate::model::visible(name, 64);
    GatewayError {
        status: 404,
        code: "backstop_unknown_workload",
        message: format!(
            "there is no workload `{name}`; name one in the path (/w/NAME/v1/...), in x-backstop-workload or \
             as the model"
        ),
    }
}

/// A workload is asked in its own family.
pub(super) fn same_shape(in_force: &InForce, call: Call) -> Result<(), GatewayError> {
    let ready = &in_force.ready;
    if ready.shape == call.shape {
        return Ok(());
    }
    Err(GatewayError {
        status: 400,
        code: "backstop_wrong_family",
        message: format!(
            "the workload `{}` speaks {}, not {}",
            ready.workload.name, ready.workload.family, call.shape
        ),
    })
}
