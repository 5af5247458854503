//! How the backend's parts fare, summed up for whoever follows the store's health.

use std::{
    collections::BTreeMap,
    sync::{Mutex, PoisonError},
};

use tokio::sync::watch;

use crate::store::{Health, StoreError};

/// Collects what fails.
#[derive(Debug)]
pub(super) struct Vitals {
    health: watch::Sender<Health>,
    failing: Mutex<BTreeMap<&'static str, String>>,
}

impl Vitals {
    /// All is well.
    pub(super) fn new() -> Self {
        Self {
            health: watch::Sender::new(Health::Good),
            failing: Mutex::default(),
        }
    }

    /// Follows.
    pub(super) fn subscribe(&self) -> watch::Receiver<Health> {
        self.health.subscribe()
    }

    /// Why a part fails, if it does.
    pub(super) fn failure(&self, part: &'static str) -> Option<String> {
        let failing = self.failing.lock().unwrap_or_else(PoisonError::into_inner);
        failing.get(part).cloned()
    }

    /// Notes how the last work of a part went.
    pub(super) fn note(&self, part: &'static str, error: Option<&StoreError>) {
        if error.is_none() && *self.health.borrow() == Health::Good {
            return;
        }
        let mut failing = self.failing.lock().unwrap_or_else(PoisonError::into_inner);
        match error {
            None => drop(failing.remove(part)),
            Some(error) => drop(failing.insert(part, error.to_string())),
        }
        let mut words: Vec<&str> = failing.values().map(String::as_str).collect();
        words.dedup();
        let health = if words.is_empty() {
            Health::Good
        } else {
            Health::Failing(words.join("; "))
        };
        self.health.send_if_modified(|current| {
            let changed = *current != health;
            *current = health;
            changed
        });
    }
}
