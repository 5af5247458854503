//! Comparisons, carried out: both routes asked past the gateway, their answers told as they come, and what they
//! cost put into the books through the door; answers put beside each other; reviews recorded.
//!
//! Runs on a thread of its own. Many small steps become one piece of news, so that no answer, however chopped
//! up, floods the loop; what is dropped closes its connections.

use std::{
    cell::RefCell,
    collections::HashMap,
    path::PathBuf,
    sync::{Arc, OnceLock},
};

use bytes::Bytes;
use futures_util::{StreamExt as _, stream::FuturesUnordered};
use tokio::{
    runtime::{self, LocalOptions},
    sync::{mpsc, watch},
    time::sleep,
};
use tokio_util::sync::CancellationToken;

use super::{
    Arrival, Executor,
    heard::{Heard, TOGETHER},
    opened,
};
use crate::{
    clock::Clock,
    config,
    console::{
        effect::Asking,
        msg::Msg,
        state::comparing::{live::Told, weighed::Weighing},
    },
    control::{Control, NewReview},
    model::{Answer, Place, ProbeRecord, ReviewedSample, SampleId, WorkloadName},
    probe::{Comparison, News, Prober, Seat, asked},
    review,
    wire::upstream::Tls,
};

impl Executor {
    /// Asks both routes of a workload, on a thread of its own as well.
    pub(in crate::console) fn compare(&mut self, request: u64, asking: Asking) {
        let stopped = self.stop.child_token();
        self.compared.retain(|_, running| !running.is_cancelled());
        self.compared.insert(request, stopped.clone());
        let run = Run {
            request,
            asking,
            door: self.door.subscribe(),
            arrivals: self.arrivals.clone(),
            tls: Arc::clone(&self.tls),
            clock: self.clock.clone(),
        };
        self.tasks.spawn_blocking(move || {
            run.block(&stopped);
            stopped.cancel();
        });
    }

    /// Drops what a comparison asks: its connections are closed.
    pub(in crate::console) fn stop_compare(&mut self, request: u64) {
        if let Some(running) = self.compared.remove(&request) {
            running.cancel();
        }
    }

    /// Puts two answers beside each other: long ones take a while.
    pub(in crate::console) fn weigh(&self, weighing: Box<Weighing>) {
        let arrivals = self.arrivals.clone();
        self.tasks.spawn_blocking(move || {
            let weighed = Box::new(weighing.weigh());
            let _ = arrivals.blocking_send(Arrival::Msg(Msg::Weighed(weighed)));
        });
    }

    /// Works out what answers measure up to.
    pub(in crate::console) fn score(&self, workload: WorkloadName, samples: Vec<ReviewedSample>) {
        let arrivals = self.arrivals.clone();
        self.tasks.spawn_blocking(move || {
            let scores = Box::new(review::scores(&samples));
            let _ = arrivals.blocking_send(Arrival::Msg(Msg::Scored(workload, scores)));
        });
    }

    /// Records a review. What was sent off is finished, also at the end.
    pub(in crate::console) fn record(&self, request: u64, review: Box<NewReview>) {
        let (door, arrivals) = (self.door.subscribe(), self.arrivals.clone());
        self.tasks.spawn(async move {
            let Some(control) = opened(door).await else {
                return;
            };
            let workload = review.workload.clone();
            let result = control.record_review(*review).await.map(Box::new);
            let recorded = Msg::Recorded {
                request,
                workload,
                result,
            };
            let _ = arrivals.send(Arrival::Msg(recorded)).await;
        });
    }

    /// Finds out what each sample of a workload asks.
    pub(in crate::console) fn read_asked(&self, workload: WorkloadName) {
        self.ask(async move |control: Control| {
            let catalog = control.catalog();
            let samples = catalog
                .workloads
                .get(&workload)
                .map_or_else(Vec::new, |known| known.samples.clone());
            let read = tokio::task::spawn_blocking(move || {
                let samples = samples.into_iter();
                let asked = samples.filter_map(|sample| {
                    let body = config::sample_body(&sample.path).ok()?;
                    Some((sample.id, asked(&body)?))
                });
                asked.collect()
            });
            Msg::Asked(workload, read.await.unwrap_or_default())
        });
    }

    /// Reads the body of a sample.
    pub(in crate::console) fn read_payload(&self, workload: WorkloadName, sample: SampleId) {
        self.ask(async move |control: Control| {
            let catalog = control.catalog();
            let known = catalog.workloads.get(&workload).and_then(|workload| {
                let samples = &workload.samples;
                samples.iter().find(|known| known.id == sample)
            });
            let text = match known {
                Some(known) => payload(known.path.clone()).await,
                None => Err(format!("{sample} is not configured any more")),
            };
            Msg::Payload {
                workload,
                sample,
                edited: false,
                text,
            }
        });
    }
}

/// The body of a sample as text; or why there is none, in words.
async fn payload(path: PathBuf) -> Result<String, String> {
    let shown = path.display().to_string();
    let read = tokio::task::spawn_blocking(move || config::sample_body(&path)).await;
    let bytes = read
        .map_err(|error| error.to_string())?
        .map_err(|error| format!("{shown}: {error}"))?;
    String::from_utf8(bytes).map_err(|_| format!("{shown} is not UTF-8: it cannot be edited here"))
}

/// Everything one comparison needs.
struct Run {
    request: u64,
    asking: Asking,
    door: watch::Receiver<Option<Control>>,
    arrivals: mpsc::Sender<Arrival>,
    /// Made when first needed: reading the system's roots takes a while.
    tls: Arc<OnceLock<Arc<Tls>>>,
    clock: Clock,
}

impl Run {
    /// Asks everything; returns early when it is stopped.
    fn block(self, stopped: &CancellationToken) {
        let runtime = runtime::Builder::new_current_thread()
            .enable_all()
            .build_local(LocalOptions::default());
        match runtime {
            Ok(runtime) => {
                runtime.block_on(stopped.run_until_cancelled(self.run()));
            }
            Err(error) => tracing::error!(%error, "nothing is compared: no runtime can be made"),
        }
    }

    async fn run(self) {
        let Some(control) = opened(self.door.clone()).await else {
            return;
        };
        let catalog = control.catalog();
        let asking = &self.asking;
        let ids: Vec<String> = asking
            .samples
            .iter()
            .map(|(sample, _)| sample.as_str().to_owned())
            .collect();
        let comparison = catalog
            .workloads
            .get(&asking.workload)
            .ok_or_else(|| "the configuration has just changed; ask again".to_owned())
            .and_then(|workload| {
                Comparison::of(&catalog, workload, &ids).map_err(|error| error.to_string())
            });
        let mut comparison = match comparison {
            Ok(comparison) => comparison,
            Err(why) => return self.refuse(&why).await,
        };
        comparison.runs = asking.runs;
        for payload in &mut comparison.payloads {
            let edited = asking
                .samples
                .iter()
                .find(|(id, _)| *id == payload.sample.id);
            payload.body = edited
                .and_then(|(_, body)| body.as_ref())
                .map(|body| Bytes::copy_from_slice(body.as_bytes()));
        }
        let tls = self.tls.get_or_init(|| Arc::new(Tls::new()));
        let prober = Prober::new(Arc::clone(tls), self.clock.clone());
        let teller = Teller::default();
        let tell = |seat: &Seat, news: News| teller.hear(seat, news);
        let mut asked = std::pin::pin!(prober.compare(&comparison, &tell));
        // The store must hold up no answer that is being timed.
        let mut books = FuturesUnordered::new();
        loop {
            tokio::select! {
                () = &mut asked => break,
                () = sleep(TOGETHER) => {
                    let answers = self.tell(teller.told()).await;
                    books.extend(answers.into_iter().map(|answer| book(&control, answer)));
                }
                Some(()) = books.next() => {}
            }
        }
        let answers = self.tell(teller.told()).await;
        books.extend(answers.into_iter().map(|answer| book(&control, answer)));
        while books.next().await.is_some() {}
    }

    /// Nothing can be asked: every seat is told why.
    async fn refuse(&self, why: &str) {
        for (sample, _) in &self.asking.samples {
            for run in 0..self.asking.runs.max(1) {
                for place in [Place::Primary, Place::Fallback] {
                    let seat = Seat {
                        sample: sample.clone(),
                        run,
                        place,
                    };
                    self.send(seat, Told::Unsent(why.to_owned())).await;
                }
            }
        }
    }

    async fn send(&self, seat: Seat, told: Told) {
        let message = Msg::Compare {
            request: self.request,
            seat,
            told,
        };
        // Without a loop the token of this comparison is cancelled, too.
        let _ = self.arrivals.send(Arrival::Msg(message)).await;
    }

    /// Tells what came since the last time; gives back the answers, and whether they are to something edited.
    async fn tell(&self, told: Vec<(Seat, Told)>) -> Vec<(Arc<Answer>, bool)> {
        let mut answers = Vec::new();
        for (seat, told) in told {
            if let Told::Answered(answer) = &told {
                answers.push((Arc::clone(answer), self.asking.is_edited(&seat.sample)));
            }
            self.send(seat, told).await;
        }
        answers
    }
}

/// An answer to a sample is a probe of its route as well. Of an edited payload only the cost counts.
async fn book(control: &Control, (answer, edited): (Arc<Answer>, bool)) {
    let booked = if edited {
        control.compared([&answer.result]).await
    } else {
        let record = ProbeRecord::Sample(Box::new(answer.result.clone()));
        control.probed(vec![record], 1).await
    };
    if let Err(error) = booked {
        // The feed tells how the store fares.
        tracing::debug!(%error, "an answer was not put into the books");
    }
}

/// What was heard on every seat since it was last told, in the order in which seats were first heard of.
#[derive(Default)]
struct Teller(RefCell<Untold>);

/// What was not told yet.
#[derive(Default)]
struct Untold {
    /// Beginnings and ends.
    turns: Vec<(Seat, Told)>,
    /// What is being said.
    heard: HashMap<Seat, Heard>,
}

impl Teller {
    fn hear(&self, seat: &Seat, news: News) {
        let mut untold = self.0.borrow_mut();
        let Untold { turns, heard } = &mut *untold;
        match news {
            News::Sent => {
                heard.insert(seat.clone(), Heard::new(Answer::TEXT_LIMIT));
                turns.push((seat.clone(), Told::Sent));
            }
            News::Step(step) => {
                if let Some(heard) = heard.get_mut(seat) {
                    heard.step(step);
                }
            }
            News::Answered(answer) => {
                heard.remove(seat);
                turns.push((seat.clone(), Told::Answered(Arc::from(answer))));
            }
            News::Unsent(error) => {
                heard.remove(seat);
                turns.push((seat.clone(), Told::Unsent(error.to_string())));
            }
        }
    }

    /// What there is to tell now.
    fn told(&self) -> Vec<(Seat, Told)> {
        let mut untold = self.0.borrow_mut();
        let Untold { turns, heard } = &mut *untold;
        let mut told = std::mem::take(turns);
        for (seat, heard) in heard {
            if let Some(news) = heard.news() {
                let news = Told::Heard {
                    head: news.head,
                    first_output: news.first_output,
                    text: news.text,
                    left_out: news.left_out,
                };
                told.push((seat.clone(), news));
            }
        }
        told
    }
}
