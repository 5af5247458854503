//! The event log as JSON lines: out of one store, into another, and nothing is lost, doubled or invented.

use std::{
    fs,
    io::Write as _,
    path::Path,
    process::{Command, Stdio},
    time::Duration,
};

use backstop::{
    clock::Clock,
    model::{Entry, Event, Seq, StoredEvent},
    store::{Access, EventQuery, Store},
};

use crate::{
    cli_project::{Run, command, run},
    control_project::Project,
    store_pair::{Pair, Setup},
    store_samples::{event, outcome, start},
};

/// Events with and without an outcome, one with a text that a terminal would obey.
async fn fill(store: &Store, numbers: std::ops::Range<u64>) {
    let mut last = None;
    for number in numbers {
        let at = start() + Duration::from_millis(137 * number);
        let mut decided = event(number, at);
        if number.is_multiple_of(7) {
            decided.remark = Some("\u{1b}]52;c;eA==\u{7}\n\u{202e}".to_owned());
        }
        let decided = Entry::Decision(Box::new(decided));
        last = Some(store.reserve().unwrap().append(decided));
        if !number.is_multiple_of(3) {
            let ended = Entry::Outcome(outcome(number, at + Duration::from_secs(1)));
            last = Some(store.reserve().unwrap().append(ended));
        }
    }
    last.unwrap().durable().await.unwrap();
}

async fn open(project: &Project) -> Store {
    let url = project.catalog().store;
    Store::open(&url, Access::Write, Clock::system())
        .await
        .unwrap()
}

/// All of it, but for the places.
async fn content(store: &Store) -> Vec<StoredEvent> {
    let events = store.events(EventQuery::default()).await.unwrap();
    let there = events.into_iter().map(|stored| StoredEvent {
        seq: Seq(0),
        ..stored
    });
    there.collect()
}

fn fed(project: &Project, line: &str, input: &[u8]) -> Run {
    let mut command: Command = command(project, line.split(' '));
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    // It may have heard enough before the end.
    let _ = stdin.write_all(input);
    drop(stdin);
    Run::of(child.wait_with_output().unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_exported_is_imported_and_nothing_is_lost() {
    let (from, to) = (Project::new(), Project::new());
    let store = open(&from).await;
    fill(&store, 0..3_000).await;
    let wanted = content(&store).await;
    let exported = run(&from, "events --export jsonl").exits(0);
    assert_eq!(
        (exported.out.lines().count(), exported.err.as_str()),
        (5_000, "")
    );
    assert!(
        exported
            .out
            .bytes()
            .all(|byte| byte == b'\n' || byte >= b' ')
    );

    // The other store has events of its own, and gets one more while it imports.
    let other = open(&to).await;
    fill(&other, 10_000..10_010).await;
    let own = content(&other).await;
    let file = to.path().join("events.jsonl");
    fs::write(&file, &exported.out).unwrap();
    let done = run(&to, &format!("events --import {}", file.display())).exits(0);
    assert_eq!(
        done.out,
        "3000 decisions and 2000 outcomes were added; 0 were there already\n"
    );
    let both: Vec<StoredEvent> = own.iter().chain(&wanted).cloned().collect();
    assert_eq!(content(&other).await, both);

    // Once more, from a pipe: all of it is there already.
    let again = fed(&to, "events --import - --json", exported.out.as_bytes()).exits(0);
    let wanted = serde_json::json!({"decisions": 0, "outcomes": 0, "known": 5_000});
    assert_eq!(again.json(), wanted);
    assert_eq!(content(&other).await, both);

    // An export that stopped goes on behind the last line that was written.
    let lines: Vec<&str> = exported.out.lines().collect();
    let seen: serde_json::Value = serde_json::from_str(lines[2_345]).unwrap();
    let rest = run(
        &from,
        &format!("events --export jsonl --after {}", seen["seq"]),
    )
    .exits(0);
    assert_eq!(rest.out.lines().collect::<Vec<_>>(), lines[2_346..]);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_import_that_breaks_off_is_run_again() {
    let (from, to) = (Project::new(), Project::new());
    let store = open(&from).await;
    fill(&store, 0..2_000).await;
    let exported = run(&from, "events --export jsonl").exits(0).out;
    for (case, damaged, words) in [
        ("cut off", exported.trim_end().to_owned(), "cut off"),
        (
            "no entry",
            exported.replacen("\"decision\"", "\"decided\"", 1),
            "line 1: ",
        ),
    ] {
        let broken = fed(&to, "events --import -", damaged.as_bytes()).exits(2);
        assert!(broken.err.contains(words), "{case}: {}", broken.err);
    }
    fed(&to, "events --import -", exported.as_bytes()).exits(0);
    assert_eq!(content(&open(&to).await).await, content(&store).await);
    // Who may only look imports nothing.
    fed(&to, "--observe events --import -", exported.as_bytes()).exits(3);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_import_that_is_killed_is_run_again() {
    let (from, to) = (Project::new(), Project::new());
    let store = open(&from).await;
    fill(&store, 0..4_000).await;
    let exported = from.path().join("events.jsonl");
    fs::write(&exported, run(&from, "events --export jsonl").exits(0).out).unwrap();
    let line = format!("events --import {}", exported.display());
    let there =
        |path: &Path| fs::metadata(path.join("state/events.db-wal")).map_or(0, |it| it.len());
    let before = there(to.path());
    let mut child = command(&to, line.split(' '))
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    // In the middle, as far as that can be said.
    while child.try_wait().unwrap().is_none() && there(to.path()) <= before + 300_000 {
        std::thread::sleep(Duration::from_millis(1));
    }
    let _ = child.kill();
    child.wait().unwrap();
    let other = open(&to).await;
    let part = content(&other).await.len();
    run(&to, &line).exits(0);
    assert_eq!(content(&other).await, content(&store).await, "{part} first");
}

/// Both backends pass over the same.
#[tokio::test(flavor = "multi_thread")]
async fn every_backend_passes_over_what_is_there() {
    for setup in [Setup::Memory, Setup::SqliteOnce, Setup::SqliteTwice] {
        let pair = Pair::open(setup).await;
        let decision = |number| Entry::Decision(Box::new(Event::clone(&event(number, start()))));
        let ended = |number| Entry::Outcome(outcome(number, start()));
        let place = pair.first.reserve().unwrap();
        place.append(decision(1)).durable().await.unwrap();
        let import = pair.second.import().unwrap();
        for (case, entries, wanted) in [
            ("new", vec![decision(2), ended(2)], (1, 1, 0)),
            ("there", vec![decision(1), decision(2), ended(2)], (0, 0, 3)),
            ("its end alone", vec![ended(1), ended(1)], (0, 1, 1)),
            (
                "twice",
                vec![decision(3), decision(3), ended(3), ended(3)],
                (1, 1, 2),
            ),
            ("an end without a beginning", vec![ended(9)], (0, 1, 0)),
            ("nothing", vec![], (0, 0, 0)),
        ] {
            let added = import.add(entries).await.unwrap();
            let found = (added.decisions, added.outcomes, added.known);
            assert_eq!(found, wanted, "{setup:?}, {case}");
        }
        let place = pair.first.reserve().unwrap();
        place.append(decision(4)).durable().await.unwrap();
        let added = import.add(vec![decision(4)]).await.unwrap();
        assert_eq!(added.known, 1, "{setup:?}: what came meanwhile");
        let events = pair.first.events(EventQuery::default()).await.unwrap();
        let ends = events.iter().filter(|stored| stored.outcome.is_some());
        assert_eq!((events.len(), ends.count()), (4, 3), "{setup:?}");
    }
}
