//! What the gateway says about itself over HTTP: health, readiness, metrics, and its workloads as models.

use http::{Method, Response, StatusCode, header, request};

use super::{
    answer::{json, plain_error, text},
    callers::Caller,
    headers, metrics,
    relay::Body,
    snapshot::ReadyWorkload,
    worker::Worker,
};
use crate::{
    store::Health,
    wire::{self, Shape, models},
};

const TEXT: &str = "text/plain; charset=utf-8";

/// Answers the paths that are for operators; `None`: another path.
pub(super) fn answer(worker: &Worker, request: &request::Parts) -> Option<Response<Body>> {
    let page: fn(&Worker, &request::Parts) -> Response<Body> = match request.uri.path() {
        "/healthz" => |_, _| text(StatusCode::OK, TEXT, "alive\n".to_owned()),
        "/readyz" => ready,
        "/metrics" => metrics,
        _ => return None,
    };
    if request.method != Method::GET && request.method != Method::HEAD {
        let mut response = text(
            StatusCode::METHOD_NOT_ALLOWED,
            TEXT,
            "this path answers only GET, HEAD\n".to_owned(),
        );
        response
            .headers_mut()
            .insert(header::ALLOW, header::HeaderValue::from_static("GET, HEAD"));
        return Some(response);
    }
    Some(page(worker, request))
}

/// Whether new requests should come here. A failing store is told, and is no reason to stay away: the
/// gateway serves with the last switches it saw. Who has no key for more hears only yes or no: it is for load
/// balancers, which have none.
fn ready(worker: &Worker, request: &request::Parts) -> Response<Body> {
    let shared = &worker.shared;
    let snapshot = worker.snapshot();
    let draining = shared.draining.is_cancelled();
    let store = match &*shared.store.health().borrow() {
        Health::Good => "good".to_owned(),
        Health::Failing(why) => format!("failing: {}", crate::model::visible(why, 300)),
    };
    let now = shared.clock.now();
    let touch = match shared.contact.apart() {
        None => "in touch".to_owned(),
        Some((since, why)) => format!(
            "APART for {} s, since {}: {}; it serves with the switches of revision {}, the last it saw",
            shared.contact.apart_for(now).as_secs(),
            since.strftime("%H:%M:%SZ"),
            crate::model::visible(&why, 300),
            snapshot.revision
        ),
    };
    let spooled = shared.store.spooled().map(|spooled| *spooled.borrow());
    let spooled = match spooled.filter(|spooled| spooled.entries > 0) {
        None => String::new(),
        Some(spooled) => format!(
            "spooled: {} events wait on this host until the cluster takes them\n",
            spooled.entries
        ),
    };
    let config = match &*shared.refused.borrow() {
        None => "in force".to_owned(),
        Some(why) => format!("the file is refused: {}", crate::model::visible(why, 300)),
    };
    let certificate = match &shared.certificate {
        None => String::new(),
        Some((certificate, _)) => match certificate.refused() {
            None => "certificate: in force\n".to_owned(),
            Some(why) => format!(
                "certificate: the files are refused: {}\n",
                crate::model::visible(&why, 300)
            ),
        },
    };
    let (status, first) = if draining {
        (StatusCode::SERVICE_UNAVAILABLE, "draining")
    } else {
        (StatusCode::OK, "ready")
    };
    let callers = &snapshot.prepared.callers;
    let caller = callers.identify(request, &shared.clock);
    if !caller.is_ok_and(|caller| caller.may_look()) {
        return text(status, TEXT, format!("{first}\n"));
    }
    let body = format!(
        "{first}\ngateway: {}\nconfiguration: {} {config}\nrevision: {}\nstore: {store}\nstore cluster: {touch}\n{spooled}{certificate}",
        shared.name, snapshot.prepared.catalog.fingerprint, snapshot.revision,
    );
    text(status, TEXT, body)
}

/// The numbers. They name every workload and route, so where keys are asked for they need one.
fn metrics(worker: &Worker, request: &request::Parts) -> Response<Body> {
    match worker.identify(request) {
        Ok(caller) if caller.may_look() => {}
        Ok(_) => return plain_error(None, &Caller::no_metrics()),
        Err(denied) => return denied.answer(None),
    }
    match metrics::page(&worker.shared) {
        Ok(page) => text(StatusCode::OK, metrics::CONTENT_TYPE, page),
        Err(error) => text(
            StatusCode::INTERNAL_SERVER_ERROR,
            TEXT,
            format!("metrics could not be written: {error}\n"),
        ),
    }
}

/// The shape in which a client without a family is answered.
pub(super) fn dialect(request: &request::Parts) -> Option<Shape> {
    wire::dialect(request.uri.path(), request.uri.query(), &request.headers)
}

/// The workloads as models; only the named one, when one is named.
pub(super) fn models(
    worker: &Worker,
    request: &request::Parts,
    caller: &Caller,
    named: Option<&str>,
) -> Response<Body> {
    let shape = dialect(request);
    let snapshot = worker.snapshot();
    let all = snapshot
        .prepared
        .workloads
        .iter()
        .filter(|ready| asks(shape, ready))
        .map(|ready| ready.workload.name.as_str())
        .filter(|name| caller.may_call(name));
    match named {
        None => json(StatusCode::OK, models::list(shape, all)),
        Some(name) => match caller.workload(&snapshot, name) {
            Ok(found) if asks(shape, &found.ready) => marked(models::list(shape, [name]), name),
            Ok(_) => plain_error(shape, &caller.no_workload(name)),
            Err(error) => plain_error(shape, &error),
        },
    }
}

/// One workload as a model.
pub(super) fn model(
    worker: &Worker,
    request: &request::Parts,
    caller: &Caller,
    named: Option<&str>,
    id: &str,
) -> Response<Body> {
    let shape = dialect(request);
    let known = match named {
        Some(name) if name != id => Err(caller.no_workload(id)),
        Some(_) | None => caller.workload(&worker.snapshot(), id),
    };
    match known {
        Ok(found) if asks(shape, &found.ready) => marked(models::one(shape, id), id),
        Ok(_) => plain_error(shape, &caller.no_workload(id)),
        Err(error) => plain_error(shape, &error),
    }
}

/// Whether a client of that shape can ask the workload at all. One that does not say what it reads is told
/// of all.
fn asks(shape: Option<Shape>, ready: &ReadyWorkload) -> bool {
    shape.is_none_or(|shape| shape == ready.shape)
}

fn marked(body: bytes::Bytes, name: &str) -> Response<Body> {
    let mut response = json(StatusCode::OK, body);
    response
        .headers_mut()
        .insert(headers::WORKLOAD, headers::value(name));
    response
}
