//! A comparison: both routes of a workload, asked with its samples; what came back; and what was said of it.
//!
//! Changed by `update::comparing`, drawn by `view::comparing`. It outlives its screen: a review that is half done
//! is found again when the operator comes back. What is kept of answers is bounded, and safe to print when it gets
//! here.

pub mod case;
pub mod flow;
pub mod live;
pub mod look;
pub mod over;
mod rows;
pub mod run;
pub mod sheet;
pub mod weighed;

use jiff::{SignedDuration, Timestamp};

use case::{Case, Side};
use live::Told;
use look::{Look, View};
use sheet::Laid;

use crate::{
    model::{
        Actor, Basis, Catalog, Judgement, PayloadClass, Place, ReviewHead, ReviewId, ReviewMode,
        ReviewedSample, SampleId, Tally, WorkloadName,
    },
    probe::Seat,
    review::{self, Scores},
};

/// Answers without a verdict are worth no return to them after this.
const OLD: SignedDuration = SignedDuration::from_mins(5);

/// Whether the reviewer knows which route is which.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// Yes: names, times and costs are shown, and both answers as they come.
    Open,
    /// No: sides are shuffled, and nothing that would tell is shown before the verdict.
    Blind,
}

/// What a reviewer says of two answers, in terms of sides.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Said {
    /// This one is better.
    Better(Side),
    /// They are equally good.
    Same,
    /// Neither can be used.
    BothBad,
    /// This one must never reach a user.
    Unsafe(Side),
    /// Neither must.
    BothUnsafe,
}

/// How far a review is on its way into the store.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Saving {
    /// Nobody asked for it.
    #[default]
    Not,
    /// It was sent off, with this number.
    Asked(u64),
    /// The store has it; nothing was changed since.
    Done(ReviewId),
}

/// The comparison of one workload.
#[derive(Debug)]
pub struct Comparing {
    /// Whose routes.
    pub workload: WorkloadName,
    /// What is compared, as it was when this began.
    pub basis: Basis,
    /// The names by which its routes could be told.
    pub names: Vec<String>,
    /// Whether it is blind.
    pub mode: Mode,
    /// From it the sides were shuffled.
    pub seed: u64,
    /// When it began.
    pub began: Timestamp,
    /// A verdict was given while the workload was failing.
    pub incident: bool,
    /// Its samples, in the order of the configuration.
    pub cases: Vec<Case>,
    /// The place of the sample that is shown.
    pub selected: usize,
    /// How it is looked at.
    pub look: Look,
    /// What the reviewer says of the whole.
    pub note: String,
    /// How far the review is on its way into the store.
    pub saving: Saving,
    /// What the answers measure up to, once that was worked out for the result.
    pub scores: Option<Scores>,
    /// The answers in lines.
    pub laid: Option<Laid>,
}

impl Comparing {
    /// A comparison of which nothing has been asked. `None`: the workload is not known, has no fallback or no
    /// samples.
    #[must_use]
    pub fn new(
        catalog: &Catalog,
        workload: &WorkloadName,
        mode: Mode,
        seed: u64,
        now: Timestamp,
    ) -> Option<Self> {
        let known = catalog.workloads.get(workload)?;
        let cases: Vec<Case> = known
            .samples
            .iter()
            .map(|sample| {
                let side_a = match mode {
                    Mode::Open => Place::Primary,
                    Mode::Blind => review::side_a(seed, &sample.id),
                };
                Case::new(sample.clone(), side_a)
            })
            .collect();
        if cases.is_empty() {
            return None;
        }
        Some(Self {
            workload: workload.clone(),
            basis: basis(catalog, workload)?,
            names: review::names_of(&catalog.routes_of(known).collect::<Vec<_>>()),
            mode,
            seed,
            began: now,
            incident: false,
            cases,
            selected: 0,
            look: Look::default(),
            note: String::new(),
            saving: Saving::Not,
            scores: None,
            laid: None,
        })
    }

    /// The sample that is shown.
    #[must_use]
    pub fn case(&self) -> Option<&Case> {
        self.cases.get(self.selected)
    }

    /// The same, to change it.
    pub fn case_mut(&mut self) -> Option<&mut Case> {
        self.cases.get_mut(self.selected)
    }

    /// Whether what would tell the routes apart is hidden for a sample.
    #[must_use]
    pub fn hides(&self, case: &Case) -> bool {
        match self.mode {
            Mode::Open => false,
            // What was edited is no part of the review.
            Mode::Blind => !case.revealed && case.edited.is_none(),
        }
    }

    /// Whether the answers to a sample are held back until both are there.
    #[must_use]
    pub fn buffers(&self, case: &Case) -> bool {
        self.hides(case) && case.running()
    }

    /// The view that is shown, in so many columns.
    #[must_use]
    pub fn view(&self, width: u16) -> View {
        let class = self.case().map_or(PayloadClass::Chat, |it| it.sample.class);
        let usual = View::usual(class, width < sheet::SPLIT);
        self.look.view.unwrap_or(usual)
    }

    /// To another sample. Answers whether there is one.
    pub fn select(&mut self, place: usize) -> bool {
        let before = self.case().map(|case| case.sample.class);
        if place == self.selected || place >= self.cases.len() {
            return false;
        }
        self.selected = place;
        self.look.anew();
        if self.case().map(|case| case.sample.class) != before {
            self.look.view = None;
            self.look.words = None;
        }
        true
    }

    /// To the next sample that has no verdict and can have one, round the end.
    pub fn next_unjudged(&mut self) -> bool {
        let count = self.cases.len();
        let next = (1..count)
            .map(|step| (self.selected + step) % count)
            .find(|place| {
                let case = self.cases.get(*place);
                case.is_some_and(|case| case.judgement.is_none() && case.edited.is_none())
            });
        next.is_some_and(|place| self.select(place))
    }

    /// Whether a request is of this comparison.
    #[must_use]
    pub fn asked(&self, request: u64) -> bool {
        let mut runs = self.cases.iter().flat_map(|case| &case.runs);
        runs.any(|run| run.request == request)
    }

    /// Takes in what was told of an answer. Answers whether it belongs here.
    pub fn take(&mut self, request: u64, seat: &Seat, told: Told, now: Timestamp) -> bool {
        self.cases
            .iter_mut()
            .find(|case| case.sample.id == seat.sample)
            .is_some_and(|case| case.take(request, seat.run, seat.place, told, now))
    }

    /// The requests of which something is still to come.
    #[must_use]
    pub fn running(&self) -> Vec<u64> {
        let mut requests: Vec<u64> = self
            .cases
            .iter()
            .flat_map(|case| &case.runs)
            .filter(|run| !run.over())
            .map(|run| run.request)
            .collect();
        requests.sort_unstable();
        requests.dedup();
        requests
    }

    /// Nothing more is waited for.
    pub fn stop(&mut self) {
        for request in self.running() {
            for case in &mut self.cases {
                case.stop(request);
            }
        }
    }

    /// Why the sample that is shown cannot be judged now; `None`: it can.
    #[must_use]
    pub fn unjudgeable(&self) -> Option<&'static str> {
        let Some(case) = self.case() else {
            return Some("there is no sample");
        };
        if case.edited.is_some() {
            return Some(
                "an edited payload is no sample: its answers are not part of a review. <key:reset-payload> in the editor resets it",
            );
        }
        if case.running() {
            return Some("not both answers are there yet");
        }
        if !case.complete() {
            return Some("there are not two answers to judge; <key:rerun> asks again");
        }
        if case.revealed {
            return Some(
                "it was judged blind and its names are shown: the verdict stands. r asks again",
            );
        }
        None
    }

    /// Takes a verdict on the sample that is shown. Answers whether it could be taken.
    pub fn judge(&mut self, said: Said, incident: bool) -> bool {
        if self.unjudgeable().is_some() {
            return false;
        }
        let Some(case) = self.case_mut() else {
            return false;
        };
        case.judgement = Some(judgement(said, case.side_a));
        self.incident |= incident;
        self.saving = Saving::Not;
        true
    }

    /// Shows the names of every sample that was judged: their verdicts stand from now on.
    pub fn reveal(&mut self) {
        if self.mode == Mode::Blind {
            for case in &mut self.cases {
                case.revealed |= case.judgement.is_some();
            }
        }
    }

    /// Not blind any more: everything is shown.
    pub fn open(&mut self) {
        self.mode = Mode::Open;
        for case in &mut self.cases {
            case.revealed = false;
        }
    }

    /// Whether verdicts or notes would be lost.
    #[must_use]
    pub fn unsaved(&self) -> bool {
        let said = |case: &Case| case.judgement.is_some() || !case.note.is_empty();
        !matches!(self.saving, Saving::Done(_))
            && (self.cases.iter().any(said) || !self.note.is_empty())
    }

    /// Whether nothing would be lost if it began anew: no verdicts, nothing edited, nothing on its way, and answers
    /// that are old by now.
    #[must_use]
    pub fn stale(&self, now: Timestamp) -> bool {
        let heard = self
            .cases
            .iter()
            .flat_map(|case| &case.runs)
            .flat_map(|run| [run.primary.heard, run.fallback.heard])
            .flatten()
            .max();
        !self.unsaved()
            && self.running().is_empty()
            && self.cases.iter().all(|case| case.edited.is_none())
            && heard.is_none_or(|heard| now.duration_since(heard) > OLD)
    }

    /// Whether something that it is bound to is not what it was any more.
    #[must_use]
    pub fn outdated(&self, catalog: Option<&Catalog>) -> bool {
        self.basis_now(catalog)
            .is_none_or(|now| !review::changes(&self.basis, &now).is_empty())
    }

    /// What would be compared now.
    #[must_use]
    pub fn basis_now(&self, catalog: Option<&Catalog>) -> Option<Basis> {
        basis(catalog?, &self.workload)
    }

    /// What the store would have of it, for the gate to judge before it is saved.
    #[must_use]
    pub fn head(&self, actor: &Actor, now: Timestamp) -> ReviewHead {
        let vetoes = |case: &&Case| case.judgement.is_some_and(Judgement::vetoes);
        ReviewHead {
            id: ReviewId("this".to_owned()),
            workload: self.workload.clone(),
            at: now,
            actor: actor.clone(),
            mode: self.recorded_as(),
            basis: self.basis.clone(),
            tally: self.tally(),
            vetoed: self
                .cases
                .iter()
                .filter(vetoes)
                .map(|case| case.sample.id.clone())
                .collect(),
            note: String::new(),
        }
    }

    /// The review as it stands: every sample of which both answers are there and that was sent as it is.
    #[must_use]
    pub fn reviewed(&self) -> Vec<ReviewedSample> {
        self.cases
            .iter()
            .filter(|case| case.edited.is_none())
            .filter_map(|case| {
                let (primary, fallback) = case.run().filter(|_| case.complete())?.answers()?;
                Some(ReviewedSample {
                    sample: case.sample.id.clone(),
                    class: case.sample.class,
                    primary: primary.as_ref().clone(),
                    fallback: fallback.as_ref().clone(),
                    side_a: case.side_a,
                    judgement: case.judgement,
                    note: case.note.clone(),
                })
            })
            .collect()
    }

    /// How many samples were judged how, without a look at their texts.
    #[must_use]
    pub fn tally(&self) -> Tally {
        let ready = |case: &&Case| case.edited.is_none() && case.complete();
        let compared = self.cases.iter().filter(ready).count();
        Tally::counting(compared, self.cases.iter().filter_map(Case::counted))
    }

    /// How it will be recorded.
    #[must_use]
    pub const fn recorded_as(&self) -> ReviewMode {
        match (self.mode, self.incident) {
            (Mode::Blind, _) => ReviewMode::Blind,
            (Mode::Open, false) => ReviewMode::Open,
            (Mode::Open, true) => ReviewMode::OpenUnderIncident,
        }
    }

    /// The samples that have not been asked, or not to both answers.
    pub fn unasked(&self) -> impl Iterator<Item = &SampleId> {
        self.cases
            .iter()
            .filter(|case| !case.complete() && !case.running())
            .map(|case| &case.sample.id)
    }
}

/// What would be compared now.
fn basis(catalog: &Catalog, workload: &WorkloadName) -> Option<Basis> {
    Basis::now(catalog, catalog.workloads.get(workload)?)
}

/// A verdict in terms of routes.
const fn judgement(said: Said, side_a: Place) -> Judgement {
    match (said, side_a) {
        (Said::Same, _) => Judgement::Same,
        (Said::BothBad, _) => Judgement::BothBad,
        (Said::BothUnsafe, _) => Judgement::BothUnsafe,
        (Said::Better(Side::A), Place::Primary) | (Said::Better(Side::B), Place::Fallback) => {
            Judgement::PrimaryBetter
        }
        (Said::Better(Side::A), Place::Fallback) | (Said::Better(Side::B), Place::Primary) => {
            Judgement::FallbackBetter
        }
        (Said::Unsafe(Side::A), Place::Primary) | (Said::Unsafe(Side::B), Place::Fallback) => {
            Judgement::PrimaryUnsafe
        }
        (Said::Unsafe(Side::A), Place::Fallback) | (Said::Unsafe(Side::B), Place::Primary) => {
            Judgement::FallbackUnsafe
        }
    }
}
