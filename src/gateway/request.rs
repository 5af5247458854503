//! A client's request: what it is for, its body, its workload.

use std::{borrow::Cow, rc::Rc};

use http::{HeaderValue, Method, Request, Response, header, request};
use hyper::body::Incoming;

use super::{
    answer::plain_error,
    callers::{Caller, without_key},
    decoded,
    exchange::Exchange,
    headers,
    intake::Intake,
    ops,
    relay::Body,
    room::Stay,
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

/// Answers one request.
pub(super) async fn handle(worker: Rc<Worker>, request: Request<Incoming>) -> Response<Body> {
    let (parts, body) = request.into_parts();
    let mut intake = Intake::new(&parts, body);
    let mut response = answer(worker, &parts, &mut intake).await;
    if parts.method == Method::HEAD {
        headers_alone(&mut response);
    }
    intake.let_go(&mut response);
    response
}

/// The same answer as to GET, without its body.
fn headers_alone(response: &mut Response<Body>) {
    if let Body::Whole(body) = std::mem::take(response.body_mut()) {
        let length = HeaderValue::from(body.len());
        response
            .headers_mut()
            .insert(header::CONTENT_LENGTH, length);
    }
}

async fn answer(worker: Rc<Worker>, parts: &request::Parts, intake: &mut Intake) -> Response<Body> {
    if let Some(response) = ops::answer(&worker, parts) {
        return response;
    }
    let endpoint = match endpoint::parse(&parts.method, parts.uri.path(), parts.uri.query()) {
        Ok(endpoint) => endpoint,
        Err(error) => return no_endpoint(parts, &error),
    };
    let named = endpoint.workload.as_deref().or_else(|| {
        let value = parts.headers.get(headers::WORKLOAD)?;
        value.to_str().ok()
    });
    let caller = worker.identify(parts);
    match endpoint.operation {
        Operation::ListModels => match caller {
            Ok(caller) => ops::models(&worker, parts, &caller, named),
            Err(denied) => denied.answer(ops::dialect(parts)),
        },
        Operation::ShowModel(id) => match caller {
            Ok(caller) => ops::model(&worker, parts, &caller, named, id),
            Err(denied) => denied.answer(ops::dialect(parts)),
        },
        Operation::Stored(stored) => {
            let shape = Some(Shape::OpenaiResponses);
            let caller = match caller {
                Ok(caller) => caller,
                Err(denied) => return denied.answer(shape),
            };
            let stay = match worker.admit() {
                Ok(stay) => stay,
                Err(full) => return plain_error(shape, &full.error()),
            };
            stored::answer(worker, parts, intake, (caller, stay), &stored, named)
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
                stay: match worker.admit() {
                    Ok(stay) => stay,
                    Err(full) => return plain_error(Some(call.shape), &full.error()),
                },
                call,
                named,
                model,
                query: endpoint.query.as_deref(),
            };
            ask(worker, parts, intake, asked)
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
    stay: Stay,
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
    intake: &mut Intake,
    asked: Asked<'_>,
) -> Result<Response<Body>, GatewayError> {
    let started = Clock::instant();
    let snapshot = worker.snapshot();
    let call = asked.call;
    let mut in_force = match asked.named {
        Some(name) => Some(asked.caller.workload(&snapshot, name)?),
        None => None,
    };
    let coding = decoded::coding(&parts.headers)?;
    // Until the answer has begun: so long the body may be needed once more.
    let (limits, mut held) = intake.room(&worker)?;
    let mut body = intake.read(limits, &mut held).await?;
    let mut headers = Cow::Borrowed(&parts.headers);
    if let Some(coding) = coding {
        body = decoded::body(coding, body, limits.size, &mut held).await?;
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
    let mut exchange = Exchange::begin(
        worker,
        in_force.clone(),
        asked.caller.client(),
        scanned.facts,
        started,
    );
    exchange.stay = Some(asked.stay);
    exchange.method = call.method();
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
    let response = serve::serve(&ready, exchange).await;
    if let Some(lens) = &in_force.ready.lens {
        lens.offer(response.status(), started, call, &scanned, &body);
    }
    Ok(response)
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
