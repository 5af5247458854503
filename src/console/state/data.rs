//! What the console was told by the door, and the overview computed from it.
//!
//! The overview is looked at again when something it rests on has moved, at most a few times per second, and when the
//! moment has come at which time alone makes a difference; never for a key. It must not be changed by anything but
//! news and the passing of time.

use std::{collections::HashMap, collections::VecDeque, sync::Arc, time::Duration};

use jiff::{SignedDuration, Timestamp};

use super::log::EventLog;
use crate::{
    control::{Lookout, Moved, News, Overview, Probed, Sources, WorkloadStatus},
    model::{
        AuditRecord, Catalog, CircuitState, Heartbeat, Overrides, Presence, Reviewed, RouteName,
        Workload, WorkloadName,
    },
    store::{Health, Touch},
};

/// The most audit records kept.
const AUDIT_KEPT: usize = 1_000;
/// Between two computations of the overview.
const APART: SignedDuration = SignedDuration::from_millis(250);
/// So many of its rows are made at once: about half a millisecond, for which a key may wait.
const ROWS: usize = 128;

/// What the console knows.
#[derive(Debug)]
pub struct Data {
    /// The configuration; `None` until it was told.
    pub catalog: Option<Arc<Catalog>>,
    /// Why the file on disk is not in force.
    pub refused: Option<String>,
    /// The table of overrides; `None` until it was told.
    pub overrides: Option<Arc<Overrides>>,
    /// The gateways' last signs of life.
    pub heartbeats: Vec<Heartbeat>,
    /// The consoles that are open, this one included.
    pub presences: Vec<Presence>,
    /// What probing has found.
    pub probed: Probed,
    /// The newest reviews of each workload, and what is owed.
    pub reviewed: Arc<Reviewed>,
    /// The newest audit records, oldest first.
    pub audit: VecDeque<AuditRecord>,
    /// How the store fares; `None` until it was told.
    pub health: Option<Health>,
    /// How current all of this is.
    pub touch: Touch,
    /// The newest events.
    pub log: EventLog,
    /// What is going on; `None` until configuration and overrides were told.
    pub overview: Option<Overview>,
    /// The slow end of the first outputs by workload, in milliseconds, of the slowest gateway.
    pub first_output_p95: HashMap<WorkloadName, u64>,
    lookout: Box<Lookout>,
    /// What the overview rests on and has not looked at yet.
    moved: Moved,
    /// Heartbeats have arrived.
    heard: bool,
    /// When it was looked at last; `None`: what came is shown without waiting.
    computed: Option<Timestamp>,
    /// Somebody was told when it will be due.
    told: bool,
    /// It is due, or under way, and waits to be gone on with.
    behind: bool,
}

/// What news changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Changed {
    /// Nothing that can be seen.
    Nothing,
    /// New events arrived, or outcomes of known ones.
    Events,
    /// The gateways told how they fare.
    Heartbeats,
    /// The overrides moved.
    Overrides,
    /// The configuration moved.
    Catalog,
    /// The file on disk is refused now, or not any more.
    Refused,
    /// The audit grew.
    Audit,
    /// Somebody came, left, or looks elsewhere.
    People,
    /// The store fares differently.
    Health,
    /// The store's cluster went away, or came back.
    Touch,
    /// Something was probed.
    Probes,
    /// Something was reviewed, or is owed.
    Reviews,
}

impl Data {
    /// Nothing known yet.
    #[must_use]
    pub fn new(opened: Timestamp) -> Self {
        Self {
            catalog: None,
            refused: None,
            overrides: None,
            heartbeats: Vec::new(),
            presences: Vec::new(),
            probed: Probed::default(),
            reviewed: Arc::default(),
            audit: VecDeque::new(),
            health: None,
            touch: Touch::Current,
            log: EventLog::new(opened),
            overview: None,
            first_output_p95: HashMap::new(),
            lookout: Box::default(),
            moved: Moved::default(),
            heard: false,
            computed: None,
            told: false,
            behind: false,
        }
    }

    /// Takes in news.
    pub fn absorb(&mut self, news: News) -> Changed {
        match news {
            News::Catalog(catalog) => {
                self.catalog = Some(catalog);
                self.moved.catalog = true;
                self.computed = None;
                Changed::Catalog
            }
            News::Overrides(overrides) => {
                self.overrides = Some(overrides);
                self.moved.overrides = true;
                self.computed = None;
                Changed::Overrides
            }
            News::Heartbeats(heartbeats) => {
                if !std::mem::replace(&mut self.heard, true) {
                    // The first overview was computed without any gateway: it is not worth a wait.
                    self.computed = None;
                }
                self.heartbeats = heartbeats;
                self.sum_up();
                self.moved.heartbeats = true;
                Changed::Heartbeats
            }
            News::Entries(entries) => {
                self.moved.events |= self.log.extend(entries) > 0;
                Changed::Events
            }
            News::Refused(refused) => {
                let same = self.refused == refused;
                self.refused = refused;
                if same {
                    Changed::Nothing
                } else {
                    Changed::Refused
                }
            }
            News::Presences(presences) => {
                self.presences = presences;
                Changed::People
            }
            News::Health(health) => {
                let same = self.health.as_ref() == Some(&health);
                self.health = Some(health);
                if same {
                    Changed::Nothing
                } else {
                    Changed::Health
                }
            }
            News::Touch(touch) => {
                if self.touch == touch {
                    return Changed::Nothing;
                }
                self.touch = touch;
                self.computed = None;
                Changed::Touch
            }
            News::Probes(probed) => {
                self.probed = probed;
                self.moved.probed = true;
                Changed::Probes
            }
            News::Reviews(reviewed) => {
                self.reviewed = reviewed;
                self.moved.reviewed = true;
                Changed::Reviews
            }
            News::Audit(records) => {
                self.record(records);
                Changed::Audit
            }
        }
    }

    fn record(&mut self, records: Vec<AuditRecord>) {
        for record in records {
            let newest = self.audit.back().map_or(0, |last| last.sequence);
            if record.sequence > newest {
                self.audit.push_back(record);
            }
        }
        let over = self.audit.len().saturating_sub(AUDIT_KEPT);
        self.audit.drain(..over);
    }

    fn sum_up(&mut self) {
        self.first_output_p95.clear();
        for traffic in self.heartbeats.iter().flat_map(|beat| &beat.workloads) {
            if let Some(millis) = traffic.first_output_p95_ms {
                let slowest = self
                    .first_output_p95
                    .entry(traffic.workload.clone())
                    .or_default();
                *slowest = millis.max(*slowest);
            }
        }
    }

    /// Whether the overview is due, or half made: [`Self::refresh`] should be called as soon as nobody waits.
    #[must_use]
    pub const fn is_behind(&self) -> bool {
        self.behind
    }

    /// Computes the overview again when it is due: of many rows some, and the others when it is called again.
    /// `hurried`: somebody waits for a frame, and nothing is begun that takes long.
    pub fn refresh(&mut self, now: Timestamp, hurried: bool) -> Refreshed {
        let (Some(catalog), Some(overrides)) = (&self.catalog, &self.overrides) else {
            return Refreshed::Current;
        };
        // While apart, silence says nothing about the gateways: they are shown as they were.
        let then = self.moment(now);
        // What must not wait is looked at anew, and whole: a first screen that comes in steps comes late. What else
        // came while a look is under way has its turn after it.
        let whole = self.computed.is_none();
        let begins = whole || !self.lookout.is_looking();
        let age = self.computed.map(|computed| now.duration_since(computed));
        match age {
            _ if !begins => {}
            Some(age) if age < SignedDuration::ZERO => {}
            Some(age) if self.moved.any() && age < APART => {
                if self.told {
                    return Refreshed::Current;
                }
                self.told = true;
                return Refreshed::Due(Duration::try_from(APART - age).unwrap_or_default());
            }
            Some(_) if !self.moved.any() && self.lookout.next().is_none_or(|next| then < next) => {
                if let Some(overview) = &mut self.overview {
                    overview.at = then;
                }
                return Refreshed::Current;
            }
            Some(_) | None => {}
        }
        let many = !whole && catalog.workloads.len() + catalog.routes.len() > ROWS;
        if hurried && many {
            self.behind = true;
            return Refreshed::Current;
        }
        let sources = Sources {
            catalog,
            overrides,
            heartbeats: &self.heartbeats,
            events: &self.log,
            probed: &self.probed,
            reviewed: &self.reviewed,
        };
        if begins {
            let moved = std::mem::take(&mut self.moved);
            self.lookout.begin(&sources, moved, then);
            self.computed = Some(now);
            self.told = false;
            self.behind = many;
            if many {
                return Refreshed::Current;
            }
        }
        let rows = if whole { usize::MAX } else { ROWS };
        let Some((next, changed)) = self.lookout.go_on(&sources, rows) else {
            return Refreshed::Current;
        };
        match &mut self.overview {
            Some(known) if !changed => known.at = next.at,
            known => *known = Some(next.clone()),
        }
        self.behind = false;
        Refreshed::Computed { changed }
    }

    /// Since when the store's cluster cannot be asked, and why.
    #[must_use]
    pub fn apart(&self) -> Option<(Timestamp, &str)> {
        match &self.touch {
            Touch::Current => None,
            Touch::Apart { since, cause } => Some((*since, cause)),
        }
    }

    /// The moment that the overview tells of; before there is one, the beginning of time.
    #[must_use]
    pub fn heard(&self) -> Timestamp {
        self.overview
            .as_ref()
            .map_or(Timestamp::MIN, |overview| overview.at)
    }

    /// The moment of which all of this tells.
    fn moment(&self, now: Timestamp) -> Timestamp {
        self.apart().map_or(now, |(since, _)| since.min(now))
    }

    /// The status of a workload.
    #[must_use]
    pub fn status(&self, name: &WorkloadName) -> Option<&WorkloadStatus> {
        self.overview.as_ref()?.workload(name)
    }

    /// A workload as configured.
    #[must_use]
    pub fn workload(&self, name: &WorkloadName) -> Option<&Workload> {
        self.catalog.as_ref()?.workloads.get(name)
    }

    /// Why a gateway has paused a route.
    #[must_use]
    pub fn tripped_by(&self, route: &RouteName) -> Option<&str> {
        self.heartbeats
            .iter()
            .flat_map(|beat| &beat.routes)
            .filter(|traffic| traffic.route == *route && traffic.circuit != CircuitState::Closed)
            .find_map(|traffic| traffic.tripped_by.as_deref())
    }

    /// A record of the audit.
    #[must_use]
    pub fn record_of(&self, sequence: u64) -> Option<&AuditRecord> {
        let place = self
            .audit
            .binary_search_by(|record| record.sequence.cmp(&sequence));
        self.audit.get(place.ok()?)
    }

    /// The record that undid another.
    #[must_use]
    pub fn undone_by(&self, sequence: u64) -> Option<u64> {
        let mut newest = self.audit.iter().rev();
        newest
            .find(|other| other.undoes == Some(sequence))
            .map(|other| other.sequence)
    }

    /// The record that undid a record; else the one that it undoes, when that is kept here.
    #[must_use]
    pub fn linked(&self, sequence: u64) -> Option<u64> {
        let undoes = || self.record_of(sequence)?.undoes;
        self.undone_by(sequence)
            .or_else(|| undoes().filter(|other| self.record_of(*other).is_some()))
    }

    /// How old the newest sign of life of any gateway is.
    #[must_use]
    pub fn age(&self, now: Timestamp) -> Option<Duration> {
        let newest = self.heartbeats.iter().map(|beat| beat.at).max()?;
        Some(Duration::try_from(now.duration_since(newest)).unwrap_or_default())
    }
}

/// What became of a refresh.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refreshed {
    /// Nothing to do.
    Current,
    /// It was computed.
    Computed {
        /// Whether it looks different.
        changed: bool,
    },
    /// It will be due after this; said once.
    Due(Duration),
}
