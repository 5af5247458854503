//! The store shared by real processes, some of which are killed without warning.
//!
//! The processes are this very test binary, started again with a task in an environment variable.

#![expect(
    clippy::print_stdout,
    reason = "a started process answers on its standard output"
)]

use std::{
    collections::BTreeSet,
    io::{BufRead, BufReader, Read},
    path::Path,
    process::{Child, Command, Stdio},
    time::Duration,
};

use backstop::{
    clock::Clock,
    model::{Entry, Revision, Seq},
    store::{Access, AuditQuery, ChangeError, EventQuery, Health, Store, StoreError},
};
use rustix::process::{Resource, Rlimit};

use crate::store_samples::{FORCE, change, event, mode_key, outcome, presence};

/// Tells a started process what to do: the task, then the directory.
const TASK: &str = "BACKSTOP_TEST_STORE_TASK";
const DIRECTORY: &str = "BACKSTOP_TEST_STORE_DIRECTORY";

/// The entry of the other processes; without a task it has nothing to do.
#[tokio::test]
async fn child() {
    let Ok(task) = std::env::var(TASK) else {
        return;
    };
    let directory = std::env::var(DIRECTORY).unwrap();
    // Ends the line that the test harness has begun.
    println!();
    match task.as_str() {
        "write until killed" => write_until_killed(&directory).await,
        "win ten changes" => win_ten_changes(&directory).await,
        "observe" => observe(&directory).await,
        "look" => look(&directory).await,
        "meet a full disk" => meet_a_full_disk(&directory).await,
        other => panic!("unknown task {other}"),
    }
}

fn process(task: &str, directory: &Path) -> Command {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command
        .args(["store_processes::child", "--exact", "--nocapture"])
        .env(TASK, task)
        .env(DIRECTORY, directory)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::inherit());
    command
}

async fn open(directory: &str, access: Access) -> Store {
    let url = format!("sqlite:{directory}");
    Store::open(&url, access, Clock::system()).await.unwrap()
}

/// Appends events and changes an override for ever, and says what it was promised.
async fn write_until_killed(directory: &str) {
    let store = open(directory, Access::Write).await;
    let mut number = store.newest().borrow().0 * 1_000;
    loop {
        let mut receipts = Vec::new();
        for _ in 0..20 {
            number += 1;
            let entry = Entry::Decision(Box::new(event(number, Clock::system().now())));
            receipts.push(store.reserve().unwrap().append(entry));
            let ended = Entry::Outcome(outcome(number, Clock::system().now()));
            store.reserve().unwrap().append_unawaited(ended);
        }
        for receipt in receipts {
            println!("event {}", receipt.durable().await.unwrap().0);
        }
        println!("revision {}", win(&store, "support-chat").await.0);
    }
}

/// Changes the mode of a workload, whoever else does.
async fn win(store: &Store, workload: &str) -> Revision {
    let key = mode_key(workload);
    let mut expected = store.overrides().borrow().expected(&key);
    loop {
        let now = Clock::system().now();
        match store
            .change(change(&key, expected, FORCE, "ana", now, None))
            .await
        {
            Ok(record) => return record.revision,
            Err(ChangeError::Conflict(conflict)) => expected = conflict.found.revision,
            Err(error) => panic!("{error}"),
        }
    }
}

async fn win_ten_changes(directory: &str) {
    let store = open(directory, Access::Write).await;
    for _ in 0..10 {
        println!("revision {}", win(&store, "support-chat").await.0);
    }
    for record in store.end_expired().await.unwrap() {
        println!("ended {}", record.sequence);
    }
    store.close().await.unwrap();
}

async fn look(directory: &str) {
    let store = open(directory, Access::Observe).await;
    println!("revision {}", store.overrides().borrow().revision.0);
    assert_eq!(store.tail(Seq(0), 100).await.unwrap().len(), 1);
    store.close().await.unwrap();
}

async fn observe(directory: &str) {
    let store = open(directory, Access::Observe).await;
    println!("revision {}", store.overrides().borrow().revision.0);
    for (seq, _) in store.tail(Seq(0), 100).await.unwrap() {
        println!("event {}", seq.0);
    }
    assert_eq!(store.audit(AuditQuery::default()).await.unwrap().len(), 1);
    assert_eq!(store.heartbeats().await.unwrap(), []);
    let there = presence("other", Clock::system().now());
    match store.put_presence(there).await {
        Ok(()) => println!("presence written"),
        Err(error) => println!("presence {error}"),
    }
    // Not being allowed to is no fault of the store.
    assert_eq!(*store.health().borrow(), Health::Good);
    // A change by somebody who may write is seen here.
    let mut followed = store.overrides();
    let seen = followed.wait_for(|table| table.revision > Revision(1));
    println!("revision {}", seen.await.unwrap().revision.0);
}

/// No file may grow beyond a limit for a while, which looks to the store like a full disk.
async fn meet_a_full_disk(directory: &str) {
    let store = open(directory, Access::Write).await;
    let mut health = store.health();
    let decision = |number| Entry::Decision(Box::new(event(number, Clock::system().now())));
    let first = store.reserve().unwrap().append(decision(1));
    first.durable().await.unwrap();

    let before = rustix::process::getrlimit(Resource::Fsize);
    let tight = Rlimit {
        current: Some(256 * 1024),
        ..before
    };
    rustix::process::setrlimit(Resource::Fsize, tight).unwrap();
    let mut number = 1;
    let failed = loop {
        number += 1;
        let receipt = store.reserve().unwrap().append(decision(number));
        if let Err(error) = receipt.durable().await {
            break error;
        }
    };
    assert!(matches!(failed, StoreError::Failed { .. }), "{failed:?}");
    assert!(matches!(*health.borrow_and_update(), Health::Failing(_)));
    let reservation = store.reserve().unwrap();
    reservation.append_unawaited(Entry::Outcome(outcome(1, Clock::system().now())));
    // Overrides live in another file, which is still small: the operator is not locked out.
    win(&store, "support-chat").await;
    // What was written is still read.
    let kept = store.events(EventQuery::default()).await.unwrap();
    assert_eq!(kept.len() as u64, number - 1);

    rustix::process::setrlimit(Resource::Fsize, before).unwrap();
    // Nobody appends anything more: the store finds out by itself.
    let good = health.wait_for(|health| *health == Health::Good);
    drop(good.await.unwrap());
    let after = store.reserve().unwrap().append(decision(number + 1));
    after.durable().await.unwrap();
    let events = store.events(EventQuery::default()).await.unwrap();
    assert_eq!(events.len() as u64, number);
    assert!(
        events[0].outcome.is_some(),
        "the outcome was kept meanwhile"
    );
    println!("event {number}");
}

/// What a process was promised, in the order of its words.
#[derive(Debug, Default)]
struct Promised {
    events: Vec<Seq>,
    revisions: Vec<Revision>,
    ended: Vec<u64>,
}

impl Promised {
    fn add(&mut self, line: &str) {
        let Some((word, number)) = line.trim_end().split_once(' ') else {
            return;
        };
        let Ok(number) = number.parse::<u64>() else {
            return;
        };
        match word {
            "event" => self.events.push(Seq(number)),
            "revision" => self.revisions.push(Revision(number)),
            "ended" => self.ended.push(number),
            _ => {}
        }
    }

    /// Reads until a condition is met, then kills without warning and reads what was still said.
    fn read_and_kill(&mut self, mut child: Child, enough: impl Fn(&Self) -> bool) {
        let mut output = BufReader::new(child.stdout.take().unwrap());
        let mut line = String::new();
        while !enough(self) {
            line.clear();
            assert!(output.read_line(&mut line).unwrap() > 0, "ended by itself");
            self.add(&line);
        }
        child.kill().unwrap();
        let mut rest = String::new();
        output.read_to_string(&mut rest).unwrap();
        child.wait().unwrap();
        // A line without its end may have lost digits.
        for line in rest.split_inclusive('\n').filter(|it| it.ends_with('\n')) {
            self.add(line);
        }
    }
}

#[tokio::test]
async fn what_was_promised_survives_twenty_kills() {
    let directory = tempfile::tempdir().unwrap();
    let state = directory.path().join("state");
    let mut promised = Promised::default();
    for round in 1..=20 {
        let begun = promised.events.len();
        let mut children: Vec<Child> = (0..2)
            .map(|_| process("write until killed", &state).spawn().unwrap())
            .collect();
        // Different lengths, so that the kills hit different moments.
        for child in children.drain(..) {
            promised.read_and_kill(child, |it| it.events.len() >= begun + 20 + 17 * round);
        }
    }
    let store = open(state.to_str().unwrap(), Access::Write).await;
    let events = store.events(EventQuery::default()).await.unwrap();
    let kept: BTreeSet<Seq> = events.iter().map(|stored| stored.seq).collect();
    let told: BTreeSet<Seq> = promised.events.iter().copied().collect();
    assert_eq!(
        told.len(),
        promised.events.len(),
        "a place was promised twice"
    );
    let lost: Vec<_> = told.difference(&kept).collect();
    assert!(lost.is_empty(), "{} of {} lost", lost.len(), told.len());

    let table = store.overrides().borrow().clone();
    let newest = promised.revisions.iter().max().unwrap();
    assert!(table.revision >= *newest, "the revision went back");
    let unique: BTreeSet<_> = promised.revisions.iter().collect();
    assert_eq!(
        unique.len(),
        promised.revisions.len(),
        "a revision was promised twice"
    );
    let audit = store.audit(AuditQuery::default()).await.unwrap();
    let audited: BTreeSet<Revision> = audit.iter().map(|record| record.revision).collect();
    assert!(
        unique.iter().all(|revision| audited.contains(revision)),
        "a change without its audit record"
    );
    assert_eq!(audited.len(), audit.len());
    assert_eq!(audited.len() as u64, table.revision.0);
}

#[tokio::test]
async fn processes_race_for_changes_and_one_ends_what_expired() {
    let directory = tempfile::tempdir().unwrap();
    let state = directory.path().join("state");
    let store = open(state.to_str().unwrap(), Access::Write).await;
    let old = Clock::system().now() - Duration::from_hours(1);
    let expired = mode_key("batch-extraction");
    let request = change(
        &expired,
        Revision(0),
        FORCE,
        "ana",
        old,
        Some(Duration::from_mins(1)),
    );
    store.change(request).await.unwrap();
    let children: Vec<Child> = (0..4)
        .map(|_| process("win ten changes", &state).spawn().unwrap())
        .collect();
    let mut promised = Promised::default();
    for child in children {
        let output = child.wait_with_output().unwrap();
        assert!(output.status.success());
        for line in String::from_utf8(output.stdout).unwrap().lines() {
            promised.add(line);
        }
    }
    let unique: BTreeSet<_> = promised.revisions.iter().collect();
    assert_eq!(unique.len(), 40);
    assert_eq!(promised.ended.len(), 1, "ended exactly once");
    let audit = store.audit(AuditQuery::default()).await.unwrap();
    let sequences: Vec<u64> = audit.iter().map(|record| record.sequence).collect();
    assert_eq!(sequences, (1..=42).collect::<Vec<u64>>());
    assert!(audit.is_sorted_by(|a, b| a.revision < b.revision));
}

#[tokio::test]
async fn a_full_disk_is_reported_and_survived() {
    let directory = tempfile::tempdir().unwrap();
    let wanted = process("meet a full disk", &directory.path().join("state"));
    // The shell makes the signal that comes with the limit be ignored, also by the program it becomes.
    let mut command = Command::new("sh");
    command
        .args(["-c", "trap '' XFSZ; exec \"$@\"", "sh"])
        .arg(wanted.get_program())
        .args(wanted.get_args())
        .stdin(Stdio::null());
    for (name, value) in wanted.get_envs() {
        command.env(name, value.unwrap());
    }
    let output = command.output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    let complained = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}\n{complained}");
    assert!(said.contains("event "), "{said}");
}

/// Only meaningful for the superuser, who can become somebody else; others run the half that they can.
#[tokio::test]
async fn another_user_observes_when_let_in_and_never_writes() {
    use std::os::unix::{fs::PermissionsExt, process::CommandExt};

    let directory = tempfile::tempdir().unwrap();
    let state = directory.path().join("state");
    let store = open(state.to_str().unwrap(), Access::Write).await;
    assert_eq!(win(&store, "support-chat").await, Revision(1));
    let entry = Entry::Decision(Box::new(event(1, Clock::system().now())));
    let receipt = store.reserve().unwrap().append(entry);
    let seq = receipt.durable().await.unwrap();
    if !rustix::process::geteuid().is_root() {
        return;
    }
    let mode = |path: &Path, mode| {
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
    };
    mode(directory.path(), 0o755);
    let stranger = |task| {
        let mut command = process(task, &state);
        command.uid(65_534).gid(65_534).stderr(Stdio::null());
        command
    };
    let refused = stranger("look").output().unwrap();
    assert!(
        !refused.status.success(),
        "the directory is for its owner alone"
    );

    mode(&state, 0o755);
    for file in std::fs::read_dir(&state).unwrap() {
        mode(&file.unwrap().path(), 0o644);
    }
    let mut child = stranger("observe")
        .stderr(Stdio::inherit())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut next = |wanted: &str| {
        let found = lines.find_map(|line| {
            let line = line.unwrap();
            line.starts_with(wanted).then_some(line)
        });
        found.unwrap_or_else(|| panic!("no line `{wanted}`"))
    };
    assert_eq!(next("revision"), "revision 1");
    assert_eq!(next("event"), format!("event {}", seq.0));
    assert_eq!(
        next("presence"),
        "presence this process opened the store to observe; it may not write"
    );
    assert_eq!(win(&store, "support-chat").await, Revision(2));
    assert_eq!(next("revision"), "revision 2");
    assert!(child.wait().unwrap().success());

    // The last writer has gone, and its log files with what was not yet moved are still there.
    store.close().await.unwrap();
    let alone = stranger("look").output().unwrap();
    assert!(alone.status.success());
    let said = String::from_utf8(alone.stdout).unwrap();
    assert!(said.contains("revision 2"), "{said}");
}
