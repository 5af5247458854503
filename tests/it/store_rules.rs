//! Any sequence of changes, whoever makes them through whichever handle, gives the same answers, the same
//! table and the same audit in every backend.

use std::time::Duration;

use backstop::{
    model::{AuditRecord, Change, Mode, OverrideKey, Overrides, Revision},
    store::{AuditQuery, ChangeError},
};
use proptest::prelude::*;

use crate::store_pair::{Pair, Setup};
use crate::store_samples::{change, mode_key};

/// One step of a history.
#[derive(Clone, Copy, Debug)]
enum Step {
    /// A change of one of three keys; `stale` names a revision that is too old or too new.
    Change {
        second: bool,
        key: usize,
        value: Option<Change>,
        lasting: Option<u64>,
        stale: i64,
    },
    /// Time goes on, or back.
    Wait(i64),
    /// Somebody ends what has expired.
    End { second: bool },
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let value = prop_oneof![
        Just(None),
        Just(Some(Change::Mode(Mode::Force))),
        Just(Some(Change::Mode(Mode::Hold))),
        Just(Some(Change::Drain)),
    ];
    let lasting = prop_oneof![Just(None), (1_u64..40).prop_map(Some)];
    let stale = prop_oneof![4 => Just(0_i64), 1 => -2_i64..3];
    let change = (any::<bool>(), 0_usize..3, value, lasting, stale).prop_map(
        |(second, key, value, lasting, stale)| Step::Change {
            second,
            key,
            value,
            lasting,
            stale,
        },
    );
    let step = prop_oneof![
        5 => change,
        2 => (-5_i64..30).prop_map(Step::Wait),
        2 => any::<bool>().prop_map(|second| Step::End { second }),
    ];
    proptest::collection::vec(step, 1..40)
}

/// What a history leads to.
#[derive(Debug, PartialEq)]
struct Story {
    answers: Vec<Result<Vec<AuditRecord>, Revision>>,
    table: Overrides,
    audit: Vec<AuditRecord>,
}

async fn tell(setup: Setup, steps: &[Step]) -> Story {
    let pair = Pair::open(setup).await;
    let keys: [OverrideKey; 3] = [
        mode_key("a"),
        OverrideKey::notice("a".into()),
        OverrideKey::drain("b".into()),
    ];
    // What each key's last change was, as the answers told it.
    let mut known = [0_u64; 3];
    let mut answers = Vec::new();
    for step in steps {
        let now = pair.clock.now();
        match *step {
            Step::Wait(seconds) => pair
                .clock
                .set(now + jiff::SignedDuration::from_secs(seconds)),
            Step::End { second } => {
                let store = if second { &pair.second } else { &pair.first };
                let ended = store.end_expired().await.unwrap();
                for record in &ended {
                    let key = keys.iter().position(|key| *key == record.key).unwrap();
                    known[key] = record.revision.0;
                }
                answers.push(Ok(ended));
            }
            Step::Change {
                second,
                key,
                value,
                lasting,
                stale,
            } => {
                let store = if second { &pair.second } else { &pair.first };
                let expected = Revision(known[key].saturating_add_signed(stale));
                let lasting = lasting.map(Duration::from_secs);
                let request = change(&keys[key], expected, value, "ana", now, lasting);
                match store.change(request).await {
                    Ok(record) => {
                        assert_eq!(expected.0, known[key], "a stale change was accepted");
                        known[key] = record.revision.0;
                        answers.push(Ok(vec![record]));
                    }
                    Err(ChangeError::Conflict(conflict)) => {
                        assert_ne!(expected.0, known[key], "a good change was refused");
                        answers.push(Err(conflict.found.revision));
                    }
                    Err(error) => panic!("{error}"),
                }
            }
        }
    }
    let revision = answers
        .iter()
        .flatten()
        .flatten()
        .map(|record| record.revision)
        .max()
        .unwrap_or_default();
    let mut followed = pair.second.overrides();
    let table = followed
        .wait_for(|table| table.revision == revision)
        .await
        .unwrap()
        .as_ref()
        .clone();
    let audit = pair.first.audit(AuditQuery::default()).await.unwrap();
    Story {
        answers,
        table,
        audit,
    }
}

/// The rules that hold after any history.
fn check(story: &Story) {
    for (index, record) in story.audit.iter().enumerate() {
        assert_eq!(record.sequence, index as u64 + 1);
        assert_eq!(record.revision, Revision(index as u64 + 1));
    }
    assert_eq!(story.table.revision.0, story.audit.len() as u64);
    for (key, slot) in &story.table.slots {
        let of_key: Vec<_> = story.audit.iter().filter(|it| it.key == *key).collect();
        let last = of_key.last().unwrap();
        assert_eq!(slot.revision, last.revision);
        assert_eq!(slot.current.as_ref().map(|it| it.change), last.after);
        // Each record begins where the one before it ended: nothing goes missing in between.
        for two in of_key.windows(2) {
            assert_eq!(two[0].after, two[1].before, "{two:?}");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn every_backend_tells_the_same_story(steps in steps()) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let memory = Box::pin(tell(Setup::Memory, &steps)).await;
            check(&memory);
            let sqlite = Box::pin(tell(Setup::SqliteTwice, &steps)).await;
            assert_eq!(memory, sqlite);
        });
    }
}
