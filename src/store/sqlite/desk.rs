//! What the threads for short work hold: the desk changes state and pulse, readers answer questions.

use super::{
    anchors::Anchors, bell::Bell, chain, database::Database, hours::Hours, state, table::Table,
};
use crate::clock::Clock;

/// What the thread for state and pulse works with.
#[derive(Debug)]
pub(super) struct Desk {
    pub(super) state: Database,
    pub(super) pulse: Database,
    pub(super) table: Table,
    pub(super) bell: Bell,
    pub(super) anchors: Anchors,
    pub(super) clock: Clock,
    pub(super) hours: Hours,
    /// This host's name, for what the program does by itself.
    pub(super) host: String,
}

/// What a reading thread works with.
#[derive(Debug)]
pub(super) struct Reader {
    pub(super) state: Database,
    pub(super) log: Database,
    pub(super) captures: Database,
}

impl Desk {
    /// Looks whether the overrides can be written again; the database notes how that went.
    pub(super) fn probe(&mut self) {
        let _ = self.state.run(state::probe);
    }

    /// Wakes the other processes, and shows the table to this one before the caller hears of its change.
    pub(super) fn publish(&mut self) {
        self.bell.ring();
        // The change is made, whether or not its seal can also be kept elsewhere.
        if let Ok(head) = self.state.look(|connection| chain::head(connection)) {
            self.anchors.keep(head);
        }
        // The change is made; if it cannot be read back now, the follower tries again.
        let _ = self.table.refresh(&mut self.state);
    }
}
