//! What the gateway says about itself over HTTP: health, readiness, metrics, and its workloads as models.

use http::{Method, Response, StatusCode, header, request};

use super::{
    answer::{json, plain_error, text},
    headers, metrics,
    relay::Body,
    request::unknown,
    worker::Worker,
};
use crate::{store::Health, wire::models};

const TEXT: &str = "text/plain; charset=utf-8";

/// Answers the paths that are for operators; `None`: another path.
pub(super) fn answer(worker: &Worker, request: &request::Parts) -> Option<Response<Body>> {
    let page: fn(&Worker) -> Response<Body> = match request.uri.path() {
        "/healthz" => |_| text(StatusCode::OK, TEXT, "alive\n".to_owned()),
        "/readyz" => ready,
        "/metrics" => metrics,
        _ => return None,
    };
    if request.method != Method::GET && request.method != Method::HEAD {
        let mut response = text(
            StatusCode::METHOD_NOT_ALLOWED,
            TEXT,
            "this path answers only GET\n".to_owned(),
        );
        response
            .headers_mut()
            .insert(header::ALLOW, header::HeaderValue::from_static("GET, HEAD"));
        return Some(response);
    }
    Some(page(worker))
}

/// Whether new requests should come here. A failing store is told, and is no reason to stay away: the
/// gateway serves with the last switches it saw.
fn ready(worker: &Worker) -> Response<Body> {
    let shared = &worker.shared;
    let snapshot = worker.snapshot();
    let draining = shared.draining.is_cancelled();
    let store = match &*shared.store.health().borrow() {
        Health::Good => "good".to_owned(),
        Health::Failing(why) => format!("failing: {}", crate::model::visible(why, 300)),
    };
    let config = match &*shared.refused.borrow() {
        None => "in force".to_owned(),
        Some(why) => format!("the file is refused: {}", crate::model::visible(why, 300)),
    };
    let (status, first) = if draining {
        (StatusCode::SERVICE_UNAVAILABLE, "draining")
    } else {
        (StatusCode::OK, "ready")
    };
    let body = format!(
        "{first}\ngateway: {}\nconfiguration: {} {config}\nrevision: {}\nstore: {store}\n",
        shared.name, snapshot.prepared.catalog.fingerprint, snapshot.revision,
    );
    text(status, TEXT, body)
}

fn metrics(worker: &Worker) -> Response<Body> {
    match metrics::page(&worker.shared) {
        Ok(page) => text(StatusCode::OK, metrics::CONTENT_TYPE, page),
        Err(error) => text(
            StatusCode::INTERNAL_SERVER_ERROR,
            TEXT,
            format!("metrics could not be written: {error}\n"),
        ),
    }
}

/// The workloads as models; only the named one, when one is named.
pub(super) fn models(worker: &Worker, named: Option<&str>) -> Response<Body> {
    let snapshot = worker.snapshot();
    let all = snapshot
        .prepared
        .workloads
        .iter()
        .map(|ready| ready.workload.name.as_str());
    match named {
        None => json(StatusCode::OK, models::list(all)),
        Some(name) => match snapshot.workload(name) {
            Some(_) => marked(models::list([name]), name),
            None => plain_error(None, &unknown(name)),
        },
    }
}

/// One workload as a model.
pub(super) fn model(worker: &Worker, named: Option<&str>, id: &str) -> Response<Body> {
    let known = worker.snapshot().workload(id).is_some();
    if known && named.is_none_or(|name| name == id) {
        marked(models::one(id), id)
    } else {
        plain_error(None, &unknown(id))
    }
}

fn marked(body: bytes::Bytes, name: &str) -> Response<Body> {
    let mut response = json(StatusCode::OK, body);
    response
        .headers_mut()
        .insert(headers::WORKLOAD, headers::value(name));
    response
}
