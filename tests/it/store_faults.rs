//! What the embedded store does when its files are not as they should be, or stop being so.

use std::{
    fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    time::Duration,
};

use backstop::{
    clock::Clock,
    model::{Entry, Revision, Seq},
    store::{Access, ChangeError, EventQuery, Health, Store, StoreError},
};
use tokio::sync::watch;

use crate::store_samples::{FORCE, change, event, mode_key, outcome, start};

const FILES: [&str; 3] = ["state.db", "events.db", "pulse.db"];

struct Place {
    root: tempfile::TempDir,
    state: PathBuf,
}

impl Place {
    fn new() -> Self {
        let root = tempfile::tempdir().unwrap();
        let state = root.path().join("state");
        Self { root, state }
    }

    async fn open(&self, access: Access) -> Result<Store, StoreError> {
        let url = format!("sqlite:{}", self.state.display());
        Store::open(&url, access, Clock::manual(start())).await
    }

    /// Opens once, so that the files are there.
    async fn prepare(&self) {
        let store = self.open(Access::Write).await.unwrap();
        store.close().await.unwrap();
    }
}

fn mode_of(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

fn set_mode(path: &Path, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

fn decision(number: u64) -> Entry {
    Entry::Decision(Box::new(event(number, start())))
}

async fn append(store: &Store, number: u64) -> Result<Seq, StoreError> {
    store
        .reserve()
        .unwrap()
        .append(decision(number))
        .durable()
        .await
}

async fn until(health: &mut watch::Receiver<Health>, good: bool) {
    let reached = health.wait_for(|health| (*health == Health::Good) == good);
    drop(
        tokio::time::timeout(Duration::from_secs(20), reached)
            .await
            .unwrap()
            .unwrap(),
    );
}

#[tokio::test]
async fn everything_is_for_the_owner_alone() {
    let place = Place::new();
    let store = place.open(Access::Write).await.unwrap();
    append(&store, 1).await.unwrap();
    assert_eq!(mode_of(&place.state), 0o700);
    let mut files = 0;
    for file in fs::read_dir(&place.state).unwrap() {
        let path = file.unwrap().path();
        assert_eq!(mode_of(&path), 0o600, "{}", path.display());
        files += 1;
    }
    // Three databases with their logs and indexes, two bells, the anchors, the time, the lock.
    assert_eq!(files, 14);
}

#[tokio::test]
async fn state_that_others_may_write_is_refused() {
    for (name, mode) in [
        ("", 0o770),
        ("", 0o707),
        ("state.db", 0o660),
        ("overrides.bell", 0o606),
    ] {
        let place = Place::new();
        place.prepare().await;
        set_mode(&place.state.join(name), mode);
        let refused = place.open(Access::Write).await;
        let Err(StoreError::Open { cause, .. }) = refused else {
            panic!("{name} {mode:o}: {refused:?}");
        };
        assert!(cause.contains("chmod go-w"), "{name} {mode:o}: {cause}");
    }
}

#[tokio::test]
async fn a_newer_schema_is_refused() {
    for file in FILES {
        let place = Place::new();
        place.prepare().await;
        let connection = rusqlite::Connection::open(place.state.join(file)).unwrap();
        connection.pragma_update(None, "user_version", 99).unwrap();
        drop(connection);
        for access in [Access::Write, Access::Observe] {
            let refused = place.open(access).await;
            let Err(StoreError::NewerSchema { found, known, .. }) = refused else {
                panic!("{file}: {refused:?}");
            };
            assert_eq!(found, 99, "{file}");
            assert!((1..99).contains(&known), "{file}: {known}");
        }
    }
}

#[tokio::test]
async fn an_observer_neither_creates_nor_upgrades() {
    let place = Place::new();
    let refused = place.open(Access::Observe).await;
    let Err(StoreError::Open { cause, .. }) = refused else {
        panic!("{refused:?}");
    };
    assert!(cause.contains("start the gateway"), "{cause}");
    assert!(!place.state.exists());

    place.prepare().await;
    let connection = rusqlite::Connection::open(place.state.join("state.db")).unwrap();
    connection.pragma_update(None, "user_version", 0).unwrap();
    drop(connection);
    let refused = place.open(Access::Observe).await;
    assert!(
        matches!(refused, Err(StoreError::OlderSchema { found: 0, .. })),
        "{refused:?}"
    );
}

#[tokio::test]
async fn a_file_that_is_no_database_is_named() {
    for file in FILES {
        let place = Place::new();
        place.prepare().await;
        for old in fs::read_dir(&place.state).unwrap() {
            let path = old.unwrap().path();
            if path.display().to_string().contains(file) {
                fs::remove_file(path).unwrap();
            }
        }
        fs::write(place.state.join(file), "this is no database ".repeat(500)).unwrap();
        set_mode(&place.state.join(file), 0o600);
        let refused = place.open(Access::Write).await;
        let Err(StoreError::Open { place, .. } | StoreError::Failed { place, .. }) = refused else {
            panic!("{file}: {refused:?}");
        };
        assert!(place.ends_with(file), "{place}");
    }
}

#[tokio::test]
async fn a_bell_that_is_lost_costs_only_time() {
    let place = Place::new();
    let first = place.open(Access::Write).await.unwrap();
    let second = place.open(Access::Write).await.unwrap();
    fs::remove_file(place.state.join("overrides.bell")).unwrap();
    fs::remove_file(place.state.join("events.bell")).unwrap();
    let third = place.open(Access::Observe).await.unwrap();
    let key = mode_key("support-chat");
    let request = change(&key, Revision(0), FORCE, "ana", start(), None);
    first.change(request).await.unwrap();
    let seq = append(&first, 1).await.unwrap();
    for store in [&second, &third] {
        let (mut table, mut newest) = (store.overrides(), store.newest());
        let seen = async {
            drop(
                table
                    .wait_for(|it| it.revision == Revision(1))
                    .await
                    .unwrap(),
            );
            drop(newest.wait_for(|it| *it == seq).await.unwrap());
        };
        tokio::time::timeout(Duration::from_secs(20), seen)
            .await
            .unwrap();
    }
}

#[tokio::test]
async fn a_state_that_vanishes_is_a_fault_and_its_return_the_end_of_it() {
    let place = Place::new();
    let store = place.open(Access::Write).await.unwrap();
    let key = mode_key("support-chat");
    let request = change(&key, Revision(0), FORCE, "ana", start(), None);
    store.change(request).await.unwrap();
    append(&store, 1).await.unwrap();
    let mut health = store.health();
    assert_eq!(*health.borrow(), Health::Good);

    let away = place.root.path().join("away");
    fs::rename(&place.state, &away).unwrap();
    until(&mut health, false).await;
    let refused = append(&store, 2).await;
    assert!(refused.is_err(), "{refused:?}");
    let request = change(&key, Revision(1), None, "ana", start(), None);
    let refused = store.change(request.clone()).await;
    assert!(matches!(refused, Err(ChangeError::Store(_))), "{refused:?}");
    assert!(store.tail(Seq(0), 10).await.is_err());
    // Nothing empty was put in its place, and what was seen last stays in force.
    assert!(!place.state.exists());
    assert!(store.overrides().borrow().slots[&key].current.is_some());
    // Nobody waits for an outcome: it is kept until it can be written.
    let reservation = store.reserve().unwrap();
    reservation.append_unawaited(Entry::Outcome(outcome(1, start())));

    fs::rename(&away, &place.state).unwrap();
    store.change(request).await.unwrap();
    until(&mut health, true).await;
    append(&store, 3).await.unwrap();
    let events = store.events(EventQuery::default()).await.unwrap();
    let ids: Vec<_> = events.iter().map(|stored| stored.event.id).collect();
    assert_eq!(ids, [event(1, start()).id, event(3, start()).id]);
    assert_eq!(events[0].outcome, Some(outcome(1, start())));

    // Who closes while nothing can be written is told that something was lost.
    fs::rename(&place.state, &away).unwrap();
    let reservation = store.reserve().unwrap();
    reservation.append_unawaited(Entry::Outcome(outcome(3, start())));
    let closed = store.close().await;
    assert!(
        matches!(closed, Err(StoreError::Failed { .. })),
        "{closed:?}"
    );
}

#[tokio::test]
async fn a_file_that_is_replaced_under_us_is_never_trusted() {
    let place = Place::new();
    let store = place.open(Access::Write).await.unwrap();
    append(&store, 1).await.unwrap();
    // Somebody puts a copy in its place, as editors and restore scripts do.
    let (path, copy) = (
        place.state.join("events.db"),
        place.root.path().join("copy"),
    );
    let connection = rusqlite::Connection::open(&path).unwrap();
    let target = copy.to_str().unwrap();
    connection.execute("VACUUM INTO ?1", [target]).unwrap();
    drop(connection);
    set_mode(&copy, 0o600);
    for log in ["events.db-wal", "events.db-shm"] {
        fs::remove_file(place.state.join(log)).unwrap();
    }
    fs::rename(&copy, &path).unwrap();
    // Whatever is promised from now on is in the file that others will find.
    let seq = append(&store, 2).await.unwrap();
    let other = place.open(Access::Observe).await.unwrap();
    let found = other.tail(Seq(seq.0 - 1), 10).await.unwrap();
    assert_eq!(found, [(seq, decision(2))]);
    assert_eq!(other.tail(Seq(0), 10).await.unwrap().len(), 2);
}

#[tokio::test]
async fn overrides_that_are_put_back_from_a_copy_are_followed() {
    let place = Place::new();
    let store = place.open(Access::Write).await.unwrap();
    let key = mode_key("support-chat");
    let request = change(&key, Revision(0), FORCE, "ana", start(), None);
    store.change(request).await.unwrap();
    let copy = place.root.path().join("copy");
    let connection = rusqlite::Connection::open(place.state.join("state.db")).unwrap();
    let target = copy.to_str().unwrap();
    connection.execute("VACUUM INTO ?1", [target]).unwrap();
    drop(connection);
    set_mode(&copy, 0o600);
    let request = change(&key, Revision(1), None, "ana", start(), None);
    store.change(request).await.unwrap();

    for log in ["state.db-wal", "state.db-shm"] {
        fs::remove_file(place.state.join(log)).unwrap();
    }
    fs::rename(&copy, place.state.join("state.db")).unwrap();
    // A gateway must not go on with what no operator can see any more.
    let mut table = store.overrides();
    let back = table.wait_for(|table| table.revision == Revision(1));
    let back = tokio::time::timeout(Duration::from_secs(20), back).await;
    assert!(back.unwrap().unwrap().slots[&key].current.is_some());
    let request = change(&key, Revision(1), None, "ana", start(), None);
    let record = store.change(request).await.unwrap();
    assert_eq!(record.revision, Revision(2));
}
