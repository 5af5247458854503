//! The console's whole state, and the questions that update and view both ask of it.
//!
//! `screen` says where the operator is, `overlays` is what lies over it: states that cannot be do not exist.
//! Changed by `update` only.

mod compare;
mod overlay;
mod sifted;

use std::{collections::BTreeMap, time::Duration};

use jiff::{Timestamp, tz::TimeZone};

pub use overlay::{Helping, Menu, Overlay};
pub use sifted::Sifted;

use super::{
    keymap::{Context, Keymap},
    layout,
    state::{
        bell::Bell,
        burst::Burst,
        change::{Followed, Unknown},
        chart::Charts,
        clipboard::Between,
        comparing::Comparing,
        data::Data,
        events::Events,
        home::Home,
        link::Link,
        message::Messages,
        plan::Form,
        reviews::Reviews,
        route_facts::RouteFacts,
        series::Series,
        session::Sessions,
        table::Table,
        themes::Themes,
        tour::Tour,
    },
};
use crate::{
    control::{Mode, Overview},
    model::{Actor, GatewayName, Plan, PlanId, Presence, RouteName, Subject, WorkloadName},
};

/// How many events of the past the console asks for when it opens.
pub const BACKLOG: usize = 2_000;

/// After this an applied change is not marked any more, even if no request has taken its path.
const LONG: Duration = Duration::from_mins(1);

/// What a console needs to know about itself.
#[derive(Clone, Debug)]
pub struct Setup {
    /// Who sits here.
    pub actor: Actor,
    /// Whether anything can be changed from here.
    pub mode: Mode,
    /// Unique to this process.
    pub session: String,
    /// The process, as the others are told.
    pub process: u32,
    /// When it was opened.
    pub opened: Timestamp,
    /// What every key means.
    pub keymap: Keymap,
    /// Columns and rows of the terminal.
    pub size: (u16, u16),
    /// Another one in every process: from it sides are shuffled.
    pub seed: u64,
}

/// Where the operator is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Screen {
    /// The workloads.
    #[default]
    Home,
    /// The routes.
    Routes,
    /// The events.
    Events,
    /// The reviews.
    Reviews,
    /// The audit.
    Audit,
    /// The gateways.
    Gateways,
    /// One workload.
    Detail(WorkloadName),
    /// Its two routes beside each other.
    Compare(WorkloadName),
}

/// How times are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Times {
    /// Times of day, in UTC.
    #[default]
    Utc,
    /// Ages.
    Ago,
    /// Times of day in the operator's own zone.
    Local,
}

/// The view stands still while the data goes on.
#[derive(Clone, Debug)]
pub struct Paused {
    /// What was shown.
    pub overview: Option<Box<Overview>>,
    /// The number that the next event would have had.
    pub end: u64,
}

/// The state.
#[derive(Debug)]
pub struct App {
    /// What this console is.
    pub setup: Setup,
    /// Columns and rows.
    pub size: (u16, u16),
    /// The moment of the last message.
    pub now: Timestamp,
    /// The moment that clocks and ages are drawn for: moves with the second.
    pub clock: Timestamp,
    /// What the door told.
    pub data: Data,
    /// Where the operator is.
    pub screen: Screen,
    /// Where they were before.
    pub before: Screen,
    /// What lies over the screen, the topmost last.
    pub overlays: Vec<Overlay>,
    /// The workloads.
    pub home: Home,
    /// The routes.
    pub routes: Table<RouteName>,
    /// What the routes screen tells of routes besides their status.
    pub route_facts: RouteFacts,
    /// The events.
    pub events: Events,
    /// The reviews.
    pub reviews: Reviews,
    /// The audit.
    pub audit: Table<u64>,
    /// The gateways.
    pub gateways: Table<GatewayName>,
    /// The comparisons of this session.
    pub comparisons: BTreeMap<WorkloadName, Comparing>,
    /// Charts.
    pub charts: Charts,
    /// By how many lines the detail is scrolled.
    pub detail_scroll: usize,
    /// By how many lines what stands beside the routes is scrolled, and for which of them.
    pub pane_scroll: Option<(RouteName, usize)>,
    /// Long lines are wrapped where that is possible.
    pub wrap: bool,
    /// The terminal reports the mouse.
    pub mouse: bool,
    /// The line to the terminal.
    pub link: Link,
    /// The themes.
    pub themes: Themes,
    /// The terminal's bell.
    pub bell: Bell,
    /// What stands between here and the operator's clipboard.
    pub between: Between,
    /// The last session.
    pub sessions: Sessions,
    /// How times are written.
    pub times: Times,
    /// The operator's own zone; `None`: it is UTC, or nobody knows.
    pub zone: Option<TimeZone>,
    /// The view stands still.
    pub paused: Option<Paused>,
    /// The tour, while it is on.
    pub tour: Option<Tour>,
    /// The message line.
    pub messages: Messages,
    /// Commands that were typed, oldest first.
    pub spoken: Vec<String>,
    /// The plans for marked rows, one after the other.
    pub series: Option<Series>,
    /// Changes of this console that are followed.
    pub changes: Vec<Followed>,
    /// A change of this console of which nobody knows whether it was made.
    pub unknown: Option<Unknown>,
    /// The workload of which this operator said "I'm on it".
    pub claim: Option<WorkloadName>,
    /// Something visible has changed since the last frame. Set by `update`, cleared by the loop.
    pub dirty: bool,
    pub(super) burst: Burst,
    pub(super) requests: u64,
    /// The number of the live probe that runs.
    pub(super) probing: Option<u64>,
    pub(super) presented: Option<(Timestamp, Presence)>,
}

impl App {
    /// A console that knows nothing yet.
    #[must_use]
    pub fn new(setup: Setup) -> Self {
        let opened = setup.opened;
        Self {
            size: setup.size,
            now: opened,
            clock: opened,
            data: Data::new(opened),
            screen: Screen::Home,
            before: Screen::Home,
            overlays: Vec::new(),
            home: Home::default(),
            routes: Table::default(),
            route_facts: RouteFacts::default(),
            events: Events::default(),
            reviews: Reviews::default(),
            audit: Table::default(),
            gateways: Table::default(),
            comparisons: BTreeMap::new(),
            charts: Charts::default(),
            detail_scroll: 0,
            pane_scroll: None,
            wrap: true,
            mouse: false,
            link: Link::default(),
            themes: Themes::default(),
            bell: Bell::default(),
            between: Between::default(),
            sessions: Sessions::default(),
            times: Times::default(),
            zone: None,
            paused: None,
            tour: None,
            messages: Messages::default(),
            spoken: Vec::new(),
            series: None,
            changes: Vec::new(),
            unknown: None,
            claim: None,
            dirty: true,
            burst: Burst::default(),
            requests: 0,
            probing: None,
            presented: None,
            setup,
        }
    }

    /// Where keys go: to the top of what is open.
    #[must_use]
    pub fn context(&self) -> Context {
        self.overlays
            .last()
            .map_or_else(|| self.screen_context(), Overlay::context)
    }

    /// The context of the screen below everything.
    #[must_use]
    pub const fn screen_context(&self) -> Context {
        match self.screen {
            Screen::Home => Context::Workloads,
            Screen::Routes => Context::Routes,
            Screen::Events => Context::Events,
            Screen::Reviews => Context::Reviews,
            Screen::Audit => Context::Audit,
            Screen::Gateways => Context::Gateways,
            Screen::Detail(_) => Context::Detail,
            Screen::Compare(_) => Context::Compare,
        }
    }

    /// The overview to draw: the one of the pause, or the newest.
    #[must_use]
    pub fn overview(&self) -> Option<&Overview> {
        match &self.paused {
            Some(paused) => paused.overview.as_deref(),
            None => self.data.overview.as_ref(),
        }
    }

    /// Events up to this number are drawn.
    #[must_use]
    pub fn events_end(&self) -> u64 {
        self.paused
            .as_ref()
            .map_or_else(|| self.link.end(), |paused| paused.end)
    }

    /// How many events came since the view was paused.
    #[must_use]
    pub fn held_back(&self) -> Option<u64> {
        let paused = self.paused.as_ref()?;
        Some(self.data.log.end().saturating_sub(paused.end))
    }

    /// The workload that verbs are about.
    #[must_use]
    pub fn workload(&self) -> Option<&WorkloadName> {
        match &self.screen {
            Screen::Home => self.home.list.selected(),
            Screen::Reviews => self.reviews.table.list.selected(),
            Screen::Detail(workload) | Screen::Compare(workload) => Some(workload),
            Screen::Events => {
                let number = self.events.selected()?;
                Some(&self.data.log.get(number)?.event.workload)
            }
            Screen::Routes | Screen::Audit | Screen::Gateways => None,
        }
    }

    /// The plan that is open.
    #[must_use]
    pub fn form(&self) -> Option<&Form> {
        self.overlays.iter().rev().find_map(Overlay::form)
    }

    /// The same, to change it.
    pub(super) fn form_mut(&mut self) -> Option<&mut Form> {
        self.overlays.iter_mut().rev().find_map(Overlay::form_mut)
    }

    /// What fits on the screen.
    #[must_use]
    pub const fn room(&self) -> layout::Room {
        layout::Room::of(self.size.0, self.size.1)
    }

    /// The change that is followed for a workload, while it is not settled.
    #[must_use]
    pub fn pending(&self, workload: &WorkloadName) -> Option<&Followed> {
        self.changes.iter().find(|change| {
            // A workload without traffic has no first request to wait for.
            let waited = self.age(change.at) > LONG && change.applied();
            !(change.settled() || waited)
                && match &change.key.subject {
                    Subject::Mode(name) | Subject::Notice(name) => name == workload,
                    Subject::Drain(_) => false,
                }
        })
    }

    /// The other consoles.
    pub fn others(&self) -> impl Iterator<Item = &Presence> {
        self.data
            .presences
            .iter()
            .filter(|presence| presence.session != self.setup.session)
    }

    /// Who says of a workload that they are on it; this operator is `you`.
    #[must_use]
    pub fn claimed_by(&self, workload: &WorkloadName) -> Option<&str> {
        if self.claim.as_ref() == Some(workload) {
            return Some("you");
        }
        self.others()
            .find(|presence| presence.claim.as_ref() == Some(workload))
            .map(|presence| presence.actor.name())
    }

    /// What the other consoles are told.
    #[must_use]
    pub fn presence(&self) -> Presence {
        Presence {
            session: self.setup.session.clone(),
            actor: self.setup.actor.clone(),
            since: self.setup.opened,
            at: self.now,
            viewing: match &self.screen {
                Screen::Detail(workload) | Screen::Compare(workload) => Some(workload.clone()),
                Screen::Home
                | Screen::Routes
                | Screen::Events
                | Screen::Reviews
                | Screen::Audit
                | Screen::Gateways => None,
            },
            plan: self
                .form()
                .and_then(Form::plan)
                .map(|plan: &Plan| (PlanId(plan.id.0.clone()), plan.key.clone())),
            plan_since: self
                .form()
                .and_then(|form| form.plan().map(|_| form.opened)),
            plan_taken: self.form().and_then(|form| form.taken),
            claim: self.claim.clone(),
            process: Some(self.setup.process),
        }
    }

    /// Who has a plan open for a workload, as they say.
    #[must_use]
    pub fn planned_by(&self, workload: &WorkloadName) -> Option<&Presence> {
        let mut others = self.others();
        others.find(|other| other.plans(workload.as_str()))
    }

    /// Who has a plan open for the same target and goes first. Sessions are rivals, whoever sits there: an account
    /// may be shared.
    #[must_use]
    pub fn rival(&self) -> Option<&Presence> {
        let target = self.form()?.plan()?.target();
        let own = self.presence();
        let mut rivals: Vec<&Presence> = self
            .others()
            .filter(|other| other.plans(target) && other.goes_before(&own))
            .collect();
        rivals.sort_by(|left, right| {
            if left.goes_before(right) {
                std::cmp::Ordering::Less
            } else {
                std::cmp::Ordering::Greater
            }
        });
        rivals.first().copied()
    }

    /// How old something is on the drawn clock.
    #[must_use]
    pub fn age(&self, at: Timestamp) -> Duration {
        Duration::try_from(self.clock.duration_since(at)).unwrap_or_default()
    }
}
