//! A past review, read again: which of a workload's reviews, and what it holds.

use super::super::effect::Effect;
use crate::{
    control::Sheet,
    model::{Review, ReviewHead, ReviewId, WorkloadName},
};

/// The text that lies over the reviews screen.
#[derive(Debug)]
pub struct Past {
    /// Whose reviews.
    pub workload: WorkloadName,
    /// Its reviews as they were when this was opened, newest first; never empty.
    pub heads: Vec<ReviewHead>,
    /// The place of the one that is read.
    pub at: usize,
    /// Its outputs.
    pub outputs: Outputs,
    /// The first line that is shown.
    pub scroll: usize,
}

/// What is known of a review's outputs.
#[derive(Debug)]
pub enum Outputs {
    /// They are being read.
    Reading,
    /// They are here.
    Read(Box<Review>),
    /// They could not be read; in words.
    Failed(String),
}

impl Past {
    /// The newest of a workload's reviews. `None`: there is none.
    #[must_use]
    pub fn new(workload: WorkloadName, heads: Vec<ReviewHead>) -> Option<Self> {
        (!heads.is_empty()).then_some(Self {
            workload,
            heads,
            at: 0,
            outputs: Outputs::Reading,
            scroll: 0,
        })
    }

    /// The one that is read.
    #[must_use]
    pub fn head(&self) -> Option<&ReviewHead> {
        self.heads.get(self.at)
    }

    /// Moves to a newer (-1) or an older one (1). Answers which must be read then.
    pub fn step(&mut self, rows: isize) -> Option<ReviewId> {
        let at = self.at.checked_add_signed(rows)?;
        let id = self.heads.get(at)?.id.clone();
        self.at = at;
        self.outputs = Outputs::Reading;
        self.scroll = 0;
        Some(id)
    }

    /// Takes in what was read; what is not looked at any more is passed over.
    pub fn take(&mut self, id: &ReviewId, outputs: Outputs) {
        if self.head().is_some_and(|head| head.id == *id) {
            self.outputs = outputs;
        }
    }

    /// Saves it: as Markdown for people and as JSON for programs.
    #[must_use]
    pub fn saved(&self) -> Option<Effect> {
        let Outputs::Read(review) = &self.outputs else {
            return None;
        };
        let sheet = Sheet::of_review(review.as_ref().clone());
        Some(Effect::Save {
            name: format!("review-{}", review.head.id.0.to_ascii_lowercase()),
            text: sheet.markdown(),
            extension: "md",
            json: serde_json::to_string_pretty(&sheet).ok()?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::{Outputs, Past};
    use crate::model::{Actor, Basis, ComparedRoute, ReviewHead, ReviewId, ReviewMode, Tally};

    fn head(id: &str) -> ReviewHead {
        let route = ComparedRoute {
            route: "premium".into(),
            base_url: "http://127.0.0.1:1".to_owned(),
            model: "m".to_owned(),
        };
        ReviewHead {
            id: ReviewId(id.to_owned()),
            workload: "chat".into(),
            at: jiff::Timestamp::UNIX_EPOCH,
            actor: Actor {
                user: "jo".to_owned(),
                declared: None,
                host: "ops".to_owned(),
                from: None,
                via: "console".to_owned(),
            },
            mode: ReviewMode::Blind,
            basis: Basis {
                primary: route.clone(),
                fallback: route,
                samples: Vec::new(),
            },
            tally: Tally::default(),
            vetoed: Vec::new(),
            note: String::new(),
        }
    }

    #[test]
    fn it_walks_through_the_reviews_and_stops_at_the_ends() {
        assert!(Past::new("chat".into(), Vec::new()).is_none());
        let mut past = Past::new("chat".into(), vec![head("new"), head("old")]).expect("two");
        assert_eq!(past.step(-1), None);
        assert_eq!(past.step(1), Some(ReviewId("old".to_owned())));
        assert_eq!(past.step(1), None);
        past.take(
            &ReviewId("new".to_owned()),
            Outputs::Failed("late".to_owned()),
        );
        assert!(
            matches!(past.outputs, Outputs::Reading),
            "it is of another one"
        );
        past.take(
            &ReviewId("old".to_owned()),
            Outputs::Failed("gone".to_owned()),
        );
        assert!(matches!(past.outputs, Outputs::Failed(_)));
        assert!(past.saved().is_none());
    }
}
