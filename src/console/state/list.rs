//! A list's cursor: bound to a row's key, never to its number, so that no re-sort moves it to another row.

/// Cursor and scroll position over rows that are named by `K`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct List<K> {
    selected: Option<K>,
    /// Where the selected row was when it was last seen: its heir when it goes away.
    index: usize,
    offset: usize,
    height: usize,
}

impl<K> Default for List<K> {
    fn default() -> Self {
        Self {
            selected: None,
            index: 0,
            offset: 0,
            height: 1,
        }
    }
}

/// A move of the cursor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// So many rows down; negative: up.
    Rows(isize),
    /// So many halves of a page down; negative: up.
    HalfPages(isize),
    /// To the first row.
    First,
    /// To the last row.
    Last,
}

impl Step {
    /// The row to go to from `index` in a list of `count` rows, `height` of them visible.
    #[must_use]
    pub fn target(self, index: usize, count: usize, height: usize) -> usize {
        let last = count.saturating_sub(1);
        match self {
            Self::Rows(rows) => index.saturating_add_signed(rows).min(last),
            Self::HalfPages(halves) => {
                let rows = isize::try_from((height / 2).max(1)).unwrap_or(1);
                index
                    .saturating_add_signed(rows.saturating_mul(halves))
                    .min(last)
            }
            Self::First => 0,
            Self::Last => last,
        }
    }
}

impl<K: Clone + PartialEq> List<K> {
    /// The key of the selected row.
    #[must_use]
    pub fn selected(&self) -> Option<&K> {
        self.selected.as_ref()
    }

    /// The first visible row.
    #[must_use]
    pub fn offset(&self) -> usize {
        self.offset
    }

    /// Puts the cursor on a row.
    pub fn select(&mut self, key: K) {
        self.selected = Some(key);
    }

    /// Moves the cursor. Answers whether it moved.
    pub fn step(&mut self, step: Step, rows: &[K]) -> bool {
        let from = self.position(rows).unwrap_or(0);
        let to = step.target(from, rows.len(), self.height);
        let before = (self.selected.clone(), self.offset);
        self.selected = rows.get(to).cloned();
        self.settle(rows, self.height);
        before != (self.selected.clone(), self.offset)
    }

    /// Where the selected row is now.
    #[must_use]
    pub fn position(&self, rows: &[K]) -> Option<usize> {
        let selected = self.selected.as_ref()?;
        if rows.get(self.index) == Some(selected) {
            return Some(self.index);
        }
        rows.iter().position(|row| row == selected)
    }

    /// Brings cursor and scroll position in line with the rows there are and the room there is. A selected row
    /// that went away hands over to the row that took its place.
    pub fn settle(&mut self, rows: &[K], height: usize) {
        self.height = height.max(1);
        let index = self
            .position(rows)
            .unwrap_or_else(|| self.index.min(rows.len().saturating_sub(1)));
        self.index = index;
        self.selected = rows.get(index).cloned();
        let furthest = rows.len().saturating_sub(self.height);
        let lowest = (index + 1).saturating_sub(self.height);
        self.offset = self.offset.clamp(lowest.min(index), index).min(furthest);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{List, Step};

    #[test]
    fn the_cursor_stays_on_its_name_through_a_re_sort() {
        let mut list = List::default();
        list.settle(&["a", "b", "c", "d"], 2);
        list.step(Step::Rows(1), &["a", "b", "c", "d"]);
        list.settle(&["d", "c", "a", "b"], 2);
        assert_eq!(list.selected(), Some(&"b"));
        assert_eq!(list.offset(), 2, "and it stays visible");
    }

    #[test]
    fn a_row_that_goes_away_hands_over_to_its_place() {
        let mut list = List::default();
        list.settle(&["a", "b", "c"], 3);
        list.step(Step::Last, &["a", "b", "c"]);
        list.settle(&["a", "b"], 3);
        assert_eq!(list.selected(), Some(&"b"));
        list.settle(&[], 3);
        assert_eq!(list.selected(), None);
    }

    proptest! {
        #[test]
        fn the_cursor_is_always_visible(
            counts in proptest::collection::vec((0_usize..40, 0_usize..12, -9_isize..9), 1..20),
        ) {
            let mut list = List::default();
            for (count, height, rows) in counts {
                let keys: Vec<usize> = (0..count).collect();
                list.settle(&keys, height);
                list.step(Step::Rows(rows), &keys);
                let height = height.max(1);
                match list.position(&keys) {
                    Some(index) => {
                        prop_assert!(list.offset() <= index && index < list.offset() + height);
                        prop_assert!(count <= height || list.offset() + height <= count);
                    }
                    None => prop_assert!(keys.is_empty()),
                }
            }
        }
    }
}
