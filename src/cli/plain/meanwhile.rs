//! What happened while somebody typed or read: gathered, and told in single lines when they are ready for it.
//!
//! A storm is told by its first events and a count. It must not print.

use std::collections::{BTreeMap, BTreeSet};

use super::greeting;
use crate::{
    cli::{announce, status::word},
    control::{Control, News, Overview, State},
    model::{
        Actor, AuditRecord, Entry, Event, EventDecision, Presence, Readiness, Verb, WorkloadName,
        visible,
    },
    store::{Health, Touch},
};

/// Events told one by one; of more there is a count.
const EACH: usize = 5;

/// The longest line.
const LINE: usize = 300;

/// What is known of a workload that is worth a line when it changes.
type Known = (State, Readiness);

/// What happened since it was told last.
#[derive(Debug, Default)]
pub(super) struct Meanwhile {
    workloads: BTreeMap<WorkloadName, Known>,
    events: Vec<String>,
    /// Events beyond those.
    more: BTreeMap<(WorkloadName, &'static str), usize>,
    records: Vec<AuditRecord>,
    /// The newest record that was there when it began.
    audited: Option<u64>,
    /// What each of the others is at.
    others: BTreeMap<String, (Actor, BTreeSet<String>)>,
    notes: Vec<String>,
    refused: Option<String>,
    trouble: Option<String>,
    /// Since when the store's cluster cannot be asked.
    apart: bool,
    me: Option<Actor>,
}

impl Meanwhile {
    /// From here on.
    pub(super) fn begin(&mut self, overview: &Overview, me: &Actor) {
        self.workloads = known(overview);
        self.me = Some(me.clone());
    }

    /// Takes in what the door tells.
    pub(super) fn take(&mut self, news: News) {
        match news {
            News::Entries(entries) => {
                for (_, entry) in entries {
                    match entry {
                        Entry::Decision(event) => self.event(&event),
                        Entry::Outcome(_) => {}
                    }
                }
            }
            News::Audit(records) => match self.audited {
                // What was changed before is no news.
                None => {
                    self.audited = Some(records.last().map_or(0, |record| record.sequence));
                }
                Some(_) => self.records.extend(records),
            },
            News::Presences(presences) => self.people(presences),
            News::Refused(why) => {
                if let Some(why) = &why
                    && self.refused.as_ref() != Some(why)
                {
                    self.notes.push(format!(
                        "! the configuration on disk is refused, the last good one stays: {}",
                        why.lines().next().unwrap_or_default()
                    ));
                }
                self.refused = why;
            }
            News::Health(health) => self.health(&health),
            News::Touch(touch) => self.touch(touch),
            // They show in the overview.
            News::Catalog(_)
            | News::Overrides(_)
            | News::Heartbeats(_)
            | News::Probes(_)
            | News::Reviews(_) => {}
        }
    }

    fn event(&mut self, event: &Event) {
        let alone = match event.decision {
            // The state of the workload says it.
            EventDecision::Readiness => return,
            // Without a failure it is what an operator wanted: one of many.
            EventDecision::Fallback => event.class.is_some(),
            EventDecision::Refused
            | EventDecision::Exhausted
            | EventDecision::Broken
            | EventDecision::ProviderMade => true,
        };
        if alone && self.events.len() < EACH {
            self.events.push(told(event));
        } else {
            let kind = (event.workload.clone(), many(event));
            *self.more.entry(kind).or_default() += 1;
        }
    }

    fn people(&mut self, presences: Vec<Presence>) {
        let mut others = BTreeMap::new();
        let host = self.me.as_ref().map_or("", |me| me.host.as_str());
        let own = announce::name(host);
        for presence in presences.into_iter().filter(|it| it.session != own) {
            let mut at = BTreeSet::new();
            if let Some((id, key)) = &presence.plan {
                at.insert(format!("has plan {id} open for {}", key.named()));
            }
            if let Some(claim) = &presence.claim {
                at.insert(format!("is on {claim}"));
            }
            let known = self.others.get(&presence.session);
            for what in &at {
                if !known.is_some_and(|(_, known)| known.contains(what)) {
                    self.notes.push(format!("{} {what}", presence.actor.name()));
                }
            }
            others.insert(presence.session, (presence.actor, at));
        }
        self.others = others;
    }

    fn touch(&mut self, touch: Touch) {
        match touch {
            Touch::Apart { since, cause } if !self.apart => {
                let since = since.strftime("%H:%M:%SZ");
                self.notes.push(format!(
                    "! apart from the store since {since}: {cause}; nothing can be changed from here until it is back"
                ));
                self.apart = true;
            }
            Touch::Current if self.apart => {
                self.notes.push("in touch with the store again".to_owned());
                self.apart = false;
            }
            Touch::Apart { .. } | Touch::Current => {}
        }
    }

    fn health(&mut self, health: &Health) {
        let trouble = match health {
            Health::Good => None,
            Health::Failing(why) => Some(why.clone()),
        };
        match (&trouble, &self.trouble) {
            (Some(why), None) => self.notes.push(format!("! the store fails: {why}")),
            (None, Some(_)) => self.notes.push("the store works again".to_owned()),
            (Some(_), Some(_)) | (None, None) => {}
        }
        self.trouble = trouble;
    }

    /// What there is to say, in lines; it is said once.
    pub(super) fn tell(&mut self, overview: &Overview, control: &Control) -> Vec<String> {
        let mut lines: Vec<String> = std::mem::take(&mut self.notes);
        let now = known(overview);
        for status in &overview.workloads {
            let before = self.workloads.get(&status.workload);
            let is = (status.state, status.readiness.word);
            match before {
                Some(before) if *before == is => {}
                Some((state, _)) if *state != status.state => {
                    let line = greeting::told(status, overview);
                    lines.push(format!("{line}; it was {}", word(*state)));
                }
                Some((_, readiness)) => {
                    let why = status.readiness.reasons.first();
                    let why = why.map(|reason| format!(": {}", reason.why));
                    lines.push(format!(
                        "{}: its fallback is {}, it was {readiness}{}",
                        status.workload,
                        status.readiness.word,
                        why.unwrap_or_default()
                    ));
                }
                None => lines.push(greeting::told(status, overview)),
            }
        }
        self.workloads = now;
        for record in std::mem::take(&mut self.records) {
            // One's own changes were reported when they were made.
            if !control.is_own(record.revision) {
                lines.push(changed(&record, self.me.as_ref()));
            }
        }
        lines.append(&mut self.events);
        for ((workload, kind), count) in std::mem::take(&mut self.more) {
            lines.push(format!("{workload}: {count} more {kind}"));
        }
        lines
            .into_iter()
            .map(|line| visible(&line, LINE).into_owned())
            .collect()
    }
}

fn known(overview: &Overview) -> BTreeMap<WorkloadName, Known> {
    let workloads = overview.workloads.iter();
    workloads
        .map(|status| {
            (
                status.workload.clone(),
                (status.state, status.readiness.word),
            )
        })
        .collect()
}

/// An event in one line.
fn told(event: &Event) -> String {
    let kind = match event.decision {
        EventDecision::Fallback => "fallback",
        EventDecision::Refused => "fallback refused",
        EventDecision::Exhausted => "no route answered",
        EventDecision::Broken => "answer broke off",
        EventDecision::ProviderMade => "fallback made by the provider",
        EventDecision::Readiness => "readiness",
    };
    let mut failure = Vec::new();
    failure.extend(event.status.map(|status| status.to_string()));
    failure.extend(event.class.map(|class| class.to_string()));
    let route = match event.decision {
        EventDecision::Fallback => event
            .fallback
            .as_ref()
            .map_or_else(String::new, |fallback| format!(", {fallback} serves")),
        EventDecision::Refused
        | EventDecision::Exhausted
        | EventDecision::Broken
        | EventDecision::ProviderMade
        | EventDecision::Readiness => String::new(),
    };
    format!(
        "{} {}: {kind}, {} {}{route}",
        event.at.strftime("%H:%M:%SZ"),
        event.workload,
        event.primary,
        failure.join(" ")
    )
}

/// Several of a kind.
const fn many(event: &Event) -> &'static str {
    match event.decision {
        EventDecision::Fallback if event.class.is_none() => "answers of the fallback, as forced",
        EventDecision::Fallback => "fallbacks",
        EventDecision::Refused => "refused fallbacks",
        EventDecision::Exhausted => "requests that no route answered",
        EventDecision::Broken => "answers that broke off",
        EventDecision::ProviderMade => "fallbacks made by the provider",
        EventDecision::Readiness => "changes of readiness",
    }
}

/// A change of somebody else, or of oneself elsewhere.
fn changed(record: &AuditRecord, me: Option<&Actor>) -> String {
    let target = record.key.named();
    let at = record.at.strftime("%H:%M:%SZ");
    let Some(verb) = record.verb else {
        return format!("{at} an override of {target} has expired");
    };
    let who = if me.is_some_and(|me| *me == record.actor) {
        "you, elsewhere,"
    } else {
        record.actor.name()
    };
    let reason = match verb {
        Verb::Undo => String::new(),
        Verb::Force
        | Verb::Hold
        | Verb::Auto
        | Verb::NoticeOn
        | Verb::NoticeOff
        | Verb::Drain
        | Verb::Undrain => format!(", reason {}", record.reason),
    };
    format!(
        "{at} {who} did {verb} {target}{reason} (audit {})",
        record.sequence
    )
}
