//! Both routes of a workload asked at once: one sample or many, once or several times.
//!
//! Run by the console's compare screen and by `backstop compare`. What happens is told as it comes, each piece with
//! the seat that it belongs to; nothing is kept or counted here. Dropping the future ends everything: connections
//! are closed, and providers see that. What becomes of one side is nothing to the other.

use bytes::Bytes;
use futures_util::{StreamExt as _, future::join, stream};

use super::{ProbeError, Prober, Step, measure::load};
use crate::model::{
    Answer, Catalog, Place, Route, RouteName, Sample, SampleId, Workload, WorkloadName,
};

/// How many pairs are asked at the same time.
pub const PAIRS_AT_ONCE: usize = 2;

/// What is to be compared.
#[derive(Clone, Debug)]
pub struct Comparison<'c> {
    /// Whose routes.
    pub workload: &'c Workload,
    /// Its primary route.
    pub primary: &'c Route,
    /// Its fallback route.
    pub fallback: &'c Route,
    /// What is sent, in order.
    pub payloads: Vec<Payload<'c>>,
    /// How often each is sent; 0 is once.
    pub runs: usize,
}

/// A sample to be sent.
#[derive(Clone, Debug)]
pub struct Payload<'c> {
    /// Which; its checks are applied to the answers.
    pub sample: &'c Sample,
    /// Sent instead of the sample's own body.
    pub body: Option<Bytes>,
}

/// A comparison that cannot be made.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CompareError {
    /// The policy names no fallback.
    #[error("workload {0} has no fallback: there is nothing to compare its primary with")]
    NoFallback(WorkloadName),
    /// A route is not in the catalog.
    #[error("route {0} is not configured any more")]
    NoRoute(RouteName),
    /// The workload has no samples.
    #[error("workload {0} has no samples; `backstop samples add --help` says how to get some")]
    NoSamples(WorkloadName),
    /// No sample of the workload has that name.
    #[error("workload {workload} has no sample \"{sample}\"; it has {}", .known.join(", "))]
    NoSample {
        /// Whose.
        workload: WorkloadName,
        /// As asked.
        sample: String,
        /// What there is.
        known: Vec<String>,
    },
}

/// One question of a comparison.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Seat {
    /// Which sample.
    pub sample: SampleId,
    /// Which time, from 0.
    pub run: usize,
    /// Which route.
    pub place: Place,
}

/// What happens on a seat.
#[derive(Debug)]
pub enum News {
    /// The request is on its way.
    Sent,
    /// Something came. Not sanitised: what is shown goes through [`crate::model::visible_lines`].
    Step(Step),
    /// It is over: an answer, or a failure of the route.
    Answered(Box<Answer>),
    /// It is over, and nothing was sent.
    Unsent(ProbeError),
}

/// Hears of everything that happens. It is called often and must be quick.
pub type Tell<'t> = &'t dyn Fn(&Seat, News);

impl<'c> Comparison<'c> {
    /// The samples of a workload with these ids or names; all of them when none is named. Each is sent once.
    ///
    /// # Errors
    /// When the workload has no fallback, or not that sample.
    pub fn of(
        catalog: &'c Catalog,
        workload: &'c Workload,
        samples: &[String],
    ) -> Result<Self, CompareError> {
        let route = |name: &RouteName| {
            let found = catalog.routes.get(name);
            found.ok_or_else(|| CompareError::NoRoute(name.clone()))
        };
        let fallback = workload.fallback.as_ref();
        let fallback = fallback.ok_or_else(|| CompareError::NoFallback(workload.name.clone()))?;
        let is =
            |sample: &Sample, name: &String| sample.id.as_str() == name || sample.id.name() == name;
        for name in samples {
            if !workload.samples.iter().any(|sample| is(sample, name)) {
                let known = workload.samples.iter().map(|it| it.id.name().to_owned());
                return Err(CompareError::NoSample {
                    workload: workload.name.clone(),
                    sample: name.clone(),
                    known: known.collect(),
                });
            }
        }
        let wanted = workload
            .samples
            .iter()
            .filter(|sample| samples.is_empty() || samples.iter().any(|name| is(sample, name)));
        let payloads: Vec<Payload<'c>> = wanted
            .map(|sample| Payload { sample, body: None })
            .collect();
        if payloads.is_empty() {
            return Err(CompareError::NoSamples(workload.name.clone()));
        }
        Ok(Self {
            workload,
            primary: route(&workload.primary)?,
            fallback: route(fallback)?,
            payloads,
            runs: 1,
        })
    }

    /// The route of a place.
    #[must_use]
    pub const fn route(&self, place: Place) -> &'c Route {
        match place {
            Place::Primary => self.primary,
            Place::Fallback => self.fallback,
        }
    }

    /// How many requests it takes.
    #[must_use]
    pub fn requests(&self) -> usize {
        self.payloads.len() * self.runs.max(1) * 2
    }
}

impl Payload<'_> {
    /// The body that is sent.
    ///
    /// # Errors
    /// When the sample's file cannot be read.
    pub async fn read(&self) -> Result<Bytes, ProbeError> {
        match &self.body {
            Some(body) => Ok(body.clone()),
            None => load(self.sample).await,
        }
    }
}

impl Prober {
    /// Asks everything, both sides of a pair at the same moment, [`PAIRS_AT_ONCE`] pairs at a time.
    pub async fn compare(&self, comparison: &Comparison<'_>, tell: Tell<'_>) {
        let runs = comparison.runs.max(1);
        let pairs = comparison
            .payloads
            .iter()
            .flat_map(|payload| (0..runs).map(move |run| (payload, run)));
        stream::iter(pairs)
            .for_each_concurrent(PAIRS_AT_ONCE, |(payload, run)| async move {
                let side = |place| self.side(comparison, payload, run, place, tell);
                join(side(Place::Primary), side(Place::Fallback)).await;
            })
            .await;
    }

    async fn side(
        &self,
        comparison: &Comparison<'_>,
        payload: &Payload<'_>,
        run: usize,
        place: Place,
        tell: Tell<'_>,
    ) {
        let seat = Seat {
            sample: payload.sample.id.clone(),
            run,
            place,
        };
        tell(&seat, News::Sent);
        let mut hear = |step| tell(&seat, News::Step(step));
        let answer = self
            .answer(
                comparison.workload,
                payload.sample,
                payload.body.clone(),
                comparison.route(place),
                &mut hear,
            )
            .await;
        tell(
            &seat,
            match answer {
                Ok(answer) => News::Answered(Box::new(answer)),
                Err(error) => News::Unsent(error),
            },
        );
    }
}
