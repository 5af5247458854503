//! Which candidates of an answer are still being written, where the last word of each is the end marker.

/// The candidates seen so far; those beyond the sixty-fourth count as that one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(in crate::wire) struct Turns {
    seen: u64,
    finished: u64,
    /// There will be no candidate.
    blocked: bool,
    /// Something passed unread: whatever it was, it may have been the last word.
    unread: bool,
}

impl Turns {
    /// Notes that a candidate has come, and whether this was its last word.
    pub(in crate::wire) fn note(&mut self, index: u32, finished: bool) {
        let mark = 1 << index.min(u64::BITS - 1);
        self.seen |= mark;
        if finished {
            self.finished |= mark;
        }
    }

    /// Notes whether the prompt was blocked.
    pub(in crate::wire) const fn note_blocked(&mut self, blocked: bool) {
        self.blocked |= blocked;
    }

    /// Takes in what came next.
    pub(super) const fn add(&mut self, next: Self) {
        self.seen |= next.seen;
        self.finished |= next.finished;
        self.blocked |= next.blocked;
    }

    /// Notes that something passed unread.
    pub(super) const fn skip(&mut self) {
        self.unread = true;
    }

    /// Whether something passed unread.
    pub(super) const fn unread(&self) -> bool {
        self.unread
    }

    /// Whether all that began has had its last word.
    pub(super) const fn done(&self) -> bool {
        self.blocked || (self.finished != 0 && self.finished == self.seen)
    }
}

#[cfg(test)]
mod tests {
    use super::Turns;

    #[test]
    fn an_answer_ends_when_all_its_candidates_have() {
        for (case, notes, done) in [
            ("nothing", &[][..], false),
            ("begun", &[(0, false)], false),
            ("finished", &[(0, false), (0, true)], true),
            ("one of two", &[(0, true), (1, false)], false),
            ("both", &[(0, true), (1, false), (1, true)], true),
            ("beyond all measure", &[(0, true), (9999, true)], true),
        ] {
            let mut turns = Turns::default();
            for (index, finished) in notes {
                let mut next = Turns::default();
                next.note(*index, *finished);
                turns.add(next);
            }
            assert_eq!(turns.done(), done, "{case}");
        }
        let mut blocked = Turns::default();
        blocked.note_blocked(true);
        assert!(blocked.done());
    }
}
