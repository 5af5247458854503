//! Whether a sample fits: its family, the routes of its workload, and what it says that it stands for.
//!
//! Asked by `backstop check` and `backstop samples`. It sends nothing.

use http::HeaderMap;
use serde_json::Value;

use super::{ProbeError, measure::read, target::call};
use crate::{
    model::{Capability, CapabilitySet, Catalog, PayloadClass, Route, Sample, Workload},
    policy::ContextNeed,
    wire::{
        Shape, context_need,
        request::{self, ScanError},
    },
};

/// Something that is wrong with a sample, or doubtful.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// A stable name for scripts, for instance `sample-needs`.
    pub code: &'static str,
    /// Of the sample: `it needs tools, which ...`.
    pub message: String,
    /// What to do.
    pub help: String,
}

/// What is wrong with a sample, or doubtful; empty: nothing.
///
/// # Errors
/// When its file cannot be read.
pub fn findings(
    catalog: &Catalog,
    workload: &Workload,
    sample: &Sample,
) -> Result<Vec<Finding>, ProbeError> {
    let body = read(sample)?;
    Ok(found(catalog, workload, sample, &body)
        .unwrap_or_else(|error| vec![unfit(workload, error.to_string())]))
}

/// The same in words, of a body that would be sent instead of the sample's own, such as one that is being
/// edited.
///
/// # Errors
/// When it cannot be sent at all.
pub fn findings_of(
    catalog: &Catalog,
    workload: &Workload,
    sample: &Sample,
    body: &[u8],
) -> Result<Vec<String>, ScanError> {
    let found = found(catalog, workload, sample, body)?;
    Ok(found.into_iter().map(|finding| finding.message).collect())
}

fn found(
    catalog: &Catalog,
    workload: &Workload,
    sample: &Sample,
    body: &[u8],
) -> Result<Vec<Finding>, ScanError> {
    let shape = Shape::of(workload.family);
    let scan = request::scan(call(shape, sample), &HeaderMap::new(), body)?;
    let value = serde_json::from_slice::<Value>(body).unwrap_or_default();
    let context = context_need(body);
    let mut found = Vec::new();
    found.extend(central(shape, &value).map(|message| unfit(workload, message)));
    for route in catalog.routes_of(workload) {
        let unserved = if route.name == workload.primary {
            "requests like it fail"
        } else {
            "requests like it are not served by the fallback"
        };
        found.extend(lacks(route, scan.facts.needs, unserved));
        found.extend(too_small(route, context, unserved));
    }
    let seen = match sample.class {
        PayloadClass::Tools => scan.facts.needs.contains(Capability::Tools),
        PayloadClass::Vision => scan.facts.needs.contains(Capability::Vision),
        PayloadClass::Json => scan.structured,
        PayloadClass::Embeddings => shape == Shape::OpenaiEmbeddings,
        PayloadClass::Chat | PayloadClass::Long | PayloadClass::Code => true,
    };
    if !seen {
        let class = sample.class;
        found.push(Finding {
            code: "sample-class",
            message: format!("its class is {class}, and nothing in it asks for that"),
            help: "give it the class that it stands for, or a body that does".to_owned(),
        });
    }
    if shape == Shape::OpenaiChat
        && scan.facts.stream
        && value["stream_options"]["include_usage"] != true
    {
        found.push(Finding {
            code: "sample-uncounted",
            message: "it streams without `\"stream_options\": {\"include_usage\": true}`, so tokens and cost \
                      stay unknown"
                .to_owned(),
            help: "add that to the body".to_owned(),
        });
    }
    Ok(found)
}

/// A body that the family does not take.
fn unfit(workload: &Workload, message: String) -> Finding {
    let family = workload.family;
    Finding {
        code: "sample-unfit",
        message,
        help: format!(
            "write it as a client of {family} would, or take one with `backstop samples add`"
        ),
    }
}

/// The field that every request of a family is about, when it is missing or of the wrong kind.
fn central(shape: Shape, body: &Value) -> Option<String> {
    let (field, may_be_text) = match shape {
        Shape::OpenaiChat | Shape::AnthropicMessages => ("messages", false),
        // A stored prompt may stand in its place.
        Shape::OpenaiResponses if body.get("prompt").is_some() => return None,
        Shape::OpenaiResponses | Shape::OpenaiEmbeddings => ("input", true),
        Shape::GeminiGenerate => ("contents", false),
    };
    let good = match &body[field] {
        Value::Array(items) => !items.is_empty(),
        Value::String(text) => may_be_text && !text.is_empty(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Object(_) => false,
    };
    let kind = if may_be_text {
        "text or a list"
    } else {
        "a list"
    };
    (!good).then(|| format!("`{field}` must be {kind}, and not empty"))
}

fn lacks(route: &Route, needs: CapabilitySet, unserved: &str) -> Option<Finding> {
    let missing = needs.without(route.capabilities);
    let name = &route.name;
    (!missing.is_empty()).then(|| Finding {
        code: "sample-needs",
        message: format!(
            "it needs {missing}, which the configuration does not give to route {name}"
        ),
        help: format!("{unserved}; if its model can, say so in `capabilities` of [routes.{name}]"),
    })
}

fn too_small(route: &Route, need: ContextNeed, unserved: &str) -> Option<Finding> {
    let has = route.context_tokens?;
    let (name, least) = (&route.name, need.at_least);
    (least > has).then(|| Finding {
        code: "sample-too-long",
        message: format!("it takes {least} tokens of context or more, and route {name} has {has}"),
        help: format!(
            "{unserved}; a shorter sample, or the right `context_tokens` of [routes.{name}]"
        ),
    })
}

/// A body that becomes a sample of a workload: its model becomes the workload's name, so that no sample names
/// a provider's.
///
/// # Errors
/// When it is not what the family asks for.
pub fn adopt(workload: &Workload, body: &[u8]) -> Result<Vec<u8>, ScanError> {
    let shape = Shape::of(workload.family);
    let scan = request::scan(shape, &HeaderMap::new(), body)?;
    let Some(place) = scan.model else {
        return Ok(body.to_vec());
    };
    let body = bytes::Bytes::copy_from_slice(body);
    let name = request::model_json(workload.name.as_str());
    Ok(request::with_model(&body, &place, name).concat())
}
