//! The axis of time in so many columns: which minute stands where, and what stands in one place together.

use std::ops::Range;

use crate::control::traffic::Told;

/// Minutes laid out on bars, and bars on cells. With room each minute has several bars; without, several minutes
/// share one. The newest is always whole, on the right.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Axis {
    slots: usize,
    in_cell: usize,
    per_slot: usize,
    per_bar: usize,
}

impl Axis {
    /// An axis of so many places of time in at most so many cells, each of which holds so many bars.
    #[must_use]
    pub fn new(slots: usize, cells: usize, in_cell: usize) -> Self {
        let in_cell = in_cell.max(1);
        let room = cells * in_cell;
        let (per_slot, per_bar) = match (slots, room) {
            (0, _) | (_, 0) => {
                return Self {
                    slots: 0,
                    in_cell,
                    per_slot: 1,
                    per_bar: 1,
                };
            }
            (slots, room) if room >= slots => (room / slots, 1),
            (slots, room) => (1, slots.div_ceil(room)),
        };
        Self {
            slots,
            in_cell,
            per_slot,
            per_bar,
        }
    }

    /// How many bars there are.
    #[must_use]
    pub const fn bars(self) -> usize {
        if self.per_bar > 1 {
            self.slots.div_ceil(self.per_bar)
        } else {
            self.slots * self.per_slot
        }
    }

    /// How many cells they take.
    #[must_use]
    pub const fn cells(self) -> usize {
        self.bars().div_ceil(self.in_cell)
    }

    /// How many minutes one bar stands for.
    #[must_use]
    pub const fn per_bar(self) -> usize {
        self.per_bar
    }

    /// The places of time that a bar stands for.
    #[must_use]
    pub fn slots(self, bar: usize) -> Range<usize> {
        if self.per_bar == 1 {
            let slot = (bar / self.per_slot).min(self.slots);
            return slot..(slot + 1).min(self.slots);
        }
        let end = self
            .slots
            .saturating_sub(self.bars().saturating_sub(bar + 1) * self.per_bar);
        end.saturating_sub(self.per_bar)..end
    }

    /// The cell in which a place of time begins.
    #[must_use]
    pub fn cell(self, slot: usize) -> usize {
        let slot = slot.min(self.slots.saturating_sub(1));
        let bar = if self.per_bar == 1 {
            slot * self.per_slot
        } else {
            let behind = self.slots.saturating_sub(slot + 1) / self.per_bar;
            self.bars().saturating_sub(behind + 1)
        };
        bar / self.in_cell
    }
}

/// What was told, by bar.
#[must_use]
pub fn bins(told: &[Told], axis: Axis) -> Vec<Told> {
    (0..axis.bars())
        .map(|bar| {
            let slots = told.get(axis.slots(bar)).unwrap_or_default();
            slots.iter().copied().fold(Told::Unknown, Told::and)
        })
        .collect()
}
