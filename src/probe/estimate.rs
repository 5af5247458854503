//! What a comparison costs at most, as far as its bodies and the prices of the routes can say.
//!
//! Asked by console and CLI before anything is sent. It sends nothing; what it took is in the answers.

use std::{collections::BTreeMap, fmt};

use serde::Serialize;

use super::{ProbeError, compare::Comparison};
use crate::{
    model::{Family, Place, Price, RouteName, SampleId, Usage},
    wire::{context_need, reserved_output},
};

/// What a comparison costs at most.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Estimate {
    /// Requests.
    pub requests: usize,
    /// Money by currency: what is asked, as a rule at most, and answers as long as they may get.
    pub costs: BTreeMap<String, f64>,
    /// Routes whose price is not known: they are not in the costs.
    pub unpriced: Vec<RouteName>,
    /// Samples that set no limit to their answers: these are not in the costs.
    pub unlimited: Vec<SampleId>,
}

impl Comparison<'_> {
    /// What it costs at most.
    ///
    /// # Errors
    /// When a sample's file cannot be read.
    pub async fn estimate(&self) -> Result<Estimate, ProbeError> {
        let mut estimate = Estimate {
            requests: self.requests(),
            ..Estimate::default()
        };
        let routes = [Place::Primary, Place::Fallback].map(|place| self.route(place));
        let unpriced = routes.iter().filter(|route| route.price.is_none());
        estimate.unpriced = unpriced.map(|route| route.name.clone()).collect();
        for payload in &self.payloads {
            let body = payload.read().await?;
            let output = reserved_output(&body);
            let together = u64::from(context_need(&body).likely);
            let usage = Usage {
                input: Some(together.saturating_sub(output.unwrap_or(0))),
                output,
            };
            // Vectors are no output that costs.
            if output.is_none() && self.workload.family != Family::OpenaiEmbeddings {
                estimate.unlimited.push(payload.sample.id.clone());
            }
            for price in routes.iter().filter_map(|route| route.price.as_ref()) {
                estimate.add(price, usage, self.runs.max(1));
            }
        }
        Ok(estimate)
    }
}

impl Estimate {
    #[expect(
        clippy::cast_precision_loss,
        reason = "nobody runs so often that it matters"
    )]
    fn add(&mut self, price: &Price, usage: Usage, runs: usize) {
        let cost = price.of(usage);
        *self.costs.entry(cost.currency).or_default() += cost.amount * runs as f64;
    }
}

impl fmt::Display for Estimate {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let requests = self.requests;
        write!(formatter, "{requests} requests")?;
        for (number, (currency, amount)) in self.costs.iter().enumerate() {
            let lead = if number == 0 {
                ", at most about"
            } else {
                " and"
            };
            // Rounded up: it is a bound.
            let amount = (amount * 1e4).ceil() / 1e4;
            write!(formatter, "{lead} {amount:.4} {currency}")?;
        }
        match (self.costs.is_empty(), self.unlimited.len()) {
            (true, _) | (_, 0) => {}
            (false, 1) => write!(formatter, " besides one answer without a limit")?,
            (false, many) => write!(formatter, " besides {many} answers without a limit")?,
        }
        if !self.unpriced.is_empty() {
            let names: Vec<&str> = self.unpriced.iter().map(RouteName::as_str).collect();
            write!(formatter, "; no price is known of {}", names.join(", "))?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::Estimate;

    #[test]
    fn it_is_said_in_a_line_what_is_known_and_what_is_not() {
        let cost = |amounts: &[(&str, f64)]| {
            let pairs = amounts
                .iter()
                .map(|(name, amount)| ((*name).to_owned(), *amount));
            pairs.collect()
        };
        for (estimate, words) in [
            (
                Estimate {
                    requests: 16,
                    costs: cost(&[("USD", 0.020_11)]),
                    ..Estimate::default()
                },
                "16 requests, at most about 0.0202 USD",
            ),
            (
                Estimate {
                    requests: 4,
                    costs: cost(&[("EUR", 1.0), ("USD", 2.5)]),
                    unpriced: vec!["cheap".into()],
                    unlimited: vec!["chat/a".into(), "chat/b".into()],
                },
                "4 requests, at most about 1.0000 EUR and 2.5000 USD besides 2 answers without a limit; no price is known of cheap",
            ),
            (
                Estimate {
                    requests: 2,
                    unpriced: vec!["a".into(), "b".into()],
                    unlimited: vec!["chat/a".into()],
                    ..Estimate::default()
                },
                "2 requests; no price is known of a, b",
            ),
        ] {
            assert_eq!(estimate.to_string(), words);
        }
    }
}
