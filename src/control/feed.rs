//! The feed of news: one task per follower that turns the store's watches into messages.
//!
//! Started by [`Control::follow`]. A slow follower only delays itself: watches keep just their newest value,
//! and events and audit are read from the store when there is room for them.

use std::time::Duration;

use tokio::{
    sync::{mpsc, watch},
    time::{Instant, sleep_until},
};

use super::{Control, News, Probed};
use crate::{
    model::{AuditRecord, Entry, Heartbeat, Presence, Seq},
    store::{AuditQuery, EventQuery, StoreError},
};

/// How often heartbeats, presences and probes are read at most, and where nothing tells that they have moved.
const EVERY: Duration = Duration::from_millis(500);

/// How often where something does: what nobody writes any more grows too old.
const ANYWAY: Duration = Duration::from_secs(5);

/// Messages that may wait for the follower.
const WAITING: usize = 16;

/// Entries in one message.
const PAGE: usize = 500;

/// Audit records sent at first.
const AUDIT_BACKLOG: usize = 200;

/// The follower has gone away.
struct Gone;

/// Starts to follow. Must be called inside a runtime.
pub(super) fn follow(control: &Control, backlog: usize) -> mpsc::Receiver<News> {
    let (to, receiver) = mpsc::channel(WAITING);
    let feed = Feed {
        control: control.clone(),
        to,
        seen: Seq::default(),
        audited: None,
        heartbeats: None,
        presences: None,
        probed: None,
    };
    tokio::spawn(feed.run(backlog));
    receiver
}

struct Feed {
    control: Control,
    to: mpsc::Sender<News>,
    /// The newest entry that was sent.
    seen: Seq,
    /// The newest audit record that was sent; `None`: the backlog is still to come.
    audited: Option<u64>,
    heartbeats: Option<Vec<Heartbeat>>,
    presences: Option<Vec<Presence>>,
    probed: Option<Probed>,
}

impl Feed {
    async fn run(mut self, backlog: usize) {
        let to = self.to.clone();
        tokio::select! {
            () = to.closed() => {}
            _ = self.feed(backlog) => {}
        }
    }

    async fn feed(&mut self, backlog: usize) -> Result<(), Gone> {
        let inner = std::sync::Arc::clone(&self.control.inner);
        let mut catalog = inner.catalog.clone();
        let mut refused = inner.refused.clone();
        let mut overrides = inner.store.overrides();
        let mut newest = inner.store.newest();
        let mut reviewed = inner.store.reviewed();
        let mut health = inner.store.health();
        let mut touch = inner.store.touch();
        let mut pulse = inner.store.pulse();
        // The first of everything, cheap things first, so that a screen can draw at once.
        let first = News::Catalog(catalog.borrow_and_update().clone());
        self.send(first).await?;
        let first = News::Refused(refused.borrow_and_update().clone());
        self.send(first).await?;
        let first = News::Overrides(overrides.borrow_and_update().clone());
        self.send(first).await?;
        let first = News::Reviews(reviewed.borrow_and_update().clone());
        self.send(first).await?;
        let first = News::Health(health.borrow_and_update().clone());
        self.send(first).await?;
        let first = News::Touch(touch.borrow_and_update().clone());
        self.send(first).await?;
        self.beats().await?;
        newest.mark_unchanged();
        let mut started = self.begin(backlog).await?;
        self.audit().await?;

        let mut looked = Instant::now();
        let mut next = looked + EVERY;
        loop {
            tokio::select! {
                true = moved(&mut catalog) => {
                    let news = News::Catalog(catalog.borrow_and_update().clone());
                    self.send(news).await?;
                }
                true = moved(&mut refused) => {
                    let news = News::Refused(refused.borrow_and_update().clone());
                    self.send(news).await?;
                }
                true = moved(&mut overrides) => {
                    let news = News::Overrides(overrides.borrow_and_update().clone());
                    self.send(news).await?;
                    self.audit().await?;
                }
                true = moved(&mut reviewed) => {
                    let news = News::Reviews(reviewed.borrow_and_update().clone());
                    self.send(news).await?;
                }
                true = moved(&mut newest) => {
                    newest.mark_unchanged();
                    self.entries().await?;
                }
                true = moved(&mut health) => {
                    let news = News::Health(health.borrow_and_update().clone());
                    self.send(news).await?;
                }
                true = moved(&mut touch) => {
                    let news = News::Touch(touch.borrow_and_update().clone());
                    self.send(news).await?;
                    // What nobody was woken for while apart.
                    self.audit().await?;
                }
                true = stirred(&mut pulse) => next = next.min(looked + EVERY),
                () = sleep_until(next) => {
                    self.beats().await?;
                    if !started {
                        started = self.begin(backlog).await?;
                    }
                    if self.audited.is_none() {
                        self.audit().await?;
                    }
                    let whole = started && self.audited.is_some();
                    looked = Instant::now();
                    next = looked + if whole && pulse.is_some() { ANYWAY } else { EVERY };
                }
            }
        }
    }

    async fn send(&self, news: News) -> Result<(), Gone> {
        self.to.send(news).await.map_err(|_| Gone)
    }

    /// Finds where the backlog begins and sends it. `false`: the store could not be read, try again.
    async fn begin(&mut self, backlog: usize) -> Result<bool, Gone> {
        let store = &self.control.inner.store;
        let newest = *store.newest().borrow();
        if backlog == 0 {
            self.seen = newest;
            return Ok(true);
        }
        let query = EventQuery {
            limit: backlog,
            ..EventQuery::default()
        };
        match store.events(query).await {
            Ok(events) => {
                // Outcomes of older decisions may lie behind the first one; they are skipped by whoever
                // does not know their event.
                self.seen = events
                    .first()
                    .map_or(newest, |first| Seq(first.seq.0.saturating_sub(1)));
                self.entries().await?;
                Ok(true)
            }
            Err(_) => Ok(false),
        }
    }

    /// Sends what the log holds after the last entry that was sent.
    async fn entries(&mut self) -> Result<(), Gone> {
        loop {
            let Ok(entries) = self.control.inner.store.tail(self.seen, PAGE).await else {
                // The store's health says so; the next wake-up tries again from the same place.
                return Ok(());
            };
            let Some(last) = entries.last().map(|entry: &(Seq, Entry)| entry.0) else {
                return Ok(());
            };
            let whole = entries.len() == PAGE;
            self.send(News::Entries(entries)).await?;
            self.seen = last;
            if !whole {
                return Ok(());
            }
        }
    }

    async fn audit(&mut self) -> Result<(), Gone> {
        let query = AuditQuery {
            after: self.audited.unwrap_or(0),
            limit: if self.audited.is_none() {
                AUDIT_BACKLOG
            } else {
                0
            },
            ..AuditQuery::default()
        };
        let records: Result<Vec<AuditRecord>, StoreError> =
            self.control.inner.store.audit(query).await;
        let Ok(records) = records else {
            return Ok(());
        };
        let first = self.audited.is_none();
        self.audited = Some(
            records
                .last()
                .map_or(self.audited.unwrap_or(0), |record| record.sequence),
        );
        if first || !records.is_empty() {
            self.send(News::Audit(records)).await?;
        }
        Ok(())
    }

    /// Heartbeats, presences and probes, when they changed.
    async fn beats(&mut self) -> Result<(), Gone> {
        let store = self.control.inner.store.clone();
        if let Ok(heartbeats) = store.heartbeats().await
            && self.heartbeats.as_ref() != Some(&heartbeats)
        {
            self.heartbeats = Some(heartbeats.clone());
            self.send(News::Heartbeats(heartbeats)).await?;
        }
        if let Ok(presences) = self.control.inner.presences().await
            && self.presences.as_ref() != Some(&presences)
        {
            self.presences = Some(presences.clone());
            self.send(News::Presences(presences)).await?;
        }
        if let Ok(probed) = self.control.inner.probed().await
            && !self.probed.as_ref().is_some_and(|sent| sent.same(&probed))
        {
            self.probed = Some(probed.clone());
            self.send(News::Probes(probed)).await?;
        }
        Ok(())
    }
}

/// Waits for a change; never answers again after the sender went away.
async fn moved<T>(watch: &mut watch::Receiver<T>) -> bool {
    if watch.changed().await.is_ok() {
        true
    } else {
        std::future::pending().await
    }
}

/// The same of one that is not there everywhere.
async fn stirred<T>(watch: &mut Option<watch::Receiver<T>>) -> bool {
    match watch {
        Some(watch) => moved(watch).await,
        None => std::future::pending().await,
    }
}
