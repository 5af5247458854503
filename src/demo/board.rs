//! The board of one provider: which fault meets which request, by script and by injection, and a journal of
//! what was asked.

use std::{
    collections::VecDeque,
    sync::{Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use serde::{Deserialize, Serialize};
use tokio::sync::watch;

use super::{
    fault::{Fault, FaultKind},
    script::Script,
};
use crate::model::ErrorClass;

/// Requests that the journal remembers.
const JOURNAL: usize = 500;

/// A fault as it is ordered at the control endpoint. One of `fault`, `class` and `status` names it.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Order {
    /// A fault by its name.
    fault: Option<FaultKind>,
    /// The plainest fault of an error class.
    class: Option<ErrorClass>,
    /// The fault of a status.
    status: Option<u16>,
    /// Which model it meets. `None`: all.
    model: Option<String>,
    /// Which share of requests it meets.
    share: Option<f64>,
    /// How many requests it meets. `None`: all.
    times: Option<u32>,
    /// How long it is in force. `None`: until it is cleared.
    duration_ms: Option<u64>,
    /// How long the provider hesitates before it fails.
    #[serde(default)]
    delay_ms: u64,
    /// What a rate limit hints at, in seconds.
    retry_after: Option<u64>,
}

/// One request of the journal.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Entry {
    /// Milliseconds since the provider started.
    pub(super) at_ms: u64,
    /// The model that was asked.
    pub(super) model: String,
    /// Whether a stream was asked.
    pub(super) stream: bool,
    /// The status of the answer. `None`: no head was sent.
    pub(super) status: Option<u16>,
    /// The fault that met it.
    pub(super) fault: Option<FaultKind>,
    /// Whether it says that it is a probe.
    pub(super) probe: bool,
}

/// An order in force.
#[derive(Clone, Debug)]
struct Injected {
    fault: Fault,
    model: Option<String>,
    share: f64,
    left: Option<u32>,
    until: Option<Instant>,
}

impl Injected {
    fn alive(&self, now: Instant) -> bool {
        self.until.is_none_or(|until| now < until) && self.left != Some(0)
    }
}

/// What a provider has to play.
#[derive(Debug)]
pub(super) struct Board {
    script: Script,
    start: Instant,
    injected: Mutex<Vec<Injected>>,
    journal: Mutex<VecDeque<Entry>>,
    changed: watch::Sender<()>,
}

impl Board {
    /// A board whose script starts at `start`.
    pub(super) fn new(script: Script, start: Instant) -> Self {
        Self {
            script,
            start,
            injected: Mutex::default(),
            journal: Mutex::default(),
            changed: watch::Sender::new(()),
        }
    }

    /// Puts an order in force.
    ///
    /// # Errors
    /// What is wrong with it, in words.
    pub(super) fn inject(&self, order: Order, now: Instant) -> Result<(), String> {
        let kind = match (order.fault, order.class, order.status) {
            (Some(kind), None, None) => kind,
            (None, Some(class), None) => class.as_str().parse()?,
            (None, None, Some(status)) => status.to_string().parse()?,
            _ => return Err("name exactly one of `fault`, `class` and `status`".to_owned()),
        };
        let fault = Fault {
            kind,
            delay: Duration::from_millis(order.delay_ms),
            retry_after: order.retry_after.unwrap_or(1),
        };
        let mut injected = lock(&self.injected);
        injected.retain(|one| one.alive(now));
        injected.push(Injected {
            fault,
            model: order.model,
            share: order.share.unwrap_or(1.0),
            left: order.times,
            until: order
                .duration_ms
                .map(|millis| now + Duration::from_millis(millis)),
        });
        drop(injected);
        self.changed.send_replace(());
        Ok(())
    }

    /// Ends every order; the script stays.
    pub(super) fn clear(&self) {
        lock(&self.injected).clear();
        self.changed.send_replace(());
    }

    /// The fault that meets a request. `roll` is a random number from 0.0 to 1.0. Orders come before the
    /// script; shares add up.
    pub(super) fn pick(&self, model: &str, roll: f64, now: Instant) -> Option<Fault> {
        let mut reached = 0.0;
        for one in lock(&self.injected).iter_mut() {
            let meets = one.model.as_deref().is_none_or(|wanted| wanted == model);
            if meets && one.alive(now) && one.fault.kind != FaultKind::Refuse {
                reached += one.share;
                if roll < reached {
                    one.left = one.left.map(|left| left - 1);
                    return Some(one.fault);
                }
            }
        }
        for step in self
            .script
            .active(now.saturating_duration_since(self.start))
        {
            let meets = step.model.as_deref().is_none_or(|wanted| wanted == model);
            if meets && step.fault != FaultKind::Refuse {
                reached += step.share;
                if roll < reached {
                    return Some(Fault {
                        kind: step.fault,
                        delay: Duration::from_millis(step.delay_ms),
                        retry_after: step.retry_after,
                    });
                }
            }
        }
        None
    }

    /// Whether connections are refused now.
    pub(super) fn refuses(&self, now: Instant) -> bool {
        let ordered = lock(&self.injected)
            .iter()
            .any(|one| one.fault.kind == FaultKind::Refuse && one.alive(now));
        ordered
            || self
                .script
                .active(now.saturating_duration_since(self.start))
                .any(|step| step.fault == FaultKind::Refuse)
    }

    /// Wakes on every order. Take what it has seen before asking [`Board::refuses`].
    pub(super) fn orders(&self) -> watch::Receiver<()> {
        self.changed.subscribe()
    }

    /// Waits until [`Board::refuses`] may answer otherwise.
    pub(super) async fn change(&self, orders: &mut watch::Receiver<()>, now: Instant) {
        let by_order = lock(&self.injected)
            .iter()
            .filter_map(|one| one.until)
            .filter(|until| *until > now)
            .map(|until| until - now)
            .min();
        let elapsed = now.saturating_duration_since(self.start);
        let by_script = self.script.next_change(elapsed);
        let wait = [by_order, by_script].into_iter().flatten().min();
        let edge = async {
            match wait {
                // A little later than the edge, so that the edge has passed.
                Some(wait) => tokio::time::sleep(wait + Duration::from_millis(1)).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            () = edge => {}
            // The sender is in `self`: it cannot be gone.
            _ = orders.changed() => {}
        }
    }

    /// Remembers a request.
    pub(super) fn note(&self, entry: Entry) {
        let mut journal = lock(&self.journal);
        if journal.len() == JOURNAL {
            journal.pop_front();
        }
        journal.push_back(entry);
    }

    /// The newest requests, oldest first.
    pub(super) fn journal(&self) -> Vec<Entry> {
        lock(&self.journal).iter().cloned().collect()
    }

    /// Forgets the requests.
    pub(super) fn forget(&self) {
        lock(&self.journal).clear();
    }

    /// How long after its start `now` is.
    pub(super) fn elapsed(&self, now: Instant) -> Duration {
        now.saturating_duration_since(self.start)
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{Board, Order};
    use crate::{
        clock::Clock,
        demo::{fault::FaultKind, script::Script},
    };

    fn order(json: &str) -> Order {
        serde_json::from_str(json).unwrap()
    }

    #[test]
    fn orders_are_met_by_model_share_times_and_duration() {
        let now = Clock::instant();
        let picked = |json: &str, model: &str, roll: f64, later: u64| {
            let board = Board::new(Script::default(), now);
            board.inject(order(json), now).unwrap();
            let at = now + Duration::from_millis(later);
            board.pick(model, roll, at).map(|fault| fault.kind)
        };
        let hit = Some(FaultKind::Unavailable);
        assert_eq!(picked(r#"{"status": 503}"#, "m", 0.9, 0), hit);
        assert_eq!(picked(r#"{"class": "overloaded"}"#, "m", 0.9, 0), hit);
        assert_eq!(
            picked(r#"{"fault": "503", "model": "m"}"#, "m", 0.9, 0),
            hit
        );
        assert_eq!(
            picked(r#"{"fault": "503", "model": "n"}"#, "m", 0.9, 0),
            None
        );
        assert_eq!(
            picked(r#"{"fault": "503", "share": 0.5}"#, "m", 0.4, 0),
            hit
        );
        assert_eq!(
            picked(r#"{"fault": "503", "share": 0.5}"#, "m", 0.6, 0),
            None
        );
        assert_eq!(
            picked(r#"{"fault": "503", "duration_ms": 50}"#, "m", 0.0, 49),
            hit
        );
        assert_eq!(
            picked(r#"{"fault": "503", "duration_ms": 50}"#, "m", 0.0, 50),
            None
        );
        assert_eq!(picked(r#"{"fault": "503", "times": 0}"#, "m", 0.0, 0), None);
    }

    #[test]
    fn times_count_down_and_clear_ends() {
        let now = Clock::instant();
        let board = Board::new(Script::default(), now);
        board
            .inject(order(r#"{"fault": "500", "times": 2}"#), now)
            .unwrap();
        assert!(board.pick("m", 0.0, now).is_some());
        assert!(board.pick("m", 0.0, now).is_some());
        assert!(board.pick("m", 0.0, now).is_none());
        board.inject(order(r#"{"fault": "refuse"}"#), now).unwrap();
        assert!(board.refuses(now));
        assert!(
            board.pick("m", 0.0, now).is_none(),
            "a closed port answers nobody"
        );
        board.clear();
        assert!(!board.refuses(now));
    }

    #[test]
    fn wrong_orders_are_told() {
        let now = Clock::instant();
        let board = Board::new(Script::default(), now);
        for wrong in [
            "{}",
            r#"{"status": 502}"#,
            r#"{"status": 503, "fault": "503"}"#,
        ] {
            assert!(board.inject(order(wrong), now).is_err(), "{wrong}");
        }
    }
}
