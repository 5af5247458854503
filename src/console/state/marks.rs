//! Marked rows of a list: one by one, or from where a range began to the cursor.
//!
//! Owned by each list screen. A mark is bound to a row's key, as the cursor is; a row that a filter hides keeps its
//! mark, and who acts on marks takes those that can be seen.

use std::collections::BTreeSet;

/// The marks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Marks<K> {
    rows: BTreeSet<K>,
    /// Where a range began, while one is drawn.
    from: Option<K>,
    /// The rows between there and the cursor.
    range: BTreeSet<K>,
}

impl<K> Default for Marks<K> {
    fn default() -> Self {
        Self {
            rows: BTreeSet::new(),
            from: None,
            range: BTreeSet::new(),
        }
    }
}

impl<K: Clone + Ord> Marks<K> {
    /// Whether a row is marked.
    #[must_use]
    pub fn contains(&self, row: &K) -> bool {
        self.rows.contains(row) || self.range.contains(row)
    }

    /// Whether nothing is marked.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty() && self.from.is_none()
    }

    /// Every marked row, whether it can be seen or not.
    #[must_use]
    pub fn all(&self) -> BTreeSet<K> {
        self.rows.union(&self.range).cloned().collect()
    }

    /// The marked ones of these rows, in their order.
    pub fn of<'a>(&self, rows: &'a [K]) -> impl Iterator<Item = &'a K> {
        rows.iter().filter(|row| self.contains(row))
    }

    /// Whether a range is being drawn.
    #[must_use]
    pub const fn is_ranging(&self) -> bool {
        self.from.is_some()
    }

    /// Marks a row, or takes its mark away. A range that is being drawn is taken in as it is.
    pub fn toggle(&mut self, row: &K) {
        if self.from.is_some() {
            self.fix();
        } else if !self.rows.remove(row) {
            self.rows.insert(row.clone());
        }
    }

    /// Begins a range at a row; a range that is being drawn ends, and its rows stay marked.
    pub fn range(&mut self, row: &K) {
        if self.from.is_some() {
            self.fix();
        } else {
            self.from = Some(row.clone());
            self.range.insert(row.clone());
        }
    }

    fn fix(&mut self) {
        self.rows.append(&mut self.range);
        self.from = None;
    }

    /// Takes the mark of a row away.
    pub fn unmark(&mut self, row: &K) {
        self.rows.remove(row);
        self.range.remove(row);
    }

    /// Takes every mark away. Answers whether there was any.
    pub fn clear(&mut self) -> bool {
        let any = !self.is_empty();
        *self = Self::default();
        any
    }

    /// Marks these rows and no others.
    pub fn set(&mut self, rows: impl IntoIterator<Item = K>) {
        self.rows = rows.into_iter().collect();
        self.from = None;
        self.range.clear();
    }

    /// Lets the range end at the cursor. `place` answers where a row is, `row` which row is in a place.
    pub fn follow(
        &mut self,
        cursor: Option<&K>,
        place: impl Fn(&K) -> Option<usize>,
        row: impl Fn(usize) -> Option<K>,
    ) {
        let Some(from) = &self.from else { return };
        let ends = (place(from), cursor.and_then(place));
        // Without its begin it stays as it was drawn.
        let (Some(from), Some(to)) = ends else { return };
        self.range = (from.min(to)..=from.max(to)).filter_map(row).collect();
    }
}

#[cfg(test)]
mod tests {
    use super::Marks;

    fn follow(marks: &mut Marks<char>, cursor: char, rows: &str) {
        let rows: Vec<char> = rows.chars().collect();
        marks.follow(
            Some(&cursor),
            |row| rows.iter().position(|other| other == row),
            |place| rows.get(place).copied(),
        );
    }

    fn marked(marks: &Marks<char>) -> String {
        marks.all().into_iter().collect()
    }

    #[test]
    fn a_range_follows_the_cursor_until_it_is_taken_in() {
        let mut marks = Marks::default();
        marks.toggle(&'f');
        marks.range(&'c');
        follow(&mut marks, 'e', "abcdef");
        assert_eq!(marked(&marks), "cdef");
        follow(&mut marks, 'b', "abcdef");
        assert_eq!(marked(&marks), "bcf", "it turns round its begin");
        follow(&mut marks, 'b', "fedba");
        assert_eq!(marked(&marks), "bcf", "without its begin it stays");
        marks.toggle(&'b');
        assert!(!marks.is_ranging());
        marks.toggle(&'b');
        assert_eq!(marked(&marks), "cf");
        assert!(marks.clear());
        assert!(!marks.clear());
    }

    #[test]
    fn rows_are_answered_in_the_order_of_the_list() {
        let mut marks = Marks::default();
        marks.set(['a', 'c', 'x']);
        let rows = ['c', 'b', 'a'];
        assert_eq!(marks.of(&rows).copied().collect::<String>(), "ca");
        marks.unmark(&'a');
        assert!(!marks.contains(&'a') && marks.contains(&'x'));
    }
}
