//! A log and its authors in memory, driven by the same decisions as the program, through every order of answers.

use std::{collections::BTreeMap, time::Duration};

use fastrand::Rng;
use proptest::prelude::*;

use super::*;
use crate::store::{
    fact::{Bases, Noted, Place},
    nats::link::{NotStored, Stored},
};

/// A log as the cluster keeps it: names of messages, in order.
#[derive(Default)]
struct Cluster {
    log: Vec<String>,
    /// On their way: they arrive at any time, or never.
    delayed: Vec<(u64, String)>,
}

impl Cluster {
    fn arrive(&mut self, after: u64, id: &str) -> Result<Stored, NotStored> {
        if let Some(place) = self.log.iter().position(|found| found == id) {
            return Ok(Stored {
                sequence: place as u64 + 1,
                duplicate: true,
            });
        }
        if self.log.len() as u64 != after {
            return Err(NotStored::Unexpected);
        }
        self.log.push(id.to_owned());
        Ok(Stored {
            sequence: after + 1,
            duplicate: false,
        })
    }

    fn publish(&mut self, after: u64, id: &str, chance: &mut Rng) -> Result<Stored, NotStored> {
        let silence = || NotStored::Unknown("no answer".to_owned());
        match chance.u8(0..12) {
            0 => Err(NotStored::Away),
            1 => Err(NotStored::Refused("no leader".to_owned())),
            // It is lost.
            2 => Err(silence()),
            // Its answer is lost.
            3 => {
                drop(self.arrive(after, id));
                Err(silence())
            }
            4 => {
                self.delayed.push((after, id.to_owned()));
                Err(silence())
            }
            5 => Err(NotStored::Never("no room".to_owned())),
            6 => Err(NotStored::Forbidden("backstop.state".to_owned())),
            _ => self.arrive(after, id),
        }
    }
}

/// Somebody who has one change to make.
struct Author {
    name: usize,
    write: Write,
    next: Next,
    /// How far its view is.
    applied: usize,
    /// Names under which it has published.
    drawn: u32,
    after: u64,
    end: Option<End>,
}

impl Author {
    fn id(&self) -> String {
        format!("{}-{}", self.name, self.drawn)
    }

    fn step(&mut self, cluster: &mut Cluster, now: &mut Duration, chance: &mut Rng) {
        if chance.bool() {
            self.applied = chance.usize(self.applied..=cluster.log.len());
        }
        self.next = match self.next.clone() {
            Next::WorkOut => {
                self.drawn += 1;
                self.after = self.applied as u64;
                self.write.worked_out(match chance.u8(0..8) {
                    0 => WorkedOut::Refused,
                    _ => WorkedOut::Fact { after: self.after },
                })
            }
            Next::Publish { after } => {
                assert_eq!(after, self.after);
                let answer = cluster.publish(after, &self.id(), chance);
                *now += Duration::from_millis(chance.u64(0..1_500));
                self.write.told(answer, *now)
            }
            Next::CatchUp => {
                let how = if chance.u8(0..4) == 0 {
                    *now += Duration::from_millis(1_500);
                    Err("no answer".to_owned())
                } else {
                    self.applied = cluster.log.len();
                    Ok(())
                };
                self.write.caught_up(how, *now)
            }
            Next::Look(sequence) => {
                let place = usize::try_from(sequence).unwrap();
                let seen = match cluster.log.get(place - 1) {
                    Some(_) if place > self.applied => Seen::Nobody,
                    Some(id) if *id == self.id() => Seen::Ours,
                    Some(_) => Seen::Others,
                    None => Seen::Nobody,
                };
                self.write.looked(seen, *now)
            }
            Next::Rest(duration) => {
                *now += duration;
                self.write.rested()
            }
            Next::End(end) => {
                self.end = Some(end.clone());
                Next::End(end)
            }
        };
    }
}

fn run(seed: u64, authors: usize) {
    let mut chance = Rng::with_seed(seed);
    let (mut cluster, mut now) = (Cluster::default(), Duration::ZERO);
    let mut all: Vec<Author> = (0..authors)
        .map(|name| {
            let (write, next) = Write::begin(now, chance.bool(), chance.u64(..));
            Author {
                name,
                write,
                next,
                applied: 0,
                drawn: 0,
                after: 0,
                end: None,
            }
        })
        .collect();
    for _ in 0..100_000 {
        let waiting: Vec<usize> = (0..authors)
            .filter(|name| all[*name].end.is_none())
            .collect();
        if waiting.is_empty() {
            break;
        }
        if !cluster.delayed.is_empty() && chance.u8(0..4) == 0 {
            let (after, id) = cluster
                .delayed
                .swap_remove(chance.usize(0..cluster.delayed.len()));
            drop(cluster.arrive(after, &id));
        }
        let author = &mut all[waiting[chance.usize(0..waiting.len())]];
        author.step(&mut cluster, &mut now, &mut chance);
    }
    // What was said has to stay true whatever still arrives.
    for (after, id) in std::mem::take(&mut cluster.delayed) {
        drop(cluster.arrive(after, &id));
    }
    for author in &all {
        let prefix = format!("{}-", author.name);
        let made: Vec<usize> = (0..cluster.log.len())
            .filter(|place| cluster.log[*place].starts_with(&prefix))
            .collect();
        assert!(
            made.len() <= 1,
            "seed {seed}: {} made twice: {made:?}",
            author.name
        );
        match author.end.as_ref().expect("it ends") {
            End::Stored(sequence) => {
                let place = usize::try_from(*sequence).unwrap() - 1;
                assert_eq!(made, [place], "seed {seed}: acknowledged and elsewhere");
                assert_eq!(cluster.log[place], author.id(), "seed {seed}");
            }
            End::Refused | End::Failed(_) | End::Forbidden(_) | End::Nothing => {
                assert_eq!(made, [0_usize; 0], "seed {seed}: refused and made");
            }
            End::Unknown(_) => {}
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn what_was_acknowledged_is_made_once_and_what_was_refused_never(
        seed in any::<u64>(),
        authors in 1_usize..6,
    ) {
        run(seed, authors);
    }

    #[test]
    fn a_view_is_a_beginning_of_the_log_whatever_order_it_is_told_in(
        seed in any::<u64>(),
        length in 1_u64..60,
    ) {
        let mut chance = Rng::with_seed(seed);
        let name = |sequence: u64| format!("fact {sequence}");
        let log = Log { lineage: "one".to_owned(), first: 1, last: length };
        let mut view: Vec<u64> = Vec::new();
        let mut reads = 0;
        while view.len() < usize::try_from(length).unwrap() {
            reads += 1;
            prop_assert!(reads < 10_000);
            let applied = view.len() as u64;
            let place = Place {
                lineage: Some("one".to_owned()),
                applied,
                // An old view may have forgotten the name.
                id: (applied > 0 && chance.bool()).then(|| name(applied)),
            };
            let (mut follow, begin) = Follow::begin(&place, &log);
            let Begin::From(from) = begin else {
                return Err(TestCaseError::fail(format!("{begin:?}")));
            };
            let mut sequence = from;
            while sequence <= length {
                match follow.arrived(sequence, &name(sequence)) {
                    Arrival::Apply => {
                        prop_assert_eq!(view.len() as u64 + 1, sequence);
                        view.push(sequence);
                    }
                    Arrival::Known => prop_assert!(sequence <= view.len() as u64),
                    Arrival::Gap(from) => {
                        prop_assert_eq!(from, view.len() as u64 + 1);
                        break;
                    }
                    other @ (Arrival::Adopt | Arrival::OtherPast) => {
                        return Err(TestCaseError::fail(format!("{other:?}")));
                    }
                }
                sequence = match chance.u8(0..10) {
                    // Again, or something before it.
                    0 => chance.u64(from..=sequence),
                    // Something is left out.
                    1 => sequence + chance.u64(2..4),
                    // The process ends.
                    2 => length + 1,
                    _ => sequence + 1,
                };
            }
        }
    }
}

#[test]
fn a_reading_begins_where_it_can() {
    let place = |lineage: Option<&str>, applied, id: Option<&str>| Place {
        lineage: lineage.map(str::to_owned),
        applied,
        id: id.map(str::to_owned),
    };
    let log = |first, last| Log {
        lineage: "one".to_owned(),
        first,
        last,
    };
    for (case, place, log, wanted) in [
        (
            "of nothing yet",
            place(None, 0, None),
            log(1, 4),
            Begin::Anew,
        ),
        (
            "another log",
            place(Some("two"), 4, Some("d")),
            log(1, 4),
            Begin::Anew,
        ),
        (
            "a fresh one",
            place(Some("one"), 0, None),
            log(1, 4),
            Begin::From(1),
        ),
        (
            "the last is compared",
            place(Some("one"), 3, Some("c")),
            log(1, 4),
            Begin::From(3),
        ),
        (
            "the last cannot be compared",
            place(Some("one"), 3, None),
            log(1, 4),
            Begin::From(4),
        ),
        (
            "the last is gone",
            place(Some("one"), 3, Some("c")),
            log(4, 4),
            Begin::From(4),
        ),
        (
            "an empty log",
            place(Some("one"), 0, None),
            log(1, 0),
            Begin::From(1),
        ),
    ] {
        assert_eq!(Follow::begin(&place, &log).1, wanted, "{case}");
    }
}

#[test]
fn a_view_behind_the_beginning_is_made_from_the_base_there() {
    let log = Log {
        lineage: "one".to_owned(),
        first: 5,
        last: 9,
    };
    for applied in [0, 3] {
        let place = Place {
            lineage: Some("one".to_owned()),
            applied,
            id: (applied > 0).then(|| "c".to_owned()),
        };
        let (mut follow, begin) = Follow::begin(&place, &log);
        assert_eq!(begin, Begin::Base(5));
        // The log was trimmed further meanwhile: what comes is not what was asked for.
        assert_eq!(follow.clone().arrived(7, "later"), Arrival::Gap(5));
        assert_eq!(follow.arrived(5, "base"), Arrival::Adopt);
    }
}

fn noted(sequence: u64, head: u64, at: i64, fits: bool) -> Noted {
    Noted {
        sequence,
        head,
        at: hour(at),
        fits,
    }
}

fn hour(hour: i64) -> jiff::Timestamp {
    jiff::Timestamp::from_second(3_600 * hour).unwrap()
}

#[test]
fn a_base_is_due_when_enough_has_happened_or_time_has_passed() {
    let log = |first, last| Log {
        lineage: "one".to_owned(),
        first,
        last,
    };
    let limits = Limits {
        facts: 100,
        age: Duration::from_hours(24),
    };
    let one = || vec![noted(50, 40, 10, true)];
    for (case, applied, bases, log, now, wanted) in [
        ("nothing was ever written", 0, vec![], log(1, 0), 99, false),
        ("a young log", 5, vec![], log(1, 5), 23, false),
        ("an old log", 5, vec![], log(1, 5), 24, true),
        ("a long log", 100, vec![], log(1, 100), 1, true),
        ("nothing since", 50, one(), log(1, 50), 99, false),
        ("little since, and young", 51, one(), log(1, 51), 33, false),
        ("little since, and old", 51, one(), log(1, 51), 34, true),
        ("much since", 150, one(), log(50, 150), 11, true),
        ("it begins with none", 60, one(), log(55, 60), 11, true),
        ("it was emptied", 60, one(), log(61, 60), 11, true),
        (
            "one does not fit",
            999,
            vec![noted(50, 40, 10, false)],
            log(1, 999),
            99,
            false,
        ),
        (
            "one that is gone did not fit",
            999,
            vec![noted(50, 40, 1, false), noted(60, 41, 2, true)],
            log(60, 999),
            99,
            true,
        ),
        ("the view is behind", 999, one(), log(50, 1_000), 99, false),
    ] {
        let bases = Bases {
            applied,
            forgotten: 0,
            noted: bases,
        };
        assert_eq!(
            due(&bases, &log, hour(0), hour(now), limits),
            wanted,
            "{case}"
        );
    }
}

#[test]
fn the_log_keeps_everything_that_a_new_host_needs() {
    let three = |middle| {
        vec![
            noted(10, 8, 1, true),
            noted(20, 15, 2, middle),
            noted(30, 22, 3, true),
        ]
    };
    for (case, forgotten, first, noted, wanted) in [
        ("none", 99, 1, vec![], None),
        ("nothing was forgotten", 0, 1, three(true), None),
        ("not as much as a base leaves out", 7, 1, three(true), None),
        ("just as much", 8, 1, three(true), Some(10)),
        ("the newest of them", 21, 1, three(true), Some(20)),
        ("all of them", 99, 1, three(true), Some(30)),
        ("that was done", 8, 10, three(true), None),
        ("one does not fit", 99, 1, three(false), None),
        (
            "one that does not fit is gone",
            99,
            25,
            three(false),
            Some(30),
        ),
        (
            "no records at all",
            0,
            1,
            vec![noted(5, 0, 1, true)],
            Some(5),
        ),
        ("it begins with none", 0, 12, three(true), Some(20)),
    ] {
        let bases = Bases {
            applied: 40,
            forgotten,
            noted,
        };
        let log = Log {
            lineage: "one".to_owned(),
            first,
            last: 40,
        };
        assert_eq!(trim(&bases, &log), wanted, "{case}");
    }
}

#[test]
fn a_log_with_another_past_is_noticed() {
    let place = Place {
        lineage: Some("one".to_owned()),
        applied: 3,
        id: Some("ours".to_owned()),
    };
    let log = Log {
        lineage: "one".to_owned(),
        first: 1,
        last: 4,
    };
    let (mut follow, _) = Follow::begin(&place, &log);
    assert_eq!(follow.arrived(3, "theirs"), Arrival::OtherPast);
    let (mut follow, _) = Follow::begin(&place, &log);
    assert_eq!(follow.arrived(3, "ours"), Arrival::Known);
    assert_eq!(follow.arrived(4, "next"), Arrival::Apply);
    assert_eq!(follow.arrived(3, "whatever came before"), Arrival::Known);
    assert_eq!(follow.arrived(6, "later"), Arrival::Gap(5));
}

const fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

fn answer(last: u64, others: &[Option<u64>]) -> Answer {
    Answer {
        lineage: "one".to_owned(),
        last,
        others: others
            .iter()
            .map(|ago| ago.map(Duration::from_millis))
            .collect(),
        followers: 1,
    }
}

/// A reading has begun, at a place.
fn contact(applied: u64) -> Contact {
    let mut contact = Contact::new();
    contact.begun("one", applied, Duration::ZERO);
    contact
}

#[test]
fn only_more_than_half_of_the_servers_prove_anything() {
    for (case, others, wanted) in [
        ("alone by design", &[][..], true),
        ("all three", &[Some(100), Some(200)][..], true),
        ("one of three is gone", &[None, Some(200)], true),
        (
            "one of three was not heard",
            &[Some(9_000), Some(200)],
            true,
        ),
        ("two of three are gone", &[None, None], false),
        (
            "two of three were not heard",
            &[Some(3_000), Some(9_000)],
            false,
        ),
        ("one of two is gone", &[None], false),
        (
            "two of five are gone",
            &[None, None, Some(1), Some(2)],
            true,
        ),
        (
            "three of five are gone",
            &[None, None, None, Some(2)],
            false,
        ),
    ] {
        let mut contact = contact(7);
        assert_eq!(
            contact.answered(seconds(10), &answer(7, others)),
            wanted,
            "{case}"
        );
        let current = contact.standing(seconds(10)) == Standing::Current;
        assert_eq!(current, wanted, "{case}");
    }
}

#[test]
fn a_proof_holds_five_seconds_from_when_the_others_were_heard() {
    let mut contact = contact(7);
    let asked = seconds(10);
    assert!(contact.answered(asked, &answer(7, &[Some(1_000), Some(2_500)])));
    assert_eq!(contact.proven(), Some(seconds(9)));
    contact.failed("no answer".to_owned());
    assert_eq!(
        contact.standing(Duration::from_millis(13_999)),
        Standing::Current
    );
    assert_eq!(
        contact.standing(seconds(14)),
        Standing::Apart {
            proven: Some(seconds(9)),
            cause: "no answer".to_owned()
        }
    );
    // An answer that proves less does not take that back.
    assert!(contact.answered(asked, &answer(7, &[Some(2_900), None])));
    assert_eq!(contact.proven(), Some(seconds(9)));
}

#[test]
fn an_answer_counts_once_the_view_is_there() {
    let mut contact = contact(5);
    assert!(contact.answered(seconds(10), &answer(6, &[])));
    assert!(contact.answered(seconds(12), &answer(8, &[])));
    let Standing::Apart {
        proven: None,
        cause,
    } = contact.standing(seconds(12))
    else {
        panic!("it was five of eight");
    };
    assert_eq!(cause, "this host has seen 5 of 8 changes");
    assert!(!contact.stalled(seconds(11)));
    assert!(
        contact.stalled(Duration::from_millis(11_001)),
        "nothing moves"
    );
    contact.applied(6, seconds(12));
    assert_eq!(contact.proven(), Some(seconds(10)));
    assert!(!contact.stalled(seconds(13)), "it moves");
    contact.applied(8, seconds(13));
    assert_eq!(contact.standing(seconds(16)), Standing::Current);
    assert!(!contact.stalled(seconds(99)));
    // What waited for a reading that is over counts no more.
    assert!(contact.answered(seconds(20), &answer(9, &[])));
    contact.begun("one", 0, seconds(20));
    contact.applied(9, seconds(21));
    assert_eq!(contact.proven(), Some(seconds(12)));
}

#[test]
fn only_the_log_that_is_read_proves_anything() {
    let mut contact = Contact::new();
    assert!(contact.answered(seconds(1), &answer(0, &[])));
    assert_eq!(contact.proven(), None, "nothing is read yet");
    contact.begun("one", 0, seconds(1));
    assert!(contact.answered(seconds(2), &answer(0, &[])));
    assert_eq!(contact.proven(), Some(seconds(2)));
    let other = Answer {
        lineage: "two".to_owned(),
        ..answer(0, &[])
    };
    assert!(contact.answered(seconds(3), &other));
    assert_eq!(contact.proven(), None, "another log is there");
    assert!(contact.stalled(seconds(3)), "it has to be read");
    contact.begun("two", 0, seconds(3));
    assert!(contact.answered(seconds(4), &other));
    assert_eq!(contact.proven(), Some(seconds(4)));
}

#[test]
fn who_asks_is_spread_and_many_ask_less_often() {
    let mut pauses = BTreeMap::new();
    for followers in [1, 400, 1_000] {
        let mut contact = contact(0);
        contact.answered(
            seconds(1),
            &Answer {
                followers,
                ..answer(0, &[])
            },
        );
        pauses.insert(followers, (contact.pause(0.0), contact.pause(1.0)));
    }
    let millis = |least, most| (Duration::from_millis(least), Duration::from_millis(most));
    assert_eq!(
        pauses,
        BTreeMap::from([
            (1, millis(1_500, 2_000)),
            (400, millis(1_500, 2_000)),
            (1_000, millis(3_750, 5_000)),
        ])
    );
}

/// A request that was worked out behind the fourth fact.
fn begin() -> Write {
    let (mut write, next) = Write::begin(Duration::ZERO, true, 7);
    assert_eq!(next, Next::WorkOut);
    let next = write.worked_out(WorkedOut::Fact { after: 4 });
    assert_eq!(next, Next::Publish { after: 4 });
    write
}

fn silence() -> Result<Stored, NotStored> {
    Err(NotStored::Unknown("no answer".to_owned()))
}

#[test]
fn what_the_cluster_would_say_again_is_told_at_once() {
    let at = Duration::from_millis;
    let never = || Err(NotStored::Never("no room".to_owned()));
    let forbidden = || Err(NotStored::Forbidden("backstop.state".to_owned()));
    assert_eq!(
        begin().told(never(), at(1)),
        Next::End(End::Failed("no room".to_owned()))
    );
    assert_eq!(
        begin().told(forbidden(), at(1)),
        Next::End(End::Forbidden("backstop.state".to_owned()))
    );
    // Unless an earlier message may be there.
    for refused in [never, forbidden] {
        let mut write = begin();
        assert!(matches!(write.told(silence(), at(1_500)), Next::Rest(_)));
        assert_eq!(write.rested(), Next::Publish { after: 4 });
        assert_eq!(write.told(refused(), at(1_600)), Next::CatchUp);
        assert_eq!(write.caught_up(Ok(()), at(1_601)), Next::Look(5));
        let mut there = begin();
        assert!(matches!(there.told(silence(), at(1_500)), Next::Rest(_)));
        assert_eq!(there.told(refused(), at(1_600)), Next::CatchUp);
        assert_eq!(there.caught_up(Ok(()), at(1_601)), Next::Look(5));
        assert_eq!(
            there.looked(Seen::Ours, at(1_602)),
            Next::End(End::Stored(5))
        );
        assert!(
            matches!(
                write.looked(Seen::Nobody, at(5_001)),
                Next::End(End::Unknown(_))
            ),
            "the first may come yet"
        );
    }
}

/// One request through answers that were chosen, with an hour of patience between none of them.
#[test]
fn each_answer_has_its_consequence() {
    let at = Duration::from_millis;
    let stored = |sequence| {
        Ok(Stored {
            sequence,
            duplicate: false,
        })
    };
    assert_eq!(begin().told(stored(5), at(1)), Next::End(End::Stored(5)));
    assert_eq!(
        begin().told(Err(NotStored::Away), at(1)),
        Next::End(End::Failed(NotStored::Away.to_string())),
        "nothing was sent"
    );
    // No answer: the same again, then it is looked up.
    let mut write = begin();
    assert!(matches!(write.told(silence(), at(1_500)), Next::Rest(_)));
    assert_eq!(write.rested(), Next::Publish { after: 4 });
    assert!(matches!(
        write.told(Err(NotStored::Away), at(1_600)),
        Next::Rest(_)
    ));
    assert_eq!(write.rested(), Next::Publish { after: 4 });
    assert_eq!(write.told(silence(), at(6_000)), Next::CatchUp);
    assert_eq!(write.caught_up(Ok(()), at(6_001)), Next::Look(5));
    let mut silent = begin();
    assert_eq!(silent.told(silence(), at(6_000)), Next::CatchUp);
    assert_eq!(
        silent.caught_up(Err("still none".to_owned()), at(8_000)),
        Next::End(End::Unknown("still none".to_owned()))
    );
    assert_eq!(
        write.looked(Seen::Ours, at(6_001)),
        Next::End(End::Stored(5))
    );
    // Another is there: worked out anew while there is time.
    let mut write = begin();
    assert_eq!(write.told(Err(NotStored::Unexpected), at(1)), Next::CatchUp);
    assert_eq!(write.caught_up(Ok(()), at(2)), Next::Look(5));
    assert!(matches!(write.looked(Seen::Others, at(2)), Next::Rest(_)));
    assert_eq!(write.rested(), Next::WorkOut);
    assert_eq!(
        write.worked_out(WorkedOut::Refused),
        Next::End(End::Refused),
        "the view was up to date a moment ago"
    );
    // Whoever says that something else was stored may be cut off from the others: nobody knows before it was looked up.
    let mut write = begin();
    assert_eq!(write.told(Err(NotStored::Unexpected), at(1)), Next::CatchUp);
    assert_eq!(
        write.caught_up(Err("still none".to_owned()), at(6_000)),
        Next::End(End::Unknown("still none".to_owned()))
    );
    // Nothing is there: what was before it was lost with its leader. The same message again decides it.
    let mut write = begin();
    assert_eq!(write.told(Err(NotStored::Unexpected), at(1)), Next::CatchUp);
    assert_eq!(write.caught_up(Ok(()), at(2)), Next::Look(5));
    assert!(matches!(write.looked(Seen::Nobody, at(2)), Next::Rest(_)));
    assert_eq!(write.rested(), Next::Publish { after: 4 });
    // A view may be behind: it is asked before somebody is refused.
    let (mut write, _) = Write::begin(at(0), true, 7);
    assert_eq!(write.worked_out(WorkedOut::Refused), Next::CatchUp);
    assert_eq!(write.caught_up(Ok(()), at(1)), Next::WorkOut);
    assert_eq!(
        write.worked_out(WorkedOut::Refused),
        Next::End(End::Refused)
    );
    // Nothing to do needs nobody.
    let (mut write, _) = Write::begin(at(0), true, 7);
    assert_eq!(
        write.worked_out(WorkedOut::Nothing),
        Next::End(End::Nothing)
    );
    // Who is apart asks first, sends nothing, and is told at once.
    let (mut write, _) = Write::begin(at(0), false, 7);
    let out = WorkedOut::Fact { after: 4 };
    assert_eq!(write.worked_out(out), Next::CatchUp);
    let silent = Err("no answer".to_owned());
    assert_eq!(
        write.caught_up(silent, at(1)),
        Next::End(End::Failed("no answer".to_owned()))
    );
    let (mut write, _) = Write::begin(at(0), false, 7);
    assert_eq!(write.worked_out(out), Next::CatchUp);
    assert_eq!(write.caught_up(Ok(()), at(1)), Next::WorkOut);
    assert_eq!(write.worked_out(out), Next::Publish { after: 4 });
}
