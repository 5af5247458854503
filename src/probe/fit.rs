//! Whether a sample fits: its family, the routes of its workload, and what it says that it stands for.
//!
//! Asked by `backstop samples`. It sends nothing.

use http::HeaderMap;
use serde_json::Value;

use super::{ProbeError, measure::read, target::call};
use crate::{
    model::{Capability, CapabilitySet, Catalog, PayloadClass, Route, Sample, Workload},
    wire::{
        Shape,
        request::{self, ScanError},
    },
};

/// What is wrong with a sample, or doubtful, in words; empty: nothing.
///
/// # Errors
/// When its file cannot be read.
pub fn findings(
    catalog: &Catalog,
    workload: &Workload,
    sample: &Sample,
) -> Result<Vec<String>, ProbeError> {
    let body = read(sample)?;
    let shape = Shape::of(workload.family);
    let scan = match request::scan(call(shape, sample), &HeaderMap::new(), &body) {
        Ok(scan) => scan,
        Err(error) => return Ok(vec![error.to_string()]),
    };
    let mut found = Vec::new();
    for route in catalog.routes_of(workload) {
        found.extend(lacks(route, scan.facts.needs));
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
        found.push(format!(
            "its class is {class}, and nothing in it asks for that"
        ));
    }
    if shape == Shape::OpenaiChat && scan.facts.stream && !counts_usage(&body) {
        found.push(
            "it streams without `\"stream_options\": {\"include_usage\": true}`, so tokens and cost stay unknown"
                .to_owned(),
        );
    }
    Ok(found)
}

fn lacks(route: &Route, needs: CapabilitySet) -> Option<String> {
    let missing = needs.without(route.capabilities);
    let name = &route.name;
    (!missing.is_empty()).then(|| {
        format!("it needs {missing}, which the configuration does not give to route {name}")
    })
}

fn counts_usage(body: &[u8]) -> bool {
    serde_json::from_slice::<Value>(body)
        .is_ok_and(|body| body["stream_options"]["include_usage"] == true)
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
