//! A live probe, carried out: every question asked past the gateway, its answer told as it comes and then kept
//! through the door.
//!
//! Runs on a thread of its own. Many small steps become one piece of news, so that no answer, however chopped
//! up, floods the loop; what is dropped closes its connections.

use std::{
    cell::RefCell,
    sync::{Arc, OnceLock},
};

use futures_util::{StreamExt as _, stream};
use tokio::{
    runtime::{self, LocalOptions},
    sync::{mpsc, watch},
    time::sleep,
};
use tokio_util::sync::CancellationToken;

use super::{
    Arrival,
    heard::{Fresh, Heard, TOGETHER},
    opened,
};
use crate::{
    clock::Clock,
    console::{
        msg::{Msg, Told},
        state::probing::{KEPT, Question, With},
    },
    control::Control,
    model::{Catalog, ProbeRecord},
    probe::Prober,
    wire::upstream::Tls,
};

/// Questions that are asked at the same time: two samples, each of two routes.
const AT_ONCE: usize = 4;

/// Everything one probe needs.
pub(super) struct Run {
    pub(super) request: u64,
    pub(super) questions: Vec<Question>,
    pub(super) door: watch::Receiver<Option<Control>>,
    pub(super) arrivals: mpsc::Sender<Arrival>,
    /// Made when first needed: reading the system's roots takes a while.
    pub(super) tls: Arc<OnceLock<Arc<Tls>>>,
    pub(super) clock: Clock,
}

impl Run {
    /// Asks everything; returns early when it is stopped.
    pub(super) fn block(self, stopped: &CancellationToken) {
        let runtime = runtime::Builder::new_current_thread()
            .enable_all()
            .build_local(LocalOptions::default());
        match runtime {
            Ok(runtime) => {
                runtime.block_on(stopped.run_until_cancelled(self.run()));
            }
            Err(error) => tracing::error!(%error, "nothing is probed: no runtime can be made"),
        }
    }

    async fn run(self) {
        let Some(control) = opened(self.door.clone()).await else {
            return;
        };
        let tls = self.tls.get_or_init(|| Arc::new(Tls::new()));
        let asking = Asking {
            prober: Prober::new(Arc::clone(tls), self.clock.clone()),
            catalog: control.catalog(),
            control,
            request: self.request,
            arrivals: self.arrivals.clone(),
        };
        stream::iter(self.questions.iter().enumerate())
            .for_each_concurrent(AT_ONCE, |(place, question)| asking.ask(place, question))
            .await;
    }
}

struct Asking {
    prober: Prober,
    catalog: Arc<Catalog>,
    control: Control,
    request: u64,
    arrivals: mpsc::Sender<Arrival>,
}

impl Asking {
    async fn tell(&self, question: usize, told: Told) {
        let message = Msg::Probe {
            request: self.request,
            question,
            told,
        };
        // Without a loop the token of this probe is cancelled, too.
        let _ = self.arrivals.send(Arrival::Msg(message)).await;
    }

    /// Asks one question, tells what comes, and keeps what came.
    async fn ask(&self, place: usize, question: &Question) {
        self.tell(place, Told::Sent).await;
        let heard = RefCell::new(Heard::new(KEPT));
        let told = async {
            match &question.with {
                With::Sample(workload, sample) => {
                    self.sample(question, workload.as_str(), sample.as_str(), &heard)
                        .await
                }
                With::Ladder => self.ladder(question, &heard).await,
            }
        };
        let mut told = std::pin::pin!(told);
        let told = loop {
            tokio::select! {
                told = &mut told => break told,
                () = sleep(TOGETHER) => {
                    let news = heard.borrow_mut().news();
                    if let Some(news) = news {
                        self.tell(place, told_of(news)).await;
                    }
                }
            }
        };
        let rest = heard.borrow_mut().news();
        if let Some(rest) = rest {
            self.tell(place, told_of(rest)).await;
        }
        let (records, requests) = records(&told);
        self.tell(place, told).await;
        if !records.is_empty() {
            let kept = self.control.probed(records, requests).await;
            let kept = kept.map_err(|error| error.to_string());
            self.tell(place, Told::Kept(kept)).await;
        }
    }

    async fn sample(
        &self,
        question: &Question,
        workload: &str,
        sample: &str,
        heard: &RefCell<Heard>,
    ) -> Told {
        let workload = self.catalog.workloads.get(workload);
        let sample = workload.and_then(|workload| {
            let samples = &workload.samples;
            samples.iter().find(|known| known.id.as_str() == sample)
        });
        let route = self.catalog.routes.get(&question.route);
        let (Some(workload), Some(sample), Some(route)) = (workload, sample, route) else {
            return Told::Unsent("the configuration has just changed; probe again".to_owned());
        };
        let mut hear = |step| heard.borrow_mut().step(step);
        match self.prober.sample(workload, sample, route, &mut hear).await {
            Ok(result) => Told::Answered(Box::new(result)),
            Err(error) => Told::Unsent(error.to_string()),
        }
    }

    async fn ladder(&self, question: &Question, heard: &RefCell<Heard>) -> Told {
        let Some(route) = self.catalog.routes.get(&question.route) else {
            return Told::Unsent("the configuration has just changed; probe again".to_owned());
        };
        let mut each = |rung: &crate::model::RungResult| {
            let line = format!("{}: {}: {}\n", rung.rung, rung.verdict, rung.evidence);
            heard.borrow_mut().add(&line);
        };
        match self.prober.ladder(&self.catalog, route, &mut each).await {
            Ok(climb) => Told::Climbed(climb.rungs, climb.requests),
            Err(error) => Told::Unsent(error.to_string()),
        }
    }
}

fn told_of(fresh: Fresh) -> Told {
    Told::Heard {
        head: fresh.head,
        first_output: fresh.first_output,
        text: fresh.text,
        left_out: fresh.left_out,
    }
}

/// What is to be kept of an answer, and how many requests it took.
fn records(told: &Told) -> (Vec<ProbeRecord>, u64) {
    match told {
        Told::Answered(result) => (vec![ProbeRecord::Sample(result.clone())], 1),
        Told::Climbed(rungs, requests) => {
            let records = rungs.iter().cloned().map(Box::new).map(ProbeRecord::Rung);
            (records.collect(), *requests)
        }
        Told::Sent | Told::Heard { .. } | Told::Unsent(_) | Told::Kept(_) => (Vec::new(), 0),
    }
}

#[cfg(test)]
mod tests;
