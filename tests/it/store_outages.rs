//! What a gateway does while its store is not as it should be, from the start or in the middle: traffic goes on, no
//! fallback is silent, everybody is told, and nobody has to do anything when it is well again.

use std::{fs, net::SocketAddr, os::unix::fs::PermissionsExt, path::Path, time::Duration};

use backstop::{
    model::Seq,
    store::{Access, EventQuery},
};
use rusqlite::Connection;

use crate::{
    cli_project::wait_for,
    support::{
        outpost::{Outpost, ask},
        upstream::DEADLINE,
    },
};

/// What a gateway does for its three workloads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Serves {
    /// Everything, each fallback with its event.
    All,
    /// No event can be written: `careful` returns the primary's error, `eager` says that it has no event.
    WithoutEvents,
}

/// Asks each workload once; what is none of the two is a failure of the test.
async fn serves(client: &reqwest::Client, address: SocketAddr) -> Serves {
    let steady = ask(client, address, "steady").await.unwrap();
    assert_eq!(
        (steady.status, steady.fallback),
        (200, None),
        "traffic goes on"
    );
    let careful = ask(client, address, "careful").await.unwrap();
    let eager = ask(client, address, "eager").await.unwrap();
    assert_eq!(eager.status, 200);
    assert!(eager.fallback.is_some(), "{eager:?}");
    match careful.status {
        200 => assert!(
            careful.event.is_some() && !careful.unlogged,
            "a silent fallback: {careful:?}"
        ),
        503 => assert!(careful.fallback.is_none(), "{careful:?}"),
        other => panic!("{other}: {careful:?}"),
    }
    if careful.status == 200 && !eager.unlogged {
        assert!(eager.event.is_some(), "a silent fallback: {eager:?}");
        Serves::All
    } else {
        Serves::WithoutEvents
    }
}

async fn until_serves(client: &reqwest::Client, address: SocketAddr, wanted: Serves, case: &str) {
    let wait = async {
        while serves(client, address).await != wanted {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    let reached = tokio::time::timeout(DEADLINE, wait).await;
    reached.unwrap_or_else(|_| panic!("{case}: never {wanted:?}"));
}

async fn page(client: &reqwest::Client, address: SocketAddr, path: &str) -> String {
    let answer = client
        .get(format!("http://{address}{path}"))
        .send()
        .await
        .unwrap();
    assert_eq!(answer.status(), 200, "{path}");
    answer.text().await.unwrap()
}

/// What the gateway says of its store, everywhere.
async fn told(client: &reqwest::Client, address: SocketAddr, well: bool, case: &str) {
    let wait = async {
        loop {
            let ready = page(client, address, "/readyz").await;
            let metrics = page(client, address, "/metrics").await;
            let gauge = if well {
                "backstop_store 1\n"
            } else {
                "backstop_store 0\n"
            };
            if ready.contains("store: good") == well && metrics.contains(gauge) {
                return;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    let reached = tokio::time::timeout(DEADLINE, wait).await;
    reached.unwrap_or_else(|_| panic!("{case}: it does not say that the store is well: {well}"));
}

type Act = fn(&Path);

fn chmod(path: &Path, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

/// Makes a file's schema newer, or older again.
fn schema(state: &Path, file: &str, by: i64) {
    let database = Connection::open(state.join(file)).unwrap();
    let version: i64 = database
        .pragma_query_value(None, "user_version", |row| row.get(0))
        .unwrap();
    database
        .pragma_update(None, "user_version", version + by)
        .unwrap();
}

/// What keeps a store from being opened, and the end of it. The store was there before.
const AT_START: [(&str, Act, Act); 6] = [
    (
        "a file in its place",
        |state| {
            fs::rename(state, state.with_extension("away")).unwrap();
            fs::write(state, "").unwrap();
        },
        |state| {
            fs::remove_file(state).unwrap();
            fs::rename(state.with_extension("away"), state).unwrap();
        },
    ),
    (
        "others may write",
        |state| chmod(state, 0o777),
        |state| chmod(state, 0o700),
    ),
    (
        "a newer schema",
        |state| schema(state, "state.db", 90),
        |state| schema(state, "state.db", -90),
    ),
    (
        "no database",
        |state| {
            fs::rename(state.join("events.db"), state.join("kept")).unwrap();
            for log in ["events.db-wal", "events.db-shm"] {
                fs::rename(state.join(log), state.join(format!("kept-{log}"))).unwrap();
            }
            fs::write(state.join("events.db"), "this is no database".repeat(1_000)).unwrap();
            chmod(&state.join("events.db"), 0o600);
        },
        |state| {
            for log in ["events.db-wal", "events.db-shm"] {
                let _ = fs::remove_file(state.join(log));
                fs::rename(state.join(format!("kept-{log}")), state.join(log)).unwrap();
            }
            fs::rename(state.join("kept"), state.join("events.db")).unwrap();
        },
    ),
    (
        "a restore that was interrupted",
        |state| fs::write(state.join("restore.unfinished"), "").unwrap(),
        |state| fs::remove_file(state.join("restore.unfinished")).unwrap(),
    ),
    (
        "a backup is being put back",
        // The lock of the directory itself: who holds it makes or upgrades files.
        |_| {},
        |_| {},
    ),
];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_gateway_without_a_store_starts_and_serves_and_finds_it_later() {
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    for (case, damage, mend) in AT_START {
        let post = Outpost::new("").await;
        post.run("hold switched --confirm switched --reason drill --no-wait")
            .exits(0);
        damage(&post.state());
        let held = (case == "a backup is being put back").then(|| {
            let lock = fs::File::open(post.state().join("store.lock")).unwrap();
            lock.lock().unwrap();
            lock
        });
        let mut gateway = post.serve();
        let address = gateway.address().await;
        gateway.says("the store fails: ").await;
        told(&client, address, false, case).await;
        // Nobody knows what operators have switched: as configured.
        assert_eq!(
            serves(&client, address).await,
            without(case),
            "{case}: {}",
            gateway.log()
        );

        mend(&post.state());
        drop(held);
        told(&client, address, true, case).await;
        gateway.says("the store works again").await;
        // The switch of before is in force, and new ones arrive.
        status_of_switched(&client, address, 503, case).await;
        post.run("auto switched --confirm switched").exits(0);
        status_of_switched(&client, address, 200, case).await;
        until_serves(&client, address, Serves::All, case).await;
        let store = post.open(Access::Observe).await;
        assert!(store.newest().borrow().0 > 0, "{case}");
        assert_eq!(
            store.heartbeats().await.unwrap()[0].pid,
            gateway.pid(),
            "{case}"
        );
        let doctor = post.run("doctor --json").json();
        let users = doctor["checks"].as_array().unwrap().iter();
        let users = users
            .filter(|check| check["check"] == "store-users")
            .count();
        assert_eq!(users, 1, "{case}");
    }
}

async fn status_of_switched(
    client: &reqwest::Client,
    address: SocketAddr,
    wanted: u16,
    case: &str,
) {
    let wait = async {
        while ask(client, address, "switched").await.unwrap().status != wanted {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    let reached = tokio::time::timeout(DEADLINE, wait).await;
    reached.unwrap_or_else(|_| panic!("{case}: `switched` never answers with {wanted}"));
}

/// A file that nobody may use yet may still take events.
fn without(case: &str) -> Serves {
    match case {
        // Only the overrides are unreadable; only the lock is held.
        "a newer schema" | "a backup is being put back" => Serves::All,
        _ => Serves::WithoutEvents,
    }
}

#[tokio::test]
async fn who_wants_no_gateway_without_a_store_gets_none() {
    let post = Outpost::new("without_store = \"refuse\"").await;
    fs::write(post.state(), "").unwrap();
    let refused = post.run("serve").exits(5);
    assert!(
        refused.err.contains("cannot open the store"),
        "{}",
        refused.err
    );
}

/// What happens to system calls of a gateway that serves, and whether events can still be written.
const IN_THE_MIDDLE: [(&str, &str, Serves); 9] = [
    (
        "the disk is full",
        "pwrite state/ enospc 0\n",
        Serves::WithoutEvents,
    ),
    (
        "the disk is full, in the middle of a commit",
        "pwrite events.db enospc 1\n",
        Serves::WithoutEvents,
    ),
    (
        "the file system became read-only",
        "pwrite state/ erofs 0\nopen state/ erofs 0\n",
        Serves::WithoutEvents,
    ),
    (
        "an I/O error on writing",
        "pwrite events.db eio 0\n",
        Serves::WithoutEvents,
    ),
    (
        "an I/O error on the log",
        "pwrite events.db-wal eio 0\n",
        Serves::WithoutEvents,
    ),
    (
        "an I/O error on syncing",
        "sync events.db eio 0\n",
        Serves::WithoutEvents,
    ),
    (
        "an I/O error on the overrides",
        "any state.db eio 0\n",
        Serves::All,
    ),
    (
        "an I/O error on heartbeats",
        "any pulse.db eio 0\n",
        Serves::All,
    ),
    ("a slow disk", "sync events.db slow 300\n", Serves::All),
];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_store_that_fails_in_the_middle_takes_no_traffic_down() {
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let post = Outpost::new("").await;
    post.faults("gateway", "");
    let mut gateway = post.serve();
    let address = gateway.address().await;
    until_serves(&client, address, Serves::All, "at first").await;
    let mut expected = Vec::new();
    for (case, faults, wanted) in IN_THE_MIDDLE {
        post.faults("gateway", faults);
        until_serves(&client, address, wanted, case).await;
        for _ in 0..3 {
            let careful = ask(&client, address, "careful").await.unwrap();
            expected.extend(careful.event.filter(|_| !careful.unlogged));
        }
        if wanted == Serves::WithoutEvents {
            told(&client, address, false, case).await;
            // Whoever looks is told, too.
            let status = post.run("gateways --json");
            assert_eq!(status.code, Some(0), "{case}: {status:?}");
        }
        post.faults("gateway", "");
        until_serves(&client, address, Serves::All, case).await;
        told(&client, address, true, case).await;
        assert!(gateway.runs(), "{case}");
    }
    gateway.says("the store works again").await;
    let store = post.open(Access::Observe).await;
    let events = store.events(EventQuery::default()).await.unwrap();
    for event in &expected {
        assert!(
            events
                .iter()
                .any(|stored| stored.event.id.to_string() == *event),
            "{event} was shown to a client and is not there"
        );
    }
    assert!(store.prove_audit(Vec::new()).await.unwrap().intact);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lock_that_somebody_holds_takes_no_traffic_down() {
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let post = Outpost::new("").await;
    let mut gateway = post.serve();
    let address = gateway.address().await;
    until_serves(&client, address, Serves::All, "at first").await;
    let mut stuck = Connection::open(post.state().join("events.db")).unwrap();
    let held = stuck
        .transaction_with_behavior(rusqlite::TransactionBehavior::Immediate)
        .unwrap();
    let doctor = post.run("doctor --json").json();
    let found = doctor["checks"]
        .as_array()
        .unwrap()
        .iter()
        .find(|check| check["check"] == "store-lock");
    let says = found.unwrap()["says"].as_str().unwrap();
    assert!(says.contains(&std::process::id().to_string()), "{says}");
    assert_eq!(serves(&client, address).await, Serves::WithoutEvents);
    told(&client, address, false, "a held lock").await;
    drop(held);
    until_serves(&client, address, Serves::All, "a held lock").await;
    told(&client, address, true, "a held lock").await;
}

/// Files that are damaged under a gateway that serves: it notices, goes on, and takes up a mended one by itself.
const DAMAGES: [(&str, Act); 3] = [
    ("damaged pages", |state| {
        let path = state.join("events.db");
        let mut bytes = fs::read(&path).unwrap();
        let after = bytes.len().min(4096);
        bytes[100..after].fill(0xa5);
        fs::write(&path, bytes).unwrap();
        let _ = fs::remove_file(state.join("events.db-wal"));
        let _ = fs::remove_file(state.join("events.db-shm"));
    }),
    ("a log that was cut", |state| {
        let log = fs::File::options()
            .write(true)
            .open(state.join("events.db-wal"))
            .unwrap();
        log.set_len(100).unwrap();
    }),
    ("a directory that is gone", |state| {
        fs::rename(state, state.with_extension("gone")).unwrap();
    }),
];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn files_that_are_damaged_under_a_gateway_take_no_traffic_down() {
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    for (case, damage) in DAMAGES {
        let post = Outpost::new("").await;
        let mut gateway = post.serve();
        let address = gateway.address().await;
        until_serves(&client, address, Serves::All, "at first").await;
        post.run(&format!("backup {}", post.path().join("copy").display()))
            .exits(0);
        damage(&post.state());
        for _ in 0..20 {
            serves(&client, address).await;
        }
        assert!(gateway.runs(), "{case}: {}", gateway.log());
        // What can be done without losing anything is done without anybody; the rest is a backup.
        gateway.kill();
        post.run("restore copy --discard-newer").exits(0);
        let mut gateway = post.serve();
        let address = gateway.address().await;
        until_serves(&client, address, Serves::All, case).await;
        let store = post.open(Access::Observe).await;
        assert!(*store.newest().borrow() > Seq(0), "{case}");
    }
}

/// Whoever holds up a database, until it is dropped.
type Held = Option<Box<dyn Send>>;
type Break = fn(&Outpost) -> Held;
type Mend = fn(&Outpost);

/// What happens to a store under an open console, and how it is mended.
const UNDER_A_CONSOLE: [(&str, Break, Mend); 5] = [
    (
        "the disk is full",
        |post| {
            post.faults("console", "pwrite state/ enospc 0\n");
            None
        },
        |post| post.faults("console", ""),
    ),
    (
        "the file system became read-only",
        |post| {
            post.faults("console", "pwrite state/ erofs 0\nopen state/ erofs 0\n");
            None
        },
        |post| post.faults("console", ""),
    ),
    (
        "an I/O error",
        |post| {
            post.faults("console", "any pulse.db eio 0\n");
            None
        },
        |post| post.faults("console", ""),
    ),
    (
        "a lock that a stuck process holds",
        |post| {
            let stuck = Connection::open(post.state().join("pulse.db")).unwrap();
            stuck.execute_batch("BEGIN IMMEDIATE").unwrap();
            Some(Box::new(stuck))
        },
        |_| {},
    ),
    (
        "a directory that is gone",
        |post| {
            fs::rename(post.state(), post.path().join("away")).unwrap();
            None
        },
        |post| {
            // What was made in its place meanwhile is not the store. The gateway may make it once more at this moment.
            wait_for("the directory to be back", || {
                let _ = fs::remove_dir_all(post.state());
                fs::rename(post.path().join("away"), post.state()).ok()
            });
        },
    ),
];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_console_says_that_the_store_fails_and_that_it_works_again() {
    let post = Outpost::new("").await;
    post.faults("console", "");
    post.faults("gateway", "");
    let mut gateway = post.serve();
    gateway.address().await;
    let console = post.console();
    console.wait_for("store ok");
    for (case, break_it, mend) in UNDER_A_CONSOLE {
        let held = break_it(&post);
        console.wait_for("STORE FAILS");
        console.wait_for("x the store fails: ");
        drop(held);
        mend(&post);
        console.wait_gone("STORE FAILS");
        console.wait_for("store ok");
        assert!(gateway.runs(), "{case}");
    }
}
