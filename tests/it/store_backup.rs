//! Backups of a store in use, and the way back: nothing that was promised before one is missing in it, and nothing
//! that was there before a restore is gone.

use std::{
    fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use backstop::{
    clock::Clock,
    model::{CapabilitySet, Captured, Entry, PayloadClass, PlanId, Revision, Seq},
    store::{self, Access, AuditQuery, CopyError, EventQuery, Store, StoreError},
};
use tokio::task::JoinSet;

use crate::{
    cli_project::{Running, run, wait_for},
    control_project::Project,
    store_samples::{FORCE, change, event, heartbeat, mode_key, plan},
};

/// What is done to a backup.
type Damage = fn(&Path);

struct Place {
    root: tempfile::TempDir,
    state: PathBuf,
    url: String,
}

impl Place {
    fn new() -> Self {
        let root = tempfile::tempdir().unwrap();
        let state = root.path().join("state");
        let url = format!("sqlite:{}", state.display());
        Self { root, state, url }
    }

    async fn open(&self) -> Result<Store, StoreError> {
        Store::open(&self.url, Access::Write, Clock::system()).await
    }

    fn path(&self, name: &str) -> PathBuf {
        self.root.path().join(name)
    }

    async fn backup(&self, name: &str) -> Result<store::Backup, CopyError> {
        store::backup(&self.url, self.path(name), &Clock::system()).await
    }

    async fn restore(&self, name: &str, discard_newer: bool) -> Result<store::Restored, CopyError> {
        let clock = Clock::system();
        store::restore(self.path(name), &self.url, discard_newer, &clock).await
    }

    /// A store of some changes and events, closed.
    async fn prepared(changes: usize) -> Self {
        let place = Self::new();
        let store = place.open().await.unwrap();
        for number in 0..changes {
            force(&store, "support-chat").await;
            append(&store, number as u64).await;
        }
        store.close().await.unwrap();
        place
    }
}

async fn force(store: &Store, workload: &str) -> Revision {
    let key = mode_key(workload);
    let expected = store.overrides().borrow().expected(&key);
    let request = change(&key, expected, FORCE, "ana", Clock::system().now(), None);
    store.change(request).await.unwrap().revision
}

async fn append(store: &Store, number: u64) -> Seq {
    let entry = Entry::Decision(Box::new(event(number, Clock::system().now())));
    store
        .reserve()
        .unwrap()
        .append(entry)
        .durable()
        .await
        .unwrap()
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

fn names(directory: &Path) -> Vec<String> {
    let mut names: Vec<String> = fs::read_dir(directory)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

#[tokio::test(flavor = "multi_thread", worker_threads = 3)]
async fn a_backup_of_a_store_in_use_holds_what_was_promised_before_it() {
    let place = Place::new();
    let store = place.open().await.unwrap();
    store
        .put_plan(plan("3f9c", Clock::system().now()))
        .await
        .unwrap();
    let captured = Captured {
        number: 0,
        at: Clock::system().now(),
        workload: "support-chat".into(),
        class: PayloadClass::Chat,
        needs: CapabilitySet::default(),
        stream: false,
        body: "{}".into(),
    };
    store.put_capture(captured).await.unwrap();
    let ended = Arc::new(AtomicBool::new(false));
    let mut writers = JoinSet::new();
    for writer in 0..2_u64 {
        let (store, ended) = (place.open().await.unwrap(), Arc::clone(&ended));
        let workload = ["support-chat", "batch-extraction"][usize::try_from(writer).unwrap()];
        writers.spawn(async move {
            let mut number = writer * 1_000_000;
            while !ended.load(Ordering::Relaxed) {
                number += 1;
                append(&store, number).await;
                if number % 20 == 0 {
                    force(&store, workload).await;
                }
            }
            store.close().await.unwrap();
        });
    }
    let mut made = Vec::new();
    for round in 0..5 {
        let until = 100 * (round + 1);
        let mut newest = store.newest();
        newest.wait_for(|seq| seq.0 > until).await.unwrap();
        let (seq, revision) = (
            *store.newest().borrow(),
            store.overrides().borrow().revision,
        );
        let backup = place.backup(&format!("backup-{round}")).await.unwrap();
        assert!(backup.events >= seq, "{backup:?}");
        assert!(backup.revision >= revision, "{backup:?}");
        made.push((seq, revision, backup));
    }
    ended.store(true, Ordering::Relaxed);
    while let Some(writer) = writers.join_next().await {
        writer.unwrap();
    }
    store.close().await.unwrap();

    for (round, (seq, revision, backup)) in made.into_iter().enumerate() {
        let name = format!("backup-{round}");
        assert_eq!(mode(&place.path(&name)), 0o700);
        let files = [
            "audit.anchors",
            "backup.json",
            "events.db",
            "pulse.db",
            "state.db",
        ];
        assert_eq!(names(&place.path(&name)), files, "and nothing else");
        for file in files {
            assert_eq!(mode(&place.path(&name).join(file)), 0o600, "{file}");
        }
        // Elsewhere: what was promised before the backup is there, and fits together.
        let url = format!(
            "sqlite:{}",
            place.path(&format!("elsewhere-{round}")).display()
        );
        let clock = Clock::system();
        let restored = store::restore(place.path(&name), &url, false, &clock)
            .await
            .unwrap();
        assert_eq!((restored.backup, restored.aside), (backup.clone(), None));
        let store = Store::open(&url, Access::Write, clock).await.unwrap();
        let events = store.events(EventQuery::default()).await.unwrap();
        assert_eq!(events.last().unwrap().seq, backup.events);
        assert_eq!(events.len() as u64, backup.events.0);
        assert!(backup.events >= seq && backup.revision >= revision);
        let proof = store.prove_audit(Vec::new()).await.unwrap();
        assert!(proof.intact, "{proof:#?}");
        assert_eq!(proof.head.map(|head| head.to_string()), backup.audit);
        let audit = store.audit(AuditQuery::default()).await.unwrap();
        assert_eq!(
            audit.last().map(|record| record.revision),
            Some(backup.revision)
        );
        assert!(
            store
                .plan(PlanId("3f9c".to_owned()))
                .await
                .unwrap()
                .is_some()
        );
        force(&store, "support-chat").await;
        append(&store, 5_000_000).await;
        store.close().await.unwrap();
    }
}

#[tokio::test]
async fn a_restore_moves_what_was_there_aside() {
    let place = Place::prepared(3).await;
    let backup = place.backup("backup").await.unwrap();
    let taken = place.backup("backup").await;
    assert!(matches!(taken, Err(CopyError::Taken(_))), "{taken:?}");
    let store = place.open().await.unwrap();
    force(&store, "lonely").await;
    append(&store, 99).await;

    // Somebody has it open.
    let refused = place.restore("backup", true).await;
    let Err(CopyError::InUse { by, .. }) = &refused else {
        panic!("{refused:?}");
    };
    let own = std::process::id().to_string();
    assert!(by.iter().any(|who| who.starts_with(&own)), "{by:?}");
    store.close().await.unwrap();
    drop(store);

    // It knows more.
    let refused = place.restore("backup", false).await.unwrap_err();
    assert_eq!(
        refused.to_string(),
        format!(
            "the store at {} is newer than the backup: its overrides are at revision 4, those of the backup at 3; \
             its event log goes to 4, that of the backup to 3; with --discard-newer it is moved aside all the same",
            place.state.display()
        )
    );
    let before = names(&place.state);
    let restored = place.restore("backup", true).await.unwrap();
    assert_eq!(restored.backup, backup);
    let store = place.open().await.unwrap();
    assert_eq!(store.overrides().borrow().revision, Revision(3));
    assert_eq!(store.events(EventQuery::default()).await.unwrap().len(), 3);
    store.close().await.unwrap();
    drop(store);

    // What was there is a store, and whole.
    let aside = restored.aside.unwrap();
    assert_eq!(mode(&aside), 0o700);
    let gone = names(&aside);
    let left: Vec<_> = before
        .into_iter()
        .filter(|name| !gone.contains(name))
        .collect();
    let stays = ["clock.told", "events.bell", "overrides.bell", "store.lock"];
    assert_eq!(left, stays);
    let url = format!("sqlite:{}", aside.display());
    let old = Store::open(&url, Access::Write, Clock::system())
        .await
        .unwrap();
    assert_eq!(old.overrides().borrow().revision, Revision(4));
    assert!(old.prove_audit(Vec::new()).await.unwrap().intact);
    assert_eq!(old.events(EventQuery::default()).await.unwrap().len(), 4);
    old.close().await.unwrap();
    drop(old);

    // Over its own state nothing has to be said.
    place.restore("backup", false).await.unwrap();
    // A gateway of a version that holds no lock beats all the same.
    let store = place.open().await.unwrap();
    store
        .beat(heartbeat("gw-1", Clock::system().now()))
        .await
        .unwrap();
    store.close().await.unwrap();
    drop(store);
    let refused = place.restore("backup", false).await.unwrap_err();
    assert!(
        refused.to_string().contains("gateway gw-1 on host-1"),
        "{refused}"
    );
}

#[tokio::test]
async fn a_store_that_is_damaged_can_be_replaced() {
    let place = Place::prepared(3).await;
    place.backup("backup").await.unwrap();
    fs::write(
        place.state.join("state.db"),
        "this is no database".repeat(1_000),
    )
    .unwrap();
    let _ = fs::remove_file(place.state.join("state.db-wal"));
    assert!(place.open().await.is_err());
    let failed = place.backup("another").await;
    assert!(matches!(failed, Err(CopyError::Store(_))), "{failed:?}");
    assert_eq!(
        names(place.root.path()),
        ["backup", "state"],
        "nothing half is left"
    );
    let refused = place.restore("backup", false).await.unwrap_err();
    assert!(refused.to_string().contains("cannot be seen"), "{refused}");
    let restored = place.restore("backup", true).await.unwrap();
    assert!(restored.aside.unwrap().join("state.db").exists());
    let store = place.open().await.unwrap();
    assert_eq!(store.overrides().borrow().revision, Revision(3));
    store.close().await.unwrap();
}

#[tokio::test]
async fn what_is_no_whole_backup_is_refused_and_nothing_happens() {
    let place = Place::prepared(2).await;
    place.backup("backup").await.unwrap();
    let copy = |name: &str| {
        let to = place.path(name);
        fs::create_dir(&to).unwrap();
        for file in names(&place.path("backup")) {
            fs::copy(place.path("backup").join(&file), to.join(&file)).unwrap();
        }
        to
    };
    let cases: [(&str, Damage, &str); 5] = [
        (
            "no-manifest",
            |at| fs::remove_file(at.join("backup.json")).unwrap(),
            "there is no backup.json",
        ),
        (
            "no-file",
            |at| fs::remove_file(at.join("events.db")).unwrap(),
            "events.db failed",
        ),
        (
            "changed",
            |at| {
                let mut bytes = fs::read(at.join("state.db")).unwrap();
                let middle = bytes.len() / 2;
                bytes[middle] ^= 1;
                fs::write(at.join("state.db"), bytes).unwrap();
            },
            "state.db is not what was written into it",
        ),
        (
            "other-files",
            |at| {
                let text = fs::read_to_string(at.join("backup.json")).unwrap();
                fs::write(at.join("backup.json"), text.replace("pulse.db", "../x.db")).unwrap();
            },
            "it should hold",
        ),
        (
            "no-json",
            |at| fs::write(at.join("backup.json"), "{}").unwrap(),
            "missing field",
        ),
    ];
    let before = names(&place.state);
    for (name, damage, wanted) in cases {
        damage(&copy(name));
        let refused = place.restore(name, true).await.unwrap_err().to_string();
        assert!(refused.contains(wanted), "{name}: {refused}");
        assert_eq!(names(&place.state), before, "{name}");
    }
    for url in ["memory:x", "nats:host"] {
        let refused = store::backup(url, place.path("none"), &Clock::system()).await;
        assert!(
            matches!(refused, Err(CopyError::NoFiles(_))),
            "{url}: {refused:?}"
        );
    }
}

#[tokio::test]
async fn an_interrupted_restore_is_run_again_and_nobody_opens_the_store_before() {
    let place = Place::prepared(3).await;
    place.backup("backup").await.unwrap();
    let store = place.open().await.unwrap();
    force(&store, "support-chat").await;
    store.close().await.unwrap();
    drop(store);
    // Killed after the first of the old files went aside and one of the new ones came.
    let aside = place.state.join("before-restore-1");
    fs::create_dir(&aside).unwrap();
    fs::create_dir(place.state.join("restoring-1")).unwrap();
    fs::write(place.state.join("restore.unfinished"), "").unwrap();
    for name in ["state.db", "state.db-wal", "state.db-shm"] {
        fs::rename(place.state.join(name), aside.join(name)).unwrap();
    }
    fs::copy(place.path("backup/state.db"), place.state.join("state.db")).unwrap();
    fs::set_permissions(
        place.state.join("state.db"),
        fs::Permissions::from_mode(0o600),
    )
    .unwrap();

    let refused = place.open().await.unwrap_err();
    assert!(
        refused.to_string().contains("run `backstop restore` again"),
        "{refused}"
    );
    let restored = place.restore("backup", false).await.unwrap();
    assert!(restored.aside.unwrap().join("state.db").exists());
    assert!(!place.state.join("restoring-1").exists());
    let store = place.open().await.unwrap();
    assert_eq!(store.overrides().borrow().revision, Revision(3));
    store.close().await.unwrap();
    // The old one is still where the first run has put it.
    let old = rusqlite::Connection::open(aside.join("state.db")).unwrap();
    let newest: i64 = old
        .query_row("SELECT max(revision) FROM slots", [], |row| row.get(0))
        .unwrap();
    assert_eq!(newest, 4);
}

#[test]
fn backup_and_restore_from_the_command_line() {
    let project = Project::new();
    let mut serve = Running::start(&project, "serve");
    wait_for("the store", || {
        project.path().join("state/state.db").exists().then_some(())
    });
    wait_for("a change", || {
        let made = run(
            &project,
            "force support-chat --confirm sup --reason drill --no-wait",
        );
        (made.code == Some(0)).then_some(())
    });
    let backup = run(&project, "backup copy --json").exits(0).json();
    assert_eq!(backup["revision"], 1);
    assert_eq!(backup["files"].as_array().unwrap().len(), 4);
    run(&project, "backup copy").exits(2);
    run(
        &project,
        "hold batch-extraction --confirm bat --reason drill --no-wait",
    )
    .exits(0);
    let refused = run(&project, "restore copy").exits(3);
    assert!(
        refused
            .err
            .contains(&format!("{} (backstop)", serve.0.id())),
        "{}",
        refused.err
    );
    serve.signal(rustix::process::Signal::TERM);
    assert_eq!(serve.ends(), Some(0));

    let refused = run(&project, "restore copy").exits(3);
    assert!(
        refused.err.contains("with --discard-newer"),
        "{}",
        refused.err
    );
    let restored = run(&project, "restore copy --discard-newer").exits(0);
    assert!(
        restored.out.contains("overrides at revision 1"),
        "{}",
        restored.out
    );
    assert!(restored.out.contains("before-restore-"), "{}", restored.out);
    let status = run(&project, "status --json").exits(0).json();
    assert_eq!(status["revision"], 1);
    run(&project, "audit --verify").exits(0);
    run(&project, "restore nowhere").exits(2);
}
