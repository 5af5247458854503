//! A live probe, carried out: every question asked past the gateway, its answer told as it comes and then kept
//! through the door.
//!
//! Runs on a thread of its own. Many small steps become one piece of news, so that no answer, however chopped
//! up, floods the loop; what is dropped closes its connections.

use std::{
    cell::RefCell,
    mem,
    sync::{Arc, OnceLock},
    time::{Duration, Instant},
};

use futures_util::{StreamExt as _, stream};
use tokio::{
    runtime::{self, LocalOptions},
    sync::{mpsc, watch},
    time::sleep,
};
use tokio_util::sync::CancellationToken;

use super::{Arrival, opened};
use crate::{
    clock::Clock,
    console::{
        msg::{Msg, Told},
        state::probing::{KEPT, Question, With},
    },
    control::Control,
    model::{Catalog, ProbeRecord, visible_lines},
    probe::{Prober, Step},
    wire::{said::Delta, upstream::Tls},
};

/// Questions that are asked at the same time: two samples, each of two routes.
const AT_ONCE: usize = 4;
/// What comes within this time is told at once.
const TOGETHER: Duration = Duration::from_millis(50);

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
        let heard = RefCell::new(Heard::new());
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
                        self.tell(place, news).await;
                    }
                }
            }
        };
        let rest = heard.borrow_mut().news();
        if let Some(rest) = rest {
            self.tell(place, rest).await;
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

/// What came since the last news.
struct Heard {
    sent: Instant,
    head: Option<(u16, Duration)>,
    first_output: Option<Duration>,
    fresh: String,
    /// What was added last.
    part: Part,
    taken: usize,
    left_out: usize,
    changed: bool,
}

/// Parts of an answer; each begins on a line of its own.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Part {
    Nothing,
    Text,
    Reasoning,
    Refusal,
    Call,
}

impl Heard {
    fn new() -> Self {
        Self {
            sent: Clock::instant(),
            head: None,
            first_output: None,
            fresh: String::new(),
            part: Part::Nothing,
            taken: 0,
            left_out: 0,
            changed: false,
        }
    }

    fn step(&mut self, step: Step) {
        let after = Clock::instant().saturating_duration_since(self.sent);
        match step {
            Step::Head(status) => {
                self.head = Some((status, after));
                self.changed = true;
            }
            Step::Said(delta) => {
                self.first_output.get_or_insert(after);
                match delta {
                    Delta::Text(text) => self.say(Part::Text, "", &text),
                    Delta::Reasoning(text) => self.say(Part::Reasoning, "(thinks) ", &text),
                    Delta::Refusal(text) => self.say(Part::Refusal, "(refuses) ", &text),
                    Delta::Tool(name) => {
                        self.part = Part::Nothing;
                        self.say(Part::Call, "(calls) ", &format!("{name} "));
                    }
                    Delta::Arguments(_, text) => self.add(&text),
                }
            }
        }
    }

    /// Adds to a part, or begins it.
    fn say(&mut self, part: Part, lead: &str, text: &str) {
        if self.part != part {
            if self.taken > 0 {
                self.add("\n");
            }
            self.add(lead);
            self.part = part;
        }
        self.add(text);
    }

    fn add(&mut self, text: &str) {
        self.changed = true;
        let end = text.floor_char_boundary(KEPT.saturating_sub(self.taken));
        let (kept, rest) = text.split_at(end);
        self.fresh.push_str(kept);
        self.taken += kept.len();
        self.left_out += rest.chars().count();
    }

    fn news(&mut self) -> Option<Told> {
        if !mem::take(&mut self.changed) {
            return None;
        }
        let fresh = mem::take(&mut self.fresh);
        Some(Told::Heard {
            head: self.head,
            first_output: self.first_output,
            text: visible_lines(&fresh, KEPT),
            left_out: mem::take(&mut self.left_out),
        })
    }
}

#[cfg(test)]
mod tests;
