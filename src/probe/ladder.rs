//! The verification ladder of a route, climbed rung by rung in the order in which integrations are verified.
//!
//! A rung that cannot pass because an earlier one failed is skipped and says why. A capability is proven with
//! a sample of a workload that needs it; what no sample needs is not tried.

use std::{collections::BTreeMap, time::Duration};

use bytes::Bytes;
use http::HeaderMap;

use super::{
    ProbeError, Prober,
    ask::Heard,
    bodies, detail,
    measure::{cost, load},
    target::{Question, Target, call},
};
use crate::{
    model::{
        Asked, Capability, CapabilitySet, Catalog, Cost, ErrorClass, KeyPlace, ProbeResult, Route,
        Rung, RungResult, Sample, Timeouts, Verdict, Workload, visible,
    },
    policy::Evidence,
    wire::{Shape, Verb, model_list, request},
};

/// What climbing found.
#[derive(Debug, Default)]
pub struct Climb {
    /// Every rung, lowest first.
    pub rungs: Vec<RungResult>,
    /// The samples that proved, or did not prove, capabilities.
    pub samples: Vec<ProbeResult>,
    /// How many requests were sent, those of the samples included.
    pub requests: u64,
}

/// How a rung came out, before it is a record.
struct Found {
    verdict: Verdict,
    evidence: String,
    class: Option<ErrorClass>,
    cost: Option<Cost>,
}

impl Found {
    fn new(verdict: Verdict, evidence: impl Into<String>) -> Self {
        Self {
            verdict,
            evidence: evidence.into(),
            class: None,
            cost: None,
        }
    }

    fn passed(evidence: impl Into<String>) -> Self {
        Self::new(Verdict::Passed, evidence)
    }

    fn failed(evidence: impl Into<String>) -> Self {
        Self::new(Verdict::Failed, evidence)
    }

    fn skipped(evidence: impl Into<String>) -> Self {
        Self::new(Verdict::Skipped, evidence)
    }
}

/// A sample of a workload, and what it needs.
struct Want<'a> {
    workload: &'a Workload,
    sample: &'a Sample,
    needs: CapabilitySet,
}

/// A sample that proves a capability.
struct Proof<'a> {
    capability: Capability,
    workload: &'a Workload,
    sample: &'a Sample,
}

impl Prober {
    /// Climbs the whole ladder of a route; `each` hears of every rung when it is done.
    ///
    /// # Errors
    /// When the route cannot be asked at all, or a sample that is needed cannot be read.
    pub async fn ladder(
        &self,
        catalog: &Catalog,
        route: &Route,
        each: &mut dyn FnMut(&RungResult),
    ) -> Result<Climb, ProbeError> {
        let mut climb = Climb::default();
        self.climb(catalog, route, &mut climb, each).await?;
        Ok(climb)
    }

    /// The same, into a climb that holds what was found and sent so far, also when this is dropped on the way.
    ///
    /// # Errors
    /// As of [`Prober::ladder`].
    pub async fn climb(
        &self,
        catalog: &Catalog,
        route: &Route,
        climb: &mut Climb,
        each: &mut dyn FnMut(&RungResult),
    ) -> Result<(), ProbeError> {
        // Read before anything is sent: what was paid for is not thrown away for a file.
        let wants = wants(catalog, route).await?;
        let mut ladder = Ladder {
            prober: self,
            route,
            timeouts: timeouts(catalog, route),
            each,
            rungs: &mut climb.rungs,
            requests: &mut climb.requests,
        };
        let key = ladder.key();
        if !ladder.note(Rung::Key, None, key) {
            let why = "without the key nothing can be asked";
            ladder.skip_rest(Rung::Model, &proofs(&wants), why);
            return Ok(());
        }
        let target = Target::new(route)?;
        let mut model = ladder.model(&target).await;
        let minimal = ladder
            .plain(&target, Verb::Generate, &bodies::minimal(target.shape))
            .await;
        if model.verdict == Verdict::Failed && minimal.verdict == Verdict::Passed {
            // Aliases are in no list, and some keys may ask models but not list them.
            model.verdict = Verdict::Skipped;
            model.evidence += "; yet it answers";
        }
        ladder.note(Rung::Model, None, model);
        let proofs = proofs(&wants);
        if !ladder.note(Rung::Minimal, None, minimal) {
            ladder.skip_rest(
                Rung::Streaming,
                &proofs,
                "the smallest request already fails",
            );
            return Ok(());
        }
        let streams = |want: &Want<'_>| want.needs.contains(Capability::Streaming);
        let streaming = ladder.streaming(&target, wants.iter().any(streams)).await;
        ladder.note(Rung::Streaming, None, streaming);
        for proof in &proofs {
            let rung = Rung::Capability(proof.capability);
            if !route.capabilities.contains(proof.capability) {
                let found = Found::failed(format!(
                    "needed by {}, and the configuration does not give it to this route",
                    proof.sample.id
                ));
                ladder.note(rung, Some(proof.sample), found);
                continue;
            }
            // The same sample may prove several.
            let known = climb
                .samples
                .iter()
                .find(|known| known.sample == proof.sample.id);
            let found = if let Some(known) = known {
                of_sample(known)
            } else {
                *ladder.requests += 1;
                let result = self
                    .sample(proof.workload, proof.sample, route, &mut |_| ())
                    .await?;
                let found = of_sample(&result);
                climb.samples.push(result);
                found
            };
            ladder.note(rung, Some(proof.sample), found);
        }
        let errors = ladder.errors(&target).await;
        ladder.note(Rung::Errors, None, errors);
        Ok(())
    }
}

struct Ladder<'a, 'c> {
    prober: &'a Prober,
    route: &'a Route,
    timeouts: Timeouts,
    each: &'c mut dyn FnMut(&RungResult),
    rungs: &'c mut Vec<RungResult>,
    requests: &'c mut u64,
}

impl Ladder<'_, '_> {
    /// Records a rung; answers whether it did not fail.
    fn note(&mut self, rung: Rung, sample: Option<&Sample>, found: Found) -> bool {
        let result = RungResult {
            route: self.route.name.clone(),
            rung,
            asked: Asked::of(self.route, sample),
            at: self.prober.clock.now(),
            verdict: found.verdict,
            evidence: visible(&found.evidence, ProbeResult::DETAIL_LIMIT).into_owned(),
            class: found.class,
            sample: sample.map(|sample| sample.id.clone()),
            cost: found.cost,
        };
        let held = result.verdict != Verdict::Failed;
        (self.each)(&result);
        self.rungs.push(result);
        held
    }

    fn skip_rest(&mut self, from: Rung, proofs: &[Proof<'_>], why: &str) {
        for rung in [Rung::Model, Rung::Minimal, Rung::Streaming] {
            if rung >= from {
                self.note(rung, None, Found::skipped(why));
            }
        }
        for proof in proofs {
            let rung = Rung::Capability(proof.capability);
            self.note(rung, Some(proof.sample), Found::skipped(why));
        }
        self.note(Rung::Errors, None, Found::skipped(why));
    }

    fn key(&self) -> Found {
        let place = &self.route.key;
        match (place, &self.route.credential) {
            (KeyPlace::None, _) => Found::passed("the provider wants none"),
            (_, Some(_)) => Found::passed(format!("there, in {place}")),
            (_, None) => Found::failed(format!("not there: looked at {place}")),
        }
    }

    async fn ask(&mut self, target: &Target, question: &Question) -> Heard {
        *self.requests += 1;
        self.prober
            .ask(target, question, &self.timeouts, &mut |_| ())
            .await
    }

    /// The list of models. Not every provider has one; only a list that is there speaks against a route.
    async fn model(&mut self, target: &Target) -> Found {
        let Some(uri) = model_list::uri(target.shape, &target.uri(Verb::Generate)) else {
            return Found::skipped("the address of the list of models is not known");
        };
        let heard = self.ask(target, &target.models(uri)).await;
        if let Some(evidence) = &heard.evidence {
            let failure = detail::failure(evidence, &self.timeouts);
            let missing = matches!(
                evidence,
                Evidence::Response {
                    status: 404 | 405 | 501,
                    ..
                }
            );
            return if missing {
                Found::skipped(format!(
                    "the provider gives no list of models: {}",
                    failure.detail
                ))
            } else {
                self.failed(evidence)
            };
        }
        let Some(names) = model_list::names(&heard.body) else {
            return Found::skipped("what the provider gives as a list of models is none");
        };
        let model = self.route.model.as_str();
        let plain = model.strip_prefix("models/").unwrap_or(model);
        if names.iter().any(|name| name == plain) {
            return Found::passed(format!("{model} is among {} models", names.len()));
        }
        let near = names
            .iter()
            .map(|name| (strsim::jaro_winkler(name, plain), name))
            .filter(|(likeness, _)| *likeness > 0.8)
            .max_by(|a, b| a.0.total_cmp(&b.0))
            .map_or_else(String::new, |(_, name)| format!("; nearest: {name}"));
        Found::failed(format!("{model} is not among {} models{near}", names.len()))
    }

    /// A request that has to be answered.
    async fn plain(&mut self, target: &Target, verb: Verb, body: &Bytes) -> Found {
        let question = match target.fill(verb, body) {
            Ok(question) => question,
            Err(error) => return Found::failed(format!("cannot be asked: {error}")),
        };
        let heard = self.ask(target, &question).await;
        let mut found = match &heard.evidence {
            Some(evidence) => self.failed(evidence),
            None => Found::passed(answered(&heard)),
        };
        found.cost = cost(self.route, heard.said.usage);
        found
    }

    async fn streaming(&mut self, target: &Target, needed: bool) -> Found {
        let given = self.route.capabilities.contains(Capability::Streaming);
        match bodies::streaming(target.shape) {
            None => Found::skipped("this family does not stream"),
            Some(_) if !given && !needed => Found::skipped(
                "the configuration does not give it to this route, and no sample needs it",
            ),
            Some(_) if !given => {
                Found::failed("needed, and the configuration does not give it to this route")
            }
            Some((verb, body)) => self.plain(target, verb, &body).await,
        }
    }

    /// A bad request must be refused as the caller's fault, in the family's shape: else errors of clients
    /// would look like failures of the route and cause fallbacks.
    async fn errors(&mut self, target: &Target) -> Found {
        let question = match target.fill(Verb::Generate, &bodies::bad(target.shape)) {
            Ok(question) => question,
            Err(error) => return Found::failed(format!("cannot be asked: {error}")),
        };
        let heard = self.ask(target, &question).await;
        let Some(evidence) = &heard.evidence else {
            return Found::failed("a request that makes no sense was answered");
        };
        let failure = detail::failure(evidence, &self.timeouts);
        let Evidence::Response {
            status: 400..=499, ..
        } = evidence
        else {
            return self.failed(evidence);
        };
        if failure.class != ErrorClass::InvalidRequest || heard.status == Some(404) {
            return self.failed(evidence);
        }
        if !is_error_of(target.shape, &heard.body) {
            return Found::failed(format!(
                "refused, but not in the family's shape: {}",
                failure.detail
            ));
        }
        Found::passed(format!("refused as it should be: {}", failure.detail))
    }

    fn failed(&self, evidence: &Evidence) -> Found {
        let failure = detail::failure(evidence, &self.timeouts);
        Found {
            class: Some(failure.class),
            ..Found::failed(failure.detail)
        }
    }
}

/// An answer in a few words.
fn answered(heard: &Heard) -> String {
    let what = if heard.said.vectors.is_empty() {
        format!("\"{}\"", visible(heard.said.text.trim(), 24))
    } else {
        format!("a vector of {}", heard.said.vectors[0])
    };
    let first = heard.first_output.unwrap_or(heard.total);
    format!("{what}, first output after {} ms", first.as_millis())
}

/// A sample as the proof of a capability. Its cost stands in its own record.
fn of_sample(result: &ProbeResult) -> Found {
    Found {
        class: result.failure.as_ref().map(|failure| failure.class),
        cost: None,
        verdict: result.verdict(),
        evidence: match result.why() {
            Some(why) => format!("{}: {why}", result.sample),
            None => format!("{}: {} checks passed", result.sample, result.checks.len()),
        },
    }
}

/// The clocks of a workload that uses the route: the rungs are asked for all of them.
fn timeouts(catalog: &Catalog, route: &Route) -> Timeouts {
    let of_users = catalog.users_of(&route.name).map(|user| user.timeouts);
    of_users
        .max_by_key(|timeouts| timeouts.total)
        .unwrap_or(Timeouts {
            headers: Duration::from_secs(10),
            first_output: Duration::from_secs(15),
            idle: Duration::from_secs(20),
            total: Duration::from_mins(2),
        })
}

/// Every sample of the route's workloads, and what it needs.
async fn wants<'c>(catalog: &'c Catalog, route: &'c Route) -> Result<Vec<Want<'c>>, ProbeError> {
    let shape = Shape::of(route.family);
    let mut wants = Vec::new();
    for workload in catalog.users_of(&route.name) {
        for sample in &workload.samples {
            let body = load(sample).await?;
            let scan = request::scan(call(shape, sample), &HeaderMap::new(), &body);
            let scan = scan.map_err(|error| ProbeError::Unfit {
                sample: sample.id.clone(),
                error,
            })?;
            wants.push(Want {
                workload,
                sample,
                needs: scan.facts.needs,
            });
        }
    }
    Ok(wants)
}

/// One sample for each capability that is needed, besides streaming: one that was made to prove it rather than
/// one that happens to need it.
fn proofs<'c>(wants: &[Want<'c>]) -> Vec<Proof<'c>> {
    let mut proofs: BTreeMap<Capability, Proof<'c>> = BTreeMap::new();
    for want in wants {
        for capability in want.needs.iter() {
            let made_for_it = |sample: &Sample| sample.class.proves() == Some(capability);
            let better = proofs
                .get(&capability)
                .is_none_or(|known| made_for_it(want.sample) && !made_for_it(known.sample));
            if better && capability != Capability::Streaming {
                let proof = Proof {
                    capability,
                    workload: want.workload,
                    sample: want.sample,
                };
                proofs.insert(capability, proof);
            }
        }
    }
    proofs.into_values().collect()
}

/// Whether an error body has the shape that the family's clients read.
fn is_error_of(shape: Shape, body: &[u8]) -> bool {
    let Ok(value) = serde_json::from_slice::<serde_json::Value>(body) else {
        return false;
    };
    let error = &value["error"];
    let message = error["message"].is_string();
    match shape {
        Shape::OpenaiChat | Shape::OpenaiResponses | Shape::OpenaiEmbeddings => message,
        Shape::AnthropicMessages => {
            message && error["type"].is_string() && value["type"] == "error"
        }
        Shape::GeminiGenerate => message && error["status"].is_string(),
    }
}
