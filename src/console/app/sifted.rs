//! What is filtered and marked on the screen: asked by `update` and by `view` alike.

use super::{App, Overlay, Screen};
use crate::{
    console::state::{
        filter::{Fields, Filter},
        home::Row,
    },
    control::{Due, GatewayStatus, RouteStatus},
    model::{AuditRecord, StoredEvent, WorkloadName},
};

/// The list that a filter is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sifted {
    /// The help.
    Help,
    /// The list of actions.
    Menu,
    /// The rows of the screen.
    Rows,
}

impl App {
    /// The list that a filter is about: what lies under the one that is typed.
    #[must_use]
    pub fn sifted(&self) -> Sifted {
        let mut below = self.overlays.iter().rev();
        match below.find(|overlay| !matches!(overlay, Overlay::Filter(..))) {
            Some(Overlay::Help(_)) => Sifted::Help,
            Some(Overlay::Actions(_)) => Sifted::Menu,
            Some(_) | None => Sifted::Rows,
        }
    }

    /// What is filtered there.
    #[must_use]
    pub fn filtered(&self) -> &str {
        let mut below = self.overlays.iter().rev();
        match below.find(|overlay| !matches!(overlay, Overlay::Filter(..))) {
            Some(Overlay::Help(helping)) => return &helping.filter,
            Some(Overlay::Actions(menu)) => return &menu.filter,
            Some(_) | None => {}
        }
        self.filter().map_or("", Filter::text)
    }

    /// The filter of the screen's rows.
    #[must_use]
    pub fn filter(&self) -> Option<&Filter> {
        match self.screen {
            Screen::Home => Some(&self.home.filter),
            Screen::Routes => Some(&self.routes.filter),
            Screen::Events => Some(self.events.filter()),
            Screen::Reviews => Some(&self.reviews.table.filter),
            Screen::Audit => Some(&self.audit.filter),
            Screen::Gateways => Some(&self.gateways.filter),
            Screen::Detail(_) | Screen::Compare(_) => None,
        }
    }

    /// What can be filtered by.
    #[must_use]
    pub fn filter_fields(&self) -> &'static [&'static str] {
        match (self.sifted(), &self.screen) {
            (Sifted::Rows, Screen::Home) => Row::NAMES,
            (Sifted::Rows, Screen::Routes) => RouteStatus::NAMES,
            (Sifted::Rows, Screen::Events) => StoredEvent::NAMES,
            (Sifted::Rows, Screen::Reviews) => Due::NAMES,
            (Sifted::Rows, Screen::Audit) => AuditRecord::NAMES,
            (Sifted::Rows, Screen::Gateways) => GatewayStatus::NAMES,
            (Sifted::Help | Sifted::Menu, _)
            | (Sifted::Rows, Screen::Detail(_) | Screen::Compare(_)) => &[],
        }
    }

    /// Everything that a field can be, where that is a short list of words.
    #[must_use]
    pub fn filter_words(&self, field: &str) -> Vec<&'static str> {
        match self.screen {
            Screen::Home => Row::words(field),
            Screen::Routes => RouteStatus::words(field),
            Screen::Events => StoredEvent::words(field),
            Screen::Reviews => Due::words(field),
            Screen::Audit => AuditRecord::words(field),
            Screen::Gateways => GatewayStatus::words(field),
            Screen::Detail(_) | Screen::Compare(_) => Vec::new(),
        }
    }

    /// What of a filter is not understood, in words.
    #[must_use]
    pub fn filter_mistake(&self, text: &str) -> Option<String> {
        match (self.sifted(), &self.screen) {
            (Sifted::Rows, Screen::Home) => Filter::mistake::<Row<'_>>(text, self.now),
            (Sifted::Rows, Screen::Routes) => Filter::mistake::<RouteStatus>(text, self.now),
            (Sifted::Rows, Screen::Events) => Filter::mistake::<StoredEvent>(text, self.now),
            (Sifted::Rows, Screen::Reviews) => Filter::mistake::<Due>(text, self.now),
            (Sifted::Rows, Screen::Audit) => Filter::mistake::<AuditRecord>(text, self.now),
            (Sifted::Rows, Screen::Gateways) => Filter::mistake::<GatewayStatus>(text, self.now),
            (Sifted::Help | Sifted::Menu, _)
            | (Sifted::Rows, Screen::Detail(_) | Screen::Compare(_)) => None,
        }
    }

    /// How many rows of the screen are marked: that can be seen, and that the filter hides.
    #[must_use]
    pub fn marked(&self) -> (usize, usize) {
        let (all, seen) = match self.screen {
            Screen::Home => (
                self.home.marks.all().len(),
                self.home.marks.of(self.home.names()).count(),
            ),
            Screen::Routes => (
                self.routes.marks.all().len(),
                self.routes.marks.of(&self.routes.keys).count(),
            ),
            Screen::Events => (self.events.marks.all().len(), self.marked_events().len()),
            Screen::Reviews => (
                self.reviews.table.marks.all().len(),
                self.reviews
                    .table
                    .marks
                    .of(&self.reviews.table.keys)
                    .count(),
            ),
            Screen::Audit => (
                self.audit.marks.all().len(),
                self.audit.marks.of(&self.audit.keys).count(),
            ),
            Screen::Gateways => (
                self.gateways.marks.all().len(),
                self.gateways.marks.of(&self.gateways.keys).count(),
            ),
            Screen::Detail(_) | Screen::Compare(_) => (0, 0),
        };
        (seen, all.saturating_sub(seen))
    }

    /// Whether a range of the screen's rows is being marked.
    #[must_use]
    pub const fn is_ranging(&self) -> bool {
        match self.screen {
            Screen::Home => self.home.marks.is_ranging(),
            Screen::Routes => self.routes.marks.is_ranging(),
            Screen::Events => self.events.marks.is_ranging(),
            Screen::Reviews => self.reviews.table.marks.is_ranging(),
            Screen::Audit => self.audit.marks.is_ranging(),
            Screen::Gateways => self.gateways.marks.is_ranging(),
            Screen::Detail(_) | Screen::Compare(_) => false,
        }
    }

    /// The marked events that pass the filter, oldest first.
    #[must_use]
    pub fn marked_events(&self) -> Vec<u64> {
        let rows = self.events.rows(&self.data.log, self.events_end());
        let marked = self.events.marks.all().into_iter();
        marked
            .filter(|number| rows.get(rows.row(*number)) == Some(*number))
            .collect()
    }

    /// The marked workloads, in the order of the screen's rows.
    #[must_use]
    pub fn marked_workloads(&self) -> Vec<WorkloadName> {
        match self.screen {
            Screen::Home => self.home.marks.of(self.home.names()).cloned().collect(),
            Screen::Reviews => {
                let table = &self.reviews.table;
                table.marks.of(&table.keys).cloned().collect()
            }
            Screen::Routes
            | Screen::Events
            | Screen::Audit
            | Screen::Gateways
            | Screen::Detail(_)
            | Screen::Compare(_) => Vec::new(),
        }
    }
}
