//! One attempt that runs: counted, and linked to its route's circuit, until it ends or is given up.

use std::{rc::Rc, sync::Arc, time::Duration};

use super::{circuits::Pass, snapshot::ReadyRoute, worker::Worker};
use crate::{
    clock::Clock,
    model::{ErrorClass, Secret},
};

/// A running attempt. Dropped without an end, it says nothing about the route: the client went away.
#[derive(Debug)]
pub(super) struct Running {
    pub(super) route: Arc<ReadyRoute>,
    pub(super) worker: Rc<Worker>,
    pass: Pass,
    /// From its start to the response head.
    pub(super) head_after: Option<Duration>,
    ended: bool,
}

impl Running {
    pub(super) fn begin(route: &Arc<ReadyRoute>, worker: &Rc<Worker>, pass: Pass) -> Self {
        route.stats.begin(worker.index);
        Self {
            route: Arc::clone(route),
            worker: Rc::clone(worker),
            pass,
            head_after: None,
            ended: false,
        }
    }

    /// What the route was asked with.
    pub(super) fn credential(&self) -> Option<&Secret> {
        self.route.route.credential.as_ref()
    }

    /// A stream has begun well. A trial says so now, because its end may be minutes away.
    pub(super) fn first_output(&mut self) {
        if self.pass.is_trial() {
            self.pass.record(Clock::instant(), None);
        }
    }

    /// The attempt ended, well or with a failure.
    pub(super) fn end(&mut self, failure: Option<ErrorClass>) {
        self.ended = true;
        let now = Clock::instant();
        self.pass.record(now, failure);
        let second = self.worker.shared.second_of(now);
        self.route
            .stats
            .finish(self.worker.index, second, failure, self.head_after);
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if !self.ended {
            self.route.stats.abandon(self.worker.index);
        }
    }
}
