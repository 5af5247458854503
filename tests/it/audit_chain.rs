//! The audit as a chain: whatever is done to it behind the program's back is found, and nothing else is.

use std::{
    fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    time::Duration,
};

use backstop::{
    clock::Clock,
    model::{Anchor, Retention, Revision, Seal, SealedRecord},
    store::{Access, AuditFinding, AuditProof, Store},
};
use rusqlite::Connection;

use crate::{
    cli_project::run,
    control_project::Project,
    store_pair::{Pair, Setup},
    store_samples::{FORCE, change, mode_key, start},
};

const WORKLOADS: [&str; 2] = ["support-chat", "batch-extraction"];

/// A store of six changes by hand, and then none.
struct Place {
    state: PathBuf,
    _root: tempfile::TempDir,
}

impl Place {
    async fn new() -> Self {
        let root = tempfile::tempdir().unwrap();
        let place = Self {
            state: root.path().join("state"),
            _root: root,
        };
        let store = place.open().await;
        for number in 0..6 {
            force(&store, WORKLOADS[number % 2], start()).await;
        }
        store.close().await.unwrap();
        place
    }

    async fn open(&self) -> Store {
        let url = format!("sqlite:{}", self.state.display());
        let clock = Clock::manual(start());
        Store::open(&url, Access::Write, clock).await.unwrap()
    }

    fn database(&self) -> Connection {
        Connection::open(self.state.join("state.db")).unwrap()
    }

    async fn proof(&self, kept: Vec<Anchor>) -> AuditProof {
        let store = self.open().await;
        let proof = store.prove_audit(kept).await.unwrap();
        store.close().await.unwrap();
        proof
    }
}

async fn force(store: &Store, workload: &str, at: jiff::Timestamp) {
    let key = mode_key(workload);
    let expected = store.overrides().borrow().expected(&key);
    let request = change(&key, expected, FORCE, "ana", at, None);
    store.change(request).await.unwrap();
}

fn words(proof: &AuditProof) -> Vec<String> {
    proof.findings.iter().map(ToString::to_string).collect()
}

/// Seals everything anew from a place on, as somebody would who has read the source.
fn seal_anew(database: &Connection, from: i64) {
    let mut rows = database
        .prepare("SELECT sequence, record, seal FROM audit ORDER BY sequence")
        .unwrap();
    let rows: Vec<(i64, String, String)> = rows
        .query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))
        .unwrap()
        .collect::<Result<_, _>>()
        .unwrap();
    let mut seal = Seal::FIRST;
    for (sequence, record, old) in rows {
        if sequence < from {
            seal = old.parse().unwrap();
            continue;
        }
        seal = seal.over(&serde_json::from_str(&record).unwrap());
        database
            .execute(
                "UPDATE audit SET seal = ?2 WHERE sequence = ?1",
                (sequence, seal.to_string()),
            )
            .unwrap();
    }
}

const EDIT: &str =
    "UPDATE audit SET record = replace(record, 'provider is down', 'nothing') WHERE sequence = 3;";
const CUT: &str = "DELETE FROM audit WHERE sequence = 6;
    UPDATE sqlite_sequence SET seq = 5 WHERE name = 'audit';";
const SLOT_BACK: &str = "UPDATE slots SET revision = 4 WHERE revision = 6;";

#[tokio::test]
async fn what_was_done_to_it_is_found() {
    let changed = "record 3, or the seal of the one before it, was changed after it was written";
    for (case, sql, wanted) in [
        ("nothing", "", &[][..]),
        (
            "spaces mean nothing",
            "UPDATE audit SET record = replace(record, '\":', '\" : ') WHERE sequence = 3",
            &[],
        ),
        ("edited", EDIT, &[changed]),
        (
            "something added",
            "UPDATE audit SET record = replace(record, ',\"at\":', ',\"as\":1,\"at\":') WHERE sequence = 3",
            &[changed],
        ),
        (
            "another seal",
            "UPDATE audit SET seal = replace(seal, substr(seal, 1, 4), 'beef') WHERE sequence = 2",
            &[
                "record 2, or the seal of the one before it, was changed after it was written",
                "record 2 has the seal",
                changed,
            ],
        ),
        ("no seal", "UPDATE audit SET seal = NULL WHERE sequence = 2", &["record 2 has no seal"]),
        ("no JSON", "UPDATE audit SET record = 'x' WHERE sequence = 2", &["record 2 cannot be read"]),
        ("removed", "DELETE FROM audit WHERE sequence = 3", &["record 3 is missing"]),
        ("several removed", "DELETE FROM audit WHERE sequence IN (3, 4)", &["records 3 to 4 are missing"]),
        ("the first removed", "DELETE FROM audit WHERE sequence = 1", &["record 1 is missing"]),
        (
            "all removed",
            "DELETE FROM audit",
            &[
                "records 1 to 6 are missing",
                "what is in force for mode/batch-extraction (revision 6)",
                "what is in force for mode/support-chat (revision 5)",
            ],
        ),
        (
            "exchanged",
            "UPDATE audit SET sequence = -1 WHERE sequence = 3; UPDATE audit SET sequence = 3 WHERE sequence = 4;
             UPDATE audit SET sequence = 4 WHERE sequence = -1;",
            &[
                changed,
                "the record at place 3 was written as number 4",
                "record 3 has the seal",
                "record 4, or the seal",
                "the record at place 4 was written as number 3",
                "record 4 has the seal",
                "record 5, or the seal",
            ],
        ),
        (
            "filed elsewhere",
            "UPDATE audit SET target = 'lonely' WHERE sequence = 4",
            &["record 4 is filed under another time, target or revision than it says"],
        ),
        (
            "the newest removed",
            "DELETE FROM audit WHERE sequence = 6",
            &["record 6 is missing", "what is in force for mode/batch-extraction (revision 6)"],
        ),
        (
            "the newest removed, with its number",
            CUT,
            &["record 6 is missing", "what is in force for mode/batch-extraction (revision 6)"],
        ),
        (
            "an override that nobody made",
            "UPDATE slots SET current = NULL WHERE key = 'mode/support-chat'",
            &["what is in force for mode/support-chat (revision 5) is not what its last record says"],
        ),
    ] {
        let place = Place::new().await;
        place.database().execute_batch(sql).unwrap();
        let proof = place.proof(Vec::new()).await;
        let found = words(&proof);
        assert_eq!(found.len(), wanted.len(), "{case}: {found:#?}");
        for (found, wanted) in found.iter().zip(wanted) {
            assert!(found.starts_with(wanted), "{case}: {found}");
        }
        assert_eq!(proof.intact, wanted.is_empty(), "{case}");
        // Whatever was done: an operator can still act, and that is chained again.
        let store = place.open().await;
        force(&store, "support-chat", start()).await;
        let after = store.prove_audit(Vec::new()).await.unwrap();
        assert_eq!(after.head.unwrap().sequence, if case.contains("number") { 6 } else { 7 }, "{case}");
        let of_seven = after.findings.iter().filter(|finding| {
            matches!(finding, AuditFinding::Changed { sequence: 7 } | AuditFinding::Unsealed { sequence: 7 })
        });
        assert_eq!(of_seven.count(), 0, "{case}: {:#?}", after.findings);
    }
}

#[tokio::test]
async fn a_chain_that_was_written_anew_does_not_fit_what_was_kept() {
    // One record and its seal alone: the next one says it.
    let place = Place::new().await;
    let before = place.proof(Vec::new()).await;
    place.database().execute_batch(EDIT).unwrap();
    seal_anew(&place.database(), 3);
    let anchors = fs::read(place.state.join("audit.anchors")).unwrap();
    let proof = place.proof(Vec::new()).await;
    assert!(
        matches!(
            proof.findings[..],
            [
                AuditFinding::Anchor {
                    anchor: Anchor { sequence: 3, .. },
                    ..
                },
                AuditFinding::Anchor {
                    anchor: Anchor { sequence: 4, .. },
                    ..
                },
                AuditFinding::Anchor {
                    anchor: Anchor { sequence: 5, .. },
                    ..
                },
                AuditFinding::Anchor {
                    anchor: Anchor { sequence: 6, .. },
                    ..
                },
            ]
        ),
        "{:#?}",
        proof.findings
    );

    // With the anchors gone, too, only what was kept elsewhere says it.
    fs::write(place.state.join("audit.anchors"), "").unwrap();
    assert!(place.proof(Vec::new()).await.intact);
    let head = before.head.unwrap();
    assert_eq!(head.sequence, 6);
    let proof = place.proof(vec![head]).await;
    assert!(words(&proof)[0].contains("was written anew"), "{proof:#?}");

    // The same for an end that was cut off without a trace.
    let place = Place::new().await;
    place
        .database()
        .execute_batch(&format!("{CUT}{SLOT_BACK}"))
        .unwrap();
    let proof = place.proof(Vec::new()).await;
    assert_eq!(words(&proof), ["record 6 is missing"]);
    fs::write(place.state.join("audit.anchors"), "").unwrap();
    assert!(place.proof(Vec::new()).await.intact);
    assert_eq!(
        words(&place.proof(vec![head]).await),
        ["record 6 is missing"]
    );

    // Anchors of another store, and rubbish in their place.
    let place = Place::new().await;
    fs::write(
        place.state.join("audit.anchors"),
        [&anchors[..], b"rubbish\n\0\0\xff\n"].concat(),
    )
    .unwrap();
    assert!(
        place.proof(Vec::new()).await.intact,
        "the same changes make the same seals"
    );
}

#[tokio::test]
async fn retention_takes_the_oldest_and_the_rest_is_still_proven() {
    for setup in [Setup::Memory, Setup::SqliteTwice] {
        let pair = Pair::open(setup).await;
        let (store, other) = (&pair.first, &pair.second);
        let days = |number| Duration::from_hours(24 * number);
        for number in 0..6_u64 {
            // The fourth is from a clock that went back: it must not leave a hole.
            let at = if number == 3 {
                start()
            } else {
                start() + days(number)
            };
            force(store, WORKLOADS[usize::try_from(number % 2).unwrap()], at).await;
        }
        let whole = store.prove_audit(Vec::new()).await.unwrap();
        assert!(
            whole.intact && whole.cut.is_none() && whole.first == Some(1),
            "{setup:?} {whole:#?}"
        );
        let sealed = store.sealed(0, 100).await.unwrap();
        let second = Anchor {
            sequence: 2,
            seal: sealed[1].seal.unwrap(),
        };
        chained(Seal::FIRST, &sealed);

        // Everything before the third day: 1 and 2 go. 4 is as old, and stays behind 3.
        pair.clock.advance(days(10));
        let retention = Retention {
            events: days(100),
            audit: days(8),
            reviews: days(100),
        };
        assert_eq!(store.retain(retention).await.unwrap(), (0, 2), "{setup:?}");
        assert_eq!(store.retain(retention).await.unwrap(), (0, 0), "{setup:?}");
        let rest = other.prove_audit(Vec::new()).await.unwrap();
        assert!(rest.intact, "{setup:?} {rest:#?}");
        assert_eq!(
            (rest.records, rest.first, rest.head),
            (4, Some(3), whole.head)
        );
        let cut = rest.cut.unwrap();
        assert_eq!(
            (cut.through, cut.records, cut.at),
            (second, 2, pair.clock.now())
        );
        // The anchor at the cut still fits; one before it cannot be checked.
        assert!(
            other.prove_audit(vec![second]).await.unwrap().intact,
            "{setup:?}"
        );
        let first = Anchor {
            sequence: 1,
            seal: sealed[0].seal.unwrap(),
        };
        let unknown = other.prove_audit(vec![first]).await.unwrap();
        assert_eq!(unknown.findings, [AuditFinding::Unknown { anchor: first }]);
        chained(second.seal, &other.sealed(0, 100).await.unwrap());
        assert_eq!(other.sealed(4, 1).await.unwrap(), sealed[4..5]);

        // Everything goes; what comes then is chained to it.
        pair.clock.advance(days(100));
        assert_eq!(store.retain(retention).await.unwrap(), (0, 4), "{setup:?}");
        let none = other.prove_audit(Vec::new()).await.unwrap();
        assert!(
            none.intact && none.records == 0 && none.head == whole.head,
            "{setup:?} {none:#?}"
        );
        force(store, "support-chat", pair.clock.now()).await;
        let again = other.prove_audit(vec![whole.head.unwrap()]).await.unwrap();
        assert!(again.intact, "{setup:?} {again:#?}");
        assert_eq!((again.first, again.cut.unwrap().records), (Some(7), 6));
        assert_eq!(other.audit_head().await.unwrap(), again.head.unwrap());
    }
}

fn chained(mut seal: Seal, records: &[SealedRecord]) {
    for record in records {
        assert_eq!(record.previous, seal);
        seal = seal.over(&record.record);
        assert_eq!(record.seal, Some(seal));
        assert_eq!(record.read().unwrap().sequence, record.sequence());
    }
}

/// The first schema as it was.
const FIRST_SCHEMA: &str = "
    CREATE TABLE slots (key TEXT PRIMARY KEY, revision INTEGER NOT NULL, expires INTEGER, current TEXT) WITHOUT ROWID;
    CREATE TABLE audit (
        sequence INTEGER PRIMARY KEY AUTOINCREMENT, at INTEGER NOT NULL, target TEXT NOT NULL,
        revision INTEGER NOT NULL, record TEXT NOT NULL
    );
    CREATE INDEX audit_revision ON audit (revision);
    CREATE TABLE plans (id TEXT PRIMARY KEY, made INTEGER NOT NULL, applied INTEGER, plan TEXT NOT NULL) WITHOUT ROWID;
    PRAGMA user_version = 1;
    ATTACH DATABASE ?1 AS new;
";

/// A place as a version without a chain has left it.
fn turned_back(place: &Place) {
    let old = place.state.join("old.db");
    let database = Connection::open(&old).unwrap();
    let new = place.state.join("state.db");
    database
        .execute_batch(&FIRST_SCHEMA.replace("?1", &format!("'{}'", new.display())))
        .unwrap();
    database
        .execute_batch(
            "INSERT INTO slots SELECT * FROM new.slots;
             INSERT INTO audit SELECT sequence, at, target, revision, record FROM new.audit;
             DETACH DATABASE new;",
        )
        .unwrap();
    drop(database);
    for name in ["state.db", "state.db-wal", "state.db-shm", "audit.anchors"] {
        let _ = fs::remove_file(place.state.join(name));
    }
    fs::set_permissions(&old, fs::Permissions::from_mode(0o600)).unwrap();
    fs::rename(old, new).unwrap();
}

#[tokio::test]
async fn what_was_there_before_the_chain_is_taken_over_and_said() {
    let place = Place::new().await;
    turned_back(&place);
    // It went by time alone then, and a clock had been wrong.
    place
        .database()
        .execute("DELETE FROM audit WHERE sequence IN (1, 4)", [])
        .unwrap();
    let store = place.open().await;
    force(&store, "support-chat", start()).await;
    let proof = store.prove_audit(Vec::new()).await.unwrap();
    assert!(proof.intact, "{proof:#?}");
    assert_eq!((proof.records, proof.first), (5, Some(2)));
    assert_eq!(proof.sealed_late.unwrap().through, 6);
    assert_eq!(store.overrides().borrow().revision, Revision(7));
    store.close().await.unwrap();

    // From now on it is like any other.
    for (sql, wanted) in [
        (
            "DELETE FROM audit WHERE sequence = 5",
            "records 4 to 5 are missing",
        ),
        (
            "UPDATE audit SET record = replace(record, 'INC-7', '') WHERE sequence = 3",
            "record 3, or",
        ),
    ] {
        let copy = place.state.join("copy");
        place
            .database()
            .execute("VACUUM INTO ?1", [copy.to_str().unwrap()])
            .unwrap();
        place.database().execute_batch(sql).unwrap();
        let proof = place.proof(Vec::new()).await;
        assert!(words(&proof)[0].starts_with(wanted), "{sql}: {proof:#?}");
        put_back(&place.state, &copy);
        assert!(place.proof(Vec::new()).await.intact, "{sql}");
    }

    // An empty store has nothing to say about it.
    let place = Place::new().await;
    turned_back(&place);
    place
        .database()
        .execute_batch("DELETE FROM audit; DELETE FROM slots; DELETE FROM sqlite_sequence")
        .unwrap();
    let proof = place.proof(Vec::new()).await;
    assert!(proof.intact && proof.sealed_late.is_none(), "{proof:#?}");
}

fn put_back(state: &Path, copy: &Path) {
    for name in ["state.db-wal", "state.db-shm"] {
        let _ = fs::remove_file(state.join(name));
    }
    fs::set_permissions(copy, fs::Permissions::from_mode(0o600)).unwrap();
    fs::rename(copy, state.join("state.db")).unwrap();
}

#[test]
fn the_command_line_proves_and_exports() {
    let project = Project::new();
    for line in [
        "force support-chat --confirm sup --reason drill --ticket INC-7 --no-wait",
        "hold batch-extraction --confirm bat --reason drill --no-wait",
        "auto support-chat --confirm sup --no-wait",
    ] {
        run(&project, line).exits(0);
    }
    let good = run(&project, "audit --verify").exits(0);
    assert!(
        good.out
            .starts_with("+ 3 records, 1 to 3; all as they were written\n"),
        "{}",
        good.out
    );
    let anchor = good
        .out
        .lines()
        .last()
        .unwrap()
        .strip_prefix("anchor ")
        .unwrap();
    run(&project, &format!("audit --verify --anchor {anchor}")).exits(0);
    let json = run(&project, "audit --verify --json").exits(0).json();
    assert_eq!(json["intact"], true);
    assert_eq!(json["head"]["sequence"], 3);
    assert!(anchor.ends_with(json["head"]["seal"].as_str().unwrap()));

    let export = run(&project, "audit --export jsonl").exits(0);
    let mut seal = Seal::FIRST;
    for line in export.lines() {
        assert_eq!(line["previous"], seal.to_string());
        seal = seal.over(&line["record"]);
        assert_eq!(line["seal"], seal.to_string());
    }
    assert!(anchor.ends_with(&seal.to_string()));
    let some = run(
        &project,
        "audit --export jsonl --after 1 --target support-chat",
    )
    .exits(0);
    assert_eq!(some.lines().len(), 1);
    assert_eq!(some.lines()[0]["record"]["sequence"], 3);
    let syslog = run(&project, "audit --export syslog").exits(0);
    assert_eq!(syslog.out.lines().count(), 3);
    for line in syslog.out.lines() {
        assert!(line.starts_with("<109>1 20"), "{line}");
        assert!(
            line.contains(" backstop - audit [backstop@32473 sequence=\""),
            "{line}"
        );
    }
    run(&project, "audit --verify --export jsonl").exits(2);
    run(&project, "audit --anchor 1:00").exits(2);

    let database = Connection::open(project.path().join("state/state.db")).unwrap();
    database
        .execute(
            "UPDATE audit SET record = replace(record, '\"jo\"', '\"bo\"') WHERE sequence = 2",
            [],
        )
        .unwrap();
    let bad = run(&project, "audit --verify").exits(1);
    assert!(
        bad.out
            .starts_with("x 3 records, 1 to 3; NOT as they were written: 1 finding\n"),
        "{}",
        bad.out
    );
    assert!(bad.out.contains("  x record 2, or the seal"), "{}", bad.out);
    let json = run(&project, "audit --verify --json").exits(1).json();
    assert_eq!(json["findings"][0]["is"], "changed");
    assert_eq!(json["findings"][0]["sequence"], 2);
    run(&project, &format!("audit --verify --anchor 9{anchor}")).exits(1);
}
