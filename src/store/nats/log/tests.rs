//! Messages and the spool; and what of a spool the cluster has after it has forgotten ids.

use std::{fmt::Write as _, fs, path::Path, time::Duration};

use jiff::Timestamp;
use proptest::prelude::*;

use super::{
    Log,
    follow::identity,
    pack::{self, CODING_HEADER, ENTRIES, Letter, Packer, Parcel, Summary},
    send::{self, Sender},
    spool::Spool,
};
use crate::{
    clock::Clock,
    model::{
        Entry, ErrorClass, Event, EventDecision, EventId, Family, NoticeGiven, Outcome,
        OutcomeKind, Reason, Revision, Seq, StorePlace,
    },
    store::{
        Access,
        nats::{
            layout::Stream,
            link::Link,
            support::cluster::{Cluster, until},
        },
        queue::Job,
    },
};

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_second(1_800_000_000 + seconds).unwrap()
}

fn id(number: u64) -> EventId {
    EventId::new(at(0), number.into())
}

pub(super) fn decision(number: u64, workload: &str) -> Entry {
    Entry::Decision(Box::new(Event {
        id: id(number),
        at: at(i64::try_from(number).unwrap()),
        gateway: "gw".into(),
        workload: workload.into(),
        client: None,
        family: Family::OpenaiChat,
        primary: "p".into(),
        fallback: None,
        decision: EventDecision::Fallback,
        reason: Reason::Trigger,
        class: [None, Some(ErrorClass::Timeout)][usize::from(number.is_multiple_of(2))],
        detail: None,
        status: None,
        attempts: Vec::new(),
        notice: NoticeGiven::None,
        stream: false,
        revision: Revision(0),
        fingerprint: String::new(),
        remark: Some("a \"remark\"\nof two lines".to_owned()),
        method: None,
    }))
}

fn outcome(number: u64) -> Entry {
    Entry::Outcome(Outcome {
        event: id(number),
        at: at(i64::try_from(number).unwrap() + 1),
        kind: OutcomeKind::Completed,
        status: 200,
        class: None,
        notice: None,
        first_output: None,
        total: std::time::Duration::from_millis(1),
    })
}

fn jobs(entries: &[Entry]) -> Vec<Job> {
    let job = |entry: &Entry| Job {
        entry: entry.clone(),
        answer: None,
    };
    entries.iter().map(job).collect()
}

fn packed(packer: &mut Packer, entries: &[Entry]) -> Vec<Vec<Letter>> {
    let (waves, refused) = packer.pack(jobs(entries));
    assert_eq!(refused, 0);
    let letters = |wave: Vec<Parcel>| wave.into_iter().map(|parcel| parcel.letter).collect();
    waves.into_iter().map(letters).collect()
}

fn opened(letter: &Letter) -> Vec<Entry> {
    let (headers, payload) = letter.seal();
    let coding = headers.iter().find(|(name, _)| *name == CODING_HEADER);
    let entries = pack::unpack(&payload, coding.map(|(_, value)| value.as_str())).unwrap();
    let indexes: Vec<usize> = entries.iter().map(|(index, _)| *index).collect();
    assert!(indexes.into_iter().eq(0..letter.summary.entries));
    entries.into_iter().map(|(_, entry)| entry).collect()
}

proptest! {
    /// Whatever is packed comes out again, each workload's in its order, no two messages of a workload in one wave,
    /// and the headers say what is inside.
    #[test]
    fn what_is_packed_comes_out_in_order(
        which in proptest::collection::vec((0_usize..40, any::<bool>()), 0..400),
        flush in 1_usize..200,
    ) {
        let mut entries = Vec::new();
        for (number, (workload, ended)) in (0_u64..).zip(&which) {
            entries.push(decision(number, &format!("workload {workload}")));
            if *ended {
                entries.push(outcome(number));
            }
        }
        let (mut packer, mut found, mut last) = (Packer::default(), Vec::new(), 0);
        for some in entries.chunks(flush) {
            let mut lanes_before: Vec<Entry> = Vec::new();
            for wave in packed(&mut packer, some) {
                let mut lanes: Vec<&str> = wave.iter().map(|letter| letter.lane.as_str()).collect();
                lanes.sort_unstable();
                prop_assert!(lanes.windows(2).all(|pair| pair[0] != pair[1]));
                for letter in &wave {
                    prop_assert!(letter.number > last || wave.len() > 1 || last == 0);
                    last = last.max(letter.number);
                    let inside = opened(letter);
                    let decisions = inside.iter().filter(|it| matches!(it, Entry::Decision(_)));
                    let count = u64::try_from(decisions.count()).unwrap();
                    prop_assert_eq!(letter.summary.decisions, count);
                    prop_assert_eq!(letter.summary.tally.values().sum::<u64>(), count);
                    let (numbers, tally) = letter.summary.texts();
                    prop_assert_eq!(Summary::read(&numbers, &tally), Some(letter.summary.clone()));
                    lanes_before.extend(inside);
                }
            }
            found.extend(lanes_before);
        }
        prop_assert_eq!(found.len(), entries.len());
        let of = |all: &[Entry], number: u64| -> Vec<Entry> {
            let mine = all.iter().filter(|entry| match entry {
                Entry::Decision(event) => event.id == id(number),
                Entry::Outcome(outcome) => outcome.event == id(number),
            });
            mine.cloned().collect()
        };
        for number in 0..u64::try_from(which.len()).unwrap() {
            prop_assert_eq!(of(&found, number), of(&entries, number));
        }
    }
}

#[test]
fn a_flood_of_one_workload_is_split() {
    let entries: Vec<Entry> = (0..10_000).map(|number| decision(number, "a")).collect();
    let waves = packed(&mut Packer::default(), &entries);
    let mut found = Vec::new();
    for wave in &waves {
        assert_eq!(wave.len(), 1);
        assert!(wave[0].summary.entries <= ENTRIES);
        let (_, payload) = wave[0].seal();
        assert!(payload.len() < 256 * 1024, "{}", payload.len());
        found.extend(opened(&wave[0]));
    }
    assert!(found == entries);
}

#[test]
fn a_lone_event_becomes_small() {
    let letter = packed(&mut Packer::default(), &[decision(1, "support-chat")]).remove(0);
    let (_, payload) = letter[0].seal();
    assert!(
        payload.len() * 5 < letter[0].text.len() * 2,
        "{}",
        payload.len()
    );
    assert_eq!(opened(&letter[0]), [decision(1, "support-chat")]);
}

/// What was compressed with another one could not be read any more.
#[test]
fn the_dictionary_is_what_it_was() {
    let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, pack::DICTIONARY);
    let hex = digest.as_ref().iter().fold(String::new(), |mut hex, byte| {
        let _ = write!(hex, "{byte:02x}");
        hex
    });
    let known = "4fdd6644f5f768677045e1c73acdad33832905ce0d2e1ab5c3ebd05baa479b11";
    assert_eq!(
        hex, known,
        "a new dictionary needs a new name in the header"
    );
}

#[test]
fn what_is_no_message_of_ours_is_refused() {
    for (case, payload, coding) in [
        ("no zstd", &b"{}"[..], Some("zstd-1")),
        ("an unknown coding", b"{}", Some("br")),
    ] {
        assert!(pack::unpack(payload, coding).is_err(), "{case}");
    }
    let (_, payload) = packed(&mut Packer::default(), &many(100))[0][0].seal();
    assert!(pack::unpack(&payload[..payload.len() / 2], Some("zstd-1")).is_err());
    for numbers in ["", "1", "1 2 3", "a b c d"] {
        assert_eq!(Summary::read(numbers, ""), None, "{numbers}");
    }
    // A line that only a newer version can read takes its place and is left out.
    let line = serde_json::to_string(&decision(1, "a")).unwrap();
    let text = format!("{{\"new\":1}}\n{line}\n");
    let found = pack::unpack(text.as_bytes(), None).unwrap();
    assert_eq!(found, [(1, decision(1, "a"))]);
}

fn many(count: u64) -> Vec<Entry> {
    (0..count).map(|number| decision(number, "a")).collect()
}

fn keep(spool: &mut Spool, letters: &[Letter]) {
    let letters: Vec<&Letter> = letters.iter().collect();
    assert!(spool.keep(&letters, 0).unwrap());
}

/// Sends everything that a spool holds to nobody.
fn drained(spool: &mut Spool) -> Vec<Vec<Letter>> {
    let mut all = Vec::new();
    while !spool.is_empty() {
        let letters = spool.next(7).unwrap();
        assert!(!letters.is_empty());
        let numbers: Vec<u64> = letters.iter().map(|letter| letter.number).collect();
        spool.forget(&numbers, 0).unwrap();
        all.push(letters);
    }
    all
}

fn files(directory: &Path) -> usize {
    fs::read_dir(directory).unwrap().count()
}

#[test]
fn a_spool_gives_back_what_it_was_given_in_order() {
    let directory = tempfile::tempdir().unwrap();
    let mut packer = Packer::default();
    let mut spool = Spool::new(directory.path(), "fleet-events", "w1");
    assert_eq!(files(directory.path()), 0);
    let mut expected = Vec::new();
    for number in 0..50 {
        let entries = [decision(2 * number, "a"), decision(2 * number + 1, "b")];
        for wave in packed(&mut packer, &entries) {
            keep(&mut spool, &wave);
        }
        expected.extend(entries);
    }
    assert_eq!(spool.held().entries, 100);
    assert_eq!(spool.held().oldest, Some(at(0).as_microsecond()));
    // What was never sent goes together: one message of each workload.
    let waves = drained(&mut spool);
    assert_eq!(waves.len(), 1);
    let lanes: Vec<&str> = waves[0].iter().map(|letter| letter.lane.as_str()).collect();
    assert_eq!(lanes, ["a", "b"]);
    for (letter, parity) in waves[0].iter().zip([0, 1]) {
        let of: Vec<Entry> = expected.iter().skip(parity).step_by(2).cloned().collect();
        assert_eq!(opened(letter), of);
    }
    spool.remove();
    assert_eq!(files(directory.path()), 0);
}

#[test]
fn what_was_sent_goes_again_as_it_was() {
    let directory = tempfile::tempdir().unwrap();
    let mut packer = Packer::default();
    let mut spool = Spool::new(directory.path(), "fleet-events", "w1");
    let mut first = packed(&mut packer, &[decision(1, "a")]).remove(0);
    first[0].sent = Some(5);
    keep(&mut spool, &first);
    for number in 2..5 {
        keep(
            &mut spool,
            &packed(&mut packer, &[decision(number, "a")])[0],
        );
    }
    // The one in doubt alone, and again the same.
    assert_eq!(spool.next(6).unwrap(), first);
    assert_eq!(spool.next(7).unwrap(), first);
    spool.forget(&[first[0].number], 99).unwrap();
    assert_eq!(spool.known().unwrap(), 99);
    // Then the others together; once sent, always the same together, whatever comes later.
    let together = spool.next(8).unwrap();
    assert_eq!(together.len(), 1);
    assert_eq!(together[0].sent, None);
    assert_eq!(opened(&together[0]).len(), 3);
    keep(&mut spool, &packed(&mut packer, &[decision(9, "a")])[0]);
    let again = spool.next(9).unwrap();
    assert_eq!(again[0].sent, Some(8));
    assert_eq!(
        (again[0].number, &again[0].text),
        (together[0].number, &together[0].text)
    );
    spool.forget(&[again[0].number], 0).unwrap();
    assert_eq!(opened(&spool.next(10).unwrap()[0]), [decision(9, "a")]);
}

#[test]
fn a_spool_is_taken_over_once_its_owner_is_gone() {
    let directory = tempfile::tempdir().unwrap();
    let mut packer = Packer::default();
    let mut spool = Spool::new(directory.path(), "fleet-events", "w1");
    keep(&mut spool, &packed(&mut packer, &many(3))[0]);
    let adopted = || Spool::adopt(directory.path(), "fleet-events");
    assert!(adopted().is_empty(), "its owner lives");
    // As a process that is killed leaves it: nothing is closed in order, only the lock goes.
    let crashed = tempfile::tempdir().unwrap();
    for file in fs::read_dir(directory.path()).unwrap() {
        let file = file.unwrap();
        fs::copy(file.path(), crashed.path().join(file.file_name())).unwrap();
    }
    assert!(Spool::adopt(crashed.path(), "another-events").is_empty());
    let mut heirs = Spool::adopt(crashed.path(), "fleet-events");
    assert_eq!(heirs.len(), 1);
    assert!(
        Spool::adopt(crashed.path(), "fleet-events").is_empty(),
        "only one has it"
    );
    let mut heir = heirs.remove(0);
    assert_eq!((heir.writer.as_str(), heir.held().entries), ("w1", 3));
    assert_eq!(opened(&drained(&mut heir)[0][0]), many(3));
    heir.remove();
    assert_eq!(files(crashed.path()), 0);
}

#[test]
fn a_spool_that_cannot_be_written_says_so_and_recovers() {
    let directory = tempfile::tempdir().unwrap();
    let blocked = directory.path().join("view");
    fs::write(&blocked, "a file where the directory should be").unwrap();
    let mut spool = Spool::new(&blocked, "fleet-events", "w1");
    let letters = packed(&mut Packer::default(), &many(1)).remove(0);
    assert!(spool.keep(&[&letters[0]], 0).is_err());
    assert!(spool.is_empty());
    fs::remove_file(&blocked).unwrap();
    keep(&mut spool, &letters);
    assert_eq!(spool.held().entries, 1);
}

#[test]
fn a_full_spool_keeps_the_oldest() {
    let directory = tempfile::tempdir().unwrap();
    let mut packer = Packer::default();
    let mut spool = Spool::new(directory.path(), "fleet-events", "w1").bounded(8 * 1024);
    let mut kept = 0;
    loop {
        let letters = packed(&mut packer, &[decision(kept, "a")]).remove(0);
        if !spool.keep(&[&letters[0]], 0).unwrap() {
            break;
        }
        kept += 1;
    }
    assert!(kept > 4);
    assert!(spool.held().bytes <= 8 * 1024);
    assert_eq!(opened(&drained(&mut spool)[0][0]), many(kept));
    // Then there is room again.
    keep(&mut spool, &packed(&mut packer, &many(1))[0]);
}

/// Some of what a writer has sent was stored, some was not, and nobody was told. Long after, when the cluster knows
/// none of the ids any more, only what is missing is stored.
#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_stored_twice_when_the_cluster_has_forgotten_its_id() {
    let cluster = Cluster::start(1).await;
    let directory = tempfile::tempdir().unwrap();
    let place = StorePlace::from(cluster.url().as_str());
    let link = Link::open(&place, Clock::system()).await.unwrap();
    assert!(link.wait_connected(Duration::from_secs(20)).await);
    let mut config = link.layout().config(Stream::Events, 1);
    config.duplicate_window = Duration::from_millis(100);
    link.context().create_stream(config).await.unwrap();
    let log = Log::start(link.clone(), Access::Write, directory.path().to_owned());
    let log = log.await.unwrap();
    let mut packer = Packer::default();
    let mut letters: Vec<Letter> = (1..6)
        .flat_map(|number| packed(&mut packer, &[decision(number, "a")]).remove(0))
        .collect();
    for letter in &mut letters {
        letter.sent = Some(5);
    }
    for stored in [1, 3] {
        let outgoing = send::outgoing(&link, "w1", letters[stored..=stored].iter());
        assert!(send::send_all(&link, outgoing).await[0].is_ok());
    }
    // What is sent under an id that it knows is not stored.
    let other = async || {
        let outgoing = send::outgoing(&link, "another", letters[..1].iter());
        send::send_all(&link, outgoing).await.remove(0).unwrap()
    };
    assert!(!other().await.duplicate);
    until("the cluster has forgotten", async || {
        !other().await.duplicate
    })
    .await;
    let mut spool = Spool::new(directory.path(), "backstop-events", "w1");
    keep(&mut spool, &letters);
    let sender = Sender {
        link: link.clone(),
        runtime: tokio::runtime::Handle::current(),
    };
    tokio::task::spawn_blocking(move || {
        while !spool.is_empty() {
            let (letters, known) = (spool.next(sender.now()).unwrap(), spool.known().unwrap());
            let delivered = sender.deliver("w1", letters, known).recv().unwrap();
            assert!(delivered.failed.is_none());
            spool.forget(&delivered.stored, delivered.newest).unwrap();
        }
    })
    .await
    .unwrap();
    let all = log.tail(Seq(0), 100).await.unwrap();
    let mut found: Vec<EventId> = all.iter().map(|(_, entry)| identity(entry).0).collect();
    found.sort_unstable();
    assert_eq!(found, (1..6).map(id).collect::<Vec<_>>());
    let stream = link.context().get_stream("backstop-events").await.unwrap();
    let twice = 2;
    assert_eq!(stream.cached_info().state.messages, 5 + twice);
    log.close().await.unwrap();
}
