//! Two answers put beside each other: worked out off the loop, because long ones take a while.

use std::sync::Arc;

use super::{
    Comparing,
    case::{Case, Side},
};
use crate::{
    model::{Answer, PayloadClass, SampleId, WorkloadName},
    review::{self, Comparison},
};

/// Which answers, and how they are shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Of {
    /// Whose routes.
    pub workload: WorkloadName,
    /// Which sample.
    pub sample: SampleId,
    /// The request and the run.
    pub run: (u64, usize),
    /// Names that would tell the routes apart are masked.
    pub hidden: bool,
}

/// What is to be worked out.
#[derive(Clone, Debug, PartialEq)]
pub struct Weighing {
    /// Of what.
    pub of: Of,
    /// What kind of payload it is.
    pub class: PayloadClass,
    /// The answer on side A.
    pub a: Arc<Answer>,
    /// The answer on side B.
    pub b: Arc<Answer>,
    /// What is masked.
    pub names: Vec<String>,
}

/// What was worked out.
#[derive(Clone, Debug)]
pub struct Weighed {
    /// Of what.
    pub of: Of,
    /// The answers as they are shown, A first.
    pub answers: [Arc<Answer>; 2],
    /// What they have in common and what not.
    pub comparison: Comparison,
}

impl Weighing {
    /// Works it out.
    #[must_use]
    pub fn weigh(self) -> Weighed {
        let shown = |answer: Arc<Answer>| {
            if self.of.hidden {
                Arc::new(review::mask_answer(&answer, &self.names).0)
            } else {
                answer
            }
        };
        let (a, b) = (shown(Arc::clone(&self.a)), shown(Arc::clone(&self.b)));
        let comparison = review::compare(self.class, &a, &b);
        Weighed {
            of: self.of,
            answers: [a, b],
            comparison,
        }
    }
}

impl Weighed {
    /// The answer of a side as it is shown.
    #[must_use]
    pub const fn answer(&self, side: Side) -> &Arc<Answer> {
        let [a, b] = &self.answers;
        match side {
            Side::A => a,
            Side::B => b,
        }
    }
}

impl Comparing {
    /// What is to be worked out next: for the sample on screen before the others, of which the list tells whether
    /// they differ. `None`: nothing, or it is being worked out.
    pub fn weigh(&mut self) -> Option<Weighing> {
        let others = 0..self.cases.len();
        std::iter::once(self.selected)
            .chain(others)
            .find_map(|place| self.weigh_at(place))
    }

    fn weigh_at(&mut self, place: usize) -> Option<Weighing> {
        let hidden = self.hides(self.cases.get(place)?);
        let names = self.names.clone();
        let workload = self.workload.clone();
        let case = self.cases.get_mut(place)?;
        let run = case.run().filter(|run| run.over())?;
        let of = Of {
            workload,
            sample: case.sample.id.clone(),
            run: (run.request, run.number),
            hidden,
        };
        let (a, b) = (case.place(Side::A), case.place(Side::B));
        let (a, b) = (run.at(a).answer()?, run.at(b).answer()?);
        let known = case.weighed.as_ref().is_some_and(|known| known.of == of);
        if known || case.weighing.as_ref() == Some(&of) {
            return None;
        }
        let weighing = Weighing {
            of: of.clone(),
            class: case.sample.class,
            a: Arc::clone(a),
            b: Arc::clone(b),
            names,
        };
        case.weighing = Some(of);
        Some(weighing)
    }

    /// Takes in what was worked out. Answers whether it is still wanted.
    pub fn take_weighed(&mut self, weighed: Weighed) -> bool {
        let case = self
            .cases
            .iter_mut()
            .find(|case| case.weighing.as_ref() == Some(&weighed.of));
        let Some(case) = case else { return false };
        case.weighing = None;
        case.weighed = Some(weighed);
        true
    }

    /// The comparison of a sample as it is shown now; `None`: it is not there yet.
    #[must_use]
    pub fn weighed<'c>(&self, case: &'c Case) -> Option<&'c Weighed> {
        let run = case.run()?;
        let hidden = self.hides(case);
        case.weighed
            .as_ref()
            .filter(|known| known.of.run == (run.request, run.number) && known.of.hidden == hidden)
    }
}
