use jiff::{SignedDuration, Timestamp};
use proptest::prelude::*;

use super::{above, deciding, exceptions};
use crate::model::{
    Actor, Change, Mode, Override, OverrideKey, Overrides, ReasonCode, Revision, Scope, Site, Slot,
    Subject,
};

const NOW: Timestamp = Timestamp::UNIX_EPOCH;

fn chat() -> Subject {
    Subject::Mode("chat".into())
}

fn site(host: &str, region: Option<&str>) -> Site {
    Site {
        host: host.into(),
        region: region.map(Into::into),
    }
}

/// Overrides of `chat`: scope, mode, and the seconds that are left.
fn table(entries: &[(&str, Mode, i64)]) -> Overrides {
    let mut table = Overrides::default();
    for (scope, mode, left) in entries {
        table.revision.0 += 1;
        let current = Override {
            change: Change::Mode(*mode),
            actor: Actor {
                user: "jo".to_owned(),
                declared: None,
                host: "ops-1".to_owned(),
                from: None,
                via: "cli".to_owned(),
            },
            since: NOW,
            expires: Some(NOW + SignedDuration::from_secs(*left)),
            reason: ReasonCode::Drill,
            note: String::new(),
            ticket: None,
            break_glass: false,
        };
        let key = OverrideKey::from(chat()).within(scope.parse().unwrap());
        let slot = Slot {
            revision: table.revision,
            current: Some(current),
        };
        table.slots.insert(key, slot);
    }
    table
}

#[test]
fn the_most_specific_one_in_force_decides() {
    let nowhere = None;
    let host = Some(site("ops-1", Some("eu")));
    let region = Some(site("ops-2", Some("eu")));
    let other = Some(site("ops-3", Some("us")));
    let bare = Some(site("ops-1", None));
    let all = ("all", Mode::Force, 60);
    let eu = ("region:eu", Mode::Hold, 60);
    let ops = ("host:ops-1", Mode::Auto, 60);
    for (case, entries, at, decides) in [
        ("nothing is set", vec![], &host, None),
        ("all gateways", vec![all], &host, Some("all")),
        ("all gateways, nowhere", vec![all], &nowhere, Some("all")),
        (
            "a region beats all",
            vec![all, eu],
            &region,
            Some("region:eu"),
        ),
        (
            "a host beats its region",
            vec![all, eu, ops],
            &host,
            Some("host:ops-1"),
        ),
        (
            "a host beats all",
            vec![all, ops],
            &host,
            Some("host:ops-1"),
        ),
        (
            "elsewhere all decides",
            vec![all, eu, ops],
            &other,
            Some("all"),
        ),
        ("elsewhere nothing decides", vec![eu, ops], &other, None),
        ("a region needs a region", vec![eu], &bare, None),
        (
            "a host needs none",
            vec![eu, ops],
            &bare,
            Some("host:ops-1"),
        ),
        ("nowhere in particular", vec![eu, ops], &nowhere, None),
        (
            "what is over beats nothing",
            vec![all, eu, ("host:ops-1", Mode::Auto, 0)],
            &host,
            Some("region:eu"),
        ),
        (
            "everything is over",
            vec![("all", Mode::Force, 0), ("region:eu", Mode::Hold, -1)],
            &host,
            None,
        ),
    ] {
        let table = table(&entries);
        let found = deciding(&table, &chat(), at.as_ref(), NOW);
        let found = found.map(|(scope, _)| scope.to_string());
        assert_eq!(found.as_deref(), decides, "{case}");
    }
}

#[test]
fn another_subject_decides_nothing() {
    let table = table(&[("all", Mode::Force, 60), ("host:ops-1", Mode::Hold, 60)]);
    for subject in [
        Subject::Notice("chat".into()),
        Subject::Mode("chat-2".into()),
        Subject::Mode("cha".into()),
        Subject::Drain("chat".into()),
    ] {
        let at = site("ops-1", None);
        assert!(deciding(&table, &subject, Some(&at), NOW).is_none());
    }
}

#[test]
fn without_its_own_a_site_has_what_is_wider() {
    let table = table(&[
        ("all", Mode::Force, 60),
        ("region:eu", Mode::Hold, 60),
        ("host:ops-1", Mode::Auto, 60),
    ]);
    let at = site("ops-1", Some("eu"));
    for (scope, wider) in [
        ("all", None),
        ("region:eu", Some("all")),
        ("host:ops-1", Some("region:eu")),
    ] {
        let key = OverrideKey::from(chat()).within(scope.parse().unwrap());
        let found = above(&table, &key, Some(&at), NOW);
        assert_eq!(found.map(|(scope, _)| scope.to_string()).as_deref(), wider);
    }
}

#[test]
fn what_is_more_specific_stays_in_force() {
    let table = table(&[
        ("all", Mode::Force, 60),
        ("region:eu", Mode::Hold, 60),
        ("region:us", Mode::Hold, 0),
        ("host:ops-1", Mode::Auto, 60),
        ("host:gone", Mode::Auto, 60),
    ]);
    let sites = [site("ops-1", Some("eu")), site("ops-2", Some("us"))];
    for (scope, stay) in [
        ("all", vec!["region:eu", "host:gone", "host:ops-1"]),
        ("region:eu", vec!["host:ops-1"]),
        ("region:us", vec![]),
        ("host:ops-1", vec![]),
    ] {
        let key = OverrideKey::from(chat()).within(scope.parse().unwrap());
        let found: Vec<_> = exceptions(&table, &key, &sites, NOW)
            .map(|(key, _)| key.scope.to_string())
            .collect();
        assert_eq!(found, stay, "{scope}");
    }
}

prop_compose! {
    fn a_site()(host in 0..3_u8, region in proptest::option::of(0..2_u8)) -> Site {
        site(
            &format!("h{host}"),
            region.map(|region| format!("r{region}")).as_deref(),
        )
    }
}

fn a_scope() -> impl Strategy<Value = Scope> {
    prop_oneof![
        Just(Scope::All),
        (0..2_u8).prop_map(|region| Scope::Region(format!("r{region}").into())),
        (0..3_u8).prop_map(|host| Scope::Host(format!("h{host}").into())),
    ]
}

proptest! {
    /// Whatever is set: what decides covers the site, is in force, and nothing more specific that does is.
    #[test]
    fn nothing_more_specific_than_what_decides_holds_there(
        entries in proptest::collection::vec((a_scope(), -2..3_i64), 0..8),
        at in a_site(),
    ) {
        let texts: Vec<_> = entries.iter().map(|(scope, left)| (scope.to_string(), *left)).collect();
        let rows: Vec<_> = texts
            .iter()
            .map(|(scope, left)| (scope.as_str(), Mode::Force, *left))
            .collect();
        let table = table(&rows);
        let holds: Vec<u8> = table
            .scoped(&chat(), NOW)
            .filter(|(key, _)| key.scope.covers(&at))
            .map(|(key, _)| key.scope.rank())
            .collect();
        let found = deciding(&table, &chat(), Some(&at), NOW);
        prop_assert_eq!(found.map(|(scope, _)| scope.rank()), holds.into_iter().max());
        if let Some((scope, entry)) = found {
            prop_assert!(scope.covers(&at) && entry.active(NOW));
        }
    }

    /// An override of a scope changes nothing at a site that the scope does not cover, and at a covered one it
    /// decides unless an exception does.
    #[test]
    fn a_change_reaches_its_scope_but_for_exceptions(
        entries in proptest::collection::vec((a_scope(), 1..3_i64), 0..6),
        scope in a_scope(),
        at in a_site(),
    ) {
        let mut rows: Vec<_> = entries.iter().map(|(scope, left)| (scope.to_string(), *left)).collect();
        rows.retain(|(other, _)| *other != scope.to_string());
        let mut rows: Vec<_> = rows
            .iter()
            .map(|(scope, left)| (scope.as_str(), Mode::Hold, *left))
            .collect();
        let before = table(&rows);
        let written = scope.to_string();
        rows.push((&written, Mode::Force, 60));
        let after = table(&rows);
        let mode = |table: &Overrides| deciding(table, &chat(), Some(&at), NOW).map(|(_, it)| it.change);
        if scope.covers(&at) {
            let key = OverrideKey::from(chat()).within(scope);
            let sites = [at.clone()];
            let kept = exceptions(&after, &key, &sites, NOW).any(|(key, _)| key.scope.covers(&at));
            prop_assert_eq!(mode(&after) == Some(Change::Mode(Mode::Force)), !kept);
        } else {
            prop_assert_eq!(mode(&before), mode(&after));
        }
    }
}

#[test]
fn the_newest_revision_says_nothing_about_who_decides() {
    let mut table = table(&[("host:ops-1", Mode::Auto, 60), ("all", Mode::Force, 60)]);
    table.revision = Revision(9);
    let at = site("ops-1", None);
    let (scope, _) = deciding(&table, &chat(), Some(&at), NOW).unwrap();
    assert_eq!(scope.to_string(), "host:ops-1");
}
