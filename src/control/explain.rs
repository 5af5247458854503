//! Explanations in words: why an event came out as it did, what would happen to a workload now, what an error
//! class is. Which rule of the policy says so, and what would change it.
//!
//! Called by the CLI and, for the parts that it shows, by the console. The builders are pure; they ask the policy
//! and never decide.

mod class;
mod event;
mod rule;
mod workload;

use std::collections::BTreeMap;

use serde::Serialize;

use super::{Control, ControlError, intent};
use crate::{
    model::{AuditRecord, Catalog, ErrorClass, EventId, Mode, StoredEvent, WorkloadName, visible},
    store::{AuditQuery, EventQuery},
};

pub use class::{MayTrigger, class};
use event::event;
pub use rule::{Rule, rule};
pub use workload::ClassFate;
use workload::{Ground, workload};

/// What was explained, as facts for programs.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case", tag = "about")]
pub enum Facts {
    /// An event.
    Event {
        /// It, with its outcome.
        event: Box<StoredEvent>,
        /// The rule behind it, by the configuration of now.
        rule: Rule,
    },
    /// A workload.
    Workload {
        /// Which.
        workload: WorkloadName,
        /// The mode in force.
        mode: Mode,
        /// What a failure of the primary would lead to, for each class.
        classes: BTreeMap<ErrorClass, ClassFate>,
    },
    /// An error class.
    Class {
        /// Which.
        class: ErrorClass,
        /// Whether it may cause a fallback.
        may_trigger: MayTrigger,
        /// The workloads with a fallback that made it a trigger.
        triggers_of: Vec<WorkloadName>,
    },
}

/// Some lines under a title.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Part {
    /// The title.
    pub title: &'static str,
    /// The lines, fit to be shown.
    pub lines: Vec<String>,
}

impl Part {
    fn new<T: Into<String>>(title: &'static str, lines: impl IntoIterator<Item = T>) -> Self {
        Self {
            title,
            lines: lines.into_iter().map(Into::into).collect(),
        }
    }
}

/// An explanation: one sentence, and what stands behind it.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Explanation {
    /// The facts.
    #[serde(flatten)]
    pub facts: Facts,
    /// The answer in one sentence.
    pub headline: String,
    /// The rest, in reading order.
    pub parts: Vec<Part>,
}

impl Explanation {
    /// All of it as plain lines.
    #[must_use]
    pub fn text(&self) -> String {
        let mut text = self.headline.clone();
        for part in self.parts.iter().filter(|part| !part.lines.is_empty()) {
            text.push_str("\n\n");
            text.push_str(part.title);
            for line in &part.lines {
                text.push_str("\n  ");
                text.push_str(line);
            }
        }
        text
    }
}

impl Control {
    /// Explains a workload, an error class or an event, whichever has this name; a workload first.
    ///
    /// # Errors
    /// When there is no such thing, with a near name, or the store cannot be read.
    pub async fn explain(&self, name: &str) -> Result<Explanation, ControlError> {
        let catalog = self.inner.catalog();
        if let Some(found) = catalog.workloads.get(name) {
            let overview = self.overview().await?;
            let overrides = self.inner.overrides();
            let ground = Ground {
                catalog: &catalog,
                overrides: &overrides,
                overview: &overview,
                now: overview.at,
            };
            return Ok(workload(ground, found));
        }
        if let Ok(found) = name.parse::<ErrorClass>() {
            return Ok(class(found, Some(&catalog)));
        }
        let Ok(id) = name.parse::<EventId>() else {
            return Err(unknown(&catalog, name));
        };
        let Some(stored) = self.event(id).await? else {
            return Err(ControlError::NoEvent(id));
        };
        let records = self.switches_of(&stored).await?;
        Ok(event(&stored, &catalog, &records))
    }

    /// One event.
    async fn event(&self, id: EventId) -> Result<Option<StoredEvent>, ControlError> {
        let query = EventQuery {
            // An id is made in the moment of its event; to be sure, a little earlier.
            since: id.at().checked_sub(jiff::SignedDuration::from_secs(1)).ok(),
            id: Some(id),
            limit: 1,
            ..EventQuery::default()
        };
        Ok(self.inner.store.events(query).await?.pop())
    }

    /// The audit of what the event's workload and routes were switched to.
    async fn switches_of(&self, stored: &StoredEvent) -> Result<Vec<AuditRecord>, ControlError> {
        let event = &stored.event;
        let targets = [event.workload.as_str(), event.primary.as_str()]
            .into_iter()
            .chain(event.fallback.as_ref().map(crate::model::RouteName::as_str));
        let mut records = Vec::new();
        for target in targets {
            let query = AuditQuery {
                target: Some(target.to_owned()),
                limit: super::HISTORY,
                ..AuditQuery::default()
            };
            records.extend(self.inner.store.audit(query).await?);
        }
        Ok(records)
    }
}

fn unknown(catalog: &Catalog, name: &str) -> ControlError {
    let known = catalog
        .workloads
        .keys()
        .map(WorkloadName::as_str)
        .chain(ErrorClass::ALL.map(ErrorClass::as_str));
    ControlError::Unknown {
        kind: "workload, error class or event",
        name: visible(name, 60).into_owned(),
        suggestion: intent::nearest(name, known),
    }
}
