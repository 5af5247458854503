//! What an overview rests on, and which of it has moved.

use super::recent::Recent;
use crate::{
    control::Probed,
    model::{Catalog, Heartbeat, Overrides, Reviewed},
};

/// What an overview rests on.
#[derive(Clone, Copy)]
pub struct Sources<'a> {
    /// The configuration.
    pub catalog: &'a Catalog,
    /// The table of overrides.
    pub overrides: &'a Overrides,
    /// The gateways' last signs of life.
    pub heartbeats: &'a [Heartbeat],
    /// Events; of the last minute they are looked at.
    pub events: &'a dyn Recent,
    /// What probing has found and spent.
    pub probed: &'a Probed,
    /// Reviews, and what is owed.
    pub reviewed: &'a Reviewed,
}

/// Which of them are others than at the last look.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "independent facts, not a state"
)]
pub struct Moved {
    /// The configuration.
    pub catalog: bool,
    /// The table of overrides.
    pub overrides: bool,
    /// The gateways' last signs of life.
    pub heartbeats: bool,
    /// Events.
    pub events: bool,
    /// What probing has found and spent.
    pub probed: bool,
    /// Reviews, and what is owed.
    pub reviewed: bool,
}

impl Moved {
    /// Whatever there is.
    pub const ALL: Self = Self {
        catalog: true,
        overrides: true,
        heartbeats: true,
        events: true,
        probed: true,
        reviewed: true,
    };

    /// What has moved for either.
    #[must_use]
    pub const fn or(self, other: Self) -> Self {
        Self {
            catalog: self.catalog || other.catalog,
            overrides: self.overrides || other.overrides,
            heartbeats: self.heartbeats || other.heartbeats,
            events: self.events || other.events,
            probed: self.probed || other.probed,
            reviewed: self.reviewed || other.reviewed,
        }
    }

    /// Whether any has.
    #[must_use]
    pub fn any(self) -> bool {
        self != Self::default()
    }
}
