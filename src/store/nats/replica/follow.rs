//! One reading of the log: what is new, what is missing, and whether it is the log that the view was made of.

use crate::store::fact::Place;

/// What a log says of itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::store) struct Log {
    /// When its stream was made, in its own words.
    pub(in crate::store) lineage: String,
    /// The oldest sequence that it still has; one more than the last when it has none.
    pub(in crate::store) first: u64,
    /// The newest sequence that it ever had.
    pub(in crate::store) last: u64,
}

/// How to begin a reading.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::store) enum Begin {
    /// Read from this sequence on.
    From(u64),
    /// The view is of another log, or of none: lay it aside if anything is in it, note this log's name, begin again.
    Anew,
    /// What the view needs next is not in the log any more: read from this sequence on, where the log begins, with a
    /// base.
    Base(u64),
}

/// What to do with a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::store) enum Arrival {
    /// Apply it.
    Apply,
    /// The log begins with it: if it is a base, make the view from it, then begin again.
    Adopt,
    /// It is in the view.
    Known,
    /// Something between was not delivered: read again from this sequence on.
    Gap(u64),
    /// This log has another past than the view: lay the view aside, begin again.
    OtherPast,
}

/// A reading.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::store) struct Follow {
    /// The newest sequence that was taken.
    through: u64,
    /// What stands there by the view, until it was compared.
    known: Option<String>,
    /// The view does not come to where the log begins.
    behind: bool,
}

impl Follow {
    /// Begins to read. The newest message that the view has is read once more and compared: a log that lost its end
    /// and grew again is another one, whatever its name.
    pub(in crate::store) fn begin(place: &Place, log: &Log) -> (Self, Begin) {
        let mut follow = Self {
            through: place.applied,
            known: place.id.clone(),
            behind: false,
        };
        let begin = if place.lineage.as_ref() != Some(&log.lineage) {
            Begin::Anew
        } else if place.applied > 0 && place.id.is_some() && log.first <= place.applied {
            Begin::From(place.applied)
        } else if log.first > place.applied + 1 {
            follow = Self {
                through: log.first - 1,
                known: None,
                behind: true,
            };
            Begin::Base(log.first)
        } else {
            Begin::From(place.applied + 1)
        };
        (follow, begin)
    }

    /// A message comes.
    pub(in crate::store) fn arrived(&mut self, sequence: u64, id: &str) -> Arrival {
        if sequence == self.through
            && let Some(known) = self.known.take()
            && known != id
        {
            return Arrival::OtherPast;
        }
        if sequence <= self.through {
            return Arrival::Known;
        }
        if sequence > self.through + 1 {
            return Arrival::Gap(self.through + 1);
        }
        self.known = None;
        self.through = sequence;
        if self.behind {
            return Arrival::Adopt;
        }
        Arrival::Apply
    }
}
