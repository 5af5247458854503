//! One sample to one route: the result as it is kept, and the answer as it is compared.

use std::io;

use bytes::Bytes;
use tokio::task::spawn_blocking;

use super::{Hear, ProbeError, Prober, check, detail, target::Target};
use crate::{
    config,
    model::{
        Answer, Asked, CalledTool, Cost, KeyPlace, ProbeResult, Route, Sample, Usage, Workload,
        visible, visible_lines,
    },
    wire::said::{Said, ToolCall},
};

/// The most characters of a name that a provider gives: of a model, of a tool.
const NAME_LIMIT: usize = 64;

impl Prober {
    /// Sends a workload's sample to a route, under the workload's clocks.
    ///
    /// # Errors
    /// When nothing was sent. A route that fails is a result.
    pub async fn sample(
        &self,
        workload: &Workload,
        sample: &Sample,
        route: &Route,
        hear: Hear<'_>,
    ) -> Result<ProbeResult, ProbeError> {
        let (mut result, said) = self.measure(workload, sample, None, route, hear).await?;
        result.output = visible_lines(&output(&said), ProbeResult::OUTPUT_LIMIT);
        Ok(result)
    }

    /// The same, with everything that was said. `body` is sent instead of the sample's own, where there is one:
    /// the result's digest tells them apart.
    ///
    /// # Errors
    /// When nothing was sent. A route that fails is an answer.
    pub async fn answer(
        &self,
        workload: &Workload,
        sample: &Sample,
        body: Option<Bytes>,
        route: &Route,
        hear: Hear<'_>,
    ) -> Result<Answer, ProbeError> {
        let (result, said) = self.measure(workload, sample, body, route, hear).await?;
        Ok(answer(result, &said))
    }

    async fn measure(
        &self,
        workload: &Workload,
        sample: &Sample,
        body: Option<Bytes>,
        route: &Route,
        hear: Hear<'_>,
    ) -> Result<(ProbeResult, Said), ProbeError> {
        keyed(route)?;
        let target = Target::new(route)?;
        let body = match body {
            Some(body) => body,
            None => load(sample).await?,
        };
        let question = target.question(&body, sample)?;
        let at = self.clock.now();
        let heard = self.ask(&target, &question, &workload.timeouts, hear).await;
        let mut asked = Asked::of(route, Some(sample));
        // The file may have changed since the configuration was read, and the body may not be the file's.
        asked.sample = Some(config::fingerprint(&body));
        let short = |text: &String| visible(text, NAME_LIMIT).into_owned();
        let result = ProbeResult {
            route: route.name.clone(),
            workload: workload.name.clone(),
            sample: sample.id.clone(),
            class: sample.class,
            asked,
            at,
            stream: question.stream,
            status: heard.status,
            headers: heard.headers,
            first_output: heard.first_output,
            total: heard.total,
            usage: heard.said.usage,
            cost: cost(route, heard.said.usage),
            finish: heard.said.finish.as_ref().map(short),
            model: heard.said.model.as_ref().map(short),
            checks: match heard.evidence {
                None => check::all(&sample.checks, &heard),
                Some(_) => Vec::new(),
            },
            failure: heard
                .evidence
                .as_ref()
                .map(|evidence| detail::failure(evidence, &workload.timeouts)),
            output: String::new(),
        };
        Ok((result, heard.said))
    }
}

/// Everything that was said, fit to be shown and bounded.
fn answer(result: ProbeResult, said: &Said) -> Answer {
    let mut clipped = said.clipped;
    let mut lines = |text: &str, limit| {
        clipped |= text.chars().nth(limit).is_some();
        visible_lines(text, limit)
    };
    let text = lines(&said.text, Answer::TEXT_LIMIT);
    let refusal = said.refusal.as_ref();
    let refusal = refusal.map(|refusal| lines(refusal, ProbeResult::OUTPUT_LIMIT));
    let called = |call: &ToolCall| CalledTool {
        name: visible(&call.name, NAME_LIMIT).into_owned(),
        arguments: lines(&call.arguments, Answer::ARGUMENTS_LIMIT),
    };
    let tools = said.tools.iter().map(called).collect();
    Answer {
        result,
        text,
        refusal,
        tools,
        vectors: said.vectors.clone(),
        clipped,
    }
}

/// Whether the key of a route is here, where it needs one.
pub(super) fn keyed(route: &Route) -> Result<(), ProbeError> {
    if route.credential.is_none() && route.key != KeyPlace::None {
        return Err(ProbeError::NoKey {
            route: route.name.clone(),
            place: route.key.clone(),
        });
    }
    Ok(())
}

/// What an answer cost, when the route has a price and the provider counted.
pub(super) fn cost(route: &Route, usage: Usage) -> Option<Cost> {
    usage.input.or(usage.output)?;
    Some(route.price.as_ref()?.of(usage))
}

/// The body of a sample, for commands: it blocks.
pub(super) fn read(sample: &Sample) -> Result<Bytes, ProbeError> {
    body(sample, config::sample_body(&sample.path))
}

/// The body of a sample. A slow disk holds up neither other probes nor the lease.
pub(super) async fn load(sample: &Sample) -> Result<Bytes, ProbeError> {
    let path = sample.path.clone();
    let read = spawn_blocking(move || config::sample_body(&path)).await;
    body(
        sample,
        read.unwrap_or_else(|error| Err(io::Error::other(error))),
    )
}

fn body(sample: &Sample, read: io::Result<Vec<u8>>) -> Result<Bytes, ProbeError> {
    read.map(Bytes::from)
        .map_err(|error| ProbeError::Unreadable {
            sample: sample.id.clone(),
            error,
        })
}

/// Text and calls, as a person reads them.
fn output(said: &Said) -> String {
    let calls = said
        .tools
        .iter()
        .map(|call| format!("{}({})", call.name, call.arguments));
    let texts = [said.text.clone(), said.refusal.clone().unwrap_or_default()];
    let lines: Vec<String> = texts
        .into_iter()
        .filter(|text| !text.is_empty())
        .chain(calls)
        .collect();
    lines.join("\n")
}
