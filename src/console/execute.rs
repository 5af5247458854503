//! Effects that reach beyond the terminal, as tasks over the door; their results come back as messages on one
//! bounded channel.
//!
//! Owned by `run`. Tasks wait for the door when it is not open yet. A change that was sent off is finished,
//! also when the operator quits meanwhile.

mod comparing;
mod heard;
mod probing;

use std::{
    collections::HashMap,
    path::{Path, PathBuf},
    sync::{Arc, OnceLock},
    time::Duration,
};

use jiff::Timestamp;
use tokio::{
    sync::{mpsc, watch},
    time::{Instant, sleep, timeout},
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use super::{
    msg::Msg,
    saves, session_file,
    state::{probing::Question, session::Session},
    theme_file::Loaded,
};
use crate::{
    clock::Clock,
    control::{Consent, Control, ControlError, OnGateway, Progress},
    model::{Command, ErrorClass, Plan, Presence, ReviewId, Revision, RouteName, WorkloadName},
    wire::upstream::Tls,
};

/// Results that may wait for the loop.
const WAITING: usize = 256;

/// A console that is not heard of for three times this long is forgotten.
const PRESENCE: Duration = Duration::from_secs(5);

/// How often a revision is looked for while its operator watches the screen, and later.
const EAGER: Duration = Duration::from_millis(50);
const PATIENT: Duration = Duration::from_millis(500);

/// How long the operator watches.
const EAGERLY: Duration = Duration::from_secs(3);

/// How long the end waits for changes that were sent off, and for the farewell.
const ENDING: Duration = Duration::from_secs(2);

/// What comes back.
#[derive(Debug)]
pub(super) enum Arrival {
    /// A message for `update`.
    Msg(Msg),
    /// A theme was read again.
    Theme(Box<Loaded>),
}

/// Starts tasks and keeps them together.
pub(super) struct Executor {
    door: watch::Sender<Option<Control>>,
    presence: watch::Sender<Option<Presence>>,
    arrivals: mpsc::Sender<Arrival>,
    tasks: TaskTracker,
    stop: CancellationToken,
    watched: CancellationToken,
    /// Ends the probe that runs.
    probed: CancellationToken,
    /// End the comparisons that run, by their numbers.
    compared: HashMap<u64, CancellationToken>,
    tls: Arc<OnceLock<Arc<Tls>>>,
    clock: Clock,
    saves: Option<Arc<Path>>,
}

impl Executor {
    pub(super) fn new(clock: Clock, saves: Option<PathBuf>) -> (Self, mpsc::Receiver<Arrival>) {
        let (arrivals, arrived) = mpsc::channel(WAITING);
        let executor = Self {
            door: watch::Sender::new(None),
            presence: watch::Sender::new(None),
            arrivals,
            tasks: TaskTracker::new(),
            stop: CancellationToken::new(),
            watched: CancellationToken::new(),
            probed: CancellationToken::new(),
            compared: HashMap::new(),
            tls: Arc::default(),
            clock,
            saves: saves.map(Arc::from),
        };
        (executor, arrived)
    }

    /// Where results go.
    pub(super) fn arrivals(&self) -> mpsc::Sender<Arrival> {
        self.arrivals.clone()
    }

    /// Runs something until the end.
    pub(super) fn spawn(&self, work: impl Future<Output = ()> + Send + 'static) {
        let stop = self.stop.clone();
        self.tasks.spawn(async move {
            stop.run_until_cancelled(work).await;
        });
    }

    /// The door is open: what waits for it goes on, and this console is announced.
    pub(super) fn open(&self, control: Control) {
        self.spawn(announce(
            control.clone(),
            self.presence.subscribe(),
            self.clock.clone(),
        ));
        self.door.send_replace(Some(control));
    }

    /// The door, once it is open.
    pub(super) fn control(&self) -> Option<Control> {
        self.door.borrow().clone()
    }

    /// Makes a plan. It is kept in the store, so that its number can be given to others.
    pub(super) fn plan(&self, request: u64, command: Command) {
        self.ask(async move |control: Control| Msg::Planned {
            request,
            result: control.plan(command, true).await.map(Box::new),
        });
    }

    /// Applies a plan.
    pub(super) fn apply(&self, plan: Box<Plan>, consent: Consent) {
        let (door, arrivals) = (self.door.subscribe(), self.arrivals.clone());
        // Not stopped at the end: whether it happened must not depend on who was quicker.
        self.tasks.spawn(async move {
            let Some(control) = opened(door).await else {
                return;
            };
            let result = control.apply(&plan, consent).await.map(Box::new);
            let plan = plan.id;
            let _ = arrivals
                .send(Arrival::Msg(Msg::Applied { plan, result }))
                .await;
        });
    }

    /// Tells how far a revision has come, until it is everywhere or another one is watched.
    pub(super) fn watch(&mut self, revision: Revision) {
        self.watched.cancel();
        self.watched = self.stop.child_token();
        let (door, arrivals) = (self.door.subscribe(), self.arrivals.clone());
        let watched = self.watched.clone();
        self.tasks.spawn(async move {
            watched
                .run_until_cancelled(follow(door, arrivals, revision))
                .await;
        });
    }

    /// Asks the policy what an outage would do.
    pub(super) fn drill(&self, request: u64, names: Vec<String>, class: ErrorClass) {
        self.ask(async move |control: Control| Msg::Drilled {
            request,
            result: control.drill(&names, class).await.map(Box::new),
        });
    }

    /// Asks routes on a thread of its own, so that neither the screen waits for answers nor what is measured for
    /// the screen. What is asked already is dropped.
    pub(super) fn probe(&mut self, request: u64, questions: Vec<Question>) {
        self.stop_probe();
        self.probed = self.stop.child_token();
        let run = probing::Run {
            request,
            questions,
            door: self.door.subscribe(),
            arrivals: self.arrivals.clone(),
            tls: Arc::clone(&self.tls),
            clock: self.clock.clone(),
        };
        let stopped = self.probed.clone();
        self.tasks.spawn_blocking(move || run.block(&stopped));
    }

    /// Reads how quickly routes answered.
    pub(super) fn history(&self, routes: Vec<RouteName>) {
        self.ask(async move |control: Control| {
            // When the store fails, the feed says so; what is probed from now on is seen anyway.
            let histories = control.probe_histories(&routes).await;
            Msg::History(histories.unwrap_or_default())
        });
    }

    /// Reads what a workload carried, or the events of all.
    pub(super) fn traffic(&self, workload: Option<WorkloadName>, since: Timestamp) {
        self.ask(async move |control: Control| {
            let history = control.history(workload.as_ref(), since).await;
            Msg::Traffic(workload, history.map_err(|error| error.to_string()))
        });
    }

    /// Reads a past review.
    pub(super) fn read_review(&self, id: ReviewId) {
        self.ask(async move |control: Control| {
            let result = control.review(id.clone()).await.map(Box::new);
            Msg::ReviewRead(id, result)
        });
    }

    /// Drops what is asked: its connections are closed.
    pub(super) fn stop_probe(&self) {
        self.probed.cancel();
    }

    /// Tells the others what this console looks at, from now on.
    pub(super) fn present(&self, presence: Presence) {
        self.presence.send_replace(Some(presence));
    }

    /// Saves a copied text.
    pub(super) fn copy(&self, text: String) {
        self.save_with(move |directory, now| {
            let saved = saves::write(directory, now, "copy", "txt", &text);
            let length = text.len();
            Msg::Copied { length, saved }
        });
    }

    /// Reads what the last session in an environment has left.
    pub(super) fn read_session(&self, directory: PathBuf, environment: String) {
        let arrivals = self.arrivals.clone();
        self.tasks.spawn_blocking(move || {
            let read = session_file::read(&directory, &environment);
            let message = Msg::Session(read.map(|left| left.map(Box::new)));
            let _ = arrivals.blocking_send(Arrival::Msg(message));
        });
    }

    /// Leaves something for the next session. Nobody is there any more to be told when that fails.
    pub(super) fn leave_session(&self, directory: PathBuf, session: Session) {
        self.tasks.spawn_blocking(move || {
            if let Err(why) = session_file::write(&directory, &session) {
                tracing::warn!("the session is not kept: {why}");
            }
        });
    }

    /// Saves a view as text and as JSON.
    pub(super) fn save(
        &self,
        name: String,
        (extension, text): (&'static str, String),
        json: String,
    ) {
        self.save_with(move |directory, now| {
            let files = [(extension, text), ("json", json)]
                .map(|(extension, text)| saves::write(directory, now, &name, extension, &text));
            Msg::Saved(files.into_iter().collect())
        });
    }

    /// Sends a tick after a delay.
    pub(super) fn wake(&self, delay: Duration) {
        let arrivals = self.arrivals.clone();
        self.spawn(async move {
            sleep(delay).await;
            let _ = arrivals.send(Arrival::Msg(Msg::Tick)).await;
        });
    }

    /// Ends: changes that were sent off are finished, this console says farewell.
    pub(super) async fn close(self) {
        self.stop.cancel();
        self.tasks.close();
        let control = self.door.borrow().clone();
        let presence = self.presence.borrow().clone();
        let farewell = async {
            self.tasks.wait().await;
            if let (Some(control), Some(presence)) = (control, presence)
                && let Err(error) = control.leave(presence.session).await
            {
                tracing::debug!(%error, "no farewell");
            }
        };
        if timeout(ENDING, farewell).await.is_err() {
            tracing::warn!("the store did not answer in time at the end");
        }
    }

    /// Asks the door and sends the answer.
    fn ask<F>(&self, question: impl FnOnce(Control) -> F + Send + 'static)
    where
        F: Future<Output = Msg> + Send,
    {
        let (door, arrivals) = (self.door.subscribe(), self.arrivals.clone());
        self.spawn(async move {
            if let Some(control) = opened(door).await {
                let answer = question(control).await;
                let _ = arrivals.send(Arrival::Msg(answer)).await;
            }
        });
    }

    /// Writes files off the loop.
    fn save_with(&self, work: impl FnOnce(Option<&Path>, jiff::Timestamp) -> Msg + Send + 'static) {
        let (directory, arrivals) = (self.saves.clone(), self.arrivals.clone());
        let now = self.clock.now();
        self.tasks.spawn_blocking(move || {
            let _ = arrivals.blocking_send(Arrival::Msg(work(directory.as_deref(), now)));
        });
    }
}

/// Waits for the door. `None`: the console ended before.
async fn opened(mut door: watch::Receiver<Option<Control>>) -> Option<Control> {
    let open = door.wait_for(Option::is_some).await.ok()?;
    open.clone()
}

/// Writes the presence when it changes, and often enough not to be forgotten.
async fn announce(control: Control, mut presence: watch::Receiver<Option<Presence>>, clock: Clock) {
    loop {
        let newest = presence.borrow_and_update().clone();
        if let Some(mut newest) = newest {
            newest.at = clock.now();
            // The feed tells how the store fares; the next try comes anyway.
            if let Err(error) = control.present(newest).await {
                tracing::debug!(%error, "not announced");
            }
        }
        if let Ok(Err(_)) = timeout(PRESENCE, presence.changed()).await {
            return;
        }
    }
}

/// Reports every change of how far a revision has come.
async fn follow(
    door: watch::Receiver<Option<Control>>,
    arrivals: mpsc::Sender<Arrival>,
    revision: Revision,
) {
    let Some(control) = opened(door).await else {
        return;
    };
    let began = Instant::now();
    let mut told: Option<Result<Vec<OnGateway>, String>> = None;
    loop {
        let result = control.progress(revision).await;
        let everywhere = result.as_ref().is_ok_and(Progress::is_everywhere);
        let news = match &result {
            Ok(progress) => Ok(progress.each.clone()),
            Err(error) => Err(ControlError::to_string(error)),
        };
        if told.as_ref() != Some(&news) {
            told = Some(news);
            let progress = Msg::Progress { revision, result };
            if arrivals.send(Arrival::Msg(progress)).await.is_err() {
                return;
            }
        }
        if everywhere {
            return;
        }
        // Heartbeats wake nobody: they are read.
        sleep(if began.elapsed() < EAGERLY {
            EAGER
        } else {
            PATIENT
        })
        .await;
    }
}
