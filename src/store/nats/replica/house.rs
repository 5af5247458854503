//! How the log stays short: when the state is written down as a whole, and from which place on the log is needed.

use std::time::Duration;

use jiff::Timestamp;

use super::follow::Log;
use crate::store::fact::{Bases, Noted};

/// How often the state is written down as a whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::store) struct Limits {
    /// After so many facts.
    pub(in crate::store) facts: u64,
    /// After so long, when there was any.
    pub(in crate::store) age: Duration,
}

impl Limits {
    /// So that the bases of a retention are few beside its facts.
    pub(in crate::store) fn of(retention: Duration) -> Self {
        Self {
            facts: 4_096,
            age: retention / 64,
        }
    }
}

/// Those that stand in the log, in its order.
fn standing<'a>(bases: &'a Bases, log: &Log) -> impl DoubleEndedIterator<Item = &'a Noted> {
    let first = log.first;
    let there = bases.noted.iter();
    there.filter(move |noted| noted.sequence >= first)
}

/// Somebody has taken away what only a base may follow: no new host can begin with this log.
fn is_broken(bases: &Bases, log: &Log) -> bool {
    log.first > 1
        && standing(bases, log)
            .next()
            .is_none_or(|noted| noted.sequence != log.first)
}

/// Whether a base is due. `began`: when the log was made. A view that lacks something, or that differs from a base,
/// writes none: it could be the one that is wrong.
pub(in crate::store) fn due(
    bases: &Bases,
    log: &Log,
    began: Timestamp,
    now: Timestamp,
    limits: Limits,
) -> bool {
    if bases.applied < log.last || standing(bases, log).any(|noted| !noted.fits) {
        return false;
    }
    let newest = standing(bases, log).next_back();
    if newest.is_none() && is_broken(bases, log) {
        return true;
    }
    let behind = newest.map_or(log.first - 1, |noted| noted.sequence);
    let facts = bases.applied.saturating_sub(behind);
    let since = newest.map_or(began, |noted| noted.at);
    let age = Duration::try_from(now.duration_since(since)).unwrap_or_default();
    facts >= limits.facts || (facts > 0 && age >= limits.age)
}

/// With which base the log may begin, if that is further on than where it does: the newest that leaves out only what
/// the fleet has forgotten. A view that differs from one takes nothing away.
pub(in crate::store) fn trim(bases: &Bases, log: &Log) -> Option<u64> {
    if standing(bases, log).any(|noted| !noted.fits) {
        return None;
    }
    let first = if is_broken(bases, log) {
        // What stands before it is of no use to anybody.
        standing(bases, log).next()
    } else {
        let forgotten = bases.forgotten;
        standing(bases, log).rfind(|noted| noted.head <= forgotten)
    };
    let first = first.map(|noted| noted.sequence);
    first.filter(|first| *first > log.first)
}
