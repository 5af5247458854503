//! The part of the configuration that a plan rests on: a change of anything else does not make it stale.
//!
//! Called when a plan is drawn up, before it is applied, and by the console when the configuration changed.

use std::{collections::BTreeSet, fmt::Write as _};

use crate::{
    config,
    model::{Catalog, OverrideKey, Plan, RouteName, Subject, Workload},
};

/// Whether what a plan rests on is configured as it was when the plan was made.
#[must_use]
pub fn rests_on(plan: &Plan, catalog: &Catalog) -> bool {
    plan.fingerprint == catalog.fingerprint || plan.basis == of(catalog, &plan.key)
}

/// A digest of everything configured that a plan for this key looks at: the workloads it changes, their routes,
/// and who else uses these.
pub(super) fn of(catalog: &Catalog, key: &OverrideKey) -> String {
    let (changed, mut routes): (Vec<&Workload>, BTreeSet<&RouteName>) = match &key.subject {
        Subject::Mode(name) | Subject::Notice(name) => (
            catalog.workloads.get(name).into_iter().collect(),
            BTreeSet::new(),
        ),
        Subject::Drain(route) => (catalog.users_of(route).collect(), [route].into()),
    };
    for workload in &changed {
        routes.insert(&workload.primary);
        routes.extend(&workload.fallback);
    }
    // Keys do not show in this text.
    let mut text = format!("{changed:?}");
    for route in routes {
        let users = catalog.users_of(route).map(|user| &user.name);
        let users: Vec<_> = users.collect();
        // Writing to a String cannot fail.
        _ = write!(text, "{:?}{users:?}", catalog.routes.get(route));
    }
    config::fingerprint(text.as_bytes())
}

#[cfg(test)]
mod tests {
    use crate::{
        control::fixture::{catalog, workload},
        model::{Catalog, OverrideKey},
    };

    #[test]
    fn only_what_a_plan_looks_at_counts() {
        type Change = fn(&mut Catalog);
        let mode = OverrideKey::mode("chat".into());
        let drain = OverrideKey::drain("premium".into());
        // Named by what changes; whether that matters for a mode of `chat`, and for a drain of its primary.
        let cases: [(&str, Change, bool, bool); 7] = [
            ("nothing", |_| (), false, false),
            (
                "another fingerprint",
                |catalog| "f2".clone_into(&mut catalog.fingerprint),
                false,
                false,
            ),
            (
                "another workload",
                |catalog| catalog.workloads.get_mut("code").unwrap().max_attempts = 9,
                false,
                false,
            ),
            (
                "the workload",
                |catalog| catalog.workloads.get_mut("chat").unwrap().max_attempts = 9,
                true,
                true,
            ),
            (
                "its fallback's model",
                |catalog| "other".clone_into(&mut catalog.routes.get_mut("stable").unwrap().model),
                true,
                true,
            ),
            (
                "who else uses its fallback",
                |catalog| {
                    let new = workload("new", "cheap", Some("stable"));
                    catalog.workloads.insert("new".into(), new);
                },
                true,
                true,
            ),
            (
                "a route of others",
                |catalog| "other".clone_into(&mut catalog.routes.get_mut("large").unwrap().model),
                false,
                false,
            ),
        ];
        for (name, change, moves_mode, moves_drain) in cases {
            let before = catalog();
            let mut after = catalog();
            change(&mut after);
            for (key, moves) in [(&mode, moves_mode), (&drain, moves_drain)] {
                let same = super::of(&before, key) == super::of(&after, key);
                assert_eq!(!same, moves, "{name}: {key}");
            }
        }
    }
}
