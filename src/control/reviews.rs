//! Reviews through the door: read, and recorded.
//!
//! Who judged, when, and how the verdicts add up is written here; what was compared is stated by whoever
//! compared, as it was at the start. It must not judge what a review means: `review` does.

use std::{collections::BTreeSet, sync::Arc};

use tokio::sync::watch;

use super::{Control, ControlError, Mode};
use crate::{
    model::{
        Answer, Basis, Judgement, Review, ReviewHead, ReviewId, ReviewMode, Reviewed,
        ReviewedSample, Tally, WorkloadName, visible,
    },
    review,
    store::ReviewQuery,
};

/// The most bytes of all answers of a review together; more is cut, the longest answers first.
const OUTPUTS: usize = 8 << 20;
/// The longest note that is kept, in characters.
const NOTE: usize = 2000;

/// A review as whoever compared and judged hands it in.
#[derive(Clone, Debug, PartialEq)]
pub struct NewReview {
    /// Whose fallback.
    pub workload: WorkloadName,
    /// What was compared, as it was when the comparison began ([`Basis::now`]).
    pub basis: Basis,
    /// How it was judged.
    pub mode: ReviewMode,
    /// From it the sides were shuffled.
    pub seed: u64,
    /// Every sample that was compared, judged or not.
    pub samples: Vec<ReviewedSample>,
    /// What the reviewer says of the whole.
    pub note: String,
}

impl Control {
    /// The newest reviews of each workload and what is owed, followed.
    #[must_use]
    pub fn reviewed(&self) -> watch::Receiver<Arc<Reviewed>> {
        self.inner.store.reviewed()
    }

    /// Reviews without their outputs, newest first.
    pub async fn reviews(&self, query: ReviewQuery) -> Result<Vec<ReviewHead>, ControlError> {
        Ok(self.inner.store.reviews(query).await?)
    }

    /// A review with its outputs, unless their retention is over ([`Review::stripped`]).
    pub async fn review(&self, id: ReviewId) -> Result<Review, ControlError> {
        let found = self.inner.store.review(id.clone()).await?;
        found.ok_or(ControlError::NoReview(id))
    }

    /// Keeps a review; what was owed for its workload is paid when it is complete and of what is configured.
    /// Answers that are too long are cut and say so ([`Answer::clipped`]). A review of something that is not
    /// configured any more is kept, and counts for nothing.
    pub async fn record_review(&self, new: NewReview) -> Result<ReviewHead, ControlError> {
        if self.mode() == Mode::Observe {
            return Err(ControlError::Observe);
        }
        self.in_touch()?;
        fits(&new)?;
        let now = self.inner.clock.now();
        let catalog = self.inner.catalog();
        let mut samples = new.samples;
        for sample in &mut samples {
            sample.note = visible(sample.note.trim(), NOTE).into_owned();
        }
        clip(&mut samples);
        let head = ReviewHead {
            id: ReviewId::new(now, fastrand::u128(..)),
            workload: new.workload,
            at: now,
            actor: self.actor().clone(),
            mode: new.mode,
            tally: Tally::of(&samples),
            vetoed: samples
                .iter()
                .filter(|sample| sample.judgement.is_some_and(Judgement::vetoes))
                .map(|sample| sample.sample.clone())
                .collect(),
            basis: new.basis,
            note: visible(new.note.trim(), NOTE).into_owned(),
        };
        let settles = catalog
            .workloads
            .get(&head.workload)
            .is_some_and(|workload| {
                let complete = workload.review.is_complete(&head.tally);
                complete
                    && Basis::now(&catalog, workload)
                        .is_some_and(|now| review::changes(&head.basis, &now).is_empty())
            });
        let review = Review {
            head: head.clone(),
            seed: new.seed,
            samples,
            stripped: false,
        };
        self.inner.store.put_review(review, settles).await?;
        Ok(head)
    }
}

/// Whether the samples are those of the basis, each once, and at least one of them is judged.
fn fits(new: &NewReview) -> Result<(), ControlError> {
    let bad = |why: String| Err(ControlError::BadReview { why });
    let mut seen = BTreeSet::new();
    for sample in &new.samples {
        let compared = |known: &crate::model::ComparedSample| known.sample == sample.sample;
        if !new.basis.samples.iter().any(compared) {
            return bad(format!("{} was not among what was compared", sample.sample));
        }
        if !seen.insert(&sample.sample) {
            return bad(format!("{} is in it twice", sample.sample));
        }
    }
    if !new.samples.iter().any(|sample| sample.judgement.is_some()) {
        return bad("no sample is judged; judge at least one".to_owned());
    }
    Ok(())
}

/// Cuts answers that are longer than an answer may be, then the longest until all of them fit.
fn clip(samples: &mut [ReviewedSample]) {
    let mut limit = Answer::TEXT_LIMIT;
    loop {
        for sample in &mut *samples {
            for answer in [&mut sample.primary, &mut sample.fallback] {
                cut(answer, limit);
            }
        }
        let total: usize = samples
            .iter()
            .flat_map(|sample| [&sample.primary, &sample.fallback])
            .map(|answer| {
                let tools = answer.tools.iter().map(|tool| tool.arguments.len());
                answer.text.len() + tools.sum::<usize>()
            })
            .sum();
        if total <= OUTPUTS || limit == 0 {
            return;
        }
        limit /= 2;
    }
}

fn cut(answer: &mut Answer, limit: usize) {
    // The text is here once.
    answer.result.output = String::new();
    let tools = answer.tools.iter_mut();
    let arguments = tools.map(|tool| (&mut tool.arguments, limit.min(Answer::ARGUMENTS_LIMIT)));
    let refusal = answer.refusal.iter_mut().map(|text| (text, limit));
    let mut clipped = false;
    for (text, limit) in arguments
        .chain(refusal)
        .chain(std::iter::once((&mut answer.text, limit)))
    {
        if let Some((end, _)) = text.char_indices().nth(limit) {
            text.truncate(end);
            clipped = true;
        }
    }
    answer.clipped |= clipped;
}
