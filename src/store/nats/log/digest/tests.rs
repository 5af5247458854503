//! Digests as they are told, read and put in order; and a storm over real servers.

use proptest::prelude::*;

use super::{
    super::{Log, follow::identity, tests::decision},
    *,
};
use crate::{
    clock::Clock,
    model::{EventId, StorePlace},
    store::{
        Access,
        nats::{layout::Stream, link::Link, support::cluster::Cluster},
    },
};

fn letter(number: u64, entries: u64) -> Letter {
    let mut letter = Letter::new(number, "a");
    for entry in 0..entries {
        let entry = decision(number * 100 + entry, "a");
        let mut line = serde_json::to_vec(&entry).unwrap();
        line.push(b'\n');
        letter.push(&entry, &line);
    }
    letter
}

fn read(text: Vec<u8>) -> Digest {
    let (payload, coding) = pack::fold(text);
    let coding = coding.map(|(_, coding)| coding);
    Digest::read("w", &payload, coding.as_deref()).unwrap()
}

#[test]
fn a_storm_is_told_and_its_end_and_nothing_of_quiet_times() {
    let begin = Clock::instant();
    let mut gathered = Gathered::default();
    assert_eq!(gathered.due(), None);
    gathered.add(1, &letter(1, 1), begin);
    assert_eq!(gathered.take(begin), None, "not yet");
    assert_eq!(gathered.take(begin + EVERY), None, "not worth it");
    assert_eq!(gathered.due(), None);
    let begin = begin + EVERY;
    for sequence in 2..=21 {
        gathered.add(sequence, &letter(sequence, 2), begin);
    }
    let digest = read(gathered.take(begin + EVERY).unwrap());
    assert!(digest.more);
    let sequences: Vec<u64> = digest
        .messages
        .iter()
        .map(|(sequence, _)| *sequence)
        .collect();
    assert_eq!(sequences, (2..=21).collect::<Vec<_>>());
    let (_, entries) = &digest.messages[3];
    assert_eq!(entries[0], (pack::place(5, 0), decision(500, "a")));
    assert_eq!(entries[1], (pack::place(5, 1), decision(501, "a")));
    // Its end is told, also when nothing more has come.
    let digest = read(gathered.take(begin + EVERY * 2).unwrap());
    assert_eq!((digest.more, digest.messages.len()), (false, 0));
    assert_eq!(gathered.take(begin + EVERY * 3), None);
}

#[test]
fn much_at_once_is_told_sooner() {
    let begin = Clock::instant();
    let mut gathered = Gathered::default();
    let small = letter(1, 1);
    let mut sequence = 0;
    while gathered.take(begin).is_none() {
        sequence += 1;
        assert!(sequence < 10_000);
        gathered.add(sequence, &small, begin);
    }
    assert!(sequence >= WORTH as u64);
    // What is well packed as it is, is not told again.
    let (large, mut gathered) = (letter(1, 1_000), Gathered::default());
    for sequence in 1..=100 {
        gathered.add(sequence, &large, begin);
        assert_eq!(gathered.take(begin), None);
    }
}

#[test]
fn what_is_no_digest_is_refused() {
    for text in [&b""[..], b"{}", b"more\nx y\n", b"more\n1 2\n{}"] {
        assert!(Digest::read("w", text, None).is_err(), "{text:?}");
    }
    assert!(Digest::read("w", b"more\n", Some("br")).is_err());
}

proptest! {
    /// Whoever tells what, whatever is lost: what is taken stands in the order of the log, all of it once.
    #[test]
    fn everything_is_taken_in_order(
        told in prop::collection::vec((0_usize..3, any::<bool>()), 1..80),
        lost in prop::collection::vec(any::<bool>(), 80),
    ) {
        let mut now = Clock::instant();
        // Who wrote which message; the last one writes without telling.
        let mut storm = Storm::new(0);
        let mut gathered: Vec<Vec<(u64, Entries)>> = vec![Vec::new(); 2];
        let mut taken = Vec::new();
        let entries = |sequence: u64| vec![(pack::place(sequence, 0), decision(sequence, "a"))];
        for (sequence, ((writer, tells), lost)) in (1_u64..).zip(told.iter().zip(&lost)) {
            if let Some(gathered) = gathered.get_mut(*writer) {
                gathered.push((sequence, entries(sequence)));
                if *tells {
                    let messages = std::mem::take(gathered);
                    if !lost {
                        storm.take(Digest { writer: writer.to_string(), more: true, messages }, now);
                    }
                }
            }
            now += PATIENCE / 3;
            loop {
                while let Some(next) = storm.next(now) {
                    taken.push(message(&next));
                }
                let Some((from, to)) = storm.missing(now) else { break };
                prop_assert!(from <= to && to < sequence + 1);
                taken.extend(from..=to);
                storm.taken(to);
            }
        }
        let all: Vec<u64> = (1..).take(taken.len()).collect();
        prop_assert_eq!(taken, all);
    }
}

fn message(entries: &Entries) -> u64 {
    pack::message_of(entries[0].0)
}

#[test]
fn a_storm_is_over_when_nobody_tells_any_more() {
    let begin = Clock::instant();
    let digest = |writer: &str, more, sequences: &[u64]| Digest {
        writer: writer.to_owned(),
        more,
        messages: sequences.iter().map(|at| (*at, Vec::new())).collect(),
    };
    let mut storm = Storm::new(4);
    storm.take(digest("a", true, &[4, 5, 7]), begin);
    storm.take(digest("b", true, &[]), begin);
    assert!(storm.next(begin).is_some() && storm.next(begin).is_none());
    assert_eq!(storm.missing(begin), None, "the other one may tell it");
    assert_eq!(storm.missing(begin + PATIENCE), Some((6, 6)));
    storm.taken(6);
    assert!(storm.next(begin).is_some());
    assert!(!storm.over());
    storm.take(digest("a", false, &[]), begin);
    assert!(!storm.over());
    // One that has died said nothing.
    assert_eq!(storm.missing(begin + SILENT), None);
    assert!(storm.over());
}

async fn connected(cluster: &Cluster) -> Link {
    let place = StorePlace::from(cluster.url().as_str());
    let link = Link::open(&place, Clock::system()).await.unwrap();
    assert!(link.wait_connected(Duration::from_secs(20)).await);
    link
}

/// Takes the next page of the log; whether there was one.
async fn take(log: &Log, found: &mut Vec<(Seq, (EventId, bool))>) -> bool {
    let seen = found.last().map_or(Seq(0), |(seq, _)| *seq);
    let page = log.tail(seen, 500).await.unwrap();
    let some = !page.is_empty();
    found.extend(page.into_iter().map(|(seq, entry)| (seq, identity(&entry))));
    some
}

/// Two writers in a storm, one who follows: it has everything there is, in the order of the log, and has read fewer
/// messages than there are.
#[tokio::test(flavor = "multi_thread")]
async fn whoever_follows_a_storm_has_all_of_it_in_order() {
    /// As many messages of one flush.
    const TOGETHER: u64 = 30;
    let cluster = Cluster::start(1).await;
    let directory = tempfile::tempdir().unwrap();
    let link = connected(&cluster).await;
    for stream in [Stream::Events, Stream::Pulse] {
        let config = link.layout().config(stream, 1);
        link.context().create_stream(config).await.unwrap();
    }
    let start = async |link: &Link, name: &str, access| {
        let log = Log::start(link.clone(), access, directory.path().join(name));
        log.await.unwrap()
    };
    let one = start(&link, "one", Access::Write).await;
    let two = start(&link, "two", Access::Write).await;
    let reader = connected(&cluster).await;
    let follower = start(&reader, "three", Access::Observe).await;
    let mut newest = follower.newest();
    let last = async |stream: &str| {
        let stream = link.context().get_stream(stream).await.unwrap();
        stream.cached_info().state.last_sequence
    };
    let (mut number, mut told, mut found) = (0, 0, Vec::new());
    while told < 20 {
        for log in [&one, &two] {
            let receipts: Vec<_> = (0..TOGETHER)
                .map(|of| {
                    number += 1;
                    let entry = decision(number, &format!("w{of}"));
                    log.reserve().unwrap().append(entry)
                })
                .collect();
            for receipt in receipts {
                receipt.durable().await.unwrap();
            }
        }
        told = last("backstop-pulse").await;
        // As a console does: until there is no more.
        while take(&follower, &mut found).await {}
    }
    while found.len() < usize::try_from(number).unwrap() {
        if !take(&follower, &mut found).await {
            newest.changed().await.unwrap();
        }
    }
    assert!(found.windows(2).all(|pair| pair[0].0 < pair[1].0));
    let mut all: Vec<_> = found.iter().map(|(_, entry)| *entry).collect();
    all.sort_unstable();
    let wanted: Vec<_> = (1..=number)
        .map(|number| identity(&decision(number, "w")))
        .collect();
    assert_eq!(all, wanted);
    let read = &reader.client().statistics().in_messages;
    let (read, there) = (
        read.load(std::sync::atomic::Ordering::Relaxed),
        last("backstop-events").await,
    );
    assert!(read < there, "{read} read of {there}");
    for log in [one, two, follower] {
        log.close().await.unwrap();
    }
}
