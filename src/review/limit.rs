//! How much work one comparison may take. Counted, not timed, so that the same texts always compare the same.

/// What is left of the work that a comparison may take.
#[derive(Debug)]
pub(super) struct Limit {
    left: u64,
    bitten: bool,
}

impl Limit {
    /// Steps of one whole comparison: some tens of milliseconds at most.
    pub(super) const WHOLE: u64 = 24_000_000;
    /// Steps for the word marks of one pair of texts.
    pub(super) const WORDS: u64 = 6_000_000;
    /// Rows of one comparison. Beyond it the rest is told in one piece.
    pub(super) const ROWS: usize = 20_000;

    pub(super) const fn new(steps: u64) -> Self {
        Self {
            left: steps,
            bitten: false,
        }
    }

    /// Takes the steps, when they are there. When not, the caller must do with less, and the result is coarse.
    pub(super) const fn take(&mut self, steps: u64) -> bool {
        if let Some(left) = self.left.checked_sub(steps) {
            self.left = left;
            true
        } else {
            self.bitten = true;
            false
        }
    }

    /// The steps that are left.
    pub(super) const fn left(&self) -> u64 {
        self.left
    }

    /// Something was compared less finely than it could be.
    pub(super) const fn bite(&mut self) {
        self.bitten = true;
    }

    /// Whether the limit changed the result.
    pub(super) const fn bitten(&self) -> bool {
        self.bitten
    }
}
