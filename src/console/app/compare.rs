//! The comparison that is on screen, out of those of the session.

use super::{App, Screen};
use crate::console::state::comparing::Comparing;

impl App {
    /// The comparison that is on screen.
    #[must_use]
    pub fn comparing(&self) -> Option<&Comparing> {
        match &self.screen {
            Screen::Compare(workload) => self.comparisons.get(workload),
            Screen::Home
            | Screen::Routes
            | Screen::Events
            | Screen::Reviews
            | Screen::Audit
            | Screen::Gateways
            | Screen::Detail(_) => None,
        }
    }

    /// The same, to change it.
    pub(in crate::console) fn comparing_mut(&mut self) -> Option<&mut Comparing> {
        match &self.screen {
            Screen::Compare(workload) => self.comparisons.get_mut(workload),
            Screen::Home
            | Screen::Routes
            | Screen::Events
            | Screen::Reviews
            | Screen::Audit
            | Screen::Gateways
            | Screen::Detail(_) => None,
        }
    }
}
