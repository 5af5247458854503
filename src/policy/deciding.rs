//! Which override decides where several scopes hold: the most specific one that is in force. A host's beats its
//! region's, a region's beats that of all gateways, and one whose time is up beats nothing.
//!
//! Asked by the gateway for its own site, and by the door for every site that it knows.

use jiff::Timestamp;

use crate::model::{Override, OverrideKey, Overrides, Scope, Site, Subject};

/// What decides a subject at a site. Without a site only what holds on all gateways counts.
#[must_use]
pub fn deciding<'a>(
    overrides: &'a Overrides,
    subject: &Subject,
    site: Option<&Site>,
    now: Timestamp,
) -> Option<(&'a Scope, &'a Override)> {
    within(overrides, subject, site, now, u8::MAX)
}

/// What would decide a key's subject at a site if the key had no override: only wider scopes count.
#[must_use]
pub fn above<'a>(
    overrides: &'a Overrides,
    key: &OverrideKey,
    site: Option<&Site>,
    now: Timestamp,
) -> Option<(&'a Scope, &'a Override)> {
    within(overrides, &key.subject, site, now, key.scope.rank())
}

/// The most specific override in force that is wider than `below`.
fn within<'a>(
    overrides: &'a Overrides,
    subject: &Subject,
    site: Option<&Site>,
    now: Timestamp,
    below: u8,
) -> Option<(&'a Scope, &'a Override)> {
    overrides
        .scoped(subject, now)
        .map(|(key, entry)| (&key.scope, entry))
        .filter(|(scope, _)| scope.rank() < below)
        .filter(|(scope, _)| site.map_or(scope.is_all(), |site| scope.covers(site)))
        .max_by_key(|(scope, _)| scope.rank())
}

/// The overrides that an override of this key does not reach past: more specific ones that are in force inside its
/// scope. Which hosts are inside a region is known from `sites`.
pub fn exceptions<'a>(
    overrides: &'a Overrides,
    key: &'a OverrideKey,
    sites: &'a [Site],
    now: Timestamp,
) -> impl Iterator<Item = (&'a OverrideKey, &'a Override)> {
    overrides
        .scoped(&key.subject, now)
        .filter(move |(other, _)| {
            let inside = |site: &Site| key.scope.covers(site) && other.scope.covers(site);
            other.scope.rank() > key.scope.rank()
                && (key.scope.is_all() || sites.iter().any(inside))
        })
}

#[cfg(test)]
mod tests;
