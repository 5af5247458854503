//! News from the door, as messages: what waits is merged, so that a burst costs one update and one frame.

use tokio::sync::mpsc::Receiver;

use crate::control::News;

/// Takes `first` and what else waits; the newest of each state, and all entries and records in their order.
pub(super) fn gather(first: News, feed: &mut Receiver<News>) -> Vec<News> {
    let mut gathered = vec![first];
    while let Ok(next) = feed.try_recv() {
        merge(&mut gathered, next);
    }
    gathered
}

/// Adds news to those of the same kind.
fn merge(gathered: &mut Vec<News>, next: News) {
    let kind = std::mem::discriminant(&next);
    let Some(place) = gathered
        .iter()
        .position(|news| std::mem::discriminant(news) == kind)
    else {
        gathered.push(next);
        return;
    };
    match (&mut gathered[place], next) {
        (News::Entries(entries), News::Entries(more)) => entries.extend(more),
        (News::Audit(records), News::Audit(more)) => records.extend(more),
        (older, newest) => {
            // Where it stood: what came after may rest on it, and it only got newer.
            *older = newest;
        }
    }
}

#[cfg(test)]
mod tests {
    use tokio::sync::mpsc::channel;

    use super::gather;
    use crate::{
        control::News,
        model::{Entry, Outcome, OutcomeKind, Seq},
        store::Health,
    };

    fn entries(seqs: &[u64]) -> News {
        News::Entries(
            seqs.iter()
                .map(|seq| {
                    let outcome = Outcome {
                        event: ulid::Ulid::from(u128::from(*seq))
                            .to_string()
                            .parse()
                            .unwrap(),
                        at: jiff::Timestamp::UNIX_EPOCH,
                        kind: OutcomeKind::Completed,
                        status: 200,
                        class: None,
                        notice: None,
                        first_output: None,
                        total: std::time::Duration::ZERO,
                    };
                    (Seq(*seq), Entry::Outcome(outcome))
                })
                .collect(),
        )
    }

    #[tokio::test]
    async fn what_waits_is_merged_and_nothing_is_lost() {
        let (send, mut feed) = channel(8);
        for news in [
            News::Health(Health::Good),
            entries(&[2]),
            News::Refused(Some("line 3".to_owned())),
            News::Health(Health::Failing("disk full".to_owned())),
            entries(&[3, 4]),
            News::Refused(None),
        ] {
            send.send(news).await.unwrap();
        }
        let gathered = gather(entries(&[1]), &mut feed);
        let kinds: Vec<String> = gathered
            .iter()
            .map(|news| match news {
                News::Entries(entries) => {
                    let seqs: Vec<_> = entries.iter().map(|(seq, _)| seq.0).collect();
                    format!("entries {seqs:?}")
                }
                News::Health(health) => format!("{health:?}"),
                News::Refused(refused) => format!("refused {refused:?}"),
                other => format!("{other:?}"),
            })
            .collect();
        assert_eq!(
            kinds,
            [
                "entries [1, 2, 3, 4]",
                "Failing(\"disk full\")",
                "refused None"
            ]
        );
    }
}
