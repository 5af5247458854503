//! Keeps an overview current: what rests on nothing that moved is not worked out again.
//!
//! The console holds one lookout and looks whenever it was told something, or when the moment has come at which time
//! alone makes a difference; `overview` is the first look of a new one. Every row keeps what it was made of beside
//! it, and every judgement that looks at the time says until when it holds. It must not know who looks.
//!
//! A thousand rows take longer than a key may wait: who cannot stay that long begins a look and goes on with it, some
//! rows at a time.

mod row;
mod shared;

use std::sync::Arc;

use jiff::Timestamp;

use super::{
    GatewayStatus, Overview, RouteStatus, Spending, WorkloadStatus, gateways,
    judge::Counted,
    routes::{self, Told},
    scopes::Across,
    sources::{Moved, Sources},
    traffic::Load,
};
use crate::{
    control::probed::OfRoute,
    model::{Route, Subject, Workload},
    probe::Lively,
};
use row::Grounds;
use shared::{Ground, Heard, Standings, hour_end};

/// An overview, and what it was made of.
#[derive(Debug, Default)]
pub struct Lookout {
    overview: Option<Overview>,
    ground: Ground,
    heard: Heard,
    standings: Standings,
    /// When the first override ends by itself.
    expiry: Option<Timestamp>,
    /// When the hour ends by which probing is counted.
    hour_end: Option<Timestamp>,
    /// In the order of the configuration, as the others.
    workloads: Vec<WorkloadRow>,
    routes: Vec<RouteRow>,
    /// When time alone may make the first of the workloads another.
    rows_next: Option<Timestamp>,
    /// A look that is under way.
    course: Option<Course>,
}

/// A row that is made again counts as so many that are only passed by.
const MADE: usize = 8;

/// How far a look has come.
#[derive(Clone, Copy, Debug)]
struct Course {
    /// The moment it is for.
    now: Timestamp,
    /// What rows may rest on.
    moved: Moved,
    /// Gateways gave signs of life, whatever they said.
    heard: bool,
    /// Rows that were looked at.
    routes: usize,
    workloads: usize,
    /// Whether any of them is another.
    changed: Both,
}

#[derive(Clone, Copy, Debug, Default)]
struct Both {
    routes: bool,
    workloads: bool,
}

#[derive(Debug)]
struct WorkloadRow {
    status: Arc<WorkloadStatus>,
    counted: Counted,
    live: Lively,
    events: (u64, u64),
    records: Option<OfRoute>,
    /// When time alone may make it another.
    next: Timestamp,
}

#[derive(Debug)]
struct RouteRow {
    status: Arc<RouteStatus>,
    records: Option<OfRoute>,
    load: Load,
}

impl Lookout {
    /// The overview, and whether it says anything else than at the last look, besides its moment.
    pub fn look(
        &mut self,
        sources: &Sources<'_>,
        moved: Moved,
        now: Timestamp,
    ) -> (&Overview, bool) {
        let mut course = self.set_out(sources, moved, now);
        self.rows(sources, &mut course, usize::MAX);
        self.put_together(sources, course)
    }

    /// Begins a look. One that is under way begins again: what had moved for it has moved for this one, too.
    pub fn begin(&mut self, sources: &Sources<'_>, moved: Moved, now: Timestamp) {
        self.course = Some(self.set_out(sources, moved, now));
    }

    /// Whether a look is under way.
    #[must_use]
    pub const fn is_looking(&self) -> bool {
        self.course.is_some()
    }

    /// Goes on with it, for about as long as it takes to make so many rows, on the same configuration. Answers as
    /// [`Self::look`] does when it is done. What else moves meanwhile is for the next look.
    pub fn go_on(&mut self, sources: &Sources<'_>, rows: usize) -> Option<(&Overview, bool)> {
        let mut course = self.course.take()?;
        if !self.rows(sources, &mut course, rows.saturating_mul(MADE)) {
            self.course = Some(course);
            return None;
        }
        Some(self.put_together(sources, course))
    }

    /// Looks at what all rows share.
    fn set_out(&mut self, sources: &Sources<'_>, moved: Moved, now: Timestamp) -> Course {
        let known = self.overview.as_ref();
        let later = |left: &Course| left.now > now;
        let goes_on = known.is_some_and(|before| !moved.catalog && before.at <= now)
            && !self.course.as_ref().is_some_and(later);
        // Moved by news, or by time.
        let mut moved = if goes_on {
            let came = |moment: Option<Timestamp>| moment.is_some_and(|moment| moment <= now);
            Moved {
                heartbeats: moved.heartbeats || came(self.heard.next),
                overrides: moved.overrides || came(self.expiry),
                reviewed: moved.reviewed || came(self.standings.next),
                probed: moved.probed || came(self.hour_end),
                ..moved
            }
        } else {
            *self = Self::default();
            self.ground = Ground::of(sources.catalog);
            Moved::ALL
        };
        let heard = moved.heartbeats;
        if heard {
            let heard = Heard::of(sources, &self.ground.marks, now);
            // What holds on some gateways only is told by where they run.
            moved.overrides |= heard.totals.sites != self.heard.totals.sites;
            // A sign of life alone says nothing of any row.
            moved.heartbeats = heard.totals != self.heard.totals || heard.live != self.heard.live;
            self.heard = heard;
        }
        if moved.overrides {
            self.expiry = sources.overrides.next_expiry(now);
        }
        if moved.reviewed {
            self.standings = Standings::of(sources, now);
        }
        if moved.probed {
            self.hour_end = hour_end(now);
        }
        let mut course = Course {
            now,
            moved,
            heard,
            routes: 0,
            workloads: 0,
            changed: Both::default(),
        };
        if let Some(left) = self.course.take() {
            course.moved = moved.or(left.moved);
            course.heard |= left.heard;
            course.changed = left.changed;
        }
        let moved = course.moved;
        if !(moved.heartbeats || moved.overrides || moved.probed) {
            course.routes = sources.catalog.routes.len();
        }
        let turned = self.rows_next.is_some_and(|next| next <= now);
        if !(moved.any() || turned) {
            course.workloads = sources.catalog.workloads.len();
        }
        course
    }

    /// Looks at rows until that took long enough; answers whether it was at all of them.
    fn rows(&mut self, sources: &Sources<'_>, course: &mut Course, mut patience: usize) -> bool {
        let catalog = sources.catalog;
        let routes = catalog.routes.values().enumerate().skip(course.routes);
        for (place, route) in routes {
            let Some(rest) = patience.checked_sub(1) else {
                return false;
            };
            let made = self.look_at_route(sources, course, place, route);
            patience = rest.saturating_sub(if made { MADE } else { 0 });
            course.routes += 1;
        }
        let before = course.workloads;
        let workloads = catalog.workloads.values().enumerate().skip(before);
        for (place, workload) in workloads {
            let Some(rest) = patience.checked_sub(1) else {
                return false;
            };
            let made = self.look_at_workload(sources, course, place, workload);
            patience = rest.saturating_sub(if made { MADE } else { 0 });
            course.workloads += 1;
        }
        true
    }

    /// When to look again although nothing was told; `None`: time alone makes no difference.
    #[must_use]
    pub fn next(&self) -> Option<Timestamp> {
        [
            self.rows_next,
            self.heard.next,
            self.standings.next,
            self.expiry,
            self.hour_end,
        ]
        .into_iter()
        .flatten()
        .min()
    }

    /// Makes the row of a route, if that may be another; answers whether it was made.
    fn look_at_route(
        &mut self,
        sources: &Sources<'_>,
        course: &mut Course,
        place: usize,
        route: &Route,
    ) -> bool {
        let now = course.now;
        let load = self.heard.totals.route(&route.name);
        let records = sources.probed.of_route(&route.name);
        let before = self.routes.get(place);
        let same_records = before.is_some_and(|row| same(row.records.as_ref(), records));
        let settings = &sources.catalog.probing;
        let spending = Spending::of(settings, sources.probed, Some(&route.name), now);
        if let Some(row) = before
            && !course.moved.overrides
            && same_records
            && row.load == load
            && row.status.spending == spending
        {
            return false;
        }
        let told = match before {
            Some(row) if same_records => Told::again(&row.status),
            Some(_) | None => Told::of(sources.catalog, route, records),
        };
        let used_by = self.ground.users.get(&route.name);
        let subject = Subject::Drain(route.name.clone());
        let sites = &self.heard.totals.sites;
        let drain = Across::of(sources.overrides, &subject, sites, now);
        let status = routes::status(
            route,
            drain.any(),
            used_by.cloned().unwrap_or_default(),
            told,
            spending,
            &load,
        );
        let (status, other) = kept(before.map(|row| &row.status), status);
        course.changed.routes |= other;
        let row = RouteRow {
            status,
            records: records.cloned(),
            load,
        };
        put(&mut self.routes, place, row);
        true
    }

    /// Makes the row of a workload, if that may be another; answers whether it was made.
    fn look_at_workload(
        &mut self,
        sources: &Sources<'_>,
        course: &mut Course,
        place: usize,
        workload: &Workload,
    ) -> bool {
        let (moved, now) = (course.moved, course.now);
        let before = self.workloads.get(place);
        let (counted, live) = match before {
            Some(row) if !moved.heartbeats => (None, row.live),
            Some(_) | None => {
                let (catalog, marks) = (sources.catalog, &self.ground.marks);
                let live = self.heard.live.about(catalog, marks, workload);
                (Some(Counted::of(workload, &self.heard.totals)), live)
            }
        };
        let events = match before {
            Some(row) if !moved.events => row.events,
            Some(_) | None => sources.events.span(&workload.name),
        };
        let fallback = workload.fallback.as_ref();
        let records = fallback.and_then(|route| sources.probed.of_route(route));
        if let Some(row) = before
            && !moved.overrides
            && !moved.reviewed
            && now < row.next
            && row.events == events
            && row.live.says_as(&live)
            && counted
                .as_ref()
                .is_none_or(|counted| row.counted == *counted)
            && same(row.records.as_ref(), records)
        {
            return false;
        }
        let counted = match (counted, before) {
            (Some(counted), _) => counted,
            (None, Some(row)) => row.counted.clone(),
            (None, None) => Counted::default(),
        };
        let grounds = Grounds {
            counted: &counted,
            live: &live,
            sites: &self.heard.totals.sites,
            records: records.map(|of| &**of),
            standing: self.standings.of.get(&workload.name),
        };
        let (status, next) = grounds.row(sources, workload, now);
        let (status, other) = kept(before.map(|row| &row.status), status);
        course.changed.workloads |= other;
        let row = WorkloadRow {
            status,
            counted,
            live,
            events,
            records: records.cloned(),
            next,
        };
        put(&mut self.workloads, place, row);
        true
    }

    /// Answers the overview, and whether it says anything else than before.
    fn put_together(&mut self, sources: &Sources<'_>, course: Course) -> (&Overview, bool) {
        let (moved, now) = (course.moved, course.now);
        let Both { routes, workloads } = course.changed;
        let next = self.workloads.iter().map(|row| row.next).min();
        self.rows_next = next.filter(|next| *next < Timestamp::MAX);
        let Sources {
            catalog, overrides, ..
        } = sources;
        let first = self.overview.is_none();
        let overview = self.overview.get_or_insert_with(|| Overview {
            at: now,
            environment: catalog.environment.name.clone(),
            revision: overrides.revision,
            workloads: Vec::new(),
            by_name: Vec::new(),
            routes: Vec::new(),
            gateways: Vec::new(),
            spending: Spending::default(),
            spent_budgets: Vec::new(),
        });
        overview.at = now;
        let mut changed = first || workloads || routes || overview.revision != overrides.revision;
        overview.revision = overrides.revision;
        if first || workloads {
            let rows = self.workloads.iter().map(|row| Arc::clone(&row.status));
            overview.order(&rows.collect::<Vec<_>>());
        }
        if first || routes {
            let rows = self.routes.iter().map(|row| Arc::clone(&row.status));
            overview.routes = rows.collect();
            let spent = overview.routes.iter().filter(|route| route.spending.spent);
            overview.spent_budgets = spent.map(|route| route.route.clone()).collect();
        }
        if course.heard || moved.heartbeats || moved.overrides {
            let gateways = gateways::all(catalog, overrides, sources.heartbeats, now);
            changed |= !alike(&overview.gateways, &gateways);
            overview.gateways = gateways;
        }
        if moved.probed {
            let spending = Spending::of(&catalog.probing, sources.probed, None, now);
            changed |= overview.spending != spending;
            overview.spending = spending;
        }
        (overview, changed)
    }
}

/// Whether gateways fare as they did. When they were heard of last is another moment each time.
fn alike(before: &[GatewayStatus], now: &[GatewayStatus]) -> bool {
    let same = |(before, now): (&GatewayStatus, &GatewayStatus)| {
        let at = before.at;
        *before == GatewayStatus { at, ..now.clone() }
    };
    before.len() == now.len() && before.iter().zip(now).all(same)
}

/// A status, and whether it is another than before; the one from before stays when it says the same.
fn kept<T: PartialEq>(before: Option<&Arc<T>>, now: T) -> (Arc<T>, bool) {
    match before {
        Some(before) if **before == now => (Arc::clone(before), false),
        Some(_) | None => (Arc::new(now), true),
    }
}

fn same(before: Option<&OfRoute>, now: Option<&OfRoute>) -> bool {
    match (before, now) {
        (Some(before), Some(now)) => Arc::ptr_eq(before, now),
        (None, None) => true,
        (Some(_), None) | (None, Some(_)) => false,
    }
}

/// Rows are made in their order: each is put over its last one, or behind all.
fn put<T>(rows: &mut Vec<T>, place: usize, row: T) {
    match rows.get_mut(place) {
        Some(before) => *before = row,
        None => rows.push(row),
    }
}

#[cfg(test)]
mod tests;
